"""Conversion between kinds of models: ``convert(source, target)``; ``registry`` has the kinds."""

from __future__ import annotations

from noria.convert import keras, saved_models, tfjs, to_onnx
from noria.convert.convert import Report, convert
from noria.convert.registry import Options

assert keras  # their import fills the registry
assert saved_models
assert tfjs
assert to_onnx

__all__ = ["Options", "Report", "convert"]
