"""Diagonals of matrices: Diag and DiagPart of tensors, and the MatrixDiag family over batches of matrices.

The second and third versions of the family take a range ``k`` of diagonals (0 the main one, positive above it). Several
diagonals stand in rows, from the highest to the lowest, each as long as the longest; ``align`` says to which side the
shorter ones are moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, Info, KernelCall, infer, kernel
from noria.ops._arrays import scalar_of, shape_text
from noria.shapes import Dim, Shape

_DIAG = ("MatrixDiag", "BatchMatrixDiag")
_DIAG_RANGE = ("MatrixDiagV2", "MatrixDiagV3")
_PART = ("MatrixDiagPart", "BatchMatrixDiagPart")
_PART_RANGE = ("MatrixDiagPartV2", "MatrixDiagPartV3")
_SET = ("MatrixSetDiag", "BatchMatrixSetDiag")
_SET_RANGE = ("MatrixSetDiagV2", "MatrixSetDiagV3")


# ---- Diag and DiagPart: a tensor of rank n as the diagonal of one of rank 2n ------------------------------------


@infer("Diag")
def _diag_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [None if shape is None else (*shape, *shape)]


@kernel("Diag")
def _diag(call: KernelCall, diagonal: Array) -> Array:
    if diagonal.ndim < 1:
        raise InvalidArgumentError("Input must be at least rank 1, got 0")
    result = np.zeros((diagonal.size, diagonal.size), diagonal.dtype)
    np.fill_diagonal(result, diagonal.reshape(-1))
    return result.reshape(diagonal.shape * 2)


@infer("DiagPart")
def _diag_part_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    if shape is None or len(shape) % 2:
        return [None]
    half = len(shape) // 2
    return [shapes.merge(shape[:half], shape[half:])]


@kernel("DiagPart")
def _diag_part(call: KernelCall, x: Array) -> Array:
    if x.ndim == 0 or x.ndim % 2:
        raise InvalidArgumentError(
            f"The rank of the tensor should be even and positive, got shape {shape_text(x.shape)}"
        )
    half = x.ndim // 2
    for i in range(half):
        if x.shape[i] != x.shape[half + i]:
            raise InvalidArgumentError(
                f"Invalid shape {shape_text(x.shape)}: dimensions {i} and {half + i} do not match."
            )
    count = int(np.prod(x.shape[:half]))
    return np.diagonal(x.reshape(count, count)).reshape(x.shape[:half]).copy()


# ---- ranges of diagonals ----------------------------------------------------------------------------------------


def _range(k: Array) -> tuple[int, int]:
    """The lowest and the highest diagonal that ``k`` (a number, or two) stands for."""
    if k.size not in (1, 2):
        raise InvalidArgumentError(f"diag_index must have only one or two elements, received {k.size} elements.")
    low, high = int(k.reshape(-1)[0]), int(k.reshape(-1)[-1])
    if low > high:
        raise InvalidArgumentError(f"lower_diag_index must not be larger than upper_diag_index: {low} > {high}")
    return low, high


def _range_within(k: Array, rows: int, columns: int) -> tuple[int, int]:
    """The range, checked against the size of the matrix."""
    numbers = k.reshape(-1).tolist()
    for name, d in zip(("lower_diag_index", "upper_diag_index"), (*numbers[:1], *numbers[-1:]), strict=True):
        if not (-rows < d < columns or d == 0):
            raise InvalidArgumentError(f"{name} is out of bound: {d}. It must be between {-rows} and {columns}")
    return _range(k)


def _longest(low: int, high: int, rows: int, columns: int) -> int:
    return min(rows + min(high, 0), columns - max(low, 0))


def _aligned_left(align: str, d: int) -> bool:
    """Whether diagonal ``d`` starts at the left of its row; ``align`` names the upper ones first, then the lower."""
    upper, lower = align.split("_")
    return (d >= 0 and upper == "LEFT") or (d <= 0 and lower == "LEFT")


def _align(call: KernelCall) -> str:
    return call.text("align") if "align" in call.node.attrs else "LEFT_LEFT"


def _diagonals(
    low: int, high: int, rows: int, columns: int, align: str
) -> Iterator[tuple[int, slice, np.ndarray[Any, np.dtype[np.intp]], np.ndarray[Any, np.dtype[np.intp]]]]:
    """For every diagonal: its row among the diagonals, its columns there, and its places in the matrix."""
    longest = _longest(low, high, rows, columns)
    for d in range(high, low - 1, -1):
        length = max(min(rows + min(d, 0), columns - max(d, 0)), 0)
        start = 0 if _aligned_left(align, d) else longest - length
        along = np.arange(length)
        yield high - d, slice(start, start + length), along + max(-d, 0), along + max(d, 0)


def _padding(call: KernelCall, value: Array) -> Any:
    if value.size != 1:
        raise InvalidArgumentError(f"padding_value must be a scalar, got shape {shape_text(value.shape)}")
    return value.reshape(())


def _known_range(info: Info) -> tuple[int, int] | None:
    known = info.known_dims
    if not known or len(known) > 2 or known[0] is None or known[-1] is None:
        return None
    return known[0], known[-1]


# ---- MatrixDiag -------------------------------------------------------------------------------------------------


@infer(*_DIAG)
def _matrix_diag_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [None if not shape else (*shape, shape[-1])]


@kernel(*_DIAG)
def _matrix_diag(call: KernelCall, diagonal: Array) -> Array:
    if diagonal.ndim < 1:
        raise InvalidArgumentError("diagonal must be at least 1-dim, received shape: []")
    size = diagonal.shape[-1]
    return _filled(diagonal[..., None, :], 0, 0, size, size, np.zeros((), diagonal.dtype), "LEFT_LEFT")


def _filled(diagonals: Array, low: int, high: int, rows: int, columns: int, padding: Any, align: str) -> Array:
    """Matrices of ``padding`` with ``diagonals`` [..., diagonal, along]."""
    result = np.empty((*diagonals.shape[:-2], rows, columns), diagonals.dtype)
    result[...] = padding
    for row, part, i, j in _diagonals(low, high, rows, columns, align):
        result[..., i, j] = diagonals[..., row, part]
    return result


def _matrix_size(low: int, high: int, longest: int, rows: int, columns: int) -> tuple[int, int]:
    """The size of the matrix around the diagonals; -1 for what the caller leaves open."""
    fewest_rows, fewest_columns = longest - min(high, 0), longest + max(low, 0)
    if rows == -1 and columns == -1:
        return max(fewest_rows, fewest_columns), max(fewest_rows, fewest_columns)
    rows, columns = (fewest_rows if rows == -1 else rows), (fewest_columns if columns == -1 else columns)
    if rows < fewest_rows:
        raise InvalidArgumentError(f"The number of rows is too small: {rows} < {fewest_rows}.")
    if columns < fewest_columns:
        raise InvalidArgumentError(f"The number of columns is too small: {columns} < {fewest_columns}.")
    if rows != fewest_rows and columns != fewest_columns:
        raise InvalidArgumentError(
            "The number of rows or columns is not consistent with the specified d_lower, d_upper, and diagonal."
        )
    return rows, columns


@infer(*_DIAG_RANGE)
def _matrix_diag_range_infer(call: InferCall) -> Sequence[Shape]:
    shape, found = call.shape(0), _known_range(call.inputs[1])
    rows, columns = scalar_of(call.inputs[2]), scalar_of(call.inputs[3])
    if shape is None:
        return [None]
    if found is None:
        return [None]
    low, high = found
    batch = shape[:-1] if low == high else shape[:-2]
    longest = shape[-1] if shape else None
    if longest is None or rows is None or columns is None or low > high:
        return [(*batch, None, None)]
    return [(*batch, *_matrix_size(low, high, longest, rows, columns))]


@kernel(*_DIAG_RANGE)
def _matrix_diag_range(
    call: KernelCall, diagonal: Array, k: Array, num_rows: Array, num_cols: Array, padding: Array
) -> Array:
    if diagonal.ndim < 1:
        raise InvalidArgumentError("diagonal must be at least 1-dim, received shape: []")
    low, high = _range(k)
    count = high - low + 1
    if count > 1 and (diagonal.ndim < 2 or diagonal.shape[-2] != count):
        raise InvalidArgumentError(
            "The number of diagonals provided in the input does not match the lower_diag_index and upper_diag_index "
            f"range: {count} are asked for, the diagonals have the shape {shape_text(diagonal.shape)}."
        )
    rows, columns = _matrix_size(low, high, diagonal.shape[-1], int(num_rows.item()), int(num_cols.item()))
    several = diagonal if count > 1 else diagonal[..., None, :]
    return _filled(several, low, high, rows, columns, _padding(call, padding), _align(call))


# ---- MatrixDiagPart ---------------------------------------------------------------------------------------------


def _shorter(rows: Dim, columns: Dim) -> Dim:
    return None if rows is None or columns is None else min(rows, columns)


def _check_matrix(x: Array) -> None:
    if x.ndim < 2:
        raise InvalidArgumentError(f"input must be at least 2-dim, received shape: {shape_text(x.shape)}")


@infer(*_PART)
def _part_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [None if shape is None or len(shape) < 2 else (*shape[:-2], _shorter(*shape[-2:]))]


@kernel(*_PART)
def _part(call: KernelCall, x: Array) -> Array:
    _check_matrix(x)
    return np.diagonal(x, axis1=-2, axis2=-1).copy()


@infer(*_PART_RANGE)
def _part_range_infer(call: InferCall) -> Sequence[Shape]:
    shape, found = call.shape(0), _known_range(call.inputs[1])
    if shape is None or len(shape) < 2 or found is None:
        return [None]
    low, high = found
    rows, columns = shape[-2:]
    longest = None if rows is None or columns is None else _longest(low, high, rows, columns)
    return [(*shape[:-2], longest) if low == high else (*shape[:-2], high - low + 1, longest)]


@kernel(*_PART_RANGE)
def _part_range(call: KernelCall, x: Array, k: Array, padding: Array) -> Array:
    _check_matrix(x)
    rows, columns = x.shape[-2:]
    low, high = _range_within(k, rows, columns)
    longest = max(_longest(low, high, rows, columns), 0)
    result = np.empty((*x.shape[:-2], high - low + 1, longest), x.dtype)
    result[...] = _padding(call, padding)
    for row, part, i, j in _diagonals(low, high, rows, columns, _align(call)):
        result[..., row, part] = x[..., i, j]
    return result[..., 0, :] if low == high else result


# ---- MatrixSetDiag ----------------------------------------------------------------------------------------------


@infer(*_SET, *_SET_RANGE)
def _set_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


def _set_diagonals(x: Array, diagonal: Array, low: int, high: int, align: str) -> Array:
    rows, columns = x.shape[-2:]
    count = high - low + 1
    wanted = (*x.shape[:-2], *((count,) if count > 1 else ()), max(_longest(low, high, rows, columns), 0))
    if diagonal.shape != wanted:
        raise InvalidArgumentError(
            "Either first dimensions of diagonal don't match input.shape[:-2], or diagonal.shape[:-1] is not equal to "
            "the longests diagonal in range [lower_diag_index:upper_diag_index].\n"
            f"Input shape: {shape_text(x.shape)}\nDiagonal shape: {shape_text(diagonal.shape)}\n"
            f"Expected diagonal shape: {shape_text(wanted)}"
        )
    several = diagonal if count > 1 else diagonal[..., None, :]
    result = x.copy()
    for row, part, i, j in _diagonals(low, high, rows, columns, align):
        result[..., i, j] = several[..., row, part]
    return result


@kernel(*_SET)
def _set(call: KernelCall, x: Array, diagonal: Array) -> Array:
    _check_matrix(x)
    return _set_diagonals(x, diagonal, 0, 0, "LEFT_LEFT")


@kernel(*_SET_RANGE)
def _set_range(call: KernelCall, x: Array, diagonal: Array, k: Array) -> Array:
    _check_matrix(x)
    low, high = _range_within(k, *x.shape[-2:])
    return _set_diagonals(x, diagonal, low, high, _align(call))
