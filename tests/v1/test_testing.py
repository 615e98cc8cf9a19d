"""``tf.test``: what its assertions accept and refuse, and the graphs and sessions of its cases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria.v1 as tf


class Case(tf.test.TestCase):  # type: ignore[misc]  # tf is dynamic
    __test__ = False

    def runTest(self) -> None:
        """Nothing."""


@pytest.fixture
def case() -> Any:
    made = Case()
    made.setUp()
    return made


NAN = float("nan")
GOOD: list[Callable[[Any], object]] = [
    lambda t: t.assertAllEqual([1, 2], np.array([1, 2])),
    lambda t: t.assertAllEqual([NAN, 1.0], [NAN, 1.0]),
    lambda t: t.assertAllEqual([b"a"], ["a"]),
    lambda t: t.assertAllEqual("a", "a"),
    lambda t: t.assertAllEqual([[1], [2, 3]], [[1], [2, 3]]),
    lambda t: t.assertAllEqual(tf.constant([1, 2]), [1, 2]),
    lambda t: t.assertAllClose([1.0, NAN], [1.0 + 1e-7, NAN]),
    lambda t: t.assertAllClose({"a": [1.0], "b": (np.ones(2), 2.0)}, {"a": [1.0], "b": (np.ones(2), 2.0)}),
    lambda t: t.assertAllClose([[1.0], [2.0, 3.0]], [[1.0], [2.0, 3.0]]),
    lambda t: t.assertAllCloseAccordingToType(np.float16(1), np.float16(1.0005)),
    lambda t: t.assertNotAllClose([1.0], [1.1]),
    lambda t: t.assertNotAllEqual([1], [1, 2]),
    lambda t: t.assertAllGreater([2, 3], 1),
    lambda t: t.assertAllLess([2, 3], 4),
    lambda t: t.assertAllGreaterEqual([1, 3], 1),
    lambda t: t.assertAllLessEqual([2, 3], 3),
    lambda t: t.assertAllInRange([0, 1], 0, 1),
    lambda t: t.assertAllInSet([1, 2, 1], [1, 2, 3]),
    lambda t: t.assertNear(1.0, 1.5, 0.5),
    lambda t: t.assertNear(float("inf"), float("inf"), 0.0),
    lambda t: t.assertArrayNear([1.0, 2.0], [1.01, 2.0], 0.1),
    lambda t: t.assertNDArrayNear(np.ones(3), np.ones(3), 0.0),
    lambda t: t.assertShapeEqual(np.zeros([2, 3]), tf.placeholder(tf.float32, [2, 3])),
    lambda t: t.assertDTypeEqual(np.zeros(2, np.float32), tf.float32),
    lambda t: t.assertDTypeEqual(tf.constant(1), np.int32),
    lambda t: t.assertDeviceEqual("/gpu:0", "/device:GPU:0"),
    lambda t: t.assertProtoEquals("node { name: 'a' }", tf.GraphDef(node=[tf.NodeDef(name="a")])),
    lambda t: t.assertStartsWith("abc", "ab"),
    lambda t: t.assertItemsEqual([1, 2], [2, 1]),
]
BAD: list[tuple[Callable[[Any], object], str]] = [
    (lambda t: t.assertAllEqual([1, 2], [1, 3]), r"not equal at 1 of 2 elements: \(1,\)"),
    (lambda t: t.assertAllEqual([1, 2], [1, 2, 3]), "Shape mismatch"),
    (lambda t: t.assertAllEqual([NAN], [1.0]), "not equal"),
    (lambda t: t.assertAllClose([1.0, 2.0], [1.0, 2.1], msg="why"), "not close .* at 1 of 2 .*: why"),
    (lambda t: t.assertAllClose({"a": [1.0]}, {"b": [1.0]}), "mismatched keys"),
    (lambda t: t.assertAllClose({"a": [1.0]}, [1.0]), "not an instance"),
    (lambda t: t.assertAllClose({"a": [1.0]}, {"a": [2.0]}), "at key 'a'"),
    (lambda t: t.assertAllClose([[1.0], [2.0, 3.0]], [[1.0], [2.0, 4.0]]), "at index 1"),
    (lambda t: t.assertNotAllClose([1.0], [1.0]), "close at all"),
    (lambda t: t.assertNotAllEqual([1.0], [1.0]), "equal at all"),
    (lambda t: t.assertAllGreater([1, 2], 1), r"1\)? not greater than 1"),
    (lambda t: t.assertAllInRange([1, 2], 0, 1), r"1 of the 2 element\(s\) are outside the range \[0, 1\]"),
    (lambda t: t.assertAllInRange([0, 1], 0, 1, open_lower_bound=True), r"range \(0, 1\]"),
    (lambda t: t.assertAllInSet([1, 2], [1]), r"not in the set \[1\]: \[2\]"),
    (lambda t: t.assertNear(1.0, 2.0, 0.5), r"1.000000 != 2.000000 \+/- 0.500000"),
    (lambda t: t.assertArrayNear([1.0], [1.1], 0.01), "1.000000 != 1.100000"),
    (lambda t: t.assertNDArrayNear(np.array([1.0]), np.array([1.1]), 0.01), "not less than or equal to 0.01"),
    (lambda t: t.assertShapeEqual(np.zeros([2, 3]), np.zeros([2, 4])), r"\[2, 3\] != \[2, 4\]"),
    (lambda t: t.assertDTypeEqual(np.zeros(2), np.float32), "float64"),
    (lambda t: t.assertProtoEquals("node { name: 'a' }", tf.GraphDef()), "node"),
    (lambda t: t.assertStartsWith("abc", "b"), "does not start with"),
    (lambda t: t.assertDeviceEqual("/gpu:0", "/gpu:1"), "GPU:0"),
]


@pytest.mark.parametrize("check", GOOD)
def test_accepts(case: Any, check: Callable[[Any], object]) -> None:
    check(case)


@pytest.mark.parametrize(("check", "message"), BAD)
def test_refuses(case: Any, check: Callable[[Any], object], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(case)


def test_errors_of_blocks(case: Any) -> None:
    with case.assertRaisesOpError("is gone"):
        raise tf.errors.NotFoundError(None, None, "it is gone now")
    with case.assertRaisesWithPredicateMatch(ValueError, lambda error: "x" in str(error)):
        raise ValueError("x")
    with pytest.raises(AssertionError, match=r"Exception of type .*: y"), case.assertRaisesOpError("x"):
        raise tf.errors.AbortedError(None, None, "y")
    with pytest.raises(AssertionError, match="TFError not raised"), case.assertRaisesOpError("x"):
        pass
    with case.assertRaisesRegexp(ValueError, "one|two"):  # noqa: PT027  # what is tested
        raise ValueError("two")


def test_setup_starts_anew(case: Any) -> None:
    tf.placeholder(tf.float32)
    first = np.random.rand()
    case.setUp()
    assert tf.get_default_graph().get_operations() == []
    assert np.random.rand() == first
    assert tf.get_default_graph().seed == 87654321


def test_sessions(case: Any) -> None:
    with case.session() as session:
        assert tf.get_default_session() is session
        assert case.evaluate({"a": tf.constant(3)}) == {"a": 3}
    with case.cached_session() as first:
        pass
    with case.test_session() as second:
        assert second is first
    with case.test_session(graph=tf.Graph()) as third:
        assert third is not first
    with pytest.raises(ValueError, match="different than the one"), case.cached_session(graph=tf.Graph()):
        pass
    case.tearDown()


def test_folders(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.path.isdir(case.get_temp_dir())
    assert case.get_temp_dir() == case.get_temp_dir()
    assert os.path.dirname(case.get_temp_dir()) == tf.test.get_temp_dir()
    monkeypatch.setenv("TEST_SRCDIR", "/src")
    assert tf.test.test_src_dir_path("a") == "/src/org_tensorflow/tensorflow/a"


def test_devices() -> None:
    assert not tf.test.is_gpu_available()
    assert not tf.test.is_built_with_cuda()
    assert tf.test.gpu_device_name() == ""
    (device,) = tf.python.client.device_lib.list_local_devices()
    assert (device.name, device.device_type) == ("/device:CPU:0", "CPU")


def test_graphs_are_compared_by_node() -> None:
    def graph(*names: str, op: str = "NoOp") -> Any:
        return tf.GraphDef(node=[tf.NodeDef(name=name, op=op) for name in names])

    tf.test.assert_equal_graph_def(graph("a", "b"), graph("b", "a"))
    for other, message in (
        (graph("a"), "'b' is not expected"),
        (graph("a", "b", "c"), "'c' is expected and missing"),
        (graph("a", "b", op="X"), "'a' differs"),
    ):
        with pytest.raises(AssertionError, match=message):
            tf.test.assert_equal_graph_def(graph("a", "b"), other)


PROGRAM = """
import noria.v1 as tf

class SomeTest(tf.test.TestCase):
    def test_one(self):
        with self.test_session():
            self.assertAllEqual(tf.constant([1]).eval(), [1])

    @tf.test.mock.patch("os.getcwd", return_value="here")
    def test_two(self, getcwd):
        self.assertEqual(getcwd(), "there")

tf.test.main()
"""


def test_main(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "'here' != 'there'" in done.stderr
    assert "FAILED (failures=1, skipped=1)" in done.stderr
    assert subprocess.run([*command, "SomeTest.test_one"], capture_output=True, check=False).returncode == 0
