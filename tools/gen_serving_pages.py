"""Writes flags.md, serving_api.md and formats.md in docs/ from the code: ``gen_serving_pages.py [--check]``.

With ``--check`` nothing is written; the status is 1 when a page is not what the code says.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import sys
from pathlib import Path

import noria
import noria.formats
from noria.convert.registry import SOURCES, TARGETS
from noria.protos import POOL
from noria.serving import admin, routes
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.kserve import rest as kserve_rest
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server

BAR = r"\|"  # a bar within a cell of a table
DOCS = Path(__file__).resolve().parent.parent / "docs"

_FLAGS_HEAD = """\
# Flags of `noria serve`

Written by `tools/gen_serving_pages.py` from `src/noria/serving/config.py`; do not edit.

Written as TensorFlow Serving's: `--name=value` or `--name value`; a boolean may stand alone. An unknown flag is
warned of, with the nearest name, and keeps no server from starting.
"""


def flags_page() -> str:
    """All flags: TensorFlow Serving's, those of them that do nothing here, and Noria's own."""
    groups: dict[str, list[str]] = {
        "TensorFlow Serving's": [],
        "Noria's own": [],
        "Accepted, without effect": [],
    }
    for row in dataclasses.fields(ServerConfig):
        default = str(row.default).lower() if isinstance(row.default, bool) else repr(row.default).strip("'")
        default = f"`{default}`" if default else ""
        text = row.metadata.get("no_effect") or row.metadata["help"]
        line = f"| `--{row.name}` | {type(row.default).__name__} | {default} | {text} |".replace("|  |", "| |")
        if "no_effect" in row.metadata:
            groups["Accepted, without effect"].append(line)
        else:
            groups["Noria's own" if row.metadata.get("own") else "TensorFlow Serving's"].append(line)
    parts = [_FLAGS_HEAD]
    for title, lines in groups.items():
        parts += [f"\n## {title}\n\n| flag | type | default | meaning |\n|---|---|---|---|\n", "\n".join(lines), "\n"]
    return "".join(parts)


_API_HEAD = """\
# What the server speaks

Written by `tools/gen_serving_pages.py`, which asks the server's own tables; do not edit.

## gRPC

Every RPC that the protocols define, on one port.

| service | RPC | served |
|---|---|:-:|
"""
_REST_HEAD = """
## REST

What stands in brackets may be left out; NAME is percent-encoded.

| request | what it is |
|---|---|
"""
_FILES_HEAD = """
## Files

Text files that flags name, and what of them is read.

| flag | message | fields |
|---|---|---|
"""
_FILES = {
    "model_config_file": "ModelConfig",
    "batching_parameters_file": "BatchingParameters",
    "monitoring_config_file": "PrometheusConfig",
    "ssl_config_file": "SSLConfig",
}
_ROUTE = re.compile(r"^    ((?:GET|POST) +/\S*(?:, /\S+)*)  +(.*)$", re.MULTILINE)
_SERVICES = [
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    "tensorflow.serving.SessionService",
    "inference.GRPCInferenceService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
]


def rest_rows() -> list[tuple[str, str]]:
    """The requests that the edges name in their own documentation, and what each is."""
    texts = [routes.__doc__, admin.__doc__, kserve_rest.__doc__]
    return [(" ".join(m[1].split()), m[2]) for text in texts for m in _ROUTE.finditer(text or "")]


def api_page() -> str:
    """RPCs, REST requests and configuration files."""
    core = Core.make(Manager(noria.load), ServerConfig())
    methods = Server(core).grpc_methods()
    rows = []
    for service in _SERVICES:
        found = POOL.FindServiceByName(service)
        for method in found.methods:
            served = f"/{service}/{method.name}" in methods
            rows.append(f"| `{service}` | {method.name} | {'yes' if served else ''} |")
    core.runner.close()
    parts = [_API_HEAD, "\n".join(rows), "\n", _REST_HEAD]
    requests = [f"| `{request.replace('|', BAR)}` | {what} |" for request, what in rest_rows()]
    parts += ["\n".join(requests), "\n", _FILES_HEAD]
    for flag, message in _FILES.items():
        fields = ", ".join(
            f"`{name}`" for name in POOL.FindMessageTypeByName(f"tensorflow.serving.{message}").fields_by_name
        )
        parts.append(f"| `--{flag}` | {message} | {fields} |\n")
    return "".join(parts)


_FORMATS_HEAD = """\
# Formats

Written by `tools/gen_serving_pages.py` from the registries of `src/noria/convert` and `src/noria/formats`; do not edit.

## Models

What `noria convert` reads and writes; any goes to any.

| kind | read | written | what |
|---|:-:|:-:|---|
"""


def formats_page() -> str:
    """Kinds of models, and the file formats below them."""
    rows = []
    for kind in sorted({*SOURCES, *TARGETS}):
        rule = SOURCES.get(kind) or TARGETS[kind]
        what = (rule.__doc__ or "").strip().partition("\n")[0]
        rows.append(f"| {kind} | {'yes' if kind in SOURCES else ''} | {'yes' if kind in TARGETS else ''} | {what} |")
    parts = [_FORMATS_HEAD, "\n".join(rows), "\n\n## Files\n\n| module | what |\n|---|---|\n"]
    for module in sorted(pkgutil.iter_modules(noria.formats.__path__), key=lambda m: m.name):
        text = importlib.import_module(f"noria.formats.{module.name}").__doc__ or ""
        parts.append(f"| `formats/{module.name}.py` | {text.strip().partition(chr(10))[0]} |\n")
    return "".join(parts)


def main(arguments: list[str]) -> int:
    pages = {"flags.md": flags_page(), "serving_api.md": api_page(), "formats.md": formats_page()}
    if arguments == ["--check"]:
        stale = [
            name for name, text in pages.items() if not (DOCS / name).is_file() or (DOCS / name).read_text() != text
        ]
        if stale:
            print(
                f"not what the code says: {', '.join(stale)}; run: python tools/gen_serving_pages.py", file=sys.stderr
            )
        return 1 if stale else 0
    for name, text in pages.items():
        (DOCS / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
