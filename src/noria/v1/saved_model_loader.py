"""``tf.saved_model.loader``: a SavedModel becomes part of a session's graph; ``main_op`` and ``contrib.predictor``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from noria.errors import TFError
from noria.formats import files
from noria.formats.saved_model import (
    DEFAULT_SIGNATURE,
    INIT_OP_SIGNATURE,
    TRAIN_OP_SIGNATURE,
    SavedModelDir,
    is_saved_model,
    read_saved_model,
)
from noria.protos.tensorflow import MetaGraphDef, SavedModel, SignatureDef
from noria.v1.exports import export, lookup
from noria.v1.graph import Graph, get_default_graph
from noria.v1.saved_model_builder import LEGACY_INIT_OP, MAIN_OP
from noria.v1.saver import Saver, all_saveable_objects, import_meta_graph_with_elements
from noria.v1.session import Session
from noria.v1.signature_defs import load_op_from_signature_def
from noria.v1.tf_logging import info
from noria.v1.variable_lists import global_variables_initializer, group, local_variables_initializer

TRAIN_OP = "saved_model_train_op"


@export("saved_model.contains_saved_model")
def contains_saved_model(export_dir: Any) -> bool:
    """Whether there is a SavedModel in a folder."""
    return is_saved_model(export_dir)


@export("python.saved_model.loader_impl.parse_saved_model")
def parse_saved_model(export_dir: Any) -> SavedModel:
    """The message in a SavedModel's folder; OSError when there is none."""
    return _read(export_dir).proto


def _read(export_dir: Any) -> SavedModelDir:
    path = export_dir.decode() if isinstance(export_dir, bytes) else files.text(export_dir)
    if not is_saved_model(path):
        raise OSError(f"SavedModel file does not exist at: {path}/{{saved_model.pbtxt|saved_model.pb}}")
    try:
        return read_saved_model(path)
    except TFError as error:
        raise OSError(f"Cannot parse file {error.message}.") from error


@export("python.saved_model.loader_impl.SavedModelLoader")
class SavedModelLoader:
    """Loads the parts of one SavedModel: graph, variables, what its init op does."""

    def __init__(self, export_dir: Any) -> None:
        self._model = _read(export_dir)
        self._export_dir = export_dir

    @property
    def export_dir(self) -> Any:
        return self._export_dir

    @property
    def variables_path(self) -> str:
        """The prefix of the checkpoint of the variables."""
        return files.join(self._model.path, "variables", "variables")

    @property
    def saved_model(self) -> SavedModel:
        return self._model.proto

    def get_meta_graph_def_from_tags(self, tags: Iterable[str]) -> MetaGraphDef:
        """The MetaGraphDef of exactly these tags; RuntimeError that lists the sets of tags there are."""
        wanted = set(tags)
        for meta in self._model.proto.meta_graphs:
            if set(meta.meta_info_def.tags) == wanted:
                return meta
        raise RuntimeError(
            f"MetaGraphDef associated with tags {str(tags).strip('[]')} could not be found in SavedModel, with "
            f"available tags '{[set(t) for t in self._model.tag_sets]}'. To inspect available tag-sets in the "
            "SavedModel, please use the SavedModel CLI: `saved_model_cli` (or `noria show`)."
        )

    def load_graph(
        self, graph: Graph, tags: Iterable[str], import_scope: str | None = None, **saver_kwargs: Any
    ) -> tuple[Saver | None, list[Any] | None]:
        """Adds the graph of ``tags``; gives its saver, and the ``return_elements`` of ``saver_kwargs``."""
        with graph.as_default():
            return import_meta_graph_with_elements(
                self.get_meta_graph_def_from_tags(tags), import_scope=import_scope, **saver_kwargs
            )

    def restore_variables(self, sess: Any, saver: Saver | None, import_scope: str | None = None) -> None:
        """Gives the variables their values; ValueError when there are some and no saver."""
        with sess.graph.as_default():
            if saver is None and not all_saveable_objects(scope=import_scope):
                info("The specified SavedModel has no variables; no checkpoints were restored.")
            elif isinstance(saver, Saver):
                saver.restore(sess, self.variables_path)
            else:
                raise ValueError(
                    "No tf.train.Saver object was passed to the function `SavedModelLoader.restore_variables`. Since "
                    "there are variables in the graph, a saver is required."
                )

    def run_init_ops(self, sess: Any, tags: Iterable[str], import_scope: str | None = None) -> None:
        """Runs the model's init op, with the paths of its assets fed."""
        meta = self.get_meta_graph_def_from_tags(tags)
        with sess.graph.as_default():
            assets = {
                f"{import_scope}/{name}" if import_scope else name: path
                for name, path in self._model.assets(meta).items()
            }
            init_op = get_init_op(meta, import_scope)
            if init_op is not None:
                sess.run([init_op], assets)

    def load(
        self, sess: Any, tags: Iterable[str], import_scope: str | None = None, **saver_kwargs: Any
    ) -> MetaGraphDef:
        """All of it."""
        tags = list(tags)
        with sess.graph.as_default():
            saver, _ = self.load_graph(sess.graph, tags, import_scope, **saver_kwargs)
            self.restore_variables(sess, saver, import_scope)
            self.run_init_ops(sess, tags, import_scope)
        return self.get_meta_graph_def_from_tags(tags)


@export("saved_model.loader.load")
def load(
    sess: Any, tags: Iterable[str], export_dir: Any, import_scope: str | None = None, **saver_kwargs: Any
) -> MetaGraphDef:
    """Loads a SavedModel into a session: its graph, the values of its variables, its tables; returns its MetaGraphDef.

    tags: those of one of its graphs, exactly; import_scope: a name scope to put it in; saver_kwargs: of
    ``import_meta_graph``. Raises OSError when there is no SavedModel, RuntimeError for tags that it does not have.
    """
    return SavedModelLoader(export_dir).load(sess, tags, import_scope, **saver_kwargs)


def _from_collection(meta: MetaGraphDef, key: str) -> Any:
    if key not in meta.collection_def:
        return None
    names = meta.collection_def[key].node_list.value
    if len(names) != 1:
        raise RuntimeError(f"Expected exactly one SavedModel init op. Found {len(names)}: {list(names)}.")
    return get_default_graph().get_collection(key)[0]


@export("python.saved_model.loader_impl.get_init_op")
def get_init_op(meta_graph_def: MetaGraphDef, import_scope: str | None = None) -> Any:
    """What is to be run after the variables are restored; None when there is nothing."""
    if INIT_OP_SIGNATURE in meta_graph_def.signature_def:
        signature = meta_graph_def.signature_def[INIT_OP_SIGNATURE]
        return load_op_from_signature_def(signature, INIT_OP_SIGNATURE, import_scope)
    found = _from_collection(meta_graph_def, MAIN_OP)
    return _from_collection(meta_graph_def, LEGACY_INIT_OP) if found is None else found


@export("python.saved_model.loader_impl.get_train_op")
def get_train_op(meta_graph_def: MetaGraphDef, import_scope: str | None = None) -> Any:
    """The training step of a model that was saved with one; else None."""
    if TRAIN_OP_SIGNATURE in meta_graph_def.signature_def:
        signature = meta_graph_def.signature_def[TRAIN_OP_SIGNATURE]
        return load_op_from_signature_def(signature, TRAIN_OP_SIGNATURE, import_scope)
    return _from_collection(meta_graph_def, TRAIN_OP)


@export("saved_model.main_op.main_op")
def main_op() -> Any:
    """One operation that initialises all variables and tables."""
    variables = [global_variables_initializer(), local_variables_initializer()]
    return group([*variables, lookup("", "tables_initializer")()], "group_deps")


@export("saved_model.main_op_with_restore")
def main_op_with_restore(restore_op_name: Any) -> Any:
    """As ``main_op``, and then ``restore_op_name`` (an operation or its name)."""
    graph = get_default_graph()
    with graph.control_dependencies([main_op()]):
        found = graph.as_graph_element(restore_op_name)
        return group([found if not hasattr(found, "op") else found.op], "group_deps")


@export("contrib.predictor.from_saved_model")
class SavedModelPredictor:
    """A signature of a SavedModel as a function: arrays by key in, arrays by key out; keeps a session of its own.

    signature_def_key: which, ``serving_default`` if left out; input_names, output_names: tensors by key instead of a
    signature. Raises ValueError for a signature that is not there, and for inputs of other keys.
    """

    def __init__(
        self,
        export_dir: Any,
        signature_def_key: str | None = None,
        signature_def: SignatureDef | None = None,
        input_names: Mapping[str, str] | None = None,
        output_names: Mapping[str, str] | None = None,
        tags: Any = None,
        graph: Graph | None = None,
        config: Any = None,
    ) -> None:
        self.graph = Graph() if graph is None else graph
        self.session = Session(graph=self.graph, config=config)
        wanted = (tags.split(",") if isinstance(tags, str) else list(tags)) if tags is not None else ["serve"]
        meta = load(self.session, wanted, export_dir)
        if input_names is None or output_names is None:
            signature = _signature(meta, signature_def_key) if signature_def is None else signature_def
            input_names = {k: v.name for k, v in signature.inputs.items()}
            output_names = {k: v.name for k, v in signature.outputs.items()}
        self.feed_tensors = {k: self.graph.get_tensor_by_name(v) for k, v in input_names.items()}
        self.fetch_tensors = {k: self.graph.get_tensor_by_name(v) for k, v in output_names.items()}

    def __call__(self, input_dict: Mapping[str, Any]) -> dict[str, Any]:
        unknown = sorted(input_dict.keys() - self.feed_tensors.keys())
        if unknown:
            raise ValueError(f"Got unexpected keys in input_dict: {set(unknown)}\nexpected: {set(self.feed_tensors)}")
        feeds = {self.feed_tensors[key]: value for key, value in input_dict.items()}
        found: dict[str, Any] = self.session.run(self.fetch_tensors, feeds)
        return found


def _signature(meta: MetaGraphDef, key: str | None) -> SignatureDef:
    key = DEFAULT_SIGNATURE if key is None else key
    if key not in meta.signature_def:
        raise ValueError(f"Got signature_def_key {key}. Available signatures are {sorted(meta.signature_def)}.")
    return meta.signature_def[key]
