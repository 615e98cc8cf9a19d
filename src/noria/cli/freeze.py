"""``noria freeze``: a SavedModel, or a MetaGraph with its checkpoint → one frozen GraphDef."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from noria.cli.render import Lines, clean, counted, size_text, write
from noria.errors import AlreadyExistsError
from noria.formats import files
from noria.formats.graph_def import write_graph_def
from noria.graph.rewrite import ops_used
from noria.model.freeze import Frozen, Source, freeze_model, read_source


@dataclass(frozen=True)
class FreezeOptions:
    """The options of ``freeze``; lists are comma-separated as in TensorFlow's freeze_graph."""

    path: str
    output: str
    checkpoint: str | None = None
    tags: str | None = None
    signature: str | None = None
    output_nodes: str = ""
    initializer_nodes: str | None = None
    whitelist: str = ""
    blacklist: str = ""
    clear_devices: bool = True
    text: bool | None = None
    force: bool = False
    as_json: bool = False


def freeze(options: FreezeOptions) -> None:
    """Freezes what ``options`` names, writes it and says what was done. AlreadyExistsError for an output in the way."""
    check_target(options.output, force=options.force)
    source = read_source(options.path, tags=options.tags, checkpoint=options.checkpoint)
    frozen = freeze_model(
        source,
        outputs=listed(options.output_nodes) or None,
        signature=options.signature,
        whitelist=listed(options.whitelist) or None,
        blacklist=listed(options.blacklist),
        drop_devices=options.clear_devices,
        initializers=None if options.initializer_nodes is None else listed(options.initializer_nodes),
    )
    write_graph_def(options.output, frozen.graph_def, as_text=options.text)
    if options.as_json:
        json.dump(_document(frozen, options.output), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        write([Lines(_lines(source, frozen, options.output))])


def listed(text: str) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def check_target(path: str, *, force: bool) -> None:
    """AlreadyExistsError when there is something at ``path`` and ``force`` is not given."""
    if not force and files.exists(path) and not (files.is_dir(path) and not files.list_dir(path)):
        raise AlreadyExistsError(f"{path}: there is something here already; --force replaces it")


def first_given(names: Sequence[str], values: Sequence[str | None]) -> str:
    """The one value that is given; UsageError when there are none or several."""
    given = [value for value in values if value]
    if len(given) != 1:
        raise click.UsageError(f"give exactly one of {', '.join(names)}")
    return given[0]


def _lines(source: Source, frozen: Frozen, path: str) -> list[str]:
    graph = frozen.graph_def
    before = len(source.meta.graph_def.node)
    ops = counted(len(graph.node), "op")
    lines = [
        f"Converted {counted(len(frozen.variables), 'variable')} to constants.",
        f"{ops} in the final graph, {before} before; {size_text(graph.ByteSize())} in {clean(path)}",
        "Outputs: " + ", ".join(map(clean, frozen.outputs)),
    ]
    if frozen.initializers:
        nodes = ", ".join(map(clean, frozen.initializers))
        lines.append(f"The graph has lookup tables: whoever imports it has to run {nodes} once, before the outputs.")
    return lines


def _document(frozen: Frozen, path: str) -> dict[str, object]:
    return {
        "path": path,
        "nodes": len(frozen.graph_def.node),
        "bytes": frozen.graph_def.ByteSize(),
        "outputs": list(frozen.outputs),
        "variables": list(frozen.variables),
        "initializers": list(frozen.initializers),
        "ops": sorted(ops_used(frozen.graph_def)),
    }
