"""Settings that no server can have are refused before anything starts."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from noria.errors import InvalidArgumentError
from noria.serving.command import parse


def test_tensorflow_serving_flags_may_be_negative() -> None:
    config = parse(["--file_system_poll_wait_seconds=-1", "--max_num_load_retries=-1"], quiet=True)
    assert (config.file_system_poll_wait_seconds, config.max_num_load_retries) == (-1, -1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--workers=-1"], "--workers is not negative; got -1"),
        (["--golden_tolerance=-1"], "--golden_tolerance is not negative; got -1.0"),
        (["--request_log_sampling_rate=2"], "--request_log_sampling_rate is from 0 to 1; got 2.0"),
        (["--file_system_poll_wait_seconds=inf"], "is from -1000000000 to 1000000000; got inf"),
        (["--ended_version_seconds=nan"], "--ended_version_seconds is from 0 to 1000000000; got nan"),
        (["--drain_timeout_seconds=-3"], "--drain_timeout_seconds is not negative; got -3.0"),
        (["--rest_api_max_connections=-1"], "--rest_api_max_connections is not negative; got -1"),
        (["--workers=99999"], "--workers is from 0 to 1024; got 99999"),
        (["--tensorflow_intra_op_parallelism=9999999999"], "is from -2147483647 to 2147483647; got 9999999999"),
        (
            [f"--tensorflow_{kind}_parallelism=1" for kind in ("session", "intra_op", "inter_op")],
            "--tensorflow_session_parallelism stands for the other two",
        ),
    ],
)
def test_impossible_settings(flags: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(message)):
        parse([*flags, "--model_base_path=/nowhere"], quiet=True)


def test_what_has_no_effect_alone_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    flags = ["--max_loaded_models=2", "--enable_per_model_batching_parameters", "--enable_batching"]
    command = "import sys; from noria.serving.command import parse; parse(sys.argv[1:])"  # it takes the log over
    subprocess.run([sys.executable, "-c", command, *flags], check=True)
    found = [line.partition(": ")[2] for line in capfd.readouterr().err.splitlines()]
    assert found == ["--max_loaded_models has no effect without --load_on_demand"]
