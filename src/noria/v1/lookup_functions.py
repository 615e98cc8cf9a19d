"""Tables from vocabularies: from strings to ids and back, as ``tf.contrib.lookup`` makes them."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import size
from noria.v1.casts import cast
from noria.v1.constant import constant_value
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype, int64, string
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.lookup_initializers import (
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileIndex,
    TextFileStringTableInitializer,
)
from noria.v1.lookup_mutable import DenseHashTable, MutableHashTable
from noria.v1.lookup_tables import FastHashSpec, IdTableWithHashBuckets, StaticHashTable
from noria.v1.operation import Tensor


def _check_file(vocabulary_file: Any) -> None:
    if vocabulary_file is None or (isinstance(vocabulary_file, str) and not vocabulary_file):
        raise ValueError("`vocabulary_file` must be specified and must not be empty.")


def _check_keys(dtype: DType, what: str) -> None:
    if not dtype.is_integer and dtype.base_dtype != string:
        raise TypeError(f"{what} should be either integer or string.")


def _count(tensor: Tensor) -> Any:
    """The numbers of the elements of ``tensor``, as int64."""
    numbers = apply_op("Range", "range", start=0, limit=size(tensor), delta=1)
    return cast(numbers, int64)


@export("contrib.lookup.index_table_from_file", "python.ops.lookup_ops.index_table_from_file")
def index_table_from_file(
    vocabulary_file: Any = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: Any = -1,
    hasher_spec: Any = FastHashSpec,
    key_dtype: Any = string,
    name: str | None = None,
    key_column_index: int = TextFileIndex.WHOLE_LINE,
    value_column_index: int = TextFileIndex.LINE_NUMBER,
    delimiter: str = "\t",
) -> Any:
    """A table from the lines of a file to their numbers; others go to buckets, or are ``default_value``."""
    _check_file(vocabulary_file)
    if num_oov_buckets < 0:
        raise ValueError(f"num_oov_buckets must be greater or equal than 0, got {num_oov_buckets}.")
    if vocab_size is not None and vocab_size < 1:
        shown = constant_value(vocabulary_file) if isinstance(vocabulary_file, Tensor) else vocabulary_file
        raise ValueError(
            f"`vocab_size` must be greater than 0, got {vocab_size} for vocabulary_file: "
            f"{'?' if shown is None else shown}."
        )
    dtype = as_dtype(key_dtype)
    _check_keys(dtype, "Dtype for `keys`")
    with name_scope(name, "string_to_index"):
        with name_scope(None, "hash_table"):
            initializer = TextFileIdTableInitializer(
                vocabulary_file,
                vocab_size=vocab_size,
                key_dtype=int64 if dtype.is_integer else dtype,
                name="table_init",
                key_column_index=key_column_index,
                value_column_index=value_column_index,
                delimiter=delimiter,
            )
            table = StaticHashTable(initializer, default_value)
        if num_oov_buckets:
            return IdTableWithHashBuckets(table, num_oov_buckets, hasher_spec, key_dtype=dtype)
        return table


@export("python.ops.lookup_ops.index_table_from_tensor")
def index_table_from_tensor(
    vocabulary_list: Any,
    num_oov_buckets: int = 0,
    default_value: Any = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = string,
    name: str | None = None,
) -> Any:
    """A table from the elements of a vector to their places in it; others go to buckets, or are ``default_value``."""
    if vocabulary_list is None:
        raise ValueError("`vocabulary_list` must be specified.")
    if num_oov_buckets < 0:
        raise ValueError(f"`num_oov_buckets` must be greater or equal than 0, got {num_oov_buckets}.")
    wanted = as_dtype(dtype)
    _check_keys(wanted, "`dtype`")
    with name_scope(name, "string_to_index"):
        keys = convert(vocabulary_list)
        if keys.dtype.is_integer != wanted.is_integer or (not wanted.is_integer and keys.dtype.base_dtype != wanted):
            kind = "integer" if wanted.is_integer else wanted
            raise ValueError(f"Invalid `dtype`: Expected {kind}, got {keys.dtype}.")
        values = _count(keys)
        with name_scope(None, "hash_table"):
            table_keys = cast(keys, int64) if keys.dtype.is_integer else keys
            initializer = KeyValueTensorInitializer(
                table_keys, values, table_keys.dtype.base_dtype, int64, name="table_init"
            )
            table = StaticHashTable(initializer, default_value)
        if num_oov_buckets:
            return IdTableWithHashBuckets(table, num_oov_buckets, hasher_spec, key_dtype=wanted)
        return table


@export("contrib.lookup.index_to_string_table_from_file", "python.ops.lookup_ops.index_to_string_table_from_file")
def index_to_string_table_from_file(
    vocabulary_file: Any,
    vocab_size: int | None = None,
    default_value: Any = "UNK",
    name: str | None = None,
    key_column_index: int = TextFileIndex.LINE_NUMBER,
    value_column_index: int = TextFileIndex.WHOLE_LINE,
    delimiter: str = "\t",
) -> StaticHashTable:
    """A table from line numbers of a file to its lines."""
    _check_file(vocabulary_file)
    if vocab_size is not None and vocab_size < 1:
        raise ValueError(f"`vocab_size` must be greater than 0, got {vocab_size}.")
    with name_scope(name, "index_to_string"):
        initializer = TextFileStringTableInitializer(
            vocabulary_file,
            vocab_size=vocab_size,
            name="table_init",
            key_column_index=key_column_index,
            value_column_index=value_column_index,
            delimiter=delimiter,
        )
        return StaticHashTable(initializer, default_value)


@export("python.ops.lookup_ops.index_to_string_table_from_tensor")
def index_to_string_table_from_tensor(
    vocabulary_list: Any, default_value: Any = "UNK", name: str | None = None
) -> StaticHashTable:
    """A table from places in a vector of strings to the strings."""
    if vocabulary_list is None:
        raise ValueError("`vocabulary_list` argument must be specified.")
    with name_scope(name, "index_to_string"):
        values = convert(vocabulary_list, string)
        keys = _count(values)
        initializer = KeyValueTensorInitializer(keys, values, int64, string, name="table_init")
        return StaticHashTable(initializer, default_value)


# --- tf.contrib.lookup: the same under its own argument names


@export("contrib.lookup.index_table_from_tensor")
def contrib_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: Any = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = string,
    name: str | None = None,
) -> Any:
    """A table from the elements of ``mapping`` to their places in it."""
    if mapping is None:
        raise ValueError("mapping must be specified.")
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, dtype, name)


@export("contrib.lookup.index_to_string_table_from_tensor")
def contrib_index_to_string_table_from_tensor(
    mapping: Any, default_value: Any = "UNK", name: str | None = None
) -> StaticHashTable:
    """A table from places in ``mapping`` to its strings."""
    if mapping is None:
        raise ValueError("mapping must be specified.")
    return index_to_string_table_from_tensor(mapping, default_value, name)


@export("contrib.lookup.string_to_index")
def string_to_index(tensor: Any, mapping: Any, default_value: Any = -1, name: str | None = None) -> Any:
    """The places of strings in ``mapping``."""
    return contrib_index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


@export("contrib.lookup.index_to_string")
def index_to_string(tensor: Any, mapping: Any, default_value: Any = "UNK", name: str | None = None) -> Any:
    """The strings at these places of ``mapping``."""
    return contrib_index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)


@export("contrib.lookup.HashTable", "python.ops.lookup_ops.HashTable")
class HashTable(StaticHashTable):
    """The table of tf.contrib.lookup."""

    def __init__(
        self, initializer: Any, default_value: Any, shared_name: str | None = None, name: str | None = None
    ) -> None:
        super().__init__(initializer, default_value, name)


@export("contrib.lookup.MutableHashTable")
class ContribMutableHashTable(MutableHashTable):
    """The table of tf.contrib.lookup: ``shared_name`` stands before ``name``."""

    def __init__(
        self,
        key_dtype: Any,
        value_dtype: Any,
        default_value: Any,
        shared_name: str | None = None,
        name: str = "MutableHashTable",
        checkpoint: bool = True,
    ) -> None:
        super().__init__(key_dtype, value_dtype, default_value, name, checkpoint, shared_name=shared_name)


@export("contrib.lookup.MutableDenseHashTable")
class ContribDenseHashTable(DenseHashTable):
    """The table of tf.contrib.lookup: ``shared_name`` stands before ``name``."""

    def __init__(
        self,
        key_dtype: Any,
        value_dtype: Any,
        default_value: Any,
        empty_key: Any,
        deleted_key: Any = None,
        initial_num_buckets: int | None = None,
        shared_name: str | None = None,
        name: str = "MutableDenseHashTable",
        checkpoint: bool = True,
    ) -> None:
        super().__init__(
            key_dtype,
            value_dtype,
            default_value,
            empty_key,
            deleted_key,
            initial_num_buckets,
            name,
            checkpoint,
            shared_name=shared_name,
        )
