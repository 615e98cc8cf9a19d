"""Logs of requests as ``ModelConfig.logging_config`` asks for them: a sample of each model's requests, with answers.

``log_collector_config.type`` is ``tfrecord`` (or empty: TFRecord files of ``tensorflow.serving.PredictionLog``, which
also serve as warm-up files) or ``jsonl`` (one line of JSON a request); ``filename_prefix`` is where the files lie;
``sampling_config.sampling_rate`` is the share of requests that is logged. Only successful requests are.

A request never waits for its log: records go through a bounded queue to one thread, which also makes the messages. What
does not fit, and what cannot be written, is counted by its code in ``request_log_count``, and told once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import numpy as np

from noria.errors import Code, InternalError, InvalidArgumentError, TFError
from noria.formats import files
from noria.formats.record import encode_record
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.servable import Servable, Signature
from noria.serving.observe import log_records, table
from noria.serving.observe.log_files import Bounds, LogFiles
from noria.serving.observe.log_json import line
from noria.serving.observe.metrics import Metrics, Value

Array = np.ndarray[Any, np.dtype[Any]]

_LOG = logging.getLogger(__name__)

_MAX_WAITING: Final = 10_000  # records
_GATHER_SECONDS: Final = 0.02  # between two turns of the writer, so that it does not wake for every request
_CLOSE_SECONDS: Final = 5.0
_SEVERAL: Final = "MultiInference"
_RECORD: Final = 512  # bytes that a waiting record takes beside its tensors, about


def _tfrecord(log: pb.PredictionLog) -> bytes:
    return encode_record(log.SerializeToString())


_FORMATS: Final[Mapping[str, tuple[str, Callable[[pb.PredictionLog], bytes]]]] = {
    "": ("tfrecord", _tfrecord),
    "tfrecord": ("tfrecord", _tfrecord),
    "jsonl": ("jsonl", line),
}


@dataclass(slots=True)
class _Target:
    """Where one model's requests go. told: codes of failures that the event log has told of."""

    rate: float
    sampling: pb.SamplingConfig
    key: tuple[str, str]  # of its files: prefix and ending
    encode: Callable[[pb.PredictionLog], bytes]
    told: set[Code]


class _Waiting(NamedTuple):
    target: _Target
    model: str
    version: int
    seconds: float  # since 1970
    log: pb.PredictionLog | Callable[[], pb.PredictionLog]
    size: int


class RequestLog:
    """The request logs of one server process. ``wants`` and ``write`` are for requests, ``configure`` for reloads."""

    def __init__(self, config: ServerConfig, metrics: Metrics) -> None:
        self._config = config
        self._metrics = metrics
        self._tags = [tag for tag in config.saved_model_tags.split(",") if tag]
        total = config.request_log_total_bytes
        self._bounds = Bounds(min(config.request_log_file_bytes, total), config.request_log_file_seconds, total)
        self._targets: dict[str, _Target] = {}
        self._files: dict[tuple[str, str], LogFiles] = {}  # of the writer alone
        self._waiting: deque[_Waiting] = deque()
        self._put = self._done = 0  # bytes, each counted by one side
        self._awake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        metrics.add_collector(lambda: [(table.LOG_QUEUE, (), len(self._waiting))])

    # ---- Configuration

    def configure(self, models: Mapping[str, pb.LoggingConfig | None]) -> None:
        """Replaces what is logged: all models of the server, with their ``logging_config`` or None.

        Models without one are logged by the --request_log_* flags. Raises InvalidArgumentError, and changes nothing,
        for a config without files, an unknown type, or a prefix that is no local path.
        """
        targets = {}
        for name, given in models.items():
            target = self._target(name, given) if given is not None else self._by_flags(name)
            if target is not None:
                targets[name] = target
        self._targets = targets
        self._awake.set()  # the writer closes files that nobody writes to any more
        if targets and self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="noria-request-log", daemon=True)
            self._thread.start()

    def _by_flags(self, name: str) -> _Target | None:
        prefix = self._config.request_log_prefix
        if not prefix:
            return None
        config = pb.LoggingConfig()
        config.log_collector_config.type = self._config.request_log_type
        config.log_collector_config.filename_prefix = f"{prefix}-{quote(name, safe='')}"
        config.sampling_config.sampling_rate = self._config.request_log_sampling_rate
        return self._target(name, config)

    def _target(self, name: str, config: pb.LoggingConfig) -> _Target | None:
        rate = config.sampling_config.sampling_rate
        collector = config.log_collector_config
        if not config.HasField("log_collector_config"):
            if config.HasField("sampling_config"):
                raise InvalidArgumentError("No request-logger-creator provided.")  # TensorFlow Serving's words
            return None  # an empty logging_config is how one turns logging off
        if collector.type not in _FORMATS:
            kinds = ", ".join(repr(kind) for kind in _FORMATS)
            raise InvalidArgumentError(
                f"model {name}: logging_config.log_collector_config.type is {collector.type!r}; it is one of {kinds}"
            )
        prefix = collector.filename_prefix
        if not prefix or prefix.endswith("/") or files.is_url(prefix):
            raise InvalidArgumentError(
                f"model {name}: logging_config.log_collector_config.filename_prefix is {prefix!r}; it is the beginning "
                "of the path of local files, for instance /var/log/noria/requests"
            )
        ending, encode = _FORMATS[collector.type]
        sampling = pb.SamplingConfig()
        sampling.CopyFrom(config.sampling_config)
        return _Target(rate, sampling, (prefix, ending), encode, set())

    # ---- The hot path

    def wants(self, servable: Servable, api: str = "Predict") -> bool:
        """Whether this request is one of the sample; next to nothing where none is logged.

        The runs of a MultiInference are no requests of their own: its edge asks, without ``api``, when all have been.
        """
        targets = self._targets
        if not targets or api == _SEVERAL:
            return False
        target = targets.get(servable.id.name)
        return target is not None and random.random() < target.rate

    def run(
        self,
        servable: Servable,
        api: str,
        signature: Signature,
        inputs: Mapping[str, Array],
        wanted: Sequence[str] | None,
        outputs: dict[str, Array],
    ) -> None:
        """Takes the record of a request by the run that answers it; the arrays must not change any more."""
        size = sum(map(_size, inputs.values())) + sum(map(_size, outputs.values()))
        make = log_records.of_run(api, servable.id.name, signature, inputs, wanted, outputs)
        self.write(servable, make, size)

    def write(self, servable: Servable, log: pb.PredictionLog | Callable[[], pb.PredictionLog], size: int = 0) -> None:
        """Takes a record, or what makes it in the writer's thread; never waits. size: bytes of its tensors, about."""
        id = servable.id
        target = self._targets.get(id.name)
        if target is None:
            return
        size += _RECORD
        if len(self._waiting) >= _MAX_WAITING or self._put - self._done + size > self._config.request_log_queue_bytes:
            self._count(id.name, Code.UNAVAILABLE).add()
            if Code.UNAVAILABLE not in target.told:
                target.told.add(Code.UNAVAILABLE)
                _LOG.warning("request log of %s: the queue is full; records are dropped and counted", id.name)
            return
        self._put += size
        self._waiting.append(_Waiting(target, id.name, id.version, time.time(), log, size))
        if not self._awake.is_set():
            self._awake.set()

    def _count(self, model: str, code: Code) -> Value:
        return self._metrics.counter(table.REQUEST_LOG_COUNT, model, code.name)

    # ---- The writer's thread

    def _run(self) -> None:
        while not self._closed or self._waiting:
            self._awake.wait()
            self._awake.clear()
            while self._waiting:
                self._write(self._waiting.popleft())
                time.sleep(0)  # lets the event loop have the interpreter between two records
            used = {target.key for target in self._targets.values()}
            for key in [key for key in self._files if key not in used]:
                self._files.pop(key).close()
            if not self._closed:
                time.sleep(_GATHER_SECONDS)
        for open_files in self._files.values():
            open_files.close()

    def _write(self, item: _Waiting) -> None:
        try:
            data = self._encoded(item)
            key = item.target.key
            if key not in self._files:
                self._files[key] = LogFiles(*key, self._bounds)
            self._files[key].write(data)
        except TFError as error:
            self._failed(item, error)
        except Exception as error:
            self._failed(item, InternalError(f"{type(error).__name__}: {error}"))
        else:
            self._count(item.model, Code.OK).add()
            self._metrics.counter(table.LOG_BYTES, item.model).add(len(data))
        finally:
            self._done += item.size

    def _encoded(self, item: _Waiting) -> bytes:
        log = item.log() if callable(item.log) else item.log
        metadata = log.log_metadata
        kind = log.WhichOneof("log_type")
        if kind is not None and kind != "multi_inference_log":
            metadata.model_spec.signature_name = getattr(log, kind).response.model_spec.signature_name
        metadata.model_spec.name = item.model
        metadata.model_spec.version.value = item.version
        metadata.sampling_config.CopyFrom(item.target.sampling)
        metadata.saved_model_tags.extend(self._tags)
        metadata.timestamp_secs = int(item.seconds)
        return item.target.encode(log)

    def _failed(self, item: _Waiting, error: TFError) -> None:
        self._count(item.model, error.code).add()
        if error.code not in item.target.told:
            item.target.told.add(error.code)
            _LOG.warning("request log of %s: records are lost and counted: %s", item.model, error)

    def close(self) -> None:
        """Writes what waits, for some seconds at most, and closes the files."""
        self._closed = True
        self._awake.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_SECONDS)


def _size(array: Array) -> int:
    return sum(map(len, array.flat)) + array.nbytes if array.dtype == object else array.nbytes
