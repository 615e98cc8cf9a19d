"""Kill drill: a process that exports SavedModels in a loop is killed at random moments; no reader sees a half model.

    python tests/formats/saved_model_drill.py FOLDER --kills 500

After each kill every folder that a server would look at (its name a number) is opened, its variables are read with
their checksums, and its asset is compared. Prints what it saw; the exit status is 1 when a model was damaged.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from noria.formats.bundle import BundleReader
from noria.formats.saved_model import read_saved_model
from noria.formats.saved_model_writer import saved_model, write_saved_model
from noria.protos.tensorflow import MetaGraphDef

SIZE = 50_000  # elements of the variable: a few milliseconds of writing
VERSIONS = 3


def write_for_ever(folder: Path, start: int) -> None:
    """Writes version after version, each of the three names again and again, over what stands there."""
    number = start
    while True:
        number += 1
        meta = MetaGraphDef()
        meta.meta_info_def.tags.append("serve")
        meta.meta_info_def.meta_graph_version = str(number)
        write_saved_model(
            folder / str(number % VERSIONS + 1),
            saved_model([meta]),
            variables={"v": np.full(SIZE, number, np.int64)},
            assets={"number.txt": str(number).encode()},
            overwrite=True,
        )
        print(number, flush=True)


def check(folder: Path) -> int:
    """The number of whole models; AssertionError or an error of reading for a damaged one."""
    found = 0
    for path in sorted(folder.iterdir()):
        if not path.name.isdigit():
            continue
        saved = read_saved_model(path)
        number = saved.proto.meta_graphs[0].meta_info_def.meta_graph_version
        assert saved.variables_prefix is not None
        assert (BundleReader(saved.variables_prefix)["v"] == int(number)).all()
        assert (path / "assets" / "number.txt").read_text() == number
        found += 1
    return found


def drill(folder: Path, kills: int, seed: int = 0) -> int:
    """Kills ``kills`` writers; returns how many versions they wrote."""
    moments = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for _ in range(kills):
        writer = subprocess.Popen(
            [sys.executable, __file__, str(folder), "--write", str(written)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()  # it is up: from now on every moment is one of writing
        time.sleep(moments.random() * 0.03)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.stdout.close()
        writer.wait()
        written = int((first + rest).split()[-1])
        # One more than it told of: it may have been killed between writing and telling.
        assert check(folder) >= min(written, VERSIONS)
    return written


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--write", type=int)
    options = parser.parse_args()
    if options.write is not None:
        write_for_ever(options.folder, options.write)
    print(f"{options.kills} kills, {drill(options.folder, options.kills)} models written, every one whole")


if __name__ == "__main__":
    main()
