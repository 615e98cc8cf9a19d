"""The commands of docs/client.md and docs/security.md work when pasted, and print what is shown."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from noria.client import Client
from readme import FENCE, Example, examples, run, same

TEXT = (REPOSITORY / "docs" / "client.md").read_text()
SECURITY = (REPOSITORY / "docs" / "security.md").read_text()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("example", [*examples(TEXT), *examples(SECURITY)], ids=lambda e: " ".join(e.code.split()[:2]))
def test_example_prints_what_is_shown(example: Example, tmp_path: Path) -> None:
    for tool in ("curl", "openssl"):
        if tool in example.code and shutil.which(tool) is None:
            pytest.skip(f"this machine has no {tool}")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "golden").symlink_to(REPOSITORY / "tests" / "golden")
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    got = run(example, tmp_path, environment, {"8500": _free_port(), "8501": _free_port()})
    assert same(got, example.shown), f"printed:\n{got}\nshown:\n{example.shown}"


def test_every_call_and_option_exists() -> None:
    for name in re.findall(r"^\| `(\w+)\(", TEXT, re.MULTILINE):
        assert callable(getattr(Client, name)), name
    for language, code in FENCE.findall(TEXT):
        if language == "py":
            compile(f"async def page():\n{re.sub('^', '    ', code, flags=re.MULTILINE)}", "docs/client.md", "exec")
