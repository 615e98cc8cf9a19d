"""The page of TensorFlow 1.x names says what the code has."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from conftest import REPOSITORY


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_v1_table", REPOSITORY / "tools" / "gen_v1_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_what_the_code_says(tool: ModuleType) -> None:
    assert tool.PAGE.read_text() == tool.page(), "run `python tools/gen_v1_table.py`"


@pytest.mark.parametrize(
    ("name", "stands"),
    [
        ("Session", True),
        ("Session.run", True),
        ("Session.nothing", False),
        ("newaxis", True),
        ("gfile", True),
        ("GraphDef.node", True),
        ("GraphDef.SerializeToString", True),
        ("Variable.assign_add", True),
        ("nothing", False),
        ("contrib.nothing", False),
    ],
)
def test_what_counts_as_there(tool: ModuleType, name: str, stands: bool) -> None:
    assert tool.there(name) is stands
