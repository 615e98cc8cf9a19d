"""V1 checkpoints, made here table by table; the one real V1 file is read in test_bundle and in tests/oracle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from noria import dtypes
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError
from noria.formats import files, tensor_slice
from noria.formats.checkpoint import open_checkpoint
from noria.formats.checkpoint_v1 import CheckpointV1Reader
from noria.formats.table import TableWriter
from noria.formats.tensor_proto import from_array
from noria.formats.tensor_slice import Extents
from noria.protos.tensorflow import SavedTensorSlices

Stored = list[tuple[str, tuple[int, ...], Extents, npt.NDArray[Any]]]


def write(path: Path, stored: Stored) -> None:
    """A V1 table of slices: (name, full shape, extents, values)."""
    header = SavedTensorSlices()
    entries = {}
    for name, shape, extents, values in stored:
        meta = next((t for t in header.meta.tensor if t.name == name), None)
        if meta is None:
            meta = header.meta.tensor.add(name=name, type=dtypes.from_numpy(values.dtype).number)
            for size in shape:
                meta.shape.dim.add(size=size)
        meta.slice.append(tensor_slice.to_proto(extents))
        piece = SavedTensorSlices()
        piece.data.name = name
        piece.data.slice.CopyFrom(tensor_slice.to_proto(extents))
        piece.data.data.CopyFrom(from_array(values))
        piece.data.data.ClearField("dtype")
        piece.data.data.ClearField("tensor_shape")
        entries[tensor_slice.encode_key(name.encode(), extents)] = piece.SerializeToString()
    with files.atomic_writer(path) as file:
        table = TableWriter(file.write)
        table.add(b"", header.SerializeToString())
        for key in sorted(entries):
            table.add(key, entries[key])
        table.finish()


FULL = np.arange(12, dtype=np.float32).reshape(4, 3)
WHOLE: Extents = ((0, -1), (0, -1))
TEXT = np.array([b"a", b"\0b"], object)
STORED: Stored = [
    ("w", (4, 3), ((0, 1), (0, -1)), FULL[:1]),
    ("w", (4, 3), ((1, 3), (0, -1)), FULL[1:]),
    ("v", (4, 3), WHOLE, FULL.astype(np.float16)),
    ("c", (), (), np.array(1 + 2j, np.complex64)),
    ("s", (2,), ((0, -1),), TEXT),
    ("b", (2,), ((0, -1),), np.array([-1, 5], np.int8)),
]


def check(prefix: Path) -> None:
    reader = open_checkpoint(prefix)
    assert isinstance(reader, CheckpointV1Reader)
    assert sorted(reader) == ["b", "c", "s", "v", "w"]
    np.testing.assert_array_equal(reader["w"], FULL)
    np.testing.assert_array_equal(reader["v"], FULL.astype(np.float16))
    assert reader["c"].item() == 1 + 2j
    assert reader["s"].tolist() == TEXT.tolist()
    assert reader["b"].tolist() == [-1, 5]
    np.testing.assert_array_equal(reader.read_slice("w", "4 3 0,2:1,2"), FULL[:2, 1:])


def test_one_file(tmp_path: Path) -> None:
    write(tmp_path / "model.ckpt", STORED)
    check(tmp_path / "model.ckpt")


def test_many_files(tmp_path: Path) -> None:
    write(tmp_path / "model.ckpt-00000-of-00002", STORED[:1] + STORED[3:])
    write(tmp_path / "model.ckpt-00001-of-00002", STORED[1:3])
    check(tmp_path / "model.ckpt")
    check(tmp_path / "model.ckpt-?????-of-00002")
    (tmp_path / "model.ckpt-00001-of-00002").unlink()
    with pytest.raises(DataLossError, match="9 of 12 elements are in none of its slices"):
        open_checkpoint(tmp_path / "model.ckpt")["w"]


def test_every_damaged_byte(tmp_path: Path) -> None:
    path = tmp_path / "m"
    write(path, STORED)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        try:
            reader = open_checkpoint(path)
            np.testing.assert_array_equal(reader["w"], FULL)
            assert reader["s"].tolist() == TEXT.tolist()
        except (DataLossError, InvalidArgumentError, NotFoundError) as error:
            message = str(error)
        else:
            continue
        assert message.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ([("w", (1 << 40,), ((0, -1),), np.zeros(3, np.float32))], "3 values for a slice of shape"),
        ([("w", (1 << 40,), ((0, 2),), np.zeros(2, np.float32))], "more than the files hold"),
        ([("w", (3,), ((2, 2),), np.zeros(2, np.float32))], "slice 2,2 of a dimension of size 3"),
        ([("w", (-1,), ((0, 2),), np.zeros(2, np.float32))], "is not that of a stored tensor"),
    ],
)
def test_absurd_tables(tmp_path: Path, stored: Stored, message: str) -> None:
    write(tmp_path / "m", stored)
    with pytest.raises(DataLossError, match=re.escape(message)):
        open_checkpoint(tmp_path / "m")["w"]
