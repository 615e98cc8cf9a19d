"""Pages in their plain and their terminal form."""

from __future__ import annotations

import io

import pytest

from noria.cli.render import Block, Code, Heading, Lines, Table, clean, plain_lines, size_text, write


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


PAGE: list[Block] = [
    Heading("Title"),
    Lines(["only in a pipe"], terminal=False),
    Table("Things", ["name", "count"], [["a", "1"], ["bcd", "20"]], ["count"]),
    Table("Terminal only", ["name"], [["x"]], plain=False),
    Code("To copy", "curl " + "x" * 200),
]


def test_the_plain_form_has_aligned_columns_and_no_colours() -> None:
    out = io.StringIO()
    write(PAGE, out)
    assert out.getvalue().splitlines() == [
        "",
        "Title",
        "only in a pipe",
        "",
        "Things",
        "  name  count",
        "  a         1",
        "  bcd      20",
        "",
        "To copy",
        "curl " + "x" * 200,
    ]


def test_the_terminal_form_has_tables_and_leaves_code_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    write(PAGE, out)
    text = out.getvalue()
    assert "\x1b[" in text
    assert "─" in text
    assert "Terminal only" in text
    assert "only in a pipe" not in text
    assert "curl " + "x" * 200 in text


def test_no_color_turns_colours_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    write([Code("To copy", "x")], out)
    assert "\x1b[36m" not in out.getvalue()


def test_control_characters_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clean("ä b\x1b[2J\n\u202e") == "ä b\\x1b[2J\\n\\u202e"
    evil: list[Block] = [
        Lines(["\x1b[2J"]),
        Table("\x1b[2J", ["a"], [["\x1b[2J"]]),
        Heading("\x1b[2J"),
        Code("\x1b[2J", "\x1b[2J"),
    ]
    assert not any("\x1b" in line for block in evil for line in plain_lines(block))
    monkeypatch.setenv("TERM", "xterm-256color")
    out = Terminal()
    write(evil, out)
    assert "\x1b[2J" not in out.getvalue()


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1620, "1.62 kB"), (999_600, "1 MB"), (10**14, "100 TB")],
)
def test_sizes(nbytes: int, text: str) -> None:
    assert size_text(nbytes) == text
