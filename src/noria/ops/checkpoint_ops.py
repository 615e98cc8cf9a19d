"""Saving tensors to checkpoints and restoring them, and the names of a checkpoint's files.

Restored tensors are the reader's own: read-only views of the mapped file where the file holds the array as it is.
Saving is for the user's own programs; a loaded or served model is refused. A saved checkpoint takes its place whole
and survives the end of the process, but saving does not wait for the disk, as TensorFlow's does not: that would make a
training step as slow as the disk is.
"""

from __future__ import annotations

from noria import shapes
from noria.dtypes import DType, runtime_name
from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files, tensor_slice
from noria.formats.bundle import BundleWriter
from noria.formats.bundle_merge import merge_bundles
from noria.formats.checkpoint import CheckpointReader, open_checkpoint
from noria.formats.checkpoint_v1 import SavedSlice, whole, write_checkpoint_v1
from noria.formats.tensor_slice import Extents
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.shapes import Shape


@infer("RestoreV2")
def _restore_v2_infer(call: InferCall) -> list[Shape]:
    return [None] * len(call.attr("dtypes"))


@infer("Restore", "RestoreSlice")
def _restore_infer(call: InferCall) -> list[Shape]:
    return [None]


def _open(call: KernelCall, prefix: Array) -> CheckpointReader:
    if prefix.size != 1:
        raise InvalidArgumentError(
            f"Input prefix should have a single element, got {prefix.size} (shape {shapes.text(prefix.shape)})"
        )
    path = prefix.item().decode("utf-8", "surrogateescape")
    return open_checkpoint(call.resources.check_path(path))


def _restored(reader: CheckpointReader, name: bytes, spec: bytes, dtype: DType) -> Array:
    key = name.decode("utf-8", "surrogateescape")
    if key not in reader:
        try:
            reader.entry(key)
        except NotFoundError as error:
            raise NotFoundError(f"Key {key} not found in checkpoint: {error}") from None
    stored = reader.entry(key).dtype
    if stored is not dtype:
        raise InvalidArgumentError(
            f"tensor_name = {key}; expected dtype {runtime_name(dtype)} does not equal original dtype "
            f"{runtime_name(stored)} (checkpoint {reader.name})"
        )
    return reader.read_slice(key, spec.decode("utf-8", "replace"))


@kernel("RestoreV2")
def _restore_v2(call: KernelCall, prefix: Array, names: Array, specs: Array) -> tuple[Array, ...]:
    wanted: list[DType] = call.attr("dtypes")
    if names.size != len(wanted) or specs.size != len(wanted):
        raise InvalidArgumentError(
            f"Got {names.size} tensor names and {specs.size} shape_and_slices, expected {len(wanted)} of each"
        )
    reader = _open(call, prefix)
    rows = zip(names.ravel().tolist(), specs.ravel().tolist(), wanted, strict=True)
    return tuple(_restored(reader, name, spec, dtype) for name, spec, dtype in rows)


@kernel("Restore")
def _restore(call: KernelCall, file_pattern: Array, name: Array) -> Array:
    return _restored(_open(call, file_pattern), name.item(), b"", call.dtype("dt"))


@kernel("RestoreSlice")
def _restore_slice(call: KernelCall, file_pattern: Array, name: Array, spec: Array) -> Array:
    return _restored(_open(call, file_pattern), name.item(), spec.item(), call.dtype("dt"))


@kernel("SaveV2")
def _save_v2(call: KernelCall, prefix: Array, names: Array, specs: Array, *tensors: Array) -> tuple[()]:
    path = _prefix(prefix)
    if names.ndim != 1 or specs.ndim != 1:
        raise InvalidArgumentError(
            "Input tensor_names and shape_and_slices should be an 1-D tensors, "
            f"got {shapes.text(names.shape)} and {shapes.text(specs.shape)} instead."
        )
    if names.size != specs.size:
        raise InvalidArgumentError(
            f"tensor_names and shape_and_slices have different number of elements: {names.size} vs. {specs.size}"
        )
    if names.size != len(tensors):
        raise InvalidArgumentError(f"Got {names.size} tensor names but {len(tensors)} tensors.")
    call.resources.check_outside(path, "write the checkpoint")
    _make_folder(path)
    types: list[DType] = call.attr("dtypes")
    with BundleWriter(path, sync=False) as writer:
        for name, spec, tensor, dtype in zip(_texts(names), _texts(specs), tensors, types, strict=True):
            parsed = _saved_slice(spec, tensor)
            if parsed is None:
                writer.add(name, tensor, dtype)
            else:
                writer.add_slice(name, *parsed, tensor, dtype)
    return ()


def _saved_slice(spec: str, tensor: Array) -> tuple[tuple[int, ...], Extents] | None:
    """(full shape, extents) that a save op's ``shape_and_slice`` names; None where the tensor is saved whole."""
    parsed = tensor_slice.parse_unresolved(spec)
    if parsed is None:
        return None
    shape, extents = parsed
    resolved = tensor_slice.resolve(extents, shape, f"shape_and_slice {spec!r}")
    if tuple(length for _, length in resolved) != tensor.shape:
        raise InvalidArgumentError(
            "Slice in shape_and_slice specification does not match the shape of the tensor to  save: "
            f"{spec}, tensor: {shapes.text(tensor.shape)}"
        )
    return shape, extents


def _texts(values: Array) -> list[str]:
    return [value.decode("utf-8", "surrogateescape") for value in values.reshape(-1).tolist()]


def _prefix(prefix: Array) -> str:
    if prefix.size != 1:
        raise InvalidArgumentError(f"Input prefix should have a single element, got {prefix.size} instead.")
    return _texts(prefix)[0]


def _make_folder(path: str) -> None:
    """The folder of ``path`` is made, as TensorFlow's writer does; the folder above it must be there."""
    folder = files.split(path)[0]
    if not files.is_url(folder) and not files.exists(files.split(folder.rstrip("/"))[0]):
        raise NotFoundError(f"{folder}; No such file or directory")


@kernel("Save")
def _save(call: KernelCall, filename: Array, names: Array, *tensors: Array) -> tuple[()]:
    return _write_v1(call, filename, names, None, tensors)


@kernel("SaveSlices")
def _save_slices(call: KernelCall, filename: Array, names: Array, specs: Array, *tensors: Array) -> tuple[()]:
    return _write_v1(call, filename, names, specs, tensors)


def _write_v1(
    call: KernelCall, filename: Array, names: Array, specs: Array | None, tensors: tuple[Array, ...]
) -> tuple[()]:
    if filename.size != 1:
        raise InvalidArgumentError(
            f"Input 0 (filename) must be a string scalar; got a tensor of {filename.size}elements"
        )
    fixed = 2 if specs is None else 3
    if names.size != len(tensors):
        raise InvalidArgumentError(
            f"Expected totally {names.size + fixed} inputs as input #1 (which is a string tensor of saved names) "
            f"contains {names.size} names, but received {len(tensors) + fixed} inputs"
        )
    if specs is not None and specs.size != names.size:
        raise InvalidArgumentError(
            f"Expected {names.size} elements for the tensor shapes and slices but got {specs.size}"
        )
    path = call.resources.check_outside(_texts(filename)[0], "write the checkpoint")
    folder = files.split(path)[0]
    if not files.is_url(path) and not files.exists(folder):
        raise NotFoundError(f"{folder}; No such file or directory")
    texts = [""] * len(tensors) if specs is None else _texts(specs)
    rows = zip(_texts(names), texts, tensors, call.attr("T"), strict=True)
    slices = []
    for name, spec, tensor, dtype in sorted(rows, key=lambda row: row[0].encode("utf-8", "surrogateescape")):
        parsed = _saved_slice(spec, tensor)
        slices.append(whole(name, tensor, dtype) if parsed is None else SavedSlice(name, *parsed, tensor, dtype))
    write_checkpoint_v1(path, slices, sync=False)
    return ()


@kernel("MergeV2Checkpoints")
def _merge(call: KernelCall, prefixes: Array, destination: Array) -> tuple[()]:
    if prefixes.ndim != 1:
        raise InvalidArgumentError(
            f"Input checkpoint_prefixes should be an 1-D tensor, got {shapes.text(prefixes.shape)} instead."
        )
    if destination.ndim != 0:
        raise InvalidArgumentError(
            f"Input destination_prefix should be a scalar tensor, got {shapes.text(destination.shape)} instead."
        )
    path = _texts(destination)[0]
    for each in (path, *_texts(prefixes)):
        call.resources.check_outside(each, "write the checkpoint")
    _make_folder(path)
    merge_bundles(
        _texts(prefixes),
        path,
        allow_missing=call.flag("allow_missing_files"),
        delete_old_dirs=call.flag("delete_old_dirs"),
        sync=False,
    )
    return ()


@infer("ShardedFilename", "ShardedFilespec")
def _sharded_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("ShardedFilename")
def _sharded_filename(call: KernelCall, basename: Array, shard: Array, num_shards: Array) -> Array:
    return string_array([b"%s-%05d-of-%05d" % (basename.item(), shard.item(), num_shards.item())], ())


@kernel("ShardedFilespec")
def _sharded_filespec(call: KernelCall, basename: Array, num_shards: Array) -> Array:
    return string_array([b"%s-?????-of-%05d" % (basename.item(), num_shards.item())], ())
