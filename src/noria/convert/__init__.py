"""Conversion between kinds of models: ``convert(source, target)``; ``registry`` has the kinds."""

from __future__ import annotations

from noria.convert import saved_models, tfjs, to_onnx
from noria.convert.convert import Report, convert
from noria.convert.registry import Options

assert saved_models  # their import fills the registry
assert tfjs
assert to_onnx

__all__ = ["Options", "Report", "convert"]
