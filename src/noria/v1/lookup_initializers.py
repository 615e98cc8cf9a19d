"""What fills a lookup table: keys and values given as tensors, or the lines of a vocabulary file."""

from __future__ import annotations

import os
from typing import Any, Final

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype, int64, string
from noria.v1.exports import export
from noria.v1.framework import init_scope, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.operation import Operation, Tensor


@export("lookup.TextFileIndex", "contrib.lookup.TextFileIndex")
class TextFileIndex:
    """The two columns that every line has besides those between delimiters."""

    WHOLE_LINE: Final = -2
    LINE_NUMBER: Final = -1


@export("contrib.lookup.TableInitializerBase", "python.ops.lookup_ops.TableInitializerBase")
class TableInitializerBase:
    """Base of what fills a table."""

    def __init__(self, key_dtype: Any, value_dtype: Any) -> None:
        self._key_dtype = as_dtype(key_dtype)
        self._value_dtype = as_dtype(value_dtype)

    @property
    def key_dtype(self) -> DType:
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        return self._value_dtype

    @property
    def _shared_name(self) -> str:
        """The name under which tables with equal contents are one; empty for a table of its own."""
        return ""

    def initialize(self, table: Any) -> Operation:
        """Adds the operation that fills ``table``, to TABLE_INITIALIZERS too."""
        raise NotImplementedError

    def _check(self, table: Any) -> None:
        for what, mine, wanted in (
            ("key", self._key_dtype, table.key_dtype),
            ("value", self._value_dtype, table.value_dtype),
        ):
            if mine.base_dtype != wanted:
                raise TypeError(f"Invalid {what} dtype for table, expected {wanted} but got {mine}.")


@export("lookup.KeyValueTensorInitializer", "contrib.lookup.KeyValueTensorInitializer")
class KeyValueTensorInitializer(TableInitializerBase):
    """Keys and their values, as two tensors of one length."""

    def __init__(
        self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None, name: str | None = None
    ) -> None:
        if get_default_graph()._get_control_flow_context() is not None:
            with init_scope():
                self._keys, self._values = convert(keys, key_dtype, "keys"), convert(values, value_dtype, "values")
        else:
            self._keys, self._values = convert(keys, key_dtype, "keys"), convert(values, value_dtype, "values")
        self._name = "key_value_init" if name is None else name
        super().__init__(self._keys.dtype, self._values.dtype)

    def initialize(self, table: Any) -> Operation:
        self._check(table)
        with name_scope(self._name, values=(table.resource_handle, self._keys, self._values)):
            op: Operation = apply_op(
                "LookupTableImportV2", None, table_handle=table.resource_handle, keys=self._keys, values=self._values
            )
        get_default_graph().add_to_collection(GraphKeys.TABLE_INITIALIZERS, op)
        return op


@export("lookup.TextFileInitializer", "contrib.lookup.TextFileInitializer")
class TextFileInitializer(TableInitializerBase):
    """The lines of a text file. The file is an asset: a constant name of it is added to ASSET_FILEPATHS.

    key_index, value_index: the column between delimiters, from 0, or a ``TextFileIndex``; vocab_size: how many lines to
    take, all if left out; value_index_offset: added to line numbers.
    """

    def __init__(
        self,
        filename: Any,
        key_dtype: Any,
        key_index: int,
        value_dtype: Any,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = None,
        value_index_offset: int = 0,
    ) -> None:
        if not isinstance(filename, Tensor) and not filename:
            raise ValueError("`filename` argument required for tf.lookup.TextFileInitializer")
        super().__init__(key_dtype, value_dtype)
        _check_column("key", key_index, self._key_dtype)
        _check_column("value", value_index, self._value_dtype)
        if vocab_size is not None and vocab_size <= 0:
            raise ValueError(f"`vocab_size` should be > 0, received: {vocab_size}")
        self._key_index, self._value_index = key_index, value_index
        self._vocab_size, self._delimiter = vocab_size, delimiter
        self._name, self._offset = name, value_index_offset
        self._filename_arg = filename
        with init_scope(), get_default_graph().device("CPU"):
            path = os.fspath(filename) if isinstance(filename, os.PathLike) else filename
            self._filename = convert(path, string, "asset_path")

    def initialize(self, table: Any) -> Operation:
        self._check(table)
        with name_scope(self._name, "text_file_init", (table.resource_handle,)):
            op: Operation = apply_op(
                "InitializeTableFromTextFileV2",
                None,
                table_handle=table.resource_handle,
                filename=self._filename,
                key_index=self._key_index,
                value_index=self._value_index,
                vocab_size=-1 if self._vocab_size is None else self._vocab_size,
                delimiter=self._delimiter,
                offset=self._offset,
            )
        graph = get_default_graph()
        graph.add_to_collection(GraphKeys.TABLE_INITIALIZERS, op)
        if self._filename.op.type == "Const":
            graph.add_to_collection(GraphKeys.ASSET_FILEPATHS, self._filename)
        return op

    @property
    def _shared_name(self) -> str:
        parts: list[Any] = [self._filename_arg]
        parts += [self._vocab_size] if self._vocab_size else []
        parts += [self._key_index, self._value_index]
        parts += [self._offset] if self._offset else []
        return "hash_table_" + "_".join(str(p) for p in parts)


def _check_column(what: str, index: int, dtype: DType) -> None:
    if index < -2:
        raise ValueError(f"`{what}_index` should be >= -2, received: {index}.")
    if index == TextFileIndex.LINE_NUMBER and dtype != int64:
        raise ValueError(f"`{what}_dtype` must be int64 if `{what}_index` is {index}, received: {dtype}")
    if index == TextFileIndex.WHOLE_LINE and not dtype.is_integer and dtype != string:
        raise ValueError(
            f"`{what}_dtype` should be either integer or string for `{what}_index` {index}, received: {dtype}"
        )


@export("lookup.TextFileStringTableInitializer", "contrib.lookup.TextFileStringTableInitializer")
class TextFileStringTableInitializer(TextFileInitializer):
    """From line numbers (int64) to lines."""

    def __init__(
        self,
        filename: Any,
        key_column_index: int = TextFileIndex.LINE_NUMBER,
        value_column_index: int = TextFileIndex.WHOLE_LINE,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str = "text_file_string_table_init",
    ) -> None:
        super().__init__(filename, int64, key_column_index, string, value_column_index, vocab_size, delimiter, name)


@export("lookup.TextFileIdTableInitializer", "contrib.lookup.TextFileIdTableInitializer")
class TextFileIdTableInitializer(TextFileInitializer):
    """From lines to line numbers (int64)."""

    def __init__(
        self,
        filename: Any,
        key_column_index: int = TextFileIndex.WHOLE_LINE,
        value_column_index: int = TextFileIndex.LINE_NUMBER,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str = "text_file_id_table_init",
        key_dtype: Any = string,
    ) -> None:
        super().__init__(filename, key_dtype, key_column_index, int64, value_column_index, vocab_size, delimiter, name)
