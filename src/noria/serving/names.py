"""Names that TensorFlow Serving's clients see in messages and that Noria calls otherwise."""

from __future__ import annotations

from typing import Final

from noria.dtypes import DType

DEFAULT_SIGNATURE: Final = "serving_default"
PREDICT: Final = "tensorflow/serving/predict"
CLASSIFY: Final = "tensorflow/serving/classify"
REGRESS: Final = "tensorflow/serving/regress"

_CORE: Final = {"float32": "float", "float64": "double", "float16": "half"}


def core_name(dtype: DType) -> str:
    """The name of ``dtype`` in the runtime's messages: ``float``, ``double``, ``half``, else as usual."""
    return _CORE.get(dtype.name, dtype.name)
