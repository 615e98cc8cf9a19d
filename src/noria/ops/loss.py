"""Losses of classification with their gradients, and whether a class is among the likeliest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, in_float32, quiet, typed, wide
from noria.shapes import Shape

# ---- softmax cross entropy --------------------------------------------------------------------------------------


@infer("SoftmaxCrossEntropyWithLogits")
def _cross_entropy_infer(call: InferCall) -> Sequence[Shape]:
    features, labels = call.shape(0), call.shape(1)
    if features is None or labels is None:
        return [(None,), (None, None)]
    joint = shapes.broadcast(features, labels)
    return [joint[:1], joint] if joint is not None and len(joint) == 2 else [(None,), (None, None)]


@kernel("SoftmaxCrossEntropyWithLogits")
@quiet
def _cross_entropy(call: KernelCall, features: Array, labels: Array) -> tuple[Array, Array]:
    try:
        logits, wanted = np.broadcast_arrays(wide(features), wide(labels))
    except ValueError:
        raise InvalidArgumentError(
            "logits and labels must be broadcastable: "
            f"logits_size={dims_text(features.shape)} labels_size={dims_text(labels.shape)}"
        ) from None
    if logits.ndim != 2:
        raise InvalidArgumentError(
            "logits and labels must be either 2-dimensional, or broadcasted to be 2-dimensional, "
            f"got {dims_text(features.shape)} and {dims_text(labels.shape)}"
        )
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True, dtype=logits.dtype)
    # As in TensorFlow, a logit of -inf makes the loss NaN even where its label is 0.
    loss = (wanted * (np.log(total) - shifted)).sum(axis=1, dtype=logits.dtype)
    return typed(loss, call.output_dtype), typed(exponentials / total - wanted, call.output_dtype)


@lower("SoftmaxCrossEntropyWithLogits")
def _cross_entropy_lower(op: Lowering) -> tuple[Value, ...]:
    features, labels = op.inputs
    shape = op.outputs[1].shape
    if op.rank(0) != 2 or op.rank(1) != 2 or features.shape is None or labels.shape is None or shape is None:
        op.cannot("not matrices")
    if any(a is None or a != b or a == 0 for a, b in zip(features.shape[1:], labels.shape[1:], strict=True)):
        op.cannot("the number of classes is unknown, 0, or not the same")
    if features.shape[0] != labels.shape[0] and None not in (features.shape[0], labels.shape[0]):
        op.cannot("the batch is broadcast")
    logits, wanted = in_float32(op, features), in_float32(op, labels)
    log_probability = op.emit("LogSoftmax", logits, shape=features.shape, axis=-1)
    terms = op.emit("Mul", wanted, log_probability, shape=shape)
    total = op.emit("ReduceSum", terms, op.constant([1], dtypes.int64), keepdims=0, shape=shape[:1])
    loss = op.emit("Neg", total, shape=shape[:1])
    backprop = op.emit("Sub", op.emit("Softmax", logits, axis=-1), wanted, shape=shape)
    return op.cast(loss, features.dtype), op.cast(backprop, features.dtype)


@infer("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_cross_entropy_infer(call: InferCall) -> Sequence[Shape]:
    features, labels = call.shape(0), call.shape(1)
    if features is None or len(features) != 2:
        return [labels if labels is not None and len(labels) == 1 else (None,), (None, None)]
    if labels is None or len(labels) != 1:
        return [features[:1], features]
    batch = labels[0] if features[0] is None else features[0]
    return [(batch,), (batch, features[1])]


@kernel("SparseSoftmaxCrossEntropyWithLogits")
@quiet
def _sparse_cross_entropy(call: KernelCall, features: Array, labels: Array) -> tuple[Array, Array]:
    if features.ndim != 2:
        raise InvalidArgumentError(f"logits must be 2-D, but got shape {dims_text(features.shape)}")
    if labels.ndim != 1:
        raise InvalidArgumentError(f"labels must be 1-D, but got shape {dims_text(labels.shape)}")
    batch, classes = features.shape
    if batch != labels.shape[0]:
        raise InvalidArgumentError(
            "logits and labels must have the same first dimension, "
            f"got logits shape {dims_text(features.shape)} and labels shape {dims_text(labels.shape)}"
        )
    if classes == 0:
        raise InvalidArgumentError(f"Must have at least one class, but got logits shape {dims_text(features.shape)}")
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise InvalidArgumentError(
            f"Received a label value of {wrong[0]} which is outside the valid range of [0, {classes}).  "
            f"Label values: {' '.join(str(v) for v in labels.tolist())}"
        )
    logits = wide(features)
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True, dtype=logits.dtype)
    rows = np.arange(batch)
    backprop = exponentials / total
    backprop[rows, labels] -= 1
    loss = np.log(total[:, 0]) - shifted[rows, labels]
    return typed(loss, call.output_dtype), typed(backprop, call.output_dtype)


# ---- in top k ---------------------------------------------------------------------------------------------------


@infer("InTopKV2", "InTopK")
def _in_top_k_infer(call: InferCall) -> Sequence[Shape]:
    targets, predictions = call.shape(1), call.shape(0)
    if targets is not None and len(targets) == 1 and targets[0] is not None:
        return [targets]
    return [(None,) if predictions is None or len(predictions) != 2 else predictions[:1]]


def in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    """Whether fewer than ``k`` classes are likelier than the target; False where a prediction is not finite."""
    if predictions.ndim != 2:
        raise InvalidArgumentError(f"predictions must be 2-dimensional, got {dims_text(predictions.shape)}")
    if targets.ndim != 1:
        raise InvalidArgumentError(f"targets must be 1-dimensional, got {dims_text(targets.shape)}")
    if predictions.shape[0] != targets.shape[0]:
        raise InvalidArgumentError(
            f"First dimension of predictions {predictions.shape[0]} must match length of targets {targets.shape[0]}"
        )
    classes = predictions.shape[1]
    valid = (targets >= 0) & (targets < classes) & np.isfinite(predictions).all(axis=1)
    if classes == 0:
        return np.zeros(targets.shape, np.bool_)
    chosen = predictions[np.arange(len(targets)), np.where(valid, targets, 0)]
    likelier = (predictions > chosen[:, None]).sum(axis=1)
    found: Array = valid & (likelier < k)
    return found


@kernel("InTopKV2")
@quiet
def _in_top_k_v2(call: KernelCall, predictions: Array, targets: Array, k: Array) -> Array:
    if k.ndim != 0:
        raise InvalidArgumentError(f"k must be 0-D, got shape {dims_text(k.shape)}")
    return in_top_k(predictions, targets, int(k))


@kernel("InTopK")
@quiet
def _in_top_k(call: KernelCall, predictions: Array, targets: Array) -> Array:
    return in_top_k(predictions, targets, call.integer("k"))
