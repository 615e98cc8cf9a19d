"""BMP files without compression, as TensorFlow reads them (Microsoft's BITMAPFILEHEADER and BITMAPINFOHEADER).

file := "BM", size:u32, 0:u32, start of pixels:u32 at 10, width:i32 at 18, height:i32 at 22, bits of a pixel:u16 at 28
pixels := rows padded to 4 bytes, the lowest first (the highest where the height is negative); blue, green, red, alpha
Palettes are not applied: a file of 8 bits is one of greys.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]

_LEAST = 32


def decode(file: bytes) -> Array:
    """The image, uint8 [height, width, 1, 3 or 4]; InvalidArgumentError where the file is damaged or another kind."""
    if len(file) < _LEAST:
        raise InvalidArgumentError(
            f"Incomplete bmp content, requires at least {_LEAST} bytes to find the header size, width, height, and "
            f"bpp, got {len(file)} bytes"
        )
    (start,) = struct.unpack_from("<I", file, 10)
    width, signed_height = struct.unpack_from("<ii", file, 18)
    (bits,) = struct.unpack_from("<H", file, 28)
    height = abs(signed_height)
    if width <= 0 or height == 0:
        raise InvalidArgumentError(f"a bmp of {width} x {signed_height} pixels has no pixels")
    channels = bits // 8
    if channels not in (1, 3, 4):
        raise InvalidArgumentError(
            f"Number of channels inherent in the image must be 1, 3 or 4, was {channels} ({bits} bits of a pixel)"
        )
    row = (bits * width + 31) // 32 * 4
    if start + row * height != len(file):
        raise InvalidArgumentError(
            "Input size should match (header_size + row_size * abs_height) but they differ by "
            f"{len(file) - start - row * height}"
        )
    lines = np.frombuffer(file, np.uint8, row * height, start).reshape(height, row)
    pixels = lines[:, : width * channels].reshape(height, width, channels)
    if signed_height > 0:
        pixels = pixels[::-1]
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    return np.ascontiguousarray(pixels[..., order])
