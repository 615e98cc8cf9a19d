"""docs/client.md names calls that exist and code that compiles; tests/test_guides.py runs its commands."""

from __future__ import annotations

import re

from conftest import REPOSITORY
from noria.client import Client
from readme import FENCE

TEXT = (REPOSITORY / "docs" / "client.md").read_text()


def test_every_call_and_option_exists() -> None:
    for name in re.findall(r"^\| `(\w+)\(", TEXT, re.MULTILINE):
        assert callable(getattr(Client, name)), name
    for language, code in FENCE.findall(TEXT):
        if language == "py":
            compile(f"async def page():\n{re.sub('^', '    ', code, flags=re.MULTILINE)}", "docs/client.md", "exec")
