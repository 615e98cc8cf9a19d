"""The Huffman code of header strings (RFC 7541, section 5.2 and Appendix B), decoded a byte at a step.

The code is canonical: the lengths alone give it. Decoding walks the code's tree, eight bits at a time: for each inner
node of the tree there is a row that says, for each byte, which symbols it completes and at which node it ends. A row
is made when a string first comes to its node, which takes some 40 µs; ordinary text needs a few of the 256 rows.
"""

from __future__ import annotations

import functools
from typing import Final, TypeAlias

_Step: TypeAlias = tuple[bytes, int]  # the symbols completed, the node then reached

# The length in bits of the code of each byte, and at the end of EOS (RFC 7541, Appendix B).
# fmt: off
LENGTHS: Final = (
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
)
# fmt: on

_EOS: Final = 256
_DEAD: Final = 256  # the node where nothing leads out: EOS was in the string
_PADDING: Final = 7  # bits at most; the first nodes are those of 0, 1, 2... ones, see _tree


class HuffmanError(ValueError):
    """A string that the code cannot have made."""


def codes() -> list[int]:
    """The code of each byte and of EOS, as a number of ``LENGTHS[symbol]`` bits."""
    found = [0] * len(LENGTHS)
    code = length = 0
    for symbol in sorted(range(len(LENGTHS)), key=lambda each: (LENGTHS[each], each)):
        code <<= LENGTHS[symbol] - length
        length = LENGTHS[symbol]
        found[symbol] = code
        code += 1
    return found


@functools.cache
def _tree() -> list[list[int]]:
    """The two children of each inner node: a node, or ``~symbol`` for a leaf. The root is 0.

    EOS is all ones and goes in first, so node n is the one after n ones, for n below its length.
    """
    nodes = [[0, 0]]
    every = codes()
    for symbol in range(_EOS, -1, -1):
        node = 0
        for shift in range(LENGTHS[symbol] - 1, 0, -1):
            bit = every[symbol] >> shift & 1
            if not nodes[node][bit]:
                nodes[node][bit] = len(nodes)
                nodes.append([0, 0])
            node = nodes[node][bit]
        nodes[node][every[symbol] & 1] = ~symbol
    return nodes


_rows: Final[list[tuple[_Step, ...] | None]] = [None] * _DEAD + [((b"", _DEAD),) * 256]


@functools.cache
def _half(start: int) -> tuple[_Step, ...]:
    """The step from the node ``start`` for each four bits."""
    tree = _tree()
    steps: list[_Step] = [(b"", start)]
    for _ in range(4):
        longer: list[_Step] = []
        for symbols, node in steps:
            for child in tree[node] if node != _DEAD else (_DEAD, _DEAD):
                if child >= 0:
                    longer.append((symbols, child))
                elif child == ~_EOS:
                    longer.append((b"", _DEAD))
                else:
                    longer.append((symbols + bytes((~child,)), 0))
        steps = longer
    return tuple(steps)


def _row(start: int) -> tuple[_Step, ...]:
    """Make the row of the node ``start``, a step for each byte, which the list of rows then holds."""
    row = _rows[start] = tuple([(first + second, end) for first, node in _half(start) for second, end in _half(node)])
    return row


def decode(data: bytes) -> bytes:
    """The string that ``data`` encodes. HuffmanError: EOS is in it, or the padding is not up to seven ones."""
    rows = _rows
    parts: list[bytes] = []
    node = 0
    for byte in data:
        symbols, node = (rows[node] or _row(node))[byte]
        parts.append(symbols)
    if node > _PADDING:
        raise HuffmanError("a Huffman string does not end in up to seven bits of ones, or holds the end mark")
    return b"".join(parts)
