"""Elementwise functions, clipping, products, counting."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case

ELEMENTWISE = ["square", "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
               "sinh", "cosh", "asinh", "atanh", "erf", "erfc", "lgamma", "digamma", "floor", "ceil", "rint", "round",
               "is_nan", "is_inf", "is_finite", "tanh", "reciprocal", "sign", "abs", "negative"]  # fmt: skip


@case
def elementwise(tf: Any) -> Any:
    x = tf.constant([0.25, 0.5], name="x")
    found = [getattr(tf, name)(x) for name in ELEMENTWISE]
    found += [tf.acosh([1.5]), tf.atan2(x, [1.0, 2.0]), tf.igamma(x, x), tf.igammac(x, x), tf.polygamma(1.0, x)]
    found += [tf.zeta([2.0], [1.0]), tf.betainc(x, x, x), tf.math.xlogy(x, x), tf.math.nextafter(x, x)]
    return [*found, tf.sigmoid(x), tf.log_sigmoid(x), tf.math.bessel_i0e(x), tf.math.bessel_i1e(x), tf.round([1, 2])]


@case
def scoped(tf: Any) -> Any:
    x = tf.constant([0.25, 0.5], name="x")
    found = [tf.math.xdivy(x, x), tf.math.xlog1py(x, x), tf.math.erfinv(x), tf.math.ndtri(x), tf.math.erfcinv(x)]
    found += [tf.math.reciprocal_no_nan(x), tf.math.polyval([1.0, 2.0, x], x), tf.math.bessel_i0(x)]
    return found


@case
def complex_numbers(tf: Any) -> Any:
    z = tf.complex([3.0, 0.0], [4.0, 1.0])
    found = [z, tf.real(z), tf.imag(z), tf.abs(z), tf.conj(z), tf.angle(z), tf.sign(z), tf.real([1.0]), tf.imag([1.0])]
    return [*found, tf.conj(tf.constant([1.0])), tf.angle([1.0, -1.0])]


@case
def bits(tf: Any) -> Any:
    x = tf.constant([6, 3])
    return [tf.bitwise.bitwise_and(x, 3), tf.bitwise.bitwise_or(x, 8), tf.bitwise.bitwise_xor(x, 1),
            tf.bitwise.invert(x), tf.bitwise.left_shift(x, 2), tf.bitwise.right_shift(x, 1)]  # fmt: skip


@case
def clipped(tf: Any) -> Any:
    x, p = tf.constant([[3.0, -4.0]], name="x"), tf.placeholder(tf.float32, [None, 2], "p")
    found = [tf.clip_by_value(x, -1.0, 1.0), tf.clip_by_value(p, 0, 1, name="c"), tf.clip_by_norm(x, 1.0)]
    found += [
        tf.clip_by_norm(p, 2.0, axes=[1], name="n"),
        tf.global_norm([x, p, None]),
        tf.clip_by_average_norm(x, 1.0),
    ]
    clipped, norm = tf.clip_by_global_norm([x, p], 2.0)
    return [*found, *clipped, norm, tf.clip_by_global_norm([x, None], 2.0, use_norm=norm)[0][0]], {p: [[1.0, 2.0]]}


@case
def slices(tf: Any) -> Any:
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([0, 2]), tf.constant([3, 1]))
    found = [rows, tf.convert_to_tensor(rows), tf.clip_by_value(rows, 0.0, 1.5), tf.scalar_mul(2.0, rows)]
    return [*found, tf.cast(rows, tf.int32), tf.add_n([rows, rows]), tf.global_norm([rows]), -rows]


_KNOWN_BETTER = ("Tensordot_1/Reshape", "Tensordot_2/Reshape", "Tensordot_2/Reshape_1", "Tensordot_2/MatMul",
                 "t/transpose_1", "t/Reshape_1", "t/MatMul")  # fmt: skip


@case(looser=_KNOWN_BETTER)
def products(tf: Any) -> Any:
    a, b = tf.constant([[1.0, 2.0]], name="a"), tf.constant([[3.0], [4.0]], name="b")
    p, u = tf.placeholder(tf.float32, [None, 2, 2], "p"), tf.placeholder(tf.float32, None, "u")
    found = [tf.matmul(a, b), tf.matmul(a, a, transpose_b=True), tf.matmul(p, p, adjoint_a=True, name="m")]
    found += [tf.matmul(p, p, transpose_b=True), tf.matmul(a, u), tf.linalg.matvec(p, [1.0, 2.0])]
    found += [tf.tensordot(a, b, 1), tf.tensordot(p, b, [[2], [0]]), tf.tensordot(p, p, [[0, 1], [0, 2]])]
    found += [tf.tensordot(u, a, 1, name="t"), tf.einsum("ij,jk->ik", a, b), tf.einsum("bij,bij->b", p, p)]
    found += [tf.einsum("...ij->...ji", p, name="e"), tf.einsum("ii", tf.constant([[1.0, 2.0], [3.0, 4.0]]))]
    return found, {p: np.arange(8).reshape(2, 2, 2), u: [[1.0], [2.0]]}


@case(graph=False)
def many_products(tf: Any) -> Any:
    a = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    return [tf.einsum("ij,jk,kl->il", a, a, a), tf.einsum("ij,jk,k->i", a, a, tf.constant([1.0, 2.0]))]


@case
def counted(tf: Any) -> Any:
    x, p = tf.constant([3, 1, 2], name="x"), tf.placeholder(tf.float32, [None, 3], "p")
    found = [tf.sort(x), tf.argsort(x), tf.sort(p, 0), tf.sort(p, direction="DESCENDING"), tf.argsort(p, axis=0)]
    found += [tf.bincount(x), tf.bincount([1, 1], minlength=3, maxlength=5), tf.bincount(x, weights=[1.0, 2.0, 3.0])]
    found += [tf.histogram_fixed_width(p, [0.0, 3.0], 3), tf.histogram_fixed_width_bins(p, [0.0, 3.0], 3)]
    found += [tf.confusion_matrix([0, 1, 1], [0, 1, 0]), tf.confusion_matrix([0, 1], [1, 1], 3, weights=[2, 3])]
    found += [tf.confusion_matrix([[0], [1]], [0, 1], num_classes=2, name="cm")]
    return found, {p: [[1.0, 3.0, 2.0], [0.0, 0.5, 9.0]]}


@case(looser=("SegmentSum", "SegmentMean", "SegmentProd", "SegmentMax", "SegmentMin"))
def segments(tf: Any) -> Any:
    d, s = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([0, 0, 1])
    found = [getattr(tf, f"segment_{k}")(d, s) for k in ("sum", "mean", "prod", "max", "min")]
    kinds = ("sum", "prod", "max", "min", "mean", "sqrt_n")
    return found + [getattr(tf, f"unsorted_segment_{k}")(d, s, 2) for k in kinds]
