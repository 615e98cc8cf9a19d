"""gRPC over HTTP/2: a call's head from header fields, its messages from bytes, its answer to bytes.

Source of the format: gRPC's protocol description, "PROTOCOL-HTTP2".
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from typing import Final, Self

from noria.errors import Code, InternalError, ResourceExhaustedError, TFError, UnimplementedError
from noria.serving.http2 import frames
from noria.serving.http2.hpack import literal

PREFIX: Final = struct.Struct(">BL")  # of a message: compressed or not, length
PREFIX_BYTES: Final = PREFIX.size

_ACCEPTS: Final = b"identity,deflate,gzip"
_KNOWN: Final = _ACCEPTS.decode()
_STATUS_200: Final = b"\x88"
_GRPC: Final = literal(b"content-type", b"application/grpc")
_ANSWER: Final = _STATUS_200 + _GRPC + literal(b"grpc-accept-encoding", _ACCEPTS)
_OK: Final = literal(b"grpc-status", b"0")
_ENCODINGS: Final = {name: literal(b"grpc-encoding", name.encode()) for name in ("gzip", "deflate")}
_WBITS: Final = {"gzip": 31, "deflate": 15}  # zlib's; gRPC's deflate has zlib's own head
_MAX_INFLATED: Final = 256 << 20
_HEAVY: Final = 16 << 10  # bytes of a packed message: 16 MB, some 10 ms of work, at worst
_LEVEL: Final = 1  # an answer is worth little time
LONG: Final = 64 << 10  # bytes of an answer from which to compress it is long work: a millisecond and more
_VIEWED: Final = 4096  # bytes from which the rest of a frame is kept as a view of it
_MAX_TEXT: Final = 6000  # bytes of a quoted error message; clients take 8 KiB of metadata in all
_CUT_TEXT: Final = 500  # characters that are left of a longer one

_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT: Final = re.compile(rb"(\d{1,8})([HMSmun])")
_NOT_HTTP2: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_NAME: Final = re.compile(rb"[0-9a-z!#$%&'*+.^_`|~-]+")
_BREAKS: Final = re.compile(rb"[\0\r\n]")  # what no value may hold
_PLAIN: Final = re.compile(rb"[^\x20-\x24\x26-\x7e]")  # what a grpc-message may not hold


class Head:
    """What the header fields of a call say.

    method: its path; metadata: as ``rpc.Call`` has it; timeout: seconds, None without one; encoding: of compressed
    messages; accepts: the encodings that the client takes; length: what content-length says, -1 without one; refusal:
    the error or the HTTP status that the call is to be answered with.
    """

    __slots__ = ("accepts", "encoding", "length", "metadata", "method", "refusal", "timeout")

    def __init__(self) -> None:
        self.method = ""
        self.metadata: tuple[tuple[str, str | bytes], ...] = ()
        self.timeout: float | None = None
        self.encoding = "identity"
        self.accepts: frozenset[bytes] = frozenset()
        self.length = -1
        self.refusal: TFError | int | None = None

    def taken(self, encoding: str) -> str:
        """``encoding`` where the client takes answers in it, else none."""
        return encoding if encoding and encoding.encode() in self.accepts else ""


def read_head(fields: Sequence[tuple[bytes, bytes]]) -> Head | None:
    """The head of a call; None where the fields are no HTTP/2 request (RFC 9113, 8.2 and 8.3)."""
    head = Head()
    metadata: list[tuple[str, str | bytes]] = []
    pseudo: dict[bytes, bytes] = {}
    regular = False
    content_type = b""
    for name, value in fields:
        if name[:1] == b":":
            if regular or name in pseudo or _BREAKS.search(value):
                return None
            pseudo[name] = value
            continue
        regular = True
        if not _fits(name, value):
            return None
        if name == b"content-type":
            content_type = value
        elif name == b"grpc-timeout":
            head.timeout = _seconds(value)
            if head.timeout is None:
                head.refusal = InternalError(f"the header grpc-timeout is no timeout: {_shown(value)}")
        elif name == b"grpc-encoding":
            head.encoding = value.decode("latin-1")
        elif name == b"grpc-accept-encoding":
            head.accepts = frozenset(part.strip() for part in value.split(b","))
        elif name == b"content-length":
            if not value.isdigit() or head.length not in (-1, int(value)):
                return None
            head.length = int(value)
        elif name == b"te":
            if value != b"trailers":
                return None
        elif name[-4:] == b"-bin":
            key = name.decode("ascii")
            metadata += [(key, _binary(part)) for part in value.split(b",")]
        else:
            metadata.append((name.decode("ascii"), value.decode("latin-1")))
    if not pseudo.keys() >= _NEEDED or pseudo.keys() - _PSEUDO or not pseudo[b":path"]:
        return None
    head.method = pseudo[b":path"].decode("latin-1")
    head.metadata = tuple(metadata)
    if pseudo[b":method"] != b"POST":
        head.refusal = 405
    elif not content_type.startswith(b"application/grpc") or content_type[16:17] not in (b"", b"+", b";"):
        head.refusal = 415
    return head


def trailers_fit(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether fields may come after a request."""
    return all(_fits(name, value) for name, value in fields)


def _fits(name: bytes, value: bytes) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _NOT_HTTP2 and not _BREAKS.search(value)


_NEEDED: Final = frozenset({b":method", b":path", b":scheme"})
_PSEUDO: Final = frozenset({b":method", b":path", b":scheme", b":authority"})


def _seconds(value: bytes) -> float | None:
    found = _TIMEOUT.fullmatch(value)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def _binary(value: bytes) -> bytes:
    """A binary header's value: base64, padded or not; bytes that are none stay as they are."""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return value


def _shown(value: bytes) -> str:
    return repr(value[:40].decode("latin-1"))


class Incoming:
    """The messages of one direction of a call, as their bytes come. limit: bytes of a message, at most.

    messages: those that are whole, packed or not; ``take`` gives the first.
    """

    __slots__ = ("_chunks", "_encoding", "_flag", "_limit", "_need", "messages", "size")

    def __init__(self, limit: int, encoding: str) -> None:
        self.messages: deque[tuple[int, bytes]] = deque()
        self.size = 0  # bytes of the message at hand that have come
        self._limit = limit
        self._encoding = encoding
        self._chunks: list[bytes | memoryview] = []
        self._flag = -1  # of the message at hand; -1 before its prefix is whole
        self._need = PREFIX_BYTES

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return self.size > 0 or self._flag >= 0

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes; whole messages go to ``messages``.

        Raises ResourceExhaustedError, InternalError or UnimplementedError for one that cannot be taken.
        """
        self._chunks.append(data)
        self.size += len(data)
        if self.size < self._need:
            return
        whole = data if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        at, end, view = 0, len(whole), memoryview(whole)
        while end - at >= self._need:
            begin, at = at, at + self._need
            if self._flag < 0:
                self._flag, self._need = PREFIX.unpack_from(whole, begin)
                self._check()
            else:
                # A large message is mostly all that was joined, and is not copied again.
                all_of_it = at - begin == end and type(whole) is bytes
                self.messages.append((self._flag, whole if all_of_it else bytes(view[begin:at])))  # type: ignore[arg-type]
                self._flag, self._need = -1, PREFIX_BYTES
        self.size = end - at
        if self.size:
            self._chunks.append(view[at:] if self.size >= _VIEWED else bytes(view[at:]))

    def _check(self) -> None:
        if self._flag > 1:
            raise InternalError(f"a message begins with the byte {self._flag}, where 0 or 1 tells whether it is packed")
        if self._need > self._limit:
            raise ResourceExhaustedError(f"Received message larger than max ({self._need} vs. {self._limit})")
        if self._flag and self._encoding not in _WBITS:
            if self._encoding == "identity":
                raise InternalError("a message is marked as packed, and the header grpc-encoding does not say how")
            raise UnimplementedError(f"grpc-encoding {self._encoding[:40]!r} is not known here; known: {_KNOWN}")

    @property
    def heavy(self) -> bool:
        """Whether to take the first of the messages is long work, for another thread than the loop's."""
        packed, message = self.messages[0]
        return bool(packed) and len(message) > _HEAVY

    def take(self) -> bytes:
        """The first of the messages, which is inflated only now: what waits takes as little as it did on its way.

        Raises ResourceExhaustedError or InternalError where it cannot be inflated.
        """
        packed, message = self.messages.popleft()
        return inflate(message, self._encoding, self._limit) if packed else message


def inflate(message: bytes, encoding: str, limit: int) -> bytes:
    """A compressed message, inflated to ``limit`` bytes at most."""
    limit = min(limit, _MAX_INFLATED)
    inflater = zlib.decompressobj(_WBITS[encoding])
    try:
        found = inflater.decompress(message, limit + 1)
    except zlib.error as error:
        raise InternalError(f"a message is no {encoding}: {error}") from None
    if len(found) > limit:
        raise ResourceExhaustedError(f"a {encoding} message inflates to more than {limit} bytes; send smaller batches")
    if not inflater.eof:
        raise InternalError(f"a {encoding} message ends too early")
    return found


def deflate(message: bytes, encoding: str) -> bytes:
    """A message, compressed."""
    deflater = zlib.compressobj(_LEVEL, wbits=_WBITS[encoding])
    return deflater.compress(message) + deflater.flush()


class Packed(bytes):
    """A message that is compressed already."""

    __slots__ = ()

    @classmethod
    def of(cls, message: bytes, encoding: str) -> Self:
        """A message, compressed if it is not yet."""
        return message if type(message) is cls else cls(deflate(message, encoding))


def too_long(size: int, limit: int) -> TFError:
    """The error of an answer of more than ``limit`` bytes."""
    return ResourceExhaustedError(f"Sent message larger than max ({size} vs. {limit})")


_OPEN_HEAD: Final = (len(_ANSWER) >> 8, len(_ANSWER) & 0xFF, frames.HEADERS, frames.END_HEADERS)
_OK_HEAD: Final = (len(_OK) >> 8, len(_OK) & 0xFF, frames.HEADERS, frames.END_HEADERS | frames.END_STREAM)
_PACK_ONE: Final = struct.Struct(f">HBBBL{len(_ANSWER)}sHBBBLBL")
_PACK_END: Final = struct.Struct(f">HBBBL{len(_OK)}s")


def answer(stream: int, message: bytes) -> bytes:
    """All frames of an answer of one message that fits one frame."""
    size = len(message)
    framed = size + PREFIX_BYTES
    head = _PACK_ONE.pack(*_OPEN_HEAD, stream, _ANSWER, framed >> 8, framed & 0xFF, frames.DATA, 0, stream, 0, size)
    return b"%b%b%b" % (head, message, _PACK_END.pack(*_OK_HEAD, stream, _OK))


def opening(stream: int, encoding: str = "") -> bytes:
    """The HEADERS frame that comes before the first message of an answer."""
    block = _ANSWER + _ENCODINGS[encoding] if encoding else _ANSWER
    return frames.frame(frames.HEADERS, frames.END_HEADERS, stream, block)


def ending(stream: int, error: TFError | None, *, opened: bool) -> bytes:
    """The HEADERS frame that ends an answer with its status; opened: whether ``opening`` has gone out."""
    block = b"" if opened else _STATUS_200 + _GRPC
    if error is None:
        block += _OK
    else:
        block += literal(b"grpc-status", b"%d" % int(error.code)) + literal(b"grpc-message", _quoted(error.message))
        if error.code is Code.UNIMPLEMENTED and not opened:
            block += literal(b"grpc-accept-encoding", _ACCEPTS)
    return frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, block)


def http_refusal(stream: int, status: int) -> bytes:
    """The answer to a request that is no gRPC."""
    block = literal(b":status", b"%d" % status)
    return frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, block)


def _quoted(text: str) -> bytes:
    quoted = _PLAIN.sub(_quote, text.encode("utf-8", "replace"))
    if len(quoted) <= _MAX_TEXT:
        return quoted
    return _PLAIN.sub(_quote, text[:_CUT_TEXT].encode("utf-8", "replace")) + b"...TRUNCATED"


def _quote(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]
