"""``convert``: read the source, make a SavedModel of it, write the target from that, check, move into place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from noria import shapes
from noria.convert.check import Difference, compare, random_inputs
from noria.convert.registry import SOURCES, TARGETS, Options, kind_of_source, kind_of_target
from noria.convert.saved_models import NOT_RUNNABLE
from noria.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, ResourceExhaustedError
from noria.formats import files
from noria.formats.saved_model_writer import check_replaceable, saved_model, take_place, write_saved_model
from noria.model import load
from noria.model.signature import Signature


@dataclass(frozen=True)
class Report:
    """What was converted. difference: of result and source; a sentence where there is none; None when not asked for."""

    source: str
    target: str
    source_kind: str
    target_kind: str
    signature: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    difference: Difference | str | None
    notes: Sequence[str] = ()


def convert(
    source: str, target: str, options: Options | None = None, *, source_kind: str = "", target_kind: str = ""
) -> Report:
    """Converts the model at ``source`` to one at ``target``; kinds as the names and what is there say, or as given.

    Nothing is left at ``target`` when it fails. Raises AlreadyExistsError when there is something at ``target`` (unless
    forced), InvalidArgumentError for kinds that are not known, UnimplementedError with the ops that have no counterpart
    in the target, InternalError when the result does not compute what the source does.
    """
    options = options or Options()
    source, target = files.text(source), files.text(target).rstrip("/")
    source_kind = source_kind or kind_of_source(source)
    target_kind = target_kind or kind_of_target(target)
    if source_kind not in SOURCES:
        raise InvalidArgumentError(f"{source}: cannot read models of kind {source_kind!r}; known: {', '.join(SOURCES)}")
    if target_kind not in TARGETS:
        raise InvalidArgumentError(
            f"{target}: cannot write models of kind {target_kind!r}; known: {', '.join(TARGETS)}"
        )
    if files.is_url(target):
        raise InvalidArgumentError(f"{target}: a model is converted to a local path; copy it from there")
    taken = files.list_dir(target) if files.is_dir(target) else files.exists(target)
    if taken and not options.force:
        raise AlreadyExistsError(f"{target}: there is something here already; give another path, or force it (--force)")
    if target_kind == "saved_model":
        check_replaceable(target)
    elif files.is_dir(target):
        raise InvalidArgumentError(f"{target}: a folder stands here, where a file is to be written; give another path")
    parts = SOURCES[source_kind](source, options)
    if options.signature_key not in parts.meta.signature_def:
        known = ", ".join(sorted(parts.meta.signature_def)) or "none"
        raise NotFoundError(f"{source} has no signature {options.signature_key!r}; it has {known}")
    with _beside(target) as folder:
        model = folder / "saved_model"
        write_saved_model(model, saved_model([parts.meta]), variables=parts.variables, assets=parts.assets)
        made = model if target_kind == "saved_model" else folder / Path(target).name
        only = Options(options.signature, ",".join(parts.meta.meta_info_def.tags), check=options.check)
        run, notes = TARGETS[target_kind](str(model), str(made), only)
        chosen = load(str(model), tags=only.tags).signature(options.signature_key)
        difference = None
        if options.check and run is not NOT_RUNNABLE and parts.run is not None:
            difference = compare(parts.run, run, random_inputs(chosen.inputs, options.seed))
        _move(made, Path(target), folder)
    return _report(source, target, source_kind, target_kind, chosen, difference, [*parts.notes, *notes])


def _report(
    source: str, target: str, source_kind: str, target_kind: str, chosen: Signature,
    difference: Difference | str | None, notes: Sequence[str],
) -> Report:  # fmt: skip
    inputs, outputs = (
        {k: f"{s.dtype} {shapes.text(s.shape)}" for k, s in specs.items()} for specs in (chosen.inputs, chosen.outputs)
    )
    return Report(source, target, source_kind, target_kind, chosen.name, inputs, outputs, difference, notes)


@contextmanager
def _beside(target: str) -> Iterator[Path]:
    """A folder on the same file system as ``target``, for what is not checked yet."""
    parent = Path(target).absolute().parent
    with files.explained(target):
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{Path(target).name}.", suffix=".part", dir=parent)
    with folder as name:
        try:
            yield Path(name)
        except ResourceExhaustedError as error:  # name the place that was asked for
            said = str(error).replace(f"{name}/saved_model", target).replace(f"{name}/{Path(target).name}", target)
            raise ResourceExhaustedError(said) from error


def _move(made: Path, target: Path, folder: Path) -> None:
    """Moves the result, and files of its name that belong to it (``model.onnx.data``), into place; itself last."""
    for extra in sorted(folder.iterdir()):
        if extra != made and extra.name.startswith(made.name + "."):
            take_place(extra, target.with_name(target.name + extra.name.removeprefix(made.name)))
    take_place(made, target.absolute())
