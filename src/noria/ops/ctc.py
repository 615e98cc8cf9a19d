"""Decoders of connectionist temporal classification (Graves et al., 2006): greedy and by beam search. On the host."""

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
