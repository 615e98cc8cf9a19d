"""Graph → GraphDef: the way back from ``graphdef``.

Attributes are written in the kind that the op definition declares, so an empty list, a type and a shape are what
TensorFlow expects whatever Python value stands for them. Names of function arguments and results follow TensorFlow's
rule (lower case, digits, underscores); a function that was imported is written as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import from_array
from noria.graph.graph import Attr, Function, FunctionRef, Graph, Node, ShapeAttr, Tensor
from noria.graph.graphdef import Library
from noria.graph.op_spec import OpSpec, is_stateful, op_spec
from noria.protos import op_defs
from noria.protos.tensorflow import AttrValue, FunctionDef, GraphDef, NodeDef, TensorProto, TensorShapeProto

PRODUCER: Final = 2474  # the version of the graph format that TensorFlow 2.21 writes
_FUNCTIONS_SINCE: Final = 12  # the first version of a reader that knows functions
# What ``tf.make_tensor_proto`` writes as bytes when there is more than one element; all else goes to typed fields.
_CONTENT_TYPES: Final = frozenset(
    {
        dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bfloat16, dtypes.int8, dtypes.int16, dtypes.int32,
        dtypes.int64, dtypes.uint8, dtypes.uint32, dtypes.uint64, dtypes.qint8, dtypes.quint8, dtypes.qint16,
        dtypes.quint16, dtypes.qint32, dtypes.float8_e5m2, dtypes.float8_e4m3fn, dtypes.float8_e4m3fnuz,
        dtypes.float8_e4m3b11fnuz, dtypes.float8_e5m2fnuz, dtypes.float4_e2m1fn,
    }
)  # fmt: skip
_MAX_CONTENT: Final = 1 << 31  # bytes that one message can hold


def tensor_proto(array: npt.ArrayLike, dtype: DType | None = None) -> TensorProto:
    """The TensorProto that ``tf.make_tensor_proto`` makes of ``array``, byte for byte.

    Raises InvalidArgumentError for 2 GiB and more, which no message can hold.
    """
    values = np.asarray(array)
    dtype = dtypes.from_numpy(values.dtype) if dtype is None else dtype
    if values.size * dtype.size >= _MAX_CONTENT:
        raise InvalidArgumentError(
            f"a constant of shape {list(values.shape)} and dtype {dtype} takes {values.size * dtype.size} bytes; "
            "a graph holds less than 2 GiB. Keep it as a variable in a checkpoint"
        )
    return from_array(values, dtype, content=dtype in _CONTENT_TYPES and values.size > 1)


def shape_proto(dims: Iterable[int | None] | None) -> TensorShapeProto:
    """A partial shape as a message: None for a size that is unknown, ``dims`` None for an unknown rank."""
    if dims is None:
        return TensorShapeProto(unknown_rank=True)
    proto = TensorShapeProto()
    for dim in dims:
        proto.dim.add().size = -1 if dim is None else dim
    return proto


def to_attr_value(value: Attr, kind: str = "") -> AttrValue:
    """``value`` as an AttrValue of ``kind`` (``int``, ``list(shape)``, …); by default the kind that it looks like.

    A shape may be given as a ShapeAttr, a tuple or a list of sizes; an int stands for a float where one is declared.
    Raises InvalidArgumentError for a value that is not of the kind.
    """
    proto = AttrValue()
    if kind.startswith("list(") or (not kind and isinstance(value, list)):
        _write_list(proto.list, value, kind[5:-1])
        return proto
    write = _WRITERS.get(kind or _kind_of(value))
    try:
        if write is None:
            raise TypeError(f"there is no kind {kind!r}")
        write(proto, value)
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidArgumentError(f"attribute value {value!r:.80} is not of kind {kind!r}: {error}") from None
    return proto


def _kind_of(value: Any) -> str:
    match value:
        case bool() | np.bool_():
            return "bool"
        case int() | np.integer():
            return "int"
        case float() | np.floating():
            return "float"
        case bytes() | str():
            return "string"
        case DType():
            return "type"
        case ShapeAttr():
            return "shape"
        case np.ndarray():
            return "tensor"
        case FunctionRef():
            return "func"
    raise InvalidArgumentError(f"no attribute can hold a {type(value).__name__}: {value!r:.80}")


def _write_list(proto: Any, value: Any, kind: str) -> None:
    proto.SetInParent()
    if not isinstance(value, list | tuple):
        raise InvalidArgumentError(f"attribute value {value!r:.80} should be a list")
    for item in value:
        one = to_attr_value(item, kind)
        field = one.WhichOneof("value")
        assert field is not None
        if field in ("shape", "tensor", "func"):
            getattr(proto, field).add().CopyFrom(getattr(one, field))
        else:
            getattr(proto, field).append(getattr(one, field))


def _shape(proto: AttrValue, value: Any) -> None:
    proto.shape.CopyFrom(shape_proto(value.dims if isinstance(value, ShapeAttr) else value))


def _func(proto: AttrValue, value: Any) -> None:
    proto.func.name = value if isinstance(value, str) else value.name
    for name, attr in {} if isinstance(value, str) else value.attrs.items():
        proto.func.attr[name].CopyFrom(to_attr_value(attr))


def _set(field: str, convert: Callable[[Any], Any]) -> Callable[[AttrValue, Any], None]:
    return lambda proto, value: setattr(proto, field, convert(value))


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError(f"it is a {type(value).__name__}")
    return value


_WRITERS: Final[Mapping[str, Callable[[AttrValue, Any], None]]] = {
    "string": _set("s", _bytes),
    "int": _set("i", int),
    "float": _set("f", float),
    "bool": _set("b", bool),
    "type": _set("type", lambda v: v.number),
    "shape": _shape,
    "tensor": lambda p, v: p.tensor.CopyFrom(tensor_proto(v)),
    "func": _func,
}


def attr_kinds(op: str) -> Mapping[str, str]:
    """The kinds of the attributes of ``op`` as its definition writes them; empty for an op that is not TensorFlow's."""
    found = _KINDS.get(op)
    if found is None:
        found = {a.name: a.type for a in op_defs.op_def(op).attr} if op_defs.has_op(op) else {}
        _KINDS[op] = found
    return found


_KINDS: dict[str, Mapping[str, str]] = {}


def node_def(node: Node, input_name: Callable[[Tensor], str] | None = None) -> NodeDef:
    """``node`` as a NodeDef; ``input_name``: how an input is written, ``node`` and ``node:1`` by default."""
    write = input_name or graph_input
    proto = NodeDef(name=node.name, op=node.op, device=node.device)
    proto.input.extend(write(t) for t in node.inputs)
    proto.input.extend("^" + name for name in node.control_inputs)
    kinds = attr_kinds(node.op)
    for name, value in node.attrs.items():
        try:
            made = _tensor_attr(node, value) if name == "value" else to_attr_value(value, kinds.get(name, ""))
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"node {node.name!r} ({node.op}), attribute {name!r}: {error}") from None
        proto.attr[name].CopyFrom(made)
    return proto


def _tensor_attr(node: Node, value: Attr) -> AttrValue:
    """A constant's value: its dtype is the node's, which an array of a quantised type does not show."""
    if not isinstance(value, np.ndarray):
        return to_attr_value(value, attr_kinds(node.op).get("value", ""))
    dtype = node.attrs.get("dtype")
    return AttrValue(tensor=tensor_proto(value, dtype if isinstance(dtype, DType) else None))


def graph_input(tensor: Tensor) -> str:
    """An input as a GraphDef writes it: output 0 without a number."""
    return str(tensor) if tensor.output else tensor.node


def graph_def(graph: Graph, *, producer: int = PRODUCER) -> GraphDef:
    """``graph`` as a GraphDef with its library; ``producer``: the version of the format to declare."""
    proto = GraphDef()
    proto.node.extend(node_def(node) for node in graph)
    proto.versions.producer = producer
    library = graph.functions
    if library:
        proto.versions.min_consumer = _FUNCTIONS_SINCE
    for name in library:
        known = library.proto(name) if isinstance(library, Library) else None
        proto.library.function.append(function_def(library[name]) if known is None else known)
    return proto


def function_def(function: Function) -> FunctionDef:
    """``function`` as a FunctionDef: arguments and results named after their nodes."""
    body = function.body
    proto = FunctionDef()
    proto.signature.name = function.name
    arguments: dict[str, str] = {}
    taken = {n.name for n in body if n.op != "_Arg"}
    for node in function.args:
        name = arguments[node] = _argument_name(node, taken)
        proto.signature.input_arg.add(name=name, type=body.dtype(Tensor(node)).number)
    specs: dict[str, OpSpec | None] = {}

    def write(tensor: Tensor) -> str:
        if tensor.node in arguments:
            return arguments[tensor.node]
        return _function_input(body[tensor.node], tensor.output, specs, body)

    for node_ in body:
        if node_.op != "_Arg":
            made = node_def(node_, write)
            made.input[:] = [_control(i, arguments) for i in made.input]
            proto.node_def.append(made)
    results: set[str] = set()
    for tensor in function.results:
        name = _argument_name(tensor.node, results)
        proto.signature.output_arg.add(name=name, type=body.dtype(tensor).number)
        proto.ret[name] = write(tensor)
    for i, node in enumerate(function.control_results):
        proto.signature.control_output.append(f"control_{i}")
        proto.control_ret[f"control_{i}"] = arguments.get(node, node)
    if any(n.op != "_Arg" and _stateful(n, body) for n in body):
        proto.signature.is_stateful = True
    return proto


def _control(name: str, arguments: Mapping[str, str]) -> str:
    return "^" + arguments.get(name[1:], name[1:]) if name.startswith("^") else name


def _stateful(node: Node, body: Graph) -> bool:
    return node.op not in body.functions and is_stateful(node.op)


def _argument_name(node: str, taken: set[str]) -> str:
    """A name for an argument or result, as TensorFlow makes one: not taken, lower case, no scopes."""
    base = re.sub(r"[^a-z0-9_]", "_", node.lower())
    if not base[:1].isalpha():
        base = "arg_" + base.lstrip("_")
    name, k = base, 0
    while name in taken:
        k += 1
        name = f"{base}_{k}"
    taken.add(name)
    return name


def _function_input(node: Node, output: int, specs: dict[str, OpSpec | None], body: Graph) -> str:
    """``node:result:k``, where the op definition names the result; ``node:output:k`` where there is none."""
    if node.op not in specs:
        specs[node.op] = body.functions.spec(node.op) if isinstance(body.functions, Library) else op_spec(node.op)
    spec = specs[node.op]
    if spec is None:
        return f"{node.name}:output:{output}"
    left = output
    for arg in spec.outputs:
        count = len(arg.dtypes(node.attrs))
        if left < count:
            return f"{node.name}:{arg.name}:{left}"
        left -= count
    raise InvalidArgumentError(f"node {node.name!r} ({node.op}) has no output {output}")
