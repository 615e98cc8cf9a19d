"""The nodes that a Saver adds to a graph: ``save/SaveV2``, ``save/RestoreV2``, ``save/Assign``, ``save/restore_all`` …

Names, order and devices are TensorFlow's, so that a MetaGraph written here saves and restores there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from noria.protos.tensorflow import SaverDef
from noria.v1.apply_op import apply_op
from noria.v1.constant import constant
from noria.v1.device import DeviceSpec
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.saveable import (
    ReferenceVariableSaveable,
    ResourceVariableSaveable,
    SaveableObject,
    SaveSpec,
    all_saveables,
    by_name,
    is_partitioned,
    set_cpu0,
)
from noria.v1.variable_lists import group

_Saveable: TypeAlias = SaveableObject  # classes below have an attribute of that name
_Saveables: TypeAlias = Sequence[SaveableObject]
_PerDevice: TypeAlias = list[tuple[str, list[SaveableObject]]]


@export("python.training.saver.BaseSaverBuilder")
class BaseSaverBuilder:
    """Builds save and restore operations; subclasses change how single steps are done."""

    SaveSpec = SaveSpec
    SaveableObject = SaveableObject
    VariableSaveable = ReferenceVariableSaveable
    ResourceVariableSaveable = ResourceVariableSaveable

    def __init__(self, write_version: int = SaverDef.V2) -> None:
        self._write_version = write_version

    def save_op(self, filename_tensor: Tensor, saveables: _Saveables) -> Operation:
        """The operation that writes ``saveables``."""
        specs = [spec for saveable in saveables for spec in saveable.specs]
        # Each tensor is taken before the op's own scope opens: taking it may add operations.
        names, tensors, slices = [s.name for s in specs], [s.tensor for s in specs], [s.slice_spec for s in specs]
        found: Operation
        if self._write_version == SaverDef.V1:
            found = apply_op(
                "SaveSlices", "save", filename=filename_tensor, tensor_names=names, shapes_and_slices=slices,
                data=tensors,
            )  # fmt: skip
            return found
        if self._write_version != SaverDef.V2:
            raise RuntimeError(f"Unexpected write_version: {self._write_version}")
        found = apply_op(
            "SaveV2", None, prefix=filename_tensor, tensor_names=names, shape_and_slices=slices, tensors=tensors
        )
        return found

    def bulk_restore(
        self,
        filename_tensor: Tensor,
        saveables: _Saveables,
        preferred_shard: int,
        restore_sequentially: bool,
    ) -> list[Tensor]:
        """The tensors of all ``saveables``, read from the file."""
        found: list[Tensor] = []
        for saveable in saveables:
            with get_default_graph().device(set_cpu0(saveable.device) if saveable.device else None):
                found += self.restore_op(filename_tensor, saveable, preferred_shard)
        return found

    def restore_op(self, filename_tensor: Tensor, saveable: _Saveable, preferred_shard: int) -> list[Tensor]:
        """The tensors of one saveable, read from the file."""
        return [_restore(filename_tensor, [spec])[0] for spec in saveable.specs]

    def sharded_filename(self, filename_tensor: Tensor, shard: int, num_shards: Tensor) -> Tensor:
        """The name of one shard's file."""
        found: Tensor = apply_op("ShardedFilename", None, basename=filename_tensor, shard=shard, num_shards=num_shards)
        return found

    def build(
        self,
        names_to_saveables: Any,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        filename: str | None = "model",
    ) -> SaverDef:
        """Adds the operations and says in a SaverDef what they are called; see ``Saver`` for the arguments."""
        if not isinstance(names_to_saveables, dict):
            names_to_saveables = by_name(names_to_saveables)
        saveables = all_saveables(names_to_saveables)
        with name_scope(name, "save", [saveable.op for saveable in saveables]):
            default = apply_op("PlaceholderWithDefault", "filename", input=filename or "model", shape=())
            prefix = apply_op("PlaceholderWithDefault", "Const", input=default, shape=())
            if sharded:
                per_device = _by_device(saveables)
                save = self._sharded_save(prefix, per_device)
                restore = self._sharded_restore(prefix, per_device, restore_sequentially, reshape)
            else:
                save = self._save(prefix, saveables)
                restore = self._restore(prefix, saveables, restore_sequentially, reshape)
        _complete_partitioned()
        return SaverDef(
            filename_tensor_name=prefix.name,
            save_tensor_name=save.name,
            restore_op_name=restore.name,
            max_to_keep=max_to_keep or 0,
            sharded=sharded,
            keep_checkpoint_every_n_hours=keep_checkpoint_every_n_hours,
            version=self._write_version,
        )

    def _save(self, prefix: Tensor, saveables: _Saveables) -> Tensor:
        op = self.save_op(prefix, saveables)
        graph = get_default_graph()
        scope_of_it = name_scope(None, "control_dependency", [op, prefix])
        with scope_of_it as scope, graph.colocate_with(prefix.op), graph.control_dependencies([op]):
            found: Tensor = apply_op("Identity", scope, input=prefix)
        return found

    def _sharded_save(self, prefix: Tensor, per_device: _PerDevice) -> Tensor:
        graph = get_default_graph()
        merged = self._write_version == SaverDef.V2
        base = _temporary_prefix(prefix) if merged else prefix
        shards = constant(len(per_device), name="num_shards")
        saves: list[Tensor] = []
        prefixes: list[Tensor] = []
        for shard, (device, saveables) in enumerate(per_device):
            with graph.device(set_cpu0(device) if merged else device):
                prefixes.append(self.sharded_filename(base, shard, shards))
                saves.append(self._save(prefixes[-1], saveables))
        with graph.control_dependencies([s.op for s in saves]):
            found: Tensor
            if not merged:
                found = apply_op("ShardedFilespec", None, basename=prefix, num_shards=shards)
                return found
            with graph.device(set_cpu0(per_device[-1][0])):
                merge = apply_op(
                    "MergeV2Checkpoints", None, checkpoint_prefixes=prefixes, destination_prefix=prefix,
                    delete_old_dirs=True,
                )  # fmt: skip
                with graph.control_dependencies([merge]):
                    found = apply_op("Identity", None, input=prefix)
            return found

    def _restore(
        self,
        prefix: Tensor,
        saveables: _Saveables,
        restore_sequentially: bool,
        reshape: bool,
        preferred_shard: int = -1,
        name: str = "restore_all",
    ) -> Operation:
        tensors = self.bulk_restore(prefix, saveables, preferred_shard, restore_sequentially)
        assigns: list[Operation] = []
        at = 0
        for saveable in saveables:
            shapes = [_shape_of(spec.tensor) for spec in saveable.specs] if reshape else None
            given = tensors[at : at + len(saveable.specs)]
            at += len(saveable.specs)
            assigned = saveable.restore(given, shapes)
            assigns.append(assigned if isinstance(assigned, Operation) else assigned.op)
        return group(assigns, name)

    def _sharded_restore(
        self, prefix: Tensor, per_device: _PerDevice, restore_sequentially: bool, reshape: bool
    ) -> Operation:
        parts = []
        for shard, (device, saveables) in enumerate(per_device):
            with get_default_graph().device(device):
                parts.append(
                    self._restore(prefix, saveables, restore_sequentially, reshape, shard, name="restore_shard")
                )
        return group(parts, "restore_all")


@export("python.training.saver.BulkSaverBuilder")
class BulkSaverBuilder(BaseSaverBuilder):
    """Reads all tensors with one operation."""

    def bulk_restore(
        self,
        filename_tensor: Tensor,
        saveables: _Saveables,
        preferred_shard: int,
        restore_sequentially: bool,
    ) -> list[Tensor]:
        with get_default_graph().device("cpu:0"):
            return _restore(filename_tensor, [spec for saveable in saveables for spec in saveable.specs])


def _restore(filename: Tensor, specs: Sequence[SaveSpec]) -> list[Tensor]:
    found = apply_op(
        "RestoreV2",
        None,
        prefix=filename,
        tensor_names=[s.name for s in specs],
        shape_and_slices=[s.slice_spec for s in specs],
        dtypes=[s.dtype.base_dtype for s in specs],
    )
    return list(found)


def _temporary_prefix(prefix: Tensor) -> Tensor:
    """Where shards are written before they are merged: ``PREFIX_temp/part``, beside on S3, which has no folders."""
    with get_default_graph().device("CPU"):
        remote = apply_op("StaticRegexFullMatch", None, input=prefix, pattern="^s3://.*")
        suffix = apply_op("Select", None, condition=remote, t=constant(".part"), e=constant("_temp/part"))
        found: Tensor = apply_op("StringJoin", None, inputs=[prefix, suffix])
    return found


def _shape_of(tensor: Tensor) -> Any:
    shape = tensor.get_shape()
    return shape if shape.is_fully_defined() else apply_op("Shape", None, input=tensor)


def _by_device(saveables: _Saveables) -> _PerDevice:
    found: dict[str, list[_Saveable]] = {}
    for saveable in saveables:
        devices = {DeviceSpec.from_string(spec.device).to_string() if spec.device else "" for spec in saveable.specs}
        if len(devices) != 1:
            raise ValueError(f"All tensors of a saveable object must be on the same device: {saveable.name}")
        found.setdefault(devices.pop(), []).append(saveable)
    return sorted(found.items(), key=lambda item: item[0])


def _complete_partitioned() -> None:
    """A partitioned variable in a collection is named there by its joined tensor, which must exist then."""
    graph = get_default_graph()
    for key in graph.get_all_collection_keys():
        for element in graph.get_collection(key):
            if is_partitioned(element) and element.name not in graph._operations:
                element.as_tensor()
