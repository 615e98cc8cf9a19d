"""A large model loads beside a small one that serves: the small one's latency stays near what it is otherwise."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import noria.v1 as tf
from drills.harness import ROOT, Result, Server, add_version, load, rest_body, server

SMALL = ROOT / "tests" / "golden" / "iris" / "1"
_LAYERS, _WIDTH = 200, 256


def main(*, full: bool = False) -> Result:
    """10 loads (3 unless ``full``) of a network of 200 layers, 50 MB, beside 200 requests a second for iris."""
    loads = 10 if full else 3
    result = Result("loads")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        add_version(small, 1, SMALL)
        model = _deep(Path(folder) / "deep")
        add_version(large, 1, model)
        models = Path(folder) / "models"
        models.write_text(_config(small=small, large=large))
        with server(f"--model_config_file={models}", "--file_system_poll_wait_seconds=0.2") as running:
            running.wait_for("small", 1)
            running.wait_for("large", 1)
            body = rest_body([[5.1, 3.5, 1.4, 0.2]])
            with load(running.rest_port, "/v1/models/small:predict", body, clients=4, rate=200) as clients:
                time.sleep(3)
                windows = []
                for version in range(2, 2 + loads):
                    add_version(large, version, model)
                    windows.append(_loading(running, version))
                    time.sleep(1)
                requests = clients.stop()
    steady, during = requests.outside(windows).milliseconds(99), requests.milliseconds(99, windows)
    seconds = sum(end - start for start, end in windows) / loads
    result.check(f"failed of {len(requests)} requests, {loads} loads of {seconds:.1f} s", requests.failed or 0, "0",
                 not requests.failed)  # fmt: skip
    result.check(f"p99 during a load, steady {steady:.2f} ms", f"{during:.2f} ms", "<= 2 times steady",
                 during <= 2 * steady)  # fmt: skip
    return result


def _config(**models: Path) -> str:
    rows = (
        f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" }}' for name, path in models.items()
    )
    return f"model_config_list {{ {' '.join(rows)} }}"


def _deep(path: Path) -> Path:
    """Saves a network of many small layers."""
    with tf.Graph().as_default() as graph:
        x = y = tf.placeholder(tf.float32, [None, _WIDTH])
        for i in range(_LAYERS):
            w = tf.get_variable(f"w{i}", shape=[_WIDTH, _WIDTH])
            b = tf.get_variable(f"b{i}", shape=[_WIDTH], initializer=tf.zeros_initializer())
            y = tf.nn.relu(tf.nn.bias_add(tf.matmul(y, w), b))
        with tf.Session(graph=graph) as session:
            session.run(tf.global_variables_initializer())
            tf.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    return path


def _loading(running: Server, version: int) -> tuple[float, float]:
    """When a version of the large model began to load, and when the one before it had gone."""
    began = None
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        states, now = running.states("large"), time.monotonic()
        if began is None and states.get(version) in ("LOADING", "AVAILABLE"):
            began = now - 0.05
        if states.get(version) == "AVAILABLE" and states.get(version - 1) in ("END", None):
            return began or now, now
        time.sleep(0.02)
    raise RuntimeError(f"version {version} does not serve: {running.states('large')}")
