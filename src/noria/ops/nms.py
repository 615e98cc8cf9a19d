"""Non-maximum suppression: of overlapping boxes the one with the best score stays. On the host."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import scalar_of, shape_text
from noria.ops._numeric import quiet
from noria.shapes import Shape

_PLAIN = ("NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3", "NonMaxSuppressionWithOverlaps")
_Similar = Callable[[int, int], float]


def _overlaps(boxes: Array) -> _Similar:
    """The intersection of two boxes as a part of their union: float32, as TensorFlow computes it."""
    b = boxes.astype(np.float32)
    top, bottom = np.minimum(b[:, 0], b[:, 2]), np.maximum(b[:, 0], b[:, 2])
    left, right = np.minimum(b[:, 1], b[:, 3]), np.maximum(b[:, 1], b[:, 3])
    area = (bottom - top) * (right - left)

    def similar(i: int, j: int) -> float:
        if area[i] <= 0 or area[j] <= 0:
            return 0.0
        height = max(min(bottom[i], bottom[j]) - max(top[i], top[j]), np.float32(0))
        width = max(min(right[i], right[j]) - max(left[i], left[j]), np.float32(0))
        shared = height * width
        return float(shared / (area[i] + area[j] - shared))

    return similar


def suppress(
    scores: Array, most: int, similar: _Similar, threshold: float, least: float, sigma: float = 0.0
) -> tuple[list[int], list[float]]:
    """The chosen boxes and their scores, best first.

    threshold: of similarity, above which a box is dropped; least: a score must be greater; sigma: where positive,
    similar boxes lose score instead (Bodla et al., "Soft-NMS", 2017).
    """
    values = scores.astype(np.float32)
    queue = [(-s, i, 0) for i, s in enumerate(values.tolist()) if s > least]
    heapq.heapify(queue)
    chosen: list[int] = []
    kept: list[float] = []
    scale = np.float32(-0.5 / sigma) if sigma > 0 else np.float32(0)
    while len(chosen) < most and queue:
        negative, box, begin = heapq.heappop(queue)
        score = before = np.float32(-negative)
        dropped = False
        for j in range(len(chosen) - 1, begin - 1, -1):
            likeness = np.float32(similar(box, chosen[j]))
            if sigma > 0:
                score = np.float32(score * np.exp(scale * likeness * likeness))
            if sigma <= 0 and likeness > threshold:
                dropped = True
                break
            if score <= least:
                break
        if dropped:
            continue
        if score == before:
            chosen.append(box)
            kept.append(float(score))
        elif score > least:
            heapq.heappush(queue, (-float(score), box, len(chosen)))
    return chosen, kept


def _size(value: Array) -> int:
    if value.ndim:
        raise InvalidArgumentError(f"max_output_size must be 0-D, got shape {shape_text(value.shape)}")
    if value < 0:
        raise InvalidArgumentError(f"output size must be non-negative, got {int(value)}")
    return int(value)


def _check(boxes: Array, scores: Array) -> None:
    if boxes.ndim != 2:
        raise InvalidArgumentError(f"boxes must be 2-D{shape_text(boxes.shape)}")
    if boxes.shape[1] != 4:
        raise InvalidArgumentError(f"boxes must have 4 columns, got shape {shape_text(boxes.shape)}")
    if scores.ndim != 1:
        raise InvalidArgumentError(f"scores must be 1-D{shape_text(scores.shape)}")
    if len(scores) != len(boxes):
        raise InvalidArgumentError(f"scores has incompatible shape: {len(scores)} scores for {len(boxes)} boxes")


def _check_threshold(value: float) -> float:
    if not 0 <= value <= 1:
        raise InvalidArgumentError(f"iou_threshold must be in [0, 1], got {value}")
    return value


@infer(*_PLAIN)
def _plain_infer(call: InferCall) -> Sequence[Shape]:
    return [(None,)]


@kernel("NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3")
@quiet
def _plain(
    call: KernelCall,
    boxes: Array,
    scores: Array,
    max_output_size: Array,
    iou_threshold: Array | None = None,
    score_threshold: Array | None = None,
) -> Array:
    most = _size(max_output_size)
    _check(boxes, scores)
    threshold = call.number("iou_threshold") if iou_threshold is None else float(iou_threshold)
    least = -np.inf if score_threshold is None else float(score_threshold)
    chosen, _ = suppress(scores, most, _overlaps(boxes), _check_threshold(threshold), least)
    return np.array(chosen, np.int32)


@kernel("NonMaxSuppressionWithOverlaps")
@quiet
def _with_overlaps(
    call: KernelCall, overlaps: Array, scores: Array, most: Array, threshold: Array, score_threshold: Array
) -> Array:
    """The similarity of every two boxes is given."""
    if overlaps.ndim != 2 or overlaps.shape[0] != overlaps.shape[1]:
        raise InvalidArgumentError(f"overlaps must be square, got shape {shape_text(overlaps.shape)}")
    if scores.shape != overlaps.shape[:1]:
        raise InvalidArgumentError(
            f"scores has incompatible shape: {shape_text(scores.shape)} for {len(overlaps)} boxes"
        )
    chosen, _ = suppress(
        scores, _size(most), lambda i, j: float(overlaps[i, j]), float(threshold), float(score_threshold)
    )
    return np.array(chosen, np.int32)


@infer("NonMaxSuppressionV4", "NonMaxSuppressionV5")
def _padded_infer(call: InferCall) -> Sequence[Shape]:
    count = scalar_of(call.inputs[2]) if call.flag("pad_to_max_output_size") else None
    return [(count,), ()] if call.node.op.endswith("V4") else [(count,), (count,), ()]


@kernel("NonMaxSuppressionV4", "NonMaxSuppressionV5")
@quiet
def _padded(
    call: KernelCall,
    boxes: Array,
    scores: Array,
    max_output_size: Array,
    iou_threshold: Array,
    score_threshold: Array,
    sigma: Array | None = None,
) -> tuple[Array, ...]:
    most = _size(max_output_size)
    _check(boxes, scores)
    threshold = _check_threshold(float(iou_threshold))
    soft = 0.0 if sigma is None else float(sigma)
    if soft < 0:
        raise InvalidArgumentError(f"soft_nms_sigma must be greater than or equal to 0, got {soft}")
    chosen, kept = suppress(scores, most, _overlaps(boxes), threshold, float(score_threshold), soft)
    count = np.array(len(chosen), np.int32)
    if call.flag("pad_to_max_output_size"):
        kept += [0.0] * (most - len(chosen))
        chosen += [0] * (most - len(chosen))
    indices = np.array(chosen, np.int32)
    return (indices, count) if sigma is None else (indices, np.array(kept, scores.dtype), count)


# ---- several classes and images ---------------------------------------------------------------------------------


@infer("CombinedNonMaxSuppression")
def _combined_infer(call: InferCall) -> Sequence[Shape]:
    boxes, scores = call.shape(0), call.shape(1)
    batch = boxes[0] if boxes else None
    per_class, total = scalar_of(call.inputs[2]), scalar_of(call.inputs[3])
    if call.flag("pad_per_class"):
        classes = scores[2] if scores is not None and len(scores) == 3 else None
        known = None not in (per_class, total, classes)
        total = min(total or 0, (per_class or 0) * (classes or 0)) if known else None
    return [(batch, total, 4), (batch, total), (batch, total), (batch,)]


@kernel("CombinedNonMaxSuppression")
@quiet
def _combined(
    call: KernelCall,
    boxes: Array,
    scores: Array,
    max_output_size_per_class: Array,
    max_total_size: Array,
    iou_threshold: Array,
    score_threshold: Array,
) -> tuple[Array, ...]:
    """Each class by itself, then the best of all classes: boxes, scores, classes (as floats) and how many are real."""
    per_class, total = int(max_output_size_per_class), int(max_total_size)
    threshold, least = float(iou_threshold), float(score_threshold)
    _check_combined(boxes, scores, per_class, total, threshold)
    batch, number, groups = boxes.shape[:3]
    classes = scores.shape[2]
    if call.flag("pad_per_class"):
        total = min(total, per_class * classes)
    made = (np.zeros((batch, total, 4), np.float32), *(np.zeros((batch, total), np.float32) for _ in range(2)))
    valid = np.zeros(batch, np.int32)
    for b in range(batch):
        similar = [_overlaps(boxes[b, :, g]) for g in range(groups)]
        found: list[tuple[float, int, int]] = []
        for c in range(classes):
            chosen, kept = suppress(
                scores[b, :, c], min(per_class, number), similar[c if groups > 1 else 0], threshold, least
            )
            found += [(s, c, i) for s, i in zip(kept, chosen, strict=True)]
        found = sorted(found, key=lambda f: -f[0])[:total]
        valid[b] = len(found)
        for k, (score, c, i) in enumerate(found):
            made[0][b, k] = boxes[b, i, c if groups > 1 else 0]
            made[1][b, k], made[2][b, k] = score, c
    if call.flag("clip_boxes"):
        np.clip(made[0], 0, 1, out=made[0])
    return (*made, valid)


def _check_combined(boxes: Array, scores: Array, per_class: int, total: int, threshold: float) -> None:
    if boxes.ndim != 4 or boxes.shape[3] != 4:
        raise InvalidArgumentError(f"boxes must be 4-D with 4 columns, got shape {shape_text(boxes.shape)}")
    if scores.ndim != 3 or scores.shape[:2] != boxes.shape[:2]:
        raise InvalidArgumentError(
            f"scores must be 3-D and go with the boxes, got shapes {shape_text(scores.shape)} and "
            f"{shape_text(boxes.shape)}"
        )
    if boxes.shape[2] not in (1, scores.shape[2]):
        raise InvalidArgumentError(
            f"third dimension of boxes must be either 1 or num classes ({scores.shape[2]}), got {boxes.shape[2]}"
        )
    if per_class <= 0:
        raise InvalidArgumentError(f"max_size_per_class must be positive, got {per_class}")
    if total <= 0:
        raise InvalidArgumentError(f"max_total_size must be > 0, got {total}")
    _check_threshold(threshold)
