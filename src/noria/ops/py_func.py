"""Calls of Python functions: for the user's own programs only; a loaded or served model is refused.

A node carries the token of a function that the program registered (``Resources.unrestricted(py_functions=...)``). The
function gets NumPy values: an array for each input, a scalar of its dtype for an input of rank 0, bytes for a string
of rank 0. It gives a value for each output, in a list or a tuple, or one value alone where there is one output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import (
    InternalError,
    InvalidArgumentError,
    OutOfRangeError,
    ResourceExhaustedError,
    TFError,
    UnimplementedError,
    UnknownError,
)
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.shapes import Shape

# What an exception of the function becomes, the first that fits.
_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[TFError]], ...] = (
    ((ValueError, TypeError), InvalidArgumentError),
    ((StopIteration,), OutOfRangeError),
    ((MemoryError,), ResourceExhaustedError),
    ((NotImplementedError,), UnimplementedError),
)


@infer("PyFunc", "PyFuncStateless", "EagerPyFunc")
def _py_func_infer(call: InferCall) -> list[Shape]:
    return [None] * len(call.attr("Tout"))


@kernel("PyFunc", "PyFuncStateless", "EagerPyFunc")
def _py_func(call: KernelCall, *inputs: Array) -> tuple[Array, ...]:
    token = call.text("token")
    function = call.resources.py_function(token)
    wanted: list[DType] = call.attr("Tout")
    try:
        result = function(*(value[()] for value in inputs))
    except TFError:
        raise
    except Exception as error:
        kind = next((kind for causes, kind in _ERRORS if isinstance(error, causes)), UnknownError)
        raise kind(f"{type(error).__name__}: {error}") from error
    values = _values(result)
    if len(values) != len(wanted):
        raise InvalidArgumentError(f"{token} returns {len(values)} values, but expects to see {len(wanted)} values.")
    return tuple(
        _converted(token, i, value, dtype) for i, (value, dtype) in enumerate(zip(values, wanted, strict=True))
    )


def _values(result: Any) -> list[Any]:
    if result is None:
        return []
    return list(result) if isinstance(result, list | tuple) else [result]


def _converted(token: str, index: int, value: Any, dtype: DType) -> Array:
    """What the function gave as an array of the declared dtype; text becomes UTF-8."""
    array = np.asarray(value)
    if array.dtype.kind in "SUO":
        flat = np.empty(array.size, object)
        flat[:] = [_text(item) for item in array.reshape(-1).tolist()]
        array, found = flat.reshape(array.shape), dtypes.string
    else:
        found = dtypes.from_numpy(array.dtype)
    if found.numpy != dtype.numpy:
        raise InvalidArgumentError(
            f"{index}-th value returned by {token} is {found.core_name}, but expects {dtype.core_name}"
        )
    # the function may keep its array and change it later
    return array.copy() if isinstance(value, np.ndarray) else array


def _text(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if not isinstance(item, bytes):
        raise InternalError(f"Unsupported object type {type(item).__name__}")
    return item
