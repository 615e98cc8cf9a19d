"""The REST API's URL grammar, by which a method and a path (with its query string) become a call.

    POST /v1/models/NAME[/versions/V|/labels/L]:predict      inference on rows or columns of tensors
    POST /v1/models/NAME[/versions/V|/labels/L]:classify     labels and scores of examples
    POST /v1/models/NAME[/versions/V|/labels/L]:regress      values of examples
    GET  /v1/models/NAME[/versions/V|/labels/L]              states of a model's versions, or of one
    GET  /v1/models/NAME[/versions/V|/labels/L]/metadata     a version's signatures

V is a number, L a label; without either the newest version is meant.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from noria.errors import InvalidArgumentError


class Verb(Enum):
    """What a URL asks for."""

    PREDICT = "predict"
    CLASSIFY = "classify"
    REGRESS = "regress"
    STATUS = "status"
    METADATA = "metadata"


class Route(NamedTuple):
    """A parsed URL; label and version exclude each other."""

    verb: Verb
    name: str
    version: int | None
    label: str | None


class VersionTooBigError(InvalidArgumentError):
    """A version beyond int64: TensorFlow Serving answers it with 400 and no body."""


_VERSION: Final = rb"(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"
_INFERENCE: Final = re.compile(rb"/v1/models/([^/:]+)" + _VERSION + rb":(classify|regress|predict)", re.I | re.S)
_LOOKUP: Final = re.compile(rb"/v1/models(?:/([^/:]+))?" + _VERSION + rb"(?:/(metadata))?", re.I | re.S)
_PREFIX: Final = re.compile(rb"/v1/", re.I)
_MAX_VERSION: Final = 2**63 - 1
_VERBS: Final = {b"predict": Verb.PREDICT, b"classify": Verb.CLASSIFY, b"regress": Verb.REGRESS}


def under_api(path: bytes) -> bool:
    """Whether ``path`` belongs to this API at all."""
    return _PREFIX.match(path) is not None


def parse(method: str, path: bytes) -> Route:
    """The call that ``method`` on ``path`` (as sent: encoded, with the query string) means.

    Raises InvalidArgumentError ``Malformed request: ...`` for what does not match the grammar as a whole.
    """
    pattern = {"POST": _INFERENCE, "GET": _LOOKUP}.get(method)
    match = pattern.fullmatch(path) if pattern is not None else None
    if match is None:
        raise _malformed(method, path)
    name, version, label, last = match.groups()
    if version is not None and (len(version.lstrip(b"0")) > 19 or int(version) > _MAX_VERSION):
        raise VersionTooBigError(f"Failed to convert version: {version.decode()} to numeric.")
    if method == "POST":
        verb = _VERBS.get(last)
        if verb is None:  # PREDICT in capitals matches the grammar and then no verb
            raise _malformed(method, path)
    else:
        verb = Verb.METADATA if last == b"metadata" else Verb.STATUS
        if not name:
            raise InvalidArgumentError("Missing model name in request.")
    return Route(verb, _decoded(name), None if version is None else int(version), _decoded(label) if label else None)


def _malformed(method: str, path: bytes) -> InvalidArgumentError:
    return InvalidArgumentError(f"Malformed request: {method} {path.decode('utf-8', 'replace')}")


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")
