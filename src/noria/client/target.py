"""What a call is about."""

from __future__ import annotations

from operator import index
from typing import NamedTuple

from noria.errors import InvalidArgumentError


class Target(NamedTuple):
    """A model; a version of it or the version of a label, else the newest; a signature of it, else the default one."""

    model: str
    version: int | None = None
    label: str | None = None
    signature: str = ""


def target(model: str, version: int | None, label: str | None, signature: str) -> Target:
    """The target of a call. Raises InvalidArgumentError for a version and a label at once, and for what is neither."""
    if not isinstance(model, str):
        raise InvalidArgumentError(f"a model's name is a string; got {model!r}")
    if version is not None and label is not None:
        raise InvalidArgumentError(f"give version ({version}) or label ({label!r}), not both")
    return Target(model, None if version is None else _number(version), label, signature)


def _number(version: int) -> int:
    try:
        number = -1 if isinstance(version, bool) else index(version)
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise InvalidArgumentError(f"a version is a number from 0 to 2**63 - 1; got {version!r}")
    return number
