"""``noria requests``: what it prints of request logs, and the warm-up files it makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from noria.cli import main
from noria.formats import tensor_proto
from noria.formats.record import RecordWriter, encode_record
from noria.protos import serving as pb
from noria.serving.lifecycle import record_files


def _log(model: str, x: float) -> pb.PredictionLog:
    log = pb.PredictionLog()
    log.log_metadata.model_spec.name = model
    log.predict_log.request.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([x], np.float32)))
    return log


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    paths = []
    for number, names in enumerate((("m", "n", "m"), ("m",))):
        path = tmp_path / f"requests-{number}.tfrecord"
        with RecordWriter(path) as writer:
            for k, name in enumerate(names):
                writer.write(_log(name, 10 * number + k).SerializeToString())
        paths.append(str(path))
    return paths


def _run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["requests", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_prints_lines_of_json(logs: list[str]) -> None:
    code, text, _ = _run(*logs)
    assert code == 0
    found = [json.loads(line) for line in text.splitlines()]
    assert [each["request"]["inputs"]["x"] for each in found] == [[0.0], [1.0], [2.0], [10.0]]
    code, text, _ = _run(*logs, "--model", "m", "--limit", "2")
    found = [json.loads(line) for line in text.splitlines()]
    assert [each["request"]["inputs"]["x"] for each in found] == [[0.0], [2.0]]


def test_makes_a_warm_up_file(logs: list[str], tmp_path: Path) -> None:
    out = str(tmp_path / "tf_serving_warmup_requests")
    code, text, _ = _run(*logs, "--model", "m", "--out", out)
    assert (code, text) == (0, f"3 requests in {out}\n")
    assert list(record_files.read(out)) == [_log("m", 0), _log("m", 2), _log("m", 10)]
    code, _, text = _run(*logs, "--out", out)
    assert code == 1
    assert "--overwrite replaces it" in text
    assert _run(*logs, "--out", out, "--overwrite")[0] == 0


def test_damaged_files(logs: list[str], tmp_path: Path) -> None:
    path = tmp_path / "cut.tfrecord"
    path.write_bytes(Path(logs[0]).read_bytes() + b"\x01")
    code, text, error = _run(str(path))
    assert code == 1
    assert len(text.splitlines()) == 3
    assert "cut short" in error
    path.write_bytes(encode_record(b"\xff\xff"))
    assert "record 0 is no PredictionLog" in _run(str(path))[2]
    assert _run(str(tmp_path / "absent"))[0] == 1
