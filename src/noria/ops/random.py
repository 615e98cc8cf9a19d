"""Random ops: stateless ones, whose seed is an input, and stateful ones, which go on where their last call stopped.

Both give TensorFlow's own numbers: the stateless always, the others where the model sets a seed. No lowering: the
engine's generators draw other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops import _philox
from noria.ops._arrays import dims_of_vector, shape_text
from noria.ops._philox import Generator, Philox
from noria.shapes import Shape

_PHILOX, _AUTO = 1, 3
_RESERVED = 256  # blocks that TensorFlow sets aside for each number of a stateful op

_FLOATS: dict[str, Callable[[Philox, int, np.dtype[Any]], Array]] = {
    "StatelessRandomUniform": _philox.uniform,
    "StatelessRandomNormal": _philox.normal,
    "StatelessTruncatedNormal": _philox.truncated_normal,
    "StatelessRandomUniformFullInt": _philox.raw,
    "RandomUniform": _philox.uniform,
    "RandomStandardNormal": _philox.normal,
    "TruncatedNormal": _philox.truncated_normal,
}
_STATELESS = (
    "StatelessRandomUniform",
    "StatelessRandomNormal",
    "StatelessTruncatedNormal",
    "StatelessRandomUniformFullInt",
)
_STATELESS_V2 = tuple(f"{op}V2" for op in _STATELESS)
_STATEFUL = ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")
_INTEGERS = ("StatelessRandomUniformInt", "StatelessRandomUniformIntV2", "RandomUniformInt")


@infer(*_STATELESS, *_STATELESS_V2, *_STATEFUL, *_INTEGERS)
def _of_shape_infer(call: InferCall) -> list[Shape]:
    return [dims_of_vector(call.inputs[0])]


def _dims(shape: Array) -> list[int]:
    if shape.ndim != 1:
        raise InvalidArgumentError(f"shape must be a vector of {{int32,int64}}, got shape {shape_text(shape.shape)}")
    dims: list[int] = shape.tolist()
    if any(d < 0 for d in dims):
        raise InvalidArgumentError(f"Dimension {min(dims)} must be >= 0")
    return dims


# Seeds


def _seeded(seed: Array) -> Philox:
    """The stream of the seed that a stateless op takes as its input."""
    if seed.shape != (2,):
        raise InvalidArgumentError(f"seed must have shape [2], not {shape_text(seed.shape)}")
    return _philox.from_stateless_seed(*seed.tolist())


def _keyed(key: Array, counter: Array, algorithm: Array) -> Philox:
    """The stream of the key, counter and algorithm that a V2 op takes as its inputs."""
    if algorithm.ndim:
        raise InvalidArgumentError(f"input alg must have shape [], not {shape_text(algorithm.shape)}")
    number = int(algorithm)
    if number not in (_PHILOX, _AUTO):
        raise InvalidArgumentError(f"Unsupported algorithm id: {number}; expected 1 (Philox) or 3 (automatic)")
    if key.shape != (1,):
        raise InvalidArgumentError(
            f"key must have shape [1], not {shape_text(key.shape)}. (Note that batched keys are not supported yet.)"
        )
    if counter.ndim != 1 or counter.size < 2:
        raise InvalidArgumentError(
            f"counter must be a vector with length at least 2; got shape: {shape_text(counter.shape)}. "
            "(Note that batched counters are not supported yet.)"
        )
    return Philox(int(key[0]), int(counter[0]) | int(counter[1]) << 64)


@infer("StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg")
def _key_counter_infer(call: InferCall) -> list[Shape]:
    found: list[Shape] = [(1,), (2,), ()]
    return found[: len(call.node.output_dtypes)]


@kernel("StatelessRandomGetKeyCounter")
def _key_counter(call: KernelCall, seed: Array) -> tuple[Array, Array]:
    stream = _seeded(seed)
    return np.array([stream.key], np.uint64), np.array([0, stream.counter >> 64], np.uint64)


@kernel("StatelessRandomGetKeyCounterAlg")
def _key_counter_alg(call: KernelCall, seed: Array) -> tuple[Array, Array, Array]:
    return (*_key_counter(call, seed), np.array(_PHILOX, np.int32))


@infer("StatelessRandomGetAlg")
def _alg_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("StatelessRandomGetAlg")
def _alg(call: KernelCall) -> Array:
    return np.array(_PHILOX, np.int32)


# Stateless


@kernel(*_STATELESS)
def _stateless(call: KernelCall, shape: Array, seed: Array) -> Array:
    dims = _dims(shape)
    return _FLOATS[call.node.op](_seeded(seed), math.prod(dims), call.output_dtype).reshape(dims)


@kernel(*_STATELESS_V2)
def _stateless_v2(call: KernelCall, shape: Array, key: Array, counter: Array, algorithm: Array) -> Array:
    dims, stream = _dims(shape), _keyed(key, counter, algorithm)
    return _FLOATS[call.node.op.removesuffix("V2")](stream, math.prod(dims), call.output_dtype).reshape(dims)


def _between(call: KernelCall, stream: Philox, dims: list[int], low: Array, high: Array) -> Array:
    count = math.prod(dims)
    return _philox.integers(stream, count, int(low), int(high), call.output_dtype).reshape(dims)


def _check_range(dims: list[int], low: Array, high: Array) -> None:
    for bound, name in ((low, "minval"), (high, "maxval")):
        if bound.ndim:
            raise InvalidArgumentError(f"{name} must be 0-D, got shape {shape_text(bound.shape)}")
    if low >= high and 0 not in dims:
        raise InvalidArgumentError(f"Need minval < maxval, got {int(low)} >= {int(high)}")


@kernel("StatelessRandomUniformInt")
def _stateless_int(call: KernelCall, shape: Array, seed: Array, low: Array, high: Array) -> Array:
    dims = _dims(shape)
    _check_range(dims, low, high)
    return _between(call, _seeded(seed), dims, low, high)


@kernel("StatelessRandomUniformIntV2")
def _stateless_int_v2(
    call: KernelCall, shape: Array, key: Array, counter: Array, algorithm: Array, low: Array, high: Array
) -> Array:
    dims, stream = _dims(shape), _keyed(key, counter, algorithm)
    _check_range(dims, low, high)
    return _between(call, stream, dims, low, high)


# Stateful


def _reserve(call: KernelCall, blocks: int) -> Philox:
    """The next ``blocks`` blocks of this node's own stream."""
    seed, seed2 = call.integer("seed"), call.integer("seed2")
    generator = call.resources.get_or_create("random", call.name, Generator, lambda: Generator(seed, seed2))
    return generator.reserve(blocks)


@kernel(*_STATEFUL)
def _stateful(call: KernelCall, shape: Array) -> Array:
    dims = _dims(shape)
    count = math.prod(dims)
    return _FLOATS[call.node.op](_reserve(call, count * _RESERVED), count, call.output_dtype).reshape(dims)


@kernel("RandomUniformInt")
def _stateful_int(call: KernelCall, shape: Array, low: Array, high: Array) -> Array:
    dims = _dims(shape)
    _check_range(dims, low, high)
    return _between(call, _reserve(call, math.prod(dims) * _RESERVED), dims, low, high)


@infer("RandomShuffle")
def _shuffle_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("RandomShuffle")
def _shuffle(call: KernelCall, value: Array) -> Array:
    """The rows of ``value`` in random order."""
    if value.ndim == 0 or len(value) < 2:
        return value
    stream = _reserve(call, -(-(len(value) - 1) // 4))
    shuffled: Array = value[_philox.permutation(stream, len(value))]
    return shuffled


# Categories


@infer("Multinomial", "StatelessMultinomial")
def _multinomial_infer(call: InferCall) -> list[Shape]:
    logits, count = call.inputs[0], dims_of_vector(call.inputs[1])
    if logits.rank not in (2, None):
        raise InvalidArgumentError(f"logits should be a matrix, got shape {shapes.text(logits.shape)}")
    return [(logits.shape[0] if logits.shape else None, count[0] if count else None)]


def _check_multinomial(logits: Array, samples: Array) -> int:
    if logits.ndim != 2:
        raise InvalidArgumentError(f"logits should be a matrix, got shape {shape_text(logits.shape)}")
    if samples.ndim:
        raise InvalidArgumentError(f"num_samples should be a scalar, got shape {shape_text(samples.shape)}")
    if samples < 0:
        raise InvalidArgumentError(f"num_samples should be non-negative, got {int(samples)}")
    if logits.shape[1] == 0:
        raise InvalidArgumentError("num_classes should be positive, got 0")
    return int(samples)


@kernel("StatelessMultinomial")
def _stateless_multinomial(call: KernelCall, logits: Array, samples: Array, seed: Array) -> Array:
    count = _check_multinomial(logits, samples)
    return _philox.categorical(_seeded(seed), logits, count).astype(call.output_dtype)


@kernel("Multinomial")
def _multinomial(call: KernelCall, logits: Array, samples: Array) -> Array:
    count = _check_multinomial(logits, samples)
    numbers = len(logits) * -(-count // 4) * 4 * 2  # each is drawn from two words
    return _philox.categorical(_reserve(call, numbers * _RESERVED), logits, count).astype(call.output_dtype)
