"""Op definitions in the form the graph needs: arity, dtypes and attribute defaults of a node.

The definitions are TensorFlow's own (``noria.protos.op_defs``); a library function's signature is an ``OpDef`` too, so
calls by function name go through the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import to_array
from noria.graph.graph import Attr, FunctionRef, ShapeAttr
from noria.protos import op_defs
from noria.protos.tensorflow import AttrValue, OpDef, TensorShapeProto


@dataclass(frozen=True, slots=True)
class ArgSpec:
    """One argument or result: it stands for one tensor, ``number_attr`` tensors, or one for each of a type list."""

    name: str
    dtype: DType | None
    type_attr: str
    number_attr: str
    type_list_attr: str
    is_ref: bool

    def dtypes(self, attrs: Mapping[str, Attr]) -> tuple[DType, ...]:
        """The dtypes of the tensors that this argument stands for in a node with ``attrs``."""
        if self.type_list_attr:
            listed = attrs[self.type_list_attr]
            if not isinstance(listed, list):
                raise InvalidArgumentError(f"attribute {self.type_list_attr!r} should be a list and is {listed!r}")
            return tuple(listed)
        one = self.dtype if self.dtype is not None else attrs[self.type_attr]
        if not isinstance(one, DType):
            raise InvalidArgumentError(f"attribute {self.type_attr!r} should be a dtype and is {one!r}")
        if not self.number_attr:
            return (one,)
        count = attrs[self.number_attr]
        if not isinstance(count, int) or not 0 <= count <= _MAX_LIST:
            raise InvalidArgumentError(f"attribute {self.number_attr!r} should be a count of tensors and is {count!r}")
        return (one,) * count


_MAX_LIST = 1 << 20  # no op takes a million tensors: a damaged count must not allocate


class OpSpec:
    """What the graph asks of an op: its arguments, results and attribute defaults.

    plain_outputs: number of each result by name, where every result is one tensor; else empty (see output_start).
    """

    def __init__(self, definition: OpDef) -> None:
        self.name = definition.name
        self.inputs = tuple(_arg(a) for a in definition.input_arg)
        self.outputs = tuple(_arg(a) for a in definition.output_arg)
        self.is_stateful = definition.is_stateful
        self._attrs = definition.attr
        # Most ops take and give single tensors; counting those must not cost anything.
        plain_inputs = not any(a.number_attr or a.type_list_attr for a in self.inputs)
        self._input_count = len(self.inputs) if plain_inputs else None
        plain_outputs = not any(a.number_attr or a.type_list_attr for a in self.outputs)
        self.plain_outputs = {a.name: i for i, a in enumerate(self.outputs)} if plain_outputs else {}
        one = self.outputs[0] if len(self.outputs) == 1 else None
        self._output_attr = one.type_attr if one and not (one.dtype or one.number_attr or one.type_list_attr) else ""

    @cached_property
    def required(self) -> frozenset[str]:
        """The attributes that a node must give, because they have no default."""
        return frozenset(a.name for a in self._attrs if not a.HasField("default_value"))

    @cached_property
    def kinds(self) -> dict[str, type]:
        """The Python class of each attribute's value."""
        return {a.name: list if a.type.startswith("list(") else _KINDS[a.type] for a in self._attrs if a.type}

    @cached_property
    def defaults(self) -> dict[str, Attr]:
        """Default values of the attributes that have one."""
        return {a.name: attr_value(a.default_value) for a in self._attrs if a.HasField("default_value")}

    @cached_property
    def default_protos(self) -> tuple[tuple[str, AttrValue], ...]:
        """The defaults as messages, for a NodeDef that is being written."""
        return tuple((a.name, a.default_value) for a in self._attrs if a.HasField("default_value"))

    def output_dtypes(self, attrs: Mapping[str, Attr]) -> tuple[DType, ...]:
        if self._output_attr:
            dtype = attrs[self._output_attr]
            if isinstance(dtype, DType):
                return (dtype,)
        return tuple(d for arg in self.outputs for d in arg.dtypes(attrs))

    def input_dtypes(self, attrs: Mapping[str, Attr]) -> tuple[DType, ...]:
        return tuple(d for arg in self.inputs for d in arg.dtypes(attrs))

    def input_count(self, attrs: Mapping[str, Attr]) -> int:
        """The number of tensors that a node with ``attrs`` takes."""
        return len(self.input_dtypes(attrs)) if self._input_count is None else self._input_count

    def output_start(self, name: str, attrs: Mapping[str, Attr]) -> int:
        """The number of the first tensor of result ``name``: functions write ``node:result:k``."""
        start = 0
        for arg in self.outputs:
            if arg.name == name:
                return start
            start += len(arg.dtypes(attrs))
        raise InvalidArgumentError(f"op {self.name} has no output {name!r}; it has {[a.name for a in self.outputs]}")

    def input_refs(self, attrs: Mapping[str, Attr]) -> tuple[bool, ...]:
        """For each input tensor, whether the op takes a reference to a variable there."""
        return tuple(arg.is_ref for arg in self.inputs for _ in arg.dtypes(attrs))

    @cached_property
    def has_refs(self) -> bool:
        return any(a.is_ref for a in (*self.inputs, *self.outputs))


def _arg(arg: OpDef.ArgDef) -> ArgSpec:
    return ArgSpec(
        name=arg.name,
        dtype=dtypes.from_number(arg.type) if arg.type else None,
        type_attr=arg.type_attr,
        number_attr=arg.number_attr,
        type_list_attr=arg.type_list_attr,
        is_ref=arg.is_ref,
    )


@cache
def op_spec(op: str) -> OpSpec | None:
    """The spec of a TensorFlow op; None for a type TensorFlow does not register (a function, a custom op)."""
    return OpSpec(op_defs.op_def(op)) if op_defs.has_op(op) else None


# They look at the world outside, which changes between two runs, although their definitions do not say so.
_OUTSIDE = frozenset({"ReadFile", "MatchingFiles", "PyFuncStateless"})


def is_stateful(op: str) -> bool:
    """Whether running ``op`` twice may differ from running it once; unknown ops count as stateful."""
    spec = op_spec(op)
    return not op.startswith("_Noria") and (spec is None or spec.is_stateful or op in _OUTSIDE)


def shape_attr(proto: TensorShapeProto) -> ShapeAttr:
    """A TensorShapeProto as partial dims; sizes below -1 are InvalidArgumentError."""
    if proto.unknown_rank:
        return ShapeAttr(None)
    sizes = [d.size for d in proto.dim]
    if any(s < -1 for s in sizes):
        raise InvalidArgumentError(f"a shape has a size below -1: {sizes}")
    return ShapeAttr(tuple(None if s == -1 else s for s in sizes))


def attr_value(proto: AttrValue) -> Attr:
    """An AttrValue as a plain Python value (see ``graph.Attr``)."""
    read = _READERS.get(proto.WhichOneof("value") or "")
    return [] if read is None else read(proto)  # an AttrValue with nothing set is an empty list


def _unbound(proto: AttrValue) -> Attr:
    raise InvalidArgumentError(f"attribute placeholder ${proto.placeholder} is not bound to a value")


_KINDS: Mapping[str, type] = {
    "string": bytes,
    "int": int,
    "float": float,
    "bool": bool,
    "type": DType,
    "shape": ShapeAttr,
    "tensor": np.ndarray,
    "func": FunctionRef,
}
_READERS: Mapping[str, Callable[[AttrValue], Attr]] = {
    "s": lambda p: p.s,
    "i": lambda p: p.i,
    "f": lambda p: p.f,
    "b": lambda p: p.b,
    "type": lambda p: dtypes.from_number(p.type),
    "shape": lambda p: shape_attr(p.shape),
    "tensor": lambda p: to_array(p.tensor),
    "func": lambda p: _function(p.func),
    "list": lambda p: list(_list_items(p.list)),
    "placeholder": _unbound,
}


def _function(proto: Any) -> FunctionRef:
    return FunctionRef(proto.name, {k: attr_value(v) for k, v in proto.attr.items()})


def _list_items(proto: AttrValue.ListValue) -> Iterator[Any]:
    yield from proto.s
    yield from proto.i
    yield from proto.f
    yield from proto.b
    yield from (dtypes.from_number(t) for t in proto.type)
    yield from (shape_attr(s) for s in proto.shape)
    yield from (to_array(t) for t in proto.tensor)
    yield from (_function(f) for f in proto.func)
