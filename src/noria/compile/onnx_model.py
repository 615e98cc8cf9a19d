"""ONNX: the nodes that lower rules emit, and one segment of them as a serialized ``ModelProto``.

The model carries small constants only. Big ones are declared as external data without a location: ``ort`` hands their
arrays to the engine beside the model, so weights are never copied into protobuf.
Format: https://github.com/onnx/onnx/blob/main/docs/IR.md (IR version 10, opset 21).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from noria.dtypes import DType
from noria.graph.graph import Array
from noria.protos.onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto
from noria.shapes import Shape

OPSET: Final = 21
IR_VERSION: Final = 10
INLINE_BYTES: Final = 256  # constants up to this size stand in the model itself, where the engine folds them


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One ONNX node: names of its values, "" for an absent optional input; plain attributes, or a ``SubGraph``.

    captures: how many of the inputs, at the end, are only named within subgraphs, where they are not listed.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""
    captures: int = 0

    def renamed(self, rename: Callable[[str], str]) -> OnnxNode:
        """The node with other names for all its values, those within subgraphs too."""
        attrs = {k: v.renamed(rename) if isinstance(v, SubGraph) else v for k, v in self.attrs.items()}
        inputs, outputs = tuple(map(rename, self.inputs)), tuple(map(rename, self.outputs))
        return OnnxNode(self.op, inputs, outputs, attrs, self.domain, self.captures)


@dataclass(frozen=True, slots=True)
class SubGraph:
    """A graph that is an attribute: the body of a Loop, a branch of an If. captures: what it takes from around."""

    nodes: tuple[OnnxNode, ...]
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    captures: tuple[str, ...]

    def renamed(self, rename: Callable[[str], str]) -> SubGraph:
        return SubGraph(
            tuple(node.renamed(rename) for node in self.nodes),
            tuple(ValueInfo(rename(v.name), v.dtype, v.shape) for v in self.inputs),
            tuple(ValueInfo(rename(v.name), v.dtype, v.shape) for v in self.outputs),
            tuple(map(rename, self.captures)),
        )


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the program. ``array`` may be a view into a mapped file."""

    array: Array
    dtype: DType


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """A value that enters or leaves a segment."""

    name: str
    dtype: DType
    shape: Shape


def serialize(
    nodes: Sequence[OnnxNode],
    inputs: Iterable[ValueInfo],
    outputs: Iterable[ValueInfo],
    constants: Mapping[str, Constant],
) -> tuple[bytes, dict[str, Constant]]:
    """The model's bytes, and the constants that are not in it but have to be handed over by name."""
    graph = GraphProto(name="segment")
    graph.node.extend(_node(n) for n in nodes)
    graph.input.extend(_value_info(v) for v in inputs)
    graph.output.extend(_value_info(v) for v in outputs)
    external: dict[str, Constant] = {}
    for name, constant in constants.items():
        graph.initializer.append(_initializer(name, constant))
        if constant.array.nbytes > INLINE_BYTES:
            external[name] = constant
    model = ModelProto(ir_version=IR_VERSION, producer_name="noria", graph=graph)
    model.opset_import.add(domain="", version=OPSET)
    if any(n.domain == "com.microsoft" for n in _with_subgraphs(nodes)):
        model.opset_import.add(domain="com.microsoft", version=1)
    return model.SerializeToString(), external


def _with_subgraphs(nodes: Iterable[OnnxNode]) -> Iterator[OnnxNode]:
    for node in nodes:
        yield node
        for value in node.attrs.values():
            if isinstance(value, SubGraph):
                yield from _with_subgraphs(value.nodes)


def _node(node: OnnxNode) -> NodeProto:
    listed = len(node.inputs) - node.captures
    proto = NodeProto(op_type=node.op, input=node.inputs[:listed], output=node.outputs, domain=node.domain)
    proto.name = node.outputs[0]
    for key, value in node.attrs.items():
        if isinstance(value, SubGraph):
            # A pass may have given this node another value in the place of one that the subgraph names.
            now = dict(zip(value.captures, node.inputs[listed:], strict=True))
            value = value.renamed(lambda name, now=now: now.get(name, name))  # type: ignore[misc]
        proto.attribute.append(_attribute(key, value))
    return proto


def _sub_graph(value: SubGraph) -> GraphProto:
    graph = GraphProto(name=value.outputs[0].name)
    graph.node.extend(_node(n) for n in value.nodes)
    graph.input.extend(_value_info(v) for v in value.inputs)
    graph.output.extend(_value_info(v) for v in value.outputs)
    return graph


def _attribute(name: str, value: Any) -> AttributeProto:
    kinds = AttributeProto
    match value:
        case SubGraph():
            return AttributeProto(name=name, type=kinds.GRAPH, g=_sub_graph(value))
        case bool() | int() | np.integer():
            return AttributeProto(name=name, type=kinds.INT, i=int(value))
        case float() | np.floating():
            return AttributeProto(name=name, type=kinds.FLOAT, f=float(value))
        case str() | bytes():
            return AttributeProto(name=name, type=kinds.STRING, s=value.encode() if isinstance(value, str) else value)
        case np.ndarray():
            tensor = TensorProto(dims=value.shape, raw_data=np.ascontiguousarray(value).tobytes())
            tensor.data_type = _ONNX_BY_NUMPY[value.dtype.name]
            return AttributeProto(name=name, type=kinds.TENSOR, t=tensor)
        case [str(), *_]:
            return AttributeProto(name=name, type=kinds.STRINGS, strings=[v.encode() for v in value])
        case [float() | np.floating(), *_]:
            return AttributeProto(name=name, type=kinds.FLOATS, floats=[float(v) for v in value])
        case _:
            return AttributeProto(name=name, type=kinds.INTS, ints=[int(v) for v in value])


_ONNX_BY_NUMPY = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}


def _value_info(value: ValueInfo) -> ValueInfoProto:
    proto = ValueInfoProto(name=value.name)
    tensor = proto.type.tensor_type
    tensor.elem_type = value.dtype.onnx
    if value.shape is not None:
        tensor.shape.SetInParent()
        for dim in value.shape:
            added = tensor.shape.dim.add()
            if dim is not None:
                added.dim_value = dim
    return proto


def _initializer(name: str, constant: Constant) -> TensorProto:
    array = constant.array
    proto = TensorProto(name=name, data_type=constant.dtype.onnx, dims=array.shape)
    if array.nbytes <= INLINE_BYTES:
        proto.raw_data = array.tobytes()
    else:
        proto.data_location = TensorProto.EXTERNAL
        proto.external_data.add(key="location", value="memory")
        proto.external_data.add(key="length", value=str(array.nbytes))
    return proto
