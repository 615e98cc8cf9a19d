"""What every protocol edge works with: the one core behind REST, gRPC and the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from noria.serving.config import ServerConfig
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe.access_log import LoggedMetrics
from noria.serving.observe.metrics import Metrics
from noria.serving.observe.models import model_points, queue_points
from noria.serving.observe.request_log import RequestLog
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
    access: Access | None = None  # None where no tokens are configured: every call passes

    @classmethod
    def make(cls, manager: Manager, config: ServerConfig) -> Core:
        """The core of a server with these settings over ``manager``."""
        metrics = _metrics(manager, config)
        metrics.add_collector(model_points(manager, metrics))
        log = RequestLog(config, metrics)
        runner = Runner.make(config, metrics, log)
        metrics.add_collector(queue_points(runner))
        manager.on_load.append(metrics.load)
        manager.on_warm_up.append(metrics.warmup)
        manager.on_config.append(lambda models: log.configure({name: m.logging for name, m in models.items()}))
        return cls(config, manager, runner, metrics=metrics, request_log=log, access=security.make(config))

    def may_manage(self, peer: str | None, token: str | None, headers: Iterable[str] = ()) -> bool:
        """True where a call that changes what is served may pass (``security.access.check_management``).

        peer: as gRPC writes it, or the address alone; headers: the lower-case names of what came with the call. Never
        False: raises PermissionDeniedError or UnauthenticatedError, whose messages say what to do.
        """
        security.check_management(self.access, self.config.allow_remote_management, peer, token, headers)
        return True


def _metrics(manager: Manager, config: ServerConfig) -> Metrics:
    def is_served(name: str) -> bool:
        return bool(manager.versions(name))

    if config.log_requests or config.log_slow_requests_ms > 0:
        slow = max(config.log_slow_requests_ms, 0.0) / 1000
        return LoggedMetrics(is_served, every=config.log_requests, slow_seconds=slow)
    return Metrics(is_served)
