"""``tf.image``: the colours of images; their files; boxes in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import add, divide, floordiv, multiply
from noria.v1.array_shapes import ones, rank, shape, zeros
from noria.v1.arrays import expand_dims, pad
from noria.v1.assertions import assert_equal, assert_greater_equal
from noria.v1.casts import cast, identity, saturate_cast
from noria.v1.constant import constant
from noria.v1.contraction import tensordot
from noria.v1.control_flow import with_dependencies
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.image_shapes import check, checked
from noria.v1.joining import concat, stack, unstack
from noria.v1.nn_basic import depthwise_conv2d
from noria.v1.operation import Tensor
from noria.v1.random_ops import random_uniform
from noria.v1.reductions import reduce_std, reduced

_GREY: Final = [0.2989, 0.587, 0.114]  # how much red, green and blue weigh
_COLOUR_SPACES: Final = {
    "rgb_to_yiq": [
        [0.299, 0.59590059, 0.2115], [0.587, -0.27455667, -0.52273617], [0.114, -0.32134392, 0.31119955],
    ],
    "yiq_to_rgb": [[1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]],
    "rgb_to_yuv": [
        [0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026],
    ],
    "yuv_to_rgb": [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]],
}  # fmt: skip


@export("image.convert_image_dtype")
def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Any:
    """Intensities in another dtype: floats from 0 to 1, integers from 0 to their maximum.

    saturate: bring what is out of range to its limits. AttributeError for what is no number.
    """
    image = convert(image, None, "image")
    wanted = as_dtype(dtype)
    own = image.dtype.base_dtype
    if not wanted.is_floating and not wanted.is_integer:
        raise AttributeError("dtype must be either floating point or integer")
    if not own.is_floating and not own.is_integer:
        raise AttributeError("image dtype must be either floating point or integer")
    if wanted == own:
        return identity(image, name)
    brought = saturate_cast if saturate else cast
    with name_scope(name, "convert_image", [image]) as scope:
        if own.is_integer and wanted.is_integer:
            high, low = int(own.max), int(wanted.max)
            if high > low:
                return brought(floordiv(image, (high + 1) // (low + 1)), wanted, scope)
            return multiply(brought(image, wanted), (low + 1) // (high + 1), scope)
        if own.is_floating and wanted.is_floating:
            return cast(image, wanted, scope)
        if own.is_integer:
            return multiply(cast(image, wanted), 1.0 / float(own.max), scope)
        return brought(multiply(image, float(wanted.max) + 0.5), wanted, scope)


def _as_float(image: Any) -> Any:
    return image if image.dtype.base_dtype.name in ("float16", "float32") else convert_image_dtype(image, "float32")


@export("image.adjust_brightness")
def adjust_brightness(image: Any, delta: Any) -> Any:
    """``delta`` (from -1 to 1) added to every intensity."""
    with name_scope(None, "adjust_brightness", [image, delta]) as scope:
        image = convert(image, None, "image")
        bright = _as_float(image)
        found = add(bright, cast(delta, bright.dtype), scope)
        return convert_image_dtype(found, image.dtype, saturate=True)


@export("image.adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """The distance of each intensity from its channel's mean, times ``contrast_factor``."""
    with name_scope(None, "adjust_contrast", [images, contrast_factor]) as scope:
        images = convert(images, None, "images")
        found = apply_op("AdjustContrastv2", scope, images=_as_float(images), contrast_factor=contrast_factor)
        return convert_image_dtype(found, images.dtype, saturate=True)


@export("image.adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Any:
    """``gain`` times each intensity to the power ``gamma``."""
    with name_scope(None, "adjust_gamma", [image, gamma, gain]):
        image = convert(image, None, "image")
        bright = _as_float(image)
        checks = check(gamma >= 0, "Gamma should be a non-negative real number.")
        if checks:
            gamma = with_dependencies(checks, gamma)
        return convert_image_dtype(gain * bright**gamma, image.dtype, saturate=True)


@export("image.adjust_hue")
def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """The hue of RGB images turned by ``delta`` (1 is the whole circle)."""
    with name_scope(name, "adjust_hue", [image]):
        image = convert(image, None, "image")
        found = apply_op("AdjustHue", images=_as_float(image), delta=delta)
        return convert_image_dtype(found, image.dtype)


@export("image.adjust_saturation")
def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """The saturation of RGB images times ``saturation_factor``."""
    with name_scope(name, "adjust_saturation", [image]):
        image = convert(image, None, "image")
        found = apply_op("AdjustSaturation", images=_as_float(image), scale=saturation_factor)
        return convert_image_dtype(found, image.dtype)


@export("image.adjust_jpeg_quality")
def adjust_jpeg_quality(image: Any, jpeg_quality: Any, dct_method: str = "", name: str | None = None) -> Any:
    """The image as JPEG of ``jpeg_quality`` (0 to 100) shows it."""
    with name_scope(name, "adjust_jpeg_quality", [image]):
        image = convert(image, None, "image")
        own, channels = image.dtype, image.shape.as_list()[-1]
        small = convert_image_dtype(image, "uint8", saturate=True)
        if not is_tensor(jpeg_quality):
            jpeg_quality = convert(jpeg_quality, "int32")
        encoded = apply_op("EncodeJpegVariableQuality", images=small, quality=jpeg_quality)
        decoded = apply_op("DecodeJpeg", contents=encoded, channels=channels, dct_method=dct_method)
        return convert_image_dtype(decoded, own, saturate=True)


@export("image.random_brightness")
def random_brightness(image: Any, max_delta: float, seed: Any = None) -> Any:
    """``adjust_brightness`` by a random number up to ``max_delta`` up or down."""
    if max_delta < 0:
        raise ValueError("max_delta must be non-negative.")
    return adjust_brightness(image, random_uniform([], -max_delta, max_delta, seed=seed))


@export("image.random_hue")
def random_hue(image: Any, max_delta: float, seed: Any = None) -> Any:
    """``adjust_hue`` by a random number up to ``max_delta`` (at most 0.5) either way."""
    if not 0 <= max_delta <= 0.5:
        raise ValueError("max_delta must be <= 0.5." if max_delta > 0.5 else "max_delta must be non-negative.")
    return adjust_hue(image, random_uniform([], -max_delta, max_delta, seed=seed))


def _random_factor(called: str, adjust: Callable[[Any, Any], Any]) -> None:
    def function(image: Any, lower: float, upper: float, seed: Any = None) -> Any:
        if upper <= lower:
            raise ValueError("upper must be > lower.")
        if lower < 0:
            raise ValueError("lower must be non-negative.")
        return adjust(image, random_uniform([], lower, upper, seed=seed))

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"``{adjust.__name__}`` by a random factor from ``lower`` to ``upper``."
    export_constant(f"image.{called}", function)


_random_factor("random_contrast", adjust_contrast)
_random_factor("random_saturation", adjust_saturation)


@export("image.random_jpeg_quality")
def random_jpeg_quality(image: Any, min_jpeg_quality: int, max_jpeg_quality: int, seed: Any = None) -> Any:
    """``adjust_jpeg_quality`` by a random quality between the two."""
    if not (0 <= min_jpeg_quality <= 100 and 0 <= max_jpeg_quality <= 100):
        raise ValueError("jpeg encoding range must be between 0 and 100.")
    if min_jpeg_quality >= max_jpeg_quality:
        raise ValueError("`min_jpeg_quality` must be less than `max_jpeg_quality`.")
    quality = random_uniform([], min_jpeg_quality, max_jpeg_quality, seed=seed, dtype="int32")
    return adjust_jpeg_quality(image, quality)


@export("image.per_image_standardization")
def per_image_standardization(image: Any) -> Any:
    """Each image with mean 0 and variance 1; the deviation counts as at least 1 / sqrt(number of values)."""
    with name_scope(None, "per_image_standardization", [image]) as scope:
        image = cast(checked(convert(image, None, "image")), "float32")
        count = reduced("Prod", shape(image)[-3:])
        mean = reduced("Mean", image, [-1, -2, -3], True)
        deviation = reduce_std(image, [-1, -2, -3], True)
        least = apply_op("Rsqrt", x=cast(count, "float32"))
        deviation = apply_op("Maximum", x=deviation, y=least)
        return divide(image - mean, deviation, scope)


@export("image.rgb_to_grayscale")
def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """One channel of the three: the brightness."""
    with name_scope(name, "rgb_to_grayscale", [images]) as scope:
        images = convert(images, None, "images")
        grey = tensordot(convert_image_dtype(images, "float32"), _GREY, [-1, -1])
        return convert_image_dtype(expand_dims(grey, -1), images.dtype, name=scope)


@export("image.grayscale_to_rgb")
def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Three equal channels of one. ValueError when there is more than one."""
    with name_scope(name, "grayscale_to_rgb", [images]) as scope:
        images = with_dependencies(_grey_checks(convert(images) if not is_tensor(images) else images), images)
        front = expand_dims(rank(images) - 1, 0)
        multiples = concat([ones(front, "int32"), expand_dims(3, 0)], 0)
        found = apply_op("Tile", scope, input=images, multiples=multiples)
        found.set_shape(images.shape[:-1].concatenate([3]))
        return found


def _grey_checks(image: Tensor) -> list[Any]:
    known = image.shape
    known = known.with_rank(2) if known.ndims is None else known.with_rank_at_least(2)
    message = "Last dimension of a grayscale image should be size 1."
    if known.is_fully_defined():
        if known.as_list()[-1] != 1:
            raise ValueError(message)
        return []
    last = assert_equal(shape(image)[-1], 1, message=message)
    return [last, assert_greater_equal(rank(image), 3, message="A grayscale image must be at least two-dimensional.")]


def _colour_space(called: str, matrix: Any) -> None:
    def function(images: Any) -> Any:
        images = convert(images, None, "images")
        kernel = convert(matrix, images.dtype, "kernel")
        return tensordot(images, kernel, [[images.shape.ndims - 1], [0]])

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"The last dimension from one colour space to another: {called}."
    export_constant(f"image.{called}", function)


for _called, _matrix in _COLOUR_SPACES.items():
    _colour_space(_called, _matrix)


@export("image.total_variation")
def total_variation(images: Any, name: str | None = None) -> Any:
    """The sum of the distances of neighbouring pixels, of an image or of each of a batch."""
    with name_scope(name, "total_variation"):
        ndims = images.shape.ndims
        if ndims not in (3, 4):
            raise ValueError("'images' must be either 3 or 4-dimensional.")
        whole, before, after = slice(None), slice(None, -1), slice(1, None)
        front = (whole,) * (ndims - 3)
        down = images[(*front, after, whole, whole)] - images[(*front, before, whole, whole)]
        across = images[(*front, whole, after, whole)] - images[(*front, whole, before, whole)]
        axes = None if ndims == 3 else [1, 2, 3]
        first = reduced("Sum", apply_op("Abs", x=down), axes)
        return first + reduced("Sum", apply_op("Abs", x=across), axes)


@export("image.image_gradients")
def image_gradients(image: Any) -> tuple[Any, Any]:
    """The differences of neighbouring pixels of a batch, downwards and to the right; 0 at the end."""
    if image.shape.ndims != 4:
        raise ValueError(f"image_gradients expects a 4D tensor [batch_size, h, w, d], not {image.shape}.")
    sizes = shape(image)
    batch, height, width, depth = unstack(sizes)
    dy = image[:, 1:, :, :] - image[:, :-1, :, :]
    dx = image[:, :, 1:, :] - image[:, :, :-1, :]
    edge = stack([batch, 1, width, depth])
    dy = concat([dy, zeros(edge, image.dtype)], 1)
    dy = apply_op("Reshape", tensor=dy, shape=sizes)
    edge = stack([batch, height, 1, depth])
    dx = concat([dx, zeros(edge, image.dtype)], 2)
    return dy, apply_op("Reshape", tensor=dx, shape=sizes)


@export("image.sobel_edges")
def sobel_edges(image: Any) -> Any:
    """The Sobel filter of a batch downwards and to the right, in a new last dimension."""
    known = image.shape
    sizes = shape(image)
    kernels = np.array([[[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]])
    filters = constant(np.expand_dims(kernels.transpose(1, 2, 0), -2), dtype=image.dtype)
    filters = apply_op("Tile", "sobel_filters", input=filters, multiples=[1, 1, sizes[-1], 1])
    padded = pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
    found = depthwise_conv2d(padded, filters, [1, 1, 1, 1], "VALID")
    found = apply_op("Reshape", tensor=found, shape=concat([sizes, [2]], 0))
    found.set_shape(known.concatenate([2]))
    return found
