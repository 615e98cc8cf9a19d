"""SavedModel folders and graph files: what is found, and what is said when it is not."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from google.protobuf import text_format

from noria.errors import DataLossError, InvalidArgumentError, NotFoundError, TFError
from noria.formats import files
from noria.formats.graph_def import read_graph_def, read_meta_graph_def
from noria.formats.saved_model import is_saved_model, read_saved_model, signatures
from noria.protos import POOL
from noria.protos.tensorflow import AssetFileDef, FingerprintDef, GraphDef, MetaGraphDef, SavedModel
from noria.protos.wellknown import Any


def model(*tag_sets: str) -> SavedModel:
    proto = SavedModel(saved_model_schema_version=1)
    for tags in tag_sets:
        meta = proto.meta_graphs.add()
        meta.meta_info_def.tags.extend(tags.split(","))
        meta.graph_def.node.add(name="x", op="Placeholder")
        meta.signature_def["serving_default"].method_name = tags
        meta.signature_def["__saved_model_init_op"].method_name = "init"
    return proto


def test_selects_the_exact_tag_set(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "saved_model.pb", model("serve", "serve,gpu", "train").SerializeToString())
    found = read_saved_model(tmp_path)
    assert found.meta_graph().meta_info_def.tags == ["serve"]
    assert found.meta_graph("gpu, serve").meta_info_def.tags == ["serve", "gpu"]
    assert found.meta_graph(["train"]).meta_info_def.tags == ["train"]
    with pytest.raises(NotFoundError, match=r"tags \{gpu\} could not.*\{serve\}, \{gpu, serve\}, \{train\}"):
        found.meta_graph("gpu")
    assert list(signatures(found.meta_graph())) == ["serving_default"]
    assert found.variables_prefix is None
    assert found.fingerprint is None


def test_only_meta_graph_needs_no_tags(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "saved_model.pb", model("x").SerializeToString())
    assert read_saved_model(tmp_path / "saved_model.pb").meta_graph().meta_info_def.tags == ["x"]


@pytest.mark.parametrize("memory", [False, True])
def test_text_form_and_all_the_parts(tmp_path: Path, memory: bool) -> None:
    folder = f"memory://{uuid.uuid4().hex}" if memory else str(tmp_path)
    proto = model("serve")
    proto.meta_graphs[0].asset_file_def.add(filename="vocab.txt").tensor_info.name = "Const:0"
    text = text_format.MessageToString(proto, descriptor_pool=POOL)
    files.write_bytes(files.join(folder, "saved_model.pbtxt"), text.encode())
    files.write_bytes(files.join(folder, "variables", "variables.index"), b"")
    files.write_bytes(files.join(folder, "assets.extra", "a", "b"), b"")
    files.write_bytes(files.join(folder, "fingerprint.pb"), FingerprintDef(saved_model_checksum=5).SerializeToString())
    assert is_saved_model(folder)
    found = read_saved_model(folder)
    assert found.proto == proto
    assert found.assets(found.meta_graph()) == {"Const:0": files.join(folder, "assets", "vocab.txt")}
    assert found.variables_prefix == files.join(folder, "variables", "variables")
    assert found.assets_extra == ("a/b",)
    assert found.fingerprint is not None
    assert found.fingerprint.saved_model_checksum == 5


def test_assets_of_the_old_collection(tmp_path: Path) -> None:
    proto = model("serve")
    asset = AssetFileDef(filename="foo.txt")
    asset.tensor_info.name = "filename:0"
    packed = Any()
    packed.Pack(asset)
    proto.meta_graphs[0].collection_def["saved_model_assets"].any_list.value.append(packed)
    files.write_bytes(tmp_path / "saved_model.pb", proto.SerializeToString())
    found = read_saved_model(tmp_path)
    assert found.assets(found.meta_graph()) == {"filename:0": str(tmp_path / "assets" / "foo.txt")}
    packed.value = b"\x08"
    del proto.meta_graphs[0].collection_def["saved_model_assets"].any_list.value[:]
    proto.meta_graphs[0].collection_def["saved_model_assets"].any_list.value.append(packed)
    with pytest.raises(DataLossError, match="collection saved_model_assets"):
        found.assets(proto.meta_graphs[0])


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", ""])
def test_asset_that_leads_out(tmp_path: Path, name: str) -> None:
    proto = model("serve")
    proto.meta_graphs[0].asset_file_def.add(filename=name)
    files.write_bytes(tmp_path / "saved_model.pb", proto.SerializeToString())
    found = read_saved_model(tmp_path)
    with pytest.raises(InvalidArgumentError, match="leads out of its folder"):
        found.assets(found.meta_graph())


def test_no_saved_model(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="the folder does not exist"):
        read_saved_model(tmp_path / "none")
    with pytest.raises(NotFoundError, match=r"neither saved_model.pb nor saved_model.pbtxt$"):
        read_saved_model(tmp_path)
    files.write_bytes(tmp_path / "7" / "saved_model.pb", model("serve").SerializeToString())
    with pytest.raises(NotFoundError, match="it holds SavedModels in 7: give one of these"):
        read_saved_model(tmp_path)


def test_damaged_saved_model(tmp_path: Path) -> None:
    """A message without a checksum can lose its tail unseen; but only Noria's errors come out."""
    data = model("serve").SerializeToString()
    file = tmp_path / "saved_model.pb"
    for size in range(len(data)):
        file.write_bytes(data[:size])
        _read_or_refuse(tmp_path)
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0x81]) + data[at + 1 :])
        _read_or_refuse(tmp_path)
    file.write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="without any MetaGraphDef"):
        read_saved_model(tmp_path)
    file.write_bytes(b"\x12\xff\xff\xff\xff\x07abc")
    with pytest.raises(DataLossError, match=r"saved_model.pb: its 9 bytes are not a tensorflow.SavedModel"):
        read_saved_model(tmp_path)


def _read_or_refuse(path: Path) -> None:
    try:
        read_saved_model(path)
    except TFError:
        return


def nested(depth: int) -> bytes:
    """An AttrValue of functions in functions, ``depth`` deep, inside a GraphDef."""
    body = b""
    for _ in range(depth):
        attr = b"\x52" + varint(body) + body  # AttrValue.func
        entry = b"\x0a\x01f\x12" + varint(attr) + attr
        body = b"\x12" + varint(entry) + entry  # NameAttrList.attr
    entry = b"\x0a\x01f\x12" + varint(b"\x52" + varint(body) + body) + b"\x52" + varint(body) + body
    node = b"\x2a" + varint(entry) + entry  # NodeDef.attr
    return b"\x0a" + varint(node) + node


def varint(data: bytes) -> bytes:
    size, out = len(data), b""
    while size >= 0x80:
        out, size = out + bytes([size & 0x7F | 0x80]), size >> 7
    return out + bytes([size])


def test_recursive_messages(tmp_path: Path) -> None:
    file = tmp_path / "graph.pb"
    file.write_bytes(nested(3))
    assert len(read_graph_def(file).node) == 1
    file.write_bytes(nested(5000))
    with pytest.raises(DataLossError, match=r"not a tensorflow\.GraphDef"):
        read_graph_def(file)
    text = tmp_path / "graph.pbtxt"
    text.write_text("node { attr { key: 'a' value {" + "func { attr { key: 'a' value {" * 5000)
    with pytest.raises(DataLossError, match=r"not a tensorflow\.GraphDef in text form"):
        read_graph_def(text)


@pytest.mark.parametrize("name", ["g.pb", "g.pbtxt", "g.anything"])
def test_graph_files(tmp_path: Path, name: str) -> None:
    graph = GraphDef()
    graph.node.add(name="x", op="Const").attr["value"].tensor.float_val.append(1)
    data = graph.SerializeToString() if name == "g.pb" else text_format.MessageToString(graph).encode()
    (tmp_path / name).write_bytes(data)
    assert read_graph_def(tmp_path / name) == graph
    meta = MetaGraphDef(graph_def=graph)
    data = meta.SerializeToString() if name == "g.pb" else text_format.MessageToString(meta).encode()
    (tmp_path / name).write_bytes(data)
    assert read_meta_graph_def(tmp_path / name) == meta


def test_wrong_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.pb").write_bytes(SavedModel(saved_model_schema_version=1).SerializeToString())
    with pytest.raises(InvalidArgumentError, match="a GraphDef without nodes"):
        read_graph_def(tmp_path / "a.pb")
    with pytest.raises(TFError, match=r"a\.pb"):
        read_meta_graph_def(tmp_path / "a.pb")
    (tmp_path / "b.pb").write_text("hello, world")
    with pytest.raises(DataLossError, match="nor is it one in text form"):
        read_graph_def(tmp_path / "b.pb")
    with pytest.raises(NotFoundError, match=r"none\.pb: no such file"):
        read_graph_def(tmp_path / "none.pb")


def test_every_shared_model_is_read(shared_models: Path) -> None:
    found = [
        file.parent for pattern in ("saved_model.pb", "saved_model.pbtxt") for file in shared_models.rglob(pattern)
    ]
    for folder in found:
        saved = read_saved_model(folder)
        meta = saved.meta_graph(saved.tag_sets[0])
        assert meta.graph_def.node
        # These two came without their assets folder.
        whole = "with_saved_model_config" not in str(folder) and "with_empty_saved_model_config" not in str(folder)
        assert not whole or all(files.exists(path) for path in saved.assets(meta).values())
    assert len(found) > 90


def test_meta_graphs_beside_shared_checkpoints(shared_models: Path) -> None:
    found = [Path(str(index).removesuffix(".index") + ".meta") for index in shared_models.rglob("*.index")]
    found = [meta for meta in found if meta.is_file()]
    found.append(shared_models / "serving/bad_half_plus_two/00000123/export.meta")  # beside a V1 checkpoint
    for meta in found:
        assert read_meta_graph_def(meta).graph_def.node
    assert len(found) > 5


def test_shared_text_graphs(shared_models: Path) -> None:
    for file in shared_models.rglob("*.pbtxt"):
        if not file.name.startswith("saved_model"):
            assert read_graph_def(file).node
