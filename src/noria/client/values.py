"""What a caller gives for an input, to an array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from noria import dtypes
from noria.client.answers import SignatureInfo
from noria.client.messages import Array
from noria.dtypes import DType
from noria.errors import InvalidArgumentError

_NUMBERS: Final = "biuf"


def arrays_of(inputs: Mapping[str, Any]) -> dict[str, Array] | None:
    """The inputs, when all have a dtype of their own; None when some are Python values, whose dtype the model says.

    Raises InvalidArgumentError for what is no mapping of names.
    """
    _check_named(inputs)
    for value in inputs.values():
        if not isinstance(value, np.ndarray):
            break
    else:
        return dict(inputs)
    found = {}
    for alias, value in inputs.items():
        array = _own_array(value)
        if array is None:
            return None
        found[alias] = array
    return found


def _check_named(inputs: Mapping[str, Any]) -> None:
    if not isinstance(inputs, Mapping):
        raise InvalidArgumentError(f'inputs are given by name, as {{"x": array}}; got {type(inputs).__name__}')
    for alias in inputs:
        if not isinstance(alias, str):
            raise InvalidArgumentError(f"the name of an input is a string; got {alias!r}")


def _own_array(value: Any) -> Array | None:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    if isinstance(value, bytes | str):
        return np.array(value, object)
    if hasattr(value, "__array__"):  # a tensor of another library
        return np.asarray(value)
    return None


def bind(inputs: Mapping[str, Any], signature: SignatureInfo) -> dict[str, Array]:
    """The inputs as arrays; Python values take the signature's dtype. Raises InvalidArgumentError."""
    _check_named(inputs)
    found = {}
    for alias, value in inputs.items():
        array = _own_array(value)
        if array is None:
            info = signature.inputs.get(alias)
            if info is None:
                raise InvalidArgumentError(
                    f"signature {signature.name!r} has no input {alias!r}; it takes: {', '.join(signature.inputs)}"
                )
            array = _converted(alias, value, info.dtype)
        found[alias] = array
    return found


def _converted(alias: str, value: Any, dtype: DType) -> Array:
    """A Python number, bool, or nested list of them, bytes or str."""
    try:
        if dtype is dtypes.string:
            return np.array(value, object)
        guessed = np.asarray(value)
        if guessed.size == 0:
            return guessed.astype(dtype.numpy)
        if guessed.dtype.kind not in "biufc":
            raise InvalidArgumentError(f"input {alias!r} takes {dtype}; got values of another kind")
        if dtype.is_integer and guessed.dtype.kind == "f":
            raise InvalidArgumentError(f"input {alias!r} takes {dtype}; got numbers with a fraction")
        if (dtype is dtypes.bool_) != (guessed.dtype.kind == "b"):
            raise InvalidArgumentError(f"input {alias!r} takes {dtype}; got {guessed.dtype}")
        if dtype.is_integer:
            return np.array(value, dtype.numpy)  # which refuses what is out of range
        if guessed.dtype.kind == "c" and not dtype.is_complex:
            raise InvalidArgumentError(f"input {alias!r} takes {dtype}; got complex numbers")
        with np.errstate(over="ignore"):  # too big for float32 is infinite
            return guessed.astype(dtype.numpy)
    except InvalidArgumentError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidArgumentError(f"input {alias!r} takes {dtype}: {error}") from None


def widened(array: Array, dtype: DType) -> Array:
    """``array`` in the signature's dtype where that is a number of the same kind or a float: JSON carries no dtype."""
    if array.dtype == dtype.numpy or array.dtype.kind not in "iuf" or not (dtype.is_integer or dtype.is_floating):
        return array
    if dtype.is_integer and array.dtype.kind == "f":
        return array
    if dtype.is_integer and array.size:
        limits = np.iinfo(dtype.numpy) if dtype.numpy.kind in "iu" else None
        if limits is None or array.min() < limits.min or array.max() > limits.max:
            return array
    with np.errstate(over="ignore"):
        return array.astype(dtype.numpy)
