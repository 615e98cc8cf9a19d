"""gRPC over HTTP/2: a call's head from header fields, its messages from bytes, its answer to bytes.

Source of the format: gRPC's protocol description, "PROTOCOL-HTTP2".
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

from noria.errors import Code, InternalError, ResourceExhaustedError, TFError, UnimplementedError
from noria.serving.http2 import frames
from noria.serving.http2.hpack import literal

PREFIX: Final = struct.Struct(">BL")  # of a message: compressed or not, length
PREFIX_BYTES: Final = PREFIX.size

_ACCEPTS: Final = b"identity,deflate,gzip"
_STATUS_200: Final = b"\x88"
_GRPC: Final = literal(b"content-type", b"application/grpc")
_ANSWER: Final = _STATUS_200 + _GRPC + literal(b"grpc-accept-encoding", _ACCEPTS)
_OK: Final = literal(b"grpc-status", b"0")
_ENCODINGS: Final = {name: literal(b"grpc-encoding", name.encode()) for name in ("gzip", "deflate")}
_WBITS: Final = {"gzip": 31, "deflate": 15}  # zlib's; gRPC's deflate has zlib's own head
_MAX_INFLATED: Final = 256 << 20
_LEVEL: Final = 1  # an answer is worth little time

_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_TIMEOUT: Final = re.compile(rb"(\d{1,8})([HMSmun])")
_NOT_HTTP2: Final = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_NAME: Final = re.compile(rb"[0-9a-z!#$%&'*+.^_`|~-]+")
_PLAIN: Final = re.compile(rb"[^\x20-\x24\x26-\x7e]")  # what a grpc-message may not hold


class Head:
    """What the header fields of a call say.

    method: its path; metadata: as ``rpc.Call`` has it; timeout: seconds, None without one; encoding: of compressed
    messages; gzip, deflate: whether the client takes such answers; refusal: the error or the HTTP status that the call
    is to be answered with.
    """

    __slots__ = ("accepts", "encoding", "metadata", "method", "refusal", "timeout")

    def __init__(self) -> None:
        self.method = ""
        self.metadata: tuple[tuple[str, str | bytes], ...] = ()
        self.timeout: float | None = None
        self.encoding = "identity"
        self.accepts: frozenset[bytes] = frozenset()
        self.refusal: TFError | int | None = None


def read_head(fields: Sequence[tuple[bytes, bytes]]) -> Head | None:
    """The head of a call; None where the fields are no HTTP/2 request."""
    head = Head()
    metadata: list[tuple[str, str | bytes]] = []
    pseudo: dict[bytes, bytes] = {}
    content_type = b""
    for name, value in fields:
        if name[:1] == b":":
            if metadata or content_type or name in pseudo:
                return None
            pseudo[name] = value
        elif name == b"content-type":
            content_type = value
        elif name == b"grpc-timeout":
            head.timeout = _seconds(value)
            if head.timeout is None:
                head.refusal = InternalError(f"the header grpc-timeout is no timeout: {_shown(value)}")
        elif name == b"grpc-encoding":
            head.encoding = value.decode("latin-1")
        elif name == b"grpc-accept-encoding":
            head.accepts = frozenset(part.strip() for part in value.split(b","))
        elif name == b"te":
            continue
        elif name in _NOT_HTTP2 or _NAME.fullmatch(name) is None:
            return None
        else:
            metadata.append((name.decode("ascii"), _binary(value) if name[-4:] == b"-bin" else value.decode("latin-1")))
    if not pseudo.keys() >= {b":method", b":path", b":scheme"} or pseudo.keys() - _PSEUDO:
        return None
    head.method = pseudo[b":path"].decode("latin-1")
    head.metadata = tuple(metadata)
    if pseudo[b":method"] != b"POST":
        head.refusal = 405
    elif not content_type.startswith(b"application/grpc") or content_type[16:17] not in (b"", b"+", b";"):
        head.refusal = 415
    return head


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
    """The messages of one direction of a call, as their bytes come. limit: bytes of a message, at most."""

    __slots__ = ("_chunks", "_encoding", "_flag", "_limit", "_need", "_size", "messages")

    def __init__(self, limit: int, encoding: str) -> None:
        self.messages: list[bytes] = []
        self._limit = limit
        self._encoding = encoding
        self._chunks: list[Any] = []  # bytes and views of them
        self._size = 0
        self._flag = -1  # of the message at hand; -1 before its prefix is whole
        self._need = PREFIX_BYTES

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._size > 0 or self._flag >= 0

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes; whole messages go to ``messages``.

        Raises ResourceExhaustedError, InternalError or UnimplementedError for one that cannot be taken.
        """
        self._chunks.append(data)
        self._size += len(data)
        while self._size >= self._need:
            whole = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            taken, rest = whole[: self._need], whole[self._need :]
            self._chunks, self._size = ([rest], len(rest)) if len(rest) else ([], 0)
            if self._flag < 0:
                self._flag, self._need = PREFIX.unpack(taken)
                self._check()
            else:
                self.messages.append(inflate(bytes(taken), self._encoding, self._limit) if self._flag else bytes(taken))
                self._flag, self._need = -1, PREFIX_BYTES

    def _check(self) -> None:
        if self._flag > 1:
            raise InternalError(f"a message begins with the byte {self._flag}, where 0 or 1 tells whether it is packed")
        if self._need > self._limit:
            raise ResourceExhaustedError(f"Received message larger than max ({self._need} vs. {self._limit})")


def inflate(message: bytes, encoding: str, limit: int) -> bytes:
    """A compressed message, inflated to ``limit`` bytes at most."""
    wbits = _WBITS.get(encoding)
    if wbits is None:
        if encoding == "identity":
            raise InternalError("a message is marked as compressed, and the header grpc-encoding does not say how")
        raise UnimplementedError(f"grpc-encoding {encoding!r} is not known here; known: {_ACCEPTS.decode()}")
    limit = min(limit, _MAX_INFLATED)
    inflater = zlib.decompressobj(wbits)
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
    return _PLAIN.sub(lambda found: b"%%%02X" % found[0][0], text.encode("utf-8", "replace"))
