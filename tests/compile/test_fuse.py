"""Idioms become one op, and give what their many ops give."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphs import const, graph, node, placeholder, program
from noria import dtypes
from noria.compile.program import SegmentStep
from noria.graph.graph import Graph
from noria.protos.tensorflow import NodeDef
from noria.shapes import Shape

F, INT = dtypes.float32, dtypes.int32
X = placeholder("x", shape=(None, 3, 4))
SHAPE = (None, 3, 4)


def fused_ops(made: Graph, fetch: str = "y", shape: Shape = SHAPE) -> list[str]:
    """The ops that the engine runs, after checking them against the host kernels of the idiom as it was written."""
    compiled = program(made, {"x": shape}, [fetch])
    value = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32) * 2
    [wanted] = program(made, {"x": shape}, [fetch], engine=False).run([value])
    [got] = compiled.run([value])
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    [step] = compiled.steps
    assert isinstance(step, SegmentStep)
    return [n.op for n in step.nodes]


def layer_norm(*, gamma: bool = True, difference: bool = False, axis: int = -1, eps: float = 1e-3) -> list[NodeDef]:
    inv = "scaled" if gamma else "root"
    parts = [
        X, const("axis", [axis], INT), const("eps", eps),
        const("gamma", [[[1, 2, 3, 4]]]), const("beta", [[[4, 3, 2, 1]]]),
        node("mean", "Mean", "x", "axis", T=F, Tidx=INT, keep_dims=True),
        node("still", "StopGradient", "mean", T=F),
        node("square", "SquaredDifference", "x", "still", T=F),
        node("variance", "Mean", "square", "axis", T=F, Tidx=INT, keep_dims=True),
        node("add", "AddV2", "variance", "eps", T=F),
        node("root", "Rsqrt", "add", T=F),
        node("scaled", "Mul", "root", "gamma", T=F),
        node("product", "Mul", "x", inv, T=F),
    ]  # fmt: skip
    if difference:
        parts += [node("moved", "Mul", "mean", inv, T=F), node("offset", "Sub", "beta", "moved", T=F)]
    else:
        parts += [
            node("minus", "Neg", "mean", T=F),
            node("moved", "Mul", "minus", inv, T=F),
            node("offset", "AddV2", "moved", "beta", T=F),
        ]
    return [*parts, node("y", "AddV2", "product", "offset", T=F)]


@pytest.mark.parametrize("gamma", [True, False])
@pytest.mark.parametrize("difference", [True, False])
def test_layer_normalisation(gamma: bool, difference: bool) -> None:
    assert fused_ops(graph(*layer_norm(gamma=gamma, difference=difference))) == ["_NoriaLayerNorm"]


def test_normalisation_over_another_axis_is_left_alone() -> None:
    assert "_NoriaLayerNorm" not in fused_ops(graph(*layer_norm(axis=1)))


def test_normalisation_of_another_tensor_is_left_alone() -> None:
    """The mean is of x, but what is scaled is x²: no layer normalisation."""
    parts = [n for n in layer_norm() if n.name != "product"]
    made = graph(*parts, node("other", "Mul", "x", "x", T=F), node("product", "Mul", "other", "scaled", T=F))
    assert "_NoriaLayerNorm" not in fused_ops(made)


def test_gelu_with_erfc() -> None:
    made = graph(
        X, const("half", 0.5), const("root", math.sqrt(0.5)),
        node("a", "Mul", "half", "x", T=F), node("n", "Neg", "x", T=F), node("s", "Mul", "n", "root", T=F),
        node("e", "Erfc", "s", T=F), node("y", "Mul", "a", "e", T=F),
    )  # fmt: skip
    assert fused_ops(made) == ["_NoriaGelu"]


def test_gelu_with_erf() -> None:
    made = graph(
        X, const("half", 0.5), const("root", math.sqrt(2)), const("one", 1),
        node("a", "Mul", "x", "half", T=F), node("s", "RealDiv", "x", "root", T=F), node("e", "Erf", "s", T=F),
        node("p", "AddV2", "one", "e", T=F), node("y", "Mul", "a", "p", T=F),
    )  # fmt: skip
    assert fused_ops(made) == ["_NoriaGelu"]


def test_erfc_of_another_scale_is_left_alone() -> None:
    made = graph(
        X, const("half", 0.5), const("root", 0.7),
        node("a", "Mul", "half", "x", T=F), node("n", "Neg", "x", T=F), node("s", "Mul", "n", "root", T=F),
        node("e", "Erfc", "s", T=F), node("y", "Mul", "a", "e", T=F),
    )  # fmt: skip
    assert "_NoriaGelu" not in fused_ops(made)


def flattened_product(last: list[int]) -> Graph:
    return graph(
        X, const("flat", [-1, 4], INT), const("w", np.arange(8).reshape(4, 2)), const("back", last, INT),
        node("r", "Reshape", "x", "flat", T=F, Tshape=INT), node("m", "MatMul", "r", "w", T=F),
        node("y", "Reshape", "m", "back", T=F, Tshape=INT),
    )  # fmt: skip


def test_dense_on_sequences_is_one_product() -> None:
    assert fused_ops(flattened_product([-1, 3, 2])) == ["BatchMatMulV2"]


def test_product_that_is_reshaped_otherwise_keeps_its_reshapes() -> None:
    assert fused_ops(flattened_product([-1, 6])) == ["Reshape", "MatMul", "Reshape"]


def test_reshape_to_its_own_shape_goes() -> None:
    made = graph(
        X, const("s", [-1, 3, 4], INT), node("r", "Reshape", "x", "s", T=F, Tshape=INT), node("y", "Neg", "r", T=F)
    )
    assert fused_ops(made) == ["Neg"]
    compiled = program(made, {"x": SHAPE}, ["r"])
    assert compiled.steps == ()
