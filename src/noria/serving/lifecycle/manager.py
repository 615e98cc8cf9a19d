"""Holds the model versions of a server: loads, finds and unloads them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from noria.errors import AlreadyExistsError, InternalError, InvalidArgumentError, NotFoundError, TFError
from noria.serving.lifecycle.admission import Admission
from noria.serving.lifecycle.servable import Model, Servable, ServableId, State

_LOG = logging.getLogger(__name__)


class Manager:
    """All versions this server knows, those that ended included. Thread-safe; a lookup takes no lock.

    loader: gives the loaded model of a path; admission: what the model goes through before it takes traffic (warm-up,
    gate). What they raise becomes the version's error.
    """

    def __init__(self, loader: Callable[[str], Model], admission: Admission | None = None) -> None:
        self._loader = loader
        self._admission = admission
        self._changing = threading.Lock()
        self._versions: dict[str, dict[int, Servable]] = {}
        self._latest: dict[str, Servable] = {}  # the highest available version of each name

    def load(self, name: str, version: int, path: str) -> Servable:
        """Loads a version and makes it available; on failure it ends with the error, which is raised too."""
        servable = Servable(ServableId(name, version), path)
        with self._changing:
            versions = self._versions.get(name, {})
            known = versions.get(version)
            if known is not None and known.state is not State.END:
                raise AlreadyExistsError(f"{name} version {version} is already there, in state {known.state.name}")
            self._versions[name] = {**versions, version: servable}
        servable.move(State.LOADING)
        try:
            model = self._loader(path)
            self._admit(servable, model)
        except Exception as error:
            known_error = error if isinstance(error, TFError) else InternalError(f"{type(error).__name__}: {error}")
            servable.move(State.END, error=known_error)
            raise known_error from error
        servable.move(State.AVAILABLE, model=model)
        self._choose_latest(name)
        _LOG.info("loaded %s version %d from %s", name, version, path)
        return servable

    def _admit(self, servable: Servable, model: Model) -> None:
        if self._admission is None:
            return
        serving = self._latest.get(servable.id.name)
        if serving is not None and not serving.acquire():
            serving = None
        try:
            self._admission(servable, model, serving)
        finally:
            if serving is not None:
                serving.release()

    def unload(self, name: str, version: int) -> None:
        """Takes a version out of service, waits until its requests are answered, and lets go of its model."""
        servable = self._versions.get(name, {}).get(version)
        if servable is None:
            raise NotFoundError(f"Could not find version {version} of model {name}")
        servable.move(State.UNLOADING)
        self._choose_latest(name)
        servable.wait_until_free()
        servable.move(State.END)  # which drops the model, and with it its sessions and mappings

    def close(self) -> None:
        """Unloads every available version."""
        for name, versions in list(self._versions.items()):
            for version, servable in versions.items():
                if servable.state is State.AVAILABLE:
                    self.unload(name, version)

    def handle(self, name: str, version: int | None = None, label: str | None = None) -> Servable:
        """A held servable for ``with``: the version asked for, else the highest available one.

        Raises InvalidArgumentError without a name or for a label nobody assigned; NotFoundError when it is not loaded.
        """
        if not name:
            raise InvalidArgumentError("ModelSpec has no name specified.")
        if label is not None:
            raise InvalidArgumentError(f"Unrecognized servable version label: {label}")
        if version is None:
            servable = self._latest.get(name)
            if servable is None or not servable.acquire():
                raise NotFoundError(f"Servable not found for request: Latest({name})")
            return servable
        servable = self._versions.get(name, {}).get(version)
        if servable is None or not servable.acquire():
            raise NotFoundError(f"Servable not found for request: Specific({name}, {version})")
        return servable

    def names(self) -> list[str]:
        """The models that have versions here, those that ended included."""
        return sorted(self._versions)

    def versions(self, name: str) -> list[Servable]:
        """Every known version of a model, highest first; empty for an unknown model."""
        return [servable for _, servable in sorted(self._versions.get(name, {}).items(), reverse=True)]

    def _choose_latest(self, name: str) -> None:
        with self._changing:
            available = [s for s in self.versions(name) if s.state is State.AVAILABLE]
            if available:
                self._latest[name] = available[0]
            else:
                self._latest.pop(name, None)
