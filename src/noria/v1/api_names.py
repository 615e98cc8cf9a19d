"""What TensorFlow 1.x calls its public names: kind, how much programs use them, and which names mean the same thing.

``api_names.tsv`` holds one name a line, sorted, without the leading ``tf.``, written by ``tools/gen_v1_names.py``:

    name TAB kind TAB tier TAB area [TAB alias SPACE alias ...]

``tier`` is A (most used) to D (not seen in use). Names of members of a class follow the class: ``Session.run``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple


class ApiName(NamedTuple):
    """One public name of TensorFlow 1.x, without ``tf.``."""

    name: str
    kind: str
    tier: str
    area: str
    aliases: tuple[str, ...]


@cache
def table() -> dict[str, ApiName]:
    """Every name by itself; a name that only is an alias is not a key (see ``group``)."""
    found: dict[str, ApiName] = {}
    for line in (Path(__file__).parent / "api_names.tsv").read_text(encoding="utf-8").splitlines():
        name, kind, tier, area, *aliases = line.split("\t")
        found[name] = ApiName(name, kind, tier, area, tuple(aliases[0].split()) if aliases else ())
    return found


@cache
def _groups() -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for row in table().values():
        for name in (row.name, *row.aliases):
            groups[name] = (row.name, *row.aliases)
    return groups


@cache
def _namespaces() -> frozenset[str]:
    """Dotted prefixes under which names stand, classes left out."""
    classes = {name for row in table().values() if _is_class(row.kind) for name in (row.name, *row.aliases)}
    found = {name for name in table() if table()[name].kind == "module"}
    for name in _groups():
        parts = name.split(".")[:-1]
        for length in range(1, len(parts) + 1):
            prefix = ".".join(parts[:length])
            if prefix in classes:
                break
            found.add(prefix)
    return frozenset(found)


def _is_class(kind: str) -> bool:
    return kind in ("class", "proto", "enum", "nested class")


def group(name: str) -> tuple[str, ...]:
    """All names TensorFlow 1.x has for what ``name`` means, the canonical one first; just ``name`` when it has none."""
    return _groups().get(name, (name,))


def row(name: str) -> ApiName | None:
    """The row of ``name``, whether it is the canonical name or an alias; None for what TensorFlow 1.x never had."""
    return table().get(group(name)[0])


def is_namespace(name: str) -> bool:
    """Whether TensorFlow 1.x has a namespace of this name, such as ``nn`` or ``contrib.layers``."""
    return name in _namespaces()
