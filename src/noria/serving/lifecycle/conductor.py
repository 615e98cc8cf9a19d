"""Brings the versions of configured models to the states that are wanted, in threads of its own.

One thread decides, each time something has happened: a look at the disk, a new configuration, the end of a load or of
an unload, a retry that is due. Loads and unloads run in a thread each, so many at a time as the flags allow.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from noria.compile.ort import available_cpus
from noria.errors import Code, InternalError, TFError
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import labels, memory, on_demand, policy
from noria.serving.lifecycle.arrival import CHANGING, Arrival
from noria.serving.lifecycle.calm import calmly
from noria.serving.lifecycle.catalog import Catalog
from noria.serving.lifecycle.model_config import ModelConfig
from noria.serving.lifecycle.policy import Do, Snapshot
from noria.serving.lifecycle.record import Look, Record, Track
from noria.serving.lifecycle.servable import Model, Servable, ServableId, State
from noria.serving.observe.event_log import event

_LOG = logging.getLogger(__name__)

_STATE: Final = "model_state"  # the event
_SWEEP_SECONDS: Final = 1.0  # between looks at what has ended long ago, and at what is used


class Conductor:
    """See the module. ``changed`` guards ``records`` and tells of every step; nothing slow is done under it.

    load: turns a servable into its model, or raises; look: asks for a look at a model's base path; closed: nothing
    begins any more.
    """

    def __init__(
        self, catalog: Catalog, load: Callable[[Servable], Model], look: Callable[[str], None], config: ServerConfig
    ) -> None:
        self.changed = threading.Condition()
        self.records: dict[str, Record] = {}
        self._catalog = catalog
        self._load_model = load
        self._look = look
        self._config = config
        self._transition = policy.TRANSITIONS[config.version_transition]
        self._retry_seconds = config.load_retry_interval_micros / 1e6
        self._unload_slots = threading.Semaphore(max(config.num_unload_threads, 1))
        self._loading = self._unloading = 0
        self._dirty: set[str] = set()
        self._blocked: dict[str, None] = {}  # models with a load that waits for a free thread, in order
        self._limit = 1  # of loads at a time
        self._next_retry = math.inf  # on time.monotonic
        self._next_sweep = 0.0
        self._sweep_seconds = min(max(config.ended_version_seconds / 10, 0.05), _SWEEP_SECONDS)
        self._thread: threading.Thread | None = None
        self.closed = False

    # ---- what happens from outside

    def configure(self, models: Mapping[str, ModelConfig]) -> set[str]:
        """Takes a full configuration over; the names of the models that are new."""
        with self.changed:
            new = {name for name in models if name not in self.records or not self.records[name].configured}
            for name, model in models.items():
                record = self.records.get(name)
                if record is None:
                    record = self.records[name] = Record(model, asleep=self._config.load_on_demand)
                elif record.config.base_path != model.base_path:
                    record.looked = False  # what is served stays until the new place has been seen
                record.warned = record.warned and record.config == model
                record.config, record.configured = model, True
                self._update_labels(record)
            for name, record in self.records.items():
                if name not in models:
                    record.configured = False
                    self._catalog.set_labels(name, {})
            self._wake(*self.records)
            if self._thread is None and not self.closed:
                self._thread = threading.Thread(target=self._run, name="noria-conductor", daemon=True)
                self._thread.start()
            return new

    def assign_at_once(self, name: str, chosen: set[str]) -> None:
        """These labels of a model take effect whether their version is available or not."""
        with self.changed:
            self.records[name].labels_at_once = chosen
            self._update_labels(self.records[name])

    def report(self, config: ModelConfig, found: Look | TFError) -> None:
        """Takes in what a look at the base path of ``config`` has found."""
        with self.changed:
            record = self.records.get(config.name)
            if record is None or record.config.base_path != config.base_path or not record.configured:
                return
            first, record.looked = not record.looked, True
            trouble = found.message if isinstance(found, TFError) else ""
            if trouble and trouble != record.trouble:
                _LOG.warning("model %s: %s", config.name, trouble)
            changed, record.trouble = first or trouble != record.trouble, trouble
            if isinstance(found, Look) and not (record.warned and found.found.keys() == record.found.keys()):
                _warn_of_absent(record.config, found.found)
                record.warned = True
            if isinstance(found, Look) and (changed or found.arrivals or found.found != record.found):
                if found.found.keys() != record.found.keys() or first:
                    _LOG.info("model %s has on disk versions %s", config.name, sorted(found.found) or "none")
                self._take_in(record, found)
                changed = True
            if changed:
                self._wake(config.name)

    def spoiled(self, servable: Servable, error: TFError) -> None:
        """Takes a version out of service whose files are not those it was loaded from; they load once quiet."""
        with self.changed:
            name, version = servable.id.name, servable.id.version
            record = self.records.get(name)
            track = None if record is None else record.tracks.get(version)
            if track is None or track.servable is not servable:
                return
            if self._catalog.take_out_of_service(servable, error):
                track.tries, track.listing = 1, ()
                self._start_unload(track)
                self._wake(name)
        fields = event(_STATE, model=name, version=version, state=State.UNLOADING.name, error=error.message)
        _LOG.error("%s version %d leaves: %s", name, version, error.message, extra=fields)

    def wake(self, name: str) -> bool:
        """Loads a model that is asleep; another goes to sleep where there are too many. False for an unknown model."""
        with self.changed:
            record = self.records.get(name)
            if record is None or not record.configured:
                return False
            on_demand.note_use(self.records, self._catalog, time.monotonic())
            if record.asleep:
                _LOG.info("model %s is asked for and wakes", name)
                record.asleep, record.usage.at = False, time.monotonic()
                record.wanted = record.choose()  # what is wanted of it must never look like nothing from now on
                self._look(name)
                self._wake(name)
            for other in on_demand.too_many(self.records, self._config.max_loaded_models, but=name):
                self.put_to_sleep(other)
            return True

    def put_to_sleep(self, name: str) -> bool:
        """Unloads a model until it is asked for again. False for an unknown model."""
        with self.changed:
            record = self.records.get(name)
            if record is None or not record.configured:
                return False
            _LOG.info("model %s goes to sleep", name)
            record.asleep = True
            self._wake(name)
            return True

    def close(self) -> None:
        """No further loads; those under way end unused. Does not unload."""
        with self.changed:
            self.closed = True
            self._wake()

    def busy(self) -> bool:
        """Whether a load or unload is running."""
        with self.changed:
            return self._loading > 0 or self._unloading > 0

    def _wake(self, *names: str) -> None:
        self._dirty.update(names)
        self.changed.notify_all()

    # ---- deciding

    def _run(self) -> None:
        with self.changed:
            while not self.closed:
                self._limit = self._load_limit()
                dirty, self._dirty = self._dirty, set()
                for name in sorted(dirty, key=lambda each: self._catalog.latest(each) is not None):
                    self._step(name)
                while self._blocked and self._loading < self._limit:
                    name = next(iter(self._blocked))
                    del self._blocked[name]
                    self._step(name)
                now = time.monotonic()
                if now >= self._next_retry:
                    self._next_retry = self._retry(now)
                if now >= self._next_sweep:
                    self._next_sweep = now + self._sweep_seconds
                    self._expire(now)
                    on_demand.note_use(self.records, self._catalog, now)
                if not self._dirty:
                    self.changed.wait(max(min(self._next_retry, self._next_sweep) - time.monotonic(), 0.0))

    def _step(self, name: str) -> None:
        """Does all that can be done for one model now."""
        record = self.records.get(name)
        if record is None:
            return
        self._settle(record)
        self._update_labels(record)
        while action := self._transition(self._snapshots(record)):
            track = record.tracks[action.version]
            if action.do is Do.UNLOAD:
                if self._catalog.take_out_of_service(track.servable):
                    self._start_unload(track)
            elif self._loading < self._limit:
                track.servable.move(State.LOADING)
                self._start_load(record, track)
            else:
                self._blocked[name] = None
                break
        if not record.configured and not any(s.state is not State.END for s in self._catalog.versions(name)):
            del self.records[name]

    def _take_in(self, record: Record, look: Look) -> None:
        record.found, record.empty = look.found, look.empty
        record.arriving = {v: arrival.waiting for v, arrival in look.arrivals.items() if arrival.waiting}
        for version, arrival in look.arrivals.items():
            track = record.tracks.get(version)
            if track is not None and track.servable.path != record.found[version]:
                track = self._give_up_elsewhere(record, track)
            if track is None:
                self._begin(record, version, arrival)
            elif track.servable.state is State.START:
                _note_waiting(track.servable, arrival.waiting)
                track.listing = arrival.listing
            elif track.servable.state is State.AVAILABLE and not arrival.waiting:
                self._begin_elsewhere(record, track, arrival)
            elif track.servable.state is State.END and track.servable.error is None:
                self._begin(record, version, arrival)
            elif track.failing and not track.active and not arrival.waiting and track.listing != arrival.listing:
                _LOG.info("%s version %d: its files have changed", record.config.name, version)
                if track.servable.state is State.END:
                    self._begin(record, version, arrival)
                else:
                    track.tries, track.listing = 1, arrival.listing
                    self._retry_at(track, 0.0)

    def _begin(self, record: Record, version: int, arrival: Arrival) -> None:
        known = self._catalog.version(record.config.name, version)
        if known is not None and known.state is not State.END:  # loaded by hand before
            record.tracks[version] = Track(known, arrival.listing)
            return
        servable = Servable(ServableId(record.config.name, version), record.found[version])
        _note_waiting(servable, arrival.waiting)
        self._catalog.add(servable)
        record.tracks[version] = Track(servable, arrival.listing)

    def _begin_elsewhere(self, record: Record, track: Track, arrival: Arrival) -> None:
        """The base path of the model has changed, and this version is under the new one too."""
        old = track.servable
        servable = Servable(old.id, record.found[old.id.version])
        if servable.path != old.path:
            record.tracks[old.id.version] = Track(servable, arrival.listing, replaces=track)

    def _give_up_elsewhere(self, record: Record, track: Track) -> Track | None:
        """The base path of the model has changed: what has not loaded from the old one will not be tried there again.

        The track, where it serves or a load runs; else None, for it is gone.
        """
        servable = track.servable
        if track.active or servable.state in (State.AVAILABLE, State.UNLOADING):
            return track
        if servable.state is State.START:
            self._catalog.forget(servable)
        elif servable.state is State.LOADING:
            servable.move(State.END, error=servable.error)
        del record.tracks[servable.id.version]
        return None

    def _settle(self, record: Record) -> None:
        """Finds out what is wanted, and lets go of what no longer is and has not loaded."""
        if record.looked or not record.configured:
            record.wanted = record.choose()
        if any(record.unknown(version) for version in record.wanted):
            self._look(record.config.name)
        for version, track in list(record.tracks.items()):
            if version in record.wanted:
                continue
            servable = track.servable
            if track.replaces is not None and not track.active and servable.state is not State.AVAILABLE:
                record.tracks[version] = track.replaces
            elif servable.state is State.START:
                self._drop(record, track)
            elif servable.state is State.END and not track.active:
                # Another one stands above what failed: had this forgotten it, it would be the next to step in.
                if servable.error is None or not record.would_serve(version):
                    del record.tracks[version]  # should it be wanted again, it is tried anew
            elif servable.state is State.LOADING and not track.active:
                servable.move(State.END, error=servable.error)
                track.retry_at = None

    def _drop(self, record: Record, track: Track) -> None:
        self._catalog.forget(track.servable)
        del record.tracks[track.servable.id.version]

    def _snapshots(self, record: Record) -> list[Snapshot]:
        return [
            Snapshot(
                version,
                track.servable.state,
                version in record.wanted,
                loadable=track.servable.state is State.START and not track.servable.waiting,
            )
            for version, track in record.tracks.items()
        ]

    def _update_labels(self, record: Record) -> None:
        name = record.config.name
        current = self._catalog.labels(name)
        asked = record.config.labels if record.configured else {}
        found = labels.effective(asked, current, self._catalog.available(name), record.labels_at_once)
        if found != current:
            self._catalog.set_labels(name, found)

    def _load_limit(self) -> int:
        """While models wait for their first version nothing is served that a load could slow down."""
        waiting = sum(not record.was_available and bool(record.tracks) for record in self.records.values())
        return max(self._config.num_load_threads, 1, min(waiting, available_cpus()))

    def _retry(self, now: float) -> float:
        """Starts the retries that are due; when the next one is, on time.monotonic."""
        next_due = math.inf
        for record in self.records.values():
            for track in record.tracks.values():
                if track.retry_at is None:
                    continue
                if track.retry_at <= now and self._loading < self._limit:
                    self._start_load(record, track)
                else:
                    next_due = min(next_due, max(track.retry_at, now + 0.05))
        return next_due

    def _retry_at(self, track: Track, when: float) -> None:
        track.retry_at = when
        self._next_retry = min(self._next_retry, when)

    def _expire(self, now: float) -> None:
        """Lets versions that ended leave the status; a wanted one that failed stays."""
        limit = now - self._config.ended_version_seconds
        for name in self._catalog.names():
            record = self.records.get(name)
            for servable in self._catalog.versions(name):
                if servable.state is not State.END or servable.ended > limit:
                    continue
                if record is None:
                    self._catalog.forget(servable)
                    continue
                version = servable.id.version
                if servable.error is None or not record.would_serve(version):
                    self._catalog.forget(servable)
                    record.tracks.pop(version, None)

    # ---- loads and unloads

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name=work.__name__.replace("_", "noria-"), daemon=True).start()

    def _start_load(self, record: Record, track: Track) -> None:
        self._loading += 1
        track.active, track.retry_at = True, None
        self._spawn(self._load, record, track)

    def _load(self, record: Record, track: Track) -> None:
        started = time.monotonic()
        try:
            model = self._load_model(track.servable)
        except Exception as error:
            self._failed(record, track, known_error(error))
        else:
            self._loaded(record, track, model, time.monotonic() - started)
        with self.changed:
            track.active = False
            self._loading -= 1
            self._wake(record.config.name)

    def _loaded(self, record: Record, track: Track, model: Model, seconds: float) -> None:
        servable = track.servable
        with self.changed:
            if self.closed or servable.id.version not in record.choose():
                servable.move(State.END)
                _LOG.info("%s version %d is no longer wanted", servable.id.name, servable.id.version)
                return
            if track.replaces is None:
                self._catalog.put_in_service(servable, model)
            else:
                self._catalog.replace(servable, model)
                self._start_unload(track.replaces)
                track.replaces = None
            track.tries = 0
            record.was_available = True
            self._update_labels(record)
        name, version = servable.id.name, servable.id.version
        fields = event(_STATE, model=name, version=version, state=State.AVAILABLE.name, seconds=round(seconds, 3))
        _LOG.info("loaded %s version %d from %s in %.2f s", name, version, servable.path, seconds, extra=fields)

    def _failed(self, record: Record, track: Track, error: TFError) -> None:
        servable = track.servable
        retries = self._config.max_num_load_retries
        with self.changed:
            track.tries += 1
            again = track.tries <= retries and error.code is not Code.FAILED_PRECONDITION  # what the gate refuses
            again = again and servable.id.version in record.wanted and not self.closed
            servable.move(State.LOADING if again else State.END, error=error)
            if again:
                self._retry_at(track, time.monotonic() + self._retry_seconds)
        what = f"try {track.tries + 1} of {retries + 1} in {self._retry_seconds:g} s" if again else "given up"
        name, version = servable.id.name, servable.id.version
        _LOG.error(
            *("%s version %d does not load (%s): %s: %s", name, version, what, error.code.name, error.message),
            extra=event(
                _STATE,
                model=name,
                version=version,
                state=servable.state.name,
                code=error.code.name,
                error=error.message,
            ),
        )

    def _start_unload(self, track: Track) -> None:
        self._unloading += 1
        self._spawn(self._unload, track)

    def _unload(self, track: Track) -> None:
        servable = track.servable
        servable.wait_until_free()
        with self._unload_slots, calmly():
            self._catalog.end(servable)  # which drops the model, and with it its sessions and mappings
            memory.release()
        name, version = servable.id.name, servable.id.version
        fields = event(_STATE, model=name, version=version, state=State.END.name)
        _LOG.info("unloaded %s version %d", name, version, extra=fields)
        with self.changed:
            self._unloading -= 1
            self._wake(servable.id.name)


def _note_waiting(servable: Servable, why: str) -> None:
    if why not in ("", CHANGING, servable.waiting):
        _LOG.info("%s version %d waits: %s", servable.id.name, servable.id.version, why)
    servable.waiting = why


def _warn_of_absent(config: ModelConfig, found: Collection[int]) -> None:
    if isinstance(config.policy, policy.Specific) and (absent := sorted(config.policy.versions.difference(found))):
        _LOG.warning("model %s: versions %s, which its policy names, are not under its base path", config.name, absent)
    there = policy.nominal(config.policy, found)
    for label, version in config.labels.items():
        if version not in there:
            _LOG.warning(
                *("model %s: label %s is for version %d, which is not under its base path", config.name, label, version)
                if version not in found
                else ("model %s: its policy does not name version %d of label %s", config.name, version, label)
            )


def known_error(error: Exception) -> TFError:
    """What a load raised, as the error to keep: a TFError that holds on to no frame of the load, and so to no array."""
    if isinstance(error, TFError):
        kept = error.with_traceback(None)
        kept.__cause__ = kept.__context__ = None
        return kept
    return InternalError(f"{type(error).__name__}: {error}")
