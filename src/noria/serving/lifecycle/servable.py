"""One version of one model on its way through life: its states, its transitions, and the handles that hold it.

States move one way only::

    START -> LOADING -> AVAILABLE -> UNLOADING -> END
       \\________\\______________________________/     (a load that fails, or is given up, ends at once)

A load that failed and is to be tried again stays in LOADING, with its error.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple, Protocol, Self

import numpy as np

from noria.dtypes import DType
from noria.errors import Code, InternalError, TFError
from noria.serving.lifecycle.in_place import Mapped
from noria.serving.observe.event_log import event
from noria.shapes import Shape

Array = np.ndarray[Any, np.dtype[Any]]

_LOG = logging.getLogger(__name__)


class Spec(Protocol):
    """An input or output of a signature: its tensor ("dense/Relu:0"), its dtype and the shape declared for it."""

    @property
    def tensor(self) -> str: ...
    @property
    def dtype(self) -> DType: ...
    @property
    def shape(self) -> Shape: ...


class Signature(Protocol):
    """What the server needs of ``noria.model.Signature``."""

    @property
    def name(self) -> str: ...
    @property
    def method_name(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Spec]: ...
    @property
    def outputs(self) -> Mapping[str, Spec]: ...
    @property
    def defaults(self) -> Mapping[str, Array]: ...
    def run_arrays(self, arrays: Mapping[str, Array], outputs: Any = None) -> dict[str, Array]: ...


class Model(Protocol):
    """What the server needs of ``noria.model.Model``."""

    @property
    def signatures(self) -> Mapping[str, Any]: ...
    @property
    def meta_graph(self) -> Any: ...


class State(IntEnum):
    """States of a version, with the numbers of ``ModelVersionStatus.State``."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


_NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.START: frozenset({State.LOADING, State.END}),
    State.LOADING: frozenset({State.LOADING, State.AVAILABLE, State.END}),
    State.AVAILABLE: frozenset({State.UNLOADING}),
    State.UNLOADING: frozenset({State.END}),
    State.END: frozenset(),
}


# What leads to the other states has more to say of them than the state alone, and logs it.
_TOLD: Final = frozenset({State.LOADING, State.UNLOADING})


@dataclass(frozen=True, slots=True, order=True)
class ServableId:
    """A version of a model."""

    name: str
    version: int


class WarmUp(NamedTuple):
    """What came of the replay of a version's warm-up records."""

    records: int
    seconds: float
    code: Code


class Cost:
    """How long a signature takes to run: moving averages of seconds and of the size of its inputs.

    A faster run counts for more than a slower one: on a busy machine a run is often slow for no reason of its own, and
    one such run must not send the next ones away from the loop.
    """

    __slots__ = ("_runs", "nbytes", "seconds")
    _FASTER = 0.5  # the share of the newest run in the average
    _SLOWER = 0.05
    _OUTLIER = 4.0  # times the average: no run counts as slower than that

    def __init__(self) -> None:
        self.seconds = math.inf
        self.nbytes = 1.0
        self._runs = 0

    def add(self, seconds: float, nbytes: int) -> None:
        """Takes a run into account. The first one says nothing: it compiles, allocates and touches cold memory."""
        self._runs += 1
        if self._runs > 2:
            share = self._FASTER if seconds < self.seconds else self._SLOWER
            self.seconds += share * (min(seconds, self._OUTLIER * self.seconds) - self.seconds)
            self.nbytes += self._SLOWER * (max(nbytes, 1) - self.nbytes)
        elif self._runs == 2:
            self.seconds, self.nbytes = seconds, float(max(nbytes, 1))

    def estimate(self, nbytes: int) -> float:
        """Seconds that a run on ``nbytes`` of inputs is likely to take; infinite while nothing is known."""
        return self.seconds * max(nbytes / self.nbytes, 1.0)


class Servable:
    """A model version. ``state`` changes through ``move`` alone; ``model`` is set while it is available.

    waiting: in START, why it does not load yet; requests: handles taken so far; ended: when it came to END, on
    time.monotonic.

    A handle (``with servable:``) holds the model: an unload waits until the last one is given back. Thread-safe.
    Handles need no lock, for whoever takes one counts it first and looks at the state then, and who changes the state
    does so first and looks at the count then.
    """

    def __init__(self, id: ServableId, path: str) -> None:
        self.id = id
        self.path = path
        self.state = State.START
        self.error: TFError | None = None
        self.waiting = ""
        self.requests = 0
        self.load_seconds = 0.0  # from the first look at its files to the end of its admission
        self.warm_up: WarmUp | None = None
        self.ended = math.inf
        self.mapped: tuple[Mapped, ...] = ()  # its files, as they were when it began to load
        self.costs: dict[str, Cost] = {}  # by signature
        self.resident_bytes = 0  # an estimate of what its model takes, weights included; 0 while it has none
        self._model: Model | None = None
        self._handles: list[None] = []  # its length is what counts: append and pop are atomic
        self._borrowed: list[None] = []  # of them, those of ``hold``
        self._changing = threading.Lock()
        self._free = threading.Event()  # set when the last handle comes back after the service has ended

    @property
    def model(self) -> Model:
        """The loaded model; only while a handle is held."""
        if self._model is None:
            raise InternalError(f"{self.id.name} version {self.id.version} has no model in state {self.state.name}")
        return self._model

    def move(self, to: State, *, model: Model | None = None, error: TFError | None = None) -> None:
        """The one way to change state.

        model: what was loaded, when moving to AVAILABLE; error: why it failed, when moving to END early, or to LOADING
        for another try. Raises InternalError, naming both states, for a move that life does not have.
        """
        with self._changing:
            if to not in _NEXT[self.state]:
                raise InternalError(
                    f"{self.id.name} version {self.id.version} cannot move from {self.state.name} to {to.name}; from "
                    f"{self.state.name} it can move to {', '.join(s.name for s in sorted(_NEXT[self.state])) or 'none'}"
                )
            if (to is State.AVAILABLE) != (model is not None):
                raise InternalError(f"{self.id.name}: a model comes with the move to AVAILABLE and with no other")
            if model is not None:
                self._model = model  # before the state that lets requests have it
            self.error = error
            self.state = to
            if to is State.UNLOADING and not self._handles:
                self._free.set()
            if to is not State.START:
                self.waiting = ""
            if to is State.END:
                self._model = None
                self.resident_bytes = 0
                self.ended = time.monotonic()
        if to in _TOLD and error is None:
            name, version = self.id.name, self.id.version
            fields = event("model_state", model=name, version=version, state=to.name, path=self.path)
            _LOG.info("%s version %d is %s", name, version, to.name, extra=fields)

    def acquire(self, *, counted: bool = True) -> bool:
        """Takes a handle; False when the version is not available. counted: it is for a request."""
        self._handles.append(None)
        if self.state is State.AVAILABLE:
            if counted:
                self.requests += 1
            return True
        self.release()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._handles.pop()
        if self.state is not State.AVAILABLE and not self._handles:
            self._free.set()

    def release(self) -> None:
        """Gives a handle back."""
        self.__exit__()

    def hold(self) -> None:
        """Takes one more handle for someone who holds one already, whatever the state; ``let_go`` gives it back."""
        self._borrowed.append(None)
        self._handles.append(None)

    def let_go(self) -> None:
        """Gives a handle of ``hold`` back."""
        self._borrowed.pop()
        self.release()

    @property
    def held(self) -> int:
        """How many handles are out."""
        return len(self._handles)

    @property
    def in_flight(self) -> int:
        """How many requests there are: the handles that are out, those of ``hold`` aside."""
        return max(len(self._handles) - len(self._borrowed), 0)

    def wait_until_free(self, timeout: float | None = None) -> bool:
        """Waits, once the version is out of service, until no handle is held; False when ``timeout`` is not enough."""
        return self._free.wait(timeout)

    @property
    def code(self) -> Code:
        """OK, or the code of the failed load."""
        return Code.OK if self.error is None else self.error.code
