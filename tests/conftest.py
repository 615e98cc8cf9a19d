"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from noria.graph import verify

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

verify.enable()  # every pass of every test is checked


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real models beside the checkout; tests that need it are skipped where it is absent."""
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip(f"the real models are not on this machine ({folder} is absent)")
    return folder
