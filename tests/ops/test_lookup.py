"""Lookup tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.dtypes import DType
from noria.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    TFError,
    UnimplementedError,
)
from noria.graph.graph import Array, ShapeAttr
from noria.graph.resources import Resources
from noria.ops._table import Table
from op_kernel import run_kernel

WORDS = np.array([b"a", b"b", b"a"], object)


def strings(*values: bytes) -> Array:
    return np.array(values, object)


def table(*, op: str = "HashTableV2", key: DType = dtypes.string, value: DType = dtypes.int64, **options: Any) -> Table:
    made = run_kernel(op, key_dtype=key, value_dtype=value, **options)
    assert isinstance(made, Table)
    return made


def initialized(keys: Any, values: Any, into: Table | None = None) -> Table:
    made = into or table()
    key_array, value_array = np.array(keys, made.key.numpy), np.array(values, made.value.numpy)
    assert run_kernel("InitializeTableV2", made, key_array, value_array, Tkey=made.key, Tval=made.value) == ()
    return made


def find(where: Table, keys: Array, default: Any = -1, *, op: str = "LookupTableFindV2") -> Any:
    default_array = np.array(default, where.value.numpy)
    return run_kernel(op, where, keys, default_array, Tin=where.key, Tout=where.value)


def change(op: str, where: Table, keys: Any, values: Any) -> None:
    key_array, value_array = np.array(keys, where.key.numpy), np.array(values, where.value.numpy)
    assert run_kernel(op, where, key_array, value_array, Tin=where.key, Tout=where.value) == ()


# --- finding


@pytest.mark.parametrize("op", ["LookupTableFind", "LookupTableFindV2"])
def test_find_gives_values_in_the_shape_of_the_keys(op: str) -> None:
    found = find(initialized([b"a", b"b"], [1, 2]), strings(b"a", b"zz").reshape(1, 2), op=op)
    assert found.dtype == np.int64
    assert found.tolist() == [[1, -1]]


def test_find_takes_a_default_for_each_key() -> None:
    where = table(op="MutableHashTableV2")
    change("LookupTableInsertV2", where, [b"a", b"b"], [1, 2])
    assert find(where, strings(b"x", b"b", b"y"), [7, 8, 9]).tolist() == [7, 2, 9]
    fixed = initialized([b"a", b"b"], [1, 2])
    assert find(fixed, strings(b"x", b"b", b"y"), [7, 8, 9]).tolist() == [7, 2, 7], "TensorFlow takes the first"
    assert find(fixed, strings(), []).tolist() == []
    with pytest.raises(InvalidArgumentError, match=r"Expected shape \[\] or \[2\] for default value, got \[3\]"):
        find(where, strings(b"x", b"b"), [7, 8, 9])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (dtypes.int64, dtypes.string),
        (dtypes.int32, dtypes.float32),
        (dtypes.int64, dtypes.bool_),
        (dtypes.string, dtypes.string),
        (dtypes.float32, dtypes.int64),
    ],
)
def test_find_of_every_pair_of_types(key: DType, value: DType) -> None:
    keys = strings(b"0", b"1") if key is dtypes.string else np.array([0, 1], key.numpy)
    values = strings(b"v0", b"v1") if value is dtypes.string else np.array([0, 1], value.numpy)
    where = initialized(keys, values, table(key=key, value=value))
    default = b"?" if value is dtypes.string else 0
    found = find(where, keys[::-1], default)
    assert found.dtype == value.numpy
    assert found.tolist() == values[::-1].tolist()
    assert find(where, keys[:0], default).shape == (0,)


@pytest.mark.parametrize("fixed", [True, False])
def test_big_integer_lookups_agree_with_small_ones(fixed: bool) -> None:
    where = table(op="HashTableV2" if fixed else "MutableHashTableV2", key=dtypes.int64, value=dtypes.float32)
    known = np.random.default_rng(0).permutation(np.arange(-500, 500) * 3)
    if fixed:
        initialized(known, known * 2, where)
    else:
        change("LookupTableInsertV2", where, known, known * 2)
    keys = np.arange(-2000, 2000).reshape(40, 100)
    wanted = [find(where, row, -7).tolist() for row in keys]
    assert find(where, keys, -7).tolist() == wanted
    if not fixed:
        change("LookupTableInsertV2", where, [1], [5])
        assert find(where, keys, -7)[keys == 1].tolist() == [5], "a change is seen by the next big lookup"


def test_find_in_an_empty_table_gives_the_default() -> None:
    where = table(op="MutableHashTableV2", key=dtypes.int64)
    assert set(find(where, np.arange(1000), 4).tolist()) == {4}


def test_nan_is_never_found() -> None:
    where = table(op="MutableHashTableV2", key=dtypes.float32)
    change("LookupTableInsertV2", where, [np.nan, 0.0], [1, 2])
    assert find(where, np.array([np.nan, -0.0], np.float32)).tolist() == [-1, 2]


def test_find_before_initialization_is_refused() -> None:
    with pytest.raises(FailedPreconditionError, match="Table not initialized"):
        find(table(), WORDS)
    assert run_kernel("LookupTableSizeV2", table()) == 0
    with pytest.raises(AbortedError, match="not initialized"):
        run_kernel("LookupTableExportV2", table(), Tkeys=dtypes.string, Tvalues=dtypes.int64)


def test_other_types_than_the_table_has_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="int32->int64 expected: resource, string->int64"):
        run_kernel("LookupTableFindV2", table(), np.array([1]), np.array(1), Tin=dtypes.int32, Tout=dtypes.int64)


# --- filling


def test_tables_are_shared_by_name() -> None:
    resources = Resources()
    first = table(resources=resources, shared_name="vocab")
    assert table(resources=resources, shared_name="vocab", name="other") is first
    assert table(resources=resources, name="other") is not first
    with pytest.raises(InvalidArgumentError, match="maps string to int64"):
        table(resources=resources, shared_name="vocab", value=dtypes.string)


@pytest.mark.parametrize("op", ["AnonymousHashTable", "AnonymousMutableHashTable"])
def test_anonymous_tables_are_not_shared(op: str) -> None:
    resources = Resources()
    assert table(op=op, resources=resources) is not table(op=op, resources=resources)


def test_initializing_again_with_as_many_entries_changes_nothing() -> None:
    where = initialized([b"a", b"b"], [1, 2])
    initialized([b"a", b"c"], [1, 3], where)
    assert find(where, strings(b"a", b"b", b"c")).tolist() == [1, 2, -1]
    with pytest.raises(FailedPreconditionError, match="already initialized with different data"):
        initialized([b"a"], [1], where)


def test_one_key_with_two_values_is_refused() -> None:
    assert find(initialized([b"a", b"a"], [1, 1]), strings(b"a")).tolist() == [1]
    with pytest.raises(FailedPreconditionError, match="Key a has 1 and trying to add value 2"):
        initialized([b"a", b"a"], [1, 2])


@pytest.mark.parametrize(
    ("keys", "values", "text"),
    [([b"a", b"b"], [1], "same size 2 vs 1"), ([[b"a"]], [[1]], "vector"), ([], [], "empty")],
)
def test_malformed_initializers_are_refused(keys: Any, values: Any, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        initialized(keys, values)


def test_import_fills_a_fixed_table_and_replaces_an_open_one() -> None:
    fixed, open_table = table(), table(op="MutableHashTableV2")
    change("LookupTableInsertV2", open_table, [b"z"], [9])
    for where in (fixed, open_table):
        change("LookupTableImportV2", where, [b"a", b"b"], [1, 2])
        assert find(where, strings(b"a", b"b", b"z")).tolist() == [1, 2, -1]


def test_open_tables_take_insertions_and_removals() -> None:
    where = table(op="MutableHashTableV2")
    change("LookupTableInsertV2", where, [b"a", b"b", b"a"], [1, 2, 3])
    assert run_kernel("LookupTableRemoveV2", where, strings(b"b", b"none"), Tin=dtypes.string) == ()
    keys, values = run_kernel("LookupTableExportV2", where, Tkeys=dtypes.string, Tvalues=dtypes.int64)
    assert (keys.tolist(), values.tolist()) == ([b"a"], [3])
    assert run_kernel("LookupTableSizeV2", where) == 1
    with pytest.raises(InvalidArgumentError, match=r"Expected shape \[2\] for value, got \[1\]"):
        change("LookupTableInsertV2", where, [b"a", b"b"], [1])


def test_fixed_tables_take_neither() -> None:
    with pytest.raises(UnimplementedError, match="Insert not supported"):
        change("LookupTableInsertV2", table(), [b"a"], [1])
    with pytest.raises(UnimplementedError, match="Remove not supported"):
        run_kernel("LookupTableRemoveV2", table(), WORDS, Tin=dtypes.string)


def test_open_tables_take_no_initializer() -> None:
    with pytest.raises(InvalidArgumentError, match="not initializable"):
        initialized([b"a"], [1], table(op="MutableHashTableV2"))


# --- tables of rows, dense tables


def test_a_table_of_rows() -> None:
    where = table(op="MutableHashTableOfTensorsV2", value=dtypes.float32, value_shape=ShapeAttr((2,)))
    fed = np.array([[1, 2], [3, 4]], np.float32)
    change("LookupTableInsertV2", where, [b"a", b"b"], fed)
    fed[:] = 0
    assert find(where, strings(b"b", b"x").reshape(1, 2), [8, 9]).tolist() == [[[3, 4], [8, 9]]]
    keys, values = run_kernel("LookupTableExportV2", where, Tkeys=dtypes.string, Tvalues=dtypes.float32)
    assert (keys.tolist(), values.tolist()) == ([b"a", b"b"], [[1, 2], [3, 4]])
    with pytest.raises(InvalidArgumentError, match=r"Expected shape \[2\] or \[1,2\] for default value, got \[\]"):
        find(where, strings(b"b"), 0)
    with pytest.raises(InvalidArgumentError, match=r"Expected shape \[1,2\] for value, got \[1\]"):
        change("LookupTableInsertV2", where, [b"a"], [1])


def dense(empty: int = -1, deleted: int = -2) -> Table:
    keys = np.array(empty), np.array(deleted)
    made = run_kernel("MutableDenseHashTableV2", *keys, key_dtype=dtypes.int64, value_dtype=dtypes.int64)
    assert isinstance(made, Table)
    return made


def test_a_dense_table_reserves_two_keys() -> None:
    where = dense()
    change("LookupTableInsertV2", where, [1, 2], [3, 4])
    assert find(where, np.array([1, 5]), 9).tolist() == [3, 9]
    for key, name in ((-1, "empty_key"), (-2, "deleted_key")):
        with pytest.raises(InvalidArgumentError, match=name):
            find(where, np.array([key]))
        with pytest.raises(InvalidArgumentError, match=name):
            change("LookupTableInsertV2", where, [key], [0])
    with pytest.raises(InvalidArgumentError, match="cannot be equal"):
        dense(-1, -1)


def test_a_dense_table_is_imported_from_its_buckets() -> None:
    where = dense()
    change("LookupTableImportV2", where, [[-1], [2], [-2], [5]], [[0], [4], [0], [6]])
    assert where.items == {2: 4, 5: 6}
    with pytest.raises(UnimplementedError, match="buckets"):
        run_kernel("LookupTableExportV2", where, Tkeys=dtypes.int64, Tvalues=dtypes.int64)


# --- vocabulary files


def from_file(
    path: Path,
    content: bytes,
    key_index: int = -2,
    value_index: int = -1,
    key: DType = dtypes.string,
    value: DType = dtypes.int64,
    **attrs: Any,
) -> dict[Any, Any]:
    file = path / "vocab.txt"
    file.write_bytes(content)
    where = table(key=key, value=value)
    run_kernel(
        "InitializeTableFromTextFileV2",
        where,
        np.array(str(file).encode(), object),
        resources=Resources([str(path)]),
        key_index=key_index,
        value_index=value_index,
        **attrs,
    )
    assert where.items is not None
    return where.items


@pytest.mark.parametrize(
    ("content", "attrs", "wanted"),
    [
        (b"a\nb\n", {}, {b"a": 0, b"b": 1}),
        (b"a\nb", {}, {b"a": 0, b"b": 1}),
        (b"a\r\nb\rx\r\nc", {}, {b"a": 0, b"b\rx": 1, b"c": 2}),
        (b"a\xff\x00b\nb", {}, {b"a\xff\x00b": 0, b"b": 1}),
        (b"a\nb\nc", {"offset": 5}, {b"a": 5, b"b": 6, b"c": 7}),
        (b"a\nb\nc", {"vocab_size": 2}, {b"a": 0, b"b": 1}),
        (b"a\t1\nb\t2\n", {"key_index": 0, "value_index": 1}, {b"a": 1, b"b": 2}),
        (b"a,1\nb, 2\n", {"key_index": 0, "value_index": 1, "delimiter": ","}, {b"a": 1, b"b": 2}),
        (
            b"x\ny",
            {"key_index": -1, "value_index": -2, "key": dtypes.int64, "value": dtypes.string},
            {0: b"x", 1: b"y"},
        ),
        (b"4\n2\n", {"key": dtypes.int64}, {4: 0, 2: 1}),
        (b"a\t1.5\n", {"key_index": 0, "value_index": 1, "value": dtypes.float32}, {b"a": 1.5}),
    ],
)
def test_text_files(tmp_path: Path, content: bytes, attrs: dict[str, Any], wanted: dict[Any, Any]) -> None:
    assert from_file(tmp_path, content, **attrs) == wanted


@pytest.mark.parametrize(
    ("content", "attrs", "error", "text"),
    [
        (b"a\n\nc", {}, InvalidArgumentError, "empty line found"),
        (b"a\nc\n\n", {}, InvalidArgumentError, "empty line found"),
        (b"", {}, OutOfRangeError, "empty"),
        (b"a", {"vocab_size": 0}, OutOfRangeError, "Finished reading 0"),
        (b"a\nb\nc", {"vocab_size": 5}, InvalidArgumentError, "expected 5 but got 3"),
        (b"a\t1\nb\n", {"key_index": 0, "value_index": 1}, InvalidArgumentError, "expected at least 2 got 1"),
        (b"a\tx\n", {"key_index": 0, "value_index": 1}, InvalidArgumentError, "Field x in line 0 is not a valid int64"),
        (b"a\n", {"delimiter": "||"}, InvalidArgumentError, "only 1 char"),
        (b"a\nb\na\n", {}, FailedPreconditionError, "Key a has 0 and trying to add value 2"),
        (b"a", {"key_index": -1, "key": dtypes.int32}, InvalidArgumentError, "dtype of int64, got int32"),
    ],
)
def test_faulty_text_files(
    tmp_path: Path, content: bytes, attrs: dict[str, Any], error: type[TFError], text: str
) -> None:
    with pytest.raises(error, match=text):
        from_file(tmp_path, content, **attrs)


def test_text_files_lie_in_the_model_and_exist(tmp_path: Path) -> None:
    def initialize(path: Path) -> None:
        run_kernel(
            "InitializeTableFromTextFileV2",
            table(),
            np.array(str(path).encode(), object),
            resources=Resources([str(tmp_path / "model")]),
            key_index=-2,
            value_index=-1,
        )

    with pytest.raises(PermissionDeniedError, match="outside its own directory"):
        initialize(tmp_path / "other.txt")
    with pytest.raises(NotFoundError, match="No such file"):
        initialize(tmp_path / "model" / "vocab.txt")
