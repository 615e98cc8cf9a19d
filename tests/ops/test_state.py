"""Variables: handles, reads, assignments, scatter updates."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from noria.graph.graph import ShapeAttr
from noria.graph.resources import Resources, Variable
from noria.ops.state import ANONYMOUS, kept
from op_kernel import run_kernel


def variable(value: Any, dtype: dtypes.DType = dtypes.float32) -> Variable:
    made = Variable("v", dtype, None)
    made.assign(kept(np.array(value, dtype.numpy)))
    return made


def handle(op: str, resources: Resources, **attrs: Any) -> Variable:
    made = run_kernel(op, resources=resources, **{"dtype": dtypes.float32, "shape": ShapeAttr((2,)), **attrs})
    assert isinstance(made, Variable)
    return made


# --- handles


@pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2"])
def test_handles_of_one_shared_name_are_one_variable(op: str) -> None:
    resources = Resources()
    first = handle(op, resources, shared_name="w", name="a")
    assert handle(op, resources, shared_name="w", name="b") is first
    assert handle(op, resources, shared_name="w", container="other") is not first
    assert handle(op, resources, name="a") is not first, "without a shared name the node's name counts"
    assert first.shape == (2,)
    assert first.name == "w"


def test_the_old_variable_op_wrote_an_unknown_shape_as_a_scalar() -> None:
    assert handle("Variable", Resources(), shape=ShapeAttr(())).shape is None


def test_anonymous_variables_are_never_shared() -> None:
    resources = Resources()
    first = handle("VarHandleOp", resources, shared_name=ANONYMOUS)
    assert handle("VarHandleOp", resources, shared_name=ANONYMOUS) is not first


def test_a_handle_of_another_dtype_is_refused() -> None:
    resources = Resources()
    handle("VarHandleOp", resources, shared_name="w")
    with pytest.raises(InvalidArgumentError, match="float32 as int32"):
        handle("VarHandleOp", resources, shared_name="w", dtype=dtypes.int32)


def test_reading_before_the_first_assignment_names_the_variable() -> None:
    empty = Variable("dense/kernel", dtypes.float32, (2,))
    assert not run_kernel("VarIsInitializedOp", empty)
    assert not run_kernel("IsVariableInitialized", empty, dtype=dtypes.float32)
    with pytest.raises(FailedPreconditionError, match="Could not find variable dense/kernel"):
        run_kernel("ReadVariableOp", empty, dtype=dtypes.float32)
    with pytest.raises(NotFoundError, match="Resource localhost/dense/kernel/N10tensorflow3VarE does not exist"):
        run_kernel("AssignAddVariableOp", empty, np.zeros(2, np.float32), dtype=dtypes.float32)
    empty = Variable("dense/kernel", dtypes.float32, (2,), by_reference=True)
    with pytest.raises(FailedPreconditionError, match="Attempting to use uninitialized value dense/kernel"):
        run_kernel("AssignAdd", empty, np.zeros(2, np.float32), T=dtypes.float32)


def test_reading_as_another_dtype_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="Expected int32 got float32"):
        run_kernel("ReadVariableOp", variable([1, 2]), dtype=dtypes.int32)


def test_shape_and_destruction() -> None:
    v = variable([[1, 2, 3]])
    shape = run_kernel("VariableShape", v, out_type=dtypes.int64)
    assert shape.dtype == np.int64
    assert shape.tolist() == [1, 3]
    assert run_kernel("DisableCopyOnRead", v) == ()
    assert run_kernel("DestroyResourceOp", v) == ()
    assert not run_kernel("VarIsInitializedOp", v)


# --- assignment


def test_assign_keeps_no_array_that_the_caller_can_change() -> None:
    v = variable([0, 0])
    fed = np.array([1, 2], np.float32)
    view = fed[:]
    view.flags.writeable = False
    for value in (fed, view):
        run_kernel("AssignVariableOp", v, value, dtype=dtypes.float32)
        fed[0] = 99
        assert v.read().tolist() == [1, 2]
        fed[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        v.read()[0] = 5


def test_assign_keeps_read_only_memory_uncopied() -> None:
    stored = np.frombuffer(bytes(8), np.float32)
    v = variable([0, 0])
    run_kernel("AssignVariableOp", v, stored, dtype=dtypes.float32)
    assert v.read() is stored


def test_assign_may_change_the_shape_unless_it_is_validated() -> None:
    v = variable([1, 2])
    run_kernel("AssignVariableOp", v, np.zeros(3, np.float32), dtype=dtypes.float32)
    assert v.read().shape == (3,)
    with pytest.raises(InvalidArgumentError, match=r"Expected \[3\] got \[2\]"):
        run_kernel("AssignVariableOp", v, np.zeros(2, np.float32), dtype=dtypes.float32, validate_shape=True)


def test_assigning_another_dtype_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="Expected float32 got int32"):
        run_kernel("AssignVariableOp", variable([1]), np.array([1], np.int32), dtype=dtypes.float32)


def test_assign_to_a_reference_returns_the_value_and_validates_the_declared_shape() -> None:
    v = Variable("v", dtypes.float32, (2,))
    assert run_kernel("Assign", v, np.ones(2, np.float32)).tolist() == [1, 1]
    with pytest.raises(InvalidArgumentError, match=r"lhs shape= \[2\] rhs shape= \[3\]"):
        run_kernel("Assign", v, np.ones(3, np.float32))
    assert run_kernel("Assign", v, np.ones(3, np.float32), validate_shape=False).shape == (3,)


@pytest.mark.parametrize(("op", "wanted"), [("AssignAdd", [5, 7]), ("AssignSub", [-3, -3])])
def test_steps_return_the_new_value_of_a_reference_only(op: str, wanted: list[int]) -> None:
    before = np.array([1, 2], np.float32)
    step = np.array([4, 5], np.float32)
    v = variable(before)
    old = v.read()
    assert run_kernel(op, v, step).tolist() == wanted
    assert old.tolist() == [1, 2], "a reader keeps what it got"
    w = variable(before)
    assert run_kernel(f"{op}VariableOp", w, step, dtype=dtypes.float32) == ()
    assert w.read().tolist() == wanted


def test_a_step_of_another_shape_or_dtype_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="shapes must be equal"):
        run_kernel("AssignAddVariableOp", variable([1, 2]), np.ones(1, np.float32), dtype=dtypes.float32)
    with pytest.raises(InvalidArgumentError, match="does not match"):
        run_kernel("AssignSub", variable([1, 2]), np.array([1, 2]))


def test_integer_steps_wrap_around() -> None:
    v = variable([127], dtypes.int8)
    assert run_kernel("AssignAdd", v, np.array([1], np.int8)).tolist() == [-128]


def test_concurrent_steps_all_count() -> None:
    v = variable(0, dtypes.int64)
    seen: list[int] = []

    def work() -> None:
        seen.extend(int(run_kernel("AssignAdd", v, np.asarray(1))) for _ in range(100))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert int(v.read()) == 400
    assert sorted(seen) == list(range(1, 401)), "every call sees its own update"


# --- scatter updates


def scattered(how: str, start: Any, indices: Any, updates: Any, dtype: dtypes.DType = dtypes.float32) -> Any:
    """The variable after the update, which the forms on resources and on references agree about."""
    v, w = variable(start, dtype), variable(start, dtype)
    arguments = np.array(indices, np.int64), np.array(updates, dtype.numpy)
    assert run_kernel(f"ResourceScatter{how}", v, *arguments) == ()
    returned = run_kernel(f"Scatter{how}", w, *arguments)
    np.testing.assert_array_equal(returned, v.read())
    assert not returned.flags.writeable
    return v.read().tolist()


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("Add", [9, 2, 1]),
        ("Sub", [-7, 2, 5]),
        ("Mul", [15, 2, -6]),
        ("Div", [1 / 15, 2, -1.5]),
        ("Min", [1, 2, -2]),
        ("Max", [5, 2, 3]),
        ("Update", [5, 2, -2]),
    ],
)
def test_scatter_applies_updates_of_one_row_in_turn(how: str, wanted: list[float]) -> None:
    assert scattered(how, [1, 2, 3], [0, 2, 0], [3, -2, 5]) == pytest.approx(wanted)


def test_scatter_changes_rows() -> None:
    assert scattered("Add", [[1, 2], [3, 4]], [[1]], [[[10, 20]]]) == [[1, 2], [13, 24]]
    assert scattered("Add", [1, 2, 3], [0, 0], 1) == [3, 2, 3], "a scalar is added at every index"
    assert scattered("Update", [1, 2], [], []) == [1, 2]


def test_integer_scatter_division_truncates() -> None:
    assert scattered("Div", [-7, 7, 3], [0, 1], [2, -2], dtypes.int32) == [-3, -3, 3]
    with pytest.raises(InvalidArgumentError, match="division by zero"):
        scattered("Div", [1], [0], [0], dtypes.int32)


def test_scatter_min_and_max_let_nan_stay() -> None:
    nan = float("nan")
    assert scattered("Min", [1, 2], [0], [nan]) == [1, 2]
    assert np.isnan(scattered("Max", [nan, 2], [0], [5])[0])


@pytest.mark.parametrize(("indices", "text"), [([0, 5], r"indices\[1\] = 5 is not in \[0, 3\)"), ([-1, 0], "= -1 is")])
def test_scatter_outside_is_refused_and_changes_nothing(indices: list[int], text: str) -> None:
    v = variable([1, 2, 3])
    with pytest.raises(InvalidArgumentError, match=text):
        run_kernel("ResourceScatterAdd", v, np.array(indices), np.ones(2, np.float32))
    assert v.read().tolist() == [1, 2, 3]


def test_scatter_of_the_wrong_shape_or_dtype_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"updates\.shape"):
        scattered("Add", [1, 2, 3], [0], [1, 2])
    with pytest.raises(InvalidArgumentError, match=r"updates\.shape"):
        scattered("Add", 7, [0], [1])
    with pytest.raises(InvalidArgumentError, match="same dtype"):
        run_kernel("ResourceScatterAdd", variable([1]), np.array([0]), np.array([1]))


def scattered_nd(how: str, start: Any, indices: Any, updates: Any, **attrs: Any) -> Any:
    v, w = variable(start), variable(start)
    arguments = np.array(indices, np.int32), np.array(updates, np.float32)
    assert run_kernel(f"ResourceScatterNd{how}", v, *arguments, **attrs) == ()
    assert run_kernel(f"ScatterNd{how}", w, *arguments, **attrs).tolist() == v.read().tolist()
    return v.read().tolist()


@pytest.mark.parametrize(
    ("how", "wanted"),
    [("Add", [9, 2, 1]), ("Sub", [-7, 2, 5]), ("Min", [1, 2, -2]), ("Max", [5, 2, 3]), ("Update", [5, 2, -2])],
)
def test_scatter_nd_applies_updates_of_one_place_in_turn(how: str, wanted: list[float]) -> None:
    assert scattered_nd(how, [1, 2, 3], [[0], [2], [0]], [3, -2, 5]) == wanted


def test_scatter_nd_names_elements_rows_or_all() -> None:
    assert scattered_nd("Add", [[1, 2], [3, 4]], [[0, 1], [1, 0]], [10, 20]) == [[1, 12], [23, 4]]
    assert scattered_nd("Update", [[1, 2], [3, 4]], [[1]], [[7, 8]]) == [[1, 2], [7, 8]]
    assert scattered_nd("Add", [1, 2], np.zeros((1, 0)), [[10, 20]]) == [11, 22]


def test_scatter_nd_outside_follows_its_policy() -> None:
    with pytest.raises(InvalidArgumentError, match=r"indices\[1\] = \[5\] does not index into shape \[3\]"):
        scattered_nd("Add", [1, 2, 3], [[0], [5]], [1, 2])
    assert scattered_nd("Add", [1, 2, 3], [[0], [5]], [1, 2], bad_indices_policy="IGNORE") == [2, 2, 3]
    with pytest.raises(InvalidArgumentError, match="FOO"):
        scattered_nd("Add", [1, 2, 3], [[0]], [1], bad_indices_policy="FOO")


def test_scatter_nd_of_the_wrong_shape_is_refused() -> None:
    for indices, updates in (([[0]], [1, 2]), ([[0, 0]], [1])):
        with pytest.raises(InvalidArgumentError, match=r"updates\.shape"):
            scattered_nd("Add", [1, 2, 3], indices, updates)


def test_a_slice_is_replaced() -> None:
    v, w = variable([[1, 2], [3, 4], [5, 6]]), variable([[1, 2], [3, 4], [5, 6]])
    bounds = np.array([1]), np.array([3]), np.array([1])
    assert run_kernel("ResourceStridedSliceAssign", v, *bounds, np.array([7, 8], np.float32)) == ()
    assert v.read().tolist() == [[1, 2], [7, 8], [7, 8]]
    with pytest.raises(InvalidArgumentError, match=r"Cannot broadcast input shape \[3\] into final shape \[2,2\]"):
        run_kernel("ResourceStridedSliceAssign", v, *bounds, np.ones(3, np.float32))
    new = run_kernel("StridedSliceAssign", w, *bounds, np.float32(9), shrink_axis_mask=1)
    assert new.tolist() == [[1, 2], [9, 9], [5, 6]]
