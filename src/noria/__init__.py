"""Noria: load, inspect, run and serve TensorFlow models without TensorFlow."""

__version__ = "0.1.0"
