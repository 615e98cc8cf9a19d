"""Servers for the cases: each set-up of the recorded behaviour, from its flags and files, by the real start."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from conftest import SHARED
from noria.protos import POOL
from noria.protos import serving as pb
from noria.serving import command, server
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import State
from noria.serving.server import Server

SPEC = SHARED / "spec"
MODELS = SHARED / "models" / "serving"
ABSENT = f"the recorded cases are not on this machine ({SPEC})"


@cache
def setups() -> dict[str, Any]:
    """The set-ups by name; ``files`` are texts by name."""
    path = SPEC / "setups.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"files": {}}
    return found


@contextlib.contextmanager
def running(flags: Sequence[str]) -> Iterator[Server]:
    """A server with these flags on free ports, in a thread of its own, once every version of its models has settled."""
    config = command.parse(["--port=-1", "--rest_api_port=-1", *flags], quiet=True)
    core = server.make_core(config)
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()
    started: Future[Server] = Future()

    async def run() -> None:
        try:
            found = Server(core)
            await found.start()
        except Exception as error:
            started.set_exception(error)
            return
        started.set_result(found)
        await stopping.wait()
        await found.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        found = started.result(60)
        assert core.manager.wait_settled(60), core.manager.missing()
        _wait_loaded(core.manager)  # a model has settled with its first version
        yield found
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(120)
        loop.close()
        core.manager.close()


@contextlib.contextmanager
def start(name: str, folder: Path, models: set[str] | None = None, extra: Sequence[str] = ()) -> Iterator[Server]:
    """The server of a set-up; its files are written to ``folder``.

    models: those of its config file that are needed, all without; extra: more flags.
    """
    if name == "bad_new_version":
        with _bad_new_version(folder) as found:
            yield found
        return
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in setups()["files"].items():
        content = text.replace("${TESTDATA}", str(MODELS))
        if file == "main.config":
            content = _restricted(content, models, folder, loaded_m=name.startswith("reload_loaded_m"))
        (folder / file).write_text(content)
    flags = []
    for flag in setups()[name]["flags"]:
        key, _, value = flag.partition("=")
        value = value.replace("${TESTDATA}", str(MODELS))
        flags.append(f"{key}={folder / value}" if value in setups()["files"] else f"{key}={value}")
    with running([*flags, *extra]) as found:
        yield found


def _wait_loaded(manager: Manager) -> None:
    """Waits until no version is on its way; one that fails and is tried again may be for ever."""
    end = time.monotonic() + 60
    on_the_way = {State.START, State.LOADING}
    while time.monotonic() < end and any(
        servable.state in on_the_way for name in manager.names() for servable in manager.versions(name)
    ):
        time.sleep(0.01)


def _restricted(content: str, models: set[str] | None, folder: Path, *, loaded_m: bool) -> str:
    config = pb.ModelServerConfig()
    text_format.Parse(content, config, descriptor_pool=POOL)
    if loaded_m:  # the set-up's note: m, at 123 and 124
        m = config.model_config_list.config.add()
        m.CopyFrom(next(c for c in config.model_config_list.config if c.name == "hp2v"))
        m.name = "m"
        m.version_labels.clear()
        models = {"m"}
    if models is not None and "hp_bad_method" in models:
        made = config.model_config_list.config.add(name="hp_bad_method", base_path=str(_bad_method(folder)))
        made.model_platform = "tensorflow"
    if models is not None:
        kept = [c for c in config.model_config_list.config if c.name in models]
        del config.model_config_list.config[:]
        config.model_config_list.config.extend(kept)
    return text_format.MessageToString(config, descriptor_pool=POOL)


def _bad_method(folder: Path) -> Path:
    """half_plus_two with a method_name that is no method of the API."""
    made = folder / "hp_bad_method"
    shutil.copytree(MODELS / "saved_model_half_plus_two_cpu" / "00000123", made / "1", copy_function=_writable)
    path = made / "1" / "saved_model.pb"
    content = path.read_bytes()
    assert content.count(b"tensorflow/serving/predict") >= 1
    path.write_bytes(content.replace(b"tensorflow/serving/predict", b"tensorflow/serving/nonsens"))
    return made


@contextlib.contextmanager
def _bad_new_version(folder: Path) -> Iterator[Server]:
    base = folder / "bad"
    shutil.copytree(MODELS / "saved_model_half_plus_two_cpu" / "00000123", base / "123", copy_function=_writable)
    flags = ["--model_name=bad", f"--model_base_path={base}", "--max_num_load_retries=0"]
    fast = ["--file_system_poll_wait_seconds=0.05", "--version_settle_seconds=0.1"]
    with running([*flags, *fast]) as found:
        # Not bad_half_plus_two, which TensorFlow Serving cannot load: an export of 2016, which loads here.
        (base / "124").mkdir()
        (base / "124" / "saved_model.pb").write_bytes(b"\xff" * 100)
        end = time.monotonic() + 60
        while not any(v.id.version == 124 and v.error for v in found.core.manager.versions("bad")):
            assert time.monotonic() < end, found.core.manager.versions("bad")
            time.sleep(0.02)
        yield found


def _writable(source: str, target: str) -> str:
    """A copy that the test may change and remove: the recorded models are read-only."""
    return str(shutil.copyfile(source, target))


def models_of(case: dict[str, Any]) -> set[str]:
    """The models that a case may ask for."""
    named = re.findall(r'model_spec \{ name: "([^"]+)"', case.get("request", ""))
    path = re.match(r"/v1/models/([^/:?]+)", case.get("path", ""))
    return {*named, *([path[1]] if path else []), "half_plus_two"}
