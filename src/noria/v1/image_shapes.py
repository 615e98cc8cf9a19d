"""``tf.image``: images turned, flipped, cropped, padded and resized.

An image is ``[height, width, channels]``, a batch of images has a dimension before these. What is known of their sizes
is checked while the graph is built, the rest by assertions when it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank, shape
from noria.v1.arrays import expand_dims, pad, squeeze, transpose
from noria.v1.assertions import assert_greater_equal, assert_positive
from noria.v1.casts import cast
from noria.v1.constant import constant_value, constant_value_as_shape
from noria.v1.control_flow import assert_true, case, cond, with_dependencies
from noria.v1.convert import convert
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.joining import stack, unstack
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor
from noria.v1.random_ops import random_uniform
from noria.v1.tensor_shape import unknown_shape

_WRONG_RANK = "'image' (shape {}) must have either 3 or 4 dimensions."


def check(condition: Any, message: str) -> list[Any]:
    """An assertion where ``condition`` is a tensor; ValueError where it is known to be false."""
    if is_tensor(condition):
        return [assert_true(condition, [message])]
    if not condition:
        raise ValueError(message)
    return []


def image_checks(image: Tensor) -> list[Any]:
    """Assertions, as far as needed, that the last three dimensions are there and not empty."""
    known = image.shape
    if known.ndims is None:
        known = known.with_rank(3)
    elif known.ndims < 3:
        raise ValueError(f"'image' (shape {image.shape}) must be at least three-dimensional.")
    last = known[-3:]
    if 0 in last.as_list():
        raise ValueError(f"inner 3 dims of 'image.shape' must be > 0: {known}")
    if last.is_fully_defined():
        return []
    sizes = shape(image)[-3:]
    filled = assert_positive(sizes, ["inner 3 dims of 'image.shape' must be > 0."])
    deep = assert_greater_equal(rank(image), 3, message="'image' must be at least three-dimensional.")
    return [filled, deep]


def checked(image: Tensor) -> Tensor:
    """``image`` after ``image_checks``."""
    return with_dependencies(image_checks(image), image)


def dimensions(image: Tensor, ndims: int) -> list[Any]:
    """The sizes of ``image``: numbers where they are known, else tensors."""
    if image.shape.is_fully_defined():
        return image.shape.as_list()
    known = image.shape.with_rank(ndims).as_list()
    return [s if s is not None else d for s, d in zip(known, unstack(shape(image), ndims), strict=True)]


def _by_rank(image: Tensor, single: Callable[[], Any], batch: Callable[[], Any]) -> Any:
    """What ``single`` gives for an image, ``batch`` for a batch; decided when it runs where nothing is known."""
    ndims = image.shape.ndims
    if ndims is None:
        count = rank(image)
        return cond(apply_op("Equal", x=count, y=3), single, batch)
    if ndims not in (3, 4):
        raise ValueError(_WRONG_RANK.format(image.shape))
    return single() if ndims == 3 else batch()


def _reverse(image: Any, axes: list[int]) -> Any:
    return apply_op("ReverseV2", tensor=image, axis=axes)


def _keep_shape(image: Tensor, result: Any) -> Any:
    result.set_shape([None, None, None] if image.shape.ndims is None else image.shape)
    return result


def _flip(called: str, axis: int) -> Callable[..., Any]:
    def function(image: Any) -> Any:
        with name_scope(None, called, [image]):
            image = checked(convert(image, None, "image"))
            return _by_rank(
                image, lambda: _keep_shape(image, _reverse(image, [axis])), lambda: _reverse(image, [axis + 1])
            )

    function.__doc__ = f"The image or images mirrored: {called.replace('_', ' ')}."
    export_constant(f"image.{called}", function)
    return function


flip_left_right = _flip("flip_left_right", 1)
flip_up_down = _flip("flip_up_down", 0)


def _random_flip(called: str, axis: int) -> Callable[..., Any]:
    def function(image: Any, seed: Any = None) -> Any:
        with name_scope(None, called, [image]) as scope:
            image = checked(convert(image, None, "image"))

            def single() -> Any:
                drawn = random_uniform([], 0, 1.0, seed=seed)
                mirrored = apply_op("Less", x=drawn, y=0.5)
                return _keep_shape(image, cond(mirrored, lambda: _reverse(image, [axis]), lambda: image, name=scope))

            def batch() -> Any:
                count = shape(image)[0]
                drawn = random_uniform([count], 0, 1.0, seed=seed)
                flips = apply_op("Round", x=apply_op("Reshape", tensor=drawn, shape=[count, 1, 1, 1]))
                flips = cast(flips, image.dtype)
                flipped = _reverse(image, [axis + 1])
                first = flips * flipped
                return first + (1 - flips) * image

            return _by_rank(image, single, batch)

    function.__doc__ = f"The image mirrored or not, at random; of a batch each for itself: {called.replace('_', ' ')}."
    export_constant(f"image.{called}", function)
    return function


random_flip_left_right = _random_flip("random_flip_left_right", 1)
random_flip_up_down = _random_flip("random_flip_up_down", 0)


@export("image.transpose", "image.transpose_image")
def transpose_image(image: Any, name: str | None = None) -> Any:
    """Height and width exchanged."""
    with name_scope(name, "transpose", [image]):
        image = checked(convert(image, None, "image"))
        called = "transpose" if name is None else name
        return _by_rank(
            image, lambda: transpose(image, [1, 0, 2], called), lambda: transpose(image, [0, 2, 1, 3], called)
        )


@export("image.rot90")
def rot90(image: Any, k: Any = 1, name: str | None = None) -> Any:
    """The image or images turned counter-clockwise by ``k`` times 90 degrees."""
    with name_scope(name, "rot90", [image, k]) as scope:
        image = checked(convert(image, None, "image"))
        k = convert(k, "int32", "k")
        k.shape.assert_has_rank(0)
        with name_scope(None, "mod", [k]) as inner:
            turns = apply_op("FloorMod", inner, x=k, y=4)
        return _by_rank(image, lambda: _turned(image, turns, 0, scope), lambda: _turned(image, turns, 1, scope))


def _turned(image: Tensor, turns: Any, first: int, scope: str) -> Any:
    rows, columns = first, first + 1
    order = [1, 0, 2] if first == 0 else [0, 2, 1, 3]

    def once() -> Any:
        return transpose(_reverse(image, [columns]), order)

    def twice() -> Any:
        return _reverse(image, [rows, columns])

    def thrice() -> Any:
        return _reverse(transpose(image, order), [columns])

    cases = [(apply_op("Equal", x=turns, y=n), f) for n, f in ((1, once), (2, twice), (3, thrice))]
    found = case(cases, default=lambda: image, exclusive=True, name=scope)
    own = image.shape
    found.set_shape([None, None, own[2]] if first == 0 else [found.shape[0], None, None, found.shape[3]])
    return found


@export("image.central_crop")
def central_crop(image: Any, central_fraction: Any) -> Any:
    """The middle of an image or of images, ``central_fraction`` of each side."""
    with name_scope(None, "central_crop", [image]):
        image = convert(image, None, "image")
        known = constant_value(central_fraction)
        message = "central_fraction must be within (0, 1]"
        if known is not None:
            if not 0.0 < known <= 1.0:
                raise ValueError(message)
            if known == 1.0:
                return image
        else:
            above = central_fraction > 0.0
            test = apply_op("LogicalOr", x=above, y=central_fraction <= 1.0)
            image = with_dependencies(check(test, message), image)
        checked(image)
        ndims = image.shape.ndims
        if ndims not in (3, 4):
            raise ValueError(f"`image` should either be a Tensor with rank = 3 or rank = 4. Had rank = {ndims}.")
        sides = [_side(image, ndims - 3 + i) for i in (0, 1)]
        starts = [_start(size, known, central_fraction) for size in sides]
        sizes = [size - start * 2 for size, start in zip(sides, starts, strict=True)]
        front = [0] if ndims == 4 else []
        begin = stack([*front, *starts, 0])
        extent = stack([*([-1] if ndims == 4 else []), *sizes, -1])
        own = image.shape
        found = apply_op("Slice", input=image, begin=begin, size=extent)
        fixed = [None if is_tensor(s) else s for s in sizes]
        found.set_shape([*own.dims[: ndims - 3], *fixed, own[ndims - 1]])
        return found


def _side(image: Tensor, axis: int) -> Any:
    known = image.shape.as_list()[axis]
    return shape(image)[axis] if known is None else known


def _start(size: Any, known: Any, fraction: Any) -> Any:
    """Where the middle ``fraction`` of a side begins, rounded down."""
    if not is_tensor(size) and known is not None:
        return int((float(size) - float(size) * known) / 2)
    whole = cast(size, "float64")
    part = whole * cast(fraction, "float64")
    return cast((whole - part) / 2, "int32")


def _as_batch(image: Any) -> tuple[Tensor, bool]:
    """The image as a batch, and whether it was one; an image of which nothing is known counts as single."""
    image = convert(image, None, "image")
    ndims = image.shape.ndims
    if ndims == 4:
        return image, True
    if ndims not in (3, None):
        raise ValueError(_WRONG_RANK.format(image.shape))
    batch = expand_dims(image, 0)
    if ndims is None:
        batch.set_shape([None] * 4)
    return batch, False


def _fixed(sizes: list[Any]) -> list[Any]:
    return [None if is_tensor(s) else s for s in sizes]


@export("image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Zeros put around, so that the image stands at the offset in one of the target size."""
    with name_scope(None, "pad_to_bounding_box", [image]):
        image, is_batch = _as_batch(image)
        batch, height, width, depth = dimensions(image, 4)
        after_width = target_width - offset_width - width
        after_height = target_height - offset_height - height
        checks = image_checks(image)
        checks += check(offset_height >= 0, "offset_height must be >= 0")
        checks += check(offset_width >= 0, "offset_width must be >= 0")
        checks += check(after_width >= 0, "width must be <= target - offset")
        checks += check(after_height >= 0, "height must be <= target - offset")
        image = with_dependencies(checks, image)
        edges = stack([0, 0, offset_height, after_height, offset_width, after_width, 0, 0])
        padded = pad(image, apply_op("Reshape", tensor=edges, shape=[4, 2]))
        padded.set_shape(_fixed([batch, target_height, target_width, depth]))
        return padded if is_batch else squeeze(padded, [0])


@export("image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """The part of the target size that begins at the offset."""
    with name_scope(None, "crop_to_bounding_box", [image]):
        image, is_batch = _as_batch(image)
        checks = image_checks(image)
        batch, height, width, depth = dimensions(image, 4)
        checks += check(offset_width >= 0, "offset_width must be >= 0.")
        checks += check(offset_height >= 0, "offset_height must be >= 0.")
        checks += check(target_width > 0, "target_width must be > 0.")
        checks += check(target_height > 0, "target_height must be > 0.")
        checks += check(width >= target_width + offset_width, "width must be >= target + offset.")
        checks += check(height >= target_height + offset_height, "height must be >= target + offset.")
        image = with_dependencies(checks, image)
        begin = stack([0, offset_height, offset_width, 0])
        extent = stack([shape(image)[0], target_height, target_width, shape(image)[3]])
        cropped = apply_op("Slice", input=image, begin=begin, size=extent)
        cropped.set_shape(_fixed([batch, target_height, target_width, depth]))
        return cropped if is_batch else squeeze(cropped, [0])


def _either(op_type: str, plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """``plain`` of two numbers, ``op_type`` where one is a tensor."""

    def function(x: Any, y: Any) -> Any:
        return apply_op(op_type, x=x, y=y) if is_tensor(x) or is_tensor(y) else plain(x, y)

    return function


_max = _either("Maximum", max)
_min = _either("Minimum", min)
_equal = _either("Equal", lambda x, y: x == y)


@export("image.resize_with_crop_or_pad", "image.resize_image_with_crop_or_pad")
def resize_image_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """The image cut or padded with zeros, evenly on both sides, to the target size."""
    with name_scope(None, "resize_image_with_crop_or_pad", [image]):
        image, is_batch = _as_batch(image)
        checks = image_checks(image)
        checks += check(target_width > 0, "target_width must be > 0.")
        checks += check(target_height > 0, "target_height must be > 0.")
        image = with_dependencies(checks, image)
        if is_tensor(target_height):
            target_height = with_dependencies(checks, target_height)
        if is_tensor(target_width):
            target_width = with_dependencies(checks, target_width)
        _, height, width, _ = dimensions(image, 4)
        wider = target_width - width
        crop_width, pad_width = _max(-wider // 2, 0), _max(wider // 2, 0)
        higher = target_height - height
        crop_height, pad_height = _max(-higher // 2, 0), _max(higher // 2, 0)
        kept = _min(target_height, height)
        cropped = crop_to_bounding_box(image, crop_height, crop_width, kept, _min(target_width, width))
        found = pad_to_bounding_box(cropped, pad_height, pad_width, target_height, target_width)
        _, found_height, found_width, _ = dimensions(found, 4)
        checks = check(_equal(found_height, target_height), "resized height is not correct.")
        checks += check(_equal(found_width, target_width), "resized width is not correct.")
        found = with_dependencies(checks, found)
        return found if is_batch else squeeze(found, [0])


@export("image.ResizeMethod")
class ResizeMethod:
    """How ``resize_images`` finds the pixels of the new image."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


_RESIZERS = {
    0: "ResizeBilinear", "bilinear": "ResizeBilinear",
    1: "ResizeNearestNeighbor", "nearest": "ResizeNearestNeighbor",
    2: "ResizeBicubic", "bicubic": "ResizeBicubic",
    3: "ResizeArea", "area": "ResizeArea",
}  # fmt: skip


@export("image.resize_images", "image.resize")
def resize_images(
    images: Any,
    size: Any,
    method: Any = ResizeMethod.BILINEAR,
    align_corners: bool = False,
    preserve_aspect_ratio: bool = False,
    name: str | None = None,
) -> Any:
    """An image or images of another ``size`` (height, width); as they are where they have it.

    preserve_aspect_ratio: the largest size of the same proportions that fits.
    """
    with name_scope(name, "resize", [images, size]):
        images = convert(images, None, "images")
        ndims = images.shape.ndims
        if ndims is None:
            raise ValueError("'images' contains no shape.")
        if ndims not in (3, 4):
            raise ValueError("'images' must have either 3 or 4 dimensions.")
        batch = expand_dims(images, 0) if ndims == 3 else images
        _, height, width, _ = batch.shape.as_list()
        try:
            size = convert(size, "int32", "size")
        except (TypeError, ValueError):
            raise ValueError("'size' must be a 1-D int32 Tensor") from None
        if not size.shape.is_compatible_with([2]):
            raise ValueError("'size' must be a 1-D Tensor of 2 elements: new_height, new_width")
        if preserve_aspect_ratio:
            size = _in_proportion(batch, size)
        new_height, new_width = (constant_value_as_shape(size).merge_with(unknown_shape(2))).as_list()
        if None in (height, width) or (height, width) != (new_height, new_width):
            if method not in _RESIZERS:
                raise ValueError(f"Resize method is not implemented: {method}")
            batch = apply_op(_RESIZERS[method], images=batch, size=size, align_corners=align_corners)
            batch.set_shape([None, new_height, new_width, None])
        return squeeze(batch, [0]) if ndims == 3 else batch


def _in_proportion(images: Tensor, size: Tensor) -> Any:
    _, height, width, _ = dimensions(images, 4)
    by_height = cast(size[0], "float32") / cast(height, "float32")
    by_width = cast(size[1], "float32") / cast(width, "float32")
    factor = apply_op("Minimum", x=by_height, y=by_width)
    sides = [cast(apply_op("Round", x=factor * cast(side, "float32")), "int32") for side in (height, width)]
    return convert(sides, "int32", "size")


@export("image.resize_image_with_pad")
def resize_image_with_pad(
    image: Any, target_height: Any, target_width: Any, method: Any = ResizeMethod.BILINEAR, align_corners: bool = False
) -> Any:
    """The image resized in its proportions to fit into the target size, and padded with zeros to it."""
    with name_scope(None, "resize_image_with_pad", [image]):
        image, is_batch = _as_batch(image)
        checks = image_checks(image)
        checks += check(target_width > 0, "target_width must be > 0.")
        checks += check(target_height > 0, "target_height must be > 0.")
        image = with_dependencies(checks, image)
        _, height, width, _ = dimensions(image, 4)
        height, width, full_height, full_width = (
            cast(v, "float32") for v in (height, width, target_height, target_width)
        )
        across = width / full_width
        ratio = _max(across, height / full_height)
        real_height, real_width = height / ratio, width / ratio
        new_height = cast(apply_op("Floor", x=real_height), "int32")
        new_width = cast(apply_op("Floor", x=real_width), "int32")
        above, beside = (full_height - real_height) / 2, (full_width - real_width) / 2
        above, beside = apply_op("Floor", x=above), apply_op("Floor", x=beside)
        above = _max(0, cast(above, "int32"))
        beside = _max(0, cast(beside, "int32"))
        resized = resize_images(image, [new_height, new_width], method, align_corners)
        padded = pad_to_bounding_box(resized, above, beside, target_height, target_width)
        dimensions(padded, 4)
        return padded if is_batch else squeeze(padded, [0])


export_rows("""
image.resize_bilinear: ResizeBilinear images size align_corners? name half_pixel_centers?
image.resize_bicubic: ResizeBicubic images size align_corners? name half_pixel_centers?
image.resize_nearest_neighbor: ResizeNearestNeighbor images size align_corners? name half_pixel_centers?
image.resize_area: ResizeArea images size align_corners?
""")
