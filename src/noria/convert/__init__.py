"""Conversion between kinds of models: ``convert(source, target)``; ``registry`` has the kinds."""

from __future__ import annotations

from noria.convert import from_onnx, saved_models, tfjs, to_onnx
from noria.convert.convert import Report, convert
from noria.convert.edit import SavedModelEditor
from noria.convert.registry import Options, Parts, source

assert from_onnx  # their import fills the registry
assert saved_models
assert tfjs
assert to_onnx


@source("keras")
def _read_keras(path: str, options: Options) -> Parts:
    """A Keras model in a ``.keras`` or ``.h5`` file, layer by layer."""
    # It brings noria.v1, without which noria edit and the other conversions start in two thirds of the time.
    from noria.convert.keras import read

    return read(path, options)


__all__ = ["Options", "Report", "SavedModelEditor", "convert"]
