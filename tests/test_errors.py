"""The error classes: canonical codes, built-in bases, both ways of making one."""

from __future__ import annotations

import pickle

import pytest

from noria import errors
from noria.errors import Code, TFError

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, TFError)]


def test_every_code_has_its_class() -> None:
    assert {cls.code for cls in CLASSES} == set(Code) - {Code.OK}


@pytest.mark.parametrize("cls", CLASSES)
def test_made_from_a_message(cls: type[TFError]) -> None:
    error = cls("what happened")
    assert (str(error), error.message, error.node_def, error.op) == ("what happened", "what happened", None, None)
    assert error.error_code == cls.code
    assert type(error.error_code) is int
    assert error.args == ("what happened",)


@pytest.mark.parametrize("cls", CLASSES)
def test_made_as_in_tensorflow(cls: type[TFError]) -> None:
    error = cls("node", "op", "what happened")
    assert (str(error), error.node_def, error.op, error.error_code) == ("what happened", "node", "op", cls.code)
    named = cls(node_def=None, op=None, message="by name")
    assert named.message == "by name"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.op) == (cls, "what happened", "op")
    with pytest.raises(TypeError):
        cls("node", "op")  # type: ignore[call-overload]


def test_the_base_takes_a_code() -> None:
    assert TFError(None, None, "gone", 5).error_code == 5
    assert TFError(None, None, "gone", error_code=5).error_code == 5
