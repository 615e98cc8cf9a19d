"""``tf.clip_by_value``, ``tf.clip_by_norm``, ``tf.clip_by_global_norm``, ``tf.global_norm``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones_like, rank, size
from noria.v1.arrays import range_, where
from noria.v1.casts import cast
from noria.v1.composite import IndexedSlices
from noria.v1.constant import constant
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.joining import stack
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced


def _values(t: Any, name: str = "t") -> Tensor:
    return convert(t.values if isinstance(t, IndexedSlices) else t, None, name)


def _like(t: Any, values: Any) -> Any:
    return IndexedSlices(values, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else values


@export("clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """Each element brought between the two limits. ValueError when they would change the shape."""
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as scope:
        values = _values(t)
        low = apply_op("Minimum", x=values, y=clip_value_max)
        values.shape.assert_is_compatible_with(low.shape)
        found = apply_op("Maximum", scope, x=low, y=clip_value_min)
        values.shape.assert_is_compatible_with(found.shape)
        return _like(t, found)


@export("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """``t`` scaled down so that its L2 norm over ``axes`` (all) is at most ``clip_norm``."""
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as scope:
        values = _values(t)
        if np.isscalar(clip_norm):
            clip_norm = max(clip_norm, 0)  # type: ignore[type-var]
        else:
            clip_norm = cast(apply_op("Maximum", x=clip_norm, y=0), values.dtype)
        total = reduced("Sum", values * values, axes, True)
        positive = total > 0
        safe = where(positive, total, ones_like(total))
        norm = where(positive, apply_op("Sqrt", x=safe), total)
        scaled = values * clip_norm
        values.shape.assert_is_compatible_with(scaled.shape)
        return _like(t, apply_op("Identity", scope, input=scaled / apply_op("Maximum", x=norm, y=clip_norm)))


def _listed(t_list: Any) -> list[Any]:
    if not isinstance(t_list, Sequence) or isinstance(t_list, str):
        raise TypeError(f"`t_list` should be a sequence of tensors. Received {type(t_list)}.")
    return list(t_list)


@export("linalg.global_norm", "global_norm")
def global_norm(t_list: Any, name: str | None = None) -> Any:
    """The L2 norm of all elements of the tensors together; None among them is left out."""
    tensors = _listed(t_list)
    with name_scope(name, "global_norm", tensors):
        values = [None if t is None else _values(t, f"t_{i}") for i, t in enumerate(tensors)]
        halves = []
        for value in values:
            if value is not None:
                with get_default_graph().colocate_with(value):
                    halves.append(apply_op("L2Loss", t=value))
        half = reduced("Sum", stack(halves))
        return apply_op("Sqrt", "global_norm", x=half * constant(2.0, half.dtype))


@export("clip_by_global_norm")
def clip_by_global_norm(
    t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """All tensors scaled down together so that ``global_norm`` is at most ``clip_norm``, and the norm they had."""
    tensors = _listed(t_list)
    norm = global_norm(tensors, name) if use_norm is None else use_norm
    with name_scope(name, "clip_by_global_norm", [*tensors, clip_norm]) as scope:
        inverse = 1.0 / norm
        limit = constant(1.0, norm.dtype) / clip_norm
        scale = clip_norm * apply_op("Minimum", x=inverse, y=limit)
        scale = scale + (norm - norm)  # what is not finite makes everything NaN
        values = [None if t is None else _values(t, f"t_{i}") for i, t in enumerate(tensors)]
        found: list[Any] = []
        for i, value in enumerate(values):
            if value is None:
                found.append(None)
                continue
            with get_default_graph().colocate_with(value):
                scaled = value * cast(scale, value.dtype)
                found.append(apply_op("Identity", f"{scope}_{i}", input=scaled))
        return [_like(t, f) for t, f in zip(tensors, found, strict=True)], norm


@export("clip_by_average_norm")
def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Any:
    """``t`` scaled down so that its L2 norm per element is at most ``clip_norm``."""
    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as scope:
        t = convert(t, None, "t")
        count = cast(size(t), "float32")
        squares = t * t
        inverse = apply_op("Rsqrt", x=reduced("Sum", squares, range_(rank(t))))
        scaled = t * clip_norm
        average = inverse * count
        factor = apply_op("Minimum", x=average, y=constant(1.0) / clip_norm)
        return apply_op("Identity", scope, input=scaled * factor)
