"""``tf.gfile``, flags, files of records and events, and messages against TensorFlow, both ways."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tensorflow
from tensorflow.core.protobuf import config_pb2

import noria.v1 as noria
from conftest import REPOSITORY
from v1.gfile_cases import outcomes

tf = tensorflow.compat.v1
RECORDS = [b"", b"one", b"\x00\xff" * 1000]


def test_gfile_golden_is_tensorflows(tmp_path: Path) -> None:
    assert outcomes(tf, tmp_path) == (REPOSITORY / "tests/golden/v1/gfile.txt").read_text().splitlines()


@pytest.mark.parametrize("kind", ["", "GZIP", "ZLIB"])
@pytest.mark.parametrize("settings", [{}, {"compression_level": 9, "mem_level": 3}])
@pytest.mark.parametrize(("writer", "reader"), [(noria, tf), (tf, noria)])
def test_records(tmp_path: Path, writer: Any, reader: Any, kind: str, settings: dict[str, int]) -> None:
    path = str(tmp_path / "records")
    with writer.python_io.TFRecordWriter(path, writer.python_io.TFRecordOptions(kind, **settings)) as out:
        for record in RECORDS:
            out.write(record)
            out.flush()
    assert list(reader.python_io.tf_record_iterator(path, reader.python_io.TFRecordOptions(kind))) == RECORDS


def test_plain_records_are_the_same_bytes(tmp_path: Path) -> None:
    for side, module in enumerate((noria, tf)):
        with module.python_io.TFRecordWriter(str(tmp_path / str(side))) as out:
            for record in RECORDS:
                out.write(record)
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


@pytest.mark.parametrize(("writer", "reader"), [(noria, tf), (tf, noria)])
def test_event_files(tmp_path: Path, writer: Any, reader: Any) -> None:
    with tensorflow.Graph().as_default(), writer.Graph().as_default() as graph:
        writer.placeholder(writer.float32, [None, 3], name="x")
        out = writer.summary.FileWriter(str(tmp_path), graph, filename_suffix=".v1")
        out.add_summary(writer.Summary(value=[writer.Summary.Value(tag="loss", simple_value=0.5)]), 7)
        out.add_session_log(writer.SessionLog(status=writer.SessionLog.CHECKPOINT, checkpoint_path="here"), 8)
        out.add_run_metadata(writer.RunMetadata(), "run", 9)
        out.close()
    (path,) = tmp_path.iterdir()
    events = list(reader.train.summary_iterator(str(path)))
    assert [event.WhichOneof("what") for event in events] == [
        "file_version",
        "graph_def",
        "meta_graph_def",
        "summary",
        "session_log",
        "tagged_run_metadata",
    ]
    assert [event.step for event in events[3:]] == [7, 8, 9]
    assert events[3].summary.value[0].simple_value == 0.5
    made = reader.GraphDef.FromString(events[1].graph_def)
    assert made.node[0].attr["_output_shapes"].list.shape[0].dim[1].size == 3


def test_configs_and_examples_cross_the_wire() -> None:
    config = noria.ConfigProto(log_device_placement=True, device_count={"GPU": 1}, inter_op_parallelism_threads=3)
    config.gpu_options.per_process_gpu_memory_fraction = 0.25
    config.graph_options.optimizer_options.global_jit_level = noria.OptimizerOptions.ON_1
    theirs = config_pb2.ConfigProto.FromString(config.SerializeToString(deterministic=True))
    assert str(theirs) == str(config)
    assert theirs.SerializeToString(deterministic=True) == config.SerializeToString(deterministic=True)
    feature = {"n": noria.train.Feature(int64_list=noria.train.Int64List(value=[1, -2]))}
    example = noria.train.Example(features=noria.train.Features(feature=feature))
    assert tf.train.Example.FromString(example.SerializeToString()).features.feature["n"].int64_list.value == [1, -2]


FLAGS = """
if {oracle}:
    import tensorflow.compat.v1 as tf
else:
    import noria.v1 as tf
flags = tf.app.flags
flags.DEFINE_string("name", "x", "its name")
flags.DEFINE_integer("k", 3, "how many", lower_bound=1)
flags.DEFINE_bool("b", True, "whether")
flags.DEFINE_list("l", ["a"], "some")
flags.DEFINE_enum("kind", "one", ["one", "two"], "which")
flags.DEFINE_multi_integer("m", [1], "many")
flags.DEFINE_float("rate", default_value=0.5, docstring="how fast")
F = flags.FLAGS
def main(rest):
    F.k += 1
    print(rest[1:], F.name, F.k, F.b, F.l, F.kind, F.m, F.rate, F["k"].default, F["k"].present, "zz" in F)
    try:
        flags.DEFINE_integer("k", 1, "again")
    except flags.DuplicateFlagError:
        print("twice")
    try:
        F.zz
    except AttributeError as error:
        print(type(error).__name__, error)
    try:
        F.kind = "three"
    except flags.IllegalFlagValueError as error:
        print(error)
    return len(rest)
if __name__ == "__main__":
    tf.app.run()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--name=z", "--k", "7", "--nob", "-l=q,r", "--m=4", "--m=5", "--rate=1e-3"],
        ["--unknown=3", "rest", "--b=false", "more", "--kind=two"],
        ["--b", "--", "--k=1"],
    ],
)
def test_flags(tmp_path: Path, arguments: list[str]) -> None:
    results = []
    for oracle in (True, False):
        (tmp_path / "program.py").write_text(FLAGS.format(oracle=oracle))
        command = [sys.executable, str(tmp_path / "program.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        results.append((done.stdout, done.returncode))
    assert results[0] == results[1]
