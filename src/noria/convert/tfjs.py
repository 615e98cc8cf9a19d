"""TensorFlow.js graph models → SavedModel.

    model.json   modelTopology    a GraphDef in JSON; constants without their values
                 weightsManifest  groups: the shards that hold them (joined end to end) and the weights in order:
                                  name, shape, dtype, quantization
                 signature        SignatureDef in JSON (also under userDefinedMetadata)
    shards       float32, int32, complex64 little-endian; bool a byte; string: length (uint32) and bytes of each element

A quantized weight is stored as float16, or as uint8 or uint16 q with value = q * scale + min. Ops that exist in
TensorFlow.js only (fused convolutions and products, Prelu) become TensorFlow's own.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from google.protobuf import json_format

from noria import dtypes
from noria.convert.registry import Array, Options, Parts, source
from noria.convert.signatures import PREDICT, meta_graph
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, UnimplementedError
from noria.formats import files
from noria.formats.saved_model import checked_name
from noria.formats.saved_model_writer import own_file
from noria.formats.tensor_proto import field_of
from noria.graph.export import shape_proto, tensor_proto
from noria.graph.graph import ShapeAttr, parse_tensor_name
from noria.graph.graphdef import import_graph
from noria.graph.rewrite import all_nodes, unique_name
from noria.protos import POOL
from noria.protos.tensorflow import GraphDef, NodeDef, SignatureDef, TensorInfo

_FUSED: Final = {
    "_FusedConv2D": "Conv2D", "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedDepthwiseConv2dNative": "DepthwiseConv2dNative", "_FusedMatMul": "MatMul",
}  # fmt: skip
_KEPT: Final = {
    "Conv2D": ("T", "strides", "padding", "explicit_paddings", "data_format", "dilations"),
    "DepthwiseConv2dNative": ("T", "strides", "padding", "explicit_paddings", "data_format", "dilations"),
    "MatMul": ("T", "transpose_a", "transpose_b"),
}
_ACTIVATIONS: Final = frozenset({"Relu", "Relu6", "Elu", "Sigmoid", "Tanh", "LeakyRelu", "Selu", "Softplus"})
_QUANTIZED: Final = {"uint8": np.uint8, "uint16": np.uint16, "float16": np.float16}


@source("tfjs")
def read_tfjs(path: str, options: Options) -> Parts:
    """The graph model of the folder (or ``model.json``) ``path``, weights as constants."""
    file = files.join(path, "model.json") if files.is_dir(path) else path
    document = _object(file)
    topology = document.get("modelTopology")
    if document.get("format") == "layers-model" or not isinstance(topology, dict) or "node" not in topology:
        raise InvalidArgumentError(
            f"{file}: not a graph model of TensorFlow.js; a layers model is converted from Keras"
        )
    graph = _message(GraphDef(), topology, file)
    weights = dict(_weights(document.get("weightsManifest", []), files.split(file)[0], file))
    _fill(graph, weights, file)
    made = GraphDef(library=graph.library, versions=graph.versions)
    taken = {n.name for n in graph.node}
    for node in graph.node:
        made.node.extend(_unfused(node, taken))
    definition = _signature(document, made, options, file)
    notes = ["not compared: nothing here runs TensorFlow.js models"] if options.check else []
    return Parts(meta_graph(made, options.signature_key, definition), notes=notes)


def _object(file: str) -> dict[str, Any]:
    try:
        document = json.loads(files.read_bytes(file))
    except ValueError as error:
        raise DataLossError(f"{file}: not JSON: {error}") from None
    if not isinstance(document, dict):
        raise DataLossError(f"{file}: not a JSON object")
    return document


def _message(message: Any, document: Mapping[str, Any], file: str) -> Any:
    try:
        return json_format.ParseDict(_plain(document), message, ignore_unknown_fields=True, descriptor_pool=POOL)
    except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
        raise DataLossError(f"{file}: not a {message.DESCRIPTOR.name} in JSON: {error}") from None


def _plain(value: Any, key: str = "") -> Any:
    """``value`` with bytes as JSON's base64: early converters wrote them as lists of numbers."""
    if isinstance(value, dict):
        return {k: _plain(v, k) for k, v in value.items()}
    if isinstance(value, list):
        if key == "s" and value and all(isinstance(v, int) for v in value):
            return base64.b64encode(bytes(v & 0xFF for v in value)).decode()
        return [_plain(v, key) for v in value]
    return value


def _weights(manifest: Any, folder: str, file: str) -> Iterator[tuple[str, tuple[Array, DType]]]:
    try:
        for group in manifest:
            paths = [own_file(folder, files.join(folder, checked_name(str(p), file))) for p in group["paths"]]
            data = b"".join(files.read_bytes(p) for p in paths)
            at = 0
            for weight in group["weights"]:
                dtype = dtypes.from_name(weight["dtype"])
                shape = tuple(int(d) for d in weight["shape"])
                value, at = _weight(data, at, dtype, shape, weight.get("quantization"))
                yield str(weight["name"]), (value, dtype)
            if at != len(data):
                raise DataLossError(f"{file}: shards {group['paths']} hold {len(data)} bytes; their weights take {at}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise DataLossError(f"{file}: weightsManifest is damaged: {type(error).__name__}: {error}") from None


def _weight(
    data: bytes, at: int, dtype: DType, shape: tuple[int, ...], quantization: Mapping[str, Any] | None
) -> tuple[Array, int]:
    """(value, where the next one begins)."""
    count = math.prod(shape)
    if min(shape, default=0) < 0:
        raise ValueError(f"shape {list(shape)}")
    if dtype is dtypes.string:
        return _strings(data, at, count, shape)
    stored = dtype.numpy
    if quantization is not None:
        stored = np.dtype(_QUANTIZED[quantization["dtype"]])
    end = at + count * stored.itemsize
    if end > len(data):
        raise DataLossError(
            f"weights of {count} elements of {stored} at {at} run past the {len(data)} bytes of a shard"
        )
    value = np.frombuffer(data[at:end], stored).reshape(shape)
    with np.errstate(all="ignore"):  # values and scale may be anything
        if quantization is not None and "scale" in quantization:
            wide = value.astype(np.float64) * float(quantization["scale"]) + float(quantization["min"])
            value = np.round(wide) if dtype.is_integer else wide
        return value.astype(dtype.numpy), end


def _strings(data: bytes, at: int, count: int, shape: tuple[int, ...]) -> tuple[Array, int]:
    flat = np.empty(count, object)
    for i in range(count):
        size = int.from_bytes(data[at : at + 4], "little")
        at += 4
        if at + size > len(data):
            raise DataLossError(f"string {i} of {size} bytes at {at} runs past the {len(data)} bytes of a shard")
        flat[i] = data[at : at + size]
        at += size
    return flat.reshape(shape), at


def _fill(graph: GraphDef, weights: Mapping[str, tuple[Array, DType]], file: str) -> None:
    """Gives the constants their values."""
    for node in all_nodes(graph):
        if node.op != "Const":
            continue
        found = weights.get(node.name)
        if found is not None:
            value, dtype = found
            declared = node.attr["dtype"].type
            if declared and declared != dtype.number:  # int64 is stored as int32, which JavaScript has
                dtype = dtypes.from_number(declared)
                value = value.astype(dtype.numpy)
            node.attr["dtype"].type = dtype.number
            node.attr["value"].tensor.CopyFrom(tensor_proto(value, dtype))
        elif not _has_value(node):
            raise DataLossError(f"{file}: constant {node.name!r} has no weights in the manifest")


def _has_value(node: NodeDef) -> bool:
    tensor = node.attr["value"].tensor
    if tensor.tensor_content or any(d.size == 0 for d in tensor.tensor_shape.dim):
        return True
    return bool(getattr(tensor, field_of(dtypes.from_number(tensor.dtype)))) if tensor.dtype else False


def _unfused(node: NodeDef, taken: set[str]) -> list[NodeDef]:
    """``node`` in ops of TensorFlow; the last one has its name."""
    if node.op == "Prelu":
        return _prelu(node.name, node.input[0], node.input[1], node.attr["T"].type or dtypes.float32.number, taken)
    if node.op not in _FUSED:
        return [node]
    op = _FUSED[node.op]
    steps = [s.decode() for s in node.attr["fused_ops"].list.s]
    number = node.attr["T"].type
    extra = list(node.input[2:])
    made = NodeDef(name=node.name, op=op, input=node.input[:2], device=node.device)
    for name in _KEPT[op]:
        if name in node.attr:
            made.attr[name].CopyFrom(node.attr[name])
    nodes = [made]
    for step in steps:
        last = nodes[-1]
        last.name = unique_name(f"{node.name}/{last.op}", taken)
        taken.add(last.name)
        if step == "Prelu":
            nodes += _prelu(node.name, last.name, extra.pop(0), number, taken)
            continue
        if step == "BiasAdd":
            added = NodeDef(name=node.name, op="BiasAdd", input=[last.name, extra.pop(0)])
            if "data_format" in node.attr:
                added.attr["data_format"].CopyFrom(node.attr["data_format"])
        elif step in _ACTIVATIONS:
            added = NodeDef(name=node.name, op=step, input=[last.name])
            if step == "LeakyRelu":
                added.attr["alpha"].f = node.attr["leakyrelu_alpha"].f if "leakyrelu_alpha" in node.attr else 0.2
        else:
            raise UnimplementedError(f"node {node.name!r} ({node.op}) fuses {step!r}, which has no counterpart here")
        added.attr["T"].type = number
        nodes.append(added)
    return nodes


def _prelu(name: str, x: str, alpha: str, number: int, taken: set[str]) -> list[NodeDef]:
    """relu(x) - alpha * relu(-x), for any alpha that broadcasts."""
    names = {}
    for part in ("positive", "minus", "negative", "scaled"):
        names[part] = unique_name(f"{name}/{part}", taken)
        taken.add(names[part])
    rows: Sequence[tuple[str, str, list[str]]] = (
        (names["positive"], "Relu", [x]),
        (names["minus"], "Neg", [x]),
        (names["negative"], "Relu", [names["minus"]]),
        (names["scaled"], "Mul", [alpha, names["negative"]]),
        (name, "Sub", [names["positive"], names["scaled"]]),
    )
    nodes = [NodeDef(name=n, op=op, input=inputs) for n, op, inputs in rows]
    for made in nodes:
        made.attr["T"].type = number
    return nodes


def _signature(document: Mapping[str, Any], graph: GraphDef, options: Options, file: str) -> SignatureDef:
    """The tensors given, else the model's own signature, else placeholders and what nothing consumes."""
    stored = document.get("signature") or (document.get("userDefinedMetadata") or {}).get("signature")
    known: SignatureDef = _message(SignatureDef(), stored, file) if isinstance(stored, dict) else SignatureDef()
    imported = import_graph(graph)
    used = {i.partition(":")[0].removeprefix("^") for n in graph.node for i in n.input}
    inputs = {n.name: n.name for n in graph.node if n.op == "Placeholder"}
    outputs = {
        n.name: n.name for n in graph.node if n.name not in used and n.op not in ("Const", "NoOp", "Placeholder")
    }
    made = SignatureDef(method_name=PREDICT)
    for target, given, own, guess in (
        (made.inputs, options.inputs, known.inputs, inputs),
        (made.outputs, options.outputs, known.outputs, outputs),
    ):
        names = given or {k: own[k].name or k for k in own} or guess
        for alias, name in names.items():
            tensor = parse_tensor_name(name)
            info = TensorInfo(name=str(tensor), dtype=imported.dtype(tensor).number)
            shape = imported[tensor.node].attrs.get("shape")
            dims = shape.dims if isinstance(shape, ShapeAttr) else None
            info.tensor_shape.CopyFrom(shape_proto(dims))
            if alias in own and own[alias].HasField("tensor_shape"):
                info.tensor_shape.CopyFrom(own[alias].tensor_shape)
            target[alias].CopyFrom(info)
    return made
