"""Building TensorFlow nodes for an ONNX graph: values, shapes as they are known, layouts.

ONNX keeps channels before the spatial axes (NCHW), TensorFlow behind them (NHWC). A value that a TensorFlow op made in
its own layout stays there (``twin``) until someone asks for it the other way, so chains of convolutions need no
transposes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import TFError, UnimplementedError
from noria.graph import rules
from noria.graph.export import node_def
from noria.graph.graph import Array, Attr, Node, ShapeAttr, Tensor
from noria.graph.op_spec import is_stateful, op_spec
from noria.graph.resources import Resources
from noria.graph.rewrite import unique_name
from noria.graph.rules import Info, KernelCall
from noria.protos import op_defs
from noria.protos.onnx import AttributeProto, NodeProto, TensorProto
from noria.protos.tensorflow import NodeDef
from noria.shapes import Shape

_FOLD_ANYWAY: Final = 1 << 16  # elements up to which a constant result replaces its node


@dataclass(eq=False)
class Val:
    """A value of the ONNX graph.

    info: what is known of it, in ONNX's layout; tensor: its TensorFlow tensor, None while it has none; twin: the same
    value with the channels last.
    """

    info: Info
    tensor: Tensor | None = None
    twin: Val | None = field(default=None, repr=False)

    @property
    def dtype(self) -> DType:
        return self.info.dtype

    @property
    def shape(self) -> Shape:
        return self.info.shape

    @property
    def const(self) -> Array | None:
        return self.info.value

    @property
    def lazy(self) -> bool:
        """Whether it exists with the channels last only."""
        return self.tensor is None and self.twin is not None and self.info.value is None


class Builder:
    """Collects NodeDefs."""

    def __init__(self) -> None:
        self.nodes: list[NodeDef] = []
        self._taken: set[str] = set()
        self.scope = ""

    def name(self, text: str) -> str:
        """A node name that is free and that TensorFlow takes."""
        clean = re.sub(r"[^A-Za-z0-9_.\\/-]", "_", text).strip("/")
        if not clean or not re.match(r"[A-Za-z0-9.]", clean):
            clean = "n" + clean
        found = unique_name(clean, self._taken)
        self._taken.add(found)
        return found

    def placeholder(self, name: str, dtype: DType, shape: Shape) -> Val:
        made = Node(self.name(name), "Placeholder", attrs={"dtype": dtype, "shape": ShapeAttr(shape)})
        self.nodes.append(node_def(made))
        return Val(Info(dtype, shape), Tensor(made.name))

    def const(self, value: Any, dtype: DType | None = None) -> Val:
        """A constant; its node is made when something takes it."""
        array = np.asarray(value) if dtype is None else np.asarray(value, dtype.numpy)
        kind = dtypes.from_numpy(array.dtype) if dtype is None else dtype
        return Val(Info(kind, array.shape, array))

    def tensor(self, value: Val) -> Tensor:
        """The tensor of ``value`` in ONNX's layout."""
        if value.tensor is None:
            if value.info.value is not None:
                attrs: dict[str, Attr] = {"dtype": value.dtype, "value": value.info.value}
                made = Node(self.name(f"{self.scope}/Const"), "Const", attrs=attrs)
                self.nodes.append(node_def(made))
                value.tensor = Tensor(made.name)
            else:
                assert value.twin is not None
                value.tensor = self.tensor(self.transpose(value.twin, _to_first(len(value.twin.shape or ()))))
        return value.tensor

    def tf(self, op: str, *inputs: Val | Sequence[Val], **attrs: Attr) -> Val:
        """The first output of a new ``op``; dtypes and numbers of inputs become its attributes by themselves."""
        return self.tfs(op, *inputs, **attrs)[0]

    def tfs(self, op: str, *inputs: Val | Sequence[Val], **attrs: Attr) -> tuple[Val, ...]:
        """All outputs of a new ``op``. A result of constants is a constant where it is small enough."""
        flat: list[Val] = []
        for arg, given in zip(op_defs.op_def(op).input_arg, inputs, strict=True):
            values = [given] if isinstance(given, Val) else list(given)
            if arg.number_attr:
                attrs[arg.number_attr] = len(values)
            if arg.type_attr:
                attrs.setdefault(arg.type_attr, values[0].dtype)
            if arg.type_list_attr:
                attrs[arg.type_list_attr] = [v.dtype for v in values]
            flat += values
        spec = op_spec(op)
        assert spec is not None
        complete = {**spec.defaults, **attrs}
        node = Node(f"{self.scope}/{op}", op, attrs=complete, output_dtypes=spec.output_dtypes(complete))
        infos = [rules.known_vector(node.op, i) for i in rules.inferred(node, tuple(v.info for v in flat))]
        folded = _fold(node, flat, infos)
        if folded is not None:
            return tuple(Val(info) for info in folded)
        made = Node(self.name(node.name), op, tuple(self.tensor(v) for v in flat), attrs=attrs)
        self.nodes.append(node_def(made))
        return tuple(Val(info, Tensor(made.name, i)) for i, info in enumerate(infos))

    # --- layouts ------------------------------------------------------------------------------------------------------

    def transpose(self, value: Val, perm: Sequence[int]) -> Val:
        if list(perm) == list(range(len(perm))):
            return value
        if value.const is not None:
            return self.const(np.ascontiguousarray(value.const.transpose(perm)), value.dtype)
        return self.tf("Transpose", value, self.const(list(perm), dtypes.int32))

    def last(self, value: Val) -> Val:
        """``value`` with its channels last."""
        if value.twin is None:
            rank = len(value.shape or ())
            value.twin = self.transpose(value, [0, *range(2, rank), 1])
        return value.twin

    def first(self, value: Val) -> Val:
        """A value made with its channels last, as ONNX sees it."""
        shape = value.shape
        perm = _to_first(len(shape or ()))
        if value.const is not None:
            return self.const(value.const.transpose(perm), value.dtype)
        return Val(Info(value.dtype, None if shape is None else tuple(shape[p] for p in perm)), twin=value)

    def elementwise(self, op: str, *values: Val, **attrs: Attr) -> Val:
        """``op`` on values that broadcast; done with the channels last where a value is there already."""
        if any(v.lazy for v in values):
            rank = max(len(v.shape or ()) for v in values)
            if all(self._fits(v, rank) for v in values):
                return self.first(self.tf(op, *(self._last_or_scalar(v, rank) for v in values), **attrs))
        return self.tf(op, *values, **attrs)

    @staticmethod
    def _fits(value: Val, rank: int) -> bool:
        if value.const is not None:
            return True
        return value.shape is not None and (value.lazy or value.twin is not None) and len(value.shape) == rank

    def _last_or_scalar(self, value: Val, rank: int) -> Val:
        if value.const is None or value.const.ndim == 0:
            return value if value.const is not None else self.last(value)
        grown = value.const.reshape((1,) * (rank - value.const.ndim) + value.const.shape)
        return self.const(grown.transpose([0, *range(2, rank), 1]), value.dtype)

    # --- helpers ------------------------------------------------------------------------------------------------------

    def cast(self, value: Val, dtype: DType) -> Val:
        return value if value.dtype is dtype else self.elementwise("Cast", value, DstT=dtype)

    def reshape(self, value: Val, dims: Sequence[int]) -> Val:
        return self.tf("Reshape", value, self.const(list(dims), dtypes.int64))

    def like(self, number: float, value: Val) -> Val:
        """A scalar of the dtype of ``value``."""
        return self.const(number, value.dtype)

    def shape_of(self, value: Val) -> Val:
        """The shape of ``value`` as int64; constant where it is known."""
        if value.shape is not None and None not in value.shape:
            return self.const(list(value.shape), dtypes.int64)
        return self.tf("Shape", value, out_type=dtypes.int64)


def _to_first(rank: int) -> list[int]:
    return [0, rank - 1, *range(1, rank - 1)]


def _fold(node: Node, inputs: Sequence[Val], infos: Sequence[Info]) -> list[Info] | None:
    """The results where they are constant and small enough to stand in the graph."""
    if all(i.value is not None for i in infos):
        return list(infos)
    if not inputs or node.op not in rules.kernel or is_stateful(node.op) or any(v.const is None for v in inputs):
        return None
    limit = max(_FOLD_ANYWAY, 2 * sum(v.const.size for v in inputs if v.const is not None))
    if any(i.shape is None or None in i.shape or np.prod([d or 0 for d in i.shape]) > limit for i in infos):
        return None
    try:
        result = rules.kernel[node.op](KernelCall(node, Resources()), *(v.const for v in inputs))
    except (TFError, ArithmeticError, ValueError, TypeError):
        return None
    results = result if isinstance(result, tuple) else (result,)
    arrays = [np.asarray(r, d.numpy) for r, d in zip(results, node.output_dtypes, strict=True)]
    return [Info(d, a.shape, a) for d, a in zip(node.output_dtypes, arrays, strict=True)]


class Call:
    """What a rule receives: the ONNX node, its inputs (None where one is left out), and the builder."""

    def __init__(self, node: NodeProto, inputs: Sequence[Val | None], builder: Builder, opset: int) -> None:
        self.node = node
        self.inputs = inputs
        self.b = builder
        self.opset = opset
        self._attrs: Mapping[str, AttributeProto] = {a.name: a for a in node.attribute}

    def cannot(self, why: str) -> NoReturn:
        name = self.node.name or self.node.output[0]
        raise UnimplementedError(f"node {name!r} ({self.node.op_type}) has no TensorFlow counterpart here: {why}")

    def x(self, index: int = 0) -> Val:
        """An input that must be there."""
        found = self.opt(index)
        if found is None:
            self.cannot(f"input {index} is missing")
        return found

    def opt(self, index: int) -> Val | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def known(self, index: int) -> Array | None:
        """The constant value of an input, None where it is left out; a value that is not constant is refused."""
        found = self.opt(index)
        if found is None:
            return None
        dims = found.info.known_dims
        if found.const is None and (dims is None or None in dims):
            self.cannot(f"input {index} is not a constant")
        return np.array(dims, np.int64) if found.const is None else found.const

    def shape(self, index: int = 0) -> tuple[int | None, ...]:
        """The shape of an input, whose rank must be known."""
        found = self.x(index).shape
        if found is None:
            self.cannot(f"the rank of input {index} is unknown")
        return found

    def has(self, name: str) -> bool:
        return name in self._attrs

    def integer(self, name: str, default: int = 0) -> int:
        return int(self._attrs[name].i) if name in self._attrs else default

    def number(self, name: str, default: float) -> float:
        return float(self._attrs[name].f) if name in self._attrs else default

    def text(self, name: str, default: str = "") -> str:
        return self._attrs[name].s.decode() if name in self._attrs else default

    def ints(self, name: str, default: Sequence[int] = ()) -> list[int]:
        return list(self._attrs[name].ints) if name in self._attrs else list(default)

    def array(self, name: str) -> TensorProto | None:
        return self._attrs[name].t if name in self._attrs else None

    def attribute(self, name: str) -> AttributeProto | None:
        return self._attrs.get(name)

    def axis(self, value: int, rank: int) -> int:
        if not -rank <= value < rank:
            self.cannot(f"axis {value} of a value of rank {rank}")
        return value % rank

    def axes(self, index: int = 1) -> list[int] | None:
        """Axes from the attribute (old opsets) or a constant input; None when there are none."""
        if self.has("axes"):
            return self.ints("axes")
        found = self.known(index)
        return None if found is None else [int(v) for v in found.reshape(-1)]
