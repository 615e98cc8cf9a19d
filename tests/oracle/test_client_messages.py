"""What the client puts on the wire, read by the messages of ``tensorflow-serving-api``; and the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria.client import messages
from noria.client.target import Target

tf = pytest.importorskip("tensorflow", reason="the oracle environment has TensorFlow")
apis = pytest.importorskip("tensorflow_serving.apis", reason="the oracle environment has tensorflow-serving-api")

from tensorflow_serving.apis import (  # noqa: E402 - after the check that it is there
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
)

ARRAYS = [
    np.array([[0.1, -np.inf, np.nan]], np.float32),
    np.array(1e300),
    np.array([1.5, -2.0], np.float16),
    np.array([1.5, -2.0], tf.bfloat16.as_numpy_dtype),
    np.array([[1 + 2j]], np.complex64),
    np.array([1 - 2j], np.complex128),
    np.arange(6, dtype=np.int32).reshape(2, 3).T,  # not contiguous
    *(np.array([np.iinfo(t).min, np.iinfo(t).max], t) for t in ("int8", "int16", "int64", "uint8", "uint16", "uint64")),
    np.array([True, False]),
    np.array([[b"a", b"\xff\x00"], ["\u00e9".encode(), b""]], object),
    np.empty((0, 3), np.float32),
    np.zeros((2, 300), np.uint32),
]


def stock(array: Any) -> Any:
    """TensorFlow's own proto for an array, and back."""
    return tf.make_ndarray(tf.make_tensor_proto(array))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_predict_request(array: Any) -> None:
    target = Target("m", None, "canary", "s")
    body = messages.predict_request(target, {"x": array, "\u00e9" * 100: array}, ["y", "z"])
    request = predict_pb2.PredictRequest.FromString(body)
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "s")
    assert request.model_spec.version_label == "canary"
    assert list(request.output_filter) == ["y", "z"]
    assert set(request.inputs) == {"x", "\u00e9" * 100}
    for proto in request.inputs.values():
        got = tf.make_ndarray(proto)
        assert got.dtype == stock(array).dtype
        np.testing.assert_array_equal(got, stock(array), strict=True)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_predict_answer(array: Any) -> None:
    response = predict_pb2.PredictResponse()
    response.outputs["y"].CopyFrom(tf.make_tensor_proto(array))
    got = messages.predict_answer(response.SerializeToString())["y"]
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array, strict=True)


def test_examples() -> None:
    given = [{"x": 1.5, "n": [1, 2], "s": "\u00e9", "b": [b"\xff"]}, {}]
    request = classification_pb2.ClassificationRequest.FromString(
        messages.example_request(Target("m", 3), given, {"c": 2})
    )
    assert request.model_spec.version.value == 3
    found = request.input.example_list_with_context
    assert list(found.context.features.feature["c"].int64_list.value) == [2]
    features = found.examples[0].features.feature
    assert list(features["x"].float_list.value) == [1.5]
    assert list(features["n"].int64_list.value) == [1, 2]
    assert list(features["s"].bytes_list.value) == ["\u00e9".encode()]
    assert list(features["b"].bytes_list.value) == [b"\xff"]
    assert len(found.examples) == 2
    plain = classification_pb2.ClassificationRequest.FromString(messages.example_request(Target("m"), given, None))
    assert len(plain.input.example_list.examples) == 2


def test_the_other_requests() -> None:
    tasks = [("a", "classify"), ("b", "regress")]
    multi = inference_pb2.MultiInferenceRequest.FromString(messages.multi_request(Target("m"), tasks, [{}], None))
    assert [(t.model_spec.signature_name, t.method_name.rpartition("/")[2]) for t in multi.tasks] == tasks
    assert len(multi.input.example_list.examples) == 1
    status = get_model_status_pb2.GetModelStatusRequest.FromString(messages.status_request(Target("m", 0)))
    assert status.model_spec.HasField("version")
    metadata = get_model_metadata_pb2.GetModelMetadataRequest.FromString(messages.metadata_request(Target("m")))
    assert list(metadata.metadata_field) == ["signature_def"]
    text = "model_config_list { config { name: 'm' base_path: '/m' model_platform: 'tensorflow' } }"
    reload = model_management_pb2.ReloadConfigRequest.FromString(messages.reload_request(text))
    assert reload.config.model_config_list.config[0].base_path == "/m"
