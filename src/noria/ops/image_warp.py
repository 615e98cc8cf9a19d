"""Images resampled with a scale and a shift (ScaleAndTranslate) or by a projection. On the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet, typed
from noria.shapes import Shape


def _sized_infer(call: InferCall) -> Sequence[Shape]:
    shape = shapes.merge(call.shape(0), shapes.unknown(4)) or (None,) * 4
    place = 2 if call.node.op.startswith("Image") else 1
    size = call.inputs[place].known_dims
    height, width = size if size is not None and len(size) == 2 else (None, None)
    return [(shape[0], height, width, shape[3])]


infer("ScaleAndTranslate", "ImageProjectiveTransformV2", "ImageProjectiveTransformV3")(_sized_infer)


# ---- sampling kernels -------------------------------------------------------------------------------------------


def _lanczos(radius: float) -> Callable[[Array], Array]:
    def run(x: Array) -> Array:
        at = np.where(x < 1e-3, 1, x) * np.pi
        value = radius * np.sin(at) * np.sin(at / radius) / (at * at)
        return np.where(x > radius, 0, np.where(x < 1e-3, 1, value))

    return run


def _gaussian(x: Array) -> Array:
    return np.where(x >= 1.5, 0, np.exp(-x * x / (2 * 0.5 * 0.5)))


def _box(x: Array) -> Array:
    return np.where(x < 0.5, 1.0, np.where(x == 0.5, 0.5, 0.0))


def _triangle(x: Array) -> Array:
    return np.where(x < 1, 1 - x, 0.0)


def _keys(x: Array) -> Array:
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


def _mitchell(x: Array) -> Array:
    near = ((7 / 6 * x - 2) * x) * x + 16 / 18
    far = ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
    return np.where(x >= 2, 0, np.where(x >= 1, far, near))


# Name → radius and the function of distances.
_KERNELS: Mapping[str, tuple[float, Callable[[Array], Array]]] = {
    "lanczos1": (1.0, _lanczos(1.0)),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
    "gaussian": (1.5, _gaussian),
    "box": (1.0, _box),
    "triangle": (1.0, _triangle),
    "keyscubic": (2.0, _keys),
    "mitchellcubic": (2.0, _mitchell),
}


def _weights(call: KernelCall, given: int, made: int, scale: float, shift: float) -> Array:
    """float32 [made, given]: how much of each input goes into each output along one axis."""
    name = call.text("kernel_type").lower()
    if name not in _KERNELS:
        raise InvalidArgumentError(f"Unrecognized kernel type: {name}; there are {', '.join(_KERNELS)}")
    radius, function = _KERNELS[name]
    inverse = np.float32(1) / np.float32(scale)
    wide = max(float(inverse), 1.0) if call.flag("antialias") else 1.0
    centres = (np.arange(made, dtype=np.float32) + np.float32(0.5)) * inverse - inverse * np.float32(shift)
    places = np.arange(given)
    start = np.clip(np.ceil(centres - radius * wide - 0.5), 0, given - 1)
    stop = np.clip(np.floor(centres + radius * wide - 0.5), 0, given - 1)
    distances = np.abs(places[None, :] + 0.5 - centres[:, None].astype(np.float64)) / wide
    weights = np.where((places >= start[:, None]) & (places <= stop[:, None]), function(distances), 0.0)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(np.abs(total) >= 1000 * np.finfo(np.float32).tiny, weights / total, weights)
    outside = (centres < 0) | (centres > given)
    return np.where(outside[:, None], 0, weights).astype(np.float32)


@kernel("ScaleAndTranslate")
@quiet
def _scale_and_translate(call: KernelCall, images: Array, size: Array, scale: Array, translation: Array) -> Array:
    if images.ndim != 4:
        raise InvalidArgumentError(f"input must be 4-dimensional {shape_text(images.shape)}")
    for name, value in (("size", size), ("scale", scale), ("translation", translation)):
        if value.shape != (2,):
            raise InvalidArgumentError(f"{name} must be a vector of 2 elements, got shape {shape_text(value.shape)}")
    if not (scale > 0).all():
        raise InvalidArgumentError(f"scale must be greater than zero, got {scale.tolist()}.")
    made = size.tolist()
    if min(made) <= 0:
        raise InvalidArgumentError(f"output dimensions must be positive, got {made}")
    if not (images.shape[1] and images.shape[2]):
        raise InvalidArgumentError("input image must be of non-zero size")
    rows, columns = (
        _weights(call, images.shape[i + 1], made[i], float(scale[i]), float(translation[i])) for i in (0, 1)
    )
    tall = np.einsum("oh,bhwc->bowc", rows, images.astype(np.float32), optimize=True)
    return typed(np.einsum("pw,bowc->bopc", columns, tall, optimize=True), call.output_dtype)


# ---- projections ------------------------------------------------------------------------------------------------


def _mapped(at: Array, size: int, mode: str) -> Array:
    """Coordinates outside of ``[0, size)`` taken to one inside, as the fill mode says."""
    if mode == "CONSTANT":
        return at
    if mode == "NEAREST":
        return np.clip(at, 0, size - 1)
    if size <= 1:
        return np.where((at < 0) | (at > size - 1), 0, at)
    if mode == "REFLECT":
        double = 2 * size
        low = np.where(at < double, double * np.trunc(-at / double) + at, at)
        low = np.where(low < -size, low + double, -low - 1)
        high = at - double * np.trunc(at / double)
        high = np.where(high >= size, double - high - 1, high)
    else:
        span = size - 1
        low = at + size * (np.trunc(-at / span) + 1)
        high = at - size * np.trunc(at / span)
    return np.clip(np.where(at < 0, low, np.where(at > size - 1, high, at)), 0, size - 1)


def _read(image: Array, y: Array, x: Array, fill: float) -> Array:
    """Pixels [..., channels] at whole coordinates, ``fill`` where there is none."""
    height, width = image.shape[:2]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    rows, columns = np.where(inside, y, 0).astype(np.int64), np.where(inside, x, 0).astype(np.int64)
    return np.where(inside[..., None], image[rows, columns], np.asarray(fill, image.dtype))


def _away(x: Array) -> Array:
    """Rounded, halves away from 0."""
    return np.asarray(np.trunc(x + np.copysign(np.float32(0.5), x)))


def _project(image: Array, transform: Array, made: tuple[int, int], mode: str, fill: float, *, smooth: bool) -> Array:
    y, x = np.mgrid[0 : made[0], 0 : made[1]].astype(np.float32)
    a = transform.astype(np.float32)
    depth = a[6] * x + a[7] * y + 1
    source_x = _mapped((a[0] * x + a[1] * y + a[2]) / depth, image.shape[1], mode)
    source_y = _mapped((a[3] * x + a[4] * y + a[5]) / depth, image.shape[0], mode)
    if not smooth:
        pixels = _read(image, _away(source_y), _away(source_x), fill)
    else:
        left, top = np.floor(source_x), np.floor(source_y)
        right, bottom = left + 1, top + 1
        to_right, to_left = (source_x - left)[..., None], (right - source_x)[..., None]
        upper = to_left * _read(image, top, left, fill) + to_right * _read(image, top, right, fill)
        lower = to_left * _read(image, bottom, left, fill) + to_right * _read(image, bottom, right, fill)
        pixels = (bottom - source_y)[..., None] * upper + (source_y - top)[..., None] * lower
    return np.where((depth == 0)[..., None], np.asarray(fill, image.dtype), pixels).astype(image.dtype)


@kernel("ImageProjectiveTransformV2", "ImageProjectiveTransformV3")
@quiet
def _projective(
    call: KernelCall, images: Array, transforms: Array, output_shape: Array, fill_value: Array | None = None
) -> Array:
    """Output (x, y) is input ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1."""
    if images.ndim != 4:
        raise InvalidArgumentError(f"images must have rank 4, got shape {shape_text(images.shape)}")
    if transforms.ndim != 2 or transforms.shape[1] != 8 or transforms.shape[0] not in (1, len(images)):
        raise InvalidArgumentError(
            f"Input transform should be num_images x 8 or 1 x 8, got shape {shape_text(transforms.shape)} for "
            f"{len(images)} images"
        )
    if output_shape.shape != (2,):
        raise InvalidArgumentError(
            f"output shape must be 1-dimensional with 2 elements, got {shape_text(output_shape.shape)}"
        )
    made = (int(output_shape[0]), int(output_shape[1]))
    if min(made) <= 0:
        raise InvalidArgumentError(f"new dimensions must be positive: {list(made)}")
    mode, way = call.text("fill_mode"), call.text("interpolation")
    if mode not in ("CONSTANT", "REFLECT", "WRAP", "NEAREST") or way not in ("NEAREST", "BILINEAR"):
        raise InvalidArgumentError(f"Invalid mode {mode!r} or interpolation {way!r}")
    fill = 0.0 if fill_value is None else float(fill_value)
    found = [
        _project(image, transforms[i % len(transforms)], made, mode, fill, smooth=way == "BILINEAR")
        for i, image in enumerate(images)
    ]
    shape = (len(images), *made, images.shape[3])
    return np.stack(found) if found else np.zeros(shape, images.dtype)
