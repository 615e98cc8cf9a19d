"""The safetensors file: named tensors as raw bytes behind a JSON header; holds no code.

    file   := N (fixed64, bytes of the header)  header  data
    header := one JSON object, its first byte ``{``, spaces may follow it:
              name → {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, offsets into ``data``;
              "__metadata__" → {text: text}
    data   := the elements of each tensor, row-major, little-endian, without gaps or overlaps

The format: https://huggingface.co/docs/safetensors. It has no strings, no complex128 and no integers of less than a
byte. Files are written as the reference library lays them out: wide dtypes first, then by name, data at a multiple of
eight bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError
from noria.formats import coding, files, strided
from noria.formats.named_arrays import NamedArrays

Array = npt.NDArray[Any]

MAX_HEADER: Final = 100_000_000  # bytes, the reference library's bound
_MAX_RANK: Final = 64
_METADATA: Final = "__metadata__"
_NAMES: Final = {
    "BOOL": dtypes.bool_,
    "U8": dtypes.uint8,
    "I8": dtypes.int8,
    "F8_E5M2": dtypes.float8_e5m2,
    "F8_E4M3": dtypes.float8_e4m3fn,
    "F8_E5M2FNUZ": dtypes.float8_e5m2fnuz,
    "F8_E4M3FNUZ": dtypes.float8_e4m3fnuz,
    "I16": dtypes.int16,
    "U16": dtypes.uint16,
    "F16": dtypes.float16,
    "BF16": dtypes.bfloat16,
    "I32": dtypes.int32,
    "U32": dtypes.uint32,
    "F32": dtypes.float32,
    "C64": dtypes.complex64,
    "F64": dtypes.float64,
    "I64": dtypes.int64,
    "U64": dtypes.uint64,
}
_BY_NUMPY: Final = {row.numpy: name for name, row in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafetensorsFile(NamedArrays):
    """The tensors of the file at ``path``: read-only views of the mapped file, made when asked for.

    metadata: the texts that the file carries. Raises NotFoundError where there is no file, DataLossError where it is
    damaged: the whole header is checked when it is opened, the bytes themselves have no checksum.
    """

    def __init__(self, path: files.PathLike) -> None:
        self.name = files.text(path)
        data = files.map_bytes(path)
        if len(data) < 8:
            raise self._damaged(f"{len(data)} bytes are too few")
        size = coding.fixed64(data[:8].tobytes(), 0)
        if size > min(MAX_HEADER, len(data) - 8):
            raise self._damaged(f"a header of {size} bytes in a file of {len(data)}")
        header = self._header(data[8 : 8 + size].tobytes())
        self._data = data[8 + size :]
        self.metadata: dict[str, str] = self._metadata(header.pop(_METADATA, {}))
        self._entries = {name: self._entry(name, row) for name, row in header.items()}
        self._check_layout()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Array:
        entry = self._entries.get(name)
        if entry is None:
            raise NotFoundError(f"tensor {name!r} is not in {self.name} ({len(self)} tensors)")
        return self._data[entry.begin : entry.end].view(self.dtype(name).numpy).reshape(entry.shape)

    def dtype(self, name: str) -> DType:
        """The dtype of a tensor; UnimplementedError for one that TensorFlow has no counterpart of."""
        found = _NAMES.get(self._entries[name].dtype)
        if found is None:
            raise UnimplementedError(
                f"{self.name}: tensor {name!r} has dtype {self._entries[name].dtype}; known are {', '.join(_NAMES)}"
            )
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self._entries[name].shape

    def _damaged(self, cause: str) -> DataLossError:
        return DataLossError(f"{self.name}: not a safetensors file, or damaged: {cause}")

    def _header(self, content: bytes) -> dict[str, Any]:
        if not content.startswith(b"{"):
            raise self._damaged("the header does not begin with {")
        try:
            header = json.loads(content.decode(), object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its header is no JSON object: {error}") from None
        found: dict[str, Any] = header
        return found

    def _metadata(self, found: Any) -> dict[str, str]:
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise self._damaged(f"{_METADATA} is not an object of texts")
        return found

    def _entry(self, name: str, row: Any) -> _Entry:
        try:
            dtype, shape, (begin, end) = row["dtype"], row["shape"], row["data_offsets"]
        except (TypeError, KeyError, ValueError):
            raise self._damaged(f"tensor {name!r} has no dtype, shape and data_offsets") from None
        numbers = [begin, end, *(shape if isinstance(shape, list) else [None])]
        if not isinstance(dtype, str) or not all(type(n) is int and 0 <= n < 1 << 63 for n in numbers):
            raise self._damaged(f"tensor {name!r} has a dtype, shape or data_offsets of the wrong kind")
        if len(shape) > _MAX_RANK or not begin <= end <= len(self._data):
            raise self._damaged(f"tensor {name!r}: shape {shape}, bytes {begin} to {end} of {len(self._data)}")
        known = _NAMES.get(dtype)
        if known is not None and math.prod(shape) * known.size != end - begin:
            raise self._damaged(f"tensor {name!r}: {end - begin} bytes for {dtype} of shape {shape}")
        return _Entry(dtype, tuple(shape), begin, end)

    def _check_layout(self) -> None:
        at = 0
        for entry in sorted(self._entries.values(), key=lambda e: (e.begin, e.end)):
            if entry.begin != at:
                raise self._damaged(f"its tensors leave a gap or overlap at byte {min(at, entry.begin)} of the data")
            at = entry.end
        if at != len(self._data):
            raise self._damaged(f"its tensors take {at} bytes, the file holds {len(self._data)}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def can_hold(dtype: DType) -> bool:
    """Whether the format has a dtype for arrays of ``dtype``."""
    return dtype.numpy in _BY_NUMPY


def write_safetensors(
    path: files.PathLike, tensors: Mapping[str, npt.ArrayLike], metadata: Mapping[str, str] | None = None
) -> None:
    """Write ``tensors`` at ``path``; values are read one at a time and not copied.

    Raises InvalidArgumentError for strings and other dtypes that the format does not have, naming the tensor.
    """
    rows = [(name, *_described(name, np.asarray(tensors[name]))) for name in tensors]
    rows.sort(key=lambda row: (-_NAMES[row[1]].size, row[0]))
    header: dict[str, Any] = {_METADATA: dict(metadata)} if metadata else {}
    at = 0
    for name, dtype, shape in rows:
        size = math.prod(shape) * _NAMES[dtype].size
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    try:
        content = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError("safetensors files hold names that are UTF-8; rename the tensors first") from None
    content += b" " * (-len(content) % 8)
    if len(content) > MAX_HEADER:
        raise InvalidArgumentError(f"a header of {len(content)} bytes; safetensors readers take {MAX_HEADER}")
    with files.atomic_writer(path) as file:
        file.write(len(content).to_bytes(8, "little") + content)
        for name, dtype, shape in rows:
            array = np.asarray(tensors[name])
            if array.shape != shape:
                raise InvalidArgumentError(f"tensor {name!r} changed its shape from {list(shape)} while it was saved")
            for piece in strided.pieces(array, _NAMES[dtype].numpy):
                file.write(piece.data)


def _described(name: str, array: Array) -> tuple[str, tuple[int, ...]]:
    found = None if name == _METADATA else _BY_NUMPY.get(array.dtype.newbyteorder("="))
    if found is None:
        raise InvalidArgumentError(
            f"tensor {name!r} of dtype {array.dtype} cannot stand in a safetensors file; it holds {', '.join(_NAMES)}"
            + (f", and {_METADATA} is a name of its own" if name == _METADATA else "")
        )
    return found, array.shape
