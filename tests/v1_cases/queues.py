"""Queues, readers, producers and batches: what they build, and what queues give without threads."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from v1_cases import case


@case
def fifo(tf: Any) -> Any:
    queue = tf.FIFOQueue(10, [tf.float32, tf.string], shapes=[[2], []], name="q")
    put = queue.enqueue(([1.0, 2.0], "a"))
    with tf.control_dependencies([put]):
        more = queue.enqueue_many((np.ones((2, 2), np.float32), ["b", "c"]))
    with tf.control_dependencies([more]):
        first = queue.dequeue()
    with tf.control_dependencies(first):
        both = queue.dequeue_many(2)
    with tf.control_dependencies(both):
        count = queue.size()
    assert queue.names is None
    assert queue.dtypes == [tf.float32, tf.string]
    return [first, both, count, queue.is_closed()]


@case
def other_queues(tf: Any) -> Any:
    named = tf.FIFOQueue(4, tf.int32, names="x", shapes=[[]])
    put = named.enqueue({"x": 3})
    with tf.control_dependencies([put]):
        taken = named.dequeue()
    padded = tf.PaddingFIFOQueue(4, [tf.int64], shapes=[[None]])
    puts = [padded.enqueue([tf.constant([1], tf.int64)])]
    with tf.control_dependencies(puts):
        puts.append(padded.enqueue([tf.constant([2, 3], tf.int64)]))
    with tf.control_dependencies(puts):
        rows = padded.dequeue_many(2)
    ordered = tf.PriorityQueue(5, [tf.string], shapes=[[]])
    fill = ordered.enqueue_many([tf.constant([3, 1, 2], tf.int64), ["c", "a", "b"]])
    with tf.control_dependencies([fill]):
        best = ordered.dequeue()
    mixed = tf.RandomShuffleQueue(5, 0, tf.int32, shapes=[[]], seed=1)
    fill = mixed.enqueue_many([[4, 4, 4]])
    with tf.control_dependencies([fill]):
        closed = mixed.close()
    with tf.control_dependencies([closed]):
        left = mixed.dequeue_up_to(5)
    return [taken["x"], rows, best, left]


@case(values=False)
def producers(tf: Any) -> Any:
    names = tf.train.string_input_producer(["a", "b"], num_epochs=2, shuffle=False, name="names")
    names.dequeue()
    tf.train.string_input_producer(["a"], shuffle=True, seed=3, capacity=4)
    tf.train.range_input_producer(5, shuffle=False)
    tf.train.input_producer(np.ones((3, 2), np.float32), shuffle=False)
    pair = tf.train.slice_input_producer([np.arange(4), ["a", "b", "c", "d"]], shuffle=False)
    assert len(tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)) == 5
    return pair


@case(values=False)
def batches(tf: Any) -> Any:
    x = tf.constant([1.0, 2.0], name="x")
    y = tf.constant(3, name="y")
    tf.train.batch([x, y], 4, num_threads=2)
    tf.train.batch({"x": x}, 4, capacity=8, allow_smaller_final_batch=True, name="dict")
    tf.train.batch([tf.constant([[1, 2]])], 2, enqueue_many=True)
    tf.train.batch([tf.placeholder(tf.int32, [None])], 2, dynamic_pad=True)
    tf.train.maybe_batch([x], tf.constant(True), 2)
    tf.train.batch_join([[x, y], [x, y]], 3)
    tf.train.shuffle_batch([x, y], 2, capacity=20, min_after_dequeue=5, seed=1)
    tf.train.shuffle_batch_join([[y], [y]], 2, capacity=20, min_after_dequeue=5)
    return None


@case
def readers(tf: Any) -> Any:
    folder = Path(tempfile.gettempdir())
    path = folder / "noria_case_readers.txt"
    path.write_text("head\none\ntwo\n")
    found = []
    for reader in (
        tf.TextLineReader(skip_header_lines=1), tf.WholeFileReader(name="whole"),
        tf.FixedLengthRecordReader(4, header_bytes=5), tf.IdentityReader(),
    ):  # fmt: skip
        queue = tf.FIFOQueue(2, tf.string, shapes=[[]])
        with tf.control_dependencies([queue.enqueue(str(path))]):
            key, value = reader.read(queue)
        with tf.control_dependencies([key]):
            found += [key, value, reader.num_records_produced(), reader.num_work_units_completed()]
    reader = tf.TFRecordReader()
    reader.read_up_to(queue, 3)
    reader.reset()
    return found


@case
def files_once(tf: Any) -> Any:
    path = Path(tempfile.gettempdir()) / "noria_case_once.txt"
    path.write_text("x")
    return tf.train.match_filenames_once(str(path))
