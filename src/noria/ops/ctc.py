"""Connectionist temporal classification (Graves et al., 2006): greedy and beam search decoders, and the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria.errors import FailedPreconditionError, InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet
from noria.shapes import Shape


def _check(inputs: Array, lengths: Array) -> None:
    """``inputs`` [time, batch, classes] and the number of steps of each batch entry."""
    if inputs.ndim != 3:
        raise InvalidArgumentError(f"inputs is not a 3-Tensor: {shape_text(inputs.shape)}")
    if lengths.ndim != 1:
        raise InvalidArgumentError(f"sequence_length is not a vector: {shape_text(lengths.shape)}")
    if inputs.shape[0] == 0:
        raise InvalidArgumentError("inputs has no time steps: max_time must not be 0")
    if inputs.shape[1] != len(lengths):
        raise FailedPreconditionError(
            f"len(sequence_length) != batch_size.  len(sequence_length):  {len(lengths)} batch_size: {inputs.shape[1]}"
        )
    for b, length in enumerate(lengths.tolist()):
        if length > inputs.shape[0]:
            raise FailedPreconditionError(f"sequence_length({b}) <= {inputs.shape[0]}")


def _sparse(rows: list[list[int]]) -> tuple[Array, Array, Array]:
    """Lists of labels as a sparse matrix."""
    indices = [(b, i) for b, row in enumerate(rows) for i in range(len(row))]
    values = [label for row in rows for label in row]
    widest = max((len(row) for row in rows), default=0)
    return (
        np.array(indices, np.int64).reshape(-1, 2),
        np.array(values, np.int64),
        np.array([len(rows), widest], np.int64),
    )


@infer("CTCGreedyDecoder")
def _greedy_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [(None, 2), (None,), (2,), (shape[1] if shape is not None and len(shape) == 3 else None, 1)]


@kernel("CTCGreedyDecoder")
@quiet
def _greedy(call: KernelCall, inputs: Array, lengths: Array) -> tuple[Array, ...]:
    """The best class of every step, without blanks (and repeats, where merged), and minus the sum of their scores."""
    _check(inputs, lengths)
    classes = inputs.shape[2]
    blank = call.integer("blank_index")
    blank = blank + classes if blank < 0 else blank
    if not 0 <= blank < classes:
        raise InvalidArgumentError(f"blank_index expected to be between {-classes} and {classes - 1} but was {blank}")
    merge = call.flag("merge_repeated")
    best = inputs.argmax(axis=2)
    scores = np.zeros((len(lengths), 1), inputs.dtype)
    rows = []
    for b, length in enumerate(lengths.tolist()):
        labels: list[int] = []
        previous = -1
        for t in range(length):
            label = int(best[t, b])
            scores[b, 0] -= inputs[t, b, label]
            if label != blank and not (merge and label == previous):
                labels.append(label)
            previous = label
        rows.append(labels)
    return (*_sparse(rows), scores)


# ---- beam search ------------------------------------------------------------------------------------------------


class _Beam:
    """A labelling, with the log probabilities of the paths to it that end in a blank, and in its last label."""

    __slots__ = ("blank", "label", "total")

    def __init__(self, blank: float, label: float) -> None:
        self.blank = blank
        self.label = label
        self.total = float(np.logaddexp(blank, label))


def _search(scores: Array, width: int, paths: int) -> list[tuple[tuple[int, ...], float]]:
    """The best labellings for log probabilities [steps, classes], the blank last, with theirs.

    TensorFlow drops the beam's worst while it still grows, so that with a narrow beam, what little probability its
    dropped paths had may differ.
    """
    blank = scores.shape[1] - 1
    beams: dict[tuple[int, ...], _Beam] = {(): _Beam(0.0, -np.inf)}
    for row in scores.tolist():
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, beam in beams.items():
            own = grown.setdefault(prefix, [-np.inf, -np.inf])
            own[0] = float(np.logaddexp(own[0], beam.total + row[blank]))
            if prefix:
                own[1] = float(np.logaddexp(own[1], beam.label + row[prefix[-1]]))
            for label in range(blank):
                # After the same label a new one needs a blank between.
                before = beam.blank if prefix and prefix[-1] == label else beam.total
                if before == -np.inf:
                    continue
                longer = grown.setdefault((*prefix, label), [-np.inf, -np.inf])
                longer[1] = float(np.logaddexp(longer[1], before + row[label]))
        made = {prefix: _Beam(*pair) for prefix, pair in grown.items()}
        best = sorted(made, key=lambda p: -made[p].total)[:width]
        beams = {prefix: made[prefix] for prefix in best}
    return [(prefix, beams[prefix].total) for prefix in list(beams)[:paths]]


@infer("CTCBeamSearchDecoder")
def _beam_infer(call: InferCall) -> Sequence[Shape]:
    shape, paths = call.shape(0), call.integer("top_paths")
    batch = shape[1] if shape is not None and len(shape) == 3 else None
    return [*[(None, 2)] * paths, *[(None,)] * paths, *[(2,)] * paths, (batch, paths)]


@kernel("CTCBeamSearchDecoder")
@quiet
def _beam_search(call: KernelCall, inputs: Array, lengths: Array) -> tuple[Array, ...]:
    """The ``top_paths`` best labellings of each batch entry, and their log probabilities."""
    _check(inputs, lengths)
    width, paths, merge = call.integer("beam_width"), call.integer("top_paths"), call.flag("merge_repeated")
    if paths > width:
        raise InvalidArgumentError(f"top_paths {paths} must not be more than beam_width {width}")
    wide = inputs.astype(np.float64)
    peak = wide.max(axis=2, keepdims=True)
    logits = wide - peak
    logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    rows: list[list[list[int]]] = [[] for _ in range(paths)]
    scores = np.zeros((len(lengths), paths), inputs.dtype)
    for b, length in enumerate(lengths.tolist()):
        found = _search(logs[:length, b], width, paths)
        if len(found) < paths:
            raise InvalidArgumentError(
                f"Less leaves in the beam search than requested: {len(found)} instead of {paths} (batch entry {b})"
            )
        for p, (labels, score) in enumerate(found):
            kept = [v for i, v in enumerate(labels) if not (merge and i and labels[i - 1] == v)]
            rows[p].append(kept)
            scores[b, p] = score
    parts = [_sparse(r) for r in rows]
    return (*(p[0] for p in parts), *(p[1] for p in parts), *(p[2] for p in parts), scores)


# ---- loss -------------------------------------------------------------------------------------------------------


@infer("CTCLoss", "CTCLossV2")
def _loss_infer(call: InferCall) -> Sequence[Shape]:
    shape, lengths = call.shape(0), call.shape(3)
    if shape is None:
        return [(lengths[0],) if lengths is not None and len(lengths) == 1 else (None,), (None, None, None)]
    if len(shape) != 3:
        raise InvalidArgumentError(f"Shape must be rank 3 but is rank {len(shape)}")
    return [(shape[1],), shape]


@kernel("CTCLoss")
@quiet
def _loss(call: KernelCall, inputs: Array, indices: Array, values: Array, lengths: Array) -> tuple[Array, Array]:
    """Minus the log probability of each batch entry's labels, and its gradient by ``inputs``. The blank is the last."""
    _check_loss(inputs, indices, values, lengths)
    return _losses(call, inputs, _label_rows(indices, values, lengths), lengths, inputs.shape[2] - 1)


@kernel("CTCLossV2")
@quiet
def _loss_v2(call: KernelCall, inputs: Array, indices: Array, values: Array, lengths: Array) -> tuple[Array, Array]:
    """As CTCLoss with the blank first. TensorFlow runs it on GPUs alone, and there only with the default flags."""
    _check_loss(inputs, indices, values, lengths)
    last = np.roll(inputs, -1, axis=2)
    rows = [[label - 1 for label in row] for row in _label_rows(indices, values, lengths)]
    loss, gradient = _losses(call, last, rows, lengths, inputs.shape[2] - 1)
    return loss, np.roll(gradient, 1, axis=2)


def _check_loss(inputs: Array, indices: Array, values: Array, lengths: Array) -> None:
    """InvalidArgumentError for inputs that do not fit, as ``_check`` for the decoders."""
    for name, array, rank in (
        ("inputs", inputs, 3),
        ("sequence_length", lengths, 1),
        ("labels_indices", indices, 2),
        ("labels_values", values, 1),
    ):
        if array.ndim != rank:
            what = {1: "vector", 2: "matrix", 3: "3-Tensor"}[rank]
            raise InvalidArgumentError(f"{name} is not a {what}: {shape_text(array.shape)}")
    if len(indices) != len(values):
        raise InvalidArgumentError(
            "labels_indices and labels_values must contain the same number of rows, but saw shapes: "
            f"{shape_text(indices.shape)} vs. {shape_text(values.shape)}"
        )
    steps, batch, _ = inputs.shape
    if batch == 0:
        raise InvalidArgumentError("batch_size must not be 0")
    if steps == 0:
        raise InvalidArgumentError("Max time or first dimension of input cannot be 0.")
    if batch != len(lengths):
        raise InvalidArgumentError(
            f"len(sequence_length) != batch_size.  len(sequence_length):  {len(lengths)} batch_size: {batch}"
        )
    for b, length in enumerate(lengths.tolist()):
        if length > steps:
            raise InvalidArgumentError(f"sequence_length({b}) <= {steps}")
        if length < 0:
            raise InvalidArgumentError(f"seq_len({b}) < 0")


def _label_rows(indices: Array, values: Array, lengths: Array) -> list[list[int]]:
    """The labels of each batch entry, from a sparse matrix whose indices are in order."""
    rows: list[list[int]] = [[] for _ in lengths]
    previous = [-1, -1]
    for i, (place, label) in enumerate(zip(indices.tolist(), values.tolist(), strict=True)):
        text = f"label SparseTensor is not valid: indices[{i}] = [{','.join(map(str, place))}] is"
        if len(place) != 2 or not 0 <= place[0] < len(rows) or place[1] < 0:
            raise InvalidArgumentError(f"{text} out of bounds: need two indices, the first in [0, {len(rows)})")
        if place <= previous:
            raise InvalidArgumentError(f"{text} {'repeated' if place == previous else 'out of order'}")
        rows[place[0]].append(label)
        previous = place
    for b, row in enumerate(rows):
        if not row:
            raise InvalidArgumentError(f"Labels length is zero in batch {b}")
    return rows


def _targets(call: KernelCall, row: list[int], b: int, blank: int) -> list[int]:
    """The labels of one batch entry: up to the first that is none, and with repeats as one where that is asked for."""
    collapse = call.flag("preprocess_collapse_repeated")
    targets: list[int] = []
    ended = False
    for i, label in enumerate(row):
        if label < 0:
            raise InvalidArgumentError(
                f"All labels must be nonnegative integers, batch: {b} labels: {','.join(map(str, row))}"
            )
        if collapse and i and row[i - 1] == label:
            continue
        if label >= blank:
            ended = True
        elif ended:
            raise InvalidArgumentError(
                f"Saw a non-null label (index >= num_classes - 1) following a null label, batch: {b} "
                f"num_classes: {blank + 1} labels: {','.join(map(str, row))} labels seen so far: "
                f"{','.join(map(str, targets))}"
            )
        else:
            targets.append(label)
    return targets


def _losses(call: KernelCall, inputs: Array, rows: list[list[int]], lengths: Array, blank: int) -> tuple[Array, Array]:
    loss = np.zeros(len(rows), inputs.dtype)
    gradient = np.zeros_like(inputs)
    for b, (row, length) in enumerate(zip(rows, lengths.tolist(), strict=True)):
        targets = _targets(call, row, b, blank)
        if length < len(targets):
            if not call.flag("ignore_longer_outputs_than_inputs"):
                raise InvalidArgumentError(
                    f"Not enough time for target transition sequence (required: {len(targets)}, available: {length}) "
                    f"in batch entry {b}. You can turn this error into a warning by using the flag "
                    "ignore_longer_outputs_than_inputs"
                )
            continue
        if length:
            wide = inputs[:length, b].astype(np.float64)
            loss[b], gradient[:length, b] = _one_loss(wide, targets, blank, merge=call.flag("ctc_merge_repeated"))
    return loss, gradient


def _one_loss(logits: Array, targets: list[int], blank: int, *, merge: bool) -> tuple[float, Array]:
    """The loss for ``logits`` [steps, classes] and its gradient, by the forward and backward sums of the paper.

    The states are the labels with a blank before, between and behind them. Without ``merge`` a label counts each step
    it stands: it neither stays, nor needs a blank before the same label.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    states = np.full(2 * len(targets) + 1, blank)
    states[1::2] = targets
    stays = (states == blank) | merge
    skips = np.zeros(len(states), np.bool_)  # whether a path may come from two states before
    skips[2:] = (states[2:] != blank) & ~(merge & (states[2:] == states[:-2]))
    scores = logs[:, states]
    forward = _sums(scores, stays, skips)
    # Backward is forward on all reversed; a skip belongs to the state it ends in, which then comes first.
    ends = np.zeros(len(states), np.bool_)
    ends[2:] = skips[2:][::-1]
    both = forward + _sums(scores[::-1, ::-1], stays[::-1], ends)[::-1, ::-1]
    both -= np.where(np.isneginf(scores), 0, scores)  # counted twice, unless the sum is minus infinity anyway
    total = np.logaddexp.reduce(both[0])
    if total == -np.inf:
        return np.inf, np.exp(logs)
    if np.isnan(total):
        return np.nan, np.full_like(logs, np.nan)
    part = np.exp(both - total) @ (states[:, None] == np.arange(logs.shape[1]))
    return -float(total), np.exp(logs) - part


def _sums(scores: Array, stays: Array, skips: Array) -> Array:
    """Log probabilities [steps, states] of all paths that begin in one of the first two states and end in each."""
    sums = np.full(scores.shape, -np.inf)
    sums[0, :2] = scores[0, :2]
    for t in range(1, len(scores)):
        before = sums[t - 1]
        own = np.where(stays, before, -np.inf)
        own[1:] = np.logaddexp(own[1:], before[:-1])
        own[2:] = np.where(skips[2:], np.logaddexp(own[2:], before[:-2]), own[2:])
        sums[t] = own + scores[t]
    return sums
