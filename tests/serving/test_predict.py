"""Requests against signatures: predict, classify, regress, multi-inference, without a protocol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import FailedPreconditionError, InternalError, InvalidArgumentError, TFError, UnimplementedError
from noria.serving import classify, predict
from noria.serving.names import CLASSIFY, PREDICT, REGRESS
from serving.fakes import FakeModel, FakeSignature, half_plus_two, specs

Array = np.ndarray[Any, np.dtype[Any]]


def floats(values: Any) -> Array:
    return np.array(values, np.float32)


def signature(name: str = "s", method: str = PREDICT, **outputs: dtypes.DType) -> FakeSignature:
    return FakeSignature(name, dict, specs(inputs=dtypes.string), specs(**outputs), method)


TWO = FakeSignature(
    "two",
    lambda a, b: {"y": a + b, "z": a},
    specs(a=dtypes.float32, b=dtypes.float32),
    specs(y=dtypes.float32, z=dtypes.float32),
    defaults={"b": floats([5])},
)
ONE = floats([1])


def test_find_signature() -> None:
    model = FakeModel(half_plus_two(), signature("odd", "custom", y=dtypes.float32))
    assert predict.find_signature(model, "").name == "serving_default"
    assert predict.find_signature(model, "odd").name == "odd"
    with pytest.raises(FailedPreconditionError, match='Serving signature key "nope" not found'):
        predict.find_signature(model, "nope")
    with pytest.raises(InternalError, match=r"Expected prediction signature method_name to be one of {tensorflow/"):
        predict.find_signature(model, "odd", check_method=True)


def test_bind_inputs_fills_in_defaults() -> None:
    found = predict.bind_inputs(TWO, {"a": 3}, lambda value: floats([value]))
    assert {alias: array.tolist() for alias, array in found.items()} == {"a": [3.0], "b": [5.0]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"a": ONE, "b": ONE, "c": ONE},
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). Sent extra: {c}. Missing but requ",
        ),
        ({"b": ONE}, "Signature input alias: a(feed name: a:0) not found in request and no default value provided."),
        ({"a": ONE, "u": ONE}, "Inputs contains invalid name. Used request inputs: {a}, request input: {a,u}"),
    ],
)
def test_bind_inputs_errors(given: dict[str, Array], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        predict.bind_inputs(TWO, given, lambda array: array)
    assert message in str(caught.value)


def test_too_few_inputs_without_defaults() -> None:
    with pytest.raises(InvalidArgumentError, match=r"0!=1 len\({}\) != len\({x}\)\. Sent extra: {}\. .* {x}\."):
        predict.bind_inputs(half_plus_two(), {}, lambda array: array)


def test_a_tensor_that_cannot_be_read() -> None:
    def refuse(_: Any) -> Array:
        raise InvalidArgumentError("why")

    with pytest.raises(InvalidArgumentError, match="tensor parsing error: x"):
        predict.bind_inputs(half_plus_two(), {"x": 1}, refuse)


def test_dtypes_are_checked_as_the_runtime_does() -> None:
    predict.check_dtypes(TWO, {"a": ONE, "b": ONE})
    with pytest.raises(InvalidArgumentError, match=r"Expects arg\[1\] to be float but double is provided"):
        predict.check_dtypes(TWO, {"a": ONE, "b": ONE.astype(np.float64)})
    with pytest.raises(InvalidArgumentError, match=r"Expects arg\[0\] to be float but string is provided"):
        predict.check_dtypes(TWO, {"a": np.array([b"x"], object), "b": ONE})


def test_output_filter() -> None:
    assert predict.check_filter(TWO, []) is None
    assert predict.check_filter(TWO, ["z", "y"]) == ["z", "y"]
    with pytest.raises(InvalidArgumentError, match=r"not found in signature: q Outputs expected .* {y,z}\."):
        predict.check_filter(TWO, ["q"])
    with pytest.raises(InvalidArgumentError, match="duplicate output tensor alias: y"):
        predict.check_filter(TWO, ["y", "y"])


# ---- classify, regress


F, S = dtypes.float32, dtypes.string


@pytest.mark.parametrize(
    ("found", "method", "message"),
    [
        (half_plus_two("s"), CLASSIFY, "No classification inputs found in SignatureDef"),
        (half_plus_two("s"), REGRESS, "No regression inputs found in SignatureDef"),
        (TWO, CLASSIFY, "Expected one input Tensor."),
        (signature(a=F, b=F, c=F), CLASSIFY, "Expected one or two output Tensors, found 3"),
        (signature(a=F, b=F), REGRESS, "Expected one output Tensor."),
        (signature(y=F), CLASSIFY, 'to contain at least one of "classes" or "scores"'),
        (signature(scores=F), REGRESS, "No regression outputs found in SignatureDef"),
    ],
)
def test_signatures_that_are_no_inference(found: FakeSignature, method: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        classify.prepare(FakeModel(found), found.name, method)
    assert message in str(caught.value)


def test_prepare_looks_at_the_method_name_only_when_told() -> None:
    model = FakeModel(signature(scores=F))
    assert classify.prepare(model, "s", CLASSIFY).outputs == ["scores"]
    with pytest.raises(InvalidArgumentError, match="Expected classification signature method_name to be tensorflow/"):
        classify.prepare(model, "s", CLASSIFY, check_method=True)
    with pytest.raises(InvalidArgumentError, match="No signature was found with the name: serving_default"):
        classify.prepare(model, "", CLASSIFY)


def test_feeds() -> None:
    call = classify.prepare(FakeModel(signature(scores=F)), "s", CLASSIFY)
    assert classify.feeds(call, [b"a", b"b"])["inputs"].tolist() == [b"a", b"b"]
    with pytest.raises(InvalidArgumentError, match=r"Input is empty\."):
        classify.feeds(call, [])
    numbers = FakeSignature("s", dict, specs(inputs=F), specs(outputs=F))
    with pytest.raises(InvalidArgumentError, match="to be float but string is provided"):
        classify.feeds(classify.prepare(FakeModel(numbers), "s", REGRESS), [b"a"])


LABELS = np.array([[b"a", b"b"]], object)
SCORES = floats([[1, 2]])


def test_classes() -> None:
    assert classify.classes_of({"classes": LABELS, "scores": SCORES}, 1) == [[(b"a", 1.0), (b"b", 2.0)]]
    assert classify.classes_of({"classes": LABELS}, 1) == [[(b"a", 0.0), (b"b", 0.0)]]
    assert classify.classes_of({"scores": SCORES}, 1) == [[(b"", 1.0), (b"", 2.0)]]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"scores": SCORES[0]}, "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        ({"scores": SCORES.astype(np.float64)}, "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE"),
        ({"classes": SCORES}, "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        ({"scores": floats([[1], [2]])}, "Expected scores output batch size of 1. Got: 2"),
        ({"classes": LABELS, "scores": SCORES[:, :1]}, "should match in dim_size(1). Got 2 vs. 1"),
    ],
)
def test_classes_that_cannot_be(outputs: dict[str, Array], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        classify.classes_of(outputs, 1)
    assert message in str(caught.value)


def test_regressions() -> None:
    for shape in ((2,), (2, 1)):
        assert classify.values_of({"outputs": floats([1, 2]).reshape(shape)}, 2).tolist() == [1.0, 2.0]
    for array, message in (
        (np.zeros((1, 2), np.float32), r"either \[batch_size\] or \[batch_size, 1\] but got \[1,2\]"),
        (np.zeros(3, np.float32), "Input batch size did not match output batch size: 1 vs. 3"),
        (np.zeros(1, np.int32), "Expected output Tensor of DT_FLOAT.  Got: DT_INT32"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            classify.values_of({"outputs": array}, 1)


# ---- multi-inference


def task(name: str, method: str = REGRESS, model: str = "m") -> classify.Task:
    return classify.Task(model, name, method)


@pytest.mark.parametrize(
    ("tasks", "kind", "message"),
    [
        ([task("r", model="")], InvalidArgumentError, "Found ModelSpec with an empty model name."),
        ([task("r"), task("c", model="n")], InvalidArgumentError, "must access the same model name."),
        ([task("r"), task("r")], InvalidArgumentError, "Duplicate evaluation of signature: r"),
        ([task("")], InvalidArgumentError, "Requested signature not found in model graph: serving_default"),
        ([task("r", PREDICT)], UnimplementedError, f"Unsupported signature method_name: {PREDICT}"),
        ([task("r"), task("other")], InvalidArgumentError, "Input tensor must be the same for all Signatures."),
    ],
)
def test_tasks(tasks: list[classify.Task], kind: type[TFError], message: str) -> None:
    other = signature("other", outputs=F)
    other.inputs = {"inputs": type(other.inputs["inputs"])("elsewhere:0", S)}
    model = FakeModel(signature("r", outputs=F), signature("c", scores=F), other)
    with pytest.raises(kind) as caught:
        classify.prepare_tasks(model, tasks)
    assert message in str(caught.value)
    assert [c.method for c in classify.prepare_tasks(model, [task("r"), task("c", CLASSIFY)])] == [REGRESS, CLASSIFY]
