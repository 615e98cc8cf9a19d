"""Checkpoints, MetaGraphs and SavedModels of noria.v1 against TensorFlow: each reads what the other wrote."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as real
from tensorflow.python.tools import inspect_checkpoint as real_inspect

import noria.v1 as tf
from noria.v1.inspect_checkpoint import print_tensors_in_checkpoint_file
from saving_checks import assert_equal, assert_same_meta

real.disable_v2_behavior()

BOTH = pytest.mark.parametrize(("writer", "reader"), [(tf, real), (real, tf)], ids=["noria-tf", "tf-noria"])
VALUES = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scope/b": np.array([1, -2], np.int64),
    "h": np.array([1.5, 2.5], np.float16),
    "flag": np.array([True, False]),
    "text": np.array([b"some", b"text\0"], object),
    "c": np.array([1 + 2j], np.complex64),
    "scalar": np.float64(2.5),
    "empty": np.zeros((0, 3), np.float32),
}


def build(t: Any, use_resource: bool = False) -> tuple[Any, list[Any]]:
    """A graph with a variable of each dtype, and a computation."""
    graph = t.Graph()
    with graph.as_default():
        found = [
            t.Variable(value, name=name, dtype=t.string if name == "text" else None,
                       use_resource=use_resource)
            for name, value in VALUES.items()
        ]  # fmt: skip
        x = t.placeholder(t.float32, [None, 2], name="x")
        y = t.matmul(x, found[0], name="y")
        t.add_to_collection("outputs", y)
    return graph, found


def saved(t: Any, folder: Path, *, use_resource: bool = False, **saver: Any) -> str:
    graph, _ = build(t, use_resource)
    with graph.as_default(), t.Session() as session:
        session.run(t.global_variables_initializer())
        prefix: str = t.train.Saver(**saver).save(session, f"{folder}/model.ckpt", global_step=7)
        return prefix


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("options", [{}, {"sharded": True}, {"write_version": 1}], ids=["plain", "sharded", "v1"])
def test_files_are_the_same_bytes(tmp_path: Path, options: dict[str, Any], use_resource: bool) -> None:
    folders = []
    for t, name in ((tf, "noria"), (real, "tf")):
        folder = tmp_path / name / "same"
        folder.mkdir(parents=True)
        with contextlib.chdir(folder):
            saved(t, Path("."), use_resource=use_resource, **options)
        folders.append(folder)
    mine, theirs = ({p.name: p.read_bytes() for p in folder.iterdir() if p.suffix != ".meta"} for folder in folders)
    assert sorted(mine) == sorted(theirs)
    for name in theirs:
        assert mine[name] == theirs[name], name
    metas = [real.MetaGraphDef.FromString((f / "model.ckpt-7.meta").read_bytes()) for f in folders]
    assert_same_meta(*metas)


@BOTH
@pytest.mark.parametrize("options", [{}, {"sharded": True}, {"write_version": 1}], ids=["plain", "sharded", "v1"])
def test_restore(tmp_path: Path, writer: Any, reader: Any, options: dict[str, Any]) -> None:
    prefix = saved(writer, tmp_path, **options)
    graph, variables = build(reader, use_resource=True)
    with graph.as_default(), reader.Session() as session:
        reader.train.Saver().restore(session, prefix)
        for variable, wanted in zip(variables, VALUES.values(), strict=True):
            assert_equal(session.run(variable), wanted)
    assert reader.train.latest_checkpoint(str(tmp_path)) == prefix
    assert reader.train.checkpoint_exists(prefix)


@BOTH
def test_the_meta_graph_saves_and_restores(tmp_path: Path, writer: Any, reader: Any) -> None:
    prefix = saved(writer, tmp_path)
    with reader.Graph().as_default() as graph, reader.Session() as session:
        saver = reader.train.import_meta_graph(prefix + ".meta", clear_devices=True)
        saver.restore(session, prefix)
        x = graph.get_tensor_by_name("x:0")
        (y,) = reader.get_collection("outputs")
        assert_equal(session.run(y, {x: [[1.0, 2.0]]}), np.array([[6.0, 9.0, 12.0]], np.float32))
        assert len(reader.trainable_variables()) == len(VALUES)
        session.run(graph.get_tensor_by_name("w:0").op.outputs[0].op.outputs[0])
        again = saver.save(session, f"{tmp_path}/again")
    assert_equal(reader.train.load_variable(again, "w"), VALUES["w"])
    assert_equal(writer.train.load_variable(again, "scope/b"), VALUES["scope/b"])


@BOTH
def test_import_scope_and_text(tmp_path: Path, writer: Any, reader: Any) -> None:
    graph, _ = build(writer)
    with graph.as_default(), writer.Session() as session:
        session.run(writer.global_variables_initializer())
        saver = writer.train.Saver()
        prefix = saver.save(session, f"{tmp_path}/m", write_meta_graph=False)
        saver.export_meta_graph(f"{tmp_path}/m.pbtxt", as_text=True, strip_default_attrs=True)
    with reader.Graph().as_default() as graph, reader.Session() as session:
        with reader.name_scope("part"):
            reader.constant(0.0, name="w")
        saver = reader.train.import_meta_graph(f"{tmp_path}/m.pbtxt", import_scope="part")
        saver.restore(session, prefix)
        assert_equal(session.run("part_1/w:0"), VALUES["w"])
        (y,) = graph.get_collection("outputs")
        assert y.name == "part_1/y:0"


@BOTH
def test_partitioned(tmp_path: Path, writer: Any, reader: Any) -> None:
    wanted = np.arange(20, dtype=np.float32).reshape(10, 2)

    def make(t: Any, use_resource: bool) -> Any:
        def part(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
            start = partition_info.var_offset[0]
            return t.constant(wanted[start : start + int(shape[0])])

        return t.get_variable(
            "p", [10, 2], initializer=part, use_resource=use_resource, partitioner=t.fixed_size_partitioner(3)
        )

    for use_resource in (False, True):
        prefix = f"{tmp_path}/m{use_resource}"
        with writer.Graph().as_default(), writer.Session() as session:
            make(writer, use_resource)
            session.run(writer.global_variables_initializer())
            writer.train.Saver().save(session, prefix)
        with reader.Graph().as_default(), reader.Session() as session:
            found = make(reader, not use_resource)
            reader.train.Saver().restore(session, prefix)
            assert_equal(session.run(found.as_tensor()), wanted)
        with reader.Graph().as_default(), reader.Session() as session:
            whole = reader.get_variable("p", [10, 2])
            reader.train.Saver({"p": whole}).restore(session, prefix)
            assert_equal(session.run(whole), wanted)


def _loop(t: Any) -> tuple[Any, Any]:
    """A loop and a conditional, with a saver."""
    graph = t.Graph()
    with graph.as_default():
        x = t.placeholder(t.float32, [], name="x")
        w = t.Variable(2.0, name="w")
        _, y = t.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, y * w), [t.constant(0), x], name="loop")
        t.identity(t.cond(y > 10.0, lambda: y + 1.0, lambda: y - 1.0), name="z")
        return graph, t.train.Saver()


@BOTH
def test_loops_and_conditions_travel(writer: Any, reader: Any) -> None:
    metas = []
    for t in (writer, reader):
        graph, saver = _loop(t)
        with graph.as_default():
            metas.append(saver.export_meta_graph())
    assert_same_meta(*metas)
    with reader.Graph().as_default(), reader.Session() as session:
        reader.train.import_meta_graph(type(metas[1]).FromString(metas[0].SerializeToString()))
        reader.train.import_meta_graph(metas[1], import_scope="inner")
        session.run(reader.global_variables_initializer())
        assert session.run("z:0", {"x:0": 1.0}) == 33.0
        assert session.run("inner/z:0", {"inner/x:0": 0.0, "inner/w:0": 3.0}) == -1.0
        assert len(reader.get_collection(reader.GraphKeys.WHILE_CONTEXT)) == 2


def _message(t: Any, prefix: str, change: str) -> tuple[str, str]:
    """What restoring into a graph that does not fit says."""
    with t.Graph().as_default(), t.Session() as session:
        if change == "key":
            t.Variable(VALUES["w"], name="ww")
        elif change == "shape":
            t.Variable(np.zeros([3, 3], np.float32), name="w")
        else:
            t.Variable(np.zeros([2, 3], np.float64), name="w")
        try:
            t.train.Saver().restore(session, prefix)
        except t.errors.OpError as error:
            return type(error).__name__, error.message
    raise AssertionError("it was restored")


@pytest.mark.parametrize("change", ["key", "shape", "dtype"])
def test_what_does_not_fit_is_refused_in_the_same_words(tmp_path: Path, change: str) -> None:
    prefix = saved(real, tmp_path)
    kind, text = _message(tf, prefix, change)
    wanted_kind, wanted = _message(real, prefix, change)
    assert kind == wanted_kind
    head, _, original = wanted.partition("Original error:\n\n")
    assert text.startswith(head + "Original error:\n\n")
    first = {"key": "Key ww not found in checkpoint", "shape": "Assign requires shapes of both tensors to match."}
    assert first.get(change, "tensor_name = w; expected dtype double does not equal original dtype float") in text
    assert first.get(change, "tensor_name = w; expected dtype double does not equal original dtype float") in original


def test_object_based_checkpoint(tmp_path: Path) -> None:
    program = (
        "import tensorflow as tf\n"
        "w = tf.Variable([1.0, 2.0], name='w')\n"
        f"print(tf.train.Checkpoint(inner=w).save('{tmp_path}/objects'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    prefix = done.stdout.split()[-1]
    with tf.Graph().as_default(), tf.Session() as session:
        w = tf.Variable([0.0, 0.0], name="w")
        tf.train.Saver().restore(session, prefix)
        assert_equal(session.run(w), np.array([1.0, 2.0], np.float32))
        tf.Variable([0.0, 0.0], name="other")
        with pytest.raises(tf.errors.NotFoundError, match="Existing variables not in the checkpoint: other"):
            tf.train.Saver().restore(session, prefix)


def _inspected(function: Any, *arguments: Any, **keywords: Any) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        function(*arguments, **keywords)
    return out.getvalue()


@pytest.mark.parametrize(
    "arguments",
    [("", True), ("", False, True), ("w", False), ("nosuch", False), ("", False)],
    ids=["all", "names", "one", "missing", "lines"],
)
@pytest.mark.parametrize("options", [{}, {"count_exclude_pattern": "w|text"}], ids=["", "exclude"])
def test_inspect_checkpoint(tmp_path: Path, arguments: Any, options: dict[str, Any]) -> None:
    prefix = saved(tf, tmp_path)
    mine = _inspected(print_tensors_in_checkpoint_file, prefix, *arguments, **options)
    theirs = _inspected(real_inspect.print_tensors_in_checkpoint_file, prefix, *arguments, **options)
    assert mine == theirs


def test_checkpoint_readers_agree(tmp_path: Path) -> None:
    prefix = saved(real, tmp_path)
    mine, theirs = tf.train.NewCheckpointReader(prefix), real.train.NewCheckpointReader(prefix)
    assert mine.get_variable_to_shape_map() == theirs.get_variable_to_shape_map()
    assert {k: v.name for k, v in mine.get_variable_to_dtype_map().items()} == {
        k: v.name for k, v in theirs.get_variable_to_dtype_map().items()
    }
    assert mine.debug_string() == theirs.debug_string()
    for name in VALUES:
        assert_equal(mine.get_tensor(name), theirs.get_tensor(name))
    assert tf.train.list_variables(str(tmp_path)) == real.train.list_variables(str(tmp_path))


def test_what_is_kept(tmp_path: Path) -> None:
    states = []
    for t, name in ((tf, "noria"), (real, "tf")):
        folder = tmp_path / name
        folder.mkdir()
        with t.Graph().as_default(), t.Session() as session, contextlib.chdir(folder):
            t.Variable(1.0)
            session.run(t.global_variables_initializer())
            saver = t.train.Saver(max_to_keep=2, pad_step_number=True)
            for step in range(4):
                saver.save(session, "./m.ckpt", global_step=step)
            saver.save(session, "./m.ckpt", global_step=2, latest_filename="other")
            states.append(
                (sorted(p.name for p in folder.iterdir()), (folder / "checkpoint").read_bytes(),
                 (folder / "other").read_bytes(), saver.last_checkpoints)
            )  # fmt: skip
    assert states[0] == states[1]
