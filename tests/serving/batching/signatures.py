"""Signatures whose rows may be batched as far as their graph tells, and servables to run them on."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.serving.lifecycle.servable import Servable, ServableId, State
from noria.shapes import Shape
from serving.fakes import FakeModel, FakeSignature, FakeSpec

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class RowSignature(FakeSignature):
    """Notes the rows of every run; a run waits for ``gate``."""

    ops: Counter[str] = field(default_factory=Counter)
    changes_state: bool = False
    runs: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def run_arrays(self, arrays: Mapping[str, Array], outputs: Sequence[str] | None = None) -> dict[str, Array]:
        self.gate.wait(120)
        self.runs.append(next(iter(arrays.values())).shape[0] if next(iter(arrays.values())).ndim else -1)
        return super().run_arrays(arrays, outputs)


def open_specs(rank: int = 2, **names: DType) -> dict[str, FakeSpec]:
    """Specs whose first dimension is open, and the others too."""
    shape: Shape = (None,) * rank
    return {alias: FakeSpec(f"{alias}:0", dtype, shape) for alias, dtype in sorted(names.items())}


def row_signature(
    function: Callable[..., dict[str, Array]], *, shut: bool = False, dtype: DType = dtypes.float32
) -> RowSignature:
    """x → y; shut: runs wait until the gate is set."""
    found = RowSignature("s", function, open_specs(x=dtype), open_specs(y=dtype))
    if not shut:
        found.gate.set()
    return found


def servable(name: str = "m", path: str = "path") -> Servable:
    """An available one, held once."""
    found = Servable(ServableId(name, 1), path)
    found.move(State.LOADING)
    found.move(State.AVAILABLE, model=FakeModel())
    assert found.acquire()
    return found


def row(*values: float) -> dict[str, Array]:
    """One input ``x`` of one row for each value, two columns."""
    return {"x": np.array([[v, v + 0.5] for v in values], np.float32).reshape(len(values), 2)}
