"""``noria convert``: the report of a conversion."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from noria.cli.render import Lines, clean, counted, write
from noria.convert import Options, Report
from noria.convert import convert as convert_model
from noria.convert.check import Difference


@dataclass(frozen=True)
class ConvertOptions:
    """The options of ``convert``."""

    source: str
    target: str
    signature: str = ""
    tags: str | None = None
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    source_kind: str = ""
    target_kind: str = ""
    no_check: bool = False
    seed: int = 0
    force: bool = False
    as_json: bool = False


def convert(options: ConvertOptions) -> None:
    """Converts what ``options`` names and says what was done, with the difference to the source."""
    report = convert_model(
        options.source,
        options.target,
        Options(
            signature=options.signature,
            tags=options.tags,
            inputs=tensors(options.inputs),
            outputs=tensors(options.outputs),
            check=not options.no_check,
            seed=options.seed,
            force=options.force,
        ),
        source_kind=options.source_kind,
        target_kind=options.target_kind,
    )
    if options.as_json:
        json.dump(_document(report), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        write([Lines(_lines(report))])


def tensors(texts: Sequence[str]) -> dict[str, str] | None:
    """``a=x:0,b:0`` as alias → tensor name; a tensor without an alias is its own; None when nothing is given."""
    found: dict[str, str] = {}
    for part in (p.strip() for text in texts for p in text.split(",")):
        if part:
            alias, equals, name = part.partition("=")
            found[alias.strip()] = name.strip() if equals else alias.strip()
    return found or None


def _lines(report: Report) -> list[str]:
    lines = [
        f"Converted {clean(report.source)} ({report.source_kind}) to {clean(report.target)} ({report.target_kind})."
    ]
    lines.append(f"Signature {clean(report.signature)}:")
    lines += [f"  input  {clean(k)}: {v}" for k, v in report.inputs.items()]
    lines += [f"  output {clean(k)}: {v}" for k, v in report.outputs.items()]
    lines += [f"Note: {clean(note)}" for note in report.notes]
    match report.difference:
        case Difference(outputs, absolute, relative):
            lines.append(
                f"Checked on random input: {counted(outputs, 'output')}, largest difference {absolute:.3g} absolute, "
                f"{relative:.3g} relative."
            )
        case str(text):
            lines.append(text[:1].upper() + text[1:] + ".")
    return lines


def _document(report: Report) -> dict[str, object]:
    document: dict[str, object] = asdict(report)
    document["notes"] = list(report.notes)
    return document
