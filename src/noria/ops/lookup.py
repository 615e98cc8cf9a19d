"""Lookup tables: making, filling, finding.

A table travels between ops as the ``Table`` object. The old forms on string references (``HashTable``,
``LookupTableFind``) and those on resources (``HashTableV2``, ``LookupTableFindV2``) are the same ops here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError, OutOfRangeError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._numbers import parse_number
from noria.ops._table import Table
from noria.shapes import Shape

_WHOLE_LINE: Final = -2
_LINE_NUMBER: Final = -1


@infer(
    "HashTable", "HashTableV2", "AnonymousHashTable", "MutableHashTable", "MutableHashTableV2",
    "AnonymousMutableHashTable", "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2",
    "AnonymousMutableHashTableOfTensors", "MutableDenseHashTable", "MutableDenseHashTableV2",
    "AnonymousMutableDenseHashTable", "LookupTableSize", "LookupTableSizeV2",
)  # fmt: skip
def _scalar_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel(
    "HashTable", "HashTableV2", "AnonymousHashTable", "MutableHashTable", "MutableHashTableV2",
    "AnonymousMutableHashTable", "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2",
    "AnonymousMutableHashTableOfTensors", "MutableDenseHashTable", "MutableDenseHashTableV2",
    "AnonymousMutableDenseHashTable",
)  # fmt: skip
def _table(call: KernelCall, *reserved: Array) -> Table:
    """The table of this name; an anonymous one is new at each run. Dense tables get their empty and deleted key."""
    attrs = call.node.attrs
    fixed = "Mutable" not in call.node.op
    anonymous = "shared_name" not in attrs
    name = call.name if anonymous else call.text("shared_name") or call.name
    key, value = call.dtype("key_dtype"), call.dtype("value_dtype")
    value_shape = tuple(d or 0 for d in call.shape_attr("value_shape") or ()) if "value_shape" in attrs else ()
    if any(r.ndim for r in reserved):
        raise UnimplementedError(f"table {name!r} has keys that are vectors; only scalar keys are supported")
    keys = tuple(r.item() for r in reserved)
    if len(set(keys)) < len(keys):
        raise InvalidArgumentError(f"Empty and deleted keys cannot be equal (table {name!r})")

    def create() -> Table:
        return Table(name, key, value, fixed=fixed, value_shape=value_shape, reserved=keys)

    if anonymous:
        return create()
    found = call.resources.get_or_create(call.text("container"), name, Table, create)
    if (found.key, found.value, found.fixed) != (key, value, fixed):
        raise InvalidArgumentError(
            f"table {name!r} maps {found.key} to {found.value}, but node {call.name!r} asks for one that maps "
            f"{key} to {value}"
        )
    return found


@infer("LookupTableFind", "LookupTableFindV2")
def _find_infer(call: InferCall) -> list[Shape]:
    keys, default = call.shape(1), call.shape(2)
    if default == ():
        return [keys]  # otherwise values may be rows
    return [None]


@kernel("LookupTableFind", "LookupTableFindV2")
def _find(call: KernelCall, table: Table, keys: Array, default: Array) -> Array:
    attrs = call.node.attrs
    if attrs["Tin"] is not table.key or attrs["Tout"] is not table.value:
        _check_types(call, table)
    return table.find(keys, default)


def _check_types(call: KernelCall, table: Table, key_attr: str = "Tin", value_attr: str = "Tout") -> None:
    key, value = call.dtype(key_attr), call.dtype(value_attr)
    if key is not table.key or value is not table.value:
        raise InvalidArgumentError(
            f"Signature mismatch, have: resource, {key}->{value} expected: resource, {table.key}->{table.value}"
            f" (table {table.name!r})"
        )


@kernel("LookupTableSize", "LookupTableSizeV2")
def _size(call: KernelCall, table: Table) -> Array:
    return np.array(table.size(), np.int64)


@infer("LookupTableExport", "LookupTableExportV2")
def _export_infer(call: InferCall) -> list[Shape]:
    return [(None,), None]


@kernel("LookupTableExport", "LookupTableExportV2")
def _export(call: KernelCall, table: Table) -> tuple[Array, Array]:
    _check_types(call, table, "Tkeys", "Tvalues")
    if table.reserved:
        raise UnimplementedError(
            f"table {table.name!r} is a MutableDenseHashTable; the layout of buckets that it exports is not kept"
        )
    return table.export()


@infer(
    "InitializeTable", "InitializeTableV2", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2",
    "LookupTableImport", "LookupTableImportV2", "LookupTableInsert", "LookupTableInsertV2", "LookupTableRemoveV2",
)  # fmt: skip
def _no_output_infer(call: InferCall) -> list[Shape]:
    return []


@kernel("InitializeTable", "InitializeTableV2")
def _initialize(call: KernelCall, table: Table, keys: Array, values: Array) -> tuple[()]:
    _check_types(call, table, "Tkey", "Tval")
    if not table.fixed:
        raise InvalidArgumentError(f"Table {table.name} is not initializable: it is a MutableHashTable; use import")
    _fill(table, keys, values)
    return ()


def _fill(table: Table, keys: Array, values: Array) -> None:
    if keys.ndim != 1:
        raise InvalidArgumentError(f"Keys must be a vector, but received shape{shapes.text(keys.shape)}")
    if keys.size != values.size:
        raise InvalidArgumentError(f"Keys and values must have the same size {keys.size} vs {values.size}")
    if not keys.size:
        raise InvalidArgumentError(f"keys and values cannot be empty tensors. (table {table.name!r})")
    table.initialize(zip(keys.tolist(), values.ravel().tolist(), strict=True))


@kernel("LookupTableImport", "LookupTableImportV2")
def _import(call: KernelCall, table: Table, keys: Array, values: Array) -> tuple[()]:
    _check_types(call, table)
    if table.fixed:
        _fill(table, keys, values)
    else:
        # a dense table is saved as its buckets, a matrix of one column
        if table.reserved and keys.ndim == 2 and keys.shape[1] == 1:
            keys = keys[:, 0]
            values = values if table.value_shape else values.reshape(-1)
        table.replace(*table.rows(keys, values))
    return ()


@kernel("LookupTableInsert", "LookupTableInsertV2")
def _insert(call: KernelCall, table: Table, keys: Array, values: Array) -> tuple[()]:
    _check_types(call, table)
    table.check_keys(keys)
    table.insert(*table.rows(keys, values))
    return ()


@kernel("LookupTableRemoveV2")
def _remove(call: KernelCall, table: Table, keys: Array) -> tuple[()]:
    if call.dtype("Tin") is not table.key:
        raise InvalidArgumentError(
            f"keys to remove are {call.dtype('Tin')}, but the keys of table {table.name!r} are {table.key}"
        )
    table.check_keys(keys)
    table.remove(keys.ravel().tolist())
    return ()


# --- tables from text files


@kernel("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")
def _initialize_from_file(call: KernelCall, table: Table, filename: Array) -> tuple[()]:
    """One entry a line; key and value are columns, the whole line (-2) or the line's number (-1)."""
    if filename.size != 1:
        raise InvalidArgumentError(f"filename should be a single string, but got {filename.size}")
    path = call.resources.check_path(filename.item().decode("utf-8", "surrogateescape"))
    delimiter: bytes = call.attr("delimiter")
    if len(delimiter) != 1:
        raise InvalidArgumentError(f"delimiter should be only 1 char, got {delimiter!r}")
    columns = (call.integer("key_index"), call.integer("value_index"))
    for what, index, dtype in (("Key", columns[0], table.key), ("Value", columns[1], table.value)):
        if index == _LINE_NUMBER and dtype is not dtypes.int64:
            raise InvalidArgumentError(
                f"{what} index for line number requires table {what.lower()} dtype of int64, got {dtype}"
            )
    reader = _TextFile(path, columns, (table.key, table.value), delimiter, call.integer("offset"))
    table.initialize(reader.pairs(call.integer("vocab_size")))
    return ()


class _TextFile:
    """The entries of a vocabulary file."""

    def __init__(
        self, path: str, columns: tuple[int, int], types: tuple[DType, DType], delimiter: bytes, offset: int
    ) -> None:
        self._path = path
        self._columns = columns
        self._types = types
        self._delimiter = delimiter
        self._offset = offset

    def pairs(self, vocab_size: int) -> Iterator[tuple[Any, Any]]:
        """Entries of the first ``vocab_size`` lines, of all for -1; errors name the file and the line."""
        lines = self._lines()
        if not lines:
            raise OutOfRangeError(f"Read less bytes than requested: {self._path} is empty")
        if vocab_size == 0:
            raise OutOfRangeError(f"Finished reading 0 of lines from {self._path}: vocab_size is 0")
        if vocab_size > len(lines):
            raise InvalidArgumentError(
                f"Invalid vocab_size in {self._path}: expected {vocab_size} but got {len(lines)}"
            )
        if vocab_size > 0:
            del lines[vocab_size:]
        (key_column, value_column), (key_type, value_type) = self._columns, self._types
        needed = max(key_column, value_column) + 1
        for number, line in enumerate(lines):
            if not line:
                raise InvalidArgumentError(f"Invalid content in {self._path}: empty line found (line {number})")
            fields = line.split(self._delimiter) if needed > 0 else []
            if len(fields) < needed:
                raise InvalidArgumentError(
                    f"Invalid number of columns in {self._path} line {number} ({line.decode('utf-8', 'replace')}) : "
                    f"expected at least {needed} got {len(fields)}"
                )
            yield (
                self._field(key_column, key_type, line, fields, number),
                self._field(value_column, value_type, line, fields, number),
            )

    def _lines(self) -> list[bytes]:
        try:
            data = Path(self._path).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"{self._path}; No such file or directory") from None
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        return [line[:-1] if line.endswith(b"\r") else line for line in lines]

    def _field(self, column: int, dtype: DType, line: bytes, fields: list[bytes], number: int) -> Any:
        if column == _LINE_NUMBER:
            return number + self._offset
        field = line if column == _WHOLE_LINE else fields[column]
        if dtype is dtypes.string:
            return field
        value = parse_number(field, dtype)
        if value is None:
            raise InvalidArgumentError(
                f"Field {field.decode('utf-8', 'replace')} in line {number} is not a valid {dtype}. ({self._path})"
            )
        return value
