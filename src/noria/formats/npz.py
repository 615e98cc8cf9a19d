"""The ``.npz`` file: a ZIP archive of ``NAME.npy`` members, as ``numpy.savez`` writes it. Never a pickle.

Members that are stored, not deflated, are views of the mapped file; their CRC-32 is verified at the first read, as the
archive's reader does for the others.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from noria import dtypes
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, TFError
from noria.formats import files, strided
from noria.formats.named_arrays import NamedArrays

Array = npt.NDArray[Any]

_END: Final = ".npy"
_LOCAL_HEADER: Final = 30  # bytes before the name in a member's own header
_MOST: Final = 64 << 10  # bytes that an array's header may take
# What the archive's reader and NumPy's raise for bytes that are not what they should be.
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(ValueError, TypeError, LookupError, ArithmeticError, OSError, EOFError, RuntimeError, SyntaxError),
)
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the archive's first day: equal arrays give equal files


class NpzFile(NamedArrays):
    """The arrays of the archive at ``path``, read when asked for.

    Raises NotFoundError where there is no file, DataLossError where it is damaged, InvalidArgumentError for a member
    that is a pickle.
    """

    def __init__(self, path: files.PathLike) -> None:
        self.name = files.text(path)
        self._data = files.map_bytes(path)
        source = self.name if not files.is_url(path) else BytesIO(self._data.tobytes())
        try:
            self._archive = zipfile.ZipFile(source)
        except _DAMAGE as error:
            raise DataLossError(f"{self.name}: not an .npz file, or damaged: {error}") from None
        self._members = {info.filename.removesuffix(_END): info for info in self._archive.infolist()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> Array:
        info = self._members.get(name)
        if info is None:
            raise NotFoundError(f"array {name!r} is not in {self.name} ({len(self)} arrays)")
        try:
            return self._stored(info) if info.compress_type == zipfile.ZIP_STORED else self._deflated(info)
        except TFError:
            raise
        except _DAMAGE as error:
            raise DataLossError(f"{self.name}: array {name!r}: {error}") from None

    def _stored(self, info: zipfile.ZipInfo) -> Array:
        """A view of the mapped file."""
        local = self._data[info.header_offset : info.header_offset + _LOCAL_HEADER].tobytes()
        if len(local) < _LOCAL_HEADER or local[:4] != b"PK\x03\x04":
            raise ValueError("no member where the archive says it is")
        skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
        start = info.header_offset + _LOCAL_HEADER + skip
        content = self._data[start : start + info.file_size]
        if len(content) != info.file_size or zlib.crc32(content.data) != info.CRC:
            raise ValueError("its CRC-32 does not match: damaged")
        head = BytesIO(content[:_MOST].tobytes())
        shape, fortran, dtype = _array_header(head, info.file_size, f"{self.name}: {info.filename}")
        values = content[head.tell() :].view(dtype)
        return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)

    def _deflated(self, info: zipfile.ZipInfo) -> Array:
        with self._archive.open(info) as member:
            shape, fortran, dtype = _array_header(member, info.file_size, f"{self.name}: {info.filename}")
            values = np.empty(math.prod(shape), dtype)
            left = memoryview(values.view(np.uint8).data if values.size else b"")
            while left.nbytes:
                piece = member.read(min(left.nbytes, 1 << 20))
                if not piece:
                    raise ValueError("it ends too early")
                left[: len(piece)] = piece
                left = left[len(piece) :]
            member.read(1)  # the end: where the CRC-32 is looked at
        return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)


def _array_header(file: IO[bytes], size: int, place: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """(shape, Fortran order, dtype) at the head of ``.npy`` content of ``size`` bytes."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file, max_header_size=_MOST)
    if dtype.hasobject:
        raise InvalidArgumentError(f"{place} holds Python objects; a pickle is never read")
    if min(shape, default=0) < 0 or file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"{size} bytes for {dtype} of shape {list(shape)}")
    return shape, fortran, dtype


def write_npz(path: files.PathLike, arrays: Mapping[str, npt.ArrayLike]) -> None:
    """Write ``arrays`` as an uncompressed archive; values are read one at a time and not copied.

    Strings are written as NumPy's ``S`` arrays. Raises InvalidArgumentError for what those or ``.npy`` files cannot
    hold: strings that end in a zero byte, bfloat16, float8, integers of less than a byte, and names with a zero byte.
    """
    with files.atomic_writer(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name in arrays:
            if "\0" in name:  # the archive would cut it there
                raise InvalidArgumentError(
                    f"tensor {name!r} has a zero byte in its name; .npz files lose what follows it"
                )
            array = storable(name, np.asarray(arrays[name]))
            with archive.open(zipfile.ZipInfo(name + _END, _DATE), "w", force_zip64=True) as member:
                write_npy(member, array)


def write_npy(file: IO[bytes], array: Array) -> None:
    """Write one ``.npy`` file; the array is one that ``storable`` gave."""
    plain = array.dtype.newbyteorder("=")
    npy.write_array_header_1_0(file, {"descr": plain.str, "fortran_order": False, "shape": array.shape})
    for piece in strided.pieces(array, plain):
        file.write(piece.data)


def read_npy(path: files.PathLike) -> Array:
    """The array of a ``.npy`` file, a view of the mapped file. Raises as NpzFile does."""
    content = files.map_bytes(path)
    try:
        head = BytesIO(content[:_MOST].tobytes())
        shape, fortran, dtype = _array_header(head, len(content), files.text(path))
        values = content[head.tell() :].view(dtype)
    except TFError:
        raise
    except _DAMAGE as error:
        raise DataLossError(f"{files.text(path)}: not an .npy file, or damaged: {error}") from None
    return values.reshape(shape[::-1]).T if fortran else values.reshape(shape)


def storable(name: str, array: Array) -> Array:
    """``array`` as ``.npy`` files can hold it: strings become an ``S`` array. See write_npz."""
    if array.dtype.kind in "biufcSU":
        return array
    if array.dtype.hasobject:
        found = np.array([v.encode() if isinstance(v, str) else v for v in array.reshape(-1)], np.bytes_)
        if found.tolist() == array.reshape(-1).tolist():
            return found.reshape(array.shape)
        raise InvalidArgumentError(f"tensor {name!r} holds strings that end in a zero byte; .npy files lose those")
    dtype = dtypes.from_numpy(array.dtype)
    raise InvalidArgumentError(f"tensor {name!r} is {dtype}, which .npy files have no dtype for; use safetensors")
