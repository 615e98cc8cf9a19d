"""The client against servers: gRPC, REST as Noria's server takes it, REST as TensorFlow Serving takes it."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from client.served import HALVES, KINDS, served, values_of
from noria.client import AsyncClient, Client
from noria.errors import (
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    TFError,
    UnavailableError,
    UnimplementedError,
)
from noria.protos import serving as pb
from noria.protos import tensorflow as tf
from noria.serving.server import Server
from readme import free_port

WAYS = ("grpc", "rest", "json")


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    with served() as own, served(tensorflow_serving_only=True, port=0) as other:
        yield {"grpc": own, "rest": own, "json": other}


def url_of(server: Server, way: str) -> str:
    return f"127.0.0.1:{server.grpc_port}" if way == "grpc" else f"http://127.0.0.1:{server.rest_port}"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(servers: dict[str, Server], way: str) -> Iterator[Client]:
    with Client(url_of(servers[way], way), timeout=20) as opened:
        yield opened


def same(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert set(got) == set(wanted)
    for alias, array in wanted.items():
        assert got[alias].dtype == array.dtype, alias
        np.testing.assert_array_equal(got[alias], array, err_msg=alias, strict=True)


def test_predict(client: Client) -> None:
    same(client.predict("m", {"x": np.array([1, 2], np.float32)}), {"y": np.array([2.5, 3], np.float32)})


def test_python_values_take_the_dtype_of_the_signature(client: Client) -> None:
    same(client.predict("m", {"x": [[1], [2.5]]}), {"y": np.array([[2.5], [3.25]], np.float32)})
    same(client.predict("m", {"x": 1}), {"y": np.array(2.5, np.float32)})
    same(client.predict("m", {"s": "\u00e9"}, signature="word"), {"s": np.array("\u00e9".encode(), object)})
    same(client.predict("m", {"s": [["a", b"\xff"]]}, signature="word"), {"s": np.array([[b"a", b"\xff"]], object)})
    with pytest.raises(InvalidArgumentError, match="input 'x' takes float32"):
        client.predict("m", {"x": ["a"]})
    with pytest.raises(InvalidArgumentError, match="input 'i8' takes int8; got numbers with a fraction"):
        client.predict("m", {"i8": [1.5]}, signature="kinds")
    with pytest.raises(InvalidArgumentError, match="input 'u8' takes uint8"):
        client.predict("m", {"u8": [256]}, signature="kinds")


def test_every_dtype_comes_back_as_it_was_sent(client: Client) -> None:
    values = values_of(KINDS)
    same(client.predict("m", values, signature="kinds"), values)


def test_what_json_does_not_carry(client: Client, way: str) -> None:
    values = values_of(HALVES)
    if way == "json":
        with pytest.raises(InvalidArgumentError, match="JSON carries no"):
            client.predict("m", values, signature="halves")
    else:
        same(client.predict("m", values, signature="halves"), values)


def test_odd_outputs(client: Client) -> None:
    got = client.predict("m", {"x": [1.0, 2.0]}, signature="odd")
    np.testing.assert_array_equal(got["special"], np.array([np.nan, np.inf, -np.inf, 1e-45], np.float32))
    assert got["special"].dtype == np.float32
    assert got["empty"].shape == (0, 3)
    assert got["empty"].dtype == np.int64
    assert (got["scalar"].shape, float(got["scalar"])) == ((), 3.0)
    assert got["words"].tolist() == [[b"a", "\u00e9".encode()]]
    assert got["raw_bytes"].tolist() == [b"\xff\x00", b""]


def test_special_inputs(client: Client) -> None:
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    same(client.predict("m", {"x": x}), {"y": x})


def test_chosen_outputs(client: Client) -> None:
    got = client.predict("m", {"x": [1.0]}, signature="odd", outputs=["scalar", "words"])
    assert set(got) == {"scalar", "words"}
    with pytest.raises(InvalidArgumentError, match="nope"):
        client.predict("m", {"x": [1.0]}, signature="odd", outputs=["nope"])


def test_versions(client: Client) -> None:
    assert client.predict("m", {"x": [2.0]}, version=1)["y"].tolist() == [3.0]
    with pytest.raises(NotFoundError, match=r"Specific\(m, 7\)"):
        client.predict("m", {"x": np.ones(1, np.float32)}, version=7)
    with pytest.raises(InvalidArgumentError, match="label"):
        client.predict("m", {"x": np.ones(1, np.float32)}, label="canary")
    with pytest.raises(InvalidArgumentError, match=r"give version \(1\) or label \('a'\), not both"):
        client.predict("m", {"x": [1.0]}, version=1, label="a")


def test_errors_are_the_server_s(client: Client, way: str) -> None:
    with pytest.raises(NotFoundError, match=r"Servable not found for request: Latest\(none\)"):
        client.predict("none", {"x": np.ones(1, np.float32)})
    with pytest.raises(
        InvalidArgumentError, match="has no input" if way == "json" else "not match|invalid name|not found"
    ):
        client.predict("m", {"z": np.ones(1, np.float32)})
    wrong = {"grpc": FailedPreconditionError, "rest": TFError, "json": InvalidArgumentError}[way]
    with pytest.raises(wrong, match="nope"):
        client.predict("m", {"x": np.ones(1, np.float32)}, signature="nope")


def test_classify_and_regress(client: Client) -> None:
    serialized = tf.Example()
    serialized.features.feature["x"].float_list.value.append(80.0)
    examples: list[Any] = [{"x": 2.0}, {"x": [4.0]}, serialized.SerializeToString()]
    got = client.classify("hp", examples, signature="classify_x_to_y")
    assert [[score for _, score in row] for row in got] == [[3.0], [4.0], [42.0]]
    assert all(isinstance(label, str) for row in got for label, _ in row)
    values = client.regress("hp", examples, signature="regress_x_to_y")
    assert values.dtype == np.float32
    assert values.tolist() == [3.0, 4.0, 42.0]
    assert client.regress("hp", [{}], context={"x": 6.0}, signature="regress_x_to_y").tolist() == [5.0]
    with pytest.raises(InvalidArgumentError):
        client.regress("hp", [], signature="regress_x_to_y")


def test_multi_inference(client: Client, way: str) -> None:
    tasks = [("classify_x_to_y", "classify"), ("regress_x_to_y", "regress")]
    if way != "grpc":
        with pytest.raises(UnimplementedError, match="use the server's gRPC address"):
            client.multi_inference("hp", [{"x": 2.0}], tasks)
        return
    classes, values = client.multi_inference("hp", [{"x": 2.0}], tasks)
    assert classes[0][0][1] == 3.0
    assert list(values) == [3.0]
    with pytest.raises(InvalidArgumentError, match="classify or regress"):
        client.multi_inference("hp", [{"x": 2.0}], [("a", "predict")])


def test_metadata(client: Client) -> None:
    found = client.metadata("m", version=1)
    assert (found.model, found.version) == ("m", 1)
    odd = found.signatures["odd"]
    assert odd.method == "tensorflow/serving/predict"
    assert {alias: info.dtype.name for alias, info in odd.outputs.items()} == {
        "empty": "int64", "raw_bytes": "string", "scalar": "float64", "special": "float32", "words": "string",
    }  # fmt: skip
    assert odd.outputs["empty"].shape == (None, 3)
    assert odd.inputs["x"].shape is None
    assert odd.inputs["x"].tensor == "x:0"


def test_status(client: Client) -> None:
    assert [(row.version, row.state, row.code.name) for row in client.status("m")] == [
        (2, "AVAILABLE", "OK"),
        (1, "AVAILABLE", "OK"),
    ]
    assert [row.version for row in client.status("m", version=1)] == [1]
    with pytest.raises(NotFoundError, match="Could not find any versions of model none"):
        client.status("none")


def test_models(client: Client, way: str) -> None:
    if way == "rest":
        assert {row["name"] for row in client.models()} == {"m", "hp"}
        return
    with pytest.raises(UnimplementedError):
        client.models()


def test_names_that_need_quoting(client: Client) -> None:
    for name in ("a/b", "a:b", "a b", "..", "%2e", "\u00e9?x=1", "a#b"):
        with pytest.raises(NotFoundError, match="Servable not found"):
            client.predict(name, {"x": np.ones(1, np.float32)})


def test_arguments_that_are_not_what_they_should_be(client: Client, way: str) -> None:
    x = np.ones(1, np.float32)
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: client.predict("m", {"x": [1j]}), "takes float32; got complex numbers"),
        (lambda: client.predict("m", [x]), "inputs are given by name.* got list"),  # type: ignore[arg-type]
        (lambda: client.predict("m", {1: x}), "name of an input is a string; got 1"),  # type: ignore[dict-item]
        (lambda: client.predict(b"m", {"x": x}), "model's name is a string; got b'm'"),  # type: ignore[arg-type]
        (lambda: client.predict("m", {"x": x}, version="1"), "got '1'"),  # type: ignore[arg-type]
        (lambda: client.predict("m", {"x": x}, version=1.5), "got 1.5"),  # type: ignore[arg-type]
        (lambda: client.predict("m", {"x": x}, version=True), "got True"),
        (lambda: client.predict("m\ud800", {"x": x}), "UTF-8"),
        (lambda: client.predict("m", {"s": "\ud800"}, signature="word"), "UTF-8"),
        (lambda: client.regress("hp", {"x": 1.0}), "examples are a list.* got str among them"),  # type: ignore[dict-item]
        (lambda: client.regress("hp", b"text"), "examples are a list.* got int among them"),  # type: ignore[arg-type]
        (lambda: client.regress("hp", [{"x": 2**63}]), "'x' is of int64"),
        (lambda: client.reload(3), "got 3" if way == "grpc" else "REST has no reload"),
    ]
    for call, text in calls:
        with pytest.raises((InvalidArgumentError, UnimplementedError), match=text):
            call()
    assert client.predict("m", {"x": x}, version=np.int64(1))["y"].tolist() == [2.5]  # type: ignore[arg-type]
    assert client.predict("m", {"x": [1e39]})["y"].tolist() == [np.inf]


def test_many_threads(client: Client) -> None:
    wrong: list[Any] = []

    def work(n: int) -> None:
        for i in range(20):
            got = client.predict("m", {"x": np.array([n, i], np.float32)})["y"].tolist()
            if got != [n / 2 + 2, i / 2 + 2]:
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_closed_client(client: Client) -> None:
    client.predict("m", {"x": [1.0]})
    client.close()
    with pytest.raises(FailedPreconditionError, match="the client is closed"):
        client.predict("m", {"x": [1.0]})


def test_asynchronous(servers: dict[str, Server], way: str) -> None:
    async def main() -> None:
        async with AsyncClient(url_of(servers[way], way), timeout=20) as client:
            results = await asyncio.gather(*(client.predict("m", {"x": [float(n)]}) for n in range(10)))
            assert [float(found["y"][0]) for found in results] == [n / 2 + 2 for n in range(10)]
            examples = [{"x": 2.0}]
            assert (await client.regress("hp", examples, signature="regress_x_to_y")).tolist() == [3.0]
            assert (await client.classify("hp", examples, signature="classify_x_to_y"))[0][0][1] == 3.0
            assert (await client.metadata("m")).version == 2
            assert (await client.status("m"))[0].state == "AVAILABLE"
            others: list[tuple[str, Callable[[], Any]]] = [
                ("rest", client.models),
                ("grpc", lambda: client.multi_inference("hp", examples, [("regress_x_to_y", "regress")])),
            ]
            for works, call in others:
                if way == works:
                    assert len(await call()) > 0
                else:
                    with pytest.raises(UnimplementedError):
                        await call()
            with pytest.raises(NotFoundError, match="none"):
                await client.predict("none", {"x": np.ones(1)})
        with pytest.raises(FailedPreconditionError, match="closed"):
            await client.predict("m", {"x": np.ones(1, np.float32)})

    asyncio.run(main())


def test_an_asynchronous_client_is_for_one_loop() -> None:
    client = AsyncClient("127.0.0.1:1", retries=0, timeout=60)

    async def ask() -> None:
        await client.status("m")

    with pytest.raises(UnavailableError):
        asyncio.run(ask())
    with pytest.raises(FailedPreconditionError, match="another event loop"):
        asyncio.run(ask())
    asyncio.run(client.close())


def test_closing_does_not_cancel_the_tasks_that_wait() -> None:
    async def main(url: str) -> None:
        client = AsyncClient(url, timeout=20)
        task = asyncio.create_task(client.status("m"))
        await asyncio.sleep(0)  # which lets it begin
        await client.close()
        with pytest.raises(CancelledError, match="the client was closed"):
            await task

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(f"127.0.0.1:{silent.getsockname()[1]}"))


def test_no_limit_of_time(servers: dict[str, Server], way: str) -> None:
    with Client(url_of(servers[way], way), timeout=None) as client:
        for timeout in (None, math.inf):
            assert client.predict("m", {"x": [1.0]}, timeout=timeout)["y"].tolist() == [2.5]


def test_a_server_that_is_not_there() -> None:
    for url in ("127.0.0.1:1", "http://127.0.0.1:1"):
        with Client(url, retries=1) as client, pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
            client.predict("m", {"x": np.ones(1, np.float32)}, timeout=60)


def test_the_deadline(servers: dict[str, Server]) -> None:
    for way in ("grpc", "rest"):
        with Client(url_of(servers[way], way)) as client, pytest.raises(DeadlineExceededError):
            client.predict("m", {"x": np.ones(1, np.float32)}, timeout=1e-6)


def test_a_server_that_restarts() -> None:
    """The clients keep their connections; requests made meanwhile wait, and nobody sees an error."""
    ports = {"port": int(free_port()), "rest_api_port": int(free_port())}
    with served(**ports) as server:
        urls = [url_of(server, "grpc"), url_of(server, "rest")]
        clients = [Client(url, retries=100, timeout=120) for url in urls]
        for client in clients:
            client.predict("m", {"x": [1.0]})
    results: list[Any] = []

    def ask(client: Client) -> None:
        results.append(client.predict("m", {"x": [1.0]})["y"].tolist())

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    with served(**ports):
        for thread in threads:
            thread.join()
        for client in clients:
            ask(client)
            client.close()
    assert results == [[2.5]] * 4


def test_reload(servers: dict[str, Server]) -> None:
    config = pb.ModelServerConfig()
    with Client(url_of(servers["json"], "json")) as client, pytest.raises(UnimplementedError, match="gRPC"):
        client.reload(config)
    with (
        Client(url_of(servers["grpc"], "grpc")) as client,
        pytest.raises(InvalidArgumentError, match="ModelConfigList"),
    ):
        client.reload(config)
