"""Functions of variables, of both kinds: which reads they make."""

from __future__ import annotations

from typing import Any

from v1_cases import case


def _used(tf: Any, v: Any, n: Any) -> Any:
    found = [v + 1, 1 - v, v * v, v / 2, -v, abs(v), v > 1, v[0], v[:, 1:], v**2, v @ v, 2 / v, n + 1, n // 2, n[0]]
    found += [tf.matmul(v, v), tf.reduce_sum(v), tf.reduce_mean(v, 0), tf.gather(v, [1]), tf.cast(v, tf.int32)]
    found += [tf.shape(v), tf.rank(v), tf.zeros_like(v), tf.transpose(v), tf.reshape(v, [-1]), tf.identity(v)]
    found += [tf.stack([v, v]), tf.concat([v, v], 0), tf.add(v, v), tf.square(v), tf.clip_by_value(v, 0, 1)]
    found += [tf.gather_nd(v, [[0, 1]]), tf.one_hot(n, 3), tf.cast(n, tf.float32), tf.convert_to_tensor([n, n])]
    found += [tf.to_float(v), tf.global_norm([v]), tf.argmax(v, 1), tf.where(v > 0, v, v), tf.maximum(v, 0.0)]
    found += [tf.boolean_mask(v, [True, False]), tf.norm(v), tf.range(n[0]), tf.add_n([v, v]), tf.tensordot(v, v, 1)]
    return found


@case
def references(tf: Any) -> Any:
    v = tf.get_variable("v", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=False)
    return _used(tf, v, tf.get_variable("n", initializer=[3, 1], use_resource=False))


@case
def resources(tf: Any) -> Any:
    v = tf.get_variable("v", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=True)
    return _used(tf, v, tf.get_variable("n", initializer=[3, 1], use_resource=True))
