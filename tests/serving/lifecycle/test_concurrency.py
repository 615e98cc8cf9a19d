"""Lookups, loads, unloads and reloads at the same time, from many threads."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noria.errors import AbortedError, NotFoundError, UnknownError
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Model, Servable, ServableId, State
from serving.fakes import FakeModel, half_plus_two
from serving.lifecycle.disk import Disk, managing, states, until


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def run_beside(work: Callable[[], None], others: list[Callable[[], None]]) -> None:
    """Runs ``work`` once while each of ``others`` is called over and over in a thread; raises what one raises."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def repeat(function: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=[function]) for function in others]
    for thread in threads:
        thread.start()
    try:
        work()
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    if errors:
        raise errors[0]


def test_a_handle_always_holds_a_model() -> None:
    manager = Manager(lambda path: FakeModel(half_plus_two()))
    manager.load("m", 0, "m/0")
    seen: set[int] = set()
    last = 0

    def look_up() -> None:
        with manager.handle("m") as servable:
            assert servable.held > 0
            assert servable.model.signatures
            assert servable.state in (State.AVAILABLE, State.UNLOADING)
            seen.add(servable.id.version)

    def swap() -> None:
        nonlocal last
        while last < 149 or (len(seen) <= 10 and last < 10_000):
            last += 1
            manager.load("m", last, "m")
            manager.unload("m", last - 1)

    run_beside(swap, [look_up] * 4)
    assert len(seen) > 10
    assert states(manager, "m").pop(last) == "AVAILABLE"
    assert all(servable.held == 0 for servable in manager.versions("m"))


def test_an_unload_waits_for_exactly_the_handles_that_are_out() -> None:
    for _ in range(100):
        servable = Servable(ServableId("m", 1), "path")
        servable.move(State.LOADING)
        servable.move(State.AVAILABLE, model=FakeModel())
        begun = threading.Event()
        used_after_end: list[int] = []

        def use(
            servable: Servable = servable, begun: threading.Event = begun, late: list[int] = used_after_end
        ) -> None:
            while servable.acquire():
                with servable:
                    begun.set()
                    if servable.state is State.END:
                        late.append(1)

        threads = [threading.Thread(target=use) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert begun.wait(60)
        servable.move(State.UNLOADING)
        assert servable.wait_until_free(60)
        servable.move(State.END)
        for thread in threads:
            thread.join(60)
        assert used_after_end == []
        assert servable.held == 0


def test_versions_come_and_go_while_requests_run(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m="version_labels { key: 'l' value: 1 }"), labels_wait=True)

        def look_up() -> None:
            with manager.handle("m") as servable:
                assert servable.model.signatures

        def ask() -> None:
            manager.missing()
            assert manager.available("m")
            manager.settled()
            for servable in manager.versions("m"):
                assert servable.id.name == "m"

        def change() -> None:
            generator = random.Random(0)
            for version in range(2, 25):
                disk.put("m", version, "bad" if generator.random() < 0.3 else "good")
                if version > 4:
                    disk.remove("m", version - 3)
                time.sleep(0.01)
            disk.put("m", 99)
            until(lambda: manager.available("m") == {99})

        run_beside(change, [look_up, look_up, ask])


def test_reloads_at_the_same_time(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    for name in ("always", "a", "b", "bad"):
        disk.put(name, 1, name if name == "bad" else "good")
    with managing(disk) as manager:
        manager.apply(disk.config(always=""))

        def look_up() -> None:
            with manager.handle("always") as servable:
                assert servable.model.signatures

        def reloads(*names: str) -> Callable[[], None]:
            def reload() -> None:
                with contextlib.suppress(AbortedError, UnknownError):
                    manager.apply(disk.config(always="", **dict.fromkeys(names, "")))

            return reload

        def finish() -> None:
            time.sleep(1.5)

        run_beside(finish, [look_up, reloads("a"), reloads("a", "b"), reloads("bad"), reloads()])
        manager.apply(disk.config(always="", b=""))
        until(lambda: manager.available("a") == set() and manager.available("b") == {1})
        with pytest.raises(NotFoundError):
            manager.handle("a")


def test_models_are_let_go_of(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    models: list[weakref.ref[Model]] = []

    def load(path: str) -> Model:
        model = disk.load(path)
        models.append(weakref.ref(model))
        return model

    disk.put("m", 1)
    with managing(disk) as manager:
        manager._loader = load
        manager.apply(disk.config(m=""))
        for version in range(2, 6):
            disk.put("m", version)
            until(lambda v=version: states(manager, "m").get(v - 1) == "END")  # type: ignore[misc]
        until(lambda: [ref() is None for ref in models] == [True, True, True, True, False])
        manager.apply(disk.config())
        until(lambda: states(manager, "m")[5] == "END")
        until(lambda: models[-1]() is None)
