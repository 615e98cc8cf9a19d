"""Images in other sizes: bilinear, nearest, bicubic, by area, and crops of boxes.

TensorFlow maps the output pixel i to a place in the input in float32, with scale = in / out:

- half_pixel_centers: (i + 0.5) * scale - 0.5; otherwise: i * scale;
- align_corners: i * scale with scale = (in - 1) / (out - 1), where out > 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError, OutOfRangeError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import fail_if
from noria.ops._numeric import dims_text, quiet, typed
from noria.ops._windows import channels_first, first_shape, from_channels_first, layout
from noria.shapes import Dim, Shape

_f32 = np.float32


# ---- checks and shapes ------------------------------------------------------------------------------------------


@infer("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
def _resize_infer(call: InferCall) -> Sequence[Shape]:
    x, size = call.shape(0), call.inputs[1].known_dims
    rows, columns = (None, None) if size is None or len(size) != 2 else size
    batch, channels = (None, None) if x is None or len(x) != 4 else (x[0], x[3])
    return [(batch, rows, columns, channels)]


def _sizes(call: KernelCall, x: Array, size: Array) -> tuple[int, int]:
    """The checked output size."""
    if x.ndim != 4:
        raise InvalidArgumentError(f"input must be 4-dimensional{dims_text(x.shape)}")
    if size.shape != (2,):
        raise InvalidArgumentError(f"shape_t must have two elements{dims_text(size.shape)}")
    rows, columns = int(size[0]), int(size[1])
    if rows <= 0 or columns <= 0:
        raise InvalidArgumentError(f"output dimensions must be positive, got [{rows},{columns}]")
    if x.shape[3] == 0:
        raise InvalidArgumentError("image must have at least one channel")
    if x.shape[1] == 0 or x.shape[2] == 0:
        raise InvalidArgumentError("input image must be of non-zero size")
    if _half_pixel(call) and call.flag("align_corners"):
        raise InvalidArgumentError("If half_pixel_centers is True, align_corners must be False.")
    return rows, columns


def _half_pixel(call: KernelCall | Lowering) -> bool:
    return "half_pixel_centers" in call.node.attrs and call.flag("half_pixel_centers")


def _scale(size: int, wanted: int, *, align: bool) -> np.float32:
    if align and wanted > 1:
        return _f32(size - 1) / _f32(wanted - 1)
    return _f32(size) / _f32(wanted)


def _places(size: int, wanted: int, *, align: bool, half: bool) -> Array:
    """Where each of ``wanted`` output pixels lies among ``size`` inputs, in float32."""
    index = np.arange(wanted, dtype=_f32)
    scale = _scale(size, wanted, align=align)
    return (index + _f32(0.5)) * scale - _f32(0.5) if half else index * scale


# ---- nearest ----------------------------------------------------------------------------------------------------


def _nearest(size: int, wanted: int, *, align: bool, half: bool) -> Array:
    """The input pixel of each output pixel."""
    index = np.arange(wanted, dtype=_f32)
    scale = _scale(size, wanted, align=align)
    place = (index + _f32(0.5)) * scale if half else index * scale
    # Places are not negative, so half away from zero is half up.
    found = np.floor(place + _f32(0.5)) if align else np.floor(place)
    result: Array = np.clip(found.astype(np.int64), 0, size - 1)
    return result


@kernel("ResizeNearestNeighbor")
def _resize_nearest(call: KernelCall, x: Array, size: Array) -> Array:
    rows, columns = _sizes(call, x, size)
    align, half = call.flag("align_corners"), _half_pixel(call)
    y = x[:, _nearest(x.shape[1], rows, align=align, half=half)]
    return y[:, :, _nearest(x.shape[2], columns, align=align, half=half)]


@lower("ResizeNearestNeighbor")
def _resize_nearest_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    rows, columns = _lowered_sizes(op)
    align, half = op.flag("align_corners"), _half_pixel(op)
    shape = x.shape or ()
    if rows is None or columns is None or shape[1] is None or shape[2] is None:
        return _nearest_of_any_size(op, align=align, half=half)
    factors = []
    picks = []
    for size, wanted in ((shape[1], rows), (shape[2], columns)):
        pick = _nearest(size, wanted, align=align, half=half)
        whole = wanted % size == 0 and bool((pick == np.arange(wanted) // (wanted // size)).all())
        factors.append(wanted // size if whole else 0)
        picks.append(pick)
    where = layout("NHWC")
    if all(factors) and op.supports("Resize", x.dtype):
        # A whole factor is the form that the engine keeps in its blocked layout between convolutions.
        y = op.emit(
            "Resize",
            channels_first(op, x, where),
            None,
            op.constant([1.0, 1.0, float(factors[0]), float(factors[1])], dtypes.float32),
            shape=first_shape(op.outputs[0].shape, where),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return from_channels_first(op, y, where, op.outputs[0].shape)
    y = op.emit("Gather", x, op.constant(picks[0]), axis=1)
    return op.emit("Gather", y, op.constant(picks[1]), axis=2, shape=op.outputs[0].shape)


def _nearest_of_any_size(op: Lowering, *, align: bool, half: bool) -> Value:
    """Computes, in the call, what ``_nearest`` does."""
    y, size = op.inputs[0], _checked_size(op)
    half_value = op.constant(0.5, dtypes.float32)
    for i, axis in enumerate((1, 2)):
        given = op.squeeze(op.emit("Shape", op.inputs[0], dtype=dtypes.int64, start=axis, end=axis + 1), [0])
        wanted = op.emit("Gather", size, op.constant(i, dtypes.int64), axis=0)
        one = op.constant(1, dtypes.int64)
        scale = op.emit("Div", op.cast(given, dtypes.float32), op.cast(wanted, dtypes.float32))
        if align:
            ends = (op.cast(op.emit("Sub", v, one), dtypes.float32) for v in (given, wanted))
            more = op.emit("Less", one, wanted, dtype=dtypes.bool_)
            scale = op.emit("Where", more, op.emit("Div", *ends), scale, dtype=dtypes.float32)
        index = op.cast(op.emit("Range", op.constant(0, dtypes.int64), wanted, one), dtypes.float32)
        place = op.emit("Mul", op.emit("Add", index, half_value) if half else index, scale)
        floor = op.emit("Floor", op.emit("Add", place, half_value) if align else place)
        pick = op.emit("Min", op.cast(floor, dtypes.int64), op.emit("Sub", given, one))
        y = op.emit("Gather", y, pick, axis=axis)
    return y


def _checked_size(op: Lowering) -> Value:
    """The output size as int64; the segment fails where it is not positive, or the image is empty."""
    size = op.cast(op.inputs[1], dtypes.int64)
    zero = op.constant(0, dtypes.int64)
    wrong = op.emit("LessOrEqual", size, zero, dtype=dtypes.bool_)
    given = op.emit("Shape", op.inputs[0], dtype=dtypes.int64, start=1, end=3)
    empty = op.emit("Equal", given, zero, dtype=dtypes.bool_)
    return fail_if(op, op.emit("Or", wrong, empty, dtype=dtypes.bool_), size)


def _lowered_sizes(op: Lowering) -> tuple[Dim, Dim]:
    """The output size as far as it is known, where the kernel would accept it for an image that is not empty."""
    dims, shape = op.inputs[1].dims, op.inputs[0].shape
    if op.inputs[1].const is not None:
        dims = tuple(int(d) for d in op.inputs[1].const.reshape(-1))
    if dims is None and op.inputs[1].shape == (2,):
        dims = (None, None)
    if dims is None or len(dims) != 2 or any(d is not None and d <= 0 for d in dims):
        op.cannot("the output size is not positive, or not a pair")
    if op.rank(0) != 4 or shape is None or shape[3] in (None, 0) or 0 in shape:
        op.cannot("the image is empty, or the number of channels is unknown")
    if _half_pixel(op) and op.flag("align_corners"):
        op.cannot("half_pixel_centers and align_corners")
    return dims[0], dims[1]


# ---- bilinear ---------------------------------------------------------------------------------------------------


def _pair(size: int, wanted: int, *, align: bool, half: bool) -> tuple[Array, Array, Array]:
    """The two input pixels around each output pixel, and how far it is from the first to the second."""
    place = _places(size, wanted, align=align, half=half)
    floor = np.floor(place)
    upper = np.minimum(np.ceil(place).astype(np.int64), size - 1)
    lower_ = np.minimum(np.maximum(floor.astype(np.int64), 0), upper)
    return lower_, upper, place - floor


@kernel("ResizeBilinear")
@quiet
def _resize_bilinear(call: KernelCall, x: Array, size: Array) -> Array:
    rows, columns = _sizes(call, x, size)
    align, half = call.flag("align_corners"), _half_pixel(call)
    top, bottom, down = _pair(x.shape[1], rows, align=align, half=half)
    left, right, across = _pair(x.shape[2], columns, align=align, half=half)
    values = x.astype(_f32)
    across = across.reshape(1, 1, -1, 1)

    def along_row(index: Array) -> Array:
        line = values[:, index]
        start = line[:, :, left]
        between: Array = start + (line[:, :, right] - start) * across
        return between

    first = along_row(top)
    return typed(first + (along_row(bottom) - first) * down.reshape(1, -1, 1, 1), np.dtype(_f32))


@lower("ResizeBilinear")
def _resize_bilinear_lower(op: Lowering) -> Value:
    x = op.cast(op.inputs[0], dtypes.float32)
    rows, columns = _lowered_sizes(op)
    where = layout("NHWC")
    mode = "align_corners" if op.flag("align_corners") else "half_pixel" if _half_pixel(op) else "asymmetric"
    # Not ``sizes`` with ``axes``: the engine's transpose optimiser (1.31) breaks that form.
    y = op.emit(
        "Resize",
        channels_first(op, x, where),
        None,
        *_engine_sizes(op, rows, columns),
        shape=first_shape(op.outputs[0].shape, where),
        mode="linear",
        coordinate_transformation_mode=mode,
    )
    return from_channels_first(op, y, where, op.outputs[0].shape)


def _engine_sizes(op: Lowering, rows: Dim, columns: Dim) -> tuple[Value] | tuple[None, Value]:
    """Resize's inputs ``scales``, or ``sizes`` where something is known to the call only."""
    shape = op.inputs[0].shape or ()
    if rows is not None and columns is not None and shape[1] is not None and shape[2] is not None:
        scales = [1.0, 1.0, _engine_scale(shape[1], rows, op), _engine_scale(shape[2], columns, op)]
        return (op.constant(scales, dtypes.float32),)
    batch = op.emit("Shape", op.inputs[0], dtype=dtypes.int64, start=0, end=1)
    return None, op.emit("Concat", batch, op.constant([shape[3]], dtypes.int64), _checked_size(op), axis=0)


def _engine_scale(size: int, wanted: int, op: Lowering) -> float:
    """out / in as the float32 from which the engine gets back ``wanted``, which is trunc(in * scale)."""
    scale = _f32(wanted) / _f32(size)
    if int(_f32(size) * scale) < wanted:
        scale = np.nextafter(scale, _f32(np.inf))
    if int(_f32(size) * scale) != wanted:
        op.cannot("no scale gives this size")
    return float(scale)


# ---- bicubic ----------------------------------------------------------------------------------------------------

_STEPS = 1024  # TensorFlow rounds the fraction to a table of this many steps


def _cubic_table(a: float) -> tuple[Array, Array]:
    """Keys' cubic with parameter ``a`` at distances 0..1 and 1..2: computed in float64, kept in float32."""
    x = np.arange(_STEPS + 1, dtype=np.float64) / _STEPS
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    y = x + 1
    far = ((a * y - 5 * a) * y + 8 * a) * y - 4 * a
    return near.astype(_f32), far.astype(_f32)


def _cubic_taps(size: int, wanted: int, *, align: bool, half: bool) -> tuple[Array, Array]:
    """The four input pixels of each output pixel and their weights, both [wanted, 4]."""
    near, far = _cubic_table(-0.5 if half else -0.75)
    place = _places(size, wanted, align=align, half=half)
    base = np.floor(place)
    step = np.rint((place - base) * _f32(_STEPS)).astype(np.int64)
    index = base.astype(np.int64)[:, None] + np.arange(-1, 3)
    weights = np.stack([far[step], near[step], near[_STEPS - step], far[_STEPS - step]], axis=1)
    bounded = np.clip(index, 0, size - 1)
    if half:  # pixels outside do not count, the others share the weight
        weights = np.where(bounded == index, weights, _f32(0))
        total = weights.sum(axis=1, keepdims=True, dtype=_f32)
        weights = np.where(np.abs(total) >= 1000 * np.finfo(_f32).tiny, weights / total, weights)
    return bounded, weights.astype(_f32)


@kernel("ResizeBicubic")
@quiet
def _resize_bicubic(call: KernelCall, x: Array, size: Array) -> Array:
    rows, columns = _sizes(call, x, size)
    align, half = call.flag("align_corners"), _half_pixel(call)
    down, down_weights = _cubic_taps(x.shape[1], rows, align=align, half=half)
    across, across_weights = _cubic_taps(x.shape[2], columns, align=align, half=half)
    values = x.astype(_f32)
    tall = sum(values[:, down[:, k]] * down_weights[:, k].reshape(1, -1, 1, 1) for k in range(4))
    wide = sum(np.asarray(tall)[:, :, across[:, k]] * across_weights[:, k].reshape(1, 1, -1, 1) for k in range(4))
    return typed(wide, np.dtype(_f32))


# ---- by area ----------------------------------------------------------------------------------------------------


def _area_weights(size: int, wanted: int, *, align: bool) -> Array:
    """How much of each input pixel an output pixel covers, [wanted, size], summing to 1 inside the image."""
    scale = _scale(size, wanted, align=align)
    weights = np.zeros((wanted, size), _f32)
    for i in range(wanted):
        begin, end = _f32(i) * scale, _f32(i + 1) * scale
        for j in range(int(np.floor(begin)), int(np.ceil(end))):
            covered = scale if j < begin and j + 1 > end else min(_f32(j + 1), end) - max(_f32(j), begin)
            weights[i, min(max(j, 0), size - 1)] += covered
    return weights / scale


@kernel("ResizeArea")
@quiet
def _resize_area(call: KernelCall, x: Array, size: Array) -> Array:
    rows, columns = _sizes(call, x, size)
    align = call.flag("align_corners")
    down = _area_weights(x.shape[1], rows, align=align)
    across = _area_weights(x.shape[2], columns, align=align)
    tall = np.tensordot(down, x.astype(_f32), axes=(1, 1))  # [rows, batch, width, channels]
    both = np.tensordot(across, tall, axes=(1, 2))  # [columns, rows, batch, channels]
    return typed(both.transpose(2, 1, 0, 3), np.dtype(_f32))


# ---- crops ------------------------------------------------------------------------------------------------------


@infer("CropAndResize")
def _crop_infer(call: InferCall) -> Sequence[Shape]:
    image, boxes, size = call.shape(0), call.shape(1), call.inputs[3].known_dims
    rows, columns = (None, None) if size is None or len(size) != 2 else size
    count = boxes[0] if boxes is not None and len(boxes) == 2 else None
    return [(count, rows, columns, image[3] if image is not None and len(image) == 4 else None)]


def _check_crops(image: Array, boxes: Array, owners: Array, size: Array) -> None:
    if image.ndim != 4:
        raise InvalidArgumentError(f"input image must be 4-D{dims_text(image.shape)}")
    if image.shape[1] == 0 or image.shape[2] == 0:
        raise InvalidArgumentError("image dimensions must be positive")
    if size.shape != (2,):
        raise InvalidArgumentError(f"crop_size must have two elements{dims_text(size.shape)}")
    if (size <= 0).any():
        raise InvalidArgumentError(f"crop dimensions must be positive, got {size.tolist()}")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InvalidArgumentError(f"boxes must have 4 columns, got shape {dims_text(boxes.shape)}")
    if owners.shape != boxes.shape[:1]:
        raise InvalidArgumentError(
            f"box_index must have one element a box: {dims_text(owners.shape)} for {boxes.shape[0]} boxes"
        )
    if not np.isfinite(boxes).all():
        raise InvalidArgumentError("Boxes contains at least one element that is not finite")
    if owners.size and (owners.min() < 0 or owners.max() >= image.shape[0]):
        raise OutOfRangeError(f"box_index has values outside [0, batch_size) with batch_size {image.shape[0]}")


def _crop_places(low: np.float32, high: np.float32, size: int, wanted: int) -> Array:
    last = _f32(size - 1)
    if wanted == 1:
        return np.asarray([_f32(0.5) * (low + high) * last], _f32)
    step = (high - low) * last / _f32(wanted - 1)
    return low * last + np.arange(wanted, dtype=_f32) * step


@kernel("CropAndResize")
@quiet
def _crop_and_resize(call: KernelCall, image: Array, boxes: Array, box_ind: Array, crop_size: Array) -> Array:
    _check_crops(image, boxes, box_ind, crop_size)
    rows, columns = int(crop_size[0]), int(crop_size[1])
    outside = _f32(call.number("extrapolation_value"))
    crops = np.full((len(boxes), rows, columns, image.shape[3]), outside, _f32)
    for k, (y1, x1, y2, x2) in enumerate(boxes):
        source = image[int(box_ind[k])].astype(_f32)
        ys = _crop_places(y1, y2, image.shape[1], rows)
        xs = _crop_places(x1, x2, image.shape[2], columns)
        inner_y = np.flatnonzero((ys >= 0) & (ys <= image.shape[1] - 1))
        inner_x = np.flatnonzero((xs >= 0) & (xs <= image.shape[2] - 1))
        sample = _sample_linear if call.text("method") == "bilinear" else _sample_nearest
        crops[k][np.ix_(inner_y, inner_x)] = sample(source, ys[inner_y], xs[inner_x])
    return crops


def _sample_nearest(source: Array, ys: Array, xs: Array) -> Array:
    found: Array = source[np.ix_(np.floor(ys + _f32(0.5)).astype(np.int64), np.floor(xs + _f32(0.5)).astype(np.int64))]
    return found


def _sample_linear(source: Array, ys: Array, xs: Array) -> Array:
    top, bottom = np.floor(ys).astype(np.int64), np.ceil(ys).astype(np.int64)
    left, right = np.floor(xs).astype(np.int64), np.ceil(xs).astype(np.int64)
    across = (xs - np.floor(xs)).reshape(1, -1, 1)

    def along_row(index: Array) -> Array:
        start = source[np.ix_(index, left)]
        between: Array = start + (source[np.ix_(index, right)] - start) * across
        return between

    first = along_row(top)
    result: Array = first + (along_row(bottom) - first) * (ys - np.floor(ys)).reshape(-1, 1, 1)
    return result
