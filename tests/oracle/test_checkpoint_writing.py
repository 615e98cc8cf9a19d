"""What Noria saves is what TensorFlow saves, byte for byte: every dtype, slices, shards, the state file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from click.testing import CliRunner

import noria.ops
from noria import dtypes
from noria.cli import main
from noria.errors import TFError
from noria.formats.bundle import BundleWriter
from noria.formats.checkpoint_dir import get_checkpoint_state, remove_checkpoint, update_checkpoint_state
from noria.formats.tensor_proto import from_array
from noria.graph.graph import Node
from noria.graph.op_spec import op_spec
from noria.graph.resources import Resources
from noria.graph.rules import KernelCall, kernel

assert noria.ops  # its import fills the rule tables
v1 = tf.compat.v1
raw = tf.raw_ops
# TensorFlow's save op takes neither.
PLAIN = [d for d in dtypes.ALL if not d.numpy.hasobject and d.name not in ("int2", "uint2", "float4_e2m1fn")]
Array = npt.NDArray[Any]


def sample(dtype: dtypes.DType) -> Array:
    values = np.array([[0, 1, 1], [1, 0, 1]])
    if dtype.is_complex:
        return (values + 2j * values[::-1]).astype(dtype.numpy)
    return values.astype(np.float32).astype(dtype.numpy)


def strings(*values: bytes) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def run(op: str, *inputs: Any, **attrs: Any) -> Any:
    """Noria's kernel, as a program of the user's own runs it."""
    spec = op_spec(op)
    assert spec is not None
    node = Node("n", op, attrs={**spec.defaults, **attrs}, output_dtypes=())
    return kernel[op](KernelCall(node, Resources.unrestricted()), *inputs)


def text(value: str) -> Array:
    return np.array(value.encode(), object)


def texts(values: Sequence[str]) -> Array:
    return strings(*(v.encode() for v in values))


Row = tuple[str, str, Array, dtypes.DType]


def to_tensor(array: Array, dtype: dtypes.DType) -> Any:
    return tf.io.parse_tensor(from_array(array, dtype).SerializeToString(), tf.dtypes.as_dtype(dtype.number))


def row(name: str, array: Any, spec: str = "", dtype: dtypes.DType | None = None) -> Row:
    values = np.asarray(array)
    return name, spec, values, dtype or dtypes.from_numpy(values.dtype)


def save_both(theirs: str, ours: str, rows: Sequence[Row]) -> None:
    names, specs = [r[0] for r in rows], [r[1] for r in rows]
    tensors = [to_tensor(r[2], r[3]) for r in rows]
    raw.SaveV2(prefix=theirs, tensor_names=names, shape_and_slices=specs, tensors=tensors)
    run("SaveV2", text(ours), texts(names), texts(specs), *(r[2] for r in rows), dtypes=[r[3] for r in rows])


def same_files(theirs: Path, ours: Path) -> None:
    """Both folders hold files of the same names and the same bytes."""
    assert sorted(os.listdir(theirs)) == sorted(os.listdir(ours))
    for name in os.listdir(theirs):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def check(tmp_path: Path, rows: Sequence[Row]) -> None:
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
    save_both(str(tmp_path / "theirs" / "m"), str(tmp_path / "ours" / "m"), rows)
    same_files(tmp_path / "theirs", tmp_path / "ours")


MATRIX = np.arange(40, dtype=np.float32).reshape(10, 4)
CASES: dict[str, list[Row]] = {
    "one": [row("a", np.float32(1))],
    "every dtype": [row(f"d/{d.name}", sample(d), dtype=d) for d in PLAIN],
    "strings": [
        row("some", strings(b"a", b"", b"b" * 200, b"c\0\xff")),
        row("none", strings()),
        row("scalar", np.array(b"x" * 300, object)),
        row("shape", strings(*[b"ab"] * 6).reshape(2, 3)),
    ],
    "shapes": [
        row("scalar", np.float64(2.5)),
        row("empty", np.zeros((0, 4), np.float32)),
        row("long", np.arange(70000, dtype=np.int64)),
        row("deep", np.ones((1,) * 8, np.uint8)),
    ],
    "order of the call": [row(n, np.full(3, i, np.int32)) for i, n in enumerate(["z", "b", "é", "a/b", "a"])],
    "slices": [
        row("w", MATRIX[5:], "10 4 5,5:-"),
        row("b", np.int32(2)),
        row("w", MATRIX[:3], "10 4 0,3:-"),
        row("w", MATRIX[3:5], "10 4 3,2:0,4"),
        row("whole", MATRIX, "10 4 -:-"),
        row("given whole", MATRIX, "10 4 0,10:0,4"),
        row("odd\xff", np.zeros((2, 200), np.float32), "300 200 130,2:-"),
    ],
    "sliced strings": [row("s", strings(b"a", b"bc"), "4 0,2"), row("s", strings(b"", b"d"), "4 2,2")],
}


@pytest.mark.parametrize("case", CASES)
def test_the_bytes_are_those_of_tensorflow(tmp_path: Path, case: str) -> None:
    check(tmp_path, CASES[case])


def test_many_names(tmp_path: Path) -> None:
    """Several index blocks, shared prefixes, restarts, shortened keys between blocks."""
    names = [f"layer_{i // 100}/block_{i // 10}/weights_with_a_long_name_{i}" for i in range(20000)]
    check(tmp_path, [row(n, np.int32(i)) for i, n in enumerate(names)])


@pytest.mark.parametrize("step", [1, 7, 256])
def test_long_names(tmp_path: Path, step: int) -> None:
    """Names of very different lengths end index blocks in every way."""
    names = sorted({f"{i:04d}" * (1 + i % step * 40) for i in range(600)})
    check(tmp_path, [row(n, np.uint8(1)) for n in names])


def test_layouts_of_the_array_do_not_matter(tmp_path: Path) -> None:
    """Transposed, reversed and byte-swapped arrays are written as the plain ones are."""
    plain = np.arange(3 << 20, dtype=np.float32).reshape(1024, -1)
    layouts = [np.asfortranarray(plain), plain[::-1][::-1], plain.astype(">f4")]
    raw.SaveV2(prefix=str(tmp_path / "theirs"), tensor_names=["x"], shape_and_slices=[""], tensors=[plain])
    for array in layouts:
        with BundleWriter(tmp_path / "ours") as writer:
            writer.add("x", array)
        for end in (".index", ".data-00000-of-00001"):
            assert Path(f"{tmp_path}/ours{end}").read_bytes() == Path(f"{tmp_path}/theirs{end}").read_bytes()


def parts(folder: Path, rows: Sequence[Sequence[Row]]) -> tuple[list[str], list[str]]:
    """The shards of a save in two folders: (theirs, ours)."""
    found: tuple[list[str], list[str]] = [], []
    for i, shard in enumerate(rows):
        for who, prefixes in zip(("theirs", "ours"), found, strict=True):
            (folder / who).mkdir(exist_ok=True)
            prefixes.append(str(folder / who / "m_temp" / f"part-{i:05d}-of-{len(rows):05d}"))
        save_both(found[0][-1], found[1][-1], shard)
    return found


SHARDS: dict[str, list[list[Row]]] = {
    "two": [[row("x0", [1, 2])], [row("x1", [3.0])]],
    "slices in both": [
        [row("w", MATRIX[:5], "10 4 0,5:-"), row("b", np.int64(1))],
        [row("w", MATRIX[5:], "10 4 5,5:-"), row("a", strings(b"s"))],
    ],
    "one": [[row("x", [1])]],
}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("case", SHARDS)
def test_merged_shards(tmp_path: Path, case: str, backwards: bool) -> None:
    theirs, ours = parts(tmp_path, SHARDS[case])
    step = -1 if backwards else 1
    raw.MergeV2Checkpoints(checkpoint_prefixes=theirs[::step], destination_prefix=str(tmp_path / "theirs" / "m"))
    run("MergeV2Checkpoints", texts(ours[::step]), text(str(tmp_path / "ours" / "m")))
    same_files(tmp_path / "theirs", tmp_path / "ours")


@pytest.mark.parametrize("missing", [False, True])
def test_merging_with_a_part_missing(tmp_path: Path, missing: bool) -> None:
    theirs, ours = parts(tmp_path, SHARDS["two"])
    last, target = str(tmp_path / "none"), "{0}/m"
    outcomes = [
        outcome(
            lambda: raw.MergeV2Checkpoints(
                checkpoint_prefixes=[*theirs, last],
                destination_prefix=target.format(tmp_path / "theirs"),
                allow_missing_files=missing,
            )
        ),
        outcome(
            lambda: run(
                "MergeV2Checkpoints",
                texts([*ours, last]),
                text(target.format(tmp_path / "ours")),
                allow_missing_files=missing,
            )
        ),
    ]
    assert outcomes[0] == outcomes[1]
    assert bool(outcomes[0][0]) != missing
    assert sorted(os.listdir(tmp_path / "theirs")) == sorted(os.listdir(tmp_path / "ours"))


def test_a_sharded_saver_of_tensorflow(tmp_path: Path) -> None:
    """The graph of tf.train.Saver(sharded=True), its kernels replaced by ours."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("w", initializer=tf.constant(MATRIX), partitioner=v1.fixed_size_partitioner(3))
        v1.get_variable("b", initializer=tf.constant([1, 2, 3], tf.int64))
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver(sharded=True)
        (tmp_path / "theirs").mkdir()
        (tmp_path / "ours").mkdir()
        saver.save(session, str(tmp_path / "theirs" / "m"), write_meta_graph=False, write_state=False)
        graph = session.graph
        (save,) = [op for op in graph.get_operations() if op.type == "SaveV2"]
        feeds = {"save/Const:0": str(tmp_path / "ours" / "m")}
        prefix, names, specs, *tensors = [np.asarray(v) for v in session.run(list(save.inputs), feeds)]
        run(
            "SaveV2",
            prefix.astype(object),
            names,
            specs,
            *tensors,
            dtypes=[dtypes.from_numpy(t.dtype) for t in tensors],
        )
        (merge,) = [op for op in graph.get_operations() if op.type == "MergeV2Checkpoints"]
        sources = np.asarray(session.run(merge.inputs[0], feeds))
        run("MergeV2Checkpoints", sources, text(str(tmp_path / "ours" / "m")))
    same_files(tmp_path / "theirs", tmp_path / "ours")


def outcome(call: Any) -> tuple[str, str]:
    """(class, message) of what ``call`` raises; TensorFlow's own frame of names and places taken off."""
    try:
        call()
    except (tf.errors.OpError, TFError) as error:
        message = str(error.message)
        return type(error).__name__, message.partition("}} ")[2].partition(" [Op:")[0] or message
    return "", ""


V1_DTYPES = (
    *("float16", "float32", "float64", "complex64", "complex128", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "qint8", "quint8", "qint32"),
)
V1_CASES: dict[str, list[Row]] = {
    "every dtype": [row(f"d/{d.name}", sample(d), dtype=d) for d in PLAIN if d.name in V1_DTYPES],
    "negative": [
        row("a", np.array([-1, 2], np.int32)),
        row("b", np.array([-(2**63)])),
        row("c", np.array([-3], np.int8)),
    ],
    "strings": [row("s", strings(b"a", b"", b"c\0")), row("n", strings()), row("scalar", np.array(b"x", object))],
    "shapes": [row("empty", np.zeros((0, 3), np.float32)), row("scalar", np.float32(2))],
    "slices": CASES["slices"],
    "large": [row(n, np.arange(size, dtype=np.float32)) for n, size in (("b", 200000), ("a", 9), ("c", 60000))],
    "blocks": [row(f"n{i}", np.arange(999 * i, dtype=np.float64)) for i in range(40)],
}


@pytest.mark.parametrize("case", V1_CASES)
def test_the_bytes_of_version_1(tmp_path: Path, case: str) -> None:
    rows = V1_CASES[case]
    names, specs = [r[0] for r in rows], [r[1] for r in rows]
    tensors, kinds = [to_tensor(r[2], r[3]) for r in rows], [r[3] for r in rows]
    theirs, ours = str(tmp_path / "theirs"), str(tmp_path / "ours")
    if any(specs):
        raw.SaveSlices(filename=theirs, tensor_names=names, shapes_and_slices=specs, data=tensors)
        run("SaveSlices", text(ours), texts(names), texts(specs), *(r[2] for r in rows), T=kinds)
    else:
        raw.Save(filename=theirs, tensor_names=names, data=tensors)
        run("Save", text(ours), texts(names), *(r[2] for r in rows), T=kinds)
    assert Path(ours).read_bytes() == Path(theirs).read_bytes()


@pytest.mark.parametrize("dtype", PLAIN, ids=repr)
def test_dtypes_of_version_1(tmp_path: Path, dtype: dtypes.DType) -> None:
    path = str(tmp_path / "m")
    tensor = to_tensor(sample(dtype), dtype)
    theirs = outcome(lambda: raw.Save(filename=path, tensor_names=["a"], data=[tensor]))
    ours = outcome(lambda: run("Save", text(path), texts(["a"]), sample(dtype), T=[dtype]))
    assert bool(theirs[0]) == bool(ours[0])


FAULTS: dict[str, tuple[Any, list[str], list[str], list[Any]]] = {
    "two prefixes": (["p", "q"], ["a"], [""], [1]),
    "too few tensors": ("p", ["a", "b"], ["", ""], [1]),
    "too few slices": ("p", ["a", "b"], [""], [1, 2]),
    "a name twice": ("p", ["a", "a"], ["", ""], [1, 2]),
    "another shape": ("p", ["a"], ["3 0,2"], [[1]]),
    "no folder": ("no/such/p", ["a"], [""], [1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.chdir(tmp_path)
    prefix, names, specs, values = FAULTS[fault]
    arrays = [np.asarray(v, np.int32) for v in values]
    prefixes = texts(prefix) if isinstance(prefix, list) else text(prefix)
    kinds = [dtypes.int32] * len(arrays)
    theirs = outcome(lambda: raw.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, tensors=arrays))
    ours = outcome(lambda: run("SaveV2", prefixes, texts(names), texts(specs), *arrays, dtypes=kinds))
    assert theirs[0]
    assert ours == theirs


STATES: dict[str, tuple[str, str, list[str] | None, dict[str, Any]]] = {
    "absolute": ("{0}/d", "{0}/d/m-1", None, {}),
    "relative": ("d", "d/m-1", ["d/m-0", "d/m-1"], {}),
    "stamps": (
        "d",
        "d/m-1",
        ["d/m-0", "d/m-1"],
        {"all_model_checkpoint_timestamps": [1700000000.123456789, 1.5], "last_preserved_timestamp": 1700000000.25},
    ),
    "relative path in an absolute folder": ("{0}/d", "m-1", ["m-0"], {}),
    "absolute path in a relative folder": ("d", "{0}/d/m-1", ["{0}/other/m"], {}),
    "elsewhere": ("d", "other/m-1", None, {}),
    "not last": ("./d", "d/m", ["d/m", "d/n"], {"last_preserved_timestamp": 0.0}),
    "odd characters": ("d", 'd/é"\n\x01-1', None, {"latest_filename": "other"}),
}


@pytest.mark.parametrize("case", STATES)
def test_state_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    folder, latest, paths, options = STATES[case]
    name = options.get("latest_filename", "checkpoint")
    found = []
    # one after the other in the same folder: absolute paths are in the files
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    place = folder.format(tmp_path)
    for update, get in (
        (v1.train.update_checkpoint_state, v1.train.get_checkpoint_state),
        (update_checkpoint_state, get_checkpoint_state),
    ):
        given = None if paths is None else [p.format(tmp_path) for p in paths]
        update(place, latest.format(tmp_path), given, **options)
        state: Any = get(place, name)
        found.append((Path(place, name).read_bytes(), state.SerializeToString()))
        os.unlink(Path(place, name))
    assert found[0] == found[1]


@pytest.mark.parametrize("version", [v1.train.SaverDef.V1, v1.train.SaverDef.V2])
@pytest.mark.parametrize("sharded", [False, True])
def test_removed_files(tmp_path: Path, version: int, sharded: bool) -> None:
    left = []
    for remove in (v1.train.remove_checkpoint, remove_checkpoint):
        folder = tmp_path / remove.__module__
        folder.mkdir()
        with tf.Graph().as_default(), v1.Session() as session:
            v1.get_variable("b", initializer=[1.0])
            session.run(v1.global_variables_initializer())
            saver = v1.train.Saver(sharded=sharded, write_version=version)
            prefix = saver.save(session, str(folder / "m"), global_step=1)
            saver.save(session, str(folder / "m"), global_step=11)
        remove(prefix, version)
        left.append(sorted(os.listdir(folder)))
    assert left[0] == left[1]
    assert len(left[0]) > 2


def command(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["checkpoint", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_on_a_checkpoint_of_tensorflow(tmp_path: Path) -> None:
    """Sharded and partitioned, through every command; TensorFlow reads what comes out."""
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("w", initializer=tf.constant(MATRIX), partitioner=v1.fixed_size_partitioner(3))
        v1.get_variable("b", initializer=[1.0, 2.0])
        v1.get_variable("names", initializer=tf.constant(["a", "bc"]), dtype=tf.string)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(sharded=True).save(session, str(tmp_path / "m"), global_step=3)
    assert command("verify", tmp_path).startswith("3 of 3 tensors are whole, 168 B")
    command("rename", tmp_path, tmp_path / "renamed", "--regex", "^w$", "weights")
    command("export", tmp_path, tmp_path / "files")
    command("import", tmp_path / "files", tmp_path / "imported")
    assert "0 differences" in command("diff", tmp_path, tmp_path / "imported")
    command("merge", tmp_path / "both", tmp_path / "renamed", tmp_path / "imported", "--same_name", "first")
    command("prune", tmp_path / "both", tmp_path / "pruned", "--drop", "b")
    assert tf.train.list_variables(str(tmp_path / "pruned")) == [("names", [2]), ("w", [10, 4]), ("weights", [10, 4])]
    for name in ("w", "weights"):
        assert np.array_equal(tf.train.load_variable(str(tmp_path / "pruned"), name), MATRIX)
    assert tf.train.load_variable(str(tmp_path / "pruned"), "names").tolist() == [b"a", b"bc"]
