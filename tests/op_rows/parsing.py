"""Rows of ``noria.ops.parsing`` and ``decoding``."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from noria.formats.example import make_example
from noria.graph.graph import ShapeAttr
from op_cases import Array, Const, Row, each

INVALID = Code.INVALID_ARGUMENT
NO_TEXT = np.zeros(0, object)
F32, I64, TEXT = dtypes.float32, dtypes.int64, dtypes.string

ONE = make_example({"a": [1.0, 2.0], "b": [b"x"], "c": [3]})
TWO = make_example({"a": [4.0, 5.0], "b": [b"y", b"z"]})
EMPTY = make_example({})
EMPTY_LIST = make_example({"a": np.zeros(0, np.float32)})
# Two serialized messages one behind the other merge: the feature that comes again replaces the first.
TWICE = ONE + make_example({"a": [9.0, 8.0, 7.0]})


def texts(*values: bytes) -> Array:
    return np.array(values, object)


def scalar(value: bytes) -> Array:
    return np.array(value, object)


def defaults(dtype: DType, *values: Any) -> Array:
    return np.array(values, dtype.numpy)


def parse(
    serialized: Array,
    *,
    names: Array = NO_TEXT,
    sparse: tuple[tuple[bytes, DType], ...] = (),
    dense: tuple[tuple[bytes, DType, tuple[int | None, ...], Array], ...] = (),
    ragged: tuple[tuple[bytes, DType, DType], ...] = (),
    **options: Any,
) -> Row:
    """ParseExampleV2: sparse: (key, dtype); dense: (key, dtype, shape, default); ragged: (key, dtype, split dtype)."""
    keys = [Const(texts(*(row[0] for row in group))) for group in (sparse, dense, ragged)]
    attrs = {
        "num_sparse": len(sparse),
        "sparse_types": [row[1] for row in sparse],
        "Tdense": [row[1] for row in dense],
        "dense_shapes": [ShapeAttr(row[2]) for row in dense],
        "ragged_value_types": [row[1] for row in ragged],
        "ragged_split_types": [row[2] for row in ragged],
    }
    inputs = [serialized, names, *keys, *(Const(row[3], row[1]) for row in dense)]
    return Row("ParseExampleV2", inputs, attrs, lowers=False, **options)


NONE = defaults(F32)
PAIR = (b"a", F32, (2,), NONE)
EXAMPLES = [
    parse(texts(ONE, TWO), dense=(PAIR,), id="dense"),
    parse(texts(ONE, EMPTY), dense=((b"a", F32, (2,), defaults(F32, 7, 8)),), id="dense-default"),
    parse(texts(ONE), dense=((b"a", F32, (2, 1), NONE), (b"c", I64, (), defaults(I64))), id="dense-shapes"),
    parse(texts(ONE, EMPTY), dense=((b"b", TEXT, (1,), texts(b"d")),), id="dense-text"),
    parse(texts(EMPTY_LIST), dense=((b"a", F32, (0,), NONE),), id="dense-0"),
    parse(texts(TWICE), dense=((b"a", F32, (3,), NONE),), id="dense-last-wins"),
    parse(texts(ONE, TWO, EMPTY), dense=((b"b", TEXT, (None,), texts(b"pad")),), id="padded-text"),
    parse(texts(ONE, EMPTY), dense=((b"a", F32, (None, 2), np.array(0, np.float32)),), id="padded-matrix"),
    parse(texts(ONE, TWICE), dense=((b"a", F32, (None,), defaults(F32, -1)),), id="padded-float"),
    parse(
        texts(ONE, TWO, EMPTY),
        sparse=((b"a", F32), (b"b", TEXT), (b"c", I64), (b"zz", I64)),
        id="sparse",
    ),
    parse(
        texts(ONE, TWO, EMPTY),
        ragged=((b"a", F32, dtypes.int32), (b"b", TEXT, I64), (b"zz", I64, I64)),
        id="ragged",
    ),
    parse(
        NO_TEXT,
        sparse=((b"s", F32), (b"t", TEXT)),
        dense=(PAIR, (b"b", TEXT, (None,), texts(b""))),
        ragged=((b"c", F32, I64),),
        id="no-examples",
    ),
    parse(
        scalar(TWO),
        sparse=((b"b", TEXT), (b"q", I64)),
        dense=(PAIR,),
        ragged=((b"c", I64, I64),),
        id="scalar",
    ),
    parse(
        scalar(TWO),
        dense=((b"b", TEXT, (None,), texts(b"")), (b"q", F32, (None,), defaults(F32, 0))),
        id="scalar-padded",
    ),
]

REFUSED = [
    parse(texts(ONE, EMPTY), dense=(PAIR,), error=INVALID, id="missing"),
    parse(texts(EMPTY_LIST), dense=((b"a", F32, (2,), defaults(F32, 7, 8)),), error=INVALID, id="too-few"),
    parse(texts(ONE, TWO), dense=((b"b", TEXT, (1,), NO_TEXT),), error=INVALID, id="too-many"),
    parse(texts(ONE), dense=((b"a", I64, (2,), defaults(I64)),), error=INVALID, id="dense-type"),
    parse(texts(ONE), dense=((b"a", F32, (2,), np.array(7, np.float32)),), error=INVALID, id="default-shape"),
    parse(texts(ONE), dense=((b"b", TEXT, (None,), NO_TEXT),), error=INVALID, id="no-padding"),
    parse(texts(ONE), dense=((b"a", F32, (None, 3), np.array(0, np.float32)),), error=INVALID, id="stride"),
    parse(texts(ONE), sparse=((b"a", I64),), error=INVALID, id="sparse-type"),
    parse(texts(ONE), ragged=((b"c", F32, I64),), error=INVALID, id="ragged-type"),
    parse(scalar(ONE), dense=((b"c", F32, (1,), NONE),), error=INVALID, id="scalar-type"),
    parse(texts(b"abc"), sparse=((b"b", TEXT),), error=INVALID, id="bytes"),
    parse(texts(ONE, TWO), names=texts(b"n"), sparse=((b"b", TEXT),), error=INVALID, id="names"),
    parse(np.array([[ONE]], object), sparse=((b"b", TEXT),), error=INVALID, id="matrix"),
]

V1_ATTRS = {
    "Nsparse": 1,
    "Ndense": 1,
    "sparse_types": [TEXT],
    "Tdense": [F32],
    "dense_shapes": [ShapeAttr((2,))],
}
V1_INPUTS = (NO_TEXT, Const(scalar(b"b")), Const(scalar(b"a")), Const(NONE))
SINGLE_ATTRS = {
    "num_sparse": 2,
    "sparse_keys": [b"b", b"zz"],
    "dense_keys": [b"a"],
    "sparse_types": [TEXT, I64],
    "Tdense": [F32],
    "dense_shapes": [ShapeAttr((2,))],
}
OLD = [
    Row("ParseExample", [texts(ONE, TWO), *V1_INPUTS], V1_ATTRS, lowers=False),
    Row("ParseExample", [scalar(ONE), *V1_INPUTS], V1_ATTRS, lowers=False, error=INVALID, id="scalar"),
    Row("ParseSingleExample", [scalar(TWO), Const(NONE)], SINGLE_ATTRS, lowers=False),
    Row("ParseSingleExample", [scalar(EMPTY), Const(NONE)], SINGLE_ATTRS, lowers=False, error=INVALID, id="missing"),
    Row("ParseSingleExample", [texts(ONE), Const(NONE)], SINGLE_ATTRS, lowers=False, error=INVALID, id="vector"),
]

BYTES = texts(bytes(range(16)), bytes(range(128, 144)))
RAW = [
    Row(
        "DecodeRaw",
        [[BYTES], [scalar(bytes(32))], [np.zeros((0, 2), object)], [texts(b"", b"")]],
        {
            "out_type": each(dtypes.int32, dtypes.uint8, dtypes.int64, dtypes.float64, dtypes.complex64, dtypes.bool_),
            "little_endian": each(True, False),
        },
        lowers=False,
    ),
    Row("DecodeRaw", [scalar(b"abc")], {"out_type": dtypes.int32}, lowers=False, error=INVALID, id="size"),
    Row("DecodeRaw", [texts(b"a", b"bc")], {"out_type": dtypes.uint8}, lowers=False, error=INVALID, id="sizes"),
]

FLOATS_PROTO = b"\x08\x01\x12\x04\x12\x02\x08\x02\x22\x08\x00\x00\x80?\x00\x00\x00@"
COMPRESSED = [
    Row(
        "DecodeCompressed",
        [
            [texts(zlib.compress(b"hello"), b"", zlib.compress(b"hello")[:-3])],
            [np.array([[zlib.compress(b"a" * 99)]], object)],
        ],
        {"compression_type": "ZLIB"},
        lowers=False,
    ),
    Row(
        "DecodeCompressed",
        [scalar(gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0))],
        {"compression_type": "GZIP"},
        lowers=False,
    ),
    Row("DecodeCompressed", [scalar(b"x")], {"compression_type": ""}, lowers=False, id="none"),
    Row("DecodeCompressed", [scalar(b"xx")], {"compression_type": "ZLIB"}, error=Code.DATA_LOSS, id="damaged"),
    Row("DecodeCompressed", [scalar(b"x")], {"compression_type": "FOO"}, error=INVALID, id="kind"),
]
PADDED = [
    Row(
        "DecodePaddedRaw",
        [
            [texts(b"abcdefghij", b"a", b""), Const(np.array(8, np.int32))],
            [scalar(b"ab"), np.array(8, np.int32)],
            [np.zeros((2, 0), object), Const(np.array(8, np.int32))],
        ],
        {"out_type": each(dtypes.int32, dtypes.uint8, dtypes.float64), "little_endian": each(True, False)},
        lowers=False,
    ),
    *(
        Row(
            "DecodePaddedRaw",
            [scalar(b"abc"), np.array(length, np.int32)],
            {"out_type": dtypes.int16},
            error=INVALID,
            id=f"refused{k}",
        )
        for k, length in enumerate((0, -2, 3, [4]))
    ),
]
TENSORS = [
    Row("ParseTensor", [scalar(FLOATS_PROTO)], {"out_type": F32}, lowers=False),
    Row("ParseTensor", [scalar(FLOATS_PROTO)], {"out_type": I64}, lowers=False, error=INVALID, id="type"),
    Row("ParseTensor", [scalar(b"\xff")], {"out_type": I64}, lowers=False, error=INVALID, id="bytes"),
    Row("ParseTensor", [texts(FLOATS_PROTO)], {"out_type": F32}, lowers=False, error=INVALID, id="rank"),
    Row(
        "SerializeTensor",
        [
            [np.array([[1, 2], [3, 4]], np.float32)],
            [texts(b"a", b"bc")],
            [np.array([True, True])],
            [np.float32(1)],
            [np.ones(2, np.float16)],
            [np.zeros((0, 2), np.int64)],
        ],
        lowers=False,
    ),
]

REQUIRED = defaults(F32)


def csv(*records: bytes, columns: tuple[Array, ...], **options: Any) -> Row:
    return Row("DecodeCSV", [texts(*records), *map(Const, columns)], options.pop("attrs", {}), lowers=False, **options)


NINE = np.array([9], np.int32)
CSV = [
    csv(b"1,2,abc", b'3,,"q,""x"""', columns=(REQUIRED, NINE, NO_TEXT)),
    csv(b"1,NA", b"NA,2", columns=(defaults(F32, 7), NINE), attrs={"na_value": "NA"}, id="na"),
    csv(b"1,2,3", b"4,5,6", columns=(REQUIRED, NINE), attrs={"select_cols": [0, 2]}, id="select"),
    csv(b"1;2", b"4; 5", columns=(REQUIRED, NINE), attrs={"field_delim": ";"}, id="delimiter"),
    csv(b'1,"a"', columns=(REQUIRED, NO_TEXT), attrs={"use_quote_delim": False}, id="no-quotes"),
    csv(b"1,", b'"2",""', columns=(REQUIRED, texts(b"d")), id="empty-text"),
    csv(b'1,"a\nb"', columns=(REQUIRED, NO_TEXT), id="line-break"),
] + [
    csv(record, columns=columns, error=INVALID, id=f"refused-{i}")
    for i, (record, columns) in enumerate(
        [
            (b"3,", (REQUIRED, defaults(dtypes.int32))),
            (b"3", (REQUIRED, NINE)),
            (b"1,x", (REQUIRED, NINE)),
            (b'1,a"b', (REQUIRED, NO_TEXT)),
            (b'1,"ab', (REQUIRED, NO_TEXT)),
            (b'1,"a"b', (REQUIRED, NO_TEXT)),
            (b"2,a\r\n", (REQUIRED, NO_TEXT)),
            (b"", (defaults(F32, 5),)),
        ]
    )
]

ROWS: list[Row] = [*EXAMPLES, *REFUSED, *OLD, *RAW, *COMPRESSED, *PADDED, *TENSORS, *CSV]
