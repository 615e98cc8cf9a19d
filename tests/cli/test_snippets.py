"""The requests that ``show`` prints."""

from __future__ import annotations

import ast
import base64
import json
import shlex
import subprocess
import sys
from typing import Any

import pytest

from noria import shapes
from noria.cli.report import SignatureRow, TensorRow
from noria.cli.snippets import snippets
from noria.protos.tensorflow import Example, MetaGraphDef, TensorProto

PREDICT = "tensorflow/serving/predict"
X = TensorRow("x", "DT_FLOAT", (None,), "x:0")


def signature(
    *inputs: tuple[str, str, shapes.Shape], key: str = "serving_default", method: str = PREDICT
) -> SignatureRow:
    rows = tuple(TensorRow(name, dtype, shape, f"{name}:0") for name, dtype, shape in inputs)
    return SignatureRow(key, method, rows, (), "")


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        ([("x", "DT_FLOAT", (None, 2))], {"instances": [[1.0, 1.0]]}),
        ([("x", "DT_INT64", (None,))], {"instances": [1]}),
        ([("x", "DT_FLOAT", None)], {"instances": [1.0]}),
        ([("x", "DT_FLOAT", ())], {"inputs": 1.0}),
        ([("x", "DT_FLOAT", (2, 2))], {"inputs": [[1.0, 1.0], [1.0, 1.0]]}),
        ([("x", "DT_BOOL", (None,)), ("y", "DT_STRING", (None, 1))], {"instances": [{"x": True, "y": ["text"]}]}),
        ([("x", "DT_FLOAT", (None,)), ("y", "DT_INT32", ())], {"inputs": {"x": [1.0], "y": 1}}),
        ([("i_bytes", "DT_STRING", (None,))], {"instances": [{"b64": base64.b64encode(b"bytes").decode()}]}),
        ([], {"inputs": {}}),
    ],
)
def test_bodies_follow_the_declared_shapes(inputs: list[Any], body: Any) -> None:
    made = snippets(signature(*inputs), MetaGraphDef(), "m")
    assert made.body == body
    command = shlex.split(made.curl)
    assert command[:2] == ["curl", "-d"]
    assert json.loads(command[2]) == body
    assert command[3] == "http://localhost:8501/v1/models/m:predict"
    ast.parse(made.grpc)


def test_outputs_without_a_batch_forbid_rows() -> None:
    row = SignatureRow("serving_default", PREDICT, (X,), (TensorRow("mean", "DT_FLOAT", (), "m:0"),), "")
    assert snippets(row, MetaGraphDef(), "m").body == {"inputs": [1.0]}


def test_a_long_body_is_made_by_a_program() -> None:
    made = snippets(signature(("image", "DT_FLOAT", (None, 8, 8, 3)), key="other"), MetaGraphDef(), "m")
    assert made.body is None
    command = shlex.split(made.curl)
    assert command[0] == "python3"
    assert command[3:] == ["|", "curl", "-d", "@-", "http://localhost:8501/v1/models/m:predict"]
    printed = subprocess.run([sys.executable, *command[1:3]], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == {"signature_name": "other", "instances": [[[[1.0] * 3] * 8] * 8]}


def test_what_json_cannot_carry_is_said() -> None:
    made = snippets(signature(("x", "DT_HALF", (None,))), MetaGraphDef(), "m")
    assert made.curl == ""
    assert made.note == "the REST API carries no values of this type: x (DT_HALF); use gRPC"
    assert "dtype=tf.float16" in made.grpc


def test_hostile_names_stay_quoted() -> None:
    name = "a'\"; rm -rf / #\n"
    made = snippets(signature((name, "DT_FLOAT", ()), ("b", "DT_FLOAT", ()), key=name), MetaGraphDef(), name)
    command = shlex.split(made.curl)
    assert len(command) == 4
    assert json.loads(command[2])["inputs"] == {name: 1.0, "b": 1.0}
    tree = ast.parse(made.grpc)
    assert name in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def parsing_graph() -> MetaGraphDef:
    """x:0 → ParseExampleV2 of the features age (2 floats) and name (strings)."""
    meta = MetaGraphDef()
    nodes = meta.graph_def.node
    nodes.add(name="x", op="Placeholder")
    for name, keys in (("names", []), ("sparse", [b"name"]), ("dense", [b"age"]), ("ragged", [])):
        tensor = TensorProto(dtype=7, string_val=keys)
        tensor.tensor_shape.dim.add(size=len(keys))
        nodes.add(name=name, op="Const").attr["value"].tensor.CopyFrom(tensor)
    node = nodes.add(name="parse", op="ParseExampleV2", input=["x", "names", "sparse", "dense", "ragged"])
    node.attr["sparse_types"].list.type.append(7)
    node.attr["Tdense"].list.type.append(1)
    node.attr["dense_shapes"].list.shape.add().dim.add(size=2)
    return meta


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_examples_have_the_features_of_the_graph(method: str) -> None:
    row = signature(("x", "DT_STRING", (None,)), method=f"tensorflow/serving/{method}")
    made = snippets(row, parsing_graph(), "m")
    assert made.body == {"examples": [{"age": [1.0, 1.0], "name": "text"}]}
    assert made.curl.endswith(f"models/m:{method}")
    assert f"stub.{method.capitalize()}(request" in made.grpc
    ast.parse(made.grpc)


def test_a_predict_input_that_is_parsed_gets_an_example() -> None:
    made = snippets(signature(("x", "DT_STRING", (None,))), parsing_graph(), "m")
    example = Example.FromString(base64.b64decode(made.body["instances"][0]["b64"]))
    assert list(example.features.feature["age"].float_list.value) == [1.0, 1.0]
    assert list(example.features.feature["name"].bytes_list.value) == [b"text"]


def test_a_regression_over_numbers_is_asked_by_predict() -> None:
    made = snippets(signature(("x", "DT_FLOAT", (None, 1)), method="tensorflow/serving/regress"), MetaGraphDef(), "m")
    assert made.curl.endswith("models/m:predict")
