"""The server's flags: one field of ``ServerConfig`` each, from which names, types, defaults and help derive.

Written as TensorFlow Serving's: ``--name=value`` or ``--name value``; a boolean may stand alone.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from noria.errors import InvalidArgumentError


def _flag(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of a server; every field is a flag of the same name."""

    port: int = _flag(8500, "TCP port of the gRPC API; 0 turns it off, -1 takes any free port")
    grpc_socket_path: str = _flag("", "also serve the gRPC API on this UNIX socket")
    rest_api_port: int = _flag(0, "TCP port of the REST API; 0 turns it off, -1 takes any free port")
    rest_api_timeout_in_ms: int = _flag(30000, "milliseconds after which a REST request is answered with 504")
    rest_api_enable_cors_support: bool = _flag(False, "send Access-Control-Allow-* headers with every REST answer")
    rest_api_max_body_bytes: int = _flag(256 << 20, "largest REST body that is accepted, in bytes")
    model_name: str = _flag("default", "name under which the model is served")
    model_base_path: str = _flag("", "directory (or URL) that holds one numbered directory for each version")
    saved_model_tags: str = _flag("serve", "tags of the graph to load, comma-separated")
    enable_signature_method_name_check: bool = _flag(False, "refuse signatures whose method_name is of another method")
    enable_serialization_as_tensor_content: bool = _flag(False, "answer gRPC Predict in tensor_content")
    tensorflow_intra_op_parallelism: int = _flag(0, "threads that one model run may use; 0 for one per CPU")


# TensorFlow Serving's flags that are not served yet: a command line that has one still starts, with a warning.
_NOT_YET: Final = frozenset({
    "rest_api_num_threads", "model_config_file", "model_config_file_poll_wait_seconds", "enable_batching",
    "batching_parameters_file", "enable_per_model_batching_parameters", "file_system_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models", "monitoring_config_file", "ssl_config_file", "use_alts_credentials",
    "num_load_threads", "num_unload_threads", "max_num_load_retries", "load_retry_interval_micros",
    "enable_model_warmup", "num_request_iterations_for_warmup", "tensorflow_session_parallelism",
    "tensorflow_inter_op_parallelism", "tensorflow_session_config_file", "platform_config_file",
    "per_process_gpu_memory_fraction", "grpc_channel_arguments", "grpc_max_threads", "enable_grpc_healthcheck_service",
    "enable_profiler", "flush_filesystem_caches", "remove_unused_fields_from_bundle_metagraph", "prefer_tflite_model",
    "num_tflite_pools", "num_tflite_interpreters_per_pool", "xla_cpu_compilation_enabled",
    "xla_gpu_compilation_enabled", "mixed_precision", "thread_pool_factory_config_file", "skip_initialize_tpu",
    "version",
})  # fmt: skip
_BOOLEANS: Final = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def parse_flags(argv: Sequence[str]) -> tuple[ServerConfig, list[str]]:
    """The settings on a command line, and warnings about flags that are known but not served yet.

    Raises InvalidArgumentError, with the nearest flag names, for an unknown flag, a value of the wrong type or a stray
    argument.
    """
    known = {f.name: f for f in fields(ServerConfig)}
    values: dict[str, Any] = {}
    warnings: list[str] = []
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        name, equals, text = word.removeprefix("--").removeprefix("-").partition("=")
        name = name.replace("-", "_")
        if not word.startswith("-") or not name:
            raise InvalidArgumentError(f"unexpected argument {word!r}; flags are written --name=value")
        if name in _NOT_YET:
            if not equals and at < len(argv) and not argv[at].startswith("-"):
                at += 1
            warnings.append(f"--{name} is not supported yet and has no effect")
            continue
        if name not in known:
            raise InvalidArgumentError(_unknown(name, [*known, *_NOT_YET]))
        kind = type(known[name].default)
        if not equals:
            following = argv[at] if at < len(argv) else None
            if kind is bool and (following is None or following.lower() not in _BOOLEANS):
                text = "true"
            elif following is None:
                raise InvalidArgumentError(f"--{name} needs a value: --{name}=<{kind.__name__}>")
            else:
                text = following
                at += 1
        values[name] = _value(name, kind, text)
    return ServerConfig(**values), warnings


def _value(name: str, kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise InvalidArgumentError(f"--{name} is true or false; got {text!r}")
        return _BOOLEANS[text.lower()]
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise InvalidArgumentError(f"--{name} is a whole number; got {text!r}") from None
    return text


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join('--' + n for n in near)}?" if near else "noria serve --help lists all flags"
    return f"unknown flag --{name}; {hint}"


def help_text() -> str:
    """The flags with types, defaults and meanings, one a paragraph."""
    lines = ["usage: noria serve --model_base_path=<directory> [--name=value ...]", ""]
    for row in dataclasses.fields(ServerConfig):
        default = str(row.default).lower() if isinstance(row.default, bool) else repr(row.default)
        lines += [f"  --{row.name}  {type(row.default).__name__}, default {default}", f"      {row.metadata['help']}"]
    return "\n".join(lines)
