"""A served model with a signature for each thing that a client must carry, and the clients to ask it by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np

from conftest import REPOSITORY
from noria import dtypes
from noria.dtypes import DType
from noria.protos import tensorflow as tf
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, half_plus_two, serving, specs

HALF_PLUS_TWO = REPOSITORY / "tests" / "golden" / "half_plus_two"
# One input and one output of each dtype that JSON carries.
KINDS = {
    "f32": dtypes.float32, "f64": dtypes.float64, "i8": dtypes.int8, "i16": dtypes.int16, "i32": dtypes.int32,
    "i64": dtypes.int64, "u8": dtypes.uint8, "u32": dtypes.uint32, "u64": dtypes.uint64, "b": dtypes.bool_,
    "s": dtypes.string,
}  # fmt: skip
HALVES = {"f16": dtypes.float16, "bf16": dtypes.bfloat16, "c64": dtypes.complex64, "u16": dtypes.uint16}


def _identity(name: str, kinds: dict[str, DType]) -> FakeSignature:
    return FakeSignature(name, lambda **arrays: arrays, specs(**kinds), specs(**kinds))


def _odd(x: Any) -> dict[str, Any]:
    return {
        "special": np.array([np.nan, np.inf, -np.inf, 1e-45], np.float32),
        "empty": np.empty((0, 3), np.int64),
        "scalar": np.float64(x.sum()) + np.zeros(()),
        "words": np.array([[b"a", "\u00e9".encode()]], object),
        "raw_bytes": np.array([b"\xff\x00", b""], object),
    }


_ODD = {
    "special": dtypes.float32, "empty": dtypes.int64, "scalar": dtypes.float64, "words": dtypes.string,
    "raw_bytes": dtypes.string,
}  # fmt: skip


def _model() -> FakeModel:
    model = FakeModel(
        half_plus_two(),
        _identity("kinds", KINDS),
        _identity("halves", HALVES),
        FakeSignature("odd", _odd, specs(x=dtypes.float32), specs(**_ODD)),
        FakeSignature("word", lambda s: {"s": s}, specs(s=dtypes.string), specs(s=dtypes.string)),
    )
    for signature in model.signatures.values():
        definition = model.meta_graph.signature_def[signature.name]
        for infos, found in ((definition.inputs, signature.inputs), (definition.outputs, signature.outputs)):
            for alias, spec in found.items():
                infos[alias].name, infos[alias].dtype = spec.tensor, spec.dtype.number
                infos[alias].tensor_shape.unknown_rank = True
    empty = model.meta_graph.signature_def["odd"].outputs["empty"].tensor_shape
    empty.CopyFrom(tf.TensorShapeProto(dim=[tf.TensorShapeProto.Dim(size=n) for n in (-1, 3)]))
    return model


@contextmanager
def served(**settings: Any) -> Iterator[Server]:
    """Models ``m`` (versions 1 and 2 of the above) and ``hp`` (half plus two with classify and regress)."""
    real = make_loader(ServerConfig())
    manager = Manager(lambda path: real(path) if "golden" in path else _model())
    manager.load("m", 1, "m/1")
    manager.load("m", 2, "m/2")
    manager.load("hp", 1, str(HALF_PLUS_TWO / "1"))
    with serving(manager, **settings) as server:
        yield server


def values_of(kinds: dict[str, DType]) -> dict[str, Any]:
    """An array of each dtype, with its extremes."""
    found: dict[str, Any] = {}
    for alias, dtype in kinds.items():
        if dtype is dtypes.string:
            found[alias] = np.array([b"a", b"\xff\xfe", "\u00e9\U0001f600".encode(), b"{}"], object)
        elif dtype is dtypes.bool_:
            found[alias] = np.array([[True], [False]])
        elif dtype.is_integer:
            limits = np.iinfo(dtype.numpy)
            found[alias] = np.array([limits.min, 0, limits.max], dtype.numpy)
        elif dtype is dtypes.bfloat16:
            found[alias] = np.array([1.5, -2.0], ml_dtypes.bfloat16)
        else:
            found[alias] = np.array([[0.1, -1e30 if dtype.bits > 16 else -7], [3, 1 / 3]], dtype.numpy)
    return found
