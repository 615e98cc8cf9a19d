"""One engine's answers for ``run.py``: programs of TensorFlow 1.x, timed in a process that stays up.

``python session_worker.py noria|tensorflow THREADS``; then one request a line, ``{"task": ..., "seconds": ...}``, one
answer a line: the median seconds of a run of that task.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

Run = Callable[[], Any]


def _face(engine: str, threads: int) -> Any:
    if engine == "noria":
        return import_module("noria.v1")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"  # where TensorFlow 2 keeps the recurrent cells of TensorFlow 1
    warnings.simplefilter("ignore")
    tf = import_module("tensorflow.compat.v1")
    tf.disable_v2_behavior()
    return tf


def _started(tf: Any, threads: int) -> Any:
    config = tf.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    session = tf.Session(config=config)
    session.run(tf.global_variables_initializer())
    return session


def small_model(tf: Any, threads: int) -> Run:
    """A fetch of a small model with variables: what a run itself costs."""
    x = tf.placeholder(tf.float32, [None, 4])
    weights = tf.Variable(np.full((4, 3), 0.5, np.float32))
    y = tf.nn.softmax(tf.matmul(x, weights) + tf.Variable(np.zeros(3, np.float32)))
    session = _started(tf, threads)
    feeds = {x: np.ones((2, 4), np.float32)}
    return lambda: session.run(y, feeds)


def update(tf: Any, threads: int) -> Run:
    """A step that changes variables: 1,000 x 1,000 values and a counter."""
    big, count = tf.Variable(np.zeros((1000, 1000), np.float32)), tf.Variable(0)
    step = tf.group(tf.assign_add(big, tf.ones([1000, 1000])), tf.assign_add(count, 1))
    session = _started(tf, threads)
    return lambda: session.run(step)


def recurrent(tf: Any, threads: int) -> Run:
    """An LSTM of 64 units over 50 steps, batch 2: dynamic_rnn, a loop over TensorArrays."""
    x = tf.placeholder(tf.float32, [None, 50, 32])
    outputs, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(64), x, dtype=tf.float32)
    session = _started(tf, threads)
    feeds = {x: np.linspace(0, 1, 3200, dtype=np.float32).reshape(2, 50, 32)}
    return lambda: session.run(outputs, feeds)


def build(tf: Any, threads: int) -> Run:
    """Building a graph of 500 additions and as many constants."""

    def run() -> Any:
        with tf.Graph().as_default():
            value = tf.placeholder(tf.float32, [None, 8])
            for i in range(500):
                value = value + float(i)
            return value

    return run


TASKS = {task.__name__: task for task in (small_model, update, recurrent, build)}


def main() -> None:
    engine, threads = sys.argv[1], int(sys.argv[2])
    tf = _face(engine, threads)
    ready: dict[str, Run] = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["task"]
        if name not in ready:
            with tf.Graph().as_default():
                ready[name] = TASKS[name](tf, threads)
            for _ in range(3):
                ready[name]()
        run = ready[name]
        times: list[float] = []
        end = time.perf_counter() + request["seconds"]
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        print(json.dumps(statistics.median(times)), flush=True)


if __name__ == "__main__":
    main()
