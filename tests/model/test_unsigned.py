"""Graphs without signatures: which tensors make ``serving_default``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import noria
from graphs import const, node, placeholder
from noria import dtypes
from noria.errors import InvalidArgumentError, NotFoundError
from noria.protos.tensorflow import GraphDef

F = dtypes.float32


@pytest.fixture
def frozen(tmp_path: Path) -> str:
    """x → y, z; and leaves that no caller wants: a constant, a result that depends on no input, a save."""
    nodes = [
        placeholder("x", shape=(None,)),
        const("two", 2),
        node("y", "Mul", "x", "two", T=F),
        node("z", "Neg", "x", T=F),
        const("unused", 5),
        node("fixed", "Neg", "two", T=F),
        const("prefix", b"p", dtypes.string),
        const("key", [b"k"], dtypes.string),
        const("slice", [b""], dtypes.string),
        node("save", "SaveV2", "prefix", "key", "slice", "x", dtypes=[F]),
    ]
    path = tmp_path / "graph.pb"
    path.write_bytes(GraphDef(node=nodes).SerializeToString())
    return str(path)


def test_placeholders_and_the_leaves_that_depend_on_them(frozen: str) -> None:
    model = noria.load(frozen)
    assert list(model.signatures["serving_default"].inputs) == ["x"]
    found = model(x=np.array([3], np.float32))
    assert {k: v.tolist() for k, v in found.items()} == {"y": [6.0], "z": [-3.0]}


def test_names_are_the_keys_and_any_tensor_will_do(frozen: str) -> None:
    model = noria.load(frozen, inputs=["y:0"], outputs=["y:0", "fixed"])
    found = model.signatures["serving_default"].run({"y:0": [7.0]})
    assert {k: v.tolist() for k, v in found.items()} == {"y:0": [7.0], "fixed": -2.0}


def test_a_mapping_gives_keys_of_its_own(frozen: str) -> None:
    model = noria.load(frozen, inputs={"image": "x:0"}, outputs={"score": "y:0"})
    assert model(image=[1.0])["score"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("name", "error"), [("gone:0", NotFoundError), ("x:9", NotFoundError), ("^x", InvalidArgumentError)]
)
def test_a_name_that_is_no_tensor_is_refused(frozen: str, name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=name.strip("^").partition(":")[0]):
        noria.load(frozen, outputs=[name])
