"""``noria serve``: the flags, and which kind of server they ask for. Imports no engine: a supervisor needs none."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Sequence
from typing import Any, Final

import noria
from noria.errors import InvalidArgumentError, TFError
from noria.serving import config as flags
from noria.serving.config import ServerConfig
from noria.serving.http2.options import without_effect
from noria.serving.observe import event_log
from noria.serving.signals import note_signals

_LOG = logging.getLogger(__name__)

_MAX_PORT: Final = 65535
_RANGES: Final = {  # flag -> the least and the largest value, where they are not those of _range
    "workers": (0, 1024),
    "request_log_sampling_rate": (0, 1),
    "remote_file_system_poll_wait_seconds": (-1, 1e9),
}

_NEEDS: Final = {  # flag -> the one without which it does nothing
    "enable_per_model_batching_parameters": "enable_batching",
    "max_loaded_models": "load_on_demand",
    "model_config_file_poll_wait_seconds": "model_config_file",
}


def main(argv: Sequence[str]) -> int:
    """Parses the flags, serves until it is told to stop; returns the exit status."""
    if any(word in ("--help", "-help", "-h") for word in argv):
        print(flags.help_text())
        return 0
    if any(word in ("--version", "-version", "--version=true") for word in argv):
        print(f"noria {noria.__version__}")
        return 0
    told = note_signals()
    try:
        config = parse(argv)
        if config.workers > 1:
            from noria.serving.workers.supervisor import supervise  # few servers have one

            return supervise(config, argv, told)
        from noria.serving.server import run  # brings the engine, which a supervisor does without

        return run(config, told)
    except TFError as error:
        print(f"noria serve: {error}", file=sys.stderr)
        return 1


def parse(argv: Sequence[str], *, quiet: bool = False) -> ServerConfig:
    """The settings of a command line; starts the log as they ask; says there, unless ``quiet``, what has no effect.

    Raises InvalidArgumentError for flags that no server can have.
    """
    config, warnings = flags.parse_flags(argv)
    useless = without_effect(config.grpc_channel_arguments)
    warnings += [f"{name} of --grpc_channel_arguments has no effect" for name in useless]
    for flag, needed in _NEEDS.items():
        if getattr(config, flag) and not getattr(config, needed):
            warnings.append(f"--{flag} has no effect without --{needed}")
    event_log.start(config.log_format)
    if config.rest_api_port == config.port and config.port > 0:
        warnings.append(f"--rest_api_port is --port ({config.port}): no REST API")
        config = dataclasses.replace(config, rest_api_port=0)
    for warning in () if quiet else warnings:
        _LOG.warning("%s", warning, extra=event_log.event("flag"))
    _check(config)
    return config


def _check(config: ServerConfig) -> None:
    """Raises InvalidArgumentError for settings that no server can have."""
    for flag, port in (("port", config.port), ("rest_api_port", config.rest_api_port)):
        if not -1 <= port <= _MAX_PORT:
            raise InvalidArgumentError(
                f"--{flag} is a port from 1 to {_MAX_PORT}, 0 for none or -1 for any free one; got {port}"
            )
    if not (config.port or config.rest_api_port or config.grpc_socket_path):
        raise InvalidArgumentError(
            "nobody could reach this server: give --port, --rest_api_port or --grpc_socket_path, or leave out --port=0"
        )
    parallelism = [f"tensorflow_{kind}_parallelism" for kind in ("session", "intra_op", "inter_op")]
    if all(getattr(config, flag) for flag in parallelism):
        raise InvalidArgumentError(
            f"--{parallelism[0]} stands for the other two; give it alone, or --{parallelism[1]} and --{parallelism[2]}"
        )
    for row in dataclasses.fields(config):
        value = getattr(config, row.name)
        if type(value) is int or type(value) is float:
            least, most = _RANGES.get(row.name) or _range(row)
            if not least <= value <= most:  # nor is what is no number
                wanted = "not negative" if value < least == 0 else f"from {least:.10g} to {most:.10g}"
                raise InvalidArgumentError(f"--{row.name} is {wanted}; got {value}")


def _range(row: dataclasses.Field[Any]) -> tuple[float, float]:
    """The least and the largest value of a numeric flag. TensorFlow Serving's may be negative, as they may there."""
    if isinstance(row.default, float):
        most = 1e9  # seconds or milliseconds: no thread can wait for ever
    else:
        most = (1 << 62) if row.name.endswith(("_bytes", "_micros")) else (1 << 31) - 1
    return (0 if "own" in row.metadata else -most), most
