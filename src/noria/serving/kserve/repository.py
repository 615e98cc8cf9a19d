"""Loading and unloading by the model repository extension: a configured model wakes, or goes to sleep.

Which models there are is for the model config; this says which of them take memory now. An unloaded model loads again
when it is told to, or, with ``--load_on_demand``, when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from noria.errors import NotFoundError, UnimplementedError
from noria.serving.core import Core
from noria.serving.lifecycle.on_demand import wake


async def load(core: Core, name: str, deadline: float | None) -> None:
    """Loads a model, and returns when it serves.

    deadline: on ``time.monotonic``. Raises NotFoundError for a model that is not configured or cannot be served, with
    the reason; DeadlineExceededError; AbortedError where not all of several workers load it.
    """
    _check(core, name)
    if core.process.fleet is not None:
        await core.process.fleet.load(name, deadline)
    else:
        await wake(core.manager, name, deadline)


async def unload(core: Core, name: str) -> None:
    """Begins to unload a model; its requests in flight are answered. Raises as ``load`` does."""
    _check(core, name)
    if core.process.fleet is not None:
        await core.process.fleet.unload(name)
    else:
        core.manager.put_to_sleep(name)


def refuse_override(parameters: Iterable[str]) -> None:
    """Raises UnimplementedError for a load that brings a configuration or files of its own."""
    for name in parameters:
        if name == "config" or name.startswith("file:"):
            raise UnimplementedError(
                f"parameter {name!r} of a load: a model is loaded as it is configured and as it lies on disk; put the "
                "files into its directory, or change the model config file"
            )


def _check(core: Core, name: str) -> None:
    configured = core.manager.configured()
    if name not in configured:
        raise NotFoundError(
            f"model {name!r} is not configured; there are {sorted(configured)}. A model config file, or TensorFlow "
            "Serving's HandleReloadConfigRequest, adds models"
        )
