"""Morphological dilation, and pooling over windows of sizes that vary (Graham, "Fractional Max-Pooling", 2014)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet, typed
from noria.ops._philox import Generator, Numbers, permutation
from noria.shapes import Dim, Shape

# ---- dilation ---------------------------------------------------------------------------------------------------


def _windows(call: InferCall | KernelCall, size: int, filter_size: int, axis: int) -> tuple[int, int]:
    """Number of outputs along ``axis`` and how much lies before the first input."""
    stride, rate = call.integers("strides")[axis], call.integers("rates")[axis]
    extent = (filter_size - 1) * rate + 1
    if call.text("padding") == "VALID":
        return max(-(-(size - extent + 1) // stride), 0), 0
    count = -(-size // stride)
    return count, max((count - 1) * stride + extent - size, 0) // 2


@infer("Dilation2D")
def _dilation_infer(call: InferCall) -> Sequence[Shape]:
    x = shapes.merge(call.shape(0), shapes.unknown(4)) or (None,) * 4
    f = shapes.merge(call.shape(1), shapes.unknown(3)) or (None,) * 3
    sizes: list[Dim] = []
    for axis in (1, 2):
        size, taps = x[axis], f[axis - 1]
        sizes.append(None if size is None or taps is None else _windows(call, size, taps, axis)[0])
    return [(x[0], *sizes, x[3] if x[3] is not None else f[2])]


@kernel("Dilation2D")
@quiet
def _dilation(call: KernelCall, x: Array, taps: Array) -> Array:
    """The largest sum of an input and its tap, of the inputs that a window has."""
    if x.ndim != 4 or taps.ndim != 3:
        raise InvalidArgumentError(
            f"input must be 4-dimensional and filter 3-dimensional, got {shape_text(x.shape)} and "
            f"{shape_text(taps.shape)}"
        )
    if x.shape[3] != taps.shape[2]:
        raise InvalidArgumentError(f"input and filter must have the same depth: {x.shape[3]} vs {taps.shape[2]}")
    (rows, top), (columns, left) = (_windows(call, x.shape[a], taps.shape[a - 1], a) for a in (1, 2))
    down, right = call.integers("strides")[1:3]
    step_down, step_right = call.integers("rates")[1:3]
    least = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    result = np.full((len(x), rows, columns, x.shape[3]), least, x.dtype)
    for i, j in np.ndindex(*taps.shape[:2]):
        y, z = np.arange(rows) * down - top + i * step_down, np.arange(columns) * right - left + j * step_right
        inside_y, inside_z = (y >= 0) & (y < x.shape[1]), (z >= 0) & (z < x.shape[2])
        place = (slice(None), *np.ix_(inside_y, inside_z))
        found = x[:, y[inside_y]][:, :, z[inside_z]] + taps[i, j]
        result[place] = np.maximum(result[place], found)
    return result


# ---- fractional pooling -----------------------------------------------------------------------------------------


def _made(call: InferCall | KernelCall, size: int, axis: int) -> int:
    return math.floor(size / float(call.attr("pooling_ratio")[axis]))


@infer("FractionalMaxPool", "FractionalAvgPool")
def _fractional_infer(call: InferCall) -> Sequence[Shape]:
    x = shapes.merge(call.shape(0), shapes.unknown(4)) or (None,) * 4
    height, width = (None if d is None else _made(call, d, a) for a, d in ((1, x[1]), (2, x[2])))
    return [
        (x[0], height, width, x[3]),
        (None if height is None else height + 1,),
        (None if width is None else width + 1,),
    ]


def _borders(size: int, count: int, generator: Generator, *, even: bool) -> list[int]:
    """Where the windows begin, and the end: of two neighbouring sizes in random order, or spread evenly (``even``)."""
    least, more = divmod(size, count)
    if not even:
        order = permutation(generator.reserve(-(-count // 4)), count)
        sizes = np.where(order < more, least + 1, least)
        return [0, *np.cumsum(sizes).tolist()]
    if not more:
        return [i * least for i in range(count + 1)]
    alpha = size / count
    most = min((least + 2) / alpha - 1, (size + 1 - least) / alpha - (count - 1))
    start = Numbers(generator.reserve(1)).unit() * most
    return [0, *(math.ceil(alpha * (i + start)) - 1 for i in range(1, count)), size]


@kernel("FractionalMaxPool", "FractionalAvgPool")
@quiet
def _fractional(call: KernelCall, x: Array) -> tuple[Array, Array, Array]:
    """The pooled values, and the borders of the windows along rows and columns."""
    if x.ndim != 4:
        raise InvalidArgumentError(f"tensor_in must be 4-dimensional, got shape {shape_text(x.shape)}")
    ratios = [float(r) for r in call.attr("pooling_ratio")]
    if len(ratios) != 4 or min(ratios) < 1 or ratios[0] != 1 or ratios[3] != 1:
        raise InvalidArgumentError(
            f"pooling_ratio must be four numbers >= 1, the first and last 1, got {ratios}: fractional pooling is not "
            "yet supported on the batch nor channel dimension"
        )
    rows, columns = _sequences(call, x)
    overlap = int(call.flag("overlapping"))
    pool = np.max if call.node.op == "FractionalMaxPool" else np.mean
    result = np.empty((len(x), len(rows) - 1, len(columns) - 1, x.shape[3]), x.dtype)
    for i in range(len(rows) - 1):
        for j in range(len(columns) - 1):
            window = x[:, rows[i] : rows[i + 1] + overlap, columns[j] : columns[j + 1] + overlap]
            result[:, i, j] = typed(pool(window, axis=(1, 2)), x.dtype)
    return result, np.array(rows, np.int64), np.array(columns, np.int64)


def _sequences(call: KernelCall, x: Array) -> list[list[int]]:
    """The borders along rows and columns; a node that is ``deterministic`` keeps its first."""
    seed, seed2 = call.integer("seed"), call.integer("seed2")
    kept = call.cache.get("borders")
    if kept is not None and kept[0] == x.shape[1:3]:
        found: list[list[int]] = kept[1]
        return found
    generator = call.resources.get_or_create("random", call.name, Generator, lambda: Generator(seed, seed2))
    found = []
    for axis in (1, 2):
        count = _made(call, x.shape[axis], axis)
        if count <= 0:
            raise InvalidArgumentError(f"the input is too small for its pooling ratio: {shape_text(x.shape)}")
        found.append(_borders(x.shape[axis], count, generator, even=call.flag("pseudo_random")))
    if call.flag("deterministic"):
        call.cache["borders"] = (x.shape[1:3], found)
    return found
