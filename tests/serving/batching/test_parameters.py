"""Batching parameters as TensorFlow Serving reads them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from noria.compile.ort import available_cpus
from noria.errors import InvalidArgumentError
from noria.serving.batching.parameters import VERSION_FILE, Parameters, from_flags
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.loader import make_loader

GOLDEN = Path(__file__).parents[2] / "golden" / "half_plus_two" / "1"
SPLIT = "enable_large_batch_splitting { value: true } "


def flags(folder: Path, text: str | None, **settings: Any) -> ServerConfig:
    place = ""
    if text is not None:
        (folder / "batch.txt").write_text(text)
        place = str(folder / "batch.txt")
    return ServerConfig(**{"enable_batching": True, "batching_parameters_file": place, **settings})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Parameters()),
        (
            "max_batch_size { value: 128 } batch_timeout_micros { value: 1000 } max_enqueued_batches { value: 7 }",
            Parameters(128, 0.001, 7, max_execution_batch_size=128),
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 2 allowed_batch_sizes: 4",
            Parameters(4, allowed=(2, 4), max_execution_batch_size=4),
        ),
        (
            "max_batch_size { value: 9 } enable_large_batch_splitting { value: true }",
            Parameters(9, split=True, max_execution_batch_size=9),
        ),
        (
            SPLIT + "max_batch_size { value: 9 } max_execution_batch_size { value: 3 }",
            Parameters(9, split=True, max_execution_batch_size=3),
        ),
        (
            "pad_variable_length_inputs: true padding_value { value: 0 }",
            Parameters(pad=True, padding=0.0),
        ),
    ],
)
def test_files(tmp_path: Path, text: str, wanted: Parameters) -> None:
    found = from_flags(flags(tmp_path, text))
    assert found is not None
    assert found.parameters == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size { value: 0 }", "max_batch_size must be 1 or more; was 0"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be 0 or more; was -1"),
        ("max_enqueued_batches { value: 0 }", "max_enqueued_batches must be 1 or more"),
        ("num_batch_threads { value: 0 }", "num_batch_threads is 0"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 2", "Last entry in allowed_batch_sizes must match"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: 4 allowed_batch_sizes: 4", "monotonically increasing"),
        (
            SPLIT + "max_batch_size { value: 4 } max_execution_batch_size { value: 5 }",
            r"max_execution_batch_size \(5\) must not be larger",
        ),
        ("max_batch_size: 4", "not a tensorflow.serving.BatchingParameters"),
        ("nonsense", "not a tensorflow.serving.BatchingParameters"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        from_flags(flags(tmp_path, text))


def test_flags(tmp_path: Path) -> None:
    assert from_flags(ServerConfig()) is None
    with pytest.raises(InvalidArgumentError, match="without setting --enable_batching to true"):
        from_flags(flags(tmp_path, "", enable_batching=False))
    with pytest.raises(InvalidArgumentError, match=r"--batching_parameters_file: .*absent"):
        from_flags(ServerConfig(enable_batching=True, batching_parameters_file=str(tmp_path / "absent")))
    plain = from_flags(flags(tmp_path, None))
    assert plain is not None
    assert (plain.threads, plain.pool) == (available_cpus(), "model_server_batch_threads")
    named = from_flags(flags(tmp_path, 'num_batch_threads { value: 3 } thread_pool_name { value: "p" }'))
    assert named is not None
    assert (named.threads, named.pool) == (3, "p")


def test_a_file_for_each_version(tmp_path: Path) -> None:
    found = from_flags(flags(tmp_path, "max_batch_size { value: 5 }", enable_per_model_batching_parameters=True))
    assert found is not None
    assert found.of(str(tmp_path)) is None
    (tmp_path / VERSION_FILE).write_text("max_batch_size { value: 6 }")
    assert found.of(str(tmp_path)) == Parameters(6, max_execution_batch_size=6)
    (tmp_path / VERSION_FILE).write_text("max_batch_size { value: -6 }")
    with pytest.raises(InvalidArgumentError, match=f"{VERSION_FILE}: max_batch_size must be 1 or more; was -6"):
        found.of(str(tmp_path))


def test_a_version_with_a_wrong_file_does_not_load(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "1")
    load = make_loader(flags(tmp_path, None, enable_per_model_batching_parameters=True))
    assert load(str(tmp_path / "1")).signatures
    (tmp_path / "1" / VERSION_FILE).write_text("max_batch_size { value: 0 }")
    with pytest.raises(InvalidArgumentError, match="max_batch_size must be 1 or more"):
        load(str(tmp_path / "1"))
