"""The tokens file: who may do what with which models.

A JSON document of one list; a caller who sends ``Authorization: Bearer <token>`` has the rights of its entry:

    {"tokens": [
      {"name": "shop", "token": "<the token>", "rights": ["predict"], "models": ["iris", "team-*"]},
      {"name": "watch", "sha256": "<SHA-256 of the token, in hexadecimal>", "rights": ["view"]}
    ]}

name    for the log and for messages; need not be unique
token   the token itself, 16 characters or more; or ``sha256``, so that the file keeps no secret
rights  view: status, metadata and metrics; predict: run models, and view; manage: change what is served, and all else
models  patterns of model names (``*``, ``?``, ``[abc]``), by default ``["*"]``. What is about the whole server
        (metrics, the list of models, a reload) needs the pattern ``*``
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from noria.errors import InvalidArgumentError, TFError
from noria.formats import files

VIEW: Final = "view"
PREDICT: Final = "predict"
MANAGE: Final = "manage"
SERVER: Final = ""  # in place of a model: the server as a whole

_IMPLIED: Final = {
    VIEW: frozenset({VIEW}),
    PREDICT: frozenset({VIEW, PREDICT}),
    MANAGE: frozenset({VIEW, PREDICT, MANAGE}),
}
_KEYS: Final = frozenset({"name", "token", "sha256", "rights", "models"})
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_SHORTEST: Final = 16  # characters: what is shorter can be guessed


@dataclass(frozen=True)
class Grant:
    """What the holder of one token may do. rights: with those that they imply; models: patterns."""

    name: str
    digest: bytes
    rights: frozenset[str]
    models: tuple[str, ...]

    def covers(self, model: str) -> bool:
        """Whether a pattern takes ``model``; only ``*`` takes the whole server."""
        if model == SERVER:
            return "*" in self.models
        return any(fnmatchcase(model, pattern) for pattern in self.models)


def digest(token: str) -> bytes:
    """The form in which tokens are kept and compared."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def read(path: str) -> dict[bytes, Grant]:
    """The grants of a tokens file by the digest of their token.

    Raises InvalidArgumentError, which names the file and the entry, for a document of another form; NotFoundError and
    PermissionDeniedError for a file that cannot be read. No message quotes a token.
    """
    try:
        data = files.read_bytes(path)
    except TFError as error:
        raise type(error)(f"--tokens_file: {error.message}") from None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"--tokens_file {path} is not JSON: {error}") from None
    entries = document.get("tokens") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidArgumentError(f'--tokens_file {path}: expected {{"tokens": [{{"token": ..., "rights": [...]}}]}}')
    grants: dict[bytes, Grant] = {}
    for index, entry in enumerate(entries):
        where = f"--tokens_file {path}: token {index}"
        if not isinstance(entry, dict):
            raise InvalidArgumentError(f"{where}: expected an object, got {type(entry).__name__}")
        name = entry.get("name", f"token {index}")
        if not isinstance(name, str):
            raise InvalidArgumentError(f"{where}: 'name' is a string; got {type(name).__name__}")
        key = _digest_of(entry, f"{where} ({name})")
        if key in grants:
            raise InvalidArgumentError(f"{where} ({name}) is the same token as that of {grants[key].name}")
        grants[key] = _grant(entry, name, key, f"{where} ({name})")
    return grants


def _digest_of(entry: Mapping[str, Any], where: str) -> bytes:
    if unknown := sorted(set(entry) - _KEYS):
        raise InvalidArgumentError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    token, hashed = entry.get("token"), entry.get("sha256")
    if (token is None) == (hashed is None):
        raise InvalidArgumentError(f"{where}: give one of 'token' and 'sha256'")
    if hashed is not None:
        if not isinstance(hashed, str) or _DIGEST.fullmatch(hashed) is None:
            raise InvalidArgumentError(f"{where}: 'sha256' is 64 hexadecimal digits")
        return bytes.fromhex(hashed)
    if not isinstance(token, str) or len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise InvalidArgumentError(f"{where}: 'token' is {_SHORTEST} or more printable ASCII characters")
    if token != token.strip():
        raise InvalidArgumentError(f"{where}: 'token' begins or ends with a space")
    return digest(token)


def _grant(entry: Mapping[str, Any], name: str, key: bytes, where: str) -> Grant:
    rights = entry.get("rights")
    if not isinstance(rights, list) or not rights or not all(isinstance(r, str) and r in _IMPLIED for r in rights):
        raise InvalidArgumentError(f"{where}: 'rights' is a list of {', '.join(_IMPLIED)}; got {rights!r}")
    models = entry.get("models", ["*"])
    if not isinstance(models, list) or not models or not all(isinstance(m, str) and m for m in models):
        raise InvalidArgumentError(f"{where}: 'models' is a list of patterns of model names; got {models!r}")
    return Grant(name, key, frozenset().union(*(_IMPLIED[right] for right in rights)), tuple(models))
