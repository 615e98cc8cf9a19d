"""TFRecord files, plain and compressed, and their damage."""

from __future__ import annotations

import gzip
import tracemalloc
import uuid
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noria.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from noria.formats import coding, files
from noria.formats.record import Compression, RecordWriter, encode_record, read_records

RECORDS = [b"one", b"", b"three" * 20, bytes(range(128, 168))]
KINDS: list[Compression] = ["", "GZIP", "ZLIB"]


def write(path: str, records: list[bytes], compression: Compression = "") -> None:
    with RecordWriter(path, compression) as writer:
        for record in records:
            writer.write(record)


@given(st.lists(st.binary(max_size=50), max_size=5), st.sampled_from(KINDS), st.booleans())
@settings(max_examples=50, deadline=None)
def test_round_trip(records: list[bytes], compression: Compression, told: bool) -> None:
    path = f"memory://{uuid.uuid4().hex}"
    write(path, records, compression)
    assert list(read_records(path, compression if told else None)) == records


def test_gzip_files_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(b"".join(gzip.compress(encode_record(r)) for r in RECORDS))
    assert list(read_records(path)) == RECORDS


@pytest.mark.parametrize("compression", KINDS)
def test_every_damaged_byte_and_truncation(tmp_path: Path, compression: Compression) -> None:
    path = tmp_path / "r"
    write(str(path), RECORDS, compression)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
        read_or_refuse(path, compression)
        path.write_bytes(content[:at])
        read_or_refuse(path, compression)


def read_or_refuse(path: Path, compression: Compression) -> None:
    found: list[bytes] = []
    try:
        found.extend(read_records(path, compression))
    except DataLossError as error:
        message = str(error)
        assert found == RECORDS[: len(found)]
    else:
        # A flipped bit in a gzip header changes nothing; a cut between two plain records cannot be seen.
        assert found == RECORDS[: len(found)]
        return
    assert message.startswith(f"{path}: ")


def test_absurd_lengths_allocate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r"
    for size, message in ((1 << 30, "cut short: 3 bytes are left"), (1 << 62, "at most 2147483647")):
        length = size.to_bytes(8, "little")
        content = length + coding.mask(coding.crc32c(length)).to_bytes(4, "little") + b"abc"
        for compressed in (content, zlib.compress(content)):
            path.write_bytes(compressed)
            tracemalloc.start()
            with pytest.raises(DataLossError, match=message):
                list(read_records(path))
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
            tracemalloc.stop()


def test_misuse(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="unknown compression 'LZ4'"):
        RecordWriter(tmp_path / "r", "LZ4")  # type: ignore[arg-type]
    with pytest.raises(FailedPreconditionError, match="inside its with block"):
        RecordWriter(tmp_path / "r").write(b"")
    with pytest.raises(NotFoundError):
        list(read_records(tmp_path / "none"))
    assert not files.exists(tmp_path / "r")
