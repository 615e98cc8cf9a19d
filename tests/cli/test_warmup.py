"""``noria warmup``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from noria.cli import main
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.admission import make_admission
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager

HALF = Path(__file__).parent.parent / "golden" / "half_plus_two" / "1"
BODIES: list[dict[str, object]] = [
    {"instances": [[1.0], [2.0]]},
    {"inputs": {"x": [[3.0]]}},
    {"signature_name": "classify_x_to_y", "examples": [{"x": 1.5}]},
    {"signature_name": "regress_x_to_y", "examples": [{"x": 1.5}, {"x": 2.5}], "context": {"y": 1.0}},
]


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["warmup", *arguments], input=given)


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HALF, tmp_path / "1"))


def test_warm_up_requests(tmp_path: Path) -> None:
    model = copied(tmp_path)
    (tmp_path / "requests.json").write_text(json.dumps(BODIES))
    done = run(str(model), "--requests", str(tmp_path / "requests.json"))
    assert done.exit_code == 0, done.output
    assert "4 warm-up requests in" in done.output
    assert "1 classify, 2 predict, 1 regress" in done.output
    logs = list(record_files.read(record_files.path_of(str(model), record_files.WARMUP)))
    assert not any(getattr(log, str(log.WhichOneof("log_type"))).HasField("response") for log in logs)
    assert len(logs[3].regress_log.request.input.example_list.examples) == 2

    again = run(str(model), "--requests", str(tmp_path / "requests.json"))
    assert again.exit_code == 1
    assert "--force" in again.output
    shown = run(str(model))
    assert "tf_serving_warmup_requests: 1 classify, 2 predict, 1 regress" in shown.output
    assert "noria_golden_requests: none" in shown.output


def test_golden_requests_are_what_a_server_asks(tmp_path: Path) -> None:
    model = copied(tmp_path)
    lines = "\n".join(json.dumps(body) for body in BODIES)
    done = run(str(model), "--requests", "-", "--golden", given=lines)
    assert done.exit_code == 0, done.output
    assert "4 golden requests in" in done.output
    logs = list(record_files.read(record_files.path_of(str(model), record_files.GOLDEN)))
    assert list(logs[0].predict_log.response.outputs["y"].float_val) == [2.5, 3.0]
    config = ServerConfig()
    Manager(make_loader(config), make_admission(config)).load("m", 1, str(model))


def test_one_body_of_several_lines(tmp_path: Path) -> None:
    model = copied(tmp_path)
    done = run(str(model), "--requests", "-", given='{\n "instances": [\n  [1.0]\n ]\n}\n')
    assert "1 warm-up request in" in done.output, done.output


def test_a_request_that_fails_is_not_written(tmp_path: Path) -> None:
    model = copied(tmp_path)
    for text, why in (
        ('[{"instances": [[1.0]]}, {"instances": [["text"]]}]', "request 2: "),
        ('{"signature_name": "none", "instances": [1]}', 'key "none" not found'),
        ('{"instances": [1, 2', "request 1: "),
        ("", "there are no requests"),
        ("[]", "expected a JSON body"),
    ):
        done = run(str(model), "--requests", "-", given=text)
        assert done.exit_code == 1, text
        assert why in done.output, done.output
    assert not (model / "assets.extra").exists()
