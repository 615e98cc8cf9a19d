"""``tf.constant`` and ``tf.make_tensor_proto``: Python values as constants of a graph, by TensorFlow 1's rules.

Python floats are float32; Python ints int32, int64 where one does not fit; NumPy arrays keep their dtype. A tensor of
more than one number is written as ``tensor_content``, everything else in its typed field.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from noria import dtypes as core
from noria.formats.tensor_proto import from_array, to_array
from noria.graph.graph import Array
from noria.protos.tensorflow import AttrValue, TensorProto
from noria.v1.convert import register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import Dimension, TensorShape, as_shape

# Written as raw bytes when there is more than one element.
_AS_CONTENT: Final = frozenset(d for d in core.ALL if d.bits and not d.is_complex and d is not core.bool_) - {
    core.bfloat16, core.uint16, *(d for d in core.ALL if d.bits < 8 or d.name.startswith("float8")),
}  # fmt: skip
_MAX_BYTES: Final = 1 << 31


@export("make_tensor_proto", "contrib.util.make_tensor_proto")
def make_tensor_proto(
    values: Any, dtype: Any = None, shape: Any = None, verify_shape: bool = False, allow_broadcast: bool = False
) -> TensorProto:
    """The TensorProto of ``values``.

    dtype: what it must have; shape: of the result, which repeats the last value when ``values`` has too few
    (not with ``verify_shape``; with ``allow_broadcast`` only a single value is repeated).
    Raises TypeError for values that do not fit the dtype, ValueError for sizes that do not fit the shape.
    """
    if isinstance(values, TensorProto):
        return values
    wanted = None if dtype is None else as_dtype(dtype).base_dtype
    sizes = None if shape is None else _sizes(shape)
    if sizes is not None and 0 in sizes and values is not None and not hasattr(values, "__array__"):
        values = np.empty(sizes, np.float32 if wanted is None else wanted.core.numpy)  # the values go unseen
    array = to_numpy(values, wanted)
    row = core.from_numpy(array.dtype) if wanted is None else wanted.core
    dims = array.shape if sizes is None else sizes
    same = math.prod(dims) == array.size
    if sizes is not None:
        _check_size(array, dims, same, verify_shape, allow_broadcast)
    if array.size * array.itemsize >= _MAX_BYTES and same and row in _AS_CONTENT:
        raise ValueError("Cannot create a tensor proto whose content is larger than 2GB.")
    content = same and math.prod(dims) > 1 and row in _AS_CONTENT
    proto = from_array(array.reshape(dims) if same else array, row, content=content)
    if not same:
        del proto.tensor_shape.dim[:]
        for size in dims:
            proto.tensor_shape.dim.add().size = size
    return proto


def _sizes(shape: Any) -> tuple[int, ...]:
    sizes = as_shape(shape).as_list()
    if None in sizes:
        raise ValueError(f"the shape of a constant must be known, got {as_shape(shape)}")
    return tuple(d or 0 for d in sizes)


def _check_size(array: Array, dims: tuple[int, ...], same: bool, verify: bool, broadcast: bool) -> None:
    if verify and array.shape != dims:
        raise TypeError(f"Expected Tensor's shape: {dims}, but got {array.shape}.")
    if same:
        return
    if array.size > math.prod(dims):
        raise ValueError(f"Too many elements provided. Takes at most {math.prod(dims):d}, but got {array.size:d}")
    if broadcast and array.size != 1:
        raise TypeError(f"Expected Tensor's shape: {dims}, but got {array.shape}.")


def to_numpy(values: Any, dtype: DType | None = None) -> Array:
    """``values`` as an array by TensorFlow's rules for Python values; object arrays of bytes for strings.

    Raises TypeError when an element does not fit ``dtype``, ValueError for ragged lists and None.
    """
    if isinstance(values, np.ndarray | np.generic):
        array = np.asarray(values)
        if dtype is None or dtype.core.numpy == array.dtype:
            return _as_strings(array) if array.dtype.kind in "OSU" else _native(array)
        if dtype.core is core.string:
            return _as_strings(array)
        if array.dtype.kind in "OSU":
            raise TypeError(f"Expected {dtype.name}, got an array of {array.dtype}")
        return array.astype(dtype.core.numpy)
    if values is None:
        raise ValueError("None values not supported.")
    plain = _plain(values)
    if dtype is None:
        return _guessed(plain)
    _check_elements(plain, dtype)
    if dtype.core is core.string:
        return _string_list(plain)
    try:
        return np.array(plain, dtype=dtype.core.numpy)
    except (ValueError, OverflowError) as error:
        if isinstance(error, OverflowError):
            raise TypeError(f"Expected {dtype.name}, got a value that does not fit: {error}") from None
        raise ValueError(f"Argument must be a dense tensor: {values!r:.200} - {error}") from None


def _plain(values: Any) -> Any:
    """Shapes and dimensions as lists and ints, DTypes as numbers, sequences as lists."""
    if isinstance(values, TensorShape):
        return values.as_list()
    if isinstance(values, Dimension):
        return values.value
    if isinstance(values, DType):
        return values.as_datatype_enum
    if isinstance(values, Tensor):
        raise TypeError(f"Expected a constant, got {values!r}; build it with tf.stack or tf.convert_to_tensor")
    if isinstance(values, list | tuple):
        return [_plain(v) for v in values]
    if isinstance(values, range):
        return list(values)
    return values.numpy() if hasattr(values, "numpy") else values


def _guessed(plain: Any) -> Array:
    if any(isinstance(v, str | bytes) for v in flatten(plain)):
        return _string_list(plain)
    try:
        array = np.array(plain)
    except ValueError as error:
        raise ValueError(f"Argument must be a dense tensor: {plain!r:.200} - {error}") from None
    if array.dtype == object:
        _refuse_objects(plain)
    typed = any(isinstance(v, np.ndarray | np.generic) for v in flatten(plain))
    if array.dtype == np.float64 and not (typed and array.ndim == 0):
        return array.astype(np.float32)
    if array.dtype == np.int64 and array.size and np.array_equal(array.astype(np.int32), array):
        return array.astype(np.int32)
    if array.size == 0 and array.dtype == np.float64:
        return array.astype(np.float32)
    return array


def _refuse_objects(plain: Any) -> None:
    for value in flatten(plain):
        if value is None:
            raise ValueError("None values not supported.")
        if not isinstance(value, numbers.Number | np.generic):
            raise TypeError(
                f"Failed to convert object of type {type(value).__name__} to Tensor. Contents: {value!r:.200}. "
                "Consider casting elements to a supported type."
            )
    raise TypeError(
        f"Failed to convert elements of {plain!r:.200} to Tensor. Consider casting elements to a supported type."
    )


def flatten(values: Any) -> Iterator[Any]:
    """The leaves of nested lists, in order."""
    if isinstance(values, list | tuple):
        for value in values:
            yield from flatten(value)
    else:
        yield values


def _check_elements(plain: Any, dtype: DType) -> None:
    row = dtype.core
    for value in flatten(plain):
        if isinstance(value, np.ndarray):
            continue
        if value is None:
            raise ValueError("None values not supported.")
        text = isinstance(value, str | bytes)
        wrong = (
            not text
            if row is core.string
            else not isinstance(value, bool | np.bool_)
            if row is core.bool_
            else text or ((row.is_integer or row.is_quantized) and not _is_integer(value))
        )
        if wrong:
            raise TypeError(f"Expected {dtype.name}, got {value!r:.200} of type '{type(value).__name__}' instead.")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) or (hasattr(value, "__index__") and not isinstance(value, float))


def _string_list(plain: Any) -> Array:
    """Nested lists of text as an object array; NumPy would cut trailing zero bytes."""
    dims: list[int] = []
    level = plain
    while isinstance(level, list):
        dims.append(len(level))
        if not level:
            break
        level = level[0]
    leaves = list(flatten(plain))
    if math.prod(dims) != len(leaves):
        raise ValueError(f"Argument must be a dense tensor: {plain!r:.200}")
    array = np.empty(len(leaves), object)
    for i, value in enumerate(leaves):
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        if not isinstance(value, str | bytes):
            raise TypeError(f"Expected string, got {value!r:.200} of type '{type(value).__name__}' instead.")
        array[i] = value.encode() if isinstance(value, str) else bytes(value)
    return array.reshape(dims)


def _as_strings(array: Array) -> Array:
    flat = np.empty(array.size, object)
    for i, value in enumerate(array.reshape(-1)):
        if not isinstance(value, str | bytes):
            if array.dtype == object and isinstance(value, numbers.Number):
                return _guessed(array.tolist())
            raise TypeError(
                f"Failed to convert a NumPy array to a Tensor (Unsupported object type {type(value).__name__})."
            )
        flat[i] = value.encode() if isinstance(value, str) else bytes(value)
    return flat.reshape(array.shape)


def _native(array: Array) -> Array:
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


@export("make_ndarray", "contrib.util.make_ndarray")
def make_ndarray(tensor: TensorProto) -> Array:
    """The array of a TensorProto, writable."""
    return np.array(to_array(tensor))


@export("constant")
def constant(
    value: Any, dtype: Any = None, shape: Any = None, name: str = "Const", verify_shape: bool = False
) -> Tensor:
    """A constant. See ``make_tensor_proto`` for dtype and shape."""
    proto = make_tensor_proto(value, dtype, shape, verify_shape)
    attrs = {"value": AttrValue(tensor=proto), "dtype": AttrValue(type=proto.dtype)}
    return get_default_graph().create_op("Const", [], name=name, attrs=attrs).outputs[0]


def _convert_constant(value: Any, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    return constant(value, dtype, name=name or "Const")


def _convert_shape(value: Any, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    """A fully defined shape as an int32 vector (int64 where a size needs it)."""
    shape = as_shape(value)
    if not shape.is_fully_defined():
        raise ValueError(f"Cannot convert a partially known TensorShape {shape} to a Tensor.")
    sizes = [d or 0 for d in shape.as_list()]
    if dtype is None:
        dtype = as_dtype("int64" if any(s >= 1 << 31 for s in sizes) else "int32")
    if dtype.base_dtype not in (as_dtype("int32"), as_dtype("int64")):
        raise TypeError(f"Cannot convert shape {shape} to dtype {dtype.name}; a shape is int32 or int64")
    return constant(sizes, dtype, name=name or "shape_as_tensor")


def _convert_dimension(value: Any, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    if value.value is None:
        raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
    return constant(value.value, dtype or as_dtype("int32"), name=name or "shape_as_tensor")


register_tensor_conversion_function(TensorShape, _convert_shape, 100)
register_tensor_conversion_function(Dimension, _convert_dimension, 100)
register_tensor_conversion_function(np.ndarray, _convert_constant, 100)
register_tensor_conversion_function(object, _convert_constant, 200)


@export("get_static_value")
def constant_value(tensor: Any, partial: bool = False) -> Array | None:
    """The value of ``tensor`` where it is known while the graph is built, else None.

    Only through the ops that TensorFlow follows here: what functions build depends on the answer.
    """
    if not isinstance(tensor, Tensor):
        return None if tensor is None else to_numpy(tensor)
    if tensor.op.type == "Const":
        return make_ndarray(tensor.op.get_attr("value"))
    return tensor.info.value if _is_followed(tensor) else None


_OF_SHAPE: Final = frozenset({"Shape", "Size", "Rank"})
_OF_VALUES: Final = frozenset({
    "Range", "Cast", "Concat", "ConcatV2", "Pack", "Unpack", "Split", "Fill", "Equal", "NotEqual", "StopGradient",
    "CheckNumericsV2", "DebugIdentityV2", "Identity",
})  # fmt: skip


def _is_followed(tensor: Tensor) -> bool:
    op = tensor.op
    if op.type in _OF_VALUES:
        return all(t.op.type == "Const" or _is_followed(t) for t in op.inputs)
    return op.type in _OF_SHAPE


def constant_value_as_shape(tensor: Any) -> TensorShape:
    """The shape that an integer vector stands for, as far as its elements are known; -1 is unknown.

    As ``constant_value``, it follows the ops that TensorFlow follows.
    """
    if not isinstance(tensor, Tensor):
        return TensorShape([None if d < 0 else int(d) for d in np.atleast_1d(to_numpy(tensor)).tolist()])
    op, length = tensor.op, tensor.info.shape
    if op.type == "Cast":
        return constant_value_as_shape(op.inputs[0])
    if op.type == "Shape":
        return op.inputs[0].shape
    if op.type in ("Pack", "ConcatV2") and length != ():
        parts = op.inputs if op.type == "Pack" else op.inputs[:-1]
        found = TensorShape([])
        for part in parts:
            found = found.concatenate([_size(part)] if op.type == "Pack" else constant_value_as_shape(part))
        return found
    if op.type == "StridedSlice" and (cut := _plain_slice(op)) is not None:
        return constant_value_as_shape(op.inputs[0])[cut]  # type: ignore[no-any-return]
    value = constant_value(tensor)
    if value is not None:
        return TensorShape([None if d < 0 else int(d) for d in np.atleast_1d(value).tolist()])
    return TensorShape(None if length is None or not length or length[0] is None else [None] * length[0])


def _size(part: Tensor) -> int | None:
    value = constant_value(part)
    return None if value is None or int(value) < 0 else int(value)


def _plain_slice(op: Operation) -> slice | None:
    """The slice that a StridedSlice of a vector takes, where it is one with known bounds."""
    bounds = [constant_value(t) for t in op.inputs[1:4]]
    if any(b is None or b.size != 1 for b in bounds):
        return None
    if any(op.get_attr(m) for m in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask")):
        return None
    begin, end, step = (int(b[0]) for b in bounds if b is not None)
    return slice(None if op.get_attr("begin_mask") else begin, None if op.get_attr("end_mask") else end, step)
