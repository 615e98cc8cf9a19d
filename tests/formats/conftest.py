"""What the tests of formats share."""

from __future__ import annotations

import pytest

from noria.formats import files


@pytest.fixture(autouse=True)
def small_files_are_mapped_as_large_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAPPED_BYTES", 1)
