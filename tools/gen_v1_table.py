"""Writes ``docs/v1_api.md``, which names of TensorFlow 1.x are there: ``python tools/gen_v1_table.py [--check]``.

With ``--check`` nothing is written; the status is 1 when the page is not what the code says.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import noria.v1
from noria.protos.op_defs import op_names
from noria.v1 import api_names, exports

PAGE = Path(__file__).resolve().parent.parent / "docs" / "v1_api.md"
TIERS = "ABC"
assert noria.v1  # its import fills the table of names

HEAD = """\
# TensorFlow 1.x names in noria.v1

Written by `tools/gen_v1_table.py` from the names that the modules of `src/noria/v1` export; do not edit.

`import noria.v1 as tf`. The names are those that 1,939 TensorFlow 1.x programs use, most used first: tier A, B, C.
Names without `tf.`; other names of the same thing are not counted. A name that is not there raises an `AttributeError`
that says so and names the nearest one that is. Beside these stand all {raw} ops in `tf.raw_ops`, and rarer names.

| area | A | B | C |
|---|--:|--:|--:|
"""


def there(name: str) -> bool:
    """Whether ``tf.name`` stands: what is exported, a namespace that holds something, a member of a class."""
    table = exports.exported()
    if name in table:
        return True
    owner, _, member = name.rpartition(".")
    if isinstance(table.get(owner), type):
        return _has_member(table[owner], member)
    return api_names.is_namespace(name) and bool(exports.names_in(name))


def _has_member(owner: Any, name: str) -> bool:
    """Whether objects of a class have ``name``: a field where it is a message, else here or in a class made from it."""
    if hasattr(owner, "DESCRIPTOR"):
        return name in owner.DESCRIPTOR.fields_by_name or hasattr(owner, name)
    return hasattr(owner, name) or any(_has_member(made, name) for made in owner.__subclasses__())


def page() -> str:
    """The page's text."""
    found: defaultdict[str, defaultdict[str, list[tuple[str, bool]]]] = defaultdict(lambda: defaultdict(list))
    for row in api_names.table().values():
        if row.tier in TIERS:
            found[row.area][row.tier].append((row.name, there(row.name)))
    text = HEAD.format(raw=len(op_names()))
    for area in sorted(found):
        counts = (found[area][tier] for tier in TIERS)
        cells = [f"{sum(stands for _, stands in names)} of {len(names)}" if names else "" for names in counts]
        text += f"| {area} | " + " | ".join(cells) + " |\n"
    for area in sorted(found):
        text += f"\n## {area}\n"
        for tier in TIERS:
            for words, wanted in (("here", True), ("not yet", False)):
                names = [f"`{name}`" for name, stands in found[area][tier] if stands is wanted]
                text += f"\n{tier}, {words}: {', '.join(names)}\n" if names else ""
    return text


def main(arguments: list[str]) -> int:
    text = page()
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE} is not what the code says; run tools/gen_v1_table.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
