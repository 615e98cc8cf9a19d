"""Finds the versions of a model under its base path: the sub-directories whose names are integers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import fsspec

from noria.errors import NotFoundError

_MAX_VERSION: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[0-9]+")


def scan(base_path: str) -> dict[int, str]:
    """Versions under ``base_path`` (a local path or any fsspec URL) and their paths.

    Leading zeros are fine; of two names for one number the last in name order counts. Raises NotFoundError when the
    base path does not exist.
    """
    system, root = fsspec.core.url_to_fs(base_path)
    try:
        entries = system.ls(root, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"the model base path {base_path} does not exist or is no directory; it must hold one numbered directory "
            "for each version, as in <base path>/1/saved_model.pb"
        ) from None
    found = {}
    for entry in sorted(entries, key=lambda item: str(item["name"])):
        name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
        if entry["type"] == "directory" and _NUMBER.fullmatch(name) and int(name) <= _MAX_VERSION:
            found[int(name)] = str(system.unstrip_protocol(entry["name"])) if "://" in base_path else str(entry["name"])
    return found


def latest(versions: Iterable[int], count: int = 1) -> list[int]:
    """The policy of a model that has none configured: its ``count`` highest versions, highest first."""
    return sorted(versions, reverse=True)[: max(count, 1)]


def missing_version_message(name: str, base_path: str) -> str:
    """Why there is nothing to serve, and what to do about it."""
    system, root = fsspec.core.url_to_fs(base_path)
    message = f"No versions of servable {name} found under base path {base_path}."
    if system.exists(f"{root}/saved_model.pb") or system.exists(f"{root}/saved_model.pbtxt"):
        return f"{message} It is itself a SavedModel: move it into a numbered directory, as in {base_path}/1/"
    return f"{message} A version is a directory with a number for a name, as in {base_path}/1/saved_model.pb"
