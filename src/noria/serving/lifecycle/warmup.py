"""Warm-up before a version serves: recorded requests where the model brings some, else zeros through each signature.

Both run as real requests do, so that the first client finds everything compiled, the weights in memory, and the server
with a first idea of what each signature costs.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, TFError
from noria.graph.deadline import until
from noria.model import Signature as ModelSignature
from noria.protos import serving as pb
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.replay import Replayer
from noria.serving.lifecycle.servable import Cost, Model, Signature

Array = np.ndarray[Any, np.dtype[Any]]

_LOG = logging.getLogger(__name__)

_RUNS: Final = 3  # of zeros through a signature: the first two say little of its cost
_LONG_SECONDS: Final = 0.01
_SECONDS: Final = 10.0  # of zeros through all signatures of a version: no run begins later
_MAX_BYTES: Final = 256 << 20  # of one signature's inputs: what declares more is not run on zeros
_UNSUITABLE: Final = frozenset({dtypes.resource, dtypes.variant})


class TimedRun:
    """Runs signatures and notes what they cost; ``costs`` are the servable's.

    seen: by name, each signature that ran, with inputs it took.
    """

    def __init__(self, costs: dict[str, Cost]) -> None:
        self._costs = costs
        self.seen: dict[str, tuple[Signature, Mapping[str, Array]]] = {}

    def __call__(
        self, signature: Signature, arrays: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """The outputs of a run, as ``Signature.run_arrays`` gives them."""
        start = time.perf_counter()
        found = signature.run_arrays(arrays, outputs)
        cost = self._costs.setdefault(signature.name, Cost())
        cost.add(time.perf_counter() - start, sum(array.nbytes for array in arrays.values()))
        self.seen[signature.name] = signature, arrays
        return found


def replay_file(path: str, replayer: Replayer, iterations: int, seen: Callable[[pb.PredictionLog], None]) -> int:
    """Answers the requests in the file at ``path``, each ``iterations`` times; returns how many records there are.

    seen: gets the answer of each. Raises what a request raises, and DataLossError for a file that is no TFRecord file.
    """
    count = 0
    try:
        for log in record_files.read(path):
            for _ in range(max(iterations, 1)):
                answer = replayer.answer(log)
            seen(answer)
            count += 1
    except DataLossError as error:
        raise DataLossError(f"{error.message}. Please verify your warmup data is in TFRecord format.") from None
    return count


def run_zeros(model: Model, run: TimedRun, seen: Callable[[str, Mapping[str, Array]], None]) -> int:
    """Runs each signature that leaves nothing behind on zeros (empty strings) of its declared shapes, unknown sizes 1.

    seen: gets the signature's name and its outputs. Returns how many signatures ran. Raises what ``seen`` raises: a
    signature that does not take zeros is no failure, and the log says so.
    """
    end = time.monotonic() + _SECONDS
    count = 0
    for signature in model.signatures.values():
        if isinstance(signature, ModelSignature) and time.monotonic() < end and not signature.changes_state:
            count += _run_zeros(signature, run, end, seen)
    return count


def _run_zeros(
    signature: ModelSignature, run: TimedRun, end: float, seen: Callable[[str, Mapping[str, Array]], None]
) -> bool:
    arrays = zeros(signature)
    if arrays is None:
        return False
    try:
        for done in range(_RUNS):
            start = time.monotonic()
            with until(end):
                outputs = run(signature, arrays)
            # What takes long takes it from those who are served, and is known well enough after two runs.
            if time.monotonic() > end or (done and time.monotonic() - start > _LONG_SECONDS):
                break
    except TFError as error:
        _LOG.info("signature %s does not run on zeros, so it is not warmed up: %s", signature.name, error.message)
        return False
    seen(signature.name, outputs)
    return True


def zeros(signature: ModelSignature) -> dict[str, Array] | None:
    """Inputs for a first run of a signature; None when it declares no arrays, or too large ones."""
    specs = signature.inputs
    shapes = {alias: tuple(1 if d is None else d for d in spec.shape or ()) for alias, spec in specs.items()}
    if any(spec.dtype in _UNSUITABLE for spec in specs.values()):
        return None
    if sum(math.prod(shapes[alias]) * max(spec.dtype.size, 8) for alias, spec in specs.items()) > _MAX_BYTES:
        return None
    return {
        alias: signature.defaults[alias] if alias in signature.defaults else _zero(shapes[alias], spec.dtype)
        for alias, spec in specs.items()
    }


def _zero(shape: tuple[int, ...], dtype: DType) -> Array:
    if dtype is not dtypes.string:
        return np.zeros(shape, dtype.numpy)
    array = np.empty(shape, object)
    array.fill(b"")
    return array
