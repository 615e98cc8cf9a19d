"""Products of matrices: ``tf.matmul``, ``tf.matvec``."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.casts import cast
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor


@export("math.conj", "conj")
def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate; real numbers are their own."""
    if isinstance(x, Tensor) and (x.dtype.is_floating or x.dtype.is_integer):
        return x
    with name_scope(name, "Conj", [x]) as scope:
        x = convert(x, None, "x")
        if x.dtype.is_complex or x.dtype == as_dtype("variant"):
            found: Tensor = apply_op("Conj", scope, input=x)
            return found
        if x.dtype.is_floating or x.dtype.is_integer:
            return x  # type: ignore[no-any-return]
        raise TypeError(f"Expected numeric or variant tensor, got dtype {x.dtype!r}.")


@export("linalg.matmul", "matmul")
def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    name: str | None = None,
) -> Tensor:
    """The product of matrices ``[..., m, k]`` and ``[..., k, n]``; leading dimensions are a batch and broadcast.

    ValueError when a side is both transposed and adjoined.
    """
    with name_scope(name, "MatMul", [a, b]) as scope:
        for side, transposed, adjoined in (("a", transpose_a, adjoint_a), ("b", transpose_b, adjoint_b)):
            if transposed and adjoined:
                raise ValueError(f"Only one of `transpose_{side}` and `adjoint_{side}` can be True.")
        a = convert(a, None, "a")
        b = convert(b, None, "b", a.dtype.base_dtype)
        batch = any(rank is None or rank > 2 for rank in (a.shape.ndims, b.shape.ndims))
        mixed = output_type is not None and any(as_dtype(output_type) != t.dtype for t in (a, b))
        sparse = a_is_sparse or b_is_sparse
        if batch and not sparse:
            a, adjoint_a = (conj(a), True) if transpose_a else (a, adjoint_a)
            b, adjoint_b = (conj(b), True) if transpose_b else (b, adjoint_b)
            return _batch(a, b, adjoint_a, adjoint_b, output_type if mixed else None, scope)
        a, transpose_a = (conj(a), True) if adjoint_a else (a, transpose_a)
        b, transpose_b = (conj(b), True) if adjoint_b else (b, transpose_b)
        if _needs_sparse_op(a, b, sparse):
            return _sparse(a, b, transpose_a, transpose_b, a_is_sparse, b_is_sparse, scope)
        if mixed:
            return _batch(a, b, adjoint_a or transpose_a, adjoint_b or transpose_b, output_type, scope)
        found: Tensor = apply_op("MatMul", scope, a=a, b=b, transpose_a=transpose_a, transpose_b=transpose_b)
        return found


def _batch(a: Any, b: Any, adjoint_a: bool, adjoint_b: bool, output_type: Any, name: str) -> Tensor:
    found: Tensor
    if output_type is None:
        found = apply_op("BatchMatMulV2", name, x=a, y=b, adj_x=adjoint_a, adj_y=adjoint_b)
    else:
        found = apply_op("BatchMatMulV3", name, x=a, y=b, Tout=output_type, adj_x=adjoint_a, adj_y=adjoint_b)
    return found


def _needs_sparse_op(a: Tensor, b: Tensor, sparse: bool) -> bool:
    kinds = {a.dtype.name, b.dtype.name}
    if sparse and kinds <= {"bfloat16", "float32"}:
        return True
    return "bfloat16" in kinds and len(kinds) == 2 and not kinds & {"int8", "uint8"}


def _sparse(a: Any, b: Any, ta: bool, tb: bool, a_sparse: bool, b_sparse: bool, name: str) -> Tensor:
    found: Tensor = apply_op(
        "SparseMatMul", name, a=a, b=b, transpose_a=ta, transpose_b=tb, a_is_sparse=a_sparse, b_is_sparse=b_sparse
    )
    both = a.dtype.name == b.dtype.name == "bfloat16"
    return cast(found, "bfloat16") if both else found


@export("linalg.matvec")
def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """The product of matrices ``[..., m, k]`` and vectors ``[..., k]``."""
    with name_scope(name, "MatVec", [a, b]):
        column = apply_op("ExpandDims", input=b, dim=-1)
        product = matmul(a, column, transpose_a, False, adjoint_a, False, a_is_sparse, b_is_sparse)
        found: Tensor = apply_op("Squeeze", input=product, squeeze_dims=[-1])
        return found


export_rows("""
batch_matmul: BatchMatMulV2 x y adj_x? adj_y?
sparse_matmul: SparseMatMul a b transpose_a? transpose_b? a_is_sparse? b_is_sparse?
""")
