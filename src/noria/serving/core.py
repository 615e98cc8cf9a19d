"""What every protocol edge works with: the one core behind REST, gRPC and the Open Inference Protocol."""

from __future__ import annotations

from dataclasses import dataclass

from noria.compile.ort import available_cpus
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.manager import Manager
from noria.serving.runner import Runner


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of one server process; edges translate, these do the work."""

    config: ServerConfig
    manager: Manager
    runner: Runner

    @classmethod
    def make(cls, manager: Manager, config: ServerConfig) -> Core:
        """The core of a server with these settings over ``manager``."""
        return cls(config, manager, Runner(max(4, 2 * available_cpus())))
