"""TensorFlow Serving's own stubs, of ``tensorflow-serving-api``: ``tensorflow_serving_stub.py [host:port]``."""

from __future__ import annotations

import sys
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

FLOWERS = [[5.9, 2.8, 4.3, 1.3], [5.0, 3.4, 1.5, 0.3]]


def request_for(flower: list[float]) -> Any:
    """A PredictRequest for one flower."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "iris"
    request.model_spec.signature_name = "serving_default"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(flower, dtype=tf.float32, shape=[1, 4]))
    return request


def main(address: str = "localhost:8500") -> None:
    """Asks for the state of the model, its signatures, and all flowers at the same time."""
    with grpc.insecure_channel(address) as channel:
        status = get_model_status_pb2.GetModelStatusRequest()
        status.model_spec.name = "iris"
        found = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, 10)
        print("versions:", [row.version for row in found.model_version_status])

        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        about = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        about.model_spec.name = "iris"
        signatures = get_model_metadata_pb2.SignatureDefMap()
        stub.GetModelMetadata(about, 10).metadata["signature_def"].Unpack(signatures)
        print("inputs:", sorted(signatures.signature_def["serving_default"].inputs))

        calls = [stub.Predict.future(request_for(flower), 10) for flower in FLOWERS]
        answers = [tf.make_ndarray(call.result().outputs["probabilities"])[0] for call in calls]
        print("grpc:", [[round(float(value), 4) for value in row] for row in answers])


if __name__ == "__main__":
    main(*sys.argv[1:])
