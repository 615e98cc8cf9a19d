"""Small graphs for tests, written as GraphDefs and imported, so that they take the way real graphs take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import noria.ops
from noria import dtypes
from noria.compile.pipeline import Feed, compile_program, prepare
from noria.compile.program import Program
from noria.dtypes import DType
from noria.formats.tensor_proto import from_array
from noria.graph.graph import Graph, Tensor, parse_tensor_name
from noria.graph.graphdef import import_graph
from noria.graph.resources import Resources
from noria.protos.tensorflow import AttrValue, FunctionDef, GraphDef, NodeDef
from noria.shapes import Shape

assert noria.ops  # its import fills the rule tables


def attr(value: Any) -> AttrValue:
    match value:
        case AttrValue():
            return value
        case bool():
            return AttrValue(b=value)
        case int():
            return AttrValue(i=value)
        case float():
            return AttrValue(f=value)
        case str():
            return AttrValue(s=value.encode())
        case DType():
            return AttrValue(type=value.number)
        case np.ndarray():
            return AttrValue(tensor=from_array(value))
        case list():
            return AttrValue(list=AttrValue.ListValue(type=[d.number for d in value]))
        case tuple():
            proto = AttrValue()
            proto.shape.SetInParent()
            for size in value:
                proto.shape.dim.add(size=-1 if size is None else size)
            return proto
    raise TypeError(type(value))


def node(name: str, op: str, *inputs: str, **attrs: Any) -> NodeDef:
    proto = NodeDef(name=name, op=op, input=inputs)
    for key, value in attrs.items():
        proto.attr[key].CopyFrom(attr(value))
    return proto


def placeholder(name: str, dtype: DType = dtypes.float32, shape: Shape = None) -> NodeDef:
    return node(name, "Placeholder", dtype=dtype, **({} if shape is None else {"shape": tuple(shape)}))


def const(name: str, value: Any, dtype: DType = dtypes.float32) -> NodeDef:
    return node(name, "Const", dtype=dtype, value=np.asarray(value, dtype.numpy))


def call(name: str, function: str, *inputs: str, tin: Sequence[DType] = (), tout: Sequence[DType] = ()) -> NodeDef:
    proto = node(name, "StatefulPartitionedCall", *inputs)
    proto.attr["Tin"].list.type.extend(d.number for d in tin)
    proto.attr["Tout"].list.type.extend(d.number for d in tout)
    proto.attr["f"].func.name = function
    return proto


def function(
    name: str,
    args: dict[str, DType],
    results: dict[str, tuple[DType, str]],
    *nodes: NodeDef,
    control: Sequence[str] = (),
) -> FunctionDef:
    """results: name → dtype and the body's tensor as FunctionDefs write it (``node:output:0``)."""
    proto = FunctionDef()
    proto.signature.name = name
    for arg, dtype in args.items():
        proto.signature.input_arg.add(name=arg, type=dtype.number)
    for result, (dtype, tensor) in results.items():
        proto.signature.output_arg.add(name=result, type=dtype.number)
        proto.ret[result] = tensor
    proto.node_def.extend(nodes)
    for i, target in enumerate(control):
        proto.signature.control_output.append(f"control_{i}")
        proto.control_ret[f"control_{i}"] = target
    return proto


def graph(*nodes: NodeDef, functions: Sequence[FunctionDef] = ()) -> Graph:
    proto = GraphDef(node=nodes)
    proto.library.function.extend(functions)
    return import_graph(proto)


def program(
    made: Graph,
    feeds: dict[str, Shape],
    fetches: Sequence[str],
    targets: Sequence[str] = (),
    *,
    resources: Resources | None = None,
    mutable: Sequence[tuple[str, str]] = (),
    engine: bool = True,
) -> Program:
    """Compiles ``made``; feeds and fetches by tensor name."""
    fed = {parse_tensor_name(name): shape for name, shape in feeds.items()}
    wanted: list[Tensor] = [parse_tensor_name(name) for name in fetches]
    prepared = prepare(made, [*fed, *wanted], targets)
    return compile_program(
        prepared,
        [Feed(t, made.dtype(t), shape) for t, shape in fed.items()],
        wanted,
        targets,
        resources=resources or Resources(),
        mutable=mutable,
        engine=engine,
    )
