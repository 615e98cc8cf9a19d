"""Writes ``src/noria/v1/api_names.tsv``, the names of TensorFlow 1.x: ``python tools/gen_v1_names.py LIST``.

``LIST`` is a table of TensorFlow 1.x's public API with the columns symbol, kind, area, tier and aliases among others.
Kept are these facts alone: the name without ``tf.``, its kind, how widely programs use it (tier A to D), its area and
its other names. Left out: ``raw_ops`` (they follow from the op definitions), Python's own modules seen through
``tf.test.mock`` and ``tf.flags``, and members of classes that no program was seen to use.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "src" / "noria" / "v1" / "api_names.tsv"
FOREIGN = ("tf.raw_ops.", "tf.test.mock.", "tf.flags.tf_decorator")
MEMBERS = {"method", "property", "classmethod", "staticmethod", "proto field", "proto method"}


def rows(source: Path) -> list[list[str]]:
    """The table's rows, sorted by name."""
    kept: list[list[str]] = []
    with source.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            symbol, member = row["symbol"], row["kind"] in MEMBERS
            if symbol.startswith(FOREIGN) or "<" in symbol or (member and row["tier"] == "D"):
                continue
            aliases = "" if member else " ".join(alias.removeprefix("tf.") for alias in row["aliases"].split())
            kept.append([symbol.removeprefix("tf."), row["kind"], row["tier"], row["area"], aliases])
    return sorted(kept)


def main(arguments: list[str]) -> int:
    (source,) = arguments
    TABLE.write_text("".join("\t".join(row).rstrip("\t") + "\n" for row in rows(Path(source))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
