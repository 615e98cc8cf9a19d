"""``tf.eye``."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones, zeros
from noria.v1.arrays import matrix_diag, matrix_set_diag
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.joining import concat
from noria.v1.operation import Tensor


@export("linalg.eye", "eye")
def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32", name: str | None = None
) -> Tensor:
    """Identity matrices, one or a batch; ``num_columns`` (``num_rows``) makes them rectangular."""
    with name_scope(name, "eye", [num_rows, num_columns, batch_shape]):
        square = num_columns is None
        batch: Any = [] if batch_shape is None else batch_shape
        columns = num_rows if num_columns is None else num_columns
        short: Any
        if isinstance(num_rows, Tensor) or isinstance(columns, Tensor):
            short = apply_op("Minimum", x=num_rows, y=columns)
        else:
            square = num_rows == columns
            short = min(num_rows, columns)
        if isinstance(batch, Tensor) or isinstance(short, Tensor):
            batch = convert(batch, "int32", "shape")
            diagonal: Any = concat((batch, [short]), 0)
            full: Any = None if square else concat((batch, [num_rows, columns]), 0)
        else:
            diagonal, full = [*batch, short], [*batch, num_rows, columns]
        if square:
            return matrix_diag(ones(diagonal, dtype))
        line = ones(diagonal, dtype)
        return matrix_set_diag(zeros(full, dtype), line)
