"""TFRecord files: byte strings one after the other.

file   := record*      as it is, or as a whole in gzip or zlib
record := length (fixed64)  masked crc32c of the length (fixed32)  data  masked crc32c of data (fixed32)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, Final, Literal, TypeAlias

from noria.errors import DataLossError, FailedPreconditionError, InvalidArgumentError
from noria.formats import coding, files
from noria.formats.files import Bytes

Compression: TypeAlias = Literal["", "GZIP", "ZLIB"]

MAX_RECORD_BYTES: Final = (1 << 31) - 1  # no protobuf message is larger
_HEADER_SIZE: Final = 12
_CHUNK: Final = 1 << 18
_WINDOW_BITS: Final = {"GZIP": 31, "ZLIB": 15}


def read_records(path: files.PathLike, compression: Compression | None = None) -> Iterator[bytes]:
    """The records of the file at ``path``, in order.

    compression: ``""``, ``"GZIP"`` or ``"ZLIB"`` as in TFRecordOptions; None finds out from the first bytes. Raises
    NotFoundError, and DataLossError at the first record that is cut short or damaged.
    """
    data = files.map_bytes(path)
    kind = _detect(data) if compression is None else _checked(compression)
    source = _Inflated(data, kind, files.text(path)) if kind else _Plain(data)
    return _records(source, files.text(path))


def _records(source: _Plain | _Inflated, name: str) -> Iterator[bytes]:
    at = 0
    while header := source.read(_HEADER_SIZE):
        place = f"{name}: record at {at}"
        if len(header) < _HEADER_SIZE:
            raise DataLossError(f"{place}: cut short: {len(header)} bytes are left of a header of {_HEADER_SIZE}")
        _check(header[:8], header[8:], f"{place}: length")
        size = coding.fixed64(header, 0)
        if size > MAX_RECORD_BYTES:
            raise DataLossError(f"{place}: a length of {size} bytes; at most {MAX_RECORD_BYTES} are possible")
        data = source.read(size)
        checksum = source.read(4)
        if len(data) < size or len(checksum) < 4:
            raise DataLossError(f"{place}: cut short: {len(data)} bytes are left of {size}")
        _check(data, checksum, place)
        yield data
        at += _HEADER_SIZE + size + 4


def _check(data: bytes, checksum: bytes, place: str) -> None:
    stored = coding.unmask(coding.fixed32(checksum, 0))
    actual = coding.crc32c(data)
    if stored != actual:
        raise DataLossError(f"{place}: its crc32c is {actual:#010x}, stored is {stored:#010x}")


def _checked(compression: str) -> Compression:
    for known in ("", "GZIP", "ZLIB"):
        if compression == known:
            return known
    raise InvalidArgumentError(f"unknown compression {compression!r}; use '', 'GZIP' or 'ZLIB'")


def _detect(data: Bytes) -> Compression:
    head = data[:_HEADER_SIZE].tobytes()
    if len(head) < 2 or (
        len(head) == _HEADER_SIZE and coding.unmask(coding.fixed32(head, 8)) == coding.crc32c(head[:8])
    ):
        return ""
    if head[:2] == b"\x1f\x8b":
        return "GZIP"
    return "ZLIB" if head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0 else ""


class _Plain:
    """The bytes of a file, read from the front."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        piece = self._data[self._at : self._at + size].tobytes()
        self._at += len(piece)
        return piece


class _Inflated:
    """The decompressed bytes of a file, read from the front; holds no more than was asked for and one chunk."""

    def __init__(self, data: Bytes, compression: Compression, name: str) -> None:
        self._source = _Plain(data)
        self._bits = _WINDOW_BITS[compression]
        self._inflater = zlib.decompressobj(self._bits)
        self._name = name
        self._ready = b""
        self._input = b""

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        pieces = []
        while size > 0:
            if not self._ready and not self._more():
                break
            pieces.append(self._ready[:size])
            self._ready = self._ready[size:]
            size -= len(pieces[-1])
        return b"".join(pieces)

    def _more(self) -> bool:
        """Inflate until there is something to give; False at the end of the file."""
        while not self._ready:
            if self._inflater.eof:  # gzip files may be several one after the other
                self._input = self._inflater.unused_data or self._source.read(_CHUNK)
                if not self._input:
                    return False
                self._inflater = zlib.decompressobj(self._bits)
            self._input = self._input or self._source.read(_CHUNK)
            if not self._input:
                raise DataLossError(f"{self._name}: the compressed data is cut short")
            try:
                self._ready = self._inflater.decompress(self._input, _CHUNK)
            except zlib.error as error:
                raise DataLossError(f"{self._name}: damaged compressed data: {error}") from None
            self._input = self._inflater.unconsumed_tail
        return True


class RecordWriter:
    """Writes a TFRecord file: ``write`` each record inside a ``with`` block, whose end puts the file in its place."""

    def __init__(self, path: files.PathLike, compression: Compression = "") -> None:
        self._path = path
        self._stack = ExitStack()
        self._file: IO[bytes] | None = None
        kind = _checked(compression)
        self._deflater: Any = zlib.compressobj(wbits=_WINDOW_BITS[kind]) if kind else None

    def __enter__(self) -> RecordWriter:
        self._file = self._stack.enter_context(files.atomic_writer(self._path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._file is not None and self._deflater is not None:
            self._file.write(self._deflater.flush())
        self._file = None
        self._stack.__exit__(kind, error, trace)

    def write(self, data: bytes) -> None:
        """Append one record."""
        if self._file is None:
            raise FailedPreconditionError("a RecordWriter writes inside its with block only")
        record = encode_record(data)
        self._file.write(self._deflater.compress(record) if self._deflater is not None else record)


def encode_record(data: bytes) -> bytes:
    """The bytes of one record."""
    length = len(data).to_bytes(8, "little")
    return b"".join((length, _stored(length), data, _stored(data)))


def _stored(data: bytes) -> bytes:
    return coding.mask(coding.crc32c(data)).to_bytes(4, "little")
