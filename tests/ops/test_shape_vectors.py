"""What inference knows of shape vectors: they pass through slices, packs and casts, so that a reshape is static."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import noria.ops
from noria import dtypes
from noria.compile.fold import analyse
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Graph, Node, ShapeAttr, Tensor
from noria.graph.op_spec import op_spec
from noria.graph.resources import Resources
from noria.graph.rules import Info
from noria.shapes import Dim, Shape

assert noria.ops  # its import fills the rule tables


class Sketch:
    """A graph written node by node, with what inference knows of its tensors."""

    def __init__(self) -> None:
        self.graph = Graph()

    def node(self, op: str, *inputs: Tensor, **attrs: Any) -> Tensor:
        spec = op_spec(op)
        assert spec is not None
        given = dict(spec.defaults) | attrs
        name = self.graph.unique_name(op)
        return self.graph.add(Node(name, op, inputs, (), given, spec.output_dtypes(given))).output()

    def const(self, value: Any, dtype: DType = dtypes.int32) -> Tensor:
        return self.node("Const", dtype=dtype, value=np.array(value, dtype.numpy))

    def placeholder(self, shape: Shape, dtype: DType = dtypes.float32) -> Tensor:
        return self.node("Placeholder", dtype=dtype, shape=ShapeAttr(shape))

    def shape(self, x: Tensor, dtype: DType = dtypes.int32) -> Tensor:
        return self.node("Shape", x, T=dtypes.float32, out_type=dtype)

    def element(self, vector: Tensor, index: int) -> Tensor:
        places = (self.const([index]), self.const([index + 1]), self.const([1]))
        return self.node("StridedSlice", vector, *places, T=dtypes.int32, Index=dtypes.int32, shrink_axis_mask=1)

    def known(self, tensor: Tensor) -> Info:
        return analyse(self.graph, self.graph.topological(), Resources())[tensor]

    def reshaped(self, x: Tensor, target: Tensor) -> Shape:
        return self.known(self.node("Reshape", x, target, T=dtypes.float32, Tshape=dtypes.int32)).shape


def test_batch_and_a_constant_packed_give_a_reshape_its_dims() -> None:
    s = Sketch()
    x = s.placeholder((None, 28, 28, 1))
    target = s.node("Pack", s.element(s.shape(x), 0), s.const(784), N=2, T=dtypes.int32)
    assert s.known(target).known_dims == (None, 784)
    assert s.reshaped(x, target) == (None, 784)


def test_concatenated_slices_of_a_shape_keep_what_is_known() -> None:
    s = Sketch()
    x = s.placeholder((None, 7, 12))
    head = s.node("Slice", s.shape(x), s.const([0]), s.const([2]), T=dtypes.int32, Index=dtypes.int32)
    target = s.node("ConcatV2", head, s.const([3, 4]), s.const(0), N=2, T=dtypes.int32, Tidx=dtypes.int32)
    assert s.reshaped(x, target) == (None, 7, 3, 4)


@pytest.mark.parametrize(
    ("shape", "target", "wanted"),
    [
        ((2, 6), (3, -1), (3, 4)),
        ((None, 6), (-1, 3), (None, 3)),
        ((0, 3), (0, -1), (0, 3)),
        (None, (2, -1), (2, None)),
        ((None, None), (4, 5), (4, 5)),
    ],
)
def test_a_size_of_minus_one_follows_from_static_shapes(shape: Shape, target: tuple[int, ...], wanted: Shape) -> None:
    s = Sketch()
    assert s.reshaped(s.placeholder(shape), s.const(target)) == wanted


def test_a_reshape_that_cannot_be_is_refused() -> None:
    s = Sketch()
    with pytest.raises(InvalidArgumentError, match="multiple of 4"):
        s.reshaped(s.placeholder((2, 3)), s.const([4, -1]))


def _through(s: Sketch, op: str, vector: Tensor) -> Tensor:
    if op == "Cast":
        return s.node(op, vector, SrcT=dtypes.int32, DstT=dtypes.int64)
    if op == "GatherV2":
        index = s.const([2, 0])
        types = {"Tparams": dtypes.int32, "Tindices": dtypes.int32, "Taxis": dtypes.int32}
        return s.node(op, vector, index, s.const(0), **types)
    if op == "Unpack":
        return s.node(op, vector, T=dtypes.int32, num=3)
    if op == "Identity":
        return s.node(op, vector, T=dtypes.int32)
    return s.node("Reshape", vector, s.const([-1]), T=dtypes.int32, Tshape=dtypes.int32)


@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        ("Cast", (None, 5, 6)),
        ("GatherV2", (6, None)),
        ("Identity", (None, 5, 6)),
        ("Reshape", (None, 5, 6)),
        ("Unpack", (None,)),
    ],
)
def test_shape_vectors_pass_through(op: str, wanted: tuple[Dim, ...]) -> None:
    s = Sketch()
    assert s.known(_through(s, op, s.shape(s.placeholder((None, 5, 6))))).known_dims == wanted


def test_strided_slices_of_a_shape() -> None:
    s = Sketch()
    shape = s.shape(s.placeholder((None, 5, 6)))
    bounds = (s.const([1]), s.const([0]), s.const([1]))
    rest = s.node("StridedSlice", shape, *bounds, T=dtypes.int32, Index=dtypes.int32, end_mask=1)
    assert s.known(rest).known_dims == (5, 6)
    assert s.known(s.element(shape, -1)).known_dims == (6,)
    assert s.known(s.element(shape, 0)).known_dims == (None,)
