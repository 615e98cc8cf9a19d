"""Versions that cannot serve arrive while another one serves: no request fails, and the status says why."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from drills.harness import ROOT, Result, Server, add_version, load, rest_body, server

MODEL = ROOT / "tests" / "golden" / "iris" / "1"
_FLAGS = ("--file_system_poll_wait_seconds=0.2", "--max_num_load_retries=0", "--version_settle_seconds=2")


def main(*, full: bool = False) -> Result:
    """A corrupt, an empty and a half-copied version, the last of them completed later."""
    result = Result("bad_versions")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        base = Path(folder) / "m"
        add_version(base, 1, MODEL)
        with server("--model_name=m", f"--model_base_path={base}", *_FLAGS) as running:
            running.wait_for("m", 1)
            body = rest_body([[5.1, 3.5, 1.4, 0.2]])
            with load(running.rest_port, "/v1/models/m:predict", body, clients=4, rate=200) as clients:
                time.sleep(1)
                for _ in range(5 if full else 1):
                    _arrivals(base, running, result)
                requests = clients.stop()
    failed = requests.failed
    result.check(f"failed of {len(requests)} requests", failed or 0, "0", not failed)
    return result


def _arrivals(base: Path, running: Server, result: Result) -> None:
    first = max(int(path.name) for path in base.iterdir()) + 1
    corrupt = add_version(base, first, _corrupt(base.parent))
    _ends(running, result, first, "a version with damaged weights")
    (base / str(first + 1)).mkdir()
    _ends(running, result, first + 1, "an empty version")
    half = base / str(first + 2)
    half.mkdir()
    parts = sorted(path for path in MODEL.rglob("*") if path.is_file())
    for part in parts:
        target = half / part.relative_to(MODEL)
        target.parent.mkdir(exist_ok=True)
        content = part.read_bytes()
        with target.open("wb") as file:
            for at in range(0, len(content), max(len(content) // 3, 1)):
                file.write(content[at : at + max(len(content) // 3, 1)])
                file.flush()
                time.sleep(0.3)
                if part != parts[-1]:
                    _serves(running, result, half)
    running.wait_for("m", first + 2, seconds=20)
    result.check("a version copied slowly serves when it is whole", "AVAILABLE", "AVAILABLE", held=True)
    for path in (corrupt, base / str(first + 1)):
        shutil.rmtree(path)


def _corrupt(folder: Path) -> Path:
    """A copy of the model with a byte of its weights changed."""
    target = folder / "corrupt"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(MODEL, target)
    shard = next((target / "variables").glob("*.data-*"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    return target


def _serves(running: Server, result: Result, half: Path) -> None:
    """Notes when a version that is not whole takes traffic, or is given up."""
    state = running.states("m").get(int(half.name), "START")
    if state not in ("START", "LOADING"):
        result.check("a version that is being copied", state, "not loaded", held=False)


def _ends(running: Server, result: Result, version: int, what: str) -> None:
    """Waits until the status has a version's failure, with a reason."""
    limit = time.monotonic() + 30
    found: dict[str, str] = {}
    while time.monotonic() < limit and not found:
        status = json.loads(running.get("/v1/models/m")[1])["model_version_status"]
        found = next((v["status"] for v in status if int(v["version"]) == version and v["state"] == "END"), {})
        time.sleep(0.1)
    code, why = found.get("error_code", "no END"), found.get("error_message", "")
    result.check(
        f"{what}: its status", f"{code}: {why[-60:]}", "END with a reason", code not in ("OK", "no END") and bool(why)
    )
