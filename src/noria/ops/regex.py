r"""Regular expressions: RE2 syntax over bytes that are read as UTF-8.

A rewrite is text in which ``\0`` is the match, ``\1`` to ``\9`` are its groups and ``\\`` is a backslash. What RE2 does
with a faulty rewrite is kept: a group that the pattern lacks leaves the text alone; another faulty escape ends each
replacement there (all matches) or leaves the text alone (first match only).
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import re2

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.shapes import Shape


@infer("StaticRegexReplace", "RegexReplace", "StaticRegexFullMatch", "RegexFullMatch")
def _same_shape_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


def _compiled(pattern: bytes) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0] if error.args else ""
        why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
        raise InvalidArgumentError(f"Invalid pattern: {pattern.decode('utf-8', 'replace')}, error: {why}") from None


# A bracket of ASCII characters, ranges and escaped punctuation, not negated: it matches exactly one byte.
_ONE_BYTE: Final = re.compile(rb"\[(?!\^)(?:[^\\\[\]\x80-\xff]|\\[!-/:-@\[-`{-~])+\]")


class _Replacer:
    """Replaces matches of one pattern by one rewrite."""

    def __init__(self, pattern: bytes, rewrite: bytes, *, everywhere: bool) -> None:
        self._pattern = _compiled(pattern)
        self._everywhere = everywhere
        self._parts, faulty = _rewrite_parts(rewrite)
        highest = max((p for p in self._parts if isinstance(p, int)), default=0)
        self._idle = highest > self._pattern.groups or (faulty and not everywhere)
        literals = [p for p in self._parts if isinstance(p, bytes)]
        self._constant = b"".join(literals) if len(literals) == len(self._parts) else None
        self._table: bytes | None = None  # where each byte is replaced by itself: for bytes.translate
        self._dropped = b""
        if everywhere and self._constant is not None and len(self._constant) < 2 and _ONE_BYTE.fullmatch(pattern):
            found = bytes(c for c in range(128) if self._pattern.fullmatch(bytes((c,))))
            if self._constant:
                self._table = bytes.maketrans(found, self._constant * len(found))
            else:
                self._dropped = found

    def __call__(self, text: bytes) -> bytes:
        if self._idle:
            return text
        if self._table or self._dropped:
            return text.translate(self._table, self._dropped)
        search = self._pattern.search
        found = search(text)
        if found is None:
            return text
        if not self._everywhere:
            return text[: found.start()] + self._replacement(found) + text[found.end() :]
        pieces: list[bytes] = []
        at, last_end, size = 0, -1, len(text)
        while found is not None:
            start, end = found.span()
            pieces.append(text[at:start])
            if start == end == last_end:  # no empty match right behind a match: step over one character
                at = start + _character_size(text, start)
                pieces.append(text[start:at])
            else:
                pieces.append(self._replacement(found))
                at = last_end = end
            found = search(text, at) if at <= size else None
        pieces.append(text[at:])
        return b"".join(pieces)

    def _replacement(self, found: Any) -> bytes:
        if self._constant is not None:
            return self._constant
        return b"".join(p if isinstance(p, bytes) else found.group(p) or b"" for p in self._parts)


def _rewrite_parts(rewrite: bytes) -> tuple[list[bytes | int], bool]:
    """Literals and group numbers, up to the first faulty escape, and whether there is one."""
    parts: list[bytes | int] = []
    at = 0
    while (slash := rewrite.find(b"\\", at)) >= 0:
        parts.append(rewrite[at:slash])
        escaped = rewrite[slash + 1 : slash + 2]
        if escaped.isdigit():
            parts.append(int(escaped))
        elif escaped == b"\\":
            parts.append(b"\\")
        else:
            return parts, True
        at = slash + 2
    parts.append(rewrite[at:])
    return parts, False


def _character_size(text: bytes, at: int) -> int:
    """Bytes of the UTF-8 character at ``at``; 1 where there is none that is valid."""
    lead = text[at : at + 1]
    if not lead or lead < b"\xc2":
        return 1
    size = 2 if lead < b"\xe0" else 3 if lead < b"\xf0" else 4
    try:
        text[at : at + size].decode("utf-8")
    except UnicodeDecodeError:
        return 1
    return size


def _scalar(value: Array, what: str) -> bytes:
    if value.ndim:
        raise InvalidArgumentError(f"{what} must be scalar, but received {shapes.text(value.shape)}")
    text: bytes = value.item()
    return text


def _replace_all(replacer: _Replacer, x: Array) -> Array:
    return string_array([replacer(s) for s in x.ravel().tolist()], x.shape)


@kernel("StaticRegexReplace")
def _static_replace(call: KernelCall, x: Array) -> Array:
    replacer = call.cache.get("replacer")
    if replacer is None:
        replacer = _Replacer(call.attr("pattern"), call.attr("rewrite"), everywhere=call.flag("replace_global"))
        call.cache["replacer"] = replacer
    return _replace_all(replacer, x)


@kernel("RegexReplace")
def _replace(call: KernelCall, x: Array, pattern: Array, rewrite: Array) -> Array:
    replacer = _Replacer(
        _scalar(pattern, "Pattern"), _scalar(rewrite, "Rewrite"), everywhere=call.flag("replace_global")
    )
    return _replace_all(replacer, x)


def _full_matches(pattern: Any, x: Array) -> Array:
    match = pattern.fullmatch
    return np.array([match(s) is not None for s in x.ravel().tolist()], np.bool_).reshape(x.shape)


@kernel("StaticRegexFullMatch")
def _static_full_match(call: KernelCall, x: Array) -> Array:
    pattern = call.cache.get("pattern")
    if pattern is None:
        pattern = call.cache["pattern"] = _compiled(call.attr("pattern"))
    return _full_matches(pattern, x)


@kernel("RegexFullMatch")
def _full_match(call: KernelCall, x: Array, pattern: Array) -> Array:
    return _full_matches(_compiled(_scalar(pattern, "Pattern")), x)
