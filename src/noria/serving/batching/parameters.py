"""TensorFlow Serving's batching parameters: ``--batching_parameters_file`` and ``batching_params.pbtxt`` -> values."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from noria.compile.ort import available_cpus
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError
from noria.formats import files, proto_file
from noria.protos import serving as pb
from noria.serving.config import ServerConfig

VERSION_FILE: Final = "batching_params.pbtxt"  # in a version's directory
_POOL_NAME: Final = "model_server_batch_threads"


@dataclass(frozen=True, slots=True)
class Parameters:
    """How requests are batched. Defaults are TensorFlow Serving's.

    max_batch_size, max_execution_batch_size: rows; timeout: seconds an open batch waits for more; allowed: batch sizes
    that the engine may get, ascending, none for any; pad: grow inputs of different shapes to the largest; padding:
    what with, None for a tensor's own first element.
    """

    max_batch_size: int = 1000
    timeout: float = 0.0
    max_enqueued_batches: int = 10
    allowed: tuple[int, ...] = ()
    pad: bool = False
    padding: float | None = None
    split: bool = False
    max_execution_batch_size: int = 1000

    @property
    def largest(self) -> int:
        """Rows of a batch at most."""
        return self.max_execution_batch_size if self.split else self.max_batch_size


@dataclass(frozen=True, slots=True)
class Batching:
    """What the flags say about batching: the pool of all models, and the parameters of those without their own.

    per_model: each version's directory says how it is batched, or, without ``batching_params.pbtxt``, that it is not.
    """

    threads: int
    pool: str
    parameters: Parameters
    per_model: bool = False

    def of(self, path: str) -> Parameters | None:
        """The parameters of the version at ``path``; None when it is not batched this way.

        Raises InvalidArgumentError for a file that is wrong: a load should fail by it.
        """
        if not self.per_model:
            return self.parameters
        place = f"{path.rstrip('/')}/{VERSION_FILE}"
        try:
            return parameters(_read(place), place)
        except NotFoundError:
            return None


def from_flags(config: ServerConfig) -> Batching | None:
    """None without --enable_batching. Raises InvalidArgumentError for flags or a file that make no sense together."""
    if not config.enable_batching:
        if config.batching_parameters_file:
            raise InvalidArgumentError(
                "--batching_parameters_file is set without setting --enable_batching to true: set both, or neither"
            )
        return None
    given = pb.BatchingParameters()
    place = config.batching_parameters_file
    if place:
        try:
            given = _read(place)
        except NotFoundError as error:
            raise InvalidArgumentError(f"--batching_parameters_file: {error.message}") from None
    threads = max(1, available_cpus() // max(config.workers, 1))
    if given.HasField("num_batch_threads"):
        threads = given.num_batch_threads.value
    if threads < 1:
        raise InvalidArgumentError(f"{place}: num_batch_threads is {threads}; at least one thread must run batches")
    pool = given.thread_pool_name.value if given.HasField("thread_pool_name") else _POOL_NAME
    per_model = config.enable_per_model_batching_parameters
    return Batching(threads, pool, Parameters() if per_model else parameters(given, place), per_model)


def _read(place: str) -> pb.BatchingParameters:
    data = files.read_bytes(place)
    try:
        return proto_file.parse_text(pb.BatchingParameters, data, os.fspath(place))
    except DataLossError as error:
        raise InvalidArgumentError(error.message) from None


def parameters(given: pb.BatchingParameters, place: str) -> Parameters:
    """The values of a message, checked. ``place`` is for the messages of InvalidArgumentError."""
    found = Parameters()
    largest = given.max_batch_size.value if given.HasField("max_batch_size") else found.max_batch_size
    execution = given.max_execution_batch_size.value if given.HasField("max_execution_batch_size") else largest
    micros = given.batch_timeout_micros.value if given.HasField("batch_timeout_micros") else 0
    queued = given.max_enqueued_batches
    enqueued = queued.value if given.HasField("max_enqueued_batches") else found.max_enqueued_batches
    split = given.enable_large_batch_splitting.value
    for name, value, least in (
        ("max_batch_size", largest, 1),
        ("max_execution_batch_size", execution, 1),
        ("batch_timeout_micros", micros, 0),
        ("max_enqueued_batches", enqueued, 1),
    ):
        if value < least:
            raise InvalidArgumentError(f"{place}: {name} must be {least} or more; was {value}")
    if split and execution > largest:
        raise InvalidArgumentError(
            f"{place}: max_execution_batch_size ({execution}) must not be larger than max_batch_size ({largest})"
        )
    allowed = tuple(given.allowed_batch_sizes)
    _check_allowed(allowed, largest, place)
    return Parameters(
        max_batch_size=largest,
        timeout=micros / 1e6,
        max_enqueued_batches=enqueued,
        allowed=allowed,
        pad=given.pad_variable_length_inputs,
        padding=given.padding_value.value if given.HasField("padding_value") else None,
        split=split,
        max_execution_batch_size=execution,
    )


def _check_allowed(allowed: tuple[int, ...], largest: int, place: str) -> None:
    if not allowed:
        return
    if any(a >= b for a, b in pairwise(allowed)) or allowed[0] < 1:
        raise InvalidArgumentError(
            f"{place}: allowed_batch_sizes entries must be positive and monotonically increasing; were {list(allowed)}"
        )
    if allowed[-1] != largest:
        raise InvalidArgumentError(
            f"{place}: Last entry in allowed_batch_sizes must match max_batch_size; last entry was {allowed[-1]}; "
            f"expected {largest}"
        )
