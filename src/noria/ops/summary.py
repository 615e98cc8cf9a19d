"""Summaries: values as serialized Summary protos, which event files hold and TensorBoard shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from google.protobuf.message import DecodeError

from noria.errors import InvalidArgumentError
from noria.formats import png, tensor_proto, wav
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._strings import string_array
from noria.protos.tensorflow import Summary
from noria.shapes import Shape


@infer(
    "ScalarSummary",
    "HistogramSummary",
    "MergeSummary",
    "TensorSummary",
    "TensorSummaryV2",
    "ImageSummary",
    "AudioSummary",
    "AudioSummaryV2",
)
def _summary_infer(call: InferCall) -> Sequence[Shape]:
    return [()]


def _result(summary: Summary) -> Array:
    return string_array([summary.SerializeToString()], ())


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@kernel("ScalarSummary")
def _scalar(call: KernelCall, tags: Array, values: Array) -> Array:
    if tags.shape != values.shape:
        single = f" (tag '{_text(tags.reshape(-1)[0])}')" if tags.size == 1 else ""
        raise InvalidArgumentError(
            f"tags and values are not the same shape: {shape_text(tags.shape)} != {shape_text(values.shape)}{single}"
        )
    summary = Summary()
    numbers = values.astype(np.float32).reshape(-1).tolist()
    for tag, number in zip(tags.reshape(-1).tolist(), numbers, strict=True):
        summary.value.add(tag=_text(tag), simple_value=number)
    return _result(summary)


# ---- histograms -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _limits() -> Array:
    """Upper ends of the buckets: 1e-12 and each a tenth more up to 1e20, the same below 0, and 0 itself."""
    positive = []
    value = 1e-12
    while value < 1e20:
        positive.append(value)
        value *= 1.1
    positive.append(sys.float_info.max)
    return np.array([*(-v for v in reversed(positive)), 0.0, *positive])


def _buckets(values: Array) -> tuple[list[float], list[float]]:
    """Ends and counts; a run of empty buckets is one."""
    limits = _limits()
    counts = np.bincount(np.searchsorted(limits, values, side="right"), minlength=len(limits)).tolist()
    ends: list[float] = []
    kept: list[float] = []
    for i, (end, count) in enumerate(zip(limits.tolist(), counts, strict=True)):
        if count == 0 and i and kept and kept[-1] == 0:
            ends[-1] = end
        else:
            ends.append(end)
            kept.append(count)
    return ends, kept


@kernel("HistogramSummary")
def _histogram(call: KernelCall, tag: Array, values: Array) -> Array:
    if tag.ndim:
        raise InvalidArgumentError(f"tags must be scalar, got shape {shape_text(tag.shape)}")
    flat = values.astype(np.float64).reshape(-1)
    if np.isnan(flat).any():
        raise InvalidArgumentError(f"Nan in summary histogram for: {call.name}")
    if np.isinf(flat).any():
        raise InvalidArgumentError(f"Infinity in Histogram for: {call.name}")
    summary = Summary()
    histogram = summary.value.add(tag=_text(tag.item())).histo
    top = sys.float_info.max
    histogram.min, histogram.max = (float(flat.min()), float(flat.max())) if flat.size else (top, -top)
    histogram.num = flat.size
    if flat.size:  # added in order, as TensorFlow adds them
        histogram.sum = float(np.add.accumulate(flat)[-1])
        histogram.sum_squares = float(np.add.accumulate(flat * flat)[-1])
    ends, counts = _buckets(flat)
    histogram.bucket_limit.extend(ends)
    histogram.bucket.extend(counts)
    return _result(summary)


# ---- merging, tensors -------------------------------------------------------------------------------------------


@kernel("MergeSummary")
def _merge(call: KernelCall, *inputs: Array) -> Array:
    merged = Summary()
    seen: set[str] = set()
    for text in (text for array in inputs for text in array.reshape(-1).tolist()):
        try:
            part = Summary.FromString(text)
        except DecodeError as error:
            raise InvalidArgumentError(f"Could not parse one of the summary inputs: {error}") from None
        for value in part.value:
            if value.tag and value.tag in seen:
                raise InvalidArgumentError(f"Duplicate tag {value.tag} found in summary inputs")
            seen.add(value.tag)
            merged.value.append(value)
    return _result(merged)


@kernel("TensorSummaryV2")
def _tensor_v2(call: KernelCall, tag: Array, tensor: Array, metadata: Array) -> Array:
    if tag.ndim or metadata.ndim:
        raise InvalidArgumentError(
            f"tag and serialized_summary_metadata must be scalars, got {shape_text(tag.shape)} and "
            f"{shape_text(metadata.shape)}"
        )
    summary = Summary()
    value = summary.value.add(tag=_text(tag.item()))
    value.tensor.CopyFrom(tensor_proto.from_array(tensor, call.dtype("T"), content=True))
    try:
        value.metadata.ParseFromString(metadata.item())
    except DecodeError as error:
        raise InvalidArgumentError(f"Could not parse serialized_summary_metadata: {error}") from None
    value.metadata.SetInParent()
    return _result(summary)


@kernel("TensorSummary")
def _tensor(call: KernelCall, tensor: Array) -> Array:
    summary = Summary()
    value = summary.value.add(node_name=call.name)
    value.tensor.CopyFrom(tensor_proto.from_array(tensor, call.dtype("T"), content=True))
    return _result(summary)


# ---- images and sound -------------------------------------------------------------------------------------------


def _pixels(image: Array, bad: Array) -> Array:
    """A float image [height, width, channels] as uint8: scaled so that the largest size is the brightest.

    With a negative value 0 becomes the middle grey. Pixels with a value that is not finite get the colour ``bad``.
    """
    flat = image.reshape(-1, image.shape[-1]).astype(np.float32)
    finite = np.isfinite(flat).all(axis=1)
    good = flat[finite]
    low, high = (float(good.min()), float(good.max())) if good.size else (0.0, 0.0)
    if low < 0:
        largest = max(-low, high)
        scale, offset = (0.0 if largest < 1e-6 else 127.0 / largest), 128.0
    else:
        scale, offset = (0.0 if high < 1e-6 else 255.0 / high), 0.0
    result = np.empty(flat.shape, np.uint8)
    result[finite] = (good * np.float32(scale) + np.float32(offset)).astype(np.uint8)
    result[~finite] = bad
    return result.reshape(image.shape)


def _tags(tag: Array, kind: str, count: int, most: int) -> list[str]:
    if tag.ndim:
        raise InvalidArgumentError(f"Tag must be a scalar, got shape {shape_text(tag.shape)}")
    name = _text(tag.item())
    return [f"{name}/{kind}"] if most == 1 else [f"{name}/{kind}/{i}" for i in range(min(count, most))]


@kernel("ImageSummary")
def _image(call: KernelCall, tag: Array, tensor: Array) -> Array:
    if tensor.ndim != 4 or tensor.shape[3] not in (1, 3, 4):
        raise InvalidArgumentError(f"Tensor must be 4-D with last dim 1, 3, or 4, not {shape_text(tensor.shape)}")
    most = call.integer("max_images")
    height, width, channels = tensor.shape[1:]
    summary = Summary()
    bad = np.resize(np.asarray(call.attr("bad_color")).reshape(-1), channels).astype(np.uint8)
    for name, image in zip(_tags(tag, "image", len(tensor), most), tensor, strict=False):
        shown = image if image.dtype == np.uint8 else _pixels(image, bad)
        picture = summary.value.add(tag=name).image
        picture.height, picture.width, picture.colorspace = height, width, channels
        picture.encoded_image_string = png.encode(shown)
    return _result(summary)


@kernel("AudioSummaryV2")
def _audio(call: KernelCall, tag: Array, tensor: Array, sample_rate: Array) -> Array:
    if tensor.ndim not in (2, 3):
        raise InvalidArgumentError(f"Tensor must be 3-D or 2-D, got: {shape_text(tensor.shape)}")
    if sample_rate.ndim or not float(sample_rate) > 0:
        raise InvalidArgumentError(f"sample_rate must be a positive number, got {sample_rate.tolist()}")
    clips = tensor[..., None] if tensor.ndim == 2 else tensor
    rate = float(sample_rate)
    summary = Summary()
    for name, clip in zip(_tags(tag, "audio", len(clips), call.integer("max_outputs")), clips, strict=False):
        audio = summary.value.add(tag=name).audio
        audio.sample_rate, audio.length_frames, audio.num_channels = rate, clip.shape[0], clip.shape[1]
        audio.encoded_audio_string = wav.encode(clip, int(rate))
        audio.content_type = "audio/wav"
    return _result(summary)
