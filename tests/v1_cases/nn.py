"""tf.nn: activations, convolutions, pooling, losses, embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


def _image(seed: int, *shape: int) -> Any:
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(np.float32)


@case
def activations(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    nn = tf.nn
    found = [f(x) for f in (nn.relu, nn.relu6, nn.elu, nn.selu, nn.softplus, nn.softsign, nn.sigmoid, nn.tanh)]
    found += [nn.leaky_relu(x), nn.leaky_relu(x, 0.1, name="leaky"), nn.crelu(x), nn.softmax(x), nn.log_softmax(x)]
    found += [
        nn.softmax(x, axis=0),
        nn.softmax(x, dim=-1, name="probs"),
        nn.l2_loss(x),
        nn.xw_plus_b(x, np.eye(4, dtype=np.float32), [1.0] * 4),
    ]
    found += [nn.relu_layer(x, np.eye(4, dtype=np.float32), [1.0] * 4), nn.bias_add(x, [1.0, 2.0, 3.0, 4.0])]
    return found, {x: _image(0, 3, 4)}


@case(graph=False)
def swish(tf: Any) -> Any:
    return tf.nn.swish(tf.constant([-1.0, 0.0, 2.0]))


@case
def convolutions(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 6, 6, 3], name="x")
    w = tf.constant(_image(1, 3, 3, 3, 4))
    d = tf.constant(_image(2, 3, 3, 3, 2))
    nn = tf.nn
    found = [
        nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME"),
        nn.conv2d(x, w, [1, 2, 2, 1], "VALID", name="strided"),
        nn.conv2d(x, filters=w, strides=2, padding=[[0, 0], [1, 0], [0, 1], [0, 0]], dilations=[1, 1, 1, 1]),
        nn.depthwise_conv2d_native(x, d, [1, 1, 1, 1], "SAME"),
        nn.conv2d_transpose(nn.conv2d(x, w, [1, 2, 2, 1], "SAME"), w, [2, 6, 6, 3], [1, 2, 2, 1]),
        nn.convolution(x, w, "SAME"),
        nn.conv1d(tf.constant(_image(3, 2, 5, 3)), tf.constant(_image(4, 3, 3, 2)), 1, "SAME"),
    ]
    return found, {x: _image(5, 2, 6, 6, 3)}


@case
def depthwise_convolutions(tf: Any) -> Any:
    x = tf.constant(_image(5, 1, 6, 6, 3))
    d = tf.constant(_image(2, 3, 3, 3, 2))
    point = tf.constant(_image(6, 1, 1, 6, 4))
    plain = tf.nn.depthwise_conv2d(x, d, [1, 1, 1, 1], "SAME")
    return [plain, tf.nn.separable_conv2d(x, d, point, [1, 1, 1, 1], "SAME")]


@case(graph=False)  # TensorFlow moves pixels into the batch and back; here the op itself leaves the gaps
def dilated_convolutions(tf: Any) -> Any:
    x = tf.constant(_image(5, 1, 6, 6, 3))
    d = tf.constant(_image(2, 3, 3, 3, 2))
    return [
        tf.nn.depthwise_conv2d(x, d, [1, 1, 1, 1], "VALID", rate=[2, 2]),
        tf.nn.atrous_conv2d(x, tf.constant(_image(7, 3, 3, 3, 2)), 2, "SAME"),
    ]


@case
def pools(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 6, 6, 3], name="x")
    nn = tf.nn
    found = [
        nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME"),
        nn.max_pool(x, 3, 2, "VALID", name="odd"),
        nn.avg_pool(x, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"),
        nn.avg_pool2d(x, 3, 1, "SAME"),
        nn.max_pool2d(x, 2, 2, "SAME"),
        nn.max_pool_with_argmax(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
        nn.lrn(x, 2, bias=1.0, alpha=0.001, beta=0.75),
    ]
    return found, {x: _image(8, 2, 6, 6, 3)}


@case
def losses(tf: Any) -> Any:
    logits = tf.placeholder(tf.float32, [None, 3], name="logits")
    dense = tf.constant([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    nn = tf.nn
    found = [
        nn.softmax_cross_entropy_with_logits(labels=dense, logits=logits),
        nn.softmax_cross_entropy_with_logits_v2(labels=dense, logits=logits, name="loss"),
        nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 0], logits=logits),
        nn.sigmoid_cross_entropy_with_logits(labels=dense, logits=logits),
        nn.weighted_cross_entropy_with_logits(dense, logits, 2.0),
        nn.log_poisson_loss(dense + 1.0, logits, compute_full_loss=True),
        nn.in_top_k(logits, [1, 1], 2),
        nn.top_k(logits, 2),
    ]
    return found, {logits: [[1.0, -2.0, 0.5], [0.1, 3.0, -1.0]]}


@case
def sparse_loss_of_sequences(tf: Any) -> Any:
    logits = tf.placeholder(tf.float32, [None, None, 3])
    labels = tf.placeholder(tf.int32, [None, None])
    found = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return found, {logits: _image(9, 2, 2, 3), labels: [[0, 1], [2, 1]]}


@case
def moments_and_norms(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 5, 5, 2], name="x")
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    kept = tf.nn.moments(x, [0], keep_dims=True)
    normal = tf.nn.batch_normalization(x, mean, variance, tf.constant([0.1, 0.2]), tf.constant([1.0, 2.0]), 1e-3)
    plain = tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3, name="plain")
    fused = tf.nn.fused_batch_norm(x, [1.0, 2.0], [0.5, 0.5], mean, variance, is_training=False)
    weighted = tf.nn.weighted_moments(x, [0, 1], tf.constant(1.5))
    return [mean, variance, kept, normal, plain, fused[0], weighted, tf.nn.zero_fraction(tf.nn.relu(x))], {
        x: _image(10, 2, 5, 5, 2)
    }


@case(values=False)
def dropout_graph(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    keep = tf.placeholder(tf.float32, [])
    tf.nn.dropout(x, keep)
    tf.nn.dropout(x, rate=0.25, seed=3, name="quarter")
    tf.nn.dropout(x, keep_prob=0.5, noise_shape=[3, 1])
    return tf.nn.dropout(x, rate=0.0)


@case(graph=False)
def dropout_values(tf: Any) -> Any:
    x = tf.ones([4, 6])
    return [tf.nn.dropout(x, 0.5, seed=7), tf.nn.dropout(x, rate=0.3)]


@case
def embeddings(tf: Any) -> Any:
    table = tf.Variable(_image(11, 6, 3), name="table")
    parts = [tf.constant(_image(12, 3, 2)), tf.constant(_image(13, 3, 2))]
    ids = tf.placeholder(tf.int32, [None, 2], name="ids")
    sparse = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([1, 3, 0], tf.int64), [2, 2])
    weights = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [0.5, 2.0, 1.0], [2, 2])
    nn = tf.nn
    found = [
        nn.embedding_lookup(table, ids),
        nn.embedding_lookup(parts, ids),
        nn.embedding_lookup(parts, ids, partition_strategy="div", name="runs"),
        nn.embedding_lookup(table, ids, max_norm=0.5),
        *[nn.embedding_lookup_sparse(table, sparse, None, combiner=c) for c in ("sum", "mean", "sqrtn")],
        *[nn.embedding_lookup_sparse(table, sparse, weights, combiner=c) for c in ("sum", "mean", "sqrtn")],
    ]
    return found, {ids: [[0, 5], [3, 2]]}


@case
def safe_embeddings(tf: Any) -> Any:
    table = tf.constant(_image(11, 6, 3))
    sparse = tf.SparseTensor([[0, 0], [2, 0], [2, 1]], tf.constant([1, -1, 4], tf.int64), [4, 2])
    return [tf.nn.safe_embedding_lookup_sparse([table], sparse)]


@case
def sampled_losses(tf: Any) -> Any:
    weights = tf.constant(_image(14, 8, 3))
    biases = tf.zeros([8])
    labels = tf.constant([[1], [3]], tf.int64)
    inputs = tf.placeholder(tf.float32, [None, 3])
    return [
        tf.nn.nce_loss(weights, biases, labels, inputs, num_sampled=4, num_classes=8),
        tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 3, 8),
    ], {inputs: _image(15, 2, 3)}


@case
def connectionist_losses(tf: Any) -> Any:
    logits = tf.placeholder(tf.float32, [5, 2, 4])
    labels = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([0, 1, 2], tf.int32), [2, 2])
    loss = tf.nn.ctc_loss(labels, logits, [5, 4])
    (decoded,), scores = tf.nn.ctc_greedy_decoder(logits, [5, 4])
    paths, log_probabilities = tf.nn.ctc_beam_search_decoder(logits, [5, 4], beam_width=4, top_paths=2)
    return [loss, decoded, scores, paths, log_probabilities], {logits: _image(16, 5, 2, 4) * 3}
