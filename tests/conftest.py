"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from noria.graph import verify

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"

verify.enable()  # every pass of every test is checked

# The same examples in every run, and no clock: a run that fails is to say something of the code, not of the machine.
# --hypothesis-profile=searching looks for new ones.
settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", settings.get_profile("searching"), derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real models beside the checkout; tests that need it are skipped where it is absent."""
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip(f"the real models are not on this machine ({folder} is absent)")
    return folder
