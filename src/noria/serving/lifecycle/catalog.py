"""The model versions of a server by name, version and label: what a request looks up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sized
from typing import TypeVar

from noria.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, TFError
from noria.serving.lifecycle.servable import Model, Servable, State

T = TypeVar("T", bound=Sized)


class Catalog:
    """All versions this server knows, those that ended included. Thread-safe.

    A lookup takes no lock of the catalog: each change puts a new dict in the place of the old one. on_end: called with
    each version that has been in service and is not any more, in any thread.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._versions: dict[str, dict[int, Servable]] = {}
        self._latest: dict[str, Servable] = {}  # the highest available version of each name
        self._labels: dict[str, dict[str, int]] = {}
        self.on_end: list[Callable[[Servable], None]] = []

    def handle(self, name: str, version: int | None = None, label: str | None = None) -> Servable:
        """A held servable for ``with``: the version or the label asked for, else the highest available version.

        Raises InvalidArgumentError without a name or for a label nobody assigned; NotFoundError when it is not loaded.
        """
        if not name:
            raise InvalidArgumentError("ModelSpec has no name specified.")
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise self.unlabelled(name, label)
        if version is None:
            while (servable := self._latest.get(name)) is not None:
                if servable.acquire():
                    return servable
                if self._latest.get(name) is servable:  # else it has just been replaced by another version
                    break
            raise self.absent(name, f"Servable not found for request: Latest({name})")
        servable = self._versions.get(name, {}).get(version)
        if servable is None or not servable.acquire():
            raise self.absent(name, f"Servable not found for request: Specific({name}, {version})")
        return servable

    def unlabelled(self, name: str, label: str) -> TFError:
        """The error of a request for a label that stands for no version."""
        return InvalidArgumentError(f"Unrecognized servable version label: {label}")

    def absent(self, name: str, message: str) -> TFError:
        """The error of a request for a version that is not available."""
        return NotFoundError(message)

    def versions(self, name: str) -> list[Servable]:
        """Every known version of a model, highest first; empty for an unknown model."""
        return [servable for _, servable in sorted(self._versions.get(name, {}).items(), reverse=True)]

    def version(self, name: str, version: int) -> Servable | None:
        """A known version, whatever its state."""
        return self._versions.get(name, {}).get(version)

    def names(self) -> list[str]:
        """The models that have a version here, whatever its state."""
        return list(self._versions)

    def labels(self, name: str) -> Mapping[str, int]:
        """The versions that the labels of a model stand for."""
        return self._labels.get(name, {})

    def latest(self, name: str) -> Servable | None:
        """The highest available version, not held."""
        return self._latest.get(name)

    def available(self, name: str) -> set[int]:
        """The versions of a model that answer requests."""
        with self._changing:  # else one might be seen after it has left, and the one in its place before it has come
            return {v for v, servable in self._versions.get(name, {}).items() if servable.state is State.AVAILABLE}

    def add(self, servable: Servable) -> None:
        """Takes a new version in; one of that number that has ended makes room. Raises AlreadyExistsError otherwise."""
        name, version = servable.id.name, servable.id.version
        with self._changing:
            versions = self._versions.get(name, {})
            known = versions.get(version)
            if known is not None and known.state is not State.END:
                raise AlreadyExistsError(f"{name} version {version} is already there, in state {known.state.name}")
            self._versions = {**self._versions, name: {**versions, version: servable}}

    def forget(self, servable: Servable) -> None:
        """Removes a version that is not in service."""
        name, version = servable.id.name, servable.id.version
        with self._changing:
            versions = {n: s for n, s in self._versions.get(name, {}).items() if n != version or s is not servable}
            self._versions = _replaced(self._versions, name, versions)

    def put_in_service(self, servable: Servable, model: Model) -> None:
        """LOADING -> AVAILABLE; requests find it from now on."""
        with self._changing:
            servable.move(State.AVAILABLE, model=model)
            self._choose_latest(servable.id.name)

    def replace(self, servable: Servable, model: Model) -> None:
        """LOADING -> AVAILABLE for a version in the place of one of the same number, which goes to UNLOADING."""
        name, version = servable.id.name, servable.id.version
        with self._changing:
            old = self._versions.get(name, {}).get(version)
            servable.move(State.AVAILABLE, model=model)
            self._versions = {**self._versions, name: {**self._versions.get(name, {}), version: servable}}
            self._choose_latest(name)
            if old is not None and old.state is State.AVAILABLE:
                old.move(State.UNLOADING)

    def take_out_of_service(self, servable: Servable, error: TFError | None = None) -> bool:
        """AVAILABLE -> UNLOADING. Requests for the latest version go to another one before it refuses them.

        error: why, where it is not by plan. False, and nothing changed, in any other state.
        """
        with self._changing:
            if servable.state is not State.AVAILABLE:
                return False
            self._choose_latest(servable.id.name, but=servable)
            servable.move(State.UNLOADING, error=error)
            return True

    def end(self, servable: Servable) -> None:
        """UNLOADING -> END, once no handle is held."""
        servable.move(State.END, error=servable.error)
        if self.version(servable.id.name, servable.id.version) in (servable, None):  # else another goes by its name
            for tell in self.on_end:
                tell(servable)

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replaces all labels of a model."""
        with self._changing:
            self._labels = _replaced(self._labels, name, dict(labels))

    def _choose_latest(self, name: str, but: Servable | None = None) -> None:
        available = [s for s in self.versions(name) if s.state is State.AVAILABLE and s is not but]
        latest = {each: servable for each, servable in self._latest.items() if each != name}
        if available:
            latest[name] = available[0]
        self._latest = latest


def _replaced(old: dict[str, T], name: str, value: T) -> dict[str, T]:
    """``old`` with another value, or, where that is empty, without the name."""
    new = {each: kept for each, kept in old.items() if each != name or value}
    if value:
        new[name] = value
    return new
