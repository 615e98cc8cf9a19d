"""``noria warmup``: recorded requests into the ``assets.extra`` of a SavedModel."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

import noria.model
from noria.cli.freeze import check_target
from noria.cli.render import Lines, clean, counted, write
from noria.errors import TFError
from noria.formats import files
from noria.protos import serving as pb
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.record_json import logs_of
from noria.serving.lifecycle.replay import Replayer


@dataclass(frozen=True)
class WarmupOptions:
    """The options of ``warmup``.

    requests: a file of JSON bodies, ``-`` for standard input, None to show what is there.
    """

    path: str
    requests: str | None = None
    golden: bool = False
    tags: str | None = None
    force: bool = False


def run_warmup(options: WarmupOptions) -> None:
    """Writes the file that ``options`` name, or shows what is there.

    Raises what a request raises: one that fails would keep the version from being served.
    """
    if options.requests is None:
        _show(options.path)
        return
    target = record_files.path_of(options.path, record_files.GOLDEN if options.golden else record_files.WARMUP)
    check_target(target, force=options.force)
    text = sys.stdin.buffer.read() if options.requests == "-" else files.read_bytes(options.requests)
    model = noria.model.load(options.path, tags=options.tags)
    replayer = Replayer(model)
    logs = []
    for number, log in enumerate(logs_of(model, text), start=1):
        try:
            answered = replayer.answer(log)
        except TFError as error:
            raise type(error)(f"request {number}: {error.message}") from None
        logs.append(answered if options.golden else log)
    count = record_files.write(target, logs)
    what = "golden request" if options.golden else "warm-up request"
    write([Lines([f"{counted(count, what)} in {clean(target)}: {_kinds(logs)}"])])


def _show(path: str) -> None:
    lines = []
    for name in (record_files.WARMUP, record_files.GOLDEN):
        file = record_files.path_of(path, name)
        logs = list(record_files.read(file))
        lines.append(f"{name}: {_kinds(logs) if files.exists(file) else 'none'}")
    write([Lines(lines)])


def _kinds(logs: list[pb.PredictionLog]) -> str:
    found = Counter((log.WhichOneof("log_type") or "empty").removesuffix("_log") for log in logs)
    return ", ".join(f"{count} {clean(kind)}" for kind, count in sorted(found.items())) or "no requests"
