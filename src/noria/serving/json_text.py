"""JSON text to Python values, with the tolerance and the error texts of TensorFlow Serving's reader (RapidJSON).

What differs from strict JSON (RFC 8259): the bare tokens ``NaN``, ``Inf``, ``Infinity`` and their negatives are
numbers; a UTF-8 byte order mark is skipped; reading stops after the first complete value, so text after it is ignored;
the first of duplicate keys wins; bytes of strings are not checked to be UTF-8 (bad ones come as surrogate escapes);
nesting has no limit. Integers beyond 64 bits are floats; numbers beyond a double are an error.

Three readers, fastest first: orjson takes ordinary text, the standard library takes text with NaN or with colons inside
strings (where duplicate keys cannot be ruled out cheaply), and a plain iterative reader takes the rest and writes the
error texts. That one takes 8 MiB at most; beyond it, what the other two cannot read is refused.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from itertools import islice
from typing import Any, Final

import orjson

from noria.errors import InvalidArgumentError

_EXACT_BYTES = 8 << 20  # the plain reader does about 3 MB/s: more than this would keep a thread busy for seconds
_SHOWN = 256  # bytes of a value that an error message repeats

# Numbers that the standard library reads differently from RapidJSON, and escaped surrogates, which it does not pair up.
_ODD: Final = re.compile(rb"[eE]\+?\d{3}|\d{19}|\\u[dD][89a-fA-F]")
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_SPECIAL: Final = re.compile(rb"(-?)(NaN|Infinity|Inf)")
_ESCAPES: Final = {
    0x22: '"', 0x5C: "\\", 0x2F: "/", 0x62: "\b", 0x66: "\f", 0x6E: "\n", 0x72: "\r", 0x74: "\t",
}  # fmt: skip
_LITERALS: Final[tuple[tuple[bytes, Any], ...]] = ((b"null", None), (b"true", True), (b"false", False))


def parse(body: bytes) -> Any:
    """The first JSON value of ``body``: dict, list, str, int (64 bits), float, bool or None.

    Raises InvalidArgumentError ``JSON Parse error: <what> at offset: <byte>``.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body:
            raise InvalidArgumentError("JSON Parse error: The document is empty") from None
        if b"NaN" in body or b"Infinity" in body:
            return _parse_standard(body)
        return _parse_exactly(body, f"{error.msg} at offset: {error.pos}")
    colons = body.count(b":")
    if not (type(value) is dict and len(value) == colons) and _count_keys(value) != colons:
        # a duplicate key, or a colon inside a string
        return _parse_standard(body)
    return value


def _count_keys(value: Any) -> int:
    """Keys of all objects in ``value``; lists whose first element is a plain value are not searched further."""
    total, stack = 0, [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            total += len(item)
            stack.extend(v for v in item.values() if type(v) is dict or type(v) is list)
        elif type(item) is list and item and (type(item[0]) is dict or type(item[0]) is list):
            stack.extend(v for v in item if type(v) is dict or type(v) is list)
    return total


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        found = dict(reversed(pairs))
    return found


_STANDARD: Final = json.JSONDecoder(object_pairs_hook=_first_wins)


def _parse_standard(body: bytes) -> Any:
    if _ODD.search(body) is None:
        try:
            return _STANDARD.decode(body.decode())
        except (ValueError, RecursionError) as error:  # the plain reader finds the exact error, or reads it after all
            return _parse_exactly(body, str(error))
    return _parse_exactly(body, "it needs the slow reader: numbers of more than 18 digits, or 3 in the exponent")


def _parse_exactly(body: bytes, problem: str) -> Any:
    if len(body) > _EXACT_BYTES:
        raise InvalidArgumentError(f"JSON Parse error: {problem} (in a body of {len(body)} bytes)")
    return _Reader(body).read()


class _Reader:
    """One pass over the text with an explicit stack, so that nesting costs memory in proportion, not recursion."""

    def __init__(self, body: bytes) -> None:
        self._text = body
        self._at = 3 if body.startswith(codecs.BOM_UTF8) else 0

    def read(self) -> Any:
        """The first value of the text."""
        self._skip()
        if self._at >= len(self._text):
            raise self._error("The document is empty.")
        stack: list[Any] = []
        keys: list[str] = []
        while True:
            value = self._value(stack, keys)
            if value is _OPENED:
                continue
            while True:  # put the value into its container; close what ends here
                if not stack:
                    return value
                top = stack[-1]
                if type(top) is list:
                    top.append(value)
                else:
                    top.setdefault(keys.pop(), value)
                self._skip()
                char = self._peek()
                if char == 0x2C:
                    self._at += 1
                    self._skip()
                    if type(top) is dict:
                        keys.append(self._key())
                    break
                if char == (0x5D if type(top) is list else 0x7D):
                    self._at += 1
                    value = stack.pop()
                    continue
                what = "] after an array element." if type(top) is list else "} after an object member."
                raise self._error("Missing a comma or " + what)

    def _value(self, stack: list[Any], keys: list[str]) -> Any:
        """A plain value or an empty container; or ``_OPENED`` after a container was put on the stack."""
        char = self._peek()
        if char == 0x7B:  # {
            self._at += 1
            self._skip()
            if self._peek() == 0x7D:
                self._at += 1
                return {}
            keys.append(self._key())
            stack.append({})
            return _OPENED
        if char == 0x5B:  # [
            self._at += 1
            self._skip()
            if self._peek() == 0x5D:
                self._at += 1
                return []
            stack.append([])
            return _OPENED
        if char == 0x22:
            return self._string()
        for word, meaning in _LITERALS:
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return meaning
        return self._number()

    def _key(self) -> str:
        if self._peek() != 0x22:
            raise self._error("Missing a name for object member.")
        name = self._string()
        self._skip()
        if self._peek() != 0x3A:
            raise self._error("Missing a colon after a name of object member.")
        self._at += 1
        self._skip()
        return name

    def _number(self) -> int | float:
        special = _SPECIAL.match(self._text, self._at)
        if special:
            self._at = special.end()
            number = math.nan if special[2] == b"NaN" else math.inf
            return -number if special[1] else number
        match = _NUMBER.match(self._text, self._at)
        if match is None:
            raise self._error("Invalid value.")
        if match[1] == b".":
            raise self._error("Miss fraction part in number.", match.end(1))
        if match[2] is not None and not match[2][-1:].isdigit():
            raise self._error("Miss exponent in number.", match.end())
        value = float(match[0])
        if math.isinf(value):
            raise self._error("Number too big to be stored in double.")
        self._at = match.end()
        if match[1] is None and match[2] is None and -1e20 < value < 1e20:
            whole = int(match[0])
            if -(2**63) <= whole < 2**64:
                return whole
        return value

    def _string(self) -> str:
        start = self._at
        self._at += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            assert plain is not None  # the pattern matches the empty string too
            if plain[0]:
                parts.append(plain[0].decode("utf-8", "surrogateescape"))
            self._at = plain.end()
            char = self._peek()
            if char == 0x22:
                self._at += 1
                return "".join(parts)
            if char != 0x5C:
                if char >= 0:
                    raise self._error("Invalid encoding in string.")
                raise self._error("Missing a closing quotation mark in string.", start)
            parts.append(self._escape())

    def _escape(self) -> str:
        at = self._at
        char = self._text[at + 1] if at + 1 < len(self._text) else -1
        if char in _ESCAPES:
            self._at += 2
            return _ESCAPES[char]
        if char != 0x75:  # u
            raise self._error("Invalid escape character in string.")
        code = self._hex(at + 2)
        self._at += 6
        if 0xD800 <= code <= 0xDFFF:
            if code > 0xDBFF or self._text[self._at : self._at + 2] != b"\\u":
                raise self._error("The surrogate pair in string is invalid.", at)
            low = self._hex(self._at + 2)
            if not 0xDC00 <= low <= 0xDFFF:
                raise self._error("The surrogate pair in string is invalid.", at)
            self._at += 6
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        return chr(code)

    def _hex(self, at: int) -> int:
        digits = self._text[at : at + 4]
        if len(digits) < 4 or not all(d in b"0123456789abcdefABCDEF" for d in digits):
            raise self._error("Incorrect hex digit after \\u escape in string.", at - 2)
        return int(digits, 16)

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None  # the pattern matches the empty string too
        self._at = match.end()

    def _peek(self) -> int:
        return self._text[self._at] if self._at < len(self._text) else -1

    def _error(self, what: str, at: int | None = None) -> InvalidArgumentError:
        return InvalidArgumentError(f"JSON Parse error: {what} at offset: {self._at if at is None else at}")


_OPENED: Final = object()


def type_name(value: Any) -> str:
    """RapidJSON's name of the kind of ``value``: Null, True, False, Object, Array, String or Number."""
    if value is None:
        return "Null"
    if value is True or value is False:
        return str(value)
    return "Object" if type(value) is dict else "Array" if type(value) is list else _leaf_name(value)


def _leaf_name(value: Any) -> str:
    return "String" if isinstance(value, str) else "Number"


def show(value: Any) -> str:
    """``value`` as JSON for an error message, cut after about 256 bytes; the work is bounded by that too."""
    room = _SHOWN
    parts: list[str] = []
    stack: list[Any] = [value]
    while stack and room > 0:
        item = stack.pop()
        if type(item) is _Text:
            text = item.text
        elif type(item) is dict:
            text = "{"
            stack.append(_Text("}"))
            for index, (key, entry) in reversed([*enumerate(islice(item.items(), _SHOWN))]):
                stack += [entry, _Text((", " if index else "") + _scalar(key) + ": ")]
        elif type(item) is list:
            text = "["
            stack.append(_Text("]"))
            for index, entry in reversed([*enumerate(item[:_SHOWN])]):
                stack += [entry, _Text(", ")] if index else [entry]
        else:
            text = _scalar(item)
        parts.append(text)
        room -= len(text)
    shown = "".join(parts)
    return shown if len(shown) <= _SHOWN and not stack else shown[:_SHOWN] + "..."


class _Text:
    """Punctuation on the stack of ``show``, told apart from the strings of the value."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(
            value[:_SHOWN].encode("utf-8", "surrogateescape").decode("utf-8", "replace"), ensure_ascii=False
        )
    return json.dumps(value)
