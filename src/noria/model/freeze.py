"""Freezing a model on disk: a SavedModel, or a MetaGraph with its checkpoint → one GraphDef."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from noria.compile.freeze import handle_key
from noria.compile.refs import HANDLES
from noria.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, UnimplementedError
from noria.formats import files
from noria.formats.graph_def import read_graph_def, read_meta_graph_def
from noria.formats.saved_model import DEFAULT_SIGNATURE, INIT_OP_SIGNATURE, is_saved_model, read_saved_model, signatures
from noria.graph.graph import Array, Graph, parse_tensor_name
from noria.graph.graphdef import import_graph
from noria.graph.resources import Resources, Variable
from noria.graph.rewrite import all_nodes, clear_devices, extract_sub_graph, node_name
from noria.graph.to_constants import VARIABLE_OPS, convert_variables_to_constants
from noria.model.restore import initialise, restore, with_assets
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef, SaverDef, SignatureDef, TensorInfo

_TABLES = ("HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2")
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op", "table_initializer")


@dataclass(frozen=True)
class Source:
    """A model as it lies on disk, before anything of it runs.

    path: the folder of the SavedModel, or the MetaGraph's file; meta: its graph and signatures; checkpoint: prefix of
    its variables, None when it has none; assets: names of asset tensors → path of the file.
    """

    path: str
    meta: MetaGraphDef
    checkpoint: str | None
    assets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Frozen:
    """A frozen graph: the nodes it was cut to, the variables it holds now, and what has to be run before it is used.

    initializers: nodes that fill its lookup tables, in the graph too; empty for most models.
    """

    graph_def: GraphDef
    outputs: tuple[str, ...]
    variables: tuple[str, ...]
    initializers: tuple[str, ...] = ()
    signature: SignatureDef = field(default_factory=SignatureDef)


def read_source(path: str, *, tags: Iterable[str] | str | None = None, checkpoint: str | None = None) -> Source:
    """The model at ``path``: a SavedModel folder, a ``.meta`` file, or the prefix of a checkpoint that has one.

    checkpoint: prefix of the checkpoint to take the variables from; by default the model's own. With one, ``path`` may
    also be a plain GraphDef. Raises NotFoundError when there is no model.
    """
    path = files.text(path)
    if is_saved_model(path):
        saved = read_saved_model(path)
        meta = saved.meta_graph(tags)
        return Source(saved.path, meta, checkpoint or saved.variables_prefix, saved.assets(meta))
    if not path.endswith(".meta") and files.exists(path + ".meta"):
        path += ".meta"
    if path.endswith(".meta"):
        own = path.removesuffix(".meta")
        return Source(path, read_meta_graph_def(path), checkpoint or own)
    if files.is_dir(path):
        read_saved_model(path)  # raises, and says what the folder holds
    if not files.exists(path):
        raise NotFoundError(f"{path}: there is no such file or folder")
    return Source(path, MetaGraphDef(graph_def=read_graph_def(path)), checkpoint)


def variable_values(
    graph: Graph, meta: MetaGraphDef, checkpoint: str, assets: Mapping[str, str] | None = None
) -> dict[str, Array]:
    """The values of the variables of ``graph`` by node name, as the model's own restore and init ops give them.

    assets: names of asset tensors → path of the file. Arrays are views of the mapped checkpoint. A variable that has
    no value is left out.
    """
    resources = Resources([files.split(checkpoint)[0], *(files.split(path)[0] for path in (assets or {}).values())])
    graph = with_assets(graph, assets or {})
    restore(graph, meta, checkpoint, resources)
    with suppress(UnimplementedError):  # an init op that cannot run here fills tables, which are no variables
        initialise(graph, meta, resources)
    found: dict[str, Array] = {}
    for name in graph.nodes:
        node = graph.nodes[name]
        if node.op in HANDLES:
            variable = resources.find(*handle_key(node))
            if isinstance(variable, Variable) and variable.value is not None:
                found[name] = variable.value
    return found


def freeze_model(
    source: Source,
    *,
    outputs: Sequence[str] | None = None,
    signature: str | None = None,
    whitelist: Collection[str] | None = None,
    blacklist: Collection[str] | None = None,
    drop_devices: bool = False,
    initializers: Sequence[str] | None = None,
) -> Frozen:
    """The graph of ``source`` behind its outputs, with its variables as constants.

    outputs: names of nodes or tensors; by default those of ``signature``, else ``serving_default``, else every one.
    initializers: nodes that fill tables, kept in the graph; by default the model's own init op where a table needs it.
    Raises NotFoundError for a signature that is not there, InvalidArgumentError for outputs that are not, or when there
    is nothing to tell the outputs from.
    """
    meta = source.meta
    chosen = _chosen(meta, signature, source.path)
    wanted = list(outputs or ()) or [name for one in chosen.values() for name in signature_tensors(one)]
    if not wanted:
        raise InvalidArgumentError(f"{source.path}: there is no signature; name the output nodes")
    nodes = list(dict.fromkeys(parse_tensor_name(name).node for name in wanted))
    extra = list(_initializers(meta, nodes) if initializers is None else initializers)
    values: Mapping[str, Array] = {}
    # What only fills tables keeps its variables: an init op assigns them, the path of a vocabulary for one.
    part = extract_sub_graph(meta.graph_def, nodes)
    variables = [n.name for n in part.node if n.op in VARIABLE_OPS and (whitelist is None or n.name in whitelist)]
    if variables:
        if source.checkpoint is None:
            raise FailedPreconditionError(f"{source.path}: it has variables and no checkpoint; name one")
        graph = import_graph(meta.graph_def)
        values = variable_values(graph, _without_foreign_saver(meta), source.checkpoint, source.assets)
    frozen = convert_variables_to_constants(meta.graph_def, values, [*nodes, *extra], variables, blacklist)
    if drop_devices:
        frozen = clear_devices(frozen)
    left = {n.name for n in frozen.node if n.op in VARIABLE_OPS}
    made = tuple(v for v in variables if v not in left)
    only = next(iter(chosen.values())) if len(chosen) == 1 else SignatureDef()
    return Frozen(frozen, tuple(nodes), made, tuple(extra), only)


def _without_foreign_saver(meta: MetaGraphDef) -> MetaGraphDef:
    """``meta``, whose saver counts only if the graph has it: otherwise variables are found by their keys."""
    if any(n.name == parse_tensor_name(meta.saver_def.restore_op_name or "-").node for n in meta.graph_def.node):
        return meta
    plain = MetaGraphDef()
    plain.CopyFrom(meta)
    plain.saver_def.CopyFrom(SaverDef())
    return plain


def _chosen(meta: MetaGraphDef, signature: str | None, path: str) -> dict[str, SignatureDef]:
    found = signatures(meta)
    if signature is None:
        return {DEFAULT_SIGNATURE: found[DEFAULT_SIGNATURE]} if DEFAULT_SIGNATURE in found else found
    if signature not in found:
        raise NotFoundError(f"{path} has no signature {signature!r}; it has {', '.join(found) or 'none'}")
    return {signature: found[signature]}


def signature_tensors(signature: SignatureDef, *, inputs: bool = False) -> list[str]:
    """The names of the tensors that are the outputs (or inputs) of ``signature``, parts of sparse ones too."""
    infos = signature.inputs if inputs else signature.outputs
    return [name for key in sorted(infos) for name in tensor_names(infos[key])]


def tensor_names(info: TensorInfo) -> list[str]:
    """The tensors that ``info`` stands for: one, three of a sparse tensor, or the parts of a composite one."""
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return [sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name]
    if kind == "composite_tensor":
        return [name for part in info.composite_tensor.components for name in tensor_names(part)]
    return [info.name]


def init_ops(meta: MetaGraphDef) -> list[str]:
    """The nodes that bring the model to life after its variables are restored: collections, or the TF2 signature."""
    if INIT_OP_SIGNATURE in meta.signature_def:
        infos = meta.signature_def[INIT_OP_SIGNATURE].outputs.values()
        return [parse_tensor_name(info.name).node for info in infos]
    for collection in _INIT_COLLECTIONS:
        if collection in meta.collection_def:
            names = meta.collection_def[collection].node_list.value
            return [parse_tensor_name(n).node for n in names]
    return []


def _initializers(meta: MetaGraphDef, nodes: Sequence[str]) -> list[str]:
    """The model's init ops, when what ``nodes`` need has tables that they fill."""
    part = extract_sub_graph(meta.graph_def, nodes)
    if not any(n.op in _TABLES for n in all_nodes(part)):
        return []
    ops = init_ops(meta)
    by_name = {n.name: n for n in meta.graph_def.node}
    leaves = list(dict.fromkeys(leaf for op in ops for leaf in init_leaves(by_name, op)))
    frozen = {n.name for n in part.node if n.op in VARIABLE_OPS}
    assigning = [n for n in leaves if by_name[n].op.startswith("Assign") and node_name(by_name[n].input[0]) in frozen]
    return [leaf for leaf in leaves if leaf not in assigning] if assigning else ops


def init_leaves(nodes: Mapping[str, NodeDef], name: str) -> list[str]:
    """What ``name`` runs, groups taken apart: the init op may also assign variables, which are constants now."""
    seen: set[str] = set()
    found: list[str] = []
    stack = [name]
    while stack:
        node = nodes[stack.pop()]
        if node.name in seen:
            continue
        seen.add(node.name)
        if node.op == "NoOp" and node.input:
            stack += [node_name(i) for i in reversed(node.input)]
        else:
            found.append(node.name)
    return found
