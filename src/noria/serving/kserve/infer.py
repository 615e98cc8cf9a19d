"""An inference request of the Open Inference Protocol, whatever it came by: checked, run, counted."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import numpy as np

from noria.errors import InvalidArgumentError
from noria.serving import predict
from noria.serving.core import Core
from noria.serving.kserve import datatypes
from noria.serving.kserve.statistics import Statistics
from noria.serving.lifecycle.on_demand import AsleepError, wake
from noria.serving.lifecycle.servable import Servable, Signature
from noria.serving.strict import StrictInputs

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

_MAX_VERSION: Final = 2**63 - 1


@dataclass(slots=True)
class Request:
    """inputs: arrays by name, of the dtypes the request names; outputs: names of those wanted, none for all."""

    inputs: dict[str, Array]
    outputs: list[str]
    id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


class Inference:
    """The core's way through a request; both edges share one."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.statistics = Statistics()
        core.manager.on_end.append(lambda servable: self.statistics.forget(servable.id))
        self._check_method = core.config.enable_signature_method_name_check
        self._strict = StrictInputs.of(core.config.strict_model_inputs)

    async def awake(self, name: str, version: str, deadline: float | None) -> Servable:
        """As ``handle``, for a request to run: a model that loads on demand is woken and waited for."""
        try:
            return self.handle(name, version)
        except AsleepError:
            await wake(self.core.manager, name, deadline)
            return self.handle(name, version)

    def handle(self, name: str, version: str) -> Servable:
        """A held servable: version in digits, a label, or empty for the latest. Raises what ``Manager.handle`` does."""
        if not version:
            return self.core.manager.handle(name)
        if version.isascii() and version.isdigit():
            return self.core.manager.handle(name, version_number(version))
        return self.core.manager.handle(name, None, version)

    async def run(
        self,
        servable: Servable,
        request: Request,
        deadline: float | None,
        start: int,
        encode: Callable[[Mapping[str, Array]], Awaitable[T]],
    ) -> T:
        """Runs a request on a held servable and gives what ``encode`` makes of its outputs.

        deadline: on ``time.monotonic``, None for none; start: when the request came, on ``perf_counter_ns``. Raises
        FailedPreconditionError for an unknown signature, InvalidArgumentError for inputs or outputs that are not the
        signature's, and what the run raises.
        """
        count = self.statistics.of(servable.id)
        try:
            signature = predict.find_signature(
                servable.model, _text(request.parameters, "signature_name"), check_method=self._check_method
            )
            arrays = predict.bind_inputs(signature, request.inputs, _same)
            _check_datatypes(servable, signature, arrays)
            if self._strict is not None:
                self._strict.check(servable, signature, arrays)
            outputs = predict.check_filter(signature, request.outputs)
            ready = time.perf_counter_ns()
            deadline = _bounded(deadline, request.parameters)
            found = self.core.runner.at_once(servable, signature, arrays, outputs)
            if found is None:
                found = await self.core.runner.run(servable, signature, arrays, outputs, deadline=deadline)
            done = time.perf_counter_ns()
            encoded = await encode(found)
        except BaseException:
            count.has_failed(start)
            raise
        count.succeeded(start, ready, done, _rows(arrays))
        return encoded


def version_number(text: str) -> int:
    """The version that digits name; InvalidArgumentError beyond int64."""
    if len(text.lstrip("0")) > 19 or int(text) > _MAX_VERSION:
        raise InvalidArgumentError(f"model version {text} is beyond {_MAX_VERSION}, the highest there can be")
    return int(text)


def _same(array: Array) -> Array:
    return array


def _check_datatypes(servable: Servable, signature: Signature, arrays: dict[str, Array]) -> None:
    for alias, spec in signature.inputs.items():
        dtype = arrays[alias].dtype
        if dtype != spec.dtype.numpy:
            got = next(name for name, known in datatypes.BY_NAME.items() if known.numpy == dtype)
            raise InvalidArgumentError(
                f"input {alias!r}: got datatype {got}; signature {signature.name!r} of model {servable.id.name!r} "
                f"takes {datatypes.shown(spec.dtype)}"
            )


def _bounded(deadline: float | None, parameters: dict[str, Any]) -> float | None:
    timeout = parameters.get("timeout", 0)
    if type(timeout) is not int or timeout < 0:
        raise InvalidArgumentError(f"parameter 'timeout' is a whole number of microseconds; got {timeout!r}")
    if not timeout:
        return deadline
    own = time.monotonic() + timeout / 1e6
    return own if deadline is None else min(own, deadline)


def _text(parameters: dict[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if type(value) is not str:
        raise InvalidArgumentError(f"parameter {name!r} is a string; got {value!r}")
    return value


def _rows(arrays: dict[str, Array]) -> int:
    for array in arrays.values():
        return len(array) if array.ndim else 1
    return 1
