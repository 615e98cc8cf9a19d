"""The features that a model parses from ``tf.train.Example``, read from its ParseExample node.

ParseExample     inputs: serialized, names, sparse_keys (Nsparse scalars), dense_keys (Ndense scalars), defaults
ParseExampleV2   inputs: serialized, names, sparse_keys (vector), dense_keys (vector), ragged_keys, defaults
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from noria import dtypes
from noria.errors import TFError
from noria.formats.tensor_proto import to_array
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef

_MAX_VALUES = 16  # of one feature in a printed example


@dataclass(frozen=True)
class Feature:
    """A feature: its key, dtype and how many values a dense one has (1 for a sparse or variable one)."""

    key: str
    dtype: dtypes.DType
    size: int

    def values(self) -> list[Any]:
        """Values of the right type and number."""
        kinds: dict[dtypes.DType, Any] = {dtypes.string: "text", dtypes.int64: 1}
        return [kinds.get(self.dtype, 1.0)] * self.size


def example_features(meta: MetaGraphDef, placeholder: str) -> tuple[Feature, ...]:
    """The features parsed from the string tensor ``placeholder`` (``tf_example:0``); empty where none are found.

    In the graph itself the ParseExample node must read that tensor; behind a function call the only ParseExample node
    of the library is taken. Never raises: it serves to print an example.
    """
    graph = meta.graph_def
    name = placeholder.partition(":")[0]
    direct = [node for node in _parsers(graph.node) if node.input and node.input[0].partition(":")[0] == name]
    if direct:
        return _features(direct[0], {node.name: node for node in graph.node})
    inner = [(node, f.node_def) for f in graph.library.function for node in _parsers(f.node_def)]
    if len(inner) == 1 and _calls_functions(graph, name):
        node, body = inner[0]
        return _features(node, {other.name: other for other in body})
    return ()


def _parsers(nodes: Iterable[NodeDef]) -> list[NodeDef]:
    return [node for node in nodes if node.op in ("ParseExample", "ParseExampleV2")]


def _calls_functions(graph: GraphDef, placeholder: str) -> bool:
    """Whether some function call of the graph takes the placeholder."""
    return any(
        "f" in node.attr and any(edge.partition(":")[0] == placeholder for edge in node.input) for node in graph.node
    )


def _features(node: NodeDef, nodes: Mapping[str, NodeDef]) -> tuple[Feature, ...]:
    try:
        if node.op == "ParseExample":
            sparse_count, dense_count = node.attr["Nsparse"].i, node.attr["Ndense"].i
            keys = [key for edge in node.input[2 : 2 + sparse_count + dense_count] for key in _strings(edge, nodes)]
            sparse, dense = keys[:sparse_count], keys[sparse_count:]
        else:
            sparse, dense = _strings(node.input[2], nodes), _strings(node.input[3], nodes)
        sparse_types, dense_types = node.attr["sparse_types"].list.type, node.attr["Tdense"].list.type
        sizes = [_size([dim.size for dim in shape.dim]) for shape in node.attr["dense_shapes"].list.shape]
        found = [Feature(key, dtypes.from_number(number), 1) for key, number in zip(sparse, sparse_types, strict=True)]
        found += [
            Feature(key, dtypes.from_number(number), size)
            for key, number, size in zip(dense, dense_types, sizes, strict=True)
        ]
    except (TFError, LookupError, ValueError):
        return ()  # keys that are computed, or a node that is not well formed
    return tuple(sorted(found, key=lambda feature: feature.key))


def _size(dims: list[int]) -> int:
    return min(math.prod(dims), _MAX_VALUES) if all(dim > 0 for dim in dims) else 1


def _strings(edge: str, nodes: Mapping[str, NodeDef]) -> list[str]:
    """The strings of the constant that ``edge`` names (``keys``, ``keys:0``, ``keys:output:0``)."""
    node = nodes[edge.partition(":")[0]]
    if node.op != "Const":
        raise LookupError(node.name)
    return [bytes(value).decode() for value in to_array(node.attr["value"].tensor).ravel()]
