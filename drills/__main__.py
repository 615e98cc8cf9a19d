"""Runs drills and prints one table: ``python -m drills [NAME ...] [--full] [--quote PAGE]``.

Without names all of them run. ``--full`` takes the sizes that the figures of README were made with; otherwise each
drill is short. The exit status is 1 when something did not hold.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import pkgutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import drills
from drills.harness import Result

_PARTS = {"harness", "load", "__main__"}


def names() -> list[str]:
    """The drills there are: modules of this package with a ``main``."""
    return sorted(m.name for m in pkgutil.iter_modules(drills.__path__) if m.name not in _PARTS)


def table(results: list[Result]) -> str:
    """A Markdown table, one line a check."""
    lines = ["| Drill | What | Seen | Wanted | |", "|---|---|---|---|---|"]
    for result in results:
        for check in result.checks:
            verdict = "held" if check.held else "**failed**"
            lines.append(f"| {result.drill} | {check.what} | {check.seen} | {check.wanted} | {verdict} |")
    return "\n".join(lines)


def quote(page: Path, text: str) -> None:
    """Puts the table between the marks of ``page``."""
    before, _, rest = page.read_text().partition("<!-- drills -->\n")
    _, mark, after = rest.partition("<!-- /drills -->\n")
    if not mark:
        raise ValueError(f"{page} has no marks for drills")
    page.write_text(f"{before}<!-- drills -->\n{text}<!-- /drills -->\n{after}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names())}")
    parser.add_argument("--full", action="store_true", help="the full sizes")
    parser.add_argument("--quote", type=Path, help="also put the table between the marks of this page")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names()):
        parser.error(f"unknown drills {sorted(unknown)}; there are {', '.join(names())}")
    results = []
    for name in arguments.names or names():
        start = time.monotonic()
        result = importlib.import_module(f"drills.{name}").main(full=arguments.full)
        results.append(result)
        print(f"{name}: {'held' if result.held else 'FAILED'}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    print(table(results))
    if arguments.quote:
        quote(arguments.quote, f"{datetime.date.today()}, {os.cpu_count()} CPUs:\n\n{table(results)}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    return 0 if all(result.held for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
