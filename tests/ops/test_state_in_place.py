"""Updates in place: they happen where nobody could see it, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.resources import Variable
from noria.ops.state import kept
from op_kernel import run_kernel

Update = Callable[[Variable], Any]


def add(v: Variable) -> Any:
    return run_kernel("AssignAdd", v, np.ones(3, np.float32))


def scatter(v: Variable) -> Any:
    return run_kernel("ScatterAdd", v, np.array([0, 1, 2]), np.ones(3, np.float32))


def scatter_nd(v: Variable) -> Any:
    return run_kernel("ScatterNdAdd", v, np.array([[0], [1], [2]]), np.ones(3, np.float32))


UPDATES = pytest.mark.parametrize("update", [add, scatter, scatter_nd])


def variable() -> Variable:
    """One whose array nobody else holds."""
    made = Variable("v", dtypes.float32, None)
    made.assign(kept(np.array([1, 2, 3], np.float32)))
    return made


def address(v: Variable) -> int:
    return int(v.read().ctypes.data)


@UPDATES
def test_a_value_that_only_the_variable_holds_is_changed_in_place(update: Update) -> None:
    v = variable()
    place = address(v)
    update(v)
    update(v)
    assert address(v) == place
    assert v.read().tolist() == [3, 4, 5]
    assert not v.read().flags.writeable


@UPDATES
@pytest.mark.parametrize("hold", [lambda a: a, lambda a: a[::-1], lambda a: a.reshape(3, 1), memoryview, iter])
def test_who_holds_a_value_keeps_it_as_it_is(update: Update, hold: Callable[[Array], Any]) -> None:
    v = variable()
    held = hold(v.read())
    update(v)
    assert sorted(np.array(list(held)).ravel().tolist()) == [1, 2, 3]
    assert v.read().tolist() == [2, 3, 4]


@UPDATES
def test_the_result_of_an_update_outlives_the_next(update: Update) -> None:
    v = variable()
    first = update(v)
    second = update(v)
    assert (first.tolist(), second.tolist()) == ([2, 3, 4], [3, 4, 5])


def test_variables_that_share_an_array_part_when_one_changes() -> None:
    v, w = variable(), Variable("w", dtypes.float32, None)
    run_kernel("Assign", w, v.read())
    assert address(v) == address(w)
    add(w)
    assert (v.read().tolist(), w.read().tolist()) == ([1, 2, 3], [2, 3, 4])


def test_memory_that_is_not_the_arrays_own_is_never_written() -> None:
    file = np.array([1, 2, 3], np.float32).tobytes()
    v = Variable("v", dtypes.float32, None)
    v.assign(kept(np.frombuffer(file, np.float32)))
    add(v)
    assert np.frombuffer(file, np.float32).tolist() == [1, 2, 3]
    assert v.read().tolist() == [2, 3, 4]


def test_a_variable_added_to_itself() -> None:
    v = variable()
    run_kernel("AssignAdd", v, v.read())
    assert v.read().tolist() == [2, 4, 6]


def test_a_refused_update_leaves_the_value() -> None:
    v = Variable("v", dtypes.int32, None)
    v.assign(kept(np.array([8, 8], np.int32)))
    with pytest.raises(InvalidArgumentError, match="division by zero"):
        run_kernel("ScatterDiv", v, np.array([0, 1]), np.array([2, 0], np.int32))
    with pytest.raises(InvalidArgumentError, match="shapes must be equal"):
        run_kernel("AssignAdd", v, np.ones(3, np.int32))
    assert v.read().tolist() == [8, 8]
    assert not v.read().flags.writeable


def test_readers_never_see_half_an_update() -> None:
    v = Variable("v", dtypes.float32, None)
    v.assign(kept(np.zeros(300_000, np.float32)))
    torn: list[float] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            value = v.read()
            first = value[0]
            if value[-1] != first or value[::1000].min() != first or value[0] != first:
                torn.append(float(first))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(200):
        run_kernel("AssignAddVariableOp", v, np.broadcast_to(np.float32(1), 300_000), dtype=dtypes.float32)
    ended.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert v.read()[0] == 200
