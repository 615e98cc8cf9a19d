"""TensorFlow's wire formats: our own ``.proto`` files, loaded in a private descriptor pool.

``noria.protos.tensorflow``, ``.serving``, ``.kserve``, ``.health``, ``.reflection``, ``.onnx``, ``.error_codes`` and
``.wellknown`` show the message classes of their packages; ``noria.protos.op_defs`` is TensorFlow's registry of
operations as data.
"""

from noria.protos._pool import POOL, all_classes

__all__ = ["POOL", "all_classes"]
