"""The peepholes over ONNX nodes keep every answer, and leave the shape of graph that the engine fuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.compile.layout import drop_unused, improve
from noria.compile.onnx_model import Constant, OnnxNode, ValueInfo, serialize
from noria.compile.ort import Session

Array = np.ndarray[Any, np.dtype[Any]]
FIRST, LAST = [0, 3, 1, 2], [0, 2, 3, 1]


class Net:
    """Writes nodes in the style of the lower rules, channels-last outside and channels-first inside."""

    def __init__(self) -> None:
        self.nodes: list[OnnxNode] = []
        self.constants: dict[str, Constant] = {}
        self._random = np.random.default_rng(7)

    def constant(self, array: Any) -> str:
        array = np.asarray(array)
        name = f"c{len(self.constants)}"
        self.constants[name] = Constant(array, dtypes.from_numpy(array.dtype))
        return name

    def random(self, *shape: int) -> str:
        return self.constant(self._random.uniform(-1, 1, shape).astype(np.float32))

    def emit(self, op: str, *inputs: str, **attrs: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(OnnxNode(op, inputs, (name,), attrs))
        return name

    def image(self, op: str, x: str, *rest: str, **attrs: Any) -> str:
        first = self.emit("Transpose", x, perm=FIRST)
        return self.emit("Transpose", self.emit(op, first, *rest, **attrs), perm=LAST)

    def conv(self, x: str, channels: int, out: int, taps: int, pads: int = 0) -> str:
        return self.image("Conv", x, self.random(out, channels, taps, taps), kernel_shape=[taps, taps], pads=[pads] * 4)

    def pad(self, x: str, *value: str) -> str:
        return self.emit("Pad", x, self.constant(np.array([0, 1, 2, 0, 0, 1, 0, 0], np.int64)), *value)


def _run(nodes: Sequence[OnnxNode], constants: dict[str, Constant], x: Array, outputs: Sequence[str]) -> list[Array]:
    entering = [ValueInfo("x", dtypes.float32, (None, *x.shape[1:]))]
    leaving = [ValueInfo(name, dtypes.float32, None) for name in outputs]
    model, external = serialize(nodes, entering, leaving, constants)
    return Session(model, external, ["x"], list(outputs)).run([x])


def _check(net: Net, *outputs: str, shape: tuple[int, ...] = (2, 6, 7, 3)) -> list[OnnxNode]:
    """Compares both forms on random input and returns the improved nodes."""
    nodes, constants = improve(net.nodes, net.constants, set(outputs))
    x = np.random.default_rng(1).uniform(-2, 2, shape).astype(np.float32)
    plain = _run(net.nodes, net.constants, x, outputs)
    for a, b in zip(_run(nodes, constants, x, outputs), plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    return nodes


def _count(nodes: Sequence[OnnxNode]) -> Counter[str]:
    return Counter(node.op for node in nodes)


def test_padding_moves_into_convolutions() -> None:
    net = Net()
    nodes = _check(net, net.conv(net.pad("x"), 3, 4, 3, pads=1))
    assert _count(nodes) == {"Transpose": 2, "Conv": 1}
    (conv,) = (node for node in nodes if node.op == "Conv")
    assert conv.attrs["pads"] == [2, 3, 2, 1]


def test_padding_with_another_value_stays() -> None:
    net = Net()
    nodes = _check(net, net.conv(net.pad("x", net.constant(np.float32(2))), 3, 4, 3))
    assert _count(nodes)["Pad"] == 1


def test_padding_used_elsewhere_stays_for_that_use() -> None:
    net = Net()
    padded = net.pad("x")
    nodes = _check(net, net.conv(padded, 3, 4, 3), padded)
    assert _count(nodes) == {"Transpose": 2, "Conv": 1, "Pad": 1}


@pytest.mark.parametrize("activation", ["Relu", "Neg"])
def test_padding_moves_into_a_maximum_of_what_is_not_negative(activation: str) -> None:
    net = Net()
    positive = net.emit("Abs", "x")
    padded = net.pad(net.emit(activation, positive))
    pooled = net.image("MaxPool", padded, kernel_shape=[3, 3], strides=[2, 2])
    nodes = _check(net, pooled)
    assert _count(nodes)["Pad"] == (0 if activation == "Relu" else 1)


def test_engine_does_not_fold_padding_into_a_maximum() -> None:
    # onnxruntime 1.31 does so by default, and then takes the zeros for -inf.
    net = Net()
    negative = net.emit("Neg", net.emit("Abs", net.conv("x", 3, 16, 1)))
    pooled = net.image("MaxPool", net.pad(negative), kernel_shape=[3, 3], strides=[2, 2])
    x = np.random.default_rng(1).uniform(-2, 2, (1, 6, 7, 3)).astype(np.float32)
    (found,) = _run(net.nodes, net.constants, x, [pooled])
    assert found.max() == 0.0


def test_elementwise_tail_comes_before_the_transpose() -> None:
    net = Net()
    y = net.emit("Add", net.emit("Mul", net.conv("x", 3, 4, 3), net.random(4)), net.random(1, 1, 1, 4))
    y = net.emit("Clip", y, net.constant(np.float32(0)), net.constant(np.float32(6)))
    y = net.emit("Sub", net.constant(np.float32(1)), y)
    mean = net.emit("ReduceMean", y, net.constant(np.array([1, 2], np.int64)), keepdims=0)
    nodes = _check(net, mean)
    assert _count(nodes)["Transpose"] == 1  # the one at the input


def test_residual_addition_comes_before_the_transpose() -> None:
    net = Net()
    start = net.conv("x", 3, 4, 3, pads=1)
    branch = net.conv(start, 4, 4, 3, pads=1)
    y = net.emit("Relu", net.emit("Add", start, branch))
    nodes = _check(net, net.emit("ReduceMax", y, net.constant(np.array([1, -2], np.int64)), keepdims=1))
    order = [node.op for node in nodes]
    assert order.index("Add") < len(order) - 1
    assert order[-1] == "Transpose"


def test_values_that_leave_keep_their_layout() -> None:
    net = Net()
    convolved = net.conv("x", 3, 4, 3)
    activated = net.emit("Relu", convolved)
    total = net.emit("ReduceSum", activated, net.constant(np.array([3], np.int64)), keepdims=0)
    nodes = _check(net, convolved, activated, total)
    assert {name for node in nodes for name in node.outputs} >= {convolved, activated, total}


def test_reductions_that_reorder_axes_stay() -> None:
    net = Net()
    y = net.conv("x", 3, 4, 3)
    _check(net, net.emit("ReduceSum", y, net.constant(np.array([0], np.int64)), keepdims=0))


def test_constants_of_full_rank_are_turned() -> None:
    net = Net()
    y = net.emit("Add", net.conv("x", 3, 4, 3), net.random(4, 5, 4))
    _check(net, net.emit("Div", net.random(1, 4, 5, 1), y))


def test_other_transposes_stay() -> None:
    net = Net()
    turned = net.emit("Transpose", "x", perm=LAST)
    nodes = _check(net, net.emit("Relu", turned))
    assert [node.op for node in nodes] == ["Transpose", "Relu"]


def test_unused_nodes_are_dropped() -> None:
    net = Net()
    used = net.emit("Relu", "x")
    net.emit("Shape", net.emit("Neg", used))
    assert [node.outputs[0] for node in drop_unused(net.nodes, {used})] == [used]
