"""Every format against TensorFlow, both ways: what it writes we read, what we write it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, variable_pb2

from noria import dtypes
from noria.errors import DataLossError
from noria.formats import tensor_slice
from noria.formats.bundle import BundleReader, BundleWriter
from noria.formats.checkpoint import open_checkpoint
from noria.formats.checkpoint_dir import latest_checkpoint, read_state, write_state
from noria.formats.example import make_example, make_sequence_example, parse_example, parse_sequence_example
from noria.formats.graph_def import read_graph_def, read_meta_graph_def
from noria.formats.record import Compression, RecordWriter, read_records
from noria.formats.saved_model import read_saved_model, signatures
from noria.formats.tensor_proto import field_of, from_array, to_array
from noria.protos.tensorflow import TensorProto

v1 = tf.compat.v1
PLAIN = [d for d in dtypes.ALL if not d.numpy.hasobject]
NAMES = [d.name for d in PLAIN]


def sample(dtype: dtypes.DType) -> npt.NDArray[Any]:
    values = np.array([[0, 1, 1], [1, 0, 1]])
    if dtype.is_complex:
        return (values + 2j * values[::-1]).astype(dtype.numpy)
    return values.astype(np.float32).astype(dtype.numpy)


def same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    """Equal shape and bytes; TensorFlow gives some dtypes (quantised) as structured arrays of the plain one."""
    assert found.shape == expected.shape
    assert found.astype(expected.dtype).tolist() == expected.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_tensor_protos_of_tensorflow(name: str) -> None:
    dtype = dtypes.from_name(name)
    array = sample(dtype)
    tf_dtype = tf.dtypes.as_dtype(dtype.number)
    made = tf.make_tensor_proto(array.astype(tf_dtype.as_numpy_dtype), dtype=tf_dtype)
    found = to_array(TensorProto.FromString(made.SerializeToString()))
    assert found.dtype == dtype.numpy
    same(found, array)


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_tensor_protos_of_noria(name: str, content: bool) -> None:
    dtype = dtypes.from_name(name)
    array = sample(dtype)
    data = from_array(array, dtype, content=content).SerializeToString()
    parsed = tf.io.parse_tensor(data, tf.dtypes.as_dtype(dtype.number))
    assert parsed.shape == array.shape
    assert np.array_equal(parsed.numpy().view(np.uint8), array.view(np.uint8))
    if not content and not name.endswith("fnuz"):  # its Python reader does not know these
        made = tensor_pb2.TensorProto.FromString(data)
        same(np.asarray(tf.make_ndarray(made)), array)


def test_strings_both_ways() -> None:
    array = np.array([[b"a", b""], [b"\0b", b"c" * 300]], object)
    assert to_array(TensorProto.FromString(tf.make_tensor_proto(array).SerializeToString())).tolist() == array.tolist()
    assert tf.io.parse_tensor(from_array(array).SerializeToString(), tf.string).numpy().tolist() == array.tolist()


@pytest.mark.parametrize("stored", [0, 1, 2, 5])
@pytest.mark.parametrize("name", [*NAMES, "string"])
def test_too_few_and_too_many_values(name: str, stored: int) -> None:
    """The last value is repeated, the rest is dropped, none gives zeros: in every dtype's own field."""
    dtype = dtypes.from_name(name)
    proto = TensorProto(dtype=dtype.number)
    proto.tensor_shape.dim.add(size=3)
    count = 2 * stored if dtype.is_complex else stored
    field = field_of(dtype)
    if field == "float8_val":
        proto.float8_val = bytes(range(1, count + 1))
    elif field == "string_val":
        proto.string_val.extend(b"x" * i for i in range(1, count + 1))
    else:
        getattr(proto, field).extend(bool(i % 2) if field == "bool_val" else i for i in range(1, count + 1))
    expected = tf.io.parse_tensor(proto.SerializeToString(), tf.dtypes.as_dtype(dtype.number)).numpy()
    found = to_array(proto)
    if name == "string":
        assert found.tolist() == expected.tolist()
    else:
        assert np.array_equal(found.view(np.uint8), expected.view(np.uint8))


def save(folder: Path, build: Any, **options: Any) -> str:
    """Build a graph of variables with ``build``, save it with a Saver; returns the prefix."""
    with tf.Graph().as_default(), v1.Session() as session:
        variables = build()
        session.run(v1.global_variables_initializer())
        return str(v1.train.Saver(variables, **options).save(session, str(folder / "model.ckpt"), global_step=3))


SAVED = [d.name for d in PLAIN if d.name not in ("int2", "uint2", "float4_e2m1fn")]


def test_checkpoint_of_every_dtype(tmp_path: Path) -> None:
    """Through the save op itself, which takes any tensor."""
    tensors = {
        n: tf.io.parse_tensor(
            from_array(sample(dtypes.from_name(n)), dtypes.from_name(n)).SerializeToString(),
            tf.dtypes.as_dtype(dtypes.from_name(n).number),
        )
        for n in SAVED
    }
    tensors["string"] = tf.constant([["a", ""], ["b" * 200, "c\0"]])
    tensors["scalar"] = tf.constant(3.5)
    tensors["empty"] = tf.zeros((0, 4))
    names = sorted(tensors)
    prefix = str(tmp_path / "all")
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=[tensors[n] for n in names]
    )
    reader = open_checkpoint(prefix)
    assert sorted(reader) == names
    for name in SAVED:
        assert reader.entry(name).dtype.name == name
        assert reader[name].view(np.uint8).tolist() == sample(dtypes.from_name(name)).view(np.uint8).tolist()
    assert reader["string"].tolist() == tensors["string"].numpy().tolist()
    assert reader["scalar"].item() == 3.5
    assert reader["empty"].shape == (0, 4)


@pytest.mark.parametrize("version", [v1.train.SaverDef.V1, v1.train.SaverDef.V2])
def test_partitioned_sharded_and_plain_variables(tmp_path: Path, version: int) -> None:
    matrix = np.arange(40, dtype=np.float32).reshape(10, 4)

    def build() -> Any:
        v1.get_variable("w", initializer=tf.constant(matrix), partitioner=v1.fixed_size_partitioner(3))
        with tf.device("/cpu:0"):
            v1.get_variable("b", initializer=tf.constant([1, 2, 3], tf.int64))
        v1.get_variable("s", initializer=tf.constant(2.5, tf.float64))
        return None

    for sharded in (False, True):
        (tmp_path / f"{sharded}").mkdir()
        prefix = save(tmp_path / f"{sharded}", build, write_version=version, sharded=sharded)
        reader = open_checkpoint(prefix)
        same(reader["w"], matrix)
        assert len(reader.entry("w").slices) == 3
        assert reader["b"].tolist() == [1, 2, 3]
        assert reader["s"].item() == 2.5
        same(reader.read_slice("w", "10 4 3,5:1,2"), matrix[3:8, 1:3])
        if version == v1.train.SaverDef.V2:
            (piece,) = tf.raw_ops.RestoreV2(
                prefix=prefix, tensor_names=["w"], shape_and_slices=["10 4 3,5:1,2"], dtypes=[tf.float32]
            )
            same(reader.read_slice("w", "10 4 3,5:1,2"), piece.numpy())
        assert read_meta_graph_def(prefix.partition("-?????")[0] + ".meta").graph_def.node
        folder = tmp_path / f"{sharded}"
        state = read_state(folder)
        assert state is not None
        assert state.latest == latest_checkpoint(folder) == tf.train.latest_checkpoint(str(folder)) == prefix


def test_merged_shards(tmp_path: Path) -> None:
    """Two saves merged into one checkpoint of two shards, as distributed training does."""
    parts = []
    for i in range(2):
        parts.append(str(tmp_path / f"part{i}"))
        tf.raw_ops.SaveV2(
            prefix=parts[-1], tensor_names=[f"x{i}"], shape_and_slices=[""], tensors=[tf.fill([5], float(i))]
        )
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(tmp_path / "merged"))
    assert len(list(tmp_path.glob("merged.data-*-of-00002"))) == 2
    reader = open_checkpoint(tmp_path / "merged")
    assert reader["x0"].tolist() == [0.0] * 5
    assert reader["x1"].tolist() == [1.0] * 5
    (tmp_path / "merged.data-00001-of-00002").write_bytes(b"")
    with pytest.raises(DataLossError, match="do not fit"):
        open_checkpoint(tmp_path / "merged")["x1"]


def test_object_checkpoint(tmp_path: Path) -> None:
    prefix = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0]), n=tf.Variable(7)).save(str(tmp_path / "ckpt"))
    reader = open_checkpoint(prefix)
    assert reader["v/.ATTRIBUTES/VARIABLE_VALUE"].tolist() == [1.0, 2.0]
    expected = tf.train.load_checkpoint(prefix).get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    assert reader["_CHECKPOINTABLE_OBJECT_GRAPH"].item() == expected
    assert latest_checkpoint(tmp_path) == prefix


def test_large_index_of_tensorflow(tmp_path: Path) -> None:
    """Many names: several blocks, shared prefixes, restarts."""
    names = [f"layer_{i // 100}/block_{i // 10}/weights_with_a_long_name_{i}" for i in range(5000)]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "m"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(i) for i in range(len(names))],
    )
    reader = open_checkpoint(tmp_path / "m")
    assert [int(reader[n]) for n in names] == list(range(5000))
    with BundleWriter(tmp_path / "ours") as writer:
        for i, name in enumerate(names):
            writer.add(name, np.int32(i))
    theirs = tf.train.load_checkpoint(str(tmp_path / "ours"))
    assert [int(theirs.get_tensor(n)) for n in names] == list(range(5000))


def test_tensorflow_reads_our_checkpoint(tmp_path: Path) -> None:
    prefix = str(tmp_path / "ours")
    matrix = np.arange(20, dtype=np.float32).reshape(5, 4)
    with BundleWriter(prefix) as writer:
        for name in SAVED:
            writer.add(name, sample(dtypes.from_name(name)), dtypes.from_name(name))
        writer.add("string", np.array([b"a", b"", b"c" * 300], object))
        writer.add("empty", np.zeros((0, 4), np.float32))
        writer.add("no strings", np.zeros((0,), object))
        writer.add_slice("parts", (5, 4), ((0, 2), (0, -1)), matrix[:2])
        writer.add_slice("parts", (5, 4), ((2, 3), (0, -1)), matrix[2:])
    for name in SAVED:
        (found,) = tf.raw_ops.RestoreV2(
            prefix=prefix,
            tensor_names=[name],
            shape_and_slices=[""],
            dtypes=[tf.dtypes.as_dtype(dtypes.from_name(name).number)],
        )
        assert np.array_equal(found.numpy().view(np.uint8), sample(dtypes.from_name(name)).view(np.uint8)), name
    theirs = tf.train.load_checkpoint(prefix)
    assert theirs.get_tensor("string").tolist() == [b"a", b"", b"c" * 300]
    assert theirs.get_tensor("empty").shape == (0, 4)
    assert theirs.get_tensor("no strings").shape == (0,)
    same(theirs.get_tensor("parts"), matrix)
    write_state(tmp_path, prefix)
    assert tf.train.latest_checkpoint(str(tmp_path)) == prefix


def test_damage_of_a_checkpoint_of_tensorflow(tmp_path: Path) -> None:
    prefix = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(str(tmp_path / "m"))
    expected = {n: v.tolist() for n, v in open_checkpoint(prefix).items()}
    for file in (tmp_path / "m.index", tmp_path / "m.data-00000-of-00001"):
        content = file.read_bytes()
        for at in range(len(content)):
            file.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :])
            try:
                found = {n: v.tolist() for n, v in open_checkpoint(prefix).items()}
            except DataLossError:
                continue
            assert found == expected
        file.write_bytes(content)


def test_slice_texts_of_tensorflow() -> None:
    info = variable_pb2.SaveSliceInfoDef(full_name="w", full_shape=[10, 4], var_offset=[3, 0], var_shape=[4, 4])
    spec = tf.Variable.SaveSliceInfo(save_slice_info_def=info).spec
    assert tensor_slice.parse_spec(spec) == ((10, 4), ((3, 4), (0, 4)))


KINDS: list[Compression] = ["", "GZIP", "ZLIB"]


@pytest.mark.parametrize("compression", KINDS)
def test_records_both_ways(tmp_path: Path, compression: Compression) -> None:
    records = [b"one", b"", bytes(range(256)) * 5000]
    theirs, ours = str(tmp_path / "theirs"), str(tmp_path / "ours")
    with tf.io.TFRecordWriter(theirs, compression) as writer:
        for record in records:
            writer.write(record)
    with RecordWriter(ours, compression) as mine:
        for record in records:
            mine.write(record)
    assert list(read_records(theirs, compression)) == records
    assert list(read_records(theirs)) == records
    assert [r.numpy() for r in tf.data.TFRecordDataset(ours, compression)] == records


def test_examples_both_ways() -> None:
    example = tf.train.Example.FromString(make_example({"f": [0.5, 2], "i": [-1], "b": [b"a\0"]}))
    assert list(example.features.feature["f"].float_list.value) == [0.5, 2]
    assert list(example.features.feature["i"].int64_list.value) == [-1]
    assert list(example.features.feature["b"].bytes_list.value) == [b"a\0"]
    found = parse_example(example.SerializeToString())
    assert {n: list(v) for n, v in found.items()} == {"f": [0.5, 2.0], "i": [-1], "b": [b"a\0"]}
    sequence = tf.train.SequenceExample.FromString(make_sequence_example({"id": 7}, {"w": [[b"a"], [b"b", b"c"]]}))
    assert list(sequence.feature_lists.feature_list["w"].feature[1].bytes_list.value) == [b"b", b"c"]
    context, lists = parse_sequence_example(sequence.SerializeToString())
    assert list(context["id"]) == [7]
    assert lists["w"] == [[b"a"], [b"b", b"c"]]


def test_saved_models_of_both_eras(tmp_path: Path) -> None:
    module = tf.Module()
    module.v = tf.Variable(3.0)
    module.f = tf.function(lambda x: {"y": x * module.v}, input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "two"), signatures={"serving_default": module.f})
    found = read_saved_model(tmp_path / "two")
    assert list(signatures(found.meta_graph())) == ["serving_default"]
    assert found.fingerprint is not None
    assert found.variables_prefix is not None
    assert open_checkpoint(found.variables_prefix)["v/.ATTRIBUTES/VARIABLE_VALUE"].item() == 3.0
    with tf.Graph().as_default() as graph, v1.Session() as session:
        (tmp_path / "vocab.txt").write_text("a\nb\n")
        asset = tf.constant(str(tmp_path / "vocab.txt"), name="vocab")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, asset)
        x = v1.placeholder(tf.float32, [None], "x")
        y = tf.multiply(x, v1.get_variable("w", initializer=2.0), name="y")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(tmp_path / "one"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        builder.add_meta_graph_and_variables(session, ["serve", "cpu"], {"sig": signature}, assets_collection=assets)
        builder.save(as_text=True)
        tf.io.write_graph(graph.as_graph_def(), str(tmp_path), "g.pbtxt")
        tf.io.write_graph(graph.as_graph_def(), str(tmp_path), "g.pb", as_text=False)
    old = read_saved_model(tmp_path / "one")
    assert old.assets(old.meta_graph("cpu,serve")) == {"vocab:0": str(tmp_path / "one" / "assets" / "vocab.txt")}
    assert read_graph_def(tmp_path / "g.pbtxt") == read_graph_def(tmp_path / "g.pb")


def test_bundle_reader_is_what_opens_a_v2_checkpoint(tmp_path: Path) -> None:
    assert isinstance(open_checkpoint(tf.train.Checkpoint().write(str(tmp_path / "m"))), BundleReader)
