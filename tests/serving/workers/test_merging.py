"""What several workers say of their models, made one."""

from __future__ import annotations

from typing import Any

import pytest

from noria.errors import NotFoundError
from noria.serving.lifecycle.servable import State
from noria.serving.workers import merging

Row = dict[str, Any]


def version(number: int, state: str, **more: Any) -> Row:
    return {"version": number, "state": state, "memory_bytes": 10, "requests": 2, "in_flight": 1, **more}


def model(*versions: Row, name: str = "m", **more: Any) -> Row:
    available = any(v["state"] == "AVAILABLE" for v in versions)
    return {
        "name": name, "available": available, "labels": {"canary": 2}, "memory_bytes": 10 * len(versions),
        "requests": 2 * len(versions), "versions": list(versions), **more,
    }  # fmt: skip


def test_workers_that_agree_are_one_server() -> None:
    row = model(version(2, "AVAILABLE"), version(1, "END"))
    (found,) = merging.models({0: [row], 1: [row], 2: [row]})
    assert found == {
        "name": "m", "available": True, "labels": {"canary": 2}, "memory_bytes": 60, "requests": 12,
        "versions": [
            {"version": 2, "state": "AVAILABLE", "memory_bytes": 30, "requests": 6, "in_flight": 3},
            {"version": 1, "state": "END", "memory_bytes": 30, "requests": 6, "in_flight": 3},
        ],
    }  # fmt: skip


def test_labels_that_some_worker_waits_for() -> None:
    there, waits = model(version(2, "AVAILABLE")), model(version(2, "LOADING"), labels={}, labels_waiting={"canary": 2})
    (found,) = merging.models({0: [there], 1: [waits], 2: [there]})
    assert found["labels"] == {"canary": 2}
    assert found["labels_waiting"] == {"canary": 2}


@pytest.mark.parametrize(
    ("states", "merged"),
    [
        (["AVAILABLE", "AVAILABLE"], "AVAILABLE"),
        (["AVAILABLE", "LOADING"], "LOADING"),
        (["AVAILABLE", "START"], "LOADING"),
        (["AVAILABLE", None], "LOADING"),
        (["START", None], "START"),
        (["AVAILABLE", "UNLOADING"], "UNLOADING"),
        (["UNLOADING", "END"], "UNLOADING"),
        (["AVAILABLE", "END"], "UNLOADING"),
        (["END", None], "END"),
        (["UNLOADING", None], "UNLOADING"),
    ],
)
def test_a_version_is_as_far_as_the_last_worker(states: list[str | None], merged: str) -> None:
    rows = {w: [model(*([version(1, state)] if state else []))] for w, state in enumerate(states)}
    (found,) = merging.models(rows)
    assert found["versions"][0]["state"] == merged
    assert found["available"] is (states == ["AVAILABLE", "AVAILABLE"])


def test_a_version_that_failed_in_one_worker_has_failed_and_names_it() -> None:
    failed = version(1, "END", error_code="DATA_LOSS", reason="bad crc")
    (found,) = merging.models({0: [model(version(1, "AVAILABLE"))], 1: [model(failed)]})
    (row,) = found["versions"]
    assert (row["state"], row["error_code"], row["reason"]) == ("END", "DATA_LOSS", "worker 1: bad crc")
    response = merging.status([found], "m", None)
    (status,) = response.model_version_status
    assert (status.state, status.status.error_code) == (int(State.END), 15)
    assert status.status.error_message == "worker 1: bad crc"


def test_a_version_that_only_some_have() -> None:
    (found,) = merging.models({0: [model(version(1, "AVAILABLE"))], 1: [model(version(1, "LOADING"))], 2: [model()]})
    assert found["versions"][0]["reason"] == "available in 1 of 3 workers"


def test_a_model_that_one_worker_does_not_know() -> None:
    (found,) = merging.models({0: [model(version(1, "AVAILABLE"))], 3: []})
    assert not found["available"]
    assert found["reason"] == "worker 3: it does not know the model"


def test_reasons_that_all_share_are_said_once() -> None:
    row = model(reason="no versions")
    (found,) = merging.models({0: [row], 1: [row]})
    assert found["reason"] == "no versions"


def test_status_speaks_as_one_server_does() -> None:
    rows = merging.models({0: [model(version(1, "END"), version(2, "AVAILABLE"), reason="odd")]})
    assert [v.version for v in merging.status(rows, "m", None).model_version_status] == [2, 1]
    assert [v.version for v in merging.status(rows, "m", 1).model_version_status] == [1]
    with pytest.raises(NotFoundError, match=r"Could not find version 7 of model m$"):
        merging.status(rows, "m", 7)
    with pytest.raises(NotFoundError, match=r"Could not find any versions of model x$"):
        merging.status(rows, "x", None)
    with pytest.raises(NotFoundError, match=r"any versions of model e: empty$"):
        merging.status([model(name="e", reason="empty")], "e", None)


def test_no_worker_no_models() -> None:
    assert merging.models({}) == []
