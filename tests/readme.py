"""The fenced blocks of README.md, and running them as pasted."""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"-?\d+\.\d+(?:[eE][+-]?\d+)?")
_READY = re.compile(r"noria: serving .*\n")
_PORTS = range(12_000, 32_000)  # which no system gives to those that ask for any port


@dataclass(frozen=True)
class Example:
    """A block that is run: its language (bash or python), its text, and the output that the page shows for it."""

    language: str
    code: str
    shown: str


def examples(text: str) -> list[Example]:
    """Every bash and python block, with the text block that follows it."""
    blocks = [(m[1], m[2]) for m in FENCE.finditer(text)]
    found = []
    for (language, code), following in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language in ("bash", "python"):
            assert following[0] == "text", f"no output is shown for:\n{code}"
            found.append(Example(language, code, following[1]))
    return found


def run(example: Example, cwd: Path, environment: dict[str, str], ports: dict[str, str]) -> str:
    """The block's standard output. ports: replacements, for those of the page may be taken on this machine.

    What a server in the background says when it is ready comes first: it may come after its first answer.
    """
    code = example.code
    for old, new in ports.items():
        code = code.replace(old, new)
    command = ["bash", "-e", "-c", code] if example.language == "bash" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    shown: str = done.stdout
    for old, new in ports.items():
        shown = re.sub(rf"(?<=:){new}\b", old, shown)
    return "".join(_READY.findall(shown)) + _READY.sub("", shown)


def free_port() -> str:
    """A TCP port that nothing listens on, and that is not given to another test meanwhile."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return str(port)


def same(got: str, shown: str) -> bool:
    """Whether two outputs are equal, numbers with a point to 4 digits: the last ones depend on the processor."""
    numbers = [[float(n) for n in _NUMBER.findall(text)] for text in (got, shown)]
    if len(numbers[0]) != len(numbers[1]) or _NUMBER.sub("#", got).split() != _NUMBER.sub("#", shown).split():
        return False
    return all(abs(a - b) <= 1e-4 * max(abs(a), abs(b), 1e-3) for a, b in zip(*numbers, strict=True))
