"""The three options that give ``run`` its inputs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.cli.inputs import convert, example_bytes, gather, load_file, parse_files, split_outside_quotes
from noria.errors import InvalidArgumentError, NotFoundError, TFError
from noria.protos.tensorflow import Example


class Bomb:
    """Raises when it is unpickled: proof that reading a pickle runs code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise KeyboardInterrupt('unpickled')",)


def test_parse_files() -> None:
    assert parse_files("x=a.npy;y=dir/b.npz[k 1];; z=c.npz ") == {
        "x": ("a.npy", None),
        "y": ("dir/b.npz", "k 1"),
        "z": ("c.npz", None),
    }


@pytest.mark.parametrize("text", ["x", "=a.npy", "x=", "x=a.npz[", "x=a.npz[]", "x=a.npz[a][b]", "x=[a]"])
def test_malformed_inputs_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="expected <input_key>=<filename>"):
        parse_files(text)


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "one.npz", a=array)
    np.savez_compressed(tmp_path / "two.npz", a=array, b=array + 1)
    cases = [("a.npy", None), ("one.npz", None), ("one.npz", "a"), ("two.npz", "a"), ("a.npy", "ignored")]
    for name, key in cases:
        np.testing.assert_array_equal(load_file(str(tmp_path / name), key, allow_pickle=False), array)
    assert "the name [ignored] is ignored" in capsys.readouterr().err
    with pytest.raises(InvalidArgumentError, match=r"holds 2 arrays \(a, b\); say which"):
        load_file(str(tmp_path / "two.npz"), None, allow_pickle=False)
    with pytest.raises(NotFoundError, match="does not contain 'c'; it holds a, b"):
        load_file(str(tmp_path / "two.npz"), "c", allow_pickle=False)
    with pytest.raises(NotFoundError, match=r"absent\.npy"):
        load_file(str(tmp_path / "absent.npy"), None, allow_pickle=False)


def test_pickles_are_read_only_when_allowed(tmp_path: Path) -> None:
    np.save(tmp_path / "object.npy", np.array([b"a", b"bc"], dtype=object), allow_pickle=True)
    (tmp_path / "dict.pkl").write_bytes(pickle.dumps({"x": [1, 2]}))
    (tmp_path / "bomb.pkl").write_bytes(pickle.dumps(Bomb()))
    for name in ("object.npy", "dict.pkl", "bomb.pkl"):
        with pytest.raises(InvalidArgumentError, match="--allow_pickle"):
            load_file(str(tmp_path / name), None, allow_pickle=False)
    assert load_file(str(tmp_path / "object.npy"), None, allow_pickle=True).tolist() == [b"a", b"bc"]
    assert load_file(str(tmp_path / "dict.pkl"), "x", allow_pickle=True) == [1, 2]
    with pytest.raises(NotFoundError, match="does not contain 'y'"):
        load_file(str(tmp_path / "dict.pkl"), "y", allow_pickle=True)
    with pytest.raises(KeyboardInterrupt, match="unpickled"):
        load_file(str(tmp_path / "bomb.pkl"), None, allow_pickle=True)


def test_damaged_files_give_one_error(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(10.0))
    np.savez(tmp_path / "a.npz", a=np.arange(10.0))
    for name, key in (("a.npy", None), ("a.npz", "a")):
        whole = (tmp_path / name).read_bytes()
        for cut in range(0, len(whole), 7):
            (tmp_path / "cut").write_bytes(whole[:cut])
            with pytest.raises(TFError):
                load_file(str(tmp_path / "cut"), key, allow_pickle=False)
    (tmp_path / "text").write_text("1 2 3")
    with pytest.raises(InvalidArgumentError):
        load_file(str(tmp_path / "text"), None, allow_pickle=False)


def test_semicolons_in_strings_do_not_separate() -> None:
    assert split_outside_quotes("a=1;b='x;y';c=\"it's;\";d='\\';'") == ["a=1", "b='x;y'", 'c="it\'s;"', "d='\\';'"]


def test_later_options_win(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    feeds = gather(f"x={tmp_path / 'a.npy'};y={tmp_path / 'a.npy'}", "x=[1]; z = 2", "z=[{}]", allow_pickle=False)
    assert feeds["x"] == [1]
    assert feeds["z"] == [b""]
    assert feeds["y"].tolist() == [0, 1, 2]
    assert capsys.readouterr().err.splitlines() == [
        "warning: input 'x' is given more than once; the value of --input_exprs is used",
        "warning: input 'z' is given more than once; the value of --input_examples is used",
    ]
    for text in ("x", "=1", "x 1"):
        with pytest.raises(InvalidArgumentError, match="expected <input_key>=<expression>"):
            gather("", text, "", allow_pickle=False)


def test_examples_hold_the_lists_that_the_first_value_chooses() -> None:
    serialized = example_bytes("x", {"f": [1.5, 2], "i": [1, True], "b": ["ä", b"\xff"], "none": []})
    feature = Example.FromString(serialized).features.feature
    assert list(feature["f"].float_list.value) == [1.5, 2.0]
    assert list(feature["i"].int64_list.value) == [1, 1]
    assert list(feature["b"].bytes_list.value) == ["ä".encode(), b"\xff"]
    assert feature["none"].WhichOneof("kind") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('x={"a": [1.0]}', "expected a list of dicts"),
        ("x=[1]", "expected a dict, got int"),
        ('x=[{"a": 1.0}]', "feature 'a': expected a list of values, got float"),
        ('x=[{"a": [None]}]', "feature 'a': a NoneType fits no feature"),
        ('x=[{"a": [1, "b"]}]', "feature 'a'"),
        ('x=[{"a": [1, 2.5]}]', "feature 'a'"),
        ('x=[{"a": [2**70]}]', "feature 'a'"),
        ("x=[{1: [1]}]", "feature 1"),
    ],
)
def test_wrong_examples_say_where(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        gather("", "", text, allow_pickle=False)


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, 2.5], dtypes.float32, [1.0, 2.5]),
        (np.array([1.5]), dtypes.float32, [1.5]),
        ([True], dtypes.float32, [1.0]),
        ([1, 0], dtypes.bool_, [True, False]),
        ([300], dtypes.int64, [300]),
        ([1.5], dtypes.bfloat16, [1.5]),
        ([[1 + 2j]], dtypes.complex64, [[1 + 2j]]),
        (["ä", b"b"], dtypes.string, ["ä".encode(), b"b"]),
        (np.array(["a"]), dtypes.string, [b"a"]),
        (np.array([b"a"]), dtypes.string, [b"a"]),
        ("a", dtypes.string, b"a"),
    ],
)
def test_conversion(value: Any, dtype: dtypes.DType, expected: Any, capsys: pytest.CaptureFixture[str]) -> None:
    array = convert("x", value, dtype, None)
    assert array.dtype == dtype.numpy
    assert array.tolist() == expected
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [([1.5], dtypes.int32, [1]), ([1 + 2j], dtypes.float32, [1.0]), ([300], dtypes.uint8, [44])],
)
def test_a_conversion_that_loses_values_warns(
    value: Any, dtype: dtypes.DType, expected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert("x", value, dtype, None).tolist() == expected
    assert "changes some values" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (["a"], dtypes.float32),
        ([[1], [2, 3]], dtypes.float32),
        ([[1], [2, 3]], dtypes.string),
        ([1], dtypes.string),
        ([None], dtypes.int32),
        ([1], dtypes.resource),
    ],
)
def test_an_impossible_conversion_names_the_input(value: Any, dtype: dtypes.DType) -> None:
    with pytest.raises(InvalidArgumentError, match="input 'x'"):
        convert("x", value, dtype, None)


def test_the_placeholder_shape_holds() -> None:
    assert convert("x", [[1.0]], dtypes.float32, (None, 1)).shape == (1, 1)
    with pytest.raises(InvalidArgumentError, match=r"has shape \[2\], the model takes \[\?,1\]"):
        convert("x", [1.0, 2.0], dtypes.float32, (None, 1))
