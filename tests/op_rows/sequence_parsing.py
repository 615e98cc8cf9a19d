"""Rows of ``noria.ops.sequence_parsing``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from noria.graph.graph import ShapeAttr
from noria.protos.tensorflow import SequenceExample
from op_cases import Array, Const, Row

INVALID = Code.INVALID_ARGUMENT
NO_TEXT = np.zeros(0, object)
F32, I32, I64, TEXT = dtypes.float32, dtypes.int32, dtypes.int64, dtypes.string
Dense = tuple[bytes, DType, tuple[int | None, ...]]


def _fill(feature: Any, values: Sequence[Any]) -> None:
    if values:
        kind = {bytes: "bytes_list", float: "float_list", int: "int64_list"}[type(values[0])]
        getattr(feature, kind).value.extend(values)
    else:
        feature.SetInParent()


def example(context: Mapping[str, Sequence[Any]], lists: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """A serialized SequenceExample; an empty list of values is a feature without a type."""
    made = SequenceExample()
    for key, values in context.items():
        _fill(made.context.feature[key], values)
    for key, steps in lists.items():
        made.feature_lists.feature_list[key].SetInParent()
        for values in steps:
            _fill(made.feature_lists.feature_list[key].feature.add(), values)
    return made.SerializeToString()


ONE = example(
    {"a": [1.0, 2.0], "b": [b"x"], "c": [3]},
    {"s": [[1, 2], [], [3]], "d": [[1.0, 2.0], [3.0, 4.0]], "t": [[b"u"], [b"v", b"w"]], "q": [[b"u"], [b"v"]]},
)
TWO = example({"a": [4.0, 5.0], "b": [b"y", b"z"]}, {"s": [[7]], "d": [[5.0, 6.0]], "q": [[b"w"]]})
EMPTY = example({}, {})
UNTYPED = example({"a": []}, {"d": [[1.0, 2.0], []], "e": []})
TWICE = ONE + example({"b": [b"q"]}, {"s": [[9]]})


def texts(*values: bytes) -> Array:
    return np.array(values, object)


def scalar(value: bytes) -> Array:
    return np.array(value, object)


def floats(*values: float) -> Const:
    return Const(np.array(values, np.float32), F32)


def _attrs(**given: Any) -> dict[str, Any]:
    return {k: v for k, v in given.items() if v is not None}


def parse(
    serialized: Array,
    *,
    names: Array = NO_TEXT,
    sparse: Sequence[tuple[bytes, DType]] = (),
    dense: Sequence[tuple[Dense, Const]] = (),
    ragged: Sequence[tuple[bytes, DType, DType]] = (),
    list_sparse: Sequence[tuple[bytes, DType]] = (),
    list_dense: Sequence[tuple[Dense, bool]] = (),
    list_ragged: Sequence[tuple[bytes, DType, DType]] = (),
    **options: Any,
) -> Row:
    """ParseSequenceExampleV2: those of the context with their defaults; dense lists with whether they may miss."""
    dense_list = [row[0] for row in list_dense]
    groups: list[list[bytes]] = [
        [row[0] for row in sparse],
        [row[0][0] for row in dense],
        [row[0] for row in ragged],
        [row[0] for row in list_sparse],
        [row[0] for row in dense_list],
        [row[0] for row in list_ragged],
    ]
    inputs = [serialized, names, *(Const(texts(*keys)) for keys in groups)]
    inputs += [Const(np.array([row[1] for row in list_dense], np.bool_)), *(row[1] for row in dense)]
    attrs = {
        "Ncontext_sparse": len(sparse),
        "Tcontext_dense": [row[0][1] for row in dense],
        "context_sparse_types": [row[1] for row in sparse],
        "context_ragged_value_types": [row[1] for row in ragged],
        "context_ragged_split_types": [row[2] for row in ragged],
        "context_dense_shapes": [ShapeAttr(row[0][2]) for row in dense],
        "Nfeature_list_sparse": len(list_sparse),
        "Nfeature_list_dense": len(list_dense),
        "feature_list_dense_types": [row[1] for row in dense_list],
        "feature_list_sparse_types": [row[1] for row in list_sparse],
        "feature_list_ragged_value_types": [row[1] for row in list_ragged],
        "feature_list_ragged_split_types": [row[2] for row in list_ragged],
        "feature_list_dense_shapes": [ShapeAttr(row[2]) for row in dense_list],
    }
    return Row("ParseSequenceExampleV2", inputs, attrs, lowers=False, **options)


PAIR: Dense = (b"a", F32, (2,))
STEPS: Dense = (b"d", F32, (2,))
ALL: dict[str, Any] = {
    "sparse": [(b"b", TEXT), (b"zz", I64)],
    "dense": [(PAIR, floats(7, 8))],
    "ragged": [(b"c", I64, I32)],
    "list_sparse": [(b"s", I64), (b"zz", F32)],
    "list_dense": [(STEPS, True)],
    "list_ragged": [(b"t", TEXT, I64)],
}
V2 = [
    parse(texts(ONE, TWO, EMPTY), **ALL, id="all"),
    parse(texts(ONE, TWO), names=texts(b"m", b"n"), **ALL, id="names"),
    parse(scalar(ONE), **ALL, undefined=(8, 18), id="scalar"),
    parse(scalar(EMPTY), **ALL, undefined=(8, 18), id="scalar-empty"),
    parse(NO_TEXT, **ALL, id="none"),
    parse(texts(TWICE), sparse=[(b"b", TEXT)], list_sparse=[(b"s", I64)], id="last-wins"),
    parse(texts(ONE, TWO), list_ragged=[(b"s", I64, I32)], list_dense=[((b"q", TEXT, ()), False)], id="text"),
    parse(texts(ONE, TWO), list_dense=[((b"d", F32, (2, 1)), False)], id="matrix"),
    parse(texts(UNTYPED, UNTYPED), list_sparse=[(b"d", F32)], list_dense=[((b"e", I64, (3,)), False)], id="untyped"),
    parse(texts(ONE, EMPTY), dense=[((b"b", TEXT, (1,)), Const(texts(b"d")))], id="context-text"),
    parse(texts(ONE), dense=[(PAIR, floats())], id="required"),
]
REFUSED = [
    parse(texts(ONE, EMPTY), list_dense=[(STEPS, False)], error=INVALID, id="missing-list"),
    parse(texts(ONE, EMPTY), dense=[(PAIR, floats())], error=INVALID, id="missing"),
    parse(scalar(EMPTY), dense=[(PAIR, floats())], error=INVALID, id="scalar-missing"),
    parse(texts(ONE), dense=[((b"a", F32, (3,)), floats(0, 0, 0))], error=INVALID, id="size"),
    parse(texts(ONE), dense=[(PAIR, floats(0, 0, 0))], error=INVALID, id="default"),
    parse(texts(UNTYPED), dense=[(PAIR, floats(7, 8))], error=INVALID, id="no-type"),
    parse(texts(ONE), sparse=[(b"b", I64)], error=INVALID, id="context-type"),
    parse(texts(ONE), list_dense=[((b"d", F32, (3,)), False)], error=INVALID, id="step-size"),
    parse(texts(UNTYPED), list_dense=[(STEPS, False)], error=INVALID, id="untyped-step"),
    parse(texts(ONE), list_dense=[((b"d", I64, (2,)), False)], error=INVALID, id="step-type"),
    parse(texts(ONE), list_sparse=[(b"d", I64)], error=INVALID, id="sparse-type"),
    parse(texts(ONE), list_ragged=[(b"d", I64, I64)], error=INVALID, id="ragged-type"),
    parse(np.array([[ONE]], object), list_sparse=[(b"s", I64)], error=INVALID, id="rank"),
    parse(texts(b"abc"), list_sparse=[(b"s", I64)], error=INVALID, id="bytes"),
    parse(texts(ONE), sparse=[(b"b", TEXT)], ragged=[(b"b", TEXT, I64)], error=INVALID, id="two-kinds"),
]

_OLD_ATTRS: dict[str, Any] = {
    "context_sparse_types": [TEXT],
    "Tcontext_dense": [F32],
    "context_dense_shapes": [ShapeAttr((2,))],
    "feature_list_sparse_types": [I64],
    "feature_list_dense_types": [F32],
    "feature_list_dense_shapes": [ShapeAttr((2,))],
}
V1_ATTRS = _OLD_ATTRS | {
    "feature_list_dense_missing_assumed_empty": [b"d"],
    "context_sparse_keys": [b"b"],
    "context_dense_keys": [b"a"],
    "feature_list_sparse_keys": [b"s"],
    "feature_list_dense_keys": [b"d"],
    "Ncontext_sparse": 1,
    "Ncontext_dense": 1,
    "Nfeature_list_sparse": 1,
    "Nfeature_list_dense": 1,
}
V1_REQUIRED = V1_ATTRS | {"feature_list_dense_missing_assumed_empty": []}
V1 = [
    Row(
        "ParseSequenceExample",
        [
            [texts(ONE, TWO, EMPTY), NO_TEXT, floats(7, 8)],
            [scalar(TWO), NO_TEXT, floats(7, 8)],
            [NO_TEXT, NO_TEXT, floats(7, 8)],
        ],
        V1_ATTRS,
        lowers=False,
    ),
    Row(
        "ParseSequenceExample",
        [texts(ONE, EMPTY), NO_TEXT, floats(7, 8)],
        V1_REQUIRED,
        lowers=False,
        error=INVALID,
        id="missing",
    ),
]


def single(serialized: Array, default: Const, *, may_miss: Array = NO_TEXT, **options: Any) -> Row:
    """ParseSingleSequenceExample of the features of ``V1_ATTRS``."""
    keys = [Const(scalar(key)) for key in (b"b", b"a", b"s", b"d")]
    counts = dict.fromkeys(("Ncontext_sparse", "Ncontext_dense", "Nfeature_list_sparse", "Nfeature_list_dense"), 1)
    inputs = [serialized, may_miss, *keys, default, Const(scalar(b""))]
    return Row("ParseSingleSequenceExample", inputs, _OLD_ATTRS | counts, lowers=False, **options)


SINGLE = [
    single(scalar(TWO), floats()),
    single(scalar(EMPTY), floats(7, 8), may_miss=texts(b"d", b"other"), id="empty"),
    single(scalar(EMPTY), floats(7, 8), error=INVALID, id="missing-list"),
    single(scalar(EMPTY), floats(), may_miss=texts(b"d"), error=INVALID, id="missing"),
    single(scalar(UNTYPED), floats(7, 8), error=INVALID, id="untyped"),
    single(scalar(b"abc"), floats(7, 8), error=INVALID, id="bytes"),
    single(scalar(TWO), floats(7), error=INVALID, id="default"),
    single(texts(TWO), floats(7, 8), error=INVALID, id="vector"),
    single(scalar(ONE), floats(7, 8), id="empty-step"),
]

ROWS: list[Row] = [*V2, *REFUSED, *V1, *SINGLE]
