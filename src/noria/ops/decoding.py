"""Bytes and text to tensors: DecodeRaw, DecodePaddedRaw, DecodeCompressed, ParseTensor, SerializeTensor, DecodeCSV."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import tensor_proto
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._numbers import parse_number
from noria.ops._strings import string_array
from noria.protos.tensorflow import TensorProto
from noria.shapes import Shape


@infer("DecodeRaw")
def _decode_raw_infer(call: InferCall) -> list[Shape]:
    shape = call.shape(0)
    return [None if shape is None else (*shape, None)]


@kernel("DecodeRaw")
def _decode_raw(call: KernelCall, x: Array) -> Array:
    """Strings of one length as rows of numbers."""
    dtype = call.dtype("out_type")
    rows = x.ravel().tolist()
    width = len(rows[0]) if rows else 0
    for k, row in enumerate(rows):
        if len(row) != width:
            raise InvalidArgumentError(
                f"DecodeRaw requires input strings to all be the same size, but element {k} has size "
                f"{len(row)} != {width}"
            )
    if width % dtype.size:
        raise InvalidArgumentError(
            f"Input to DecodeRaw has length {width} that is not a multiple of {dtype.size}, the size of {dtype}"
        )
    return _numbers(call, dtype, b"".join(rows), (*x.shape, width // dtype.size))


def _numbers(call: KernelCall, dtype: DType, data: bytes, shape: tuple[int, ...]) -> Array:
    """``data`` as numbers, in the byte order that the node asks for."""
    if dtype is dtypes.bool_:
        return np.not_equal(np.frombuffer(data, np.uint8), 0).reshape(shape)
    if call.flag("little_endian") or dtype.size == 1:
        return np.frombuffer(data, dtype.numpy).reshape(shape)
    part = dtype.size // 2 if dtype.is_complex else dtype.size  # each number's bytes, whatever type they make up
    swapped = np.frombuffer(data, f"u{part}" if part <= 8 else "u8").byteswap()
    return swapped.view(dtype.numpy).reshape(shape)


@infer("DecodePaddedRaw")
def _decode_padded_infer(call: InferCall) -> list[Shape]:
    shape, length = call.shape(0), call.inputs[1].value
    if shape is None:
        return [None]
    if length is None or length.ndim:
        return [(*shape, None)]
    return [(*shape, int(length) // call.dtype("out_type").size)]


@kernel("DecodePaddedRaw")
def _decode_padded(call: KernelCall, x: Array, length: Array) -> Array:
    """Strings as rows of numbers, each cut or filled up with zero bytes to ``length`` bytes."""
    dtype = call.dtype("out_type")
    if length.ndim:
        raise InvalidArgumentError(f"k must be scalar, got shape {shapes.text(length.shape)}")
    width = int(length)
    if width <= 0:
        raise InvalidArgumentError(f"fixed_length ({width}) must be greater than zero.")
    if width % dtype.size:
        raise InvalidArgumentError(f"fixed_length ({width}) must be a multiple of the size of out_type ({dtype.size})")
    data = b"".join(row[:width].ljust(width, b"\0") for row in x.ravel().tolist())
    return _numbers(call, dtype, data, (*x.shape, width // dtype.size))


_COMPRESSIONS = {"ZLIB": 15, "GZIP": 31}  # zlib's code for the largest window, with a header of that kind


@infer("DecodeCompressed")
def _decompress_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("DecodeCompressed")
def _decompress(call: KernelCall, x: Array) -> Array:
    """Each string decompressed; one that is cut short gives what it has, as TensorFlow's reader does."""
    kind = call.text("compression_type")
    if not kind:
        return x
    if kind not in _COMPRESSIONS:
        raise InvalidArgumentError(f"Only ZLIB, GZIP or NONE are supported compressions, not {kind!r}")
    return string_array([_inflated(data, _COMPRESSIONS[kind]) for data in x.ravel().tolist()], x.shape)


def _inflated(data: bytes, window: int) -> bytes:
    parts = []
    while data:
        stream = zlib.decompressobj(window)
        try:
            parts.append(stream.decompress(data))
        except zlib.error as error:
            raise DataLossError(f"inflate() failed: {error}") from None
        data = stream.unused_data
    return b"".join(parts)


@infer("ParseTensor")
def _parse_tensor_infer(call: InferCall) -> list[Shape]:
    return [None]


@kernel("ParseTensor")
def _parse_tensor(call: KernelCall, serialized: Array) -> Array:
    if serialized.ndim:
        raise InvalidArgumentError(f"Expected `serialized` to be a scalar, got shape: {shapes.text(serialized.shape)}")
    try:
        proto = TensorProto.FromString(serialized.item())
    except DecodeError:
        raise InvalidArgumentError(
            f"Could not parse `serialized` as TensorProto ({len(serialized.item())} bytes)"
        ) from None
    wanted = call.dtype("out_type")
    if dtypes.from_number(proto.dtype) is not wanted:
        raise InvalidArgumentError(
            f"Type mismatch between parsed tensor ({dtypes.from_number(proto.dtype)}) and dtype ({wanted})"
        )
    return tensor_proto.to_array(proto)


@infer("SerializeTensor")
def _serialize_tensor_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("SerializeTensor")
def _serialize_tensor(call: KernelCall, x: Array) -> Array:
    proto = tensor_proto.from_array(x, call.dtype("T"), content=True)
    return string_array([proto.SerializeToString()], ())


# --- CSV


@infer("DecodeCSV")
def _decode_csv_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)] * len(call.attr("OUT_TYPE"))


@kernel("DecodeCSV")
def _decode_csv(call: KernelCall, records: Array, *defaults: Array) -> tuple[Array, ...]:
    types: list[dtypes.DType] = call.attr("OUT_TYPE")
    delimiter: bytes = call.attr("field_delim")
    if len(delimiter) != 1:
        raise InvalidArgumentError(f"field_delim should be only 1 char, got {delimiter!r}")
    na_value: bytes = call.attr("na_value")
    quotes = call.flag("use_quote_delim")
    chosen = call.integers("select_cols")
    columns: list[list[Any]] = [[] for _ in types]
    for row, record in enumerate(records.ravel().tolist()):
        fields = csv_fields(record, delimiter, quotes=quotes)
        if chosen:
            fields = [fields[i] for i in chosen if i < len(fields)]
        if len(fields) != len(types):
            raise InvalidArgumentError(f"Expect {len(types)} fields but have {len(fields)} in record {row}")
        for k, (field, dtype, default) in enumerate(zip(fields, types, defaults, strict=True)):
            if field in (b"", na_value):
                if not default.size:
                    raise InvalidArgumentError(f"Field {k} is required but missing in record {row}!")
                columns[k].append(default.item())
                continue
            value = field if dtype is dtypes.string else parse_number(field, dtype)
            if value is None:
                raise InvalidArgumentError(
                    f"Field {k} in record {row} is not a valid {dtype}: {field.decode('utf-8', 'replace')}"
                )
            columns[k].append(value)
    return tuple(
        string_array(values, records.shape)
        if dtype is dtypes.string
        else np.array(values, dtype.numpy).reshape(records.shape)
        for values, dtype in zip(columns, types, strict=True)
    )


def csv_fields(record: bytes, delimiter: bytes, *, quotes: bool) -> list[bytes]:
    """The fields of one CSV record (RFC 4180 without line breaks outside quotes)."""
    fields: list[bytes] = []
    at, size = 0, len(record)
    while at < size:
        if record[at : at + 1] in b"\r\n":
            at += 1
        elif quotes and record[at : at + 1] == b'"':
            field, at = _quoted_field(record, at + 1, delimiter)
            fields.append(field)
        else:
            end = record.find(delimiter, at)
            end = size if end < 0 else end
            field = record[at:end]
            if b"\n" in field or b"\r" in field or (quotes and b'"' in field):
                raise InvalidArgumentError(f"Unquoted fields cannot have quotes/CRLFs inside (record {record!r})")
            fields.append(field)
            at = end + 1
    if record.endswith(delimiter):
        fields.append(b"")
    return fields


def _quoted_field(record: bytes, at: int, delimiter: bytes) -> tuple[bytes, int]:
    """The field whose opening quote stands before ``at``, and where the next field starts."""
    pieces: list[bytes] = []
    while True:
        quote = record.find(b'"', at)
        if quote < 0:
            raise InvalidArgumentError(
                f"Quoted field has to end with quote followed by delim or end (record {record!r})"
            )
        pieces.append(record[at:quote])
        after = record[quote + 1 : quote + 2]
        if after in (b"", delimiter):
            return b"".join(pieces), quote + 2
        if after != b'"':
            raise InvalidArgumentError(f"Quote inside a string has to be escaped by another quote (record {record!r})")
        pieces.append(b'"')
        at = quote + 2
