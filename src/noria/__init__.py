"""Noria: load, inspect, run and serve TensorFlow models without TensorFlow.

    import noria

    model = noria.load("path/to/saved_model")
    model(x=[[5.1, 3.5, 1.4, 0.2]])

    weights = noria.load_checkpoint("train/model.ckpt-100")  # name → array, read when asked for
    noria.save_checkpoint("new/model.ckpt-0", {"dense/kernel": weights["dense/kernel"] * 2})

The public names are loaded when first used: ``import noria`` alone costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noria.formats.weights import load_checkpoint, save_checkpoint
    from noria.model.load import load
    from noria.model.model import Model
    from noria.model.signature import Signature
    from noria.ops.custom import custom_op

__version__ = "0.1.0"
__all__ = ["Model", "Signature", "__version__", "custom_op", "load", "load_checkpoint", "save_checkpoint"]


def __getattr__(name: str) -> object:
    if name in ("Model", "Signature", "load"):
        from noria import model  # heavy: brings NumPy and the engine, which a bare import should not pay for

        return getattr(model, name)
    if name in ("load_checkpoint", "save_checkpoint"):
        from noria.formats import weights  # as above; without the engine

        return getattr(weights, name)
    if name == "custom_op":
        from noria.ops.custom import custom_op  # as above: it brings all ops

        return custom_op
    raise AttributeError(f"module 'noria' has no attribute {name!r}")
