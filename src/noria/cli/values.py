"""Arrays as JSON, and as one line of statistics."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError


def json_value(value: Any) -> Any:
    """``value`` as JSON takes it: bytes as text, or ``{"b64": ...}`` where they are not UTF-8; complex as [re, im]."""
    array = np.asarray(value)
    if array.dtype.hasobject or array.dtype.kind in "SU":
        return _nested(array, _json_string)
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1).tolist()
    if array.dtype.kind not in "biuf":  # bfloat16, float8, 4-bit integers
        array = array.astype(np.float64 if dtypes.from_numpy(array.dtype).is_floating else np.int64)
    return array.tolist()


def _nested(array: np.ndarray[Any, np.dtype[Any]], convert: Any) -> Any:
    if array.ndim == 0:
        return convert(array[()])
    return [_nested(np.asarray(item, dtype=array.dtype), convert) for item in array]


def _json_string(item: Any) -> Any:
    if isinstance(item, bytes):
        try:
            return item.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(item).decode()}
    return str(item)


@dataclass(frozen=True)
class Row:
    """One tensor of a traced run. low, high, mean: over the finite elements, None where there are none or no order."""

    tensor: str
    op: str
    dtype: str
    shape: list[int] | None
    low: float | None
    high: float | None
    mean: float | None
    nan: int
    inf: int
    seconds: float

    def cells(self) -> list[str]:
        """The row as text: tensor, op, dtype, shape, min, max, mean, NaN, Inf, milliseconds."""
        numbers = ["" if number is None else f"{number:.6g}" for number in (self.low, self.high, self.mean)]
        shape = "" if self.shape is None else shapes.text(tuple(self.shape))
        head = [self.tensor, self.op, self.dtype, shape]
        return [*head, *numbers, str(self.nan), str(self.inf), f"{self.seconds * 1e3:.3f}"]

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        found = asdict(self)
        return {{"low": "min", "high": "max"}.get(key, key): value for key, value in found.items()}


def trace_row(tensor: str, op: str, value: Any, seconds: float) -> Row:
    """The statistics of one tensor; what is no array (a table, a list of tensors) is named by its type."""
    if not isinstance(value, np.ndarray | np.generic):
        return Row(tensor, op, type(value).__name__, None, None, None, None, 0, 0, seconds)
    array = np.asarray(value)
    try:
        dtype = dtypes.from_numpy(array.dtype)
    except InvalidArgumentError:
        return Row(tensor, op, str(array.dtype), list(array.shape), None, None, None, 0, 0, seconds)
    shape = list(array.shape)
    if array.dtype.hasobject or array.dtype.kind in "SU":
        return Row(tensor, op, dtype.name, shape, None, None, None, 0, 0, seconds)
    numbers = array if dtype.is_complex else array.astype(np.float64)
    finite = np.isfinite(numbers)
    nan = int(np.count_nonzero(np.isnan(numbers)))
    inf = array.size - int(np.count_nonzero(finite)) - nan
    kept = numbers[finite]
    if dtype.is_complex or kept.size == 0:
        return Row(tensor, op, dtype.name, shape, None, None, None, nan, inf, seconds)
    with np.errstate(over="ignore"):  # the sum of huge float64 values
        mean = float(kept.mean())
    return Row(tensor, op, dtype.name, shape, float(kept.min()), float(kept.max()), mean, nan, inf, seconds)
