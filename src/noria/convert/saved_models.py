"""Sources and targets that are TensorFlow's own: SavedModels, frozen graphs, MetaGraphs with their checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

import noria.model
from noria.convert.registry import Array, Options, Parts, Runner, source, target
from noria.convert.signatures import meta_graph, of_signature
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.checkpoint_dir import latest_checkpoint
from noria.formats.graph_def import read_graph_def, write_graph_def
from noria.formats.saved_model import ASSETS_COLLECTION, SERVE_TAG
from noria.formats.saved_model_writer import AssetNames, Content, asset_files
from noria.formats.tensor_proto import to_array
from noria.graph.rewrite import describe
from noria.model.freeze import freeze_model, init_ops, read_source
from noria.model.model import Model
from noria.protos.tensorflow import AssetFileDef, MetaGraphDef

_VARIABLE_OPS = ("Variable", "VariableV2", "VarHandleOp")


def runner(model: Model, signature: str) -> Runner:
    """How ``model`` computes a signature."""
    chosen = model.signature(signature)
    return lambda inputs: chosen.run({k: v for k, v in inputs.items() if k in chosen.inputs})


def renamed(run: Runner, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Runner:
    """``run`` under other aliases: old → new."""
    back = {new: old for old, new in inputs.items()}

    def call(given: Mapping[str, Array]) -> Mapping[str, Array]:
        found = run({back[k]: v for k, v in given.items()})
        return {outputs[k]: v for k, v in found.items()}

    return call


@source("saved_model")
def read_saved(path: str, options: Options) -> Parts:
    """The MetaGraph of ``options.tags`` with its variables and assets."""
    found = read_source(path, tags=options.tags)
    assets, missing = asset_files(found.path, found.assets)
    notes = [f"these assets are missing in the source: {', '.join(missing)}"] if missing else []
    model = noria.model.load(path, tags=options.tags)
    if options.signature_key not in model.signatures:
        raise NotFoundError(
            f"{path} has no signature {options.signature_key!r}; it has {', '.join(model.signatures) or 'none'}"
        )
    return Parts(found.meta, found.checkpoint, assets, runner(model, options.signature_key), notes)


@source("frozen")
def read_frozen(path: str, options: Options) -> Parts:
    """A graph without variables; its inputs and outputs as given, else placeholders and what nothing consumes."""
    graph = read_graph_def(path)
    variables = [n.name for n in graph.node if n.op in _VARIABLE_OPS]
    if variables:
        raise InvalidArgumentError(
            f"{path}: the graph has variables ({', '.join(variables[:3])}), whose values it does not hold; "
            "freeze it first, with the checkpoint"
        )
    model = noria.model.load(path, inputs=options.inputs, outputs=options.outputs)
    definition, inputs, outputs = of_signature(
        model.signature(), short=options.inputs is None and options.outputs is None
    )
    run = renamed(runner(model, ""), inputs, outputs)
    return Parts(meta_graph(graph, options.signature_key, definition), run=run, notes=_guessed(options, model))


def _guessed(options: Options, model: Model) -> list[str]:
    if options.inputs is not None and options.outputs is not None:
        return []
    chosen = model.signature()
    return [f"taken for inputs: {', '.join(chosen.inputs) or 'none'}; for outputs: {', '.join(chosen.outputs)}"]


@source("meta")
def read_meta(path: str, options: Options) -> Parts:
    """A MetaGraph with its checkpoint: its signatures, or one of tensors given, told by a collection, or guessed."""
    prefix = latest_checkpoint(path) if files.is_dir(path) else path.removesuffix(".meta")
    if prefix is None or not files.exists(prefix + ".meta"):
        raise NotFoundError(f"{path}: no MetaGraph ({prefix}.meta) here")
    found = read_source(prefix + ".meta")
    meta = MetaGraphDef()
    meta.CopyFrom(found.meta)
    inputs = options.inputs or _collected(meta, "inputs")
    outputs = options.outputs or _collected(meta, "outputs")
    model = noria.model.load(prefix, inputs=inputs, outputs=outputs)
    notes: list[str] = []
    run = runner(model, options.signature)
    if options.signature not in meta.signature_def:
        own = options.signature_key in meta.signature_def and inputs is None and outputs is None
        if not own:
            definition, in_names, out_names = of_signature(model.signature(), short=inputs is None and outputs is None)
            meta.signature_def[options.signature_key].CopyFrom(definition)
            run = renamed(run, in_names, out_names)
            notes = _guessed(Options(inputs=inputs, outputs=outputs), model)
    if SERVE_TAG not in meta.meta_info_def.tags:
        meta.meta_info_def.tags.append(SERVE_TAG)
    assets = _collect_assets(meta, prefix)
    _initialise_tables(meta)
    return Parts(describe(meta), prefix, assets, run, notes)


def _collected(meta: MetaGraphDef, name: str) -> Mapping[str, str] | None:
    """The tensors that collection ``name`` lists: a JSON object alias → tensor name, or tensor names."""
    if name not in meta.collection_def:
        return None
    collection = meta.collection_def[name]
    texts = [*collection.node_list.value, *(v.decode("utf-8", "replace") for v in collection.bytes_list.value)]
    found: dict[str, str] = {}
    for text in texts:
        if not text.lstrip().startswith("{"):
            found[text.partition(":")[0].rpartition("/")[2]] = text
            continue
        try:
            parsed = json.loads(text)
        except ValueError as error:
            raise DataLossError(f"collection {name!r} is not the JSON that it looks like: {error}") from None
        found.update((str(k), str(v)) for k, v in parsed.items())
    return found or None


def _collect_assets(meta: MetaGraphDef, prefix: str) -> dict[str, Content]:
    """The files that the collection ``asset_filepaths`` names, noted in ``meta`` as a SavedModel does."""
    if meta.asset_file_def or "asset_filepaths" not in meta.collection_def:
        return {}
    nodes = {n.name: n for n in meta.graph_def.node}
    names = AssetNames()
    for tensor in meta.collection_def["asset_filepaths"].node_list.value:
        node = nodes.get(tensor.partition(":")[0])
        if node is None or "value" not in node.attr:
            raise InvalidArgumentError(f"{prefix}.meta: asset tensor {tensor!r} is not a constant of the graph")
        value = to_array(node.attr["value"].tensor).reshape(-1)
        if value.size != 1 or not isinstance(value[0], bytes):
            raise InvalidArgumentError(f"{prefix}.meta: asset tensor {tensor!r} is not one path")
        asset = AssetFileDef(filename=names.add(_own_file(value[0].decode("utf-8", "replace"), prefix)))
        asset.tensor_info.name = tensor
        meta.asset_file_def.append(asset)
        meta.collection_def[ASSETS_COLLECTION].any_list.value.add().Pack(asset)
    return dict(names.files)


def _own_file(path: str, prefix: str) -> str:
    """``path`` if it lies beside the MetaGraph, or the file of its name there.

    A MetaGraph from elsewhere may name any file of this machine, which must not end up in the model that is made.
    """
    folder = files.split(prefix)[0]
    if files.is_url(folder):
        return files.join(folder, files.split(path)[1])
    inside = os.path.realpath(folder) + os.sep
    for candidate in (path, files.join(folder, files.split(path)[1])):
        if files.exists(candidate) and os.path.realpath(candidate).startswith(inside):
            return candidate
    raise NotFoundError(
        f"{prefix}.meta: its asset {path!r} does not lie beside it; copy the file into {folder}, if you trust the model"
    )


def _initialise_tables(meta: MetaGraphDef) -> None:
    """Makes what the collection ``table_initializer`` lists the op that a loader runs."""
    if "saved_model_main_op" in meta.collection_def or "legacy_init_op" in meta.collection_def:
        return
    ops = init_ops(meta)
    if ops:
        name = "noria_init_tables"
        meta.graph_def.node.add(name=name, op="NoOp", input=["^" + op for op in ops])
        meta.collection_def["saved_model_main_op"].node_list.value.append(name)


@target("saved_model")
def write_saved(folder: str, path: str, options: Options) -> tuple[Runner, Sequence[str]]:
    """The SavedModel is what every source becomes: nothing is left to write."""
    return runner(noria.model.load(folder, tags=options.tags), options.signature_key), ()


@target("frozen")
def write_frozen(folder: str, path: str, options: Options) -> tuple[Runner, Sequence[str]]:
    """One GraphDef of the signature, variables as constants."""
    made = freeze_model(read_source(folder, tags=options.tags), signature=options.signature_key, drop_devices=True)
    write_graph_def(path, made.graph_def)
    signature = made.signature
    present = {n.name for n in made.graph_def.node}
    inputs = {k: v.name for k, v in signature.inputs.items() if v.name.partition(":")[0] in present}
    notes = [f"outputs: {', '.join(made.outputs)}"]
    if made.initializers:
        notes.append(f"lookup tables are filled by {', '.join(made.initializers)}: run it once after importing")
        return _not_runnable, notes
    model = noria.model.load(path, inputs=inputs, outputs={k: v.name for k, v in signature.outputs.items()})
    return runner(model, ""), notes


def _not_runnable(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    raise NotImplementedError


NOT_RUNNABLE: Runner = _not_runnable  # the result that cannot be checked by itself
