"""A file that holds one protobuf message, binary or text (``.pbtxt``).

Binary is tried first, because TensorFlow's own tools do not keep to the endings; a file that ends in ``.pbtxt`` or
``.txt`` is text. Protobuf refuses messages nested deeper than 100 levels.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import files, proto_pieces
from noria.protos import POOL

M = TypeVar("M", bound=Message)

_TEXT_ENDINGS = (".pbtxt", ".txt", ".textproto")
_MAX_SIZE = 1 << 31


def parse_binary(message: type[M], data: bytes, place: str) -> M:
    """The message in ``data``; DataLossError, with ``place`` in front, when the bytes are no such message."""
    try:
        if proto_pieces.wanted(len(data)):
            made = message()
            proto_pieces.merge(made, data)
            return made
        return message.FromString(data)
    except DecodeError as error:
        name = message.DESCRIPTOR.full_name
        raise DataLossError(f"{place}: its {len(data)} bytes are not a {name}: {error}") from None


def parse_text(message: type[M], data: bytes, place: str) -> M:
    """The message in text form in ``data``; DataLossError, with ``place`` in front, when it does not parse."""
    from google.protobuf import text_format  # 5 ms of import that binary files should not pay for

    name = message.DESCRIPTOR.full_name
    try:
        return text_format.Parse(data.decode(), message(), descriptor_pool=POOL)
    except (text_format.ParseError, UnicodeDecodeError, DecodeError, ValueError) as error:
        raise DataLossError(f"{place}: not a {name} in text form: {error}") from None
    except RecursionError:
        raise DataLossError(f"{place}: not a {name} in text form: nested too deep") from None


def to_text(message: Message) -> str:
    """The text form of ``message``."""
    from google.protobuf import text_format  # as above

    return text_format.MessageToString(message, descriptor_pool=POOL)


def write_message(message: Message, path: files.PathLike, *, as_text: bool | None = None) -> None:
    """Writes ``message`` to ``path`` whole or not at all; as_text: by default as the ending says.

    Equal messages give equal bytes. Raises InvalidArgumentError from 2 GiB on, which no reader of messages takes.
    """
    if as_text is None:
        as_text = files.text(path).endswith(_TEXT_ENDINGS)
    size = message.ByteSize()
    if size >= _MAX_SIZE:
        raise InvalidArgumentError(
            f"{files.text(path)}: the {message.DESCRIPTOR.full_name} takes {size} bytes; "
            "a message holds less than 2 GiB"
        )
    content = to_text(message).encode() if as_text else message.SerializeToString(deterministic=True)
    files.write_bytes(path, content)


def read_message(message: type[M], path: files.PathLike) -> M:
    """The message in the file at ``path``, binary or text. Raises NotFoundError or DataLossError."""
    data = files.read_bytes(path)
    place = files.text(path)
    if place.endswith(_TEXT_ENDINGS):
        return parse_text(message, data, place)
    try:
        return parse_binary(message, data, place)
    except DataLossError as binary:
        if b"\0" in data[:4096]:
            raise
        try:
            return parse_text(message, data, place)
        except DataLossError as text:
            raise DataLossError(f"{binary.message}; nor is it one in text form: {text.message}") from None
