"""ONNX → SavedModel, for graphs whose ops all have a counterpart (``onnx_rules`` and its neighbours).

Weights become constants of the graph. Inputs and outputs keep their names as the aliases of the signature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from noria.compile.ort import run_file
from noria.convert import onnx_nn_rules, onnx_shape_rules
from noria.convert.onnx_build import Builder, Call, Val
from noria.convert.onnx_rules import BY_NUMBER, RULES
from noria.convert.onnx_tensor import to_array
from noria.convert.registry import Options, Parts, source
from noria.convert.signatures import meta_graph, signature_def
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, TFError, UnimplementedError
from noria.formats import files
from noria.formats.proto_file import parse_binary
from noria.graph.export import PRODUCER, graph_input
from noria.graph.rules import MALFORMED
from noria.graph.saver import make_node
from noria.model.signature import TensorSpec
from noria.protos.onnx import GraphProto, ModelProto, ValueInfoProto
from noria.protos.tensorflow import GraphDef
from noria.shapes import Shape

assert onnx_nn_rules  # their import fills the table
assert onnx_shape_rules


@source("onnx")
def read_onnx(path: str, options: Options) -> Parts:
    """The ONNX model in the file ``path``; options.outputs may name other values of its graph (alias → value)."""
    model = parse_binary(ModelProto, files.read_bytes(path), path)
    if not model.graph.output or not model.graph.node:
        raise InvalidArgumentError(f"{path}: an ONNX model without nodes or outputs; is this another kind of file?")
    if options.inputs is not None:
        raise InvalidArgumentError("the inputs of an ONNX model are those of its graph; only --outputs can be chosen")
    opset = max((o.version for o in model.opset_import if not o.domain), default=1)
    try:
        graph, inputs, outputs = translate(model.graph, opset, files.split(path)[0], options.outputs)
    except TFError:
        raise
    except MALFORMED as error:
        raise InvalidArgumentError(f"{path}: not well formed: {type(error).__name__}: {error}") from error
    meta = meta_graph(graph, options.signature_key, signature_def(inputs, outputs))
    own = options.outputs is None
    return Parts(meta, run=run_file(path) if own else None)


def translate(
    graph: GraphProto, opset: int, folder: str, outputs: Mapping[str, str] | None = None
) -> tuple[GraphDef, dict[str, TensorSpec], dict[str, TensorSpec]]:
    """``graph`` as a GraphDef, with its inputs and outputs.

    folder: where external data is looked for; outputs: alias → value, the graph's own by default. Raises
    UnimplementedError with every op that has no counterpart, InvalidArgumentError for a graph that is not well formed.
    """
    unknown = Counter(f"{n.domain}.{n.op_type}" if n.domain else n.op_type for n in graph.node if not _known(n))
    if unknown:
        listed = ", ".join(f"{op} ({n})" if n > 1 else op for op, n in sorted(unknown.items()))
        raise UnimplementedError(f"these ONNX ops have no TensorFlow counterpart here: {listed}")
    return _Translator(graph, opset, folder).run(outputs or {o.name: o.name for o in graph.output})


def _known(node: object) -> bool:
    domain, op = getattr(node, "domain", ""), getattr(node, "op_type", "")
    return domain in ("", "ai.onnx") and op in RULES


class _Translator:
    def __init__(self, graph: GraphProto, opset: int, folder: str) -> None:
        self._graph = graph
        self._opset = opset
        self._folder = folder
        self._builder = Builder()
        self._values: dict[str, Val] = {}

    def run(self, outputs: Mapping[str, str]) -> tuple[GraphDef, dict[str, TensorSpec], dict[str, TensorSpec]]:
        for tensor in self._graph.initializer:
            array, dtype = to_array(tensor, self._folder)
            self._values[tensor.name] = self._builder.const(array, dtype)
        if self._graph.sparse_initializer:
            raise UnimplementedError("sparse initializers have no TensorFlow counterpart here")
        inputs: dict[str, TensorSpec] = {}
        for info in self._graph.input:
            if info.name not in self._values:
                dtype, shape = _declared(info)
                value = self._values[info.name] = self._builder.placeholder(info.name, dtype, shape)
                inputs[info.name] = TensorSpec(info.name, str(value.tensor), dtype, shape)
        for node in self._graph.node:
            self._builder.scope = node.name or node.output[0]
            call = Call(node, [self._input(n) for n in node.input], self._builder, self._opset)
            made = RULES[node.op_type](call)
            results: Sequence[Val] = [made] if isinstance(made, Val) else made
            for name, result in zip(node.output, results, strict=False):
                if name:
                    self._values[name] = result
        found = {alias: self._output(alias, name) for alias, name in outputs.items()}
        graph = GraphDef(node=self._builder.nodes)
        graph.versions.producer = PRODUCER
        return graph, inputs, found

    def _input(self, name: str) -> Val | None:
        if not name:
            return None
        if name not in self._values:
            raise InvalidArgumentError(f"a node takes {name!r}, which no node before it makes; is the graph sorted?")
        return self._values[name]

    def _output(self, alias: str, name: str) -> TensorSpec:
        value = self._input(name)
        if value is None:
            raise DataLossError(f"output {alias!r} has no name")
        tensor = graph_input(self._builder.tensor(value))
        made = self._builder.name(alias)
        self._builder.nodes.append(make_node(made, "Identity", [tensor], T=value.dtype))
        known = [o for o in self._graph.output if o.name == name and o.type.tensor_type.elem_type in BY_NUMBER]
        declared = _declared(known[0])[1] if known else None
        return TensorSpec(alias, f"{made}:0", value.dtype, value.shape if value.shape is not None else declared)


def _declared(info: ValueInfoProto) -> tuple[DType, Shape]:
    kind = info.type.tensor_type
    dtype = BY_NUMBER.get(kind.elem_type)
    if dtype is None:
        raise UnimplementedError(f"{info.name!r} is no tensor of a type that TensorFlow has")
    if not kind.HasField("shape"):
        return dtype, None
    return dtype, tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim)
