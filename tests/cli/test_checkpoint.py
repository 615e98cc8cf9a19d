"""``noria checkpoint``: every command, on every kind of file, on damaged ones and on names that mean harm."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import noria
from noria import dtypes
from noria.cli import main
from noria.cli.checkpoint_files import MANIFEST
from noria.cli.checkpoint_write import OPTIMIZER, file_name
from noria.cli.statistics import statistics
from noria.formats.bundle import BundleWriter
from noria.formats.bundle_merge import merge_bundles
from noria.formats.checkpoint_dir import write_state

ARRAYS: dict[str, Any] = {
    "dense/kernel": np.array([[1, 2], [3, np.nan]], np.float32),
    "dense/kernel/Adam": np.zeros((2, 2), np.float32),
    "beta1_power": np.float32(0.9),
    "half": np.array([1, 2], dtypes.bfloat16.numpy),
    "step": np.int64(7),
    "words": np.array([b"a", b"\xff\x1b[31m"], object),
}


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    found = str(tmp_path / "train" / "model.ckpt-7")
    noria.save_checkpoint(found, ARRAYS)
    write_state(tmp_path / "train", found)
    return found


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["checkpoint", *map(str, arguments)])


def run(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def fails(*arguments: object) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert result.output.startswith("error: "), result.output
    assert result.output.count("\n") == 1
    return result.output


def same(path: object, expected: dict[str, Any]) -> None:
    found = noria.load_checkpoint(str(path))
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == np.asarray(array).tobytes() or found[name].tolist() == array.tolist()


def test_ls(prefix: str, tmp_path: Path) -> None:
    lines = run("ls", prefix).splitlines()
    assert lines[0].split() == ["name", "dtype", "shape", "size"]
    assert "  dense/kernel       float32   [2,2]  16 B" in lines
    assert lines[-1] == f"6 tensors, 12 values, 48 B in {prefix}"
    assert run("ls", tmp_path / "train") == run("ls", f"{prefix}.index") == run("ls", prefix)
    found = json.loads(run("ls", prefix, "kernel", "--json", "--by_size"))
    assert [row["name"] for row in found["tensors"]] == ["dense/kernel", "dense/kernel/Adam"]
    assert found["tensors"][0] == {"name": "dense/kernel", "dtype": "float32", "shape": [2, 2], "bytes": 16}
    assert "'none'" in fails("ls", prefix, "none") or "no tensor of 6 is left" in fails("ls", prefix, "none")
    assert "not a regular expression" in fails("ls", prefix, "(")
    assert "no checkpoint" in fails("ls", tmp_path / "nowhere")


def test_ls_of_slices(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "m") as writer:
        for i in range(2):
            writer.add_slice("w", (4, 2), ((2 * i, 2), (0, -1)), np.zeros((2, 2), np.float32))
    assert run("ls", tmp_path / "m").splitlines()[1].split() == ["w", "float32", "[4,2]", "32", "B", "2"]


def test_show(prefix: str) -> None:
    (row,) = json.loads(run("show", prefix, "dense/kernel$", "--json", "--values", 9))
    assert row["statistics"] == {
        "count": 4, "nan": 1, "infinite": 0, "zeros": 0, "least": 1.0, "greatest": 3.0, "mean": 2.0,
        "deviation": pytest.approx(0.8164966), "counts": [1, 0, 0, 0, 0, 1, 0, 0, 0, 1],
    }  # fmt: skip
    assert row["values"] == [1.0, 2.0, 3.0, "nan"]
    assert len(row["crc32c"]) == 8
    page = run("show", prefix, "--values", 1)
    assert "statistics of their lengths" in page
    assert "1.0, ..." in page
    assert json.loads(run("show", prefix, "beta", "--json", "--values", 1))[0]["values"] == [0.9]


def test_names_and_values_never_reach_the_terminal_raw(tmp_path: Path) -> None:
    evil = "a\x1b]0;owned\x07\n\x9b31m"
    noria.save_checkpoint(tmp_path / "m", {evil: np.array([b"\x1b[31m"], object)})
    noria.save_checkpoint(tmp_path / "n", {evil: np.array([b"other"], object)})
    pages = [run("ls", tmp_path / "m"), run("show", tmp_path / "m", "--values", 3), run("verify", tmp_path / "m")]
    pages += [run("ls", tmp_path / "m", "--json"), run("show", tmp_path / "m", "--values", 3, "--json")]
    pages += [
        invoke("diff", tmp_path / "m", tmp_path / "n").output,
        fails("merge", tmp_path / "o", *[tmp_path / "m"] * 2),
    ]
    assert not any(char in page for page in pages for char in "\x1b\x07\x9b")


def test_diff(prefix: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    changed = ARRAYS | {
        "dense/kernel": np.array([[1, 2.5], [3, np.nan]], np.float32),
        "step": np.int32(7),
        "new": np.zeros(1),
        "words": np.array([b"a", b"c"], object),
    }
    del changed["half"]
    noria.save_checkpoint(other, changed)
    assert run("diff", prefix, prefix).splitlines()[-1] == "6 tensors compared, 0 differences"
    result = invoke("diff", prefix, other, "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["differences"] == [
        {"name": "dense/kernel", "difference": "values", "values": 1, "greatest": 0.5},
        {"name": "half", "difference": "only in the first"},
        {"name": "new", "difference": "only in the second"},
        {"name": "step", "difference": "int64[] and int32[]"},
        {"name": "words", "difference": "values", "values": 1},
    ]
    assert invoke("diff", prefix, other, "kernel").exit_code == 1
    assert invoke("diff", prefix, other, "kernel", "--tolerance", 0.5).exit_code == 0


def test_verify_names_what_is_damaged(prefix: str, tmp_path: Path) -> None:
    assert run("verify", tmp_path / "train").startswith("6 of 6 tensors are whole, 48 B")
    data = Path(f"{prefix}.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[3] ^= 1
    data.write_bytes(content)
    result = invoke("verify", prefix)
    assert result.exit_code == 1
    assert "damaged: dense/kernel: " in result.output
    assert "its crc32c is" in result.output
    assert "5 of 6 tensors are whole" in result.output
    found = json.loads(invoke("verify", prefix, "--json").output)
    assert [row["name"] for row in found["damaged"]] == ["dense/kernel"]


@pytest.mark.parametrize("target", ["w.npz", "w.safetensors", "folder"])
def test_export_and_import(prefix: str, tmp_path: Path, target: str) -> None:
    said = run("export", prefix, tmp_path / target)
    expected = dict(ARRAYS)
    if target == "w.npz":
        assert "widened" in said
        expected["half"] = ARRAYS["half"].astype(np.float32)
    if target == "w.safetensors":
        assert "left out, because safetensors files hold no strings: words" in said
        del expected["words"]
    run("import", tmp_path / target, tmp_path / "new")
    same(tmp_path / "new", expected)
    assert run("ls", tmp_path / target).splitlines()[1:-1] == run("ls", tmp_path / "new").splitlines()[1:-1]
    assert "exists" in fails("import", tmp_path / target, tmp_path / "new")
    assert "--force" in fails("export", prefix, tmp_path / target)
    run("export", prefix, tmp_path / target, "--overwrite")


def test_export_as_text(prefix: str, tmp_path: Path) -> None:
    run("export", prefix, tmp_path / "out", "step|words|kernel$", "--format", "text")
    assert (tmp_path / "out" / "step.txt").read_text() == "# shape \n7\n"
    assert (tmp_path / "out" / "dense%2Fkernel.txt").read_text().splitlines() == [
        "# shape 2 2",
        "1.0",
        "2.0",
        "3.0",
        "nan",
    ]
    assert (tmp_path / "out" / "words.txt").read_text().splitlines()[1] == '"a"'


EVIL = [
    *("../../up", "/etc/passwd", "..", ".", ".hidden", "a\0b", "a\\..\\b", "x" * 5000, "x" * 5000 + "y", "é\udcff"),
    *("a%2Fb", "a/b", "~root", "$(id)", "-rf", MANIFEST),
]


def test_export_never_leaves_its_folder(tmp_path: Path) -> None:
    tensors = {name: np.float32(i) for i, name in enumerate(EVIL)}
    noria.save_checkpoint(tmp_path / "in" / "m", tensors)
    before = set(tmp_path.rglob("*"))
    run("export", tmp_path / "in" / "m", tmp_path / "deep" / "out")
    made = set(tmp_path.rglob("*")) - before
    out = tmp_path / "deep" / "out"
    assert made == {
        tmp_path / "deep",
        out,
        *(out / name for name in (MANIFEST, *(file_name(n) + ".npy" for n in EVIL))),
    }
    assert len({file_name(n).lower() for n in EVIL}) == len(EVIL)
    run("import", out, tmp_path / "back")
    same(tmp_path / "back", tensors)


@pytest.mark.parametrize("file", ["../secret.npy", "/etc/passwd", "..", "a\\b", ""])
def test_import_reads_its_folder_only(tmp_path: Path, file: str) -> None:
    np.save(tmp_path / "secret.npy", np.zeros(1))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / MANIFEST).write_text(json.dumps([{"name": "a", "file": file, "dtype": "float64"}]))
    assert "only files of the folder itself" in fails("import", tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / MANIFEST).write_text("[3")
    assert "not a list of tensors" in fails("import", tmp_path / "in", tmp_path / "out")


def test_rename(prefix: str, tmp_path: Path) -> None:
    table = tmp_path / "map.json"
    table.write_text(json.dumps({"step": "global_step"}))
    run(
        "rename",
        prefix,
        tmp_path / "new",
        "--regex",
        "^dense/",
        "layer/",
        "--regex",
        r"l(\w+)$",
        r"L\1",
        "--map",
        table,
    )
    wanted = {"layer/kerneL", "layer/kernel/Adam", "beta1_power", "haLf", "gLobal_step", "words"}
    assert {name.lower() for name in noria.load_checkpoint(str(tmp_path / "new"))} == {w.lower() for w in wanted}
    assert "both dense/kernel and dense/kernel/Adam would be called x" in fails(
        "rename", prefix, tmp_path / "n", "--regex", "^dense.*", "x"
    )
    assert "no name of" in fails("rename", prefix, tmp_path / "n", "--regex", "none", "x")
    assert "does not fit" in fails("rename", prefix, tmp_path / "n", "--regex", "step", r"\9")
    assert "no tensor can be" in fails("rename", prefix, tmp_path / "n", "--regex", "^step$", "")
    table.write_text(json.dumps({"gone": "x"}))
    assert "names gone, which" in fails("rename", prefix, tmp_path / "n", "--map", table)
    table.write_text("[]")
    assert "an object of old names to new ones" in fails("rename", prefix, tmp_path / "n", "--map", table)
    assert not list(tmp_path.glob("n.*"))


def test_merge(prefix: str, tmp_path: Path) -> None:
    noria.save_checkpoint(tmp_path / "b", {"step": np.int64(8), "more": np.zeros(1)})
    assert "step is in" in fails("merge", tmp_path / "all", prefix, tmp_path / "b")
    for which, step in (("first", 7), ("last", 8)):
        run("merge", tmp_path / "all", prefix, tmp_path / "b", "--same_name", which, "--overwrite")
        same(tmp_path / "all", ARRAYS | {"step": np.int64(step), "more": np.zeros(1)})


def test_prune(prefix: str, tmp_path: Path) -> None:
    run("prune", prefix, tmp_path / "small", "--optimizer")
    kept = {name: array for name, array in ARRAYS.items() if name not in ("dense/kernel/Adam", "beta1_power")}
    same(tmp_path / "small", kept)
    run("prune", prefix, tmp_path / "small", "--keep", "^dense", "--drop", "Adam", "--overwrite")
    same(tmp_path / "small", {"dense/kernel": ARRAYS["dense/kernel"]})
    assert "nothing says what to leave out" in fails("prune", prefix, tmp_path / "n")
    assert "every tensor" in fails("prune", prefix, tmp_path / "n", "--drop", "none")
    assert "no tensor of 6 is left" in fails("prune", prefix, tmp_path / "n", "--drop", ".")


def test_a_checkpoint_is_replaced_by_a_part_of_itself(prefix: str) -> None:
    run("prune", prefix, prefix, "--drop", "Adam", "--overwrite")
    same(prefix, {name: array for name, array in ARRAYS.items() if "Adam" not in name})


def test_the_shards_of_a_replaced_checkpoint_go(tmp_path: Path) -> None:
    for i in range(2):
        noria.save_checkpoint(tmp_path / f"p{i}", {f"x{i}": np.arange(3) + i})
    merge_bundles([tmp_path / "p0", tmp_path / "p1"], tmp_path / "m")
    run("prune", tmp_path / "m", tmp_path / "m", "--drop", "x1", "--overwrite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.data-00000-of-00001", "m.index"]
    same(tmp_path / "m", {"x0": np.arange(3)})


def test_dtypes_that_arrays_do_not_tell_stay(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "m") as writer:
        writer.add("q", np.array([1, -2], np.int8), dtypes.qint8)
        writer.add("i4", np.array([1, -2], dtypes.int4.numpy))
    run("export", tmp_path / "m", tmp_path / "out")
    run("import", tmp_path / "out", tmp_path / "n")
    found = noria.load_checkpoint(str(tmp_path / "n"))
    assert found.entry("q").dtype is dtypes.qint8
    assert found.entry("i4").dtype is dtypes.int4
    assert found["i4"].tolist() == [1, -2]


def test_a_failed_export_leaves_nothing(prefix: str, tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "m") as writer:
        writer.add("c", np.zeros(2, np.complex128))
    assert "safetensors files hold no complex128" in fails("export", tmp_path / "m", tmp_path / "w.safetensors")
    data = Path(f"{prefix}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    fails("export", prefix, tmp_path / "w.npz")
    fails("prune", prefix, tmp_path / "p", "--drop", "Adam")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("w", "p", ".w", ".p"))]


def test_optimizers_names() -> None:
    dropped = ["w/Adam", "w/Adam_1", "beta2_power_1", "s/beta1_power", "w/Momentum", "w/.OPTIMIZER_SLOT/optimizer/m/.A"]
    dropped += ["optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE", "_optimizer/_variables/1", "optimizer_weights/x"]
    kept = ["Adam/kernel", "my_optimizer_layer/w", "w", "beta1", "Momentum_net/w"]
    assert all(re.search(OPTIMIZER, name) for name in dropped)
    assert not any(re.search(OPTIMIZER, name) for name in kept)


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if not d.numpy.hasobject], ids=repr)
def test_statistics_of_every_dtype(dtype: dtypes.DType) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(np.float32).astype(dtype.numpy)
    for layout in (array, np.asfortranarray(array)):
        found = statistics(layout)
        assert (found.count, found.nan, found.infinite) == (6, 0, 0)
        if not dtype.is_complex and dtype.name not in ("float4_e2m1fn", "int2"):
            assert (found.least, found.greatest) == (0, 1)


def test_statistics_of_odd_arrays() -> None:
    assert statistics(np.zeros((0, 3))).counts == ()
    assert statistics(np.array([np.inf, np.nan])).mean is None
    large = np.arange(3 << 20, dtype=np.float32)
    found = statistics(large)
    assert found.mean == pytest.approx(large.mean(dtype=np.float64))
    assert found.deviation == pytest.approx(large.std(dtype=np.float64))
    assert sum(found.counts) == large.size
    assert statistics(np.array([2**63 - 1, -(2**63)])).greatest == 2**63 - 1
