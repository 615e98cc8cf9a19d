"""Keras model files: what the layers are, and their weights. Needs ``h5py``.

    .keras   a zip: config.json (the model), metadata.json, model.weights.h5
             weights: layers/KEY/vars/0, 1, … ; parts of a layer below it (cell, forward_layer, layers/KEY for a model
             in a model); KEY counts classes (dense, dense_1), the attribute ``name`` of ``vars`` has the layer's name
    .h5      HDF5: attribute model_config (JSON); model_weights/LAYER with attribute weight_names, in order
             (older files of weights alone have no model_config and cannot be converted)

Pickled code (Lambda layers) is never run.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from noria.convert.registry import Array
from noria.errors import DataLossError, InvalidArgumentError, TFError, UnimplementedError
from noria.formats import files

# Where the parts of a layer keep their weights, in the order in which Keras lists them.
_PARTS: Final = ("forward_layer", "backward_layer", "cell", "layer", "depthwise", "pointwise", "_layer", "cells")
_MAX_CONFIG: Final = 1 << 28  # bytes of JSON
_MAX_RATIO: Final = 100  # of the bytes of a value to those that the file takes for it; Keras itself does not compress
_SMALL: Final = 1 << 20  # bytes that any value may have
# What the readers of zip and HDF5 raise for bytes that are not what they should be.
_DAMAGE: Final = (
    *(zipfile.BadZipFile, zlib.error, ValueError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(OSError, EOFError, RuntimeError),
)


@dataclass
class Weights:
    """The weights of a layer: its own and its parts' in order, and those of the layers inside it by name."""

    arrays: list[Array] = field(default_factory=list)
    layers: dict[str, Weights] = field(default_factory=dict)


@dataclass(frozen=True)
class KerasFile:
    """A model as its file holds it: ``config`` is ``{"class_name": …, "config": …}``."""

    config: dict[str, Any]
    weights: Weights


def read_keras(path: str) -> KerasFile:
    """The model of a ``.keras`` or ``.h5`` file.

    Raises UnimplementedError when h5py is not installed, DataLossError for damaged files, InvalidArgumentError for
    files that hold weights without a model.
    """
    data = files.read_bytes(path)
    try:
        return _read_zip(data, path) if data[:2] == b"PK" else _read_h5(data, path)
    except TFError:
        raise
    except _DAMAGE as error:
        raise DataLossError(f"{path}: not a Keras model file: {type(error).__name__}: {error}") from None


def _h5(data: bytes) -> Any:
    try:
        import h5py  # an extra: it is big, and only Keras files need it
    except ImportError:
        raise UnimplementedError("reading Keras files needs h5py: pip install 'noria[h5]'") from None
    return h5py.File(io.BytesIO(data), "r")


def _json(text: str | bytes, path: str) -> dict[str, Any]:
    if len(text) > _MAX_CONFIG:
        raise DataLossError(f"{path}: a model description of {len(text)} bytes; at most {_MAX_CONFIG} are read")
    found = json.loads(text)
    if not isinstance(found, dict) or "class_name" not in found:
        raise DataLossError(f"{path}: its model description names no class")
    return found


def _read_zip(data: bytes, path: str) -> KerasFile:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.getinfo("config.json").file_size > _MAX_CONFIG:
            raise DataLossError(f"{path}: config.json is larger than {_MAX_CONFIG} bytes")
        config = _json(archive.read("config.json"), path)
        stored = archive.getinfo("model.weights.h5")
        _check_size(stored.file_size, stored.compress_size, f"{path}: {stored.filename}")
        with _h5(archive.read(stored)) as store:
            return KerasFile(config, _group_weights(store, path))


def _group_weights(group: Any, path: str) -> Weights:
    """The weights below a group of ``model.weights.h5``."""
    found = Weights()
    own = group.get("vars")
    if own is not None:
        found.arrays += [_array(own[key], path) for key in sorted(own, key=int)]
    for part in _PARTS:
        if part in group and hasattr(group[part], "keys"):
            found.arrays += _group_weights(group[part], path).arrays
    inside = group.get("layers") or {}
    for key in inside:
        layer = inside[key]
        name = key
        if "vars" in layer and "name" in layer["vars"].attrs:
            name = _text(layer["vars"].attrs["name"])
        found.layers[name] = _group_weights(layer, path)
    return found


def _read_h5(data: bytes, path: str) -> KerasFile:
    with _h5(data) as store:
        if "model_config" not in store.attrs:
            raise InvalidArgumentError(
                f"{path}: holds weights but no model; save the whole model (model.save), or import the weights by name"
            )
        config = _json(_text(store.attrs["model_config"]), path)
        weights = Weights()
        groups = store.get("model_weights", store)
        for name in _names(groups.attrs["layer_names"]):
            group = groups[name]
            arrays = [_array(group[w], path) for w in _names(group.attrs["weight_names"])]
            weights.layers[name] = Weights(arrays)
        return KerasFile(config, weights)


def _array(dataset: Any, path: str) -> Array:
    if not hasattr(dataset, "shape"):
        raise DataLossError(f"{path}: {dataset.name} is no array")
    if dataset.external or dataset.is_virtual:
        raise InvalidArgumentError(f"{path}: {dataset.name} lies in another file; weights are read from this file only")
    if dataset.dtype.kind not in "biufc":
        raise DataLossError(f"{path}: {dataset.name} has elements of type {dataset.dtype}, which no weight has")
    _check_size(dataset.nbytes, dataset.id.get_storage_size(), f"{path}: {dataset.name}")
    return np.asarray(dataset)


def _check_size(size: int, stored: int, what: str) -> None:
    """DataLossError for a value that is much larger than its place in the file: it would fill the memory."""
    if size > _SMALL and size > _MAX_RATIO * stored:
        raise DataLossError(f"{what} says it has {size} bytes, of which the file holds {stored}")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _names(values: Any) -> Iterator[str]:
    return (_text(v) for v in np.asarray(values).reshape(-1).tolist())
