"""A loaded model."""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from noria import dtypes
from noria.compile.functions import Functions
from noria.dtypes import DType
from noria.errors import NotFoundError
from noria.formats.checkpoint import open_checkpoint
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.graph.graph import Array, Graph
from noria.graph.graphdef import Library
from noria.model.signature import Signature
from noria.protos.tensorflow import MetaGraphDef
from noria.shapes import Shape


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A variable of the model's checkpoint."""

    dtype: DType
    shape: Shape
    nbytes: int


class Model:
    """A loaded model: its signatures are callables.

    path: as given; tags: of the MetaGraphDef in use; meta_graph: as it was read; graph: as imported;
    checkpoint: prefix of the one its variables come from, None when it has none.
    """

    def __init__(
        self,
        path: str,
        tags: tuple[str, ...],
        meta_graph: MetaGraphDef,
        graph: Graph,
        signatures: Mapping[str, Signature],
        checkpoint: str | None,
    ) -> None:
        self.path = path
        self.tags = tags
        self.meta_graph = meta_graph
        self.graph = graph
        self.signatures = signatures
        self._checkpoint = checkpoint

    @cached_property
    def variables(self) -> Mapping[str, VariableInfo]:
        """The variables of the model's checkpoint by key, text aside; empty when it has none."""
        if self._checkpoint is None:
            return {}
        reader = open_checkpoint(self._checkpoint)
        entries = {key: reader.entry(key) for key in reader}
        return {
            key: VariableInfo(e.dtype, e.shape, math.prod(e.shape) * e.dtype.size)
            for key, e in entries.items()
            if e.dtype is not dtypes.string
        }

    def free_at_once(self) -> None:
        """From now on the model's memory returns when the last reference to it goes, without the garbage collector.

        It is taken apart piece by piece, so that other threads run in between. Its signatures and its graph must not be
        used after that.
        """
        graphs = [self.graph, *(s.graph for s in self.signatures.values())]
        weakref.finalize(self, _take_apart, graphs, list(self.signatures.values())).atexit = False

    def __repr__(self) -> str:
        return f"<Model {self.path!r} {{{', '.join(self.tags)}}}: signatures {', '.join(self.signatures) or 'none'}>"

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        """Runs the signature ``serving_default`` with its inputs as keywords."""
        return self.signature().run(inputs)

    def signature(self, name: str = "") -> Signature:
        """The signature called ``name``, ``serving_default`` when empty; NotFoundError lists those there are."""
        wanted = name or DEFAULT_SIGNATURE
        found = self.signatures.get(wanted)
        if found is None:
            raise NotFoundError(
                f"{self.path} has no signature {wanted!r}; it has {', '.join(self.signatures) or 'none'}"
            )
        return found


def _take_apart(graphs: list[Graph], signatures: list[Signature]) -> None:
    """Frees what would otherwise go at once, or stay: functions of graphs hold the library that they are in."""
    for signature in signatures:
        signature.forget()
    signatures.clear()
    for graph in graphs:
        if isinstance(graph.functions, Library | Functions):
            graph.functions.forget()
        while graph.nodes:
            graph.nodes.popitem()
