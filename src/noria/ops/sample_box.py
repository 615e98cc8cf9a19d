"""Random crops that hold part of an object: SampleDistortedBoundingBox, its V2, and the stateless one.

A crop's aspect ratio (width / height) and area are drawn until one covers enough of some box; after ``max_attempts``
it is the whole image. The arithmetic is float32, as TensorFlow's, since a rounding decides which numbers come next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._philox import Generator, Numbers, from_stateless_seed
from noria.shapes import Shape

_BLOCKS_AN_ATTEMPT = 4


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle of pixels; the ends are outside of it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        return max(self.right - self.left, 0) * max(self.bottom - self.top, 0)

    def common(self, other: _Box) -> int:
        """The area of the intersection."""
        return _Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area


@infer("SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2", "StatelessSampleDistortedBoundingBox")
def _infer(call: InferCall) -> list[Shape]:
    return [(3,), (3,), (1, 1, 4)]


@kernel("SampleDistortedBoundingBox")
def _sample(call: KernelCall, size: Array, boxes: Array) -> tuple[Array, ...]:
    return _sampled(call, size, boxes, np.float32(call.number("min_object_covered")), _own_numbers(call))


@kernel("SampleDistortedBoundingBoxV2")
def _sample_v2(call: KernelCall, size: Array, boxes: Array, covered: Array) -> tuple[Array, ...]:
    return _sampled(call, size, boxes, _covered(covered), _own_numbers(call))


@kernel("StatelessSampleDistortedBoundingBox")
def _sample_stateless(call: KernelCall, size: Array, boxes: Array, covered: Array, seed: Array) -> tuple[Array, ...]:
    if seed.shape != (2,):
        raise InvalidArgumentError(f"seed must have shape [2], not {shape_text(seed.shape)}")
    return _sampled(call, size, boxes, _covered(covered), Numbers(from_stateless_seed(*seed.tolist())))


def _own_numbers(call: KernelCall) -> Numbers:
    """The next part of this node's own stream."""
    seed, seed2 = call.integer("seed"), call.integer("seed2")
    generator = call.resources.get_or_create("random", call.name, Generator, lambda: Generator(seed, seed2))
    return Numbers(generator.reserve(_BLOCKS_AN_ATTEMPT * call.integer("max_attempts")))


def _covered(value: Array) -> np.float32:
    if value.ndim:
        raise InvalidArgumentError(f"min_object_covered must be 0-D, got shape {shape_text(value.shape)}")
    if not value >= 0:
        raise InvalidArgumentError(f"Min object covered must be non-negative, got: {float(value)}")
    return np.float32(value)


def _range(call: KernelCall, name: str, *, most: float | None = None) -> tuple[np.float32, np.float32]:
    values = [np.float32(v) for v in call.attr(name)]
    if len(values) != 2 or not 0 < values[0] <= values[1] or (most is not None and values[1] > most):
        raise InvalidArgumentError(f"{name} must be two positive ascending numbers, got {[float(v) for v in values]}")
    return values[0], values[1]


def _sampled(call: KernelCall, size: Array, boxes: Array, covered: np.float32, numbers: Numbers) -> tuple[Array, ...]:
    """The begin and the size of the crop, for Slice, and the crop as a box [1, 1, 4] relative to the image."""
    if size.shape != (3,):
        raise InvalidArgumentError(f"image_size must be 1-D containing [height, width, channels], got {size.shape}")
    height, width = int(size[0]), int(size[1])
    if height <= 0 or width <= 0:
        raise InvalidArgumentError(f"image height and width must be positive, got {height} and {width}")
    whole = _Box(0, 0, width, height)
    objects = _objects(call, boxes, whole)
    low, high = _range(call, "aspect_ratio_range")
    areas = _range(call, "area_range", most=1)
    chosen = whole
    for _ in range(call.integer("max_attempts")):
        ratio = np.float32(numbers.unit32()) * (high - low) + low
        crop = _crop(whole, areas, ratio, numbers)
        if crop is not None and _holds(crop, objects, covered):
            chosen = crop
            break
    begin = [chosen.top, chosen.left, 0]
    extent = [chosen.bottom - chosen.top, chosen.right - chosen.left, -1]
    box = np.array([chosen.top, chosen.left, chosen.bottom, chosen.right], np.float32)
    scale = np.array([height, width, height, width], np.float32)
    return np.array(begin).astype(size.dtype), np.array(extent).astype(size.dtype), (box / scale).reshape(1, 1, 4)


def _objects(call: KernelCall, boxes: Array, whole: _Box) -> list[_Box]:
    """The boxes [..., 4] of relative (top, left, bottom, right) in pixels."""
    if boxes.ndim != 3 or boxes.shape[-1] != 4:
        raise InvalidArgumentError(
            f"input bounding boxes must be 3-dimensional [batch, num_boxes, coords] with 4 coords, got shape "
            f"{shape_text(boxes.shape)}"
        )
    if not boxes.size:
        if not call.flag("use_image_if_no_bounding_boxes"):
            raise InvalidArgumentError(
                "No bounding boxes provided as input. One must enable use_image_if_no_bounding_boxes if you wish to "
                "not provide any bounding boxes."
            )
        return [whole]
    found = []
    for top, left, bottom, right in boxes.reshape(-1, 4):
        if not (0 <= top <= bottom <= 1 and 0 <= left <= right <= 1):
            raise InvalidArgumentError(
                "All bounding box coordinates must be in [0.0, 1.0] and ascending: got top, left, bottom, right = "
                f"{float(top)}, {float(left)}, {float(bottom)}, {float(right)}"
            )
        wide, high = np.float32(whole.right), np.float32(whole.bottom)
        found.append(_Box(int(left * wide), int(top * high), int(right * wide), int(bottom * high)))
    return found


def _holds(crop: _Box, objects: list[_Box], covered: np.float32) -> bool:
    """Whether the crop covers enough of some object that is not empty."""
    if not crop.area:
        return False
    return any(b.area and np.float32(crop.common(b)) / np.float32(b.area) >= covered for b in objects)


def _crop(whole: _Box, areas: tuple[np.float32, np.float32], ratio: np.float32, numbers: Numbers) -> _Box | None:
    """A crop of that aspect ratio somewhere in the image, of a random size with its area in range, if one fits."""
    wide, high = whole.right, whole.bottom
    least, most = (share * np.float32(wide) * np.float32(high) for share in areas)
    height = _rounded(np.sqrt(least / ratio))
    tallest = _rounded(np.sqrt(most / ratio))
    if _rounded(np.float32(tallest) * ratio) > wide:
        tallest = int((wide + 0.5 - 1e-7) / float(ratio))
        if _rounded(np.float32(tallest) * ratio) > wide:
            tallest -= 1
    tallest = min(tallest, high)
    height = min(height, tallest)
    if height < tallest:
        height += numbers.below(tallest - height + 1, 32)
    width = _rounded(np.float32(height) * ratio)
    if width * height < least:
        height += 1
        width = _rounded(np.float32(height) * ratio)
    if width * height > most:
        height -= 1
        width = _rounded(np.float32(height) * ratio)
    if not least <= width * height <= most or not 0 < width <= wide or not 0 < height <= high:
        return None
    top = numbers.below(high - height, 32) if height < high else 0
    left = numbers.below(wide - width, 32) if width < wide else 0
    return _Box(left, top, left + width, top + height)


def _rounded(value: np.float32) -> int:
    return int(np.rint(value))
