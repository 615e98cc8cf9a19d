"""Bundles made one: shards and slices come together, what contradicts itself is refused and left as it was."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria.errors import InvalidArgumentError
from noria.formats import files
from noria.formats.bundle import BundleReader, BundleWriter, index_path, read_index, write_bundle, write_index
from noria.formats.bundle_merge import merge_bundles
from noria.formats.tensor_slice import encode_key, key_name

FULL = np.arange(20, dtype=np.float32).reshape(5, 4)


def write_part(prefix: str, start: int, stop: int, shape: tuple[int, ...] = (5, 4), dtype: Any = np.float32) -> None:
    with BundleWriter(prefix) as writer:
        writer.add_slice("w", shape, ((start, stop - start), (0, -1)), FULL[start:stop].astype(dtype))
        writer.add(f"b{start}", np.int64(start))


@pytest.mark.parametrize("memory", [False, True])
def test_slices_of_all_parts(tmp_path: Path, memory: bool) -> None:
    folder = f"memory://{uuid.uuid4().hex}" if memory else str(tmp_path)
    parts = [files.join(folder, "temp", f"part-{i}") for i in range(3)]
    for part, (start, stop) in zip(parts, [(0, 1), (1, 3), (3, 5)], strict=True):
        write_part(part, start, stop)
    merge_bundles(parts, files.join(folder, "m"), delete_old_dirs=True)
    reader = BundleReader(files.join(folder, "m"))
    assert reader["w"].tolist() == FULL.tolist()
    assert [int(reader[f"b{i}"]) for i in (0, 1, 3)] == [0, 1, 3]
    names = [f"m.data-{i:05d}-of-00003" for i in range(3)] + ["m.index"]
    assert [name for name in files.walk(folder) if not name.endswith("/")] == names


def test_a_merged_bundle_is_merged_again(tmp_path: Path) -> None:
    for i in range(3):
        write_bundle(tmp_path / f"p{i}", {f"x{i}": np.arange(i)})
    merge_bundles([tmp_path / "p0", tmp_path / "p1"], tmp_path / "m")
    merge_bundles([tmp_path / "m", tmp_path / "p2"], tmp_path / "n")
    assert {name: array.tolist() for name, array in BundleReader(tmp_path / "n").items()} == {
        "x0": [],
        "x1": [0],
        "x2": [0, 1],
    }
    merge_bundles([tmp_path / "n"], tmp_path / "n")
    assert len(BundleReader(tmp_path / "n")) == 3


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"x": np.zeros(1)}, "Duplicate tensor keyed by x encountered, when merging prefix"),
        ({"w": np.zeros(1)}, "Duplicate tensor keyed by w encountered"),
        ((0, 1), "Duplicate tensor keyed by a slice of w encountered"),
        ((1, 5, (6, 4)), "dtype or shape of .* differs from that of the parts before"),
        ((1, 5, (5, 4), np.float64), "dtype or shape of .* differs"),
    ],
)
def test_contradictions(tmp_path: Path, second: Any, message: str) -> None:
    write_bundle(tmp_path / "c", {"x": np.ones(2)})
    write_part(str(tmp_path / "a"), 0, 1)
    if isinstance(second, dict):
        write_bundle(tmp_path / "b", second)
    else:
        write_part(str(tmp_path / "b"), *second)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InvalidArgumentError, match=message):
        merge_bundles([tmp_path / "c", tmp_path / "a", tmp_path / "b"], tmp_path / "m")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_data_files_never_overwrite_each_other(tmp_path: Path) -> None:
    """A bundle whose entries name its second shard first, merged in place, would lose one of them."""
    for i in range(2):
        write_bundle(tmp_path / f"p{i}", {f"x{i}": np.arange(3) + i})
    merge_bundles([tmp_path / "p1", tmp_path / "p0"], tmp_path / "m")
    header, entries = read_index(index_path(tmp_path / "m"))
    assert header.num_shards == 2
    with pytest.raises(InvalidArgumentError, match="would overwrite each other; merge elsewhere"):
        merge_bundles([tmp_path / "m"], tmp_path / "m")
    assert BundleReader(tmp_path / "m")["x1"].tolist() == [1, 2, 3]
    with files.atomic_writer(tmp_path / "big.index") as file:
        write_index(file, dict(entries), shards=2, byte_order=1)
    with pytest.raises(InvalidArgumentError, match="conflicting endianness"):
        merge_bundles([tmp_path / "m", tmp_path / "big"], tmp_path / "n")


@pytest.mark.parametrize("name", [b"w", b"a/b", b"\0\xff", b"\xff\0\x01", "é".encode()])
def test_names_in_keys_of_slices(name: bytes) -> None:
    assert key_name(encode_key(name, ((0, -1), (3, 200)))) == name
