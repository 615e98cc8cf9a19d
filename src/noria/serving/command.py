"""``noria serve``: the flags, and which kind of server they ask for. Imports no engine: a supervisor needs none."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence

from noria.errors import TFError
from noria.serving import config as flags
from noria.serving.config import ServerConfig


def main(argv: Sequence[str]) -> int:
    """Parses the flags, serves until it is told to stop; returns the exit status."""
    if any(word in ("--help", "-help", "-h") for word in argv):
        print(flags.help_text())
        return 0
    start_log()
    try:
        config = parse(argv)
        from noria.serving.server import run  # brings the engine, which a supervisor does without

        return run(config)
    except TFError as error:
        print(f"noria serve: {error}", file=sys.stderr)
        return 1


def start_log() -> None:
    """Logs to standard error, one line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)


def parse(argv: Sequence[str], *, quiet: bool = False) -> ServerConfig:
    """The settings of a command line; says on standard error, unless ``quiet``, what has no effect."""
    config, warnings = flags.parse_flags(argv)
    if config.rest_api_port == config.port and config.port > 0:
        warnings.append(f"--rest_api_port is --port ({config.port}): no REST API")
        config = dataclasses.replace(config, rest_api_port=0)
    for warning in () if quiet else warnings:
        print(f"noria serve: warning: {warning}", file=sys.stderr)
    return config
