"""Checkpoints: what we write we read, slices come together, and damage gives one clear error."""

from __future__ import annotations

import tracemalloc
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noria import dtypes
from noria.errors import (
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)
from noria.formats import coding, files
from noria.formats.bundle import BundleReader, BundleWriter, write_bundle
from noria.formats.checkpoint import checkpoint_exists, open_checkpoint
from noria.formats.table import TableReader, TableWriter
from noria.protos.tensorflow import BundleEntryProto, BundleHeaderProto, VariantTensorDataProto

PLAIN = [d for d in dtypes.ALL if not d.numpy.hasobject]
ALLOWED = (DataLossError, InvalidArgumentError, NotFoundError)


def strings(*values: bytes) -> npt.NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array


TENSORS: dict[str, npt.NDArray[Any]] = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "dense/bias": np.array([1, 2, 3, 4], np.float64),
    "step": np.array(7, np.int64),
    "empty": np.zeros((0, 5), np.float32),
    "names": strings(b"a", b"", b"longer\0bytes"),
    "no names": strings(),
}


def write(prefix: str) -> None:
    with BundleWriter(prefix) as writer:
        for name, array in TENSORS.items():
            writer.add(name, array)
        part = np.arange(20, dtype=np.int32).reshape(5, 4)
        writer.add_slice("parts", (5, 4), ((0, 2), (0, -1)), part[:2])
        writer.add_slice("parts", (5, 4), ((2, 3), (0, -1)), part[2:])


EXPECTED = TENSORS | {"parts": np.arange(20, dtype=np.int32).reshape(5, 4)}


def same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> bool:
    return found.dtype == expected.dtype and found.shape == expected.shape and found.tolist() == expected.tolist()


@pytest.mark.parametrize("memory", [False, True])
def test_round_trip(tmp_path: Path, memory: bool) -> None:
    prefix = f"memory://{uuid.uuid4().hex}/v" if memory else str(tmp_path / "v")
    write(prefix)
    assert checkpoint_exists(prefix)
    reader = open_checkpoint(prefix)
    assert set(reader) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        assert same(reader[name], expected), name
        assert reader.entry(name).shape == expected.shape
    assert (files.locate(reader["dense/kernel"]) is None) == memory


@pytest.mark.parametrize("dtype", PLAIN, ids=repr)
def test_every_dtype(tmp_path: Path, dtype: dtypes.DType) -> None:
    array = np.array([0, 1, 1]).astype(np.float32).astype(dtype.numpy)
    with BundleWriter(tmp_path / "v") as writer:
        writer.add("x", array, dtype)
    reader = BundleReader(tmp_path / "v")
    assert reader.entry("x").dtype is dtype
    assert same(reader["x"], array)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4), max_size=6))
@settings(max_examples=40, deadline=None)
def test_any_names_and_values(tensors: dict[str, list[int]]) -> None:
    tensors = {name: v for name, v in tensors.items() if not name.startswith("\0")}
    prefix = f"memory://{uuid.uuid4().hex}/v"
    write_bundle(prefix, {name: np.array(v, np.int64) for name, v in tensors.items()})
    assert {name: array.tolist() for name, array in BundleReader(prefix).items()} == tensors


def test_values_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    write_bundle(tmp_path / "v", {"pad": np.zeros(3, np.uint8), "x": np.arange(100, dtype=np.float32)})
    array = BundleReader(tmp_path / "v")["x"]
    assert files.locate(array) == (f"{tmp_path}/v.data-00000-of-00001", 3)
    assert not array.flags.writeable


def test_variants(tmp_path: Path) -> None:
    values = np.empty(2, object)
    values[:] = [VariantTensorDataProto(type_name="a"), VariantTensorDataProto(type_name="b", metadata=b"x")]
    with BundleWriter(tmp_path / "v") as writer:
        writer.add("x", values, dtypes.variant)
    reader = BundleReader(tmp_path / "v")
    assert reader["x"].tolist() == values.tolist()
    data = tmp_path / "v.data-00000-of-00001"
    content = data.read_bytes()
    for at in range(len(content)):
        data.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(DataLossError, match=r"tensor 'x' at 0"):
            BundleReader(tmp_path / "v")["x"]


def test_read_slice(tmp_path: Path) -> None:
    write(str(tmp_path / "v"))
    reader = BundleReader(tmp_path / "v")
    full = EXPECTED["parts"]
    assert same(reader.read_slice("parts", ""), full)
    assert same(reader.read_slice("parts", "5 4 "), full)
    assert same(reader.read_slice("parts", "5 4 1,3:1,2"), full[1:4, 1:3])
    assert same(reader.read_slice("parts", "5 4 2,3:-"), full[2:])
    assert files.locate(reader.read_slice("parts", "5 4 2,3:-")) is not None
    kernel = EXPECTED["dense/kernel"]
    assert same(reader.read_slice("dense/kernel", "3 4 -:2,2"), kernel[:, 2:])
    assert same(reader.read_slice("step", ""), EXPECTED["step"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("5 5 0,1:-", r"has shape \[5, 4\]; the slice '5 5 0,1:-' is of a tensor of shape \[5, 5\]"),
        ("5 4 0,6:-", "slice 0,6 of a dimension of size 5"),
        ("5 4 -", "2 dimensions, 1 slices"),
        ("5 x -:-", "expected e.g."),
        ("5 4 1:-", "is not start,length"),
        ("5 4 -1,2:-", "is not start,length"),
        ("-5 4 ", "negative dimension"),
    ],
)
def test_wrong_slices(tmp_path: Path, spec: str, message: str) -> None:
    write(str(tmp_path / "v"))
    with pytest.raises(InvalidArgumentError, match=message):
        BundleReader(tmp_path / "v").read_slice("parts", spec)


def test_names_that_are_not_there(tmp_path: Path) -> None:
    write(str(tmp_path / "v"))
    with pytest.raises(NotFoundError, match=r"'dense/kernl' is not in checkpoint .*near names: dense/kernel"):
        BundleReader(tmp_path / "v")["dense/kernl"]
    with pytest.raises(NotFoundError, match=r"no checkpoint: neither w\.index nor a V1 file.*the folder holds v"):
        open_checkpoint(tmp_path / "w")
    (tmp_path / "v.data-00000-of-00001").unlink()
    with pytest.raises(NotFoundError, match=r"v\.data-00000-of-00001: no such file"):
        BundleReader(tmp_path / "v")["step"]


def test_writer_refuses(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path / "v")
    with pytest.raises(FailedPreconditionError, match="inside its with block"):
        writer.add("x", 1)
    with writer:
        writer.add("x", np.float32(1))
        with pytest.raises(InvalidArgumentError, match="Adding duplicate key: x"):
            writer.add("x", np.float32(1))
        with pytest.raises(InvalidArgumentError, match="another dtype or shape, or whole"):
            writer.add_slice("x", (2,), ((0, 1),), np.zeros(1, np.float32))
        with pytest.raises(InvalidArgumentError, match="shape"):
            writer.add_slice("y", (4,), ((0, 2),), np.zeros(3, np.float32))
        with pytest.raises(UnimplementedError, match="resource cannot be stored"):
            writer.add("z", np.array([None]), dtypes.resource)
    assert list(BundleReader(tmp_path / "v")) == ["x"]


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with BundleWriter(tmp_path / "v") as writer:
            writer.add("x", np.float32(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def read_all(prefix: Path) -> str | None:
    """None when every value is right, otherwise the error's text; anything but the allowed errors comes through."""
    try:
        reader = open_checkpoint(prefix)
        found = {name: reader[name] for name in reader}
    except ALLOWED as error:
        return str(error)
    assert set(found) == set(EXPECTED)
    assert all(same(found[name], EXPECTED[name]) for name in found)
    return None


def test_every_damaged_byte_of_the_index(tmp_path: Path) -> None:
    write(str(tmp_path / "v"))
    index = tmp_path / "v.index"
    content = index.read_bytes()
    for at in range(len(content)):
        index.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        message = read_all(tmp_path / "v")
        assert message is None or "v.index: " in message
    for size in range(len(content)):
        index.write_bytes(content[:size])
        message = read_all(tmp_path / "v")
        assert message is not None
        assert message.startswith(f"{index}: damaged table")


def test_every_damaged_byte_of_the_data(tmp_path: Path) -> None:
    write(str(tmp_path / "v"))
    data = tmp_path / "v.data-00000-of-00001"
    content = data.read_bytes()
    for at in range(len(content)):
        data.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        message = read_all(tmp_path / "v")
        assert message is not None
        assert message.startswith(f"{data}: tensor ")
    for size in range(len(content)):
        data.write_bytes(content[:size])
        message = read_all(tmp_path / "v")
        assert message is not None
        assert "do not fit the file" in message


def rewrite(prefix: Path, change: Any) -> None:
    """Write the index again, with good checksums, after ``change(header, entries)``."""
    index = f"{prefix}.index"
    entries = {k: BundleEntryProto.FromString(v) for k, v in TableReader(files.map_bytes(index), index) if k}
    header = BundleHeaderProto(num_shards=1)
    change(header, entries)
    with files.atomic_writer(index) as file:
        table = TableWriter(file.write)
        table.add(b"", header.SerializeToString())
        for key in sorted(entries):
            table.add(key, entries[key].SerializeToString())
        table.finish()


KERNEL = b"dense/kernel"


def _dims(entry: BundleEntryProto, *dims: int) -> None:
    del entry.shape.dim[:]
    for size in dims:
        entry.shape.dim.add(size=size)


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        (lambda h, e: setattr(e[KERNEL], "size", 1 << 60), "dense/kernel", "do not fit the file"),
        (lambda h, e: setattr(e[KERNEL], "offset", -8), "dense/kernel", "do not fit the file"),
        (lambda h, e: setattr(e[KERNEL], "size", 44), "dense/kernel", "12 elements of float32 take 48"),
        (lambda h, e: setattr(e[KERNEL], "shard_id", 3), "dense/kernel", "lies in shard 3 of 1"),
        (lambda h, e: setattr(e[KERNEL], "crc32c", 5), "dense/kernel", "its crc32c is"),
        (lambda h, e: setattr(e[KERNEL], "dtype", 77), "dense/kernel", "77 is not a TensorFlow DataType"),
        (lambda h, e: _dims(e[KERNEL], 1 << 40, 1 << 40), "dense/kernel", "elements of float32 take"),
        (lambda h, e: _dims(e[KERNEL], -3, -4), "dense/kernel", "is not that of a stored tensor"),
        (lambda h, e: _dims(e[b"empty"], 0, 1 << 62, 1 << 62), "empty", "shape"),
        (lambda h, e: _dims(e[b"names"], 1 << 50), "names", "too few for"),
        (lambda h, e: _dims(e[b"names"], 2), "names", "the checksum of its string lengths"),
        (lambda h, e: _dims(e[b"parts"], 1 << 30, 1 << 30), "parts", "has no entry|more than the files hold"),
        (lambda h, e: _dims(e[b"parts"], 4, 4), "parts", "slice 2,3 of a dimension of size 4"),
        (lambda h, e: _dims(e[b"parts"], 6, 4), "parts", "4 of 24 elements are in none of its slices"),
        (lambda h, e: e[b"parts"].slices.append(e[b"parts"].slices[0]), "parts", "slices overlap"),
        (lambda h, e: e[b"parts"].slices[0].extent[0].ClearField("start"), "parts", None),
        (lambda h, e: setattr(e[b"parts"].slices[0].extent[0], "start", 1), "parts", "has no entry"),
        (lambda h, e: setattr(h, "num_shards", 0), "step", "a header of 0 shards"),
        (lambda h, e: setattr(h, "num_shards", 1 << 30), "step", r"data-00000-of-1073741824: no such file"),
    ],
)
def test_absurd_entries(tmp_path: Path, change: Any, name: str, message: str | None) -> None:
    write(str(tmp_path / "v"))
    rewrite(tmp_path / "v", change)
    if message is None:
        assert same(BundleReader(tmp_path / "v")[name], EXPECTED[name])
        return
    tracemalloc.start()
    try:
        with pytest.raises(ALLOWED, match=message):
            BundleReader(tmp_path / "v")[name]
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_slices_of_the_same_bytes_do_not_add_up(tmp_path: Path) -> None:
    """A thousand slices that share one region would make a large tensor of a small file."""
    with BundleWriter(tmp_path / "v") as writer:
        for i in range(50):
            writer.add_slice("x", (50, 100), ((i, 1), (0, -1)), np.zeros((1, 100), np.float32))

    def share(header: BundleHeaderProto, entries: dict[bytes, BundleEntryProto]) -> None:
        for key, entry in entries.items():
            if key.startswith(b"\0"):
                entry.offset = 0

    rewrite(tmp_path / "v", share)
    data = tmp_path / "v.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:400])
    with pytest.raises(DataLossError, match="more than the files hold"):
        BundleReader(tmp_path / "v")["x"]


def test_newer_versions_are_refused(tmp_path: Path) -> None:
    write(str(tmp_path / "v"))
    rewrite(tmp_path / "v", lambda h, e: setattr(h.version, "min_consumer", 9))
    with pytest.raises(FailedPreconditionError, match="a reader of version 9"):
        BundleReader(tmp_path / "v")


def test_big_endian(tmp_path: Path) -> None:
    """Bytes and checksums as a big-endian machine writes them."""
    array = np.arange(4, dtype=np.int32)
    write_bundle(tmp_path / "v", {"x": array, "s": strings(b"ab")})
    stored = array.astype(">i4").tobytes()
    lengths = (2).to_bytes(4, "big")
    checksum = coding.mask(coding.crc32c(lengths)).to_bytes(4, "big")
    (tmp_path / "v.data-00000-of-00001").write_bytes(stored + b"\2" + checksum + b"ab")

    def swap(header: BundleHeaderProto, entries: dict[bytes, BundleEntryProto]) -> None:
        header.endianness = BundleHeaderProto.BIG
        entries[b"x"].crc32c = coding.mask(coding.crc32c(stored))
        entries[b"s"].crc32c = coding.mask(coding.crc32c(lengths + checksum + b"ab"))

    rewrite(tmp_path / "v", swap)
    reader = BundleReader(tmp_path / "v")
    assert reader["x"].tolist() == [0, 1, 2, 3]
    assert reader["s"].tolist() == [b"ab"]


def test_every_shared_checkpoint_is_read(shared_models: Path) -> None:
    count = 0
    for index in shared_models.rglob("*.index"):
        reader = open_checkpoint(str(index).removesuffix(".index"))
        for name in reader:
            entry = reader.entry(name)
            assert reader[name].shape == entry.shape
        count += 1
    assert count > 90


def test_values_of_the_zoo_checkpoints(shared_models: Path) -> None:
    """Against what TensorFlow read from them; one of these checkpoints is V1."""
    compared = 0
    for golden in shared_models.glob("zoo/*/golden/variables.npz"):
        folder = golden.parents[1] / "model"
        prefixes = [str(i).removesuffix(".index") for i in folder.rglob("*.index")] + [
            *map(str, folder.rglob("export"))
        ]
        if not prefixes:
            continue  # an h5 model
        prefix = prefixes[0]
        reader = open_checkpoint(prefix)
        with np.load(golden) as expected:
            for key in expected.files:
                name = key.removeprefix("out_").replace("|", "/")
                if name in reader:
                    np.testing.assert_array_equal(reader[name], expected[key], err_msg=f"{prefix} {name}")
                    compared += 1
    assert compared > 20
