"""Queues with threads: runners and coordinators, input pipelines from end to end, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


def test_a_runner_fills_a_queue_until_stopped() -> None:
    queue = tf.FIFOQueue(3, tf.int32, shapes=[[]])
    counter = tf.Variable(0, name="counter")
    runner = tf.train.QueueRunner(queue, [queue.enqueue(counter.assign_add(1))])
    tf.train.add_queue_runner(runner)
    taken = queue.dequeue()
    coord = tf.train.Coordinator()
    with tf.Session() as session:
        session.run(counter.initializer)
        threads = tf.train.start_queue_runners(session, coord)
        assert len(threads) == 2
        assert runner.create_threads(session, coord) == []
        assert [session.run(taken) for _ in range(5)] == [1, 2, 3, 4, 5]
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=60)
    assert not any(t.is_alive() for t in threads)
    assert coord.joined


def test_epochs_end_a_pipeline(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"{name}1\n{name}2\n")
    files = tf.train.string_input_producer([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], 2, shuffle=False)
    _, line = tf.TextLineReader().read(files)
    lines = tf.train.batch([line], 3, allow_smaller_final_batch=True)
    found: list[bytes] = []
    coord = tf.train.Coordinator()
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        threads = tf.train.start_queue_runners(session, coord)
        with coord.stop_on_exception():
            while not coord.should_stop():
                found.extend(session.run(lines))
        coord.join(threads, stop_grace_period_secs=60)
    assert found == [b"a1", b"a2", b"b1", b"b2"] * 2


def test_shuffled_batches_hold_each_example_once() -> None:
    index, letter = tf.train.slice_input_producer([np.arange(6), list("abcdef")], num_epochs=1, seed=1)
    batch = tf.train.shuffle_batch([index, letter], 2, capacity=10, min_after_dequeue=2, num_threads=2)
    pairs: list[tuple[int, bytes]] = []
    coord = tf.train.Coordinator()
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        threads = tf.train.start_queue_runners(coord=coord)
        for _ in range(3):
            numbers, letters = session.run(batch)
            pairs.extend(zip(numbers.tolist(), letters.tolist(), strict=True))
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(batch)
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=60)
    assert sorted(pairs) == list(enumerate([b"a", b"b", b"c", b"d", b"e", b"f"]))


def test_an_error_in_a_thread_reaches_join() -> None:
    queue = tf.FIFOQueue(3, tf.float32, shapes=[[]])
    bad = tf.raw_ops.CheckNumerics(tensor=tf.constant(float("nan")), message="bad")
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(bad)]))
    coord = tf.train.Coordinator()
    with tf.Session() as session:
        threads = tf.train.start_queue_runners(session, coord)
        assert coord.wait_for_stop(60)
        with pytest.raises(tf.errors.InvalidArgumentError, match="bad"):
            coord.join(threads, stop_grace_period_secs=60)
        with pytest.raises(tf.errors.InvalidArgumentError):
            coord.raise_requested_exception()


def test_runners_travel_in_messages() -> None:
    with tf.name_scope("scope"):
        queue = tf.FIFOQueue(3, tf.int32, shapes=[[]], name="q")
        runner = tf.train.QueueRunner(queue, [queue.enqueue(1)])
    proto = runner.to_proto()
    assert proto is not None
    assert proto.queue_name == "scope/q"
    again = tf.train.QueueRunner.from_proto(proto)
    assert again.enqueue_ops == runner.enqueue_ops
    assert again.queue_closed_exception_types == (tf.errors.OutOfRangeError,)
    assert runner.to_proto("elsewhere") is None
    assert runner.to_proto("scope").queue_name == "q"


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="Must provide queue and enqueue_ops"):
        tf.train.QueueRunner()
    with pytest.raises(ValueError, match="No default session is registered"):
        tf.train.start_queue_runners()
    with pytest.raises(TypeError, match=r"sess must be a `tf\.Session` object"):
        tf.train.start_queue_runners(sess=3)
    with pytest.raises(ValueError, match="All shapes must be fully defined"):
        tf.FIFOQueue(3, tf.int32, shapes=[[None]])
    with pytest.raises(ValueError, match="a list of shapes must be provided"):
        tf.PaddingFIFOQueue(3, tf.int32, shapes=None)
    with pytest.raises(ValueError, match="non-null input tensor"):
        tf.train.string_input_producer([])
    with pytest.raises(ValueError, match="Queue must have names"):
        tf.FIFOQueue(3, tf.int32).enqueue({"x": 1})
    with pytest.raises(ValueError, match="must be bigger than min_after_dequeue"):
        tf.train.shuffle_batch([tf.constant(1)], 2, capacity=3, min_after_dequeue=3)
    with pytest.raises(ValueError, match="num_epochs must be > 0"):
        tf.train.limit_epochs(tf.constant(1), 0)


def test_coordinator_alone() -> None:
    coord = tf.train.Coordinator()
    seen: list[int] = []

    def once() -> None:
        seen.append(1)
        coord.request_stop()

    thread = tf.train.LooperThread.loop(coord, None, once)
    coord.join(stop_grace_period_secs=60)
    assert seen
    assert not thread.is_alive()
    coord.clear_stop()
    assert not coord.should_stop()
    waits = threading.Event()
    stuck = threading.Thread(target=waits.wait, name="stuck", daemon=True)
    stuck.start()
    coord.request_stop()
    with pytest.raises(RuntimeError, match="threads still running: stuck"):
        coord.join([stuck], stop_grace_period_secs=0.05)
    waits.set()
    stuck.join()
    coord.clear_stop()
    coord.request_stop(tf.errors.OutOfRangeError(None, None, "end"))
    coord.join()


@pytest.mark.parametrize("full", [False, True])
def test_closing_the_session_ends_waiting_threads(full: bool) -> None:
    queue = tf.FIFOQueue(1, tf.int32, shapes=[[]])
    put, take = queue.enqueue(1), queue.dequeue()
    session = tf.Session()
    if full:
        session.run(put)
    caught: list[BaseException] = []
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        try:
            session.run(put if full else take)
        except (tf.errors.CancelledError, tf.errors.OutOfRangeError, RuntimeError) as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert waits.wait(60)
    thread.join(0.2)  # gives it the time to reach the queue; it would wait for ever
    assert thread.is_alive()
    session.close()
    thread.join(60)
    assert not thread.is_alive()
    assert len(caught) == 1
    session.close()
