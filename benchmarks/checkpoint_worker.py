"""One engine's side of ``checkpoints.py``: ``python checkpoint_worker.py tensorflow|noria``.

Reads one JSON task a line, does it, answers with one line ``{"seconds": ..., "extra": bytes}``; extra: the most memory
that the task held above what the process held before it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PIECE = 64 << 20  # bytes of one variable
Task = Callable[..., None]


def weights(size: int) -> dict[str, Any]:
    """``size`` bytes of float32 in variables of 64 MiB, none like another."""
    rng = np.random.default_rng(7)
    return {
        f"layer_{i:03d}/kernel": rng.standard_normal((4096, PIECE >> 14), dtype=np.float32)
        for i in range(max(1, size // PIECE))
    }


def touch(arrays: Any) -> None:
    """Read every element, as whoever uses the values does."""
    for array in arrays:
        np.sum(array)


class TensorFlow:
    """The ops that tf.train.Saver runs, without its graph; and the readers of tf.train."""

    def __init__(self) -> None:
        import tensorflow as tf  # only one of the two engines is in this environment

        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(2)
        self.tf = tf

    def hold(self, size: int) -> None:
        self.values = {name: self.tf.constant(array) for name, array in weights(size).items()}

    def save(self, prefix: str) -> None:
        self.tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=list(self.values),
            shape_and_slices=[""] * len(self.values),
            tensors=list(self.values.values()),
        )

    def save_to_disk(self, prefix: str) -> None:
        self.save(prefix)
        for path in [f"{prefix}.data-00000-of-00001", f"{prefix}.index", os.path.dirname(prefix)]:
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    def restore(self, prefix: str) -> None:
        names = sorted(self.tf.train.load_checkpoint(prefix).get_variable_to_dtype_map())
        kinds = [self.tf.float32] * len(names)
        found = self.tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), dtypes=kinds
        )
        touch(tensor.numpy() for tensor in found)

    def read_one(self, prefix: str) -> None:
        self.tf.train.load_checkpoint(prefix).get_tensor("small")

    def list_all(self, prefix: str) -> None:
        self.tf.train.list_variables(prefix)


class Noria:
    """The functions that noria's save and restore ops call."""

    def hold(self, size: int) -> None:
        self.values = weights(size)

    def save(self, prefix: str) -> None:
        noria.save_checkpoint(prefix, self.values, sync=False)

    def save_to_disk(self, prefix: str) -> None:
        noria.save_checkpoint(prefix, self.values)

    def restore(self, prefix: str) -> None:
        reader = noria.load_checkpoint(prefix)
        touch(reader[name] for name in reader)

    def read_one(self, prefix: str) -> None:
        np.array(noria.load_checkpoint(prefix)["small"])

    def list_all(self, prefix: str) -> None:
        reader = noria.load_checkpoint(prefix)
        [(name, list(reader.entry(name).shape)) for name in reader]


def status(field: str) -> int:
    """A field of ``/proc/self/status`` in bytes; 0 where the system has none."""
    path = Path("/proc/self/status")
    found = re.search(rf"{field}:\s+(\d+) kB", path.read_text()) if path.exists() else None
    return int(found[1]) * 1024 if found else 0


def forget_peak() -> None:
    """Let the system count the most memory anew."""
    if os.path.exists("/proc/self/clear_refs"):
        Path("/proc/self/clear_refs").write_text("5")


def main(engine: str) -> None:
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker: Any = TensorFlow() if engine == "tensorflow" else Noria()
    for line in sys.stdin:
        task = json.loads(line)
        run: Task = getattr(worker, task.pop("task"))
        forget_peak()
        before = status("RssAnon")
        start = time.perf_counter()
        run(**task)
        seconds = time.perf_counter() - start
        extra = max(0, status("VmHWM") - status("RssFile") - status("RssShmem") - before)
        print(json.dumps({"seconds": seconds, "extra": extra}), file=reply, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "noria":
        import noria
    main(sys.argv[1])
