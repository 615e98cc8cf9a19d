"""Counting, the text of a scrape (read by Prometheus's own parser), snapshots and merging."""

from __future__ import annotations

import threading
import timeit
from typing import Any

import pytest

from noria.errors import Code, InvalidArgumentError
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.kserve.infer import Inference
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Servable, ServableId, State, WarmUp
from noria.serving.observe import table
from noria.serving.observe.exposition import merge, render, unpack
from noria.serving.observe.metrics import Metrics
from serving.fakes import FakeModel, half_plus_two
from serving.observe.scrape import samples, value


def iris() -> Metrics:
    return Metrics(lambda name: name == "iris")


def test_requests_are_counted_by_status_and_successful_ones_timed() -> None:
    metrics = iris()
    metrics.request("iris", "predict", "REST", Code.OK, 50e-6, 10, 20)
    metrics.request("iris", "predict", "REST", Code.INVALID_ARGUMENT, 70e-6, 1, 2)
    metrics.request("iris", "Predict", "GRPC", Code.OK, 1.0)
    metrics.request("iris", "GetModelStatus", "GRPC", Code.OK, 1.0)  # TensorFlow Serving does not count it
    found = samples(metrics.render())
    count = ":tensorflow:serving:request_count"
    assert value(found, count, model_name="iris", status="OK") == 2
    assert value(found, count, model_name="iris", status="INVALID_ARGUMENT") == 1
    latency = ":tensorflow:serving:request_latency"
    labels = {"model_name": "iris", "API": "predict", "entrypoint": "REST"}
    assert value(found, latency + "_count", **labels) == 1
    assert value(found, latency + "_sum", **labels) == 50
    assert value(found, latency + "_bucket", **labels, le="32.4") == 0
    assert value(found, latency + "_bucket", **labels, le="58.32") == 1
    assert value(found, latency + "_bucket", **labels, le="+Inf") == 1
    assert value(found, latency + "_count", model_name="iris", API="GetModelStatus", entrypoint="GRPC") is None
    mine = {"model_name": "iris", "api": "GetModelStatus", "entrypoint": "GRPC", "status": "OK"}
    assert value(found, "noria_requests_total", **mine) == 1
    assert value(found, "noria_request_bytes_total", model_name="iris", entrypoint="REST") == 11
    assert value(found, "noria_response_bytes_total", model_name="iris", entrypoint="REST") == 22


def test_buckets_of_latency_are_those_of_tensorflow_serving() -> None:
    metrics = iris()
    metrics.request("iris", "predict", "REST", Code.OK, 10e-6)
    limits = [dict(labels)["le"] for name, labels in samples(metrics.render()) if name.endswith("latency_bucket")]
    assert limits[:5] == ["10", "18", "32.4", "58.32", "104.976"]
    assert len(limits) == 34
    assert limits[-1] == "+Inf"
    found = samples(metrics.render())
    labels = {"model_name": "iris", "API": "predict", "entrypoint": "REST"}
    assert value(found, ":tensorflow:serving:request_latency_bucket", **labels, le="10") == 1  # le: less or equal


def test_runs_are_timed_by_model_and_by_signature() -> None:
    metrics = iris()
    for version in (1, 2):
        metrics.run(Servable(ServableId("iris", version), ""), "serving_default", "Predict", 1e-3, 8)
    metrics.run(Servable(ServableId("iris", 2), ""), "top", "MultiInference", 1e-3, 1)

    def runtime() -> float | None:
        found = samples(metrics.render())
        return value(
            found, ":tensorflow:serving:runtime_latency_count", model_name="iris", API="Predict", runtime="TF1"
        )

    found = samples(metrics.render())
    mine = {"model_name": "iris", "version": "2", "signature_name": "serving_default"}
    assert value(found, "noria_run_duration_seconds_count", **mine) == 1
    assert value(found, "noria_run_duration_seconds_sum", **mine) == pytest.approx(1e-3)
    assert value(found, "noria_run_rows_total", **mine) == 8
    assert runtime() == 2
    metrics.forget("iris", 2)
    assert value(samples(metrics.render()), "noria_run_duration_seconds_count", **mine) is None
    assert runtime() == 2  # what a model did does not become less when a version goes
    metrics.run(Servable(ServableId("iris", 2), ""), "serving_default", "Predict", 1e-3, 8)
    assert runtime() == 3


def test_the_series_of_a_version_end_with_it_though_nobody_scrapes() -> None:
    manager = Manager(lambda _: FakeModel(half_plus_two()))
    core = Core.make(manager, ServerConfig())
    inference = Inference(core)
    for version in range(1, 50):
        with manager.load("m", version, f"m/{version}") as servable:
            assert servable.acquire()
            core.metrics.run(servable, "serving_default", "Predict", 1e-3, 1)
            inference.statistics.of(servable.id)
        manager.unload("m", version)
    assert len(core.metrics._runs) == 0
    assert len(inference.statistics._counts) == 0
    labels = {"model_name": "m", "API": "Predict", "runtime": "TF1"}
    assert value(samples(core.metrics.render()), ":tensorflow:serving:runtime_latency_count", **labels) == 49
    core.runner.close()


def test_a_version_whose_place_another_has_taken_ends_no_series() -> None:
    manager = Manager(lambda _: FakeModel(half_plus_two()))
    ended: list[str] = []
    manager.on_end.append(lambda servable: ended.append(servable.path))
    old = manager.load("m", 1, "old")
    new = Servable(ServableId("m", 1), "new")
    new.move(State.LOADING)
    manager.replace(new, FakeModel(half_plus_two()))
    manager.end(old)
    assert ended == []
    manager.unload("m", 1)
    assert ended == ["new"]


def test_names_that_are_not_served_cannot_fill_the_memory() -> None:
    metrics = iris()
    for k in range(1000):
        metrics.request(f"no-{k}", "predict", "REST", Code.NOT_FOUND, 0.0)
    metrics.request("x" * 10_000, "predict", "REST", Code.NOT_FOUND, 0.0)
    found = samples(metrics.render())
    counted = {
        dict(labels)["model_name"]: count for (name, labels), count in found.items() if name.endswith("request_count")
    }
    assert len(counted) == 101
    assert counted["no-7"] == 1
    assert counted[""] == 901


def test_what_is_made_by_label_is_bounded() -> None:
    metrics = iris()
    for k in range(10_050):
        metrics.load(f"/models/m/{k}", 1.0, success=True)
    families = {family.metric.name: family for family in metrics.collect()}
    series = families[table.LOAD_ATTEMPTS].series
    assert len(series) == 10_000
    assert ("/models/m/10049", "success") in series


def test_labels_are_escaped() -> None:
    metrics = iris()
    name = 'a"b\\c\nd\ud800'
    metrics.request(name, "predict", "REST", Code.NOT_FOUND, 0.0)
    names = [dict(labels).get("model_name") for _, labels in samples(metrics.render())]
    assert 'a"b\\c\nd?' in names


def test_loads_warm_ups_and_examples() -> None:
    metrics = iris()
    metrics.load("/m/1", 1.5, success=True)
    metrics.load("/m/2", 9.0, success=False)
    metrics.warmup("/m/1", WarmUp(3, 0.5, Code.OK))
    metrics.examples("iris", 4)
    found = samples(metrics.render())
    attempts = ":tensorflow:cc:saved_model:load_attempt_count"
    assert value(found, attempts, model_path="/m/1", status="success") == 1
    assert value(found, attempts, model_path="/m/2", status="fail") == 1
    assert value(found, ":tensorflow:cc:saved_model:load_latency", model_path="/m/1") == 1.5e6
    assert value(found, ":tensorflow:cc:saved_model:load_latency", model_path="/m/2") is None
    assert value(found, ":tensorflow:serving:model_warmup_records_read", model_path="/m/1", status="OK") == 3
    assert value(found, ":tensorflow:serving:model_warmup_latency_sum", model_path="/m/1", status="OK") == 5e5
    assert value(found, ":tensorflow:serving:request_example_count_total", model="iris") == 4
    assert value(found, ":tensorflow:serving:request_example_counts_bucket", model="iris", le="4") == 1


def test_types_and_help_of_every_metric_are_written() -> None:
    text = iris().render().decode()
    for metric in table.METRICS:
        assert f"\n# TYPE {metric.name} {metric.kind}\n" in "\n" + text
        assert f"# HELP {metric.name} " in text
        assert metric.kind != "histogram" or metric.bounds == tuple(sorted(set(metric.bounds)))
    assert len(table.BY_NAME) == len(table.METRICS)
    # TensorFlow Serving's counters carry no suffix that Prometheus clients would give them.
    assert "# TYPE :tensorflow:serving:request_count counter" in text


def test_the_process_is_described() -> None:
    found = samples(iris().render())
    assert (value(found, "process_cpu_seconds_total") or 0) > 0
    assert (value(found, "process_resident_memory_bytes") or 0) > 1e6
    assert any(name == "noria_build_info" for name, _ in found)


def test_processes_are_merged() -> None:
    one, other = iris(), iris()
    for metrics in (one, other):
        metrics.request("iris", "predict", "REST", Code.OK, 50e-6)
        metrics.gauge(table.MODEL_MEMORY, "iris", "1").set(100)
        metrics.gauge(table.QUEUE_DEPTH, "iris", "s").set(2)
    other.request("iris", "Predict", "GRPC", Code.OK, 50e-6)
    found = samples(render(merge([unpack(one.snapshot()), unpack(other.snapshot())])))
    assert value(found, ":tensorflow:serving:request_count", model_name="iris", status="OK") == 3
    labels = {"model_name": "iris", "API": "predict", "entrypoint": "REST"}
    assert value(found, ":tensorflow:serving:request_latency_bucket", **labels, le="58.32") == 2
    assert value(found, "noria_model_memory_bytes", model_name="iris", version="1") == 100  # the pages are shared
    assert value(found, "noria_queue_depth", model_name="iris", signature_name="s") == 4
    with pytest.raises(InvalidArgumentError, match="no packed metrics"):
        unpack(b"[[1]]")


def test_values_of_counters_for_a_reload() -> None:
    metrics = iris()
    metrics.load("/m/1", 1.0, success=True)
    metrics.load("/m/2", 1.0, success=False)
    metrics.warmup("/m/1", WarmUp(3, 0.5, Code.OK))
    names = ["/tensorflow/cc/saved_model/load_attempt_count", ":tensorflow:serving:model_warmup_latency", "/no/such"]
    assert metrics.values(names) == {names[0]: 2, names[1]: 1}


def test_collectors_are_asked_at_each_scrape() -> None:
    metrics = iris()
    depth = [1.0]
    metrics.add_collector(lambda: [(table.QUEUE_DEPTH, ("iris", "s"), depth[0])])
    assert value(samples(metrics.render()), "noria_queue_depth", model_name="iris", signature_name="s") == 1
    depth[0] = 5.5
    assert value(samples(metrics.render()), "noria_queue_depth", model_name="iris", signature_name="s") == 5.5


def test_threads_lose_no_count() -> None:
    metrics = iris()
    servable = Servable(ServableId("iris", 1), "")

    def work() -> None:
        for _ in range(20_000):
            metrics.request("iris", "predict", "REST", Code.OK, 1e-5)
            metrics.run(servable, "s", "Predict", 1e-5, 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        metrics.render()
    found = samples(metrics.render())
    assert value(found, ":tensorflow:serving:request_count", model_name="iris", status="OK") == 80_000
    labels: dict[str, Any] = {"model_name": "iris", "version": "1", "signature_name": "s"}
    assert value(found, "noria_run_duration_seconds_count", **labels) == 80_000
    assert value(found, "noria_run_rows_total", **labels) == 80_000


def test_a_request_costs_microseconds() -> None:
    metrics = iris()
    servable = Servable(ServableId("iris", 1), "")

    def one() -> None:
        metrics.request("iris", "predict", "REST", Code.OK, 1e-4, 100, 100)
        metrics.run(servable, "serving_default", "Predict", 1e-4, 1)

    one()
    best = min(timeit.repeat(one, number=1000, repeat=20)) / 1000
    assert best < 10e-6  # about 1.1e-6 on an idle machine; a lock or an allocation too many would show
