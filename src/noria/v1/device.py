"""``tf.DeviceSpec`` and how nested ``tf.device`` blocks combine. Devices are recorded in the graph, never acted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from noria.v1.exports import export


@export("DeviceSpec")
@dataclass(frozen=True)
class DeviceSpec:
    """A device as a name describes it, partly or whole: ``/job:worker/replica:0/task:1/device:GPU:0``."""

    job: str | None = None
    replica: int | None = None
    task: int | None = None
    device_type: str | None = None
    device_index: int | None = None

    @staticmethod
    def from_string(spec: str) -> DeviceSpec:
        """Reads ``/job:ps/task:0``, ``/gpu:0``, ``/device:CPU:*``; ValueError for anything else."""
        found = DeviceSpec()
        for part in filter(None, spec.split("/")):
            name, *rest = part.split(":")
            lower = name.lower()
            if lower == "job" and len(rest) == 1:
                found = replace(found, job=rest[0])
            elif lower in ("replica", "task") and len(rest) == 1:
                index = _index(rest)
                found = replace(found, replica=index) if lower == "replica" else replace(found, task=index)
            elif lower in ("cpu", "gpu", "tpu") and len(rest) <= 1:
                found = replace(found, device_type=name.upper(), device_index=_index(rest))
            elif lower == "device" and 1 <= len(rest) <= 2:
                found = replace(found, device_type=rest[0] if rest[0] != "*" else None, device_index=_index(rest[1:]))
            else:
                raise ValueError(f"Unknown attribute {name!r} is encountered while parsing the device spec {spec!r}.")
        return found

    def parse_from_string(self, spec: str) -> DeviceSpec:
        return DeviceSpec.from_string(spec)

    def merged(self, outer: DeviceSpec) -> DeviceSpec:
        """This device, with what it leaves open taken from ``outer``."""
        mine = self.device_type is not None
        return DeviceSpec(
            outer.job if self.job is None else self.job,
            outer.replica if self.replica is None else self.replica,
            outer.task if self.task is None else self.task,
            self.device_type if mine else outer.device_type,
            self.device_index if self.device_index is not None or mine else outer.device_index,
        )

    def to_string(self) -> str:
        parts = [
            f"/{k}:{v}" for k, v in (("job", self.job), ("replica", self.replica), ("task", self.task)) if v is not None
        ]
        if self.device_type is not None:
            index = "*" if self.device_index is None else self.device_index
            parts.append(f"/device:{self.device_type}:{index}")
        return "".join(parts)

    __str__ = to_string


def _index(rest: list[str]) -> int | None:
    return None if not rest or rest[0] == "*" else int(rest[0])


Placement = str | DeviceSpec | Callable[[Any], Any] | None


def place(stack: list[Placement], op: Any) -> str:
    """The device of ``op`` under nested placements, the outermost first; None among them cancels those outside it."""
    for placement in reversed(stack):
        if placement is None:
            break
        if callable(placement):  # what a function says is taken as it stands
            op._set_device(placement(op) or "")
            continue
        spec = placement if isinstance(placement, DeviceSpec) else DeviceSpec.from_string(placement)
        merged = DeviceSpec.from_string(op.device).merged(spec).to_string()
        op._set_device(merged)
    return str(op.device)


_ON_PARAMETER_SERVERS = (
    "Variable", "VariableV2", "AutoReloadVariable", "MutableHashTable", "MutableHashTableV2", "VarHandleOp",
    "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2",
)  # fmt: skip


@export("train.replica_device_setter")
def replica_device_setter(
    ps_tasks: int = 0,
    ps_device: str = "/job:ps",
    worker_device: str = "/job:worker",
    merge_devices: bool = True,
    cluster: Any = None,
    ps_ops: Any = None,
    ps_strategy: Any = None,
) -> Callable[[Any], str] | None:
    """A device function that spreads variables over parameter servers in turn; None when there are none."""
    if cluster is not None:
        jobs = cluster.as_dict() if hasattr(cluster, "as_dict") else dict(cluster)
        name = DeviceSpec.from_string(ps_device).job or "ps"
        ps_tasks = len(jobs.get(name, ()))
    if ps_tasks == 0:
        return None
    variables = tuple(ps_ops or _ON_PARAMETER_SERVERS)
    turn = iter(range(1 << 62))

    def choose(op: Any) -> str:
        current = DeviceSpec.from_string(op.device)
        if op.type in variables:
            task = ps_strategy(op) if ps_strategy is not None else next(turn) % ps_tasks
            wanted = replace(DeviceSpec.from_string(ps_device), task=task)
        else:
            wanted = DeviceSpec.from_string(worker_device)
        return current.merged(wanted).to_string() if merge_devices else wanted.to_string()

    return choose
