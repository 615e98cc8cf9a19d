"""What can be converted: a source reads a kind of model into Parts, a target writes a kind from a SavedModel.

Any source goes with any target, by way of a SavedModel. A kind is added by a module with a function under ``source`` or
``target`` and an import of that module in the package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.saved_model import DEFAULT_SIGNATURE, is_saved_model
from noria.formats.saved_model_writer import Content, Variables
from noria.protos.tensorflow import MetaGraphDef

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Runner: TypeAlias = Callable[[Mapping[str, Array]], Mapping[str, Array]]  # inputs by alias -> outputs by alias


@dataclass(frozen=True)
class Options:
    """What a conversion may be told.

    signature: key of the signature to convert, and the name of the one that is made; tags: of the MetaGraph to take.
    inputs, outputs: the tensors of a model without signatures, key → tensor name (a bare name is its own key).
    check: run the result against the source on random input; seed: of that input; force: replace what is there.
    """

    signature: str = ""
    tags: str | None = None
    inputs: Mapping[str, str] | None = None
    outputs: Mapping[str, str] | None = None
    check: bool = True
    seed: int = 0
    force: bool = False

    @property
    def signature_key(self) -> str:
        """The key of the signature to convert, ``serving_default`` when none is named."""
        return self.signature or DEFAULT_SIGNATURE


@dataclass(frozen=True)
class Parts:
    """A model as a SavedModel holds it, and how the source itself computes it.

    meta: graph, signatures, tags; variables: arrays or the prefix of a checkpoint; assets: name → content;
    run: the source's own answer, None where only the result can be run; notes: what the user should know.
    """

    meta: MetaGraphDef
    variables: Variables | None = None
    assets: Mapping[str, Content] = field(default_factory=dict)
    run: Runner | None = None
    notes: Sequence[str] = ()


Source: TypeAlias = Callable[[str, Options], Parts]
# Writes the model (a SavedModel folder) to a path; returns how the result is run and what the user should know.
Target: TypeAlias = Callable[[str, str, Options], "tuple[Runner, Sequence[str]]"]
SOURCES: Final[dict[str, Source]] = {}
TARGETS: Final[dict[str, Target]] = {}


def source(kind: str) -> Callable[[Source], Source]:
    """Decorator: this function reads models of ``kind``."""

    def add(function: Source) -> Source:
        SOURCES[kind] = function
        return function

    return add


def target(kind: str) -> Callable[[Target], Target]:
    """Decorator: this function writes models of ``kind``."""

    def add(function: Target) -> Target:
        TARGETS[kind] = function
        return function

    return add


_ENDINGS: Final = {
    ".onnx": "onnx", ".meta": "meta", ".h5": "keras", ".hdf5": "keras", ".keras": "keras", ".pb": "frozen",
    ".pbtxt": "frozen", ".json": "tfjs",
}  # fmt: skip


def kind_of_source(path: str) -> str:
    """The kind of the model at ``path``: by what is there, then by the ending of its name.

    Raises NotFoundError when there is nothing, InvalidArgumentError for what is no model of a known kind.
    """
    name = files.split(path.rstrip("/"))[1]
    if is_saved_model(path) or name in ("saved_model.pb", "saved_model.pbtxt"):
        return "saved_model"
    if files.is_dir(path):
        if files.exists(files.join(path, "model.json")):
            return "tfjs"
        if files.exists(files.join(path, "checkpoint")):
            return "meta"
    elif not files.exists(path):
        if files.exists(path + ".meta"):
            return "meta"
        raise NotFoundError(f"{path}: there is no such file or folder")
    return _by_ending(path)


def kind_of_target(path: str) -> str:
    """The kind of model that the name ``path`` asks for: by its ending, a SavedModel when it has none of a model."""
    ending = "." + files.split(path.rstrip("/"))[1].rpartition(".")[2]
    return _ENDINGS.get(ending, "saved_model")


def _by_ending(path: str) -> str:
    ending = "." + files.split(path)[1].rpartition(".")[2]
    if ending not in _ENDINGS:
        raise InvalidArgumentError(
            f"{path}: what kind of model is this? Known are a SavedModel folder and {', '.join(sorted(_ENDINGS))}; "
            "say it with --from"
        )
    return _ENDINGS[ending]
