"""``tensorflow.python.tools.freeze_graph``: a graph file and a checkpoint become one graph of constants.

Runs as a command too: ``noria exec -m tensorflow.python.tools.freeze_graph --input_graph=… --output_graph=…``. What
``noria freeze`` does, with TensorFlow's arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from google.protobuf import text_format

from noria.errors import NotFoundError
from noria.protos import POOL
from noria.protos.tensorflow import GraphDef, MetaGraphDef, SaverDef
from noria.v1 import file_io
from noria.v1.exports import tf
from noria.v1.session import Session

_Message = TypeVar("_Message", GraphDef, MetaGraphDef, SaverDef)


def freeze_graph(
    input_graph: str | None,
    input_saver: str,
    input_binary: bool,
    input_checkpoint: str | None,
    output_node_names: str,
    restore_op_name: str | None,
    filename_tensor_name: str | None,
    output_graph: str,
    clear_devices: bool,
    initializer_nodes: str,
    variable_names_whitelist: str = "",
    variable_names_blacklist: str = "",
    input_meta_graph: str | bool | None = None,
    input_saved_model_dir: str | None = None,
    saved_model_tags: str = "serve",
    checkpoint_version: int = 2,
) -> GraphDef:
    """Writes the graph of ``output_node_names`` with variables as constants to ``output_graph``, and returns it.

    The graph: a GraphDef file (``input_binary``: not text), a MetaGraphDef file or a SavedModel. The variables:
    ``input_checkpoint``, through the SaverDef file ``input_saver`` where one is given. Lists of names are texts with
    commas; ``initializer_nodes`` run before freezing. restore_op_name and filename_tensor_name are not used, as in
    TensorFlow. Raises NotFoundError for a missing file, ValueError without an output or a checkpoint.
    """
    graph_def = meta_graph = saver_def = None
    if input_graph and not input_saved_model_dir:
        graph_def = _read(GraphDef(), input_graph, binary=input_binary)
    if input_meta_graph:
        meta_graph = _read(MetaGraphDef(), str(input_meta_graph), binary=input_binary)
    if input_saver:
        saver_def = _read(SaverDef(), input_saver, binary=input_binary)
    return freeze_graph_with_def_protos(
        graph_def, saver_def, input_checkpoint, output_node_names, restore_op_name, filename_tensor_name, output_graph,
        clear_devices, initializer_nodes, variable_names_whitelist, variable_names_blacklist, meta_graph,
        input_saved_model_dir, _words(saved_model_tags), checkpoint_version,
    )  # fmt: skip


def freeze_graph_with_def_protos(
    input_graph_def: GraphDef | None,
    input_saver_def: SaverDef | None,
    input_checkpoint: str | None,
    output_node_names: str,
    restore_op_name: str | None,
    filename_tensor_name: str | None,
    output_graph: str | None,
    clear_devices: bool,
    initializer_nodes: str,
    variable_names_whitelist: str = "",
    variable_names_blacklist: str = "",
    input_meta_graph_def: MetaGraphDef | None = None,
    input_saved_model_dir: str | None = None,
    saved_model_tags: Sequence[str] | None = None,
    checkpoint_version: int = 2,
) -> GraphDef:
    """``freeze_graph`` of messages instead of files."""
    if not input_saved_model_dir and not (input_checkpoint and tf.train.checkpoint_exists(input_checkpoint)):
        raise ValueError(f"Input checkpoint '{input_checkpoint}' doesn't exist!")
    if not output_node_names:
        raise ValueError("You need to supply the name of a node to --output_node_names.")
    source = input_meta_graph_def.graph_def if input_meta_graph_def is not None else input_graph_def
    if clear_devices and source is not None:
        for node in source.node:
            node.device = ""
    with tf.Graph().as_default() as graph, Session(graph=graph) as session:
        if input_saved_model_dir:
            meta = tf.saved_model.loader.load(session, list(saved_model_tags or ()), input_saved_model_dir)
            source = meta.graph_def
        elif input_meta_graph_def is not None:
            tf.train.import_meta_graph(input_meta_graph_def, clear_devices=True).restore(session, input_checkpoint)
        elif input_graph_def is not None:
            tf.import_graph_def(input_graph_def, name="")
            _saver(graph, input_saver_def, str(input_checkpoint)).restore(session, input_checkpoint)
        else:
            raise ValueError("no graph is given: name a graph file, a MetaGraph file or a SavedModel")
        if initializer_nodes:
            session.run(_words(initializer_nodes))
        frozen: GraphDef = tf.graph_util.convert_variables_to_constants(
            session,
            source,
            _words(output_node_names),
            _words(variable_names_whitelist) or None,
            _words(variable_names_blacklist) or None,
        )
    if output_graph:
        with file_io.GFile(output_graph, "wb") as file:
            file.write(frozen.SerializeToString(deterministic=True))
    return frozen


def _saver(graph: Any, saver_def: SaverDef | None, checkpoint: str) -> Any:
    """A Saver of the variables that both the graph and the checkpoint have."""
    if saver_def is not None:
        return tf.train.Saver(saver_def=saver_def)
    kinds = {op.name: op.type for op in graph.get_operations()}
    found: dict[str, Any] = {}
    for key in tf.train.NewCheckpointReader(checkpoint).get_variable_to_shape_map():
        if kinds.get(key, "") in ("Variable", "VariableV2"):
            found[key] = graph.get_tensor_by_name(f"{key}:0")
        elif kinds.get(key) == "VarHandleOp":  # a Saver wants what reads it
            handle = graph.get_operation_by_name(key)
            found[key] = tf.raw_ops.ReadVariableOp(resource=handle.outputs[0], dtype=handle.get_attr("dtype"))
    if not found:
        raise ValueError(
            f"No variable of {checkpoint} is in this graph. Was it frozen before? A graph cannot be frozen twice."
        )
    return tf.train.Saver(var_list=found)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(" ", "").split(",") if word]


def _read(message: _Message, path: str, *, binary: bool) -> _Message:
    if not file_io.exists(path):
        raise NotFoundError(f"Input graph file '{path}' does not exist!")
    with file_io.GFile(path, "rb" if binary else "r") as file:
        if binary:
            message.ParseFromString(file.read())
        else:
            text_format.Parse(file.read(), message, descriptor_pool=POOL)
    return message


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; gives its exit status."""
    parser = argparse.ArgumentParser("freeze_graph", description="Freezes a graph with the values of a checkpoint.")
    parser.add_argument("--input_graph", default="", help="GraphDef file")
    parser.add_argument("--input_saver", default="", help="SaverDef file")
    parser.add_argument("--input_checkpoint", default="", help="prefix of a checkpoint")
    parser.add_argument("--checkpoint_version", type=int, default=2, help="1 or 2; both are recognised")
    parser.add_argument("--output_graph", default="", help="file to write")
    parser.add_argument("--input_binary", nargs="?", const=True, default=False, type=_truth, help="files are not text")
    parser.add_argument("--output_node_names", default="", help="names with commas")
    parser.add_argument("--restore_op_name", default="save/restore_all", help="not used")
    parser.add_argument("--filename_tensor_name", default="save/Const:0", help="not used")
    parser.add_argument("--clear_devices", nargs="?", const=True, default=True, type=_truth, help="drop devices")
    parser.add_argument("--initializer_nodes", default="", help="operations to run before freezing")
    parser.add_argument("--variable_names_whitelist", default="", help="the only variables to freeze")
    parser.add_argument("--variable_names_blacklist", default="", help="variables to leave")
    parser.add_argument("--input_meta_graph", default="", help="MetaGraphDef file")
    parser.add_argument("--input_saved_model_dir", default="", help="folder of a SavedModel")
    parser.add_argument("--saved_model_tags", default="serve", help="tags of its MetaGraph, with commas")
    frozen = freeze_graph(**vars(parser.parse_args(arguments)))
    print(f"{len(frozen.node)} ops in the final graph.")
    return 0


def _truth(text: str) -> bool:
    return text.lower() == "true"


if __name__ == "__main__":
    sys.exit(main())
