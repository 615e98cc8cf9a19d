"""``TensorProto`` and NumPy arrays.

A TensorProto holds its elements, row-major, in one of two ways:

    tensor_content   the array's own little-endian bytes; strings: all lengths as varints, then all bytes
    a typed field    the elements one by one; when there are fewer than the shape asks for, the last one is repeated
                     (none at all: zeros, empty strings), when there are more, the rest is dropped

    field            holds
    float_val        float32                              double_val    float64
    int_val          int32, int16, int8, uint16, uint8, their quantised forms, 4-bit and 2-bit integers; low bits count
    int64_val        int64                                bool_val      bool
    uint32_val       uint32                               uint64_val    uint64
    half_val         float16 and bfloat16: the 16 bits    float8_val    float8 and 4-bit floats: one byte each
    scomplex_val     complex64: real, imaginary           dcomplex_val  complex128: real, imaginary
    string_val       string                               resource_handle_val, variant_val: messages

Both ways ``tensor_content`` wins. A 4-bit or 2-bit element takes one byte everywhere. A packed field of numbers is the
array's own bytes behind a tag and a length, so it is written as exactly that.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats import coding
from noria.protos.tensorflow import TensorProto

Array = npt.NDArray[Any]

# A splat is a view and costs nothing here, but who computes with it allocates: beyond this it is refused.
MAX_SPLAT_BYTES: Final = 1 << 31
# Some elements and then the last one repeated has to be written out.
MAX_FILL_BYTES: Final = 1 << 26
_SMALL_BYTES: Final = 1 << 12  # below this a splat is written out too: contiguous arrays are easier on everyone
_SHORT: Final = 64
_MAX_RANK: Final = 64  # NumPy's

_INT_VAL: Final = "int_val"
_FIELDS: Final[dict[DType, str]] = {
    dtypes.float32: "float_val",
    dtypes.float64: "double_val",
    dtypes.int64: "int64_val",
    dtypes.bool_: "bool_val",
    dtypes.uint32: "uint32_val",
    dtypes.uint64: "uint64_val",
    dtypes.float16: "half_val",
    dtypes.bfloat16: "half_val",
    dtypes.complex64: "scomplex_val",
    dtypes.complex128: "dcomplex_val",
    dtypes.string: "string_val",
    dtypes.resource: "resource_handle_val",
    dtypes.variant: "variant_val",
} | {d: "float8_val" for d in dtypes.ALL if d.name.startswith(("float8", "float4"))}
_TAGS: Final = {f.name: coding.put_varint(f.number << 3 | 2) for f in TensorProto.DESCRIPTOR.fields}
_CONTENT_TAG: Final = _TAGS["tensor_content"]


def field_of(dtype: DType) -> str:
    """The typed field that holds elements of ``dtype``."""
    return _FIELDS.get(dtype, _INT_VAL)


def to_array(proto: TensorProto, *, max_fill_bytes: int = MAX_FILL_BYTES) -> Array:
    """The array a TensorProto stands for; read-only where its bytes are shared.

    Strings give an object array of ``bytes``; resources and variants one of their messages. A tensor of one repeated
    value is a broadcast view of it. Raises InvalidArgumentError for an unknown dtype, a negative dimension, content
    of the wrong size, and shapes that a few stored bytes would blow up beyond ``max_fill_bytes`` (2 GiB for a view).
    """
    dtype = dtypes.from_number(proto.dtype)
    shape = _shape(proto)
    count = math.prod(shape)
    if count == 0:
        return _reshaped(np.empty(0, dtype.numpy), shape)
    if proto.tensor_content:
        return _reshaped(_from_content(proto.tensor_content, dtype, count), shape)
    stored = _stored(proto, dtype)
    if len(stored) >= count:
        return _reshaped(stored[:count], shape)
    return _filled(stored, dtype, shape, count, max_fill_bytes)


def _shape(proto: TensorProto) -> tuple[int, ...]:
    shape = tuple([dim.size for dim in proto.tensor_shape.dim[:]])  # a slice is a list: iterating it is far cheaper
    if len(shape) > _MAX_RANK:
        raise InvalidArgumentError(f"a tensor of rank {len(shape)}; at most {_MAX_RANK} dimensions are supported")
    if min(shape, default=0) < 0:
        raise InvalidArgumentError(f"tensor shape {list(shape)} has a negative dimension")
    return shape


def _reshaped(flat: Array, shape: tuple[int, ...]) -> Array:
    try:
        return flat.reshape(shape)
    except ValueError as error:  # a dimension beyond what NumPy can index, beside a 0
        raise InvalidArgumentError(f"tensor shape {list(shape)}: {error}") from None


def _from_content(content: bytes, dtype: DType, count: int) -> Array:
    if dtype is dtypes.string:
        return _strings_of_content(content, count)
    if dtype.numpy.hasobject:
        raise InvalidArgumentError(f"tensor_content cannot hold elements of dtype {dtype}")
    if len(content) != count * dtype.size:
        raise InvalidArgumentError(
            f"tensor_content has {len(content)} bytes; {count} elements of {dtype} take {count * dtype.size}"
        )
    flat = np.frombuffer(content, dtype.numpy)
    if dtype is dtypes.bool_ and flat.view(np.uint8).max() > 1:
        raise InvalidArgumentError("tensor_content of dtype bool holds a byte that is neither 0 nor 1")
    return flat


def _strings_of_content(content: bytes, count: int) -> Array:
    if count > len(content):  # each string has a length of at least one byte
        raise InvalidArgumentError(f"tensor_content has {len(content)} bytes, too few for {count} strings")
    sizes = []
    at = 0
    try:
        for _ in range(count):
            size, at = coding.get_varint(content, at, len(content))
            sizes.append(size)
    except coding.Malformed as error:
        raise InvalidArgumentError(f"tensor_content of {count} strings: {error}") from None
    if at + sum(sizes) != len(content):
        raise InvalidArgumentError(
            f"tensor_content of {count} strings has {len(content)} bytes, its lengths add up to {at + sum(sizes)}"
        )
    flat = np.empty(count, object)
    for i, size in enumerate(sizes):
        flat[i] = content[at : at + size]
        at += size
    return flat


def _stored(proto: TensorProto, dtype: DType) -> Array:
    """The elements of the typed field, as a flat array of the dtype."""
    field = field_of(dtype)
    if field == "float8_val":
        return np.frombuffer(proto.float8_val, dtype.numpy)
    values = getattr(proto, field)
    if dtype.numpy.hasobject:
        return object_array(values)
    if field == "half_val":
        return numbers(values, np.int32).astype(np.uint16).view(dtype.numpy)
    if field == _INT_VAL:
        wide = numbers(values, np.int32)
        return wide.astype(np.int8).astype(dtype.numpy) if dtype.bits < 8 else wide.astype(dtype.numpy, copy=False)
    if dtype.is_complex:
        parts = numbers(values, np.float32 if dtype is dtypes.complex64 else np.float64)
        return parts[: len(parts) // 2 * 2].view(dtype.numpy)
    return numbers(values, dtype.numpy)


def numbers(values: Any, dtype: npt.DTypeLike) -> Array:
    """The array of a repeated field: through a list when it is short, through its buffer when it is long."""
    return np.array(values[:] if len(values) <= _SHORT else values, dtype)


def _filled(stored: Array, dtype: DType, shape: tuple[int, ...], count: int, max_fill_bytes: int) -> Array:
    """``stored`` and then its last element (zero if it is empty) until there are ``count``."""
    if len(stored) == 0 and dtype in (dtypes.resource, dtypes.variant):
        raise InvalidArgumentError(f"a tensor of shape {list(shape)} and dtype {dtype} stores no element")
    nbytes = count * dtype.numpy.itemsize
    if len(stored) == 0:
        zero = np.array([b""], object) if dtype is dtypes.string else np.zeros(1, dtype.numpy)
    else:
        zero = stored[-1:]
    splat = len(stored) <= 1
    limit = MAX_SPLAT_BYTES if splat else max(max_fill_bytes, 64 * stored.nbytes)
    if nbytes > limit:
        raise InvalidArgumentError(
            f"a tensor of shape {list(shape)} and dtype {dtype} ({nbytes} bytes) stores only {len(stored)} elements; "
            f"beyond {limit} bytes every element must be stored"
        )
    if splat and nbytes > _SMALL_BYTES:
        return np.broadcast_to(zero.reshape((1,) * len(shape)), shape)
    flat = np.empty(count, dtype.numpy)
    flat[: len(stored)] = stored
    flat[len(stored) :] = zero
    return flat.reshape(shape)


def object_array(values: Any) -> Array:
    """A flat object array of a sequence, whatever its elements are."""
    flat = np.empty(len(values), object)
    flat[:] = values
    return flat


def from_array(array: npt.ArrayLike, dtype: DType | None = None, *, content: bool = False) -> TensorProto:
    """The TensorProto of ``array``: a typed field, or ``tensor_content`` when ``content`` is asked for.

    dtype: the TensorFlow dtype to write when it is not the array's own (quantised types, variants, a conversion).
    Strings (always ``string_val``) may come as object arrays of bytes or str, or as ``S`` and ``U`` arrays; str is
    written as UTF-8. Raises InvalidArgumentError for what TensorFlow has no dtype for.
    """
    return TensorProto.FromString(b"".join(serialized(array, dtype, content=content)))


def serialized(array: npt.ArrayLike, dtype: DType | None = None, *, content: bool = False) -> list[Any]:
    """The wire form of the TensorProto that ``from_array`` gives: buffers for ``b"".join``, numbers not copied."""
    values = np.asarray(array)
    if dtype is None:
        dtype = dtypes.from_numpy(values.dtype)
    if not dtype.numpy.hasobject and values.dtype != dtype.numpy:
        values = values.astype(dtype.numpy)
    header = _header(dtype.number, values.shape)
    if values.size == 0:
        return [header]
    field = field_of(dtype)
    tag = _TAGS[field]
    if dtype is dtypes.string:
        items = as_bytes(values)
        heads = {size: tag + coding.put_varint(size) for size in set(map(len, items))}
        parts: list[bytes] = [b""] * (2 * len(items))
        parts[::2] = map(heads.__getitem__, map(len, items))
        parts[1::2] = items
        return [header, b"".join(parts)]
    if dtype.numpy.hasobject:
        proto = TensorProto()
        getattr(proto, field).extend(values.reshape(-1).tolist())
        return [header, proto.SerializeToString()]
    plain = np.ascontiguousarray(values).reshape(-1)
    payload: Any = plain.view(np.uint8) if content else _payload(plain, field)
    return [header, _CONTENT_TAG if content else tag, coding.put_varint(len(payload)), payload]


@lru_cache(maxsize=1024)
def _header(number: int, shape: tuple[int, ...]) -> bytes:
    """The serialized dtype and shape, which every answer of a signature has in common."""
    proto = TensorProto(dtype=number)
    proto.tensor_shape.SetInParent()
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    return proto.SerializeToString()


def as_bytes(values: Array) -> list[bytes]:
    """The elements of a string array, flat, as bytes; str becomes UTF-8.

    Raises InvalidArgumentError for an element that is neither bytes nor str.
    """
    flat: list[Any] = values.reshape(-1).tolist()
    if {bytes}.issuperset(map(type, flat)):
        return flat
    for i, value in enumerate(flat):
        if isinstance(value, str):
            flat[i] = value.encode()
        elif not isinstance(value, bytes):
            raise InvalidArgumentError(f"element {i} of a string tensor is {type(value).__name__}; use bytes or str")
    return flat


def _payload(values: Array, field: str) -> Any:
    """The bytes that the packed ``field`` holds for ``values``, as something that has the buffer interface."""
    if field == "half_val":
        return coding.pack_varints(values.view(np.uint16))
    if field == _INT_VAL:
        return coding.pack_varints(values.astype(np.int32))
    if field in ("int64_val", "uint32_val", "uint64_val", "bool_val"):
        return coding.pack_varints(values)
    return values.view(np.uint8)
