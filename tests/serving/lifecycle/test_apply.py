"""Configured models: what loads, serves and leaves as versions come, go, break and are mended."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noria.errors import (
    AbortedError,
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    UnknownError,
)
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Model, Servable
from serving.lifecycle.disk import Disk, managing, states, until


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_the_highest_version_serves_and_a_new_one_takes_over(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("m", 2)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        assert states(manager, "m") == {2: "AVAILABLE"}
        disk.put("m", 10)
        until(lambda: states(manager, "m") == {10: "AVAILABLE", 2: "END"})
        with manager.handle("m") as servable:
            assert servable.id.version == 10
        assert disk.loads == ["m/2", "m/10"]
        assert manager.missing() == []
        assert manager.names() == ["m"]


def test_rollback(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("m", 2)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        disk.remove("m", 2)
        until(lambda: states(manager, "m") == {1: "AVAILABLE", 2: "END"})
        disk.put("m", 2)
        until(lambda: states(manager, "m") == {2: "AVAILABLE", 1: "END"})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("model_version_policy { all {} }", {1, 2, 3}),
        ("model_version_policy { latest { num_versions: 2 } }", {2, 3}),
        ("model_version_policy { specific { versions: 1 versions: 7 } }", {1}),
    ],
)
def test_version_policies(disk: Disk, fields: str, expected: set[int], caplog: pytest.LogCaptureFixture) -> None:
    for version in (1, 2, 3):
        disk.put("m", version)
    with managing(disk) as manager:
        manager.apply(disk.config(m=fields))
        until(lambda: manager.available("m") == expected)
        assert states(manager, "m").keys() == expected
    absent = "model m: versions [7], which its policy names, are not under its base path"
    assert (absent in caplog.text) == ("specific" in fields)


def test_specific_without_versions_serves_none(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m="model_version_policy { specific {} }"), wait=False)
        until(manager.settled)
        assert manager.missing() == ["m: its version policy names none of the versions on disk ([1])"]
        assert states(manager, "m") == {}


def test_everything_unloads_when_all_versions_are_gone_but_not_when_the_base_path_is(disk: Disk) -> None:
    for name in ("kept", "lost"):
        disk.put(name, 1)
    with managing(disk) as manager:
        manager.apply(disk.config(kept="", lost=""))
        (disk.root / "lost").rename(disk.root / "elsewhere")
        until(lambda: "does not exist" in manager.trouble("lost"))
        disk.remove("kept", 1)
        until(lambda: states(manager, "kept") == {1: "END"})
        assert states(manager, "lost") == {1: "AVAILABLE"}
        assert "No versions of servable kept found" in manager.unavailable()["kept"]
        (disk.root / "elsewhere").rename(disk.root / "lost")
        until(lambda: not manager.trouble("lost"))


def test_each_model_is_on_its_own(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    disk.put("good", 1)
    disk.put("bad", 1, "bad")
    disk.put("late", 1).joinpath("saved_model.pb").unlink()
    (disk.root / "empty").mkdir()
    with managing(disk, version_settle_seconds=60) as manager:
        manager.apply(disk.config(absent="", bad="", empty="", late="", good=""), wait=False)
        until(lambda: manager.available("good") and len(manager.unavailable()) == 4 and states(manager, "late"))
        until(lambda: "being looked for" not in str(manager.missing()))
        until(lambda: states(manager, "bad") == {1: "END"})
        found = dict(line.split(": ", 1) for line in manager.missing())
        assert "does not exist or is no directory" in found["absent"]
        assert found["bad"].startswith("version 1 does not load: ")
        assert "No versions of servable empty found" in found["empty"]
        assert found["late"].startswith("version 1 waits: ")
        assert "saved_model.pb" in found["late"]
        assert states(manager, "late") == {1: "START"}
        assert [m for m in caplog.messages if " waits: " in m] == [f"late version 1 {found['late'][10:]}"]
        disk.put("late", 1)
        disk.put("absent", 5)
        until(lambda: manager.available("late") == {1} and manager.available("absent") == {5})


def test_ready_until_nothing_serves(disk: Disk) -> None:
    disk.put("a", 1)
    with managing(disk) as manager:
        assert manager.missing() == []
        manager.apply(disk.config(a="", b=""), wait=False)
        until(lambda: manager.available("a"))
        assert [line.split(":")[0] for line in manager.missing()] == ["b"]
        disk.put("b", 1)
        until(lambda: manager.missing() == [])
        disk.remove("b", 1)  # its own trouble, now that the server has been ready
        until(lambda: not manager.available("b"))
        assert manager.missing() == []
        disk.remove("a", 1)
        until(lambda: len(manager.missing()) == 2)


def test_ready_when_all_versions_that_can_be_are_there(disk: Disk) -> None:
    disk.put("m", 1, "slow")
    disk.put("m", 2)
    disk.put("m", 3, "bad")
    disk.put("m", 4).joinpath("saved_model.pb").unlink()
    with managing(disk, version_settle_seconds=60) as manager:
        fields = 'model_version_policy { all {} } version_labels { key: "old" value: 1 }'
        manager.apply(disk.config(m=fields), wait=False, labels_wait=True)
        until(lambda: states(manager, "m") == {4: "START", 3: "END", 2: "AVAILABLE", 1: "LOADING"})
        assert manager.missing() == ["m: version 1 is still loading"]
        assert manager.unavailable() == {}
        assert not manager.settled()
        disk.go.set()
        assert manager.wait_settled(60)
        assert manager.labels("m") == {"old": 1}
        assert manager.missing() == []
        disk.go.clear()
        disk.put("m", 5, "slow")
        until(lambda: states(manager, "m").get(5) == "LOADING")
        assert manager.missing() == []  # what comes later makes no server unready
        disk.go.set()


def test_a_model_that_a_new_server_still_loads_is_unavailable_and_not_unknown(disk: Disk) -> None:
    disk.put("m", 1, "slow")
    disk.put("n", 1)
    disk.put("b", 1, "bad")
    labels = 'version_labels { key: "new" value: 1 }'
    with managing(disk) as manager:
        manager.apply(disk.config(m=labels, n="", b=""), wait=False, labels_wait=True)
        until(lambda: states(manager, "n") == {1: "AVAILABLE"} and states(manager, "b") == {1: "END"})
        for version, label in ((None, None), (1, None), (2, None), (None, "new")):
            with pytest.raises(UnavailableError, match="just started and still loads model m; try again"):
                manager.handle("m", version, label)
        for name, version in (("n", 2), ("b", None), ("nobody", None)):
            with pytest.raises(NotFoundError, match="Servable not found for request"):
                manager.handle(name, version)
        disk.go.set()
        assert manager.wait_settled(60)
        with manager.handle("m"):
            pass
        with pytest.raises(NotFoundError, match=r"Specific\(m, 2\)"):
            manager.handle("m", 2)
        disk.go.clear()
        disk.put("late", 1, "slow")
        manager.apply(disk.config(m=labels, n="", b="", late=""), wait=False)
        until(lambda: states(manager, "late") == {1: "LOADING"})
        with pytest.raises(NotFoundError, match=r"Latest\(late\)"):  # TensorFlow Serving's answer, once it is open
            manager.handle("late")


def test_what_a_config_names_in_vain_is_told_once(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    disk.put("m", 1)
    disk.put("m", 2)

    def told() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found

    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        labels = 'version_labels { key: "old" value: 1 } version_labels { key: "new" value: 3 }'
        for _ in range(2):
            manager.apply(disk.config(m=labels), labels_wait=True)
            until(lambda: "new" in manager.waiting_labels("m") and any("label new" in m for m in caplog.messages))
        assert sorted(told()) == [
            "model m: its policy does not name version 1 of label old",
            "model m: label new is for version 3, which is not under its base path",
        ]
        manager.apply(disk.config(m="model_version_policy { specific { versions: 2 versions: 9 } }"))
        until(lambda: any("which its policy names" in message for message in caplog.messages))
        assert told() == ["model m: versions [9], which its policy names, are not under its base path"]


def test_a_bad_new_version_leaves_the_old_one_and_is_tried_again_when_mended(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2, "bad")
        until(lambda: states(manager, "m") == {2: "END", 1: "AVAILABLE"})
        time.sleep(0.2)
        assert disk.loads == ["m/1", "m/2"]
        failed = manager.version("m", 2)
        assert failed is not None
        assert failed.error is not None
        assert failed.error.__traceback__ is None
        assert failed.error.message.endswith("is damaged")
        disk.put("m", 2, "mended")
        until(lambda: states(manager, "m") == {2: "AVAILABLE", 1: "END"})


def test_an_older_version_serves_when_the_newest_is_broken_from_the_start(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("m", 2)
    disk.put("m", 3, "bad")
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        until(lambda: states(manager, "m") == {3: "END", 2: "AVAILABLE"})
        disk.remove("m", 3)
        time.sleep(0.1)
        assert disk.loads == ["m/3", "m/2"]


def test_retries(disk: Disk) -> None:
    disk.put("m", 1, "bad")
    seen: list[tuple[dict[int, str], str, bool]] = []  # at the beginning of each load
    with managing(disk, max_num_load_retries=2, load_retry_interval_micros=100_000) as manager:

        def load(path: str) -> Model:
            seen.append((states(manager, "m"), manager.unavailable()["m"], manager.settled()))
            return disk.load(path)

        manager._loader = load
        begin = time.monotonic()
        manager.apply(disk.config(m=""), wait=False)
        until(lambda: states(manager, "m") == {1: "END"})
        assert time.monotonic() - begin >= 0.2
        assert disk.loads == ["m/1"] * 3
        assert [found for found, _, _ in seen] == [{1: "LOADING"}] * 3
        assert [settled for _, _, settled in seen] == [False, True, True]
        assert all(why.startswith("version 1 does not load") for _, why, _ in seen[1:])


def test_a_failed_version_that_was_not_wanted_for_a_while_is_tried_again(disk: Disk) -> None:
    disk.put("m", 1, "bad")
    with managing(disk) as manager:
        for tries in (1, 2):
            manager.apply(disk.config(m="", other=""), wait=False)
            until(lambda n=tries: len(disk.loads) == n and states(manager, "m") == {1: "END"})  # type: ignore[misc]
            manager.apply(disk.config(m="model_version_policy { specific {} }", other=""), wait=False)
            until(lambda: not manager._conductor.records["m"].tracks)


def test_a_failed_version_below_another_one_is_not_tried_again_and_again(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("m", 2, "bad")
    with managing(disk, ended_version_seconds=0.1) as manager:
        manager.apply(disk.config(m=""), wait=False)
        until(lambda: states(manager, "m") == {2: "END", 1: "AVAILABLE"})
        disk.put("m", 3, "bad")
        until(lambda: states(manager, "m") == {3: "END", 2: "END", 1: "AVAILABLE"})
        time.sleep(0.5)
        assert disk.loads.count("m/2") <= 2  # once more, perhaps, for its place was another's while that one loaded
        assert disk.loads.count("m/3") == 1
        disk.put("m", 2)
        until(lambda: states(manager, "m").get(2) == "AVAILABLE")
        disk.put("m", 3)
        until(lambda: states(manager, "m").get(3) == "AVAILABLE")


def test_what_the_gate_refuses_is_not_tried_again(disk: Disk) -> None:
    disk.put("m", 1)

    def admit(servable: Servable, model: Model, serving: Servable | None) -> None:
        if serving is not None:
            raise FailedPreconditionError(f"{servable.id.version} is not like {serving.id.version}")

    with managing(disk, max_num_load_retries=5) as manager:
        manager._admission = admit
        manager.apply(disk.config(m=""))
        disk.put("m", 2)
        until(lambda: states(manager, "m") == {2: "END", 1: "AVAILABLE"})
        refused = manager.version("m", 2)
        assert refused is not None
        assert str(refused.error) == "2 is not like 1"
        assert disk.loads == ["m/1", "m/2"]
        latest = manager.latest("m")
        assert latest is not None
        assert latest.requests == 0


def test_a_retry_does_not_wait_when_the_files_change(disk: Disk) -> None:
    disk.put("m", 1, "bad")
    with managing(disk, max_num_load_retries=5, load_retry_interval_micros=60_000_000) as manager:
        manager.apply(disk.config(m=""), wait=False)
        until(lambda: len(disk.loads) == 1)
        disk.put("m", 1, "mended")
        until(lambda: states(manager, "m") == {1: "AVAILABLE"})


def test_a_version_that_is_deleted_while_it_waits_for_a_retry_ends(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk, max_num_load_retries=5, load_retry_interval_micros=60_000_000) as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2, "bad")
        until(lambda: states(manager, "m") == {2: "LOADING", 1: "AVAILABLE"} and len(disk.loads) == 2)
        disk.remove("m", 2)
        until(lambda: states(manager, "m") == {2: "END", 1: "AVAILABLE"})


def test_a_version_that_is_deleted_while_it_loads_does_not_serve(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2, "slow")
        until(lambda: disk.running == 1)
        disk.remove("m", 2)
        time.sleep(0.1)
        disk.go.set()
        until(lambda: states(manager, "m") == {2: "END", 1: "AVAILABLE"})


def test_resource_transition_unloads_first(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk, version_transition="resource") as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2, "slow")
        until(lambda: disk.running == 1)
        assert states(manager, "m") == {2: "LOADING", 1: "END"}
        disk.go.set()
        until(lambda: manager.available("m") == {2})
    with pytest.raises(InvalidArgumentError, match="--version_transition is availability or resource; got 'x'"):
        Manager(disk.load, config=ServerConfig(version_transition="x"))


@pytest.mark.parametrize(("threads", "most"), [(0, 1), (3, 3)])
def test_loads_are_one_at_a_time_unless_asked(disk: Disk, threads: int, most: int) -> None:
    for name in "abcd":
        disk.put(name, 1)
    with managing(disk, num_load_threads=threads) as manager:
        manager.apply(disk.config(a="", b="", c="", d=""))
        disk.most = 0
        for name in "abcd":
            disk.put(name, 2, "slow")
        until(lambda: disk.running == most)
        time.sleep(0.1)
        assert disk.most == most
        disk.go.set()
        until(lambda: all(manager.available(name) == {2} for name in "abcd"))


def test_ended_versions_leave_the_status_but_a_failed_one_that_is_wanted_stays(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk, ended_version_seconds=0) as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2)
        until(lambda: states(manager, "m") == {2: "AVAILABLE"})
        disk.put("m", 3, "bad")
        until(lambda: states(manager, "m") == {3: "END", 2: "AVAILABLE"})
        time.sleep(0.1)
        assert states(manager, "m") == {3: "END", 2: "AVAILABLE"}
        manager.apply(disk.config())
        until(lambda: manager.names() == [])


def test_a_base_path_that_moves_takes_its_versions_along(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("elsewhere", 1, "bad")
    moved = disk.config(m="")
    moved.model_config_list.config[0].base_path = str(disk.root / "elsewhere")
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        old = manager.latest("m")
        assert old is not None
        manager.apply(moved)
        until(lambda: disk.loads == ["m/1", "elsewhere/1"])
        time.sleep(0.1)
        assert manager.latest("m") is old  # the new one does not load
        disk.put("elsewhere", 1, "slow")
        until(lambda: disk.running == 1)
        assert manager.latest("m") is old
        disk.go.set()
        until(lambda: old.state.name == "END")
        new = manager.latest("m")
        assert new is not None
        assert new.path == str(disk.root / "elsewhere" / "1")
        assert states(manager, "m") == {1: "AVAILABLE"}
        disk.put("m", 1, "bad")
        manager.apply(disk.config(m=""))
        until(lambda: disk.loads[-1] == "m/1")
        manager.apply(disk.config())  # both leave
        until(lambda: states(manager, "m") == {1: "END"})
        assert new.state.name == "END"


@pytest.mark.parametrize("state", ["START", "LOADING", "END"])
def test_what_has_not_loaded_is_looked_for_where_the_base_path_is_now(disk: Disk, state: str) -> None:
    content = "good" if state == "START" else "bad"
    first = disk.put("m", 1, content)
    if state == "START":
        first.joinpath("saved_model.pb").unlink()
    disk.put("elsewhere", 1)
    moved = disk.config(m="")
    moved.model_config_list.config[0].base_path = str(disk.root / "elsewhere")
    retries = 5 if state == "LOADING" else 0
    with managing(disk, max_num_load_retries=retries, version_settle_seconds=60) as manager:
        manager.apply(disk.config(m=""), wait=False)
        until(lambda: states(manager, "m") == {1: state} and (state == "START" or disk.running == 0))
        manager.apply(moved, wait=False)
        until(lambda: manager.available("m") == {1})
        assert disk.loads[-1] == "elsewhere/1"
        assert disk.loads.count("m/1") == (state != "START")


def test_a_model_leaves_in_the_moment_in_which_its_move_fails(disk: Disk) -> None:
    disk.put("m", 1)
    disk.put("elsewhere", 1, "bad")
    moved = disk.config(m="")
    moved.model_config_list.config[0].base_path = str(disk.root / "elsewhere")
    with managing(disk) as manager:
        conductor = manager._conductor

        def decided() -> bool:
            with conductor.changed:
                return not conductor._dirty

        class Meanwhile(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if "given up" in record.getMessage():  # the load has failed, and its thread has not ended
                    manager.apply(disk.config())
                    until(decided)

        manager.apply(disk.config(m=""))
        handler, logger = Meanwhile(), logging.getLogger(conductor.__module__)
        logger.addHandler(handler)
        try:
            manager.apply(moved, wait=False)
            until(lambda: states(manager, "m") == {1: "END"})
        finally:
            logger.removeHandler(handler)


def test_polling_can_be_off(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk, file_system_poll_wait_seconds=-1) as manager:
        manager.apply(disk.config(m=""))
        disk.put("m", 2)
        time.sleep(0.2)
        assert states(manager, "m") == {1: "AVAILABLE"}
        manager.apply(disk.config(m=""))  # a reload looks
        until(lambda: manager.available("m") == {2})
        disk.put("m", 3)
        manager.look_now("m")
        until(lambda: manager.available("m") == {3})


# ---- apply: what it waits for, and what it refuses


def test_apply_waits_for_new_models_and_drops_those_left_out(disk: Disk) -> None:
    disk.put("a", 1)
    disk.put("b", 1, "slow")
    with managing(disk) as manager:
        manager.apply(disk.config(a=""))
        thread = threading.Thread(target=manager.apply, args=[disk.config(b="")])
        thread.start()
        until(lambda: states(manager, "a") == {1: "END"})
        thread.join(0.1)
        assert thread.is_alive()
        disk.go.set()
        thread.join(60)
        assert not thread.is_alive()
        assert manager.available("b") == {1}
        assert manager.names() == ["b", "a"]
        with pytest.raises(NotFoundError):
            manager.handle("a")


@contextlib.contextmanager
def meanwhile(manager: Manager, work: Callable[[], object]) -> Iterator[None]:
    """Does ``work`` in a thread once model m is configured, by the call that the block makes and that waits for m."""

    def wait() -> None:
        until(lambda: "m" in manager.configured())
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_apply_gives_up_as_it_is_asked(disk: Disk) -> None:
    with managing(disk) as manager:
        with pytest.raises(DeadlineExceededError, match=r"m: .*(does not exist|being looked for)"):
            manager.apply(disk.config(m=""), deadline=time.monotonic() + 0.2)
        manager.apply(disk.config())
        given_up = threading.Event()
        with meanwhile(manager, given_up.set), pytest.raises(CancelledError):
            manager.apply(disk.config(m=""), given_up=given_up)
        manager.apply(disk.config())
        removed = pytest.raises(AbortedError, match="model m was removed by a later configuration")
        with meanwhile(manager, lambda: manager.apply(disk.config())), removed:
            manager.apply(disk.config(m=""))


def test_apply_does_not_outlast_the_manager(disk: Disk) -> None:
    with managing(disk) as manager:
        stopping = pytest.raises(UnavailableError, match="the server is stopping")
        with meanwhile(manager, manager.stop), stopping:
            manager.apply(disk.config(m=""))


def test_apply_says_which_new_models_failed(disk: Disk) -> None:
    disk.put("m", 4, "bad")
    disk.put("n", 1)
    with managing(disk) as manager:
        with pytest.raises(UnknownError) as caught:
            manager.apply(disk.config(m="", n=""))
        assert str(caught.value).startswith(
            "1 model(s) did not become available: {{{name: m version: 4} due to error: DATA_LOSS: "
        )
        assert manager.available("n") == {1}


def test_apply_tells_of_the_config_after_the_loads(disk: Disk) -> None:
    disk.put("m", 1)
    seen: list[object] = []
    with managing(disk) as manager:

        def tell(models: object) -> None:
            seen.append((models, manager.available("m")))
            raise InvalidArgumentError("No request-logger-creator provided.")

        manager.on_config.append(tell)
        with pytest.raises(InvalidArgumentError, match="No request-logger-creator provided"):
            manager.apply(disk.config(m=""))
        assert seen == [(manager.configured(), {1})]


def test_kinds_of_config(disk: Disk) -> None:
    custom = pb.ModelServerConfig()
    custom.custom_model_config.SetInParent()
    with managing(disk) as manager:
        manager.apply(pb.ModelServerConfig())  # nothing, while there is nothing
        with pytest.raises(InvalidArgumentError, match="custom_model_config"):
            manager.apply(custom)
        manager.apply(disk.config())
        for config in (custom, pb.ModelServerConfig()):
            with pytest.raises(FailedPreconditionError, match="Cannot transition to requested config"):
                manager.apply(config)


def test_a_config_that_is_refused_changes_nothing(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        bad = disk.config(m="", n="")
        bad.model_config_list.config[1].model_platform = "pytorch"
        with pytest.raises(InvalidArgumentError, match="Model n requests unsupported platform pytorch"):
            manager.apply(bad)
        with pytest.raises(FailedPreconditionError, match="version 9 of model m, which is not currently available"):
            manager.apply(disk.config(m="version_labels { key: 'l' value: 9 }"))
        time.sleep(0.1)
        assert list(manager.configured()) == ["m"]
        assert states(manager, "m") == {1: "AVAILABLE"}


# ---- labels


def label(name: str, version: int) -> str:
    return f"version_labels {{ key: '{name}' value: {version} }}"


def test_labels_by_reload_need_their_version(disk: Disk) -> None:
    for version in (1, 2):
        disk.put("m", version)
    policy = "model_version_policy { all {} }"
    with managing(disk) as manager:
        with pytest.raises(FailedPreconditionError):
            manager.apply(disk.config(m=policy + label("stable", 1)))
        assert manager.configured() == {}
        manager.apply(disk.config(m=policy))
        until(lambda: manager.available("m") == {1, 2})
        manager.apply(disk.config(m=policy + label("stable", 1) + label("canary", 2)))
        assert manager.labels("m") == {"stable": 1, "canary": 2}
        with manager.handle("m", label="stable") as servable:
            assert servable.id.version == 1
        manager.apply(disk.config(m=policy + label("canary", 1)))
        assert manager.labels("m") == {"canary": 1}
        with pytest.raises(InvalidArgumentError, match="Unrecognized servable version label: stable"):
            manager.handle("m", label="stable")
        manager.apply(disk.config())
        assert manager.labels("m") == {}


def test_labels_by_file_wait_for_their_version(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m=label("stable", 1)), labels_wait=True)
        assert manager.labels("m") == {"stable": 1}
        manager.apply(disk.config(m=label("stable", 2) + label("new", 2)), labels_wait=True)
        assert manager.labels("m") == {"stable": 1}
        assert manager.waiting_labels("m") == {"stable": 2, "new": 2}
        disk.put("m", 2)
        until(lambda: manager.labels("m") == {"stable": 2, "new": 2})


def test_labels_of_unavailable_versions_where_they_are_allowed(disk: Disk) -> None:
    disk.put("m", 1)
    with managing(disk, allow_version_labels_for_unavailable_models=True) as manager:
        manager.apply(disk.config(m=label("next", 2)))
        assert manager.labels("m") == {"next": 2}
        with pytest.raises(NotFoundError, match=r"Servable not found for request: Specific\(m, 2\)"):
            manager.handle("m", label="next")
        with pytest.raises(FailedPreconditionError):
            manager.apply(disk.config(m=label("next", 3)))
        assert manager.labels("m") == {"next": 2}
