"""Variables and tables against TensorFlow: the same ops in sequence give the same values and the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from noria import dtypes
from noria.dtypes import DType
from noria.errors import TFError
from noria.graph.graph import ShapeAttr
from noria.graph.resources import Resources
from noria.protos.op_defs import op_def
from op_kernel import run_kernel

Run = Callable[..., Any]
Script = Callable[[Run], Any]


def in_noria(resources: Resources) -> Run:
    """Runs an op by its kernel."""

    def run(op: str, *inputs: Any, **attrs: Any) -> Any:
        return run_kernel(op, *inputs, resources=resources, **attrs)

    return run


def in_tensorflow(op: str, *inputs: Any, **attrs: Any) -> Any:
    """Runs an op eagerly. Handles stay tensors, values become arrays."""
    names = [arg.name for arg in op_def(op).input_arg]
    tensors = [v if isinstance(v, tf.Tensor) else tf.constant(v, _tf_dtype(v)) for v in inputs]
    given = {k: _attr(v) for k, v in attrs.items()}
    accepted = getattr(tf.raw_ops, op)
    known = {a.name for a in op_def(op).attr}
    inferred = {a.type_attr for a in op_def(op).input_arg}
    result = accepted(
        **dict(zip(names, tensors, strict=True)), **{k: v for k, v in given.items() if k in known - inferred}
    )
    if result is None:
        return ()
    parts = result if isinstance(result, tuple) else (result,)
    values = tuple(p if p.dtype == tf.resource else np.asarray(p.numpy(), _np_dtype(p)) for p in parts)
    return values if isinstance(result, tuple) else values[0]


def _np_dtype(tensor: Any) -> Any:
    return object if tensor.dtype == tf.string else None


def _tf_dtype(value: Any) -> Any:
    return tf.string if value.dtype == object else tf.dtypes.as_dtype(value.dtype)


def _attr(value: Any) -> Any:
    if isinstance(value, DType):
        return tf.dtypes.as_dtype(value.number)
    return tf.TensorShape(value.dims) if isinstance(value, ShapeAttr) else value


def outcome(script: Script, run: Run, refusal: type[Exception]) -> Any:
    """What the script returns as lists, or the code of its refusal."""
    try:
        result = script(run)
    except refusal as error:
        code = error.code if isinstance(error, TFError) else error.error_code  # type: ignore[attr-defined]
        return f"code {int(code)}"
    parts = result if isinstance(result, tuple) else (result,)
    return [(np.asarray(p).dtype.str, np.asarray(p).tolist()) for p in parts]


def f32(*values: Any) -> Any:
    return np.array(values, np.float32)


def i32(*values: Any) -> Any:
    return np.array(values, np.int32)


def variable(run: Run, value: Any) -> Any:
    dtype = dtypes.from_numpy(value.dtype)
    handle = run("VarHandleOp", dtype=dtype, shape=ShapeAttr(None), shared_name="cd2c89b7-88b7-44c8-ad83-06c2a9158347")
    run("AssignVariableOp", handle, value, dtype=dtype)
    return handle


def changed(op: str, start: Any, *inputs: Any, **attrs: Any) -> Script:
    """The value of a variable after one op on it."""
    dtype = dtypes.from_numpy(start.dtype)

    def script(run: Run) -> Any:
        handle = variable(run, start)
        run(op, handle, *inputs, **({"dtype": dtype} | attrs))
        return run("ReadVariableOp", handle, dtype=dtype), run("VariableShape", handle, out_type=dtypes.int64)

    return script


ROWS = f32([1, 2], [3, 4], [5, 6])
VARIABLES: dict[str, Script] = {
    "assign": changed("AssignVariableOp", f32(1, 2), f32(3, 4, 5)),
    "assign-validated": changed("AssignVariableOp", f32(1, 2), f32(3, 4, 5), validate_shape=True),
    "assign-dtype": changed("AssignVariableOp", f32(1, 2), i32(3, 4)),
    "add": changed("AssignAddVariableOp", f32(1, 2), f32(3, np.nan)),
    "add-wraps": changed("AssignAddVariableOp", np.array([127], np.int8), np.array([1], np.int8)),
    "add-shape": changed("AssignAddVariableOp", f32(1, 2), f32(3)),
    "add-scalar": changed("AssignAddVariableOp", f32(1, 2), np.float32(3)),
    "subtract": changed("AssignSubVariableOp", f32(1, 2), f32(3, 4)),
    **{
        f"scatter-{how}": changed(f"ResourceScatter{how}", ROWS, i32(2, 0, 2), f32([1, -2], [3, 9], [5, 0.5]))
        for how in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Update")
    },
    **{
        f"scatter-nan-{how}": changed(f"ResourceScatter{how}", f32(1, np.nan, 3), i32(0, 1), f32(np.nan, 5))
        for how in ("Add", "Min", "Max")
    },
    "scatter-divides-integers": changed("ResourceScatterDiv", i32(-7, 7, 3), i32(0, 1), i32(2, -2)),
    "scatter-scalar": changed("ResourceScatterAdd", f32(1, 2, 3), i32(0, 0), np.float32(1)),
    "scatter-matrix": changed("ResourceScatterAdd", f32(1, 2, 3), i32([0, 1], [2, 0]), f32([1, 1], [1, 1])),
    "scatter-none": changed("ResourceScatterUpdate", f32(1, 2), i32(), f32()),
    "scatter-behind": changed("ResourceScatterAdd", f32(1, 2, 3), i32(0, 3), f32(1, 1)),
    "scatter-before": changed("ResourceScatterAdd", f32(1, 2, 3), i32(-1), f32(1)),
    "scatter-shapes": changed("ResourceScatterAdd", f32(1, 2, 3), i32(0), f32(1, 2)),
    **{
        f"scatter-nd-{how}": changed(f"ResourceScatterNd{how}", ROWS, i32([2, 0], [0, 1], [2, 0]), f32(1, -2, 9))
        for how in ("Add", "Sub", "Min", "Max", "Update")
    },
    "scatter-nd-rows": changed("ResourceScatterNdAdd", ROWS, i32([1]), f32([1, -2])),
    "scatter-nd-behind": changed("ResourceScatterNdAdd", ROWS, i32([3]), f32([1, -2])),
    "scatter-nd-shapes": changed("ResourceScatterNdAdd", ROWS, i32([0]), f32(1, -2)),
    "scatter-nd-ignore": changed(
        "ResourceScatterNdAdd", f32(1, 2, 3), i32([0], [5]), f32(1, 2), bad_indices_policy="IGNORE"
    ),
    **{
        f"slice-{name}": changed("ResourceStridedSliceAssign", ROWS, *(i32(*b) for b in bounds), value, **masks)
        for name, bounds, value, masks in (
            ("rows", ([1], [3], [1]), f32([7, 8], [9, 10]), {}),
            ("rows-broadcast", ([0], [2], [1]), f32([7, 8]), {}),
            ("scalar", ([0], [2], [1]), np.float32(7), {}),
            ("backwards", ([2, 1], [0, 2], [-1, 1]), f32([7], [8]), {}),
            ("element", ([1, 1], [2, 2], [1, 1]), np.float32(7), {"shrink_axis_mask": 3}),
            ("new-axis", ([0, 0], [0, 2], [1, 1]), f32([[7, 8], [9, 10]]), {"new_axis_mask": 1}),
            ("nothing", ([2], [1], [1]), f32(), {}),
            ("outside", ([5], [6], [1]), f32(7, 8), {"shrink_axis_mask": 1}),
            ("shape", ([0], [2], [1]), f32(1, 2, 3), {}),
        )
    },
    "read-dtype": lambda run: run("ReadVariableOp", variable(run, f32(1)), dtype=dtypes.int32),
    "initialized": lambda run: run("VarIsInitializedOp", variable(run, f32(1))),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(name: str) -> None:
    script = VARIABLES[name]
    wanted = outcome(script, in_tensorflow, tf.errors.OpError)
    got = outcome(script, in_noria(Resources()), TFError)
    assert str(got) == str(wanted)  # as text, where a NaN equals a NaN


def words(*values: bytes) -> Any:
    return np.array(values, object)


def i64(*values: Any) -> Any:
    return np.array(values, np.int64)


PAIR = {"key_dtype": dtypes.string, "value_dtype": dtypes.int64}
TYPES = {"Tin": dtypes.string, "Tout": dtypes.int64}


OPEN, ROWS_TABLE, DENSE = "MutableHashTableV2", "MutableHashTableOfTensorsV2", "MutableDenseHashTableV2"


def table(
    *steps: tuple[Any, ...],
    keys: Any = None,
    default: Any = None,
    op: str = "HashTableV2",
    shape: ShapeAttr | None = None,
) -> Script:
    """What is found in a table, and how many entries it has, after ``steps``: (op, keys, values)."""
    wanted = words(b"a", b"b", b"c") if keys is None else keys
    other = np.int64(-1) if default is None else default

    def script(run: Run) -> Any:
        script.count += 1  # type: ignore[attr-defined]
        reserved = (np.array(b"", object), np.array(b"-", object)) if op == DENSE else ()
        name = f"{id(script)}-{script.count}"  # type: ignore[attr-defined]
        handle = run(op, *reserved, **PAIR, **({"value_shape": shape} if shape else {}), shared_name=name)
        for step, *inputs in steps:
            types = {"Tkey": dtypes.string, "Tval": dtypes.int64} if step == "InitializeTableV2" else TYPES
            run(step, handle, *inputs, **types)
        return run("LookupTableFindV2", handle, wanted, other, **TYPES), run("LookupTableSizeV2", handle)

    script.count = 0  # type: ignore[attr-defined]
    return script


AB = (words(b"a", b"b"), i64(1, 2))
INITIALIZE, IMPORT, INSERT = "InitializeTableV2", "LookupTableImportV2", "LookupTableInsertV2"
PAIRS = ShapeAttr((2,))
TABLES: dict[str, Script] = {
    "find": table((INITIALIZE, *AB)),
    "find-matrix": table((INITIALIZE, *AB), keys=words(b"a", b"x").reshape(2, 1)),
    "defaults": table((INITIALIZE, *AB), default=i64(7, 8, 9)),
    "open-defaults": table((INSERT, *AB), default=i64(7, 8, 9), op=OPEN),
    "defaults-shape": table((INITIALIZE, *AB), default=i64(7, 8)),
    "uninitialized": table(),
    "import": table((IMPORT, *AB)),
    "same-key": table((INITIALIZE, words(b"a", b"a"), i64(1, 1))),
    "two-values": table((INITIALIZE, words(b"a", b"a"), i64(1, 2))),
    "again-same": table((INITIALIZE, *AB), (INITIALIZE, *AB)),
    "again-others": table((INITIALIZE, *AB), (INITIALIZE, words(b"a", b"c"), i64(1, 3))),
    "again-fewer": table((INITIALIZE, *AB), (INITIALIZE, words(b"a"), i64(1))),
    "sizes": table((INITIALIZE, words(b"a", b"b"), i64(1))),
    "matrix": table((INITIALIZE, words(b"a").reshape(1, 1), i64([1]))),
    "nothing": table((INITIALIZE, words(), i64())),
    "fixed-insert": table((INSERT, *AB)),
    "fixed-remove": table(("LookupTableRemoveV2", words(b"a"))),
    "open": table(op=OPEN),
    "open-insert": table((INSERT, *AB), (INSERT, words(b"a", b"a"), i64(5, 6)), op=OPEN),
    "open-remove": table((INSERT, *AB), ("LookupTableRemoveV2", words(b"a", b"z")), op=OPEN),
    "open-import": table((INSERT, *AB), (IMPORT, words(b"c"), i64(3)), op=OPEN),
    "open-initialize": table((INITIALIZE, *AB), op=OPEN),
    "rows": table((INSERT, words(b"a"), i64([1, 2])), op=ROWS_TABLE, shape=PAIRS, default=i64(8, 9)),
    "rows-defaults": table(
        (INSERT, words(b"a"), i64([1, 2])), op=ROWS_TABLE, shape=PAIRS, default=i64([3, 4], [5, 6], [7, 8])
    ),
    "rows-default-shape": table(op=ROWS_TABLE, shape=PAIRS),
    "rows-sizes": table((INSERT, *AB), op=ROWS_TABLE, shape=PAIRS, default=i64(8, 9)),
    "dense": table((INSERT, *AB), ("LookupTableRemoveV2", words(b"a", b"z")), op=DENSE),
    "dense-rows": table((INSERT, words(b"a"), i64([1, 2])), op=DENSE, shape=PAIRS, default=i64(8, 9)),
    "dense-defaults": table((INSERT, *AB), default=i64(7, 8, 9), op=DENSE),
    "dense-finds-empty": table(keys=words(b""), op=DENSE),
    "dense-inserts-deleted": table((INSERT, words(b"-"), i64(1)), op=DENSE),
    "dense-removes-empty": table(("LookupTableRemoveV2", words(b"")), op=DENSE),
    "open-sizes": table((INSERT, words(b"a", b"b"), i64(1)), op=OPEN),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str) -> None:
    script = TABLES[name]
    wanted = outcome(script, in_tensorflow, tf.errors.OpError)
    assert outcome(script, in_noria(Resources()), TFError) == wanted


FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "lines": (b"a\nb\nc\n", {}),
    "no-last-break": (b"a\nb", {}),
    "returns": (b"a\r\nb\rx\r\nc\r", {}),
    "bytes": (b"a\xff\x00b\nb", {}),
    "empty-line": (b"a\n\nc", {}),
    "empty-last-line": (b"a\nc\n\n", {}),
    "empty": (b"", {}),
    "offset": (b"a\nb", {"offset": 5}),
    "two-lines": (b"a\nb\nc", {"vocab_size": 2}),
    "five-lines": (b"a\nb\nc", {"vocab_size": 5}),
    "no-lines": (b"a\nb\nc", {"vocab_size": 0}),
    "columns": (b"a\t1\nb\t2\n", {"key_index": 0, "value_index": 1}),
    "other-columns": (b"1,x,a\n 2 ,y,b\n", {"key_index": 2, "value_index": 0, "delimiter": ","}),
    "few-columns": (b"a\t1\nb\n", {"key_index": 0, "value_index": 1}),
    "no-number": (b"a\t1\nb\tx\n", {"key_index": 0, "value_index": 1}),
    "delimiter": (b"a", {"delimiter": "||"}),
    "twice": (b"a\nb\na\n", {}),
}


@pytest.mark.parametrize("name", FILES)
def test_text_files(name: str, tmp_path: Path) -> None:
    content, attrs = FILES[name]
    file = tmp_path / "vocab.txt"
    file.write_bytes(content)

    def script(run: Run) -> Any:
        handle = run("HashTableV2", **PAIR, shared_name=str(file))
        path = np.array(str(file).encode(), object)
        run("InitializeTableFromTextFileV2", handle, path, **({"key_index": -2, "value_index": -1} | attrs))
        keys, values = run("LookupTableExportV2", handle, Tkeys=dtypes.string, Tvalues=dtypes.int64)
        order = np.argsort(values)
        return keys[order], values[order]

    wanted = outcome(script, in_tensorflow, tf.errors.OpError)
    assert outcome(script, in_noria(Resources([str(tmp_path)])), TFError) == wanted
