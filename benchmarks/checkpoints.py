"""Checkpoints, TensorFlow and Noria side by side in the same run: saving, restoring, opening, listing; one table.

``python benchmarks/checkpoints.py --tensorflow PYTHON --scratch build/bench/checkpoints`` with the interpreter of the
environment that has TensorFlow; this one has Noria. Each engine has a process of its own; the two take turns, each
figure is the median over the rounds. Every save writes files of new names, as a training program's saves do; the files
of the last save are removed outside of the time. Restored values are summed: every element is read. The files stand in
the system's cache for both. Both engines leave it to the system when files reach the disk, except in the row that
says so: there TensorFlow's files are synced after its save, which by itself does not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import noria
from checkpoint_worker import PIECE
from table import ENGINES, ENVIRONMENT, HERE, Row, machine, table

GIGABYTE = 1 << 30
LARGE = 4 * GIGABYTE
MANY = 100_000
LIMITS = {"read_one": 0.020, "list_all": 1.0}  # seconds


@dataclass(frozen=True)
class Answer:
    """What a worker says of a task: the seconds it took, and the memory it held above what it had."""

    seconds: float
    extra: float


class Worker:
    """A running ``checkpoint_worker.py``."""

    def __init__(self, engine: str, python: str) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # lives as long as the worker
        self._process = subprocess.Popen(
            [python, str(HERE / "checkpoint_worker.py"), engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=ENVIRONMENT,
        )

    def do(self, task: str, **arguments: Any) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"task": task} | arguments), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            raise RuntimeError(f"a benchmark process failed at {task}:\n{self._log.read()[-3000:]}")
        return Answer(**json.loads(line))

    def close(self) -> None:
        self._process.communicate()
        self._log.close()


class Bench:
    """Both workers, a scratch folder, and the number of rounds."""

    def __init__(self, workers: dict[str, Worker], scratch: Path, rounds: int) -> None:
        self._workers = workers
        self._scratch = scratch
        self._rounds = rounds
        self.extra: dict[str, float] = {}  # engine → the most memory that any save held above the weights

    def saves(self, task: str, what: str, target: float) -> list[Row]:
        """Rows of ``task``, which writes a checkpoint."""
        answers: dict[str, list[Answer]] = {engine: [] for engine in ENGINES}
        for number in range(self._rounds):
            for engine, worker in self._workers.items():
                folder = self._scratch / f"{engine}-{task}-{number}"
                folder.mkdir()
                answers[engine].append(worker.do(task, prefix=str(folder / "model.ckpt")))
                shutil.rmtree(folder)
        self.extra = {e: max(self.extra.get(e, 0), *(a.extra for a in answers[e])) for e in ENGINES}
        return [self._row(what, "s", answers, target)]

    def reads(self, task: str, what: str, prefix: Path, target: float) -> Row:
        """The row of ``task``, which reads the checkpoint at ``prefix``."""
        answers: dict[str, list[Answer]] = {engine: [] for engine in ENGINES}
        for number in range(self._rounds + 1):
            for engine, worker in self._workers.items():
                found = worker.do(task, prefix=str(prefix))
                if number:  # the first fills the caches of both
                    answers[engine].append(found)
        return self._row(what, "s", answers, target)

    def _row(self, what: str, unit: str, answers: dict[str, list[Answer]], target: float) -> Row:
        each = {e: " ".join(f"{a.seconds:.3g}" for a in answers[e]) for e in ENGINES}
        print(f"{what}, {unit}: {each['tensorflow']} / {each['noria']}", file=sys.stderr)
        middle = {e: statistics.median(a.seconds for a in answers[e]) for e in ENGINES}
        return Row(what, unit, middle["tensorflow"], middle["noria"], target)


def measure(bench: Bench, workers: dict[str, Worker], scratch: Path, size: int) -> list[Row]:
    """All rows. size: bytes of the checkpoint that is saved and restored."""
    for worker in workers.values():
        worker.do("hold", size=size)
    amount = f"{size / GIGABYTE:g} GB"
    rows = bench.saves("save", f"saving {amount}", 2.0)
    rows += bench.saves("save_to_disk", f"saving {amount} and waiting for the disk", 0.0)
    middle = scratch / "restored" / "model.ckpt"
    workers["tensorflow"].do("save", prefix=str(middle))
    rows.append(bench.reads("restore", f"restoring {amount} and reading every value", middle, 3.0))
    for worker in workers.values():
        worker.do("hold", size=PIECE)
    shutil.rmtree(middle.parent)
    large = scratch / "large" / "model.ckpt"
    piece = np.random.default_rng(1).standard_normal(PIECE // 4, dtype=np.float32)
    noria.save_checkpoint(
        large, {f"v{i}": piece for i in range(LARGE // PIECE)} | {"small": np.arange(100)}, sync=False
    )
    rows.append(bench.reads("read_one", "opening 4 GB and reading one small tensor", large, 0.0))
    shutil.rmtree(large.parent)
    many = scratch / "many" / "model.ckpt"
    noria.save_checkpoint(many, {f"layer_{i // 100}/weights_{i}": np.float32(i) for i in range(MANY)}, sync=False)
    rows.append(bench.reads("list_all", f"listing {MANY:,} variables", many, 0.0))
    return rows


def verdict(rows: Sequence[Row], extra: dict[str, float]) -> str:
    """The sentences below the table: what is bounded in seconds and bytes, not by a ratio (target 0)."""
    opened, listed = rows[-2:]
    return (
        f"Opening and reading one tensor may take {LIMITS['read_one'] * 1e3:g} ms: "
        f"{'met' if opened.noria <= LIMITS['read_one'] else 'not met'}. "
        f"Listing may take {LIMITS['list_all']:g} s: {'met' if listed.noria <= LIMITS['list_all'] else 'not met'}. "
        f"Saving held at most {extra['noria'] / 1e6:.0f} MB above the weights "
        f"(TensorFlow: {extra['tensorflow'] / 1e6:.0f} MB)."
    )


def measured(python: dict[str, str], scratch: Path, rounds: int, quick: bool) -> tuple[list[Row], str]:
    """The rows, and the sentences below them. ``scratch`` is made, and emptied at the end."""
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=scratch.resolve()))
    for name in ("restored", "large", "many"):
        (folder / name).mkdir()
    workers = {engine: Worker(engine, python[engine]) for engine in ENGINES}
    try:
        bench = Bench(workers, folder, rounds)
        rows = measure(bench, workers, folder, GIGABYTE // 4 if quick else GIGABYTE)
    finally:
        for worker in workers.values():
            worker.close()
        shutil.rmtree(folder)
    return rows, verdict(rows, bench.extra)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tensorflow", required=True, help="Python of the environment that has TensorFlow")
    parser.add_argument("--noria", default=sys.executable, help="Python of the environment that has Noria: this one")
    parser.add_argument("--scratch", type=Path, default=Path("build/bench/checkpoints"), help="emptied at the end")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="2 rounds of 256 MB: for a look, not for a figure")
    given = parser.parse_args()
    python = {"tensorflow": given.tensorflow, "noria": given.noria}
    rows, sentences = measured(python, given.scratch, 2 if given.quick else given.rounds, given.quick)
    print(f"\n{machine()}\n\n{table(rows)}\n\n{sentences}")


if __name__ == "__main__":
    main()
