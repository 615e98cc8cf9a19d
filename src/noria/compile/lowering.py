"""Lowering: every node becomes ONNX nodes where a rule can write it so, and stays a host step where not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from noria import dtypes
from noria.compile.functions import FUNCTIONAL
from noria.compile.onnx_model import Constant, OnnxNode
from noria.compile.ort import engine_dtypes
from noria.compile.subgraphs import WholeBodies, lower_control
from noria.dtypes import DType
from noria.errors import InternalError
from noria.graph import rules
from noria.graph.graph import Node, Tensor
from noria.graph.rules import CannotLower, Info, Lowering, Value
from noria.shapes import Shape

# Tensors of other dtypes stay on the host. bfloat16 crosses a segment's border as float32, which holds it exactly.
_ENGINE_DTYPES = frozenset(d for d in dtypes.ALL if d.onnx and d.numpy.kind in "fiub") | {dtypes.bfloat16}
# Inputs that carry the op's main dtype, where that is not the first one.
_MAIN_INPUT: Mapping[str, int] = {"Where": 1, "OneHot": 2}
_UNCHECKED = frozenset({"ConstantOfShape", "OneHot"})  # several type parameters of equal rank: the rule knows


def _crosses(dtype: DType) -> bool:
    """Whether values of ``dtype`` go in and out of the engine's control flow."""
    return dtype in _ENGINE_DTYPES and dtype is not dtypes.bfloat16


@dataclass(slots=True)
class Item:
    """One node after lowering: ``onnx`` holds its ONNX nodes, or is None where the host runs ``node``.

    inputs, outputs: names of the values it takes and gives; of an ONNX item those that cross its border.
    """

    node: Node
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    onnx: list[OnnxNode] | None = None
    reason: str = ""


@dataclass(slots=True)
class Lowered:
    """A whole graph after lowering: items in topological order, constants, and what each name and tensor is."""

    items: list[Item] = field(default_factory=list)
    constants: dict[str, Constant] = field(default_factory=dict)
    values: dict[Tensor, Value] = field(default_factory=dict)
    infos: dict[str, Value] = field(default_factory=dict)


def lower(
    order: Sequence[Node],
    infos: Mapping[Tensor, Info],
    fetches: Iterable[Tensor],
    *,
    engine: bool,
    host_only: set[str],
    bodies: WholeBodies | None = None,
) -> Lowered:
    """Lowers ``order`` (topological, constants left out); nodes named in ``host_only`` keep their kernel.

    ``fetches`` have a value afterwards even where they are constant. bodies: lowers what control flow runs.
    """
    work = _Work(infos, bodies)
    for node in order:
        work.add(node, try_onnx=engine and node.name not in host_only)
    for tensor in fetches:
        work.value(tensor)
    return work.result


class _Work:
    def __init__(self, infos: Mapping[Tensor, Info], bodies: WholeBodies | None) -> None:
        self.result = Lowered()
        self._infos = infos
        self._bodies = bodies
        self._small: dict[tuple[DType, tuple[int, ...], bytes], str] = {}
        self._count = 0

    def value(self, tensor: Tensor) -> Value:
        """The value that stands for ``tensor``; a constant is entered when it is first asked for."""
        found = self.result.values.get(tensor)
        if found is None:
            info = self._infos[tensor]
            if info.value is None:
                raise InternalError(f"{tensor} is used before its node was lowered")
            found = self.constant(str(tensor), np.asarray(info.value), info.dtype)
            self.result.values[tensor] = found
        return found

    def constant(self, name: str, array: Any, dtype: DType) -> Value:
        key = None
        if array.size <= 16 and dtype in _ENGINE_DTYPES:
            key = (dtype, array.shape, array.tobytes())
            name = self._small.setdefault(key, name)
        self.result.constants.setdefault(name, Constant(array, dtype))
        value = Value(name, dtype, array.shape, array)
        self.result.infos.setdefault(name, value)
        return value

    def fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}/{self._count}"

    def take(self, constants: Mapping[str, Constant]) -> None:
        """Enters constants of a body under the names that they have here."""
        self.result.constants.update(constants)
        for name, constant in constants.items():
            self.result.infos[name] = Value(name, constant.dtype, constant.array.shape, constant.array)

    def add(self, node: Node, *, try_onnx: bool) -> None:
        if node.op == "Placeholder":
            for tensor in node.outputs:
                self._enter(tensor, str(tensor))
            return
        reason = "" if try_onnx else "kept on the host"
        if try_onnx:
            try:
                self._lower(node)
                return
            except CannotLower as error:
                reason = str(error)
        inputs = tuple(self.value(t).name for t in node.inputs)
        outputs = tuple(str(t) for t in node.outputs)
        for tensor in node.outputs:
            self._enter(tensor, str(tensor))
        self.result.items.append(Item(node, inputs, outputs, reason=reason))

    def _enter(self, tensor: Tensor, name: str) -> None:
        info = self._infos[tensor]
        value = Value(name, info.dtype, info.shape, None, info.known_dims)
        self.result.values[tensor] = value
        self.result.infos[name] = value

    def _lower(self, node: Node) -> None:
        if node.op in FUNCTIONAL and self._bodies is not None:
            emitted, values = lower_control(self, self._bodies, node, self._infos, _crosses)
            for made in emitted:
                self.result.infos.update((v.name, v) for v in values if v.name in made.outputs)
            self._accept(node, emitted, values)
            return
        rule = rules.lower.get(node.op)
        if rule is None:
            raise CannotLower(f"op {node.op} has no ONNX lowering")
        for tensor in (*node.inputs, *node.outputs):
            if self._infos[tensor].dtype not in _ENGINE_DTYPES:
                raise CannotLower(f"{self._infos[tensor].dtype} does not exist in the engine")
        emitter = _Emitter(self, node, tuple(self.value(t) for t in node.inputs))
        try:
            results = rule(emitter)
        except rules.MALFORMED as error:
            raise rules.malformed(node, error) from error
        results = results if isinstance(results, tuple) else (results,)
        self._accept(node, emitter.emitted, results)

    def _accept(self, node: Node, emitted: list[OnnxNode], results: tuple[Value, ...]) -> None:
        for tensor, value in zip(node.outputs, results, strict=True):
            info = self._infos[tensor]
            if value.dtype.numpy != info.dtype.numpy:
                raise InternalError(f"the lowering of {node.op} gives {value.dtype} for {tensor}, not {info.dtype}")
            dims = info.known_dims if value.dims is None else value.dims
            shape = info.shape if info.shape is not None else value.shape
            kept = Value(value.name, value.dtype, shape, value.const, dims)
            self.result.values[tensor] = kept
            self.result.infos[value.name] = kept
        if emitted:
            made = {o for n in emitted for o in n.outputs}
            inputs = dict.fromkeys(i for n in emitted for i in n.inputs if i and i not in made)
            outputs = tuple(o for n in emitted for o in n.outputs if o)
            self.result.items.append(Item(node, tuple(inputs), outputs, emitted))


class _Emitter(Lowering):
    """What one node's lower rule writes through."""

    __slots__ = ("_work", "emitted")

    def __init__(self, work: _Work, node: Node, inputs: tuple[Value, ...]) -> None:
        super().__init__(node, inputs, tuple(work._infos[t] for t in node.outputs))
        self._work = work
        self.emitted: list[OnnxNode] = []

    def emit_many(
        self,
        onnx_op: str,
        inputs: Sequence[Value | None],
        *,
        outputs: Sequence[DType],
        shapes: Sequence[Shape] | None = None,
        domain: str = "",
        **attrs: Any,
    ) -> tuple[Value, ...]:
        main = inputs[_MAIN_INPUT.get(onnx_op, 0)] if inputs else None
        if main is not None and onnx_op not in _UNCHECKED and main.dtype not in engine_dtypes(onnx_op, domain):
            raise CannotLower(f"the engine has no {onnx_op} for {main.dtype}")
        names = tuple(self._work.fresh(f"{self.node.name}/{onnx_op}") for _ in outputs)
        given = tuple("" if v is None else v.name for v in inputs)
        self.emitted.append(OnnxNode(onnx_op, given, names, attrs, domain))
        values = tuple(Value(n, d, s) for n, d, s in zip(names, outputs, shapes or (None,) * len(outputs), strict=True))
        self._work.result.infos.update((v.name, v) for v in values)
        return values

    def constant(self, value: Any, dtype: DType | None = None) -> Value:
        array = np.asarray(value, None if dtype is None else dtype.numpy)
        return self._work.constant(
            self._work.fresh(f"{self.node.name}/constant"), array, dtype or dtypes.from_numpy(array.dtype)
        )

    def supports(self, onnx_op: str, dtype: DType) -> bool:
        return dtype in engine_dtypes(onnx_op, "")
