"""The commands of the guides in docs/ work when pasted, and print what the pages show."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from readme import FENCE, Example, examples, free_port, run, same

PAGES = ("serving.md", "client.md", "security.md")
EXAMPLES = [(page, example) for page in PAGES for example in examples((REPOSITORY / "docs" / page).read_text())]


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=lambda part: part if isinstance(part, str) else "")
def test_example_prints_what_is_shown(page: str, example: Example, tmp_path: Path) -> None:
    for tool in ("curl", "openssl"):
        if tool in example.code and shutil.which(tool) is None:
            pytest.skip(f"this machine has no {tool}")
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    got = run(example, tmp_path, environment, {"8500": free_port(), "8501": free_port()})
    assert same(got, example.shown), f"{page} printed:\n{got}\nshown:\n{example.shown}"


@pytest.mark.parametrize("page", sorted(path.name for path in (REPOSITORY / "docs").glob("*.md")))
def test_links_point_to_files(page: str) -> None:
    text = FENCE.sub("", (REPOSITORY / "docs" / page).read_text())
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("http") or (REPOSITORY / "docs" / target).exists(), target
