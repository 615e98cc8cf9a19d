"""V1 checkpoints, which TensorFlow wrote before 1.0 and still reads: one or more tables, no other files.

PREFIX | PREFIX-SSSSS-of-NNNNN   sorted string tables (table.py), each of its own slices:
    ""                           SavedTensorSlices.meta: for each tensor name, full shape, dtype, the slices held here
    ordered key of a slice       SavedTensorSlices.data: name, slice, its values in a typed field of a TensorProto
                                 that has neither dtype nor shape (key: tensor_slice.py)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, TFError, UnimplementedError
from noria.formats import files, tensor_slice
from noria.formats.checkpoint_reader import CheckpointReader, Entry
from noria.formats.files import Bytes
from noria.formats.proto_file import parse_binary
from noria.formats.table import TableReader, TableWriter
from noria.formats.tensor_proto import field_of, from_array, to_array
from noria.formats.tensor_slice import Extents
from noria.protos.tensorflow import SavedSliceMeta, SavedTensorSlices, TensorProto

Array = npt.NDArray[Any]

_PRODUCER: Final = 1  # version of the format, in VersionDef
# What TensorFlow's writer takes; the format has no field for the others.
_WRITTEN: Final = frozenset(
    (
        *(dtypes.float16, dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128),
        *(dtypes.bool_, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.uint16),
        *(dtypes.qint8, dtypes.quint8, dtypes.qint32, dtypes.string),
    )
)
_SHARDED_NAME = re.compile(r"(.*)-\?{5}-of-(\d{5})")


def table_files(prefix: files.PathLike) -> list[str]:
    """The files of the V1 checkpoint ``prefix``, in order; empty when there is none."""
    folder, name = files.split(prefix)
    sharded = _SHARDED_NAME.fullmatch(name)
    stem, count = sharded.groups() if sharded else (name, r"\d{5}")
    pattern = re.compile(rf"{re.escape(stem)}-\d{{5}}-of-{count}")
    names = files.list_dir(folder)
    if name in names and not files.is_dir(prefix):
        return [files.text(prefix)]
    return [files.join(folder, n) for n in names if pattern.fullmatch(n)]


class CheckpointV1Reader(CheckpointReader):
    """The tensors of the V1 checkpoint at ``prefix``; errors as for CheckpointReader."""

    def __init__(self, prefix: files.PathLike) -> None:
        paths = table_files(prefix)
        if not paths:
            raise NotFoundError(f"{files.text(prefix)}: no such checkpoint")
        entries: dict[str, Entry] = {}
        self._values: dict[bytes, tuple[str, bytes]] = {}
        self._size = 0
        for path in paths:
            data = files.map_bytes(path)
            self._size += len(data)
            self._add_table(path, data, entries)
        super().__init__(files.text(prefix), entries)

    def _add_table(self, path: str, data: Bytes, entries: dict[str, Entry]) -> None:
        table = iter(TableReader(data, path))
        key, value = next(table, (None, b""))
        if key != b"":
            raise DataLossError(f"{path}: damaged checkpoint: its first entry is not the list of tensors")
        meta = parse_binary(SavedTensorSlices, value, f"{path}: list of tensors").meta
        for tensor in meta.tensor:
            entry = _entry(tensor, path)
            known = entries.get(tensor.name)
            if known is not None:
                if (known.dtype, known.shape) != (entry.dtype, entry.shape):
                    raise DataLossError(f"{path}: tensor {tensor.name!r} has another dtype or shape in another file")
                entry = replace(known, slices=known.slices + entry.slices)
            entries[tensor.name] = entry
        self._values.update((key, (path, value)) for key, value in table)

    def _whole(self, name: str, entry: Entry) -> Array:
        raise DataLossError(f"{self.name}: tensor {name!r} is listed without any slice")

    def _piece(self, name: str, entry: Entry, extents: Extents) -> Array:
        place = f"{self.name}: tensor {name!r} slice {tensor_slice.spec_text(entry.shape, extents)!r}"
        found = self._values.get(tensor_slice.encode_key(name.encode(), extents))
        if found is None:
            raise DataLossError(f"{place} has no entry")
        path, value = found
        place = f"{path}: tensor {name!r}"
        proto = parse_binary(SavedTensorSlices, value, place).data.data
        shape = tuple(length for _, length in tensor_slice.resolve(extents, entry.shape, place))
        stored = _stored_count(proto, entry)
        if stored != math.prod(shape):
            raise DataLossError(f"{place}: {stored} values for a slice of shape {list(shape)}")
        proto.dtype = entry.dtype.number
        proto.ClearField("tensor_content")
        proto.ClearField("tensor_shape")
        for size in shape:
            proto.tensor_shape.dim.add().size = size
        try:
            return to_array(proto)
        except TFError as error:
            raise DataLossError(f"{place}: {error.message}") from None

    def _data_size(self) -> int:
        return 8 * self._size  # a small integer takes one byte there and up to eight in memory


def _stored_count(proto: TensorProto, entry: Entry) -> int:
    count = len(getattr(proto, field_of(entry.dtype)))
    return count // 2 if entry.dtype.is_complex else count


def _entry(tensor: SavedSliceMeta, path: str) -> Entry:
    place = f"{path}: tensor {tensor.name!r}"
    shape = tuple(dim.size for dim in tensor.shape.dim)
    if tensor.shape.unknown_rank or min(shape, default=0) < 0:
        raise DataLossError(f"{place}: shape {list(shape)} is not that of a stored tensor")
    try:
        dtype = dtypes.from_number(tensor.type)
    except TFError as error:
        raise DataLossError(f"{place}: {error.message}") from None
    return Entry(dtype, shape, tuple(tensor_slice.from_proto(s) for s in tensor.slice))


@dataclass(frozen=True, slots=True)
class SavedSlice:
    """A slice to write: of the tensor ``name`` of full ``shape``, ``extents`` (-1: a whole dimension), its values."""

    name: str
    shape: tuple[int, ...]
    extents: Extents
    values: Array
    dtype: DType


def whole(name: str, values: Array, dtype: DType) -> SavedSlice:
    """The slice that is all of a tensor."""
    return SavedSlice(name, values.shape, ((0, -1),) * values.ndim, values, dtype)


def write_checkpoint_v1(path: files.PathLike, slices: Iterable[SavedSlice], *, sync: bool = True) -> None:
    """Write a V1 checkpoint of one file: tensors are listed in the order in which their first slices come.

    sync: as for files.Replacement. Raises UnimplementedError for dtypes that the format has no place for,
    InvalidArgumentError for slices of one tensor that contradict each other.
    """
    meta = SavedTensorSlices()
    meta.meta.versions.producer = _PRODUCER
    listed: dict[str, SavedSliceMeta] = {}
    stored: dict[bytes, SavedSlice] = {}
    for each in slices:
        _check_written(each)
        key = tensor_slice.encode_key(each.name.encode("utf-8", "surrogateescape"), each.extents)
        if key in stored:
            raise InvalidArgumentError(f"Adding duplicate key: {each.name}")
        stored[key] = each
        row = listed.get(each.name)
        if row is None:
            row = listed[each.name] = meta.meta.tensor.add(name=each.name, type=each.dtype.number)
            row.shape.SetInParent()
            for size in each.shape:
                row.shape.dim.add().size = size
        known = tuple(dim.size for dim in row.shape.dim)
        if known != each.shape or row.type != each.dtype.number:
            raise InvalidArgumentError(
                f"Mismatching shapes: existing tensor = {list(known)}, trying to add name {each.name}, "
                f"shape = {list(each.shape)}"
            )
        row.slice.append(tensor_slice.to_proto(each.extents))
    with files.atomic_writer(path, sync=sync) as file:
        table = TableWriter(file.write)
        table.add(b"", meta.SerializeToString())
        for key in sorted(stored):
            table.add(key, _serialized(stored[key]))
        table.finish()


def _check_written(row: SavedSlice) -> None:
    if row.dtype not in _WRITTEN:
        raise UnimplementedError(
            f"Saving data type {row.dtype} not yet supported; V1 checkpoints cannot hold it (tensor {row.name!r}). "
            "Save in version 2"
        )
    resolved = tensor_slice.resolve(row.extents, row.shape, f"tensor {row.name!r}")
    if tuple(length for _, length in resolved) != row.values.shape:
        raise InvalidArgumentError(
            f"tensor {row.name!r}: an array of shape {list(row.values.shape)} for slice {row.extents}"
        )


def _serialized(row: SavedSlice) -> bytes:
    proto = SavedTensorSlices()
    proto.data.name = row.name
    proto.data.slice.CopyFrom(tensor_slice.to_proto(row.extents))
    proto.data.data.CopyFrom(from_array(np.asarray(row.values), row.dtype))
    proto.data.data.ClearField("dtype")
    proto.data.data.ClearField("tensor_shape")
    return proto.SerializeToString()
