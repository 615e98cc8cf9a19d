"""``load``: a SavedModel, a frozen graph, or a MetaGraph with its checkpoint → Model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import noria.ops
from noria import dtypes
from noria.compile.freeze import assigned_variables
from noria.compile.ort import set_threads
from noria.compile.pipeline import prepare
from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.checkpoint_dir import latest_checkpoint
from noria.formats.graph_def import read_graph_def, read_meta_graph_def
from noria.formats.saved_model import DEFAULT_SIGNATURE, is_saved_model, read_saved_model, signatures
from noria.formats.tensor_proto import to_array
from noria.graph.graph import Graph, ShapeAttr, Tensor, parse_tensor_name
from noria.graph.graphdef import import_graph
from noria.graph.op_spec import op_spec, shape_attr
from noria.graph.resources import Resources
from noria.model.model import Model
from noria.model.restore import initialise, restore, with_assets
from noria.model.signature import Runtime, Signature, TensorSpec
from noria.protos.tensorflow import MetaGraphDef, SignatureDef, TensorInfo

assert noria.ops  # its import fills the rule tables

Names: TypeAlias = Sequence[str] | Mapping[str, str]
_Bound: TypeAlias = dict[str, tuple[TensorSpec, Tensor]]


def load(
    path: str,
    *,
    tags: Iterable[str] | str | None = None,
    inputs: Names | None = None,
    outputs: Names | None = None,
    threads: int | None = None,
) -> Model:
    """Loads a model.

    path: a SavedModel folder; a frozen graph (``.pb``, ``.pbtxt``); a MetaGraph (``.meta``) or the prefix of its
    checkpoint, or a folder with a ``checkpoint`` file. Any fsspec URL.
    tags: of the MetaGraphDef to use, ``serve`` by default.
    inputs, outputs: for graphs without signatures, the tensors that make ``serving_default``: names, which are the
    keys too, or a mapping key → tensor name. By default placeholders, and what nothing else consumes.
    threads: of the engine, for the whole process; by default as many as there are CPUs to use.

    Raises NotFoundError when there is no model, DataLossError for damaged files, InvalidArgumentError for graphs that
    are not well formed. Ops that cannot run are reported when a signature that needs them is compiled.
    """
    if threads is not None:
        set_threads(threads)
    path = files.text(path)
    if is_saved_model(path) or files.split(path)[1] in ("saved_model.pb", "saved_model.pbtxt"):
        return _load_saved_model(path, tags)
    prefix = _checkpoint_prefix(path)
    if prefix is not None:
        return _load_checkpoint(path, prefix, inputs, outputs)
    if files.is_dir(path):
        return _load_saved_model(path, tags)  # raises, and says what the folder holds
    if not files.exists(path):
        raise NotFoundError(f"{path}: there is no such file or folder")
    return _load_frozen(path, inputs, outputs)


def _checkpoint_prefix(path: str) -> str | None:
    if path.endswith(".meta"):
        return path[: -len(".meta")]
    if files.exists(path + ".meta"):
        return path
    if files.is_dir(path) and files.exists(files.join(path, "checkpoint")):
        return latest_checkpoint(path)
    return None


def _load_saved_model(path: str, tags: Iterable[str] | str | None) -> Model:
    saved = read_saved_model(path)
    meta = saved.meta_graph(tags)
    graph = with_assets(import_graph(meta.graph_def), saved.assets(meta))
    resources = Resources([files.text(saved.path)])
    if saved.variables_prefix is not None:
        restore(graph, meta, saved.variables_prefix, resources)
    initialise(graph, meta, resources)
    bound = {
        name: (_bound(sig.inputs, name, graph), _bound(sig.outputs, name, graph), sig)
        for name, sig in signatures(meta).items()
    }
    return _model(path, tuple(sorted(meta.meta_info_def.tags)), meta, graph, resources, bound, saved.variables_prefix)


def _load_checkpoint(path: str, prefix: str, inputs: Names | None, outputs: Names | None) -> Model:
    meta = read_meta_graph_def(prefix + ".meta")
    graph = import_graph(meta.graph_def)
    resources = Resources([files.split(prefix)[0]])
    restore(graph, meta, prefix, resources)
    bound: dict[str, tuple[_Bound, _Bound, SignatureDef]] = {
        name: (_bound(sig.inputs, name, graph), _bound(sig.outputs, name, graph), sig)
        for name, sig in signatures(meta).items()
    }
    if inputs is not None or outputs is not None or not bound:
        bound[DEFAULT_SIGNATURE] = (*_named(graph, inputs, outputs), SignatureDef())
    return _model(path, tuple(sorted(meta.meta_info_def.tags)), meta, graph, resources, bound, prefix)


def _load_frozen(path: str, inputs: Names | None, outputs: Names | None) -> Model:
    graph_def = read_graph_def(path)
    graph = import_graph(graph_def)
    bound = {DEFAULT_SIGNATURE: (*_named(graph, inputs, outputs), SignatureDef())}
    meta = MetaGraphDef(graph_def=graph_def)
    return _model(path, (), meta, graph, Resources(), bound, None)


def _model(
    path: str,
    tags: tuple[str, ...],
    meta: MetaGraphDef,
    graph: Graph,
    resources: Resources,
    bound: Mapping[str, tuple[_Bound, _Bound, SignatureDef]],
    checkpoint: str | None,
) -> Model:
    fed = [t for ins, _, _ in bound.values() for _, t in ins.values()]
    fetched = [t for _, outs, _ in bound.values() for _, t in outs.values()]
    prepared = prepare(graph, [*fed, *fetched])
    needed = prepared.graph.closure([prepared.tensors[t] for t in fetched])
    runtime = Runtime(prepared, resources, frozenset(assigned_variables(prepared.graph, needed)))
    made = {
        name: Signature(
            name,
            runtime,
            ins,
            outs,
            method_name=sig.method_name,
            defaults={k: to_array(v) for k, v in sig.defaults.items()},
        )
        for name, (ins, outs, sig) in bound.items()
    }
    return Model(path, tags, meta, graph, made, checkpoint)


def _bound(infos: Mapping[str, TensorInfo], signature: str, graph: Graph) -> _Bound:
    """The specs of a signature's inputs or outputs; a sparse or composite one is several tensors, ``alias#part``."""
    found: _Bound = {}
    for alias, info in infos.items():
        for name, part in _parts(alias, info):
            try:
                tensor = parse_tensor_name(part)
                unknown_op = graph[tensor.node].op not in graph.functions and op_spec(graph[tensor.node].op) is None
                dtype = dtypes.from_number(info.dtype) if unknown_op else graph.dtype(tensor)
            except (InvalidArgumentError, NotFoundError) as error:
                raise InvalidArgumentError(f"signature {signature!r}, tensor {alias!r}: {error}") from None
            declared = name == alias and info.HasField("tensor_shape")
            shape = shape_attr(info.tensor_shape).dims if declared else None
            found[name] = (TensorSpec(name, str(tensor), dtype, shape), tensor)
    return found


def _parts(alias: str, info: TensorInfo) -> list[tuple[str, str]]:
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return [
            (f"{alias}#values", sparse.values_tensor_name),
            (f"{alias}#indices", sparse.indices_tensor_name),
            (f"{alias}#dense_shape", sparse.dense_shape_tensor_name),
        ]
    if kind == "composite_tensor":
        return [(f"{alias}#{i}", c.name) for i, c in enumerate(info.composite_tensor.components)]
    return [(alias, info.name)]


_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
# Leaves of a graph that nobody calls for: what saves, restores, or only orders.
_NOT_RESULTS = _PLACEHOLDERS | {
    "NoOp", "Assert", "Const", "Save", "SaveSlices", "SaveV2", "Restore", "RestoreSlice", "RestoreV2", "Assign",
    "AssignVariableOp", "MergeV2Checkpoints", "ShardedFilename",
}  # fmt: skip


def _named(graph: Graph, inputs: Names | None, outputs: Names | None) -> tuple[_Bound, _Bound]:
    """The inputs and outputs of a graph without signatures.

    By default the placeholders, and of what nothing else consumes that which depends on them.
    """
    if inputs is None:
        inputs = [n.name for n in graph if n.op in _PLACEHOLDERS]
    if outputs is None:
        used = {t for n in graph for t in n.inputs}
        fed = [parse_tensor_name(name).node for name in _tensor_names(inputs)]
        reached = _reached(graph, fed) if fed else set(graph.nodes)
        outputs = [
            str(t) if t.output else t.node
            for n in graph
            if n.name in reached and n.op not in _NOT_RESULTS and not any(t in used for t in n.outputs)
            for t in n.outputs
        ]
    return _tensors(graph, inputs), _tensors(graph, outputs)


def _tensor_names(names: Names) -> Iterable[str]:
    return names.values() if isinstance(names, Mapping) else names


def _reached(graph: Graph, start: Iterable[str]) -> set[str]:
    """The nodes that take, however indirectly, an output of ``start``."""
    users: dict[str, list[str]] = {}
    for node in graph:
        for tensor in node.inputs:
            users.setdefault(tensor.node, []).append(node.name)
    reached: set[str] = set()
    stack = list(start)
    while stack:
        name = stack.pop()
        if name not in reached:
            reached.add(name)
            stack.extend(users.get(name, ()))
    return reached


def _tensors(graph: Graph, names: Names) -> _Bound:
    pairs = names.items() if isinstance(names, Mapping) else [(n, n) for n in names]
    found: _Bound = {}
    for key, name in pairs:
        tensor = parse_tensor_name(name)
        node = graph[tensor.node]
        shape = node.attrs.get("shape")
        found[key] = (
            TensorSpec(key, str(tensor), graph.dtype(tensor), shape.dims if isinstance(shape, ShapeAttr) else None),
            tensor,
        )
    return found
