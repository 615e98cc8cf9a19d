"""SavedModels written; what TensorFlow makes of them is in tests/oracle/test_saved_model_writer.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from noria.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from noria.formats.bundle import BundleReader, write_bundle
from noria.formats.graph_def import read_graph_def, read_meta_graph_def, write_graph_def, write_meta_graph_def
from noria.formats.saved_model import read_saved_model
from noria.formats.saved_model_writer import AssetNames, saved_model, write_saved_model
from noria.protos.tensorflow import AssetFileDef, GraphDef, MetaGraphDef, NodeDef, SavedModel


def _proto() -> SavedModel:
    meta = MetaGraphDef(graph_def=GraphDef(node=[NodeDef(name="n", op="NoOp")]))
    meta.meta_info_def.tags.extend(["serve", "tpu"])
    return saved_model([meta])


@pytest.mark.parametrize("as_text", [False, True])
def test_all_parts(tmp_path: Path, as_text: bool) -> None:
    source = tmp_path / "words.txt"
    source.write_bytes(b"a\nb\n")
    file = write_saved_model(
        tmp_path / "m" / "1",
        _proto(),
        variables={"w": np.arange(3.0)},
        assets={"words.txt": source, "deep/er.txt": b"x"},
        assets_extra={"note": b"y"},
        as_text=as_text,
    )
    assert file.endswith("saved_model.pbtxt" if as_text else "saved_model.pb")
    found = read_saved_model(tmp_path / "m" / "1")
    assert found.proto == _proto()
    assert found.assets_extra == ("note",)
    assert found.variables_prefix is not None
    assert BundleReader(found.variables_prefix)["w"].tolist() == [0, 1, 2]
    assert (tmp_path / "m/1/assets/words.txt").read_bytes() == b"a\nb\n"
    assert (tmp_path / "m/1/assets/deep/er.txt").read_bytes() == b"x"
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["1"]


def test_a_checkpoint_is_copied(tmp_path: Path) -> None:
    write_bundle(tmp_path / "model.ckpt-5", {"w": np.ones(2)})
    write_bundle(tmp_path / "model.ckpt-50", {"w": np.zeros(2)})
    write_saved_model(tmp_path / "m", _proto(), variables=tmp_path / "model.ckpt-5")
    names = sorted(p.name for p in (tmp_path / "m/variables").iterdir())
    assert names == ["variables.data-00000-of-00001", "variables.index"]
    assert BundleReader(str(tmp_path / "m/variables/variables"))["w"].tolist() == [1, 1]
    with pytest.raises(NotFoundError, match="no checkpoint with this prefix"):
        write_saved_model(tmp_path / "other", _proto(), variables=tmp_path / "model")
    assert not (tmp_path / "other").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    write_saved_model(tmp_path / "m", _proto(), assets={"a": b"1"})
    with pytest.raises(AlreadyExistsError, match="something here already"):
        write_saved_model(tmp_path / "m", _proto())
    assert (tmp_path / "m/assets/a").exists()
    write_saved_model(tmp_path / "m", _proto(), overwrite=True)
    assert not (tmp_path / "m/assets").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    (tmp_path / "file").write_text("")
    with pytest.raises(AlreadyExistsError):
        write_saved_model(tmp_path / "file", _proto())
    (tmp_path / "empty").mkdir()
    write_saved_model(tmp_path / "empty", _proto())


@pytest.mark.parametrize("name", ["../a", "/a", "", "a/../../b", "a\0"])
def test_assets_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="leads out of its folder"):
        write_saved_model(tmp_path / "m", _proto(), assets={name: b"x"})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_model(tmp_path: Path) -> None:
    write_saved_model(tmp_path / "m", _proto())
    with pytest.raises(NotFoundError):
        write_saved_model(tmp_path / "m", _proto(), assets={"a": tmp_path / "gone"}, overwrite=True)
    assert read_saved_model(tmp_path / "m").proto == _proto()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_names_of_assets(tmp_path: Path) -> None:
    for folder, content in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.txt").write_text(content)
    names = AssetNames()
    found = [names.add(str(tmp_path / folder / "v.txt")) for folder in "abcda"]
    assert found == ["v.txt", "v.txt", "v.txt_1", "v.txt_2", "v.txt"]
    assert names.files["v.txt"] == str(tmp_path / "a/v.txt")
    with pytest.raises(NotFoundError, match="no such file"):
        names.add(str(tmp_path / "gone.txt"))


@pytest.mark.parametrize("name", ["g.pb", "g.pbtxt"])
def test_graphs_in_files(tmp_path: Path, name: str) -> None:
    graph = GraphDef(node=[NodeDef(name="n", op="NoOp")])
    write_graph_def(tmp_path / name, graph)
    assert read_graph_def(tmp_path / name) == graph
    meta = MetaGraphDef(graph_def=graph)
    packed = meta.collection_def["assets"].any_list.value.add()
    packed.Pack(AssetFileDef(filename="a"))
    write_meta_graph_def(tmp_path / name, meta)
    assert read_meta_graph_def(tmp_path / name) == meta
    assert (tmp_path / name).read_bytes().startswith(b"graph_def {") is name.endswith("txt")


def test_killed_writers_leave_whole_models(tmp_path: Path) -> None:
    path = Path(__file__).with_name("saved_model_drill.py")
    spec = importlib.util.spec_from_file_location("saved_model_drill", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["saved_model_drill"] = module
    spec.loader.exec_module(module)
    assert module.drill(tmp_path, 15) >= 15
