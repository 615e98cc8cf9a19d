"""Quantised tensors, whose values the oracle cannot hand out: TensorFlow 2.21's answers stand here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.dtypes import DType
from op_kernel import run_kernel

X = np.array([-3, -1.2, 0, 0.4, 2.7, 9], np.float32)
LOW, HIGH = np.array(-2, np.float32), np.array(4, np.float32)
Q8, I8, Q16, I16, I32 = dtypes.quint8, dtypes.qint8, dtypes.quint16, dtypes.qint16, dtypes.qint32


def quantize(x: Any, low: Any, high: Any, dtype: DType, mode: str, **attrs: Any) -> list[Any]:
    outputs = run_kernel("QuantizeV2", x, np.float32(low), np.float32(high), dtype=dtype, T=dtype, mode=mode, **attrs)
    return [o.tolist() for o in outputs]


@pytest.mark.parametrize(
    ("mode", "dtype", "wanted"),
    [
        ("MIN_COMBINED", Q8, [0, 34, 85, 102, 200, 255]),
        ("MIN_COMBINED", I8, [-128, -94, -43, -26, 72, 127]),
        ("MIN_COMBINED", Q16, [0, 8738, 21845, 26214, 51336, 65535]),
        ("MIN_COMBINED", I16, [-32768, -24030, -10923, -6554, 18568, 32767]),
        ("MIN_FIRST", Q8, [0, 34, 85, 102, 200, 255]),
        ("MIN_FIRST", I8, [-128, -94, -43, -26, 72, 127]),
        ("MIN_FIRST", Q16, [0, 8738, 21845, 26214, 51336, 65535]),
        ("SCALED", Q8, [0, 0, 0, 26, 172, 255]),
        ("SCALED", I8, [-95, -38, 0, 13, 86, 127]),
        ("SCALED", Q16, [0, 0, 0, 6554, 44236, 65535]),
        ("SCALED", I16, [-24575, -9830, 0, 3277, 22118, 32767]),
    ],
)
def test_quantize(mode: str, dtype: DType, wanted: list[int]) -> None:
    assert quantize(X, -2, 4, dtype, mode)[0] == wanted


def test_ranges_that_are_widened() -> None:
    assert quantize(X, 2, 2, Q8, "MIN_COMBINED") == [[0, 0, 0, 51, 255, 255], 0, 2]
    assert quantize(X, 2, 5, Q8, "MIN_COMBINED") == [[0, 0, 0, 20, 138, 255], 0, 5]
    found = quantize(X, -2, 4, I8, "SCALED", round_mode="HALF_TO_EVEN", narrow_range=True)
    assert found == [[-95, -38, 0, 13, 86, 127], -4, 4]


def test_a_range_for_each_slice() -> None:
    values, low, high = quantize(X.reshape(2, 3), [-2, -1], [2, 4], I8, "SCALED", axis=0)
    assert values == [[-128, -76, 0], [13, 86, 127]]
    np.testing.assert_allclose(low, [-2.0157480, -4.0314960], rtol=1e-6)
    np.testing.assert_allclose(high, [2, 4], rtol=1e-6)


@pytest.mark.parametrize(
    ("mode", "values", "wanted"),
    [
        ("MIN_COMBINED", np.array([0, 1, 100, 255], np.uint8), [-2, -1.97647059, 0.35294127, 4]),
        ("MIN_COMBINED", np.array([-100, 0, 1, 100], np.int8), [-1.34117651, 1.01176476, 1.03529429, 3.36470604]),
        ("MIN_COMBINED", np.array([0, 1, 100, 60000], np.uint16), [-2, -1.99990845, -1.99084461, 3.49324799]),
        ("MIN_COMBINED", np.array([-100, 0, 1, 100], np.int16), [0.99089026, 1.00004578, 1.00013733, 1.00920129]),
        ("MIN_FIRST", np.array([0, 1, 100, 255], np.uint8), [-2, -1.97647059, 0.35294127, 4]),
        ("MIN_FIRST", np.array([-100, 0, 1, 100], np.int8), [-1.34117651, 1.01176476, 1.03529418, 3.36470604]),
        ("SCALED", np.array([0, 1, 100, 255], np.uint8), [0, 0.01568628, 1.56862760, 4]),
        ("SCALED", np.array([-100, 0, 1, 100], np.int8), [-3.14960623, 0, 0.03149606, 3.14960623]),
        ("SCALED", np.array([-100, 0, 1, 100], np.int16), [-0.01220740, 0, 0.00012207, 0.01220740]),
    ],
)
def test_dequantize(mode: str, values: Any, wanted: list[float]) -> None:
    found = run_kernel("Dequantize", values, LOW, HIGH, mode=mode, dtype=dtypes.float32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
