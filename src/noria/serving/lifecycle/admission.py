"""What a loaded version goes through before it takes traffic: warm-up, then the gate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from noria.errors import Code, TFError
from noria.formats import files
from noria.formats.saved_model import FILE_NAMES
from noria.model import Signature
from noria.protos import serving as pb
from noria.serving.batching import learn
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import gate, record_files, warmup
from noria.serving.lifecycle.calm import calmly
from noria.serving.lifecycle.replay import Replayer
from noria.serving.lifecycle.servable import Model, Servable, WarmUp

_LOG = logging.getLogger(__name__)

_PER_GRAPH_BYTE: Final = 16  # bytes in memory for one of the serialised graph (seen: 14 to 17 beside the weights)

Array = np.ndarray[Any, np.dtype[Any]]
# (the version that loads, its model, the version of the same name that serves now, held, or None)
Admission: TypeAlias = Callable[[Servable, Model, Servable | None], None]


def make_admission(config: ServerConfig) -> Admission:
    """The function that a manager calls between load and AVAILABLE, by the flags for warm-up and gate.

    It raises the TFError with which the version then ends: what a warm-up request raises, FailedPreconditionError when
    the gate refuses the version. Raises InvalidArgumentError itself for flags that do not parse.
    """
    checks = gate.parse_checks(config.version_gate)

    def admit(servable: Servable, model: Model, serving: Servable | None) -> None:
        if gate.SIGNATURE in checks and serving is not None:
            gate.check_signatures(serving.model, model)
        servable.resident_bytes = resident_bytes(model, servable.path)
        with calmly():
            _Trial(config, checks, servable, model).run()

    return admit


def resident_bytes(model: Model, path: str) -> int:
    """An estimate of the memory that the model loaded from ``path`` takes: variables, and what its graph becomes."""
    variables = next((s.variable_bytes for s in model.signatures.values() if isinstance(s, Signature)), 0)
    graphs = [file for name in FILE_NAMES if files.exists(file := files.join(path, name))]
    return variables + _PER_GRAPH_BYTE * sum(files.size(file) for file in graphs[:1])


class _Trial:
    """The warm-up and golden requests of one version."""

    def __init__(self, config: ServerConfig, checks: frozenset[str], servable: Servable, model: Model) -> None:
        self._config = config
        self._checks = checks
        self._servable = servable
        self._model = model
        self._run = warmup.TimedRun(servable.costs)
        self._replayer = Replayer(model, check_method=config.enable_signature_method_name_check, run=self._run)

    def run(self) -> None:
        start = time.perf_counter()
        enabled = self._config.enable_model_warmup
        records = self._warm_up() if enabled else 0
        golden = self._golden() if gate.GOLDEN in self._checks else 0
        zeros = 0
        if not records and not golden and enabled and self._config.enable_automatic_warmup:
            zeros = warmup.run_zeros(self._model, self._run, self._seen_zeros)
        if self._config.gather_max_rows > 1 and not self._config.enable_batching:
            learn.at_load(self._servable.costs, self._run.seen)
        _LOG.info(
            "%s version %d ran %d warm-up records, %d golden ones, %d signatures on zeros, in %.3f s",
            *(self._servable.id.name, self._servable.id.version, records, golden, zeros),
            time.perf_counter() - start,
        )

    def _warm_up(self) -> int:
        path = record_files.path_of(self._servable.path, record_files.WARMUP)
        if not files.exists(path):
            return 0
        start = time.perf_counter()
        count, code = 0, Code.OK

        def seen(answered: pb.PredictionLog) -> None:
            nonlocal count
            count += 1
            self._seen_record(answered)

        try:
            return warmup.replay_file(path, self._replayer, self._config.num_request_iterations_for_warmup, seen)
        except Exception as error:
            code = error.code if isinstance(error, TFError) else Code.INTERNAL
            raise
        finally:
            self._servable.warm_up = WarmUp(count, time.perf_counter() - start, code)

    def _golden(self) -> int:
        path = record_files.path_of(self._servable.path, record_files.GOLDEN)
        count = 0
        for recorded in record_files.read(path):
            answered = self._replayer.answer(recorded)
            gate.check_answer(count, recorded, answered, self._config.golden_tolerance)
            self._check_finite(f"golden request {count}", gate.values_of(answered))
            count += 1
        return count

    def _seen_record(self, answered: pb.PredictionLog) -> None:
        self._check_finite("a warm-up request", gate.values_of(answered))

    def _seen_zeros(self, signature: str, outputs: Mapping[str, Array]) -> None:
        self._check_finite(f"zeros for signature {signature!r}", ((f"output {k!r}", v) for k, v in outputs.items()))

    def _check_finite(self, what: str, values: Iterable[tuple[str, Array]]) -> None:
        if gate.NAN in self._checks:
            gate.check_finite(what, values)
