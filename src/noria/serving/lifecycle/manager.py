"""Holds the model versions of a server: finds them on disk, loads, serves and unloads them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from noria.errors import (
    AbortedError,
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    TFError,
    UnavailableError,
    UnknownError,
)
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import in_place, labels, memory, model_config, policy, source
from noria.serving.lifecycle.admission import Admission
from noria.serving.lifecycle.arrival import Arrival, Arrivals
from noria.serving.lifecycle.catalog import Catalog
from noria.serving.lifecycle.conductor import Conductor, known_error
from noria.serving.lifecycle.model_config import ModelConfig
from noria.serving.lifecycle.on_demand import AsleepError
from noria.serving.lifecycle.record import Look, Record
from noria.serving.lifecycle.servable import Model, Servable, ServableId, State, WarmUp
from noria.serving.lifecycle.source import Intervals, Source

_LOG = logging.getLogger(__name__)

_GLANCE: Final = 0.2  # seconds between looks at whether a caller still waits
_SETTLE_SECONDS: Final = 3.0  # a version on disk that cannot be loaded for so long is not about to be


class Manager(Catalog):
    """All versions this server knows, those that ended included. Thread-safe; a lookup takes no lock of the manager.

    Versions come in two ways: by ``apply``, which starts the threads that watch the configured models, or one at a
    time by ``load``. loader: gives the loaded model of a path; admission: what the model goes through before it takes
    traffic (warm-up, gate). What they raise becomes the version's error. on_config: called with the models of each
    configuration once its new models are there; what one raises is the configuration's error. on_load: with path,
    seconds and success of each load; on_warm_up: with the path of each version that has warm-up records.
    """

    def __init__(
        self, loader: Callable[[str], Model], admission: Admission | None = None, config: ServerConfig | None = None
    ) -> None:
        super().__init__()
        self._loader = loader
        self._admission = admission
        self._config = config = ServerConfig() if config is None else config
        if config.version_transition not in policy.TRANSITIONS:
            raise InvalidArgumentError(
                f"--version_transition is {' or '.join(policy.TRANSITIONS)}; got {config.version_transition!r}"
            )
        self.on_config: list[Callable[[Mapping[str, ModelConfig]], None]] = []
        self.on_load: list[Callable[[str, float, bool], None]] = []
        self.on_warm_up: list[Callable[[str, WarmUp], None]] = []
        local = config.file_system_poll_wait_seconds
        remote = config.remote_file_system_poll_wait_seconds
        self._source = Source(self._look, Intervals(local if local > 0 else None, remote if remote > 0 else None))
        self._arrivals: dict[str, Arrivals] = {}  # by model
        self._conductor = Conductor(self, self._load_model, self._source.ask, config)
        self._applying = threading.Lock()
        self._newest = 0  # configurations accepted
        self._listed = False  # a list of models has been accepted
        self._was_ready = False
        self._has_settled = False
        self._asleep = "its first request loads it" if config.load_on_demand else "it was unloaded by a call"

    # ---- configured models

    def apply(
        self,
        config: pb.ModelServerConfig,
        *,
        wait: bool = True,
        labels_wait: bool = False,
        deadline: float | None = None,
        given_up: threading.Event | None = None,
    ) -> None:
        """Serves the models of ``config`` and no others, in TensorFlow Serving's order and words.

        Checks the config, assigns labels, lets go of models that are not listed (they unload later), starts loading,
        waits until each new model has a version available, then tells ``on_config``. An empty config does nothing
        while none has been given.

        wait: False to return as soon as loading has begun. labels_wait: a label takes effect when its version becomes
        available, instead of being refused (as --model_config_file needs it). deadline: on ``time.monotonic``.
        given_up: set by the caller to end the wait. Blocks; not for an event loop.

        Raises InvalidArgumentError for a config that is wrong in itself; FailedPreconditionError for a label of a
        version that is not available, and for a config that is no list of models after one that was; UnknownError when
        new models failed to load; DeadlineExceededError; AbortedError when a later call replaced this one;
        CancelledError after ``given_up``; UnavailableError after ``stop``.
        """
        with self._applying:
            if not self._check_kind(config):
                return
            model_config.check_list(config)
            model_config.check_platforms(config, self.configured())
            if not labels_wait:
                self._check_labels(config)
            models = model_config.models(config)
            self._listed = True
            for name in models:
                _LOG.info("(re-)adding model: %s", name)
            newest = self._newest = self._newest + 1
            new = self._conductor.configure(models)
            if self._config.allow_version_labels_for_unavailable_models:
                for name, model in models.items():
                    current = self.labels(name)
                    unmoved = {label for label, v in model.labels.items() if current.get(label, v) == v}
                    self._conductor.assign_at_once(name, unmoved)
            for name in self._arrivals.keys() - models.keys():
                self._arrivals.pop(name, None)
            self._source.watch({name: model.base_path for name, model in models.items()}, now=models)
        if wait:
            self._wait_available(new, deadline, given_up)
        with self._applying:
            if newest == self._newest:  # else a later configuration has told, or will
                for tell in self.on_config:
                    tell(models)

    def configured(self) -> dict[str, ModelConfig]:
        """The models of the newest configuration, by name."""
        with self._conductor.changed:
            return {name: record.config for name, record in self._conductor.records.items() if record.configured}

    def names(self) -> list[str]:
        """The configured models, then those that are not and still have versions here."""
        return list(dict.fromkeys([*self.configured(), *super().names()]))

    def missing(self) -> list[str]:
        """Why the server is not ready: a sentence for each model without an available version, or whose first versions
        are still loading; [] when it is ready.

        Once every model has been available the server is ready as long as one of them is: what befalls a model later
        is that model's own trouble, and shows in its status.
        """
        found = self.unavailable() if self._was_ready else self._arriving() | self.unavailable()
        models = len(self.configured())
        if not found or (self._was_ready and len(found) < models):
            self._was_ready = models > 0
            return []
        return [f"{name}: {why}" for name, why in found.items()]

    def unavailable(self) -> dict[str, str]:
        """The configured models without an available version, and why each has none."""
        with self._conductor.changed:
            return {
                name: self._reason(record)
                for name, record in self._conductor.records.items()
                if record.configured and not record.asleep and self.latest(name) is None
            }

    def _arriving(self) -> dict[str, str]:
        """The models some of whose wanted versions are about to be available, be one there already or not."""
        with self._conductor.changed:
            return {
                name: f"version {record.loading()[0]} is still loading"
                for name, record in self._conductor.records.items()
                if record.configured and record.loading()
            }

    def waiting_labels(self, name: str) -> dict[str, int]:
        """Labels of a model that do not stand yet for the version they were asked for."""
        current = self.labels(name)
        with self._conductor.changed:
            record = self._conductor.records.get(name)
            asked = {} if record is None or not record.configured else record.config.labels
            return {label: version for label, version in asked.items() if current.get(label) != version}

    def trouble(self, name: str) -> str:
        """What is wrong with a model's base path, or that the model is asleep; "" when nothing is known to be."""
        with self._conductor.changed:
            record = self._conductor.records.get(name)
            if record is None or not record.configured:
                return ""
            return record.trouble or (self._asleep if record.asleep else "")

    def unlabelled(self, name: str, label: str) -> TFError:
        """As the catalog's; AsleepError for a label that comes with a version that is asleep, and as ``absent``."""
        error = self._starting(name) or super().unlabelled(name, label)
        if self._config.load_on_demand and label in self.waiting_labels(name):
            absent = self.absent(name, error.message)
            if isinstance(absent, AsleepError):
                return absent
        return error

    def absent(self, name: str, message: str) -> TFError:
        """As the catalog's; AsleepError for a model that would serve if it were woken, or is about to.

        UnavailableError, which clients try again after, while a server that starts still loads the model: TensorFlow
        Serving's port is closed until then.
        """
        record = self._conductor.records.get(name) if self._config.load_on_demand else None
        if record is None or not record.configured or self.stirring(name) is None:
            return self._starting(name) or NotFoundError(message)
        return AsleepError(name, message)

    def _starting(self, name: str) -> UnavailableError | None:
        """The error of a request for a model that a server that starts has not loaded yet."""
        if self._has_settled:
            return None
        with self._conductor.changed:
            self._has_settled = self.settled()
            record = self._conductor.records.get(name)
            if record is None or not record.configured or self._is_settled(record):
                return None
        return UnavailableError(f"the server has just started and still loads model {name}; try again")

    def wake(self, name: str) -> bool:
        """Starts to load a model that is asleep; False for one that is not configured."""
        return self._conductor.wake(name)

    def put_to_sleep(self, name: str) -> bool:
        """Unloads a configured model until it is asked for; False for one that is not configured."""
        return self._conductor.put_to_sleep(name)

    def stirring(self, name: str) -> str | None:
        """How a woken model stands: None when it serves all it can, "" while it is on its way, else why it cannot."""
        with self._conductor.changed:  # or it could begin to serve between two looks, and have no reason not to
            record = self._conductor.records.get(name)
            if self.latest(name) is not None and (record is None or not record.loading()):
                return None
            if record is None or not record.configured:
                return "it is not configured any more"
            return self._reason(record) if self._is_settled(record) and not record.asleep else ""

    def settled(self) -> bool:
        """Whether every configured model serves all that is wanted of it, or is known to be unable to for now."""
        with self._conductor.changed:
            return all(self._is_settled(r) for r in self._conductor.records.values() if r.configured)

    def wait_settled(self, timeout: float | None = None) -> bool:
        """Waits for ``settled``; False when ``timeout``, in seconds, is not enough."""
        with self._conductor.changed:
            return self._conductor.changed.wait_for(self.settled, timeout)

    def look_now(self, name: str) -> None:
        """Looks for versions of a model as soon as possible, whatever the polling interval."""
        self._source.ask(name)

    # ---- versions one at a time

    def load(self, name: str, version: int, path: str) -> Servable:
        """Loads a version and makes it available; on failure it ends with the error, which is raised too."""
        servable = Servable(ServableId(name, version), path)
        self.add(servable)
        servable.move(State.LOADING)
        try:
            model = self._load_model(servable)
        except Exception as error:
            kept = known_error(error)
            servable.move(State.END, error=kept)
            raise kept from None
        self.put_in_service(servable, model)
        _LOG.info("loaded %s version %d from %s", name, version, path)
        return servable

    def unload(self, name: str, version: int) -> None:
        """Takes a version out of service, waits until its requests are answered, and lets go of its model."""
        servable = self.version(name, version)
        if servable is None:
            raise NotFoundError(f"Could not find version {version} of model {name}")
        if not self.take_out_of_service(servable):
            raise FailedPreconditionError(f"{name} version {version} is not loaded but in state {servable.state.name}")
        servable.wait_until_free()
        self.end(servable)

    def stop(self) -> None:
        """Ends the threads: nothing is looked for, loaded or unloaded any more; what serves goes on serving."""
        self._source.close()
        self._conductor.close()

    def busy(self) -> bool:
        """Whether loads or unloads that have begun are still running."""
        return self._conductor.busy()

    def close(self) -> None:
        """Ends the threads and unloads every available version."""
        self.stop()
        for name in self.names():
            for servable in self.versions(name):
                if self.take_out_of_service(servable):
                    servable.wait_until_free()
                    self.end(servable)
        memory.release()

    # ---- inside

    def _load_model(self, servable: Servable) -> Model:
        start = time.perf_counter()
        if not self._config.copy_models:
            servable.mapped = in_place.mapped_files(servable.path)
        try:
            model = self._loader(servable.path)
        except Exception:
            self._tell_load(servable, start, success=False)
            raise
        self._tell_load(servable, start, success=True)
        try:
            self._admit(servable, model)
        finally:
            servable.load_seconds = time.perf_counter() - start
            if servable.warm_up is not None:
                for tell in self.on_warm_up:
                    tell(servable.path, servable.warm_up)
        return model

    def _tell_load(self, servable: Servable, start: float, *, success: bool) -> None:
        seconds = time.perf_counter() - start
        for tell in self.on_load:
            tell(servable.path, seconds, success)

    def _admit(self, servable: Servable, model: Model) -> None:
        if self._admission is not None:
            serving = self.latest(servable.id.name)
            if serving is not None and not serving.acquire(counted=False):
                serving = None
            try:
                self._admission(servable, model, serving)
            finally:
                if serving is not None:
                    serving.release()

    def _look(self, name: str) -> bool:
        """One look at a model's base path; True when a version is on its way and should be looked at soon."""
        with self._conductor.changed:
            record = self._conductor.records.get(name)
            if record is None or not record.configured:
                return False
            config = record.config
        try:
            found = source.scan(config.base_path)
        except TFError as error:
            self._conductor.report(config, error)
            return False
        spoiled = [servable for servable in self.versions(name) if self._spoiled(servable)]
        arrivals = self._look_closely(record, config, found)
        empty = "" if found else source.missing_version_message(name, config.base_path)
        self._conductor.report(config, Look(found, arrivals, empty))
        return bool(spoiled) or any(arrival.waiting for arrival in arrivals.values())

    def _spoiled(self, servable: Servable) -> bool:
        """Whether the files that a version serves from were written to; it leaves then."""
        if servable.state is not State.AVAILABLE or not (path := in_place.written(servable.mapped)):
            return False
        error = DataLossError(
            f"its files were changed in place; {path} is not what was loaded. They load anew once nobody writes them. "
            "Give new content a new version directory, or replace files by renaming others over them"
        )
        self._conductor.spoiled(servable, error)
        return True

    def _look_closely(self, record: Record, config: ModelConfig, found: Mapping[int, str]) -> dict[int, Arrival]:
        """How the versions stand that the policy could want and that do not serve."""
        seen: dict[int, Arrival] = {}
        arrivals = self._arrivals.setdefault(config.name, Arrivals(self._config.version_settle_seconds))
        with self._conductor.changed:
            unfit = {version for version, track in record.tracks.items() if track.failing}
            asked = {version for version in found if record.in_question(version, found[version])}
        # What failed and would serve if it were mended, though another one that failed stands above it.
        mended = {version for version in unfit if version in policy.wanted(config.policy, found, unfit - {version})}
        while True:
            waiting = {version for version, arrival in seen.items() if arrival.waiting}
            new = ((policy.wanted(config.policy, found, unfit | waiting) | mended) & asked) - seen.keys()
            if not new:
                arrivals.keep({found[version] for version in seen})
                return seen
            for version in new:
                try:
                    seen[version] = arrivals.look(found[version])
                except NotFoundError as error:  # gone since the scan, or not readable
                    seen[version] = Arrival(error.message, ())

    def _check_kind(self, config: pb.ModelServerConfig) -> bool:
        """False for an empty config while none has been given, which changes nothing."""
        kind = config.WhichOneof("config")
        if self._listed and kind != "model_config_list":
            raise FailedPreconditionError(
                "Cannot transition to requested config. It is only legal to transition from one ModelConfigList to "
                "another."
            )
        if kind == "custom_model_config":
            raise InvalidArgumentError(
                "a custom_model_config needs a server built with a loader for it; list the models in model_config_list"
            )
        if kind is None:
            _LOG.info("taking no action for empty config")
        return kind is not None

    def _check_labels(self, config: pb.ModelServerConfig) -> None:
        for model in config.model_config_list.config:
            labels.check(
                model.name,
                model.version_labels,
                self.labels(model.name),
                self.available(model.name),
                allow_unavailable=self._config.allow_version_labels_for_unavailable_models,
            )

    def _wait_available(self, names: set[str], deadline: float | None, given_up: threading.Event | None) -> None:
        with self._conductor.changed:
            failed: list[str] = []
            waiting = set(names)
            while True:
                for name in tuple(waiting):
                    record = self._conductor.records.get(name)
                    if record is None or not record.configured:
                        raise AbortedError(f"model {name} was removed by a later configuration before it was available")
                    if record.asleep or self.latest(name) is not None:
                        waiting.discard(name)
                    elif why := self._why_failed(record):
                        waiting.discard(name)
                        failed.append(why)
                if not waiting:
                    break
                if self._conductor.closed:
                    raise UnavailableError("the server is stopping; the new models do not load any more")
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise DeadlineExceededError("; ".join(f"{n}: {w}" for n, w in self.unavailable().items()))
                if given_up is not None and given_up.is_set():
                    raise CancelledError("nobody waits for the new models any more; they go on loading")
                waits = [w for w in (left, _GLANCE if given_up is not None else None) if w is not None]
                self._conductor.changed.wait(min(waits) if waits else None)
        if failed:
            raise UnknownError(f"{len(failed)} model(s) did not become available: {{{', '.join(failed)}, }}")

    def _why_failed(self, record: Record) -> str:
        """The failed version of a model all of whose wanted versions have failed for good; "" for another model."""
        tracks = [record.tracks.get(version) for version in record.choose()]
        ended = [t.servable for t in tracks if t is not None and t.servable.state is State.END and t.servable.error]
        if not ended or len(ended) < len(tracks):
            return ""
        servable = max(ended, key=lambda each: each.id)
        error = servable.error
        assert error is not None
        return (
            f"{{{{name: {servable.id.name} version: {servable.id.version}}} due to error: {error.code.name}: {error}}}"
        )

    def _is_settled(self, record: Record) -> bool:
        if record.asleep or record.trouble:
            return True
        if self.latest(record.config.name) is not None:
            return not record.loading()
        if not record.looked:
            return False
        patient = time.monotonic() < record.since + _SETTLE_SECONDS
        wanted = record.choose()
        tracks = [record.tracks[version] for version in wanted if version in record.tracks]
        return len(tracks) == len(wanted) and all(
            track.failing or (track.servable.waiting and not patient) for track in tracks
        )

    def _reason(self, record: Record) -> str:
        if record.trouble:
            return record.trouble
        if not record.looked:
            return f"its versions under {record.config.base_path} are being looked for"
        if not record.found:
            return record.empty
        for version in sorted(record.choose(), reverse=True):
            track = record.tracks.get(version)
            if track is None:
                continue
            servable = track.servable
            if servable.error is not None:
                return f"version {version} does not load: {servable.error.message}"
            if servable.waiting:
                return f"version {version} waits: {servable.waiting}"
            return f"version {version} is in state {servable.state.name}"
        return f"its version policy names none of the versions on disk ({sorted(record.found)})"
