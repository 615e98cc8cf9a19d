"""The commands of the guides in docs/ work when pasted, and print what the pages show."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from readme import FENCE, Example, examples, run, same

PAGES = ("serving.md",)
EXAMPLES = [(page, example) for page in PAGES for example in examples((REPOSITORY / "docs" / page).read_text())]


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=lambda part: part if isinstance(part, str) else "")
def test_example_prints_what_is_shown(page: str, example: Example, tmp_path: Path) -> None:
    if "curl" in example.code and shutil.which("curl") is None:
        pytest.skip("this machine has no curl")
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    got = run(example, tmp_path, environment, {"8500": _free_port(), "8501": _free_port()})
    assert same(got, example.shown), f"{page} printed:\n{got}\nshown:\n{example.shown}"


@pytest.mark.parametrize("page", sorted(path.name for path in (REPOSITORY / "docs").glob("*.md")))
def test_links_point_to_files(page: str) -> None:
    text = FENCE.sub("", (REPOSITORY / "docs" / page).read_text())
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (REPOSITORY / "docs" / target).exists(), target
