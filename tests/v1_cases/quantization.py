"""Numbers as small integers."""

from __future__ import annotations

from typing import Any

from v1_cases import case


@case
def fake(tf: Any) -> Any:
    x = tf.constant([[-1.0, 0.3, 7.0]], name="x")
    found = [tf.fake_quant_with_min_max_args(x), tf.fake_quant_with_min_max_args(x, min=-1, max=1, num_bits=4)]
    found += [
        tf.fake_quant_with_min_max_vars(x, -2.0, 5.0, name="v"),
        tf.quantization.quantize_and_dequantize(x, -1.0, 1.0),
    ]
    return [*found, tf.fake_quant_with_min_max_vars_per_channel(x, [-1.0] * 3, [1.0, 2.0, 3.0])]


@case(values=False)
def real(tf: Any) -> Any:
    x = tf.constant([[-1.0, 0.3, 7.0]], name="x")
    found = [tf.quantize(x, -2.0, 8.0, tf.quint8), tf.quantize_v2(x, -2.0, 8.0, tf.qint8, mode="SCALED", name="q")]
    found += [tf.dequantize(found[0][0], -2.0, 8.0), tf.dequantize(found[1][0], [-2.0], [8.0], mode="SCALED", axis=-2)]
    return [*found, tf.quantization.quantize_and_dequantize_v2(x, -1.0, 1.0, axis=None, num_bits=4)]
