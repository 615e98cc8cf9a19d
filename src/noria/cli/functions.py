"""The functions that a TF2 SavedModel's root object carries (``SavedObjectGraph``), with their arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from noria import dtypes
from noria.errors import TFError
from noria.protos.tensorflow import SavedObjectGraph, StructuredValue, TensorShapeProto


@dataclass(frozen=True)
class FunctionRow:
    """A function of the root object. options: for each concrete function its arguments, as lines of text."""

    name: str
    options: tuple[tuple[str, ...], ...]


def defined_functions(graph: SavedObjectGraph) -> Iterator[FunctionRow]:
    """The functions among the children of the root object, by name; none for a model that TF1 wrote."""
    if not graph.nodes:
        return
    for child in sorted(graph.nodes[0].children, key=lambda child: child.local_name):
        if not 0 <= child.node_id < len(graph.nodes):
            continue
        node = graph.nodes[child.node_id]
        match node.WhichOneof("kind"):
            case "function":
                names = sorted(node.function.concrete_functions)
            case "bare_concrete_function":
                names = [node.bare_concrete_function.concrete_function_name]
            case _:
                continue
        known = [graph.concrete_functions[name] for name in names if name in graph.concrete_functions]
        options = tuple(tuple(_arguments(function.canonicalized_input_signature)) for function in known)
        yield FunctionRow(child.local_name, options)


def _arguments(signature: StructuredValue) -> Iterator[str]:
    """The signature is the pair (positional arguments, keyword arguments)."""
    values = list(signature.tuple_value.values)
    for position, value in enumerate(values[0].tuple_value.values if values else (), 1):
        yield f"argument {position}: {structured_text(value)}"
    if len(values) > 1:
        for key, value in sorted(values[1].dict_value.fields.items()):
            yield f"keyword {key}: {structured_text(value)}"


def structured_text(value: StructuredValue) -> str:
    """A StructuredValue as Python would show it, tensors as ``name: dtype [shape]``."""
    kind = value.WhichOneof("kind")
    match kind:
        case "tensor_spec_value" | "bounded_tensor_spec_value":
            spec = value.tensor_spec_value if kind == "tensor_spec_value" else value.bounded_tensor_spec_value
            return f"{spec.name}: {_dtype_text(spec.dtype)} {_shape_text(spec.shape)}".removeprefix(": ")
        case "none_value" | None:
            return "None"
        case "tensor_dtype_value":
            return _dtype_text(value.tensor_dtype_value)
        case "tensor_shape_value":
            return _shape_text(value.tensor_shape_value)
        case "list_value":
            return "[" + ", ".join(map(structured_text, value.list_value.values)) + "]"
        case "tuple_value":
            return "(" + ", ".join(map(structured_text, value.tuple_value.values)) + ")"
        case "dict_value":
            items = sorted(value.dict_value.fields.items())
            return "{" + ", ".join(f"{key!r}: {structured_text(item)}" for key, item in items) + "}"
        case "named_tuple_value":
            pairs = value.named_tuple_value.values
            inner = ", ".join(f"{pair.key}={structured_text(pair.value)}" for pair in pairs)
            return f"{value.named_tuple_value.name}({inner})"
        case "type_spec_value":
            return value.type_spec_value.type_spec_class_name or "TypeSpec"
        case "tensor_value" | "numpy_value":
            return "constant tensor"
        case _:
            return repr(getattr(value, kind))


def _dtype_text(number: int) -> str:
    try:
        return dtypes.from_number(number).name
    except TFError:
        return f"DataType {number}"


def _shape_text(proto: TensorShapeProto) -> str:
    if proto.unknown_rank:
        return "<unknown>"
    return "[" + ",".join("?" if dim.size < 0 else str(dim.size) for dim in proto.dim) + "]"
