"""Named arrays in checkpoints, .npz and .safetensors: what is written is read, what is damaged is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
import uuid
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import noria
from noria import dtypes
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError
from noria.formats import files
from noria.formats.checkpoint_dir import write_state
from noria.formats.npz import NpzFile, write_npz
from noria.formats.safetensors import SafetensorsFile, can_hold, write_safetensors
from noria.formats.weights import open_weights

ARRAYS: dict[str, npt.NDArray[Any]] = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "swapped": np.array([1.5, -2], ">f8"),
    "step": np.array(7, np.int64),
    "empty": np.zeros((0, 5), np.float32),
    "flags": np.array([True, False]),
}
DAMAGE = (DataLossError, InvalidArgumentError)


def same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> bool:
    wanted = expected.dtype.newbyteorder("=")
    return (
        found.dtype.newbyteorder("=") == wanted
        and found.shape == expected.shape
        and found.tolist() == expected.tolist()
    )


def check(found: Any) -> None:
    assert set(found) == set(ARRAYS)
    assert len(found) == len(ARRAYS)
    for name, array in ARRAYS.items():
        assert same(found[name], array), name
    with pytest.raises(NotFoundError, match="'none' is not in"):
        found["none"]


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else str(tmp_path)


def test_checkpoints_by_every_name(folder: str) -> None:
    prefix = files.join(folder, "m-1")
    noria.save_checkpoint(prefix, ARRAYS)
    for name in (prefix, f"{prefix}.index", f"{prefix}.data-00000-of-00001", f"{prefix}.meta"):
        check(noria.load_checkpoint(name))
    with pytest.raises(NotFoundError, match="a folder without a 'checkpoint' file"):
        noria.load_checkpoint(folder)
    write_state(folder, prefix)
    check(noria.load_checkpoint(folder))
    noria.save_checkpoint(files.join(folder, "model", "variables", "variables"), ARRAYS)
    check(open_weights(files.join(folder, "model")))
    with pytest.raises(NotFoundError, match="no checkpoint"):
        noria.load_checkpoint(files.join(folder, "m-2"))


def test_a_checkpoint_is_saved_over_itself(tmp_path: Path) -> None:
    noria.save_checkpoint(tmp_path / "m", ARRAYS)
    noria.save_checkpoint(tmp_path / "m", noria.load_checkpoint(tmp_path / "m"))
    check(noria.load_checkpoint(tmp_path / "m"))


@pytest.mark.parametrize("layout", ["plain", "transposed", "swapped"])
def test_saving_makes_no_second_copy(tmp_path: Path, layout: str) -> None:
    array = np.zeros((4096, 2048), ">f4" if layout == "swapped" else np.float32)
    if layout == "transposed":
        array = array.T
    for write, name in ((noria.save_checkpoint, "m"), (write_safetensors, "s.safetensors"), (write_npz, "z.npz")):
        tracemalloc.start()
        write(tmp_path / name, {"x": array})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < array.nbytes / 2, name


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_other_files(folder: str, kind: str) -> None:
    path = files.join(folder, f"w.{kind}")
    (write_npz if kind == "npz" else write_safetensors)(path, ARRAYS)
    found = open_weights(path)
    check(found)
    if not files.is_url(folder):
        assert files.locate(found["dense/kernel"]) is not None, "a view of the mapped file"
    first = files.read_bytes(path)
    (write_npz if kind == "npz" else write_safetensors)(path, found)
    assert files.read_bytes(path) == first


def test_numpy_reads_ours_and_we_read_numpys(tmp_path: Path) -> None:
    words = np.array([b"a", b"longer", b""], object)
    write_npz(tmp_path / "w.npz", ARRAYS | {"words": words})
    with np.load(tmp_path / "w.npz", allow_pickle=False) as found:
        assert all(same(found[name], array) for name, array in ARRAYS.items())
        assert found["words"].tolist() == words.tolist()
    np.savez_compressed(tmp_path / "c.npz", **ARRAYS)  # type: ignore[arg-type]
    check(open_weights(tmp_path / "c.npz"))
    np.savez(tmp_path / "s.npz", **ARRAYS)  # type: ignore[arg-type]
    check(open_weights(tmp_path / "s.npz"))


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if not d.numpy.hasobject], ids=repr)
def test_dtypes_of_safetensors(tmp_path: Path, dtype: dtypes.DType) -> None:
    array = np.array([[0, 1], [1, 1]]).astype(np.float32).astype(dtype.numpy)
    path = tmp_path / "w.safetensors"
    if not can_hold(dtype):
        with pytest.raises(InvalidArgumentError, match=r"'x' of dtype .* cannot stand in a safetensors file"):
            write_safetensors(path, {"x": array})
        assert not path.exists()
        return
    write_safetensors(path, {"x": array}, {"made": "here"})
    found = SafetensorsFile(path)
    assert same(found["x"], array)
    assert found.metadata == {"made": "here"}
    assert found.shape("x") == (2, 2)


def test_what_the_files_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="'x' is bfloat16"):
        write_npz(tmp_path / "w.npz", {"x": np.zeros(2, dtypes.bfloat16.numpy)})
    with pytest.raises(InvalidArgumentError, match="end in a zero byte"):
        write_npz(tmp_path / "w.npz", {"x": np.array([b"a\0"], object)})
    with pytest.raises(InvalidArgumentError, match="a name of its own"):
        write_safetensors(tmp_path / "w.safetensors", {"__metadata__": np.zeros(1)})
    with pytest.raises(InvalidArgumentError, match="UTF-8"):
        write_safetensors(tmp_path / "w.safetensors", {"\udcff": np.zeros(1)})
    assert list(tmp_path.iterdir()) == []


def header(**changes: Any) -> dict[str, Any]:
    return {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes}


def build(content: Any, data: bytes = bytes(8)) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are too few"),
        (b"\xff" * 8, "a header of 18446744073709551615 bytes"),
        (build(b" {}"), "does not begin with {"),
        (build(b"{"), "no JSON object"),
        (build(b'{"a":' * 100000), "no JSON object"),
        (build(b'{"x":1,"x":2}'), "stands there twice"),
        (build({"x": 3}), "no dtype, shape and data_offsets"),
        (build({"__metadata__": {"a": 1}}, b""), "__metadata__ is not an object of texts"),
        (build(header(shape=[-2])), "of the wrong kind"),
        (build(header(shape=[True])), "of the wrong kind"),
        (build(header(shape=[2.0])), "of the wrong kind"),
        (build(header(shape=[1 << 70])), "of the wrong kind"),
        (build(header(shape=[1 << 40])), "8 bytes for F32"),
        (build(header(shape=[1] * 65)), "bytes 0 to 8 of 8"),
        (build(header(data_offsets=[0, 80])), "bytes 0 to 80 of 8"),
        (build(header(data_offsets=[8, 0])), "bytes 8 to 0"),
        (build(header(data_offsets=[0, 4])), "4 bytes for F32"),
        (build(header(), bytes(9)), "take 8 bytes, the file holds 9"),
        (build(header() | {"y": header()["x"]}), "overlap"),
    ],
)
def test_damaged_safetensors(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataLossError, match=message):
        SafetensorsFile(path)


def test_a_dtype_that_tensorflow_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(build(header(dtype="F8_E8M0", shape=[8])))
    with pytest.raises(UnimplementedError, match="has dtype F8_E8M0; known are BOOL"):
        SafetensorsFile(path)["x"]


def test_every_damaged_byte_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, a=np.arange(3), b=np.array([b"xy"]))
        content = path.read_bytes()
        for at in range(len(content)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x21]) + content[at + 1 :])
            try:
                found = {name: array.tolist() for name, array in NpzFile(path).items()}
            except (*DAMAGE, NotFoundError):
                continue
            assert all(values in ([0, 1, 2], [b"xy"]) for values in found.values())


def test_pickles_and_bombs_in_archives(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, x=np.array([{}], object))
    with pytest.raises(InvalidArgumentError, match="a pickle is never read"):
        NpzFile(path)["x"]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }\n"
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    with pytest.raises(DataLossError, match="bytes for float64 of shape"):
        NpzFile(path)["x"]


def test_the_public_functions_need_no_engine() -> None:
    code = "import sys, noria; noria.load_checkpoint; print([m for m in ('onnxruntime', 'onnx') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
