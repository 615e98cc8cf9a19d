"""MetaGraphDefs: a graph with its collections, its saver and what is known of its ops; out of a graph and into one.

``tensorflow_version`` says 1.15.0: readers ask it one thing only, whether VariableDefs say if they are trainable (they
do since 1.9), and 1.15 is the release whose format of graphs (``versions.producer`` 134) these graphs have. Who wrote
the file stands in ``tensorflow_git_version``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import noria
from noria.errors import TFError
from noria.formats import files
from noria.formats.proto_file import read_message
from noria.graph import rewrite
from noria.protos.tensorflow import CollectionDef, GraphDef, MetaGraphDef, NodeDef, SaverDef
from noria.protos.wellknown import Any as AnyProto
from noria.v1.collection_protos import proto_functions
from noria.v1.exports import export
from noria.v1.graph import Graph, get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.graph_util import write_graph
from noria.v1.importer import import_graph_def
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.tf_logging import error as log_error
from noria.v1.tf_logging import warning

TENSORFLOW_VERSION = "1.15.0"
_UNBOUND = "$unbound_inputs_"
_SAVE_AND_RESTORE = frozenset(
    {
        "SaveV2", "Save", "SaveSlice", "LegacySave", "LegacySaveSlice", "RestoreV2", "Restore", "RestoreSlice",
        "LegacyRestore", "LegacyRestoreSlice",
    }
)  # fmt: skip
_FORMERLY_NAMES = (GraphKeys.LOCAL_VARIABLES, GraphKeys.MODEL_VARIABLES, GraphKeys.METRIC_VARIABLES)


# --- out of a graph -------------------------------------------------------------------------------------------------


@export("python.framework.meta_graph.export_scoped_meta_graph")
def export_scoped_meta_graph(
    filename: str | None = None,
    graph_def: GraphDef | None = None,
    graph: Graph | None = None,
    export_scope: str | None = None,
    as_text: bool = False,
    unbound_inputs_col_name: str | None = "unbound_inputs",
    clear_devices: bool = False,
    saver_def: SaverDef | None = None,
    clear_extraneous_savers: bool = False,
    strip_default_attrs: bool = False,
    save_debug_info: bool = False,
    meta_info_def: Any = None,
    collection_list: Collection[str] | None = None,
) -> tuple[MetaGraphDef, dict[str, Any]]:
    """The MetaGraphDef of ``graph`` (of ``graph_def``, where it is given), and its variables by name.

    export_scope: only what lies in this scope, without the scope in names; inputs from outside go into the collection
    ``unbound_inputs_col_name``. Written to ``filename`` too, where it is given. See ``tf.train.export_meta_graph``.
    """
    graph = get_default_graph() if graph is None else graph
    excluded: set[str] = set()
    if export_scope or clear_extraneous_savers or clear_devices:
        base = graph.as_graph_def(add_shapes=True) if graph_def is None else graph_def
        if clear_extraneous_savers:
            excluded = _foreign_savers(base, saver_def)
        unbound: list[str] = []
        graph_def = _scoped(base, export_scope, excluded, unbound, clear_devices=clear_devices)
        if unbound_inputs_col_name:
            graph.clear_collection(unbound_inputs_col_name)
            for name in unbound:
                graph.add_to_collection(unbound_inputs_col_name, name)
    variables = {
        strip_name_scope(v.name, export_scope): v
        for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES, scope=export_scope)
        if _included(v, export_scope, excluded)
    }
    meta = create_meta_graph_def(
        meta_info_def, graph_def, saver_def, collection_list, graph, export_scope, excluded,
        clear_extraneous_savers=clear_extraneous_savers, strip_default_attrs=strip_default_attrs,
    )  # fmt: skip
    if filename:
        write_graph(meta, os.path.dirname(filename), os.path.basename(filename), as_text=as_text)
    if save_debug_info:
        warning("save_debug_info: operations here do not record where they were made; no .debug file is written")
    return meta, variables


@export("python.framework.meta_graph.create_meta_graph_def")
def create_meta_graph_def(
    meta_info_def: Any = None,
    graph_def: GraphDef | None = None,
    saver_def: SaverDef | None = None,
    collection_list: Collection[str] | None = None,
    graph: Graph | None = None,
    export_scope: str | None = None,
    exclude_nodes: Collection[str] = (),
    *,
    clear_extraneous_savers: bool = False,
    strip_default_attrs: bool = False,
) -> MetaGraphDef:
    """A MetaGraphDef of parts; what is left out is taken from ``graph`` (default graph). TypeError for wrong kinds."""
    for value, kind, name in (
        (graph, Graph, "graph"),
        (meta_info_def, MetaGraphDef.MetaInfoDef, "meta_info_def"),
        (graph_def, GraphDef, "graph_def"),
        (saver_def, SaverDef, "saver_def"),
    ):
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name} must be of type {kind.__name__}. Received type: {type(value)}.")
    graph = get_default_graph() if graph is None else graph
    meta = MetaGraphDef()
    if meta_info_def is not None:
        meta.meta_info_def.CopyFrom(meta_info_def)
    info = meta.meta_info_def
    info.tensorflow_version = TENSORFLOW_VERSION
    info.tensorflow_git_version = f"noria {noria.__version__}"
    meta.graph_def.CopyFrom(graph.as_graph_def(add_shapes=True) if graph_def is None else graph_def)
    if not info.stripped_op_list.op:
        info.stripped_op_list.CopyFrom(rewrite.stripped_op_list(meta.graph_def))
    if strip_default_attrs:
        meta.graph_def.CopyFrom(rewrite.strip_default_attrs(meta.graph_def))
        info.stripped_default_attrs = True
    if saver_def is not None:
        meta.saver_def.CopyFrom(saver_def)
    for key in graph.get_all_collection_keys() if collection_list is None else collection_list:
        only = None
        functions = proto_functions(key)
        if clear_extraneous_savers and key == GraphKeys.SAVERS and functions is not None and functions.from_proto:
            only = [functions.from_proto(saver_def)]
        add_collection_def(meta, key, graph, export_scope, exclude_nodes, only)
    return meta


@export("python.framework.meta_graph.add_collection_def")
def add_collection_def(
    meta_graph_def: MetaGraphDef,
    key: Any,
    graph: Graph | None = None,
    export_scope: str | None = None,
    exclude_nodes: Collection[str] = (),
    override_contents: Sequence[Any] | None = None,
) -> None:
    """Adds one collection to a MetaGraphDef; one whose items no message can hold is left out, with a warning."""
    if not isinstance(key, str | bytes):
        warning("Only collections with string type keys will be serialized. This key has %s", type(key))
        return
    graph = get_default_graph() if graph is None else graph
    name = key.decode() if isinstance(key, bytes) else key
    items = override_contents or graph.get_collection(name)
    items = [item for item in items if _included(item, export_scope, exclude_nodes)]
    if not items:
        return
    try:
        definition = _collection_def(name, items, export_scope)
    except Exception as error:  # whatever a program keeps in its collections must not stop it from saving
        warning(
            "Issue encountered when serializing %s.\nType is unsupported, or the types of the items don't match field "
            "type in CollectionDef. Note this is a warning and probably safe to ignore.\n%s",
            name, error,
        )  # fmt: skip
        return
    meta_graph_def.collection_def[name].CopyFrom(definition)


def _collection_def(key: str, items: Sequence[Any], export_scope: str | None) -> CollectionDef:
    found = CollectionDef()
    functions = proto_functions(key)
    first = items[0]
    if functions is not None and functions.to_proto is not None:
        for item in items:
            proto = functions.to_proto(item, export_scope=export_scope)
            if proto:
                assert isinstance(proto, functions.message)
                found.bytes_list.value.append(proto.SerializeToString())
    elif isinstance(first, str | bytes):
        found.bytes_list.value.extend(i if isinstance(i, bytes) else i.encode() for i in items)
    elif isinstance(first, int):
        found.int64_list.value.extend(items)
    elif isinstance(first, float):
        found.float_list.value.extend(items)
    elif isinstance(first, AnyProto):
        found.any_list.value.extend(items)
    else:
        names = [i.name for i in items]
        kept = [n for n in names if not export_scope or n.startswith(export_scope)]
        found.node_list.value.extend(strip_name_scope(n, export_scope) for n in kept)
    return found


def _included(item: Any, export_scope: str | None, excluded: Collection[str]) -> bool:
    """Whether a node, or an item of a collection, belongs to what is exported."""
    name = item if isinstance(item, str) else getattr(item, "name", None)
    if not isinstance(name, str):
        return True
    if name in excluded:
        return False
    return not export_scope or name.startswith((_UNBOUND, export_scope))


def _scoped(
    graph_def: GraphDef, scope: str | None, excluded: Collection[str], unbound: list[str], *, clear_devices: bool
) -> GraphDef:
    out = GraphDef(versions=graph_def.versions, library=graph_def.library)
    for node in graph_def.node:
        if _included(node.name, scope, excluded):
            added = out.node.add()
            added.CopyFrom(node)
            if scope:
                _leave_scope(added, scope, unbound)
            if clear_devices:
                added.device = ""
    return out


def _leave_scope(node: NodeDef, scope: str, unbound: list[str]) -> None:
    """Takes ``scope`` out of the names in ``node``; inputs from outside are marked and noted in ``unbound``."""
    for i, text in enumerate(node.input):
        if text.lstrip("^").startswith(scope):
            node.input[i] = strip_name_scope(text, scope)
        else:
            node.input[i] = f"{'^' if text.startswith('^') else ''}{_UNBOUND}{text.lstrip('^')}"
            unbound.append(node.input[i])
    node.name = strip_name_scope(node.name, scope)
    if rewrite.COLOCATION in node.attr:
        groups = [s.decode() for s in node.attr[rewrite.COLOCATION].list.s]
        kept = [g for g in groups if g.partition("@")[2].startswith(scope)]
        node.attr[rewrite.COLOCATION].list.SetInParent()
        node.attr[rewrite.COLOCATION].list.s[:] = [strip_name_scope(g, scope).encode() for g in kept]
    if node.op in ("Enter", "RefEnter"):
        frame = node.attr["frame_name"].s.decode()
        if frame.startswith(scope):
            node.attr["frame_name"].s = strip_name_scope(frame, scope).encode()


def _foreign_savers(graph_def: GraphDef, saver_def: SaverDef | None) -> set[str]:
    """The nodes of savers other than that of ``saver_def``: all that lies in a scope with a save or restore op."""
    savers = {n.name for n in graph_def.node if n.op in _SAVE_AND_RESTORE}
    scopes = {_scope(name) for name in savers} - savers
    own = {""}
    if saver_def is not None:
        own = {_scope(rewrite.node_name(n)) for n in (saver_def.save_tensor_name, saver_def.restore_op_name)}
    foreign = tuple(f"{scope}/" for scope in scopes - own)
    return {n.name for n in graph_def.node if n.name.startswith(foreign)} if foreign else set()


def _scope(name: str) -> str:
    return name.rpartition("/")[0]


# --- into a graph ---------------------------------------------------------------------------------------------------


@export("python.framework.meta_graph.read_meta_graph_file")
def read_meta_graph_file(filename: Any) -> MetaGraphDef:
    """The MetaGraphDef in a file, binary or text. Raises OSError when there is none, or it is of another kind."""
    if not files.exists(filename):
        raise OSError(f"File does not exist. Received: {filename}.")
    try:
        return read_message(MetaGraphDef, filename)
    except TFError as error:
        raise OSError(f"Cannot parse file {filename}: {error.message}.") from error


def as_meta_graph_def(value: Any) -> MetaGraphDef:
    """A MetaGraphDef of ours, or the one in the file that ``value`` names."""
    if isinstance(value, MetaGraphDef):
        return value
    if getattr(getattr(value, "DESCRIPTOR", None), "full_name", "") == "tensorflow.MetaGraphDef":
        return MetaGraphDef.FromString(value.SerializeToString())
    return read_meta_graph_file(value)


@export("python.framework.meta_graph.import_scoped_meta_graph_with_return_elements")
def import_scoped_meta_graph_with_return_elements(
    meta_graph_or_file: Any,
    clear_devices: bool = False,
    graph: Graph | None = None,
    import_scope: str | None = None,
    input_map: dict[str, Any] | None = None,
    unbound_inputs_col_name: str | None = "unbound_inputs",
    restore_collections_predicate: Callable[[str], bool] = lambda key: True,
    return_elements: Sequence[str] | None = None,
) -> tuple[dict[str, Any], list[Any] | None]:
    """Adds the graph of a MetaGraphDef, and its collections, to ``graph``.

    Gives the variables by the name they have there, and the ``return_elements``. Raises OSError for a file that is
    none, ValueError when the graph has unbound inputs that ``input_map`` does not give.
    """
    meta = as_meta_graph_def(meta_graph_or_file)
    _check_unbound(meta, unbound_inputs_col_name, input_map)
    graph = get_default_graph() if graph is None else graph
    with graph.as_default():
        part = rewrite.clear_devices(meta.graph_def) if clear_devices else meta.graph_def
        known = meta.meta_info_def.stripped_op_list if meta.meta_info_def.HasField("stripped_op_list") else None
        scope = graph.unique_name(import_scope or "", mark_as_used=False)
        returned = import_graph_def(
            part, name=import_scope or scope, input_map=input_map, producer_op_list=known,
            return_elements=return_elements,
        )  # fmt: skip
        keys = sorted(meta.collection_def, key=lambda key: (key != GraphKeys.TRAINABLE_VARIABLES, key))
        importer = _Collections(graph, scope, knows_trainable=_knows_trainable(meta))
        for key in keys:
            if key != unbound_inputs_col_name and restore_collections_predicate(key):
                importer.restore(key, meta.collection_def[key])
        variables = graph.get_collection(GraphKeys.GLOBAL_VARIABLES, scope=scope)
        return {strip_name_scope(v.name, scope): v for v in variables}, returned


@export("python.framework.meta_graph.import_scoped_meta_graph")
def import_scoped_meta_graph(*args: Any, **keywords: Any) -> dict[str, Any]:
    """As ``import_scoped_meta_graph_with_return_elements``: its variables only."""
    return import_scoped_meta_graph_with_return_elements(*args, **keywords)[0]


@export("python.framework.meta_graph.copy_scoped_meta_graph")
def copy_scoped_meta_graph(
    from_scope: str, to_scope: str, from_graph: Graph | None = None, to_graph: Graph | None = None
) -> dict[str, Any]:
    """Copies what lies in one name scope into another, of the same graph or not; gives the new variables by name.

    Raises ValueError when both are the same place.
    """
    source = get_default_graph() if from_graph is None else from_graph
    target = get_default_graph() if to_graph is None else to_graph
    if source is target and from_scope == to_scope:
        raise ValueError(
            "'from_scope' and 'to_scope' need to be different when performing copy in the same graph. "
            f"Received: {from_scope!r} and {to_scope!r}."
        )
    meta, _ = export_scoped_meta_graph(export_scope=from_scope, graph=source)
    return import_scoped_meta_graph(meta, graph=target, import_scope=to_scope)


export("python.framework.meta_graph.stripped_op_list_for_graph")(rewrite.stripped_op_list)


def _check_unbound(meta: MetaGraphDef, key: str | None, input_map: dict[str, Any] | None) -> None:
    if not key or key not in meta.collection_def:
        return
    wanted = [v.decode() if isinstance(v, bytes) else v for v in _values(meta.collection_def[key])]
    if wanted and (not input_map or sorted(wanted) != sorted(input_map)):
        missing = ",".join(w for w in wanted if not input_map or w not in input_map)
        raise ValueError(f"Graph contains unbound inputs: {missing}. Must provide these inputs through input_map.")


def _values(definition: CollectionDef) -> Iterable[Any]:
    kind = definition.WhichOneof("kind")
    return list(getattr(definition, kind).value) if kind else []


def _knows_trainable(meta: MetaGraphDef) -> bool:
    """Whether the VariableDefs of ``meta`` say if they are trainable: since release 1.9."""
    found = re.match(r"(\d+)\.(\d+)", meta.meta_info_def.tensorflow_version)
    return found is None or (int(found[1]), int(found[2])) >= (1, 9)


class _Collections:
    """Restores collections; a variable that is in several of them is one object."""

    def __init__(self, graph: Graph, scope: str, *, knows_trainable: bool) -> None:
        self._graph = graph
        self._scope = scope
        self._knows_trainable = knows_trainable
        self._variables: dict[bytes, Any] = {}

    def restore(self, key: str, definition: CollectionDef) -> None:
        """Adds the items of one collection to the graph's."""
        kind = definition.WhichOneof("kind")
        if kind is None:
            log_error("Cannot identify data type for collection %s. Skipping.", key)
            return
        functions = proto_functions(key)
        if functions is not None and functions.from_proto is not None and kind == "bytes_list":
            for value in definition.bytes_list.value:
                self._graph.add_to_collection(key, self._item(key, value, functions))
            return
        if key in _FORMERLY_NAMES:
            warning(
                "The saved meta_graph is possibly from an older release:\n'%s' collection should be of type "
                "'byte_list', but instead is of type '%s'.",
                key, kind,
            )  # fmt: skip
        for value in _values(definition):
            self._graph.add_to_collection(key, self._plain(kind, value))

    def _item(self, key: str, value: bytes, functions: Any) -> Any:
        if key not in GraphKeys._VARIABLE_COLLECTIONS:
            return functions.from_proto(functions.message.FromString(value), import_scope=self._scope)
        if value not in self._variables:
            proto = functions.message.FromString(value)
            if not self._knows_trainable:
                proto.trainable = key == GraphKeys.TRAINABLE_VARIABLES
            self._variables[value] = functions.from_proto(proto, import_scope=self._scope)
        return self._variables[value]

    def _plain(self, kind: str, value: Any) -> Any:
        if kind == "node_list":
            return self._graph.as_graph_element(prepend_name_scope(value, self._scope))
        if kind == "bytes_list" and self._scope:
            return prepend_name_scope(value.decode(), self._scope)
        return value


@export("train.export_meta_graph")
def export_meta_graph(
    filename: str | None = None,
    meta_info_def: Any = None,
    graph_def: GraphDef | None = None,
    saver_def: SaverDef | None = None,
    collection_list: Collection[str] | None = None,
    as_text: bool = False,
    graph: Graph | None = None,
    export_scope: str | None = None,
    clear_devices: bool = False,
    clear_extraneous_savers: bool = False,
    strip_default_attrs: bool = False,
    save_debug_info: bool = False,
    **kwargs: Any,
) -> MetaGraphDef:
    """The MetaGraphDef of a graph: its nodes, collections and saver; also written to ``filename`` where it is given.

    collection_list: the collections to take, all if left out; export_scope: only what lies in this name scope;
    clear_devices: without devices; clear_extraneous_savers: without the nodes of other savers than ``saver_def``'s;
    strip_default_attrs: without attributes that have their default, so that older readers take the graph.
    """
    meta, _ = export_scoped_meta_graph(
        filename=filename, meta_info_def=meta_info_def, graph_def=graph_def, saver_def=saver_def,
        collection_list=collection_list, as_text=as_text, graph=graph, export_scope=export_scope,
        clear_devices=clear_devices, clear_extraneous_savers=clear_extraneous_savers,
        strip_default_attrs=strip_default_attrs, save_debug_info=save_debug_info, **kwargs,
    )  # fmt: skip
    return meta
