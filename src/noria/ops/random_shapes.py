"""Gamma and Poisson numbers, one distribution for each parameter: TensorFlow's own numbers where a seed is set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops import _philox
from noria.ops._arrays import dims_of_vector, shape_text
from noria.ops._philox import Generator, Philox
from noria.shapes import Shape

_RESERVED = 256  # blocks that TensorFlow sets aside for each number


class _Draws:
    """Uniform and normal numbers of float64 from one stream: a block gives two, of which the second comes first."""

    def __init__(self, stream: Philox) -> None:
        self._stream = stream
        self._uniform: list[float] = []
        self._normal: list[float] = []

    def _block(self) -> Array:
        block = self._stream.blocks(1)
        self._stream = self._stream.skip(1)
        return block

    def uniform(self) -> float:
        if not self._uniform:
            words = self._block()[0].tolist()
            self._uniform = [((high & 0xFFFFF) << 32 | low) / (1 << 52) for high, low in (words[:2], words[2:])]
        return self._uniform.pop()

    def normal(self) -> float:
        if not self._normal:
            self._normal = _philox.normals(self._block(), np.dtype(np.float64)).reshape(-1).tolist()
        return self._normal.pop()


def _gamma(alpha: float, draws: _Draws) -> float:
    """Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (2000)."""
    if not alpha > 0:
        return math.nan
    if alpha == 1:
        return -math.log1p(-draws.uniform())
    d = alpha + (2.0 / 3 if alpha < 1 else -1.0 / 3)
    c = 1.0 / 3 / math.sqrt(d)
    while True:
        x = draws.normal()
        v = 1 + c * x
        if v <= 0:
            continue
        v = v * v * v
        u = draws.uniform()
        if u < 1 - 0.0331 * (x * x) * (x * x) or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return d * v * (draws.uniform() ** (1 / alpha) if alpha < 1 else 1.0)


def _poisson(rate: float, draws: _Draws) -> float:
    """Knuth's product of uniform numbers below 10, else Hörmann's transformed rejection (PTRS, 1993)."""
    if not (math.isfinite(rate) and rate >= 0):
        return math.nan
    if rate < 10:
        least, product, count = math.exp(-rate), 1.0, 0
        while True:
            product *= draws.uniform()
            if product <= least:
                return float(count)
            count += 1
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    while True:
        u = draws.uniform() - 0.5
        v = draws.uniform()
        shifted = 0.5 - abs(u)
        k = math.floor((2 * a / shifted + b) * u + rate + 0.43)
        if shifted >= 0.07 and v <= 0.9277 - 3.6224 / (b - 2):
            return float(k)
        if k < 0 or (shifted < 0.013 and v > shifted):
            continue
        if math.log(v * inverse / (a / (shifted * shifted) + b)) <= -rate + k * log_rate - math.lgamma(k + 1):
            return float(k)


_KINDS: dict[str, Callable[[float, _Draws], float]] = {
    "RandomGamma": _gamma,
    "RandomPoissonV2": _poisson,
    "RandomPoisson": _poisson,
}


@infer(*_KINDS)
def _infer(call: InferCall) -> Sequence[Shape]:
    front, back = dims_of_vector(call.inputs[0]), call.shape(1)
    return [None if front is None or back is None else (*front, *back)]


@kernel(*_KINDS)
def _draw(call: KernelCall, shape: Array, parameters: Array) -> Array:
    """``shape`` numbers of each parameter: [*shape, *parameters.shape]."""
    if shape.ndim != 1 or (shape.size and shape.min() < 0):
        raise InvalidArgumentError(
            f"shape must be a vector of sizes >= 0, got {shape.tolist()} of shape {shape_text(shape.shape)}"
        )
    count = math.prod(shape.tolist())
    seed, seed2 = call.integer("seed"), call.integer("seed2")
    generator = call.resources.get_or_create("random", call.name, Generator, lambda: Generator(seed, seed2))
    stream = generator.reserve(count * parameters.size * _RESERVED)
    draw = _KINDS[call.node.op]
    result = np.empty((count, parameters.size))
    for p, parameter in enumerate(parameters.reshape(-1).astype(np.float64).tolist()):
        for i in range(count):
            result[i, p] = draw(parameter, _Draws(stream.skip((p * count + i) * _RESERVED)))
    return result.reshape(*shape.tolist(), *parameters.shape).astype(call.output_dtype)
