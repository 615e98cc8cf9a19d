"""WAV files of 16-bit samples (RIFF, "Multimedia Programming Interface and Data Specifications 1.0").

file   := "RIFF" size:u32 "WAVE" chunk*            all numbers little-endian
chunk  := id:4 bytes, length:u32, its bytes, a byte of padding where the length is odd
"fmt " := format:u16 = 1 (PCM), channels:u16, rate:u32, bytes per second:u32, bytes per frame:u16, bits:u16
"data" := frames of one sample for each channel, i16 each
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]
_FORMAT = struct.Struct("<HHIIHH")


def encode(samples: Array, rate: int) -> bytes:
    """``samples`` [frames, channels] of floats in [-1, 1] (clipped) as a file."""
    channels = samples.shape[1]
    scaled = np.nan_to_num(samples.astype(np.float32) * np.float32(32768))
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))
    data: bytes = np.clip(rounded, -32768, 32767).astype("<i2").tobytes()
    head = _FORMAT.pack(1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def decode(file: bytes) -> tuple[Array, int]:
    """Samples, float32 [frames, channels] in [-1, 1), and the rate; InvalidArgumentError for any other file."""
    if len(file) < 12 or file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise InvalidArgumentError(f"not a WAV file: it begins with {file[:12]!r}, expected 'RIFF' and 'WAVE'")
    channels = rate = 0
    at = 12
    while at + 8 <= len(file):
        name, size = file[at : at + 4], struct.unpack_from("<I", file, at + 4)[0]
        start = at + 8
        if name == b"fmt ":
            if size < _FORMAT.size or start + size > len(file):
                raise InvalidArgumentError(f"the WAV file's format is cut short: {size} bytes")
            kind, channels, rate, _, _, bits = _FORMAT.unpack_from(file, start)
            if kind != 1 or bits != 16 or not channels or not rate:
                raise InvalidArgumentError(
                    f"only WAV files of 16-bit PCM can be read; this one has format {kind}, {bits} bits, "
                    f"{channels} channels, rate {rate}"
                )
        elif name == b"data":
            if not channels:
                raise InvalidArgumentError("the WAV file's data comes before its format")
            if start + size > len(file):
                raise InvalidArgumentError(f"the WAV file's data is cut short: {len(file) - start} of {size} bytes")
            frames = size // (2 * channels)
            samples = np.frombuffer(file, "<i2", frames * channels, start)
            return samples.reshape(frames, channels).astype(np.float32) / np.float32(32768), rate
        at = start + size + size % 2
    raise InvalidArgumentError("the WAV file has no data")
