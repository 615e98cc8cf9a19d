"""A message parsed in pieces is the message, and damage is found as it is otherwise."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError

from noria.errors import DataLossError
from noria.formats import proto_pieces
from noria.formats.proto_file import parse_binary
from noria.protos.tensorflow import GraphDef, MetaGraphDef, SavedModel


def large() -> SavedModel:
    saved = SavedModel(saved_model_schema_version=1)
    for size in (10, 3000):
        meta = saved.meta_graphs.add()
        meta.meta_info_def.tags.append("serve")
        for i in range(size):
            node = meta.graph_def.node.add(name=f"node/{i}", op="Const", input=[f"node/{j}" for j in range(i % 5)])
            node.attr["value"].tensor.tensor_content = bytes(i % 50)
            node.attr["shape"].shape.dim.add(size=i)
        big = meta.graph_def.node.add(name="big", op="Const")
        big.attr["value"].tensor.tensor_content = bytes(200_000)
        function = meta.graph_def.library.function.add()
        function.signature.name = "f"
        for i in range(size):
            function.node_def.add(name=f"inner{i}", op="Add", input=["a", "b"])
        meta.signature_def["serving_default"].inputs["x"].name = "x:0"
        meta.saver_def.max_to_keep = 5
    return saved


def test_pieces_make_the_message() -> None:
    message = large()
    data = message.SerializeToString()
    found = SavedModel()
    proto_pieces.merge(found, data)
    assert found == message
    assert found.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


def test_only_where_it_is_asked_for() -> None:
    assert not proto_pieces.wanted(1 << 30)
    with proto_pieces.patiently():
        assert proto_pieces.wanted(1 << 30)
        assert not proto_pieces.wanted(1 << 10)
        data = large().SerializeToString()
        assert parse_binary(SavedModel, data, "place") == large()
    assert not proto_pieces.wanted(1 << 30)


def test_the_last_of_two_parts_of_one_message_counts() -> None:
    first, second = MetaGraphDef(), MetaGraphDef()
    first.graph_def.node.add(name="a", op="x" * 100_000)
    first.saver_def.max_to_keep = 1
    second.graph_def.node.add(name="b", op="y" * 100_000)
    second.saver_def.max_to_keep = 2
    data = first.SerializeToString() + second.SerializeToString()
    found = MetaGraphDef()
    proto_pieces.merge(found, data)
    assert found == MetaGraphDef.FromString(data)
    assert [n.name for n in found.graph_def.node] == ["a", "b"]


@pytest.mark.parametrize("cut", [1, 5, 100, 70_000, 200_050])
def test_damage(cut: int) -> None:
    data = large().SerializeToString()
    with pytest.raises(DecodeError):
        proto_pieces.merge(SavedModel(), data[:-cut])
    with proto_pieces.patiently(), pytest.raises(DataLossError, match=r"place: its \d+ bytes are not a tensorflow"):
        parse_binary(SavedModel, data[:-cut], "place")
    with pytest.raises(DecodeError):
        proto_pieces.merge(GraphDef(), b"\x0b" + bytes(200_000))


def test_text_where_a_message_is_meant() -> None:
    with pytest.raises(DecodeError):
        proto_pieces.merge(GraphDef(), b"node { name: 'a' }\n" * 20_000)
