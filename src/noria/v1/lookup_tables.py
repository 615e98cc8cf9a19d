"""Lookup tables that are filled once: ``tf.lookup.StaticHashTable``, ``StaticVocabularyTable``, hash buckets."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import add
from noria.v1.casts import cast
from noria.v1.composite import SparseTensor
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype, int64, string
from noria.v1.exports import export
from noria.v1.framework import init_scope, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.operation import Operation, Tensor
from noria.v1.variable_lists import group


@export("tables_initializer", "initialize_all_tables")
def tables_initializer(name: str = "init_all_tables") -> Operation:
    """One operation that fills all tables of the graph."""
    return group(get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS), name)


@export("contrib.lookup.LookupInterface", "python.ops.lookup_ops.LookupInterface")
class LookupInterface:
    """What every table has: dtypes of keys and values, and ``lookup``."""

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
    def name(self) -> str | None:
        raise NotImplementedError

    def size(self, name: str | None = None) -> Tensor:
        """How many entries there are, as a tensor."""
        raise NotImplementedError

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The values of ``keys``, a Tensor or SparseTensor."""
        raise NotImplementedError

    def __getitem__(self, keys: Any) -> Any:
        return self.lookup(keys)

    def _check_keys(self, keys: Any) -> None:
        if keys.dtype.base_dtype != self._key_dtype:
            raise TypeError(f"Dtype of argument `keys` must be {self._key_dtype}, received: {keys.dtype}")


def _values_of(keys: Any) -> Any:
    return keys.values if is_composite(keys) else keys


def is_composite(keys: Any) -> bool:
    """Whether ``keys`` is sparse or ragged: its values are looked up, and take their place."""
    return isinstance(keys, SparseTensor) or hasattr(keys, "with_values")


def _like(keys: Any, found: Tensor) -> Any:
    if isinstance(keys, SparseTensor):
        return SparseTensor(keys.indices, found, keys.dense_shape)
    return keys.with_values(found) if is_composite(keys) else found


@export("lookup.StaticHashTable")
class StaticHashTable(LookupInterface):
    """A table that is filled by ``initializer``; keys that it has not are ``default_value``."""

    def __init__(self, initializer: Any, default_value: Any, name: str | None = None) -> None:
        super().__init__(initializer.key_dtype, initializer.value_dtype)
        self._initializer = initializer
        self._shared_name = initializer._shared_name or f"hash_table_{uuid.uuid4()}"
        self._default_value = convert(default_value, self._value_dtype)
        self._default_value.shape.merge_with([])
        with init_scope():
            self._resource_handle: Tensor = apply_op(
                "HashTableV2",
                name or "hash_table",
                shared_name=self._shared_name,
                key_dtype=self._key_dtype,
                value_dtype=self._value_dtype,
            )
        self._table_name: str = self._resource_handle.op.name.split("/")[-1]
        if get_default_graph()._get_control_flow_context() is not None:
            with init_scope():
                self._init_op = initializer.initialize(self)
        else:
            self._init_op = initializer.initialize(self)

    @property
    def resource_handle(self) -> Tensor:
        return self._resource_handle

    table_ref = resource_handle

    @property
    def name(self) -> str:
        return self._table_name

    @property
    def initializer(self) -> Operation:
        """The operation that fills it."""
        op: Operation = self._init_op
        return op

    init = initializer

    @property
    def default_value(self) -> Tensor:
        return self._default_value

    def size(self, name: str | None = None) -> Tensor:
        with name_scope(name, f"{self.name}_Size", [self._resource_handle]):
            found: Tensor = apply_op("LookupTableSizeV2", None, table_handle=self._resource_handle)
        return found

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        self._check_keys(keys)
        values = _values_of(keys)
        with name_scope(name, f"{self.name}_Lookup", (self._resource_handle, values, self._default_value)):
            found: Tensor = apply_op(
                "LookupTableFindV2",
                None,
                table_handle=self._resource_handle,
                keys=values,
                default_value=self._default_value,
            )
        found.set_shape(values.get_shape())
        return _like(keys, found)

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and their values, in no order."""
        with name_scope(name, f"{self.name}_Export", [self._resource_handle]):
            keys, values = apply_op(
                "LookupTableExportV2",
                None,
                table_handle=self._resource_handle,
                Tkeys=self._key_dtype,
                Tvalues=self._value_dtype,
            )
        values.set_shape(keys.get_shape().concatenate(self._default_value.shape))
        return keys, values


class HasherSpec(NamedTuple):
    """How unknown strings are spread over buckets: ``fasthash``, ``stronghash`` with a key, or ``legacy``."""

    hasher: str
    key: Any


FastHashSpec = HasherSpec("fasthash", None)


def strong_hash_spec(key: Any) -> HasherSpec:
    """Keyed hashing; ``key``: two unsigned integers."""
    if len(key) != 2:
        raise ValueError(f"`key` must have size 2, received {len(key)}")
    if not all(isinstance(part, int) for part in key):
        raise TypeError(f"Invalid key {key}. Must be unsigned integer values.")
    return HasherSpec("stronghash", key)


for _space in ("contrib.lookup", "python.ops.lookup_ops"):
    export(f"{_space}.FastHashSpec")(FastHashSpec)
    export(f"{_space}.StrongHashSpec")(strong_hash_spec)
    export(f"{_space}.HasherSpec")(HasherSpec)

_HASHES = {
    "fasthash": "StringToHashBucketFast",
    "legacy": "StringToHashBucket",
    "stronghash": "StringToHashBucketStrong",
}


class _Buckets(LookupInterface):
    """A table of ids with more ids behind them, for keys that it has not: those of hash buckets."""

    _table: StaticHashTable | None
    _num_oov_buckets: int
    _table_name: str | None
    _hasher_spec: HasherSpec

    @property
    def initializer(self) -> Operation:
        """The operation that fills it."""
        if self._table is not None:
            return self._table.initializer
        with name_scope(None, "init"):
            op: Operation = apply_op("NoOp", None)
        return op

    init = initializer

    @property
    def resource_handle(self) -> Tensor | None:
        return None if self._table is None else self._table.resource_handle

    @property
    def name(self) -> str | None:
        return self._table_name

    def size(self, name: str | None = None) -> Tensor:
        with name_scope(name, f"{self.name}_Size"):
            inner: Any = convert(0, int64) if self._table is None else self._table.size()
            found: Tensor = inner + self._num_oov_buckets
        return found

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        self._check_keys(keys)
        values = _values_of(keys)
        if self._table is not None and self._table.key_dtype.base_dtype == int64:
            values = cast(values, int64)
        if self._num_oov_buckets == 0:
            assert self._table is not None  # there is one where there are no buckets
            return _like(keys, self._table.lookup(values, name=name))
        with name_scope(name, f"{self.name}_Lookup"):
            return _like(keys, self._with_buckets(values))

    def _with_buckets(self, values: Any) -> Tensor:
        text = values if values.dtype.base_dtype == string else apply_op("AsString", None, input=values)
        hasher, key = self._hasher_spec
        if hasher not in _HASHES:
            raise ValueError(f"Found unknown hasher {hasher} in `hasher_spec`")
        more: dict[str, Any] = {} if key is None else {"key": list(key)}
        argument = "string_tensor" if hasher == "legacy" else "input"
        buckets: Tensor = apply_op(
            _HASHES[hasher], "hash_bucket", num_buckets=self._num_oov_buckets, **{argument: text}, **more
        )
        if self._table is None:
            return buckets
        ids = self._table.lookup(values)
        buckets = add(buckets, self._table.size())
        known = apply_op("NotEqual", None, x=ids, y=self._table.default_value)
        found: Tensor = apply_op("SelectV2", None, condition=known, t=ids, e=buckets)
        return found


def _check_bucket_dtypes(key_dtype: DType, value_dtype: DType, lookup_dtype: DType) -> None:
    if key_dtype not in (int64, string):
        raise TypeError(f"Invalid `key_dtype`, expected one of {(int64, string)}, but got {key_dtype}.")
    if key_dtype.is_integer != lookup_dtype.is_integer:
        wanted = "integer" if lookup_dtype.is_integer else "non-integer"
        raise TypeError(f"Invalid `key_dtype`, expected {wanted} but got {key_dtype}.")
    if value_dtype != int64:
        raise TypeError(f"Invalid `value_dtype`, expected {int64}, but got {value_dtype}.")


def _check_lookup_dtype(dtype: DType) -> None:
    if not dtype.is_integer and dtype != string:
        raise TypeError(f"Invalid `key_dtype`, expected integer or string, got {dtype}")


@export("lookup.IdTableWithHashBuckets", "contrib.lookup.IdTableWithHashBuckets")
class IdTableWithHashBuckets(_Buckets):
    """The ids of ``table``; strings that it has not are hashed to the ``num_oov_buckets`` ids behind them.

    table: None when there are only buckets.
    """

    def __init__(
        self,
        table: Any,
        num_oov_buckets: int,
        hasher_spec: HasherSpec = FastHashSpec,
        name: str | None = None,
        key_dtype: Any = None,
    ) -> None:
        name = name.rstrip("/") if name else name
        if table is not None:
            dtype = table.key_dtype if key_dtype is None else as_dtype(key_dtype)
            _check_bucket_dtypes(table.key_dtype, table.value_dtype, dtype)
            name = name or table.name
        else:
            if num_oov_buckets <= 0:
                raise ValueError("`oov_buckets` must be > 0 if no `table` is supplied.")
            dtype = string if key_dtype is None else as_dtype(key_dtype)
            name = name or "hash_bucket"
        _check_lookup_dtype(dtype)
        if not isinstance(hasher_spec, HasherSpec):
            raise TypeError(f"`hasher_spec` must be of type HasherSpec, got {type(hasher_spec)}.")
        super().__init__(dtype, int64)
        self._table, self._num_oov_buckets, self._hasher_spec = table, num_oov_buckets, hasher_spec
        self._table_name = name.split("/")[-1] if name else None


@export("lookup.StaticVocabularyTable")
class StaticVocabularyTable(_Buckets):
    """Ids from ``initializer`` (None for none), and buckets for the strings that it has not."""

    _hasher_spec = FastHashSpec

    def __init__(
        self, initializer: Any, num_oov_buckets: int, lookup_key_dtype: Any = None, name: str | None = None
    ) -> None:
        if num_oov_buckets <= 0:
            raise ValueError("`num_oov_buckets` must be > 0; use StaticHashTable.")
        name = name.rstrip("/") if name else name
        self._table = None
        dtype = string
        if initializer is not None:
            dtype = initializer.key_dtype if lookup_key_dtype is None else as_dtype(lookup_key_dtype)
            _check_bucket_dtypes(initializer.key_dtype, initializer.value_dtype, dtype)
            self._table = StaticHashTable(initializer, default_value=-1)
            name = name or self._table.name
        name = name or "hash_bucket"
        _check_lookup_dtype(dtype)
        super().__init__(dtype, int64)
        self._num_oov_buckets = num_oov_buckets
        self._table_name = name.split("/")[-1]
