"""Colours of images: between RGB and HSV, contrast, hue, saturation, and boxes drawn on them. On the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import shapes
from noria.errors import FailedPreconditionError, InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet, same_shape, typed, wide
from noria.shapes import Shape

_ADJUST = ("AdjustContrastv2", "AdjustHue", "AdjustSaturation")
# Colours that boxes get in turn where the caller gives none: yellow, blue, red, lime, purple, olive, maroon, navy,
# aqua, fuchsia.
_COLOURS = np.array(
    [
        [1, 1, 0, 1],
        [0, 0, 1, 1],
        [1, 0, 0, 1],
        [0, 1, 0, 1],
        [0.5, 0, 0.5, 1],
        [0.5, 0.5, 0, 1],
        [0.5, 0, 0, 1],
        [0, 0, 0.5, 1],
        [0, 1, 1, 1],
        [1, 0, 1, 1],
    ],
    np.float32,
)

infer("RGBToHSV", "HSVToRGB", *_ADJUST, "DrawBoundingBoxes", "DrawBoundingBoxesV2")(same_shape)


def _hue_saturation_value(rgb: Array) -> tuple[Array, Array, Array]:
    """Hue in [0, 1), saturation and value."""
    red, green, blue = np.moveaxis(rgb, -1, 0)
    value = rgb.max(axis=-1)
    spread = value - rgb.min(axis=-1)
    saturation = np.where(value > 0, spread / value, 0)
    unit = rgb.dtype.type(1 / 6) / spread
    hue = np.where(
        red == value,
        unit * (green - blue),
        np.where(green == value, unit * (blue - red) + 2 / 6, unit * (red - green) + 4 / 6),
    )
    hue = np.where(spread > 0, hue, 0)
    return np.where(hue < 0, hue + 1, hue).astype(rgb.dtype), saturation.astype(rgb.dtype), value


def _rgb(hue: Array, saturation: Array, value: Array) -> Array:
    six = hue * 6
    parts = [np.abs(six - 3) - 1, 2 - np.abs(six - 2), 2 - np.abs(six - 4)]
    one = 1 - saturation
    return np.stack([(one + saturation * np.clip(p, 0, 1)) * value for p in parts], axis=-1)


def _check_channels(x: Array) -> None:
    if x.ndim < 1:
        raise InvalidArgumentError(f"input must be at least 1D, got shape {shape_text(x.shape)}")
    if x.shape[-1] != 3:
        raise FailedPreconditionError(f"input must have 3 channels but instead has {x.shape[-1]} channels.")


@kernel("RGBToHSV")
@quiet
def _rgb_to_hsv(call: KernelCall, x: Array) -> Array:
    _check_channels(x)
    return typed(np.stack(_hue_saturation_value(wide(x)), axis=-1), x.dtype)


@kernel("HSVToRGB")
@quiet
def _hsv_to_rgb(call: KernelCall, x: Array) -> Array:
    _check_channels(x)
    return typed(_rgb(*np.moveaxis(wide(x), -1, 0)), x.dtype)


def _check_adjust(images: Array, amount: Array, name: str) -> np.float32:
    if images.ndim < 3:
        raise InvalidArgumentError(f"input must be at least 3-D, got shape{shape_text(images.shape)}")
    if amount.ndim:
        raise InvalidArgumentError(f"{name} must be scalar: {shape_text(amount.shape)}")
    return np.float32(amount)


@kernel("AdjustContrastv2")
@quiet
def _adjust_contrast(call: KernelCall, images: Array, factor: Array) -> Array:
    """Differences to the mean of each image and channel, times ``factor``."""
    amount = _check_adjust(images, factor, "contrast_factor")
    x = images.astype(np.float32)
    if not x.size:
        return images
    mean = x.mean(axis=(-3, -2), keepdims=True, dtype=np.float64).astype(np.float32)
    return typed((x - mean) * amount + mean, images.dtype)


@kernel("AdjustHue", "AdjustSaturation")
@quiet
def _adjust_colour(call: KernelCall, images: Array, amount: Array) -> Array:
    turn = call.node.op == "AdjustHue"
    by = _check_adjust(images, amount, "delta" if turn else "scale")
    if images.shape[-1] != 3:
        raise InvalidArgumentError(f"input must have 3 channels but instead has {images.shape[-1]} channels.")
    hue, saturation, value = _hue_saturation_value(images.astype(np.float32))
    if turn:
        hue = hue + by
        hue = hue - np.floor(hue)
    else:
        saturation = np.clip(saturation * by, 0, 1)
    return typed(_rgb(hue, saturation, value), images.dtype)


# ---- boxes ------------------------------------------------------------------------------------------------------


def _palette(colors: Array | None, channels: int) -> Array:
    if colors is None or not colors.size:
        palette = _COLOURS.copy()
        if channels == 1:
            palette[:, 0] = 1
        return palette
    if colors.ndim != 2 or colors.shape[1] < channels:
        raise InvalidArgumentError(
            f"colors must be a 2-d matrix with at least {channels} columns, got shape {shape_text(colors.shape)}"
        )
    return colors.astype(np.float32)


def _draw(image: Array, box: Array, colour: Array) -> None:
    """The outline of ``box`` (top, left, bottom, right, as parts of the size), as much as lies in the image."""
    height, width = image.shape[:2]
    if not np.isfinite(box).all():
        return
    scale = np.array([height - 1, width - 1, height - 1, width - 1], np.float32)
    top, left, bottom, right = np.trunc(box.astype(np.float32) * scale).astype(np.int64).tolist()
    if top > bottom or left > right or top >= height or bottom < 0 or left >= width or right < 0:
        return
    rows, columns = slice(max(top, 0), min(bottom, height - 1) + 1), slice(max(left, 0), min(right, width - 1) + 1)
    for row in (top, bottom):
        if 0 <= row < height:
            image[row, columns] = colour
    for column in (left, right):
        if 0 <= column < width:
            image[rows, column] = colour


@kernel("DrawBoundingBoxes", "DrawBoundingBoxesV2")
@quiet
def _draw_boxes(call: KernelCall, images: Array, boxes: Array, colors: Array | None = None) -> Array:
    if images.ndim != 4:
        raise InvalidArgumentError(f"The rank of the images should be 4, got shape {shape_text(images.shape)}")
    if boxes.ndim != 3 or boxes.shape[2] != 4 or boxes.shape[0] != len(images):
        raise InvalidArgumentError(
            f"boxes must have the shape [{len(images)}, number, 4], got shape {shape_text(boxes.shape)}"
        )
    channels = images.shape[3]
    if channels not in (1, 3, 4):
        raise InvalidArgumentError(f"Channel depth should be either 1 (GRY), 3 (RGB), or 4 (RGBA), got {channels}")
    palette = _palette(colors, channels)[:, :channels].astype(images.dtype)
    result = images.copy()
    for image, group in zip(result, boxes, strict=True):
        for i, box in enumerate(group):
            _draw(image, box, palette[i % len(palette)])
    return result


# ---- glimpses ---------------------------------------------------------------------------------------------------


@infer("ExtractGlimpse", "ExtractGlimpseV2")
def _glimpse_infer(call: InferCall) -> Sequence[Shape]:
    shape = shapes.merge(call.shape(0), shapes.unknown(4)) or (None,) * 4
    size = call.inputs[1].known_dims
    height, width = size if size is not None and len(size) == 2 else (None, None)
    return [(shape[0], height, width, shape[3])]


@kernel("ExtractGlimpse", "ExtractGlimpseV2")
@quiet
def _glimpse(call: KernelCall, x: Array, size: Array, offsets: Array) -> Array:
    """A window around each offset; what lies outside of the image is noise (or 0 where ``noise`` says so)."""
    if x.ndim != 4:
        raise InvalidArgumentError(
            f"input must be 4-dimensional (batch_size, height, width, depth), got {shape_text(x.shape)}"
        )
    if size.shape != (2,):
        raise InvalidArgumentError(f"size must be a vector of 2 elements, got shape {shape_text(size.shape)}")
    if offsets.shape != (len(x), 2):
        raise InvalidArgumentError(f"offsets must have the shape [{len(x)}, 2], got {shape_text(offsets.shape)}")
    height, width = size.tolist()
    if height <= 0 or width <= 0:
        raise InvalidArgumentError(f"window height and width must be positive, got {height} and {width}")
    result = _noise(call, x, (len(x), height, width, x.shape[3]))
    rows, columns = x.shape[1:3]
    centred, normal = call.flag("centered"), call.flag("normalized")
    first = call.node.op == "ExtractGlimpse"
    for out, image, offset in zip(result, x, offsets.astype(np.float32), strict=True):
        start = []
        for place, extent, window in zip(offset.tolist(), (rows, columns), (height, width), strict=True):
            at = place * extent if normal else place
            if centred:
                at = (at / 2 if first or normal else at) + extent / 2
            # The second version takes half of the window off only from coordinates of both kinds.
            start.append(int(at - window / 2 if first or (centred and normal) else at))
        top, left = start
        inside = image[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        down, right = max(-top, 0), max(-left, 0)
        out[down : down + len(inside), right : right + inside.shape[1]] = inside
    return result


def _noise(call: KernelCall, x: Array, shape: tuple[int, ...]) -> Array:
    kind = call.text("noise")
    if kind not in ("uniform", "gaussian", "zero"):
        raise InvalidArgumentError(f"noise should be uniform, gaussian or zero, received {kind!r}")
    if kind == "zero":
        return np.zeros(shape, np.float32)
    rng = np.random.default_rng()
    if kind == "gaussian":
        return rng.standard_normal(shape, np.float32)
    return rng.random(shape, np.float32)
