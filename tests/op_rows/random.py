"""Cases of ``noria.ops.random``. Stateful ops are checked by their first numbers for a seed; see also tests/ops."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Row, each

_BAD = Code.INVALID_ARGUMENT
_FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16)
_SHAPES: tuple[list[int], ...] = ([2, 5], [], [0, 3], [1], [7, 3])


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


def _u(*values: int) -> Array:
    return np.array(values, np.uint64)


_KEY, _COUNTER = _u(12345678901234567), _u(2**64 - 3, 99)
_ALG = Const(1)
_SHAPE = Const([2, 5])
_V2 = [_KEY, _COUNTER, _ALG]
_SEED = _l(1, -2)
_LOGITS = np.array([[0, 1, -1], [2, -np.inf, 1], [np.nan, 0, 3]], np.float32)


def _scalar(value: int) -> Array:
    return np.array(value, np.int32)


def _floats(op: str, *, exact: bool) -> list[Row]:
    """Rows of a distribution of floats, stateless. Normal numbers may differ in the last bit: see ``_philox``."""
    return [
        Row(
            op,
            [[Const(np.array(shape, np.int32)), _SEED] for shape in _SHAPES],
            dtypes=_FLOATS,
            type_attr="dtype",
            lowers=False,
            exact=exact,
        ),
        Row(
            f"{op}V2",
            [*([Const(np.array(shape, np.int32)), *_V2] for shape in _SHAPES), [_l(300), *_V2]],
            dtypes=_FLOATS,
            type_attr="dtype",
            lowers=False,
            exact=exact,
        ),
    ]


def _stateful(op: str, *args: object, **attrs: object) -> Row:
    """A row of a seeded op. TensorFlow's eager calls share a stream by attributes: no two rows may."""
    return Row(op, list(args), attrs, lowers=False, id="-".join(str(v) for v in attrs.values()))


ROWS: list[Row] = [
    Row(
        "StatelessRandomGetKeyCounter",
        [[_l(0, 0)], [_l(1, 2)], [_l(-1, 5)], [_l(2**40, 7)], [np.array([1, -2], np.int32)]],
        lowers=False,
    ),
    Row("StatelessRandomGetKeyCounterAlg", [_l(1, 2)], lowers=False),
    Row("StatelessRandomGetKeyCounter", [[_l(1, 2, 3)], [_l([1, 2])]], error=_BAD, id="refused"),
    Row("StatelessRandomGetAlg", [], lowers=False),
    *_floats("StatelessRandomUniform", exact=True),
    *_floats("StatelessRandomNormal", exact=False),
    *_floats("StatelessTruncatedNormal", exact=False),
    *(
        Row(
            f"StatelessRandomUniformInt{suffix}",
            [
                [_SHAPE, *seed, np.array(low, dtype.numpy), np.array(high, dtype.numpy)]
                for low, high in ((3, 11), (-5, 2**31 - 1), (-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1))
            ]
            + [[Const(np.zeros(1, np.int32)), *seed, np.array(3, dtype.numpy), np.array(3, dtype.numpy)]],
            lowers=False,
            id=dtype.name,
        )
        for suffix, seed in (("", [_SEED]), ("V2", _V2))
        for dtype in (dtypes.int32, dtypes.int64)
    ),
    *(
        Row(
            f"StatelessRandomUniformFullInt{suffix}",
            [_SHAPE, *seed],
            dtypes=(dtypes.int32, dtypes.int64, dtypes.uint32, dtypes.uint64),
            type_attr="dtype",
            lowers=False,
        )
        for suffix, seed in (("", [_SEED]), ("V2", _V2))
    ),
    Row("StatelessRandomUniformV2", [_SHAPE, _KEY, _u(1, 2, 3), Const(3)], lowers=False, exact=True, id="automatic"),
    Row(
        "StatelessRandomUniformV2",
        [
            [_SHAPE, _KEY, _COUNTER, Const(2)],
            [_SHAPE, _KEY, _COUNTER, Const(4)],
            [_SHAPE, _KEY, _COUNTER, Const([1])],
            [_SHAPE, _u(1, 2), _COUNTER, _ALG],
            [Const([-1]), *_V2],
            [Const(3), *_V2],
        ],
        error=_BAD,
        id="refused",
    ),
    Row("StatelessRandomUniform", [[_SHAPE, _l(1)], [Const([0]), _l(1)]], error=_BAD, id="refused"),
    Row(
        "StatelessRandomUniformInt",
        [[_SHAPE, _SEED, _scalar(3), _scalar(3)], [_SHAPE, _SEED, np.array([1], np.int32), _scalar(3)]],
        error=_BAD,
        id="refused",
    ),
    Row(
        "StatelessMultinomial",
        [
            [_LOGITS, Const(9), _SEED],
            [_LOGITS.astype(np.float64), Const(2), _SEED],
            [_LOGITS.astype(np.float16), _scalar(5), _SEED],
            [_LOGITS.astype(dtypes.bfloat16.numpy), _scalar(5), _SEED],
            [_LOGITS, Const(0), _SEED],
            [np.zeros((0, 3), np.float32), Const(3), _SEED],
        ],
        {"output_dtype": each(dtypes.int32, dtypes.int64)},
        lowers=False,
    ),
    Row(
        "StatelessMultinomial",
        [
            [np.zeros((2, 0), np.float32), Const(3), _SEED],
            [np.zeros((2, 1), np.float32), Const(-3), _SEED],
            [np.zeros(2, np.float32), Const(3), _SEED],
            [np.zeros((2, 1), np.float32), Const([3]), _SEED],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        _stateful(op, _SHAPE, dtype=dtype, seed=7, seed2=9)
        for op in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")
        for dtype in _FLOATS
    ),
    _stateful("RandomUniform", _SHAPE, dtype=dtypes.float32, seed=-7, seed2=2**40),
    _stateful("RandomUniform", _SHAPE, dtype=dtypes.float32, seed=0, seed2=-1),
    _stateful("RandomUniform", Const([0, 2]), dtype=dtypes.float32, seed=0, seed2=0),
    _stateful("RandomUniformInt", _SHAPE, _scalar(-3), _scalar(100), seed=7, seed2=9),
    *(_stateful("RandomShuffle", np.arange(n), seed=7, seed2=n) for n in (0, 1, 2, 9, 10)),
    _stateful("RandomShuffle", np.arange(12, dtype=np.float32).reshape(6, 2), seed=7, seed2=11),
    _stateful("RandomShuffle", np.array([b"a", b"b", b"c"], object), seed=7, seed2=12),
    _stateful("RandomShuffle", np.array(3, np.float32), seed=7, seed2=13),
    _stateful("Multinomial", _LOGITS, Const(5), seed=7, seed2=9),
    Row("RandomUniform", [[Const([-1])], [Const(3)]], {"dtype": dtypes.float32, "seed": 7}, error=_BAD, id="refused"),
    Row(
        "RandomUniformInt",
        [[_SHAPE, _scalar(3), _scalar(2)], [_SHAPE, np.array([3], np.int32), _scalar(4)]],
        error=_BAD,
        id="refused",
    ),
    Row("Multinomial", [np.zeros((2, 1), np.float32), Const(-3)], error=_BAD, id="refused"),
]
