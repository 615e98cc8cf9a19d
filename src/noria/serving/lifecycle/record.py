"""What a manager knows of one configured model beyond its versions: what is wanted, on disk, on its way, and wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from noria.serving.lifecycle import policy
from noria.serving.lifecycle.arrival import Arrival, Listing
from noria.serving.lifecycle.model_config import ModelConfig
from noria.serving.lifecycle.on_demand import Usage
from noria.serving.lifecycle.servable import Servable, State


@dataclass(slots=True, eq=False)
class Track:
    """A version's way to AVAILABLE.

    tries: loads that failed since its files last changed; active: a load is running; retry_at: when the next try is
    due, on time.monotonic, None while none is; listing: its files when it was last looked at; replaces: the way of the
    same version from another path, which serves until this one does.
    """

    servable: Servable
    listing: Listing
    tries: int = 0
    active: bool = False
    retry_at: float | None = None
    replaces: Track | None = None

    @property
    def failing(self) -> bool:
        """Its last load failed, and it has not loaded since."""
        return self.tries > 0 and self.servable.state in (State.LOADING, State.END)


@dataclass(slots=True, eq=False)
class Record:
    """One configured model. Changed under the manager's lock alone.

    found: versions on disk at the last look, and their paths; looked: there has been a look; empty: that it found no
    version; trouble: why the last look failed; arriving: why versions on disk cannot be loaded yet; wanted: the
    versions to serve; was_available: a version of it has served; configured: False once a reload has left the model
    out; since: when it was configured, on time.monotonic; labels_at_once: labels that do not wait for their version;
    warned: the log has told what its config names and is not there; asleep: nothing of it is loaded until it is asked
    for.
    """

    config: ModelConfig
    tracks: dict[int, Track] = field(default_factory=dict)
    found: Mapping[int, str] = field(default_factory=dict)
    looked: bool = False
    empty: str = ""
    trouble: str = ""
    arriving: dict[int, str] = field(default_factory=dict)
    wanted: set[int] = field(default_factory=set)
    was_available: bool = False
    configured: bool = True
    since: float = field(default_factory=time.monotonic)
    labels_at_once: set[str] = field(default_factory=set)
    warned: bool = False
    asleep: bool = False
    usage: Usage = field(default_factory=Usage)

    def unfit(self) -> set[int]:
        """The versions that cannot be served as they are."""
        failing = {v for v, track in self.tracks.items() if track.failing and track.replaces is None}
        return self.arriving.keys() | failing

    def choose(self) -> set[int]:
        """The versions to serve, by the policy and what is known of those on disk."""
        if not self.configured or self.asleep:
            return set()
        return policy.wanted(self.config.policy, self.found, self.unfit())

    def would_serve(self, version: int) -> bool:
        """Whether this version would be wanted if nothing were wrong with it."""
        if not self.configured or self.asleep:
            return False
        return version in policy.wanted(self.config.policy, self.found, self.unfit() - {version})

    def loading(self) -> list[int]:
        """The wanted versions that load or are about to, highest first; none that failed or is still being copied."""
        found = []
        for version in self.choose():
            track = self.tracks.get(version)
            if track is None or track.failing or track.servable.waiting:
                continue
            if track.servable.state in (State.START, State.LOADING):
                found.append(version)
        return sorted(found, reverse=True)

    def unknown(self, version: int) -> bool:
        """Whether this version on disk could be loaded, but has not been looked at."""
        track = self.tracks.get(version)
        if version not in self.found:
            return False
        return track is None or (track.servable.state is State.END and track.servable.error is None)

    def in_question(self, version: int, path: str) -> bool:
        """Whether a look should see how the files of this version, found at ``path``, stand."""
        track = self.tracks.get(version)
        if track is None or track.failing or track.servable.state in (State.START, State.END):
            return True
        return track.servable.state is State.AVAILABLE and track.servable.path != path


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a model's base path found: versions and their paths, and how those looked at closely stand.

    empty: where there is no version, what to do about it.
    """

    found: Mapping[int, str]
    arrivals: Mapping[int, Arrival]
    empty: str = ""
