"""Which versions are wanted, and what is done next, as tables."""

from __future__ import annotations

import pytest

from noria.serving.lifecycle import policy
from noria.serving.lifecycle.policy import Action, All, Do, Latest, Snapshot, Specific, VersionPolicy
from noria.serving.lifecycle.servable import State

START, LOADING, AVAILABLE, UNLOADING, END = State.START, State.LOADING, State.AVAILABLE, State.UNLOADING, State.END


@pytest.mark.parametrize(
    ("rule", "found", "unfit", "expected"),
    [
        (Latest(), [], set(), set()),
        (Latest(), [1, 2, 10], set(), {10}),
        (Latest(2), [1, 2, 10], set(), {10, 2}),
        (Latest(5), [1, 2], set(), {1, 2}),
        # the next ones step in for what cannot be served, which stays wanted
        (Latest(), [1, 2, 10], {10}, {10, 2}),
        (Latest(2), [1, 2, 3, 10], {10, 2}, {10, 3, 1}),
        (Latest(), [10], {10}, {10}),
        (All(), [3, 1], {3}, {1, 3}),
        (Specific(frozenset({1, 7})), [1, 2], set(), {1}),
        (Specific(frozenset({2})), [1, 2], {2}, {2}),
        (Specific(frozenset()), [1, 2], set(), set()),
    ],
)
def test_wanted(rule: VersionPolicy, found: list[int], unfit: set[int], expected: set[int]) -> None:
    assert policy.wanted(rule, found, unfit) == expected


def snapshots(text: str) -> list[Snapshot]:
    """From "4 available, 5* start!": a star marks what is wanted, an exclamation mark what can load."""
    found = []
    for part in filter(None, text.split(", ")):
        number, state = part.split()
        found.append(
            Snapshot(int(number.rstrip("*")), State[state.rstrip("!").upper()], "*" in number, loadable="!" in state)
        )
    return found


def test_the_notation() -> None:
    assert snapshots("4 available, 5* start!") == [
        Snapshot(4, AVAILABLE, wanted=False),
        Snapshot(5, START, wanted=True, loadable=True),
    ]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("", None),
        ("5* start!", Action(Do.LOAD, 5)),
        ("5* start", None),  # still being copied
        ("5* start!, 6* start!", Action(Do.LOAD, 6)),
        ("5* loading, 6* start!", Action(Do.LOAD, 6)),
        ("5* available", None),
        # swap: new before old
        ("4 available, 5* start!", Action(Do.LOAD, 5)),
        ("4 available, 5* loading", None),
        ("4 available, 5* available", Action(Do.UNLOAD, 4)),
        ("4 unloading, 5* available", None),
        ("4 end, 5* available", None),
        # a new version that fails, or waits, leaves the old one in service
        ("4 available, 5* end", None),
        ("4 available, 5* start", None),
        # of several old ones the highest stays until the new one is there
        ("3 available, 4 available, 5* loading", Action(Do.UNLOAD, 3)),
        ("3 available, 4 available, 5* available", Action(Do.UNLOAD, 3)),
        # nothing wanted: everything leaves
        ("4 available", Action(Do.UNLOAD, 4)),
        ("3 available, 4 available", Action(Do.UNLOAD, 3)),
        ("3 unloading, 4 available", Action(Do.UNLOAD, 4)),
        # rollback: the lower one loads first
        ("5 available, 4* start!", Action(Do.LOAD, 4)),
        ("5 available, 4* available", Action(Do.UNLOAD, 5)),
    ],
)
def test_availability_is_preserved(versions: str, expected: Action | None) -> None:
    assert policy.preserve_availability(snapshots(versions)) == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("", None),
        ("5* start!, 6* start!", Action(Do.LOAD, 6)),
        ("4 available, 5* start!", Action(Do.UNLOAD, 4)),
        ("3 available, 4 available, 5* start!", Action(Do.UNLOAD, 3)),
        ("4 unloading, 5* start!", None),
        ("4 loading, 5* start!", None),
        ("4 end, 5* start!", Action(Do.LOAD, 5)),
        ("4* available, 5* start!", Action(Do.LOAD, 5)),
        ("4 available", Action(Do.UNLOAD, 4)),
    ],
)
def test_resources_are_preserved(versions: str, expected: Action | None) -> None:
    assert policy.preserve_resources(snapshots(versions)) == expected


@pytest.mark.parametrize("name", policy.TRANSITIONS)
def test_every_start_comes_to_rest(name: str) -> None:
    """Whatever the states and wishes of three versions, the actions end, and end with what is wanted in service."""
    states = [START, AVAILABLE]
    for code in range(4**3):
        versions = {
            n: (states[(code >> 2 * n) & 1], bool((code >> (2 * n + 1)) & 1)) for n in range(3)
        }  # (state, wanted)
        for _ in range(20):
            action = policy.TRANSITIONS[name](
                [Snapshot(n, s, w, loadable=s is START) for n, (s, w) in versions.items()]
            )
            if action is None:
                break
            done = AVAILABLE if action.do is Do.LOAD else END
            versions[action.version] = (done, versions[action.version][1])
        else:
            raise AssertionError(f"{versions} never comes to rest")
        assert all((state is AVAILABLE) == wanted for state, wanted in versions.values() if state is not START)
        assert all(not wanted for state, wanted in versions.values() if state is START)
