"""``tf.placeholder`` and ``tf.placeholder_with_default``."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.dtypes import as_dtype
from noria.v1.exports import export
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import as_shape


@export("placeholder")
def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor that every run must feed. shape: partial; None accepts any."""
    found: Tensor = apply_op("Placeholder", name, dtype=as_dtype(dtype).base_dtype, shape=as_shape(shape))
    return found


@export("placeholder_with_default")
def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor that a run may feed; else it has the value of ``input``."""
    found: Tensor = apply_op("PlaceholderWithDefault", name, input=input, shape=as_shape(shape))
    return found
