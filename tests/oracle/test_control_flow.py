"""Control flow against TensorFlow: graphs of TensorFlow 1, with frames and with functional ops, give equal answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from graphs import program
from noria.compile.freeze import handle_key
from noria.compile.refs import HANDLES
from noria.graph.graphdef import import_graph
from noria.graph.resources import Resources
from noria.protos.tensorflow import GraphDef

v1 = tf.compat.v1
X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], np.float32)
Built = tuple[dict[Any, list[Any]], Sequence[Any]]  # placeholder → the values of each call, and what is fetched
BUILDERS: list[Callable[[], Built]] = []


def case(build: Callable[[], Built]) -> Callable[[], Built]:
    BUILDERS.append(build)
    return build


def x_of(*shape: int | None) -> Any:
    return v1.placeholder(tf.float32, shape or (None, 3), name="x")


# --- conditions


@case
def cond_of_captured_tensors() -> Built:
    x, p = x_of(), v1.placeholder(tf.bool, (), name="p")
    y, z = v1.cond(p, lambda: (x * 2.0, tf.constant(1)), lambda: (x - 1.0, tf.constant(7)))
    return {x: [X, X], p: [True, False]}, [y, z]


@case
def cond_nested_and_chained_on_one_predicate() -> Built:
    x, p = x_of(), v1.placeholder(tf.bool, (), name="p")
    q = v1.placeholder(tf.bool, (), name="q")
    inner = v1.cond(p, lambda: v1.cond(q, lambda: x * 2.0, lambda: x + 1.0), lambda: v1.cond(q, lambda: -x, lambda: x))
    again = v1.cond(p, lambda: inner + 10.0, lambda: inner - 10.0)
    same = v1.cond(p, lambda: v1.cond(p, lambda: again * 2.0, lambda: again * 3.0), lambda: again)
    return {x: [X] * 4, p: [True, True, False, False], q: [True, False, True, False]}, [inner, again, same]


@case
def case_with_default() -> Built:
    k = v1.placeholder(tf.int32, (), name="k")
    x = x_of()
    branches = [(tf.equal(k, 0), lambda: x + 1.0), (tf.equal(k, 1), lambda: x * x), (k > 5, lambda: tf.exp(-x))]
    return {x: [X] * 4, k: [0, 1, 9, 3]}, [v1.case(branches, default=lambda: -x)]


@case
def switch_case_out_of_range() -> Built:
    k = v1.placeholder(tf.int32, (), name="k")
    x = x_of()
    y = tf.switch_case(k, [lambda: x + 1.0, lambda: x * 3.0, lambda: x - 5.0])
    return {x: [X] * 4, k: [0, 1, 2, 7]}, [y]


@case
def cond_on_strings_and_shapes() -> Built:
    x = x_of()
    s = v1.placeholder(tf.string, (None,), name="s")
    y = v1.cond(
        tf.shape(x)[0] > 1,
        lambda: tf.strings.join([s, tf.constant("-many")]),
        lambda: tf.strings.upper(s),
    )
    return {x: [X, X[:1]], s: [np.array([b"a", b"b"], object)] * 2}, [y]


@case
def assert_in_a_branch() -> Built:
    x, p = x_of(), v1.placeholder(tf.bool, (), name="p")
    with tf.control_dependencies([v1.Assert(tf.reduce_all(x > -9.0), [x])]):
        y = v1.cond(p, lambda: tf.identity(x), lambda: x * 0.0)
    return {x: [X, X], p: [True, False]}, [y]


@case
def merge_of_switches_without_cond() -> Built:
    x, p = x_of(), v1.placeholder(tf.bool, (), name="p")
    no, yes = tf.raw_ops.Switch(data=x, pred=p)
    y, index = tf.raw_ops.Merge(inputs=[tf.negative(no), tf.sqrt(tf.abs(yes))])
    return {x: [X, X], p: [True, False]}, [y, index]


@case
def reference_variable_assigned_in_a_branch() -> Built:
    p = v1.placeholder(tf.bool, (), name="p")
    v = v1.get_variable("v", initializer=np.float32(3.0), use_resource=v1.control_flow_v2_enabled())
    y = v1.cond(p, lambda: v1.assign_add(v, 2.0), lambda: v1.assign(v, v * 10.0))
    with tf.control_dependencies([y]):
        after = v.read_value()
    return {p: [True, False, True]}, [y, after]


@case
def resource_variable_assigned_in_a_branch() -> Built:
    p = v1.placeholder(tf.bool, (), name="p")
    v = v1.get_variable("v", initializer=np.float32(3.0), use_resource=True)

    def grow() -> Any:
        with tf.control_dependencies([v.assign_add(2.0)]):
            return tf.identity(v.read_value())

    y = v1.cond(p, grow, lambda: v + 100.0)
    with tf.control_dependencies([y]):
        after = v.read_value()
    return {p: [True, False, True]}, [y, after]


# --- loops


@case
def while_with_several_variables() -> Built:
    x = x_of()
    n = v1.placeholder(tf.int32, (), name="n")
    i, y, total = v1.while_loop(
        lambda i, y, t: i < n, lambda i, y, t: (i + 1, y * 0.5 + x, t + tf.reduce_sum(y)), [0, x, 0.0]
    )
    return {x: [X] * 3, n: [4, 0, 1]}, [i, y, total]


@case
def nested_loops_with_invariants() -> Built:
    x = x_of()
    n = v1.placeholder(tf.int32, (), name="n")
    w = tf.constant([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0]])

    def row(i: Any, y: Any) -> Any:
        def inner(j: Any, z: Any) -> Any:
            return j + 1, tf.matmul(z, w) / 2.0 + tf.cast(i, tf.float32)

        return i + 1, v1.while_loop(lambda j, z: j < i + 1, inner, [0, y])[1] + x

    return {x: [X, X], n: [3, 1]}, v1.while_loop(lambda i, y: i < n, row, [0, x])


@case
def condition_in_a_loop_in_a_condition() -> Built:
    x, p = x_of(), v1.placeholder(tf.bool, (), name="p")

    def body(i: Any, y: Any) -> Any:
        return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: y + x, lambda: y * 0.5)

    def looped() -> Any:
        return v1.while_loop(lambda i, y: i < 5, body, [0, x])[1]

    return {x: [X, X], p: [True, False]}, [v1.cond(p, looped, lambda: -x)]


@case
def loop_that_stops_by_value() -> Built:
    n = v1.placeholder(tf.int64, (), name="n")
    steps, last = v1.while_loop(
        lambda k, n: tf.not_equal(n, 1),
        lambda k, n: (k + 1, v1.cond(tf.equal(n % 2, 0), lambda: n // 2, lambda: 3 * n + 1)),
        [tf.constant(0), n],
    )
    return {n: [27, 1, 8]}, [steps, last]


@case
def loop_whose_variable_grows() -> Built:
    n = v1.placeholder(tf.int32, (), name="n")
    _, y = v1.while_loop(
        lambda i, y: i < n,
        lambda i, y: (i + 1, tf.concat([y, [tf.cast(i, tf.float32)]], 0)),
        [tf.constant(0), tf.constant([-1.0])],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
    )
    return {n: [3, 0, 5]}, [y, tf.shape(y)]


@case
def loop_that_changes_variables() -> Built:
    n = v1.placeholder(tf.int32, (), name="n")
    ref = v1.get_variable("ref", initializer=np.float32(1.0), use_resource=v1.control_flow_v2_enabled())
    res = v1.get_variable("res", initializer=np.float32(1.0), use_resource=True)

    def body(i: Any) -> Any:
        with tf.control_dependencies([ref.assign_add(2.0), res.assign_sub(0.5)]):
            return i + 1

    i = v1.while_loop(lambda i: i < n, body, [tf.constant(0)])
    with tf.control_dependencies([i]):
        return {n: [2, 0, 3]}, [i, ref.read_value(), res.read_value()]


@case
def swapped_and_unchanged_variables() -> Built:
    x = x_of()
    return {x: [X]}, v1.while_loop(
        lambda i, a, b, c: i < 3, lambda i, a, b, c: (i + 1, b, a, c), [0, x, x * 2.0, x + 1.0]
    )


@case
def strings_in_a_loop() -> Built:
    s = v1.placeholder(tf.string, (), name="s")
    _, y = v1.while_loop(
        lambda i, y: i < 3, lambda i, y: (i + 1, tf.strings.join([y, tf.strings.as_string(i)])), [tf.constant(0), s]
    )
    return {s: [b"n"]}, [y]


# --- arrays of tensors


@case
def map_scan_and_folds() -> Built:
    x = x_of()
    mapped = v1.map_fn(lambda row: tf.reduce_sum(row) * row, x)
    several = v1.map_fn(
        lambda pair: (pair[0] + pair[1], tf.cast(pair[0] > 0, tf.int32)), (x, x * 2.0), dtype=(tf.float32, tf.int32)
    )
    scanned = v1.scan(lambda a, row: a * 0.5 + row, x, initializer=tf.zeros([3]))
    left, right = v1.foldl(lambda a, row: a - row, x), v1.foldr(lambda a, row: a - row * 2.0, x)
    return {x: [X, X[:1]]}, [mapped, *several, scanned, left, right]


@case
def tensor_array_methods() -> Built:
    x = x_of()
    array = v1.TensorArray(tf.float32, size=2, dynamic_size=True, clear_after_read=False).unstack(x)
    array = array.write(4, x[0] * 2.0).write(2, x[1]).write(3, x[1] + 1.0)
    parts = v1.TensorArray(tf.float32, size=2, infer_shape=False).split(tf.reshape(x, [-1]), [2, 4])
    return {x: [X]}, [array.stack(), array.read(1), array.size(), array.gather([4, 0]), array.concat(), parts.concat()]


@case
def tensor_array_written_in_a_loop() -> Built:
    n = v1.placeholder(tf.int32, (), name="n")
    array = v1.TensorArray(tf.int32, size=n, element_shape=())
    _, done = v1.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, i * i)), [0, array])
    return {n: [4, 1]}, [done.stack(), done.size()]


@case
def dynamic_rnn_with_lengths() -> Built:
    x = v1.placeholder(tf.float32, (None, 4, 3), name="x")
    lengths = v1.placeholder(tf.int32, (None,), name="lengths")
    w = tf.constant(np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3)[:, :2])

    def step(time: Any, state: Any, outputs: Any) -> Any:
        new = tf.tanh(tf.matmul(tf.concat([x[:, time], state], 1), w))
        alive = tf.expand_dims(time < lengths, 1)
        return time + 1, tf.where(alive, new, state), outputs.write(time, tf.where(alive, new, tf.zeros_like(new)))

    start = tf.zeros([tf.shape(x)[0], 2])
    array = v1.TensorArray(tf.float32, size=4)
    _, state, outputs = v1.while_loop(lambda t, s, o: t < tf.reduce_max(lengths), step, [0, start, array])
    fed = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    return {x: [fed], lengths: [np.array([4, 2], np.int32)]}, [state, outputs.stack()]


# --- gradients, whose graphs hold stacks and arrays of gradients


@case
def gradient_of_a_loop() -> Built:
    x = x_of()
    w = tf.constant([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0]])
    n = v1.placeholder(tf.int32, (), name="n")
    _, y = v1.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.sin(tf.matmul(y, w)) * x), [0, x])
    return {x: [X, X], n: [3, 0]}, [y, *v1.gradients(y, [x, w])]


@case
def gradient_of_a_condition_in_a_loop() -> Built:
    x = x_of()

    def body(i: Any, y: Any) -> Any:
        return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: y * x, lambda: tf.sin(y))

    _, y = v1.while_loop(lambda i, y: i < 4, body, [0, x])
    return {x: [X]}, v1.gradients(y, x)


@case
def gradient_of_a_scan() -> Built:
    x = x_of()
    y = v1.scan(lambda a, row: a * row + row, x, initializer=tf.ones([3]))
    return {x: [X]}, [y, *v1.gradients(tf.reduce_sum(y * y), x)]


def in_tensorflow(build: Callable[[], Built], *, functional: bool) -> tuple[bytes, str, Built, list[list[Any]]]:
    """The graph, the name of its init op, what is fed and fetched, and TensorFlow's answers to each call."""
    was = v1.control_flow_v2_enabled()
    (v1.enable_control_flow_v2 if functional else v1.disable_control_flow_v2)()
    try:
        with tf.Graph().as_default() as graph:
            fed, fetched = build()
            fetched = [tf.convert_to_tensor(t) for t in fetched]
            init = v1.global_variables_initializer()
            with v1.Session() as session:
                session.run(init)
                answers = [
                    session.run(fetched, dict(zip(fed, values, strict=True)))
                    for values in zip(*fed.values(), strict=True)
                ]
    finally:
        (v1.enable_control_flow_v2 if was else v1.disable_control_flow_v2)()
    return graph.as_graph_def().SerializeToString(), init.name, (fed, fetched), answers


@pytest.mark.parametrize("engine", [True, False], ids=["engine", "host"])
@pytest.mark.parametrize("functional", [False, True], ids=["frames", "functions"])
@pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)
def test_answers_are_those_of_tensorflow(build: Callable[[], Built], functional: bool, engine: bool) -> None:
    graph_def, init, (fed, fetched), answers = in_tensorflow(build, functional=functional)
    made = import_graph(GraphDef.FromString(graph_def))
    resources = Resources()
    keys = [handle_key(n) for n in made if n.op in HANDLES]
    program(made, {}, [], [init], resources=resources, mutable=keys, engine=False).run([])
    shapes = {p.name: None if p.shape.rank is None else tuple(p.shape.as_list()) for p in fed}
    compiled = program(made, shapes, [t.name for t in fetched], resources=resources, mutable=keys, engine=engine)
    for values, wanted in zip(zip(*fed.values(), strict=True), answers, strict=True):
        arrays = [_array(v, p.dtype) for p, v in zip(fed, values, strict=True)]
        for got, answer, tensor in zip(compiled.run(arrays), wanted, fetched, strict=True):
            expected = _array(answer, tensor.dtype)
            assert got.dtype == expected.dtype
            assert got.shape == expected.shape
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
            else:
                assert (got == expected).all()


def _array(value: Any, dtype: Any) -> Any:
    return np.asarray(value, object if dtype == tf.string else dtype.as_numpy_dtype)
