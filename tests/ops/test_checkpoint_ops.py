"""Restoring tensors from checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from noria.formats.bundle import write_bundle
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
    with pytest.raises(InvalidArgumentError, match="expected dtype float64 does not equal original dtype float32"):
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
