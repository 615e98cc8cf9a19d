"""Several bundles made one: what a sharded save ends with.

The data files are renamed, not copied: shard S of the result is the data file that was met S-th while the entries of
the bundles were read in order. The index of the result names all of them; the indexes of the parts are removed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from noria.errors import InvalidArgumentError
from noria.formats import files, tensor_slice
from noria.formats.bundle import index_path, read_index, shard_path, write_index
from noria.formats.proto_file import parse_binary
from noria.protos.tensorflow import BundleEntryProto


@dataclass
class _Merged:
    """What was read so far: entries by key, and data files with their shard numbers in the result."""

    entries: dict[bytes, BundleEntryProto] = field(default_factory=dict)
    shards: dict[str, int] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    byte_order: int | None = None


def merge_bundles(
    prefixes: Sequence[files.PathLike],
    destination: files.PathLike,
    *,
    allow_missing: bool = False,
    delete_old_dirs: bool = False,
    sync: bool = True,
) -> None:
    """Make the bundle ``destination`` of the bundles ``prefixes``, which are gone afterwards.

    allow_missing: pass over prefixes without an index. delete_old_dirs: remove the folders of the prefixes where they
    are empty then. Data files come first, the index last: until then the parts are what they were, or lost only
    their data files.

    Raises InvalidArgumentError for a part that is missing, or when none is there, or when two parts hold the same
    tensor or the same slice of one.
    """
    merged = _Merged()
    for prefix in prefixes:
        if files.exists(index_path(prefix)):
            _add(merged, files.text(prefix))
        elif not allow_missing:
            raise InvalidArgumentError(
                f"allow_missing_files was set to false and {files.text(prefix)} did not exist.NOT_FOUND: "
                f"{files.text(prefix)} not found"
            )
    if not merged.parts:
        raise InvalidArgumentError("At least one prefix checkpoint file must exist, but none existed.")
    moves = {path: shard_path(destination, shard, len(merged.shards)) for path, shard in merged.shards.items()}
    if any(target in moves and target != path for path, target in moves.items()):
        raise InvalidArgumentError(
            f"the data files of {files.text(destination)} would overwrite each other; merge elsewhere"
        )
    with files.explained(index_path(destination)), files.Replacement(sync=sync) as replacement:
        file = replacement.open(index_path(destination))
        entries = {key: entry.SerializeToString() for key, entry in merged.entries.items()}
        write_index(file, entries, shards=len(merged.shards), byte_order=merged.byte_order or 0)
        for path, target in moves.items():
            files.rename(path, target)
    _remove_parts(merged.parts, destination, delete_old_dirs=delete_old_dirs)


def _add(merged: _Merged, prefix: str) -> None:
    header, entries = read_index(index_path(prefix))
    if merged.byte_order not in (None, header.endianness):
        raise InvalidArgumentError("Merging bundles with conflicting endianness; inputs corrupted?")
    merged.byte_order = header.endianness
    merged.parts.append(prefix)
    for key, value in entries:
        entry = parse_binary(BundleEntryProto, value, f"{index_path(prefix)}: entry {key!r}")
        known = merged.entries.get(key)
        if known is None:
            path = shard_path(prefix, entry.shard_id, header.num_shards)
            entry.shard_id = merged.shards.setdefault(path, len(merged.shards))
            merged.entries[key] = entry
        elif known.slices and entry.slices:
            if (known.dtype, known.shape) != (entry.dtype, entry.shape):
                raise InvalidArgumentError(
                    f"the slices of tensor {_text(key)} are of different tensors; dtype or shape of {prefix} differs "
                    "from that of the parts before"
                )
            known.slices.extend(entry.slices)
        else:
            raise InvalidArgumentError(
                f"Duplicate tensor keyed by {_text(key)} encountered, when merging prefix: {prefix}"
            )


def _text(key: bytes) -> str:
    """How an error names a key: a slice's is not text."""
    if not key.startswith(b"\0"):
        return key.decode("utf-8", "replace")
    return f"a slice of {tensor_slice.key_name(key).decode('utf-8', 'replace')}"


def _remove_parts(parts: Sequence[str], destination: files.PathLike, *, delete_old_dirs: bool) -> None:
    """Remove the indexes of the parts, and their folders where these are empty; the merge is done by now."""
    kept = index_path(destination)
    for part in dict.fromkeys(parts):
        if index_path(part) != kept:
            files.remove(index_path(part))
    if delete_old_dirs:
        for folder in dict.fromkeys(files.split(part)[0] for part in parts):
            if not files.is_url(folder):
                with suppress(OSError):  # not empty, or not ours to remove
                    os.rmdir(folder)
