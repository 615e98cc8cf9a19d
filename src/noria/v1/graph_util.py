"""``tf.graph_util`` and ``tf.train.write_graph``: cutting, freezing and writing graphs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import Any

from noria.compile.freeze import handle_key
from noria.errors import FailedPreconditionError
from noria.formats import files
from noria.formats.proto_file import write_message
from noria.graph import rewrite, to_constants
from noria.graph.graph import Array
from noria.graph.resources import Resources, Variable
from noria.protos.tensorflow import GraphDef, NodeDef
from noria.v1.exports import export
from noria.v1.graph import Graph
from noria.v1.tensor_shape import TensorShape
from noria.v1.tf_logging import info


def _check_present(graph_def: GraphDef, names: Iterable[str]) -> None:
    there = {node.name for node in graph_def.node}
    for name in names:
        if name not in there:
            raise AssertionError(f"{name} is not in graph")


@export("graph_util.extract_sub_graph")
def extract_sub_graph(graph_def: GraphDef, dest_nodes: Iterable[str]) -> GraphDef:
    """The part of ``graph_def`` that the nodes ``dest_nodes`` need.

    Raises AssertionError for a node that is not in the graph, TypeError for one string instead of a list.
    """
    if isinstance(dest_nodes, str):
        raise TypeError(f"dest_nodes must be an iterable of strings, but got type {type(dest_nodes)}.")
    names = list(dest_nodes)
    _check_present(graph_def, names)
    return rewrite.extract_sub_graph(graph_def, names)


@export("graph_util.remove_training_nodes")
def remove_training_nodes(input_graph: GraphDef, protected_nodes: Collection[str] | None = None) -> GraphDef:
    """The graph without nodes that only training needs: CheckNumerics, Identity, StopGradient."""
    return rewrite.remove_training_nodes(input_graph, protected_nodes)


@export("graph_util.must_run_on_cpu")
def must_run_on_cpu(node: NodeDef, pin_variables_on_cpu: bool = False) -> bool:
    """Whether a NodeDef (or Operation) has a kernel for the CPU only."""
    return rewrite.must_run_on_cpu(getattr(node, "node_def", node), pin_variables_on_cpu)


@export("graph_util.tensor_shape_from_node_def_name")
def tensor_shape_from_node_def_name(graph: Graph, input_name: str) -> TensorShape:
    """The shape of the tensor that an input such as ``"dense/MatMul"`` or ``"split:1"`` names."""
    return graph.get_tensor_by_name(input_name if ":" in input_name else f"{input_name}:0").shape


@export("graph_util.convert_variables_to_constants")
def convert_variables_to_constants(
    sess: Any,
    input_graph_def: GraphDef,
    output_node_names: Iterable[str],
    variable_names_whitelist: Collection[str] | None = None,
    variable_names_blacklist: Collection[str] | None = None,
) -> GraphDef:
    """The part of the graph that ``output_node_names`` need, with the values that variables have in ``sess``.

    whitelist: the variables to convert, None for all; blacklist: those to leave. Raises AssertionError for outputs that
    are not in the graph, FailedPreconditionError for variables without a value.
    """
    names = list(output_node_names)
    _check_present(input_graph_def, names)
    values = {n.name: n for n in input_graph_def.node if n.op in to_constants.VARIABLE_OPS}
    frozen = to_constants.convert_variables_to_constants(
        input_graph_def,
        lambda name: variable_value(sess, name),
        names,
        variable_names_whitelist,
        variable_names_blacklist,
    )
    left = {n.name for n in frozen.node if n.op in to_constants.VARIABLE_OPS}
    kept = {n.name for n in frozen.node} & values.keys() - left
    info("Froze %d variables.", len(kept))
    info("Converted %d variables to const ops.", len(kept))
    return frozen


def variable_value(sess: Any, name: str) -> Array:
    """The value that the variable of node ``name`` has in ``sess``: the session's own array, not to be changed.

    Raises FailedPreconditionError when it has none.
    """
    node = sess.graph.get_operation_by_name(name).node
    resources: Resources = sess.resources
    found = resources.find(*handle_key(node))
    if not isinstance(found, Variable) or found.value is None:
        raise FailedPreconditionError(f"Attempting to use uninitialized value {name}")
    return found.value


@export("train.write_graph", "io.write_graph")
def write_graph(graph_or_graph_def: Any, logdir: str, name: str, as_text: bool = True) -> str:
    """Writes a graph, or any message, to ``name`` in the folder ``logdir``, which is made; returns the path."""
    message = graph_or_graph_def
    if isinstance(message, Graph):
        message = message.as_graph_def()
    if logdir and not files.is_url(logdir):
        os.makedirs(logdir, exist_ok=True)
    path = files.join(logdir, name) if logdir else name
    write_message(message, path, as_text=as_text)
    return path
