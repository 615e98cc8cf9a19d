"""Queues seen from outside, over both protocols: overload, clients that leave, start-up errors."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from noria import dtypes
from noria.compile.ort import available_cpus
from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictRequest
from noria.serving.batching.profile import Profile
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.batching.signatures import Array, RowSignature, open_specs
from serving.fakes import FakeModel, serving
from serving.lifecycle.disk import until

PREDICT = "/tensorflow.serving.PredictionService/Predict"


@pytest.fixture
def signature() -> Iterator[RowSignature]:
    found = RowSignature(
        "serving_default", lambda x: {"y": x}, open_specs(x=dtypes.float32), open_specs(y=dtypes.float32)
    )
    yield found
    found.gate.set()


def manager_of(signature: RowSignature) -> Manager:
    found = Manager(lambda path: FakeModel(signature))
    found.load("m", 1, "path")
    return found


def many() -> ThreadPoolExecutor:
    """Threads for more clients than runs of a signature at the same time."""
    return ThreadPoolExecutor(available_cpus() + 4)


def rest(port: int, values: Any = ((1.0,),), timeout: float = 60) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", "/v1/models/m:predict", json.dumps({"instances": values}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def healthy(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()


def wait_for(count: int, core: Core) -> None:
    end = time.monotonic() + 60
    while sum(core.runner.waiting().values()) != count:
        assert time.monotonic() < end, core.runner.waiting()
        time.sleep(0.002)


def fill(server: Server, threads: ThreadPoolExecutor, waiting: int) -> list[Future[tuple[int, Any]]]:
    """Requests of which all that may run at the same time run, and ``waiting`` wait."""
    sent: list[Future[tuple[int, Any]]] = []

    def settled() -> bool:
        with server.core.manager.handle("m") as servable:
            profile = servable.costs.get("serving_default")
        waits = sum(server.core.runner.waiting().values())
        return (
            isinstance(profile, Profile)
            and profile.running + waits == len(sent)
            and (not waits or profile.running >= profile.limit)
        )

    while sum(server.core.runner.waiting().values()) < waiting:
        sent.append(threads.submit(rest, server.rest_port))
        until(settled)
    return sent


def grpc_request() -> bytes:
    request = PredictRequest()
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(from_array(np.ones((1, 1), np.float32)))
    return bytes(request.SerializeToString())


def test_what_does_not_fit_is_refused_at_once(signature: RowSignature) -> None:
    with serving(manager_of(signature), max_waiting_requests_per_model=2) as server, many() as threads:
        sent = fill(server, threads, 2)
        start = time.monotonic()
        status, body = rest(server.rest_port)
        assert status == 429
        assert "wait for model m, and at most 2 may" in body["error"]
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            call = channel.unary_unary(PREDICT, None, None)
            with pytest.raises(grpc.RpcError) as caught:
                call(grpc_request(), timeout=60)
            error: Any = caught.value
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert time.monotonic() - start < 20
        signature.gate.set()
        assert {future.result()[0] for future in sent} == {200}
        assert rest(server.rest_port)[0] == 200


def test_a_client_that_leaves_takes_its_waiting_request_with_it(signature: RowSignature) -> None:
    with serving(manager_of(signature), gather_max_rows=1) as server, many() as threads:
        sent = fill(server, threads, 1)
        reset = socket.create_connection(("127.0.0.1", server.rest_port))
        reset.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nContent-Length: 21\r\n\r\n" + b'{"instances":[[7.0]]}')
        wait_for(2, server.core)
        # Closed with a reset, which is known at once.
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        wait_for(1, server.core)
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            call: Any = channel.unary_unary(PREDICT, None, None).future(grpc_request())
            wait_for(2, server.core)
            call.cancel()
            wait_for(1, server.core)
        with pytest.raises(TimeoutError):
            rest(server.rest_port, ((7.0,),), timeout=0.1)  # closed in the ordinary way: found out when its turn comes
        wait_for(2, server.core)
        healthy(server.rest_port)  # a connection that came after the other one closed: its end has been read by now
        signature.gate.set()
        assert {future.result()[0] for future in sent} == {200}
        assert rest(server.rest_port)[0] == 200
        assert len(signature.runs) == len(sent) + 1


def test_a_batch_of_clients(signature: RowSignature, tmp_path: Path) -> None:
    signature.gate.set()
    place = tmp_path / "batch.txt"
    place.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 60000000 } num_batch_threads { value: 1 }"
    )
    settings = {"enable_batching": True, "batching_parameters_file": str(place)}
    with serving(manager_of(signature), **settings) as server, ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(rest, server.rest_port, [[float(i)]]) for i in range(8)]
        assert [f.result() for f in sent] == [(200, {"predictions": [[float(i)]]}) for i in range(8)]
        assert signature.runs == [8]
        assert rest(server.rest_port, [[1.0]] * 9)[0] == 400


def test_a_file_without_the_flag_does_not_start(signature: RowSignature, tmp_path: Path) -> None:
    place = tmp_path / "batch.txt"
    place.write_text("")
    with pytest.raises(InvalidArgumentError, match="--enable_batching"):
        Core.make(manager_of(signature), ServerConfig(batching_parameters_file=str(place)))


def test_small_models_stay_in_the_loop(signature: RowSignature) -> None:
    threads: set[str] = set()

    def note(x: Array) -> dict[str, Array]:
        threads.add(threading.current_thread().name)
        return {"y": x}

    signature.function = note
    signature.gate.set()
    with serving(manager_of(signature)) as server:
        for _ in range(20):
            assert rest(server.rest_port)[0] == 200
        threads.clear()
        assert rest(server.rest_port)[0] == 200
    assert not any(name.startswith("noria-run") for name in threads)
