"""The real models beside the checkout with the answers TensorFlow gave: ``../shared/models/{zoo,corpus}``.

A golden is one call: signature, inputs, outputs. Calls of a stateful model come in the order they were made in.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

# pypi_basic_pitch differs by 6e-3 between two builds of TensorFlow: float noise of its own, see models/README.md.
# Pixels of a decoded JPEG depend on the decoder: TensorFlow's inverse transform is the fast one, ours the accurate one.
LOOSE = {"pypi_basic_pitch": 1e-2, "t_img_b64_jpeg": 0.3}
# Outputs of models whose order means nothing: eigenvalues of a matrix without symmetry.
UNORDERED = frozenset({"eig"})
RTOL = 1e-4
ATOL = 1e-5


@dataclass(frozen=True)
class Call:
    """One recorded call of a signature."""

    signature: str
    golden: Path

    def load(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Inputs and outputs by alias; strings are object arrays of bytes."""
        with np.load(self.golden, allow_pickle=False) as data:
            coded = {k.decode() for k in data["__b64__"].reshape(-1)} if "__b64__" in data else set()
            parts: dict[str, dict[str, Array]] = {"in": {}, "out": {}}
            for key in data.files:
                side, _, name = key.partition("_")
                if side in parts:
                    parts[side][name.replace("|", "/")] = _decoded(data[key], bool({key, name} & coded))
        return parts["in"], parts["out"]


def _decoded(array: Array, coded: bool) -> Array:
    if array.dtype.kind != "S":
        return array
    result = array.astype(object)
    if coded:
        flat = [base64.b64decode(v) for v in result.reshape(-1)]
        decoded = np.empty(len(flat), object)
        decoded[:] = flat
        result = decoded.reshape(array.shape)
    return result


@dataclass(frozen=True)
class RealModel:
    """One model (one version of it) with its calls; inputs and outputs are given for graphs without signatures."""

    name: str
    path: str
    calls: tuple[Call, ...]
    tags: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def rtol(self) -> float:
        return LOOSE.get(self.name.partition(":")[0].partition("/")[2], RTOL)


def corpus(models: Path) -> Iterator[RealModel]:
    for folder in sorted((models / "corpus").iterdir()):
        order = folder / "golden" / "ORDER"
        if order.is_file():
            calls = tuple(Call(n.split(".")[0], folder / "golden" / n) for n in order.read_text().split())
            yield RealModel(f"corpus/{folder.name}", str(folder / "model"), calls)


def zoo(models: Path) -> Iterator[RealModel]:
    for entry in json.loads((models / "zoo" / "manifest.json").read_text())["models"]:
        folder = models / "zoo" / entry["name"]
        if entry["format"] == "saved_model":
            yield from _saved_model(folder, entry)
        elif entry["format"] in ("frozen_graph", "checkpoint+meta", "checkpoint_v1+meta"):
            yield from _graph(folder, entry)


def _saved_model(folder: Path, entry: dict[str, Any]) -> Iterator[RealModel]:
    versions: dict[tuple[str, tuple[str, ...]], list[Call]] = {}
    for golden in entry["goldens"]:
        key = (golden.get("version") or "", tuple(golden["tags"]))
        versions.setdefault(key, []).append(Call(golden["signature"], folder / "golden" / golden["file"]))
    for (version, tags), calls in versions.items():
        name = f"zoo/{entry['name']}" + (f":{version}" if len(versions) > 1 else "")
        yield RealModel(name, str(folder / "model" / version), tuple(calls), tags)


# The same model lies in serving/, and that copy is the one that other tests read too.
_TWINS = {"srv_bad_half_plus_two": "serving/bad_half_plus_two"}


def _graph(folder: Path, entry: dict[str, Any]) -> Iterator[RealModel]:
    file = entry["meta_graphs"][0]["path"].rpartition("/")[2]
    root = folder.parent.parent / _TWINS[entry["name"]] if entry["name"] in _TWINS else folder / "model"
    path = next(str(p) for p in sorted(root.rglob("*")) if p.name == file)
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Call]] = {}
    for golden in entry["goldens"]:
        if "fetched" in golden:
            key = (tuple(golden.get("fed", ())), tuple(golden["fetched"]))
            groups.setdefault(key, []).append(Call("serving_default", folder / "golden" / golden["file"]))
    for i, ((fed, fetched), calls) in enumerate(groups.items()):
        suffix = f":{i}" if len(groups) > 1 else ""
        yield RealModel(f"zoo/{entry['name']}{suffix}", path, tuple(calls), inputs=fed, outputs=fetched)


def compare(got: dict[str, Array], wanted: dict[str, Array], rtol: float) -> None:
    """Integers, strings, shapes and dtypes exactly; floats within ``rtol``."""
    assert got.keys() == wanted.keys(), f"outputs {sorted(got)}, not {sorted(wanted)}"
    for name, b in wanted.items():
        a = got[name]
        assert a.dtype == b.dtype, f"{name}: {a.dtype}, not {b.dtype}"
        assert a.shape == b.shape, f"{name}: shape {a.shape}, not {b.shape}"
        if b.dtype.kind in "fc":
            if name in UNORDERED:
                a, b = np.sort(a, axis=-1), np.sort(b, axis=-1)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=max(ATOL, rtol / 10), err_msg=name)
        else:
            assert np.array_equal(a, b), f"{name}: {a}, not {b}"
