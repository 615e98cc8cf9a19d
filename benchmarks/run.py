"""The benchmark: TensorFlow (CPU) and Noria side by side, on the same models, in the same run; prints one table.

``make bench``, or ``python benchmarks/run.py --tensorflow PYTHON --models FOLDER`` with the interpreter of the
environment that has TensorFlow; this one has Noria. Each engine runs in processes of its own with the same number of
threads; the two take turns (TensorFlow, Noria, TensorFlow, ...), each figure is the median over the rounds, each round
the median of its calls. A call is ``signature(arrays) -> arrays``: NumPy in, NumPy out, on both sides.
The targets are those of the project, not of the table: a figure below its target is marked.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import throughput
from checkpoints import measured
from served import serve_iris
from table import ENGINES, ENVIRONMENT, HERE, Row, machine, shown, table

# model → the least ratio TensorFlow time / Noria time, at batch 1 and at batch 8
IN_PROCESS = {
    "iris": (10.0, 10.0),
    "mnist_cnn": (3.0, 1.8),
    "mobilenet_v2": (2.5, 1.8),
    "resnet50": (1.5, 1.15),
    "transformer": (1.1, 1.0),
    "text": (2.0, 2.0),
}
# model → the least ratios of the time to the first answer, and of the resident memory after it
COLD = {"iris": (10.0, 4.0), "resnet50": (6.0, 2.0)}
# program of TensorFlow 1.x (session_worker.py) → what a row calls it, and the least ratio
PROGRAMS = {
    "small_model": ("Session.run, small model", 1.0),
    "update": ("Session.run, 1,000,000 values added to a variable", 1.0),
    "recurrent": ("Session.run, dynamic_rnn, LSTM of 64, 50 steps", 1.0),
    "build": ("building a graph of 1,000 operations", 1.0),
}
IMPORT_LIMIT = 0.15  # seconds, of `import noria` alone


def _row(what: str, unit: str, rounds: dict[str, list[float]], target: float) -> Row:
    """A row of the medians over the rounds."""
    return Row(what, unit, statistics.median(rounds["tensorflow"]), statistics.median(rounds["noria"]), target)


class Worker:
    """A running ``worker.py``, or another script that takes its requests."""

    def __init__(self, engine: str, python: str, threads: int, script: str = "worker.py") -> None:
        command = [python, str(HERE / script), engine, str(threads)]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # lives as long as the worker
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, env=ENVIRONMENT
        )

    def measure(self, model: Path, batch: int, seconds: float) -> float:
        return self.ask({"model": str(model), "batch": batch, "seconds": seconds})

    def ask(self, request: Mapping[str, object]) -> float:
        """Seconds, as the worker answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died: the empty answer says so
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            raise RuntimeError(f"a benchmark process failed on {request}:\n{self._log.read()[-3000:]}")
        return float(json.loads(line))

    def close(self) -> None:
        self._process.communicate()
        self._log.close()


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    python: dict[str, str]
    models: Path
    threads: int
    rounds: int
    seconds: float
    only: frozenset[str]


def in_process(options: Options) -> list[Row]:
    """Calls in the process, from NumPy arrays to NumPy arrays."""
    rows = []
    for name, targets in IN_PROCESS.items():
        if options.only and name not in options.only:
            continue
        workers = {e: Worker(e, options.python[e], options.threads) for e in ENGINES}
        for batch, target in zip((1, 8), targets, strict=True):
            times: dict[str, list[float]] = {e: [] for e in ENGINES}
            for _ in range(options.rounds):
                for engine in ENGINES:
                    times[engine].append(workers[engine].measure(options.models / name, batch, options.seconds))
            row = _row(f"{name}, batch {batch}", "s", times, target)
            _progress(row)
            rows.append(row)
        for worker in workers.values():
            worker.close()
    return rows


def programs(options: Options) -> list[Row]:
    """Programs of TensorFlow 1.x: runs of a Session, and building a graph."""
    if options.only and "programs" not in options.only:
        return []
    rows = []
    workers = {e: Worker(e, options.python[e], options.threads, "session_worker.py") for e in ENGINES}
    for task, (what, target) in PROGRAMS.items():
        times: dict[str, list[float]] = {e: [] for e in ENGINES}
        for _ in range(options.rounds):
            for engine in ENGINES:
                times[engine].append(workers[engine].ask({"task": task, "seconds": options.seconds}))
        rows.append(_row(what, "s", times, target))
        _progress(rows[-1])
    for worker in workers.values():
        worker.close()
    return rows


def cold_start(options: Options) -> list[Row]:
    """A fresh process: seconds to its first answer, and the memory it then holds."""
    rows = []
    for name, (time_target, memory_target) in COLD.items():
        if options.only and name not in options.only:
            continue
        seconds: dict[str, list[float]] = {e: [] for e in ENGINES}
        resident: dict[str, list[float]] = {e: [] for e in ENGINES}
        for _ in range(options.rounds):
            for engine in ENGINES:
                taken, memory = _cold(engine, options, options.models / name)
                seconds[engine].append(taken)
                resident[engine].append(memory)
        found = [
            _row(f"{name}, start to first answer", "s", seconds, time_target),
            _row(f"{name}, resident memory then", "B", resident, memory_target),
        ]
        for row in found:
            _progress(row)
        rows += found
    return rows


def _cold(engine: str, options: Options, model: Path) -> tuple[float, float]:
    command = [options.python[engine], str(HERE / "cold.py"), engine, str(options.threads), str(model)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    line = process.stdout.readline()
    taken = time.perf_counter() - start
    _, errors = process.communicate()
    if not line:
        raise RuntimeError(f"{engine} failed on {model}:\n{errors[-3000:]}")
    return taken, float(json.loads(line)["resident"])


def import_time(python: str, rounds: int) -> float:
    """Seconds that ``import noria`` takes, alone in a fresh process."""
    code = "import time; t = time.perf_counter(); import noria; print(time.perf_counter() - t)"
    return statistics.median(float(subprocess.check_output([python, "-c", code])) for _ in range(rounds))


def served(options: Options) -> tuple[list[Row], float | None]:
    """Served calls of one client, against TensorFlow's call in its own process; and an empty gRPC server's answer."""
    if options.only and "iris" not in options.only:
        return [], None
    worker = Worker("tensorflow", options.python["tensorflow"], options.threads)
    times: dict[str, list[float]] = {"tensorflow": [], "rest": [], "grpc": [], "echo": []}
    with serve_iris(options.python["noria"], options.models / "iris", options.threads) as client:
        for _ in range(options.rounds):
            times["tensorflow"].append(worker.measure(options.models / "iris", 1, options.seconds))
            times["rest"].append(client.rest(options.seconds))
            times["grpc"].append(client.grpc(options.seconds))
            times["echo"].append(client.echo(options.seconds))
    worker.close()
    median = {k: statistics.median(v) for k, v in times.items()}
    rows = [
        Row("iris served over REST, against TensorFlow's call", "s", median["tensorflow"], median["rest"], 1.0),
        Row("iris served over gRPC, against TensorFlow's call", "s", median["tensorflow"], median["grpc"], 0.625),
    ]
    for row in rows:
        _progress(row)
    return rows, median["echo"]


def loaded(options: Options) -> tuple[list[throughput.Floor], str]:
    """The server under load, and why rows are missing."""
    if options.only and "throughput" not in options.only:
        return [], ""
    python, threads = options.python["noria"], options.threads
    rows = [throughput.json_image(python, options.rounds)]
    if tools := throughput.missing_tools():
        return rows, f"Not measured, for want of {' and '.join(tools)} on this machine: the server under load."
    rows += throughput.small_model(python, options.models / "iris", threads, options.rounds, options.seconds)
    workers = {e: Worker(e, options.python[e], threads) for e in ENGINES}

    def timer(engine: str) -> Callable[[Path, int, int], float]:
        fixed = {"seconds": options.seconds / 2}
        return lambda model, batch, callers: workers[engine].ask(
            {"model": str(model), "batch": batch, "callers": callers, **fixed}
        )

    calls = {engine: timer(engine) for engine in ENGINES}
    rows += throughput.big_model(python, options.models / "resnet50", threads, options.rounds, options.seconds, calls)
    for worker in workers.values():
        worker.close()
    for row in rows:
        throughput.show_progress(row)
    return rows, ""


def _progress(row: Row) -> None:
    print(f"{row.what}: {shown(row.tensorflow, row.unit)} / {shown(row.noria, row.unit)}", file=sys.stderr)


def versions(options: Options) -> str:
    code = "import importlib.metadata as m, sys\nprint(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    wanted = {"tensorflow": ["tensorflow_cpu"], "noria": ["noria", "onnxruntime", "numpy"]}
    found = [subprocess.check_output([options.python[e], "-c", code, *wanted[e]], text=True).strip() for e in ENGINES]
    return ", ".join(found)


def report(rows: Sequence[Row], import_seconds: float, echo: float | None, verdict: str, heading: str) -> str:
    """The table, with the day, the machine and the versions it stands for."""
    last = f"`import noria` alone: {shown(import_seconds, 's')}; the target is at most {shown(IMPORT_LIMIT, 's')}."
    if echo is not None:
        last += f" A grpc.aio server that does nothing answers the same client in {shown(echo, 's')}."
    return f"{heading}\n\n{table(rows)}\n\n{last}\n{verdict}\n".rstrip("\n") + "\n"


def quote(page: Path, text: str) -> None:
    """Puts the report between the marks of ``page``."""
    before, _, rest = page.read_text().partition("<!-- benchmark -->\n")
    _, mark, after = rest.partition("<!-- /benchmark -->\n")
    if not mark:
        raise ValueError(f"{page} has no benchmark marks")
    page.write_text(f"{before}<!-- benchmark -->\n{text}<!-- /benchmark -->\n{after}")


def parse() -> tuple[Options, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tensorflow", required=True, help="Python of the environment that has TensorFlow")
    parser.add_argument("--noria", default=sys.executable, help="Python of the environment that has Noria: this one")
    parser.add_argument("--models", type=Path, required=True, help="folder that make_models.py filled")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of calls, for each model, engine and round")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.4 s: for a look, not for a figure")
    parser.add_argument("--only", default="", help="comma-separated: models, programs, checkpoints, throughput")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    parser.add_argument("--quote", type=Path, help="also put the table between the marks of this page")
    given = parser.parse_args()
    rounds, seconds = (2, 0.4) if given.quick else (given.rounds, given.seconds)
    python = {"tensorflow": given.tensorflow, "noria": given.noria}
    only = frozenset(filter(None, given.only.split(",")))
    return Options(python, given.models.resolve(), given.threads, rounds, seconds, only), given


def main() -> None:
    options, given = parse()
    served_rows, echo = served(options)
    rows = in_process(options) + programs(options) + cold_start(options) + served_rows
    verdict = ""
    if not options.only or "checkpoints" in options.only:
        found, verdict = measured(options.python, options.models.parent / "checkpoints", options.rounds, given.quick)
        rows += found
    floors, why = loaded(options)
    seconds = import_time(options.python["noria"], 2 * options.rounds + 1)
    today = datetime.date.today().isoformat()
    text = report(
        rows, seconds, echo, verdict, f"{today}, {machine()}; {versions(options)}; {options.threads} threads each."
    )
    if floors:
        text += f"\n{throughput.table(floors)}\n" + (f"\n{why}\n" if why else "")
    print("\n" + text)
    if given.json is not None:
        record = {"date": today, "machine": machine(), "versions": versions(options), "import_noria_s": seconds}
        lines = [asdict(r) | {"ratio": r.ratio} for r in rows] + [asdict(f) for f in floors]
        given.json.write_text(json.dumps(record | {"rows": lines}, indent=1))
    if given.quote is not None:
        quote(given.quote, text)


if __name__ == "__main__":
    main()
