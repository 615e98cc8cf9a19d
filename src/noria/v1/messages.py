"""Protocol buffer messages under their names in ``tf``: ``tf.GraphDef``, ``tf.train.Example``, ``tf.ConfigProto`` …

They are the messages of ``noria.protos.tensorflow``, with TensorFlow's wire format.
"""

from __future__ import annotations

from noria.protos import tensorflow
from noria.v1 import api_names
from noria.v1.exports import constant

for _row in api_names.table().values():
    _message = getattr(tensorflow, _row.name.rpartition(".")[2], None) if _row.kind == "proto" else None
    if _message is not None:
        constant(_row.name, _message)
constant("SequenceExample", tensorflow.SequenceExample)  # as releases before 0.12 called it
