"""Lists of tensors: values that nobody changes, however a loop writes them; what unset elements are; refusals."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.ops._tensor_list import TensorList, added
from op_kernel import run_kernel

F = dtypes.float32
ANY = np.array(-1, np.int32)
PAIR = np.array([2], np.int32)


def run(op: str, *inputs: Any, **attrs: Any) -> Any:
    return run_kernel(op, *inputs, element_dtype=F, **attrs)


def index(i: int) -> Any:
    return np.array(i, np.int32)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def contents(made: TensorList) -> list[Any]:
    return [None if item is None else item.tolist() for item in made.items]


def test_old_versions_keep_their_elements() -> None:
    first = run("TensorListReserve", PAIR, index(3))
    second = run("TensorListSetItem", first, index(0), floats(1, 1))
    third = run("TensorListSetItem", second, index(0), floats(2, 2))
    fourth = run("TensorListPushBack", third, floats(3, 3))
    fifth, popped = run("TensorListPopBack", fourth, PAIR)
    sixth = run("TensorListSetItem", fifth, index(2), floats(4, 4))
    assert popped.tolist() == [3, 3]
    assert contents(sixth) == [[2, 2], None, [4, 4]]
    assert contents(first) == [None, None, None]
    assert contents(second) == [[1, 1], None, None]
    assert contents(fourth) == [[2, 2], None, None, [3, 3]]
    assert contents(fifth) == contents(third) == [[2, 2], None, None]
    assert contents(run("TensorListSetItem", first, index(1), floats(9, 9))) == [None, [9, 9], None]
    assert contents(sixth) == [[2, 2], None, [4, 4]]


def test_two_versions_from_one() -> None:
    base = run("TensorListFromTensor", np.eye(2, dtype=np.float32), PAIR)
    a = run("TensorListPushBack", base, floats(5, 5))
    b = run("TensorListPushBack", base, floats(6, 6))
    assert contents(a) == [[1, 0], [0, 1], [5, 5]]
    assert contents(b) == [[1, 0], [0, 1], [6, 6]]
    assert contents(base) == [[1, 0], [0, 1]]


def test_writing_does_not_copy_the_list() -> None:
    """100,000 elements written one by one: quadratic work would take minutes."""
    made = run("TensorListReserve", ANY, index(100_000))
    item = floats(1)
    start = time.process_time()
    for i in range(100_000):
        made = made.with_item(i, item)
    assert time.process_time() - start < 5
    assert len(made.items) == 100_000


def test_unset_elements_read_as_zeros() -> None:
    made = run("TensorListSetItem", run("TensorListReserve", ANY, index(2)), index(1), floats(1, 2))
    assert run("TensorListGetItem", made, index(0), ANY).tolist() == [0, 0]
    assert run("TensorListStack", made, ANY, num_elements=-1).tolist() == [[0, 0], [1, 2]]
    assert run("TensorListGather", made, np.array([1, 0], np.int32), ANY).tolist() == [[1, 2], [0, 0]]
    data, lengths = run("TensorListConcatV2", made, np.array([-1], np.int32), np.array([3], np.int64))
    assert (data.tolist(), lengths.tolist()) == ([0, 0, 0, 1, 2], [3, 2])


def test_unset_elements_of_unknown_shape_are_refused() -> None:
    made = run("TensorListReserve", ANY, index(2))
    with pytest.raises(InvalidArgumentError, match="uninitialized tensor but element_shape is not fully defined"):
        run("TensorListGetItem", made, index(0), ANY)
    with pytest.raises(InvalidArgumentError, match="only contains uninitialized tensors"):
        run("TensorListStack", made, ANY, num_elements=-1)


@pytest.mark.parametrize("wrong", [-1, 2])
def test_indices_out_of_range(wrong: int) -> None:
    made = run("TensorListReserve", PAIR, index(2))
    with pytest.raises(InvalidArgumentError, match=f"Trying to access element {wrong} in a list with 2 elements"):
        run("TensorListGetItem", made, index(wrong), PAIR)
    with pytest.raises(InvalidArgumentError, match=f"Trying to modify element {wrong} in a list with 2 elements"):
        run("TensorListSetItem", made, index(wrong), floats(1, 1))


def test_setting_behind_the_end_where_allowed() -> None:
    made = run("TensorListReserve", PAIR, index(1))
    grown = run("TensorListSetItem", made, index(2), floats(1, 1), resize_if_index_out_of_bounds=True)
    assert contents(grown) == [None, None, [1, 1]]


def test_shapes_and_dtypes_are_checked() -> None:
    made = run("TensorListReserve", PAIR, index(1))
    with pytest.raises(InvalidArgumentError, match="incompatible shape"):
        run("TensorListSetItem", made, index(0), floats(1, 2, 3))
    with pytest.raises(InvalidArgumentError, match="op elements int32 but list elements float"):
        run_kernel("TensorListGetItem", made, index(0), PAIR, element_dtype=dtypes.int32)
    with pytest.raises(InvalidArgumentError, match="is not a list"):
        run("TensorListLength", floats(1))


def test_scatter_split_resize_and_lists_of_lists() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    places = np.array([3, 0, 1], np.int32)
    made = run("TensorListScatterV2", rows, places, PAIR, index(-1))
    assert contents(made) == [[2, 3], [4, 5], None, [0, 1]]
    assert contents(run("TensorListResize", made, index(1))) == [[2, 3]]
    assert contents(run("TensorListScatterIntoExistingList", made, rows[:1], np.array([4], np.int32)))[4] == [0, 1]
    pieces = run("TensorListSplit", rows, np.array([-1, 2], np.int32), np.array([1, 2], np.int64))
    assert contents(pieces) == [[[0, 1]], [[2, 3], [4, 5]]]
    nested = run_kernel("EmptyTensorList", ANY, index(-1), element_dtype=dtypes.variant)
    nested = run_kernel("TensorListPushBack", nested, made, element_dtype=dtypes.variant)
    assert nested.items[0] is made
    assert contents(run("TensorListConcatLists", made, pieces))[-1] == [[2, 3], [4, 5]]
    assert contents(added(pieces, pieces)) == [[[0, 2]], [[4, 6], [8, 10]]]
