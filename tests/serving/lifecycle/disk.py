"""Model versions on disk that a fake loader reads, and a manager over them."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from noria.errors import DataLossError
from noria.protos import POOL
from noria.protos import serving as pb
from noria.protos import tensorflow as tf
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import arrival
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Model
from serving.fakes import FakeModel, half_plus_two


class Disk:
    """Versions are directories whose saved_model.pb says by its tag how they load.

    "bad": the load fails; "slow": it lasts until ``go`` is set; anything else: half plus two. loads: the paths that
    were loaded, in order; most: how many loads ran at the same time.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.go = threading.Event()
        self.loads: list[str] = []
        self.running = self.most = 0
        self._lock = threading.Lock()

    def put(self, model: str, version: int, content: str = "good") -> Path:
        """Adds a version, whole from the first moment, or replaces its file."""
        path = self.root / model / str(version)
        model_proto = tf.SavedModel()
        model_proto.meta_graphs.add().meta_info_def.tags.append(content)
        coming = self.root / model / f"coming-{version}"
        coming.mkdir(parents=True)
        (coming / "saved_model.pb").write_bytes(model_proto.SerializeToString())
        if path.exists():
            (coming / "saved_model.pb").replace(path / "saved_model.pb")
            coming.rmdir()
        else:
            coming.rename(path)
        return path

    def remove(self, model: str, version: int) -> None:
        shutil.rmtree(self.root / model / str(version))

    def load(self, path: str) -> Model:
        with self._lock:
            self.loads.append(str(Path(path).relative_to(self.root)))
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            found = tf.SavedModel.FromString(Path(path, "saved_model.pb").read_bytes())
            (content,) = found.meta_graphs[0].meta_info_def.tags
            if content == "slow":
                assert self.go.wait(120)
            if content == "bad":
                raise DataLossError(f"{path} is damaged")
            return FakeModel(half_plus_two())
        finally:
            with self._lock:
                self.running -= 1

    def config(self, **models: str) -> pb.ModelServerConfig:
        """A config of these models: name -> further fields in text form; the base path is beneath ``root``."""
        found = pb.ModelServerConfig()
        found.model_config_list.SetInParent()
        for name, fields in models.items():
            model = found.model_config_list.config.add(
                name=name, base_path=str(self.root / name), model_platform="tensorflow"
            )
            text_format.Merge(fields, model, descriptor_pool=POOL)
        return found


QUICK: Mapping[str, Any] = {
    "file_system_poll_wait_seconds": 0.02,
    "version_settle_seconds": 0.0,
    "max_num_load_retries": 0,
}


@contextlib.contextmanager
def managing(disk: Disk, **settings: Any) -> Iterator[Manager]:
    """A manager that looks 50 times a second, and does not wait for files to be quiet."""
    before = arrival.QUIET_SECONDS
    arrival.QUIET_SECONDS = 0.0
    manager = Manager(disk.load, config=ServerConfig(**{**QUICK, **settings}))
    try:
        yield manager
    finally:
        disk.go.set()
        manager.close()
        arrival.QUIET_SECONDS = before


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)


def states(manager: Manager, name: str) -> dict[int, str]:
    """State by version."""
    return {servable.id.version: servable.state.name for servable in manager.versions(name)}
