"""Kill drill: a process that saves checkpoints in a loop is killed at random moments; the latest always restores.

    python tests/checkpoint_drill.py FOLDER --kills 500 [--seed 1]

The process does what tf.train.Saver does at each step: writes data and index, then the ``checkpoint`` state file, then
removes the oldest checkpoint; every third save is of two shards that are merged. SIGKILL comes at a random moment.
After each kill the latest checkpoint is opened, every tensor is read with its checksum and compared, and the folder is
searched for files that belong to nothing. Prints what it saw; the exit status is 1 when a checkpoint was damaged.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from noria.errors import TFError
from noria.formats.bundle import write_bundle
from noria.formats.bundle_merge import merge_bundles
from noria.formats.checkpoint import open_checkpoint
from noria.formats.checkpoint_dir import latest_checkpoint, remove_checkpoint, update_checkpoint_state

SIZE = 200_000  # elements of the large variable: a save takes a few milliseconds
KEEP = 3
FIRST_SAVE = 20.0  # seconds that a fresh process may take to save for the first time
# The state file replaces an older one by way of a hidden name, which the next save removes where it was left.
_PART = re.compile(r"model\.ckpt-\d+(\.index|\.data-\d{5}-of-\d{5}|_temp)|checkpoint|\.checkpoint\.[\d-]+\.part")


def tensors(step: int) -> dict[str, Any]:
    """What the checkpoint of ``step`` holds: each value tells its step."""
    return {
        "global_step": np.int64(step),
        "large": np.full(SIZE, step, np.float32),
        "words": np.array([b"%d" % step] * 50, object),
        "empty": np.zeros((0, step % 5), np.float32),
    }


def save(prefix: Path, step: int) -> None:
    values = tensors(step)
    if step % 3:
        write_bundle(prefix, values, sync=False)
        return
    parts = []
    for i, names in enumerate((["large"], ["global_step", "words", "empty"])):
        parts.append(f"{prefix}_temp/part-{i:05d}-of-00002")
        write_bundle(parts[-1], {name: values[name] for name in names}, sync=False)
    merge_bundles(parts, prefix, delete_old_dirs=True, sync=False)


def save_for_ever(folder: Path, step: int) -> None:
    """Saves until it is killed, from ``step`` on."""
    kept: list[str] = []
    while True:
        prefix = folder / f"model.ckpt-{step}"
        save(prefix, step)
        kept.append(str(prefix))
        update_checkpoint_state(folder, kept[-1], kept)
        if len(kept) > KEEP:
            remove_checkpoint(kept.pop(0))
        if step % 10 == 0:
            print(step, flush=True)
        step += 1


def verify(folder: Path) -> int:
    """The step of the latest checkpoint of ``folder``, every tensor of which is right; -1 when there is none yet.

    Raises ValueError, or the error of reading, when it is not.
    """
    latest = latest_checkpoint(folder)
    if latest is None:
        if (folder / "checkpoint").exists():
            raise ValueError(f"{folder}/checkpoint names a checkpoint that is not there")
        return -1
    step = int(latest.rpartition("-")[2])
    reader = open_checkpoint(latest)
    for name, expected in tensors(step).items():
        if not np.array_equal(reader[name], expected):
            raise ValueError(f"{latest}: {name} is not what step {step} saved")
    return step


def leftovers(folder: Path) -> list[str]:
    """Names in ``folder`` that are no part of a checkpoint."""
    return sorted(path.name for path in folder.iterdir() if not _PART.fullmatch(path.name))


def one_kill(folder: Path, step: int, wait: float) -> None:
    """Start a process that saves from ``step`` on; kill it ``wait`` seconds after its first saves."""
    process = subprocess.Popen([sys.executable, __file__, str(folder), "--from", str(step)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    deadline = time.monotonic() + FIRST_SAVE
    try:
        while not process.stdout.readline() and time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the saving process ended by itself: {process.returncode}")
        time.sleep(wait)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def drill(folder: Path, kills: int, seed: int) -> list[str]:
    """``kills`` kills; what went wrong, a line each."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    problems = []
    last = -1
    for kill in range(kills):
        one_kill(folder, last + 1, rng.uniform(0, 0.08))
        try:
            step = verify(folder)
            if step < last:
                problems.append(f"kill {kill}: the latest went back from step {last} to {step}")
            last = max(last, step)
        except (TFError, ValueError) as error:
            problems.append(f"kill {kill}: {error}")
        problems += [f"kill {kill}: {name} is left over" for name in leftovers(folder)]
        clear(folder, last)
    print(f"{kills} kills, {last + 1} saves, {len(problems)} problems")
    return problems


def clear(folder: Path, last: int) -> None:
    """Remove what a restarted program's own list of checkpoints does not hold: those before the latest."""
    for index in folder.glob("*.index"):
        if index.name != f"model.ckpt-{last}.index":
            remove_checkpoint(index.with_suffix(""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, dest="start", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.start is not None:
        save_for_ever(given.folder, given.start)
    problems = drill(given.folder, given.kills, given.seed)
    print(*problems, sep="\n", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
