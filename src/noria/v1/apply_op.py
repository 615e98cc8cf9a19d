"""Any op of TensorFlow's definitions from Python arguments: conversion of inputs, inference of attributes, creation.

Inputs that are no tensors become constants in the operation's own name scope, called after the argument (``add/y``).
A type attribute follows from the first tensor that has it; the other arguments are converted to that.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from typing import Any

from noria.errors import InvalidArgumentError
from noria.graph.op_spec import OpSpec, op_spec
from noria.protos.op_defs import op_def
from noria.protos.tensorflow import AttrValue, NameAttrList, OpDef, TensorProto, TensorShapeProto
from noria.v1.constant import make_tensor_proto
from noria.v1.convert import convert, convert_n
from noria.v1.dtypes import DType, as_dtype
from noria.v1.graph import Graph, get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import TensorShape


def create(op_type: str, name: str | None = None, **keywords: Any) -> Operation:
    """Adds an operation of ``op_type`` to the graph of its inputs (or the default graph).

    keywords: inputs and attributes by the names of the op definition; left out attributes are inferred or default.
    Raises TypeError and ValueError for arguments that do not fit, as TensorFlow does.
    """
    spec = op_spec(op_type)
    if spec is None:
        raise InvalidArgumentError(f"Unrecognized Op name {op_type}")
    graph = graph_of(keywords.values())
    with graph.as_default(), graph.name_scope(name or op_type) as scope:
        call = _Call(op_def(op_type), keywords)
        attrs = call.attributes()
        refs = [t for arg, t in zip(call.definition.input_arg, call.inputs, strict=False) if arg.is_ref]
        with graph.colocate_with(refs[0].op) if refs else nullcontext():
            return graph.create_op(op_type, call.inputs, name=scope, attrs=attrs)


def apply_op(op_type: str, name: str | None = None, **keywords: Any) -> Any:
    """As ``create``, and gives what the op function would: the operation, its output, or a named tuple of outputs."""
    op = create(op_type, name, **keywords)
    return results(op)


def results(op: Operation) -> Any:
    """The outputs of ``op`` in the structure of its definition; ``op`` itself where it has none."""
    spec = op._spec
    assert spec is not None
    if not op.outputs:
        return op
    found: list[Any] = []
    at = 0
    attrs = op.node.attrs
    for arg in spec.outputs:
        count = len(arg.dtypes(attrs))
        many = arg.number_attr or arg.type_list_attr
        found.append(op.outputs[at : at + count] if many else op.outputs[at])
        at += count
    return found[0] if len(found) == 1 else _tuple_type(spec)(*found)


@cache
def _tuple_type(spec: OpSpec) -> Any:
    return namedtuple(spec.name, [arg.name for arg in spec.outputs], rename=True)  # fields are data


def graph_of(values: Any) -> Graph:
    """The graph that ``values`` (tensors, operations, lists of them, anything) belong to, else the default graph.

    ValueError when they are of different graphs.
    """
    found: Graph | None = None
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, list | tuple):
            stack.extend(value)
            continue
        graph = getattr(value, "graph", None) if not isinstance(value, str | bytes | int | float) else None
        if not isinstance(graph, Graph):
            continue
        if found is not None and graph is not found:
            raise ValueError(f"{value!r} must be from the same graph as the other inputs")
        found = graph
    return get_default_graph() if found is None else found


class _Call:
    """One call of an op function while its arguments are sorted out."""

    def __init__(self, definition: OpDef, keywords: Mapping[str, Any]) -> None:
        self.definition = definition
        self.inputs: list[Tensor] = []
        self._given = dict(keywords)
        self._attrs: dict[str, Any] = {}
        self._from: dict[str, str] = {}  # which argument an attribute was inferred from
        self._attr_defs = {a.name: a for a in definition.attr}
        self._defaults = {
            a.name: as_dtype(a.default_value.type)
            for a in definition.attr
            if a.type == "type" and a.HasField("default_value")
        }
        for attr in definition.attr:  # given attributes decide before inputs do
            if (
                attr.name in self._given
                and attr.type in ("type", "list(type)", "int")
                and self._given[attr.name] is not None
            ):
                self._attrs[attr.name] = _to_attr(attr, self._given.pop(attr.name))
                self._from[attr.name] = attr.name
        for arg in definition.input_arg:
            self._take(arg)

    def _value(self, arg: OpDef.ArgDef) -> Any:
        for key in (arg.name, arg.name + "_"):
            if key in self._given:
                return self._given.pop(key)
        raise TypeError(f"No argument for input {arg.name} found in op {self.definition.name}")

    def _take(self, arg: OpDef.ArgDef) -> None:
        value = self._value(arg)
        if arg.number_attr or arg.type_list_attr:
            if not isinstance(value, list | tuple):
                raise TypeError(
                    f"Expected list for '{arg.name}' argument to '{self.definition.name}' Op, not {value!r:.200}."
                )
            tensors = self._convert_list(arg, value)
        else:
            tensors = [self._convert(arg, value)]
        if arg.is_ref and not all(t.dtype._is_ref_dtype for t in tensors):
            raise TypeError(
                f"'{self.definition.name}' Op requires that input '{arg.name}' be a mutable tensor "
                "(e.g.: a tf.Variable)"
            )
        self._infer(arg, [t.dtype.base_dtype for t in tensors])
        self.inputs.extend(tensors)

    def _known(self, arg: OpDef.ArgDef) -> DType | None:
        if arg.type:
            return as_dtype(arg.type).base_dtype
        found = self._attrs.get(arg.type_attr)
        return found if isinstance(found, DType) else None

    def _convert(self, arg: OpDef.ArgDef, value: Any) -> Tensor:
        dtype = self._known(arg)
        default = None if dtype is not None else self._defaults.get(arg.type_attr)
        try:
            if default is not None and (allowed := self._allowed(arg.type_attr)):
                try:
                    found = convert(value, None, arg.name, as_ref=arg.is_ref)
                except TypeError:
                    found = None
                if found is not None and found.dtype.base_dtype in allowed:
                    return found
            return convert(value, dtype, arg.name, default, arg.is_ref)
        except TypeError as error:
            if dtype is None:
                raise
            raise TypeError(
                f"Expected {dtype.name} passed to parameter '{arg.name}' of op '{self.definition.name}', got "
                f"{value!r:.200} of type '{type(value).__name__}' instead. Error: {error}"
            ) from None
        except ValueError as error:
            raise self._mismatch(arg, value, dtype, error) from None

    def _mismatch(self, arg: OpDef.ArgDef, value: Any, dtype: DType | None, error: ValueError) -> Exception:
        if not isinstance(value, Tensor) or dtype is None:
            return ValueError(f"Tried to convert '{arg.name}' to a tensor and failed. Error: {error}")
        prefix = f"Input '{arg.name}' of '{self.definition.name}' Op has type {value.dtype.name} that does not match"
        if arg.type:
            return TypeError(f"{prefix} expected type of {dtype.name}.")
        return TypeError(f"{prefix} type {dtype.name} of argument '{self._from.get(arg.type_attr, arg.type_attr)}'.")

    def _allowed(self, attr: str) -> list[DType]:
        definition = self._attr_defs.get(attr)
        return [] if definition is None else [as_dtype(t) for t in definition.allowed_values.list.type]

    def _convert_list(self, arg: OpDef.ArgDef, values: Sequence[Any]) -> list[Tensor]:
        dtype = self._known(arg)
        default = None
        if dtype is None and arg.number_attr:
            dtype = next((v.dtype.base_dtype for v in values if isinstance(getattr(v, "dtype", None), DType)), None)
            default = self._defaults.get(arg.type_attr) if dtype is None else None
        listed = self._attrs.get(arg.type_list_attr) if arg.type_list_attr else None
        try:
            if isinstance(listed, list) and len(listed) == len(values):
                pairs = enumerate(zip(values, listed, strict=True))
                return [convert(v, d, f"{arg.name}_{i}", None, arg.is_ref) for i, (v, d) in pairs]
            tensors = convert_n(values, dtype, arg.name, default, arg.is_ref)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Tensors in list passed to '{arg.name}' of '{self.definition.name}' Op have types "
                f"[{', '.join(_type_name(v) for v in values)}] that don't all match. ({error})"
            ) from None
        if arg.number_attr and len({t.dtype.base_dtype for t in tensors}) > 1:
            names = ", ".join(t.dtype.base_dtype.name for t in tensors)
            raise TypeError(
                f"Tensors in list passed to '{arg.name}' of '{self.definition.name}' Op have types [{names}] "
                "that don't all match."
            )
        return tensors

    def _infer(self, arg: OpDef.ArgDef, types: list[DType]) -> None:
        if arg.number_attr:
            self._set_count(arg, len(types))
            if arg.type_attr and types:
                self._set_type(arg, types[0])
        elif arg.type_list_attr:
            known = self._attrs.get(arg.type_list_attr)
            if known is not None and known != types:
                raise TypeError(
                    f"Input '{arg.name}' of '{self.definition.name}' Op has type list of {[t.name for t in types]} "
                    f"that does not match type list {[t.name for t in known]} of argument "
                    f"'{self._from[arg.type_list_attr]}'."
                )
            self._attrs[arg.type_list_attr] = types
            self._from[arg.type_list_attr] = arg.name
        elif arg.type_attr:
            self._set_type(arg, types[0])

    def _set_count(self, arg: OpDef.ArgDef, count: int) -> None:
        known = self._attrs.get(arg.number_attr)
        definition = self._attr_defs[arg.number_attr]
        if known is not None and known != count:
            raise ValueError(
                f"List argument '{arg.name}' to '{self.definition.name}' Op with length {count} must match length "
                f"{known} of argument '{self._from.get(arg.number_attr, arg.number_attr)}'."
            )
        if definition.has_minimum and count < definition.minimum:
            raise ValueError(
                f"List argument '{arg.name}' to '{self.definition.name}' Op with length {count} shorter than minimum "
                f"length {definition.minimum}."
            )
        self._attrs[arg.number_attr] = count
        self._from[arg.number_attr] = arg.name

    def _set_type(self, arg: OpDef.ArgDef, dtype: DType) -> None:
        known = self._attrs.get(arg.type_attr)
        if known is not None:
            if known.base_dtype != dtype:
                raise TypeError(
                    f"Input '{arg.name}' of '{self.definition.name}' Op has type {dtype.name} that does not match type "
                    f"{known.name} of argument '{self._from.get(arg.type_attr, arg.type_attr)}'."
                )
            return
        allowed = self._allowed(arg.type_attr)
        if allowed and dtype not in allowed:
            raise TypeError(
                f"Value passed to parameter '{arg.name}' has DataType {dtype.name} not in list of allowed values: "
                + ", ".join(d.name for d in allowed)
            )
        self._attrs[arg.type_attr] = dtype
        self._from[arg.type_attr] = arg.name

    def attributes(self) -> dict[str, AttrValue]:
        """All attributes that do not have their default, as messages. TypeError for one that is missing or unknown."""
        found: dict[str, AttrValue] = {}
        for attr in self.definition.attr:
            if attr.name in self._attrs:
                value = self._attrs[attr.name]
            elif attr.name in self._given or attr.name + "_" in self._given:
                key = attr.name if attr.name in self._given else attr.name + "_"
                value = self._given.pop(key)
                if value is None and attr.HasField("default_value"):
                    continue
            elif attr.HasField("default_value"):
                continue
            else:
                raise TypeError(f"No argument found for attr {attr.name} for {self.definition.name}")
            found[attr.name] = attr_proto(attr, value)
        if self._given:
            raise TypeError(
                f"{self.definition.name} got unexpected keyword arguments: {', '.join(sorted(self._given))}."
            )
        return found


def _type_name(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return str(getattr(dtype, "name", dtype)) if dtype is not None else type(value).__name__


def _to_attr(attr: OpDef.AttrDef, value: Any) -> Any:
    """A given attribute in the form that inference compares: dtypes as DType."""
    if attr.type == "type":
        return as_dtype(value).base_dtype
    if attr.type == "list(type)":
        return [as_dtype(v).base_dtype for v in value]
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError(f"Expected int for argument '{attr.name}' not {value!r}.")
    return int(value)


def attr_proto(attr: OpDef.AttrDef, value: Any) -> AttrValue:
    """``value`` as the message of an attribute; TypeError or ValueError when it is not of its kind or not allowed."""
    proto = AttrValue()
    kind = attr.type
    if kind.startswith("list("):
        if not isinstance(value, list | tuple) and not hasattr(value, "__iter__"):
            raise TypeError(f"Expected list for attr {attr.name}, obtained {type(value).__name__} instead.")
        proto.list.SetInParent()
        for item in value:
            _put(proto.list, kind[5:-1], item, attr.name, many=True)
        if attr.has_minimum and len(list(value)) < attr.minimum:
            raise ValueError(
                f"Attr {attr.name} of length {len(list(value))} is shorter than its minimum {attr.minimum}."
            )
        return proto
    _put(proto, kind, value, attr.name)
    if kind == "int" and attr.has_minimum and proto.i < attr.minimum:
        raise ValueError(f"Attr '{attr.name}' must be at least minimum {attr.minimum}: {proto.i}")
    allowed = attr.allowed_values.list.s
    if kind == "string" and allowed and proto.s not in allowed:
        names = '", "'.join(s.decode() for s in allowed)
        raise ValueError(f"Attr '{attr.name}' passed string '{proto.s.decode()}' not in: \"{names}\".")
    return proto


_FIELDS = {"string": "s", "int": "i", "float": "f", "bool": "b"}


def _put(proto: Any, kind: str, value: Any, name: str, *, many: bool = False) -> None:
    """Writes one value of an attribute into an AttrValue, or appends it to its list."""
    if kind in _FIELDS:
        plain = _PLAIN[kind](value, name)
        if many:
            getattr(proto, _FIELDS[kind]).append(plain)
        else:
            setattr(proto, _FIELDS[kind], plain)
    elif kind == "type":
        number = as_dtype(value).base_dtype.as_datatype_enum
        if many:
            proto.type.append(number)
        else:
            proto.type = number
    else:
        field = {"shape": "shape", "tensor": "tensor", "func": "func"}[kind]
        target = getattr(proto, field).add() if many else getattr(proto, field)
        target.CopyFrom(_MESSAGES[kind](value, name))
        if not many:
            target.SetInParent()


def _string(value: Any, name: str) -> bytes:
    if not isinstance(value, str | bytes):
        raise TypeError(f"Expected string for argument '{name}' not {value!r}.")
    return value.encode() if isinstance(value, str) else value


def _int(value: Any, name: str) -> int:
    if isinstance(value, str | bytes):
        raise TypeError(f"Expected int for argument '{name}' not {value!r}.")
    try:
        return int(value)
    except (TypeError, ValueError):
        raise TypeError(f"Expected int for argument '{name}' not {value!r}.") from None


def _float(value: Any, name: str) -> float:
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"Expected float for argument '{name}' not {value!r}.") from None


def _bool(value: Any, name: str) -> bool:
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(f"Expected bool for argument '{name}' not {value!r}.")
    return bool(value)


def _shape(value: Any, name: str) -> TensorShapeProto:
    if isinstance(value, TensorShapeProto):
        return value
    try:
        return TensorShape(value).as_proto()
    except (TypeError, ValueError) as error:
        raise TypeError(f"Error converting {value!r} (arg name = {name}) to a TensorShape: {error}") from None


def _tensor(value: Any, name: str) -> TensorProto:
    return value if isinstance(value, TensorProto) else make_tensor_proto(value)


def _func(value: Any, name: str) -> NameAttrList:
    if isinstance(value, NameAttrList):
        return value
    if isinstance(value, str):
        return NameAttrList(name=value)
    raise TypeError(f"Don't know how to convert {value!r} to a func for argument {name}")


_PLAIN: dict[str, Any] = {"string": _string, "int": _int, "float": _float, "bool": _bool}
_MESSAGES: dict[str, Any] = {"shape": _shape, "tensor": _tensor, "func": _func}
