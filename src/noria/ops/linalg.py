"""Products of matrices, with batches, and bands of matrices. Einstein sums stand in ``einsum``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, quiet, typed, wide
from noria.shapes import Dim, Shape

_BATCHED = ("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")


def _flags(node_op: str) -> tuple[str, str]:
    return ("transpose_a", "transpose_b") if node_op == "MatMul" else ("adj_x", "adj_y")


def _matrix_dims(shape: Shape, swap: bool) -> tuple[Dim, Dim]:
    if shape is None:
        return None, None
    return (shape[-1], shape[-2]) if swap else (shape[-2], shape[-1])


def _mismatch(a: Sequence[Any], b: Sequence[Any]) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"Matrix size-incompatible: In[0]: {dims_text(a)}, In[1]: {dims_text(b)}; the inner dimensions must be equal"
    )


# ---- MatMul -----------------------------------------------------------------------------------------------------


@infer("MatMul")
def _matmul_infer(call: InferCall) -> Sequence[Shape]:
    a, b = (shapes.merge(call.shape(i), (None, None)) for i in (0, 1))
    rows, inner_a = _matrix_dims(a, call.flag("transpose_a"))
    inner_b, columns = _matrix_dims(b, call.flag("transpose_b"))
    if inner_a is not None and inner_b is not None and inner_a != inner_b:
        raise InvalidArgumentError(
            f"Matrix size-incompatible: In[0]: {shapes.text(a)}, In[1]: {shapes.text(b)}; "
            "the inner dimensions must be equal"
        )
    return [(rows, columns)]


def _product(a: Array, b: Array, dtype: np.dtype[Any]) -> Array:
    """The matrix product in ``dtype``; half precision accumulates in float32, integers wrap."""
    return typed(np.matmul(wide(a), wide(b)), dtype)


@kernel("MatMul")
@quiet
def _matmul(call: KernelCall, a: Array, b: Array) -> Array:
    if a.ndim != 2 or b.ndim != 2:
        raise InvalidArgumentError(
            f"In[0] and In[1] must be matrices of rank 2; In[0]: {dims_text(a.shape)}, In[1]: {dims_text(b.shape)}"
        )
    left = a.T if call.flag("transpose_a") else a
    right = b.T if call.flag("transpose_b") else b
    if left.shape[1] != right.shape[0]:
        raise _mismatch(a.shape, b.shape)
    return _product(left, right, call.output_dtype)


def _matmul_dtype(op: Lowering, dtype: DType) -> DType:
    return dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else op.widened("MatMul", dtype)


@lower("MatMul")
def _matmul_lower(op: Lowering) -> Value:
    through = _matmul_dtype(op, op.inputs[0].dtype)
    a, b = (op.cast(v, through) for v in op.inputs)
    shape = op.outputs[0].shape
    flip_a, flip_b = op.flag("transpose_a"), op.flag("transpose_b")
    if flip_a and a.const is not None:
        a, flip_a = op.transpose(a, (1, 0)), False
    if flip_b and b.const is not None:
        b, flip_b = op.transpose(b, (1, 0)), False
    if not flip_a and not flip_b:
        product = op.emit("MatMul", a, b, shape=shape)
    elif op.supports("Gemm", through):
        product = op.emit("Gemm", a, b, shape=shape, transA=int(flip_a), transB=int(flip_b))
    else:
        a = op.transpose(a, (1, 0)) if flip_a else a
        product = op.emit("MatMul", a, op.transpose(b, (1, 0)) if flip_b else b, shape=shape)
    return op.cast(product, op.node.output_dtypes[0])


# ---- batches of matrices ----------------------------------------------------------------------------------------


@infer(*_BATCHED)
def _batch_matmul_infer(call: InferCall) -> Sequence[Shape]:
    a, b = call.shape(0), call.shape(1)
    for i, shape in enumerate((a, b)):
        if shape is not None and len(shape) < 2:
            raise InvalidArgumentError(f"In[{i}] ndims must be >= 2: {len(shape)}")
    rows, inner_a = _matrix_dims(a, call.flag("adj_x"))
    inner_b, columns = _matrix_dims(b, call.flag("adj_y"))
    if inner_a is not None and inner_b is not None and inner_a != inner_b:
        raise InvalidArgumentError(
            f"Matrix size-incompatible: In[0]: {shapes.text(a)}, In[1]: {shapes.text(b)}; "
            "the inner dimensions must be equal"
        )
    if a is None or b is None:
        if call.node.op != "BatchMatMul" or (a is None and b is None):
            return [None]
        known = a if a is not None else b
        return [(*(known or ())[:-2], rows, columns)]
    combine = shapes.merge if call.node.op == "BatchMatMul" else shapes.broadcast
    return [(*(combine(a[:-2], b[:-2]) or ()), rows, columns)]


def _adjoint(x: Array) -> Array:
    return np.conj(np.swapaxes(x, -1, -2)) if x.dtype.kind == "c" else np.swapaxes(x, -1, -2)


@kernel(*_BATCHED)
@quiet
def _batch_matmul(call: KernelCall, x: Array, y: Array) -> Array:
    for i, value in enumerate((x, y)):
        if value.ndim < 2:
            raise InvalidArgumentError(f"In[{i}] ndims must be >= 2: {value.ndim}")
    if call.node.op == "BatchMatMul" and x.shape[:-2] != y.shape[:-2]:
        raise InvalidArgumentError(
            "In[0] and In[1] must have the same batch dimensions, BatchMatMul does not broadcast: "
            f"{dims_text(x.shape)} vs {dims_text(y.shape)}"
        )
    if call.node.op == "BatchMatMulV3":
        x, y = (v if v.dtype == call.output_dtype else v.astype(call.output_dtype) for v in (x, y))
    left = _adjoint(x) if call.flag("adj_x") else x
    right = _adjoint(y) if call.flag("adj_y") else y
    if left.shape[-1] != right.shape[-2]:
        raise _mismatch(x.shape, y.shape)
    try:
        return _product(left, right, call.output_dtype)
    except ValueError:
        raise InvalidArgumentError(
            f"In[0] and In[1] must have compatible batch dimensions: {dims_text(x.shape)} vs. {dims_text(y.shape)}"
        ) from None


@lower(*_BATCHED)
def _batch_matmul_lower(op: Lowering) -> Value:
    # The engine folds a Transpose into its product, so swapping the last axes costs nothing at run time.
    through = _matmul_dtype(op, op.node.output_dtypes[0])
    sides: list[Value] = []
    for i, flag in enumerate(_flags(op.node.op)):
        value = op.cast(op.inputs[i], through)
        if op.flag(flag):
            rank = op.rank(i)
            value = op.transpose(value, [*range(rank - 2), rank - 1, rank - 2])
        sides.append(value)
    return op.cast(op.emit("MatMul", *sides, shape=op.outputs[0].shape), op.node.output_dtypes[0])


# ---- bands ------------------------------------------------------------------------------------------------------


@infer("MatrixBandPart")
def _band_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


def _check_band(shape: Sequence[Dim], lower_count: Array, upper_count: Array) -> tuple[int, int]:
    for name, count in (("num_lower", lower_count), ("num_upper", upper_count)):
        if count.ndim:
            raise InvalidArgumentError(f"{name} must be scalar, got shape {dims_text(count.shape)}")
    if len(shape) < 2:
        raise InvalidArgumentError(f"input must be at least 2-dim, received a tensor of rank {len(shape)}")
    below, above = int(lower_count), int(upper_count)
    for name, what, wanted, size in (
        ("num_lower", "rows", below, shape[-2]),
        ("num_upper", "columns", above, shape[-1]),
    ):
        if size is not None and wanted > size:
            raise InvalidArgumentError(
                f"{name} must be negative or less or equal to number of {what} ({size}) got: {wanted}"
            )
    return below, above


@kernel("MatrixBandPart")
def _band(call: KernelCall, x: Array, lower_count: Array, upper_count: Array) -> Array:
    below, above = _check_band(x.shape, lower_count, upper_count)
    offset = np.arange(x.shape[-1]) - np.arange(x.shape[-2])[:, None]
    keep = np.ones(offset.shape, np.bool_)
    if below >= 0:
        keep &= offset >= -below
    if above >= 0:
        keep &= offset <= above
    return typed(np.where(keep, x, np.zeros((), x.dtype)), call.output_dtype)


@lower("MatrixBandPart")
def _band_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    shape = x.shape
    if shape is None:
        op.cannot("the rank of the matrices is unknown")
    below, above = _check_band(shape, op.const(1), op.const(2))
    through = op.widened("Trilu", x.dtype)
    result = op.cast(x, through)
    if below >= 0:
        result = op.emit("Trilu", result, op.constant(-below, dtypes.int64), shape=shape, upper=1)
    if above >= 0:
        result = op.emit("Trilu", result, op.constant(above, dtypes.int64), shape=shape, upper=0)
    return op.cast(result, x.dtype)
