"""A start with a model that is missing and one that is slow: ports open at once, /readyz says what is missing."""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import time
from pathlib import Path
from typing import Final

from drills import harness
from drills.harness import Result

_MODEL: Final = 'config {{ name: "{0}" base_path: "{1}" model_platform: "tensorflow" }}'


def main(full: bool = False) -> Result:
    """One process, then two workers; the slow model has 64 MB of weights (``full``: 512)."""
    result = Result("startup")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        base = Path(folder)
        harness.add_version(base / "good", 1)
        (base / "slow").mkdir()
        harness.dense_model(base / "slow" / "1", 512 if full else 64)
        (base / "missing").mkdir()
        models = "\n".join(_MODEL.format(name, base / name) for name in ("good", "slow", "missing"))
        config = base / "models.config"
        config.write_text(f"model_config_list {{ {models} }}")
        for workers in (1, 2):
            _start(result, base, config, workers)
    return result


def _start(result: Result, base: Path, config: Path, workers: int) -> None:
    name = "one process" if workers == 1 else f"{workers} workers"
    flags = (f"--model_config_file={config}", f"--workers={workers}")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(harness.server(*flags))
        log = server.log.read_text()
        opened, loaded = log.find("listening: "), log.find("loaded slow version 1")
        first = 0 <= opened < loaded
        result.check(f"{name}: the ports were open", "before" if first else "after", "before the slow model", first)
        status, body = server.get("/readyz")
        missing = json.loads(body)["missing"]
        said = status == 503 and len(missing) == 1 and missing[0].startswith("missing:")
        result.check(
            f"{name}: /readyz without the third model", f"{status} {missing}", "503, which model and why", said
        )
        good = _predict(server.rest_port, "good")
        result.check(f"{name}: the model that is there answers", good, "200", good == 200)
        added = time.monotonic()
        harness.add_version(base / "missing", 1)
        while server.get("/readyz")[0] != 200 and time.monotonic() - added < 60:
            time.sleep(0.05)
        seconds = time.monotonic() - added
        result.check(f"{name}: ready after the model came", f"{seconds:.1f} s", "< 20 s", seconds < 20)
        _remove(base / "missing")


def _predict(port: int, model: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", f"/v1/models/{model}:predict", harness.rest_body([1.0]))
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _remove(folder: Path) -> None:
    for version in folder.iterdir():
        version.rename(folder.parent / f"gone-{time.monotonic_ns()}")
