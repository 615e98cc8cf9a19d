"""Lookup tables that a program changes: ``MutableHashTable`` and ``DenseHashTable``. A Saver stores them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.lookup_tables import LookupInterface
from noria.v1.operation import Operation, Tensor
from noria.v1.saveable import SaveableObject, SaveSpec


class TableSaveable(SaveableObject):
    """The keys and values of a table, stored as ``name-keys`` and ``name-values``."""

    def __init__(self, table: MutableTable, name: str) -> None:
        keys, values = table.export()
        specs = [SaveSpec(keys, "", f"{name}-keys"), SaveSpec(values, "", f"{name}-values")]
        self.table_name = name
        super().__init__(table, specs, name)

    def restore(self, restored_tensors: Sequence[Tensor], restored_shapes: Sequence[Any] | None) -> Any:
        keys, values = restored_tensors
        handle = self.op.resource_handle
        with name_scope(f"{self.table_name}_table_restore"), get_default_graph().colocate_with(handle):
            return apply_op("LookupTableImportV2", None, table_handle=handle, keys=keys, values=values)


class MutableTable(LookupInterface):
    """What tables that change have in common."""

    _resource_handle: Tensor
    _default_value: Tensor
    _table_name: str

    def _made(self, handle: Tensor, name: str, *, checkpoint: bool) -> None:
        self._resource_handle = handle
        self._table_name = handle.op.name.split("/")[-1]
        if checkpoint:
            saveable = TableSaveable(self, name)
            get_default_graph().add_to_collection(GraphKeys.SAVEABLE_OBJECTS, saveable)

    @property
    def resource_handle(self) -> Tensor:
        return self._resource_handle

    @property
    def name(self) -> str:
        return self._table_name

    @property
    def default_value(self) -> Tensor:
        return self._default_value

    def _colocated(self) -> Any:
        return get_default_graph().colocate_with(self._resource_handle)

    def size(self, name: str | None = None) -> Tensor:
        with name_scope(name, f"{self.name}_Size", [self._resource_handle]), self._colocated():
            found: Tensor = apply_op("LookupTableSizeV2", None, table_handle=self._resource_handle)
        return found

    def _find(self, keys: Any, default: Any, name: str | None, values: Sequence[Any]) -> Tensor:
        with name_scope(name, f"{self.name}_lookup_table_find", list(values)):
            given = convert(keys, self._key_dtype, "keys")
            with self._colocated():
                found: Tensor = apply_op(
                    "LookupTableFindV2", None, table_handle=self._resource_handle, keys=given, default_value=default
                )
        return found

    def insert(self, keys: Any, values: Any, name: str | None = None) -> Operation:
        """Adds entries, or replaces them."""
        with name_scope(name, f"{self.name}_lookup_table_insert", [self._resource_handle, keys, values]):
            given = convert(keys, self._key_dtype, "keys")
            new = convert(values, self._value_dtype, "values")
            with self._colocated():
                op: Operation = apply_op(
                    "LookupTableInsertV2", None, table_handle=self._resource_handle, keys=given, values=new
                )
        return op

    def remove(self, keys: Any, name: str | None = None) -> Operation:
        """Takes entries away; keys that are not there are left out."""
        if keys.dtype != self._key_dtype:
            raise TypeError(f"Dtype of argument `keys` must be {self._key_dtype}, received: {keys.dtype}")
        values = (self._resource_handle, keys, self._default_value)
        with name_scope(name, f"{self.name}_lookup_table_remove", values):
            op: Operation = apply_op("LookupTableRemoveV2", None, table_handle=self._resource_handle, keys=keys)
        return op

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and their values, in no order."""
        with name_scope(name, f"{self.name}_lookup_table_export_values", [self._resource_handle]), self._colocated():
            keys, values = apply_op(
                "LookupTableExportV2",
                None,
                table_handle=self._resource_handle,
                Tkeys=self._key_dtype,
                Tvalues=self._value_dtype,
            )
        return keys, values


@export("lookup.experimental.MutableHashTable", "python.ops.lookup_ops.MutableHashTable")
class MutableHashTable(MutableTable):
    """A table that begins empty. default_value: a scalar, or a vector where values are vectors."""

    def __init__(
        self,
        key_dtype: Any,
        value_dtype: Any,
        default_value: Any,
        name: str = "MutableHashTable",
        checkpoint: bool = True,
        *,
        shared_name: str | None = None,
    ) -> None:
        super().__init__(key_dtype, value_dtype)
        self._default_value = convert(default_value, self._value_dtype)
        shape = self._default_value.shape
        scalar = shape.ndims == 0
        handle = apply_op(
            "MutableHashTableV2" if scalar else "MutableHashTableOfTensorsV2",
            name,
            shared_name=shared_name,
            use_node_name_sharing=checkpoint and shared_name is None,
            key_dtype=self._key_dtype,
            value_dtype=self._value_dtype,
            **({} if scalar else {"value_shape": shape}),
        )
        self._made(handle, name, checkpoint=checkpoint)

    def lookup(  # type: ignore[override]  # the order of the arguments is TensorFlow's
        self, keys: Any, dynamic_default_values: Any = None, name: str | None = None
    ) -> Tensor:
        """The values of ``keys``; ``dynamic_default_values``, one a key, in place of the default value."""
        default = self._default_value if dynamic_default_values is None else dynamic_default_values
        return self._find(keys, default, name, (self._resource_handle, keys, self._default_value))


@export("lookup.experimental.DenseHashTable", "python.ops.lookup_ops.DenseHashTable")
class DenseHashTable(MutableTable):
    """A table that begins empty; ``empty_key`` and ``deleted_key`` are never looked up or inserted."""

    def __init__(
        self,
        key_dtype: Any,
        value_dtype: Any,
        default_value: Any,
        empty_key: Any,
        deleted_key: Any,
        initial_num_buckets: int | None = None,
        name: str = "MutableDenseHashTable",
        checkpoint: bool = True,
        *,
        shared_name: str | None = None,
    ) -> None:
        super().__init__(key_dtype, value_dtype)
        self._default_value = convert(default_value, self._value_dtype, "default_value")
        empty = convert(empty_key, self._key_dtype, "empty_key")
        deleted = convert(deleted_key, self._key_dtype, "deleted_key")
        handle = apply_op(
            "MutableDenseHashTableV2",
            name,
            empty_key=empty,
            deleted_key=deleted,
            shared_name=shared_name,
            use_node_name_sharing=checkpoint and shared_name is None,
            value_dtype=self._value_dtype,
            value_shape=self._default_value.shape,
            initial_num_buckets=initial_num_buckets,
        )
        self._made(handle, name, checkpoint=checkpoint)

    def lookup(self, keys: Any, name: str | None = None) -> Tensor:
        return self._find(keys, self._default_value, name, (self._resource_handle, keys))

    def insert_or_assign(self, keys: Any, values: Any, name: str | None = None) -> Operation:
        """Adds entries, or replaces them."""
        return self.insert(keys, values, name)

    def erase(self, keys: Any, name: str | None = None) -> Operation:
        """Takes entries away."""
        return self.remove(keys, name)
