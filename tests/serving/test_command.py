"""Settings that no server can have are refused before anything starts."""

from __future__ import annotations

import re

import pytest

from noria.errors import InvalidArgumentError
from noria.serving.command import parse


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--workers=-1"], "--workers is not negative; got -1"),
        (["--golden_tolerance=-1"], "--golden_tolerance is not negative; got -1.0"),
        (["--request_log_sampling_rate=2"], "--request_log_sampling_rate is from 0 to 1; got 2.0"),
        (
            [f"--tensorflow_{kind}_parallelism=1" for kind in ("session", "intra_op", "inter_op")],
            "--tensorflow_session_parallelism stands for the other two",
        ),
    ],
)
def test_impossible_settings(flags: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(message)):
        parse([*flags, "--model_base_path=/nowhere"], quiet=True)
