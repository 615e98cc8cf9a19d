"""``noria predict`` and ``noria models``: ask a server, over gRPC or REST."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from noria import dtypes, shapes
from noria.cli.inputs import Array, convert, gather
from noria.cli.render import Block, Lines, Table, clean, size_text, write
from noria.cli.values import json_value
from noria.client import Client, Metadata, SignatureInfo, TensorInfo, VersionStatus
from noria.errors import InvalidArgumentError, NotFoundError


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """How a server is reached; as the arguments of ``noria.client.Client``."""

    url: str
    timeout: float = 60.0
    token: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    as_json: bool = False

    def client(self) -> Client:
        """A client of the server."""
        return Client(self.url, timeout=self.timeout, token=self.token, ca=self.ca, cert=self.cert, key=self.key)


@dataclass(frozen=True, kw_only=True)
class PredictOptions(ServerOptions):
    """The options of ``predict``."""

    model: str
    version: int | None = None
    label: str | None = None
    signature_def: str | None = None
    inputs: str = ""
    input_exprs: str = ""
    input_examples: str = ""
    outputs: str = ""
    allow_pickle: bool = False


def predict_model(options: PredictOptions) -> None:
    """Asks for what ``options`` say and prints the outputs. Raises the errors of reading inputs, and the server's."""
    feeds = gather(options.inputs, options.input_exprs, options.input_examples, allow_pickle=options.allow_pickle)
    wanted = [key.strip() for key in options.outputs.split(",") if key.strip()]
    place: dict[str, Any] = {"version": options.version, "label": options.label}
    with options.client() as client:
        signature = _signature(client.metadata(options.model, **place), options.signature_def)
        if not feeds and signature.inputs:
            raise click.UsageError(
                f"signature {signature.name!r} takes {', '.join(signature.inputs)}; "
                "give at least one of --inputs, --input_exprs, --input_examples"
            )
        arrays = _arrays(signature, feeds)
        # An empty name is the default one: the answer of a server that calls it otherwise is the same.
        outputs = client.predict(options.model, arrays, signature=signature.name, outputs=wanted, **place)
    if options.as_json:
        document = {
            "signature": signature.name,
            "outputs": {
                key: {
                    "dtype": dtypes.from_numpy(array.dtype).name,
                    "shape": list(array.shape),
                    "value": json_value(array),
                }
                for key, array in sorted(outputs.items())
            },
        }
        json.dump(document, sys.stdout)
        sys.stdout.write("\n")
        return
    for key, array in sorted(outputs.items()):
        print(f"Result for output key {clean(key)}:\n{np.asarray(array)[()]!s}")


def _signature(metadata: Metadata, key: str | None) -> SignatureInfo:
    """The signature called ``key``; without a key ``serving_default``, or the only one a caller may use."""
    callable_ones = [name for name in metadata.signatures if not name.startswith("__")]
    if key is None:
        key = callable_ones[0] if len(callable_ones) == 1 else "serving_default"
    if key not in metadata.signatures:
        raise NotFoundError(
            f"model {metadata.model!r} has no signature {key!r}; choose with --signature_def from: "
            f"{', '.join(callable_ones) or 'none'}"
        )
    return metadata.signatures[key]


def _arrays(signature: SignatureInfo, feeds: dict[str, Any]) -> dict[str, Array]:
    found = {}
    for key, value in feeds.items():
        info = signature.inputs.get(key)
        if info is None:
            raise InvalidArgumentError(
                f"signature {signature.name!r} has no input {key!r}; it takes {', '.join(signature.inputs)}"
            )
        found[key] = convert(key, value, info.dtype, None)  # the server decides about shapes
    return found


def show_models(options: ServerOptions, model: str | None) -> None:
    """Prints the models of a server, or the versions and the signatures of one."""
    with options.client() as client:
        if model is None:
            rows = client.models()
            _print(options, rows, [_models_table(rows)])
            return
        states = client.status(model)
        ready = any(state.state == "AVAILABLE" for state in states)
        metadata = client.metadata(model) if ready else None
    _print(options, _document(model, states, metadata), _page(model, states, metadata))


def _print(options: ServerOptions, document: Any, blocks: list[Block]) -> None:
    if options.as_json:
        json.dump(document, sys.stdout)
        sys.stdout.write("\n")
    else:
        write(blocks)


def _models_table(rows: list[dict[str, Any]]) -> Table:
    """A row for each version; what a server does not tell stays empty."""
    cells = []
    for row in rows:
        labels: dict[str, int] = row.get("labels") or {}
        for version in row.get("versions") or [{}]:
            number = version.get("version")
            memory = version.get("memory_bytes")
            cells.append(
                [
                    str(row.get("name", "")),
                    "" if number is None else str(number),
                    str(version.get("state", "")),
                    ", ".join(label for label, of in labels.items() if str(of) == str(number)),
                    "" if memory is None else size_text(memory),
                    str(version.get("requests", "")),
                    str(version.get("reason") or row.get("reason") or ""),
                ]
            )
    columns = ["model", "version", "state", "labels", "memory", "requests", "reason"]
    return Table("", columns, cells, ["version", "memory", "requests"])


def _page(model: str, states: list[VersionStatus], metadata: Metadata | None) -> list[Block]:
    rows = [[str(row.version), row.state, row.message] for row in states]
    blocks: list[Block] = [Table("", ["version", "state", "message"], rows, ["version"])]
    if metadata is None:
        return [Lines([f"model {model}"]), *blocks]
    for name, signature in metadata.signatures.items():
        if name.startswith("__"):
            continue
        cells = [
            [kind, alias, info.dtype.name, shapes.text(info.shape)]
            for kind, tensors in (("input", signature.inputs), ("output", signature.outputs))
            for alias, info in tensors.items()
        ]
        method = signature.method.rpartition("/")[2] or "predict"
        blocks.append(
            Table(f"signature {name} ({method}) of version {metadata.version}", ["", "key", "dtype", "shape"], cells)
        )
    return [Lines([f"model {model}"]), *blocks]


def _document(model: str, states: list[VersionStatus], metadata: Metadata | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": model,
        "versions": [
            {"version": row.version, "state": row.state, "code": row.code.name, "message": row.message}
            for row in states
        ],
    }
    if metadata is not None:
        found["signatures"] = {
            name: {
                "method": signature.method,
                "inputs": _tensors(signature.inputs),
                "outputs": _tensors(signature.outputs),
            }
            for name, signature in metadata.signatures.items()
        }
    return found


def _tensors(tensors: Mapping[str, TensorInfo]) -> dict[str, Any]:
    return {
        alias: {"dtype": info.dtype.name, "shape": None if info.shape is None else list(info.shape)}
        for alias, info in tensors.items()
    }
