"""Which modules of TensorFlow stand for what, and what is said of those that are not there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import noria.v1 as tf
from noria.protos import error_codes, tensorflow
from noria.v1 import as_tensorflow, exports
from noria.v1.private_modules import MESSAGES, OWN, PLACES, RENAMED


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    before = {name: module for name, module in sys.modules.items() if name.startswith("tensorflow")}
    as_tensorflow.install()
    as_tensorflow.install()  # a second time does nothing
    yield
    as_tensorflow.uninstall()
    sys.modules.update(before)


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow.compat.v1"])
def test_tensorflow_is_noria(name: str) -> None:
    assert importlib.import_module(name) is tf


def test_public_namespaces_are_modules() -> None:
    for name in ("gfile", "compat.v1.gfile", "python_io", "io.gfile", "train"):
        module = importlib.import_module(f"tensorflow.{name}")
        assert module is exports.namespace(name.removeprefix("compat.v1."))


def test_modules_of_messages() -> None:
    for name in MESSAGES:
        module = importlib.import_module(f"tensorflow.{name}")
        if name.endswith("error_codes_pb2"):
            assert module.Code is error_codes.Code
    graph_pb2 = importlib.import_module("tensorflow.core.framework.graph_pb2")
    assert graph_pb2.GraphDef is tensorflow.GraphDef
    assert importlib.import_module("tensorflow.core.framework.types_pb2").DT_FLOAT == 1
    with pytest.raises(AttributeError, match="no message or enum 'Nothing'"):
        graph_pb2.Nothing  # noqa: B018


def test_private_modules_show_public_names() -> None:
    namespace: dict[str, object] = {}
    exec(
        "from tensorflow.python.framework import ops, dtypes, errors\n"
        "from tensorflow.python.framework.errors_impl import NotFoundError\n"
        "from tensorflow.python.lib.io import file_io\n"
        "from tensorflow.python.lib.io.tf_record import TFRecordWriter as Writer\n"
        "from tensorflow.python.util import compat\n"
        "from tensorflow.python.client import session as session_lib\n"
        "import tensorflow.python.platform.gfile as gfile\n",
        namespace,
    )
    for name, attribute, expected in (
        ("ops", "Graph", tf.Graph),
        ("dtypes", "float32", tf.float32),
        ("errors", "OpError", tf.OpError),
        ("file_io", "FileIO", tf.gfile.GFile),
        ("compat", "as_bytes", tf.compat.as_bytes),
        ("session_lib", "Session", tf.Session),
        ("gfile", "Exists", tf.gfile.Exists),
    ):
        assert getattr(namespace[name], attribute) is expected
    assert namespace["NotFoundError"] is tf.errors.NotFoundError
    assert namespace["Writer"] is tf.python_io.TFRecordWriter


def test_tools_are_modules_of_ours() -> None:
    for name, own in OWN.items():
        assert importlib.import_module(f"tensorflow.{name}") is sys.modules[own]
    spec = as_tensorflow._Finder().find_spec("tensorflow.python.tools.freeze_graph", None)
    loader: Any = spec.loader if spec else None
    assert loader.get_code("tensorflow.python.tools.freeze_graph").co_name == "<module>"
    with pytest.raises(ImportError, match="is no program"):
        loader.get_code("tensorflow.python.framework.ops")


def test_a_name_may_be_public_elsewhere() -> None:
    module = importlib.import_module("tensorflow.python.platform.sysconfig")
    assert module.TFRecordWriter is tf.python_io.TFRecordWriter
    with pytest.raises(AttributeError, match=r"Noria has no tensorflow\.python\.platform\.sysconfig\.nothing"):
        module.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tensorflow.contrib.tpu", r"tensorflow\.contrib.* is not there yet in Noria"),
        ("tensorflow.python.framework.opss", "nearest that is there: ops; tensorflow.python.framework has: .*dtypes, "),
        ("tensorflow.python.nothing", "tensorflow.python has: .*framework, "),
        ("tensorflow.core.framework.nothing_pb2", "tensorflow.core.framework has: .*graph_pb2"),
        ("tensorflow.nothing", "Noria has no module tensorflow.nothing; tensorflow has: "),
        ("tensorflow.Session", "Noria has no module tensorflow.Session"),
    ],
)
def test_a_missing_module_says_what_there_is(name: str, message: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=message):
        importlib.import_module(name)


def test_a_missing_member_says_so_too() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"Noria has no tensorflow\.python\.framework\.ops\._private"):
        exec("from tensorflow.python.framework.ops import _private")
    with pytest.raises(ModuleNotFoundError, match=r"no module tensorflow\.python\.nothing"):
        exec("from tensorflow.python import nothing")


def test_the_tables_name_what_tensorflow_has() -> None:
    assert all(place.startswith("python.") for place in PLACES)
    for renamed in RENAMED:
        assert renamed.rpartition(".")[0] in PLACES


def test_clients_of_a_server() -> None:
    namespace: dict[str, Any] = {}
    exec(
        "from tensorflow_serving.apis import get_model_status_pb2, predict_pb2\n"
        "from tensorflow_serving.apis import prediction_service_pb2_grpc, model_service_pb2_grpc\n",
        namespace,
    )
    called: list[str] = []

    class Channel:
        def unary_unary(self, method: str, request_serializer: Any, response_deserializer: Any) -> Any:
            called.append(method)
            return lambda request: (request_serializer(request), response_deserializer(b""))

    request = namespace["predict_pb2"].PredictRequest()
    request.model_spec.name = "mine"
    stub = namespace["prediction_service_pb2_grpc"].PredictionServiceStub(Channel())
    assert "/tensorflow.serving.PredictionService/Predict" in called
    sent, answer = stub.Predict(request)
    assert type(request).FromString(sent) == request
    assert answer == namespace["predict_pb2"].PredictResponse()
    namespace["model_service_pb2_grpc"].ModelServiceStub(Channel())
    assert "/tensorflow.serving.ModelService/GetModelStatus" in called
    with pytest.raises(AttributeError, match="has no 'OtherStub'"):
        namespace["model_service_pb2_grpc"].OtherStub  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match=r"no module tensorflow_serving\.sources"):
        importlib.import_module("tensorflow_serving.sources")


def test_nothing_is_left_behind() -> None:
    importlib.import_module("tensorflow.python.framework.ops")
    as_tensorflow.uninstall()
    assert not [name for name in sys.modules if name.partition(".")[0] == "tensorflow"]
    assert "python" not in vars(tf)
