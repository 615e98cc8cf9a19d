"""Messages of ``onnx``: the part of ONNX that a compiled segment is written in.

A class is made when it is first asked for.
"""

from __future__ import annotations

from noria.protos._pool import package_module

__getattr__, __dir__ = package_module(__name__, "onnx")
