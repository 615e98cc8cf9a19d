"""Arrays and stacks of tensors of TensorFlow 1: order of reads and writes, growth, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import ShapeAttr
from op_kernel import run_kernel

F = dtypes.float32
FLOW = np.float32(0)


def index(i: int) -> Any:
    return np.array(i, np.int32)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


def array(size: int, **attrs: Any) -> Any:
    return run_kernel("TensorArrayV3", index(size), dtype=F, **attrs)[0]


def write(made: Any, i: int, value: Any) -> None:
    run_kernel("TensorArrayWriteV3", made, index(i), value, FLOW, T=F)


def read(made: Any, i: int) -> Any:
    return run_kernel("TensorArrayReadV3", made, index(i), FLOW, dtype=F)


def test_write_read_and_size() -> None:
    made = array(2, clear_after_read=False, dynamic_size=True)
    write(made, 0, floats(1, 2))
    write(made, 3, floats(3, 4))
    assert read(made, 0).tolist() == [1, 2]
    assert run_kernel("TensorArraySizeV3", made, FLOW).tolist() == 4


def test_refusals_of_writes() -> None:
    made = array(2, identical_element_shapes=True)
    write(made, 0, floats(1))
    with pytest.raises(InvalidArgumentError, match="index 0 because it has already been written to"):
        write(made, 0, floats(1))
    with pytest.raises(InvalidArgumentError, match="index 2 but array is not resizeable and size is: 2"):
        write(made, 2, floats(1))
    with pytest.raises(InvalidArgumentError, match=r"value shape is \[2\] which is incompatible"):
        write(made, 1, floats(1, 2))
    read(made, 0)
    with pytest.raises(InvalidArgumentError, match="index 0 because it has already been read"):
        write(made, 0, floats(1))


def test_refusals_of_reads() -> None:
    made = array(2)
    write(made, 0, floats(1))
    assert read(made, 0).tolist() == [1]
    with pytest.raises(InvalidArgumentError, match="Could not read index 0 twice"):
        read(made, 0)
    with pytest.raises(InvalidArgumentError, match="Could not read from TensorArray index 1"):
        read(made, 1)
    with pytest.raises(InvalidArgumentError, match="index 5 but array size is: 2"):
        read(made, 5)
    run_kernel("TensorArrayCloseV3", made)
    with pytest.raises(InvalidArgumentError, match="has already been closed"):
        read(made, 1)


def test_unwritten_elements_of_known_shape_are_zeros() -> None:
    assert read(array(1, element_shape=ShapeAttr((2,))), 0).tolist() == [0, 0]


def test_whole_array() -> None:
    made = array(0, dynamic_size=True, clear_after_read=False)
    places = np.array([1, 0], np.int32)
    run_kernel("TensorArrayScatterV3", made, places, np.array([[1, 2], [3, 4]], np.float32), FLOW, T=F)
    assert run_kernel("TensorArrayGatherV3", made, places, FLOW, dtype=F).tolist() == [[1, 2], [3, 4]]
    data, lengths = run_kernel("TensorArrayConcatV3", made, FLOW, dtype=F)
    assert (data.tolist(), lengths.tolist()) == ([3, 4, 1, 2], [2, 2])
    split = array(2)
    run_kernel("TensorArraySplitV3", split, floats(1, 2, 3), np.array([1, 2], np.int64), FLOW, T=F)
    assert read(split, 1).tolist() == [2, 3]


def test_empty_array_needs_a_shape() -> None:
    none = np.array([], np.int32)
    with pytest.raises(UnimplementedError, match="TensorArray has size zero"):
        run_kernel("TensorArrayGatherV3", array(0), none, FLOW, dtype=F)
    got = run_kernel("TensorArrayGatherV3", array(0), none, FLOW, dtype=F, element_shape=ShapeAttr((3,)))
    assert got.shape == (0, 3)


def test_gradients_add_up() -> None:
    made = array(2)
    write(made, 0, floats(1, 2))
    write(made, 1, floats(3, 4))
    grad, _ = run_kernel("TensorArrayGradV3", made, FLOW, source="gradients")
    write(grad, 0, floats(1, 1))
    write(grad, 0, floats(2, 2))
    assert run_kernel("TensorArrayGradV3", made, FLOW, source="gradients")[0] is grad
    assert read(grad, 0).tolist() == [3, 3]
    assert read(grad, 1).tolist() == [0, 0]


def test_stack() -> None:
    made = run_kernel("StackV2", index(2), elem_type=F)
    for value in (floats(1), floats(2)):
        run_kernel("StackPushV2", made, value, T=F)
    with pytest.raises(InvalidArgumentError, match="overflowed its max_size"):
        run_kernel("StackPushV2", made, floats(3), T=F)
    assert [run_kernel("StackPopV2", made, elem_type=F).tolist() for _ in range(2)] == [[2], [1]]
    with pytest.raises(InvalidArgumentError, match="is empty when calling Pop"):
        run_kernel("StackPopV2", made, elem_type=F)
    run_kernel("StackCloseV2", made)
    with pytest.raises(InvalidArgumentError, match="already been closed"):
        run_kernel("StackPushV2", made, floats(1), T=F)
