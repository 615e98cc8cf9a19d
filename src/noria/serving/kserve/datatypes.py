"""The protocol's names of element types.

Complex numbers, quantised types and those of less than a byte have no name in the protocol.
"""

from __future__ import annotations

from typing import Final

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError

BYTES: Final = "BYTES"

BY_NAME: Final[dict[str, DType]] = {
    "BOOL": dtypes.bool_, "UINT8": dtypes.uint8, "UINT16": dtypes.uint16, "UINT32": dtypes.uint32,
    "UINT64": dtypes.uint64, "INT8": dtypes.int8, "INT16": dtypes.int16, "INT32": dtypes.int32, "INT64": dtypes.int64,
    "FP16": dtypes.float16, "FP32": dtypes.float32, "FP64": dtypes.float64, "BF16": dtypes.bfloat16,
    BYTES: dtypes.string,
}  # fmt: skip
_BY_DTYPE: Final = {dtype: name for name, dtype in BY_NAME.items()}


def find(name: str) -> DType:
    """The dtype that a request calls ``name``. Raises InvalidArgumentError, listing the names, for any other."""
    found = BY_NAME.get(name)
    if found is None:
        raise InvalidArgumentError(f"datatype {name!r} is none of this protocol; it has {', '.join(BY_NAME)}")
    return found


def shown(dtype: DType) -> str:
    """The name of ``dtype`` in metadata; in capitals as it is for one that requests cannot carry."""
    return _BY_DTYPE.get(dtype) or dtype.name.upper()


def name_of(dtype: DType) -> str:
    """The name of ``dtype`` in an answer. Raises UnimplementedError for one that the protocol has no name of."""
    found = _BY_DTYPE.get(dtype)
    if found is None:
        raise UnimplementedError(
            f"dtype {dtype} has no datatype in the Open Inference Protocol; use TensorFlow Serving's gRPC API for it"
        )
    return found
