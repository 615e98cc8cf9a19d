"""The method names of signatures, as TensorFlow Serving's clients send and see them."""

from __future__ import annotations

from typing import Final

PREDICT: Final = "tensorflow/serving/predict"
CLASSIFY: Final = "tensorflow/serving/classify"
REGRESS: Final = "tensorflow/serving/regress"
