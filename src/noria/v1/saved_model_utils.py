"""``tensorflow.python.tools.saved_model_utils``: the MetaGraphs of a SavedModel, without a session."""

from __future__ import annotations

from noria.errors import FailedPreconditionError
from noria.formats import saved_model
from noria.protos.tensorflow import MetaGraphDef, SavedModel


def read_saved_model(saved_model_dir: str) -> SavedModel:
    """The message in a SavedModel's folder. Raises NotFoundError when there is none."""
    return saved_model.read_saved_model(saved_model_dir).proto


def get_saved_model_tag_sets(saved_model_dir: str) -> list[list[str]]:
    """The tags of each MetaGraph."""
    return [list(meta.meta_info_def.tags) for meta in read_saved_model(saved_model_dir).meta_graphs]


def get_meta_graph_def(saved_model_dir: str, tag_set: str) -> MetaGraphDef:
    """The MetaGraph with exactly these tags, given with commas. Raises a RuntimeError that names those there are."""
    wanted = {tag for tag in tag_set.split(",") if tag}
    metas = read_saved_model(saved_model_dir).meta_graphs
    for meta in metas:
        if set(meta.meta_info_def.tags) == wanted:
            return meta
    raise FailedPreconditionError(
        f"MetaGraphDef associated with tag-set {tag_set} could not be found in the SavedModel. Please use one of the "
        f"following tag-sets: {[','.join(meta.meta_info_def.tags) for meta in metas]}"
    )
