"""Pages of text: headings, tables and code, with bold type and colours in a terminal and as plain lines anywhere else.

Names come from models, which may hold anything: control characters are shown escaped, never sent to the terminal.
``NO_COLOR`` turns colours off; a pipe gets the plain form whatever the terminal is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeAlias

import click


@dataclass(frozen=True)
class Lines:
    """Lines of text; with ``terminal`` False only the plain form has them."""

    lines: Sequence[str]
    terminal: bool = True


@dataclass(frozen=True)
class Heading:
    """What the blocks below are about."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under column names. right: columns of numbers; plain: False when only a terminal shows the table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = field(default_factory=tuple)
    plain: bool = True


@dataclass(frozen=True)
class Code:
    """Text to copy: never wrapped, never framed."""

    title: str
    text: str


Block: TypeAlias = Lines | Heading | Table | Code


def clean(text: str) -> str:
    """``text`` with every character that is not printable escaped, as ``repr`` does."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def write(blocks: Iterable[Block], out: IO[str] | None = None) -> None:
    """Writes ``blocks`` to ``out`` (stdout)."""
    stream = sys.stdout if out is None else out
    if stream.isatty():
        stream.writelines(line + "\n" for block in blocks for line in _terminal_lines(block))
    else:
        stream.writelines(line + "\n" for block in blocks for line in plain_lines(block))


def plain_lines(block: Block) -> list[str]:
    """The lines of one block, without colours and frames."""
    match block:
        case Lines(lines):
            return [clean(line) for line in lines]
        case Heading(text):
            return ["", clean(text)]
        case Code(title, text):
            return ["", clean(title), *(clean(line) for line in text.splitlines())]
        case Table():
            return _plain_table(block) if block.plain else []


def _plain_table(table: Table) -> list[str]:
    lines = _grid(table)
    return ["", clean(table.title), *lines] if table.title else lines


def _grid(table: Table) -> list[str]:
    """The column names and the rows, in columns as wide as their widest cell."""
    rows = [list(table.columns), *([clean(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    right = [column in table.right for column in table.columns]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _styled(text: str, **style: Any) -> str:
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)


def _terminal_lines(block: Block) -> list[str]:
    """The lines of one block for a terminal."""
    match block:
        case Lines(lines, terminal):
            return [clean(line) for line in lines] if terminal else []
        case Heading(text):
            return ["", _styled(clean(text), bold=True)]
        case Code(title, text):
            return ["", _styled(clean(title), bold=True), *(_styled(clean(c), fg="cyan") for c in text.splitlines())]
        case Table():
            grid = _grid(block)
            heading = ["", _styled(clean(block.title), bold=True)] if block.title else []
            rule = "  " + "─" * max(len(line) - 2 for line in grid)
            return [*heading, _styled(grid[0], bold=True), rule, *grid[1:]]


def counted(count: int, noun: str) -> str:
    """``1 tensor``, ``2,000 tensors``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def size_text(nbytes: int) -> str:
    """``1.5 MB``: decimal units, three digits."""
    size, unit = float(nbytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"
