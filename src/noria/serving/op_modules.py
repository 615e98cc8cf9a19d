"""Imports the modules that register a user's own ops, before any model loads."""

from __future__ import annotations

import importlib

from noria.errors import InvalidArgumentError


def import_op_modules(names: str) -> None:
    """Imports each of the comma-separated modules; they call ``noria.custom_op``.

    Raises InvalidArgumentError, with the module and what went wrong, for one that cannot be imported.
    """
    for name in filter(None, (part.strip() for part in names.split(","))):
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a user's module raises
            raise InvalidArgumentError(
                f"--op_modules: cannot import {name!r}: {type(error).__name__}: {error}. It must be installed, or its "
                "folder be on PYTHONPATH"
            ) from error
