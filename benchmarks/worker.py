"""One side of the benchmark: a process that times calls of one engine, asked over its standard input.

``python benchmarks/worker.py tensorflow|noria THREADS``. Each request is a line of JSON, ``{"model": folder, "batch":
rows, "seconds": budget}``; the answer is a line with the median time of a call, in seconds; with ``"callers": n``, n
threads call at the same time, and the answer is the time that passed for each call of them all. A call is what a
user's code does: a NumPy array (or list of arrays) goes in, NumPy arrays come out, through the signature
``serving_default``. TensorFlow runs with its own defaults but for the number of threads.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Run: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


def tensorflow_runner(folder: Path, threads: int) -> Run:
    import tensorflow as tf  # heavy, and absent where Noria is timed

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    loaded = tf.saved_model.load(str(folder / "1"))
    function = loaded.signatures["serving_default"]

    def run(inputs: dict[str, Any]) -> dict[str, Any]:
        results = function(**{k: tf.constant(v) for k, v in inputs.items()})
        return {k: v.numpy() for k, v in results.items()}

    run.keep = loaded  # type: ignore[attr-defined]  # its variables die with it
    return run


def noria_runner(folder: Path, threads: int) -> Run:
    import noria  # absent where TensorFlow is timed

    run: Run = noria.load(str(folder / "1"), threads=threads).signatures["serving_default"].run
    return run


RUNNERS: dict[str, Callable[[Path, int], Run]] = {"tensorflow": tensorflow_runner, "noria": noria_runner}


def load_inputs(folder: Path, batch: int) -> dict[str, Any]:
    """The first ``batch`` rows of the model's inputs; strings as objects, which both engines take."""
    import numpy as np  # after the clock of a cold start has been started

    with np.load(folder / "inputs.npz", allow_pickle=False) as data:
        return {k: v[:batch].astype(object) if v.dtype.kind == "S" else v[:batch] for k, v in data.items()}


def measure(run: Run, inputs: dict[str, Any], seconds: float) -> list[float]:
    """Times of single calls for about ``seconds``, at least five, after a tenth of that for warming up."""
    clock = time.perf_counter
    end = clock() + seconds / 10
    run(inputs)
    while clock() < end:
        run(inputs)
    times: list[float] = []
    end = clock() + seconds
    while clock() < end or len(times) < 5:
        start = clock()
        run(inputs)
        times.append(clock() - start)
    return times


def measure_together(run: Run, inputs: dict[str, Any], seconds: float, callers: int) -> float:
    """Seconds for each call while ``callers`` threads call for about ``seconds``, after one call of each."""
    clock = time.perf_counter
    rates: list[float] = []
    ready = threading.Barrier(callers)

    def call() -> None:
        run(inputs)
        ready.wait()
        calls, start = 0, clock()
        while (passed := clock() - start) < seconds or not calls:
            run(inputs)
            calls += 1
        rates.append(calls / passed)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 / sum(rates)


def main(engine: str, threads: int) -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not get between the replies
    loaded: Path | None = None
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request["model"])
        if folder != loaded:
            run, loaded = RUNNERS[engine](folder, threads), folder
        inputs = load_inputs(folder, request["batch"])
        if "callers" in request:
            found = measure_together(run, inputs, request["seconds"], request["callers"])
        else:
            found = statistics.median(measure(run, inputs, request["seconds"]))
        print(json.dumps(found), file=replies, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
