"""Sessions: what TensorFlow gives and refuses, and what is Noria's own: compiled once, errors by operation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria.v1 as tf
from noria.compile import ort
from v1.session_cases import outcomes

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "v1" / "session.txt"


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


def test_programs_give_what_tensorflow_gives() -> None:
    assert list(outcomes(tf)) == GOLDEN.read_text().splitlines()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One item for each engine session that is made."""
    made: list[None] = []
    first = ort.Session.__init__

    def counting(self: Any, *args: Any, **keywords: Any) -> None:
        made.append(None)
        first(self, *args, **keywords)

    monkeypatch.setattr(ort.Session, "__init__", counting)
    return made


def test_a_repeated_run_compiles_nothing(compiled: list[None]) -> None:
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w = tf.Variable([[1.0], [2.0]])
    y = tf.nn.relu(tf.matmul(x, w) * 2.0)
    with tf.Session() as session:
        session.run(w.initializer)
        session.run(y, {x: [[1, 2]]})
        first = len(compiled)
        assert first
        for rows in range(1, 5):
            session.run(y, {x: np.ones((rows, 2))})
            session.run("Relu:0", feed_dict={"x:0": [[1, 2]]})
        session.run(w.assign([[3.0], [4.0]]))
        assert session.run(y, {x: [[1, 1]]}).tolist() == [[14.0]]
        assert len(compiled) == first
        tf.constant(1)  # what does not touch the program leaves it alone
        session.run(y, {x: [[1, 2]]})
        assert len(compiled) == first


def test_a_run_after_adding_operations_sees_them() -> None:
    a = tf.placeholder(tf.float32, [])
    b = a * 2.0
    with tf.Session() as session:
        assert session.run(b, {a: 1}) == 2
        c = b + 1.0
        assert session.run([b, c], {a: 1}) == [2, 3]


def test_an_error_names_the_operation_that_failed() -> None:
    x = tf.placeholder(tf.float32, name="x")
    y = tf.matmul(tf.nn.relu(x), tf.ones([2, 2]), name="layer/product")
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError) as caught:
        session.run(y, {x: np.ones((1, 3))})
    assert caught.value.op is y.op
    assert caught.value.node_def == y.op.node_def
    assert caught.value.error_code == tf.errors.INVALID_ARGUMENT
    assert caught.value.message.startswith("Matrix size-incompatible: In[0]: [1,3], In[1]: [2,2]")


def test_a_failed_run_that_changes_state_is_not_repeated() -> None:
    v = tf.Variable(0.0)
    x = tf.placeholder(tf.float32, name="x")
    with tf.control_dependencies([tf.assign_add(v, 1.0)]):
        y = tf.matmul(tf.nn.relu(x), tf.ones([2, 2]), name="product")
    with tf.Session() as session:
        session.run(v.initializer)
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(y, {x: np.ones((1, 3))})
        assert caught.value.op.name == "product"
        assert session.run(v) in (0.0, 1.0)


def test_an_unfed_placeholder_is_named_with_its_type_and_shape() -> None:
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    y = tf.placeholder(tf.float64, name="y")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(x + 1.0)
        words = "You must feed a value for placeholder tensor 'x' with dtype float and shape [?,4]"
        assert caught.value.message == words
        assert caught.value.op is x.op
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"tensor 'y' with dtype double$"):
            session.run(y)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"'x' .*\nNo value is fed for these either: 'y'"):
            session.run([x * 1.0, y * 1.0])


def test_sessions_in_threads_share_one_state() -> None:
    v = tf.Variable(np.zeros(3, np.int64))
    up = tf.assign_add(v, [1, 2, 3])
    session = tf.Session()
    session.run(v.initializer)
    seen: list[Any] = []

    def work() -> None:
        seen.extend(session.run(up).tolist() for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [[i, 2 * i, 3 * i] for i in range(1, 81)]


def test_a_sparse_feed_has_three_parts() -> None:
    p = tf.sparse_placeholder(tf.float32)
    with tf.Session() as session, pytest.raises(ValueError, match="indices, values and dense shape, got 2 values"):
        session.run(p, {p: ([[0]], [1.0])})


def test_partial_runs_and_servers_are_refused_by_name() -> None:
    a = tf.constant(1)
    with pytest.raises(tf.errors.UnimplementedError, match="cannot be used"):
        tf.Session("grpc://localhost:2222")
    with pytest.raises(TypeError, match=r"must be a tf\.Graph"):
        tf.Session(graph=3)
    with tf.Session() as session:
        with pytest.raises(tf.errors.UnimplementedError, match="partial_run"):
            session.partial_run_setup([a], [])
        assert [d.device_type for d in session.list_devices()] == ["CPU"]
    with pytest.raises(tf.errors.UnimplementedError, match="containers"):
        tf.Session.reset("")
