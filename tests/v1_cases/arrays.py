"""Functions of arrays: shapes, casts, joining, indexing, one-hot, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def shapes(tf: Any) -> Any:
    x, p = tf.constant(np.ones((2, 3), np.float32), name="x"), tf.placeholder(tf.float32, [None, 3], "p")
    u = tf.placeholder(tf.float32, None, "u")
    found = [tf.shape(x), tf.shape(p), tf.shape(u, name="s", out_type=tf.int64), tf.size(x), tf.size(p), tf.rank(x)]
    found += [tf.rank(p), tf.rank(u), tf.size(u, out_type=tf.int64), tf.shape_n([p, u]), tf.reshape(p, [-1])]
    found += [tf.reshape(x, (3, 2), name="r"), tf.broadcast_to(x, [2, 2, 3]), tf.ensure_shape(p, [2, 3])]
    found += [tf.size(tf.placeholder(tf.float32, [None, 0], "e")), tf.shape([1, 2, 3])]
    found += [tf.broadcast_dynamic_shape(tf.shape(p), [2, 1])]
    assert tf.broadcast_static_shape(x.shape, p.shape).as_list() == [2, 3]
    return found, {p: np.ones((2, 3)), u: np.ones((2, 2)), "e:0": np.ones((2, 0))}


@case
def filled(tf: Any) -> Any:
    p = tf.placeholder(tf.float32, [None, 3], "p")
    x = tf.constant([[1, 2], [3, 4]])
    n = tf.shape(p)[0]
    found = [tf.zeros([2, 3]), tf.ones((2,), tf.int32), tf.zeros([50, 50], name="big"), tf.zeros(tf.shape(p))]
    found += [tf.zeros([2], tf.string), tf.zeros([2], tf.bool), tf.ones([2], tf.bool), tf.zeros([]), tf.zeros([n, 2])]
    found += [tf.zeros_like(x), tf.ones_like(x), tf.zeros_like(p), tf.ones_like(p), tf.zeros_like(p, tf.int32)]
    found += [tf.zeros_like(x, dtype=tf.float32, name="zl"), tf.ones_like(x, dtype=tf.float32), tf.zeros(x.shape)]
    found += [tf.zeros_like([1.0, 2.0]), tf.fill([2, 2], 7), tf.fill(tf.shape(p), 1.0, name="f"), tf.ones([1000])]
    found += [tf.ones(n), tf.zeros(tf.TensorShape([2, 2])), tf.zeros_like(p, optimize=False), tf.zeros(3)]
    return found, {p: np.ones((2, 3))}


@case
def casts(tf: Any) -> Any:
    x = tf.constant([1.7, -2.2, 300.0], name="x")
    found = [
        tf.cast(x, tf.int32),
        tf.cast(x, tf.float32),
        tf.to_float([1, 2]),
        tf.to_int32(x),
        tf.to_int64(x, name="i"),
    ]
    found += [tf.to_double(x), tf.saturate_cast(x, tf.uint8), tf.cast([1, 0], tf.bool), tf.cast(x > 0, "float32")]
    found += [tf.identity(x), tf.stop_gradient(x, name="stop"), tf.bitcast(x, tf.int32), tf.to_bfloat16(x)]
    found += [tf.identity_n([x, x]), tf.cast(3, tf.float32), tf.to_complex64(x), tf.check_numerics(x, "bad")]
    sparse = tf.SparseTensor([[0]], [1.5], [2])
    return [*found, tf.cast(sparse, tf.int32), tf.identity(sparse)]


@case
def joined(tf: Any) -> Any:
    a, b = tf.constant([[1, 2]], name="a"), tf.placeholder(tf.int32, [None, 2], "b")
    found = [tf.concat([a, b], 0), tf.concat([a, a], axis=-1, name="c"), tf.concat([a], 0), tf.concat(a, 0)]
    found += [tf.stack([a, a]), tf.stack([a, a], axis=1), tf.stack([1, 2]), tf.unstack(a, axis=1), tf.unstack(a)]
    found += [
        tf.split(a, 2, axis=1),
        tf.split(b, [1, 1], 1),
        tf.split(value=a, num_or_size_splits=1),
        tf.tile(a, [2, 1]),
    ]
    found += [tf.unstack(b, num=2, axis=1, name="u")]
    found += [tf.dynamic_partition(b, [0, 1], 2), tf.dynamic_stitch([[0], [1]], [[5], [6]])]
    return found, {b: [[3, 4], [5, 6]]}


@case
def turned(tf: Any) -> Any:
    x = tf.constant(np.arange(6, dtype=np.float32).reshape(1, 2, 3), name="x")
    u = tf.placeholder(tf.float32, None, "u")
    found = [tf.transpose(x), tf.transpose(x, [0, 2, 1]), tf.transpose(u), tf.transpose([[1, 2]], name="t")]
    found += [tf.matrix_transpose(x), tf.matrix_transpose(u), tf.expand_dims(x, 0), tf.expand_dims(x, dim=-1)]
    found += [tf.squeeze(x), tf.squeeze(x, 0), tf.squeeze(x, squeeze_dims=[0], name="sq"), tf.reverse(x, [1])]
    found += [tf.roll(x, 1, 2), tf.reverse_sequence(x, [1], seq_axis=1, batch_axis=0), tf.invert_permutation([1, 0])]
    found += [tf.reverse_v2(x, [0]), tf.slice(x, [0, 0, 1], [1, 2, 2]), tf.strided_slice(x, [0, 0], [1, 1])]
    return found, {u: [[1, 2], [3, 4]]}


@case
def gathered(tf: Any) -> Any:
    x = tf.constant(np.arange(12, dtype=np.float32).reshape(2, 3, 2), name="x")
    found = [tf.gather(x, [0, 1, 0]), tf.gather(x, [2], axis=1), tf.gather(x, [[0], [1]], batch_dims=1)]
    found += [tf.gather_nd(x, [[0, 1], [1, 2]]), tf.scatter_nd([[1], [3]], [5, 6], [4]), tf.where([[True, False]])]
    found += [tf.where([True, False], [1, 2], [3, 4]), tf.where_v2([True, False], 1, 2), tf.where(x > 5, x, -x)]
    found += [tf.tensor_scatter_update([1, 2, 3], [[0]], [9]), tf.tensor_scatter_add([1, 2], [[0]], [9])]
    found += [tf.tensor_scatter_sub([1, 2], [[0]], [9]), tf.tensor_scatter_nd_max([1, 2], [[0]], [9])]
    found += [tf.tensor_scatter_nd_min([1, 2], [[0]], [9]), tf.unique([1, 1, 2]), tf.unique_with_counts([1, 1, 2])]
    found += [tf.setdiff1d([1, 2, 3], [2]), tf.unravel_index([3], [2, 2]), tf.where([0, 1], name="w")]
    return [*found, tf.gather_nd(x, [[[0]], [[1]]], batch_dims=1), tf.batch_gather(x, [[0], [1]])]


@case
def ranges(tf: Any) -> Any:
    n = tf.placeholder(tf.int32, [], "n")
    found = [
        tf.range(5),
        tf.range(n),
        tf.range(1, n, 2, name="r"),
        tf.range(0.0, 1.0, 0.25),
        tf.range(3, dtype=tf.int64),
    ]
    found += [tf.linspace(0.0, 1.0, 5), tf.lin_space(0.0, 2.0, 3, name="l"), tf.range(n, 10, dtype=tf.float32)]
    return [*found, tf.range(1, 5, 1.5), tf.meshgrid([1, 2], [3, 4, 5]), tf.meshgrid([1, 2], [3], indexing="ij")], {
        n: 4
    }


@case
def encoded(tf: Any) -> Any:
    i = tf.placeholder(tf.int32, [None], "i")
    found = [tf.one_hot(i, 3), tf.one_hot([0, 2], 3, on_value=5, off_value=1), tf.one_hot(i, 3, dtype=tf.int32, axis=0)]
    found += [tf.one_hot([1], 2, on_value=2.0, name="oh"), tf.sequence_mask([1, 3]), tf.sequence_mask(i, 4)]
    found += [tf.sequence_mask([2], maxlen=3, dtype=tf.float32, name="sm"), tf.one_hot([[0]], 2, True, False)]
    return found, {i: [0, 2]}


@case
def padded(tf: Any) -> Any:
    x = tf.constant([[1.0, 2.0, 3.0]], name="x")
    p = tf.placeholder(tf.float32, [None, 3], "p")
    found = [
        tf.pad(x, [[1, 0], [0, 2]]),
        tf.pad(p, [[0, 0], [1, 1]], "REFLECT"),
        tf.pad(p, [[0, 0], [1, 1]], "symmetric"),
    ]
    found += [tf.pad(x, [[0, 0], [1, 0]], constant_values=7.0, name="c"), tf.pad(p, [[0, tf.shape(p)[0]], [0, 1]])]
    image = tf.constant(np.arange(16, dtype=np.float32).reshape(1, 2, 2, 4))
    found += [
        tf.depth_to_space(image, 2),
        tf.space_to_depth(image, 2, name="sd"),
        tf.space_to_batch(image, [[0, 0], [0, 0]], 2),
    ]
    found += [tf.batch_to_space(tf.tile(image, [4, 1, 1, 1]), [[0, 0], [0, 0]], 2)]
    found += [tf.space_to_batch_nd(image, [2, 2], [[0, 0], [0, 0]])]
    found += [tf.batch_to_space_nd(tf.tile(image, [4, 1, 1, 1]), [2, 2], [[0, 0], [0, 1]])]
    found += [*tf.required_space_to_batch_paddings([5, 6], [2, 4]), tf.repeat([1, 2], 2)]
    found += [tf.repeat([[1, 2]], [1, 2], 1), tf.searchsorted([[1.0, 3.0, 5.0]], [[2.0, 5.0]])]
    found += [tf.searchsorted([[1.0, 3.0, 5.0]], [[2.0, 5.0]], "right"), tf.repeat(p, 2, axis=0)]
    return found, {p: [[1, 2, 3]]}


@case
def diagonals(tf: Any) -> Any:
    v = tf.constant([[1.0, 2.0], [3.0, 4.0]], name="v")
    return [tf.diag([1, 2]), tf.diag_part([[1, 2], [3, 4]]), tf.matrix_diag(v), tf.matrix_diag_part(v, k=1),
            tf.matrix_set_diag(v, [9.0, 8.0], name="sd"), tf.matrix_band_part(v, 0, -1), tf.eye(2),
            tf.eye(2, 3, batch_shape=[2], dtype=tf.int32), tf.linalg.diag(v, k=1), tf.linalg.tensor_diag([1.0]),
            tf.trace(v), tf.fingerprint(["a", "b"])]  # fmt: skip


@case(values=False, looser=("GuaranteeConst", "parallel_stack/ParallelConcat"))
def no_kernel(tf: Any) -> Any:
    return [tf.guarantee_const([1.0]), tf.parallel_stack([[1, 2], [3, 4]])]
