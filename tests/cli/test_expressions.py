"""The expressions of ``--input_exprs``: what they may say, and what they may not do."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from noria.cli.expressions import evaluate
from noria.errors import InvalidArgumentError


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "-1.5e3",
        "[1, 2.5, True, None]",
        "['a', b'b', 'c;d']",
        "[[1, 2], [3, 4]]",
        "{'age': [22.0], 'name': ['a']}",
        "2 ** 10 + 7 // 2",
        "'ab' * 3",
        "[0] * 4 + [1]",
        "(1, 2)[0]",
        "'abc'[1:]",
        "1 << 8 | 3",
        "range(3)",
    ],
)
def test_plain_values_are_what_python_says(text: str) -> None:
    expected = eval(text)
    assert evaluate(text) == (list(expected) if isinstance(expected, range) else expected)


@pytest.mark.parametrize(
    "text",
    [
        "np.ones((2, 3))",
        "np.ones((2, 3), dtype=np.float32)",
        "np.ones([2, 3], 'int64')",
        "numpy.zeros(4, dtype=int)",
        "np.full((2, 2), 7.5)",
        "np.arange(6).reshape(2, 3) / 255",
        "np.arange(6).reshape((2, -1)).astype(np.float32).T",
        "np.arange(1, 2, 0.25)",
        "np.linspace(0, 1, 5)[None, :]",
        "np.eye(3)[1]",
        "np.array([[1, 2], [3, 4]], dtype=np.int8)",
        "np.array(['a', 'bc'])",
        "np.array([1.5, 2]).astype('U')",
        "np.array(['a', 'bcd'], dtype=object).astype(str)",
        "np.array(['a', 'bcd'], dtype='S')",
        "np.zeros(2, dtype='U5')",
        "np.array(['a', b'bc'], dtype=object)",
        "np.expand_dims(np.ones(3), 0)",
        "np.tile([1, 2], (2, 2))",
        "np.repeat(np.arange(3), 2)",
        "np.concatenate([np.ones(2), np.zeros(1)])",
        "np.stack([np.ones(2), np.zeros(2)], axis=1)",
        "np.where(np.arange(4) > 1, 1.0, -1.0)",
        "np.arange(9.0)[np.arange(9.0) > 4]",
        "np.sin(np.arange(4)) ** 2 + np.pi",
        "np.clip(np.arange(5), 1, 3)",
        "np.sum(np.ones((2, 3)), axis=1, keepdims=True)",
        "np.ones((2, 3)).mean()",
        "np.float32(1.5)",
        "np.int32([1, 2])",
        "np.array([np.nan, np.inf, -np.inf])",
        "np.broadcast_to(np.arange(3), (2, 3))",
        "np.transpose(np.zeros((1, 2, 3)), (2, 0, 1))",
        "np.transpose(np.zeros((1, 2, 3)), axes=(2, 0, 1))",
        "~(np.arange(3) == 1)",
        "np.arange(12).reshape(3, 4)[..., ::2]",
        "np.log(np.zeros(2))",
    ],
)
def test_numpy_expressions_are_what_numpy_says(text: str) -> None:
    with np.errstate(all="ignore"):
        expected = eval(text, {"np": np, "numpy": np})
    got = evaluate(text)
    assert np.asarray(got).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(got, expected)


def test_ml_dtypes_are_known_by_name() -> None:
    assert evaluate("np.ones(2, dtype='bfloat16')").dtype == ml_dtypes.bfloat16
    assert evaluate("np.ones(2).astype(bfloat16)").dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize(
    ("text", "shape", "low", "high"),
    [
        ("np.random.rand(2, 3)", (2, 3), 0, 1),
        ("np.random.uniform(low=5, high=6, size=(4,))", (4,), 5, 6),
        ("np.random.uniform(5, 6, 4)", (4,), 5, 6),
        ("np.random.randint(0, 10, size=(2, 2))", (2, 2), 0, 9),
        ("np.random.normal(size=8)", (8,), -100, 100),
        ("np.random.randn(3)", (3,), -100, 100),
    ],
)
def test_random_arrays(text: str, shape: tuple[int, ...], low: float, high: float) -> None:
    value = evaluate(text)
    assert value.shape == shape
    assert np.all((value >= low) & (value <= high))


ATTACKS = [
    # Python's own doors
    "__import__('os').system('id')",
    "open('/etc/passwd').read()",
    "eval('1')",
    "exec('1')",
    "(lambda: 1)()",
    "[x for x in [1]]",
    "(x := 1)",
    "f'{1}'",
    "1 if True else 2",
    "await_",
    "[*[1, 2]]",
    "{**{}}",
    "{1, 2}",
    "().__class__.__bases__[0].__subclasses__()",
    "''.__class__",
    "'{0.__class__}'.format(1)",
    "'%1000000000d' % 1",
    "'a'.join(['b'])",
    "(1).__class__",
    "True.real",
    "[].append",
    "{}.get",
    "print",
    "np",
    "np.ones",
    "[np.ones]",
    "[np.float32]",
    "np.float32",
    "{'a': np.ones}",
    "np.ones + 1",
    "np.ones(*[(2, 3)])",
    "np.ones(**{'shape': 2})",
    "np.array(np.ones)",
    # NumPy's doors
    "np.load('x.npy', allow_pickle=True)",
    "np.fromfile('/etc/passwd')",
    "np.loadtxt('/etc/passwd')",
    "np.genfromtxt('/etc/passwd')",
    "np.memmap('/tmp/x', mode='w+', shape=1)",
    "np.save('/tmp/x', 1)",
    "np.lib.npyio.NpzFile",
    "np.os.system('id')",
    "np.__builtins__",
    "np.ones.__globals__",
    "np.ones(3).tofile('/tmp/x')",
    "np.ones(3).dump('/tmp/x')",
    "np.ones(3).ctypes",
    "np.ones(3).__array_interface__",
    "np.ones(3).data",
    "np.frompyfunc(print, 1, 1)",
    "np.vectorize(print)",
    "np.ones(3, like=1)",
    "np.add(1, 2, out=3)",
    "np.array([1]).astype('V10')",
    "np.zeros(2, dtype='i4,i4')",
    "np.zeros(2, dtype='(1000000,)f4')",
    "np.zeros(2, dtype={'names': ['a'], 'formats': ['i4']})",
    "np.random.seed(0)",
    "np.random.default_rng()",
    # Sizes
    "np.ones((10**9, 10**9))",
    "np.zeros(2**62)",
    "np.zeros(10, dtype='S1000000000')",
    "np.full((10**5, 10**5), 'abc')",
    "np.full(2000, 'a' * 10**6)",
    "np.arange(10**12)",
    "np.arange(0, 1, 1e-15)",
    "np.arange(0, 1, 0)",
    "np.linspace(0, 1, 10**12)",
    "np.eye(10**6)",
    "np.identity(10**6)",
    "np.tile(1.0, 10**12)",
    "np.repeat([1.0], 10**12)",
    "np.broadcast_to(1.0, (10**6, 10**6))",
    "np.ones((10**5, 1)) + np.ones((1, 10**5))",
    "np.ones((10**5, 1)) > np.ones((1, 10**5))",
    "np.maximum(np.ones((10**5, 1)), np.ones((1, 10**5)))",
    "np.where(np.ones((10**5, 1)), np.ones((1, 10**5)), 0)",
    "np.random.rand(10**6, 10**6)",
    "np.random.normal(size=(10**6, 10**6))",
    "np.random.randint(0, 2, (10**6, 10**6))",
    "np.ones((1, 10**6))[[0] * 10**6]",
    "np.zeros(10**8).tolist()",
    "'a' * 10**10",
    "[0] * 10**10",
    "(10**10) * (0,)",
    "[[[[0] * 1000] * 1000] * 1000] * 1000",
    "np.array([[[0] * 1000] * 1000] * 1000)",
    "np.array(['a' * 10**6] + ['b'] * 10**6)",
    "[np.zeros(10**7)] * 1000",
    "10 ** 10 ** 10",
    "9 ** 99999",
    "1 << 10**10",
    "10 ** 4000 ** 1 * 10 ** 4000",
    "range(10**12)",
    "np.array(['a'], dtype=object) * 10**9",
    "np.array([2], dtype=object) ** 10**9",
    "np.sum(np.array([[1], [2]], dtype=object))",
    "np.array(['a' * 10**6] + ['b'] * 10**4, dtype=object).astype('U')",
    "np.array(np.array(['a' * 10**6] + ['b'] * 10**4, dtype=object), dtype=str)",
    "np.zeros(2**23).astype('U')",
    "np.array(np.zeros(2**23), dtype='S')",
    "np.zeros(2**29, dtype='U')",
    "np.zeros_like(np.zeros(2**26, dtype=np.int8), dtype=str)",
    "np.linspace(0, 1, 2**26, dtype='U')",
    "np.ones(3).round(-(10**9))",
    "np.arange(2**26, dtype='S')",
    "[np.zeros(2**25), np.zeros(2**25), np.zeros(2**25), np.zeros(2**25), np.zeros(2**25)]",
    "(" * 5000 + "1" + ")" * 5000,
    "-" * 5000 + "1",
    "[" * 150 + "]" * 149,
    "1" + "+1" * 100000,
    "9" * 5000,
    # Nonsense
    "",
    "1 +",
    "x",
    "1 < 2 < 3",
    "1 in [1]",
    "'a' + 1",
    "-'a'",
    "not []",
    "1 @ 1",
    "1[0]",
    "[1][5]",
    "[1][0:'a']",
    "np.ones(3)[7]",
    "np.ones(3)[np.array([0, 1])]",
    "np.ones(-1)",
    "np.ones(2.5)",
    "np.ones((2, 3)).reshape(5)",
    "np.ones(2) + np.ones(3)",
    "np.ones(2, dtype='nosuch')",
    "np.ones(2, dtype=7)",
    "np.ones(2, colour=1)",
    "np.random.uniform(1, 2, 3, 4)",
    "np.random.uniform(color=1)",
    "np.float32('abc')",
    "1 // 0",
    "'\0'\0",
]


@pytest.mark.parametrize("text", ATTACKS, ids=range(len(ATTACKS)))
def test_everything_else_is_refused_with_one_error(text: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        evaluate(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_refusal_names_the_expression_and_the_cause() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"expression 'np\.ones\(\(10\*\*9, 10\*\*9\)\)': its values would take"
    ):
        evaluate("np.ones((10**9, 10**9))")
    with pytest.raises(InvalidArgumentError, match=r"np\.load is not among the NumPy names"):
        evaluate("np.load('x.npy')")


def test_a_long_list_is_read() -> None:
    values: list[Any] = list(range(50_000))
    assert evaluate(repr(values)) == values
