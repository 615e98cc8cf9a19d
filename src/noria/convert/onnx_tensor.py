"""ONNX's TensorProto → array: raw bytes, typed fields, or external data in a file beside the model.

Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, UnimplementedError
from noria.formats import files
from noria.formats.saved_model import checked_name
from noria.formats.saved_model_writer import own_file
from noria.formats.tensor_proto import numbers, object_array
from noria.graph.graph import Array
from noria.protos.onnx import TensorProto

_BY_NUMBER: Final = {d.onnx: d for d in dtypes.ALL if d.onnx and not d.is_quantized}
_INT32_BITS: Final = {dtypes.float16: np.uint16, dtypes.bfloat16: np.uint16}


def to_array(tensor: TensorProto, folder: str = "") -> tuple[Array, DType]:
    """The array and dtype of ``tensor``; external data is looked for below ``folder``.

    Raises UnimplementedError for types that TensorFlow does not have, DataLossError for content of the wrong size.
    """
    dtype = _BY_NUMBER.get(tensor.data_type)
    if dtype is None or (dtype.size == 0 and dtype is not dtypes.string) or dtype.bits not in (0, dtype.size * 8):
        raise UnimplementedError(f"tensor {tensor.name!r} is of ONNX type {tensor.data_type}, which is not supported")
    shape = tuple(tensor.dims)
    count = math.prod(shape)
    if dtype is dtypes.string:
        flat = object_array(tensor.string_data)
    elif tensor.data_location == TensorProto.EXTERNAL:
        flat = _external(tensor, folder, dtype, count)
    elif tensor.HasField("raw_data"):
        flat = _from_bytes(np.frombuffer(tensor.raw_data, np.uint8), dtype, tensor.name)
    else:
        flat = _typed(tensor, dtype)
    if flat.size != count or min(shape, default=0) < 0:
        raise DataLossError(f"tensor {tensor.name!r} holds {flat.size} elements; its shape {list(shape)} takes {count}")
    return flat.reshape(shape), dtype


def _from_bytes(data: Array, dtype: DType, name: str) -> Array:
    if data.size % dtype.size:
        raise DataLossError(f"tensor {name!r}: {data.size} bytes are not a number of elements of {dtype}")
    return data.view(dtype.numpy)


def _external(tensor: TensorProto, folder: str, dtype: DType, count: int) -> Array:
    entries = {e.key: e.value for e in tensor.external_data}
    location = checked_name(entries.get("location", ""), f"external data of {tensor.name!r}")
    data = files.map_bytes(own_file(folder or ".", files.join(folder, location)))
    try:
        at, size = int(entries.get("offset", 0)), int(entries.get("length", count * dtype.size))
    except ValueError:
        raise DataLossError(f"tensor {tensor.name!r}: offset and length of its external data are no numbers") from None
    if at < 0 or size < 0 or at + size > data.size:
        raise DataLossError(f"tensor {tensor.name!r}: {size} bytes at {at} do not fit {location} of {data.size} bytes")
    return _from_bytes(data[at : at + size], dtype, tensor.name)


def _typed(tensor: TensorProto, dtype: DType) -> Array:
    if dtype in (dtypes.float32, dtypes.complex64):
        return numbers(tensor.float_data, np.float32).view(dtype.numpy)
    if dtype in (dtypes.float64, dtypes.complex128):
        return numbers(tensor.double_data, np.float64).view(dtype.numpy)
    if dtype is dtypes.int64:
        return numbers(tensor.int64_data, np.int64)
    if dtype in (dtypes.uint32, dtypes.uint64):
        return numbers(tensor.uint64_data, np.uint64).astype(dtype.numpy)
    wide = numbers(tensor.int32_data, np.int32)
    if dtype in _INT32_BITS:
        return wide.astype(np.uint16).view(dtype.numpy)
    if dtype.name.startswith("float"):
        return wide.astype(np.uint8).view(dtype.numpy)
    return wide.astype(dtype.numpy)
