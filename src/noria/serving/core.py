"""What every protocol edge works with: the one core behind REST, gRPC and the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from noria.serving.config import ServerConfig
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe import access_log, traces
from noria.serving.observe.access_log import AccessLog
from noria.serving.observe.metrics import Metrics, TellingMetrics
from noria.serving.observe.models import model_points, queue_points
from noria.serving.observe.request_log import RequestLog
from noria.serving.observe.traces import TracedRunner, Traces
from noria.serving.process import Process
from noria.serving.runner import Runner
from noria.serving.security import access as security
from noria.serving.security.access import Access


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of one server process; edges translate, these do the work."""

    config: ServerConfig
    manager: Manager
    runner: Runner
    process: Process = field(default_factory=Process)
    metrics: Metrics = field(default_factory=Metrics)
    request_log: RequestLog = field(default_factory=lambda: RequestLog(ServerConfig(), Metrics()))
    access_log: AccessLog | None = None
    traces: Traces | None = None  # None where none are configured
    access: Access | None = None  # None where no tokens are configured: every call passes

    @classmethod
    def make(cls, manager: Manager, config: ServerConfig) -> Core:
        """The core of a server with these settings over ``manager``."""
        told, traced = access_log.make(config), traces.make(config)
        metrics = _metrics(manager, told, traced)
        metrics.add_collector(model_points(manager, metrics))
        log = RequestLog(config, metrics)
        runner = (Runner if traced is None else TracedRunner).make(config, metrics, log)
        if isinstance(runner, TracedRunner) and traced is not None:
            runner.traces = traced
        metrics.add_collector(queue_points(runner))
        manager.on_load.append(metrics.load)
        manager.on_end.append(lambda servable: metrics.forget(servable.id.name, servable.id.version))
        manager.on_warm_up.append(metrics.warmup)
        manager.on_config.append(lambda models: log.configure({name: m.logging for name, m in models.items()}))
        return cls(
            config,
            manager,
            runner,
            metrics=metrics,
            request_log=log,
            access_log=told,
            traces=traced,
            access=security.make(config),
        )

    def close(self) -> None:
        """Writes what logs and traces have not written yet; no more requests come. Takes seconds at most."""
        self.request_log.close()
        if self.access_log is not None:
            self.access_log.close()
        if self.traces is not None:
            self.traces.close()

    def may_manage(self, peer: str | None, token: str | None, headers: Iterable[str] = ()) -> bool:
        """True where a call that changes what is served may pass (``security.access.check_management``).

        peer: as ``edge.peer_of`` tells it; headers: the lower-case names of what came with the call. Never False:
        raises PermissionDeniedError or UnauthenticatedError, whose messages say what to do.
        """
        security.check_management(self.access, self.config.allow_remote_management, peer, token, headers)
        return True


def _metrics(manager: Manager, *observers: AccessLog | Traces | None) -> Metrics:
    def is_served(name: str) -> bool:
        return bool(manager.versions(name))

    listeners = [observer.request for observer in observers if observer is not None]
    return TellingMetrics(is_served, listeners) if listeners else Metrics(is_served)
