"""Kill drill for programs of noria.v1: savers and SavedModel builders at work are killed at random moments.

    python tests/saver_drill.py FOLDER --kills 500 [--seed 1]

A child process trains: each step changes the variables, saves them with tf.train.Saver (three kept, MetaGraph and all)
and every third step exports a SavedModel as the next version, as a server's watcher would find it. SIGKILL comes at a
random moment. After each kill the latest checkpoint has its MetaGraph and the values of its step, and every version
that is to be seen is whole. Prints what it saw; the exit status is 1 when something was damaged.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np

import noria.v1 as tf
from noria.errors import TFError
from noria.formats.checkpoint import open_checkpoint
from noria.formats.graph_def import read_meta_graph_def
from noria.formats.saved_model import read_saved_model

SIZE = 100_000  # elements of the large variable
FIRST_SAVE = 30.0  # seconds that a child may take to save for the first time


def train_for_ever(folder: Path, step: int) -> None:
    """Saves and exports until it is killed, from ``step`` on."""
    with tf.Graph().as_default(), tf.Session() as session:
        counter = tf.Variable(step, name="step", dtype=tf.int64)
        large = tf.Variable(np.full(SIZE, step, np.float32), name="large", use_resource=True)
        train = [counter.assign_add(1), large.assign_add(np.ones(SIZE, np.float32))]
        saver = tf.train.Saver(max_to_keep=3)
        session.run(tf.global_variables_initializer())
        while True:
            saver.save(session, str(folder / "train" / "m"), global_step=counter)
            now = int(session.run(counter))
            if now % 3 == 0:
                tf.saved_model.simple_save(session, str(folder / "export" / str(now)), {"x": counter}, {"y": large})
            session.run(train)


def checked(prefix: str, step: int) -> None:
    """ValueError, or the error of reading, when the variables at ``prefix`` are not those of ``step``."""
    reader = open_checkpoint(prefix)
    if reader["step"] != step or not np.array_equal(reader["large"], np.full(SIZE, step, np.float32)):
        raise ValueError(f"{prefix} does not hold what step {step} saved")


def verify(folder: Path) -> int:
    """The step of the latest checkpoint, after all that is to be seen was checked; -1 when there is none."""
    for version in (folder / "export").glob("[0-9]*"):
        model = read_saved_model(version)
        if model.variables_prefix is None:
            raise ValueError(f"{version} has no variables")
        checked(model.variables_prefix, int(version.name))
    latest = tf.train.latest_checkpoint(str(folder / "train"))
    if latest is None:
        return -1
    step = int(latest.rpartition("-")[2])
    checked(latest, step)
    if not read_meta_graph_def(latest + ".meta").saver_def.restore_op_name:
        raise ValueError(f"{latest}.meta names no restore op")
    return step


def one_kill(folder: Path, step: int, wait: float) -> None:
    """A child that trains from ``step`` on, killed ``wait`` seconds after its first save."""
    child = os.fork()
    if not child:
        try:
            train_for_ever(folder, step)
        finally:
            os._exit(1)
    deadline = time.monotonic() + FIRST_SAVE
    first = folder / "train" / f"m-{step}.index"
    try:
        while not first.exists() and time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                raise RuntimeError("the training process ended by itself")
            time.sleep(0.002)
        time.sleep(wait)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def drill(folder: Path, kills: int, seed: int) -> list[str]:
    """``kills`` kills; what went wrong, a line each."""
    rng = random.Random(seed)
    for name in ("train", "export"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    problems = []
    last = -1
    exported = 0
    for kill in range(kills):
        one_kill(folder, last + 1, rng.uniform(0, 0.1))
        try:
            step = verify(folder)
            if step < last:
                problems.append(f"kill {kill}: the latest went back from step {last} to {step}")
            last = max(last, step)
        except (TFError, ValueError) as error:
            problems.append(f"kill {kill}: {error}")
        exported += len(list((folder / "export").glob("[0-9]*")))
        shutil.rmtree(folder / "export")
        (folder / "export").mkdir()
        for path in (folder / "train").iterdir():
            if path.name != "checkpoint" and not path.name.startswith(f"m-{last}."):
                path.unlink()
    print(f"{kills} kills, {last + 1} saves, {exported} exports, {len(problems)} problems")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    problems = drill(given.folder, given.kills, given.seed)
    print(*problems, sep="\n", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
