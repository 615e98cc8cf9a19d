"""SparseTensors: made, fetched, fed, and what is done with them."""

from __future__ import annotations

from typing import Any

from v1_cases import case


def small(tf: Any) -> Any:
    return tf.SparseTensor([[0, 1], [1, 0], [1, 2]], tf.constant([2.0, 6.0, 4.0]), [2, 3])


@case
def placeholders(tf: Any) -> Any:
    a = tf.sparse_placeholder(tf.float32, name="a")
    b = tf.sparse_placeholder(tf.int64, [None, 3])
    c = tf.sparse_placeholder(tf.string, [2, 2], name="c")
    value = tf.SparseTensorValue([[0, 0], [1, 1]], [1.0, 2.0], [2, 2])
    feeds = {a: value, b: ([[0, 2]], [5], [1, 3]), c: tf.SparseTensorValue([[0, 0]], [b"x"], [2, 2])}
    return [a, b, c, tf.sparse_tensor_to_dense(a)], feeds


@case
def dense(tf: Any) -> Any:
    s = small(tf)
    found = [
        tf.sparse_tensor_to_dense(s),
        tf.sparse_tensor_to_dense(s, -1.0, name="d"),
        tf.shape(s),
        tf.size(s),
        tf.rank(s),
    ]
    found += [tf.sparse_to_dense([1, 3], [5], 1), tf.sparse_to_dense([[0, 1]], [2, 2], [7.0], 0.5, name="o")]
    found += [tf.sparse.from_dense([[0, 1], [2, 0]]), tf.sparse_to_indicator(tf.cast(s, tf.int64), 7)]
    return [*found, tf.sparse.to_dense(tf.SparseTensor([[0]], ["a"], [2]))]


@case
def changed(tf: Any) -> Any:
    s = small(tf)
    found = [tf.sparse_reorder(s), tf.sparse_reshape(s, [3, 2]), tf.sparse_reshape(s, [-1], name="flat")]
    found += [tf.sparse_slice(s, [0, 0], [2, 2]), tf.sparse_split(sp_input=s, num_split=2, axis=0)]
    found += [tf.sparse_transpose(s), tf.sparse_retain(s, [True, False, True]), tf.sparse_reset_shape(s)]
    found += [tf.sparse_reset_shape(s, [4, 4]), tf.sparse_fill_empty_rows(tf.SparseTensor([[0, 0]], [1], [2, 2]), 9)]
    return [*found, tf.sparse_concat(0, [s, s]), tf.sparse_concat(1, [s, s], name="c"), tf.sparse_concat(0, [s])]


@case(looser=("SparseReduceSum", "SparseReduceSum_1", "SparseSparseMaximum"))
def maths(tf: Any) -> Any:
    s = small(tf)
    d = tf.constant([[1.0], [2.0], [3.0]], name="d")
    found = [tf.sparse_add(s, s), tf.sparse_add(s, tf.ones([2, 3])), tf.sparse_tensor_dense_matmul(s, d)]
    found += [tf.sparse_reduce_sum(s), tf.sparse_reduce_sum(s, 1, keep_dims=True), tf.sparse_softmax(s)]
    found += [
        tf.sparse_maximum(s, s),
        tf.sparse_segment_sum(d, [0, 1], [0, 0]),
        tf.sparse_segment_mean(d, [0, 1], [0, 0]),
    ]
    return [*found, tf.sparse.matmul(tf.ones([1, 2]), s), tf.sparse_segment_sqrt_n(d, [0, 1], [0, 0])]


_NO_RULE = ("SparseReduceMax", "SparseReduceMaxSparse", "SparseReduceSumSparse", "SparseSparseMinimum",
            "SerializeSparse", "many", "SerializeManySparse", "DeserializeManySparse")  # fmt: skip


@case(values=False, looser=_NO_RULE)
def rarer(tf: Any) -> Any:
    s = small(tf)
    d = tf.constant([[1.0], [2.0], [3.0]], name="d")
    found = [tf.sparse_reduce_max(s, 0), tf.sparse_reduce_max_sparse(s, 1), tf.sparse_reduce_sum_sparse(s, 0)]
    found += [tf.sparse_minimum(s, s), tf.sparse_segment_sum(d, [0, 1], [0, 0], num_segments=3)]
    found += [tf.serialize_sparse(s), tf.serialize_many_sparse(s, name="many")]
    return [*found, tf.deserialize_many_sparse(tf.serialize_many_sparse(s), tf.float32, rank=2)]


@case
def crossed(tf: Any) -> Any:
    a = tf.SparseTensor([[0, 0], [1, 0]], ["x", "y"], [2, 1])
    b = tf.constant([["1"], ["2"]], name="b")
    ids = tf.SparseTensor([[0, 0], [1, 0]], tf.constant([3, 1], tf.int64), [2, 1])
    merged = tf.sparse_merge(ids, tf.SparseTensor([[0, 0], [1, 0]], [0.5, 1.5], [2, 1]), 5)
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([0, 2]))
    return [tf.sparse.cross([a, b]), tf.sparse.cross_hashed([a, ids], 100), merged, tf.sparse_mask(rows, [2])]
