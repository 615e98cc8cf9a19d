"""``tensorflow.python.tools.optimize_for_inference_lib``: a graph without what only training needs.

The nodes that outputs need stay as they are. TensorFlow also folds batch normalisation into convolutions here; the
engine does that when a graph is compiled, so the file keeps the layers it was trained with.
"""

from __future__ import annotations

from collections.abc import Sequence

from noria.protos.tensorflow import GraphDef
from noria.v1.graph_util import remove_training_nodes
from noria.v1.strip_unused import strip_unused


def optimize_for_inference(
    input_graph_def: GraphDef,
    input_node_names: Sequence[str],
    output_node_names: Sequence[str],
    placeholder_type_enum: int | list[int],
    toco_compatible: bool = False,
) -> GraphDef:
    """``strip_unused``, then without nodes that only check or pass on. Computes what the graph computed.

    toco_compatible changes nothing here. Raises what ``strip_unused`` raises.
    """
    stripped = strip_unused(input_graph_def, input_node_names, output_node_names, placeholder_type_enum)
    return remove_training_nodes(stripped, list(output_node_names))
