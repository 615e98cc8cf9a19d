"""Candidate samplers for sampled losses (NCE, sampled softmax): classes drawn beside the true ones.

They draw TensorFlow's numbers for a seed. Expected counts are in float32, as TensorFlow computes them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError, NotFoundError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._philox import Generator, Numbers
from noria.shapes import Shape

_RESERVED = 2048  # numbers of 32 bits that TensorFlow sets aside for each sample
_UNIFORM, _LOG, _ALL = "UniformCandidateSampler", "LogUniformCandidateSampler", "AllCandidateSampler"
_LEARNED = ("LearnedUnigramCandidateSampler", "ThreadUnsafeUnigramCandidateSampler")
_FIXED = "FixedUnigramCandidateSampler"


class Unigrams:
    """How often each class has been the true one, counting from 1: what a learned sampler draws by."""

    def __init__(self, size: int) -> None:
        self.lock = threading.Lock()
        self.weights = np.ones(size, np.int64)


class _Sampler:
    """One distribution: ``draw`` gives a class, ``chance`` the probabilities (float32) of classes."""

    def __init__(self, draw: Callable[[Numbers], int], chance: Callable[[Array], Array]) -> None:
        self.draw = draw
        self.chance = chance


def _uniform(size: int) -> _Sampler:
    return _Sampler(lambda n: n.below(size, 64), lambda v: np.full(v.shape, np.float32(1) / np.float32(size)))


def _log_uniform(size: int) -> _Sampler:
    scale = math.log1p(size)

    def draw(numbers: Numbers) -> int:
        return (int(math.exp(numbers.unit() * scale)) - 1) % size

    return _Sampler(draw, lambda v: (np.log((v + 2.0) / (v + 1.0)) / scale).astype(np.float32))


def _learned(weights: Array) -> _Sampler:
    sums = np.cumsum(weights)
    total = int(sums[-1])
    return _Sampler(
        lambda n: int(np.searchsorted(sums, n.below(total, 32), side="right")),
        lambda v: weights[v].astype(np.float32) / np.float32(total),
    )


def _alias(weights: list[float]) -> tuple[list[float], list[int]]:
    """The tables of Walker's alias method, built as Vose does (1991): a number's own part, and who has the rest."""
    size, total = len(weights), sum(weights)
    own = [w * size / total for w in weights]
    other = list(range(size))
    low = [i for i, p in enumerate(own) if p < 1]
    high = [i for i, p in enumerate(own) if not p < 1]
    while high and low:
        small, large = low.pop(), high.pop()
        other[small] = large
        own[large] -= 1.0 - own[small]
        (low if own[large] < 1 else high).append(large)
    for i in (*low, *high):
        own[i], other[i] = 1.0, i
    return own, other


def _fixed(weights: list[float]) -> _Sampler:
    own, other = _alias(weights)
    shares = np.array(own, np.float32).tolist()
    chances = np.array(weights, np.float32) / np.float32(sum(weights))

    def draw(numbers: Numbers) -> int:
        unit = numbers.unit32()
        place = numbers.below(len(weights), 32)
        return place if unit < shares[place] else other[place]

    return _Sampler(draw, lambda v: chances[v])


def _weights(call: KernelCall) -> list[float]:
    """Of a fixed sampler: from its attribute or its file, to the power ``distortion``; reserved classes have none."""
    path = call.text("vocab_file")
    given = [float(v) for v in call.attr("unigrams")]
    if bool(path) == bool(given):
        raise InvalidArgumentError("Must provide exactly one of vocab_file or unigrams.")
    if path:
        try:
            with open(call.resources.check_path(path), encoding="utf-8", errors="replace") as file:
                given = [float(line.rstrip("\n").rpartition(",")[2]) for line in file if line.strip()]
        except FileNotFoundError:
            raise NotFoundError(f"{path}: there is no such vocabulary file") from None
        except ValueError as error:
            raise InvalidArgumentError(f"Wrong vocabulary format in {path}: {error}") from None
    distortion = call.number("distortion")
    weights = [0.0] * call.integer("num_reserved_ids")
    weights += [w if distortion == 1 else float(np.float32(w) ** np.float32(distortion)) for w in given]
    shards, shard = call.integer("num_shards"), call.integer("shard")
    if shards > 1:
        weights = [w if i % shards == shard else 0.0 for i, w in enumerate(weights)]
    return weights


def _sampler(call: KernelCall) -> tuple[_Sampler, int]:
    """The distribution of the node, and its number of classes."""
    op = call.node.op
    size = call.integer("range_max")
    if op == _UNIFORM:
        return _uniform(size), size
    if op == _LOG:
        return _log_uniform(size), size
    if op == _FIXED:
        weights = call.cache.get("weights")
        if weights is None:
            weights = call.cache["weights"] = _weights(call)
        if len(weights) != size:
            raise InvalidArgumentError(f"range_max is {size} but observed size is {len(weights)}")
        return _fixed(weights), size
    learned = _unigrams(call, size)
    with learned.lock:
        return _learned(learned.weights.copy()), size


def _unigrams(call: KernelCall, size: int) -> Unigrams:
    return call.resources.get_or_create("unigrams", call.name, Unigrams, lambda: Unigrams(size))


def _expected(chance: Array, count: int, tries: int) -> Array:
    """How often a class is expected among ``count`` samples that took ``tries``: float32."""
    if tries == count:
        return chance * np.float32(count)
    return np.asarray(-np.expm1(tries * np.log1p(-chance.astype(np.float64))), np.float32)


@infer(_UNIFORM, _LOG, _ALL, _FIXED, *_LEARNED)
def _sampler_infer(call: InferCall) -> Sequence[Shape]:
    count = call.integer("num_sampled")
    rows = call.shape(0)[0] if call.shape(0) else None  # type: ignore[index]
    return [(count,), (rows, call.integer("num_true")), (count,)]


@kernel(_UNIFORM, _LOG, _ALL, _FIXED, *_LEARNED)
def _sample(call: KernelCall, true_classes: Array) -> tuple[Array, Array, Array]:
    count, true_count, unique = call.integer("num_sampled"), call.integer("num_true"), call.flag("unique")
    if true_classes.ndim != 2:
        raise InvalidArgumentError(f"true_classes must be a matrix, got shape {shape_text(true_classes.shape)}")
    if true_classes.shape[1] != true_count:
        raise InvalidArgumentError(
            f"true_classes must have num_true columns, expected: {true_classes.shape[1]} was: {true_count}"
        )
    if call.node.op == _ALL:
        ones = np.ones(count, np.float32)
        return np.arange(count), np.ones(true_classes.shape, np.float32), ones
    sampler, size = _sampler(call)
    if unique and count > size:
        raise InvalidArgumentError(f"Sampler's range is too small: {count} different classes out of {size}.")
    outside = true_classes[(true_classes < 0) | (true_classes >= size)]
    if outside.size:
        raise InvalidArgumentError(f"`true_candidate` out of range [0, {size}), received {int(outside[0])}")
    chosen, tries = _draw(call, sampler, count, unique=unique)
    samples = np.array(chosen, np.int64)
    if call.node.op in _LEARNED:
        learned = _unigrams(call, size)
        with learned.lock:
            np.add.at(learned.weights, true_classes.reshape(-1), 1)
    found: list[Any] = [_expected(sampler.chance(v), count, tries) for v in (true_classes, samples)]
    return samples, found[0], found[1]


def _draw(call: KernelCall, sampler: _Sampler, count: int, *, unique: bool) -> tuple[list[int], int]:
    """The classes, and how many were drawn to find them."""
    seed, seed2 = call.integer("seed"), call.integer("seed2")
    generator = call.resources.get_or_create("random", call.name, Generator, lambda: Generator(seed, seed2))
    numbers = Numbers(generator.reserve(-(-_RESERVED * count // 4)))
    if not unique:
        return [sampler.draw(numbers) for _ in range(count)], count
    chosen: dict[int, None] = {}
    tries = 0
    while len(chosen) < count:
        tries += 1
        chosen[sampler.draw(numbers)] = None
    return list(chosen), tries


@infer("ComputeAccidentalHits")
def _hits_infer(call: InferCall) -> Sequence[Shape]:
    return [(None,), (None,), (None,)]


@kernel("ComputeAccidentalHits")
def _hits(call: KernelCall, true_classes: Array, sampled: Array) -> tuple[Array, Array, Array]:
    """Row and place of every sample that is one of the row's true classes, and a weight that removes it."""
    if true_classes.ndim != 2 or true_classes.shape[1] != call.integer("num_true"):
        raise InvalidArgumentError(
            "true_candidates must be a batch_size * num_true matrix, got shape "
            f"{shape_text(true_classes.shape)} for num_true {call.integer('num_true')}"
        )
    if sampled.ndim != 1:
        raise InvalidArgumentError(
            f"sampled_candidates must be a vector, which is typically an output from CandidateSampler, got shape "
            f"{shape_text(sampled.shape)}"
        )
    # Each sample counts at its last place, as in TensorFlow's table of them.
    places = {value: i for i, value in enumerate(sampled.tolist())}
    rows: list[int] = []
    found: list[int] = []
    for row, classes in enumerate(true_classes.tolist()):
        hits = [places[c] for c in classes if c in places]
        rows += [row] * len(hits)
        found += hits
    weights = np.full(len(rows), np.finfo(np.float32).min, np.float32)
    return np.array(rows, np.int32), np.array(found, np.int64), weights
