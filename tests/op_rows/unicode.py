"""Cases of ``noria.ops.unicode``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Row, each

_BAD = Code.INVALID_ARGUMENT


def _s(*values: object) -> Array:
    return np.array(values, object)


def _i(*values: int) -> Array:
    return np.array(values, np.int32)


def _l(*values: int) -> Array:
    return np.array(values, np.int64)


_GOOD = ("aé€😀", "", "\ufffe\uffff", "\ufeffa", "a\0b", "\ufffd")
_DAMAGED = (
    b"a\xffb",
    b"a\xe2\x82",
    b"\xe2\x82b",
    b"\xc0\x80",
    b"\xed\xa0\x80x",
    b"\xf5\x80\x80\x80",
    b"\xf0\x9f\x98",
    b"\xf0\x80\x80\x80",
    b"\x80\x80",
    b"\xe0\x80\x80",
    b"\xf4\x90\x80\x80",
)
_CONTROL = b"a\x00\x01\x1f\x20\x7f\xc2\x80\xc2\x9f\t\n\r"
_UTF8 = {"input_encoding": "UTF-8"}
_LENIENT = _UTF8 | {"errors": each("replace", "ignore")}
_OUTPUT = {"output_encoding": each("UTF-8", "UTF-16-BE", "UTF-32-BE")}
_POINTS = _i(97, 233, 0x20AC, 0x1F600)
_WRONG = _i(97, 0xD800, 98, 0x110000, -1, 0xFFFF, 0xFFFE, 0xFDD0)

_OFFSETS = [
    Row(
        "UnicodeDecodeWithOffsets",
        [
            [_s(*(t.encode() for t in _GOOD))],
            [_s(*_DAMAGED, b"\xe2\x82a\xf0\x9f\x98z\xc0\x80\xed\xa0\x80")],
            [_s([b"a\tb"], [b"c"])],
            [np.array(b"ab", object)],
            [_s()],
        ],
        _UTF8
        | {
            "errors": each("replace", "ignore"),
            "replace_control_characters": each(False, True),
            "Tsplits": dtypes.int64,  # with int32 splits TensorFlow's process ends in a failed check
        },
        lowers=False,
    ),
    Row(
        "UnicodeDecodeWithOffsets",
        [_s("a😀b".encode("utf-16-be"), b"\xd8\x3d\0a")],
        {"input_encoding": "UTF-16-BE"},
        lowers=False,
        id="utf16",
    ),
]

ROWS: list[Row] = [
    *_OFFSETS,
    Row(
        "UnicodeDecode",
        [[_s(*(t.encode() for t in _GOOD))], [_s([b"a", b"b"])], [np.array(b"ab", object)], [_s()]],
        _UTF8 | {"errors": each("replace", "ignore", "strict"), "Tsplits": each(dtypes.int32, dtypes.int64)},
        lowers=False,
    ),
    Row(
        "UnicodeDecode",
        [_s(*_DAMAGED)],
        _LENIENT | {"replacement_char": each(0xFFFD, 63, 0)},
        lowers=False,
        id="damaged",
    ),
    Row("UnicodeDecode", [[_s(t)] for t in _DAMAGED], _UTF8 | {"errors": "strict"}, error=_BAD, id="strict"),
    Row("UnicodeDecode", [_s(_CONTROL)], _LENIENT | {"replace_control_characters": True}, lowers=False, id="control"),
    *(
        Row("UnicodeDecode", [_s(*texts)], {"input_encoding": encoding}, lowers=False, id=encoding)
        for encoding, texts in (
            ("UTF-16-BE", ["aé😀".encode("utf-16-be"), b"\0a\0", b"\xd8\0\0a"]),
            ("UTF-32-BE", ["aé😀".encode("utf-32-be")]),
            ("ISO-8859-1", [b"a\xe9\x80"]),
            ("US-ASCII", [b"a\xe9"]),
            ("SHIFT-JIS", ["あ".encode("shift_jis")]),
            ("utf8", [b"a"]),
        )
    ),
    Row("UnicodeDecode", [_s(b"a")], {"input_encoding": each("nope")}, error=_BAD, id="encoding"),
    Row("UnicodeDecode", [_s(b"a")], _UTF8 | {"replacement_char": each(0x110000, -1)}, error=_BAD, id="replacement"),
    Row("UnicodeEncode", [[_POINTS, _l(0, 2, 2, 4)], [_POINTS, _i(0, 4)], [_i(), _l(0)]], _OUTPUT, lowers=False),
    Row(
        "UnicodeEncode",
        [_WRONG, _l(0, 8)],
        _OUTPUT | {"errors": each("replace", "ignore"), "replacement_char": each(0xFFFD, 63)},
        lowers=False,
        id="wrong",
    ),
    Row("UnicodeEncode", [_WRONG, _l(0, 8)], _OUTPUT | {"errors": "strict"}, error=_BAD, id="strict"),
    Row(
        "UnicodeEncode",
        [[_POINTS, _l(*splits)] for splits in ([0, 2], [1, 4], [0, 3, 2, 4], [0, 9], [])],
        _OUTPUT,
        error=_BAD,
        id="refused",
    ),
    Row(
        "UnicodeTranscode",
        [[_s(*(t.encode() for t in _GOOD), *_DAMAGED, _CONTROL)], [_s([b"a"], [b"b"])], [np.array(b"\xff", object)]],
        _LENIENT | _OUTPUT | {"replace_control_characters": each(False, True)},
        lowers=False,
    ),
    Row("UnicodeTranscode", [_s(b"\xe9")], {"input_encoding": "latin1"} | _OUTPUT, lowers=False, id="latin1"),
    Row("UnicodeTranscode", [_s(b"a", b"\xff")], _UTF8 | _OUTPUT | {"errors": "strict"}, error=_BAD, id="strict"),
]
