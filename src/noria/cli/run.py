"""``noria run``: feeds a signature, prints its outputs and writes them to ``.npy`` files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import click
import numpy as np

from noria import shapes
from noria.cli.inputs import Array, convert, gather
from noria.cli.render import Table, clean, write
from noria.cli.report import is_saved_model_path, shape_of
from noria.cli.values import Row, json_value, trace_row
from noria.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.model import Model, Signature, Trace, load
from noria.protos.tensorflow import MetaGraphDef

# Before this version of the graph format a placeholder could not tell a scalar from an unknown shape
# (Placeholder's shape function in TensorFlow's op definitions).
_SCALARS_SINCE = 22
_MAX_STRING_ARRAY = 1 << 30  # bytes


@dataclass(frozen=True)
class RunOptions:
    """The options of ``run``."""

    path: str
    tag_set: str | None = None
    signature_def: str | None = None
    as_json: bool = False
    inputs: str = ""
    input_exprs: str = ""
    input_examples: str = ""
    outputs: str = ""
    outdir: str | None = None
    overwrite: bool = False
    allow_pickle: bool = False
    strict: bool = False
    tf_debug: bool = False


def run_model(options: RunOptions) -> None:
    """Runs what ``options`` names and prints the outputs.

    Raises the errors of reading inputs and model, of running it, and AlreadyExistsError, before it runs, for output
    files that are in the way.
    """
    feeds = gather(options.inputs, options.input_exprs, options.input_examples, allow_pickle=options.allow_pickle)
    wanted = [key.strip() for key in options.outputs.split(",") if key.strip()]
    if options.signature_def is None and not is_saved_model_path(options.path):
        model = load(options.path, inputs=list(feeds) or None, outputs=wanted or None)
    else:
        model = load(options.path, tags=options.tag_set)
    signature = choose_signature(model, options.signature_def)
    keys = _chosen(signature, wanted)
    if not feeds and set(signature.inputs) - set(signature.defaults):
        raise click.UsageError(
            f"signature {signature.name!r} takes {', '.join(signature.inputs)}; "
            "give at least one of --inputs, --input_exprs, --input_examples"
        )
    arrays = feed_arrays(signature, feeds, model.meta_graph)
    targets = _targets(keys, options)
    rows: list[Row] = []
    try:
        outputs = _run(signature, arrays, keys, options, rows)
    finally:
        if options.tf_debug and not options.as_json:
            write([_trace_table(rows)])
    if options.as_json:
        saved = {key: _save(path, outputs[key], key, options.allow_pickle) for key, path in targets.items()}
        json.dump(_document(signature, outputs, saved, rows if options.tf_debug else None), sys.stdout)
        sys.stdout.write("\n")
        return
    for key in sorted(outputs):
        # Rank 0 as a NumPy scalar and through str, as saved_model_cli prints it: other ways show more digits.
        print(f"Result for output key {clean(key)}:\n{np.asarray(outputs[key])[()]!s}")
        if key in targets:
            print(f"Output {clean(key)} is saved to {_save(targets[key], outputs[key], key, options.allow_pickle)}")


def choose_signature(model: Model, key: str | None) -> Signature:
    """The signature called ``key``; without a key ``serving_default``, or the only one. NotFoundError lists them."""
    known = ", ".join(model.signatures) or "none"
    if key is None:
        if DEFAULT_SIGNATURE in model.signatures:
            key = DEFAULT_SIGNATURE
        elif len(model.signatures) == 1:
            key = next(iter(model.signatures))
        else:
            raise NotFoundError(f"no signature {DEFAULT_SIGNATURE!r}; choose with --signature_def from: {known}")
    if key not in model.signatures:
        raise NotFoundError(f"could not find signature {key!r}; please choose from: {known}")
    return model.signatures[key]


def feed_arrays(signature: Signature, feeds: Mapping[str, Any], meta: MetaGraphDef) -> dict[str, Array]:
    """``feeds`` as arrays of the signature's dtypes, checked against the placeholders as a session would."""
    extra = sorted(set(feeds) - set(signature.inputs))
    missing = sorted(set(signature.inputs) - set(signature.defaults) - set(feeds))
    if extra or missing:
        parts = ([f"extra {extra}"] if extra else []) + ([f"missing {missing}"] if missing else [])
        raise InvalidArgumentError(
            f"inputs {sorted(feeds)} do not match signature {signature.name!r}, which takes "
            f"{sorted(signature.inputs)}: {', '.join(parts)}"
        )
    # A session checks the fed tensor's static shape: a placeholder's is its own, and of any other tensor the
    # signature's declaration is the record.
    placeholders = placeholder_shapes(meta)
    specs = signature.inputs
    return {
        key: convert(key, value, specs[key].dtype, placeholders.get(specs[key].tensor, specs[key].shape))
        for key, value in feeds.items()
    }


def placeholder_shapes(meta: MetaGraphDef) -> dict[str, shapes.Shape]:
    """The shapes that the graph's placeholders were made with, by tensor name (``x:0``)."""
    found: dict[str, shapes.Shape] = {}
    old = meta.graph_def.versions.producer < _SCALARS_SINCE
    for node in meta.graph_def.node:
        if node.op in ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault") and "shape" in node.attr:
            shape = shape_of(node.attr["shape"].shape)
            found[f"{node.name}:0"] = None if old and shape == () else shape
    return found


def _chosen(signature: Signature, wanted: list[str]) -> list[str]:
    """The outputs to compute: those named, else all."""
    unknown = [key for key in wanted if key not in signature.outputs]
    if unknown:
        raise InvalidArgumentError(
            f"signature {signature.name!r} has no output {', '.join(unknown)}; it has {', '.join(signature.outputs)}"
        )
    return wanted or list(signature.outputs)


def _run(
    signature: Signature, arrays: Mapping[str, Array], keys: list[str], options: RunOptions, rows: list[Row]
) -> dict[str, Array]:
    if not options.tf_debug:
        return signature.run(
            arrays, outputs=None if len(keys) == len(signature.outputs) else keys, strict=options.strict
        )

    def seen(trace: Trace) -> None:
        rows.append(trace_row(trace.name, trace.op, trace.value, trace.seconds))

    outputs = signature.run_traced(arrays, seen)
    return {key: outputs[key] for key in keys}


def _trace_table(rows: list[Row]) -> Table:
    columns = ["tensor", "op", "dtype", "shape", "min", "max", "mean", "nan", "inf", "ms"]
    return Table("Tensors", columns, [row.cells() for row in rows], ["min", "max", "mean", "nan", "inf", "ms"])


def _document(
    signature: Signature, outputs: Mapping[str, Array], saved: Mapping[str, str], rows: list[Row] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "signature": signature.name,
        "outputs": {
            key: {
                "dtype": signature.outputs[key].dtype.name,
                "shape": list(np.shape(outputs[key])),
                "value": json_value(outputs[key]),
                **({"file": saved[key]} if key in saved else {}),
            }
            for key in sorted(outputs)
        },
    }
    return found if rows is None else {**found, "trace": [row.as_json() for row in rows]}


# --- output files -----------------------------------------------------------------------------------------------------


def _targets(keys: list[str], options: RunOptions) -> dict[str, str]:
    """The file of each output. The key is a file name: a separator in it is written ``%2F``, so it leads nowhere."""
    if options.outdir is None:
        return {}
    found = {}
    for key in keys:
        name = quote(key, safe=" ") if any(char in key for char in "/\\\0") else key
        found[key] = os.path.join(options.outdir, name + ".npy")
    taken = [path for path in found.values() if os.path.exists(path)]
    if taken and not options.overwrite:
        raise AlreadyExistsError(
            f"output file {', '.join(taken)} already exists; add --overwrite to replace the output files"
        )
    return found


def _save(path: str, output: Array, key: str, allow_pickle: bool) -> str:
    """Writes ``output`` to ``path``. Strings become a fixed-width ``S`` array, which needs no pickle to be read."""
    array = np.asarray(output)
    if array.dtype.hasobject and not allow_pickle:
        array = _fixed_width(array, key)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    np.save(path, array, allow_pickle=allow_pickle)
    return path


def _fixed_width(array: Array, key: str) -> Array:
    items = [bytes(item) for item in array.ravel()]
    width = max((len(item) for item in items), default=0)
    # NumPy drops the zero bytes at the end of an S element.
    if any(item.endswith(b"\0") for item in items) or width * len(items) > _MAX_STRING_ARRAY:
        raise InvalidArgumentError(
            f"output {key!r} holds strings that a plain .npy file cannot (zero bytes at the end, or very long); "
            "add --allow_pickle to write it as pickled objects"
        )
    return np.array(items, dtype=f"S{max(width, 1)}").reshape(array.shape)
