"""The tensor bundle, TensorFlow's checkpoint format since 1.0 (V2).

    PREFIX.index                 a sorted string table (table.py):
        ""                       BundleHeaderProto: number of shards, byte order, version
        name                     BundleEntryProto: dtype, shape, shard, offset, size, masked crc32c; or the slices it
                                 is stored in, and then no bytes of its own
        ordered key of a slice   BundleEntryProto of that slice (key: tensor_slice.py)
    PREFIX.data-SSSSS-of-NNNNN   the bytes of the tensors of shard S, in no order, with or without gaps:
        plain dtypes   the elements, row-major, in the bundle's byte order; 4-bit and 2-bit ones take a byte each
        string         varint length of each element; masked crc32c of the lengths (fixed32); the bytes of each element.
                       Checksums take a length as fixed32 (fixed64 from 2**32 on), and the length checksum as stored
        variant        for each element: varint length; VariantTensorDataProto; masked crc32c of all so far (fixed32).
                       Checksums take a length as fixed64

Opening maps nothing but the index. A tensor is a view of the mapped shard; its checksum is verified at the first read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, TFError, UnimplementedError
from noria.formats import coding, files, strided, tensor_slice
from noria.formats.checkpoint_reader import CheckpointReader, Entry
from noria.formats.coding import Malformed
from noria.formats.files import Bytes
from noria.formats.proto_file import parse_binary
from noria.formats.table import TableReader, TableWriter
from noria.formats.tensor_proto import as_bytes
from noria.formats.tensor_slice import Extents
from noria.protos.tensorflow import BundleEntryProto, BundleHeaderProto, VariantTensorDataProto

Array = npt.NDArray[Any]

VERSION: Final = 1  # of the format, TensorFlow's kTensorBundleVersion
_MAX_RANK: Final = 64
# What follows dtype and shape in the entry of a tensor stored whole: shard, offset, size where not 0, and crc32c.
_PLACE: Final = re.compile(rb"(?:[\x18\x20\x28][\x80-\xff]*[\0-\x7f]){0,3}\x35.{4}", re.DOTALL)
_STRIDE: Final = 1 << 19  # bytes that stay in the processor's cache


def index_path(prefix: files.PathLike) -> str:
    """The index file of the bundle ``prefix``."""
    return files.text(prefix) + ".index"


def shard_path(prefix: files.PathLike, shard: int, shards: int) -> str:
    """The data file of one shard."""
    return f"{files.text(prefix)}.data-{shard:05d}-of-{shards:05d}"


def read_index(path: str, data: Bytes | None = None) -> tuple[BundleHeaderProto, Iterator[tuple[bytes, bytes]]]:
    """The header of the index at ``path``, and its other entries in order: (key, serialized BundleEntryProto).

    data: its content, where it has been read already; otherwise the file is mapped.
    Raises NotFoundError where there is none, DataLossError where it is damaged (on the way, too),
    FailedPreconditionError where it was written for a newer reader.
    """
    table = iter(TableReader(files.map_bytes(path) if data is None else data, path))
    key, value = next(table, (None, b""))
    if key != b"":
        raise DataLossError(f"{path}: damaged bundle: its first entry is not the header")
    header = parse_binary(BundleHeaderProto, value, f"{path}: bundle header")
    if header.num_shards < 1:
        raise DataLossError(f"{path}: damaged bundle: a header of {header.num_shards} shards")
    if header.version.min_consumer > VERSION or VERSION in header.version.bad_consumers:
        raise FailedPreconditionError(
            f"{path}: the bundle asks for a reader of version {header.version.min_consumer}; "
            f"this one has version {VERSION}. Use a newer release"
        )
    return header, table


class _Index(Mapping[str, Entry]):
    """The entries of an index by name, parsed when asked for: a large index is opened to read a few of them.

    Most tensors share dtype and shape with others: an entry is kept for each pair as it is stored.
    """

    def __init__(self, path: str, stored: Mapping[str, bytes]) -> None:
        self._path = path
        self._stored = stored
        self._known: dict[bytes, Entry] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __getitem__(self, name: str) -> Entry:
        value = self._stored[name]
        if len(value) > 3 and value[0] == 0x08 and value[1] < 0x80 and value[2] == 0x12 and value[3] < 0x80:
            size = 4 + value[3]  # of dtype and shape, the first two fields
            if _PLACE.fullmatch(value, size):
                known = self._known.get(value[:size])
                if known is None:
                    known = self._known[value[:size]] = _entry(self.proto(name), f"{self._path}: entry {name!r}")
                return known
        return _entry(self.proto(name), f"{self._path}: entry {name!r}")

    def proto(self, name: str) -> BundleEntryProto:
        """The whole entry of ``name``."""
        return parse_binary(BundleEntryProto, self._stored[name], f"{self._path}: entry {name!r}")


class BundleReader(CheckpointReader):
    """The tensors of the bundle at ``prefix``.

    Raises NotFoundError when there is no index, DataLossError when it is damaged, FailedPreconditionError when it was
    written for a newer reader.
    """

    def __init__(self, prefix: files.PathLike) -> None:
        self._prefix = files.text(prefix)
        self._index = index_path(prefix)
        header, table = read_index(self._index)
        self._shards = header.num_shards
        self._swapped = header.endianness == BundleHeaderProto.BIG
        self._slices: dict[bytes, BundleEntryProto] = {}
        stored: dict[str, bytes] = {}
        for key, value in table:
            if key.startswith(b"\0"):
                self._slices[key] = parse_binary(BundleEntryProto, value, f"{self._index}: entry {key!r}")
            else:
                stored[key.decode("utf-8", "surrogateescape")] = value
        self._listed = _Index(self._index, stored)
        self._maps: dict[int, Bytes] = {}
        self._verified: set[tuple[int, int, int]] = set()
        super().__init__(self._prefix, self._listed)

    def _whole(self, name: str, entry: Entry) -> Array:
        return self._read(self._listed.proto(name), entry.dtype, entry.shape, f"tensor {name!r}")

    def _piece(self, name: str, entry: Entry, extents: Extents) -> Array:
        place = f"tensor {name!r} slice {tensor_slice.spec_text(entry.shape, extents)!r}"
        proto = self._slices.get(tensor_slice.encode_key(name.encode("utf-8", "surrogateescape"), extents))
        if proto is None:
            raise DataLossError(f"{self._index}: {place} has no entry")
        piece = _entry(proto, f"{self._index}: {place}")
        shape = tuple(length for _, length in tensor_slice.resolve(extents, entry.shape, self._index))
        if piece.shape != shape or piece.dtype is not entry.dtype or piece.slices:
            raise DataLossError(f"{self._index}: {place} is stored as {piece.dtype}{list(piece.shape)}")
        return self._read(proto, piece.dtype, piece.shape, place)

    def _data_size(self) -> int:
        shards = {p.shard_id for p in self._slices.values()}
        return sum(len(self._shard(s)) for s in shards if 0 <= s < self._shards)

    def _shard(self, shard: int) -> Bytes:
        found = self._maps.get(shard)
        if found is None:
            found = self._maps.setdefault(shard, files.map_bytes(shard_path(self._prefix, shard, self._shards)))
        return found

    def _read(self, proto: BundleEntryProto, dtype: DType, shape: tuple[int, ...], what: str) -> Array:
        """The array that an entry's bytes hold; ``what`` names it in errors."""
        shard, offset, size = proto.shard_id, proto.offset, proto.size
        if not 0 <= shard < self._shards:
            raise DataLossError(f"{self._index}: {what} lies in shard {shard} of {self._shards}")
        data = self._shard(shard)
        place = f"{shard_path(self._prefix, shard, self._shards)}: {what} at {offset}"
        if offset < 0 or size < 0 or offset + size > len(data):
            raise DataLossError(f"{place}: its {size} bytes do not fit the file of {len(data)} bytes")
        stored = data[offset : offset + size]
        count = math.prod(shape)
        if dtype.numpy.hasobject:
            flat, crc = _read_objects(stored, dtype, count, self._swapped, place)
            _check_crc(crc, proto.crc32c, place)
        else:
            if size != count * dtype.size:
                raise DataLossError(f"{place}: {size} bytes; {count} elements of {dtype} take {count * dtype.size}")
            if (shard, offset, size) not in self._verified:
                _check_crc(coding.crc32c(stored), proto.crc32c, place)
                self._verified.add((shard, offset, size))
            flat = stored.view(dtype.numpy)
            if self._swapped:
                flat = flat.byteswap()
        try:
            return flat.reshape(shape)
        except ValueError as error:  # a dimension beyond what NumPy can index, beside a 0
            raise DataLossError(f"{place}: shape {list(shape)}: {error}") from None


def _check_crc(actual: int, stored: int, place: str) -> None:
    if coding.unmask(stored) != actual:
        raise DataLossError(f"{place}: its crc32c is {actual:#010x}, stored is {coding.unmask(stored):#010x}")


def _entry(proto: BundleEntryProto, place: str) -> Entry:
    shape = tuple(dim.size for dim in proto.shape.dim)
    if proto.shape.unknown_rank or min(shape, default=0) < 0 or len(shape) > _MAX_RANK:
        raise DataLossError(f"{place}: shape {list(shape)} is not that of a stored tensor")
    try:
        dtype = dtypes.from_number(proto.dtype)
    except TFError as error:
        raise DataLossError(f"{place}: {error.message}") from None
    return Entry(dtype, shape, tuple(tensor_slice.from_proto(s) for s in proto.slices))


def _read_objects(stored: Bytes, dtype: DType, count: int, swapped: bool, place: str) -> tuple[Array, int]:
    """(flat array, crc32c) of the bytes of a string or variant tensor."""
    data = stored.tobytes()
    if count > len(data):  # each element has a length of at least one byte
        raise DataLossError(f"{place}: {len(data)} bytes are too few for {count} elements")
    try:
        if dtype is dtypes.string:
            return _read_strings(data, count, swapped)
        if dtype is dtypes.variant:
            return _read_variants(data, count, swapped, place)
    except Malformed as error:
        raise DataLossError(f"{place}: {error}") from None
    raise UnimplementedError(f"{place}: tensors of dtype {dtype} cannot be stored in a checkpoint")


def _length_bytes(size: int, swapped: bool, *, wide: bool = False) -> bytes:
    """A length as checksums take it."""
    return size.to_bytes(8 if wide or size > 0xFFFFFFFF else 4, "big" if swapped else "little")


def _stored_crc(crc: int, swapped: bool) -> bytes:
    return coding.mask(crc).to_bytes(4, "big" if swapped else "little")


def _read_strings(data: bytes, count: int, swapped: bool) -> tuple[Array, int]:
    flat = np.empty(count, object)
    if not data:
        return flat, 0
    sizes = []
    at = 0
    for _ in range(count):
        size, at = coding.get_varint(data, at, len(data))
        sizes.append(size)
    crc = coding.crc32c(b"".join(_length_bytes(size, swapped) for size in sizes))
    checksum = data[at : at + 4]
    if checksum != _stored_crc(crc, swapped):
        raise Malformed("the checksum of its string lengths does not match")
    at += 4
    if at + sum(sizes) != len(data):
        raise Malformed(f"its string lengths add up to {at + sum(sizes)} bytes, stored are {len(data)}")
    crc = coding.crc32c(data[at:], coding.crc32c(checksum, crc))
    for i, size in enumerate(sizes):
        flat[i] = data[at : at + size]
        at += size
    return flat, crc


def _read_variants(data: bytes, count: int, swapped: bool, place: str) -> tuple[Array, int]:
    flat = np.empty(count, object)
    at = crc = 0
    for i in range(count):
        size, at = coding.get_varint(data, at, len(data))
        if at + size + 4 > len(data):
            raise Malformed(f"variant {i} of {size} bytes runs past the end")
        crc = coding.crc32c(data[at : at + size], coding.crc32c(_length_bytes(size, swapped, wide=True), crc))
        checksum = data[at + size : at + size + 4]
        if checksum != _stored_crc(crc, swapped):
            raise Malformed(f"the checksum after variant {i} does not match")
        crc = coding.crc32c(checksum, crc)
        flat[i] = parse_binary(VariantTensorDataProto, data[at : at + size], f"{place}: variant {i}")
        at += size + 4
    if at != len(data):
        raise Malformed(f"its variants take {at} bytes, stored are {len(data)}")
    return flat, crc


class BundleWriter:
    """Writes a bundle of one shard: ``add`` each tensor, in any order; leaving the ``with`` block completes it.

    The data file holds the tensors in the order in which they were added, as TensorFlow's writer lays them out, so
    equal calls give equal bytes. Values are written from the arrays themselves, never from a copy of a whole tensor.
    Both files take their places when both are complete, the data file first; nothing is left when the block fails.

    sync: wait until the files are on the disk (files.Replacement).
    """

    def __init__(self, prefix: files.PathLike, *, sync: bool = True) -> None:
        self._prefix = files.text(prefix)
        self._files = files.Replacement(sync=sync)
        self._data: IO[bytes] | None = None
        self._offset = 0
        self._entries: dict[bytes, bytes] = {}
        self._cut: dict[bytes, BundleEntryProto] = {}  # the tensors that are stored in slices

    def __enter__(self) -> BundleWriter:
        self._data = self._files.open(shard_path(self._prefix, 0, 1))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data = None
        if kind is not None:
            self._files.__exit__(kind, error, trace)
            return
        with files.explained(index_path(self._prefix)), self._files:
            entries = self._entries | {key: entry.SerializeToString() for key, entry in self._cut.items()}
            write_index(self._files.open(index_path(self._prefix)), entries, shards=1)

    def add(self, name: str, array: npt.ArrayLike, dtype: DType | None = None) -> None:
        """Store ``array`` whole; dtype: the one to record when it is not the array's own (quantised, variant)."""
        values = np.asarray(array)
        self._put(_key(name), values, dtype or dtypes.from_numpy(values.dtype))

    def add_slice(
        self,
        name: str,
        shape: tuple[int, ...],
        extents: Extents,
        array: npt.ArrayLike,
        dtype: DType | None = None,
    ) -> None:
        """Store one slice of a partitioned tensor of full ``shape``; add the others in the same way.

        A slice that is the whole tensor is stored as one that was never cut, as TensorFlow does.
        """
        values = np.asarray(array)
        kept = dtype or dtypes.from_numpy(values.dtype)
        resolved = tensor_slice.resolve(extents, shape, f"tensor {name!r}")
        if tuple(length for _, length in resolved) != values.shape:
            raise InvalidArgumentError(f"tensor {name!r}: an array of shape {list(values.shape)} for slice {extents}")
        if values.shape == tuple(shape):
            self.add(name, values, kept)
            return
        full = self._cut.get(_key(name))
        if full is None:
            full = BundleEntryProto.FromString(_stored_head(kept.number, shape))
        if full.dtype != kept.number or tuple(d.size for d in full.shape.dim) != shape or _key(name) in self._entries:
            raise InvalidArgumentError(f"tensor {name!r} was added with another dtype or shape, or whole")
        self._put(tensor_slice.encode_key(_key(name), extents), values, kept)
        full.slices.append(tensor_slice.to_proto(extents))
        self._cut[_key(name)] = full

    def _put(self, key: bytes, values: Array, dtype: DType) -> None:
        data = self._data
        if data is None:
            raise FailedPreconditionError("a BundleWriter writes inside its with block only")
        if not key or key in self._entries or key in self._cut:
            problem = f"Adding duplicate key: {key.decode('utf-8', 'replace')}" if key else "a tensor needs a name"
            raise InvalidArgumentError(problem)
        size = crc = 0
        try:
            for piece, checked in _pieces(values, dtype):
                crc = _write(data, piece, checked, crc)
                size += len(piece)
        except OSError as error:
            with files.explained(shard_path(self._prefix, 0, 1)):
                raise error
        self._entries[key] = _stored_head(dtype.number, values.shape) + _stored_place(self._offset, size, crc)
        self._offset += size


def _write(data: IO[bytes], piece: Any, checked: Any, crc: int) -> int:
    """Write ``piece``; the checksum so far, with ``checked``, which is ``piece`` itself where it is an array.

    Of a large array a part is written and then checked: the system's copy has brought it into the processor's cache,
    which makes the checksum nearly free (1 GB: 0.31 s, of which writing alone takes 0.27 s; the other order: 0.46 s).
    """
    if not isinstance(piece, np.ndarray):
        data.write(piece)
        return coding.crc32c(checked, crc)
    for at in range(0, len(piece), _STRIDE):
        part = piece[at : at + _STRIDE]
        data.write(part.data)
        crc = coding.crc32c(part, crc)
    return crc


def write_index(file: IO[bytes], entries: Mapping[bytes, bytes], *, shards: int, byte_order: int = 0) -> None:
    """Write the index of a bundle: its header (byte_order: as in BundleHeaderProto), ``entries`` in serialized form."""
    header = BundleHeaderProto(num_shards=shards)
    header.endianness = byte_order
    header.version.producer = VERSION
    table = TableWriter(file.write)
    table.add(b"", header.SerializeToString())
    for key in sorted(entries):
        table.add(key, entries[key])
    table.finish()


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=4096)
def _stored_head(number: int, shape: tuple[int, ...]) -> bytes:
    """The first fields of a BundleEntryProto: dtype and shape."""
    entry = BundleEntryProto(dtype=number)
    entry.shape.SetInParent()
    for size in shape:
        entry.shape.dim.add().size = size
    return entry.SerializeToString()


def _stored_place(offset: int, size: int, crc: int) -> bytes:
    """The other fields of the entry of a stored tensor: offset 4, size 5, crc32c 6; as always, zeros are left out."""
    content = (b"\x20" + coding.put_varint(offset)) if offset else b""
    if size:
        content += b"\x28" + coding.put_varint(size)
    masked = coding.mask(crc)
    return content + b"\x35" + masked.to_bytes(4, "little") if masked else content


def _pieces(values: Array, dtype: DType) -> Iterable[tuple[Any, Any]]:
    """(bytes to write, bytes to checksum) of a tensor, in order."""
    if dtype is dtypes.string:
        elements = as_bytes(values)
        lengths = b"".join(_length_bytes(len(e), swapped=False) for e in elements)
        checksum = _stored_crc(coding.crc32c(lengths), swapped=False)
        content = b"".join(elements)
        return [
            (b"".join(coding.put_varint(len(e)) for e in elements), lengths),
            (checksum, checksum),
            (content, content),
        ]
    if dtype is dtypes.variant:
        pieces: list[tuple[Any, Any]] = []
        crc = 0
        for variant in values.reshape(-1):
            content = variant.SerializeToString()
            length = _length_bytes(len(content), swapped=False, wide=True)
            crc = coding.crc32c(content, coding.crc32c(length, crc))
            checksum = _stored_crc(crc, swapped=False)
            crc = coding.crc32c(checksum, crc)
            pieces += [(coding.put_varint(len(content)), length), (content, content), (checksum, checksum)]
        return pieces
    if dtype.numpy.hasobject:
        raise UnimplementedError(f"tensors of dtype {dtype} cannot be stored in a checkpoint")
    return ((piece, piece) for piece in strided.pieces(values, dtype.numpy))


def write_bundle(prefix: files.PathLike, tensors: Mapping[str, npt.ArrayLike], *, sync: bool = True) -> None:
    """Write ``tensors`` as a bundle at ``prefix``; sync: as for BundleWriter."""
    with BundleWriter(prefix, sync=sync) as writer:
        for name, array in tensors.items():
            writer.add(name, array)
