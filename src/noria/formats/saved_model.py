"""SavedModel folders.

    saved_model.pb | saved_model.pbtxt   SavedModel: one MetaGraphDef for each set of tags; written last
    variables/variables.*                checkpoint of the variables, absent when there are none
    assets/                              files that asset tensors name
    assets.extra/                        files that the user put there; opaque
    fingerprint.pb                       FingerprintDef: hashes of the parts

Reading believes no name: an asset whose name leads out of ``assets/`` is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.proto_file import parse_binary, read_message
from noria.protos.tensorflow import AssetFileDef, FingerprintDef, MetaGraphDef, SavedModel, SignatureDef

SERVE_TAG: Final = "serve"
DEFAULT_SIGNATURE: Final = "serving_default"
INIT_OP_SIGNATURE: Final = "__saved_model_init_op"
TRAIN_OP_SIGNATURE: Final = "__saved_model_train_op"
FILE_NAMES: Final = ("saved_model.pb", "saved_model.pbtxt")  # TensorFlow takes the first that exists
ASSETS_COLLECTION: Final = "saved_model_assets"


@dataclass(frozen=True, slots=True)
class SavedModelDir:
    """A SavedModel as it lies on disk: ``path`` of the folder, the parsed ``proto``, what else is there.

    variables_prefix: the checkpoint of the variables, None when the folder has none; fingerprint: None when absent;
    assets_extra: relative names of the files under ``assets.extra/``.
    """

    path: str
    proto: SavedModel
    variables_prefix: str | None
    fingerprint: FingerprintDef | None
    assets_extra: tuple[str, ...]

    @property
    def tag_sets(self) -> list[frozenset[str]]:
        """The tags of each MetaGraphDef, in the order of the file."""
        return [frozenset(meta.meta_info_def.tags) for meta in self.proto.meta_graphs]

    def meta_graph(self, tags: Iterable[str] | str | None = None) -> MetaGraphDef:
        """The MetaGraphDef whose tags are exactly ``tags`` (several in one string: separated by commas).

        None means ``serve``, or the only MetaGraphDef there is. Raises NotFoundError that lists the sets of tags.
        """
        available = self.tag_sets
        if tags is None:
            wanted = available[0] if len(available) == 1 else frozenset({SERVE_TAG})
        else:
            wanted = frozenset(tag.strip() for tag in tags.split(",")) if isinstance(tags, str) else frozenset(tags)
        for found, meta in zip(available, self.proto.meta_graphs, strict=True):
            if found == wanted:
                return meta
        listed = ", ".join(map(_braces, available)) or "none"
        raise NotFoundError(
            f"{self.path}: MetaGraphDef associated with tags {_braces(wanted)} could not be found in SavedModel; "
            f"available tag-sets: {listed}. Give one of these sets exactly"
        )

    def assets(self, meta: MetaGraphDef) -> dict[str, str]:
        """Name of the asset tensor (``Const:0``) -> path of its file.

        Raises InvalidArgumentError for a name that leads out of ``assets/``.
        """
        found: dict[str, str] = {}
        for asset in asset_defs(meta, self.path):
            found[asset.tensor_info.name] = files.join(self.path, "assets", checked_name(asset.filename, self.path))
        return found


def signatures(meta: MetaGraphDef) -> dict[str, SignatureDef]:
    """The signatures a user can call, by key; TensorFlow's internal ones (``__saved_model_…``) left out."""
    return {key: meta.signature_def[key] for key in sorted(meta.signature_def) if not key.startswith("__saved_model_")}


def is_saved_model(path: files.PathLike) -> bool:
    """Whether the folder at ``path`` holds a SavedModel."""
    return any(files.exists(files.join(path, name)) for name in FILE_NAMES)


def read_saved_model(path: files.PathLike) -> SavedModelDir:
    """Read the SavedModel in the folder ``path`` (or whose ``saved_model.pb`` is ``path``).

    Raises NotFoundError when there is none, DataLossError when its bytes do not parse, InvalidArgumentError when it
    holds no MetaGraphDef.
    """
    folder, name = files.split(path)
    if name not in FILE_NAMES:
        folder = files.text(path).rstrip("/") or "/"
        name = next((n for n in FILE_NAMES if files.exists(files.join(folder, n))), "")
    if not name:
        raise NotFoundError(f"{folder}: no SavedModel here: {_why_not(folder)}")
    file = files.join(folder, name)
    proto = read_message(SavedModel, file)
    if not proto.meta_graphs:
        raise InvalidArgumentError(f"{file}: a SavedModel without any MetaGraphDef; is the file cut short?")
    return SavedModelDir(folder, proto, _variables_prefix(folder), _fingerprint(folder), _assets_extra(folder))


def _why_not(folder: str) -> str:
    if not files.is_dir(folder):
        return "this is a file, not a folder" if files.exists(folder) else "the folder does not exist"
    inner = [n for n in files.list_dir(folder) if is_saved_model(files.join(folder, n))]
    hint = f"; it holds SavedModels in {', '.join(inner)}: give one of these" if inner else ""
    return f"the folder has neither {' nor '.join(FILE_NAMES)}{hint}"


def _variables_prefix(folder: str) -> str | None:
    variables = files.join(folder, "variables")
    if any(name == "variables" or name.startswith("variables.") for name in files.list_dir(variables)):
        return files.join(variables, "variables")
    return None


def _fingerprint(folder: str) -> FingerprintDef | None:
    file = files.join(folder, "fingerprint.pb")
    return read_message(FingerprintDef, file) if files.exists(file) else None


def _assets_extra(folder: str) -> tuple[str, ...]:
    return tuple(files.walk(files.join(folder, "assets.extra")))


def checked_name(name: str, place: str) -> str:
    """``name`` if it stays below the folder it is joined to, else InvalidArgumentError with ``place`` in front."""
    if not name or ".." in name.split("/") or name.startswith("/") or "\0" in name:
        raise InvalidArgumentError(f"{place}: file name {name!r} leads out of its folder")
    return name


def asset_defs(meta: MetaGraphDef, place: str) -> list[AssetFileDef]:
    """The assets of ``meta``: from its field, or from the collection, all that the builder of TensorFlow 1 writes."""
    if meta.asset_file_def or ASSETS_COLLECTION not in meta.collection_def:
        return list(meta.asset_file_def)
    packed = meta.collection_def[ASSETS_COLLECTION].any_list.value
    return [parse_binary(AssetFileDef, value.value, f"{place}: collection {ASSETS_COLLECTION}") for value in packed]


def _braces(tags: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(tags)) + "}"
