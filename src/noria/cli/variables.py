"""The variables of a checkpoint under the names that the program gave them.

TF2 stores an object's variables under paths (``variables/0/.ATTRIBUTES/VARIABLE_VALUE``); the entry
``_CHECKPOINTABLE_OBJECT_GRAPH`` (a TrackableObjectGraph) tells the variable's own name (``dense/kernel``). Keras 3
stores each variable of an exported model under two paths: such copies are one variable here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from google.protobuf.message import DecodeError

from noria import dtypes, shapes
from noria.errors import TFError
from noria.formats.checkpoint import CheckpointReader, open_checkpoint
from noria.model import Model
from noria.protos.tensorflow import TrackableObjectGraph

_OBJECT_GRAPH: Final = "_CHECKPOINTABLE_OBJECT_GRAPH"


@dataclass(frozen=True)
class VariableRow:
    """A variable. keys: where the checkpoint holds it, more than one where it holds copies; nbytes: of one copy."""

    name: str
    keys: tuple[str, ...]
    dtype: str
    shape: shapes.Shape
    nbytes: int

    @property
    def parameters(self) -> int:
        return shapes.num_elements(self.shape) or 0


def checkpoint_variables(prefix: str) -> tuple[VariableRow, ...]:
    """The numeric tensors of the checkpoint at ``prefix``, by name; strings are bookkeeping and left out.

    Raises NotFoundError and DataLossError as reading the checkpoint's index does.
    """
    reader = open_checkpoint(prefix)
    names = _own_names(reader)
    found: dict[tuple[str, int], VariableRow] = {}
    for key in sorted(reader):
        entry = reader.entry(key)
        if entry.dtype is dtypes.string:
            continue
        row = VariableRow(
            names.get(key, key), (key,), entry.dtype.name, entry.shape, math.prod(entry.shape) * entry.dtype.size
        )
        number = 0
        while (row.name, number) in found and not _same(reader, found[row.name, number], row):
            number += 1
        twin = found.get((row.name, number))
        found[row.name, number] = row if twin is None else replace(twin, keys=(*twin.keys, key))
    return tuple(sorted(found.values(), key=lambda row: (row.name, row.keys)))


def model_variables(model: Model) -> tuple[VariableRow, ...]:
    """The variables of a loaded model, under their keys."""
    rows = sorted(model.variables.items())
    return tuple(VariableRow(name, (name,), info.dtype.name, info.shape, info.nbytes) for name, info in rows)


def _own_names(reader: CheckpointReader) -> dict[str, str]:
    """Checkpoint key → the variable's own name, where the object graph tells it."""
    if _OBJECT_GRAPH not in reader:
        return {}
    try:
        graph = TrackableObjectGraph.FromString(reader[_OBJECT_GRAPH].item())
    except (TFError, DecodeError, ValueError, TypeError):
        return {}  # the names are a courtesy: without them the keys stand
    return {a.checkpoint_key: a.full_name for node in graph.nodes for a in node.attributes if a.full_name}


def _same(reader: CheckpointReader, one: VariableRow, other: VariableRow) -> bool:
    """Whether two entries of one name hold the same values."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    try:
        return reader[one.keys[0]].tobytes() == reader[other.keys[0]].tobytes()
    except TFError:
        return False  # damaged: loading the model says so
