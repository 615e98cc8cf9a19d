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


def _own(default: Any, help: str) -> Any:
    """A flag that TensorFlow Serving does not have."""
    return field(default=default, metadata={"help": help, "own": True})


def _no_effect(default: Any, why: str) -> Any:
    """A flag of TensorFlow Serving that changes nothing here; the log says so where a command line has it."""
    return field(default=default, metadata={"help": f"accepted, has no effect: {why}", "no_effect": why})


_NO_XLA: Final = "models run on ONNX Runtime, not on XLA"
_NO_TFLITE: Final = "models run from their saved_model.pb"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of a server; every field is a flag of the same name. The first groups are TensorFlow Serving's."""

    # Ports
    port: int = _flag(8500, "TCP port of the gRPC API; 0 turns it off, -1 takes any free port")
    grpc_socket_path: str = _flag("", "also serve the gRPC API on this UNIX socket")
    rest_api_port: int = _flag(0, "TCP port of the REST API; 0 turns it off, -1 takes any free port")
    rest_api_timeout_in_ms: int = _flag(30000, "milliseconds after which a REST request is answered with 504")
    rest_api_enable_cors_support: bool = _flag(False, "send Access-Control-Allow-* headers with every REST answer")
    grpc_channel_arguments: str = _flag(
        "", "gRPC's options of a server, as name=value,name=value: limits of messages, calls and connections"
    )
    enable_grpc_healthcheck_service: bool = _flag(True, "serve gRPC's health checking protocol")

    # Models
    model_name: str = _flag("default", "name under which the model is served")
    model_base_path: str = _flag("", "directory (or URL) that holds one numbered directory for each version")
    model_config_file: str = _flag("", "text file of a ModelServerConfig: all models; replaces the two flags above")
    model_config_file_poll_wait_seconds: int = _flag(0, "seconds between looks at the config file; 0 reads it once")
    file_system_poll_wait_seconds: float = _flag(
        1.0, "seconds between looks for new versions; 0 or less: only at start and when a reload asks"
    )
    allow_version_labels_for_unavailable_models: bool = _flag(
        False, "a reload may give a label to a version that is not loaded yet"
    )
    saved_model_tags: str = _flag("serve", "tags of the graph to load, comma-separated")
    num_load_threads: int = _flag(0, "versions that load at the same time; 0 for one at a time")
    num_unload_threads: int = _flag(0, "versions that unload at the same time; 0 for one at a time")
    max_num_load_retries: int = _flag(5, "how often a failed load is tried again")
    load_retry_interval_micros: int = _flag(60_000_000, "microseconds between two tries of a load")
    enable_model_warmup: bool = _flag(True, "replay assets.extra/tf_serving_warmup_requests before a version serves")
    num_request_iterations_for_warmup: int = _flag(0, "how often each warm-up record is replayed; 0 for once")
    enable_signature_method_name_check: bool = _flag(False, "refuse signatures whose method_name is of another method")
    enable_serialization_as_tensor_content: bool = _flag(False, "answer gRPC Predict in tensor_content")

    # Batching and threads
    enable_batching: bool = _flag(False, "batch by --batching_parameters_file instead of by measurement")
    batching_parameters_file: str = _flag("", "text file of BatchingParameters")
    enable_per_model_batching_parameters: bool = _flag(
        False, "batching_params.pbtxt in a version's directory sets its batching"
    )
    tensorflow_session_parallelism: int = _flag(0, "threads that one model run may use; 0 for one per CPU")
    tensorflow_intra_op_parallelism: int = _flag(0, "threads that one model run may use; 0 for one per CPU")

    # Seeing it and trusting it
    monitoring_config_file: str = _flag("", "text file of a MonitoringConfig: where metrics are, or that they are off")
    ssl_config_file: str = _flag("", "text file of an SSLConfig: TLS on the gRPC port")

    # TensorFlow Serving's flags without a meaning here
    tensorflow_inter_op_parallelism: int = _no_effect(0, "a compiled graph has no pool for independent ops")
    rest_api_num_threads: int = _no_effect(0, "one event loop reads all connections")
    grpc_max_threads: int = _no_effect(0, "one event loop reads all connections")
    use_alts_credentials: bool = _no_effect(False, "ALTS exists on Google's machines only; use --ssl_config_file")
    tensorflow_session_config_file: str = _no_effect("", "there is no TensorFlow session")
    platform_config_file: str = _no_effect("", "there is one platform, tensorflow")
    per_process_gpu_memory_fraction: float = _no_effect(0.0, "the engine takes memory as it needs it")
    enable_profiler: bool = _no_effect(True, "TensorFlow's profiler is part of TensorFlow")
    flush_filesystem_caches: bool = _no_effect(True, "weights stay mapped from their files")
    remove_unused_fields_from_bundle_metagraph: bool = _no_effect(True, "what a model does not need is never kept")
    prefer_tflite_model: bool = _no_effect(False, _NO_TFLITE)
    num_tflite_pools: int = _no_effect(0, _NO_TFLITE)
    num_tflite_interpreters_per_pool: int = _no_effect(1, _NO_TFLITE)
    xla_cpu_compilation_enabled: bool = _no_effect(False, _NO_XLA)
    xla_gpu_compilation_enabled: bool = _no_effect(False, _NO_XLA)
    mixed_precision: str = _no_effect("", "models run in the precision they were saved in")
    thread_pool_factory_config_file: str = _no_effect("", "there is one thread pool, the engine's")
    skip_initialize_tpu: bool = _no_effect(False, "there is no TPU")

    # Noria's own
    log_format: str = _own("text", "text or json: the form of the log on standard error, one line an event")
    log_requests: bool = _own(False, "log a line for every request")
    trace_endpoint: str = _own(
        "", "OTLP endpoint for traces of requests, as http://host:4318/v1/traces; the OTEL_* variables count too"
    )
    log_slow_requests_ms: float = _own(0.0, "log a line for every request that takes longer; 0 for none")
    request_log_prefix: str = _own(
        "", "log requests of models without a logging_config to files whose paths begin so; empty for none"
    )
    request_log_type: str = _own("tfrecord", "with --request_log_prefix: tfrecord (of PredictionLog) or jsonl")
    request_log_sampling_rate: float = _own(0.01, "with --request_log_prefix: the share of requests that is logged")
    request_log_file_bytes: int = _own(64 << 20, "bytes from which a request log goes on in a new file")
    request_log_file_seconds: float = _own(3600.0, "seconds after which a request log goes on in a new file")
    request_log_total_bytes: int = _own(1 << 30, "bytes that all files of one request log may take; the oldest go")
    request_log_queue_bytes: int = _own(64 << 20, "bytes of requests that may wait to be logged; more are dropped")
    strict_model_inputs: str = _own(
        "",
        "models that refuse requests whose dtypes or shapes are not those declared: names with commas between, or all",
    )
    gather_max_rows: int = _own(
        32,
        "without --enable_batching: rows of requests that came while the engine was busy and share a run; 1 for none",
    )
    max_waiting_requests: int = _own(
        2000, "requests that may wait for a model to run, in each process; more are refused at once"
    )
    max_waiting_requests_per_model: int = _own(1000, "requests that may wait for one model; more are refused at once")
    max_waiting_megabytes: int = _own(1024, "megabytes of input that may wait; more are refused at once")
    remote_file_system_poll_wait_seconds: float = _own(
        60.0, "the same for models under a URL (s3://, gs://, ...), where a look costs more"
    )
    model_cache_dir: str = _own(
        "", "directory for the copies of loaded versions that lie under a URL; by default that for temporary files"
    )
    copy_models: bool = _own(
        False,
        "serve local versions from copies, too: their files may then be overwritten in place, which is not safe "
        "otherwise",
    )
    version_settle_seconds: float = _own(
        10.0,
        "seconds for which a version's directory that lacks a file must not change before it is loaded all the same",
    )
    version_transition: str = _own(
        "availability", "availability: a new version loads before the old one leaves; resource: after it"
    )
    ended_version_seconds: float = _own(600.0, "seconds for which a version that has left stays in the model's status")
    enable_automatic_warmup: bool = _own(
        True, "run a version that has no warm-up requests once on zeros of its signatures' shapes before it serves"
    )
    version_gate: str = _own(
        "golden",
        "checks that a new version must pass before it serves, of signature (takes and gives what the serving version "
        "does), golden (answers assets.extra/noria_golden_requests as recorded), nan (answers no NaN), with commas",
    )
    golden_tolerance: float = _own(1e-4, "relative and absolute difference that answers to golden requests may have")
    load_on_demand: bool = _own(False, "load a configured model at its first request instead of at start")
    max_loaded_models: int = _own(
        0, "with --load_on_demand, models loaded at the same time; the one unused longest makes room; 0 for no limit"
    )
    op_modules: str = _own("", "Python modules to import at start, comma-separated: they register custom ops")
    rest_api_ssl_config_file: str = _own("", "text file of an SSLConfig: TLS on the REST port, metrics included")
    tokens_file: str = _own("", "JSON file of bearer tokens and their rights: who calls must send one of them")
    allow_remote_management: bool = _own(
        False, "without --tokens_file: take calls that change what is served from other machines too"
    )
    workers: int = _own(
        0,
        "serve by this many processes that share the ports and the CPUs; 0 or 1 for this process alone. Variables that "
        "a model changes are each process's own",
    )
    drain_delay_seconds: float = _own(
        0.0, "after SIGTERM, seconds in which /readyz says 503 and requests are still taken, for load balancers to see"
    )
    drain_timeout_seconds: float = _own(60.0, "after SIGTERM, seconds after which requests in flight are given up")
    tensorflow_serving_only: bool = _own(
        False, "no URL that TensorFlow Serving does not have: no list of models, /healthz, /readyz, /v2 nor reflection"
    )
    rest_api_compress_bytes: int = _own(
        64 << 10, "REST answers from this size on are compressed for clients that accept it; 0 for none"
    )
    rest_api_max_body_bytes: int = _own(256 << 20, "largest REST body that is accepted, in bytes, also inflated")
    rest_api_max_head_bytes: int = _own(64 << 10, "longest request line and headers of a REST request, in bytes")
    rest_api_max_connections: int = _own(
        0, "REST connections at a time, more are answered with 503; 0 for as many as the process may open files"
    )
    rest_api_idle_seconds: float = _own(600.0, "seconds after which a REST connection without a request is closed")
    rest_api_slow_seconds: float = _own(
        30.0,
        "seconds in which a REST client must send a request (and one more for each KiB of body) and read its answer",
    )

    @property
    def threads(self) -> int | None:
        """Threads that one model run may use; None for one per CPU."""
        return self.tensorflow_intra_op_parallelism or self.tensorflow_session_parallelism or None


_BOOLEANS: Final = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def parse_flags(argv: Sequence[str]) -> tuple[ServerConfig, list[str]]:
    """The settings on a command line, and a warning for each argument given that has no effect here.

    An argument that is unknown, or no flag, is such a one: the warning has the nearest names. TensorFlow Serving starts
    with such arguments too. Raises InvalidArgumentError for a value of the wrong type.
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
            warnings.append(f"unexpected argument {word!r}, which has no effect; flags are written --name=value")
            continue
        if name not in known:
            warnings.append(_unknown(name, list(known)))
            continue
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
        if why := known[name].metadata.get("no_effect"):
            warnings.append(f"--{name} has no effect: {why}")
    return ServerConfig(**values), warnings


def _value(name: str, kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise InvalidArgumentError(f"--{name} is true or false; got {text!r}")
        return _BOOLEANS[text.lower()]
    if kind is int or kind is float:
        try:
            return kind(text)
        except ValueError:
            what = "whole number" if kind is int else "number"
            raise InvalidArgumentError(f"--{name} is a {what}; got {text!r}") from None
    return text


def _unknown(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join('--' + n for n in near)}?" if near else "noria serve --help lists all flags"
    return f"unknown flag --{name}, which has no effect; {hint}"


def help_text() -> str:
    """The flags with types, defaults and meanings, one a paragraph."""
    lines = ["usage: noria serve --model_base_path=<directory> [--name=value ...]", ""]
    for row in dataclasses.fields(ServerConfig):
        default = str(row.default).lower() if isinstance(row.default, bool) else repr(row.default)
        lines += [f"  --{row.name}  {type(row.default).__name__}, default {default}", f"      {row.metadata['help']}"]
    return "\n".join(lines)
