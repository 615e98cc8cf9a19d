"""``tf.DType`` and the dtypes by their TensorFlow 1 names (``tf.float32``, ``tf.string``, ``tf.float32_ref`` …)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np

from noria import dtypes as core
from noria.errors import InvalidArgumentError
from noria.v1.exports import constant, export


@export("DType", "dtypes.DType")
class DType:
    """The element type of a tensor. ``DType(1)`` is ``float32``; numbers above 100 are references to variables.

    Compares equal to what ``as_dtype`` takes: ``tf.float32 == np.float32``.
    """

    __slots__ = ("core", "number")
    core: core.DType
    number: int

    def __new__(cls, type_enum: int) -> DType:
        return _of_number(type_enum)

    def __reduce__(self) -> tuple[Any, ...]:
        return DType, (self.number,)

    @property
    def _is_ref_dtype(self) -> bool:
        return self.number > core.REF_OFFSET

    @property
    def _as_ref(self) -> DType:
        return self if self._is_ref_dtype else _of_number(self.number + core.REF_OFFSET)

    @property
    def base_dtype(self) -> DType:
        """The dtype without the reference."""
        return _of_number(self.core.number)

    @property
    def real_dtype(self) -> DType:
        """The dtype of the real and the imaginary part; itself for real numbers."""
        if self.core is core.complex64:
            return float32
        return float64 if self.core is core.complex128 else self

    @property
    def is_numpy_compatible(self) -> bool:
        return self.core not in (core.resource, core.variant)

    @property
    def as_numpy_dtype(self) -> Any:
        """The NumPy scalar type (``np.float32``); ``np.object_`` for strings."""
        return self.core.numpy.type

    @property
    def as_datatype_enum(self) -> int:
        """The number in the ``DataType`` enum."""
        return self.number

    @property
    def name(self) -> str:
        return self.core.name + ("_ref" if self._is_ref_dtype else "")

    @property
    def size(self) -> int:
        """Bytes of one element; 1 for strings, resources and variants, as in TensorFlow."""
        return self.core.size or 1

    @property
    def is_bool(self) -> bool:
        return self.core is core.bool_

    @property
    def is_integer(self) -> bool:
        return self.core.is_integer

    @property
    def is_floating(self) -> bool:
        return self.core.is_floating

    @property
    def is_complex(self) -> bool:
        return self.core.is_complex

    @property
    def is_quantized(self) -> bool:
        return self.core.is_quantized

    @property
    def is_unsigned(self) -> bool:
        return self.core.name.startswith("uint")

    @property
    def min(self) -> Any:
        """The lowest finite value. TypeError where the dtype has none."""
        return self._limit("min")

    @property
    def max(self) -> Any:
        """The highest finite value. TypeError where the dtype has none."""
        return self._limit("max")

    def _limit(self, which: str) -> Any:
        if self.is_quantized or not (self.is_integer or self.is_floating or self.is_bool):
            raise TypeError(f"{self.name} has no {which}imum value")
        if self.is_bool:
            return which == "max"
        info: Any = core_info(self.core.numpy)
        return getattr(info, which)

    @property
    def limits(self) -> tuple[Any, Any]:
        """``(0, max)`` for integers and ``(0, 1)`` for floats: the intensities of an image."""
        return (0, 1) if self.is_floating else (0 if self.is_unsigned else self.min, self.max)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether a tensor of dtype ``other`` may be used where this dtype is asked for (references may)."""
        wanted = as_dtype(other)
        return self.number in (wanted.number, wanted.base_dtype.number)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self.number == other.number
        if other is None:
            return False
        try:
            return self.number == as_dtype(other).number
        except TypeError:
            return False

    def __hash__(self) -> int:
        return self.number

    def __int__(self) -> int:
        return self.number

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"

    def __repr__(self) -> str:
        return "tf." + self.name


def core_info(dtype: np.dtype[Any]) -> Any:
    """``finfo`` or ``iinfo`` of a NumPy dtype, ``ml_dtypes``' own included."""
    import ml_dtypes  # only for limits of dtypes that NumPy does not know

    if dtype.kind in "iu":
        return np.iinfo(dtype)
    return np.finfo(dtype) if dtype.kind == "f" and dtype.itemsize > 1 else ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]


@cache
def _of_number(number: int) -> DType:
    try:
        row = core.from_number(number)
    except InvalidArgumentError as error:
        raise TypeError(str(error)) from None
    dtype = object.__new__(DType)
    dtype.core, dtype.number = row, number
    return dtype


def from_core(dtype: core.DType) -> DType:
    """The ``tf.DType`` of one of Noria's own."""
    return _of_number(dtype.number)


def runtime_name(dtype: DType) -> str:
    """A dtype as messages of TensorFlow's runtime call it: ``float``, ``int32``, ``float_ref``."""
    return core.runtime_name(dtype.core) + ("_ref" if dtype._is_ref_dtype else "")


_PYTHON: Final[dict[Any, str]] = {float: "float32", int: "int32", bool: "bool", str: "string", bytes: "string"}


@export("as_dtype", "dtypes.as_dtype")
def as_dtype(type_value: Any) -> DType:
    """The DType that ``type_value`` stands for: a DType, a ``DataType`` number, a name, a NumPy or Python type.

    Raises TypeError for anything else.
    """
    if isinstance(type_value, DType):
        return type_value
    if isinstance(type_value, core.DType):
        return from_core(type_value)
    if isinstance(type_value, int) and not isinstance(type_value, bool):
        return _of_number(type_value)
    try:
        name = _PYTHON.get(type_value)
    except TypeError:
        name = None
    if name is None and isinstance(type_value, str):
        name = type_value
    if name is not None:
        return _of_name(name, type_value)
    try:
        return from_core(core.from_numpy(np.dtype(type_value)))
    except (TypeError, ValueError):
        raise TypeError(f"Cannot convert value {type_value!r} to a TensorFlow DType.") from None


def _of_name(name: str, asked: Any) -> DType:
    is_ref = name.endswith("_ref")
    try:
        dtype = from_core(core.from_name(name.removesuffix("_ref")))
    except InvalidArgumentError:
        raise TypeError(f"Cannot convert value {asked!r} to a TensorFlow DType.") from None
    return dtype._as_ref if is_ref else dtype


float16 = half = from_core(core.float16)
float32 = from_core(core.float32)
float64 = double = from_core(core.float64)
bfloat16 = from_core(core.bfloat16)
int8 = from_core(core.int8)
int16 = from_core(core.int16)
int32 = from_core(core.int32)
int64 = from_core(core.int64)
uint8 = from_core(core.uint8)
uint16 = from_core(core.uint16)
uint32 = from_core(core.uint32)
uint64 = from_core(core.uint64)
complex64 = from_core(core.complex64)
complex128 = from_core(core.complex128)
bool_ = from_core(core.bool_)
string = from_core(core.string)
resource = from_core(core.resource)
variant = from_core(core.variant)
qint8 = from_core(core.qint8)
quint8 = from_core(core.quint8)
qint16 = from_core(core.qint16)
quint16 = from_core(core.quint16)
qint32 = from_core(core.qint32)

for _dtype in (float16, float32, float64, bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64, complex64,
               complex128, bool_, string, resource, variant, qint8, quint8, qint16, quint16, qint32):  # fmt: skip
    constant(_dtype.name, _dtype)
    constant(_dtype.name + "_ref", _dtype._as_ref)
constant("half", float16)
constant("double", float64)
constant("QUANTIZED_DTYPES", frozenset({qint8, quint8, qint16, quint16, qint32}))
