"""Restoring tensors from checkpoints, and the names of a checkpoint's files.

The tensors are the reader's own: read-only views of the mapped file where the file holds the array as it is.
"""

from __future__ import annotations

from noria import shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats.checkpoint import CheckpointReader, open_checkpoint
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
            f"tensor_name = {key}; expected dtype {dtype} does not equal original dtype {stored} "
            f"(checkpoint {reader.name})"
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


@infer("ShardedFilename", "ShardedFilespec")
def _sharded_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("ShardedFilename")
def _sharded_filename(call: KernelCall, basename: Array, shard: Array, num_shards: Array) -> Array:
    return string_array([b"%s-%05d-of-%05d" % (basename.item(), shard.item(), num_shards.item())], ())


@kernel("ShardedFilespec")
def _sharded_filespec(call: KernelCall, basename: Array, num_shards: Array) -> Array:
    return string_array([b"%s-?????-of-%05d" % (basename.item(), num_shards.item())], ())
