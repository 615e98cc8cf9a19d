"""Peepholes over the ONNX nodes of one segment, for what the engine's own optimiser leaves undone.

Rules for images write Transpose → op → Transpose, because TensorFlow's layout is channels-last and ONNX's is
channels-first. The engine (1.31) cancels these pairs where another Transpose follows downstream, and then folds
biases, batch normalisation and activations into its convolutions. Three things it does not do:

- fold a zero Pad that stands on the other side of a Transpose from its Conv (and its own fold into MaxPool is wrong:
  it takes zeros for -inf, so ``ort`` switches that off);
- move a Transpose behind the elementwise tail of the last convolution, where nothing downstream cancels it;
- drop nodes that nothing uses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from noria.compile.onnx_model import Constant, OnnxNode

# Ops whose result is channels-first: only Transposes behind these are moved, so that the patterns that the engine
# looks for in attention stay as they are.
_CHANNELS_FIRST: Final = frozenset(
    {"Conv", "ConvTranspose", "BatchNormalization", "MaxPool", "AveragePool", "DepthToSpace", "Resize", "LRN"}
)
_UNARY: Final = frozenset(
    {"Relu", "Clip", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "HardSwish",
     "HardSigmoid", "Neg", "Abs", "Sqrt", "Exp", "Cast"}
)  # fmt: skip
_BINARY: Final = frozenset({"Add", "Sub", "Mul", "Div", "Max", "Min"})
_REDUCE: Final = frozenset({"ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin"})
_SMALL: Final = 1 << 16  # elements up to which a constant is turned around


def improve(
    nodes: Sequence[OnnxNode], constants: Mapping[str, Constant], leaving: Collection[str]
) -> tuple[list[OnnxNode], dict[str, Constant]]:
    """The nodes after all peepholes, and the constants that they use, new ones among them.

    nodes: in topological order; leaving: names of values that someone outside takes, whose names and meaning stay.
    """
    known = dict(constants)
    better = fold_pads(nodes, known)
    better = _Sink(better, known, leaving).run()
    better = drop_unused(better, leaving)
    used = {name for node in better for name in node.inputs}
    return better, {name: constant for name, constant in known.items() if name in used}


def drop_unused(nodes: Sequence[OnnxNode], leaving: Collection[str]) -> list[OnnxNode]:
    """The nodes that some leaving value depends on."""
    needed = set(leaving)
    kept = []
    for node in reversed(nodes):
        if not needed.isdisjoint(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    return kept[::-1]


# ---- padding ----------------------------------------------------------------------------------------------------


def fold_pads(nodes: Sequence[OnnxNode], constants: Mapping[str, Constant]) -> list[OnnxNode]:
    """Convolutions, and maxima of what is not negative, take over the zeros that a Pad puts around their input."""
    made = {name: node for node in nodes for name in node.outputs}
    result: list[OnnxNode] = []
    for node in nodes:
        folded = _folded(node, made, constants) if node.op in ("Conv", "MaxPool") else None
        result.extend(folded or [node])
    return result


def _folded(node: OnnxNode, made: Mapping[str, OnnxNode], constants: Mapping[str, Constant]) -> list[OnnxNode] | None:
    """``node`` over the input of its Pad, or None where there is none that it can take over."""
    turn = made.get(node.inputs[0])
    perm: Sequence[int] | None = None
    pad = turn
    if turn is not None and turn.op == "Transpose":
        perm = turn.attrs["perm"]
        pad = made.get(turn.inputs[0])
    if pad is None or pad.op != "Pad" or "auto_pad" in node.attrs:
        return None
    amounts = _zero_pads(pad, constants)
    if amounts is None:
        return None
    begins, ends = amounts if perm is None else ([side[p] for p in perm] for side in amounts)
    rank = len(begins)
    if any((*begins[:2], *ends[:2])) or min(*begins, *ends) < 0:
        return None
    own = node.attrs.get("pads") or [0] * (2 * (rank - 2))
    pads = [a + b for a, b in zip(own, [*begins[2:], *ends[2:]], strict=True)]
    if node.op == "MaxPool":
        taps = node.attrs["kernel_shape"]
        if not _not_negative(pad.inputs[0], made, constants) or any(own):
            return None
        if any(p >= k for p, k in zip(pads, [*taps, *taps], strict=True)):
            return None
    source, before = pad.inputs[0], []
    if perm is not None:
        source = f"{node.outputs[0]}/unpadded"
        before = [OnnxNode("Transpose", (pad.inputs[0],), (source,), {"perm": perm})]
    return [*before, replace(node, inputs=(source, *node.inputs[1:]), attrs={**node.attrs, "pads": pads})]


def _zero_pads(pad: OnnxNode, constants: Mapping[str, Constant]) -> tuple[list[int], list[int]] | None:
    """How much a Pad puts before and behind each axis, where it is constant and puts zeros."""
    if len(pad.inputs) > 3 or pad.attrs.get("mode", "constant") != "constant" or pad.inputs[1] not in constants:
        return None
    if len(pad.inputs) == 3 and pad.inputs[2]:
        value = constants.get(pad.inputs[2])
        if value is None or value.array.size != 1 or value.array.reshape(-1)[0] != 0:
            return None
    amounts = constants[pad.inputs[1]].array.tolist()
    return amounts[: len(amounts) // 2], amounts[len(amounts) // 2 :]


def _not_negative(name: str, made: Mapping[str, OnnxNode], constants: Mapping[str, Constant]) -> bool:
    node = made.get(name)
    if node is None:
        return False
    if node.op == "Clip" and len(node.inputs) > 1 and node.inputs[1] in constants:
        return bool(constants[node.inputs[1]].array >= 0)
    return node.op in ("Relu", "Sigmoid")


# ---- transposes -------------------------------------------------------------------------------------------------


class _Sink:
    """Moves Transposes of channels-first results behind the elementwise ops and reductions that follow them."""

    def __init__(self, nodes: Sequence[OnnxNode], constants: dict[str, Constant], leaving: Collection[str]) -> None:
        self._nodes = nodes
        self._constants = constants
        self._leaving = leaving
        self._made = {name: node for node in nodes for name in node.outputs}
        self._users: dict[str, list[OnnxNode]] = {}
        for node in nodes:
            for name in node.inputs:
                self._users.setdefault(name, []).append(node)
        # value → (its channels-first twin, the perm that leads back), for what a Transpose has been moved behind
        self._twins: dict[str, tuple[str, tuple[int, ...]]] = {}

    def run(self) -> list[OnnxNode]:
        result: list[OnnxNode] = []
        for node in self._nodes:
            result.extend(self._moved(node) or [node])
        return result

    def _moved(self, node: OnnxNode) -> list[OnnxNode] | None:
        if node.op == "Transpose":
            self._note(node)
        elif node.op in _UNARY:
            return self._unary(node)
        elif node.op in _BINARY:
            return self._binary(node)
        elif node.op in _REDUCE:
            return self._reduce(node)
        return None

    def _note(self, node: OnnxNode) -> None:
        source = self._made.get(node.inputs[0])
        if source is not None and source.op in _CHANNELS_FIRST:
            self._twins[node.outputs[0]] = (node.inputs[0], tuple(node.attrs["perm"]))

    def _only_user(self, name: str, perm: tuple[int, ...]) -> bool:
        """Whether ``name`` has one user, those not counted that turn it back at once."""
        if name in self._leaving:
            return False
        others = [u for u in self._users[name] if not self._turns_back(u, perm)]
        return len(others) == 1

    @staticmethod
    def _turns_back(user: OnnxNode, perm: tuple[int, ...]) -> bool:
        return user.op == "Transpose" and [perm[p] for p in user.attrs["perm"]] == list(range(len(perm)))

    def _emit(
        self, node: OnnxNode, inputs: tuple[str, ...], perm: tuple[int, ...], attrs: Mapping[str, Any] | None = None
    ) -> list[OnnxNode]:
        """``node`` over channels-first inputs, and a Transpose that gives its old result."""
        name = node.outputs[0]
        twin = f"{name}/channels_first"
        self._twins[name] = (twin, perm)
        moved = replace(node, inputs=inputs, outputs=(twin,), attrs=node.attrs if attrs is None else attrs)
        return [moved, OnnxNode("Transpose", (twin,), (name,), {"perm": list(perm)})]

    def _unary(self, node: OnnxNode) -> list[OnnxNode] | None:
        twin = self._twins.get(node.inputs[0])
        if twin is None or not self._only_user(node.inputs[0], twin[1]):
            return None
        return self._emit(node, (twin[0], *node.inputs[1:]), twin[1])

    def _binary(self, node: OnnxNode) -> list[OnnxNode] | None:
        left, right = (self._twins.get(name) for name in node.inputs)
        if left is not None and right is not None:
            # One of them dies with this node, so there are no more Transposes than before.
            single = self._only_user(node.inputs[0], left[1]) or self._only_user(node.inputs[1], right[1])
            return self._emit(node, (left[0], right[0]), left[1]) if single and left[1] == right[1] else None
        twin = left or right
        if twin is None:
            return None
        at = 0 if left is not None else 1
        turned = self._turned(node.inputs[1 - at], twin[1])
        if turned is None or not self._only_user(node.inputs[at], twin[1]):
            return None
        return self._emit(node, (twin[0], turned) if at == 0 else (turned, twin[0]), twin[1])

    def _turned(self, name: str, perm: tuple[int, ...]) -> str | None:
        """The name of a constant operand in channels-first layout, or None where it is not constant or too big."""
        constant = self._constants.get(name)
        rank = len(perm)
        if constant is None or constant.array.size > _SMALL or constant.array.ndim > rank:
            return None
        if constant.array.size == 1 and constant.array.ndim <= 1:
            return name
        array = constant.array.reshape((1,) * (rank - constant.array.ndim) + constant.array.shape)
        turned = f"{name}/channels_first"
        if turned not in self._constants:
            back = np.argsort(np.asarray(perm)).tolist()
            self._constants[turned] = Constant(np.ascontiguousarray(array.transpose(back)), constant.dtype)
        return turned

    def _reduce(self, node: OnnxNode) -> list[OnnxNode] | None:
        twin = self._twins.get(node.inputs[0])
        axes = self._constants.get(node.inputs[1]) if len(node.inputs) == 2 else None
        if twin is None or axes is None or axes.array.size == 0 or not self._only_user(node.inputs[0], twin[1]):
            return None
        source, perm = twin
        rank = len(perm)
        gone = sorted(perm[int(a)] for a in axes.array)
        renamed = f"{node.inputs[1]}/channels_first"
        self._constants[renamed] = Constant(np.asarray(gone, np.int64), axes.dtype)
        if node.attrs.get("keepdims", 1):
            return self._emit(node, (source, renamed), perm)
        left = [p for p in perm if p not in gone]
        if left != sorted(left) or len(left) + len(gone) != rank:
            return None
        return [replace(node, inputs=(source, renamed))]
