"""``tf.sets``: the last dimension of dense or sparse tensors as sets."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.composite import SparseTensor, convert_to_tensor_or_sparse_tensor
from noria.v1.exports import export


def _prepared(a: Any, b: Any) -> tuple[Any, Any, bool]:
    """Both as tensors, a dense one first, and whether they were exchanged for that."""
    a = convert_to_tensor_or_sparse_tensor(a, name="a")
    b = convert_to_tensor_or_sparse_tensor(b, name="b")
    if a.dtype.base_dtype != b.dtype.base_dtype:
        raise TypeError(f"Types don't match, {a.dtype} vs {b.dtype}.")
    flipped = isinstance(a, SparseTensor) and not isinstance(b, SparseTensor)
    return (b, a, True) if flipped else (a, b, False)


def _set_parts(value: SparseTensor, number: int) -> dict[str, Any]:
    start = f"set{number}"
    return {f"{start}_indices": value.indices, f"{start}_values": value.values, f"{start}_shape": value.dense_shape}


def _operation(a: Any, b: Any, operation: str, validate_indices: bool) -> SparseTensor:
    more: dict[str, Any] = {"set_operation": operation, "validate_indices": validate_indices}
    if isinstance(a, SparseTensor):
        found = apply_op("SparseToSparseSetOperation", **_set_parts(a, 1), **_set_parts(b, 2), **more)
    elif isinstance(b, SparseTensor):
        found = apply_op("DenseToSparseSetOperation", set1=a, **_set_parts(b, 2), **more)
    else:
        found = apply_op("DenseToDenseSetOperation", set1=a, set2=b, **more)
    return SparseTensor(*found)


@export("sets.size")
def size(a: Any, validate_indices: bool = True) -> Any:
    """How many different elements each row of a SparseTensor has."""
    a = convert_to_tensor_or_sparse_tensor(a, name="a")
    if not isinstance(a, SparseTensor):
        raise TypeError(f"Expected `SparseTensor`, got {a}.")
    return apply_op(
        "SetSize",
        set_indices=a.indices,
        set_values=a.values,
        set_shape=a.dense_shape,
        validate_indices=validate_indices,
    )


@export("sets.intersection")
def intersection(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """What stands in both rows."""
    a, b, _ = _prepared(a, b)
    return _operation(a, b, "intersection", validate_indices)


@export("sets.difference")
def difference(a: Any, b: Any, aminusb: bool = True, validate_indices: bool = True) -> SparseTensor:
    """What stands in the row of ``a`` and not in that of ``b``; the other way without ``aminusb``."""
    a, b, flipped = _prepared(a, b)
    return _operation(a, b, "a-b" if aminusb != flipped else "b-a", validate_indices)


@export("sets.union")
def union(a: Any, b: Any, validate_indices: bool = True) -> SparseTensor:
    """What stands in either row."""
    a, b, _ = _prepared(a, b)
    return _operation(a, b, "union", validate_indices)
