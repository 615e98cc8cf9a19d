"""Decisions of a model's life, as pure functions: no clock, no lock, no files.

Which versions are wanted follows from the version policy of the model and from what is on disk (``wanted``); what to do
next follows from the states of its versions (a ``Transition``, one action at a time).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Final

from noria.serving.lifecycle.servable import State


@dataclass(frozen=True, slots=True)
class Latest:
    """The ``count`` highest versions."""

    count: int = 1


@dataclass(frozen=True, slots=True)
class All:
    """Every version."""


@dataclass(frozen=True, slots=True)
class Specific:
    """These versions and no others; none of them, when it is empty."""

    versions: frozenset[int]


VersionPolicy = Latest | All | Specific


def nominal(policy: VersionPolicy, found: Iterable[int]) -> set[int]:
    """The versions among ``found`` that the policy names, whatever became of them."""
    match policy:
        case Latest(count):
            return set(sorted(found, reverse=True)[:count])
        case Specific(versions):
            return set(versions.intersection(found))
        case All():
            return set(found)


def wanted(policy: VersionPolicy, found: Collection[int], unfit: AbstractSet[int]) -> set[int]:
    """The versions to serve.

    unfit: those that cannot be served as they are: still being copied, or failed. The highest of the others step in
    for them, so that a server started beside a broken newest version serves what its running siblings serve; a version
    that failed stays wanted as well, for it may be mended.
    """
    return nominal(policy, [version for version in found if version not in unfit]) | nominal(policy, found)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version as a policy sees it. ``loadable``: in START, and all of its files are there."""

    version: int
    state: State
    wanted: bool
    loadable: bool = False


class Do(Enum):
    """What an action does."""

    LOAD = "load"
    UNLOAD = "unload"


@dataclass(frozen=True, slots=True)
class Action:
    """The next step of one model."""

    do: Do
    version: int


Transition = Callable[[Sequence[Snapshot]], Action | None]


def preserve_availability(versions: Sequence[Snapshot]) -> Action | None:
    """New before old: the highest wanted version loads while unwanted ones still serve; these leave, lowest first, once
    a wanted one is available, once none is wanted, or while more than one of them is available.
    """
    old = [v.version for v in versions if v.state is State.AVAILABLE and not v.wanted]
    ready = any(v.state is State.AVAILABLE and v.wanted for v in versions)
    if old and (ready or len(old) > 1 or not any(v.wanted for v in versions)):
        return Action(Do.UNLOAD, min(old))
    return _load_highest(versions)


def preserve_resources(versions: Sequence[Snapshot]) -> Action | None:
    """Old before new: wanted versions load only when no unwanted one holds memory; requests fail in between."""
    old = [v.version for v in versions if v.state is State.AVAILABLE and not v.wanted]
    if old:
        return Action(Do.UNLOAD, min(old))
    if any(v.state in (State.LOADING, State.UNLOADING) and not v.wanted for v in versions):
        return None
    return _load_highest(versions)


def _load_highest(versions: Sequence[Snapshot]) -> Action | None:
    new = [v.version for v in versions if v.loadable and v.wanted]
    return Action(Do.LOAD, max(new)) if new else None


TRANSITIONS: Final[Mapping[str, Transition]] = {
    "availability": preserve_availability,
    "resource": preserve_resources,
}
