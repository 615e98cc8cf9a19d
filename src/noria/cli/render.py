"""Pages of text: headings, tables and code, as rich tables in a terminal and as plain lines anywhere else.

Names come from models, which may hold anything: control characters are shown escaped, never sent to the terminal.
``NO_COLOR`` turns colours off, as rich honours it; a pipe gets the plain form whatever the terminal is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, TypeAlias


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
        _write_rich(blocks, stream)
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
    rows = [list(table.columns), *([clean(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.columns))]
    right = [column in table.right for column in table.columns]
    lines = []
    for row in rows:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return ["", clean(table.title), *lines] if table.title else lines


def _write_rich(blocks: Iterable[Block], stream: IO[str]) -> None:
    # rich costs 40 ms to import: only a terminal needs it.
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for block in blocks:
        match block:
            case Lines(lines, terminal):
                if terminal:
                    for line in lines:
                        console.print(Text(clean(line)))
            case Heading(text):
                console.print()
                console.print(Text(clean(text), style="bold"))
            case Code(title, text):
                console.print()
                console.print(Text(clean(title), style="bold"))
                for line in text.splitlines():
                    console.print(Text(clean(line), style="cyan"), soft_wrap=True)
            case Table():
                if block.title:  # rich would wrap a table's own title at the table's width
                    console.print()
                    console.print(Text(clean(block.title), style="bold"), soft_wrap=True)
                grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
                for column in block.columns:
                    grid.add_column(column, justify="right" if column in block.right else "left", overflow="fold")
                for row in block.rows:
                    grid.add_row(*(Text(clean(cell)) for cell in row))
                console.print(grid)


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
