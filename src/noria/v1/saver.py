"""``tf.train.Saver``: saves variables to checkpoints, keeps the last few, and restores them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Mapping
from typing import Any

from noria.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, TFError
from noria.formats import checkpoint_dir, files
from noria.formats.checkpoint import checkpoint_exists, open_checkpoint
from noria.protos.tensorflow import MetaGraphDef, SaverDef, TrackableObjectGraph
from noria.v1.collection_protos import register_proto_function
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.meta_graph import (
    add_collection_def,
    as_meta_graph_def,
    export_meta_graph,
    import_scoped_meta_graph_with_return_elements,
)
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.saveable import all_saveables, by_name
from noria.v1.saver_builder import BaseSaverBuilder, BulkSaverBuilder
from noria.v1.session import BaseSession
from noria.v1.tf_logging import info, warning

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # the key under which TensorFlow 2 describes its objects


def all_saveable_objects(scope: str | None = None) -> list[Any]:
    """What a Saver without a list saves: the global variables and the objects that asked to be saved."""
    graph = get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_VARIABLES, scope)
    return found + graph.get_collection(GraphKeys.SAVEABLE_OBJECTS, scope)


@export("train.Saver", "Saver", "contrib.slim.learning.tf_saver.Saver")
class Saver:
    """Saves and restores variables.

    var_list: variables, or a dictionary that says under which names; all of the graph if left out. reshape: restore
    into variables of another shape. sharded: one file a device. max_to_keep: how many checkpoints are kept (0 or None:
    all); keep_checkpoint_every_n_hours: keep one of those for good in each such span. saver_def: use the operations
    that are in the graph already. builder: adds the operations. defer_build: only when ``build`` is called.
    allow_empty: a graph without variables is no error. write_version: SaverDef.V1 or V2. pad_step_number: steps as
    eight digits. save_relative_paths: in the ``checkpoint`` file. filename: used when nothing
    is fed.

    Raises ValueError for a graph without variables, and for two variables of one name.
    """

    def __init__(
        self,
        var_list: Any = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
        keep_checkpoint_every_n_hours: float = 10000.0,
        name: str | None = None,
        restore_sequentially: bool = False,
        saver_def: SaverDef | None = None,
        builder: BaseSaverBuilder | None = None,
        defer_build: bool = False,
        allow_empty: bool = False,
        write_version: int = SaverDef.V2,
        pad_step_number: bool = False,
        save_relative_paths: bool = False,
        filename: str | None = None,
    ) -> None:
        if defer_build and var_list:
            raise ValueError(
                "If `var_list` is provided then build cannot be deferred. Either set defer_build=False or "
                "var_list=None."
            )
        self._var_list = var_list
        self._reshape, self._sharded, self._restore_sequentially = reshape, sharded, restore_sequentially
        self._max_to_keep = max_to_keep
        self._keep_checkpoint_every_n_hours = keep_checkpoint_every_n_hours
        self._name, self._filename = name, filename
        self.saver_def = saver_def
        self._builder = builder
        self._is_built = False
        self._allow_empty = allow_empty
        self._is_empty: bool | None = None
        self._write_version = write_version
        self._pad_step_number = pad_step_number
        self._save_relative_paths = save_relative_paths
        self._last_checkpoints: list[tuple[str, float]] = []
        self._to_delete: list[tuple[str, float]] = []
        self._next_to_keep = math.inf
        self._by_objects: Saver | None = None
        if not defer_build:
            self.build()
        if self.saver_def is not None:
            self._check_saver_def()
            self._write_version = self.saver_def.version

    def build(self) -> None:
        """Adds the operations, where ``defer_build`` put that off."""
        if self._is_built:
            return
        self._is_built = True
        if self.saver_def is None:
            if self._var_list is None:
                self._var_list = all_saveable_objects()
            if not self._var_list:
                if not self._allow_empty:
                    raise ValueError("No variables to save")
                self._is_empty = True
                return
            self._is_empty = False
            builder = BulkSaverBuilder(self._write_version) if self._builder is None else self._builder
            self.saver_def = builder.build(
                self._var_list, self._reshape, self._sharded, self._max_to_keep, self._keep_checkpoint_every_n_hours,
                self._name, self._restore_sequentially, self._filename,
            )  # fmt: skip
        elif self._name:
            definition = self.saver_def
            definition.filename_tensor_name = prepend_name_scope(definition.filename_tensor_name, self._name)
            definition.save_tensor_name = prepend_name_scope(definition.save_tensor_name, self._name)
            definition.restore_op_name = prepend_name_scope(definition.restore_op_name, self._name)
        self._check_saver_def()
        self._next_to_keep = time.time() + self._definition().keep_checkpoint_every_n_hours * 3600

    def _check_saver_def(self) -> None:
        definition = self.saver_def
        if not isinstance(definition, SaverDef):
            raise ValueError(f"saver_def must be a saver_pb2.SaverDef: {definition}")
        if not definition.save_tensor_name:
            raise ValueError(f"saver_def must specify the save_tensor_name: {definition}")
        if not definition.restore_op_name:
            raise ValueError(f"saver_def must specify the restore_op_name: {definition}")

    def _definition(self) -> SaverDef:
        if self.saver_def is None:
            raise RuntimeError("`build()` should be called before save if defer_build==True")
        return self.saver_def

    # --- saving -----------------------------------------------------------------------------------------------------

    def save(
        self,
        sess: Any,
        save_path: Any,
        global_step: Any = None,
        latest_filename: str | None = None,
        meta_graph_suffix: str = "meta",
        write_meta_graph: bool = True,
        write_state: bool = True,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> str | None:
        """Saves to ``save_path`` (``save_path-STEP``), and returns the prefix to restore from; None without variables.

        Written in this order: the values, their index, the MetaGraph, the ``checkpoint`` file (``latest_filename``);
        then checkpoints beyond ``max_to_keep`` go. Whenever the process ends, ``latest_checkpoint`` names a whole one.

        Raises RuntimeError before ``build``, ValueError for a folder that does not exist, TypeError for what is no
        Session, FailedPreconditionError for a variable without a value.
        """
        if not self._is_built:
            raise RuntimeError("`build()` should be called before save if defer_build==True")
        latest_filename = "checkpoint" if latest_filename is None else latest_filename
        if os.path.split(latest_filename)[0]:
            raise ValueError("'latest_filename' must not contain path components")
        path = save_path.decode() if isinstance(save_path, bytes) else os.fspath(save_path)
        prefix = self._prefix(sess, path, global_step, latest_filename)
        if not isinstance(sess, BaseSession):
            raise TypeError(f"'sess' must be a Session; {sess}")
        folder = os.path.dirname(path)
        written = None if self._is_empty else self._write(sess, prefix, path)
        if write_meta_graph:
            with sess.graph.as_default():
                self.export_meta_graph(
                    checkpoint_dir.meta_graph_path(prefix, meta_graph_suffix),
                    strip_default_attrs=strip_default_attrs, save_debug_info=save_debug_info,
                )  # fmt: skip
        if written is not None and write_state:
            self._record(written)
            checkpoint_dir.update_checkpoint_state(
                folder, written, self.last_checkpoints, latest_filename,
                save_relative_paths=self._save_relative_paths,
            )  # fmt: skip
            self._delete_oldest(meta_graph_suffix)
        return written

    def _prefix(self, sess: Any, path: str, global_step: Any, latest_filename: str) -> str:
        if global_step is None:
            if os.path.basename(path) == latest_filename and not self._sharded:
                raise ValueError(f"'latest_filename' collides with 'save_path': '{latest_filename}' and '{path}'")
            return path
        step = int(global_step if hasattr(global_step, "__index__") else sess.run(global_step))
        return f"{path}-{step:08d}" if self._pad_step_number else f"{path}-{step}"

    def _write(self, sess: Any, prefix: str, path: str) -> str:
        definition = self._definition()
        try:
            found = sess.run(definition.save_tensor_name, {definition.filename_tensor_name: prefix})
        except (FailedPreconditionError, NotFoundError):
            folder = os.path.dirname(path)
            if folder and not files.is_dir(folder):
                raise ValueError(f"Parent directory of {path} doesn't exist, can't save.") from None
            raise
        return found.decode() if isinstance(found, bytes) else str(found)

    def _record(self, prefix: str) -> None:
        most = self._definition().max_to_keep
        if not most:
            return
        self._last_checkpoints = [p for p in self._last_checkpoints if p[0] != prefix]
        self._last_checkpoints.append((prefix, time.time()))
        if len(self._last_checkpoints) > most:
            self._to_delete.append(self._last_checkpoints.pop(0))

    def _delete_oldest(self, meta_graph_suffix: str) -> None:
        if not self._to_delete:
            return
        prefix, when = self._to_delete.pop(0)
        definition = self._definition()
        if when > self._next_to_keep:
            self._next_to_keep += definition.keep_checkpoint_every_n_hours * 3600
            return
        try:
            checkpoint_dir.remove_checkpoint(prefix, definition.version, meta_graph_suffix)
        except TFError as error:
            warning("Ignoring: %s", error)

    def export_meta_graph(
        self,
        filename: str | None = None,
        collection_list: Collection[str] | None = None,
        as_text: bool = False,
        export_scope: str | None = None,
        clear_devices: bool = False,
        clear_extraneous_savers: bool = False,
        strip_default_attrs: bool = False,
        save_debug_info: bool = False,
    ) -> MetaGraphDef:
        """The MetaGraphDef of the default graph with this saver; see ``tf.train.export_meta_graph``."""
        return export_meta_graph(
            filename, graph_def=get_default_graph().as_graph_def(add_shapes=True), saver_def=self.saver_def,
            collection_list=collection_list, as_text=as_text, export_scope=export_scope, clear_devices=clear_devices,
            clear_extraneous_savers=clear_extraneous_savers, strip_default_attrs=strip_default_attrs,
            save_debug_info=save_debug_info,
        )  # fmt: skip

    # --- restoring --------------------------------------------------------------------------------------------------

    def restore(self, sess: Any, save_path: Any) -> None:
        """Gives the variables the values of the checkpoint ``save_path``; they need not be initialised.

        Raises ValueError when there is no checkpoint, NotFoundError for a variable that it does not hold (the nearest
        keys are named), InvalidArgumentError for one of another shape or dtype.
        """
        if self._is_empty:
            return
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        prefix = save_path.decode() if isinstance(save_path, bytes) else os.fspath(save_path)
        if not checkpoint_exists(prefix):
            raise ValueError(f"The passed save_path is not a valid checkpoint: {prefix}")
        info("Restoring parameters from %s", prefix)
        definition = self._definition()
        try:
            sess.run(definition.restore_op_name, {definition.filename_tensor_name: prefix})
        except NotFoundError as error:
            try:
                keys = object_graph_key_mapping(prefix)
            except NotFoundError:
                raise _explained(error, "a Variable name or other graph key that is missing") from None
            warning(
                "Restoring an object-based checkpoint using a name-based saver. This may be somewhat fragile, and will "
                "re-build the Saver. Instead, consider loading object-based checkpoints using tf.train.Checkpoint()."
            )
            if self._by_objects is None:
                self._by_objects = _saver_by_objects(keys, self._var_list)
            self._by_objects.restore(sess, prefix)
        except InvalidArgumentError as error:
            raise _explained(error, "a mismatch between the current graph and the graph") from None

    # --- the last checkpoints ---------------------------------------------------------------------------------------

    @property
    def last_checkpoints(self) -> list[str]:
        """The prefixes of the checkpoints that are kept, oldest first."""
        return [prefix for prefix, _ in self._last_checkpoints]

    def set_last_checkpoints(self, last_checkpoints: list[str]) -> None:
        """The old form of ``set_last_checkpoints_with_time``."""
        assert isinstance(last_checkpoints, list)
        self._last_checkpoints = [(prefix, math.inf) for prefix in last_checkpoints]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time: list[tuple[str, float]]) -> None:
        """Sets which checkpoints count for ``max_to_keep``: prefixes and times in seconds since 1970, oldest first."""
        assert isinstance(last_checkpoints_with_time, list)
        self._last_checkpoints = last_checkpoints_with_time

    def recover_last_checkpoints(self, checkpoint_paths: Collection[str]) -> None:
        """As ``set_last_checkpoints_with_time``, for those of ``checkpoint_paths`` that exist."""
        times = [(path, checkpoint_dir.checkpoint_mtimes([path])) for path in checkpoint_paths]
        self.set_last_checkpoints_with_time([(path, found[0]) for path, found in times if found])

    # --- messages ---------------------------------------------------------------------------------------------------

    def as_saver_def(self) -> SaverDef | None:
        """The message that names the operations of this saver."""
        return self.saver_def

    def to_proto(self, export_scope: str | None = None) -> SaverDef | None:
        """The SaverDef without ``export_scope`` in its names; None when its operations lie outside that scope."""
        definition = self.saver_def
        if export_scope is None or definition is None:
            return definition
        names = (definition.filename_tensor_name, definition.save_tensor_name, definition.restore_op_name)
        if not all(name.startswith(export_scope) for name in names):
            return None
        found = SaverDef()
        found.CopyFrom(definition)
        found.filename_tensor_name, found.save_tensor_name, found.restore_op_name = (
            strip_name_scope(name, export_scope) for name in names
        )
        return found

    @staticmethod
    def from_proto(saver_def: SaverDef, import_scope: str | None = None) -> Saver:
        """The saver whose operations ``saver_def`` names, in ``import_scope``."""
        return Saver(saver_def=saver_def, name=import_scope)

    @staticmethod
    def _add_collection_def(meta_graph_def: MetaGraphDef, key: str, export_scope: str | None = None) -> None:
        add_collection_def(meta_graph_def, key, export_scope=export_scope)


register_proto_function(GraphKeys.SAVERS, SaverDef, Saver.to_proto, Saver.from_proto)


def _explained(error: TFError, what: str) -> TFError:
    text = (
        f"Restoring from checkpoint failed. This is most likely due to {what} from the checkpoint. Please ensure that "
        f"you have not altered the graph expected based on the checkpoint. Original error:\n\n{error.message}"
    )
    return type(error)(getattr(error, "node_def", None), getattr(error, "op", None), text)


@export("python.training.saver.object_graph_key_mapping")
def object_graph_key_mapping(checkpoint_path: str) -> dict[str, str]:
    """The keys of a checkpoint that TensorFlow 2 wrote of objects, by the full names of their variables.

    Raises NotFoundError for a checkpoint of another kind.
    """
    stored = open_checkpoint(checkpoint_path)[_OBJECT_GRAPH].item()
    graph = TrackableObjectGraph.FromString(stored)
    return {a.full_name: a.checkpoint_key for node in graph.nodes for a in node.attributes}


def _saver_by_objects(keys: Mapping[str, str], var_list: Any) -> Saver:
    """A saver that restores variables of the names that ``keys`` has from the keys that it gives."""
    wanted = all_saveable_objects() if var_list is None else var_list
    saveables = all_saveables(wanted if isinstance(wanted, dict) else by_name(wanted))
    specs = [spec for saveable in saveables for spec in saveable.specs]
    names = {spec.name for spec in specs}
    missing = sorted(names - keys.keys())
    if missing:
        raise NotFoundError(
            f"\n\nExisting variables not in the checkpoint: {', '.join(missing)}\n\n"
            "Variables names when this checkpoint was written which don't exist now: "
            f"{', '.join(sorted(keys.keys() - names))}\n\n"
            f"({len(names & keys.keys())} variable name(s) did match)\n\n"
            "Could not find some variables in the checkpoint (see names above). It is an object-based checkpoint "
            "(saved by tf.train.Checkpoint or Model.save_weights) and was read by variable names, which may have "
            "changed. Restore with Saver(var_list={old name: variable}) for the variables that it holds."
        )
    for spec in specs:
        spec.name = keys[spec.name]
    return Saver(saveables)


@export("train.import_meta_graph")
def import_meta_graph(
    meta_graph_or_file: Any, clear_devices: bool = False, import_scope: str | None = None, **kwargs: Any
) -> Saver | None:
    """Adds the graph and the collections of a MetaGraphDef (or of the file of one) to the default graph.

    Gives the saver that belongs to it, or one over all variables; None when there are none. clear_devices: without
    devices; import_scope: a name scope to put all in; kwargs: ``input_map`` and others of
    ``import_scoped_meta_graph``.
    """
    return import_meta_graph_with_elements(meta_graph_or_file, clear_devices, import_scope, **kwargs)[0]


def import_meta_graph_with_elements(
    meta_graph_or_file: Any,
    clear_devices: bool = False,
    import_scope: str | None = None,
    return_elements: Any = None,
    **kwargs: Any,
) -> tuple[Saver | None, list[Any] | None]:
    """As ``import_meta_graph``, with the ``return_elements`` of the graph."""
    meta = as_meta_graph_def(meta_graph_or_file)
    variables, elements = import_scoped_meta_graph_with_return_elements(
        meta, clear_devices=clear_devices, import_scope=import_scope, return_elements=return_elements, **kwargs
    )
    if meta.HasField("saver_def"):
        scope = import_scope
        if variables:  # the scope may have been taken, and got a number
            name, variable = next(iter(variables.items()))
            scope = variable.name[: -len(name)]
        return Saver(saver_def=meta.saver_def, name=scope), elements
    if all_saveable_objects(scope=import_scope):
        return Saver(), elements
    info("Saver not created because there are no variables in the graph to restore")
    return None, elements
