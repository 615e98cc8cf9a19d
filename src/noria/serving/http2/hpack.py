"""HPACK, the header compression of HTTP/2 (RFC 7541): a decoder of header blocks, and the one encoding that is sent.

Bounded: the dynamic table by what was advertised, an integer to 31 bits, a string by the block it is in, and the list
of fields by ``max_list``. A block is read to its end even where the list is too long, as the peer's table has changed
by all of it; what is beyond the bound is dropped as it is read.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from noria.serving.http2 import huffman

Field: TypeAlias = tuple[bytes, bytes]  # name, value

# The static table (RFC 7541, Appendix A). Its first entry has the index 1.
STATIC: Final[tuple[Field, ...]] = (
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)

_OVERHEAD: Final = 32  # bytes that an entry, and a field of a list, counts beside name and value
_INITIAL: Final = 4096  # bytes of the dynamic table before any update
_BY_INDEX: Final[tuple[Field, ...]] = ((b"", b""), *STATIC)
_STATIC_SIZES: Final = tuple(len(name) + len(value) + _OVERHEAD for name, value in _BY_INDEX)
_NEWEST: Final = len(STATIC) + 1  # the index of the dynamic table's newest entry
_MAX_INTEGER: Final = (1 << 31) - 1
_SHIFTS: Final = (0, 7, 14, 21, 28)
_NAMES: Final = {name: len(STATIC) - i for i, (name, _) in enumerate(reversed(STATIC))}  # the lowest index of each


class HpackError(Exception):
    """A block that breaks RFC 7541: the connection cannot go on, as the tables of its two ends may differ."""


class HeadersTooLongError(HpackError):
    """The list of fields is longer than ``max_list``. The table is in step: the connection may go on."""


class Decoder:
    """The decoding end of one connection's direction.

    table_bytes: the size advertised as SETTINGS_HEADER_TABLE_SIZE, beyond which the peer may not set the table. The
    table begins with 4096 bytes whatever it is, as the peer's does. max_list: the bytes advertised as
    SETTINGS_MAX_HEADER_LIST_SIZE: names, values and 32 for each field.

    changes: grows with each change of the dynamic table; while it stays, a block of indexed fields alone means the
    same.
    """

    __slots__ = ("_capacity", "_max_list", "_sizes", "_table", "_table_bytes", "_used", "changes")

    def __init__(self, table_bytes: int = _INITIAL, max_list: int = 16384) -> None:
        self._table_bytes = table_bytes
        self._max_list = max_list
        self._capacity = _INITIAL
        self._used = 0
        # Both tables in one list, by index; 0 stands for none. An insertion moves the dynamic part, which for 4096
        # bytes is 128 entries at most. What each entry counts lies beside it.
        self._table: list[Field] = [*_BY_INDEX]
        self._sizes = [*_STATIC_SIZES]
        self.changes = 0

    def decode(self, block: bytes) -> list[Field]:
        """The fields of a whole header block, in order. HpackError; HeadersTooLongError where only the list is."""
        table, sizes = self._table, self._sizes
        fields: list[Field] = []
        append = fields.append
        room = self._max_list
        end = len(block)
        try:
            position = self._updates(block) if block and 0x20 <= block[0] < 0x40 else 0
            while position < end:
                byte = block[position]
                position += 1
                if 0x80 < byte < 0xFF:  # indexed, in one byte
                    byte -= 0x80
                    room -= sizes[byte]
                    if room >= 0:
                        append(table[byte])
                    continue
                if byte >= 0x80:
                    index, position = _integer(block, position, byte, 0x7F)
                    if not index:
                        raise HpackError("a field has the index 0")
                    field, size = table[index], sizes[index]
                else:
                    if 0x20 <= byte < 0x40:
                        raise HpackError("the table size is updated after the first field of a block")
                    mask = 0x3F if byte & 0x40 else 0x0F
                    index = byte & mask
                    if index == mask:
                        index, position = _integer(block, position, byte, mask)
                    if index:
                        name = table[index][0]
                    else:
                        name, position = _string(block, position)
                    value, position = _string(block, position)
                    field = name, value
                    size = len(name) + len(value) + _OVERHEAD
                    if byte & 0x40:
                        self._add(field, size)
                room -= size
                if room >= 0:
                    append(field)
        except IndexError:
            raise HpackError("a block ends within a field, or a field has an index beyond the table") from None
        except huffman.HuffmanError as error:
            raise HpackError(str(error)) from None
        if room < 0:
            got = self._max_list - room
            raise HeadersTooLongError(f"the header list takes {got} bytes, more than the {self._max_list} allowed")
        return fields

    def _updates(self, block: bytes) -> int:
        """Take the size updates at the start of a block. The position of its first field."""
        position = 0
        while position < len(block) and 0x20 <= block[position] < 0x40:
            capacity, position = _integer(block, position + 1, block[position], 0x1F)
            if capacity > self._table_bytes:
                raise HpackError(f"the table size is set to {capacity}, beyond the {self._table_bytes} advertised")
            self._capacity = capacity
            self._evict()
        return position

    def _add(self, field: Field, size: int) -> None:
        """Put ``field`` first in the dynamic table; one larger than all of it leaves it empty."""
        self.changes += 1
        self._table.insert(_NEWEST, field)
        self._sizes.insert(_NEWEST, size)
        self._used += size
        if self._used > self._capacity:
            self._evict()

    def _evict(self) -> None:
        while self._used > self._capacity:
            self.changes += 1
            self._table.pop()
            self._used -= self._sizes.pop()


def _integer(block: bytes, position: int, first: int, mask: int) -> tuple[int, int]:
    """The integer (section 5.1) in the bits ``mask`` of ``first`` and the bytes at ``position``; where it ends."""
    value = first & mask
    if value < mask:
        return value, position
    for shift in _SHIFTS:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _MAX_INTEGER:
                break
            return value, position
    raise HpackError(f"an integer is beyond {_MAX_INTEGER}")


def _string(block: bytes, position: int) -> tuple[bytes, int]:
    """The string (section 5.2) at ``position``; where it ends."""
    first = block[position]
    length = first & 0x7F
    start = position + 1
    if length == 0x7F:
        length, start = _integer(block, start, first, 0x7F)
    end = start + length
    if end > len(block):
        raise HpackError(f"a string of {length} bytes in a block that has {len(block) - start} left")
    data = block[start:end]
    return (huffman.decode(data) if first & 0x80 else data), end


def _number(value: int, first: int, mask: int) -> bytes:
    """``value`` as an integer (section 5.1) that begins in the bits ``mask`` of the byte ``first``."""
    if value < mask:
        return bytes((first | value,))
    encoded = bytearray((first | mask,))
    value -= mask
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def literal(name: bytes, value: bytes) -> bytes:
    """A field that neither end's table changes by (section 6.2.2), its strings as they are."""
    index = _NAMES.get(name)
    head = _number(index, 0, 0x0F) if index else b"\0" + _number(len(name), 0, 0x7F) + name
    return head + _number(len(value), 0, 0x7F) + value
