"""Request logs: what is sampled, what a record holds, what a slow or full disk does to requests."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import REPOSITORY
from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.formats import tensor_proto
from noria.formats.record import read_records
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Servable, ServableId
from noria.serving.observe import log_files, log_records, table
from noria.serving.observe.exposition import Buckets
from noria.serving.observe.metrics import Metrics
from noria.serving.observe.request_log import RequestLog
from serving.fakes import FakeModel, FakeSignature, call_grpc, half_plus_two, serving, specs

SERVABLE = Servable(ServableId("m", 7), "/models/m/7")


def logging_config(prefix: Path, kind: str = "", rate: float = 1.0) -> pb.LoggingConfig:
    return pb.LoggingConfig(
        log_collector_config=pb.LogCollectorConfig(type=kind, filename_prefix=str(prefix)),
        sampling_config=pb.SamplingConfig(sampling_rate=rate),
    )


@contextlib.contextmanager
def request_log(**settings: Any) -> Iterator[tuple[RequestLog, Metrics]]:
    metrics = Metrics(lambda name: True)
    log = RequestLog(ServerConfig(**settings), metrics)
    yield log, metrics
    log.close()


def counts(metrics: Metrics) -> dict[str, float]:
    families = {family.metric.name: family for family in metrics.collect()}
    series = families[table.REQUEST_LOG_COUNT].series
    assert not any(isinstance(value, Buckets) for value in series.values())
    return {labels[1]: value for labels, value in series.items()}


def put(log: RequestLog, x: float = 1.0) -> None:
    arrays = {"x": np.array([x], np.float32)}
    signature = half_plus_two()
    log.run(SERVABLE, "Predict", signature, arrays, None, signature.run_arrays(arrays))


def files_of(prefix: Path, ending: str = "tfrecord") -> list[Path]:
    return sorted(prefix.parent.glob(f"{prefix.name}-*.{ending}"), key=lambda path: int(path.stem.rpartition("-")[2]))


def records(prefix: Path) -> list[pb.PredictionLog]:
    return [pb.PredictionLog.FromString(data) for path in files_of(prefix) for data in read_records(path)]


def test_a_record_holds_the_request_its_answer_and_where_it_came_from(tmp_path: Path) -> None:
    prefix = tmp_path / "new" / "requests"
    with request_log(saved_model_tags="serve,gpu") as (log, metrics):
        log.configure({"m": logging_config(prefix)})
        assert log.wants(SERVABLE)
        put(log, 3.0)
    (record,) = records(prefix)
    inner = record.predict_log
    assert tensor_proto.to_array(inner.request.inputs["x"]).tolist() == [3.0]
    assert tensor_proto.to_array(inner.response.outputs["y"]).tolist() == [3.5]
    assert inner.request.model_spec.name == "m"
    metadata = record.log_metadata
    assert (metadata.model_spec.name, metadata.model_spec.version.value) == ("m", 7)
    assert metadata.model_spec.signature_name == "serving_default"
    assert metadata.sampling_config.sampling_rate == 1.0
    assert list(metadata.saved_model_tags) == ["serve", "gpu"]
    assert abs(metadata.timestamp_secs - time.time()) < 100
    assert counts(metrics) == {"OK": 1}
    # A log is what warm-up reads.
    (path,) = files_of(prefix)
    assert list(record_files.read(str(path))) == [record]
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


def test_lines_of_json(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    with request_log() as (log, _):
        log.configure({"m": logging_config(prefix, "jsonl")})
        put(log, float("nan"))
        signature = FakeSignature(
            "s",
            lambda t: {"u": t},
            specs(t=dtypes.string, n=dtypes.int64, h=dtypes.float16),
            specs(u=dtypes.string),
        )
        arrays: dict[str, Any] = {
            "t": np.array([b"a", b"\xff"], object),
            "n": np.array([[1, 2]], np.int64),
            "h": np.array([0.5], np.float16),
        }
        log.run(SERVABLE, "Predict", signature, arrays, ["u"], {"u": arrays["t"]})
    one, other = (json.loads(line) for line in files_of(prefix, "jsonl")[0].read_bytes().splitlines())
    assert one["request"] == {"inputs": {"x": [None]}}
    assert one["response"] == {"outputs": {"y": [None]}}
    assert (one["model"], one["version"], one["signature"], one["method"]) == ("m", 7, "serving_default", "predict")
    assert other["request"] == {"inputs": {"t": ["a", {"b64": "/w=="}], "n": [[1, 2]], "h": [0.5]}}


def _examples() -> list[bytes]:
    given = pb.Input()
    for x in (1.0, 2.0):
        features = given.example_list.examples.add().features.feature
        features["x"].float_list.value.append(x)
        features["name"].bytes_list.value.extend([b"a", b"b"])
    return [example.SerializeToString() for example in given.example_list.examples]


@pytest.mark.parametrize("api", ["Classify", "Regress"])
def test_examples(tmp_path: Path, api: str) -> None:
    signature = FakeSignature("c", lambda inputs: {}, specs(inputs=dtypes.string), specs(outputs=dtypes.float32))
    outputs: dict[str, Any] = {
        "outputs": np.array([0.5, 1.5], np.float32),
        "classes": np.array([[b"p"], [b"q"]], object),
        "scores": np.array([[0.25], [0.75]], np.float32),
    }
    arrays = {"inputs": np.array(_examples(), object)}
    for kind in ("", "jsonl"):
        with request_log() as (log, _):
            log.configure({"m": logging_config(tmp_path / api, kind)})
            log.run(SERVABLE, api, signature, arrays, None, outputs)
    (record,) = records(tmp_path / api)
    line = json.loads(files_of(tmp_path / api, "jsonl")[0].read_bytes())
    given = [{"name": ["a", "b"], "x": 1.0}, {"name": ["a", "b"], "x": 2.0}]
    assert line["request"] == {"examples": given}
    if api == "Classify":
        assert len(record.classify_log.request.input.example_list.examples) == 2
        assert record.classify_log.response.result.classifications[1].classes[0].label == "q"
        assert line["response"] == {"results": [[["p", 0.25]], [["q", 0.75]]]}
    else:
        assert [row.value for row in record.regress_log.response.result.regressions] == [0.5, 1.5]
        assert line["response"] == {"results": [0.5, 1.5]}
    assert record.log_metadata.model_spec.signature_name == "c"


def test_messages_of_a_multi_inference(tmp_path: Path) -> None:
    request = pb.MultiInferenceRequest()
    request.tasks.add(model_spec=pb.ModelSpec(name="m", signature_name="r"), method_name="tensorflow/serving/regress")
    request.input.example_list_with_context.context.features.feature["c"].int64_list.value.append(4)
    request.input.example_list_with_context.examples.add()
    response = pb.MultiInferenceResponse()
    response.results.add().regression_result.regressions.add(value=0.5)
    for kind in ("tfrecord", "jsonl"):
        with request_log() as (log, _):
            log.configure({"m": logging_config(tmp_path / "multi", kind)})
            assert not log.wants(SERVABLE, "MultiInference")  # one of its runs
            log.write(SERVABLE, log_records.of_messages("MultiInference", request, response), request.ByteSize())
    (record,) = records(tmp_path / "multi")
    assert record.multi_inference_log.request == request
    line = json.loads(files_of(tmp_path / "multi", "jsonl")[0].read_bytes())
    assert line["request"]["context"] == {"c": 4}
    assert line["request"]["tasks"] == [{"signature": "r", "method": "tensorflow/serving/regress"}]
    assert line["response"] == {"results": [[0.5]]}


def test_the_share_that_is_logged(tmp_path: Path) -> None:
    with request_log() as (log, _):
        assert not log.wants(SERVABLE)
        log.configure({"m": logging_config(tmp_path / "a", rate=0.25), "n": None})
        share = sum(log.wants(SERVABLE) for _ in range(4000)) / 4000
        assert 0.2 < share < 0.3
        assert not log.wants(Servable(ServableId("n", 1), ""))
        log.configure({"m": logging_config(tmp_path / "a", rate=0.0)})
        assert not any(log.wants(SERVABLE) for _ in range(100))
        log.configure({"m": pb.LoggingConfig()})
        assert not log.wants(SERVABLE)


def test_models_without_a_config_are_logged_by_the_flags(tmp_path: Path) -> None:
    with request_log(
        request_log_prefix=str(tmp_path / "all"), request_log_type="jsonl", request_log_sampling_rate=1.0
    ) as (log, _):
        log.configure({"m": None, "a/b": None, "own": logging_config(tmp_path / "own")})
        put(log)
        other = Servable(ServableId("a/b", 1), "")
        log.write(other, pb.PredictionLog())
    assert len(files_of(tmp_path / "all-m", "jsonl")) == 1
    assert len(files_of(tmp_path / "all-a%2Fb", "jsonl")) == 1


def test_configs_that_cannot_be(tmp_path: Path) -> None:
    with request_log() as (log, _):
        log.configure({"m": logging_config(tmp_path / "a")})
        nowhere = pb.LoggingConfig(sampling_config=pb.SamplingConfig(sampling_rate=1.0))
        with pytest.raises(InvalidArgumentError, match=r"^No request-logger-creator provided\.$"):
            log.configure({"m": nowhere})
        with pytest.raises(InvalidArgumentError, match="type is 'kafka'; it is one of '', 'tfrecord', 'jsonl'"):
            log.configure({"m": logging_config(tmp_path / "a", "kafka")})
        for prefix in ("", "/var/log/", "gs://bucket/log"):
            with pytest.raises(InvalidArgumentError, match="beginning of the path of local files"):
                log.configure({"m": _with_prefix(prefix)})
        assert log.wants(SERVABLE)  # as before


def _with_prefix(prefix: str) -> pb.LoggingConfig:
    found = logging_config(Path("x"))
    found.log_collector_config.filename_prefix = prefix
    return found


def test_a_reload_changes_what_is_logged(tmp_path: Path) -> None:
    with request_log() as (log, _):
        log.configure({"m": logging_config(tmp_path / "a")})
        put(log, 1.0)
        log.configure({"m": logging_config(tmp_path / "b")})
        put(log, 2.0)
        log.configure({})
        put(log, 3.0)
        assert not log.wants(SERVABLE)
    assert len(records(tmp_path / "a")) == 1
    assert len(records(tmp_path / "b")) == 1


def test_files_begin_anew_and_the_oldest_go(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    (tmp_path / "requests-mine.tfrecord").write_bytes(b"x" * 10_000)  # not a name of ours: stays
    with request_log(request_log_file_bytes=2000, request_log_total_bytes=10_000) as (log, metrics):
        log.configure({"m": logging_config(prefix)})
        for k in range(300):
            put(log, float(k))
    found = files_of_ours(prefix)
    assert all(path.stat().st_size <= 2000 for path in found)
    assert sum(path.stat().st_size for path in found) <= 10_000
    assert len(found) >= 3
    kept = [pb.PredictionLog.FromString(data) for path in found for data in read_records(path)]
    values = [tensor_proto.to_array(record.predict_log.request.inputs["x"]).item() for record in kept]
    assert values == list(range(300 - len(values), 300))  # the newest, in order
    assert counts(metrics) == {"OK": 300}
    assert (tmp_path / "requests-mine.tfrecord").exists()


def files_of_ours(prefix: Path) -> list[Path]:
    found = [path for path in prefix.parent.glob(f"{prefix.name}-*.tfrecord") if "mine" not in path.name]
    return sorted(found, key=lambda path: int(path.stem.rpartition("-")[2]))


def test_files_begin_anew_with_time_and_when_removed(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    with request_log(request_log_file_seconds=0.0) as (log, _):
        log.configure({"m": logging_config(prefix)})
        for _ in range(3):
            put(log)
    assert len(files_of(prefix)) == 3
    other = tmp_path / "other"
    with request_log() as (log, metrics):
        log.configure({"m": logging_config(other)})
        put(log)
        wait_for(lambda: counts(metrics) == {"OK": 1})
        files_of(other)[0].unlink()
        put(log)
    assert len(records(other)) == 1


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_bad_path_harms_nothing_but_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "_RETRY_SECONDS", 0.05)
    (tmp_path / "file").write_text("")
    with request_log() as (log, metrics), caplog.at_level(logging.WARNING):
        log.configure({"m": logging_config(tmp_path / "file" / "requests")})
        for _ in range(5):
            put(log)
        wait_for(lambda: sum(counts(metrics).values()) == 5)
        (tmp_path / "file").unlink()
        time.sleep(0.06)  # a path that failed is left alone for a while
        put(log)
    found = counts(metrics)
    assert found.pop("OK") == 1
    assert sum(found.values()) == 5
    assert len([record for record in caplog.records if "records are lost and counted" in record.message]) == 1
    assert len(records(tmp_path / "file" / "requests")) == 1


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    room = [100]

    def write(file: int, data: Any) -> int:
        if room[0] >= len(data) or file < 3:
            room[0] -= len(data)
            return real(file, data)
        part, room[0] = room[0], 0
        if part:
            return real(file, bytes(data)[:part])
        raise OSError(28, "No space left on device")

    with request_log() as (log, metrics):
        log.configure({"m": logging_config(tmp_path / "requests")})
        monkeypatch.setattr(os, "write", write)
        put(log)
        put(log)
        wait_for(lambda: sum(counts(metrics).values()) == 2)
        room[0] = 10_000
        put(log)
        wait_for(lambda: sum(counts(metrics).values()) == 3)
        monkeypatch.undo()
    assert counts(metrics) == {"RESOURCE_EXHAUSTED": 2, "OK": 1}
    assert len(records(tmp_path / "requests")) == 1  # nothing of the others is left in the file


def test_a_slow_disk_never_holds_a_request_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def slow() -> pb.PredictionLog:
        gate.wait(120)
        return pb.PredictionLog()

    with request_log(request_log_queue_bytes=100_000) as (log, metrics), caplog.at_level(logging.WARNING):
        log.configure({"m": logging_config(tmp_path / "requests")})
        start = time.perf_counter()
        for _ in range(1000):
            log.write(SERVABLE, slow, 500)
        assert time.perf_counter() - start < 20
        dropped = counts(metrics)["UNAVAILABLE"]
        assert 1000 - 100_000 / 500 < dropped < 1000
        gate.set()
    assert counts(metrics) == {"UNAVAILABLE": dropped, "OK": 1000 - dropped}
    assert len([record for record in caplog.records if "queue is full" in record.message]) == 1


def test_a_record_that_cannot_be_made_is_counted(tmp_path: Path) -> None:
    def broken() -> pb.PredictionLog:
        raise ValueError("no")

    with request_log() as (log, metrics):
        log.configure({"m": logging_config(tmp_path / "requests")})
        log.write(SERVABLE, broken)
    assert counts(metrics) == {"INTERNAL": 1}


def test_requests_of_all_protocols_are_logged(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    manager = Manager(lambda path: FakeModel(half_plus_two()))
    manager.load("m", 3, "/models/m/3")
    with serving(manager) as server:
        server.core.request_log.configure({"m": logging_config(prefix)})
        url = f"http://127.0.0.1:{server.rest_port}"
        for path, body in (
            ("/v1/models/m:predict", {"instances": [1.0]}),
            ("/v1/models/m:predict", {"instances": "wrong"}),  # failures are not logged
            (
                "/v2/models/m/infer",
                {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [2.0]}]},
            ),
        ):
            request = urllib.request.Request(url + path, json.dumps(body).encode())
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=20):
                pass
        predict = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"), output_filter=["y"])
        predict.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([3.0], np.float32)))
        rpc = "/tensorflow.serving.PredictionService/Predict"
        assert call_grpc(server.grpc_port, rpc, predict.SerializeToString())[0] == "OK"
    found = [record.predict_log for record in records(prefix)]
    assert [tensor_proto.to_array(log.response.outputs["y"]).item() for log in found] == [2.5, 3.0, 3.5]
    assert list(found[2].request.output_filter) == ["y"]
    assert found[0].response.model_spec.name == "m"


def test_a_config_file_turns_logging_on(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    shutil.copytree(REPOSITORY / "tests" / "golden" / "half_plus_two", tmp_path / "m")
    config = pb.ModelServerConfig()
    model = config.model_config_list.config.add(
        name="m", base_path=str(tmp_path / "m"), model_platform="tensorflow", logging_config=logging_config(prefix)
    )
    manager = Manager(make_loader(ServerConfig()))
    with serving(manager) as server:
        manager.apply(config)
        with manager.handle("m") as servable:
            assert server.core.request_log.wants(servable)
        model.ClearField("logging_config")
        manager.apply(config)
        with manager.handle("m") as servable:
            assert not server.core.request_log.wants(servable)
        model.logging_config.sampling_config.sampling_rate = 1
        with pytest.raises(InvalidArgumentError, match="No request-logger-creator provided"):
            manager.apply(config)
    manager.close()


def test_methods_on_examples_are_logged_as_they_came(tmp_path: Path) -> None:
    prefix = tmp_path / "requests"
    manager = Manager(make_loader(ServerConfig()))
    manager.load("m", 1, str(REPOSITORY / "tests" / "golden" / "half_plus_two" / "1"))
    regress = pb.RegressionRequest(model_spec=pb.ModelSpec(name="m", signature_name="regress_x_to_y"))
    regress.input.example_list.examples.add().features.feature["x"].float_list.value.append(3.0)
    classify = pb.ClassificationRequest(model_spec=pb.ModelSpec(name="m", signature_name="classify_x_to_y"))
    classify.input.CopyFrom(regress.input)
    several = pb.MultiInferenceRequest(input=regress.input)
    several.tasks.add(model_spec=regress.model_spec, method_name="tensorflow/serving/regress")
    several.tasks.add(model_spec=classify.model_spec, method_name="tensorflow/serving/classify")
    with serving(manager) as server:
        server.core.request_log.configure({"m": logging_config(prefix)})
        for rpc, request in (("Regress", regress), ("Classify", classify), ("MultiInference", several)):
            method = f"/tensorflow.serving.PredictionService/{rpc}"
            code, text, _ = call_grpc(server.grpc_port, method, request.SerializeToString())
            assert code == "OK", text
        scrape = server.core.metrics.render().decode()
    manager.close()
    found = records(prefix)
    kinds = [record.WhichOneof("log_type") for record in found]
    assert kinds == ["regress_log", "classify_log", "multi_inference_log"]
    assert found[0].regress_log.request == regress
    assert found[0].regress_log.response.result.regressions[0].value == 3.5
    assert found[1].classify_log.request == classify
    assert found[2].multi_inference_log.request == several
    assert found[2].multi_inference_log.response.results[0].regression_result.regressions[0].value == 3.5
    # Three requests, three examples; the runs of a MultiInference are not TensorFlow Serving's runtime latency.
    assert ':tensorflow:serving:request_example_count_total{model="m"} 3' in scrape
    assert 'runtime_latency_count{model_name="m",API="MultiInference"' not in scrape
    assert 'noria_requests_total{model_name="m",api="MultiInference",entrypoint="GRPC",status="OK"} 1' in scrape
