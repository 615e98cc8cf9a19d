"""Images in formats that need Pillow: decoded as TensorFlow 2.21 decodes them, whose answers stand here.

The JPEG is TensorFlow's of 16 x 16 pixels (red 16x, green 16y, blue xy) in quality 60; the GIF has two frames.
"""

from __future__ import annotations

import base64
import sys
import zlib
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.formats import png
from noria.protos.tensorflow import Summary
from op_kernel import run_kernel

Array = np.ndarray[Any, np.dtype[Any]]

# TensorFlow's default is libjpeg's fast inverse transform, Pillow has the accurate one: they differ by some steps.
NEAR = 4

JPEG = (
    "/9j/4AAQSkZJRgABAQEBLAEsAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYV"
    "pQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAAQ"
    "ABADASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhBy"
    "JxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT"
    "lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAA"
    "AAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRom"
    "JygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExc"
    "bHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDkLTTeny1s2mmdPlrXs9N6fLW9Z6Z0+WvNhU9qXlmZ2tqf/9k="
)
PIXELS = (
    "AQIACQQAGgQAKwUAPQIATwIAXwUAbgUAeQIAiAMAmQQArAUAvAMBzgID3wQK6QYNBAwADA4AHRAALw8AQg4BUg4DZBAGcxEGfQ4Diw8FnRAGrx"
    "EIwQ4K0Q0O5A8T7RIWBR0ADyAAISEFMSEIRB8MVB8NZiERdSIQfyAOjiAPoCIUsSEWwx4Y1R8b5CEf7yMkBC4ADTEFIDIKMDINQi8PUzAUZDEW"
    "czEXfS8YjDAZnzIerzIgwjAj0y8m5DEs7TQxAD0BCkAGG0ILK0EQPT4STj8WYEAabkAeej8fh0AimUInq0ErvD8tzj8x3kA36UI6AE4CCVEHGV"
    "INK1IRPFAVTE8aXlAfbVAkeU8nhlAqmFExqFE1vE86zE4/3VFE51NJAmEFDGIJHGQQLmMVQGEaUGAfYmImb2ItfGIxiWI3mWM9qmNDvGBHzWBM"
    "3WJT6GRYA28CDHEHHnMOL3IVP28bUG8hYm8pb28vfG84inA/mnBGq3BOu25SzG1Z3W9g53FlBHwAD34FIIEOMoEWQn4cU34lZH8uc4A4gIBAjo"
    "FKn4NUsINcwYBk0oBq44Jy7YV4BosAD40FII8MMY8VQ40eVIwnZY00co08gY5GjY9QnpFdsJBnwI1u0Y124o9/7JOFCZ0BE6AGI6EPNaEYRp4j"
    "WJ4uZ586dJ9FgqFRkKFboaJosKJzwqB905+H5KGQ76OVCa0BE7AHIrISM7IbRbAmVa4wZrA/c69LgbJZj7FlnrNyr7F/wa+J0q+T47Cb7LOiBb"
    "4BDsAIH8ETMMEcQL8oUr41Yb9Db79QfsFgi8FtmsJ8rMGIvL+Uzb6d3sCo58OtA80FDNAMHdEWLtAiPs8sT807X89JbM5XfNFpitB3mdGGqdGT"
    "u8+ezM6p29C05NO5Bd8MEOETH+MfMOIqQt82Ut9DYeBTb99hf+J1jOGDm+KSq+Kfvd+szd+33eDB5+PGCusTE+0aJO4mNO4xR+s9VupLZutccu"
    "tqg+58j+6Kn+6br+6owOu10OvA4uzK6+7R"
)
GREY = (
    "AAMJDxMYHyQlKjA2Oj9GSwcLEhccISgtLjM5P0NIT1QSFx4jKC00OTo/RktPVVtgHCEoLTE3PUJESVBVWl9mayQpMDU5P0VKTVJZXmJobnMuMz"
    "k/Q0hPVFdcY2htcnl+Oj5FSk9UW2BkaW91eX6FikJHTlNXXWNobXJ4foKHjpNKT1ddYWdudHl/hoyQlp2jU1hfZWpwd3yCh4+VmZ+mrF9ka3F2"
    "fIOIj5Sboaass7hobnV7gIWNkpmepauwtr3CcXZ9g4iOlZqip660ub/Gy3p/hoyRl56jrLG4vsPJ0NWGi5KYnaOqr7i9xMrP1dzhj5Sboaass7"
    "jBxs3T2N7l6g=="
)
HALF = (
    "BgcAJgoASwYAbAkDhAgApwoDygYH6wgPCCgBKSoLTCYPbSkUhygUqCobzSYe7CknAkkFIksPRUcWZkkff0kloEsuxUg25Ug/BWsHJmwTSGgdaW"
    "krgWo4oWtFxmdR5GhcCYcCKYgQTYUiboc2iIhIpoldzIZt64l8DagEK6oTUKYpb6dCiapbp6pzy6aJ7KmZBsoGJssZSMcwaMhNg8psosuJxMaf"
    "48myCeoSJ+snS+ZAaedfheqAo+ufxea35ejL"
)
GIF = (
    "R0lGODdhBQADAIEAAP8AAAAA/wAAAAAAACwAAAAABQADAAAIDgABABBAMIBBgwIJCggIACH5BAEAAAMALAAAAAADAAMAgf8AAAAA/wAAAAAAAA"
    "gLAAUMADCgoEAAAQEAOw=="
)
FRAMES = (
    "/wAA/wAAAAAAAAAAAAAAAAD/AAD/AAD/AAD/AAD//wAA/wAAAAAAAAAAAAAAAAAA/wAA/wAAAAAAAAAAAAD/AAD/AAD/AAD/AAD/AAAA/wAA/w"
    "AAAAAAAAAA"
)


def _file(text: str) -> Array:
    return np.array(base64.b64decode(text), object)


def _pixels(text: str, *shape: int) -> Array:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def _near(got: Array, wanted: Array) -> None:
    assert got.dtype == np.uint8
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted.astype(int)).max() <= NEAR


@pytest.mark.parametrize("op", ["DecodeJpeg", "DecodePng", "DecodeImage"])
def test_jpeg(op: str) -> None:
    pytest.importorskip("PIL", reason="JPEG is decoded by Pillow, an extra that is not installed")
    _near(run_kernel(op, _file(JPEG), dtype=dtypes.uint8), _pixels(PIXELS, 16, 16, 3))
    _near(run_kernel(op, _file(JPEG), dtype=dtypes.uint8, channels=1), _pixels(GREY, 16, 16, 1))


def test_jpeg_scaled_and_cropped() -> None:
    pytest.importorskip("PIL", reason="JPEG is decoded by Pillow, an extra that is not installed")
    _near(run_kernel("DecodeJpeg", _file(JPEG), ratio=2), _pixels(HALF, 8, 8, 3))
    window = np.array([2, 3, 4, 5], np.int32)
    _near(run_kernel("DecodeAndCropJpeg", _file(JPEG), window), _pixels(PIXELS, 16, 16, 3)[2:6, 3:8])
    with pytest.raises(InvalidArgumentError, match="crop window"):
        run_kernel("DecodeAndCropJpeg", _file(JPEG), np.array([2, 3, 40, 5], np.int32))
    assert run_kernel("ExtractJpegShape", _file(JPEG), output_type=dtypes.int32).tolist() == [16, 16, 3]


def test_damaged_jpeg() -> None:
    pytest.importorskip("PIL", reason="JPEG is decoded by Pillow, an extra that is not installed")
    with pytest.raises(InvalidArgumentError, match="Invalid JPEG data"):
        run_kernel("DecodeJpeg", np.array(base64.b64decode(JPEG)[:-60], object))
    with pytest.raises(InvalidArgumentError, match="Invalid JPEG data"):
        run_kernel("DecodeJpeg", np.array(base64.b64decode(JPEG)[:40], object))


def test_jpeg_there_and_back() -> None:
    pytest.importorskip("PIL", reason="JPEG is written by Pillow, an extra that is not installed")
    image = _pixels(PIXELS, 16, 16, 3)
    file = run_kernel("EncodeJpeg", image, quality=100, chroma_downsampling=False)
    back = run_kernel("DecodeJpeg", file)
    assert np.abs(back.astype(int) - image.astype(int)).max() <= 3
    small = run_kernel("EncodeJpegVariableQuality", image, np.array(10, np.int32))
    assert len(small.item()) < len(file.item())


def test_gif() -> None:
    pytest.importorskip("PIL", reason="GIF is decoded by Pillow, an extra that is not installed")
    frames = _pixels(FRAMES, 2, 3, 5, 3)
    assert np.array_equal(run_kernel("DecodeGif", _file(GIF)), frames)
    assert np.array_equal(run_kernel("DecodeImage", _file(GIF), dtype=dtypes.uint8), frames)
    first = run_kernel("DecodeImage", _file(GIF), dtype=dtypes.uint8, expand_animations=False)
    assert np.array_equal(first, frames[0])
    with pytest.raises(InvalidArgumentError, match="Got 2 frames"):
        run_kernel("DecodePng", _file(GIF), dtype=dtypes.uint8)


def test_pillow_is_named_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UnimplementedError, match=r"pip install noria\[image\]"):
        run_kernel("DecodeJpeg", _file(JPEG))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_there_and_back(dtype: Any, channels: int) -> None:
    top = np.iinfo(dtype).max
    images = np.random.default_rng(0).integers(0, top, (2, 3, 5, channels), dtype, endpoint=True)
    files = run_kernel("EncodePng", images, T=dtypes.from_numpy(np.dtype(dtype)))
    assert files.shape == (2,)
    for image, file in zip(images, files, strict=True):
        assert png.size(file) == (3, 5)
        back = run_kernel("DecodePng", np.array(file, object), dtype=dtypes.from_numpy(np.dtype(dtype)))
        assert np.array_equal(back, image)


def test_png_claims_are_bounded() -> None:
    small = png.encode(np.zeros((1, 1, 1), np.uint8))
    huge = bytearray(small[:33])
    huge[16:24] = b"\x7f\xff\xff\xff" * 2
    with pytest.raises(InvalidArgumentError, match="checksum"):
        png.decode(bytes(huge) + small[33:])
    huge[29:33] = zlib.crc32(bytes(huge[12:29])).to_bytes(4, "big")
    with pytest.raises(InvalidArgumentError, match="more than"):
        png.decode(bytes(huge) + small[33:])


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (np.arange(24, dtype=np.float32).reshape(2, 4, 3), [0, 11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121]),
        (
            np.arange(-4, 8, dtype=np.float32).reshape(3, 4, 1),
            [55, 73, 91, 109, 128, 146, 164, 182, 200, 218, 236, 255],
        ),
        (np.array([[[np.nan], [1], [0.5]]], np.float32), [255, 255, 127]),
        (np.array([[[np.nan, 1, 2], [1, np.inf, 3], [0.5, 0.25, 0]]], np.float32), [255, 0, 0, 255, 0, 0, 255, 127, 0]),
        (np.array([[[-1], [1], [0.5]]], np.float32), [1, 255, 191]),
        (np.zeros((1, 2, 1), np.float32), [0, 0]),
        (np.arange(12, dtype=np.uint8).reshape(3, 4, 1), list(range(12))),
    ],
)
def test_image_summary(values: Array, wanted: list[int]) -> None:
    bad = np.array([255, 0, 0, 255], np.uint8)
    tag = np.array(b"a", object)
    text = run_kernel("ImageSummary", tag, np.stack([values, values]), max_images=2, bad_color=bad)
    summary = Summary.FromString(text.item())
    assert [v.tag for v in summary.value] == ["a/image/0", "a/image/1"]
    image = summary.value[0].image
    assert (image.height, image.width, image.colorspace) == values.shape
    pixels = png.decode(image.encoded_image_string).samples.reshape(-1).tolist()
    assert pixels[: len(wanted)] == wanted
