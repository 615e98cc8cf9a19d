"""A fresh process that loads a model and answers once: ``python benchmarks/cold.py tensorflow|noria THREADS FOLDER``.

Prints one line of JSON as soon as the answer is there: ``{"resident": bytes, "peak": bytes}``, from ``/proc`` (0 where
the system has none). The parent takes the time, from starting the process to reading the line.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from worker import RUNNERS, load_inputs


def memory(field: str) -> int:
    """A field of ``/proc/self/status`` in bytes."""
    status = Path("/proc/self/status")
    found = re.search(rf"{field}:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def main(engine: str, threads: int, folder: Path) -> None:
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    RUNNERS[engine](folder, threads)(load_inputs(folder, 1))
    print(json.dumps({"resident": memory("VmRSS"), "peak": memory("VmHWM")}), file=reply, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
