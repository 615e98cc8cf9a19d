"""Request JSON to arrays, arrays to response JSON: TensorFlow Serving's row and column forms.

Row form in: ``{"instances": [v, ...]}`` or ``[{"alias": v, ...}, ...]``; out: ``{"predictions": [...]}``. Column form
in: ``{"inputs": v}`` or ``{"alias": v, ...}``; out: ``{"outputs": ...}``. Bytes travel as ``{"b64": "..."}``, out only
under an alias that ends in ``_bytes``. The dtype of a value is the signature's, never guessed: integers must be
written without fraction or exponent, bools as true or false, nothing is ever converted from a string.

The common bodies never meet the exact code: a big numeric body goes from text to one array through simdjson, and a
small one through orjson and NumPy. Whatever these cannot take as it stands (ragged, mixed, wrong kind) is read
again by ``_Filler``, element by element, which either accepts it or words the error.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
import simdjson

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, TFError, UnimplementedError
from noria.serving import json_text

Array = np.ndarray[Any, np.dtype[Any]]

_BIG_BODY: Final = 16 * 1024  # bytes from which the simdjson path pays for its set-up
_MAX_RANK: Final = 64  # NumPy's own limit
_WHITE_SPACE: Final = b" \t\n\v\f\r"


class Spec(Protocol):
    """What decoding needs to know of an input."""

    @property
    def dtype(self) -> DType: ...


class PredictBody(NamedTuple):
    """A parsed Predict body; its values wait for the signature's dtypes. document: the JSON object, or a ``_Big``."""

    document: Any
    signature_name: str
    text: bytes


def parse_predict(body: bytes) -> PredictBody:
    """Reads the envelope of a Predict body.

    Raises InvalidArgumentError for text that is not JSON, not an object, or has a signature_name that is not a string.
    """
    if len(body) >= _BIG_BODY:
        found = _big_envelope(body)
        if found is not None:
            return found
    document = json_text.parse(body)
    return PredictBody(document, signature_name(document), body)


def parse_quickly(body: bytes) -> PredictBody | None:
    """As ``parse_predict``, or None where that would take milliseconds: it reads 3 MB/s of what has to be looked at
    closely. Raises as ``parse_predict`` does.
    """
    return parse_predict(body) if len(body) < _BIG_BODY else _big_envelope(body)


def signature_name(document: Any) -> str:
    if type(document) is not dict:
        raise InvalidArgumentError(f"JSON Value: {json_text.show(document)} Is not object")
    name = document.get("signature_name", "")
    if type(name) is not str:
        raise InvalidArgumentError(
            f"JSON Value: {json_text.show(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def decode_predict(parsed: PredictBody, inputs: Mapping[str, Spec]) -> tuple[dict[str, Array], bool]:
    """The arrays of a Predict body by alias, and whether it came in row form.

    inputs: the signature's inputs by alias, sorted. Raises InvalidArgumentError; UnimplementedError for dtypes that
    JSON does not carry (half, bfloat16, uint16, complex), in column form.
    """
    document = parsed.document
    if type(document) is _Big:
        found = document.decode(inputs)
        if found is not None:
            return found, document.row
        document = json_text.parse(parsed.text)
    if "instances" in document:
        instances = document["instances"]
        if "inputs" in document:
            raise _format_error(
                document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
            )
        if type(instances) is not list:
            raise _format_error(document, "Expecting 'instances' to be an list/array")
        if not instances:
            raise _format_error(document, "No values in 'instances' array")
        return _decode_rows(instances, inputs, parsed.text), True
    if "inputs" in document:
        return _decode_columns(document["inputs"], inputs, parsed.text), False
    raise InvalidArgumentError("Missing 'inputs' or 'instances' key")


def decode_quickly(parsed: PredictBody, inputs: Mapping[str, Spec]) -> tuple[dict[str, Array], bool] | None:
    """As ``decode_predict``, or None where that would take milliseconds. Raises as it does."""
    document = parsed.document
    if type(document) is _Big:
        found = document.decode(inputs)
        return None if found is None else (found, document.row)
    return decode_predict(parsed, inputs) if len(parsed.text) < _BIG_BODY else None


def _format_error(value: Any, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"JSON Value: {json_text.show(value)} {what}")


# ---- big numeric bodies: one nested list of numbers in an ordinary envelope, read without making Python objects

_NAME: Final = rb'"([\x20\x21\x23-\x5b\x5d-\x7e]*)"'  # a string without escapes
_SIGNATURE: Final = rb'"signature_name"\s*:\s*' + _NAME
_HEAD: Final = re.compile(rb"\s*\{\s*(?:" + _SIGNATURE + rb'\s*,\s*)?"(instances|inputs)"\s*:\s*')
_NAMED: Final = re.compile(rb"(\[?)\s*\{\s*" + _NAME + rb"\s*:\s*")
_END: Final = rb"\s*(?:,\s*" + _SIGNATURE + rb"\s*)?\}\s*\Z"
_TAILS: Final = {  # by (named, row): what follows the list
    (False, True): re.compile(rb"\]" + _END),
    (False, False): re.compile(rb"\]" + _END),
    (True, True): re.compile(rb"\](?=\s*\}\s*\])\s*\}\s*\]" + _END),
    (True, False): re.compile(rb"\](?=\s*\})\s*\}" + _END),
}
_TAIL_BYTES: Final = 512  # the longest tail that is looked for
_NUMBER_BYTES: Final = b"0123456789+-.eE \t\r\n"
_BRACKETS: Final = re.compile(rb"\[+")
_INT32: Final = (-(2**31), 2**31 - 1)
# dtype name -> simdjson's element type, its NumPy dtype, and the range that TensorFlow Serving checks
_BIG_READERS: Final[dict[str, tuple[Literal["d", "i", "u"], Any, tuple[int, int] | None]]] = {
    "float32": ("d", np.float64, None),
    "float64": ("d", np.float64, None),
    "int8": ("i", np.int64, _INT32),
    "int16": ("i", np.int64, _INT32),
    "int32": ("i", np.int64, _INT32),
    "uint8": ("i", np.int64, _INT32),
    "uint32": ("i", np.int64, (0, 2**32 - 1)),
    "int64": ("i", np.int64, None),
    "uint64": ("u", np.uint64, None),
}


_KEPT_TEXT: Final = 8 << 20  # a parser that has read more than this is not kept: its memory would be
_LOCAL: Final = threading.local()


def _numbers(text: bytes, kind: Literal["d", "i", "u"]) -> Any:
    """The numbers of a nested list, flat, as a buffer; None where it is no list.

    Raises ValueError, TypeError, and for an integer of more than 64 bits RuntimeError.
    A thread keeps its parser: fresh memory for every text costs more than reading it.
    """
    parser = _LOCAL.__dict__.pop("parser", None) or simdjson.Parser()
    parsed = parser.parse(text)
    if not isinstance(parsed, simdjson.Array):
        return None
    buffer = parsed.as_buffer(of_type=kind)
    if len(text) <= _KEPT_TEXT:
        del parsed  # a parser cannot read again while something of its last text lives
        _LOCAL.parser = parser
    return buffer


@dataclass(frozen=True, slots=True)
class _Big:
    """One nested list of numbers, still text; alias: the name it stood under, None for a bare value."""

    row: bool
    alias: str | None
    text: bytes

    def decode(self, inputs: Mapping[str, Spec]) -> dict[str, Array] | None:
        """The array by alias, or None where the exact reader must decide."""
        if len(inputs) != 1:
            return None
        ((alias, spec),) = inputs.items()
        reader = _BIG_READERS.get(spec.dtype.name)
        if reader is None or self.alias not in (None, alias):
            return None
        shape = _regular_shape(self.text)
        one_row = self.row and self.alias is not None
        if shape is None or len(shape) + one_row > _MAX_RANK:
            return None
        kind, numpy_dtype, limits = reader
        try:
            buffer = _numbers(self.text, kind)
        except (TypeError, ValueError, RuntimeError):
            return None
        if buffer is None:
            return None
        flat = np.frombuffer(buffer, dtype=numpy_dtype)
        if flat.size != math.prod(shape):  # an empty list leaves the same brackets as a list of one
            return None
        if limits is not None and (flat.min() < limits[0] or flat.max() > limits[1]):
            return None
        array = _cast(flat.reshape(shape), spec.dtype)
        return {alias: array[None] if one_row else array}


def _big_envelope(body: bytes) -> PredictBody | None:
    """Recognises the envelope; None where the body is anything out of the ordinary."""
    head = _HEAD.match(body)
    if head is None:
        return None
    row = head[2] == b"instances"
    named = _NAMED.match(body, head.end())
    if named is not None and bool(named[1]) != row:
        return None
    start = head.end() if named is None else named.end()
    tail = _TAILS[named is not None, row].search(body, max(start, len(body) - _TAIL_BYTES))
    if tail is None or body[start : start + 1] != b"[" or (head[1] is not None and tail[1] is not None):
        return None
    alias = None if named is None else named[2].decode("ascii")
    name = head[1] if head[1] is not None else tail[1] or b""
    return PredictBody(_Big(row, alias, body[start : tail.start() + 1]), name.decode("ascii"), body)


def _regular_shape(text: bytes) -> tuple[int, ...] | None:
    """The shape of nested lists, when all lists of a level are equally long and hold only lists or only numbers.

    What is left of the text without its numbers must be the brackets and commas of that shape, byte for byte.
    """
    skeleton = text.translate(None, _NUMBER_BYTES)
    opened = _BRACKETS.match(skeleton)
    if opened is None or len(opened[0]) > _MAX_RANK:
        return None
    rank = len(opened[0])
    unit, shape = b"", []
    for level in range(rank):  # from the innermost list outwards: how many units fill the first list of this level
        end = skeleton.find(b"]" * (level + 1))
        count, rest = divmod(end + level - (rank - level) + 1, len(unit) + 1)
        if end < 0 or rest or count < 1:
            return None
        shape.append(count)
        unit = b"[" + (unit + b",") * (count - 1) + unit + b"]"
    return tuple(reversed(shape)) if unit == skeleton else None


# ---- small bodies: Python values by way of NumPy, where that cannot change what they mean


# What a number needs to be too big for float32: an exponent of two digits, or 39 digits.
_HUGE: Final = re.compile(rb"[eE]\+?\d\d|\d{39}")
_SHORT_BODY: Final = 1024
_LONG_NUMBER: Final = 39


def _looks_small(text: bytes) -> bool:
    """False where a number in ``text`` may be too big for float32; cheaper than the pattern where that is plain."""
    values = text[text.find(b"[") + 1 :] if text.startswith(b'{"instances"') else text
    if b"e" not in values and b"E" not in values and max(map(len, values.split(b","))) < _LONG_NUMBER:
        return True
    return _HUGE.search(text) is None


def _cast(array: Array, dtype: DType, text: bytes | None = None) -> Array:
    """``array`` in the signature's dtype: too big for float32 is infinite, small integers wrap, as TensorFlow's do.

    text: the JSON it comes from; a short one without huge numbers saves NumPy's costly change of error handling.
    """
    if array.dtype == dtype.numpy:
        return array
    if text is not None and len(text) < _SHORT_BODY and _looks_small(text):
        return array.astype(dtype.numpy)
    with np.errstate(over="ignore"):
        return array.astype(dtype.numpy)


def _quick(values: Any, dtype: DType, text: bytes) -> Array | None:
    """``values`` as an array, or None where ``_Filler`` must look: NumPy is used only where it cannot convert kinds."""
    kinds = _QUICK_KINDS.get(dtype.name)
    if kinds is None:
        return _quick_strings(values) if dtype is dtypes.string else None
    if kinds != "b" and (b"true" in text or b"false" in text):
        return None  # NumPy would take a bool among numbers as a number
    try:
        array = np.array(values)
    except (ValueError, OverflowError):
        return None
    kind = array.dtype.kind
    if kind not in kinds:
        return None
    if kind != "f" and dtype.is_integer and array.size:
        low, high = _INTEGER_RANGES[dtype.name]
        if array.min() < low or array.max() > high:
            return None
    return _cast(array, dtype, text)


def _quick_strings(values: Any) -> Array | None:
    if type(values) is not list:
        return None
    shape = [len(values)]
    while values and type(values[0]) is list:
        width = len(values[0])
        if not width or len(shape) == _MAX_RANK or any(type(v) is not list or len(v) != width for v in values):
            return None
        shape.append(width)
        values = [item for value in values for item in value]
    array = np.empty(len(values), dtype=object)
    try:
        array[:] = [value.encode() for value in values]
    except (AttributeError, UnicodeEncodeError):
        return None
    return array.reshape(shape)


_QUICK_KINDS: Final = {
    "float32": "fiu", "float64": "fiu", "bool": "b", "int8": "iu", "int16": "iu", "int32": "iu", "int64": "iu",
    "uint8": "iu", "uint32": "iu", "uint64": "iu",
}  # fmt: skip
_INTEGER_RANGES: Final = {
    "int8": _INT32, "int16": _INT32, "int32": _INT32, "uint8": _INT32, "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1),
}  # fmt: skip


def is_b64(value: Any) -> bool:
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def _decode_rows(instances: list[Any], inputs: Mapping[str, Spec], text: bytes) -> dict[str, Array]:
    first = instances[0]
    if type(first) is not dict and len(inputs) > 1:
        raise _plain_list()
    if type(first) is not dict:
        ((alias, spec),) = inputs.items()
        array = _quick(instances, spec.dtype, text)
        if array is not None:
            return {alias: array}
    elif not is_b64(first) and all(type(row) is dict and row.keys() == inputs.keys() for row in instances):
        arrays = {a: _quick([row[a] for row in instances], spec.dtype, text) for a, spec in inputs.items()}
        if all(array is not None for array in arrays.values()):
            return {alias: array for alias, array in arrays.items() if array is not None}
    return _exact_rows(instances, inputs)


def _plain_list() -> InvalidArgumentError:
    return InvalidArgumentError(
        "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
        "tensorinfo_map"
    )


def _exact_rows(instances: list[Any], inputs: Mapping[str, Spec]) -> dict[str, Array]:
    named = type(instances[0]) is dict and not is_b64(instances[0])
    columns = {alias: _Column(spec.dtype) for alias, spec in inputs.items()}
    for index, row in enumerate(instances):
        is_object = type(row) is dict and not is_b64(row)
        if named and not is_object:
            raise InvalidArgumentError(f"Expecting object but got list at item {index} of input list")
        if not named and is_object:
            raise InvalidArgumentError(f"Expecting value/list but got object at item {index} of input list")
        if not named:
            _add_element(columns, next(iter(inputs)), row, f"{index}")
            continue
        for key, value in row.items():
            _add_element(columns, key, value, f"{index} key: {key}")
        if row.keys() != inputs.keys():
            raise InvalidArgumentError(
                f"Failed to process element: {index} of 'instances' list. JSON object: {json_text.show(row)} "
                f"keys must be equal to: {','.join(sorted(inputs))}"
            )
    if not named and len(inputs) > 1:  # base64 objects, which the first input was able to take
        raise _plain_list()
    return {alias: column.array() for alias, column in columns.items()}


def _add_element(columns: Mapping[str, _Column], alias: str, value: Any, place: str) -> None:
    try:
        if alias not in columns:
            raise InvalidArgumentError(f"JSON object: does not have named input: {alias}")
        columns[alias].add(value)
    except TFError as error:
        raise InvalidArgumentError(
            f"Failed to process element: {place} of 'instances' list. Error: {error.code.name}: {error.message}"
        ) from None


def _decode_columns(value: Any, inputs: Mapping[str, Spec], text: bytes) -> dict[str, Array]:
    if type(value) is not dict or is_b64(value):
        if len(inputs) > 1:
            raise InvalidArgumentError(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        value = {next(iter(inputs)): value}
    arrays = {}
    for alias, spec in inputs.items():
        if alias not in value:
            raise InvalidArgumentError(f"Missing named input: {alias} in 'inputs' object.")
        item = value[alias]
        array = _quick(item, spec.dtype, text)
        arrays[alias] = _Filler(spec.dtype).array(item) if array is None else array
    return arrays


# ---- the exact reader: every rule and every error of TensorFlow Serving, one element at a time


class _Column:
    """The elements of one input in row form: all of one size and shape, stacked at the end."""

    def __init__(self, dtype: DType) -> None:
        self._dtype = dtype
        self._rows: list[Array] = []

    def add(self, value: Any) -> None:
        row = _Filler(self._dtype, _MAX_RANK - 1).array(value)  # the dimension of the rows comes before
        if self._rows and row.size != self._rows[0].size:
            raise InvalidArgumentError(f"Expecting tensor size: {self._rows[0].size} but got: {row.size}")
        if self._rows and row.shape != self._rows[0].shape:
            shapes = (f"[{','.join(map(str, array.shape))}]" for array in (self._rows[0], row))
            raise InvalidArgumentError("Expecting shape {} but got: {}".format(*shapes))
        self._rows.append(row)

    def array(self) -> Array:
        stacked = np.empty((len(self._rows), *self._rows[0].shape), dtype=self._dtype.numpy)
        for index, row in enumerate(self._rows):
            stacked[index] = row[()]  # an object array would keep a scalar row as an array
        return stacked


class _Filler:
    """Reads one JSON value as a dense tensor whose shape is that of the first elements, all the way down."""

    def __init__(self, dtype: DType, max_rank: int = _MAX_RANK) -> None:
        self._dtype = dtype
        self._max_rank = max_rank
        self._convert = _CONVERTERS.get(dtype.name)

    def array(self, value: Any) -> Array:
        shape: list[int] = []
        inner = value
        while type(inner) is list:
            shape.append(len(inner))
            if not inner:
                break
            inner = inner[0]
        if len(shape) > self._max_rank:
            rank = len(shape) + _MAX_RANK - self._max_rank
            raise InvalidArgumentError(f"a tensor may have {_MAX_RANK} dimensions at most; the JSON list has {rank}")
        values: list[Any] = []
        self._fill(value, 0, shape, values)
        if not values:
            return np.empty(shape, self._dtype.numpy)
        flat = np.empty(len(values), dtype=object)
        flat[:] = values
        if self._dtype is not dtypes.string:
            # Through the widest type of the kind, so that small integers wrap and floats overflow to infinity.
            wide = {"f": np.float64, "b": np.bool_, "u": np.uint64, "i": np.int64}[self._dtype.numpy.kind]
            wide = np.int64 if self._dtype.name == "uint8" else wide
            flat = _cast(np.array(values, dtype=wide), self._dtype)
        return flat.reshape(shape)

    def _fill(self, value: Any, level: int, shape: list[int], values: list[Any]) -> None:
        if type(value) is not list:
            if level != len(shape):
                raise InvalidArgumentError(
                    f"JSON Value: {json_text.show(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                    f"Expected at level: {len(shape)}"
                )
            values.append(self._leaf(value))
            return
        if level >= len(shape):
            raise InvalidArgumentError(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(value) != shape[level]:
            raise InvalidArgumentError(
                f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
            )
        for item in value:
            self._fill(item, level + 1, shape, values)

    def _leaf(self, value: Any) -> Any:
        if type(value) is dict:
            if self._dtype is not dtypes.string:
                raise self._type_error(value)
            return decode_b64(value)
        if self._convert is None:
            raise UnimplementedError(
                f"Conversion of JSON Value: {json_text.show(value)} to type: {self._dtype.core_name}"
            )
        found = self._convert(value)
        if found is None:
            raise self._type_error(value)
        return found

    def _type_error(self, value: Any) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"JSON Value: {json_text.show(value)} Type: {json_text.type_name(value)} is not of expected type: "
            f"{self._dtype.core_name}"
        )


def _to_float(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None


def _to_bool(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _to_bytes(value: Any) -> bytes | None:
    return value.encode("utf-8", "surrogateescape") if type(value) is str else None


def _to_integer(low: int, high: int) -> Callable[[Any], int | None]:
    return lambda value: value if type(value) is int and low <= value <= high else None


_CONVERTERS: Final[dict[str, Callable[[Any], Any]]] = {
    "float32": _to_float,
    "float64": _to_float,
    "bool": _to_bool,
    "string": _to_bytes,
    **{name: _to_integer(*limits) for name, limits in _INTEGER_RANGES.items()},
}


def decode_b64(value: Any) -> bytes:
    """The bytes of ``{"b64": "..."}``.

    White space is skipped, as MIME encoders break lines; padding is optional, of ``=`` or ``.``, and right where it is
    given (Abseil's ``Base64Unescape``).
    """
    if not is_b64(value):
        raise InvalidArgumentError(f"JSON Value: {json_text.show(value)} not formatted correctly for base64 data")
    try:
        text = value["b64"].encode("ascii").translate(None, _WHITE_SPACE)
        digits = text.rstrip(b"=.")
        missing = -len(digits) % 4
        if len(text) - len(digits) in (0, missing):
            return base64.b64decode(digits + b"=" * missing, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidArgumentError("Unable to base64 decode")
