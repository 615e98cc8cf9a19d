"""The table of op cases: one row an op, crossed with dtypes and shapes.

A row drives everything that is checked of an op: the host kernel against the ONNX lowering with static and with
dynamic shapes (``tests/ops/test_ops.py``), and both against real TensorFlow (``tests/oracle/test_ops.py``). Rows stand
in ``tests/op_rows/<family>.py``, named as the files of ``noria.ops``; this module says what a row is and collects them.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

import op_rows
from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16)
INTS = (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.int16)
NUMBERS = (*FLOATS, *INTS)


@dataclass(frozen=True)
class Const:
    """An input that is a constant of the graph (axes, paddings, a shape), not fed. ``value``: an array or a list."""

    value: Any
    dtype: DType | None = None


@dataclass(frozen=True)
class Rand:
    """A fed input of random values of the row's dtype ``T`` (or ``dtype``), uniform in ``[low, high)``."""

    shape: tuple[int, ...]
    low: float = -4.0
    high: float = 4.0
    dtype: DType | None = None


@dataclass(frozen=True)
class Row:
    """One op.

    op: the type; args: one list of inputs a call, or several; an input is an array (fed), ``Rand`` (fed) or ``Const``;
    attrs: crossed where a value is a ``Each``; dtypes: values of the type attribute ``T`` to cross with, empty when the
    inputs are given as arrays with their own; type_attr: its name; error: the code that TensorFlow fails with;
    lowers: False for ops (or rows) that have no ONNX form, which is then checked too; exact: compare to the bit;
    rtol, atol: replace the table's tolerance (by dtype) where the op's own arithmetic differs, with the reason beside;
    undefined: numbers of outputs whose values TensorFlow leaves to chance (memory it never wrote);
    skip_oracle: the reason why TensorFlow cannot run this row as it stands (say, no CPU kernel for a dtype).
    """

    op: str
    args: Sequence[Any]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    dtypes: Sequence[DType] = ()
    type_attr: str = "T"
    error: Code | None = None
    lowers: bool = True
    exact: bool = False
    rtol: float | None = None
    atol: float | None = None
    undefined: Sequence[int] = ()
    skip_oracle: str = ""
    id: str = ""


@dataclass(frozen=True)
class Each:
    """An attribute crossed over several values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """One call of an op, with concrete inputs. ``fed`` tells for each input whether it is fed or constant."""

    row: Row
    inputs: tuple[Array, ...]
    fed: tuple[bool, ...]
    attrs: Mapping[str, Any]
    id: str


def each(*values: Any) -> Each:
    return Each(values)


def expand(row: Row) -> Iterator[Case]:
    """The cases of a row: every argument list with every dtype and every choice of crossed attributes."""
    arg_lists = row.args if row.args and isinstance(row.args[0], list) else [list(row.args)]
    crossed = {k: v.values if isinstance(v, Each) else (v,) for k, v in row.attrs.items()}
    for (i, args), dtype in itertools.product(enumerate(arg_lists), row.dtypes or (None,)):
        for j, choice in enumerate(itertools.product(*crossed.values())):
            attrs = dict(zip(crossed, choice, strict=True))
            if dtype is not None:
                attrs[row.type_attr] = dtype
            parts = [
                row.op,
                row.id,
                dtype.name if dtype else "",
                str(i) if len(arg_lists) > 1 else "",
                f"a{j}" if len(crossed) and any(len(v) > 1 for v in crossed.values()) else "",
            ]
            rng = np.random.default_rng([i, j, dtype.number if dtype else 0])
            inputs = tuple(_array(arg, dtype, rng) for arg in args)
            yield Case(row, inputs, tuple(not isinstance(a, Const) for a in args), attrs, "-".join(filter(None, parts)))


def _array(arg: Any, dtype: DType | None, rng: np.random.Generator) -> Array:
    if isinstance(arg, Rand):
        wanted = arg.dtype or dtype or dtypes.float32
        if wanted is dtypes.bool_:
            return rng.integers(0, 2, arg.shape).astype(np.bool_)
        low = max(arg.low, 0.0) if wanted.name.startswith("uint") else arg.low
        values = rng.uniform(low, arg.high, arg.shape)
        if wanted.is_complex:
            values = values + 1j * rng.uniform(low, arg.high, arg.shape)
        return np.asarray(values).astype(wanted.numpy)
    if isinstance(arg, Const):
        value = np.asarray(arg.value)
        wanted_numpy = (
            arg.dtype.numpy if arg.dtype else (np.dtype(np.int32) if value.dtype.kind == "i" else value.dtype)
        )
        return value.astype(wanted_numpy)
    return np.asarray(arg)


def collect() -> list[Row]:
    """Every row of every family."""

    rows: list[Row] = []
    for module in pkgutil.iter_modules(op_rows.__path__):
        found: Iterable[Row] = importlib.import_module(f"op_rows.{module.name}").ROWS
        rows.extend(found)
    return rows
