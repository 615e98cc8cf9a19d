"""Inference and folding in one walk: what is known of every tensor, and which are constant.

A node whose inputs are all constant runs here, once, through its host kernel, unless its result would be much bigger
than what it is made of. A shape that inference knows whole is a constant too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from noria import dtypes, shapes
from noria.compile.refs import HANDLES, RESOURCE_HANDLES
from noria.dtypes import DType
from noria.errors import TFError
from noria.graph import rules
from noria.graph.graph import Array, Graph, Node, Tensor
from noria.graph.op_spec import is_stateful
from noria.graph.resources import Resources
from noria.graph.rules import Bodies, Info, KernelCall

_FOLD_ANYWAY = 1 << 16  # elements: results up to this size are folded however small their inputs are
_OPAQUE = (dtypes.resource, dtypes.variant)


def analyse(
    graph: Graph, order: Sequence[Node], resources: Resources, bodies: Bodies | None = None
) -> dict[Tensor, Info]:
    """What is known of each output of ``order``, constants included; ``bodies``: of the functions that nodes run."""
    infos: dict[Tensor, Info] = {}
    for node in order:
        inputs = tuple(infos[t] for t in node.inputs)
        infos.update(zip(node.outputs, _outputs(node, inputs, resources, bodies), strict=True))
    return infos


def declared(node: Node, output: int) -> Info:
    """What is known of an output without inferring anything: its dtype, and the value of a constant."""
    if node.op == "Const":
        return _outputs(node, (), Resources())[0]
    return Info(node.output_dtypes[output], None)


def _outputs(node: Node, inputs: tuple[Info, ...], resources: Resources, bodies: Bodies | None = None) -> list[Info]:
    if node.op == "Const":
        value = node.attrs["value"]
        assert isinstance(value, np.ndarray)
        return [Info(node.output_dtypes[0], value.shape, value)]
    if node.op in RESOURCE_HANDLES:
        return [Info(d, (), handle=node) for d in node.output_dtypes]
    if node.op == "Identity" and inputs[0].handle is not None:
        return [inputs[0]]
    outs = rules.inferred(node, inputs, bodies)
    if outs and outs[0].dtype is dtypes.resource and ("element_shape" in node.attrs or node.op in HANDLES):
        outs[0] = replace(outs[0], handle=node)  # who makes a TensorArray or a variable tells the shape it holds
    if _foldable(node, inputs, outs):
        try:
            return _folded(node, inputs, resources)
        except (TFError, ArithmeticError, ValueError, TypeError):
            pass  # an op that fails on constants fails when it runs, as in TensorFlow, or never if it is not needed
    return [rules.known_vector(node.op, info) for info in outs]


def _foldable(node: Node, inputs: tuple[Info, ...], outs: Sequence[Info]) -> bool:
    if node.op not in rules.kernel or is_stateful(node.op) or not node.output_dtypes:
        return False
    if any(i.value is None for i in inputs) or any(d in _OPAQUE for d in node.output_dtypes):
        return False
    given = sum(i.value.size for i in inputs if i.value is not None)
    return all(_size(out) <= max(_FOLD_ANYWAY, 2 * given) for out in outs)


def _size(info: Info) -> int:
    size = shapes.num_elements(info.shape)
    return 0 if size is None else size


def _folded(node: Node, inputs: tuple[Info, ...], resources: Resources) -> list[Info]:
    values = [i.value for i in inputs]
    result = rules.kernel[node.op](KernelCall(node, resources), *values)
    results = result if isinstance(result, tuple) else (result,)
    return [_constant(d, np.asarray(r)) for d, r in zip(node.output_dtypes, results, strict=True)]


def _constant(dtype: DType, value: Array) -> Info:
    return Info(dtype, value.shape, value)
