"""A progress bar on stderr, where that is a terminal; nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from noria.cli.render import clean


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Calls of what it gives advance the bar by so many bytes of ``total``."""
    if not sys.stderr.isatty():
        yield lambda amount: None
        return
    with click.progressbar(length=total, label=clean(what), file=sys.stderr) as bar:
        yield bar.update
