"""Graphs in files of their own: frozen GraphDefs (``.pb``, ``.pbtxt``) and MetaGraphDefs (``.meta``).

Each file is one message, binary or text; see proto_file.
"""

from __future__ import annotations

from noria.errors import InvalidArgumentError
from noria.formats import files
from noria.formats.proto_file import read_message, write_message
from noria.protos.tensorflow import GraphDef, MetaGraphDef


def read_graph_def(path: files.PathLike) -> GraphDef:
    """The GraphDef in the file at ``path``.

    Raises NotFoundError, DataLossError for bytes that do not parse, InvalidArgumentError for a graph without nodes:
    most other messages parse as one.
    """
    graph = read_message(GraphDef, path)
    if not graph.node:
        raise InvalidArgumentError(
            f"{files.text(path)}: a GraphDef without nodes; is this another kind of file? "
            "A SavedModel is loaded by its folder, a MetaGraphDef ends in .meta"
        )
    return graph


def read_meta_graph_def(path: files.PathLike) -> MetaGraphDef:
    """The MetaGraphDef in the file at ``path``, as ``Saver.save`` writes it beside a checkpoint; errors likewise."""
    meta = read_message(MetaGraphDef, path)
    if not meta.graph_def.node:
        raise InvalidArgumentError(f"{files.text(path)}: a MetaGraphDef without a graph; is this another kind of file?")
    return meta


def write_graph_def(path: files.PathLike, graph: GraphDef, *, as_text: bool | None = None) -> None:
    """Writes ``graph`` to ``path``, whole or not at all; text where ``as_text`` or the ending (``.pbtxt``) says so."""
    write_message(graph, path, as_text=as_text)


def write_meta_graph_def(path: files.PathLike, meta: MetaGraphDef, *, as_text: bool | None = None) -> None:
    """Writes ``meta`` to ``path``, as ``write_graph_def`` does."""
    write_message(meta, path, as_text=as_text)
