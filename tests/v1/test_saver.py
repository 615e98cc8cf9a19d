"""tf.train.Saver: which files it writes and keeps, what it refuses, what it says."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria.v1 as tf
from noria.formats import checkpoint_dir
from noria.formats.bundle import write_bundle
from noria.formats.checkpoint import open_checkpoint


@pytest.fixture(autouse=True)
def fresh_graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def session() -> Any:
    made = tf.Session()
    made.run(tf.global_variables_initializer())
    return made


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_keeps_the_last_ones(tmp_path: Path) -> None:
    w = tf.Variable([1.0], name="w")
    saver = tf.train.Saver(max_to_keep=2)
    with session() as sess:
        for step in range(4):
            prefix = saver.save(sess, str(tmp_path / "m"), global_step=step)
    assert saver.last_checkpoints == [f"{tmp_path}/m-2", prefix]
    assert names(tmp_path) == ["checkpoint"] + [
        f"m-{step}{end}" for step in (2, 3) for end in (".data-00000-of-00001", ".index", ".meta")
    ]
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert state.model_checkpoint_path == prefix
    assert list(state.all_model_checkpoint_paths) == saver.last_checkpoints
    assert tf.train.latest_checkpoint(str(tmp_path)) == prefix
    assert w.name == "w:0"


def test_keeps_all_or_some_for_good(tmp_path: Path) -> None:
    tf.Variable([1.0], name="w")
    with session() as sess:
        every = tf.train.Saver(max_to_keep=None)
        for step in range(3):
            every.save(sess, str(tmp_path / "all"), step, latest_filename="every", write_meta_graph=False)
        assert every.last_checkpoints == []
        hourly = tf.train.Saver(max_to_keep=1, keep_checkpoint_every_n_hours=1e-9)
        for step in range(3):
            time.sleep(0.01)
            hourly.save(sess, str(tmp_path / "hourly"), step, write_meta_graph=False)
    indices = [n for n in names(tmp_path) if n.endswith(".index")]
    assert indices == [
        "all-0.index",
        "all-1.index",
        "all-2.index",
        "hourly-0.index",
        "hourly-1.index",
        "hourly-2.index",
    ]


def test_after_a_restart_the_old_ones_count(tmp_path: Path) -> None:
    tf.Variable([1.0], name="w")
    with session() as sess:
        first = tf.train.Saver()
        prefixes = [first.save(sess, str(tmp_path / "m"), step) for step in range(3)]
        second = tf.train.Saver(max_to_keep=3)
        second.recover_last_checkpoints([*prefixes, str(tmp_path / "gone")])
        assert second.last_checkpoints == prefixes
        second.save(sess, str(tmp_path / "m"), 3)
        assert not tf.train.checkpoint_exists(prefixes[0])
        second.set_last_checkpoints(["a", "b"])
        second.set_last_checkpoints_with_time([("c", 1.0)])
        assert second.last_checkpoints == ["c"]
    assert len(tf.train.get_checkpoint_mtimes(prefixes)) == 2


def test_where_and_how_it_is_named(tmp_path: Path) -> None:
    step = tf.Variable(5, name="step")
    with session() as sess, contextlib.chdir(tmp_path):
        saver = tf.train.Saver(pad_step_number=True, save_relative_paths=True)
        assert saver.save(sess, str(tmp_path / "m"), global_step=step) == f"{tmp_path}/m-00000005"
        assert 'model_checkpoint_path: "m-00000005"' in (tmp_path / "checkpoint").read_text()
        assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/m-00000005"
        assert saver.save(sess, "./here", write_state=False, write_meta_graph=False) == "./here"
        assert saver.save(sess, b"./bytes", meta_graph_suffix="graph") == "./bytes"
    assert {"here.index", "bytes.graph", "m-00000005.meta"} <= set(names(tmp_path))


def test_restores_without_initialising_and_by_other_names(tmp_path: Path) -> None:
    write_bundle(tmp_path / "m", {"old/w": np.array([1, 2], np.float32), "b": np.float32(3)})
    w = tf.Variable([0.0, 0.0], name="w")
    b = tf.Variable(0.0, name="b", use_resource=True)
    with tf.Session() as sess:
        tf.train.Saver({"old/w": w, "b": b}).restore(sess, str(tmp_path / "m"))
        assert sess.run([w, b])[0].tolist() == [1.0, 2.0]
        assert sess.run(b) == 3.0


def test_reshapes_when_asked(tmp_path: Path) -> None:
    write_bundle(tmp_path / "m", {"w": np.arange(4, dtype=np.float32)})
    w = tf.Variable([[0.0, 0.0], [0.0, 0.0]], name="w")
    with tf.Session() as sess:
        tf.train.Saver(reshape=True).restore(sess, str(tmp_path / "m"))
        assert sess.run(w).tolist() == [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize("use_resource", [False, True])
def test_what_does_not_fit(tmp_path: Path, use_resource: bool) -> None:
    write_bundle(tmp_path / "m", {"dense/kernel": np.zeros((2, 3), np.float32)})
    path = str(tmp_path / "m")
    missing = tf.Variable(np.zeros((2, 3), np.float32), name="dense/kernal", use_resource=use_resource)
    start = "Restoring from checkpoint failed. This is most likely due to "
    with tf.Session() as sess:
        with pytest.raises(tf.errors.NotFoundError) as lost:
            tf.train.Saver([missing]).restore(sess, path)
        assert str(lost.value).startswith(f"{start}a Variable name or other graph key that is missing")
        assert "Key dense/kernal not found in checkpoint" in str(lost.value)
        assert "near names: dense/kernel" in str(lost.value)
        shapes = [] if use_resource else [np.zeros((3, 2), np.float32)]  # a resource takes any shape, as in TensorFlow
        for value in (*shapes, np.zeros((2, 3), np.float64)):
            other = tf.Variable(value, use_resource=use_resource)
            with pytest.raises(tf.errors.InvalidArgumentError) as bad:
                tf.train.Saver({"dense/kernel": other}).restore(sess, path)
            assert str(bad.value).startswith(f"{start}a mismatch between the current graph and the graph")


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No variables to save"):
        tf.train.Saver()
    empty = tf.train.Saver(allow_empty=True)
    w = tf.Variable(1.0, name="w")
    saver = tf.train.Saver()
    with pytest.raises(ValueError, match="build cannot be deferred"):
        tf.train.Saver([w], defer_build=True)
    with pytest.raises(ValueError, match="At least two variables have the same name: w"):
        tf.train.Saver([w, w])
    with pytest.raises(ValueError, match="restored with two names"):
        tf.train.Saver({"a": w, "b": w})
    with pytest.raises(TypeError, match="Not a variable"):
        tf.train.Saver({"a": tf.constant(1.0)})
    with pytest.raises(TypeError, match="Name is not a string"):
        tf.train.Saver({1: w})
    with session() as sess:
        assert empty.save(sess, str(tmp_path / "empty"), write_meta_graph=False) is None
        empty.restore(sess, "nowhere")
        with pytest.raises(ValueError, match="doesn't exist, can't save"):
            saver.save(sess, str(tmp_path / "no" / "such" / "m"))
        with pytest.raises(ValueError, match="must not contain path components"):
            saver.save(sess, str(tmp_path / "m"), latest_filename="a/b")
        with pytest.raises(ValueError, match="collides with 'save_path'"):
            saver.save(sess, str(tmp_path / "checkpoint"))
        with pytest.raises(ValueError, match="is not a valid checkpoint"):
            saver.restore(sess, str(tmp_path / "m"))
        with pytest.raises(ValueError, match="when it is None"):
            saver.restore(sess, None)
    with pytest.raises(TypeError, match="must be a Session"):
        saver.save(3, str(tmp_path / "m"))
    with tf.Session() as sess, pytest.raises(tf.errors.FailedPreconditionError):
        saver.save(sess, str(tmp_path / "m"))
    assert names(tmp_path) == []


def test_build_may_be_put_off(tmp_path: Path) -> None:
    saver = tf.train.Saver(defer_build=True)
    w = tf.Variable(2.0, name="w")
    with session() as sess, pytest.raises(RuntimeError, match="build"):
        saver.save(sess, str(tmp_path / "m"))
    saver.build()
    with session() as sess:
        prefix = saver.save(sess, str(tmp_path / "m"))
    assert open_checkpoint(prefix)["w"] == 2.0
    assert w.op.name == "w"


def test_messages() -> None:
    tf.Variable(2.0, name="w")
    with tf.name_scope("part"):
        saver = tf.train.Saver(max_to_keep=3)
    definition = saver.as_saver_def()
    assert definition is saver.saver_def is saver.to_proto()
    assert (definition.save_tensor_name, definition.max_to_keep) == ("part/save/control_dependency:0", 3)
    assert saver.to_proto("elsewhere") is None
    inner = saver.to_proto("part")
    assert inner.restore_op_name == "save/restore_all"
    again = tf.train.Saver.from_proto(inner, import_scope="part")
    assert again.saver_def.filename_tensor_name == "part/save/Const:0"
    with pytest.raises(ValueError, match="must specify the save_tensor_name"):
        tf.train.Saver(saver_def=tf.train.SaverDef())


def test_a_full_checkpoint_folder_is_never_named_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values, index, graph, state file, then deletion: seen from what each step finds on disk."""
    tf.Variable([1.0], name="w")
    saver = tf.train.Saver(max_to_keep=1)
    seen: list[list[str]] = []
    update, remove = checkpoint_dir.update_checkpoint_state, checkpoint_dir.remove_checkpoint

    def watched_update(*args: Any, **keywords: Any) -> None:
        seen.append(names(tmp_path))
        update(*args, **keywords)

    def watched_remove(*args: Any, **keywords: Any) -> None:
        assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/m-1"
        remove(*args, **keywords)

    monkeypatch.setattr(checkpoint_dir, "update_checkpoint_state", watched_update)
    monkeypatch.setattr(checkpoint_dir, "remove_checkpoint", watched_remove)
    with session() as sess:
        for step in range(2):
            saver.save(sess, str(tmp_path / "m"), step)
    assert seen[0] == ["m-0.data-00000-of-00001", "m-0.index", "m-0.meta"]
    assert set(seen[1]) == {"checkpoint", *seen[0], *(n.replace("m-0", "m-1") for n in seen[0])}


def test_reading_checkpoints(tmp_path: Path) -> None:
    write_bundle(tmp_path / "m", {"w": np.array([[1, 2]], np.float32), "text": np.array(b"some", object)})
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "m"))
    reader = tf.train.NewCheckpointReader(str(tmp_path / "m"))
    assert reader.get_variable_to_shape_map() == {"text": [], "w": [1, 2]}
    assert reader.get_variable_to_dtype_map() == {"text": tf.string, "w": tf.float32}
    assert reader.has_tensor("w")
    assert not reader.has_tensor("v")
    assert reader.get_tensor("text") == b"some"
    assert reader.debug_string() == b"text (DT_STRING) []\nw (DT_FLOAT) [1,2]\n"
    with pytest.raises(tf.errors.NotFoundError, match="Key v not found in checkpoint"):
        reader.get_tensor("v")
    assert tf.train.list_variables(str(tmp_path)) == [("text", []), ("w", [1, 2])]
    assert tf.train.load_variable(str(tmp_path / "m"), "w:0").tolist() == [[1.0, 2.0]]
    assert tf.train.load_checkpoint(str(tmp_path)).has_tensor("w")
    (tmp_path / "none").mkdir()
    assert tf.train.latest_checkpoint(str(tmp_path / "none")) is None
    with pytest.raises(ValueError, match="Couldn't find 'checkpoint' file"):
        tf.train.load_checkpoint(str(tmp_path / "none"))
    tf.train.remove_checkpoint(str(tmp_path / "m"))
    assert not tf.train.checkpoint_exists(str(tmp_path / "m"))


def test_iterating_over_new_checkpoints(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", {"w": np.float32(1)})
    tf.train.update_checkpoint_state(str(tmp_path), str(tmp_path / "a"))
    assert list(tf.train.checkpoints_iterator(str(tmp_path), timeout=0)) == [str(tmp_path / "a")]
    answers = iter([False, True])
    found = tf.train.checkpoints_iterator(str(tmp_path), timeout=0, timeout_fn=lambda: next(answers))
    assert list(found) == [str(tmp_path / "a")]
    assert not list(answers)


def test_assigning_from_a_checkpoint(tmp_path: Path) -> None:
    path = str(tmp_path / "m")
    write_bundle(path, {"old/w": np.array([1, 2], np.float32), "b": np.array(3, np.float32)})
    w = tf.Variable([0.0, 0.0], name="w")
    b = tf.Variable(0.0, name="b", use_resource=True)
    new = tf.Variable(5.0, name="new")
    framework = tf.contrib.framework
    with session() as sess:
        sess.run(*framework.assign_from_checkpoint(path, {"old/w": w}))
        assert sess.run(w).tolist() == [1.0, 2.0]
        with pytest.raises(ValueError, match=r"Checkpoint is missing variable \[new\]"):
            framework.assign_from_checkpoint(path, [b, new])
        sess.run(*framework.assign_from_checkpoint(path, [b, new], ignore_missing_vars=True))
        assert sess.run([b, new]) == [3.0, 5.0]
        with pytest.raises(ValueError, match="Total size of new array must be unchanged for old/w"):
            framework.assign_from_checkpoint(path, {"old/w": b})
        sess.run(b.assign(0.0))
        framework.assign_from_checkpoint_fn(path, [b, new], ignore_missing_vars=True)(sess)
        assert sess.run(b) == 3.0
        assert tf.contrib.slim.assign_from_checkpoint_fn(path, [new], ignore_missing_vars=True) is None
        with pytest.raises(ValueError, match="var_list cannot be empty"):
            framework.assign_from_checkpoint_fn(path, [])
