"""Arrays to response JSON: row form ``{"predictions": [...]}``, column form ``{"outputs": ...}``, errors.

Floats print the shortest digits that read back to the same float32 or float64, whole ones with ``.0``; NaN and the
infinities print as bare ``NaN``, ``Infinity``, ``-Infinity``. Strings are the bytes themselves, valid UTF-8 or not;
base64 objects under an alias that ends in ``_bytes``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from noria import dtypes
from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]

_NUMPY: Final = orjson.OPT_SERIALIZE_NUMPY
_WRITABLE: Final = frozenset(
    np.dtype(kind)
    for kind in (
        np.float32,
        np.float64,
        np.int8,
        np.int16,
        np.int32,
        np.int64,
        np.uint8,
        np.uint32,
        np.uint64,
        np.bool_,
    )
)
_ESCAPED: Final = re.compile(rb'["\\\x00-\x1f]')


def predict_response(outputs: Mapping[str, Array], row: bool) -> bytes:
    """The body of a Predict answer.

    Raises InvalidArgumentError where the row form cannot hold the outputs (a scalar, an empty batch, unequal batches)
    and for dtypes that JSON does not carry.
    """
    if not outputs:
        raise InvalidArgumentError("Cannot convert empty tensor map to JSON")
    if row:
        if len(outputs) == 1:
            ((alias, array),) = outputs.items()
            if array.ndim == 0 or not len(array):
                _batch_size(outputs)
            return b'{\n    "predictions": ' + _encode(alias, array) + b"\n}"
        size = _batch_size(outputs)
        rows = [
            {alias: orjson.Fragment(_encode(alias, array[index])) for alias, array in outputs.items()}
            for index in range(size)
        ]
        return b'{\n    "predictions": ' + orjson.dumps(rows) + b"\n}"
    if len(outputs) == 1:
        ((alias, array),) = outputs.items()
        return b'{\n    "outputs": ' + _encode(alias, array) + b"\n}"
    whole = {alias: orjson.Fragment(_encode(alias, array)) for alias, array in outputs.items()}
    return b'{\n    "outputs": ' + orjson.dumps(whole) + b"\n}"


def _batch_size(outputs: Mapping[str, Array]) -> int:
    size = 0
    for alias, array in outputs.items():
        if array.ndim == 0:
            raise InvalidArgumentError(f"Tensor name: {alias} has no shape information ")
        if len(array) < 1:
            raise InvalidArgumentError(f"Tensor name: {alias} has invalid batch size: {len(array)}")
        if size and len(array) != size:
            raise InvalidArgumentError(
                f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {size}"
            )
        size = len(array)
    return size


def _encode(alias: str, array: Any) -> bytes:
    """One array or scalar as JSON."""
    if isinstance(array, (bytes, str)) or array.dtype.kind == "O":
        return _strings(array, as_bytes=alias.endswith("_bytes"))
    if array.dtype not in _WRITABLE:
        if not array.size:
            return orjson.dumps(array.tolist())
        name = dtypes.from_numpy(array.dtype).core_name
        raise InvalidArgumentError(f"Failed to write JSON value for tensor type: {name}")
    if array.ndim == 0:  # orjson takes neither arrays of rank 0 nor every NumPy scalar
        text = orjson.dumps(np.reshape(array, 1), option=_NUMPY)[1:-1]
    else:
        text = orjson.dumps(np.ascontiguousarray(array), option=_NUMPY)
    return with_specials(text, array) if b"null" in text else text


def with_specials(text: bytes, array: Array) -> bytes:
    """Replaces the ``null`` that orjson writes for each number that is not finite, in order."""
    flat = np.asarray(array).ravel()
    odd = flat[~np.isfinite(flat)]
    names = [b"NaN" if value != value else b"Infinity" if value > 0 else b"-Infinity" for value in odd.tolist()]
    parts = text.split(b"null")
    pieces = [parts[0]]
    for name, part in zip(names, parts[1:], strict=True):
        pieces += [name, part]
    return b"".join(pieces)


def _strings(value: Any, *, as_bytes: bool) -> bytes:
    nested = value.tolist() if isinstance(value, np.ndarray) else value
    return orjson.dumps(_string_tree(nested, as_bytes=as_bytes))


def _string_tree(value: Any, *, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_string_tree(item, as_bytes=as_bytes) for item in value]
    raw = value.encode() if isinstance(value, str) else value
    if as_bytes:
        return {"b64": base64.b64encode(raw).decode("ascii")}
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return orjson.Fragment(b'"' + _ESCAPED.sub(lambda match: b"\\u%04x" % match[0][0], raw) + b'"')


def classify_response(classes: Sequence[Sequence[tuple[bytes, float]]]) -> bytes:
    """The body of a Classify answer: for each example its list of [label, score]."""
    rows = [
        [[orjson.Fragment(_strings(label, as_bytes=False)), _number(score)] for label, score in row] for row in classes
    ]
    return b'{\n    "results": ' + orjson.dumps(rows) + b"\n}"


def regress_response(values: Array) -> bytes:
    """The body of a Regress answer; values: float32 of shape [N]."""
    return b'{\n    "results": ' + _encode("", values) + b"\n}"


def _number(value: float) -> orjson.Fragment:
    return orjson.Fragment(_encode("", np.float32(value)))


def error_response(message: str) -> bytes:
    """The body of an error answer."""
    return b'{\n    "error": ' + orjson.dumps(message.encode("utf-8", "replace").decode()) + b"\n}"
