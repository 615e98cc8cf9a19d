"""Conversion between kinds of models: ``convert(source, target)``; ``registry`` has the kinds."""

from __future__ import annotations

from noria.convert import from_onnx, keras, saved_models, tfjs, to_onnx
from noria.convert.convert import Report, convert
from noria.convert.edit import SavedModelEditor
from noria.convert.registry import Options

assert from_onnx  # their import fills the registry
assert keras
assert saved_models
assert tfjs
assert to_onnx

__all__ = ["Options", "Report", "SavedModelEditor", "convert"]
