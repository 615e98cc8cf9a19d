"""``tensorflow.python.tools.strip_unused_lib``: what outputs need of a graph, from inputs that may lie inside it."""

from __future__ import annotations

from collections.abc import Sequence

from noria.protos.tensorflow import GraphDef, NodeDef
from noria.v1.graph_util import extract_sub_graph


def strip_unused(
    input_graph_def: GraphDef,
    input_node_names: Sequence[str],
    output_node_names: Sequence[str],
    placeholder_type_enum: int | list[int],
) -> GraphDef:
    """The nodes that ``output_node_names`` need; the inputs become placeholders, so what fed them goes.

    placeholder_type_enum: the dtype of the placeholders, or a list with one for each input. Raises ValueError for the
    name of a tensor, KeyError for an input that the graph does not have.
    """
    for name in input_node_names:
        if ":" in name:
            raise ValueError(f"Name '{name}' appears to refer to a Tensor, not an Operation.")
    missing = set(input_node_names) - {node.name for node in input_graph_def.node}
    if missing:
        raise KeyError(f"The following input nodes were not found: {missing}.")
    cut = GraphDef(versions=input_graph_def.versions, library=input_graph_def.library)
    for node in input_graph_def.node:
        if node.name not in input_node_names:
            cut.node.append(node)
            continue
        types = placeholder_type_enum
        placeholder = NodeDef(name=node.name, op="Placeholder")
        placeholder.attr["dtype"].type = (
            types[list(input_node_names).index(node.name)] if isinstance(types, list) else types
        )
        for key in ("_output_shapes", "shape"):
            if key in node.attr:
                placeholder.attr[key].CopyFrom(node.attr[key])
        cut.node.append(placeholder)
    return extract_sub_graph(cut, output_node_names)
