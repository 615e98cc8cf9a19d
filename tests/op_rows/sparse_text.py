"""Cases of sparse tensors as strings, and of edit distances."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Row, each

_BAD = Code.INVALID_ARGUMENT


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


_INDICES, _SHAPE = _l([0, 0], [0, 1], [2, 1]), _l(3, 2)
_VALUES: list[Array] = [np.array([1, 2, 3], np.float32), np.array([1, 2, 3], np.int64)]
_EMPTY: list[Array] = [np.zeros((0, 2), np.int64), np.zeros(0, np.float32), _SHAPE]
# What SerializeManySparse of TensorFlow makes of the first of them.
_DIMS = b'\x08\t\x12\x04\x12\x02\x08\x01"\x08\x02\x00\x00\x00\x00\x00\x00\x00'
_NO = b"\x08\t\x12\x08\x12\x02\x08\x00\x12\x02\x08\x01"
_ONE = b'\x08\t\x12\x08\x12\x02\x08\x01\x12\x02\x08\x01"\x08\x01\x00\x00\x00\x00\x00\x00\x00'
_ROWS = np.array(
    [
        [_ONE, b'\x08\x01\x12\x04\x12\x02\x08\x01"\x04\x00\x00\x80?', _DIMS],
        [_NO, b"\x08\x01\x12\x04\x12\x02\x08\x00", _DIMS],
        [_ONE, b'\x08\x01\x12\x04\x12\x02\x08\x01"\x04\x00\x00\x00@', _DIMS],
    ],
    object,
)
_GIVEN = [_l([0, 0], [1, 0], [1, 1]), np.array([1, 2, 3], np.int32), _l(3, 2)]
_TRUTH = [_l([0, 0], [0, 1], [1, 0]), np.array([1, 4, 2], np.int32), _l(3, 2)]
_LATE = [_l([1, 0]), np.array([1], np.int32), _l(4, 2)]

ROWS: list[Row] = [
    *(
        Row(op, [*([_INDICES, v, _SHAPE] for v in _VALUES), list(_EMPTY)], lowers=False)
        for op in ("SerializeSparse", "SerializeManySparse")
    ),
    Row("SerializeManySparse", [_l([0]), _VALUES[0][:1], _l(3)], error=_BAD, id="vector"),
    *(
        Row(op, [_ROWS], {"dtype": dtypes.float32}, lowers=False)
        for op in ("DeserializeManySparse", "DeserializeSparse")
    ),
    Row("DeserializeSparse", [[_ROWS[0]], [_ROWS[:, None]]], {"dtype": dtypes.float32}, lowers=False, id="rank"),
    Row(
        "DeserializeManySparse",
        [[_ROWS[:, :2]], [_ROWS[:0]], [_ROWS[:, ::-1].copy()]],
        {"dtype": dtypes.float32},
        error=_BAD,
        id="refused",
    ),
    Row("DeserializeManySparse", [_ROWS], {"dtype": dtypes.int64}, error=_BAD, id="dtype"),
    Row(
        "EditDistance",
        [[*_GIVEN, *_TRUTH], [*_TRUTH, *_GIVEN], [*_GIVEN, *_LATE]],
        {"normalize": each(False, True)},
        lowers=False,
    ),
    Row("EditDistance", [*_GIVEN, _l([0]), np.array([1], np.int32), _l(3)], error=_BAD, id="rank"),
]
