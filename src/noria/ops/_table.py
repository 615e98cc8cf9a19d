"""Lookup tables as the ops of ``lookup`` share them: a dict from keys to values behind a lock.

Keys and values are Python scalars (``bytes``, ``int``, ``float``, ``bool``), so that a lookup of a few keys costs a few
dict probes. Big integer lookups go through sorted arrays, made at first need and dropped at the next change.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from noria import shapes
from noria.dtypes import DType
from noria.errors import AbortedError, FailedPreconditionError, InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array

_VECTORISED: Final = 512  # integer keys from which searching sorted arrays beats probing the dict


def as_array(values: list[Any], dtype: DType, shape: tuple[int, ...]) -> Array:
    """``values`` as an array of ``dtype`` and ``shape``; strings as an object array."""
    if dtype.numpy.hasobject:
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(shape)
    return np.array(values, dtype.numpy).reshape(shape)


class Table:
    """One lookup table.

    key, value: dtypes; fixed: filled once by an initializer (``HashTable``), otherwise open to insertions
    (``MutableHashTable``); value_shape: of each value, whose rows are arrays unless it is (); reserved: keys that
    stand for empty places of a ``MutableDenseHashTable`` and are no keys. ``items`` is None until a fixed table is
    initialized, and is replaced or changed only under ``lock``.
    """

    __slots__ = ("_sorted", "fixed", "items", "key", "lock", "name", "reserved", "value", "value_shape")

    def __init__(
        self,
        name: str,
        key: DType,
        value: DType,
        *,
        fixed: bool,
        value_shape: tuple[int, ...] = (),
        reserved: tuple[Any, ...] = (),
    ) -> None:
        self.name = name
        self.key = key
        self.value = value
        self.fixed = fixed
        self.value_shape = value_shape
        self.reserved = reserved
        self.items: dict[Any, Any] | None = None if fixed else {}
        self.lock = threading.RLock()
        self._sorted: tuple[Array, Array] | None = None

    def find(self, keys: Array, default: Array) -> Array:
        """The values of ``keys``, in their shape; ``default`` where there is none: a scalar, or one for each key."""
        items = self.items
        if items is None:
            raise FailedPreconditionError(f"Table not initialized. (table {self.name!r})")
        if self.reserved:
            self.check_keys(keys)
        if self.value_shape:
            return self._find_rows(items, keys, default)
        if default.ndim:
            if default.shape != keys.shape:
                raise InvalidArgumentError(
                    f"Expected shape [] or {shapes.text(keys.shape)} for default value, got "
                    f"{shapes.text(default.shape)} (table {self.name!r})"
                )
            if not (self.fixed or self.reserved) or not keys.size:
                rows = zip(keys.ravel().tolist(), default.ravel().tolist(), strict=True)
                return as_array([items.get(k, d) for k, d in rows], self.value, keys.shape)
            default = default.ravel()[:1].reshape(())  # these tables take the first default for all keys
        if keys.size > _VECTORISED and self.key.is_integer and not self.value.numpy.hasobject:
            return self._find_sorted(keys, default)
        other = default.item()
        get = items.get
        found = [get(k, other) for k in (keys if keys.ndim == 1 else keys.ravel()).tolist()]
        return as_array(found, self.value, keys.shape)

    def _find_rows(self, items: dict[Any, Any], keys: Array, default: Array) -> Array:
        shape = keys.shape + self.value_shape
        if default.shape not in (self.value_shape, shape):
            raise InvalidArgumentError(
                f"Expected shape {shapes.text(self.value_shape)} or {shapes.text(shape)} for default value, got "
                f"{shapes.text(default.shape)} (table {self.name!r})"
            )
        result = np.array(np.broadcast_to(default, shape))
        for row, key in zip(result.reshape((keys.size, *self.value_shape)), keys.ravel().tolist(), strict=True):
            found = items.get(key)
            if found is not None:
                row[...] = found
        return result

    def check_keys(self, keys: Array) -> None:
        """Refuses keys that a dense table reserves for its empty places."""
        for what, reserved in zip(("empty_key", "deleted_key"), self.reserved, strict=False):
            if (keys == reserved).any():
                raise InvalidArgumentError(
                    f"Using the {what} as a table key is not allowed (table {self.name!r}, {_shown(reserved)})"
                )

    def rows(self, keys: Array, values: Array) -> tuple[list[Any], list[Any]]:
        """Keys and their values, as ``insert`` and ``replace`` take them, from arrays."""
        if values.shape != keys.shape + self.value_shape:
            raise InvalidArgumentError(
                f"Expected shape {shapes.text(keys.shape + self.value_shape)} for value, got "
                f"{shapes.text(values.shape)} (table {self.name!r})"
            )
        if self.value_shape:
            return keys.ravel().tolist(), list(values.reshape((keys.size, *self.value_shape)).copy())
        return keys.ravel().tolist(), values.ravel().tolist()

    def _find_sorted(self, keys: Array, default: Array) -> Array:
        with self.lock:
            if self._sorted is None:
                all_keys, all_values = self.export()
                order = np.argsort(all_keys)
                self._sorted = (all_keys[order], all_values[order])
            known, values = self._sorted
        if not known.size:
            return np.full(keys.shape, default, self.value.numpy)
        at = np.minimum(np.searchsorted(known, keys), known.size - 1)
        return np.where(known[at] == keys, values[at], default)

    def size(self) -> int:
        return len(self.items or ())

    def export(self) -> tuple[Array, Array]:
        """All keys and their values, in order of insertion."""
        with self.lock:
            if self.items is None:
                raise AbortedError(f"HashTable is not initialized. (table {self.name!r})")
            size = (len(self.items),)
            keys, values = as_array(list(self.items), self.key, size), list(self.items.values())
        if self.value_shape:
            rows = np.empty(size + self.value_shape, self.value.numpy)
            for row, value in zip(rows, values, strict=True):
                row[...] = value
            return keys, rows
        return keys, as_array(values, self.value, size)

    def initialize(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Fills a fixed table. Doing it again with as many entries changes nothing, with more or fewer is refused."""
        items: dict[Any, Any] = {}
        for key, value in pairs:
            before = items.setdefault(key, value)
            if before is not value and before != value:  # a NaN is itself
                raise FailedPreconditionError(
                    "HashTable has different value for same key. "
                    f"Key {_shown(key)} has {_shown(before)} and trying to add value {_shown(value)}"
                    f" (table {self.name!r})"
                )
        with self.lock:
            if self.items is None:
                self.items = items
            elif len(items) != len(self.items):
                raise FailedPreconditionError(
                    f"Table was already initialized with different data. (table {self.name!r} has "
                    f"{len(self.items)} entries, the initializer {len(items)})"
                )

    def insert(self, keys: list[Any], values: list[Any]) -> None:
        self._must_be_open("Insert")
        with self.lock:
            assert self.items is not None
            self.items.update(zip(keys, values, strict=True))
            self._sorted = None

    def replace(self, keys: list[Any], values: list[Any]) -> None:
        """Makes ``keys`` and ``values``, but for reserved keys, the whole content of an open table."""
        with self.lock:
            self.items = {k: v for k, v in zip(keys, values, strict=True) if k not in self.reserved}
            self._sorted = None

    def remove(self, keys: list[Any]) -> None:
        self._must_be_open("Remove")
        with self.lock:
            assert self.items is not None
            for key in keys:
                self.items.pop(key, None)
            self._sorted = None

    def _must_be_open(self, what: str) -> None:
        if self.fixed:
            raise UnimplementedError(
                f"{what} not supported by InitializableLookupTable implementations: {self.name!r} is a HashTable, "
                "filled once by its initializer; a MutableHashTable can change"
            )


def _shown(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
