"""Tensor data of the Open Inference Protocol: raw bytes, JSON values and protobuf contents to arrays, and back.

Raw data (binary extension of REST, ``raw_input_contents`` of gRPC): elements in row-major order, little-endian, without
gaps; a BOOL is one byte, 0 or 1; an element of BYTES is its length (uint32) and then its bytes::

    5 0 0 0 h e l l o 2 0 0 0 h i

JSON data: one flat list, or lists nested in any way, of which the order of elements counts and their number must be
that of the shape; a bare value for a scalar.
"""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import orjson

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats import coding
from noria.serving import encode_json, json_text
from noria.serving.kserve import datatypes

Array = np.ndarray[Any, np.dtype[Any]]
Buffer = bytes | memoryview

MAX_RANK: Final = 64  # NumPy's
_LENGTH: Final = struct.Struct("<I")
_MANY_STRINGS: Final = 2000

_STRINGS: Final = "OSU"  # the kinds of arrays that hold strings
# dtype name -> the kinds NumPy may find in JSON data
_KINDS: Final = {"b": "b", "i": "iu", "u": "iu", "f": "fiu"}
# the field of InferTensorContents that holds a dtype
_CONTENTS: Final[dict[DType, str]] = {
    dtypes.bool_: "bool_contents", dtypes.int8: "int_contents", dtypes.int16: "int_contents",
    dtypes.int32: "int_contents", dtypes.int64: "int64_contents", dtypes.uint8: "uint_contents",
    dtypes.uint16: "uint_contents", dtypes.uint32: "uint_contents", dtypes.uint64: "uint64_contents",
    dtypes.float32: "fp32_contents", dtypes.float64: "fp64_contents", dtypes.string: "bytes_contents",
}  # fmt: skip


def check_shape(name: str, shape: Any) -> tuple[int, ...]:
    """The shape a request gives for tensor ``name``; InvalidArgumentError unless it is a list of sizes."""
    if type(shape) is not list or not all(type(size) is int and 0 <= size < 1 << 63 for size in shape):
        raise InvalidArgumentError(
            f"tensor {name!r}: 'shape' is a list of sizes, 0 or more; got {json_text.show(shape)}"
        )
    if len(shape) > MAX_RANK:
        raise InvalidArgumentError(f"tensor {name!r}: {len(shape)} dimensions; at most {MAX_RANK} are supported")
    return tuple(shape)


# ---- raw bytes


def from_raw(name: str, data: Buffer, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array whose raw data is ``data``.

    A view of ``data`` (read-only), except where that would not be aligned to the elements: there it is copied. Strings
    give an object array of ``bytes``. Raises InvalidArgumentError when data and shape do not agree.
    """
    count = math.prod(shape)
    if dtype is dtypes.string:
        return _shaped(_strings_from_raw(name, data, count), shape)
    if len(data) != count * dtype.size:
        raise InvalidArgumentError(
            f"tensor {name!r}: got {len(data)} bytes of data; shape {list(shape)} of {datatypes.shown(dtype)} takes "
            f"{count * dtype.size}"
        )
    flat: Array = np.frombuffer(data, dtype.numpy)
    if not flat.flags.aligned:
        flat = flat.copy()
    if dtype is dtypes.bool_ and count and flat.view(np.uint8).max() > 1:
        raise InvalidArgumentError(f"tensor {name!r}: a BOOL is a byte of 0 or 1; the data holds others")
    return flat if len(shape) == 1 else _shaped(flat, shape)


def _shaped(flat: Array, shape: tuple[int, ...]) -> Array:
    try:
        return flat.reshape(shape)
    except ValueError as error:  # a dimension beyond what NumPy can index, beside a 0
        raise InvalidArgumentError(f"shape {list(shape)}: {error}") from None


def _strings_from_raw(name: str, data: Buffer, count: int) -> Array:
    if count * _LENGTH.size > len(data):
        raise InvalidArgumentError(
            f"tensor {name!r}: got {len(data)} bytes of data; {count} elements of BYTES take {_LENGTH.size} each and "
            "their own"
        )
    found, at, end = np.empty(count, object), 0, len(data)
    whole = bytes(data)
    for index in range(count):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(whole, at)[0] if start <= end else end + 1
        if at > end:
            raise InvalidArgumentError(
                f"tensor {name!r}: the data ends within element {index} of {count}; each is a length (uint32, "
                "little-endian) and then its bytes"
            )
        found[index] = whole[start:at]
    if at != end:
        raise InvalidArgumentError(f"tensor {name!r}: {end - at} bytes of data are left after its {count} elements")
    return found


def to_raw(array: Array) -> Buffer:
    """The raw data of an array: its own memory where it is contiguous, else a copy."""
    if array.dtype.kind in _STRINGS:
        parts: list[bytes] = []
        for value in array.reshape(-1):
            element = value if type(value) is bytes else str(value).encode()
            parts += (_LENGTH.pack(len(element)), element)
        return b"".join(parts)
    if array.nbytes <= 1024 or not array.flags.c_contiguous:
        return array.tobytes()
    flat: Any = array.reshape(-1).view(np.uint8)
    return memoryview(flat)


# ---- JSON


def from_json(name: str, data: Any, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array that JSON data stands for: Python values, or an array of 64-bit numbers that a reader made of them.

    Raises InvalidArgumentError for elements of the wrong kind or number.
    """
    if dtype is dtypes.string:
        flat = _strings_from_json(name, data)
    else:
        flat = _numbers_from_json(name, data, dtype).reshape(-1)
    count = math.prod(shape)
    if flat.size != count:
        raise InvalidArgumentError(f"tensor {name!r}: got {flat.size} elements; shape {list(shape)} takes {count}")
    return _shaped(flat, shape)


def _numbers_from_json(name: str, data: Any, dtype: DType) -> Array:
    if type(data) is np.ndarray:
        return narrowed(name, data, dtype)
    try:
        array = np.array(data)
    except ValueError:  # lists of unequal lengths, or more than 64 levels
        array = np.array(list(_leaves(data)))
    if dtype is dtypes.uint64 and array.dtype.kind not in "iu" and all(type(value) is int for value in _leaves(data)):
        with contextlib.suppress(OverflowError):  # a negative number: refused below
            array = np.array(list(_leaves(data)), np.uint64)
    kinds = _KINDS["f" if dtype.is_floating else dtype.numpy.kind]
    if array.size and (array.dtype.kind not in kinds or (kinds != "b" and _has_bool(data))):
        what = {"b": "true and false", "iu": "whole numbers", "fiu": "numbers"}[kinds]
        raise InvalidArgumentError(
            f"tensor {name!r}: data of {datatypes.shown(dtype)} is {what}; got {json_text.show(data)}"
        )
    return narrowed(name, array, dtype)


def narrowed(name: str, array: Array, dtype: DType) -> Array:
    """``array`` of 64-bit numbers in ``dtype``; InvalidArgumentError where an integer does not fit."""
    if dtype.is_integer and array.size:
        limits = np.iinfo(dtype.numpy)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise InvalidArgumentError(
                f"tensor {name!r}: {datatypes.shown(dtype)} holds {limits.min} to {limits.max}; the data has values "
                f"from {array.min()} to {array.max()}"
            )
    with np.errstate(over="ignore"):
        return array.astype(dtype.numpy, copy=False)


def _has_bool(data: Any) -> bool:
    if type(data) is list and (not data or type(data[0]) is not list):
        return bool in map(type, data)
    return any(type(value) is bool for value in _leaves(data))


def _leaves(data: Any) -> Iterator[Any]:
    """The elements of lists nested in any way, in order."""
    stack = [iter(data if type(data) is list else [data])]
    while stack:
        for value in stack[-1]:
            if type(value) is list:
                stack.append(iter(value))
                break
            yield value
        else:
            stack.pop()


def _strings_from_json(name: str, data: Any) -> Array:
    values: list[bytes] = []
    for value in _leaves(data):
        if type(value) is not str:
            raise InvalidArgumentError(
                f"tensor {name!r}: data of BYTES is strings; got {json_text.show(value)}. Send bytes that are no "
                "text as binary data"
            )
        values.append(value.encode("utf-8", "surrogateescape"))
    found = np.empty(len(values), object)
    found[:] = values
    return found


def to_json(name: str, array: Array) -> Any:
    """What orjson (with NumPy support) writes as the flat JSON data of an array: an array, a list, or a fragment.

    NaN and the infinities are written bare, as TensorFlow Serving does. Raises InvalidArgumentError for bytes that are
    no text.
    """
    if array.dtype.kind in _STRINGS:
        try:
            return [v.decode() if type(v) is bytes else str(v) for v in array.reshape(-1)]
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(
                f"output {name!r} holds bytes that are no UTF-8 text ({error.reason}); ask for it as binary data "
                '(parameter "binary_data": true)'
            ) from None
    if array.dtype == dtypes.bfloat16.numpy:
        array = array.astype(np.float32)
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype.kind == "f" and not np.isfinite(flat).all():
        return orjson.Fragment(encode_json.with_specials(orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY), flat))
    return flat


# ---- protobuf


def from_contents(name: str, contents: Any, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array of an ``InferTensorContents``. Raises InvalidArgumentError for a wrong field, number or value."""
    field = _CONTENTS.get(dtype)
    if field is None:
        raise InvalidArgumentError(
            f"tensor {name!r}: {datatypes.shown(dtype)} has no field in InferTensorContents; send it in "
            "raw_input_contents"
        )
    others = [f.name for f, _ in contents.ListFields() if f.name != field]
    if others:
        raise InvalidArgumentError(
            f"tensor {name!r}: {datatypes.shown(dtype)} goes into {field}; the request filled {', '.join(others)}"
        )
    values: Sequence[Any] = getattr(contents, field)
    count = math.prod(shape)
    if len(values) != count:
        raise InvalidArgumentError(
            f"tensor {name!r}: got {len(values)} elements in {field}; shape {list(shape)} takes {count}"
        )
    if dtype is dtypes.string:
        flat: Array = np.empty(count, object)
        flat[:] = list(values)
        return _shaped(flat, shape)
    if dtype.size < 4 and dtype is not dtypes.bool_:
        return _shaped(narrowed(name, np.array(values, np.int64), dtype), shape)
    return _shaped(np.array(values, dtype.numpy), shape)


def has_contents(array: Array) -> bool:
    """Whether ``InferTensorContents`` has a field for the dtype of ``array``."""
    return dtypes.from_numpy(array.dtype) in _CONTENTS


def fill_contents(contents: Any, array: Array) -> None:
    """Puts an array, of a dtype that has a field there, into an ``InferTensorContents``."""
    dtype = dtypes.from_numpy(array.dtype)
    field = contents.DESCRIPTOR.fields_by_name[_CONTENTS[dtype]]
    flat = array.reshape(-1)
    if dtype is dtypes.string:
        getattr(contents, field.name).extend([v if type(v) is bytes else str(v).encode() for v in flat])
        return
    # A packed field is a tag, a length and the elements: merging those is a hundred times faster than extending it.
    packed = flat.tobytes() if dtype.is_floating or dtype is dtypes.bool_ else coding.pack_varints(flat)
    if packed:
        contents.MergeFromString(bytes([field.number << 3 | 2]) + coding.put_varint(len(packed)) + packed)


def is_slow(arrays: Iterable[Array]) -> bool:
    """Whether taking these apart, or putting them together, would stall an event loop: many strings."""
    return sum(array.size for array in arrays if array.dtype.kind in _STRINGS) >= _MANY_STRINGS
