"""The sorted string table: round trips, compressed blocks, and every way to be damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import coding, snappy
from noria.formats.table import FOOTER_SIZE, TableReader, TableWriter


def write(entries: dict[bytes, bytes], block_size: int = 64) -> bytes:
    pieces: list[bytes] = []
    writer = TableWriter(pieces.append, block_size=block_size)
    for key in sorted(entries):
        writer.add(key, entries[key])
    writer.finish()
    return b"".join(pieces)


def read(data: bytes) -> dict[bytes, bytes]:
    return dict(TableReader(np.frombuffer(data, np.uint8), "t.index"))


SAMPLE = {f"layer{i // 7}/weights_{i}".encode(): bytes([i]) * (i % 9) for i in range(60)}


@given(st.dictionaries(st.binary(max_size=8), st.binary(max_size=40)), st.sampled_from([1, 32, 1 << 18]))
@settings(deadline=None)
def test_round_trip(entries: dict[bytes, bytes], block_size: int) -> None:
    data = write(entries, block_size)
    assert read(data) == entries
    assert list(TableReader(np.frombuffer(data, np.uint8), "t")) == sorted(entries.items())


def test_keys_must_ascend() -> None:
    writer = TableWriter(lambda data: None)
    writer.add(b"b", b"")
    with pytest.raises(InvalidArgumentError, match="must come after b'b'"):
        writer.add(b"a", b"")


def test_every_flipped_byte_gives_the_values_or_data_loss() -> None:
    data = write(SAMPLE)
    for at in range(len(data)):
        for bit in (1, 0x80):
            damaged = bytearray(data)
            damaged[at] ^= bit
            try:
                values = read(bytes(damaged))
            except DataLossError as error:
                message = str(error)
            else:
                assert values == SAMPLE, at
                continue
            assert message.startswith("t.index: damaged table: ")


def test_every_truncation_is_data_loss() -> None:
    data = write(SAMPLE)
    for size in range(len(data)):
        with pytest.raises(DataLossError, match=r"t\.index: damaged table: footer"):
            read(data[:size])


def test_absurd_handle_is_data_loss() -> None:
    data = write(SAMPLE)
    handles = coding.put_varint(0) * 2 + coding.put_varint(1 << 60) + coding.put_varint(1 << 60)
    absurd = data[:-FOOTER_SIZE] + handles.ljust(40, b"\0") + data[-8:]
    with pytest.raises(DataLossError, match="do not fit the file"):
        read(absurd)


def one_block(content: bytes, kind: int) -> bytes:
    """A table of one data block as given, with good checksums."""

    def sealed(body: bytes, kind: int) -> bytes:
        body += bytes([kind])
        return body + coding.mask(coding.crc32c(body)).to_bytes(4, "little")

    pieces: list[bytes] = []
    index = TableWriter(pieces.append)
    index.add(b"\xff", coding.put_varint(0) + coding.put_varint(len(content)))
    index._flush()
    block = pieces[0][:-5]
    data = sealed(content, kind)
    footer = coding.put_varint(0) * 2 + coding.put_varint(len(data)) + coding.put_varint(len(block))
    return data + sealed(block, 0) + footer.ljust(40, b"\0") + write({})[-8:]


def test_snappy_blocks_are_read() -> None:
    plain = b"\0\1\x08a" + b"12341234" + b"\0\0\0\0\1\0\0\0"
    packed = coding.put_varint(len(plain)) + bytes([7 << 2]) + plain[:8] + bytes([0 << 2 | 1, 4])
    packed += bytes([7 << 2]) + plain[12:]
    assert snappy.decompress(packed) == plain
    assert read(one_block(packed, 1)) == {b"a": b"12341234"}


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "runs past the end"),
        (b"\x05\x00a", "claims 5 bytes and holds 1"),
        (b"\xff\xff\xff\xff\x0f\x00a", "claims 4294967295 bytes and holds 1"),
        (b"\x05\xf0", "literal that runs past the end"),
        (b"\x05\x10ab", "literal that runs past the end"),
        (b"\x05\x00a\x01", "copy that runs past the end"),
        (b"\x05\x00a\x01\x02", "from 2 bytes back, 1 bytes in"),
        (b"\x05\x00a\x02\x00\x00", "from 0 bytes back"),
    ],
)
def test_damaged_snappy(packed: bytes, message: str) -> None:
    with pytest.raises(coding.Malformed, match=message):
        snappy.decompress(packed)
    with pytest.raises(DataLossError, match=r"t\.index: damaged table: data block at 0"):
        read(one_block(packed, 1))


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (b"", 0, "restart points in 0 bytes"),
        (b"\0\0\0\x40", 0, "1073741824 restart points in 4 bytes"),
        (b"\5\1\1ab" + b"\0\0\0\0\1\0\0\0", 0, "shares 5"),
        (b"\0\1\x7fab" + b"\0\0\0\0\1\0\0\0", 0, r"adds 1 \+ 127 bytes"),
        (b"\0\1\0b\0\1\0a" + b"\0\0\0\0\1\0\0\0", 0, "out of order"),
        (b"x", 7, "compression type 7"),
    ],
)
def test_damaged_blocks(content: bytes, kind: int, message: str) -> None:
    with pytest.raises(DataLossError, match=message):
        read(one_block(content, kind))


@given(st.integers(0, (1 << 64) - 1))
def test_varints(value: int) -> None:
    data = coding.put_varint(value)
    assert coding.get_varint(data, 0, len(data)) == (value, len(data))
    assert coding.unmask(coding.mask(value & 0xFFFFFFFF)) == value & 0xFFFFFFFF


@pytest.mark.parametrize("data", [b"\x80" * 10 + b"\1", b"\xff" * 9 + b"\2", b"\x80"])
def test_malformed_varints(data: bytes) -> None:
    with pytest.raises(coding.Malformed):
        coding.get_varint(data, 0, len(data))
