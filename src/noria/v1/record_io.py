"""``tf.python_io``: TFRecord files, plain or compressed. The byte layout stands in ``noria.formats.record``."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any, Final, Self, TypeAlias, cast

from noria.errors import FailedPreconditionError
from noria.formats import record
from noria.v1.exports import export
from noria.v1.file_systems import explained, place

_WINDOW_BITS: Final = {"ZLIB": 15, "GZIP": 31}


@export("io.TFRecordCompressionType", "python_io.TFRecordCompressionType")
class TFRecordCompressionType:
    """The ways to compress a file of records."""

    NONE = 0
    ZLIB = 1
    GZIP = 2


@export("python_io.TFRecordOptions")
class TFRecordOptions:
    """How a file of records is compressed.

    compression_type: ``""``, ``"ZLIB"``, ``"GZIP"``, a TFRecordCompressionType or None. The rest are zlib's settings
    for writing; the sizes of buffers, flush_mode and compression_method change nothing here. Raises ValueError for
    another compression.
    """

    compression_type_map: Final = {1: "ZLIB", 2: "GZIP", 0: ""}

    def __init__(
        self,
        compression_type: Any = None,
        flush_mode: int | None = None,
        input_buffer_size: int | None = None,
        output_buffer_size: int | None = None,
        window_bits: int | None = None,
        compression_level: int | None = None,
        compression_method: int | None = None,
        mem_level: int | None = None,
        compression_strategy: int | None = None,
    ) -> None:
        self.get_compression_type_string(compression_type)
        self.compression_type = compression_type
        self.flush_mode = flush_mode
        self.input_buffer_size = input_buffer_size
        self.output_buffer_size = output_buffer_size
        self.window_bits = window_bits
        self.compression_level = compression_level
        self.compression_method = compression_method
        self.mem_level = mem_level
        self.compression_strategy = compression_strategy

    @classmethod
    def get_compression_type_string(cls, options: Any) -> str:
        """``""``, ``"ZLIB"`` or ``"GZIP"``, of options, a type or its name."""
        if isinstance(options, TFRecordOptions):
            return cls.get_compression_type_string(options.compression_type)
        if not options:
            return ""
        if options in cls.compression_type_map:
            return cls.compression_type_map[options]
        if options in cls.compression_type_map.values():
            return str(options)
        raise ValueError(f'Not a valid compression_type: "{options}"')


_Options: TypeAlias = TFRecordOptions | str | int | None


@export("python_io.TFRecordWriter")
class TFRecordWriter:
    """Writes a file of records.

    options: TFRecordOptions, or the compression alone. Raises NotFoundError when there is no such folder.
    """

    _file: IO[bytes] | None = None

    def __init__(self, path: str | bytes | os.PathLike[str], options: _Options = None) -> None:
        chosen = options if isinstance(options, TFRecordOptions) else TFRecordOptions(options)
        kind = TFRecordOptions.get_compression_type_string(chosen)
        self._path = path.decode() if isinstance(path, bytes) else os.fspath(path)
        with explained(self._path):
            system, inner = place(self._path)
            self._file = system.open(inner, "wb")
        self._deflater: Any = None
        if kind:
            bits = _WINDOW_BITS[kind] if chosen.window_bits is None else chosen.window_bits
            self._deflater = zlib.compressobj(
                level=-1 if chosen.compression_level is None else chosen.compression_level,
                wbits=bits | 16 if kind == "GZIP" else bits,
                memLevel=zlib.DEF_MEM_LEVEL if chosen.mem_level is None else chosen.mem_level,
                strategy=zlib.Z_DEFAULT_STRATEGY
                if chosen.compression_strategy is None
                else chosen.compression_strategy,
            )

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise FailedPreconditionError("Writer is closed.")
        return self._file

    def write(self, record: bytes | str) -> None:
        """Appends one record."""
        file = self._opened()
        data = encoded(record)
        with explained(self._path):
            file.write(data if self._deflater is None else self._deflater.compress(data))

    def flush(self) -> None:
        """Hands what was written to the system."""
        file = self._opened()
        with explained(self._path):
            if self._deflater is not None:
                file.write(self._deflater.flush(zlib.Z_SYNC_FLUSH))
            file.flush()

    def close(self) -> None:
        """Ends the file; a second time does nothing."""
        file, self._file = self._file, None
        if file is not None:
            with explained(self._path):
                if self._deflater is not None:
                    file.write(self._deflater.flush())
                file.close()

    def __del__(self) -> None:  # many programs never close; what they wrote must not be lost
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def encoded(data: bytes | str) -> bytes:
    """One record as it stands in a file."""
    return record.encode_record(data.encode() if isinstance(data, str) else bytes(data))


@export("python_io.tf_record_iterator")
def tf_record_iterator(path: str | bytes | os.PathLike[str], options: _Options = None) -> Iterator[bytes]:
    """The records of a file, in order. Raises NotFoundError, and DataLossError at a damaged or cut record."""
    kind = TFRecordOptions.get_compression_type_string(options)
    name = path.decode() if isinstance(path, bytes) else os.fspath(path)
    return record.read_records(name, cast(record.Compression, kind))
