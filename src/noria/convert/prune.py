"""Pruning a MetaGraph to its signatures: what they do not need goes, collections and init op follow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Final

from google.protobuf.message import Message

from noria.errors import TFError
from noria.formats.proto_file import parse_binary
from noria.formats.saved_model import ASSETS_COLLECTION, INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE, asset_defs
from noria.graph.rewrite import all_nodes, drop_unused_functions, extract_sub_graph, node_name, unique_name
from noria.graph.saver import add_saver
from noria.graph.to_constants import VARIABLE_OPS
from noria.model.freeze import init_leaves, init_ops, signature_tensors
from noria.protos.tensorflow import (
    CondContextDef,
    GraphDef,
    MetaGraphDef,
    NodeDef,
    QueueRunnerDef,
    SaverDef,
    VariableDef,
    WhileContextDef,
)

_TABLES = frozenset(
    {"HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2", "MutableDenseHashTableV2"}
    | {"MutableDenseHashTable", "MutableHashTableOfTensors", "MutableHashTableOfTensorsV2"}
)
_TRAINING_COLLECTIONS = (
    "train_op", "saved_model_train_op", "savers", "cond_context", "while_context", "queue_runners", "losses",
    "summaries", "update_ops", "init_op", "ready_op", "saveable_objects",
)  # fmt: skip
_MESSAGES: Final[dict[str, type[Message]]] = {
    "cond_context": CondContextDef,
    "while_context": WhileContextDef,
    "queue_runners": QueueRunnerDef,
}
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")


def is_of_variables(collection: str) -> bool:
    """Whether a collection of that name holds VariableDefs, as TensorFlow's own of these names do."""
    return collection == "global_step" or collection.endswith("variables")


def has_saved_tables(meta: MetaGraphDef) -> bool:
    """Whether the checkpoint holds the content of tables, which only the model's own restore op knows to put back."""
    name = node_name(meta.saver_def.restore_op_name)
    if not any(n.name == name for n in meta.graph_def.node):
        return False
    part = drop_unused_functions(extract_sub_graph(meta.graph_def, [name]))
    return any(n.op.startswith(("LookupTableImport", "ImportTensorFlow")) for n in all_nodes(part))


def prune(meta: MetaGraphDef, values: Collection[str], *, freezing: bool = False) -> list[str]:
    """Cuts ``meta`` to its signatures (in place) and returns the variables that a checkpoint has to hold, by node name.

    values: names of the variables that have a value. The saver is made anew for those that are left. freezing: the
    variables of the signatures are about to become constants, so the init op must not set them.
    """
    meta.signature_def.pop(TRAIN_OP_SIGNATURE, None)
    roots = signature_nodes(meta)
    graph = meta.graph_def
    used = extract_sub_graph(graph, roots)
    init = _needed_init(meta, used, freezing)
    part = drop_unused_functions(extract_sub_graph(graph, [*roots, *init]))
    graph.CopyFrom(part)
    _set_init(meta, init)
    variables = [n.name for n in graph.node if n.op in VARIABLE_OPS and n.name in values]
    meta.saver_def.CopyFrom(add_saver(graph, variables) if variables else SaverDef())
    if not variables:
        meta.ClearField("saver_def")
    _filter(meta)
    return variables


def signature_nodes(meta: MetaGraphDef) -> list[str]:
    """The nodes that signatures take and give, the init signature aside."""
    tensors = [
        name
        for key, signature in sorted(meta.signature_def.items())
        if key != INIT_OP_SIGNATURE
        for inputs in (True, False)
        for name in signature_tensors(signature, inputs=inputs)
    ]
    return list(dict.fromkeys(node_name(t) for t in tensors if t))


def _needed_init(meta: MetaGraphDef, used: GraphDef, freezing: bool) -> list[str]:
    """Those parts of the init op that fill a table of ``used`` or, unless ``freezing``, set a variable of it."""
    by_name = {n.name: n for n in meta.graph_def.node}
    handles = {n.name for n in used.node if n.op in _TABLES or n.op in VARIABLE_OPS}
    leaves = dict.fromkeys(leaf for op in init_ops(meta) for leaf in init_leaves(by_name, op))
    kept = []
    for leaf in leaves:
        part = extract_sub_graph(meta.graph_def, [leaf])
        if freezing and by_name[leaf].op.startswith("Assign") and node_name(by_name[leaf].input[0]) in handles:
            continue
        touched = {n.name for n in part.node if n.op in _TABLES or n.op in VARIABLE_OPS}
        if touched & handles or not touched:
            kept.append(leaf)
    return kept


def _set_init(meta: MetaGraphDef, leaves: Sequence[str]) -> None:
    """Makes ``leaves`` what a loader runs, in the way the model tells it."""
    if not init_ops(meta):
        return
    name = unique_name("init", {n.name for n in meta.graph_def.node})
    meta.graph_def.node.append(NodeDef(name=name, op="NoOp", input=["^" + leaf for leaf in leaves]))
    for info in (
        meta.signature_def[INIT_OP_SIGNATURE].outputs.values() if INIT_OP_SIGNATURE in meta.signature_def else ()
    ):
        info.name = name
    for collection in _INIT_COLLECTIONS:
        if collection in meta.collection_def:
            meta.collection_def[collection].node_list.value[:] = [name]


def _filter(meta: MetaGraphDef) -> None:
    """Collections and assets without what is gone."""
    present = {n.name for n in meta.graph_def.node}
    assets = [a for a in asset_defs(meta, "assets") if node_name(a.tensor_info.name) in present]
    del meta.asset_file_def[:]
    meta.asset_file_def.extend(assets)
    for name in _TRAINING_COLLECTIONS:
        meta.collection_def.pop(name, None)
    for name in list(meta.collection_def):
        collection = meta.collection_def[name]
        if name == ASSETS_COLLECTION:
            del collection.any_list.value[:]
            for asset in assets:
                collection.any_list.value.add().Pack(asset)
        elif collection.HasField("node_list"):
            kept = [n for n in collection.node_list.value if node_name(n) in present]
            collection.node_list.value[:] = kept
        elif is_of_variables(name) and collection.HasField("bytes_list"):
            collection.bytes_list.value[:] = [v for v in collection.bytes_list.value if _variable_is_there(v, present)]
        if not any(getattr(collection, f.name).value for f, _ in collection.ListFields()):
            del meta.collection_def[name]


def collected_nodes(meta: MetaGraphDef) -> set[str]:
    """Every node that messages in the collections name: of variables, conditions, loops, queues."""
    found: set[str] = set()
    for name, collection in meta.collection_def.items():
        kind = VariableDef if is_of_variables(name) else _MESSAGES.get(name)
        if kind is not None:
            for content in collection.bytes_list.value:
                with suppress(TFError):
                    found.update(node_name(text) for text in _texts(parse_binary(kind, content, name)))
    return found


def _texts(message: Message) -> Iterator[str]:
    """All strings in ``message``."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from (text for text in (*value.keys(), *value.values()) if isinstance(text, str))
            continue
        for entry in [value] if isinstance(value, str | bytes | int | float | Message) else value:
            if isinstance(entry, Message):
                yield from _texts(entry)
            elif isinstance(entry, str):
                yield entry


def _variable_is_there(content: bytes, present: Collection[str]) -> bool:
    """Whether every node that a VariableDef names is in the graph: without its initialiser it cannot be imported."""
    try:
        variable = parse_binary(VariableDef, content, "variable")
    except TFError:
        return False
    names = (variable.variable_name, variable.initializer_name, variable.snapshot_name, variable.initial_value_name)
    return all(node_name(n) in present for n in names if n)
