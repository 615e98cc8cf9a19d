"""TensorFlow and tensorflow-serving-api read the request logs that the server writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.servable import Servable, ServableId
from noria.serving.observe.metrics import Metrics
from noria.serving.observe.request_log import RequestLog
from serving.fakes import half_plus_two

tf = pytest.importorskip("tensorflow", reason="the oracle environment has TensorFlow")
prediction_log_pb2 = pytest.importorskip(
    "tensorflow_serving.apis.prediction_log_pb2", reason="the oracle environment has tensorflow-serving-api"
)


def test_a_log_is_read_by_tensorflow(tmp_path: Path) -> None:
    log = RequestLog(ServerConfig(), Metrics())
    collector = pb.LogCollectorConfig(filename_prefix=str(tmp_path / "requests"))
    sampling = pb.SamplingConfig(sampling_rate=1.0)
    log.configure({"m": pb.LoggingConfig(log_collector_config=collector, sampling_config=sampling)})
    signature, servable = half_plus_two(), Servable(ServableId("m", 7), "")
    for k in range(3):
        arrays = {"x": np.array([k], np.float32)}
        log.run(servable, "Predict", signature, arrays, None, signature.run_arrays(arrays))
    log.close()
    paths = [str(path) for path in tmp_path.glob("requests-*.tfrecord")]
    found = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(sorted(paths))
    ]
    assert [tf.make_ndarray(each.predict_log.response.outputs["y"]).tolist() for each in found] == [[2.0], [2.5], [3.0]]
    assert all(each.log_metadata.model_spec.version.value == 7 for each in found)
    assert all(each.log_metadata.sampling_config.sampling_rate == 1.0 for each in found)
