"""Tensors as NumPy's files: one array as ``.npy``, several as ``.npz``; no copy on the way in.

``.npy``: magic, version, header length, a Python literal with dtype, order and shape, then the array's own bytes;
``.npz``: a zip archive with one ``<name>.npy`` for each array (https://numpy.org/doc/stable/reference/generated/
numpy.lib.format.html). Nothing is ever unpickled, and nothing is allocated by what a header claims.
"""

from __future__ import annotations

import ast
import io
import math
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy_format

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]

_ZIP: Final = b"PK\x03\x04"
_MAX_ARRAYS: Final = 1024
_BAD_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
_MAGIC: Final = b"\x93NUMPY"
_MAX_HEADER: Final = 10_000
_MAX_RANK: Final = 64  # NumPy's own limit
_DESCR: Final = re.compile(r"[<>|=]?(?:\?|b1|[iu][1248]|f[248]|c(?:8|16)|[SUV][1-9]\d{0,8})")
_SUFFIX: Final = ".npy"


def decode(body: bytes, limit: int) -> dict[str, Array] | Array:
    """The array of an ``.npy`` body; of an ``.npz`` body the arrays by name.

    limit: bytes that the arrays of an ``.npz`` may inflate to. Raises InvalidArgumentError.
    """
    if not body.startswith(_ZIP):
        return array_of(body)
    found: dict[str, Array] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            if len(members) > _MAX_ARRAYS or sum(member.file_size for member in members) > limit:
                raise InvalidArgumentError(
                    f"the .npz body has {len(members)} arrays that inflate to "
                    f"{sum(member.file_size for member in members)} bytes; at most {_MAX_ARRAYS} arrays and {limit} "
                    "bytes are accepted"
                )
            for member in members:
                with archive.open(member) as file:
                    found[member.filename.removesuffix(_SUFFIX)] = array_of(file.read(member.file_size))
    except InvalidArgumentError:
        raise
    except _BAD_ZIP as error:
        raise InvalidArgumentError(f"the body is no .npz archive: {error}") from None
    return found


def array_of(content: bytes) -> Array:
    """The array of an ``.npy`` file, a view of ``content`` where byte order allows. Raises InvalidArgumentError."""
    try:
        dtype, fortran, shape, start = _header(content)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise InvalidArgumentError(f"the body is no .npy file: {error}") from None
    count = math.prod(shape)
    if dtype.itemsize * count != len(content) - start:
        raise InvalidArgumentError(
            f"an .npy body of shape {list(shape)} and dtype {dtype} holds {dtype.itemsize * count} bytes after its "
            f"header; got {len(content) - start}"
        )
    if not count:
        try:
            return np.zeros(shape, dtype.newbyteorder("="))
        except ValueError as error:  # a dimension beyond what NumPy can index, beside a 0
            raise InvalidArgumentError(f"an .npy body of shape {list(shape)}: {error}") from None
    flat = np.frombuffer(content, dtype, count, start)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    return array if array.flags.aligned and array.flags.c_contiguous else array.copy(order="C")


def _header(content: bytes) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    """dtype, Fortran order, shape, and where the elements begin. Raises ValueError and what a literal's parser does."""
    wide = content[6:7] in (b"\x02", b"\x03")  # versions 2 and 3 have a length of four bytes
    start = 12 if wide else 10
    size = int.from_bytes(content[8:start], "little")
    if content[:6] != _MAGIC or content[6:7] not in (b"\x01", b"\x02", b"\x03") or len(content) < start + size:
        raise ValueError("it does not begin with a whole header")
    if size > _MAX_HEADER:
        raise ValueError(f"its header has {size} bytes; at most {_MAX_HEADER} are read")
    found = ast.literal_eval(content[start : start + size].decode("utf-8").strip())
    if type(found) is not dict or found.keys() != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header is no dict of descr, fortran_order and shape")
    descr, fortran, shape = found["descr"], found["fortran_order"], found["shape"]
    if type(descr) is not str or _DESCR.fullmatch(descr) is None:
        raise ValueError(f"it holds numbers, bools or strings, not the dtype {descr!r:.100}")
    if type(fortran) is not bool or type(shape) is not tuple or len(shape) > _MAX_RANK:
        raise ValueError("its order is no bool, or its shape no tuple")
    if any(type(n) is not int or not 0 <= n < 1 << 62 for n in shape):
        raise ValueError(f"its shape is {shape!r:.100}")
    return np.dtype(descr), fortran, shape, start + size


def typed(array: Array, dtype: DType) -> Array:
    """``array`` as an input of ``dtype``: text as bytes, and raw items of the same size as bfloat16 and its like."""
    if dtype is dtypes.string and array.dtype.kind in "SU":
        values = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found.reshape(array.shape)
    if array.dtype.kind == "V" and dtype.numpy.itemsize == array.dtype.itemsize and dtype is not dtypes.string:
        return array.view(dtype.numpy)
    return array


def encode(outputs: Mapping[str, Array]) -> bytes:
    """One output as ``.npy``, several as an ``.npz`` that is not compressed."""
    if len(outputs) == 1:
        (array,) = outputs.values()
        return bytes_of(array)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for alias, array in outputs.items():
            archive.writestr(alias + _SUFFIX, bytes_of(array))
    return file.getvalue()


def bytes_of(array: Array) -> bytes:
    """An ``.npy`` file. Strings are byte strings of one length, padded with zeros; bfloat16 and its like raw items."""
    if array.dtype.kind == "O":
        array = np.array([v.encode() if isinstance(v, str) else v for v in array.ravel()], np.bytes_).reshape(
            array.shape
        )
    elif array.dtype.kind == "V" or array.dtype.isbuiltin == 2:  # a dtype of ml_dtypes, which .npy does not know
        array = array.view(np.dtype(f"V{array.dtype.itemsize}"))
    file = io.BytesIO()
    npy_format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)
    return file.getvalue()
