"""The package as a whole: its public names, its generated page, its size limits, its command."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import noria
from conftest import REPOSITORY

MAX_FILE, MAX_FUNCTION = 800, 60  # lines
SOURCES = [
    path.relative_to(REPOSITORY)
    for folder in ("src", "tests", "tools", "benchmarks", "examples", "drills")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]


def test_version_is_that_of_the_distribution() -> None:
    assert importlib.metadata.version("noria") == noria.__version__


def test_public_names_exist() -> None:
    for name in noria.__all__:
        assert getattr(noria, name) is not None
    with pytest.raises(AttributeError, match="'nothing'"):
        noria.nothing  # noqa: B018


def test_package_is_typed() -> None:
    assert (Path(noria.__file__).parent / "py.typed").is_file()


def _tool(name: str) -> Any:
    """A script of tools/, as a module."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_op_page_is_what_the_code_says() -> None:
    module = _tool("gen_op_table")
    assert module.PAGE.read_text() == module.page(), "run `make docs`"


@pytest.mark.parametrize("page", ["flags", "serving_api", "formats"])
def test_serving_pages_are_what_the_code_says(page: str) -> None:
    module = _tool("gen_serving_pages")
    made = {"flags": module.flags_page, "serving_api": module.api_page, "formats": module.formats_page}[page]()
    assert (REPOSITORY / "docs" / f"{page}.md").read_text() == made, "run `make docs`"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = (REPOSITORY / path).read_text()
    assert text.count("\n") <= MAX_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION, node.name


def test_command_answers_for_its_version() -> None:
    command = [sys.executable, "-m", "noria", "--version"]
    assert subprocess.check_output(command, text=True).strip() == f"noria {noria.__version__}"
