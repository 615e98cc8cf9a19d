"""Sums, differences, products, quotients and comparisons, and the Python operators of tensors."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones_like, zeros_like
from noria.v1.casts import cast
from noria.v1.composite import IndexedSlices, SparseTensor, convert_n_to_tensor_or_indexed_slices, sparse_too
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.linear import matmul
from noria.v1.op_functions import Function, export_rows, op_function
from noria.v1.operation import Tensor, register_operator
from noria.v1.tensor_shape import as_shape, unknown_shape

BOOL: Final = as_dtype("bool")
STRING: Final = as_dtype("string")
# What `/` computes in: small integers in single precision, others in double; the rest as they are.
_DIVIDED_IN: Final = {
    **dict.fromkeys(("uint8", "int8", "uint16", "int16"), "float32"),
    **dict.fromkeys(("uint32", "int32", "uint64", "int64"), "float64"),
    **dict.fromkeys(("bfloat16", "float16", "float32", "float64", "complex64", "complex128"), ""),
}

multiply = op_function("Mul", "x y", "multiply")
subtract = op_function("Sub", "x y", "subtract")
export_constant("math.multiply", multiply)
export_constant("multiply", multiply)
export_constant("math.subtract", subtract)
# Names of releases before 1.0
export_constant("mul", multiply)
export_constant("sub", subtract)


@export("math.add", "add")
def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """``x + y``; joins strings."""
    found: Tensor
    with name_scope(name, "Add", [x]) as scope:
        x = convert(x, None, "x")
        y = convert(y, None, "y", x.dtype.base_dtype)
        found = apply_op("Add" if x.dtype == STRING else "AddV2", scope, x=x, y=y)
        return found


def _both_divided(x: Tensor, y: Tensor) -> tuple[Any, Any]:
    """Both sides of a true division, cast to what it computes in."""
    left, right = x.dtype.base_dtype, y.dtype.base_dtype
    if left != right:
        raise TypeError(f"`x` and `y` must have the same dtype, got {left!r} != {right!r}.")
    if left.name not in _DIVIDED_IN:
        raise TypeError(f"Invalid dtype {left!r} in __truediv__. Expected one of {', '.join(_DIVIDED_IN)}.")
    wanted = _DIVIDED_IN[left.name]
    return (cast(x, wanted), cast(y, wanted)) if wanted else (x, y)


@export("math.truediv", "truediv")
def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """``x / y`` as Python 3 divides: integers give floats."""
    found: Tensor
    with name_scope(name, "truediv", [x, y]) as scope:
        x = convert(x, None, "x")
        y = convert(y, None, "y", x.dtype.base_dtype)
        x, y = _both_divided(x, y)
        found = apply_op("RealDiv", scope, x=x, y=y)
        return found


@export("div")
def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """``x / y`` as Python 2 divides: integers give integers, rounded down."""
    found: Tensor
    with name_scope(name, "div", [x, y]) as scope:
        x = convert(x, None, "x")
        y = convert(y, x.dtype.base_dtype, "y")
        whole = not (x.dtype.is_floating or x.dtype.is_complex)
        found = apply_op("FloorDiv" if whole else "RealDiv", scope, x=x, y=y)
        return found


@export("math.divide", "divide")
def divide(x: Any, y: Any, name: str | None = None) -> Any:
    """``x / y`` by Python's rules."""
    if name is not None:
        return truediv(x, y, name)
    if not is_tensor(x):
        x = convert(x, y.dtype.base_dtype if is_tensor(y) else None)
    return x / y


@export("math.divide_no_nan", "div_no_nan")
def div_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """``x / y``, and 0 where ``y`` is 0."""
    found: Tensor
    with name_scope(name, "div_no_nan", [x, y]) as scope:
        if not is_tensor(x) and is_tensor(y):
            y = convert(y, None, "y")
            x = convert(x, y.dtype.base_dtype, "x")
        else:
            x = convert(x, None, "x")
            y = convert(y, None, "y", x.dtype.base_dtype)
        x, y = _both_divided(x, y)
        found = apply_op("DivNoNan", scope, x=x, y=y)
        return found


def _scoped(op_type: str, default_name: str, same_dtype: bool = False) -> Function:
    """A function of two tensors whose scope is called otherwise than its op."""

    def function(x: Any, y: Any, name: str | None = None) -> Tensor:
        with name_scope(name, default_name, [x, y]) as scope:
            if same_dtype:
                x = convert(x, None, "x")
                y = convert(y, x.dtype.base_dtype, "y")
            found: Tensor = apply_op(op_type, scope, x=x, y=y)
            return found

    function.__name__ = default_name
    function.__doc__ = f"``{op_type}`` of two tensors, elementwise."
    return function


floordiv = _scoped("FloorDiv", "floordiv")
mod = _scoped("FloorMod", "mod")
power = _scoped("Pow", "Pow")
export_constant("math.floordiv", floordiv)
export_constant("math.pow", power)
export_constant("pow", power)
export_constant("math.multiply_no_nan", _scoped("MulNoNan", "multiply_no_nan", same_dtype=True))


@export("math.scalar_mul", "scalar_mul")
def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Any:
    """``x`` (dense or slices) times one number. ValueError when ``scalar`` is none."""
    scalar = convert(scalar, as_dtype(x.dtype).base_dtype, "scalar")
    if scalar.shape.ndims != 0:
        raise ValueError(f"The input scalar must be a 0-D value. Received shape {scalar.shape}.")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(multiply(scalar, x.values, name), x.indices, x.dense_shape)
    return multiply(scalar, x, name)


@export("math.logical_xor", "logical_xor")
def logical_xor(x: Any, y: Any, name: str | None = "LogicalXor") -> Tensor:
    """Whether exactly one of ``x`` and ``y`` is true."""
    either = apply_op("LogicalOr", x=x, y=y)
    not_both = apply_op("LogicalNot", x=apply_op("LogicalAnd", x=x, y=y))
    found: Tensor = apply_op("LogicalAnd", name, x=either, y=not_both)
    return found


@export("math.add_n", "add_n")
def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape and dtype; one alone is itself unless a name is given."""
    if not inputs or not hasattr(inputs, "__iter__"):
        raise ValueError(
            "Inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape."
        )
    found: Tensor
    tensors = convert_n_to_tensor_or_indexed_slices(inputs)
    if not all(isinstance(t, Tensor | IndexedSlices) for t in tensors):
        raise ValueError(
            "Inputs must be an iterable of at least one Tensor/IndexedSlices with the same dtype and shape."
        )
    if len(tensors) == 1:
        found = convert(tensors[0])
        return apply_op("Identity", name, input=found) if name else found
    found = apply_op("AddN", name, inputs=tensors)
    return found


@export("math.accumulate_n", "accumulate_n")
def accumulate_n(inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None) -> Tensor:
    """As ``add_n``, with a check of shape and dtype."""
    message = "inputs must be a list of at least one Tensor with the same dtype and shape"
    if not inputs or not isinstance(inputs, list | tuple):
        raise ValueError(message)
    tensors = convert_n_to_tensor_or_indexed_slices(inputs)
    if not all(isinstance(t, Tensor) and t.dtype == tensors[0].dtype for t in tensors):
        raise ValueError(message)
    merged = unknown_shape() if shape is None else as_shape(shape)
    for tensor in tensors:
        merged = merged.merge_with(tensor.shape)
    if tensor_dtype is not None and tensor_dtype != tensors[0].dtype:
        raise TypeError(
            f"The `tensor_dtype` argument is {tensor_dtype}, but `input` is of type {tensors[0].dtype}. These must be "
            "equal. Try casting the input to the desired type."
        )
    return add_n(tensors, name)


# --- one tensor ------------------------------------------------------------------------------------------------------


@export("math.abs", "abs")
@sparse_too
def absolute(x: Any, name: str | None = None) -> Tensor:
    """The magnitude of each element; of a complex number the length."""
    found: Tensor
    with name_scope(name, "Abs", [x]) as scope:
        x = convert(x, None, "x")
        if x.dtype.is_complex:
            found = apply_op("ComplexAbs", scope, x=x, Tout=x.dtype.real_dtype)
        else:
            found = apply_op("Abs", scope, x=x)
        return found


@export("math.sign", "sign")
@sparse_too
def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1 of each element; of a complex number the direction."""
    x = convert(x)
    found: Tensor
    if x.dtype.is_complex:
        length = cast(apply_op("ComplexAbs", x=x, Tout=x.dtype.real_dtype), x.dtype)
        found = apply_op("DivNoNan", name, x=x, y=length)
    else:
        found = apply_op("Sign", name, x=x)
    return found


@export("math.round", "round")
def rounded(x: Any, name: str | None = None) -> Tensor:
    """Each element rounded to the nearest integer, halves to even; integers are themselves."""
    x = convert(x, None, "x")
    return x if x.dtype.is_integer else apply_op("Round", name, x=x)  # type: ignore[no-any-return]


@export("dtypes.complex", "complex")
def complex_number(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """Complex numbers of their real and imaginary parts (float32 or float64)."""
    real, imag = convert(real, None, "real"), convert(imag, None, "imag")
    kinds = {"float32": "complex64", "float64": "complex128"}
    with name_scope(name, "Complex", [real, imag]) as scope:
        if real.dtype != imag.dtype or real.dtype.name not in kinds:
            raise TypeError(
                f"The `real` and `imag` components have incorrect types: {real.dtype.name} {imag.dtype.name}. They "
                "must be consistent, and one of float32, float64"
            )
        found: Tensor = apply_op("Complex", scope, real=real, imag=imag, Tout=kinds[real.dtype.name])
        return found


def _part(op_type: str, plain: Function) -> Function:
    """A function of complex numbers; ``plain`` gives the answer for others."""

    def function(input: Any, name: str | None = None) -> Tensor:
        with name_scope(name, op_type, [input]) as scope:
            input = convert(input, None, "input")
            if input.dtype.is_complex:
                found: Tensor = apply_op(op_type, scope, input=input, Tout=input.dtype.real_dtype)
                return found
            return plain(input)  # type: ignore[no-any-return]

    function.__name__ = op_type.lower()
    function.__doc__ = f"``{op_type}`` of complex numbers; real numbers are taken as such."
    return function


def _itself(value: Tensor) -> Tensor:
    if not (value.dtype.is_integer or value.dtype.is_floating or value.dtype.is_quantized):
        raise TypeError(f"input must be a numeric tensor, but got tensor with dtype {value.dtype}")
    return value


def _angle_of_real(value: Tensor) -> Any:
    negative = value < 0
    return apply_op("Select", condition=negative, t=np.pi * ones_like(value), e=zeros_like(value))


real = _part("Real", _itself)
imag = _part("Imag", zeros_like)
for _name, _function in [("real", real), ("imag", imag), ("angle", _part("Angle", _angle_of_real))]:
    export_constant(f"math.{_name}", _function)
    export_constant(_name, _function)


# --- operators -------------------------------------------------------------------------------------------------------


def _plus(x: Any, y: Any, name: str | None = None) -> Any:
    if not isinstance(y, Tensor | SparseTensor):
        y = convert(y, None, "y", x.dtype.base_dtype)
    return apply_op("Add" if x.dtype == STRING else "AddV2", name, x=x, y=y)


def _times(x: Any, y: Any, name: str | None = None) -> Any:
    if isinstance(y, SparseTensor):
        values = apply_op(
            "SparseDenseCwiseMul", name, sp_indices=y.indices, sp_values=y.values, sp_shape=y.dense_shape, dense=x
        )
        return SparseTensor(y.indices, values, y.dense_shape)
    if any(isinstance(v, Tensor) and v.dtype == BOOL for v in (x, y)):
        product = multiply(apply_op("Cast", x=x, DstT="int32"), apply_op("Cast", x=y, DstT="int32"), name)
        return apply_op("Cast", x=product, DstT="bool")
    return multiply(x, y, name)


def _bitwise(logical: Function, op_type: str) -> Function:
    def function(x: Any, y: Any, name: str | None = None) -> Any:
        return logical(x, y, name) if x.dtype == BOOL else apply_op(op_type, x=x, y=y)

    return function


def _invert(x: Tensor) -> Any:
    return apply_op("LogicalNot" if x.dtype == BOOL else "Invert", x=x)


def _binary(called: str, function: Function) -> None:
    """Registers ``__called__`` and ``__rcalled__``; the other side of the latter gets the dtype of this one."""

    def left(x: Tensor, y: Any) -> Any:
        with name_scope(None, called, [x, y]) as scope:
            try:
                return function(x, y, scope)
            except (TypeError, ValueError):
                other = getattr(type(y), f"__r{called}__", None)
                found = NotImplemented if other is None or isinstance(y, Tensor) else other(y, x)
                if found is NotImplemented:
                    raise
                return found

    def right(y: Tensor, x: Any) -> Any:
        with name_scope(None, called, [x, y]) as scope:
            return function(convert(x, y.dtype.base_dtype, "x"), y, scope)

    register_operator(f"__{called}__", left)
    register_operator(f"__r{called}__", right)


_binary("add", _plus)
_binary("sub", subtract)
_binary("mul", _times)
_binary("div", div)
_binary("truediv", truediv)
_binary("floordiv", floordiv)
_binary("mod", mod)
_binary("pow", power)
_binary("matmul", lambda a, b, name: matmul(a, b, name=name))
_binary("and", _bitwise(op_function("LogicalAnd", "x y"), "BitwiseAnd"))
_binary("or", _bitwise(op_function("LogicalOr", "x y"), "BitwiseOr"))
_binary("xor", _bitwise(logical_xor, "BitwiseXor"))
register_operator("__invert__", _invert)
register_operator("__neg__", lambda x: apply_op("Neg", x=x))
register_operator("__abs__", absolute)
for _symbol, _op in [("lt", "Less"), ("le", "LessEqual"), ("gt", "Greater"), ("ge", "GreaterEqual")]:
    register_operator(f"__{_symbol}__", op_function(_op, "x y"))


def _over_dense(called: str, op_type: str, true_division: bool = False) -> Function:
    """An operator of a SparseTensor and a dense tensor."""

    def function(sparse: SparseTensor, y: Any) -> SparseTensor:
        with name_scope(None, called, [sparse, y]) as scope:
            values = sparse.values
            y = convert(y, sparse.dtype.base_dtype, "y")
            if true_division:
                values, y = _both_divided(values, y)
            found = apply_op(
                op_type, scope, sp_indices=sparse.indices, sp_values=values, sp_shape=sparse.dense_shape, dense=y
            )
            return SparseTensor(sparse.indices, found, sparse.dense_shape)

    return function


for _symbol, _function in [
    ("mul", _over_dense("mul", "SparseDenseCwiseMul")),
    ("div", _over_dense("div", "SparseDenseCwiseDiv")),
    ("truediv", _over_dense("truediv", "SparseDenseCwiseDiv", true_division=True)),
]:
    setattr(SparseTensor, f"__{_symbol}__", _function)


def as_base(dtype: Any) -> DType:
    """``dtype`` as a DType that is no reference."""
    return as_dtype(dtype).base_dtype


export_rows("""
math.equal equal: Equal x y
math.not_equal not_equal: NotEqual x y
math.less less: Less x y
math.less_equal less_equal: LessEqual x y
math.greater greater: Greater x y
math.greater_equal greater_equal: GreaterEqual x y
math.logical_and logical_and: LogicalAnd x y
math.logical_or logical_or: LogicalOr x y
math.logical_not logical_not: LogicalNot x
math.maximum maximum: Maximum x y
math.minimum minimum: Minimum x y
math.squared_difference squared_difference: SquaredDifference x y
math.mod mod math.floormod floormod: FloorMod x y
realdiv: RealDiv x y
truncatediv: TruncateDiv x y
truncatemod: TruncateMod x y
floor_div: FloorDiv x y
math.reciprocal reciprocal: Reciprocal x
math.rsqrt rsqrt: Rsqrt x
math.exp exp: Exp x
math.expm1 expm1: Expm1 x
math.log log: Log x
math.log1p log1p: Log1p x
math.cos cos: Cos x
math.acos acos: Acos x
math.atan2 atan2: Atan2 y x
math.sinh sinh: Sinh x
math.cosh cosh: Cosh x
math.acosh acosh: Acosh x
math.erfc erfc: Erfc x
math.lgamma lgamma: Lgamma x
math.digamma digamma: Digamma x
math.polygamma polygamma: Polygamma a x
math.igamma igamma: Igamma a x
math.igammac igammac: Igammac a x
math.zeta zeta: Zeta x q
math.betainc betainc: Betainc a b x
math.floor floor: Floor x
math.ceil ceil: Ceil x
math.rint rint: Rint x
math.is_nan is_nan: IsNan x
math.is_inf is_inf: IsInf x
math.is_finite is_finite: IsFinite x
math.nextafter: NextAfter x1 x2
math.xlogy: Xlogy x y
bitwise.bitwise_and: BitwiseAnd x y
bitwise.bitwise_or: BitwiseOr x y
bitwise.bitwise_xor: BitwiseXor x y
bitwise.invert: Invert x
bitwise.left_shift: LeftShift x y
bitwise.right_shift: RightShift x y
""")

export_rows(
    """
math.negative negative neg: Neg x
math.square square: Square x
math.sqrt sqrt: Sqrt x
math.sin sin: Sin x
math.tan tan: Tan x
math.asin asin: Asin x
math.atan atan: Atan x
math.asinh asinh: Asinh x
math.atanh atanh: Atanh x
math.erf erf: Erf x
math.tanh tanh: Tanh x
""",
    wrap=sparse_too,
)
