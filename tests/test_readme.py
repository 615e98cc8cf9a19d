"""The commands of README.md work when pasted, and print what it shows."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from readme import FENCE, Example, examples, free_port, run, same

TEXT = (REPOSITORY / "README.md").read_text()
FOLDERS = ("tests/golden", "docs")


@pytest.mark.parametrize("example", examples(TEXT), ids=lambda e: " ".join(e.code.split()[:2]))
def test_example_prints_what_is_shown(example: Example, tmp_path: Path) -> None:
    if "curl" in example.code and shutil.which("curl") is None:
        pytest.skip("this machine has no curl")
    for folder in FOLDERS:  # a copy, so that what an example writes stays out of the checkout
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(REPOSITORY / folder)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    got = run(example, tmp_path, environment, {"8500": free_port(), "8501": free_port()})
    assert same(got, example.shown), f"printed:\n{got}\nshown:\n{example.shown}"


def test_install_and_make_lines_name_what_is_there() -> None:
    lines = [line for language, code in FENCE.findall(TEXT) if language == "sh" for line in code.splitlines()]
    assert lines[0] == "pip install ."  # what tools/check_install.py does in a fresh environment
    makefile = (REPOSITORY / "Makefile").read_text()
    for line in lines[1:]:
        (target,) = re.findall(r"^make (\w+)", line)
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), line


def test_links_point_to_files() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", FENCE.sub("", TEXT)):
        assert target.startswith("http") or (REPOSITORY / target).exists(), target
