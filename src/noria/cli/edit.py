"""``noria edit``: options in a fixed order → calls of SavedModelEditor."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from noria.cli.convert import tensors
from noria.cli.freeze import check_target, listed
from noria.cli.render import Lines, clean, counted, write
from noria.convert.edit import SavedModelEditor
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.formats.saved_model_writer import check_replaceable


@dataclass(frozen=True)
class EditOptions:
    """The options of ``edit``."""

    source: str
    target: str
    tags: str | None = None
    drop_other_meta_graphs: bool = False
    add_signature: str | None = None
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    copy_signature: Sequence[str] = ()
    rename_signature: Sequence[str] = ()
    drop_signature: Sequence[str] = ()
    keep_signature: Sequence[str] = ()
    signature: str = ""
    rename_input: Sequence[str] = ()
    rename_output: Sequence[str] = ()
    drop_output: Sequence[str] = ()
    method_name: str | None = None
    put_parser: str | None = None
    put_decoder: Sequence[str] = ()
    scale: float = 1.0
    as_signature: str = ""
    prune: bool = False
    strip_training_nodes: bool = False
    strip_default_attrs: bool = False
    clear_devices: bool = False
    freeze: bool = False
    set_tags: str | None = None
    text: bool = False
    force: bool = False
    as_json: bool = False


def edit(options: EditOptions) -> None:
    """Makes the changes, saves, and says what the model is now."""
    check_target(options.target, force=options.force)
    check_replaceable(options.target)
    editor = SavedModelEditor(options.source, options.tags)
    if options.drop_other_meta_graphs:
        editor.drop_other_meta_graphs()
    _signatures(editor, options)
    _one_signature(editor, options)
    _graph(editor, options)
    path = editor.save(options.target, overwrite=options.force, as_text=options.text)
    _report(editor, path, options)


def _signatures(editor: SavedModelEditor, options: EditOptions) -> None:
    if options.add_signature is not None:
        inputs, outputs = tensors(options.inputs), tensors(options.outputs)
        if outputs is None:
            raise click.UsageError("--add-signature needs --outputs")
        editor.add_signature(options.add_signature, inputs or {}, outputs)
    elif options.inputs or options.outputs:
        raise click.UsageError("--inputs and --outputs belong to --add-signature")
    for new, old in _pairs(options.copy_signature, "--copy-signature"):
        editor.copy_signature(old, new)
    for new, old in _pairs(options.rename_signature, "--rename-signature"):
        editor.rename_signature(old, new)
    if options.drop_signature:
        editor.drop_signature(*options.drop_signature)
    if options.keep_signature:
        editor.keep_signatures(*options.keep_signature)


def _one_signature(editor: SavedModelEditor, options: EditOptions) -> None:
    key = options.signature or DEFAULT_SIGNATURE
    for new, old in _pairs(options.rename_input, "--rename-input"):
        editor.rename_input(key, old, new)
    for new, old in _pairs(options.rename_output, "--rename-output"):
        editor.rename_output(key, old, new)
    if options.drop_output:
        editor.drop_output(key, *options.drop_output)
    if options.method_name is not None:
        editor.set_method_name(key, options.method_name)
    for alias, kind in _pairs(options.put_decoder, "--put-decoder"):
        editor.put_decoder(key, alias, kind, scale=options.scale, as_signature=options.as_signature)
    if options.put_parser is not None:
        editor.put_parser(key, options.put_parser, as_signature=options.as_signature)


def _graph(editor: SavedModelEditor, options: EditOptions) -> None:
    if options.freeze:
        editor.freeze()
    elif options.prune:
        editor.prune()
    if options.strip_training_nodes:
        editor.strip_training_nodes()
    if options.strip_default_attrs:
        editor.strip_default_attrs()
    if options.clear_devices:
        editor.clear_devices()
    if options.set_tags is not None:
        editor.set_tags(*listed(options.set_tags))


def _pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        left, equals, right = text.partition("=")
        if not equals or not left or not right:
            raise click.UsageError(f"{option} takes two names with = between them, not {text!r}")
        pairs.append((left, right))
    return pairs


def _report(editor: SavedModelEditor, path: str, options: EditOptions) -> None:
    signatures = {
        key: {"inputs": sorted(one.inputs), "outputs": sorted(one.outputs), "method_name": one.method_name}
        for key, one in editor.signatures.items()
    }
    nodes = len(editor.meta.graph_def.node)
    if options.as_json:
        tags = list(editor.meta.meta_info_def.tags)
        document = {"path": path, "tags": tags, "nodes": nodes, "signatures": signatures, "notes": editor.notes}
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    lines = [f"Wrote {clean(path)}: {counted(nodes, 'node')}."]
    for key, one in signatures.items():
        lines.append(f"  {clean(key)}: {', '.join(one['inputs']) or 'nothing'} -> {', '.join(one['outputs'])}")
    write([Lines(lines + [f"Note: {note}" for note in editor.notes])])
