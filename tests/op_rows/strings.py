"""Rows of ``noria.ops.strings``, ``regex``, ``hashing`` and the texts of ``control``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Row, each


def text(*values: Any) -> Array:
    """A string array of ``values`` (bytes, or lists of them)."""
    return np.array(values, object)


def scalar(value: bytes) -> Array:
    return np.array(value, object)


NONE = np.zeros(0, object)
WORDS = text(b"hello", b"world")
UTF8 = text("é€𝄞x".encode(), b"a\xffb\xc3c", b"", b"\x80\x80")
INVALID = Code.INVALID_ARGUMENT


def strings(op: str, *args: Any, **options: Any) -> Row:
    """A row of an op that has no ONNX form."""
    return Row(op, list(args), lowers=False, **options)


def i32(*values: int) -> Array:
    return np.array(values, np.int32)


JOIN = [
    strings("StringJoin", text(b"a", b"b"), scalar(b"x"), text(b"c", b"d"), attrs={"separator": each("", "-")}),
    strings("StringJoin", scalar(b"a"), id="one"),
    strings("StringJoin", NONE, scalar(b"x"), id="empty"),
    strings("StringJoin", text([b"a"], [b"b"]), scalar(b"\xff\x00"), id="matrix"),
    strings("StringJoin", text(b"a", b"b"), text(b"c"), error=INVALID, id="sizes"),
    Row(
        "ReduceJoin",
        [
            [text([b"a", b"b"], [b"c", b"d"]), Const(axes, dtypes.int32)]
            for axes in (0, [1], [0, 1], [1, 0], [-1], np.zeros(0, np.int32))
        ],
        {"separator": each("", "-"), "keep_dims": each(False, True)},
        lowers=False,
    ),
    strings("ReduceJoin", text([b"a", b"b"], [b"c", b"d"]), i32(1), id="fed-axes"),
    strings("ReduceJoin", np.zeros((2, 0), object), Const([1]), id="empty"),
    strings("ReduceJoin", text([b"a"]), Const([2]), error=Code.OUT_OF_RANGE, id="axis"),
    strings("ReduceJoin", text([b"a"]), Const([0, -2]), error=INVALID, id="axis-twice"),
]

SPLIT = [
    Row(
        "StringSplit",
        [
            [text(b"a b c", b" d  e", b"", b" "), scalar(b" ")],
            [text(b"a,b;c", b",;"), scalar(b",;")],
            [text(b"ab c", b""), scalar(b"")],
            [NONE, scalar(b" ")],
        ],
        {"skip_empty": each(True, False)},
        lowers=False,
    ),
    strings("StringSplit", text([b"a"]), scalar(b" "), error=INVALID, id="rank"),
    strings("StringSplit", text(b"a"), text(b" "), error=INVALID, id="delimiter"),
    Row(
        "StringSplitV2",
        [
            [text(b"a b c", b"  d \t e \n f ", b"", b" "), scalar(b"")],
            [text(b"a,,b,c,", b"", b","), scalar(b",")],
            [text(b"a<>b<>c", b"<>"), scalar(b"<>")],
            [text(b"a\x0bb\x0cc\x1cd\x00e\xa0f"), scalar(b"")],
            [NONE, scalar(b"")],
        ],
        {"maxsplit": each(-1, 0, 1, 2)},
        lowers=False,
    ),
    strings("StringSplitV2", text([b"a"]), scalar(b" "), error=INVALID, id="rank"),
    strings("StringSplitV2", text(b"a"), text(b" "), error=INVALID, id="separator"),
]

# Letters whose other case is longer, depends on its place, or is another letter's too.
CASES = "\u00c9\u00e9\u00df\u0178I\u0130\u0131\u03a3\u03c2 \u0391\u03a3 \u01c6 \ufb01"
CASE = [
    strings(op, text(b"aBc", CASES.encode(), b"\xffA\xc3"), attrs={"encoding": each("", "utf-8")})
    for op in ("StringLower", "StringUpper")
] + [
    strings("StringLower", text(b"a"), attrs={"encoding": "latin"}, error=INVALID, id="encoding"),
    strings("StringUpper", np.zeros((2, 0), object), id="empty"),
    strings("StringStrip", text([b" a b \n"], [b"\x0b\x0c\x1ca\x85\xc2\xa0"], [b"\x00 a"], [b""])),
    Row("StringLength", [[UTF8], [scalar(b"ab")], [NONE]], {"unit": each("BYTE", "UTF8_CHAR")}, lowers=False),
]

SUBSTR = [
    Row("Substr", [[WORDS, np.array(p), np.array(n)] for p, n in ((1, 3), (-2, 3), (5, 3), (1, -1))], lowers=False),
    Row(
        "Substr",
        [
            [text([b"hello", b"world"], [b"abcde", b"fghij"]), i32(1, 2), i32(2, 1)],
            [scalar(b"hello"), i32(1, 2)[:, None], i32(2, 1)[:, None]],
            [WORDS, i32(1, 2)[:, None], i32(2, 1)[:, None]],
            [WORDS, i32(0, -1), i32(9, 1)],
        ],
        lowers=False,
        id="broadcast",
    ),
    Row(
        "Substr",
        [[UTF8[:2], np.array(p), np.array(n)] for p, n in ((1, 2), (-2, 2), (4, 2), (1, -1))],
        {"unit": "UTF8_CHAR"},
        lowers=False,
        id="utf8",
    ),
    strings("Substr", WORDS, i32(6), i32(1), error=INVALID, id="behind"),
    strings("Substr", WORDS, i32(-6), i32(1), error=INVALID, id="before"),
    strings("Substr", UTF8[:1], i32(5), i32(1), attrs={"unit": "UTF8_CHAR"}, error=INVALID, id="utf8-behind"),
    strings("Substr", WORDS, i32(1, 2, 3), i32(1, 2, 3), error=INVALID, id="shapes"),
    strings("Substr", WORDS, i32(1, 2), i32(1), error=INVALID, id="pos-len"),
]

FLOATS = [1.5, 1e10, -1e-4, np.nan, np.inf, -np.inf, 0.1, -0.0, 123456.789]
FORMATS: list[dict[str, Any]] = [
    {"precision": each(-1, 0, 2), "width": each(-1, 12), "fill": each("", " ", "+", "-", "0")},
    {"shortest": True, "precision": each(-1, 3)},
    {"scientific": True, "width": each(-1, 14)},
]
AS_STRING = [
    Row(
        "AsString",
        [np.array(FLOATS, dtype)],
        attrs,
        lowers=False,
        id=f"{np.dtype(dtype).name}-{i}",
    )
    for dtype in (np.float32, np.float64)
    for i, attrs in enumerate(FORMATS)
] + [
    Row(
        "AsString",
        [np.array([-5, 5, 0], np.int16)],
        {"width": each(-1, 6), "fill": each("", " ", "0", "-", "+")},
        dtypes=(),
        lowers=False,
        id="int",
    ),
    strings("AsString", np.array([2**63], np.uint64), id="uint64"),
    strings("AsString", np.array([[True], [False]]), attrs={"width": each(-1, 8)}, id="bool"),
    strings(
        "AsString", np.array([1 + 2j, -0.5 - 0.1j], np.complex64), attrs={"shortest": each(False, True)}, id="complex"
    ),
    strings("AsString", np.array([0.1, 65504.0], np.float16), id="half"),
    strings("AsString", np.array([0.1, 3.0], np.float32).astype(dtypes.bfloat16.numpy), id="bfloat16"),
    strings("AsString", WORDS, id="string"),
    strings("AsString", np.zeros((2, 0), np.float32), id="empty"),
    strings("AsString", np.float32(1), attrs={"shortest": True, "scientific": True}, error=INVALID, id="both"),
    strings("AsString", np.float32(1), attrs={"width": 5, "fill": each("x", "00")}, error=INVALID, id="fill"),
    strings("AsString", np.int32(1), attrs={"precision": 2}, error=INVALID, id="int-precision"),
    strings("AsString", np.int32(1), attrs={"scientific": True}, error=INVALID, id="int-scientific"),
]

FLOAT_TEXTS = (
    b"1", b"-1", b"+1", b" 1 ", b"1e5", b"1E+2", b"0x1A", b"0X1p3", b"inf", b"-inf", b"Infinity", b"nan", b"-nan",
    b"nan(1)", b"1.", b".5", b"1e400", b"-1e400", b"1e-400", b"3.5e38", b"18446744073709551616", b"\t\n1\r", b"\x0b1",
    b"00012", b"1e-40",
)  # fmt: skip
NO_FLOATS = (b"", b" ", b".", b"1 2", b"1_0", b"1\x00", b"0b1", b"--1", b"1e", b"0x", b"\xd9\xa1", b"infinit", b"1f")
TO_NUMBER = [
    strings("StringToNumber", text(*FLOAT_TEXTS), attrs={"out_type": each(dtypes.float32, dtypes.float64)}),
    Row("StringToNumber", [[scalar(t)] for t in NO_FLOATS], lowers=False, error=INVALID, id="no-float"),
    strings(
        "StringToNumber",
        text(b"1", b"-1", b"+7", b" 7 ", b"007"),
        attrs={"out_type": each(dtypes.int32, dtypes.int64)},
        id="int",
    ),
    strings(
        "StringToNumber", text(b"1", b"4294967295"), attrs={"out_type": each(dtypes.uint32, dtypes.uint64)}, id="uint"
    ),
    Row(
        "StringToNumber",
        [[scalar(t)] for t in (b"1.0", b"99999999999", b"", b"0x1", b"- 1", b"1e2")],
        {"out_type": dtypes.int32},
        lowers=False,
        error=INVALID,
        id="no-int",
    ),
    strings("StringToNumber", scalar(b"-1"), attrs={"out_type": dtypes.uint64}, error=INVALID, id="negative"),
    strings("StringToNumber", np.zeros((0, 2), object), id="empty"),
]

BASE64 = [
    strings("EncodeBase64", text(b"", b"a", b"ab", b"abc", b"\xff\xfe\xfd"), attrs={"pad": each(False, True)}),
    strings("DecodeBase64", text(b"", b"YQ", b"YQ==", b"YWI", b"YWI=", b"YWJj", b"__79", b"YR", b"YWJ=")),
    Row(
        "DecodeBase64",
        [[scalar(t)] for t in (b"YQ=", b"//79", b"Y", b"YQ\n", b"Y Q", b"YQ==YQ==", b"=", b"====", b"YQ===")],
        lowers=False,
        error=INVALID,
        id="refused",
    ),
]

REPLACEMENTS = (
    ("([a-z])(\\d)?", r"<\1\2>", b"abc a1"),
    ("[a-z]", "X", b"abc a1"),
    ("", "-", b"abc"),
    ("", "-", "éa€".encode()),
    ("", "-", b""),
    (".", r"[\0]", "éa€".encode()),
    (".", r"[\0]", b"\xff\xc3"),
    (r"\pP", "", "a.b—c!".encode()),
    ("[[:punct:]]", "", "a.b—c!".encode()),
    (r"\C", "x", b"a\xffb"),
    (".", "x", b"a\nb"),
    ("^", "x", b"a\nb"),
    ("$", "x", b"ab"),
    ("b*", "x", b"abbc"),
    ("a", r"\1", b"ab"),
    ("a", r"u\xv", b"ab"),
    ("a", r"\\", b"ab"),
    ("(a)", r"\1\1", b"aba"),
    ("a|b", "", b"abcab"),
    (r"(?i)HE", "she", b"hehe"),
    (r"[!\"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']", "", "a.b,(c) [d]^\\e-f~é'".encode()),
    ("[a-c,]", "-", b"abcd,e\xff"),
    ("[^a-c]", "", "abéd".encode()),
    ("[é,]", "", "abéd,".encode()),
    ("[^,]", "x", b"^,"),
    ("[,^]", "x", b"^,a"),
    (r"[\]\-]", "x", b"]-a"),
)
REGEX = (
    [
        strings(
            "RegexReplace",
            text(subject, b"zz"),
            scalar(pattern.encode()),
            scalar(rewrite.encode()),
            attrs={"replace_global": each(True, False)},
            id=str(i),
        )
        for i, (pattern, rewrite, subject) in enumerate(REPLACEMENTS)
    ]
    + [
        strings(
            "StaticRegexReplace",
            text([subject], [b"zz"]),
            attrs={"pattern": pattern, "rewrite": rewrite, "replace_global": each(True, False)},
            id=str(i),
        )
        for i, (pattern, rewrite, subject) in enumerate(REPLACEMENTS)
    ]
    + [
        strings("RegexReplace", text(b"a"), scalar(b"("), scalar(b"-"), error=INVALID, id="pattern"),
        strings("RegexReplace", text(b"a"), text(b"a"), scalar(b"-"), error=INVALID, id="pattern-rank"),
        strings("RegexFullMatch", text([b"ab", b"abc"], [b"", b"b"]), scalar(b"a.*b?|")),
        strings("RegexFullMatch", NONE, scalar(b"a"), id="empty"),
        strings("RegexFullMatch", text(b"a"), scalar(b"["), error=INVALID, id="pattern"),
        strings("StaticRegexFullMatch", text(b"s3://x", b"/tmp"), attrs={"pattern": "^s3://.*"}),
        strings("StaticRegexFullMatch", text(b"a"), attrs={"pattern": "("}, error=INVALID, id="pattern"),
    ]
)

# Every branch of FarmHash: lengths up to 16, 32, 64 and beyond, with blocks that overlap and that do not.
LENGTHS = [*range(68), 95, 96, 127, 128, 129, 191, 192, 193, 256, 1000]
HASHED = np.array([bytes((7 * i + n) % 256 for i in range(n)) for n in LENGTHS], object)
HASH = [
    strings("StringToHashBucketFast", HASHED, attrs={"num_buckets": each(1, 1000, 2**63 - 1)}),
    strings("StringToHashBucketFast", np.repeat(HASHED, 24), attrs={"num_buckets": 2**63 - 1}, id="batch"),
    strings("StringToHashBucketFast", np.zeros((0, 3), object), attrs={"num_buckets": 5}, id="empty"),
    strings(
        "StringToHashBucketStrong", HASHED, attrs={"num_buckets": each(10, 2**63 - 1), "key": [123456789012, -9876]}
    ),
    strings("StringToHashBucketStrong", WORDS, attrs={"num_buckets": 10, "key": [1]}, error=INVALID, id="key"),
    strings("StringToHashBucket", HASHED, attrs={"num_buckets": each(10, 2**63 - 1)}),
    Row(
        "Fingerprint",
        [
            [data, scalar(b"farmhash64")]
            for data in (
                text(b"ab", b"c"),
                text([b"ab", b"c"], [b"d", b"e"]),
                np.array([[1, 2], [3, 4]], np.float32),
                np.array([1, 2], np.int64),
                np.arange(24, dtype=np.int16).reshape(2, 3, 4),
            )
        ],
        lowers=False,
    ),
    strings("Fingerprint", np.int64(1), scalar(b"farmhash64"), error=INVALID, id="scalar"),
    strings("Fingerprint", np.array([1]), scalar(b"md5"), error=INVALID, id="method"),
]

SHOWN = (
    np.arange(24).reshape(2, 3, 4),
    np.array([1e10, 1e-10, 0.1, np.nan, np.inf, 1 / 3]),
    np.array([0.1, 1 / 3, 1e20, 1e5, 123456789, 1e-5], np.float32),
    np.zeros((0, 3), np.float32),
    text(b"a", b'it\'s "x"\\\n', "é".encode(), b"\x01\xff"),
    scalar(b"hi"),
    np.array([True, False]),
    np.int8(3),
)
FORMAT = [
    strings(
        "StringFormat",
        *SHOWN,
        attrs={"template": "|".join(["{}"] * len(SHOWN)), "placeholder": "{}", "summarize": each(1, 2, 3, -1)},
    ),
    strings("StringFormat", attrs={"template": "none", "T": []}, id="no-inputs"),
    strings("StringFormat", np.int32(1), attrs={"template": "a"}, error=INVALID, id="count"),
    strings("Assert", np.True_, scalar(b"x")),
    strings("Assert", np.False_, *SHOWN, error=INVALID, id="fails"),
    strings("Assert", np.array([True]), scalar(b"x"), error=INVALID, id="rank"),
    strings("ShardedFilename", scalar(b"a/b"), np.int32(3), np.int32(12)),
    strings("ShardedFilespec", scalar(b"a/b"), np.int32(12)),
]

ROWS: list[Row] = [
    *JOIN, *SPLIT, *CASE, *SUBSTR, *AS_STRING, *TO_NUMBER, *BASE64, *REGEX, *HASH, *FORMAT,
]  # fmt: skip
