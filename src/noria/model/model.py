"""A loaded model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noria.dtypes import DType
from noria.errors import NotFoundError
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.graph.graph import Array, Graph
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
    variables: of the checkpoint, by key.
    """

    def __init__(
        self,
        path: str,
        tags: tuple[str, ...],
        meta_graph: MetaGraphDef,
        graph: Graph,
        signatures: Mapping[str, Signature],
        variables: Mapping[str, VariableInfo],
    ) -> None:
        self.path = path
        self.tags = tags
        self.meta_graph = meta_graph
        self.graph = graph
        self.signatures = signatures
        self.variables = variables

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
