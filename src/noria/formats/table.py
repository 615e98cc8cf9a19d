"""The sorted string table (``.index`` files of checkpoints, whole files of V1 checkpoints): keys in order with values.

file    := data block* metaindex block index block footer
block   := content  type (1 byte: 0 plain, 1 snappy)  masked crc32c of content and type (fixed32)
content := entry*  restart offset (fixed32)*  number of restarts (fixed32)
entry   := varint(shared) varint(unshared) varint(value size) key[shared:] value
           a key shares its first ``shared`` bytes with the key before it; 0 at a restart
index block: one entry for each data block, its key >= every key of that block, its value the block's handle
handle  := varint(offset) varint(size of content)
footer  := metaindex handle, index handle, zeros up to 40 bytes, magic 0xdb4775248b80fb57 (fixed64)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import coding, snappy
from noria.formats.coding import Malformed
from noria.formats.files import Bytes

MAGIC: Final = 0xDB4775248B80FB57
FOOTER_SIZE: Final = 48
_TRAILER_SIZE: Final = 5
_BLOCK_SIZE: Final = 256 * 1024
_RESTART_INTERVAL: Final = 16
_LARGE: Final = 2  # an entry of so many block sizes starts a block of its own


class TableReader:
    """The entries of one table, in key order; every block is checked when it is read.

    data: the whole file; name: how errors call it. Raises DataLossError for anything that is not a table.
    """

    def __init__(self, data: Bytes, name: str) -> None:
        self._data = data
        self._name = name
        if len(data) < FOOTER_SIZE:
            raise self._damaged("footer", f"the file has {len(data)} bytes, a table has at least {FOOTER_SIZE}")
        footer = data[-FOOTER_SIZE:].tobytes()
        magic = coding.fixed64(footer, FOOTER_SIZE - 8)
        if magic != MAGIC:
            raise self._damaged("footer", f"magic number {magic:#x}, expected {MAGIC:#x}: cut short or not a table")
        try:
            _, at = self._handle(footer, 0)
            (offset, size), _ = self._handle(footer, at)
        except Malformed as error:
            raise self._damaged("footer", str(error)) from None
        self._index = [(key, self._block_handle(value)) for key, value in self._entries(offset, size, "index block")]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value), in order of the keys; keys out of order are damage."""
        previous: bytes | None = None
        for limit, (offset, size) in self._index:
            entries = self._entries(offset, size, "data block")
            for entry in entries:
                key = entry[0]
                if previous is not None and key <= previous:
                    raise self._damaged(f"data block at {offset}", f"key {key!r} is out of order")
                previous = key
            if previous is not None and previous > limit:
                raise self._damaged(f"data block at {offset}", f"key {previous!r} is out of order")
            yield from entries

    def _block_handle(self, value: bytes) -> tuple[int, int]:
        try:
            handle, _ = self._handle(value, 0)
        except Malformed as error:
            raise self._damaged("index block", str(error)) from None
        return handle

    @staticmethod
    def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
        offset, at = coding.get_varint(data, at, min(len(data), FOOTER_SIZE - 8))
        size, at = coding.get_varint(data, at, min(len(data), FOOTER_SIZE - 8))
        return (offset, size), at

    def _entries(self, offset: int, size: int, what: str) -> list[tuple[bytes, bytes]]:
        place = f"{what} at {offset}"
        content = self._content(offset, size, place)
        try:
            return parse_block(content)
        except Malformed as error:
            raise self._damaged(place, str(error)) from None

    def _content(self, offset: int, size: int, place: str) -> bytes:
        end = offset + size + _TRAILER_SIZE
        if end > len(self._data) - FOOTER_SIZE:
            raise self._damaged(place, f"{size} bytes do not fit the file of {len(self._data)} bytes")
        stored = coding.unmask(coding.fixed32(self._data[end - 4 : end].tobytes(), 0))
        actual = coding.crc32c(self._data[offset : end - 4])
        if stored != actual:
            raise self._damaged(place, f"its crc32c is {actual:#010x}, stored is {stored:#010x}")
        content = self._data[offset : offset + size].tobytes()
        kind = int(self._data[offset + size])
        if kind == 0:
            return content
        if kind != 1:
            raise self._damaged(place, f"compression type {kind}; known are 0 (none) and 1 (snappy)")
        try:
            return snappy.decompress(content)
        except Malformed as error:
            raise self._damaged(place, str(error)) from None

    def _damaged(self, place: str, cause: str) -> DataLossError:
        return DataLossError(f"{self._name}: damaged table: {place}: {cause}")


def parse_block(content: bytes) -> list[tuple[bytes, bytes]]:
    """The (key, value) entries of a block's plain content; Malformed where it does not hold together."""
    restarts = coding.fixed32(content, len(content) - 4) if len(content) >= 4 else 0
    end = len(content) - 4 * (restarts + 1)
    if end < 0 or len(content) < 4:
        raise Malformed(f"{restarts} restart points in {len(content)} bytes")
    entries = []
    at = 0
    key = b""
    while at < end:
        head = content[at : at + 3]
        if at + 3 <= end and head.isascii():  # three varints of one byte each, as nearly all are
            shared, unshared, value_size = head
            at += 3
        else:
            shared, at = coding.get_varint(content, at, end)
            unshared, at = coding.get_varint(content, at, end)
            value_size, at = coding.get_varint(content, at, end)
        value_at = at + unshared
        if shared > len(key) or value_at + value_size > end:
            raise Malformed(f"an entry at {at} that shares {shared} and adds {unshared} + {value_size} bytes")
        key = key[:shared] + content[at:value_at]
        at = value_at + value_size
        entries.append((key, content[value_at:at]))
    return entries


def _common(a: bytes, b: bytes) -> int:
    """How many bytes ``a`` and ``b`` begin with alike."""
    limit = min(len(a), len(b))
    differing = int.from_bytes(a[:limit], "big") ^ int.from_bytes(b[:limit], "big")
    return limit - (differing.bit_length() + 7) // 8


def _separator(before: bytes, after: bytes) -> bytes:
    """A short key k with before <= k < after, by LevelDB's rule: the first byte that differs, plus one, ends it."""
    at = _common(before, after)
    limit = min(len(before), len(after))
    if at < limit and before[at] + 1 < after[at]:  # before < after, so its byte is not 255
        return before[:at] + bytes([before[at] + 1])
    return before


def _successor(key: bytes) -> bytes:
    """A short key >= ``key``: its first byte that is not 255, plus one, ends it."""
    for at, byte in enumerate(key):
        if byte != 0xFF:
            return key[:at] + bytes([byte + 1])
    return key


class _Block:
    """Collects the entries of one block."""

    def __init__(self, restart_interval: int) -> None:
        self._interval = restart_interval
        self._restarts: list[int] = []
        self._count = 0
        self.content = bytearray()
        self.last_key = b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self._count % self._interval == 0:
            self._restarts.append(len(self.content))
        else:
            shared = _common(key, self.last_key)
        numbers = (shared, len(key) - shared, len(value))
        head = bytes(numbers) if max(numbers) < 0x80 else b"".join(map(coding.put_varint, numbers))
        self.content += head + key[shared:] + value
        self.last_key = key
        self._count += 1

    @property
    def size(self) -> int:
        """Bytes of the block as it is now, its restart points included."""
        return len(self.content) + 4 * (len(self._restarts) + 1)

    def finish(self) -> bytes:
        restarts = self._restarts or [0]
        tail = b"".join(n.to_bytes(4, "little") for n in [*restarts, len(restarts)])
        return bytes(self.content) + tail


class TableWriter:
    """Writes a table through ``write``; ``add`` in ascending order of keys, then ``finish``.

    Blocks end and index keys are shortened as in LevelDB's table builder, so that the bytes are TensorFlow's own.
    """

    def __init__(self, write: Callable[[bytes], object], *, block_size: int = _BLOCK_SIZE) -> None:
        self._write = write
        self._block_size = block_size
        self._offset = 0
        self._block = _Block(_RESTART_INTERVAL)
        self._index = _Block(1)
        self._last: bytes | None = None
        self._ended: bytes | None = None  # handle of a block whose index key waits for the key after it

    def add(self, key: bytes, value: bytes) -> None:
        """Add one entry; InvalidArgumentError when ``key`` does not come after the one before."""
        if self._last is not None and key <= self._last:
            raise InvalidArgumentError(f"table key {key!r} must come after {self._last!r}; add keys in ascending order")
        if len(key) + len(value) >= _LARGE * self._block_size and self._block.content:
            self._flush()
        if self._ended is not None:
            self._index.add(_separator(self._last or b"", key), self._ended)
            self._ended = None
        self._last = key
        self._block.add(key, value)
        if self._block.size >= self._block_size:
            self._flush()

    def finish(self) -> None:
        """Write what is left, the index and the footer."""
        if self._block.content:
            self._flush()
        if self._ended is not None:
            self._index.add(_successor(self._last or b""), self._ended)
        handles = self._put(_Block(_RESTART_INTERVAL).finish()) + self._put(self._index.finish())
        self._write(handles.ljust(FOOTER_SIZE - 8, b"\0") + MAGIC.to_bytes(8, "little"))

    def _flush(self) -> None:
        self._ended = self._put(self._block.finish())
        self._block = _Block(_RESTART_INTERVAL)

    def _put(self, content: bytes) -> bytes:
        """Write a block; returns its handle."""
        handle = coding.put_varint(self._offset) + coding.put_varint(len(content))
        crc = coding.mask(coding.crc32c(content + b"\0"))
        self._write(content + b"\0" + crc.to_bytes(4, "little"))
        self._offset += len(content) + _TRAILER_SIZE
        return handle
