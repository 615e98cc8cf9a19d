"""The models that ``tools/make_golden.py`` wrote with TensorFlow: ``noria.load`` gives TensorFlow's answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError
from noria.formats.saved_model import read_saved_model
from real_models import Call, compare

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
MODELS = ("counter", "half_plus_two", "iris", "text")


def load(name: str) -> noria.Model:
    return noria.load(str(GOLDEN / name / "1"))


def calls(name: str) -> list[Call]:
    """The recorded calls, in the order they were made in."""
    files = sorted((GOLDEN / name / "golden").glob("*.npz"), key=lambda p: int(p.name.split(".")[1]))
    return [Call(p.name.split(".")[0], p) for p in files]


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_tensorflow(name: str) -> None:
    model = load(name)
    recorded = calls(name)
    assert recorded
    for call in recorded:
        inputs, wanted = call.load()
        compare(model.signatures[call.signature].run(inputs), wanted, 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_traced_answers_are_the_same(name: str) -> None:
    model = load(name)
    for call in calls(name):
        inputs, wanted = call.load()
        seen = {t.name: t.value for t in model.signatures[call.signature].trace(inputs)}
        assert seen
        floats = [v for v in wanted.values() if v.dtype.kind == "f"]
        for value in floats:
            found = [v for v in seen.values() if isinstance(v, np.ndarray) and v.shape == value.shape]
            assert any(np.allclose(v, value, rtol=1e-5) for v in found if v.dtype == value.dtype)


def test_calls_by_keyword_use_serving_default() -> None:
    model = load("half_plus_two")
    assert model(x=[[10.0]])["y"].tolist() == [[7.0]]
    assert model.signatures["serving_default"](x=[[10.0]])["y"].tolist() == [[7.0]]


def test_signatures_say_what_they_take() -> None:
    signature = load("iris").signatures["serving_default"]
    (x,) = signature.inputs.values()
    (probabilities,) = signature.outputs.values()
    assert (x.name, str(x.dtype), x.shape) == ("x", "float32", (None, 4))
    assert (probabilities.name, str(probabilities.dtype), probabilities.shape) == (
        "probabilities",
        "float32",
        (None, 3),
    )
    assert signature.method_name == "tensorflow/serving/predict"
    assert signature.problem() == ""


def test_variables_are_listed() -> None:
    variables = load("half_plus_two").variables
    assert {k: (str(v.dtype), v.shape, v.nbytes) for k, v in variables.items()} == {
        "a": ("float32", (), 4),
        "b": ("float32", (), 4),
    }


def test_only_the_outputs_asked_for_are_computed() -> None:
    signature = load("text").signatures["serving_default"]
    got = signature.run({"words": [["good", "bad"]]}, outputs=["ids"])
    assert {k: v.tolist() for k, v in got.items()} == {"ids": [[3, 0]]}
    with pytest.raises(InvalidArgumentError, match=r"no outputs \['idz'\]; it has \['ids', 'label', 'scores'\]"):
        signature.run({"words": [["good"]]}, outputs=["idz"])


def test_state_that_a_signature_changes_really_changes() -> None:
    model, other = load("counter"), load("counter")
    for _ in range(3):
        model.signatures["add"].run({"delta": 2.0})
    assert model.signatures["get"].run({})["value"] == 6.0
    assert other.signatures["get"].run({})["value"] == 0.0, "two loads of a model share no state"


def test_state_changes_safely_under_concurrent_calls() -> None:
    model = load("counter")
    add = model.signatures["add"]
    with ThreadPoolExecutor(8) as pool:
        seen = [float(r["value"]) for r in pool.map(lambda _: add.run({"delta": 1.0}), range(2000))]
    assert model.signatures["get"].run({})["value"] == 2000.0, "no addition is lost"
    assert min(seen) >= 1.0
    assert max(seen) == 2000.0


def test_concurrent_calls_get_their_own_answers() -> None:
    signature = load("iris").signatures["serving_default"]
    rows = np.random.default_rng(0).uniform(0, 8, (400, 1, 4)).astype(np.float32)
    wanted = [signature.run({"x": row})["probabilities"] for row in rows]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda row: signature.run({"x": row})["probabilities"], rows))
    assert all(np.array_equal(a, b) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize(
    "words",
    [
        [["good", "größe"]],
        [[b"good", "größe".encode()]],
        np.array([["good", "größe"]]),
        np.array([["good", "größe"]], object),
        np.array([[b"good", "größe".encode()]]),
        np.array([[b"good", "größe".encode()]], object),
        (("good", "größe"),),
    ],
    ids=["str", "bytes", "U", "object of str", "S", "object of bytes", "tuples"],
)
def test_strings_come_in_every_form(words: Any) -> None:
    got = load("text").signatures["serving_default"].run({"words": words})
    wanted = load("text")(words=np.array([[b"good", "größe".encode()]], object))
    compare(got, wanted, 0.0)
    assert got["label"].dtype == object
    assert all(type(v) is bytes for v in got["label"])


def test_strings_keep_their_trailing_zeros() -> None:
    rows = np.array([[b"good\0", b"good"]], object)
    ids = load("text")(words=rows)["ids"]
    assert ids[0, 1] == 3
    assert ids[0, 0] >= 8, "a word with a zero byte is another word"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, ["missing ['x']", "takes ['x']"]),
        ({"y": [[0.0]]}, ["extra ['y']", "missing ['x']"]),
        ({"x": [[0.0]], "z": 1}, ["extra ['z']"]),
    ],
)
def test_wrong_names_are_listed(inputs: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        load("half_plus_two").signatures["serving_default"].run(inputs)
    assert all(part in str(caught.value) for part in said), str(caught.value)


@pytest.mark.parametrize("value", [[["a"]], [[b"a"]], [[1 + 2j]], [[None]]], ids=["str", "bytes", "complex", "None"])
def test_wrong_dtypes_are_refused(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="'x'") as caught:
        load("half_plus_two")(x=value)
    assert "float32" in str(caught.value)


def test_numbers_where_strings_are_due_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'words'"):
        load("text")(words=[[1.0]])


def test_declared_shapes_are_checked_only_when_strict() -> None:
    signature = load("half_plus_two").signatures["serving_default"]
    assert signature.run({"x": np.zeros((2, 3), np.float32)})["y"].shape == (2, 3)
    with pytest.raises(InvalidArgumentError, match="declares"):
        signature.run({"x": np.zeros((2, 3), np.float32)}, strict=True)


def test_shapes_that_the_graph_cannot_take_are_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        load("iris")(x=np.zeros((2, 5), np.float32))


def test_unknown_signature_names_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="classify_x_to_y"):
        load("half_plus_two").signature("nothing")


def test_missing_model_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        noria.load(str(tmp_path / "absent"))
    with pytest.raises(NotFoundError, match=str(tmp_path)):
        noria.load(str(tmp_path))


def test_wrong_tags_name_those_there_are() -> None:
    with pytest.raises(NotFoundError, match="serve"):
        noria.load(str(GOLDEN / "iris" / "1"), tags=["gpu"])


def test_frozen_graph() -> None:
    path = str(GOLDEN / "half_plus_two" / "frozen.pb")
    by_name = noria.load(path, inputs=["x"], outputs=["y:0"])
    assert by_name.signatures["serving_default"].run({"x": [[4.0]]})["y:0"].tolist() == [[4.0]]
    by_key = noria.load(path, inputs={"value": "x:0"}, outputs={"result": "y"})
    assert by_key(value=[[4.0]])["result"].tolist() == [[4.0]]
    defaults = noria.load(path)
    assert list(defaults.signatures["serving_default"].inputs) == ["tf_example"]


def test_frozen_graph_with_unknown_tensor() -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        noria.load(str(GOLDEN / "half_plus_two" / "frozen.pb"), inputs=["nothing"], outputs=["y"])


@pytest.mark.parametrize("path", ["model.meta", "model", ""])
def test_meta_graph_with_checkpoint(path: str) -> None:
    folder = str(GOLDEN / "half_plus_two" / "checkpoint" / path)
    model = noria.load(folder, inputs=["x"], outputs=["y"])
    assert model(x=[[-2.0]])["y"].tolist() == [[1.0]]


def test_model_may_move(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "text" / "1", tmp_path / "elsewhere")
    model = noria.load(str(tmp_path / "elsewhere"))
    assert model(words=[["great"]])["ids"].tolist() == [[4]]


def test_checkpoint_cut_short_is_data_loss(tmp_path: Path) -> None:
    model = tmp_path / "iris"
    shutil.copytree(GOLDEN / "iris" / "1", model)
    data = model / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(DataLossError, match=r"variables\.data"):
        noria.load(str(model))(x=[[0.0] * 4])


def test_missing_ops_are_reported_at_once(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "half_plus_two" / "1", tmp_path / "odd")
    saved = read_saved_model(str(tmp_path / "odd")).proto
    for node in saved.meta_graphs[0].graph_def.node:
        if node.name == "y":
            node.op = "RiscAdd"  # known to TensorFlow, with the same inputs as AddV2, and of no use on a CPU
    (tmp_path / "odd" / "saved_model.pb").write_bytes(saved.SerializeToString())
    signature = noria.load(str(tmp_path / "odd")).signatures["serving_default"]
    assert "RiscAdd (1 node, first 'y')" in signature.problem()
    with pytest.raises(UnimplementedError, match=r"RiscAdd \(1 node, first 'y'\)"):
        signature.run({"x": [[1.0]]})


def test_importing_noria_brings_no_engine() -> None:
    code = "import sys, noria; print(sorted({'numpy', 'onnxruntime', 'google.protobuf'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
