"""MultiInference runs its tasks in one run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

import noria
from noria import Signature
from noria.errors import InvalidArgumentError
from noria.protos import tensorflow as tf
from noria.serving.classify import prepare
from noria.serving.lifecycle.servable import Servable, ServableId, State
from noria.serving.multi import MultiRunner
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.runner import Runner

GOLDEN = Path(__file__).parents[1] / "golden" / "half_plus_two" / "1"


def examples(*values: float) -> list[bytes]:
    found = []
    for value in values:
        example = tf.Example()
        example.features.feature["x"].float_list.value.append(value)
        found.append(example.SerializeToString())
    return found


def test_two_tasks_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = noria.load(str(GOLDEN))
    held = Servable(ServableId("m", 1), str(GOLDEN))
    held.move(State.LOADING)
    held.move(State.AVAILABLE, model=model)
    assert held.acquire()
    names = [n for n, s in model.signatures.items() if s.method_name in (CLASSIFY, REGRESS)][:2]
    calls = [prepare(model, name, model.signatures[name].method_name) for name in names]
    alone = [c.signature.run_arrays({"inputs": np.array(examples(1.0, 6.0), object)}, c.outputs) for c in calls]
    runs: list[str] = []
    run_arrays = Signature.run_arrays

    def note(self: Signature, *args: object) -> object:
        runs.append(self.name)
        return run_arrays(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Signature, "run_arrays", note)
    runner = Runner(2)
    multi = MultiRunner(runner)

    async def both() -> None:
        for _ in range(2):
            found = await multi.run(held, calls, examples(1.0, 6.0), None)
            for got, wanted in zip(found, alone, strict=True):
                assert got.keys() == wanted.keys()
                assert all(np.array_equal(got[name], wanted[name]) for name in wanted)

    asyncio.run(both())
    runner.close()
    assert runs == ["+".join(names)] * 2


def test_signatures_of_other_tensors_do_not_run_together() -> None:
    signatures = noria.load(str(GOLDEN)).signatures
    by_input = {next(iter(s.inputs.values())).tensor: s for s in signatures.values() if len(s.inputs) == 1}
    one, two = list(by_input.values())[:2]
    with pytest.raises(InvalidArgumentError, match="take different tensors"):
        one.together([two])
