"""Complex numbers and their parts, and Fourier transforms of one to three dimensions. On the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import incompatible, quiet, same_shape, typed, unary_kernel
from noria.shapes import Shape

_PARTS: Mapping[str, Callable[[Array], Any]] = {
    "Real": np.real,
    "Imag": np.imag,
    "Conj": np.conj,
    "Angle": np.angle,
    "ComplexAbs": np.abs,
}

for _op, _function in _PARTS.items():
    infer(_op)(same_shape)
    kernel(_op)(unary_kernel(_function))


@infer("Complex")
def _complex_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.broadcast(call.shape(0), call.shape(1))]


@kernel("Complex")
def _complex(call: KernelCall, real: Array, imaginary: Array) -> Array:
    try:
        shape = np.broadcast_shapes(real.shape, imaginary.shape)
    except ValueError:
        raise incompatible(real, imaginary) from None
    result = np.empty(shape, call.output_dtype)
    result.real = real
    result.imag = imaginary
    return result


# ---- Fourier transforms -----------------------------------------------------------------------------------------

# Op → number of dimensions, NumPy's transform, whether its input (RFFT) or its output (IRFFT) is real.
_TRANSFORMS: dict[str, tuple[int, Any, str]] = {}
for _rank, _suffix in ((1, ""), (2, "2D"), (3, "3D")):
    _TRANSFORMS[f"FFT{_suffix}"] = (_rank, np.fft.fftn, "complex")
    _TRANSFORMS[f"IFFT{_suffix}"] = (_rank, np.fft.ifftn, "complex")
    _TRANSFORMS[f"RFFT{_suffix}"] = (_rank, np.fft.rfftn, "forward")
    _TRANSFORMS[f"IRFFT{_suffix}"] = (_rank, np.fft.irfftn, "inverse")
_BATCH_NAMES = {"BatchFFT": "FFT", "BatchFFT2D": "FFT2D", "BatchIFFT": "IFFT", "BatchIFFT2D": "IFFT2D"}
_COMPLEX = (*(op for op, row in _TRANSFORMS.items() if row[2] == "complex"), *_BATCH_NAMES)
_REAL = tuple(op for op, row in _TRANSFORMS.items() if row[2] != "complex")

infer(*_COMPLEX)(same_shape)


def _check_rank(x: Array, rank: int) -> None:
    if x.ndim < rank:
        raise InvalidArgumentError(f"Input must have rank of at least {rank} but got: {shape_text(x.shape)}")


@kernel(*_COMPLEX)
@quiet
def _fourier(call: KernelCall, x: Array) -> Array:
    rank, transform, _ = _TRANSFORMS[_BATCH_NAMES.get(call.node.op, call.node.op)]
    _check_rank(x, rank)
    if not x.size:
        return x
    return typed(transform(x, axes=tuple(range(-rank, 0))), call.output_dtype)


@infer(*_REAL)
def _real_infer(call: InferCall) -> Sequence[Shape]:
    rank, _, direction = _TRANSFORMS[call.node.op]
    shape, lengths = call.shape(0), call.inputs[1].known_dims
    if shape is None or len(shape) < rank:
        return [None]
    if lengths is None or len(lengths) != rank:
        return [(*shape[:-rank], *[None] * rank)]
    last = lengths[-1]
    if direction == "forward" and last is not None:
        last = last // 2 + 1
    return [(*shape[:-rank], *lengths[:-1], last)]


@kernel(*_REAL)
@quiet
def _real_fourier(call: KernelCall, x: Array, fft_length: Array) -> Array:
    """Over the last dimensions, cut to ``fft_length`` (of the real side); shorter ones are refused, not padded."""
    rank, transform, direction = _TRANSFORMS[call.node.op]
    _check_rank(x, rank)
    if fft_length.shape != (rank,):
        raise InvalidArgumentError(f"fft_length must have shape [{rank}], got {shape_text(fft_length.shape)}")
    lengths = fft_length.tolist()
    if min(lengths) < (0 if x.size == 0 else 1):
        raise InvalidArgumentError(f"fft_length must be positive, got {lengths}")
    halved = [*lengths[:-1], lengths[-1] // 2 + 1]
    needed, made = (lengths, halved) if direction == "forward" else (halved, lengths)
    if not x.size:
        return np.zeros((*x.shape[:-rank], *made), call.output_dtype)
    for i, (size, least) in enumerate(zip(x.shape[-rank:], needed, strict=True)):
        if size < least:
            raise InvalidArgumentError(f"Input dimension {i} must have length of at least {least} but got: {size}")
    return typed(transform(x, s=lengths, axes=tuple(range(-rank, 0))), call.output_dtype)
