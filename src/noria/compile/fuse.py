"""Fusing: idioms that TensorFlow programs spell out in many ops become the one op that the engine is fast at.

Runs after inference, so that it knows constants and shapes; a fused node keeps the name of the node it replaces, so
what is known of its output stays true. What the idiom's inner nodes leave behind is dropped if nothing else uses it.

- Gelu: ``0.5·x·erfc(-x/√2)`` (Keras 3) and ``0.5·x·(1 + erf(x/√2))`` (tf.nn.gelu);
- layer normalisation over the last axis: ``x·inv + (β - mean·inv)``, ``inv = γ·rsqrt(variance + ε)``;
- ``Reshape → MatMul → Reshape`` that only flattens leading axes (Keras' Dense on sequences): one matrix product;
- ``Reshape`` to the shape the tensor already has;
- ``Fill`` that is added to a variable: one number is added, no array of it is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from noria import dtypes
from noria.compile.feeds import follow, replace_tensors
from noria.graph.graph import Array, Attr, Graph, Node, Tensor
from noria.graph.rules import Info
from noria.shapes import Shape

_CLOSE = 1e-6  # relative: constants of an idiom come in float32


def fuse(
    graph: Graph, order: Iterable[Node], infos: dict[Tensor, Info], fetches: Iterable[Tensor]
) -> tuple[Graph, list[Tensor]]:
    """``graph`` with idioms replaced, and what stands for ``fetches``; ``infos`` gains the constants of new nodes."""
    work = _Fuser(graph, infos)
    for node in order:
        rule = _RULES.get(node.op)
        if rule is not None and (not node.outputs or infos[node.output()].value is None):
            rule(work, node)
    fused = replace_tensors(work.out, work.replaced) if work.replaced else work.out
    return fused, [follow(work.replaced, t) for t in fetches]


class _Fuser:
    def __init__(self, graph: Graph, infos: dict[Tensor, Info]) -> None:
        self.out = graph.copy()
        self.infos = infos
        self.replaced: dict[Tensor, Tensor] = {}

    def producer(self, tensor: Tensor, *ops: str) -> Node | None:
        """The node behind ``tensor`` if it is one of ``ops`` and not constant; identities are looked through."""
        node = self.out[tensor.node]
        while node.op in ("Identity", "StopGradient", "Snapshot") and tensor.output == 0:
            tensor = node.inputs[0]
            node = self.out[tensor.node]
        return node if node.op in ops and tensor.output == 0 and self.infos[tensor].value is None else None

    def source(self, tensor: Tensor) -> Tensor:
        """``tensor`` with identities looked through."""
        while self.out[tensor.node].op in ("Identity", "StopGradient", "Snapshot") and tensor.output == 0:
            tensor = self.out[tensor.node].inputs[0]
        return follow(self.replaced, tensor)

    def scalar(self, tensor: Tensor) -> float | None:
        """The value of a constant that has one element."""
        value = self.infos[tensor].value
        if value is None or value.size != 1 or value.dtype == object:
            return None
        return float(value.reshape(-1)[0])

    def is_scalar(self, tensor: Tensor, wanted: float) -> bool:
        value = self.scalar(tensor)
        return value is not None and math.isclose(value, wanted, rel_tol=_CLOSE)

    def scaled(self, tensor: Tensor, factor: float) -> Tensor | None:
        """x where ``tensor`` is ``factor·x`` (or ``x / (1/factor)``)."""
        node = self.producer(tensor, "Mul", "RealDiv")
        if node is None:
            return None
        a, b = node.inputs
        if node.op == "RealDiv":
            return self.source(a) if self.is_scalar(b, 1 / factor) else None
        if self.is_scalar(a, factor):
            return self.source(b)
        return self.source(a) if self.is_scalar(b, factor) else None

    def negated_scaled(self, tensor: Tensor, factor: float) -> Tensor | None:
        """x where ``tensor`` is ``-factor·x``, the sign taken anywhere."""
        direct = self.scaled(tensor, -factor)
        if direct is not None:
            return direct
        node = self.producer(tensor, "Neg")
        if node is not None:
            return self.scaled(node.inputs[0], factor)
        inner = self.scaled(tensor, factor)
        node = self.producer(inner, "Neg") if inner is not None else None
        return None if node is None else self.source(node.inputs[0])

    def replace(self, node: Node, op: str, inputs: tuple[Tensor, ...], **attrs: Attr) -> None:
        self.out.nodes[node.name] = Node(node.name, op, inputs, node.control_inputs, attrs, node.output_dtypes)

    def constant(self, name: str, value: Array) -> Tensor:
        dtype = dtypes.from_numpy(value.dtype)
        name = self.out.unique_name(name)
        tensor = self.out.add(
            Node(name, "Const", attrs={"value": value, "dtype": dtype}, output_dtypes=(dtype,))
        ).output()
        self.infos[tensor] = Info(dtype, value.shape, value)
        return tensor


def _gelu(work: _Fuser, node: Node) -> None:
    for a, b in (node.inputs, node.inputs[::-1]):
        x = work.scaled(a, 0.5)
        if x is None or work.infos[x].dtype is not dtypes.float32:
            continue
        erfc = work.producer(b, "Erfc")
        if erfc is not None and work.negated_scaled(erfc.inputs[0], math.sqrt(0.5)) == x:
            work.replace(node, "_NoriaGelu", (x,))
            return
        plus = work.producer(b, "AddV2", "Add")
        for one, inner in (plus.inputs, plus.inputs[::-1]) if plus is not None else ():
            erf = work.producer(inner, "Erf")
            if erf is not None and work.is_scalar(one, 1) and work.scaled(erf.inputs[0], math.sqrt(0.5)) == x:
                work.replace(node, "_NoriaGelu", (x,))
                return


def _layer_norm(work: _Fuser, node: Node) -> None:
    """``x·inv + offset``; see the module's docstring."""
    for scaled, offset in (node.inputs, node.inputs[::-1]):
        product = work.producer(scaled, "Mul")
        if product is None:
            continue
        for x, inv in (product.inputs, product.inputs[::-1]):
            parts = _inverse(work, inv)
            if parts is None:
                continue
            source, mean, epsilon, gamma = parts
            beta = _shift(work, offset, mean, work.source(inv))
            if beta is not None and work.source(x) == source:
                _emit_layer_norm(work, node, source, gamma, beta, epsilon)
                return


def _inverse(work: _Fuser, tensor: Tensor) -> tuple[Tensor, Tensor, float, Tensor | None] | None:
    """(x, mean, ε, γ) where ``tensor`` is ``γ·rsqrt(variance(x) + ε)`` over the last axis; γ None where absent."""
    product = work.producer(tensor, "Mul")
    if product is not None:
        for a, b in (product.inputs, product.inputs[::-1]):
            if work.infos[b].value is not None:
                inner = _inverse(work, a)
                return None if inner is None or inner[3] is not None else (*inner[:3], b)
        return None
    root = work.producer(tensor, "Rsqrt")
    total = work.producer(root.inputs[0], "AddV2", "Add") if root is not None else None
    if total is None:
        return None
    for variance, small in (total.inputs, total.inputs[::-1]):
        epsilon = work.scalar(small)
        mean_of = _mean_last(work, variance)
        if epsilon is None or mean_of is None:
            continue
        square = work.producer(mean_of, "SquaredDifference")
        for x, mean in (square.inputs, square.inputs[::-1]) if square is not None else ():
            if _mean_last(work, mean) == work.source(x):
                return work.source(x), work.source(mean), epsilon, None
    return None


def _mean_last(work: _Fuser, tensor: Tensor) -> Tensor | None:
    """x where ``tensor`` is its mean over the last axis, kept as 1."""
    node = work.producer(tensor, "Mean")
    if node is None or not node.attrs.get("keep_dims"):
        return None
    axes, shape = work.infos[node.inputs[1]].value, work.infos[node.inputs[0]].shape
    if axes is None or axes.size != 1 or shape is None:
        return None
    return work.source(node.inputs[0]) if int(axes.reshape(-1)[0]) in (-1, len(shape) - 1) else None


def _shift(work: _Fuser, offset: Tensor, mean: Tensor, inv: Tensor) -> Tensor | None:
    """β where ``offset`` is ``β - mean·inv``, written as a sum or as a difference."""
    node = work.producer(offset, "AddV2", "Add", "Sub")
    if node is None:
        return None
    pairs = [node.inputs] if node.op == "Sub" else [node.inputs, node.inputs[::-1]]
    for beta, product in pairs:
        inner = work.producer(product, "Mul")
        if inner is None or work.infos[beta].value is None:
            continue
        for a, b in (inner.inputs, inner.inputs[::-1]):
            if work.source(b) != inv:
                continue
            if node.op != "Sub":
                negated = work.producer(a, "Neg")
                if negated is None:
                    continue
                a = negated.inputs[0]
            if work.source(a) == mean:
                return beta
    return None


def _emit_layer_norm(work: _Fuser, node: Node, x: Tensor, gamma: Tensor | None, beta: Tensor, epsilon: float) -> None:
    info = work.infos[x]
    size = info.shape[-1] if info.shape else None
    shift = work.infos[beta].value
    scale = np.ones(size or 0, np.float32) if gamma is None else work.infos[gamma].value
    if size is None or info.dtype is not dtypes.float32 or shift is None or scale is None:
        return
    if not _is_row(scale, size) or not _is_row(shift, size):
        return
    inputs = (
        x,
        work.constant(f"{node.name}/scale", scale.reshape(-1)),
        work.constant(f"{node.name}/shift", shift.reshape(-1)),
    )
    work.replace(node, "_NoriaLayerNorm", inputs, epsilon=epsilon)


def _is_row(value: Array, size: int) -> bool:
    """Whether ``value`` has one element for each of the last axis and is broadcast over all others."""
    return value.size == size and (size == 1 or (value.ndim > 0 and value.shape[-1] == size))


def _reshape(work: _Fuser, node: Node) -> None:
    before, after = work.infos[node.inputs[0]].shape, work.infos[node.output()].shape
    if _same(before, after):
        work.replaced[node.output()] = node.inputs[0]
        return
    product = work.producer(node.inputs[0], "MatMul")
    if product is None or product.attrs.get("transpose_a") or product.attrs.get("transpose_b"):
        return
    flat = work.producer(product.inputs[0], "Reshape")
    weights = work.infos[product.inputs[1]]
    if flat is None or weights.shape is None or len(weights.shape) != 2:
        return
    source = work.source(flat.inputs[0])
    shape, columns = work.infos[source].shape, weights.shape[1]
    if shape is None or len(shape) < 2 or columns is None or shape[-1] is None or shape[-1] != weights.shape[0]:
        return
    if _same((*shape[:-1], columns), after):
        attrs: Mapping[str, Attr] = {"adj_x": False, "adj_y": False, "T": weights.dtype}
        work.replace(node, "BatchMatMulV2", (source, product.inputs[1]), **attrs)


def _same(a: Shape, b: Shape) -> bool:
    """Whether two shapes of as many elements are equal: all dimensions known and equal, one pair of unknowns aside."""
    if a is None or b is None or len(a) != len(b) or 0 in a or 0 in b:
        return False
    unknown = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x is None or y is None]
    return len(unknown) <= 1 and all(x == y for i, (x, y) in enumerate(zip(a, b, strict=True)) if i not in unknown)


def _added_number(work: _Fuser, node: Node) -> None:
    variable, given = node.inputs
    fill = work.out[given.node]
    if fill.op != "Fill":
        return
    attrs: dict[str, Attr] = {"T": fill.output_dtypes[0]}
    name = work.out.unique_name(f"{fill.name}/spread")
    spread = Node(name, "_NoriaSpread", fill.inputs, fill.control_inputs, attrs, fill.output_dtypes)
    tensor = work.out.add(spread).output()
    work.infos[tensor] = work.infos[given]
    changed = replace(work.out[node.name], inputs=(variable, tensor))
    work.out.nodes[node.name] = changed


_ADDS = ("AssignAdd", "AssignSub", "AssignAddVariableOp", "AssignSubVariableOp")
_RULES = {"Mul": _gelu, "AddV2": _layer_norm, "Add": _layer_norm, "Reshape": _reshape} | dict.fromkeys(
    _ADDS, _added_number
)
