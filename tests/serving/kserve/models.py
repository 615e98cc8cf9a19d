"""What the protocol's tests serve: one model that gives back what it gets in every dtype, and the project's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np

import noria
from conftest import REPOSITORY
from noria import dtypes
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Model
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, FakeSpec, half_plus_two, serving

Array = np.ndarray[Any, np.dtype[Any]]

GOLDEN = REPOSITORY / "tests" / "golden"

# datatype -> values at the edges of what it holds, all of which JSON carries
VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False, True, True],
    "UINT8": [0, 1, 254, 255],
    "UINT16": [0, 1, 2**16 - 2, 2**16 - 1],
    "UINT32": [0, 1, 2**32 - 2, 2**32 - 1],
    "UINT64": [0, 1, 2**64 - 2, 2**64 - 1],
    "INT8": [-128, -1, 0, 127],
    "INT16": [-(2**15), -1, 0, 2**15 - 1],
    "INT32": [-(2**31), -1, 0, 2**31 - 1],
    "INT64": [-(2**63), -1, 0, 2**63 - 1],
    "FP16": [-65504.0, -0.5, 0.0, 6.1e-05],
    "FP32": [-3.4e38, -0.5, 1e-9, 0.1],
    "FP64": [-1.7e308, -0.5, 1e-300, 0.1],
    "BF16": [-1.0, -0.5, 0.0, 2.0**100],
    "BYTES": ["", "a", "Zürich", "x" * 300],
}
NUMPY: dict[str, Any] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "FP16": np.float16, "FP32": np.float32,
    "FP64": np.float64, "BF16": ml_dtypes.bfloat16, "BYTES": object,
}  # fmt: skip


def array(datatype: str, shape: tuple[int, ...] = (2, 2)) -> Array:
    """The values of a datatype as an array; strings as objects of ``bytes``."""
    values = VALUES[datatype]
    if datatype == "BYTES":
        values = [value.encode() for value in values]
    return np.array(values, NUMPY[datatype]).reshape(shape)


def same(found: Array | None, wanted: Array) -> bool:
    """Whether dtype, shape and every element agree."""
    if found is None:
        return False
    return found.dtype == wanted.dtype and found.shape == wanted.shape and found.tolist() == wanted.tolist()


def _identity(datatype: str) -> FakeSignature:
    spec = {"x": FakeSpec("x:0", dtypes.from_numpy(np.dtype(NUMPY[datatype])))}
    return FakeSignature(datatype, lambda x: {"y": x}, spec, {"y": next(iter(spec.values()))})


def _two() -> FakeSignature:
    """a + b and a - b, with a default for b, declared shapes, and one output that JSON cannot hold."""
    floats = {name: FakeSpec(f"{name}:0", dtypes.float32, (None, 2)) for name in ("a", "b")}
    outputs = {"difference": floats["a"], "raw": FakeSpec("raw:0", dtypes.string), "sum": floats["a"]}

    def run(a: Array, b: Array) -> dict[str, Array]:
        return {"sum": a + b, "difference": a - b, "raw": np.array([b"\xff\xfe"], object)}

    return FakeSignature("two", run, floats, outputs, defaults={"b": np.full((1, 2), 10, np.float32)})


def _failing() -> FakeSignature:
    def run(x: Array) -> dict[str, Array]:
        raise ValueError("no luck today")

    half = half_plus_two()
    return FakeSignature("failing", run, half.inputs, half.outputs)


def _complex() -> FakeSignature:
    spec = FakeSpec("x:0", dtypes.float32)
    return FakeSignature(
        "complex", lambda x: {"y": x.astype(np.complex64)}, {"x": spec}, {"y": FakeSpec("y:0", dtypes.complex64)}
    )


def _load(path: str) -> Model:
    if path == "fake":
        return FakeModel(*map(_identity, VALUES), _two(), _failing(), _complex(), half_plus_two())
    return noria.load(path)


def make_manager() -> Manager:
    """``all`` (fake) in versions 3 and 12; ``half_plus_two``, ``iris`` and ``text`` of the project's golden models."""
    manager = Manager(_load)
    for version in (3, 12):
        manager.load("all", version, "fake")
    for name in ("half_plus_two", "iris", "text"):
        manager.load(name, 1, str(GOLDEN / name / "1"))
    return manager


@contextlib.contextmanager
def server(**settings: Any) -> Iterator[Server]:
    """A server of these models."""
    with serving(make_manager(), **settings) as started:
        yield started
