"""``SavedModelEditor``: load a SavedModel, change it, save it again.

    SavedModelEditor("models/m/1").rename_input("serving_default", "x", "image").prune().save("models/m/2")

A SavedModel of TensorFlow 2 also holds its Python objects (``object_graph_def``), which name its signatures a second
time. Where signatures or nodes change they would contradict the graph, so they are dropped: the result is then a
SavedModel as TensorFlow 1 writes it, of which ``tf.saved_model.load`` gives the signatures and no more; ``notes`` says
so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from noria import dtypes
from noria.convert import front
from noria.convert.prune import collected_nodes, has_saved_tables, is_of_variables, prune, signature_nodes
from noria.convert.signatures import PREDICT, tensor_info
from noria.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.saved_model import INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE, read_saved_model, signatures
from noria.formats.saved_model_writer import asset_files, own_file, saved_model, write_saved_model
from noria.graph.graph import Array, ShapeAttr, parse_tensor_name
from noria.graph.graphdef import import_graph
from noria.graph.rewrite import (
    clear_devices,
    describe,
    extract_sub_graph,
    node_name,
    remove_training_nodes,
    strip_default_attrs,
    tensor_shape_from_node_def_name,
)
from noria.graph.to_constants import VARIABLE_OPS, convert_variables_to_constants
from noria.model.freeze import init_ops, signature_tensors, variable_values
from noria.model.signature import TensorSpec
from noria.protos.tensorflow import MetaGraphDef, SignatureDef, TensorInfo

_RESERVED = (INIT_OP_SIGNATURE, TRAIN_OP_SIGNATURE)


class SavedModelEditor:
    """One MetaGraph of a SavedModel, to be changed. Methods return the editor, so that they chain; ``save`` writes.

    path: a SavedModel folder; tags: of the MetaGraph to change, ``serve`` by default; the others are kept as they are.
    meta: the MetaGraph, which may be changed by hand too. notes: what the user should know of the result.
    """

    def __init__(self, path: str, tags: Iterable[str] | str | None = None) -> None:
        saved = read_saved_model(path)
        chosen = saved.meta_graph(tags)
        self.meta = MetaGraphDef()
        self.meta.CopyFrom(chosen)
        self.notes: list[str] = []
        self._others = [m for m in saved.proto.meta_graphs if m is not chosen]
        self._checkpoint = saved.variables_prefix
        self._arrays: dict[str, Array] = {}  # the variables that are left, once there is no checkpoint of the model's
        assets = saved.assets(chosen)
        self._asset_paths = assets
        self._assets, missing = asset_files(
            saved.path, {k: v for m in saved.proto.meta_graphs for k, v in saved.assets(m).items()}
        )
        extra = {n: files.join(saved.path, "assets.extra", n) for n in saved.assets_extra}
        self._extra = {n: own_file(saved.path, p) for n, p in extra.items()}
        self._path = saved.path
        if missing:
            self.notes.append(f"these assets are missing in the source: {', '.join(missing)}")

    # --- signatures ---------------------------------------------------------------------------------------------------

    @property
    def signatures(self) -> Mapping[str, SignatureDef]:
        """The signatures by key, TensorFlow's internal ones left out."""
        return signatures(self.meta)

    def add_signature(
        self, name: str, inputs: Mapping[str, str], outputs: Mapping[str, str], method_name: str = PREDICT
    ) -> Self:
        """Adds a signature of tensors by alias: ``{"x": "dense/x:0"}``. AlreadyExistsError when the key is taken."""
        self._free(name)
        made = SignatureDef(method_name=method_name)
        for infos, names in ((made.inputs, inputs), (made.outputs, outputs)):
            for alias, tensor in names.items():
                infos[alias].CopyFrom(self._info(tensor))
        return self._put(name, made)

    def copy_signature(self, name: str, new: str) -> Self:
        """The signature ``name`` under a second key."""
        self._free(new)
        return self._put(new, self._signature(name))

    def rename_signature(self, name: str, new: str) -> Self:
        """The signature ``name`` under another key."""
        return self.copy_signature(name, new).drop_signature(name)

    def drop_signature(self, *names: str) -> Self:
        """Forgets signatures; their nodes stay until ``prune``."""
        for name in names:
            self._signature(name)
            del self.meta.signature_def[name]
        return self._changed()

    def keep_signatures(self, *names: str) -> Self:
        """Forgets every signature but ``names``."""
        for name in names:
            self._signature(name)
        return self.drop_signature(*(key for key in self.signatures if key not in names))

    def rename_input(self, signature: str, name: str, new: str) -> Self:
        """Another alias for an input."""
        chosen = self._signature(signature)
        _rename(chosen.inputs, name, new, f"input of signature {signature!r}")
        if name in chosen.defaults:
            _rename(chosen.defaults, name, new, f"default of signature {signature!r}")
        return self._changed()

    def rename_output(self, signature: str, name: str, new: str) -> Self:
        """Another alias for an output."""
        _rename(self._signature(signature).outputs, name, new, f"output of signature {signature!r}")
        return self._changed()

    def drop_output(self, signature: str, *names: str) -> Self:
        """Forgets outputs."""
        chosen = self._signature(signature)
        for name in names:
            if name not in chosen.outputs:
                raise NotFoundError(f"signature {signature!r} has no output {name!r}; it has {sorted(chosen.outputs)}")
            del chosen.outputs[name]
        return self._changed()

    def set_method_name(self, signature: str, method_name: str) -> Self:
        """``predict``, ``classify`` and ``regress`` stand for the names that servers know."""
        known = method_name in ("predict", "classify", "regress")
        self._signature(signature).method_name = f"tensorflow/serving/{method_name}" if known else method_name
        return self

    # --- the whole graph ----------------------------------------------------------------------------------------------

    def set_tags(self, *tags: str) -> Self:
        """Other tags for this MetaGraph. AlreadyExistsError when another MetaGraph has just these."""
        if not tags or not all(tags):
            raise InvalidArgumentError("a MetaGraph needs a tag")
        if any(set(m.meta_info_def.tags) == set(tags) for m in self._others):
            raise AlreadyExistsError(f"there is another MetaGraph with the tags {sorted(set(tags))}")
        self.meta.meta_info_def.tags[:] = sorted(set(tags))
        return self

    def clear_devices(self) -> Self:
        """Forgets the devices that nodes ask for."""
        self.meta.graph_def.CopyFrom(clear_devices(self.meta.graph_def))
        return self

    def strip_default_attrs(self) -> Self:
        """Drops attributes that have their default value, so that older versions of TensorFlow load the model."""
        self.meta.graph_def.CopyFrom(strip_default_attrs(self.meta.graph_def))
        self.meta.meta_info_def.stripped_default_attrs = True
        return self

    def strip_training_nodes(self) -> Self:
        """Drops CheckNumerics and needless identities outside functions, but none that anything outside names."""
        kept = {node_name(t) for s in self.meta.signature_def.values() for t in _tensors(s)}
        kept |= {node_name(t) for c in self.meta.collection_def.values() for t in c.node_list.value}
        saver = self.meta.saver_def
        names = (saver.filename_tensor_name, saver.save_tensor_name, saver.restore_op_name)
        kept |= {node_name(n) for n in names} | set(init_ops(self.meta)) | collected_nodes(self.meta)
        graph = self.meta.graph_def
        made = remove_training_nodes(graph, kept)
        made.library.CopyFrom(graph.library)
        made.versions.CopyFrom(graph.versions)
        graph.CopyFrom(made)
        return self._changed()

    def prune(self, *, saver: bool = True) -> Self:
        """Drops what no signature needs: nodes, functions, variables (from the checkpoint too), tables, assets.

        saver: False leaves the variables without a value.
        Other MetaGraphs must not share the variables: FailedPreconditionError where there are any with a checkpoint.
        """
        self._alone()
        if has_saved_tables(self.meta):
            raise FailedPreconditionError(
                f"{self._path}: its checkpoint holds the content of lookup tables, which only the model's own restore "
                "op can put back; such a model cannot be pruned"
            )
        values = self._values()
        kept = prune(self.meta, values.keys() if saver else (), freezing=not saver)
        self._arrays = {name: values[name] for name in kept}
        self._checkpoint = None
        present = {a.filename for a in self.meta.asset_file_def}
        self._assets = {n: c for n, c in self._assets.items() if n in present}
        return self._changed()

    def freeze(self) -> Self:
        """Makes the variables of the signatures constants and drops all that they do not need.

        FailedPreconditionError for a signature that assigns variables.
        """
        values = self._values()
        self.prune(saver=False)
        graph = self.meta.graph_def
        used = extract_sub_graph(graph, signature_nodes(self.meta))
        variables = [n.name for n in used.node if n.op in VARIABLE_OPS]
        graph.CopyFrom(convert_variables_to_constants(graph, values, [n.name for n in graph.node], variables))
        for name in [n for n in self.meta.collection_def if is_of_variables(n)]:
            del self.meta.collection_def[name]
        self._arrays = {}
        return self

    def _values(self) -> Mapping[str, Array]:
        if self._checkpoint is None:
            return self._arrays
        return variable_values(import_graph(self.meta.graph_def), self.meta, self._checkpoint, self._asset_paths)

    def _alone(self) -> None:
        if self._others and self._checkpoint is not None:
            tags = [sorted(m.meta_info_def.tags) for m in self._others]
            raise FailedPreconditionError(
                f"{self._path}: other MetaGraphs ({tags}) share its variables; drop them first (drop_other_meta_graphs)"
            )

    def drop_other_meta_graphs(self) -> Self:
        """Forgets the MetaGraphs of other tags."""
        self._others = []
        return self

    # --- in front of the graph ----------------------------------------------------------------------------------------

    def put_parser(self, signature: str, alias: str = "examples", *, as_signature: str = "") -> Self:
        """Lets ``signature`` take serialized tf.Examples, one feature for each of its inputs, instead of arrays.

        The features' dtypes and shapes are those of the inputs without the batch. as_signature: the key of the new
        signature; by default it takes the place of the old one. Raises InvalidArgumentError for an input whose shape a
        tf.Example cannot give.
        """
        made = front.parser(self.meta.graph_def, self._signature(signature), alias)
        return self._fronted(signature, made, as_signature)

    def put_decoder(self, signature: str, name: str, kind: str, *, scale: float = 1.0, as_signature: str = "") -> Self:
        """Lets ``signature`` take its input ``name`` as text: one string for each element of the batch.

        kind: ``base64`` (web-safe, of a string input), ``raw`` (the bytes of an array, little-endian), or ``image`` (a
        JPEG or PNG file, decoded, resized to the input's height and width, and multiplied by ``scale``).
        """
        made = front.decoder(self.meta.graph_def, self._signature(signature), name, kind, scale)
        return self._fronted(signature, made, as_signature)

    def _fronted(self, signature: str, made: SignatureDef, as_signature: str) -> Self:
        if as_signature:
            self._free(as_signature)
        return self._put(as_signature or signature, made)

    # --- saving -------------------------------------------------------------------------------------------------------

    def save(self, path: str, *, overwrite: bool = False, as_text: bool = False) -> str:
        """Writes the model to the folder ``path`` and returns the path of its ``saved_model.pb``.

        Raises AlreadyExistsError when there is something at ``path``, unless ``overwrite`` is set.
        """
        describe(self.meta)
        return write_saved_model(
            path,
            saved_model([self.meta, *self._others]),
            variables=self._checkpoint or self._arrays or None,
            assets=self._assets,
            assets_extra=self._extra,
            as_text=as_text,
            overwrite=overwrite,
        )

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _signature(self, name: str) -> SignatureDef:
        known = self.signatures
        if name not in known:
            raise NotFoundError(f"{self._path} has no signature {name!r}; it has {', '.join(known) or 'none'}")
        return self.meta.signature_def[name]

    def _free(self, name: str) -> None:
        if not name or name in _RESERVED:
            raise InvalidArgumentError(f"{name!r} cannot be the key of a signature")
        if name in self.meta.signature_def:
            raise AlreadyExistsError(f"there is a signature {name!r} already; drop or rename it first")

    def _put(self, name: str, made: SignatureDef) -> Self:
        copied = SignatureDef()
        copied.CopyFrom(made)
        self.meta.signature_def[name].CopyFrom(copied)
        return self._changed()

    def _changed(self) -> Self:
        """The Python objects of TensorFlow 2 would contradict the graph from here on."""
        if self.meta.HasField("object_graph_def"):
            self.meta.ClearField("object_graph_def")
            self.notes.append(
                "the Python objects of the SavedModel are dropped: tf.saved_model.load gives its signatures only"
            )
        return self

    def _info(self, name: str) -> TensorInfo:
        graph = import_graph(self.meta.graph_def)
        tensor = parse_tensor_name(name)
        dtype = graph.dtype(tensor)
        declared = graph[tensor.node].attrs.get("shape")
        if isinstance(declared, ShapeAttr):
            shape = declared.dims
        elif dtype in (dtypes.resource, dtypes.variant):
            raise InvalidArgumentError(f"tensor {name!r} of dtype {dtype} cannot stand in a signature")
        else:
            shape = tensor_shape_from_node_def_name(graph, str(tensor))
        return tensor_info(TensorSpec(name, str(tensor), dtype, shape))


def _tensors(signature: SignatureDef) -> Sequence[str]:
    return [*signature_tensors(signature, inputs=True), *signature_tensors(signature)]


def _rename(infos: object, name: str, new: str, what: str) -> None:
    """Moves an entry of a map of messages."""
    entries: dict[str, TensorInfo] = infos  # type: ignore[assignment]  # a protobuf map has the interface it needs
    if name not in entries:
        raise NotFoundError(f"there is no {what} called {name!r}; there are {sorted(entries)}")
    if new in entries and new != name:
        raise AlreadyExistsError(f"there is an {what} called {new!r} already")
    moved = type(entries[name])()
    moved.CopyFrom(entries[name])
    del entries[name]
    infos[new].CopyFrom(moved)  # type: ignore[index]  # as above
