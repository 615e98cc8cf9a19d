"""Bringing a model to life: assets, variables from the checkpoint, tables from their initialisers.

All by the graph's own ops, as TensorFlow does it: the MetaGraph's ``saver_def`` names the op that restores, the
collections ``saved_model_main_op`` and ``legacy_init_op`` (TensorFlow 1) or the signature ``__saved_model_init_op``
(TensorFlow 2) the op that initialises. Only where there is no restore op are variables bound by checkpoint key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from noria import dtypes
from noria.compile.freeze import handle_key
from noria.compile.pipeline import Feed, compile_program, prepare
from noria.compile.refs import HANDLES, variable_dtype
from noria.formats.checkpoint import open_checkpoint
from noria.formats.saved_model import INIT_OP_SIGNATURE
from noria.graph.graph import Array, Graph, Node, Tensor, parse_tensor_name
from noria.graph.resources import Resources, Variable
from noria.protos.tensorflow import MetaGraphDef

_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")


def with_assets(graph: Graph, assets: Mapping[str, str]) -> Graph:
    """``graph`` with each asset tensor a constant: the path of its file."""
    if not assets:
        return graph
    new = graph.copy()
    for name, path in assets.items():
        node = new[parse_tensor_name(name).node]
        new.nodes[node.name] = Node(
            node.name,
            "Const",
            attrs={"value": _string(path), "dtype": dtypes.string},
            output_dtypes=(dtypes.string,),
        )
    return new


def _string(text: str) -> Array:
    array = np.empty((), object)
    array[()] = text.encode()
    return array


def restore(graph: Graph, meta: MetaGraphDef, prefix: str, resources: Resources) -> None:
    """Gives every variable its value from the checkpoint ``prefix``, as views of the mapped file."""
    saver = meta.saver_def
    if saver.restore_op_name and saver.filename_tensor_name:
        filename = parse_tensor_name(saver.filename_tensor_name)
        _run(graph, [parse_tensor_name(saver.restore_op_name).node], {filename: _string(prefix)}, resources)
        return
    reader = open_checkpoint(prefix)
    for node in graph:
        if node.op in HANDLES:
            container, name = handle_key(node)
            key = next((k for k in (name, f"{name}/.ATTRIBUTES/VARIABLE_VALUE") if k in reader), None)
            if key is not None:
                array = reader[key]
                create = partial(Variable, name, variable_dtype(node), array.shape)
                resources.get_or_create(container, name, Variable, create).assign(array)


def initialise(graph: Graph, meta: MetaGraphDef, resources: Resources) -> None:
    """Runs the model's init op, which fills its lookup tables."""
    targets: list[str] = []
    if INIT_OP_SIGNATURE in meta.signature_def:
        infos = meta.signature_def[INIT_OP_SIGNATURE].outputs.values()
        targets = [parse_tensor_name(info.name).node for info in infos]
    for collection in _INIT_COLLECTIONS:
        if not targets and collection in meta.collection_def:
            targets = [parse_tensor_name(n).node for n in meta.collection_def[collection].node_list.value]
    if targets:
        _run(graph, targets, {}, resources)


def _run(graph: Graph, targets: Sequence[str], feeds: Mapping[Tensor, Array], resources: Resources) -> None:
    """Runs ``targets`` once, on the host: compiling segments for what runs once would cost more than it saves."""
    prepared = prepare(graph, feeds, targets)
    given = [Feed(t, dtypes.string, a.shape) for t, a in feeds.items()]
    everything = {handle_key(n) for n in prepared.graph if n.op in HANDLES}
    program = compile_program(prepared, given, [], targets, resources=resources, mutable=everything, engine=False)
    program.run(list(feeds.values()))
