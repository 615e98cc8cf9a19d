"""Tensors as NumPy's files: one array as ``.npy``, several as ``.npz``; no copy on the way in.

``.npy``: magic, version, header length, a Python literal with dtype, order and shape, then the array's own bytes;
``.npz``: a zip archive with one ``<name>.npy`` for each array (https://numpy.org/doc/stable/reference/generated/
numpy.lib.format.html). Nothing is ever unpickled, and nothing is allocated by what a header claims.
"""

from __future__ import annotations

import io
import math
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
_BAD_HEADER: Final = (
    ValueError, SyntaxError, TypeError, EOFError, KeyError, RecursionError, MemoryError, OverflowError,
)  # fmt: skip
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
    file = io.BytesIO(content)
    try:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except (
        ValueError,
        SyntaxError,
        TypeError,
        EOFError,
        KeyError,
        RecursionError,
        MemoryError,
        OverflowError,
    ) as error:
        raise InvalidArgumentError(f"the body is no .npy file: {error}") from None
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise InvalidArgumentError(f"an .npy body holds numbers, bools or strings; got the dtype {dtype}")
    if any(type(size) is not int or size < 0 for size in shape) or len(shape) > 64:
        raise InvalidArgumentError(f"the shape {shape!r} of the .npy body is not one of an array")
    start, count = file.tell(), math.prod(shape)
    if dtype.itemsize * count != len(content) - start:
        raise InvalidArgumentError(
            f"an .npy body of shape {list(shape)} and dtype {dtype} holds {dtype.itemsize * count} bytes after its "
            f"header; got {len(content) - start}"
        )
    if not dtype.itemsize or not count:
        return np.zeros(shape, dtype.newbyteorder("="))
    flat = np.frombuffer(content, dtype, count, start)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
    return array if array.flags.aligned and array.flags.c_contiguous else array.copy(order="C")


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
