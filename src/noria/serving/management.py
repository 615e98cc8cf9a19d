"""What is served: the models of the flags, a reload by ``HandleReloadConfigRequest``, a config file that is polled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from pathlib import Path

from noria.errors import InvalidArgumentError, TFError
from noria.protos import serving as pb
from noria.serving.core import Core
from noria.serving.lifecycle import model_config
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe.event_log import event

_LOG = logging.getLogger(__name__)


def start(core: Core, models: pb.ModelServerConfig | None = None) -> None:
    """Begins to load the models that the flags name, and to look at the config file as often as the flags say.

    models: in place of those that the flags name. Raises what ``model_config.initial`` and ``Manager.apply`` raise of
    a wrong config; does not wait for models.
    """
    config = core.config
    path, seconds = config.model_config_file, config.model_config_file_poll_wait_seconds
    first = model_config.initial(config) if models is None else models
    core.manager.apply(first, wait=False, labels_wait=True)
    if path:
        file = ConfigFile(core.manager, path, first, seconds)
        core.process.when_told_to_read(file.look)
        if seconds > 0:
            file.start()
    core.process.when_told_to_read(lambda: _look_at_all(core.manager))


def _look_at_all(manager: Manager) -> None:
    for name in manager.names():
        manager.look_now(name)


def reload(
    core: Core,
    request: pb.ReloadConfigRequest,
    *,
    deadline: float | None = None,
    given_up: threading.Event | None = None,
) -> pb.ReloadConfigResponse:
    """Serves the models of the request and no others; returns when its new models are available.

    The response's metrics are the increases of ``metric_names`` meanwhile. deadline, given_up, errors: as
    ``Manager.apply``. May block for as long as a load takes: it needs a thread of its own, not one of the few that run
    models.
    """
    before = core.metrics.values(request.metric_names)
    kind = request.config.WhichOneof("config")
    try:
        if kind != "model_config_list":
            raise InvalidArgumentError(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
                "supported"
            )
        core.manager.apply(request.config, deadline=deadline, given_up=given_up)
    except TFError as error:
        failed = event("reload", code=error.code.name, error=error.message)
        _LOG.error("reload of the configuration failed: %s: %s", error.code.name, error.message, extra=failed)
        raise
    models = len(request.config.model_config_list.config)
    _LOG.info("reloaded the configuration: %d models", models, extra=event("reload", code="OK", models=models))
    after = core.metrics.values(request.metric_names)
    response = pb.ReloadConfigResponse()
    response.status.error_code = 0
    for name in dict.fromkeys(request.metric_names):
        response.metric.add(name=name, int64_value_increase=after.get(name, 0) - before.get(name, 0))
    return response


async def reload_beside(
    core: Core, request: pb.ReloadConfigRequest, *, deadline: float | None = None
) -> pb.ReloadConfigResponse:
    """``reload`` for an event loop, in a thread of its own; a caller that goes away ends its wait, not the loads."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[pb.ReloadConfigResponse] = loop.create_future()
    given_up = threading.Event()

    def finish(response: pb.ReloadConfigResponse | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if response is not None:
            done.set_result(response)
        elif error is not None:
            done.set_exception(error)

    def work() -> None:
        response, failure = None, None
        try:
            response = reload(core, request, deadline=deadline, given_up=given_up)
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            loop.call_soon_threadsafe(finish, response, failure)

    threading.Thread(target=work, name="noria-reload", daemon=True).start()
    try:
        return await done
    finally:
        given_up.set()


class ConfigFile:
    """A model config file that is read again and again, and applied when it says something else.

    What is wrong with it is only logged; what was served before goes on being served. A reload by RPC stays in force
    until the file changes.
    """

    def __init__(self, manager: Manager, path: str, applied: pb.ModelServerConfig, seconds: float) -> None:
        """applied: the content that is in force; seconds: between two looks."""
        self._manager = manager
        self._path = path
        self._applied = applied
        self._seen: bytes | None = b""
        self._seconds = seconds
        self._closed = threading.Event()

    def start(self) -> None:
        """Begins to look, in a thread of its own."""
        threading.Thread(target=self._run, name="noria-config-file", daemon=True).start()

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()

    def look(self) -> None:
        """Applies the file if it has changed since the last look."""
        try:
            text = Path(self._path).read_bytes()
        except OSError as error:
            if self._seen is not None:
                _LOG.error("cannot read the model config file %s: %s", self._path, error.strerror or error)
            self._seen = None
            return
        if text == self._seen:
            return
        self._seen = text
        try:
            config = model_config.parse(text, self._path)
            if config == self._applied:
                return
            self._manager.apply(config, wait=False, labels_wait=True)
            self._applied = config
        except TFError as error:
            _LOG.error("the model config file %s is not applied: %s: %s", self._path, error.code.name, error.message)
        else:
            _LOG.info("applied the model config file %s", self._path)

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            try:
                self.look()
            except Exception:
                _LOG.exception("looking at %s failed", self._path)
