"""A server process that notes every file it opens, lists, makes or moves: run by test_files with its flags.

When a line comes on its standard input it prints what it noted as JSON, ``[[event, path, writes], ...]``, and ends.
``os.stat`` and its like raise no audit event; they are wrapped.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any

NOTED: list[tuple[str, str, bool]] = []
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {"open": 1, "os.listdir": 1, "os.scandir": 1, "os.mkdir": 1, "os.rmdir": 1, "os.remove": 1, "os.rename": 2,
          "os.link": 2, "os.symlink": 2, "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1,
          "shutil.rmtree": 1, "ctypes.dlopen": 1, "tempfile.mkstemp": 1, "tempfile.mkdtemp": 1}  # fmt: skip
_READING = {"open", "os.listdir", "os.scandir", "ctypes.dlopen"}


def _text(path: Any) -> str:
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else str(path)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    count = _PATHS.get(event)
    if count is None:
        return
    writes = event not in _READING
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        writes = bool((flags or 0) & _WRITES) or (isinstance(mode, str) and any(c in mode for c in "wax+"))
    NOTED.extend((event, _text(path), writes) for path in arguments[:count])


def _wrap(name: str) -> None:
    real = getattr(os, name)

    def noted(path: Any, *arguments: Any, **named: Any) -> Any:
        NOTED.append((f"os.{name}", _text(path), False))
        return real(path, *arguments, **named)

    setattr(os, name, noted)


def _end_on_request() -> None:
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    for function in ("stat", "lstat", "access", "readlink"):
        _wrap(function)
    sys.addaudithook(_hook)
    from noria.serving.command import main

    threading.Thread(target=_end_on_request, daemon=True).start()
    status = main(sys.argv[1:])
    print(json.dumps(NOTED), flush=True)
    sys.exit(status)
