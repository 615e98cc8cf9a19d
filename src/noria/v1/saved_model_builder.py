"""``tf.saved_model.builder.SavedModelBuilder`` and ``simple_save``: programs of TensorFlow 1 write SavedModels.

A local model is put together in a hidden folder beside its own, which takes its name when ``save`` is called: whoever
watches sees the whole model or none. TensorFlow writes the variables into the final folder at once.
"""

from __future__ import annotations

import os
import shutil
import threading
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from noria.formats import files
from noria.formats.proto_file import write_message
from noria.formats.saved_model_writer import SCHEMA_VERSION, AssetNames
from noria.protos.tensorflow import AssetFileDef, MetaGraphDef, SavedModel, SaverDef, SignatureDef, TensorInfo
from noria.protos.wellknown import Any as AnyProto
from noria.v1.dtypes import string
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.operation import Operation, Tensor
from noria.v1.saver import Saver, all_saveable_objects
from noria.v1.signature_defs import predict_signature_def
from noria.v1.tf_logging import info

MAIN_OP = "saved_model_main_op"
LEGACY_INIT_OP = "legacy_init_op"
ASSETS = "saved_model_assets"
_RESERVED = {"__saved_model_init_op": "initialization", "__saved_model_train_op": "the train op"}


@export("saved_model.builder.SavedModelBuilder")
class SavedModelBuilder:
    """Writes a SavedModel into ``export_dir``: first the graph with its variables, then other graphs that share them.

    Raises AssertionError when the folder exists and is not empty.
    """

    def __init__(self, export_dir: Any) -> None:
        self._saved_model = SavedModel(saved_model_schema_version=SCHEMA_VERSION)
        self._export_dir = export_dir.decode() if isinstance(export_dir, bytes) else files.text(export_dir)
        if files.list_dir(self._export_dir):
            raise AssertionError(
                f"Export directory {self._export_dir} already exists, and isn't empty. Please choose a different "
                "export directory, or delete all the contents of the specified directory."
            )
        self._folder = _Folder(self._export_dir)
        self._has_saved_variables = False
        self._saved_assets: set[str] = set()

    def add_meta_graph_and_variables(
        self,
        sess: Any,
        tags: Iterable[str],
        signature_def_map: Mapping[str, SignatureDef] | None = None,
        assets_collection: Iterable[Tensor] | None = None,
        legacy_init_op: Operation | None = None,
        clear_devices: bool = False,
        main_op: Operation | None = None,
        strip_default_attrs: bool = False,
        saver: Saver | None = None,
    ) -> None:
        """Adds the default graph under ``tags``, and saves the variables of ``sess``; to be called first, and once.

        assets_collection: constant string tensors with the paths of files to copy; main_op (legacy_init_op is its old
        name): what a loader runs after the variables are restored; saver: one that is there already.
        Raises AssertionError when called twice or for a signature that is not whole, KeyError for a reserved key.
        """
        if self._has_saved_variables:
            raise AssertionError(
                "Graph state including variables and assets has already been saved. Please invoke `add_meta_graph()` "
                "instead."
            )
        signatures = _checked(signature_def_map)
        self._add_assets(assets_collection)
        _add_main_op(legacy_init_op if main_op is None else main_op)
        prefix = self._folder.make("variables") + "/variables"
        saver = _default_saver() if saver is None else saver
        saver.save(sess, prefix, write_meta_graph=False, write_state=False)
        self._add(saver, tags, signatures, clear_devices=clear_devices, strip_default_attrs=strip_default_attrs)
        self._has_saved_variables = True

    def add_meta_graph(
        self,
        tags: Iterable[str],
        signature_def_map: Mapping[str, SignatureDef] | None = None,
        assets_collection: Iterable[Tensor] | None = None,
        legacy_init_op: Operation | None = None,
        clear_devices: bool = False,
        main_op: Operation | None = None,
        strip_default_attrs: bool = False,
        saver: Saver | None = None,
    ) -> None:
        """Adds the default graph under other tags; it uses the variables that are saved already.

        Raises AssertionError before ``add_meta_graph_and_variables``.
        """
        if not self._has_saved_variables:
            raise AssertionError(
                "Graph state including variables and assets has not been saved yet. Please invoke "
                "`add_meta_graph_and_variables()` first."
            )
        signatures = _checked(signature_def_map)
        self._add_assets(assets_collection)
        _add_main_op(legacy_init_op if main_op is None else main_op)
        saver = _default_saver() if saver is None else saver
        self._add(saver, tags, signatures, clear_devices=clear_devices, strip_default_attrs=strip_default_attrs)

    def _add(
        self,
        saver: Saver,
        tags: Iterable[str],
        signatures: Mapping[str, SignatureDef],
        *,
        clear_devices: bool,
        strip_default_attrs: bool,
    ) -> None:
        meta: MetaGraphDef = saver.export_meta_graph(
            clear_devices=clear_devices, strip_default_attrs=strip_default_attrs
        )
        meta.meta_info_def.tags.extend(tags)
        for key, signature in signatures.items():
            meta.signature_def[key].CopyFrom(signature)
        self._saved_model.meta_graphs.append(meta)

    def _add_assets(self, tensors: Iterable[Tensor] | None) -> None:
        """Notes assets in the graph's collection, and copies their files: the first of a name wins among graphs."""
        if tensors is None:
            info("No assets to save.")
            return
        names = AssetNames()
        for tensor in tensors:
            asset = AssetFileDef(filename=names.add(_path_of(tensor)), tensor_info=TensorInfo(name=tensor.name))
            packed = AnyProto()
            packed.Pack(asset)
            get_default_graph().add_to_collection(ASSETS, packed)
        if not names.files:
            info("No assets to write.")
            return
        folder = self._folder.make("assets")
        for name, source in names.files.items():
            if name not in self._saved_assets:
                self._saved_assets.add(name)
                files.write_bytes(files.join(folder, name), files.read_bytes(source))
        info("Assets written to: %s", folder)

    def save(self, as_text: bool = False) -> bytes:
        """Writes the model, and returns the path of its file (bytes, as TensorFlow does)."""
        name = "saved_model.pbtxt" if as_text else "saved_model.pb"
        write_message(self._saved_model, self._folder.path(name), as_text=as_text)
        self._folder.finish(name)
        path = files.join(self._export_dir, name)
        info("SavedModel written to: %s", path)
        return path.encode()


class _Folder:
    """Where a model is put together: a hidden folder beside the final one until ``finish``, then that one itself."""

    def __init__(self, final: str) -> None:
        self._final = final.rstrip("/") or "/"
        self._staged: Path | None = None
        if not files.is_url(final):
            target = Path(self._final).absolute()
            self._staged = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
            shutil.rmtree(self._staged, ignore_errors=True)
            weakref.finalize(self, shutil.rmtree, self._staged, ignore_errors=True)

    def path(self, name: str) -> str:
        """Where the file ``name`` of the model is to be written now."""
        if self._staged is None:
            return files.join(self._final, name)
        self._staged.mkdir(parents=True, exist_ok=True)
        return str(self._staged / name)

    def make(self, name: str) -> str:
        """The folder ``name`` of the model, made where it is missing."""
        path = self.path(name)
        if not files.is_url(path):
            os.makedirs(path, exist_ok=True)
        return path

    def finish(self, last: str) -> None:
        """Lets the model take its place; where the user has put files there already, ``last`` follows the rest."""
        if self._staged is None:
            return
        staged, final = self._staged, Path(self._final)
        files.sync_folder(str(staged))
        if not final.exists() or not any(final.iterdir()):
            os.replace(staged, final)
        else:
            for path in sorted(staged.iterdir(), key=lambda p: p.name == last):
                os.replace(path, final / path.name)
            staged.rmdir()
        files.sync_folder(str(final.absolute().parent))
        self._staged = None


def _default_saver() -> Saver:
    return Saver(all_saveable_objects(), sharded=True, write_version=SaverDef.V2, allow_empty=True)


def _checked(signature_def_map: Mapping[str, SignatureDef] | None) -> Mapping[str, SignatureDef]:
    signatures = signature_def_map or {}
    for signature in signatures.values():
        for tensor_info in (*signature.inputs.values(), *signature.outputs.values()):
            _check_tensor_info(tensor_info)
    for key, use in _RESERVED.items():
        if key in signatures:
            raise KeyError(f'SignatureDef map key "{key}" is reserved for {use}. Please use a different key.')
    return signatures


def _check_tensor_info(tensor_info: TensorInfo) -> None:
    kind = tensor_info.WhichOneof("encoding")
    if kind is None:
        raise AssertionError(
            f"Invalid `tensor_info`: {tensor_info}. All TensorInfo protos used in the SignatureDefs must have one of "
            "the 'encoding' fields (e.g., name or coo_sparse) set."
        )
    if kind == "composite_tensor":
        for component in tensor_info.composite_tensor.components:
            _check_tensor_info(component)
    elif not tensor_info.dtype:
        raise AssertionError(
            f"Invalid `tensor_info`: {tensor_info}. All TensorInfo protos used in the SignatureDefs must have the "
            "dtype field set."
        )


def _add_main_op(main_op: Any) -> None:
    if main_op is None:
        return
    if not isinstance(main_op, Operation):
        raise TypeError(f"Expected {main_op} to be an Operation but got type {type(main_op)} instead.")
    graph = get_default_graph()
    for key in (MAIN_OP, LEGACY_INIT_OP):
        if graph.get_collection(key):
            raise ValueError(f"Graph already contains one or more main ops under the collection {key}.")
    graph.add_to_collection(MAIN_OP, main_op)


def _path_of(tensor: Any) -> str:
    """The path in a constant string tensor; TypeError for anything else, ValueError for an empty one."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"Asset path tensor {tensor} must be a Tensor.")
    if tensor.op.type != "Const":
        raise TypeError(f"Asset path tensor {tensor} must be of type constant.Has type {tensor.op.type} instead.")
    if tensor.dtype != string:
        raise TypeError(f"Asset path tensor {tensor}` must be of dtype string.Has type {tensor.dtype} instead.")
    values = tensor.op.get_attr("value").string_val
    if len(values) != 1:
        raise TypeError(f"Asset path tensor {tensor} must be a scalar.")
    path: str = values[0].decode()
    if not path:
        raise ValueError(f"Asset filepath tensor {tensor} in is invalid.")
    return path


@export("saved_model.simple_save")
def simple_save(
    session: Any,
    export_dir: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    legacy_init_op: Operation | None = None,
) -> None:
    """Writes the default graph and the variables of ``session`` as a SavedModel with one Predict signature.

    inputs, outputs: tensors by key. Raises AssertionError when ``export_dir`` exists and is not empty.
    """
    builder = SavedModelBuilder(export_dir)
    builder.add_meta_graph_and_variables(
        session,
        ["serve"],
        signature_def_map={"serving_default": predict_signature_def(inputs, outputs)},
        assets_collection=get_default_graph().get_collection(GraphKeys.ASSET_FILEPATHS),
        main_op=legacy_init_op,
        clear_devices=True,
    )
    builder.save()
