"""``tf.quantization``: numbers as small integers and back; what that loses."""

from __future__ import annotations

from typing import Any, Final

from noria.v1.apply_op import apply_op
from noria.v1.exports import constant, export
from noria.v1.op_functions import export_rows

_LEAST_RANGE: Final = 0.01  # how far apart the ends of the range are made at least


def _axis(input: Any, axis: int | None) -> int:
    """The axis counted from the front; -1 for none."""
    if axis is None:
        return -1
    if axis >= 0:
        return axis
    if input.shape.ndims is None:
        raise ValueError("input should have known rank to use negative axis.")
    return int(axis % input.shape.ndims)


@export("quantize_v2")
def quantize_v2(
    input: Any,
    min_range: Any,
    max_range: Any,
    T: Any,  # TensorFlow's name
    mode: str = "MIN_COMBINED",
    name: str | None = None,
    round_mode: str = "HALF_AWAY_FROM_ZERO",
    narrow_range: bool = False,
    axis: int | None = None,
    ensure_minimum_range: float = _LEAST_RANGE,
) -> Any:
    """Floats as integers of the quantized dtype ``T``: the integers and the range they stand for."""
    return apply_op(
        "QuantizeV2",
        name,
        input=input,
        min_range=min_range,
        max_range=max_range,
        T=T,
        mode=mode,
        round_mode=round_mode,
        narrow_range=narrow_range,
        axis=_axis(input, axis),
        ensure_minimum_range=ensure_minimum_range,
    )


@export("quantization.quantize", "quantize")
def quantize(
    input: Any,
    min_range: Any,
    max_range: Any,
    T: Any,  # TensorFlow's name
    mode: str = "MIN_COMBINED",
    round_mode: str = "HALF_AWAY_FROM_ZERO",
    name: str | None = None,
    narrow_range: bool = False,
    axis: int | None = None,
    ensure_minimum_range: float = _LEAST_RANGE,
) -> Any:
    """Floats as integers of the quantized dtype ``T``: the integers and the range they stand for."""
    return quantize_v2(input, min_range, max_range, T, mode, name, round_mode, narrow_range, axis, ensure_minimum_range)


@export("quantization.dequantize", "dequantize")
def dequantize(
    input: Any,
    min_range: Any,
    max_range: Any,
    mode: str = "MIN_COMBINED",
    name: str | None = None,
    axis: int | None = None,
    narrow_range: bool = False,
    dtype: Any = "float32",
) -> Any:
    """The floats that quantized integers stand for."""
    at = _axis(input, axis)
    more = {"narrow_range": narrow_range, "axis": at} if at >= 0 or narrow_range else {}
    return apply_op(
        "Dequantize", name, input=input, min_range=min_range, max_range=max_range, mode=mode, dtype=dtype, **more
    )


def _there_and_back(op_type: str, called: str) -> None:
    def function(
        input: Any,
        input_min: Any,
        input_max: Any,
        signed_input: bool = True,
        num_bits: int = 8,
        range_given: bool = False,
        round_mode: str = "HALF_TO_EVEN",
        name: str | None = None,
        narrow_range: bool = False,
        axis: int | None = None,
    ) -> Any:
        return apply_op(
            op_type,
            name,
            input=input,
            input_min=input_min,
            input_max=input_max,
            signed_input=signed_input,
            num_bits=num_bits,
            range_given=range_given,
            round_mode=round_mode,
            narrow_range=narrow_range,
            axis=_axis(input, axis),
        )

    function.__name__ = function.__qualname__ = called
    function.__doc__ = "Floats as they come back from ``num_bits`` integers."
    constant(f"quantization.{called}", function)


_there_and_back("QuantizeAndDequantizeV2", "quantize_and_dequantize")
_there_and_back("QuantizeAndDequantizeV4", "quantize_and_dequantize_v2")

_FAKE: Final = "num_bits? narrow_range?"
export_rows(f"""
quantization.fake_quant_with_min_max_args: FakeQuantWithMinMaxArgs inputs min? max? {_FAKE}
quantization.fake_quant_with_min_max_vars: FakeQuantWithMinMaxVars inputs min max {_FAKE}
quantization.fake_quant_with_min_max_vars_per_channel: FakeQuantWithMinMaxVarsPerChannel inputs min max {_FAKE}
quantization.quantized_concat: QuantizedConcat concat_dim values input_mins input_maxes
""")
