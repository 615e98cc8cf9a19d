"""What a client is told about models: signatures, versions and their states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from noria.errors import Code

if TYPE_CHECKING:
    from noria.dtypes import DType


class TensorInfo(NamedTuple):
    """One input or output of a signature. tensor: its name in the graph.

    shape: None where the rank is unknown; a dimension of any size is None.
    """

    tensor: str
    dtype: DType
    shape: tuple[int | None, ...] | None


class SignatureInfo(NamedTuple):
    """One signature of a model. method: ``tensorflow/serving/predict`` and its like; inputs, outputs: by alias."""

    name: str
    method: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


class Metadata(NamedTuple):
    """The signatures, by name, of the version that answered."""

    model: str
    version: int
    signatures: Mapping[str, SignatureInfo]


class VersionStatus(NamedTuple):
    """One version of a model. state: ``AVAILABLE``, ``LOADING`` …; code and message: why it failed, where it did."""

    version: int
    state: str
    code: Code
    message: str
