"""``tf.summary.FileWriter`` and ``tf.train.summary_iterator``."""

from __future__ import annotations

from pathlib import Path

import pytest

import noria.v1 as tf


def events(folder: Path) -> list[list[object]]:
    return [list(tf.train.summary_iterator(path)) for path in sorted(folder.iterdir())]


def scalar(value: float) -> object:
    return tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=value)])


def test_summaries_and_steps(tmp_path: Path) -> None:
    writer = tf.summary.FileWriter(tmp_path / "log", filename_suffix=".mine")
    assert writer.get_logdir() == str(tmp_path / "log")
    writer.add_summary(scalar(2.0), 3)
    writer.add_summary(scalar(1.0).SerializeToString(), global_step=4)  # type: ignore[attr-defined]
    writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), 5)
    writer.flush()
    ((first, *rest),) = events(tmp_path / "log")
    assert first.file_version == "brain.Event:2"  # type: ignore[attr-defined]
    assert [(e.step, e.WhichOneof("what")) for e in rest] == [  # type: ignore[attr-defined]
        (3, "summary"),
        (4, "summary"),
        (5, "session_log"),
    ]
    assert rest[1].summary.value[0].simple_value == 1.0  # type: ignore[attr-defined]
    assert rest[0].wall_time > 1.5e9  # type: ignore[attr-defined]
    (name,) = [path.name for path in (tmp_path / "log").iterdir()]
    assert name.startswith("events.out.tfevents.")
    assert name.endswith(".mine")
    writer.close()


def test_close_and_reopen(tmp_path: Path) -> None:
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        writer.add_summary(scalar(1.0))
    writer.add_summary(scalar(2.0))  # after the end: nothing
    writer.reopen()
    writer.reopen()
    writer.add_summary(scalar(3.0))
    writer.close()
    assert [len(file) for file in events(tmp_path)] == [2, 2]


def test_many_events_do_not_wait(tmp_path: Path) -> None:
    writer = tf.summary.FileWriter(str(tmp_path), max_queue=2)
    for _ in range(3):
        writer.add_summary(scalar(1.0))
    assert [len(file) for file in events(tmp_path)] == [3]
    writer.close()


def test_graphs(tmp_path: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        tf.placeholder(tf.float32, [None, 2], name="x")
    tf.summary.FileWriter(str(tmp_path), graph).close()
    ((_, first, second),) = events(tmp_path)
    made = tf.GraphDef.FromString(first.graph_def)  # type: ignore[attr-defined]
    assert made.node[0].name == "x"
    assert "_output_shapes" in made.node[0].attr
    assert tf.MetaGraphDef.FromString(second.meta_graph_def).graph_def == made  # type: ignore[attr-defined]
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        with pytest.raises(ValueError, match="not both"):
            writer.add_graph(graph, graph_def=made)
        with pytest.raises(TypeError, match="must be an instance of `Graph`"):
            writer.add_graph(3)
        with pytest.raises(TypeError, match="must be type MetaGraphDef"):
            writer.add_meta_graph(made)


def test_run_metadata_once_per_tag(tmp_path: Path) -> None:
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        writer.add_run_metadata(tf.RunMetadata(), "step1", 1)
        with pytest.raises(ValueError, match="already used"):
            writer.add_run_metadata(tf.RunMetadata(), "step1", 2)
    assert events(tmp_path)[0][1].tagged_run_metadata.tag == "step1"  # type: ignore[attr-defined]


def test_a_writer_for_each_folder(tmp_path: Path) -> None:
    with tf.Graph().as_default():
        first = tf.summary.FileWriterCache.get(str(tmp_path))
        assert tf.summary.FileWriterCache.get(str(tmp_path)) is first
    tf.summary.FileWriterCache.clear()
    first.close()
