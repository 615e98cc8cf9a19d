"""Installs the checkout into a fresh environment, as a user does, and checks it: ``make install-check``.

- no dependency needs a compiler: wheels only;
- what the install adds to the environment stays under 250 MB on disk (docs/notes/025);
- the command and a model run there with nothing but the declared dependencies;
- ``import noria`` alone takes at most 0.15 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MB = 250
IMPORT_LIMIT = 0.15  # seconds
MODEL = ROOT / "tests" / "golden" / "half_plus_two" / "1"
IMPORT = "import time; t = time.perf_counter(); import noria; print(time.perf_counter() - t)"


def size_mb(folder: Path) -> float:
    """What the files under ``folder`` take on disk, in MB as ``du -m`` counts them: blocks, units of 2^20 bytes."""
    stats = (p.lstat() for p in folder.rglob("*"))
    return sum(getattr(s, "st_blocks", s.st_size // 512) * 512 for s in stats) / 2**20


def check(folder: Path) -> list[str]:
    """What is wrong with a fresh environment in ``folder``."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    bare = size_mb(folder)  # pip, and until Python 3.12 setuptools
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*install, str(ROOT)], check=True)
    size = size_mb(folder) - bare
    seconds = statistics.median(float(subprocess.check_output([python, "-c", IMPORT])) for _ in range(5))
    run = [str(folder / "bin" / "noria"), "run", str(MODEL), "--input_exprs", "x=[[4.0]]", "--json"]
    answer = subprocess.run(run, capture_output=True, text=True, check=False)
    print(
        f"installing Noria adds {size:.0f} MB (limit {LIMIT_MB}) to the {bare:.0f} MB of a bare environment; "
        f"import noria: {seconds * 1e3:.0f} ms"
    )
    problems = []
    if size > LIMIT_MB:
        problems.append(f"installing adds {size:.0f} MB, more than {LIMIT_MB}")
    if seconds > IMPORT_LIMIT:
        problems.append(f"import noria takes {seconds:.3f} s, more than {IMPORT_LIMIT}")
    if answer.returncode or "4.0" not in answer.stdout:
        problems.append(f"noria run ended with {answer.returncode}: {answer.stdout}{answer.stderr}")
    return problems


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        problems = check(Path(scratch) / "venv")
    for problem in problems:
        print(f"check_install: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
