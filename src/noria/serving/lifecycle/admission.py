"""What a loaded version goes through before it takes traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from noria.serving.config import ServerConfig
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.servable import Model, Servable

# (the version that loads, its model, the version of the same name that serves now, held, or None)
Admission: TypeAlias = Callable[[Servable, Model, Servable | None], None]


def make_admission(config: ServerConfig) -> Admission:
    """The function that a manager calls between load and AVAILABLE, by the flags for warm-up.

    It raises the TFError with which the version then ends.
    """

    def admit(servable: Servable, model: Model, serving: Servable | None) -> None:
        if config.enable_model_warmup:
            for _ in record_files.read(record_files.path_of(servable.path, record_files.WARMUP)):
                pass

    return admit
