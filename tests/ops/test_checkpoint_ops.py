"""Saving tensors to checkpoints and restoring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from noria.formats.bundle import write_bundle
from noria.formats.checkpoint import open_checkpoint
from noria.graph.resources import Resources
from op_kernel import run_kernel

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    found = str(tmp_path / "variables" / "variables")
    write_bundle(found, {"dense/kernel": WEIGHTS, "step": np.int64(7), "words": np.array([b"a", b"bc"], object)})
    return found


def text(*values: str) -> Any:
    return np.array([v.encode() for v in values], object)


def restore(prefix: str, names: list[str], types: list[DType], specs: list[str] | None = None) -> Any:
    root = str(Path(prefix).parent)
    return run_kernel(
        "RestoreV2",
        np.array(prefix.encode(), object),
        text(*names),
        text(*(specs or [""] * len(names))),
        resources=Resources([root]),
        dtypes=types,
    )


def test_tensors_come_in_the_order_asked_for(prefix: str) -> None:
    step, words, kernel = restore(
        prefix, ["step", "words", "dense/kernel"], [dtypes.int64, dtypes.string, dtypes.float32]
    )
    assert step == 7
    assert words.tolist() == [b"a", b"bc"]
    np.testing.assert_array_equal(kernel, WEIGHTS)
    assert not kernel.flags.writeable, "a view of the file, not a copy"


def test_a_slice_of_a_tensor(prefix: str) -> None:
    (part,) = restore(prefix, ["dense/kernel"], [dtypes.float32], ["3 4 1,2:-"])
    np.testing.assert_array_equal(part, WEIGHTS[1:3])


def test_a_missing_tensor_is_named_with_its_neighbours(prefix: str) -> None:
    with pytest.raises(NotFoundError, match=r"Key dense/kernal not found in checkpoint.*dense/kernel"):
        restore(prefix, ["dense/kernal"], [dtypes.float32])


def test_another_dtype_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidArgumentError, match="expected dtype double does not equal original dtype float"):
        restore(prefix, ["dense/kernel"], [dtypes.float64])


def test_as_many_names_as_dtypes(prefix: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Got 1 tensor names"):
        restore(prefix, ["step"], [dtypes.int64, dtypes.int64])


def test_only_checkpoints_of_the_model_itself(prefix: str, tmp_path: Path) -> None:
    arguments = np.array(prefix.encode(), object), text("step"), text("")
    resources = Resources([str(tmp_path / "elsewhere")])
    with pytest.raises(PermissionDeniedError, match="outside its own directory"):
        run_kernel("RestoreV2", *arguments, resources=resources, dtypes=[dtypes.int64])


def test_the_old_restore_ops(prefix: str) -> None:
    resources = Resources([str(Path(prefix).parent)])
    file, name = np.array(prefix.encode(), object), np.array(b"dense/kernel", object)
    whole = run_kernel("Restore", file, name, resources=resources, dt=dtypes.float32)
    np.testing.assert_array_equal(whole, WEIGHTS)
    spec = np.array(b"3 4 -:0,1", object)
    part = run_kernel("RestoreSlice", file, name, spec, resources=resources, dt=dtypes.float32)
    np.testing.assert_array_equal(part, WEIGHTS[:, :1])


FREE = Resources.unrestricted()


def save(prefix: str, names: list[str], specs: list[str], arrays: list[Any], resources: Resources = FREE) -> None:
    kinds = [dtypes.from_numpy(a.dtype) for a in arrays]
    target = np.array(prefix.encode(), object)
    run_kernel("SaveV2", target, text(*names), text(*specs), *arrays, resources=resources, dtypes=kinds)


def test_save_and_restore(tmp_path: Path) -> None:
    prefix = str(tmp_path / "new" / "m-1")
    words = np.array([b"a", b""], object)
    save(prefix, ["w", "w", "words"], ["3 4 0,2:-", "3 4 2,1:-", ""], [WEIGHTS[:2], WEIGHTS[2:], words])
    found, part = restore(prefix, ["w", "w"], [dtypes.float32] * 2, ["", "3 4 1,2:-"])
    np.testing.assert_array_equal(found, WEIGHTS)
    np.testing.assert_array_equal(part, WEIGHTS[1:])
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["m-1.data-00000-of-00001", "m-1.index"]


def test_what_the_save_ops_refuse(tmp_path: Path) -> None:
    prefix = str(tmp_path / "m")
    with pytest.raises(InvalidArgumentError, match="Got 2 tensor names but 1 tensors"):
        save(prefix, ["a", "b"], ["", ""], [WEIGHTS])
    with pytest.raises(InvalidArgumentError, match="Adding duplicate key: a"):
        save(prefix, ["a", "a"], ["", ""], [WEIGHTS, WEIGHTS])
    with pytest.raises(InvalidArgumentError, match=r"does not match the shape of the tensor to  save: .*\[3,4\]"):
        save(prefix, ["a"], ["3 4 0,2:-"], [WEIGHTS])
    with pytest.raises(InvalidArgumentError, match="dimension of size 3"):
        save(prefix, ["a"], ["3 4 0,9:-"], [WEIGHTS])
    with pytest.raises(NotFoundError, match="No such file or directory"):
        save(str(tmp_path / "no" / "such" / "m"), ["a"], [""], [WEIGHTS])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("roots", [(), ("{0}",), ("/",)])
def test_a_model_that_is_loaded_writes_nothing(tmp_path: Path, roots: tuple[str, ...]) -> None:
    """Not even into its own folder."""
    model = Resources([r.format(tmp_path) for r in roots])
    target = np.array(str(tmp_path / "m").encode(), object)
    with pytest.raises(PermissionDeniedError, match="asks to write the checkpoint"):
        save(str(tmp_path / "m"), ["a"], [""], [WEIGHTS], model)
    with pytest.raises(PermissionDeniedError, match="asks to write the checkpoint"):
        run_kernel("MergeV2Checkpoints", text(str(tmp_path / "p")), target, resources=model)
    for op in ("Save", "SaveSlices"):
        specs = (text(""),) if op == "SaveSlices" else ()
        with pytest.raises(PermissionDeniedError, match="asks to write the checkpoint"):
            run_kernel(op, target, text("a"), *specs, WEIGHTS, resources=model, T=[dtypes.float32])
    assert list(tmp_path.iterdir()) == []


def test_shards_become_one_checkpoint(tmp_path: Path) -> None:
    parts = [str(tmp_path / "m_temp" / f"part-{i:05d}-of-00002") for i in range(2)]
    save(parts[0], ["w", "a"], ["3 4 0,2:-", ""], [WEIGHTS[:2], np.int64(1)])
    save(parts[1], ["w", "b"], ["3 4 2,1:-", ""], [WEIGHTS[2:], np.int64(2)])
    target = np.array(str(tmp_path / "m").encode(), object)
    run_kernel("MergeV2Checkpoints", text(*parts), target, resources=FREE)
    names = ["m.data-00000-of-00002", "m.data-00001-of-00002", "m.index"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    reader = open_checkpoint(tmp_path / "m")
    np.testing.assert_array_equal(reader["w"], WEIGHTS)
    assert (int(reader["a"]), int(reader["b"])) == (1, 2)


def test_the_old_save_ops(tmp_path: Path) -> None:
    file = np.array(str(tmp_path / "old").encode(), object)
    run_kernel("Save", file, text("w", "n"), WEIGHTS, np.int64(3), resources=FREE, T=[dtypes.float32, dtypes.int64])
    reader = open_checkpoint(tmp_path / "old")
    np.testing.assert_array_equal(reader["w"], WEIGHTS)
    assert int(reader["n"]) == 3
    specs = text("3 4 0,1:-", "3 4 1,2:-")
    kinds = [dtypes.float32] * 2
    run_kernel("SaveSlices", file, text("w", "w"), specs, WEIGHTS[:1], WEIGHTS[1:], resources=FREE, T=kinds)
    np.testing.assert_array_equal(open_checkpoint(tmp_path / "old")["w"], WEIGHTS)
    with pytest.raises(InvalidArgumentError, match="contains 2 names, but received 3 inputs"):
        run_kernel("Save", file, text("w", "n"), WEIGHTS, resources=FREE, T=[dtypes.float32])
