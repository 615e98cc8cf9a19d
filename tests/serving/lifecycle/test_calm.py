"""Loads leave the interpreter as they found it, and models leave without the garbage collector."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from pathlib import Path

import pytest

import noria
from noria.graph.graph import Node
from noria.serving.lifecycle.calm import calmly
from serving.lifecycle.records import GOLDEN, manager, version


def nodes() -> int:
    """Graph nodes that are alive."""
    return sum(type(found) is Node for found in gc.get_objects())


def test_settings_come_back() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with calmly():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with calmly(), calmly():
        assert sys.getswitchinterval() < 1e-3
        assert gc.get_threshold()[2] > 1000
        thread.start()
        entered.wait(60)
    assert gc.get_threshold()[2] > 1000
    leave.set()
    thread.join()
    assert (sys.getswitchinterval(), gc.get_threshold()) == before


def test_settings_come_back_after_an_error() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with pytest.raises(ValueError, match="damaged"), calmly():
        raise ValueError("damaged")
    assert (sys.getswitchinterval(), gc.get_threshold()) == before


@pytest.mark.parametrize("name", ["iris", "text", "half_plus_two", "counter"])
def test_a_model_leaves_without_the_collector(tmp_path: Path, name: str) -> None:
    model = version(tmp_path, 1, GOLDEN / name / "1")
    warm = manager()
    warm.load("m", 1, str(model))  # whatever the first load makes for ever
    warm.unload("m", 1)
    gc.unfreeze()
    gc.collect()
    before = nodes()
    gc.disable()
    try:
        models = manager()
        models.load("m", 1, str(model))
        kept = weakref.ref(models.handle("m").model)
        models.versions("m")[0].release()
        models.unload("m", 1)
        assert kept() is None
        gc.unfreeze()
        assert nodes() == before
    finally:
        gc.enable()


def test_functions_of_control_flow_leave(tmp_path: Path, shared_models: Path) -> None:
    path = str(shared_models / "corpus" / "v1_while" / "model")
    noria.load(path)
    gc.collect()
    before = nodes()
    gc.disable()
    try:
        model = noria.load(path)
        model.free_at_once()
        for signature in model.signatures.values():
            signature.compile()
        assert nodes() > before
        del model, signature
        assert nodes() == before
    finally:
        gc.enable()
