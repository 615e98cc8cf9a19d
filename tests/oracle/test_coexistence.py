"""The real tensorflow and noria in one process: the same message names, two pools, no clash, in either order."""

from __future__ import annotations

import subprocess
import sys

import pytest

_NORIA = (
    "from noria.protos import tensorflow as ours, serving; from noria.formats.tensor_proto import from_array, to_array"
)
_TENSORFLOW = "import tensorflow as tf; from tensorflow_serving.apis import predict_pb2"
_USE = """
theirs = tf.make_tensor_proto([1.0, 2.0])
assert to_array(ours.TensorProto.FromString(theirs.SerializeToString())).tolist() == [1.0, 2.0]
assert tf.make_ndarray(type(theirs).FromString(from_array([3.0]).SerializeToString())).tolist() == [3.0]
assert type(theirs) is not ours.TensorProto
assert type(theirs).DESCRIPTOR.full_name == ours.TensorProto.DESCRIPTOR.full_name
request = predict_pb2.PredictRequest()
request.inputs['x'].CopyFrom(theirs)
assert to_array(serving.PredictRequest.FromString(request.SerializeToString()).inputs['x']).tolist() == [1.0, 2.0]
"""


@pytest.mark.parametrize("first", [_NORIA, _TENSORFLOW], ids=["noria first", "tensorflow first"])
def test_both_in_one_process(first: str) -> None:
    second = _TENSORFLOW if first == _NORIA else _NORIA
    subprocess.run([sys.executable, "-c", f"{first}\n{second}\n{_USE}"], check=True)
