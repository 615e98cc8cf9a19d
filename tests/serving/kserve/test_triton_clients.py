"""Triton's own clients (http, grpc, grpc.aio) against the server, over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from google.protobuf import json_format
from tritonclient.utils import InferenceServerException

import noria
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import serving
from serving.kserve.models import GOLDEN, VALUES, Array, array, same
from serving.kserve.models import server as make_server

_LIBRARIES: dict[str, Any] = {"http": tritonclient.http, "grpc": tritonclient.grpc}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with make_server() as started:
        yield started


class Client:
    """One of the two clients with what differs between them smoothed over."""

    def __init__(self, kind: str, server: Server) -> None:
        self.kind = kind
        self.library = _LIBRARIES[kind]
        port = server.rest_port if kind == "http" else server.grpc_port
        self.raw = self.library.InferenceServerClient(f"127.0.0.1:{port}")

    def json(self, found: Any) -> Any:
        """A document, whichever form the library gives."""
        if self.kind == "http":
            return found
        return json_format.MessageToDict(
            found, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )

    def input(self, name: str, value: Array, datatype: str, **options: Any) -> Any:
        found = self.library.InferInput(name, list(value.shape), datatype)
        found.set_data_from_numpy(value, **options)
        return found

    def infer(self, model: str, *inputs: Any, **options: Any) -> Any:
        return self.raw.infer(model, list(inputs), **options)

    def fails(self, model: str, *inputs: Any, **options: Any) -> tuple[str, str]:
        """The status and the text of a request that must fail."""
        with pytest.raises(InferenceServerException) as caught:
            self.infer(model, *inputs, **options)
        return str(caught.value.status()).removeprefix("StatusCode."), caught.value.message()


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[Client]:
    found = Client(request.param, server)
    yield found
    found.raw.close()


def test_health(client: Client) -> None:
    raw = client.raw
    assert raw.is_server_live()
    assert raw.is_server_ready()
    assert raw.is_model_ready("iris")
    assert raw.is_model_ready("iris", "1")
    assert not raw.is_model_ready("iris", "2")
    assert not raw.is_model_ready("absent")


def test_metadata(client: Client) -> None:
    about = client.json(client.raw.get_server_metadata())
    assert about["name"] == "noria"
    assert {"binary_tensor_data", "model_repository", "parameters", "statistics"} <= set(about["extensions"])
    text = client.json(client.raw.get_model_metadata("text"))
    one, number = ("1", int) if client.kind == "http" else ("1", str)  # protobuf's JSON has int64 as strings
    assert text == {
        "name": "text",
        "versions": [one],
        "platform": "tensorflow_savedmodel",
        "inputs": [{"name": "words", "datatype": "BYTES", "shape": [number(-1), number(-1)]}],
        "outputs": [
            {"name": "ids", "datatype": "INT64", "shape": [number(-1), number(-1)]},
            {"name": "label", "datatype": "BYTES", "shape": [number(-1)]},
            {"name": "scores", "datatype": "FP32", "shape": [number(-1), number(2)]},
        ],
    }
    assert client.json(client.raw.get_model_metadata("all"))["versions"] == ["3", "12"]
    with pytest.raises(InferenceServerException, match="Servable not found"):
        client.raw.get_model_metadata("absent")


@pytest.mark.parametrize("datatype", VALUES)
def test_every_datatype(client: Client, datatype: str) -> None:
    for shape in ((4,), (2, 2), (1, 4, 1)):
        value = array(datatype, shape)
        found = client.infer("all", client.input("x", value, datatype), parameters={"signature_name": datatype})
        assert same(found.as_numpy("y"), value)


def test_every_datatype_as_json(server: Server) -> None:
    client = Client("http", server)
    for datatype in VALUES:
        if datatype == "BF16":
            continue  # which this client does not write as JSON
        value = array(datatype)
        found = client.infer(
            "all",
            client.input("x", value, datatype, binary_data=False),
            parameters={"signature_name": datatype},
            outputs=[client.library.InferRequestedOutput("y", binary_data=False)],
        )
        assert "parameters" not in found.get_output("y")
        wanted = value if datatype != "BYTES" else np.array([v.decode() for v in value.flat], object).reshape(2, 2)
        assert same(found.as_numpy("y"), wanted), datatype
    client.raw.close()


def test_bytes_that_are_no_text(client: Client) -> None:
    value = np.array([[b"\xff\x00"], [b""]], object)
    found = client.infer("all", client.input("x", value, "BYTES"), parameters={"signature_name": "BYTES"})
    assert same(found.as_numpy("y"), value)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_scalars_and_nothing(client: Client, shape: tuple[int, ...]) -> None:
    for datatype, numpy_dtype in (("FP32", np.float32), ("BYTES", np.object_)):
        value = np.full(shape, b"a" if datatype == "BYTES" else 1.5, numpy_dtype)
        found = client.infer("all", client.input("x", value, datatype), parameters={"signature_name": datatype})
        got = found.as_numpy("y")
        assert got.shape == shape
        assert got.tolist() == value.tolist()


def test_real_models(client: Client) -> None:
    with np.load(GOLDEN / "iris" / "golden" / "serving_default.0.npz") as golden:
        given = {key.removeprefix("in_"): golden[key] for key in golden.files if key.startswith("in_")}
        wanted = {key.removeprefix("out_"): golden[key] for key in golden.files if key.startswith("out_")}
    found = client.infer("iris", *(client.input(name, value, "FP32") for name, value in given.items()))
    for name, value in wanted.items():
        np.testing.assert_allclose(found.as_numpy(name), value, rtol=1e-5)
    words = np.array([[b"good", b"film"]], object)
    found = client.infer("text", client.input("words", words, "BYTES"))
    assert found.as_numpy("label").dtype == object
    assert found.as_numpy("scores").shape == (1, 2)


def test_what_is_asked_for(client: Client) -> None:
    value = np.ones((1, 2), np.float32)
    wanted = client.library.InferRequestedOutput
    found = client.infer(
        "all",
        client.input("a", value, "FP32"),
        client.input("b", 2 * value, "FP32"),
        outputs=[wanted("sum"), wanted("difference")],
        request_id="number 7 ✓",
        parameters={"signature_name": "two"},
    )
    answer = client.json(found.get_response())
    assert answer["id"] == "number 7 ✓"
    assert (answer["model_name"], answer["model_version"]) == ("all", "12")
    assert [output["name"] for output in answer["outputs"]] == ["sum", "difference"]
    assert same(found.as_numpy("sum"), 3 * value)
    assert same(found.as_numpy("difference"), -value)
    assert found.as_numpy("raw") is None


def test_an_input_that_has_a_default_may_be_left_out(client: Client) -> None:
    found = client.infer(
        "all", client.input("a", np.ones((1, 2), np.float32), "FP32"), parameters={"signature_name": "two"}
    )
    assert found.as_numpy("sum").tolist() == [[11, 11]]
    assert found.as_numpy("raw").tolist() == [b"\xff\xfe"]


def test_versions(client: Client) -> None:
    x = client.input("x", np.ones(1, np.float32), "FP32")
    for version, answered in (("3", "3"), ("12", "12"), ("0003", "3"), ("", "12")):
        found = client.infer("all", x, model_version=version)
        assert client.json(found.get_response())["model_version"] == answered


def test_wrong_requests(client: Client) -> None:
    ok = np.ones(2, np.float32)
    x = client.input("x", ok, "FP32")
    wanted = client.library.InferRequestedOutput
    not_found, invalid = ("404", "400") if client.kind == "http" else ("NOT_FOUND", "INVALID_ARGUMENT")
    precondition = "400" if client.kind == "http" else "FAILED_PRECONDITION"
    latest, specific = (
        "Servable not found for request: Latest(absent)",
        "Servable not found for request: Specific(all, 4)",
    )
    assert client.fails("absent", x) == (not_found, latest)
    assert client.fails("all", x, model_version="4") == (not_found, specific)
    assert client.fails("all", x, model_version="canary") == (
        invalid,
        "Unrecognized servable version label: canary",
    )
    assert client.fails("all", x, model_version="9" * 30)[0] == invalid
    assert client.fails("all", x, parameters={"signature_name": "nothing"}) == (
        precondition,
        'Serving signature key "nothing" not found.',
    )
    assert client.fails("all", client.input("z", ok, "FP32"))[1].startswith("Signature input alias: x(feed name: x:0)")
    status, text = client.fails("all", x, client.input("z", ok, "FP32"))
    assert (status, "Sent extra: {z}" in text) == (invalid, True)
    status, text = client.fails("all", client.input("x", np.ones(2, np.int32), "INT32"))
    assert text == "input 'x': got datatype INT32; signature 'serving_default' of model 'all' takes FP32"
    assert client.fails("all", x, outputs=[wanted("z")])[1].startswith("output tensor alias not found in signature: z")
    assert client.fails("all", x, outputs=[wanted("y"), wanted("y")])[1] == "duplicate output tensor alias: y"
    assert "classification" in client.fails("all", x, outputs=[wanted("y", class_count=2)])[1]
    shared = client.library.InferInput("x", [2], "FP32")
    shared.set_shared_memory("region", 8)
    assert "shared memory" in client.fails("all", shared)[1]
    assert client.fails("all", x, x)[1] == "input 'x' is there twice"
    wrong_shape = client.input("x", ok, "FP32")
    wrong_shape.set_shape([3])
    assert client.fails("all", wrong_shape)[1] == "tensor 'x': got 8 bytes of data; shape [3] of FP32 takes 12"
    unknown = client.library.InferInput("x", [1], "FP8")
    assert "datatype 'FP8' is none of this protocol; it has BOOL, UINT8" in client.fails("all", unknown)[1]
    status, text = client.fails("all", x, parameters={"signature_name": "complex"})
    assert status == ("501" if client.kind == "http" else "UNIMPLEMENTED")
    assert "complex64 has no datatype" in text


def test_a_failure_within_the_model(client: Client) -> None:
    status, text = client.fails(
        "all", client.input("x", np.ones(1, np.float32), "FP32"), parameters={"signature_name": "failing"}
    )
    assert status == ("500" if client.kind == "http" else "INTERNAL")
    assert text == "ValueError: no luck today"


def test_a_timeout_in_the_request(client: Client) -> None:
    x = client.input("x", np.ones(1, np.float32), "FP32")
    assert client.infer("all", x, timeout=10_000_000).as_numpy("y").tolist() == [2.5]
    _, text = client.fails("all", x, timeout=-1)
    assert text == "parameter 'timeout' is a whole number of microseconds; got -1"


def test_repository_and_statistics(client: Client, server: Server) -> None:
    index = client.json(client.raw.get_model_repository_index())
    rows = index if client.kind == "http" else index["models"]
    assert {"name": "all", "version": "12", "state": "READY", "reason": ""} in rows
    assert {row["name"] for row in rows} == {"all", "half_plus_two", "iris", "text"}

    def stats() -> dict[str, Any]:
        found = client.json(client.raw.get_inference_statistics("half_plus_two", "1"))["model_stats"]
        assert [(row["name"], row["version"]) for row in found] == [("half_plus_two", "1")]
        row: dict[str, Any] = found[0]
        return row

    before = stats()
    client.infer("half_plus_two", client.input("x", np.ones((5, 1), np.float32), "FP32"))
    with contextlib.suppress(InferenceServerException):
        client.infer("half_plus_two", client.input("x", np.ones((5, 1), np.int64), "INT64"))
    after = stats()
    assert int(after["execution_count"]) - int(before["execution_count"]) == 1
    assert int(after["inference_count"]) - int(before["inference_count"]) == 5
    assert int(after["last_inference"]) > 1.7e12
    parts, old = after["inference_stats"], before["inference_stats"]
    assert int(parts["fail"]["count"]) - int(old["fail"]["count"]) == 1
    assert int(parts["success"]["ns"]) >= int(parts["compute_infer"]["ns"]) > int(old["compute_infer"]["ns"])
    everything = client.json(client.raw.get_inference_statistics())["model_stats"]
    assert len(everything) == 5
    with pytest.raises(InferenceServerException, match="Could not find any versions"):
        client.raw.get_inference_statistics("absent")


def test_only_configured_models_are_loaded_and_unloaded(client: Client) -> None:
    for call in (client.raw.load_model, client.raw.unload_model):
        with pytest.raises(InferenceServerException, match="is not configured") as caught:
            call("iris")
        assert caught.value.status() in ("404", "StatusCode.NOT_FOUND")


@pytest.mark.parametrize(
    ("config", "files"), [('{"max_batch_size": 8}', None), ("{}", {"file:1/saved_model.pb": b"x"})]
)
def test_a_load_that_brings_its_own_configuration_is_refused(
    client: Client, config: str, files: dict[str, bytes] | None
) -> None:
    with pytest.raises(InferenceServerException, match="a model is loaded as it is configured") as caught:
        client.raw.load_model("iris", config=config, files=files)
    assert caught.value.status() in ("501", "StatusCode.UNIMPLEMENTED")


def test_model_configuration(client: Client) -> None:
    found = client.json(client.raw.get_model_config("text"))
    config = found if client.kind == "http" else found["config"]
    number = int if client.kind == "http" else str
    assert (config["name"], config["max_batch_size"]) == ("text", 0)
    assert [(t["name"], t["data_type"], t["dims"]) for t in config["input"]] == [
        ("words", "TYPE_STRING", [number(-1), number(-1)])
    ]
    assert [t["data_type"] for t in config["output"]] == ["TYPE_INT64", "TYPE_STRING", "TYPE_FP32"]


def test_big_tensors(client: Client) -> None:
    image = np.random.default_rng(0).random((2, 600, 600, 3), np.float32)  # 8.6 MB
    found = client.infer("all", client.input("x", image, "FP32"), parameters={"signature_name": "FP32"})
    assert np.array_equal(found.as_numpy("y"), image)
    words = np.array([b"word %d" % i for i in range(50_000)], object)
    found = client.infer("all", client.input("x", words, "BYTES"), parameters={"signature_name": "BYTES"})
    assert found.as_numpy("y").tolist() == words.tolist()


def test_big_tensors_as_json(server: Server) -> None:
    client = Client("http", server)
    for datatype, value in (
        ("FP32", np.random.default_rng(0).random((300, 300), np.float32)),
        ("INT8", np.arange(-128, 128, dtype=np.int8).repeat(500)),
        ("UINT64", np.arange(2**64 - 9000, 2**64, dtype=np.uint64)),
        ("BOOL", np.arange(20_000) % 3 == 0),
    ):
        found = client.infer(
            "all",
            client.input("x", value, datatype, binary_data=False),
            outputs=[client.library.InferRequestedOutput("y", binary_data=False)],
            parameters={"signature_name": datatype},
        )
        assert same(found.as_numpy("y"), value)
    client.raw.close()


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests(server: Server, algorithm: str) -> None:
    x = np.ones((100, 100), np.float32)
    http = Client("http", server)
    found = http.infer("half_plus_two", http.input("x", x, "FP32"), request_compression_algorithm=algorithm)
    assert np.array_equal(found.as_numpy("y"), x * 2.5)
    http.raw.close()
    grpc = Client("grpc", server)
    found = grpc.infer("half_plus_two", grpc.input("x", x, "FP32"), compression_algorithm=algorithm)
    assert np.array_equal(found.as_numpy("y"), x * 2.5)
    grpc.raw.close()


def test_the_asyncio_client(server: Server) -> None:
    async def run() -> None:
        library = tritonclient.grpc.aio
        async with library.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:
            assert await client.is_server_ready()

            async def one(number: int) -> None:
                value = np.full((1, 1), number, np.float32)
                given = library.InferInput("x", [1, 1], "FP32")
                given.set_data_from_numpy(value)
                found = await client.infer("half_plus_two", [given], request_id=str(number))
                assert found.get_response().id == str(number)
                assert found.as_numpy("y").tolist() == [[number / 2 + 2]]

            await asyncio.gather(*(one(number) for number in range(200)))

    asyncio.run(run())


def test_asynchronous_requests_of_the_http_client(server: Server) -> None:
    client = Client("http", server)
    given = client.input("x", np.ones((1, 1), np.float32), "FP32")
    calls = [client.raw.async_infer("half_plus_two", [given], request_id=str(i)) for i in range(20)]
    assert [call.get_result().get_response()["id"] for call in calls] == [str(i) for i in range(20)]
    client.raw.close()


def test_a_stream(server: Server) -> None:
    client = Client("grpc", server)
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.raw.start_stream(callback=lambda result, error: answers.put((result, error)))
    for number in range(6):
        datatype, dtype = ("INT32", np.int32) if number == 3 else ("FP32", np.float32)
        given = client.input("x", np.full((1, 1), number, dtype), datatype)
        client.raw.async_stream_infer(
            "half_plus_two", [given], request_id=str(number), enable_empty_final_response=True
        )
    for number in range(6):
        result, error = answers.get(timeout=20)
        if number == 3:  # an error answers its request; those after it are answered all the same
            assert "got datatype INT32" in error.message()
            continue
        assert error is None
        response = result.get_response()
        assert response.id == str(number)
        assert response.parameters["triton_final_response"].bool_param
        assert result.as_numpy("y").tolist() == [[number / 2 + 2]]
    client.raw.stop_stream()
    client.raw.close()


def test_an_asyncio_stream(server: Server) -> None:
    async def run() -> list[float]:
        library = tritonclient.grpc.aio
        async with library.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as client:

            async def requests() -> Any:
                for number in range(4):
                    given = library.InferInput("x", [1], "FP32")
                    given.set_data_from_numpy(np.array([number], np.float32))
                    yield {"model_name": "half_plus_two", "inputs": [given]}

            found = []
            async for result, error in client.stream_infer(requests()):
                assert error is None
                found.append(float(result.as_numpy("y")[0]))
            return found

    assert asyncio.run(run()) == [2.0, 2.5, 3.0, 3.5]


def test_real_models_of_others(shared_models: Path) -> None:
    """conf_dtypes gives back what it gets, conf_multi has several inputs and outputs of different dtypes."""
    manager = Manager(noria.load)
    for name in ("conf_dtypes", "conf_multi"):
        manager.load(name, 1, str(shared_models / "serving" / name / "1"))
    names = {
        "BOOL": "bool",
        "FP16": "float16",
        "FP32": "float32",
        "FP64": "float64",
        "BF16": "bfloat16",
        "BYTES": "string",
    }
    with serving(manager) as server:
        for kind in ("http", "grpc"):
            client = Client(kind, server)
            for datatype in VALUES:
                signature = f"id_{names.get(datatype, datatype.lower())}"
                value = array(datatype)
                found = client.infer(
                    "conf_dtypes", client.input("x", value, datatype), parameters={"signature_name": signature}
                )
                assert same(found.as_numpy("y"), value), datatype
            _, text = client.fails(
                "conf_dtypes",
                client.input("x", np.ones(1, np.float32), "FP32"),
                parameters={"signature_name": "id_complex64"},
            )
            assert text.endswith("got datatype FP32; signature 'id_complex64' of model 'conf_dtypes' takes COMPLEX64")
            found = client.infer(
                "conf_multi",
                client.input("a", np.ones((2, 1), np.float32), "FP32"),
                client.input("b", np.ones((2, 1), np.int32), "INT32"),
                client.input("s", np.array([[b"x"], [b"\xff"]], object), "BYTES"),
                parameters={"signature_name": "three"},
            )
            assert found.as_numpy("s_bytes").tolist() == [[b"x"], [b"\xff"]]
            assert found.as_numpy("b2").dtype == np.int32
            client.raw.close()
