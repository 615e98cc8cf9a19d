"""The geometry of convolutions and pools: layouts, padding, output sizes, and windows as views.

TensorFlow's formulas, for one spatial dimension of size n, a window of k taps spaced by d (so it spans
e = (k-1)d + 1) and stride s:

- VALID: o = trunc((n - e + s) / s), no padding; EXPLICIT: the same with the given padding added to n;
- SAME: o = ceil(n / s), padding max((o-1)s + e - n, 0) in total, the smaller half before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value
from noria.shapes import Dim, Shape


@dataclass(frozen=True)
class Layout:
    """Where the axes of a data format are. ``NHWC``: channel 3, spatial (1, 2)."""

    rank: int
    channel: int
    spatial: tuple[int, ...]

    @property
    def to_channels_last(self) -> list[int]:
        return [0, *self.spatial, self.channel]

    @property
    def to_channels_first(self) -> list[int]:
        return [0, self.channel, *self.spatial]


def layout(data_format: str) -> Layout:
    """The layout of ``NHWC``, ``NCHW``, ``NDHWC`` or ``NCDHW``; UnimplementedError for others."""
    if sorted(data_format) not in (sorted("NHWC"), sorted("NDHWC")):
        raise UnimplementedError(f"data_format {data_format} is not supported; expected NHWC, NCHW, NDHWC or NCDHW")
    spatial = tuple(i for i, axis in enumerate(data_format) if axis in "DHW")
    return Layout(len(data_format), data_format.index("C"), spatial)


def layout_of(call: KernelCall | InferCall | Lowering) -> Layout:
    """The layout that a node's ``data_format`` names."""
    return layout(call.text("data_format"))


def inverse(perm: Sequence[int]) -> list[int]:
    """The permutation that undoes ``perm``."""
    return [int(i) for i in np.argsort(np.asarray(perm))]


@dataclass(frozen=True)
class Window:
    """How a window moves along one spatial dimension. ``padding``: SAME, VALID or EXPLICIT with ``explicit``."""

    taps: int
    stride: int
    dilation: int
    padding: str
    explicit: tuple[int, int] = (0, 0)

    @property
    def span(self) -> int:
        """The inputs that the window reaches over, from its first tap to its last."""
        return (self.taps - 1) * self.dilation + 1

    def output(self, size: int) -> int:
        """The output size over ``size`` inputs; InvalidArgumentError where it would be negative."""
        if self.padding == "SAME":
            return -(-size // self.stride)
        found = int((size + sum(self.explicit) - self.span + self.stride) / self.stride)
        if found < 0:
            raise InvalidArgumentError(
                f"Computed output size would be negative: {found} [input_size: {size + sum(self.explicit)}, "
                f"effective_filter_size: {self.span}, stride: {self.stride}]"
            )
        return found

    def pads(self, size: int) -> tuple[int, int]:
        """The padding before and after ``size`` inputs."""
        if self.padding != "SAME":
            return self.explicit
        total = max((self.output(size) - 1) * self.stride + self.span - size, 0)
        return total // 2, total - total // 2

    def output_dim(self, size: Dim) -> Dim:
        """``output`` of a dimension that may be unknown."""
        return None if size is None or size < 0 else self.output(size)

    def static_pads(self, size: Dim) -> tuple[int, int] | None:
        """``pads`` where they are the same for every size that ``size`` may be, else None."""
        if size is not None:
            return self.pads(size)
        if self.padding == "SAME":
            # With stride 1 the padding is that of the window; an empty input is the one exception, and its output
            # is empty either way.
            return ((self.span - 1) // 2, self.span - 1 - (self.span - 1) // 2) if self.stride == 1 else None
        return self.explicit


def windows_of(call: KernelCall | InferCall | Lowering, taps: Sequence[int], where: Layout) -> tuple[Window, ...]:
    """The windows along the spatial axes, from the attributes of a convolution or pool.

    taps: window sizes along the spatial axes. UnimplementedError where the batch or the channels have a stride or
    dilation; InvalidArgumentError where a list has not one element for each axis.
    """
    strides = call.integers("strides")
    dilations = call.integers("dilations") if "dilations" in call.node.attrs else [1] * where.rank
    return windows(taps, strides, dilations, call.text("padding"), explicit_of(call), where)


def explicit_of(call: KernelCall | InferCall | Lowering) -> list[int]:
    return call.integers("explicit_paddings") if "explicit_paddings" in call.node.attrs else []


def windows(
    taps: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: str,
    explicit: Sequence[int],
    where: Layout,
) -> tuple[Window, ...]:
    """The windows along the spatial axes; ``strides``, ``dilations``, ``explicit`` are given for all axes."""
    for what, values in (("strides", strides), ("dilations", dilations)):
        if len(values) != where.rank:
            raise InvalidArgumentError(
                f"Sliding window {what} field must specify {where.rank} dimensions, got {list(values)}"
            )
        if values[0] != 1 or values[where.channel] != 1:
            raise UnimplementedError(
                "Current implementation does not yet support "
                f"{what} in the batch and depth dimensions, got {list(values)}"
            )
        if min(values) <= 0:
            raise InvalidArgumentError(f"Sliding window {what} must be positive, got {list(values)}")
    if padding == "EXPLICIT" and len(explicit) != 2 * where.rank:
        raise InvalidArgumentError(
            f"explicit_paddings must have {2 * where.rank} values, a pair an axis, got {list(explicit)}"
        )
    return tuple(
        Window(
            taps[i],
            strides[axis],
            dilations[axis],
            padding,
            (explicit[2 * axis], explicit[2 * axis + 1]) if padding == "EXPLICIT" else (0, 0),
        )
        for i, axis in enumerate(where.spatial)
    )


def output_shape(shape: Shape, where: Layout, moves: Sequence[Window], channels: Dim) -> Shape:
    """The shape of a convolution's or pool's output; ``channels`` of its own."""
    if shape is None:
        return tuple(channels if i == where.channel else None for i in range(where.rank))
    result = list(shape)
    for axis, move in zip(where.spatial, moves, strict=True):
        result[axis] = move.output_dim(shape[axis])
    result[where.channel] = channels
    return tuple(result)


def patches(x: Array, moves: Sequence[Window], fill: Any) -> Array:
    """Every window of a channels-last array, as a view: [batch, *output sizes, channels, *taps].

    x: [batch, *spatial, channels]; fill: what the padding holds.
    """
    sizes = [move.output(n) for move, n in zip(moves, x.shape[1:-1], strict=True)]
    if 0 in sizes:
        return np.zeros((x.shape[0], *sizes, x.shape[-1], *(m.taps for m in moves)), x.dtype)
    pads = [move.pads(n) for move, n in zip(moves, x.shape[1:-1], strict=True)]
    if any(pads_of != (0, 0) for pads_of in pads):
        x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    spatial = tuple(range(1, x.ndim - 1))
    view = np.lib.stride_tricks.sliding_window_view(x, tuple(m.span for m in moves), axis=spatial)
    steps = (
        slice(None),
        *(slice(None, (n - 1) * m.stride + 1, m.stride) for m, n in zip(moves, sizes, strict=True)),
        slice(None),
        *(slice(None, None, m.dilation) for m in moves),
    )
    found: Array = view[steps]
    return found


def emitted_padding(op: Lowering, x: Value, where: Layout, moves: Sequence[Window]) -> dict[str, Any]:
    """The padding attributes of an ONNX Conv or pool over ``x`` (in the node's own layout).

    Leaves the node to the host where the engine cannot compute the padding itself, or where the output is empty or
    refused, which the engine and TensorFlow see differently.
    """
    sizes = [None if x.shape is None else x.shape[axis] for axis in where.spatial]
    for move, size in zip(moves, sizes, strict=True):
        if size is not None and (size == 0 or move.output(size) <= 0):
            op.cannot("the output is empty")
    pads = [move.static_pads(size) for move, size in zip(moves, sizes, strict=True)]
    known = [p for p in pads if p is not None]
    if len(known) == len(pads):
        return {"pads": [p[0] for p in known] + [p[1] for p in known]}
    if any(move.dilation != 1 for move in moves):
        op.cannot("SAME padding of a dilated window over an unknown size")
    return {"auto_pad": "SAME_UPPER"}


def channels_first(op: Lowering, x: Value, where: Layout) -> Value:
    """``x`` in ONNX's layout."""
    return op.transpose(x, where.to_channels_first)


def from_channels_first(op: Lowering, x: Value, where: Layout, shape: Shape) -> Value:
    """A result in ONNX's layout, back in the node's own; ``shape``: as inferred, in the node's layout."""
    perm = inverse(where.to_channels_first)
    if perm == list(range(where.rank)):
        return x
    return op.emit("Transpose", x, shape=shape, perm=perm)


def first_shape(shape: Shape, where: Layout) -> Shape:
    """A shape in the node's layout, in ONNX's."""
    return None if shape is None else tuple(shape[axis] for axis in where.to_channels_first)
