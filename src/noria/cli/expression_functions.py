"""The names that ``--input_exprs`` may use: one wrapper for each function, which charges its result before making it.

Wrappers state the arguments they take, so ``out=``, ``like=`` and other doors of NumPy stay shut. Object and string
arrays may be made, reshaped and repeated, but no arithmetic is done on them: it would call back into Python objects,
whose cost the budget cannot see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import ml_dtypes
import numpy as np

from noria.errors import InvalidArgumentError

LIMIT: Final = 1 << 30  # bytes that all values of one expression may take together
_WIDEST: Final = 16  # bytes of the widest numeric element, complex128
_WIDEST_TEXT: Final = 256  # bytes of a number written as an element of a U array: 64 characters

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Budget:
    """Counts the bytes that the values of one expression take; each is charged before it is made."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._spent = 0

    def charge(self, nbytes: int) -> None:
        """Adds ``nbytes``; InvalidArgumentError when the limit is passed."""
        self._spent += nbytes
        if self._spent > self._limit:
            raise InvalidArgumentError(
                f"its values would take {self._spent:,} bytes, the limit is {self._limit:,}; "
                "write the array to a .npy file and pass it with --inputs"
            )

    def charge_shape(self, shape: Any, dtype: np.dtype[Any]) -> tuple[int, ...]:
        """Charges an array of ``shape`` (an integer or a sequence of them) and returns the shape as a tuple."""
        dims = tuple(shape) if isinstance(shape, list | tuple | np.ndarray) else (shape,)
        if not all(isinstance(dim, int | np.integer) and not isinstance(dim, bool) for dim in dims):
            raise InvalidArgumentError(f"a shape must be an integer or a tuple of integers, not {shape!r}")
        if any(dim < 0 for dim in dims):
            raise InvalidArgumentError(f"a shape has no negative dimensions, got {dims}")
        sizes = tuple(int(dim) for dim in dims)
        self.charge(math.prod(sizes) * (dtype.itemsize or _WIDEST_TEXT))
        return sizes

    def charge_broadcast(self, *operands: Any) -> None:
        """Charges the elementwise result of ``operands``, in the widest numeric type."""
        self.charge(math.prod(np.broadcast_shapes(*(np.shape(operand) for operand in operands))) * _WIDEST)

    def check_nested(self, value: Any) -> None:
        """Refuses a nested list whose array would be too large; lists that repeat one another are counted in full."""
        count, width = _extent(value, {})
        if count * width > self._limit:
            raise InvalidArgumentError(
                f"a list of {count:,} elements, up to {width:,} bytes each, is over the limit of {self._limit:,} bytes"
            )


def _extent(value: Any, seen: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many elements the array of a nested value has, and the bytes of its widest one."""
    if isinstance(value, np.ndarray):
        inner = (_extent(item, seen)[1] for item in value.flat) if value.dtype.hasobject else ()
        return value.size, max(value.dtype.itemsize, max(inner, default=0))
    if isinstance(value, str):
        return 1, 4 * len(value)
    if isinstance(value, bytes):
        return 1, len(value)
    if not isinstance(value, list | tuple | dict):
        return 1, 8
    if id(value) not in seen:
        items = value.values() if isinstance(value, dict) else value
        extents = [_extent(item, seen) for item in items]
        seen[id(value)] = (sum(e[0] for e in extents), max((e[1] for e in extents), default=0))
    return seen[id(value)]


@dataclass(frozen=True)
class FunctionName:
    """A function that an expression may call; ``call`` takes the Budget first."""

    name: str
    call: Callable[..., Any]


@dataclass(frozen=True)
class DTypeName:
    """A dtype: as an argument it names the type, when called it converts (``np.float32([1, 2])``)."""

    name: str
    dtype: np.dtype[Any]

    def call(self, budget: Budget, value: Any = 0) -> Any:
        array = _array(budget, value, self)
        return array[()] if array.ndim == 0 else array


def is_numeric(value: Any) -> bool:
    """Whether arithmetic may be done on ``value``: a Python number, or an array that holds no objects and strings."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biufcV" and value.dtype.names is None and not value.dtype.hasobject
    return isinstance(value, bool | int | float | complex)


def _dtype(value: Any, default: Any = None) -> np.dtype[Any] | None:
    if value is None:
        return None if default is None else np.dtype(default)
    if isinstance(value, DTypeName):
        return value.dtype
    if isinstance(value, np.dtype):
        return value
    if not isinstance(value, str):
        raise InvalidArgumentError(f"a dtype is np.float32, 'float32' and the like, not {type(value).__name__}")
    if f"{value}" in _ML_DTYPES:
        return _ML_DTYPES[value]
    try:
        found = np.dtype(value)
    except (TypeError, SyntaxError):
        raise InvalidArgumentError(f"unknown dtype {value!r}") from None
    if found.kind not in "biufcSUO" or found.subdtype is not None:
        raise InvalidArgumentError(f"dtype {value!r} is not allowed; use a number, bool, string or object type")
    return found


_ML_DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
}


def _numeric(value: Any) -> Array:
    array = np.asarray(value)
    if not is_numeric(array):
        raise InvalidArgumentError(f"needs numbers, got an array of {array.dtype}")
    return array


# --- making arrays ----------------------------------------------------------------------------------------------------


def _array(budget: Budget, object: Any, dtype: Any = None) -> Array:
    budget.check_nested(object)
    wanted = _dtype(dtype)
    _charge_conversion(budget, object, wanted)
    return np.array(object, dtype=wanted)


def _charge_conversion(budget: Budget, value: Any, wanted: np.dtype[Any] | None) -> None:
    """Charges ``value`` as an array of ``wanted``; S and U without a size take the width of the widest element."""
    count, width = _extent(value, {})
    if wanted is None:
        budget.charge(count * max(width, 8))
    else:
        budget.charge(count * (wanted.itemsize or max(4 * width, _WIDEST_TEXT)))


def _number_dtype(value: Any, default: Any = None) -> np.dtype[Any] | None:
    found = _dtype(value, default)
    if found is not None and found.kind in "SUO":
        raise InvalidArgumentError(f"needs a numeric dtype, got {found}")
    return found


def _filled(function: Callable[..., Array]) -> Callable[..., Array]:
    def make(budget: Budget, shape: Any, dtype: Any = None) -> Array:
        wanted = _dtype(dtype, np.float64)
        assert wanted is not None  # a default was given
        return function(budget.charge_shape(shape, wanted), wanted)

    return make


def _full(budget: Budget, shape: Any, fill_value: Any, dtype: Any = None) -> Array:
    value = np.asarray(fill_value, dtype=_dtype(dtype))
    return np.full(budget.charge_shape(shape, value.dtype), value, value.dtype)


def _like(function: Callable[..., Array]) -> Callable[..., Array]:
    def make(budget: Budget, a: Any, dtype: Any = None) -> Array:
        source = np.asarray(a)
        wanted = _dtype(dtype, source.dtype)
        assert wanted is not None  # a default was given
        return function(budget.charge_shape(source.shape, wanted), wanted)

    return make


def _full_like(budget: Budget, a: Any, fill_value: Any, dtype: Any = None) -> Array:
    source = np.asarray(a)
    return _full(budget, source.shape, fill_value, source.dtype if dtype is None else dtype)


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | int | float | np.number) and math.isfinite(value):
        return value
    raise InvalidArgumentError(f"needs a finite number, got {value!r}")


def _arange(budget: Budget, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Array:
    first, last = (0, start) if stop is None else (start, stop)
    if _scalar(step) == 0:
        raise InvalidArgumentError("arange: the step is 0")
    count = max(math.ceil((_scalar(last) - _scalar(first)) / step), 0)
    budget.charge(count * 8)
    return np.arange(first, last, step, dtype=_number_dtype(dtype))


def _linspace(budget: Budget, start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None) -> Array:
    (count,) = budget.charge_shape(num, np.dtype(np.float64))
    return np.linspace(_scalar(start), _scalar(stop), count, endpoint=bool(endpoint), dtype=_number_dtype(dtype))


def _eye(budget: Budget, N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Array:
    rows, columns = budget.charge_shape((N, N if M is None else M), np.dtype(np.float64))
    return np.eye(rows, columns, int(k), dtype=_number_dtype(dtype, np.float64))


def _range(budget: Budget, start: Any, stop: Any = None, step: Any = 1) -> list[int]:
    values = range(start) if stop is None else range(start, stop, step)
    budget.charge(len(values) * 8)
    return list(values)


# --- random arrays ----------------------------------------------------------------------------------------------------


def _random_dims(sample: Callable[[tuple[int, ...]], Any]) -> Callable[..., Any]:
    def make(budget: Budget, *dims: Any) -> Any:
        return sample(budget.charge_shape(dims, np.dtype(np.float64)))

    return make


def _random_size(sample: Callable[..., Any], **defaults: float) -> Callable[..., Any]:
    """A distribution with the parameters ``defaults``, in this order, and then ``size``."""

    def make(budget: Budget, *positional: Any, **named: Any) -> Any:
        names = [*defaults, "size"]
        given = dict(zip(names, positional, strict=False)) | named
        if len(positional) > len(names) or set(given) - set(names):
            raise InvalidArgumentError(f"takes {', '.join(names)}")
        size = given.pop("size", None)
        dims = () if size is None else budget.charge_shape(size, np.dtype(np.float64))
        return sample(*(_scalar(given.get(name, default)) for name, default in defaults.items()), dims)

    return make


def _randint(budget: Budget, low: Any, high: Any = None, size: Any = None, dtype: Any = None) -> Any:
    dims = () if size is None else budget.charge_shape(size, np.dtype(np.int64))
    wanted: Any = _dtype(dtype, np.int64)
    return np.random.randint(_scalar(low), None if high is None else _scalar(high), dims, wanted)


# --- changing shapes --------------------------------------------------------------------------------------------------


def _reshape(budget: Budget, a: Any, *shape: Any) -> Array:
    source = np.asarray(a)
    budget.charge(source.nbytes)
    return source.reshape(shape[0] if len(shape) == 1 else shape)


def _transpose(_budget: Budget, a: Any, *order: Any, axes: Any = None) -> Array:
    wanted = order if axes is None else (axes,)
    return np.asarray(a).transpose(*wanted)


def _same_size(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of one array and an axis whose result has as many elements as its argument."""

    def call(budget: Budget, a: Any, axis: Any = None) -> Array:
        source = np.asarray(a)
        budget.charge(source.nbytes)
        return function(source) if axis is None else function(source, axis)

    return call


def _expand_dims(budget: Budget, a: Any, axis: Any) -> Array:
    return np.expand_dims(np.asarray(a), axis)


def _tile(budget: Budget, A: Any, reps: Any) -> Array:
    source = np.asarray(A)
    times = tuple(reps) if isinstance(reps, list | tuple) else (reps,)
    if not all(isinstance(n, int) and n >= 0 for n in times):
        raise InvalidArgumentError(f"tile: reps must be integers, got {reps!r}")
    budget.charge(source.nbytes * math.prod(times))
    return np.tile(source, times)


def _repeat(budget: Budget, a: Any, repeats: Any, axis: Any = None) -> Array:
    source = np.asarray(a)
    if not isinstance(repeats, int) or repeats < 0:
        raise InvalidArgumentError(f"repeat: repeats must be an integer, got {repeats!r}")
    budget.charge(source.nbytes * repeats)
    return np.repeat(source, repeats, axis)


def _broadcast_to(budget: Budget, array: Any, shape: Any) -> Array:
    source = np.asarray(array)
    return np.array(np.broadcast_to(source, budget.charge_shape(shape, source.dtype)))


def _joined(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(budget: Budget, arrays: Any, axis: Any = 0) -> Array:
        if not isinstance(arrays, list | tuple):
            raise InvalidArgumentError("needs a list of arrays")
        budget.check_nested(arrays)
        count, width = _extent(arrays, {})
        budget.charge(count * width)
        return function(arrays, axis)

    return call


def _astype(budget: Budget, a: Any, dtype: Any) -> Array:
    source = np.asarray(a)
    wanted = _dtype(dtype)
    if wanted is None:
        raise InvalidArgumentError("astype: needs a dtype")
    _charge_conversion(budget, source, wanted)
    return source.astype(wanted)


# --- computing --------------------------------------------------------------------------------------------------------


def _elementwise(function: Callable[..., Any], arity: int) -> Callable[..., Any]:
    def call(budget: Budget, *operands: Any) -> Any:
        if len(operands) != arity:
            raise InvalidArgumentError(f"takes {arity} argument(s), got {len(operands)}")
        arrays = [_numeric(operand) for operand in operands]
        budget.charge_broadcast(*arrays)
        return function(*arrays)

    return call


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(budget: Budget, a: Any, axis: Any = None, keepdims: Any = False) -> Any:
        source = _numeric(a)
        budget.charge(source.nbytes)
        return function(source, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(keepdims))

    return call


def _round(budget: Budget, a: Any, decimals: Any = 0) -> Any:
    source = _numeric(a)
    if not isinstance(decimals, int) or abs(decimals) > 400:  # NumPy counts its way to the power of ten
        raise InvalidArgumentError(f"round: decimals must be an integer within 400 of 0, got {decimals!r}")
    budget.charge_broadcast(source)
    return np.round(source, decimals)


def _where(budget: Budget, condition: Any, x: Any, y: Any) -> Array:
    arrays = [_numeric(value) for value in (condition, x, y)]
    budget.charge_broadcast(*arrays)
    return np.where(arrays[0], arrays[1], arrays[2])


# --- scalars, strings, lists ------------------------------------------------------------------------------------------


def _encode(budget: Budget, text: str, encoding: Any = "utf-8") -> bytes:
    if encoding not in ("utf-8", "utf8", "ascii", "latin-1", "latin1"):
        raise InvalidArgumentError(f"encoding {encoding!r} is not allowed; use utf-8, ascii or latin-1")
    budget.charge(4 * len(text))
    return text.encode(encoding)


def _tolist(budget: Budget, a: Any) -> Any:
    source = np.asarray(a)
    budget.charge(source.size * 40 + source.nbytes)  # Python objects and their references
    return source.tolist()


def _convert(dtype: Any) -> DTypeName:
    return DTypeName(dtype.__name__, np.dtype(dtype))


# Names of NumPy functions, by the number of arrays they take.
_UNARY: Final = """
    abs absolute negative exp expm1 log log1p log2 log10 sqrt square sign floor ceil rint trunc sin cos tan arcsin
    arccos arctan sinh cosh tanh isnan isinf isfinite conj real imag deg2rad rad2deg logical_not invert
"""
_BINARY: Final = """
    add subtract multiply divide floor_divide mod power maximum minimum arctan2 hypot equal not_equal less less_equal
    greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor
"""
_REDUCTIONS: Final = "sum prod mean std var min max amin amax any all"
_DTYPES: Final = """
    float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 complex64 complex128 bool_ str_ bytes_
    object_ half single double intc int_ uint longlong
"""


def _one_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    reduce = _reduction(function)

    def call(budget: Budget, a: Any, axis: Any = None, keepdims: Any = False) -> Any:
        if isinstance(axis, list | tuple):
            raise InvalidArgumentError("takes one axis")
        return reduce(budget, a, axis, keepdims)

    return call


_RANDOM: Final[dict[str, Callable[..., Any]]] = {
    "rand": _random_dims(lambda dims: np.random.random_sample(dims)),
    "randn": _random_dims(lambda dims: np.random.standard_normal(dims)),
    "random": _random_size(lambda dims: np.random.random_sample(dims)),
    "random_sample": _random_size(lambda dims: np.random.random_sample(dims)),
    "standard_normal": _random_size(lambda dims: np.random.standard_normal(dims)),
    "uniform": _random_size(lambda low, high, dims: np.random.uniform(low, high, dims), low=0.0, high=1.0),
    "normal": _random_size(lambda loc, scale, dims: np.random.normal(loc, scale, dims), loc=0.0, scale=1.0),
    "randint": _randint,
}
_SHAPING: Final[dict[str, Callable[..., Any]]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "ravel": _same_size(lambda a: a.ravel()),
    "squeeze": _same_size(np.squeeze),
    "copy": _same_size(lambda a: a.copy()),
    "repeat": _repeat,
    "astype": _astype,
    "tolist": _tolist,
    "round": _round,
    "clip": _elementwise(np.clip, 3),
}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "array": _array,
    "asarray": _array,
    "zeros": _filled(np.zeros),
    "ones": _filled(np.ones),
    "empty": _filled(np.zeros),
    "full": _full,
    "zeros_like": _like(np.zeros),
    "ones_like": _like(np.ones),
    "full_like": _full_like,
    "arange": _arange,
    "linspace": _linspace,
    "eye": _eye,
    "identity": lambda budget, n, dtype=None: _eye(budget, n, dtype=dtype),
    "expand_dims": _expand_dims,
    "tile": _tile,
    "broadcast_to": _broadcast_to,
    "concatenate": _joined(lambda arrays, axis: np.concatenate(arrays, axis)),
    "stack": _joined(lambda arrays, axis: np.stack(arrays, axis)),
    "vstack": _joined(lambda arrays, _axis: np.vstack(arrays)),
    "hstack": _joined(lambda arrays, _axis: np.hstack(arrays)),
    "flip": _same_size(np.flip),
    "sort": _same_size(np.sort),
    "cumsum": _same_size(lambda a, axis=None: np.cumsum(_numeric(a), axis)),
    "where": _where,
    **_SHAPING,
    **{name: _elementwise(getattr(np, name), 1) for name in _UNARY.split()},
    **{name: _elementwise(getattr(np, name), 2) for name in _BINARY.split()},
    **{name: _reduction(getattr(np, name)) for name in _REDUCTIONS.split()},
    "argmin": _one_axis(np.argmin),
    "argmax": _one_axis(np.argmax),
}
del _FUNCTIONS["tolist"], _FUNCTIONS["astype"]  # methods only

_TYPES: Final = {name: _convert(getattr(np, name)) for name in _DTYPES.split()} | {
    "bool": DTypeName("bool", np.dtype(bool))
}

# What np.<name> may be.
NUMPY_NAMES: Final[Mapping[str, Any]] = {
    **{name: FunctionName(f"np.{name}", call) for name, call in _FUNCTIONS.items()},
    **{f"random.{name}": FunctionName(f"np.random.{name}", call) for name, call in _RANDOM.items()},
    **_TYPES,
    "dtype": FunctionName("np.dtype", lambda _budget, name: _dtype(name)),
    "pi": np.pi,
    "e": np.e,
    "nan": np.nan,
    "inf": np.inf,
    "newaxis": None,
}

# What a bare name may be; np and numpy are the module.
NAMES: Final[Mapping[str, Any]] = {
    "float": DTypeName("float", np.dtype(np.float64)),
    "int": DTypeName("int", np.dtype(np.int64)),
    "bool": DTypeName("bool", np.dtype(bool)),
    "complex": DTypeName("complex", np.dtype(np.complex128)),
    "str": DTypeName("str", np.dtype(str)),
    "bytes": DTypeName("bytes", np.dtype(bytes)),
    "object": DTypeName("object", np.dtype(object)),
    "range": FunctionName("range", _range),
    "bfloat16": DTypeName("bfloat16", _ML_DTYPES["bfloat16"]),
}

_ARRAY_METHODS: Final[dict[str, Callable[..., Any]]] = {
    **_SHAPING,
    "flatten": _SHAPING["ravel"],
    **{
        name: _FUNCTIONS[name]
        for name in ("sum", "prod", "mean", "std", "var", "min", "max", "argmin", "argmax", "cumsum")
    },
}

# Methods by the type of their owner.
METHODS: Final[Sequence[tuple[type, Mapping[str, Callable[..., Any]]]]] = (
    (np.ndarray, _ARRAY_METHODS),
    (np.generic, _ARRAY_METHODS),
    (str, {"encode": _encode}),
)

ARRAY_ATTRIBUTES: Final[Mapping[str, Callable[[Array], Any]]] = {
    "T": lambda a: a.T,
    "shape": lambda a: a.shape,
    "size": lambda a: a.size,
    "ndim": lambda a: a.ndim,
    "dtype": lambda a: a.dtype,
}
