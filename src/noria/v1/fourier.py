"""``tf.fft`` and ``tf.signal``'s Fourier transforms of one to three dimensions."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank, shape, zeros, zeros_like
from noria.v1.arrays import pad
from noria.v1.constant import constant_value, constant_value_as_shape
from noria.v1.convert import convert
from noria.v1.exports import constant as export_constant
from noria.v1.framework import name_scope
from noria.v1.joining import concat, stack, unstack
from noria.v1.op_functions import Function, export_rows
from noria.v1.operation import Tensor


def _lengths(x: Tensor, dims: int, inverse: bool) -> Any:
    """The sizes of the transformed dimensions of the real side, which follow from those of ``x``."""
    known = x.shape[-dims:]
    if known.is_fully_defined():
        sizes = [d or 0 for d in known.as_list()]
        return convert([*sizes[:-1], max(0, 2 * (sizes[-1] - 1))] if inverse else sizes, "int32")
    found = shape(x)[-dims:]
    if not inverse:
        return found
    parts = unstack(found)
    last = apply_op("Maximum", x=0, y=2 * (parts[-1] - 1))
    return stack([*parts[:-1], last])


def _padded(x: Tensor, dims: int, lengths: Tensor, inverse: bool) -> Tensor:
    """``x`` with zeros behind, where the wanted lengths are larger."""
    wanted = constant_value_as_shape(lengths)
    own = x.info.shape
    if own is not None and 0 in own:
        return x
    if wanted.is_fully_defined() and own is not None and None not in own[-dims:]:
        sizes = [d or 0 for d in wanted.as_list()]
        if inverse:
            sizes[-1] = sizes[-1] // 2 + 1
        behind = [[0, max(w - (h or 0), 0)] for w, h in zip(sizes, own[-dims:], strict=True)]
        return pad(x, [[0, 0]] * (len(own) - dims) + behind) if any(b for _, b in behind) else x
    count = rank(x)
    have = shape(x)[-dims:]
    front = zeros([apply_op("Maximum", x=0, y=count - dims)], lengths.dtype)
    if inverse:
        before = lengths[:-1]
        lengths = concat([before, lengths[-1:] // 2 + 1], 0)
    more = apply_op("Maximum", x=0, y=lengths - have)
    edges = concat([front, more], 0)
    return pad(x, stack([zeros_like(edges), edges], axis=1))


def _real(op_type: str, dims: int, inverse: bool) -> Function:
    def function(input_tensor: Any, fft_length: Any = None, name: str | None = None) -> Any:
        with name_scope(name, op_type.lower(), [input_tensor, fft_length]) as scope:
            x = convert(input_tensor, None, None, "complex64" if inverse else "float32")
            kinds = {"complex64": "float32", "complex128": "float64"}
            kinds = kinds if inverse else {v: k for k, v in kinds.items()}
            if x.dtype.name not in kinds:
                raise ValueError(f"{op_type} requires {' or '.join(kinds)} inputs, got: {x}")
            x.shape.with_rank_at_least(dims)
            lengths = _lengths(x, dims, inverse) if fft_length is None else convert(fft_length, "int32")
            x = _padded(x, dims, lengths, inverse)
            known = constant_value(lengths)
            result = {"Treal" if inverse else "Tcomplex": kinds[x.dtype.name]}
            return apply_op(op_type, scope, input=x, fft_length=lengths if known is None else known, **result)

    function.__name__ = function.__qualname__ = op_type.lower()
    function.__doc__ = f"``{op_type}`` of the last {dims} dimension(s); fft_length: their sizes on the real side."
    return function


for _dims, _suffix in ((1, ""), (2, "2d"), (3, "3d")):
    for _op, _inverse in (("RFFT", False), ("IRFFT", True)):
        _function = _real(_op + _suffix.upper(), _dims, _inverse)
        export_constant(f"signal.{_op.lower()}{_suffix}", _function)

export_rows("""
signal.fft fft: FFT input
signal.fft2d fft2d: FFT2D input
signal.fft3d fft3d: FFT3D input
signal.ifft ifft: IFFT input
signal.ifft2d ifft2d: IFFT2D input
signal.ifft3d ifft3d: IFFT3D input
""")
