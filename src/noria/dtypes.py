"""One row for each TensorFlow dtype: its number in ``DataType``, its NumPy dtype, its ONNX number.

NumPy has no bfloat16, float8 or 4-bit types: ``ml_dtypes`` brings them (without it, their elements are raw bytes).
Strings are object arrays of ``bytes``. Quantised types share the representation of the plain integer. Reference types
(``number + 100``) are their base type: Noria turns reference variables into resources when it imports a graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from noria.errors import InvalidArgumentError

try:
    import ml_dtypes
except ImportError:  # the client alone runs without
    ml_dtypes = None  # type: ignore[assignment]

REF_OFFSET: Final = 100  # DT_FLOAT_REF = DT_FLOAT + 100, and so on


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A TensorFlow dtype.

    name: as TensorFlow prints it (``float32``); number: in the ``DataType`` enum (``DT_FLOAT`` = 1); numpy: the dtype
    of arrays that hold it, object for strings, resources and variants; onnx: the number in ONNX's
    ``TensorProto.DataType``, 0 where ONNX has none; bits: of one element, 0 where it has no fixed size.
    """

    name: str
    number: int
    numpy: np.dtype[Any]
    onnx: int
    bits: int

    @property
    def size(self) -> int:
        """Bytes of one element in memory; 0 for strings, resources and variants."""
        return 0 if self.numpy.hasobject else self.numpy.itemsize

    @property
    def proto_name(self) -> str:
        """The enum's own name, ``DT_FLOAT``."""
        return _PROTO_NAMES.get(self.name, "DT_" + self.name.upper())

    @property
    def core_name(self) -> str:
        """The name in the messages of TensorFlow's runtime: ``float``, ``double``, ``half``, else as usual."""
        return _CORE_NAMES.get(self.name, self.name)

    @property
    def is_floating(self) -> bool:
        return self in _FLOATING

    @property
    def is_integer(self) -> bool:
        """A signed or unsigned integer, quantised types not counted."""
        return self in _INTEGER

    @property
    def is_complex(self) -> bool:
        return self in (complex64, complex128)

    @property
    def is_quantized(self) -> bool:
        return self.name.startswith(("qint", "quint"))

    def __repr__(self) -> str:
        return self.name


def _row(name: str, number: int, numpy: Any, onnx: int, bits: int | None = None) -> DType:
    dtype = np.dtype(numpy)
    return DType(name, number, dtype, onnx, (0 if dtype.hasobject else dtype.itemsize * 8) if bits is None else bits)


def _extra(name: str) -> Any:
    """The NumPy dtype that ``ml_dtypes`` calls ``name``."""
    return np.dtype("V2" if name == "bfloat16" else "V1") if ml_dtypes is None else getattr(ml_dtypes, name)


float32: Final = _row("float32", 1, np.float32, 1)
float64: Final = _row("float64", 2, np.float64, 11)
int32: Final = _row("int32", 3, np.int32, 6)
uint8: Final = _row("uint8", 4, np.uint8, 2)
int16: Final = _row("int16", 5, np.int16, 5)
int8: Final = _row("int8", 6, np.int8, 3)
string: Final = _row("string", 7, object, 8)
complex64: Final = _row("complex64", 8, np.complex64, 14)
int64: Final = _row("int64", 9, np.int64, 7)
bool_: Final = _row("bool", 10, np.bool_, 9)
qint8: Final = _row("qint8", 11, np.int8, 3)
quint8: Final = _row("quint8", 12, np.uint8, 2)
qint32: Final = _row("qint32", 13, np.int32, 6)
bfloat16: Final = _row("bfloat16", 14, _extra("bfloat16"), 16)
qint16: Final = _row("qint16", 15, np.int16, 5)
quint16: Final = _row("quint16", 16, np.uint16, 4)
uint16: Final = _row("uint16", 17, np.uint16, 4)
complex128: Final = _row("complex128", 18, np.complex128, 15)
float16: Final = _row("float16", 19, np.float16, 10)
resource: Final = _row("resource", 20, object, 0)
variant: Final = _row("variant", 21, object, 0)
uint32: Final = _row("uint32", 22, np.uint32, 12)
uint64: Final = _row("uint64", 23, np.uint64, 13)
float8_e5m2: Final = _row("float8_e5m2", 24, _extra("float8_e5m2"), 19)
float8_e4m3fn: Final = _row("float8_e4m3fn", 25, _extra("float8_e4m3fn"), 17)
float8_e4m3fnuz: Final = _row("float8_e4m3fnuz", 26, _extra("float8_e4m3fnuz"), 18)
float8_e4m3b11fnuz: Final = _row("float8_e4m3b11fnuz", 27, _extra("float8_e4m3b11fnuz"), 0)
float8_e5m2fnuz: Final = _row("float8_e5m2fnuz", 28, _extra("float8_e5m2fnuz"), 20)
int4: Final = _row("int4", 29, _extra("int4"), 22, bits=4)
uint4: Final = _row("uint4", 30, _extra("uint4"), 21, bits=4)
int2: Final = _row("int2", 31, _extra("int2"), 0, bits=2)
uint2: Final = _row("uint2", 32, _extra("uint2"), 0, bits=2)
float4_e2m1fn: Final = _row("float4_e2m1fn", 33, _extra("float4_e2m1fn"), 23, bits=4)

ALL: Final[tuple[DType, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, DType))

_FLOATING: Final = frozenset(d for d in ALL if d.name.startswith(("float", "bfloat")))
_INTEGER: Final = frozenset(d for d in ALL if d.name.startswith(("int", "uint")))
_CORE_NAMES: Final = {"float32": "float", "float64": "double", "float16": "half"}
_PROTO_NAMES: Final = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF"}
_BY_NUMBER: Final = {d.number: d for d in ALL}
_BY_NAME: Final = {d.name: d for d in ALL} | {"half": float16, "float": float32, "double": float64}
# Quantised types share a representation with a plain integer, which an array of it means.
_BY_NUMPY: Final[dict[np.dtype[Any], DType]] = {
    d.numpy: d for d in ALL if not d.numpy.hasobject and not d.is_quantized and d.numpy.type is not np.void
}


def runtime_name(dtype: DType) -> str:
    """A dtype as messages of TensorFlow's runtime call it: ``float``, ``double``, ``half``, else by its name."""
    return {"float32": "float", "float64": "double", "float16": "half"}.get(dtype.name, dtype.name)


def from_number(number: int) -> DType:
    """The row of a ``DataType`` number; reference types give their base type.

    Raises InvalidArgumentError for 0 (``DT_INVALID``) and for numbers TensorFlow does not define.
    """
    found = _BY_NUMBER.get(number - REF_OFFSET if number > REF_OFFSET else number)
    if found is None:
        raise InvalidArgumentError(f"{number} is not a TensorFlow DataType; known are 1 to {max(_BY_NUMBER)}")
    return found


def is_ref_number(number: int) -> bool:
    """Whether a ``DataType`` number names a reference to a variable's buffer (``DT_FLOAT_REF`` = 101)."""
    return number > REF_OFFSET


def from_name(name: str) -> DType:
    """The row called ``name`` (``float32``, also ``half``, ``float``, ``double``, ``DT_FLOAT``)."""
    found = _BY_NAME.get(name) or next((d for d in ALL if d.proto_name == name), None)
    if found is None:
        raise InvalidArgumentError(f"unknown dtype {name!r}; known are {', '.join(d.name for d in ALL)}")
    return found


def from_numpy(dtype: np.dtype[Any]) -> DType:
    """The row for arrays of ``dtype``; object, ``S`` and ``U`` arrays are strings.

    Raises InvalidArgumentError for NumPy dtypes that TensorFlow has no counterpart of (datetime64, structured, …).
    """
    found = _BY_NUMPY.get(dtype)
    if found is None:
        if dtype.kind in "OSU":
            return string
        native = _BY_NUMPY.get(dtype.newbyteorder("="))
        if native is None:
            raise InvalidArgumentError(f"NumPy dtype {dtype} has no TensorFlow counterpart; convert the array first")
        return native
    return found
