"""``tf.nn``: cross entropies, sampled losses and the candidate samplers, l2_normalize, moments of weighted data."""

from __future__ import annotations

import math
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.constant import constant
from noria.v1.control_flow import cond
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import bfloat16, float16, float32, int32, int64
from noria.v1.embedding import as_parts, embedding_lookup
from noria.v1.exports import export, tf
from noria.v1.framework import get_seed, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.op_functions import renamed
from noria.v1.operation import Tensor


def _named_only(function: str, labels: Any, logits: Any) -> None:
    if labels is None or logits is None:
        raise ValueError(f"Both labels and logits must be provided for {function}.")


def _check_same(labels: Tensor, logits: Tensor) -> None:
    if not labels.shape.is_compatible_with(logits.shape):
        raise ValueError(f"`logits` and `labels` must have the same shape, got {logits.shape} and {labels.shape}.")


@export("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Tensor:
    """The cross entropy of ``sigmoid(logits)`` and ``labels``, element by element."""
    _named_only("sigmoid_cross_entropy_with_logits", labels, logits)
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits, labels = convert_to_tensor(logits, name="logits"), convert_to_tensor(labels, name="labels")
        _check_same(labels, logits)
        nothing = tf.zeros_like(logits, dtype=logits.dtype)
        positive = logits >= nothing
        relu = tf.where(positive, logits, nothing)
        negative = tf.where(positive, -logits, logits)
        found: Tensor = tf.add(relu - logits * labels, tf.log1p(tf.exp(negative)), name=scope)
        return found


@export("nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, pos_weight: Any = None, name: str | None = None, targets: Any = None
) -> Tensor:
    """``sigmoid_cross_entropy_with_logits`` where positive labels count ``pos_weight`` times."""
    labels = renamed("labels", labels, "targets", targets)
    with name_scope(name, "logistic_loss", [logits, labels]) as scope:
        logits, labels = convert_to_tensor(logits, name="logits"), convert_to_tensor(labels, name="labels")
        _check_same(labels, logits)
        weight = 1 + (pos_weight - 1) * labels
        missed = (1 - labels) * logits
        softened = tf.log1p(tf.exp(-apply_op("Abs", None, x=logits))) + apply_op("Relu", None, features=-logits)
        found: Tensor = tf.add(missed, weight * softened, name=scope)
        return found


def _flat_rows(tensor: Tensor) -> Tensor:
    """``tensor`` as a matrix: all axes but the last one are one."""
    order = tf.rank(tensor)
    last = tf.slice(tf.shape(tensor), [tf.subtract(order, 1)], [1])
    flat: Tensor = tf.reshape(tensor, tf.concat([[-1], last], 0))
    dims = tensor.shape
    if dims.ndims is not None and None not in dims.as_list()[:-1]:
        flat.set_shape([math.prod(d or 0 for d in dims.as_list()[:-1]), dims.as_list()[-1]])
    return flat


def _axis_last(tensor: Tensor, axis: int, order: Any) -> Tensor:
    moved: Tensor = tf.transpose(tensor, tf.concat([tf.range(axis), tf.range(axis + 1, order), [axis]], 0))
    return moved


@export("nn.softmax_cross_entropy_with_logits_v2")
def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: Any = None, name: str | None = None, dim: Any = None
) -> Tensor:
    """The cross entropy of ``softmax(logits)`` and ``labels`` along ``axis``, which is left out of the result."""
    axis = renamed("axis", axis, "dim", dim)
    axis = -1 if axis is None else axis
    with name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as scope:
        logits, labels = convert_to_tensor(logits, name="logits"), convert_to_tensor(labels, name="labels")
        short = logits.dtype.base_dtype in (float16, bfloat16)
        precise = tf.cast(logits, float32) if short else logits
        labels = tf.cast(labels, precise.dtype.base_dtype)
        order = tf.rank(precise)
        if axis != -1:
            precise, labels = _axis_last(precise, axis, order), _axis_last(labels, axis, order)
        dims = tf.shape(precise)
        precise, labels = _flat_rows(precise), _flat_rows(labels)
        cost = apply_op("SoftmaxCrossEntropyWithLogits", scope, features=precise, labels=labels)[0]
        cost = tf.reshape(cost, tf.slice(dims, [0], [tf.subtract(order, 1)]))
        if logits.shape.ndims is not None:
            left = logits.shape.as_list()
            del left[axis]
            cost.set_shape(left)
        found: Tensor = tf.cast(cost, logits.dtype) if short else cost
        return found


@export("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(
    labels: Any = None, logits: Any = None, dim: int = -1, name: str | None = None, axis: int | None = None
) -> Tensor:
    """As ``softmax_cross_entropy_with_logits_v2``, but no gradient goes to ``labels``."""
    dim = dim if axis is None else axis
    _named_only("softmax_cross_entropy_with_logits", labels, logits)
    with name_scope(name, "softmax_cross_entropy_with_logits_sg", [logits, labels]) as scope:
        labels = tf.stop_gradient(labels, name="labels_stop_gradient")
    return softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits, axis=dim, name=scope)


@export("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Tensor:
    """The cross entropy of ``softmax(logits)`` and class numbers: ``labels`` has one rank less than ``logits``."""
    _named_only("sparse_softmax_cross_entropy_with_logits", labels, logits)
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]):
        labels, logits = convert_to_tensor(labels), convert_to_tensor(logits)
        half = logits.dtype.base_dtype == float16
        precise = tf.cast(logits, float32) if half else logits
        known, given = labels.shape, logits.shape
        label_shape = tf.shape(labels)
        static = known.is_fully_defined() and given.ndims is not None and given[:-1].is_fully_defined()
        if given.ndims == 0:
            raise ValueError(f"`logits` cannot be a scalar. Received logits={logits}`")
        if None not in (given.ndims, known.ndims) and known.ndims != (given.ndims or 0) - 1:
            raise ValueError(
                "`labels.shape.rank` must equal `logits.shape.rank - 1`. Received: "
                f"labels.shape={known} of rank {known.ndims} and logits.shape={given} of rank {given.ndims}"
            )
        if static and known != given[:-1]:
            raise ValueError(
                "`labels.shape` must equal `logits.shape` except for the last dimension. Received: "
                f"labels.shape={known} and logits.shape={given}"
            )
        if given.ndims == 2:
            cost = _class_cost(precise, labels, name)
        else:
            checks = [] if static else [tf.assert_equal(tf.shape(labels), tf.shape(logits)[:-1])]
            with get_default_graph().control_dependencies(checks):
                classes = tf.shape(logits)[tf.rank(logits) - 1]
                flat, places = tf.reshape(precise, [-1, classes]), tf.reshape(labels, [-1])
                cost = tf.reshape(_class_cost(flat, places, name), label_shape)
                cost.set_shape(known)
        found: Tensor = tf.cast(cost, float16) if half else cost
        return found


def _class_cost(logits: Any, labels: Any, name: str | None) -> Any:
    return apply_op("SparseSoftmaxCrossEntropyWithLogits", name, features=logits, labels=labels)[0]


@export("nn.log_poisson_loss")
def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """The log-likelihood loss of counts ``targets`` under a Poisson distribution of mean ``tf.exp(log_input)``."""
    with name_scope(name, "log_poisson_loss", [log_input, targets]):
        log_input, targets = convert_to_tensor(log_input, name="log_input"), convert_to_tensor(targets, name="targets")
        _check_same(targets, log_input)
        result: Tensor = tf.exp(log_input) - log_input * targets
        if compute_full_loss:
            half = constant(0.5, dtype=targets.dtype)
            two_pi = constant(2 * math.pi, dtype=targets.dtype)
            stirling = targets * tf.log(targets) - targets + half * tf.log(two_pi * targets)
            low, high = tf.zeros_like(targets, dtype=targets.dtype), tf.ones_like(targets, dtype=targets.dtype)
            within = apply_op("LogicalAnd", None, x=targets >= low, y=targets <= high)
            result = result + tf.where(within, low, stirling)
        return result


@export("nn.zero_fraction", "math.zero_fraction")
def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are zero."""
    with name_scope(name, "zero_fraction", [value]):
        value = convert_to_tensor(value, name="value")
        total = tf.size(value, out_type=int64)
        count = cond(
            total <= int32.max,
            true_fn=lambda: tf.cast(_count_nonzero(value, int32), dtype=int64),
            false_fn=lambda: _count_nonzero(value, int64),
        )
        with name_scope("counts_to_fraction"):
            missing = total - count
            part, whole = tf.cast(missing, dtype=float32), tf.cast(total, dtype=float32)
            fraction = part / whole
        found: Tensor = tf.identity(fraction, "fraction")
        return found


def _count_nonzero(value: Tensor, dtype: Any) -> Any:
    with name_scope("count_nonzero", values=[value]):
        zero = tf.zeros([], dtype=value.dtype)
        return tf.reduce_sum(tf.cast(tf.not_equal(value, zero), dtype=dtype), name="nonzero_count")


@export("nn.weighted_moments")
def weighted_moments(
    x: Any, axes: Any, frequency_weights: Any, name: str | None = None, keep_dims: Any = None, keepdims: Any = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance of ``x`` over ``axes``, each element counted by its weight."""
    keep = renamed("keepdims", keepdims, "keep_dims", keep_dims)
    with name_scope(name, "weighted_moments", [x, frequency_weights, axes]):
        x = convert_to_tensor(x, name="x")
        weights = convert_to_tensor(frequency_weights, name="frequency_weights")
        half = x.dtype.base_dtype == float16
        x = tf.cast(x, float32) if half else x
        if weights.dtype.base_dtype != x.dtype.base_dtype:
            weights = tf.cast(weights, x.dtype)
        weighted = tf.reduce_sum(weights * x, axes, name="weighted_input_sum", keepdims=True)
        spread = weights + tf.zeros_like(x)
        total = tf.reduce_sum(spread, axes, name="sum_of_weights", keepdims=True)
        mean = tf.div_no_nan(weighted, total)
        distance = tf.reduce_sum(weights * tf.squared_difference(x, mean), axes, name="weighted_distsq", keepdims=True)
        variance = tf.div_no_nan(distance, total)
        if not keep:
            mean, variance = tf.squeeze(mean, axis=axes), tf.squeeze(variance, axis=axes)
        return (tf.cast(mean, float16), tf.cast(variance, float16)) if half else (mean, variance)


def _sampler(op: str, default_name: str, arguments: dict[str, Any], seed: int | None, name: str | None) -> Any:
    first, second = get_seed(seed)
    return apply_op(op, name or default_name, **arguments, seed=first or 0, seed2=second or 0)


@export("nn.log_uniform_candidate_sampler", "random.log_uniform_candidate_sampler")
def log_uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Classes drawn by Zipf's law, with the expected counts of the true and of the drawn classes."""
    arguments = {"true_classes": true_classes, "num_true": num_true, "num_sampled": num_sampled, "unique": unique,
                 "range_max": range_max}  # fmt: skip
    return _sampler("LogUniformCandidateSampler", "LogUniformCandidateSampler", arguments, seed, name)


@export("nn.uniform_candidate_sampler", "random.uniform_candidate_sampler")
def uniform_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Classes drawn evenly, with the expected counts of the true and of the drawn classes."""
    arguments = {"true_classes": true_classes, "num_true": num_true, "num_sampled": num_sampled, "unique": unique,
                 "range_max": range_max}  # fmt: skip
    return _sampler("UniformCandidateSampler", "UniformCandidateSampler", arguments, seed, name)


@export("nn.learned_unigram_candidate_sampler", "random.learned_unigram_candidate_sampler")
def learned_unigram_candidate_sampler(
    true_classes: Any, num_true: int, num_sampled: int, unique: bool, range_max: int, seed: int | None = None,
    name: str | None = None,
) -> Any:  # fmt: skip
    """Classes drawn as often as they were seen so far."""
    arguments = {"true_classes": true_classes, "num_true": num_true, "num_sampled": num_sampled, "unique": unique,
                 "range_max": range_max}  # fmt: skip
    return _sampler("LearnedUnigramCandidateSampler", "LearnedUnigramCandidateSampler", arguments, seed, name)


@export("nn.fixed_unigram_candidate_sampler", "random.fixed_unigram_candidate_sampler")
def fixed_unigram_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    shard: int = 0,
    unigrams: Any = (),
    seed: int | None = None,
    name: str | None = None,
) -> Any:
    """Classes drawn by given frequencies: of a file or a list."""
    arguments = {"true_classes": true_classes, "num_true": num_true, "num_sampled": num_sampled, "unique": unique,
                 "range_max": range_max, "vocab_file": vocab_file, "distortion": distortion,
                 "num_reserved_ids": num_reserved_ids, "num_shards": num_shards, "shard": shard,
                 "unigrams": list(unigrams)}  # fmt: skip
    return _sampler("FixedUnigramCandidateSampler", "FixedUnigramCandidateSampler", arguments, seed, name)


def _row_sums(x: Tensor) -> Any:
    columns = tf.shape(x)[1]
    return tf.reshape(tf.matmul(x, tf.ones(tf.stack([columns, 1]), x.dtype)), [-1])


def _sampled_logits(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    sizes: tuple[Any, Any, int],
    sampled_values: Any,
    remove_hits: bool,
    strategy: str,
    name: str | None,
    seed: int | None,
) -> tuple[Any, Any]:
    """Logits of the true and of some drawn classes, and their labels; ``sizes``: num_sampled, num_classes, num_true."""
    num_sampled, num_classes, num_true = sizes
    parts = as_parts(weights)
    with name_scope(name, "compute_sampled_logits", [*parts, biases, inputs, labels]):
        labels = convert_to_tensor(labels)
        if labels.dtype.base_dtype != int64:
            labels = tf.cast(labels, int64)
        flat = tf.reshape(labels, [-1])
        if sampled_values is None:
            sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
        drawn, true_count, drawn_count = (tf.stop_gradient(s) for s in sampled_values)
        drawn = tf.cast(drawn, int64)
        ids = tf.concat([flat, drawn], 0)
        rows = embedding_lookup(parts, ids, partition_strategy=strategy)
        if rows.dtype.base_dtype != inputs.dtype.base_dtype:
            rows = tf.cast(rows, inputs.dtype)
        true_rows = tf.slice(rows, [0, 0], tf.stack([tf.shape(flat)[0], -1]))
        drawn_rows = tf.slice(rows, tf.stack([tf.shape(flat)[0], 0]), [-1, -1])
        drawn_logits = tf.matmul(inputs, drawn_rows, transpose_b=True)
        offsets = embedding_lookup(biases, ids, partition_strategy=strategy)
        if offsets.dtype.base_dtype != inputs.dtype.base_dtype:
            offsets = tf.cast(offsets, inputs.dtype)
        true_offsets = tf.slice(offsets, [0], tf.shape(flat))
        drawn_offsets = tf.slice(offsets, tf.shape(flat), [-1])
        width = tf.shape(true_rows)[1:2]
        each = tf.concat([[-1, num_true], width], 0)
        products = tf.multiply(tf.expand_dims(inputs, 1), tf.reshape(true_rows, each))
        true_logits = tf.reshape(_row_sums(tf.reshape(products, tf.concat([[-1], width], 0))), [-1, num_true])
        true_offsets = tf.reshape(true_offsets, [-1, num_true])
        true_logits = true_logits + true_offsets
        drawn_logits = drawn_logits + drawn_offsets
        if remove_hits:
            drawn_logits = _without_hits(labels, drawn, drawn_logits, num_true, num_sampled)
        true_logits = true_logits - tf.log(true_count)
        drawn_logits = drawn_logits - tf.log(drawn_count)
        logits = tf.concat([true_logits, drawn_logits], 1)
        return logits, tf.concat([tf.ones_like(true_logits) / num_true, tf.zeros_like(drawn_logits)], 1)


def _without_hits(labels: Any, drawn: Any, logits: Any, num_true: int, num_sampled: Any) -> Any:
    """Drawn classes that are true ones get a logit that makes them impossible."""
    first, second = get_seed(None)
    places, ids, weights = apply_op(
        "ComputeAccidentalHits", None, true_classes=labels, sampled_candidates=drawn, num_true=num_true,
        seed=first or 0, seed2=second or 0,
    )  # fmt: skip
    rows = tf.reshape(places, [-1, 1])
    columns = tf.reshape(tf.cast(ids, int32), [-1, 1])
    where_ = tf.concat([rows, columns], 1, "sparse_indices")
    dims = tf.concat([tf.shape(labels)[:1], tf.expand_dims(num_sampled, 0)], 0)
    if logits.dtype != weights.dtype:
        weights = tf.cast(weights, logits.dtype)
    return logits + apply_op(
        "SparseToDense", None, sparse_indices=where_, output_shape=dims, sparse_values=weights, default_value=0.0,
        validate_indices=False,
    )  # fmt: skip


@export("nn.nce_loss")
def nce_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: Any,
    num_classes: Any,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    partition_strategy: str = "mod",
    name: str | None = "nce_loss",
) -> Tensor:
    """Noise-contrastive estimation: the loss of each row of ``inputs`` over its true and some drawn classes."""
    sizes = num_sampled, num_classes, num_true
    logits, wanted = _sampled_logits(
        weights, biases, labels, inputs, sizes, sampled_values, remove_accidental_hits, partition_strategy, name, None
    )
    losses = sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits, name="sampled_losses")
    found: Tensor = _row_sums(losses)
    return found


@export("nn.sampled_softmax_loss")
def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: Any,
    num_classes: Any,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str | None = "sampled_softmax_loss",
    seed: int | None = None,
) -> Tensor:
    """The softmax loss of each row of ``inputs`` over its true and some drawn classes."""
    sizes = num_sampled, num_classes, num_true
    logits, wanted = _sampled_logits(
        weights, biases, labels, inputs, sizes, sampled_values, remove_accidental_hits, partition_strategy, name, seed
    )
    wanted = tf.stop_gradient(wanted, name="labels_stop_gradient")
    return softmax_cross_entropy_with_logits_v2(labels=wanted, logits=logits)
