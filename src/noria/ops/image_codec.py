"""Images from and to files: PNG and BMP by our own readers, JPEG and GIF by Pillow where it is installed.

Each decoder takes the other formats too, as TensorFlow's do. The samples of a JPEG differ by up to four steps:
TensorFlow's default is libjpeg's fast inverse transform, Pillow has the accurate one only.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.formats import bmp, png
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._strings import string_array
from noria.shapes import Shape

_DECODERS = ("DecodePng", "DecodeJpeg", "DecodeImage", "DecodeBmp", "DecodeGif", "DecodeAndCropJpeg")
_TITLES = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP"}


def _pillow(what: str) -> Any:
    # Optional: 7 MB that only models with JPEG or GIF images need.
    try:
        from PIL import Image
    except ImportError:
        raise UnimplementedError(f"{what} needs Pillow, which is not installed: pip install noria[image]") from None
    return Image


def _kind(file: bytes) -> str:
    if file.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if file.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if file.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if file.startswith(b"BM"):
        return "bmp"
    raise InvalidArgumentError(
        "Unknown image file format. One of JPEG, JPEG XL, PNG, GIF, BMP, WebP required. "
        f"(Noria reads JPEG, PNG, GIF and BMP; these {len(file)} bytes begin with {file[:8]!r}.)"
    )


def _scalar(contents: Array) -> bytes:
    if contents.ndim:
        raise InvalidArgumentError(f"`contents` must be scalar but got shape{shape_text(contents.shape)}")
    value: bytes = contents.item()
    return value


# ---- PNG --------------------------------------------------------------------------------------------------------


# Weights of red, green and blue in a grey, of 2**15, as libpng rounds 0.299 and 0.587.
_GREY_WEIGHTS = np.array([9797, 19234, 3737], np.int64)


def _png(file: bytes, channels: int, wide: bool) -> Array:
    """A PNG file as [height, width, channels], uint8, or uint16 where ``wide``; 0 channels: as many as it has."""
    image = png.decode(file)
    colours, alpha = _expanded(image)
    grey = colours.shape[2] == 1
    if channels == 0:
        shown = alpha if image.colour in (4, 6) or (image.colour == 3 and image.alpha is not None) else None
    elif channels == 4:
        # TensorFlow fills the alpha of an image that has none with the largest sample of its depth.
        full = (1 << image.depth) - 1
        shown = alpha if alpha is not None else np.full((*colours.shape[:2], 1), full, colours.dtype)
        colours = np.repeat(colours, 3, axis=2) if grey else colours
    else:
        shown = None
        if channels == 3 and grey:
            colours = np.repeat(colours, 3, axis=2)
        elif channels == 1 and not grey:
            half = 1 << 14 if colours.dtype == np.uint16 else 0  # only those of 16 bits are rounded
            colours = ((colours @ _GREY_WEIGHTS + half) >> 15).astype(colours.dtype)[..., None]
    pixels = colours if shown is None else np.concatenate([colours, shown], axis=2)
    if wide:
        return pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * np.uint16(257)
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _expanded(image: png.Image) -> tuple[Array, Array | None]:
    """Colours (one or three channels, the palette applied, small greys at full range) and alpha where there is one."""
    samples = image.samples
    if image.colour == 3:
        palette = image.palette
        assert palette is not None  # the reader refuses a file without it
        if samples.size and int(samples.max()) >= len(palette):
            raise InvalidArgumentError(f"Invalid PNG data: a pixel of colour {int(samples.max())} of {len(palette)}")
        colours = palette[samples[..., 0]]
        if image.alpha is None:
            return colours, None
        alphas = np.full(max(len(palette), image.alpha.size), 255, np.uint8)
        alphas[: image.alpha.size] = image.alpha
        return colours, alphas[samples]
    alpha = None
    if image.colour in (4, 6):
        samples, alpha = samples[..., :-1], samples[..., -1:]
    elif image.alpha is not None and image.alpha.size == samples.shape[2]:
        clear = (samples == image.alpha).all(axis=2, keepdims=True)
        alpha = np.where(clear, 0, 65535 if image.depth == 16 else 255).astype(samples.dtype)
    if image.depth < 8:
        samples = samples * np.uint8(255 // ((1 << image.depth) - 1))
    return samples.astype(samples.dtype.newbyteorder("=")), alpha


# ---- JPEG and GIF -----------------------------------------------------------------------------------------------


def _opened(file: bytes, what: str) -> Any:
    try:
        return _pillow(what).open(io.BytesIO(file), formats=[what.split()[-1]])
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidArgumentError(f"Invalid {what.split()[-1]} data, size {len(file)}: {error}") from None


def _jpeg(file: bytes, channels: int, ratio: int = 1) -> Array:
    if channels == 4:
        raise InvalidArgumentError("JPEG does not support 4 channels")
    image = _opened(file, "decoding a JPEG")
    mode = {1: "L", 3: "RGB"}.get(channels, "L" if image.mode == "L" else "RGB")
    try:
        # Scaling and grey happen inside the decoder, as in TensorFlow.
        image.draft(mode, (-(-image.width // ratio), -(-image.height // ratio)))
        pixels = np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidArgumentError(f"jpeg::Uncompress failed. Invalid JPEG data or crop window. ({error})") from None
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _gif(file: bytes) -> Array:
    """All frames, uint8 [frames, height, width, 3]."""
    image = _opened(file, "decoding a GIF")
    frames = []
    try:
        for place in range(getattr(image, "n_frames", 1)):
            image.seek(place)
            frames.append(np.asarray(image.convert("RGB")))
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InvalidArgumentError(f"Invalid GIF data (size {len(file)}), {error}") from None
    return np.stack(frames)


def _bmp(file: bytes, channels: int) -> Array:
    if channels not in (0, 3, 4):
        raise InvalidArgumentError(f"`channels` must be 0, 3 or 4 for BMP, but got {channels}")
    pixels = bmp.decode(file)
    if channels in (0, pixels.shape[2]):
        return pixels
    colours = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3]
    if channels == 3:
        return colours
    return np.concatenate([colours, np.full((*colours.shape[:2], 1), 255, np.uint8)], axis=2)


# ---- the ops ----------------------------------------------------------------------------------------------------


@infer(*_DECODERS)
def _decode_infer(call: InferCall) -> Sequence[Shape]:
    op = call.node.op
    if op == "DecodeGif":
        return [(None, None, None, 3)]
    channels = call.integer("channels") or None
    if op == "DecodeImage" and call.flag("expand_animations"):
        return [None]
    return [(None, None, channels)]


def _decoded(call: KernelCall, file: bytes, channels: int, dtype: dtypes.DType) -> Array:
    """Any format; a GIF has a dimension more, for its frames."""
    kind, op = _kind(file), call.node.op
    wide = dtype in (dtypes.uint16, dtypes.float32)
    if kind == "png":
        pixels = _png(file, channels, wide)
    elif kind == "jpeg":
        ratio = call.integer("ratio") if op == "DecodeJpeg" else 1
        pixels = _jpeg(file, channels, ratio)
    elif kind == "bmp":
        pixels = _bmp(file, channels)
    else:
        pixels = _gif(file)
        if channels not in (0, 3):
            raise InvalidArgumentError(f"channels must be 0 or 3 for GIF, got {channels}")
    if dtype is dtypes.uint8 or (kind == "png" and dtype is dtypes.uint16):
        return pixels
    if dtype is dtypes.float32:
        return pixels.astype(np.float32) / np.float32(65535 if pixels.dtype == np.uint16 else 255)
    return pixels.astype(np.uint16) * np.uint16(256)


@kernel("DecodePng", "DecodeJpeg", "DecodeImage", "DecodeBmp", "DecodeGif")
def _decode(call: KernelCall, contents: Array) -> Array:
    file, op = _scalar(contents), call.node.op
    attrs = call.node.attrs
    channels = call.integer("channels") if "channels" in attrs else 0
    if channels not in (0, 1, 3, 4):
        raise InvalidArgumentError(f"`channels` must be 0, 1, 3 or 4 but got {channels}")
    if op == "DecodeJpeg" and call.integer("ratio") not in (1, 2, 4, 8):
        raise InvalidArgumentError(f"ratio must be 1, 2, 4, or 8, got {call.integer('ratio')}")
    kind = _kind(file)
    if op == "DecodeBmp" and kind != "bmp":
        raise InvalidArgumentError(
            f"Trying to decode {_TITLES[kind]} format using DecodeBmp op. Use `decode_{kind}` or "
            "`decode_image` instead."
        )
    if kind == "bmp" and op not in ("DecodeBmp", "DecodeImage"):
        raise InvalidArgumentError(
            f"Trying to decode BMP format using a wrong op. Use `decode_bmp` or `decode_image` instead. Op used: {op}"
        )
    dtype = call.dtype("dtype") if "dtype" in attrs else dtypes.uint8
    pixels = _decoded(call, file, channels, dtype)
    if op == "DecodeGif":
        return pixels if pixels.ndim == 4 else pixels[None]
    if pixels.ndim == 4 and (op != "DecodeImage" or not call.flag("expand_animations")):
        if op != "DecodeImage" and len(pixels) > 1:
            raise InvalidArgumentError(
                f"Got {len(pixels)} frames, but animated gifs can only be decoded by tf.io.decode_gif or "
                "tf.io.decode_image"
            )
        first: Array = pixels[0]
        return first
    return pixels


@kernel("DecodeAndCropJpeg")
def _decode_and_crop(call: KernelCall, contents: Array, crop_window: Array) -> Array:
    if crop_window.shape != (4,):
        raise InvalidArgumentError(f"crop_window must have four elements, got shape {shape_text(crop_window.shape)}")
    pixels = _jpeg(_scalar(contents), call.integer("channels"), call.integer("ratio"))
    top, left, height, width = crop_window.tolist()
    if min(top, left) < 0 or min(height, width) <= 0 or top + height > len(pixels) or left + width > pixels.shape[1]:
        raise InvalidArgumentError(
            "jpeg::Uncompress failed. Invalid JPEG data or crop window. "
            f"(window {crop_window.tolist()} of an image {pixels.shape[0]} high and {pixels.shape[1]} wide)"
        )
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


@infer("ExtractJpegShape")
def _jpeg_shape_infer(call: InferCall) -> Sequence[Shape]:
    return [(3,)]


@kernel("ExtractJpegShape")
def _jpeg_shape(call: KernelCall, contents: Array) -> Array:
    file = _scalar(contents)
    if not file.startswith(b"\xff\xd8\xff"):
        raise InvalidArgumentError(f"Invalid JPEG data, size {len(file)}")
    image = _opened(file, "reading a JPEG")
    return np.array([image.height, image.width, len(image.getbands())], call.output_dtype)


# ---- encoders ---------------------------------------------------------------------------------------------------


@infer("EncodePng", "EncodeJpeg", "EncodeJpegVariableQuality")
def _encode_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [None if shape is None or len(shape) < 3 else shape[:-3]]


def _each(images: Array, encode: Callable[[Array], bytes]) -> Array:
    flat = images.reshape(-1, *images.shape[-3:])
    return string_array([encode(image) for image in flat], images.shape[:-3])


@kernel("EncodePng")
def _encode_png(call: KernelCall, image: Array) -> Array:
    if image.ndim < 3:
        raise InvalidArgumentError(f"images must be at least rank 3{shape_text(image.shape)}")
    if not 1 <= image.shape[-1] <= 4:
        raise InvalidArgumentError(f"image must have 1, 2, 3, or 4 channels, got {image.shape[-1]}")
    if 0 in image.shape[-3:]:
        raise InvalidArgumentError(f"an image without pixels has no PNG: {shape_text(image.shape)}")
    level = call.integer("compression")
    if not -1 <= level <= 9:
        raise InvalidArgumentError(f"compression should be in [-1,9], got {level}")
    return _each(image, lambda pixels: png.encode(pixels, level))


def _jpeg_bytes(image: Array, quality: int, **options: Any) -> bytes:
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise InvalidArgumentError(f"image must have 1 or 3 channels, got {shape_text(image.shape)}")
    if not 0 <= quality <= 100:
        raise InvalidArgumentError(f"quality must be in [0,100], got {quality}")
    pixels = np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image)
    out = io.BytesIO()
    _pillow("encoding a JPEG").fromarray(pixels).save(out, "JPEG", quality=max(quality, 1), **options)
    return out.getvalue()


@kernel("EncodeJpeg")
def _encode_jpeg(call: KernelCall, image: Array) -> Array:
    """The same pixels as TensorFlow's file, not the same bytes: Pillow orders the segments its own way."""
    options: dict[str, Any] = {
        "progressive": call.flag("progressive"),
        "optimize": call.flag("optimize_size"),
        "subsampling": 2 if call.flag("chroma_downsampling") else 0,
        "dpi": (call.integer("x_density"), call.integer("y_density")),
    }
    return string_array([_jpeg_bytes(image, call.integer("quality"), **options)], ())


@kernel("EncodeJpegVariableQuality")
def _encode_jpeg_quality(call: KernelCall, images: Array, quality: Array) -> Array:
    return string_array([_jpeg_bytes(images, int(quality), subsampling=2)], ())
