"""Partial shapes: a rank that may be unknown, dimensions that may be unknown.

A shape is ``None`` (unknown rank) or a tuple of ``int | None`` (unknown dimension). Plain values, so that they
compare, hash and print as one expects.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from noria.errors import InvalidArgumentError

Dim: TypeAlias = int | None
Shape: TypeAlias = tuple[Dim, ...] | None


def text(shape: Shape) -> str:
    """``[?,224,224,3]``, as TensorFlow prints shapes; ``<unknown>`` for an unknown rank."""
    return "<unknown>" if shape is None else "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"


def is_static(shape: Shape) -> bool:
    """Whether the rank and every dimension are known."""
    return shape is not None and None not in shape


def num_elements(shape: Shape) -> Dim:
    """The number of elements, or None where a dimension is unknown (0 if any is known to be 0)."""
    if shape is None:
        return None
    known = [d for d in shape if d is not None]
    return math.prod(known) if len(known) == len(shape) or 0 in known else None


def unknown(rank: int | None) -> Shape:
    """A shape of this rank and unknown dimensions."""
    return None if rank is None else (None,) * rank


def merge(a: Shape, b: Shape) -> Shape:
    """What is known when both ``a`` and ``b`` hold; InvalidArgumentError when they contradict each other."""
    if a is None or b is None:
        return b if a is None else a
    if not compatible(a, b):
        raise InvalidArgumentError(f"shapes {text(a)} and {text(b)} contradict each other")
    return tuple(y if x is None else x for x, y in zip(a, b, strict=True))


def compatible(a: Shape, b: Shape) -> bool:
    """Whether one array could have both shapes."""
    if a is None or b is None or a == b:  # equal: most often so, and TensorArrays ask in every round
        return True
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def union(a: Shape, b: Shape) -> Shape:
    """What is known of an array that has either shape."""
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(x if x == y else None for x, y in zip(a, b, strict=True))


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an elementwise result by NumPy's rules; InvalidArgumentError where they forbid it."""
    if any(s is None for s in shapes):
        return None
    known = [s for s in shapes if s is not None]
    rank = max((len(s) for s in known), default=0)
    return tuple(
        _broadcast_dim([s[len(s) - rank + i] for s in known if len(s) - rank + i >= 0], known) for i in range(rank)
    )


def _broadcast_dim(dims: Sequence[Dim], shapes: Iterable[Shape]) -> Dim:
    sizes = {d for d in dims if d not in (1, None)}
    if len(sizes) > 1:
        raise InvalidArgumentError("shapes " + " and ".join(map(text, shapes)) + " do not broadcast together")
    if sizes:
        return sizes.pop()
    return None if None in dims else 1


def broadcast_sizes(*dims: Dim) -> Dim:
    """One dimension of a broadcast: the size that all of ``dims`` stretch to."""
    return _broadcast_dim(dims, [(d,) for d in dims])


def canonical_axis(axis: int, rank: int) -> int:
    """``axis`` counted from the front; InvalidArgumentError when it is outside ``[-rank, rank)``."""
    if not -rank <= axis < rank:
        raise InvalidArgumentError(f"axis {axis} is outside [-{rank}, {rank}) of a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis
