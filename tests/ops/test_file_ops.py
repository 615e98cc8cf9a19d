"""Reading, writing and listing files, and calling Python: in the user's own programs, never in a loaded model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import (
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TFError,
    UnimplementedError,
    UnknownError,
)
from noria.graph.op_spec import is_stateful
from noria.graph.resources import Resources
from op_kernel import run_kernel

FREE = Resources.unrestricted()


def text(value: object) -> Any:
    return np.array(str(value).encode(), object)


def test_write_read_and_list(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert run_kernel("WriteFile", text(path), np.array(b"a\0b", object), resources=FREE) == ()
    assert run_kernel("ReadFile", text(path), resources=FREE).item() == b"a\0b"
    found = run_kernel("MatchingFiles", text(tmp_path / "*" / "f*"), resources=FREE)
    assert found.tolist() == [str(path).encode()]
    assert run_kernel("MatchingFiles", np.array([], object), resources=FREE).shape == (0,)
    with pytest.raises(NotFoundError, match="no such file"):
        run_kernel("ReadFile", text(tmp_path / "none"), resources=FREE)
    with pytest.raises(InvalidArgumentError, match=r"filename tensor must be scalar, but had shape: \[1\]"):
        run_kernel("ReadFile", np.array([b"x"], object), resources=FREE)


def test_a_model_that_is_loaded_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"x")
    model = Resources([str(tmp_path)])
    model.py_functions = {"f": lambda: np.float32(1)}
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("WriteFile", (text(tmp_path / "new"), text("content")), {}),
        ("ReadFile", (text(tmp_path / "own"),), {}),
        ("MatchingFiles", (text(tmp_path / "*"),), {}),
        *((op, (), {"token": "f", "Tout": [dtypes.float32]}) for op in ("PyFunc", "PyFuncStateless", "EagerPyFunc")),
    ]
    for op, inputs, attrs in calls:
        with pytest.raises(PermissionDeniedError, match="a model that is loaded or served may not"):
            run_kernel(op, *inputs, resources=model, **attrs)
    assert [p.name for p in tmp_path.iterdir()] == ["own"]


def test_what_looks_outside_is_asked_at_every_run() -> None:
    """Constant inputs or not: it is never folded when a program is compiled."""
    assert all(map(is_stateful, ("ReadFile", "MatchingFiles", "PyFuncStateless", "WriteFile", "PyFunc", "SaveV2")))


def call(function: Any, *inputs: Any, out: list[dtypes.DType]) -> Any:
    resources = Resources.unrestricted(py_functions={"f": function})
    return run_kernel("PyFunc", *inputs, resources=resources, token="f", Tout=out)


def test_python_gets_numpy_values() -> None:
    seen: list[Any] = []
    words = np.array([b"a", b"b"], object)
    call(lambda *values: seen.extend(values), np.array(1, np.float32), text("s"), words, np.zeros((0, 2)), out=[])
    assert [type(v) for v in seen] == [np.float32, bytes, np.ndarray, np.ndarray]
    assert seen[1] == b"s"


def test_python_gives_values() -> None:
    (one,) = call(lambda: 3, out=[dtypes.int64])
    assert (one.dtype, one.shape) == (np.int64, ())
    first, second = call(lambda: [1.5, np.arange(3)], out=[dtypes.float64, dtypes.int64])
    assert (float(first), second.tolist()) == (1.5, [0, 1, 2])
    (words,) = call(lambda: np.array(["é", "b"]), out=[dtypes.string])
    assert words.tolist() == ["é".encode(), b"b"]
    kept = np.zeros(2, np.float32)
    (given,) = call(lambda: kept, out=[dtypes.float32])
    kept[0] = 1
    assert given.tolist() == [0, 0], "what the function changes later changes no tensor"


@pytest.mark.parametrize(
    ("result", "out", "message"),
    [
        (1, [dtypes.int32], "0-th value returned by f is int64, but expects int32"),
        (1.5, [dtypes.float32], "0-th value returned by f is double, but expects float"),
        ((1, 2), [dtypes.int64], "f returns 2 values, but expects to see 1 values."),
        (None, [dtypes.int64], "f returns 0 values, but expects to see 1 values."),
    ],
)
def test_values_other_than_declared(result: Any, out: list[dtypes.DType], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call(lambda: result, out=out)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("v"), InvalidArgumentError),
        (TypeError("v"), InvalidArgumentError),
        (StopIteration("v"), OutOfRangeError),
        (MemoryError("v"), ResourceExhaustedError),
        (NotImplementedError("v"), UnimplementedError),
        (KeyError("v"), UnknownError),
    ],
)
def test_errors_of_the_function(raised: Exception, expected: type[TFError]) -> None:
    def fail() -> None:
        raise raised

    with pytest.raises(expected, match=rf"{type(raised).__name__}: '?v"):
        call(fail, out=[])


def test_tokens_nobody_registered_and_objects_that_are_no_tensors() -> None:
    with pytest.raises(InvalidArgumentError, match="Could not find callback with key=g in the registry"):
        run_kernel("PyFunc", resources=FREE, token="g", Tout=[])
    with pytest.raises(InternalError, match="Unsupported object type dict"):
        call(dict, out=[dtypes.string])
