"""What a caller gives → arrays that the graph takes.

Strings come as str, bytes, or object, ``S`` and ``U`` arrays, and become object arrays of bytes. Numbers are converted
where nothing is lost but precision of the same kind (float64 → float32, int64 → int32 in range, int → float), as
TensorFlow converts Python values; anything else is an error that names both dtypes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array


def to_array(value: Any, dtype: DType, alias: str) -> Array:
    """``value`` as an array of ``dtype``; InvalidArgumentError names the input ``alias`` when it does not fit."""
    if dtype is dtypes.string:
        return to_strings(value, alias)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidArgumentError(f"input {alias!r} is not a rectangular array: {error}") from None
    if array.dtype == dtype.numpy:
        return array
    if array.size == 0 and not isinstance(value, np.ndarray):
        return array.astype(dtype.numpy)
    if not _converts(array, dtype.numpy):
        raise InvalidArgumentError(f"input {alias!r}: got an array of {_name(array.dtype)}, expected {dtype}")
    return array.astype(dtype.numpy)


def _converts(array: Array, wanted: np.dtype[Any]) -> bool:
    kind = array.dtype.kind
    target = "f" if dtypes.from_numpy(wanted).is_floating else wanted.kind
    source = "f" if kind == "V" and dtypes.from_numpy(array.dtype).is_floating else kind
    if source == "b" or target == "b" or source not in "iufc":
        return False
    if source in "iu" and target in "iu":
        if array.size == 0:
            return True
        limits = np.iinfo(wanted)
        return int(array.min()) >= limits.min and int(array.max()) <= limits.max
    return "iufc".index("i" if source == "u" else source) <= "iufc".index("i" if target == "u" else target)


def _name(dtype: np.dtype[Any]) -> str:
    try:
        return dtypes.from_numpy(dtype).name
    except InvalidArgumentError:
        return str(dtype)


def to_strings(value: Any, alias: str) -> Array:
    """``value`` as an object array of bytes; text is encoded as UTF-8."""
    if isinstance(value, np.ndarray):
        array = value
    elif isinstance(value, str | bytes):
        array = np.empty((), object)
        array[()] = value
    else:
        array = np.array(value, dtype=object)
    if array.dtype.kind == "S":
        return array.astype(object)
    if array.dtype.kind == "U":
        array = array.astype(object)
    if array.dtype != object:
        raise InvalidArgumentError(f"input {alias!r}: got an array of {_name(array.dtype)}, expected string")
    flat = array.reshape(-1)
    if all(type(v) is bytes for v in flat):
        return array
    result = np.empty(flat.shape, object)
    for i, item in enumerate(flat):
        result[i] = _bytes(item, alias)
    return result.reshape(array.shape)


def _bytes(item: Any, alias: str) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes):
        return bytes(item)
    raise InvalidArgumentError(f"input {alias!r} has an element of type {type(item).__name__}, expected str or bytes")
