"""Lists of tensors against TensorFlow: the same ops in sequence give the same values and the same refusals."""

from __future__ import annotations

from collections.abc import Callable
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
F = dtypes.float32
ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


def in_noria(op: str, *inputs: Any, **attrs: Any) -> Any:
    return run_kernel(op, *inputs, resources=Resources(), **attrs)


def in_tensorflow(op: str, *inputs: Any, **attrs: Any) -> Any:
    """Runs an op eagerly. Lists stay tensors, values become arrays."""
    definition = op_def(op)
    given = {a.name: v for a, v in zip(definition.input_arg, inputs, strict=True)}
    inferred = {a.type_attr for a in definition.input_arg}
    known = {a.name for a in definition.attr} - inferred
    result = getattr(tf.raw_ops, op)(**given, **{k: _attr(v) for k, v in attrs.items() if k in known})
    parts = result if isinstance(result, tuple) else (result,)
    values = tuple(p if p.dtype == tf.variant else p.numpy() for p in parts)
    return values if isinstance(result, tuple) else values[0]


def _attr(value: Any) -> Any:
    if isinstance(value, DType):
        return tf.dtypes.as_dtype(value.number)
    return tf.TensorShape(value.dims) if isinstance(value, ShapeAttr) else value


def i32(*values: int) -> Any:
    return np.array(values, np.int32)


def i64(*values: int) -> Any:
    return np.array(values, np.int64)


ANY, ONE = np.array(-1, np.int32), np.array(1, np.int32)
COUNT = np.array(3, np.int32)


def reserved(run: Run, shape: Any = ANY, *, filled: bool = True) -> Any:
    """A list of three, of which the middle one is set."""
    made = run("TensorListReserve", shape, COUNT, element_dtype=F)
    return run("TensorListSetItem", made, ONE, ROWS[0], element_dtype=F) if filled else made


def from_rows(run: Run, shape: Any = ANY) -> Any:
    return run("TensorListFromTensor", ROWS, shape, element_dtype=F)


SCRIPTS: dict[str, Callable[[Run], Any]] = {
    "stack": lambda run: run("TensorListStack", from_rows(run), ANY, element_dtype=F),
    "stack-unset": lambda run: run("TensorListStack", reserved(run), ANY, element_dtype=F),
    "stack-all-unset": lambda run: run("TensorListStack", reserved(run, filled=False), ANY, element_dtype=F),
    "stack-all-unset-shape": lambda run: run("TensorListStack", reserved(run, filled=False), i32(2), element_dtype=F),
    "stack-other-shape": lambda run: run("TensorListStack", from_rows(run), i32(3), element_dtype=F),
    "stack-partial-shape": lambda run: run("TensorListStack", reserved(run), i32(-1), element_dtype=F),
    "stack-count": lambda run: run("TensorListStack", from_rows(run), ANY, element_dtype=F, num_elements=2),
    "stack-dtype": lambda run: run("TensorListStack", from_rows(run), ANY, element_dtype=dtypes.int32),
    "stack-empty": lambda run: run(
        "TensorListStack", run("EmptyTensorList", ANY, ANY, element_dtype=F), ANY, element_dtype=F
    ),
    "stack-empty-shape": lambda run: run(
        "TensorListStack", run("EmptyTensorList", ANY, ANY, element_dtype=F), i32(2), element_dtype=F
    ),
    "get": lambda run: run("TensorListGetItem", from_rows(run), ONE, ANY, element_dtype=F),
    "get-unset": lambda run: run("TensorListGetItem", reserved(run), COUNT - 1, ANY, element_dtype=F),
    "get-unset-shape": lambda run: run("TensorListGetItem", reserved(run, i32(2)), COUNT - 1, i32(2), element_dtype=F),
    "get-unset-unknown": lambda run: run(
        "TensorListGetItem", reserved(run, filled=False), ONE, ANY, element_dtype=F
    ),
    "get-behind": lambda run: run("TensorListGetItem", from_rows(run), COUNT, ANY, element_dtype=F),
    "set-behind": lambda run: run("TensorListSetItem", from_rows(run), COUNT, ROWS[0], element_dtype=F),
    "set-behind-resizing": lambda run: run(
        "TensorListLength",
        run("TensorListSetItem", from_rows(run), COUNT, ROWS[0], element_dtype=F, resize_if_index_out_of_bounds=True),
    ),
    "set-shape": lambda run: run("TensorListSetItem", from_rows(run, i32(2)), ONE, ROWS[:, 0], element_dtype=F),
    "from-shape": lambda run: run("TensorListFromTensor", ROWS, i32(3), element_dtype=F),
    "from-scalar": lambda run: run("TensorListFromTensor", np.float32(1), ANY, element_dtype=F),
    "from-vector": lambda run: run(
        "TensorListGetItem", run("TensorListFromTensor", ROWS[0], i32(), element_dtype=F), ONE, ANY, element_dtype=F
    ),
    "push-pop": lambda run: run(
        "TensorListPopBack", run("TensorListPushBack", from_rows(run), ROWS[0] * 9, element_dtype=F), ANY,
        element_dtype=F,
    )[1],
    "push-shape": lambda run: run("TensorListPushBack", from_rows(run, i32(2)), ROWS, element_dtype=F),
    "pop-empty": lambda run: run(
        "TensorListPopBack", run("EmptyTensorList", ANY, ANY, element_dtype=F), ANY, element_dtype=F
    ),
    "element-shape": lambda run: run("TensorListElementShape", from_rows(run, i32(-1)), shape_type=dtypes.int64),
    "element-shape-unknown": lambda run: run("TensorListElementShape", from_rows(run), shape_type=dtypes.int32),
    "gather": lambda run: run("TensorListGather", reserved(run), i32(1, 0, 1), ANY, element_dtype=F),
    "gather-none": lambda run: run("TensorListGather", from_rows(run), i32(), ANY, element_dtype=F),
    "gather-none-shape": lambda run: run("TensorListGather", from_rows(run), i32(), i32(2), element_dtype=F),
    "gather-behind": lambda run: run("TensorListGather", from_rows(run), i32(3), ANY, element_dtype=F),
    "concat": lambda run: run("TensorListConcatV2", from_rows(run), i32(-1), i64(), element_dtype=F),
    "concat-unset": lambda run: run("TensorListConcatV2", reserved(run), i32(-1), i64(1, 9, 4), element_dtype=F),
    "concat-unset-same": lambda run: run("TensorListConcatV2", reserved(run), i32(-1), i64(), element_dtype=F),
    "concat-old": lambda run: run("TensorListConcat", from_rows(run), element_dtype=F, element_shape=ShapeAttr(None)),
    "split": lambda run: run(
        "TensorListConcatV2", run("TensorListSplit", ROWS, i32(-1, 2), i64(1, 2), element_dtype=F), i32(-1, 2), i64(),
        element_dtype=F,
    ),
    "split-short": lambda run: run("TensorListSplit", ROWS, i32(-1, 2), i64(1, 1), element_dtype=F),
    "split-long": lambda run: run("TensorListSplit", ROWS, i32(-1, 2), i64(1, 3), element_dtype=F),
    "scatter": lambda run: run(
        "TensorListStack", run("TensorListScatterV2", ROWS, i32(4, 0, 2), i32(2), ANY, element_dtype=F), ANY,
        element_dtype=F,
    ),
    "scatter-behind": lambda run: run("TensorListScatterV2", ROWS, i32(4, 0, 2), i32(2), COUNT, element_dtype=F),
    "scatter-into": lambda run: run(
        "TensorListStack",
        run("TensorListScatterIntoExistingList", from_rows(run), ROWS[:2] * 9, i32(3, 0), element_dtype=F), ANY,
        element_dtype=F,
    ),
    "resize": lambda run: run("TensorListLength", run("TensorListResize", from_rows(run), COUNT + 4)),
    "resize-negative": lambda run: run("TensorListResize", from_rows(run), ANY),
    "concat-lists": lambda run: run(
        "TensorListStack", run("TensorListConcatLists", from_rows(run), from_rows(run), element_dtype=F), ANY,
        element_dtype=F,
    ),
}  # fmt: skip


def outcome(script: Callable[[Run], Any], run: Run, refusal: type[Exception]) -> Any:
    """What the script returns as lists, or the code of its refusal."""
    try:
        result = script(run)
    except refusal as error:
        code = error.code if isinstance(error, TFError) else error.error_code  # type: ignore[attr-defined]
        return f"code {int(code)}"
    parts = result if isinstance(result, tuple) else (result,)
    return [(np.asarray(p).dtype.str, np.asarray(p).tolist()) for p in parts]


@pytest.mark.parametrize("name", SCRIPTS)
def test_lists(name: str) -> None:
    wanted = outcome(SCRIPTS[name], in_tensorflow, tf.errors.OpError)
    assert outcome(SCRIPTS[name], in_noria, TFError) == wanted
