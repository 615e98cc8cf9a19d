"""HPACK: the examples of RFC 7541, round trips with another implementation's encoder, and hostile blocks."""

from __future__ import annotations

import contextlib
import random
import time
import tracemalloc

import hpack as judge
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given, settings
from hypothesis import strategies as st

from noria.serving.http2 import huffman
from noria.serving.http2.hpack import STATIC, Decoder, Field, HeadersTooLongError, HpackError, literal

_PLENTY = 1 << 30
_ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)

_REQUEST = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
_REQUESTS = [
    _REQUEST,
    [*_REQUEST, (b"cache-control", b"no-cache")],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
_PRIVATE = [(b"cache-control", b"private"), (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")]
_LOCATION = (b"location", b"https://www.example.com")
_RESPONSES = [
    [(b":status", b"302"), *_PRIVATE, _LOCATION],
    [(b":status", b"307"), *_PRIVATE, _LOCATION],
    [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"),
        _LOCATION,
        (b"content-encoding", b"gzip"),
        (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
]

# Appendix C: the requests of C.3 and C.4 (Huffman), the responses of C.5 and C.6 (Huffman; a table of 256 bytes).
_C3 = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
]
_C4 = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]
_C5 = [
    (
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        "6e1768747470733a2f2f7777772e6578616d706c652e636f6d"
    ),
    "4803333037c1c0bf",
    (
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d"
        "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31"
    ),
]
_C6 = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    (
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af"
        "27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
    ),
]


def _sizes(decoder: Decoder) -> tuple[int, int]:
    """The dynamic table's entries and bytes, counted afresh."""
    entries = decoder._table[len(STATIC) + 1 :]
    return len(entries), sum(len(name) + len(value) + 32 for name, value in entries)


# ---- the RFC's examples


@pytest.mark.parametrize(
    ("block", "field", "entries"),
    [
        ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", (b"custom-key", b"custom-header"), 1),
        ("040c2f73616d706c652f70617468", (b":path", b"/sample/path"), 0),
        ("100870617373776f726406736563726574", (b"password", b"secret"), 0),
        ("82", (b":method", b"GET"), 0),
    ],
)
def test_each_representation(block: str, field: Field, entries: int) -> None:
    decoder = Decoder()
    assert decoder.decode(bytes.fromhex(block)) == [field]
    assert _sizes(decoder)[0] == decoder.changes == entries


@pytest.mark.parametrize("blocks", [_C3, _C4])
def test_requests_on_one_table(blocks: list[str]) -> None:
    decoder = Decoder()
    counted = []
    for block, fields in zip(blocks, _REQUESTS, strict=True):
        assert decoder.decode(bytes.fromhex(block)) == fields
        counted.append(_sizes(decoder))
    assert counted == [(1, 57), (2, 110), (3, 164)]
    assert decoder.changes == 3


@pytest.mark.parametrize("blocks", [_C5, _C6])
def test_responses_on_a_table_that_evicts(blocks: list[str]) -> None:
    decoder = Decoder(256)
    prefix = "3fe101"  # the update to 256
    counted = []
    for block, fields in zip(blocks, _RESPONSES, strict=True):
        assert decoder.decode(bytes.fromhex(prefix + block)) == fields
        counted.append(_sizes(decoder))
        prefix = ""
    assert counted == [(4, 222), (4, 222), (3, 215)]


def test_static_table() -> None:
    assert len(STATIC) == 61
    assert Decoder(max_list=_PLENTY).decode(bytes(range(0x81, 0x81 + 61))) == list(STATIC)
    theirs = judge.Decoder().decode(bytes(range(0x81, 0x81 + 61)), raw=True)
    assert [tuple(field) for field in theirs] == list(STATIC)


# ---- the Huffman code


def test_codes() -> None:
    assert huffman.codes() == REQUEST_CODES
    assert list(huffman.LENGTHS) == REQUEST_CODES_LENGTH


def test_every_byte_after_every_byte() -> None:
    for first in range(256):
        text = bytes(each for second in range(256) for each in (first, second))
        assert huffman.decode(_ENCODER.encode(text)) == text


@given(st.binary(max_size=60))
def test_huffman_round_trip(text: bytes) -> None:
    assert huffman.decode(_ENCODER.encode(text)) == text


def _padded(bits: str, pad: str = "1") -> bytes:
    bits += pad * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _bits(symbol: int) -> str:
    return f"{REQUEST_CODES[symbol]:0{REQUEST_CODES_LENGTH[symbol]}b}"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",  # eight bits of padding
        b"\xff\xff\xff",
        _padded(_bits(ord("o")), "0"),  # padding of zeros
        _padded(_bits(ord("o")) + "110"),
        _padded(_bits(ord("o")) + "1" * 8),
        _padded(_bits(ord("o"))) + b"\xff",
        _padded(_bits(256)),  # the end mark alone, first, amid others
        _padded(_bits(256) + _bits(ord("o"))),
        _padded(_bits(ord("o")) + _bits(256) + _bits(ord("o")) * 8),
        _padded("1" * 30 + "11"),
        _padded(_bits(10)[:24]),  # a part of a long code
    ],
)
def test_strings_that_the_code_cannot_make(data: bytes) -> None:
    with pytest.raises(huffman.HuffmanError, match="up to seven"):
        huffman.decode(data)
    with pytest.raises(HpackError, match="up to seven"):
        Decoder().decode(b"\x00\x01a" + bytes((0x80 | len(data),)) + data)


@pytest.mark.parametrize("count", range(1, 9))
def test_each_length_of_padding(count: int) -> None:
    text = b"o" * count  # five bits each
    assert huffman.decode(_ENCODER.encode(text)) == text


# ---- round trips with the judge

_NAMES = st.sampled_from([b":path", b"content-type", b"grpc-timeout", b"x", b"y-bin", b"z" * 200, b"", b"\xff\x00"])
_VALUES = st.one_of(st.sampled_from([b"/", b"", b"1m", b"v" * 126, b"v" * 127, b"w" * 3000]), st.binary(max_size=40))
_FIELDS = st.lists(st.tuples(_NAMES, _VALUES, st.booleans()), max_size=12)
_BLOCKS = st.lists(st.tuples(_FIELDS, st.booleans(), st.sampled_from([None, None, 0, 60, 500, 4096])), max_size=8)


@given(_BLOCKS)
def test_blocks_of_another_encoder(blocks: list[tuple[list[tuple[bytes, bytes, bool]], bool, int | None]]) -> None:
    encoder = judge.Encoder()
    decoder = Decoder(max_list=_PLENTY)
    short = Decoder(max_list=2000)
    for fields, huffman_strings, size in blocks:
        if size is not None:
            encoder.header_table_size = size
        block = encoder.encode(
            [judge.NeverIndexedHeaderTuple(n, v) if secret else judge.HeaderTuple(n, v) for n, v, secret in fields],
            huffman=huffman_strings,
        )
        expected = [(name, value) for name, value, _ in fields]
        before, was = decoder.changes, decoder._table[:]
        assert decoder.decode(block) == expected
        assert decoder._table[len(STATIC) + 1 :] == [tuple(e) for e in encoder.header_table.dynamic_entries]
        assert _sizes(decoder)[1] == decoder._used <= decoder._capacity
        assert (decoder.changes > before) or decoder._table == was
        if sum(len(name) + len(value) + 32 for name, value in expected) > 2000:
            with pytest.raises(HeadersTooLongError):
                short.decode(block)
        else:
            assert short.decode(block) == expected
        assert short._table == decoder._table


@given(st.lists(st.tuples(_NAMES | st.sampled_from([name for name, _ in STATIC]), _VALUES), max_size=8))
def test_literals(fields: list[Field]) -> None:
    block = b"".join(literal(name, value) for name, value in fields)
    theirs = judge.Decoder(max_header_list_size=_PLENTY).decode(block, raw=True) if block else []
    assert [tuple(field) for field in theirs] == fields
    decoder = Decoder(max_list=_PLENTY)
    assert decoder.decode(block) == fields
    assert decoder.changes == 0


def test_indexes_of_more_than_one_byte() -> None:
    decoder = Decoder(max_list=_PLENTY)
    block = b"".join(b"\x40\x02%02x\x00" % n for n in range(100))
    fields = [(b"%02x" % n, b"") for n in range(100)]
    assert decoder.decode(block) == fields
    indexes = range(62, 162)  # the newest first
    indexed = b"".join(bytes((0x80 | i,)) if i < 127 else b"\xff" + bytes(_rest(i - 127)) for i in indexes)
    assert decoder.decode(indexed) == fields[::-1]
    named = b"".join(b"\x7f" + bytes(_rest(161 - 63)) + b"\x01v" for _ in range(3))
    assert decoder.decode(named)[0] == (b"00", b"v")


def _rest(value: int) -> list[int]:
    return [value] if value < 128 else [value & 127 | 128, value >> 7]


# ---- size updates


def test_updates() -> None:
    decoder = Decoder(1000)
    decoder.decode(b"\x40\x01a\x01b\x40\x01c\x01d")
    assert decoder.decode(b"\x3f\x09\xbe") == [(b"c", b"d")]  # 40 bytes: room for one
    assert decoder.changes == 3
    assert decoder.decode(b"\x20\x3f\xc9\x07") == []  # none, then 1000
    assert _sizes(decoder) == (0, 0)
    decoder.decode(b"\x40\x01a\x01b")
    assert decoder.decode(b"\xbe") == [(b"a", b"b")]
    with pytest.raises(HpackError, match="1001, beyond the 1000 advertised"):
        decoder.decode(b"\x3f\xca\x07")
    with pytest.raises(HpackError, match="after the first field"):
        Decoder().decode(b"\x82\x20")
    with pytest.raises(HpackError, match="beyond the table"):
        decoder.decode(b"\x20\xbe")


def test_an_entry_larger_than_the_table_leaves_it_empty() -> None:
    decoder = Decoder()
    decoder.decode(b"\x40\x01a\x01b")
    field = b"n", b"v" * 4096
    block = b"\x40\x01n" + b"\x7f\x81\x1f" + field[1]
    assert decoder.decode(block) == [field]
    assert _sizes(decoder) == (0, 0)
    assert decoder._used == 0
    # A name may come from the entry that goes as the field with it comes in.
    decoder.decode(b"\x40\x01a\x01b")
    assert decoder.decode(b"\x7e" + b"\x7f\x81\x1f" + field[1]) == [(b"a", field[1])]


# ---- hostile blocks


@pytest.mark.parametrize("hexadecimal", [*_C3[:1], *_C4[:1], *_C5[:1], *_C6[:1], "3fe101" + _C6[0]])
def test_each_prefix_of_a_block(hexadecimal: str) -> None:
    block = bytes.fromhex(hexadecimal)
    whole = Decoder().decode(block)
    broken = 0
    for end in range(len(block)):
        try:
            fields = Decoder().decode(block[:end])
        except HpackError:
            broken += 1
        else:
            assert fields == whole[: len(fields)]
    assert broken > len(block) // 2


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes(blocks: list[bytes]) -> None:
    decoder = Decoder(max_list=200)
    with contextlib.suppress(HpackError):
        for block in blocks:
            for name, value in decoder.decode(block):
                assert type(name) is type(value) is bytes
    assert decoder._used == _sizes(decoder)[1]


def test_agrees_with_the_judge_on_damaged_blocks() -> None:
    generator = random.Random(7)
    blocks = [bytes.fromhex(block) for block in (*_C3, *_C4, *_C6)]
    agreed = 0
    for _ in range(3000):
        block = bytearray(generator.choice(blocks))
        block[generator.randrange(len(block))] = generator.randrange(256)
        expected: list[Field] | None
        try:
            expected = [(bytes(name), bytes(value)) for name, value in judge.Decoder().decode(bytes(block), raw=True)]
        except judge.HPACKError:
            expected = None
        try:
            got = Decoder().decode(bytes(block))
        except HpackError:
            got = None
        assert got == expected, bytes(block).hex()
        agreed += expected is not None
    assert 300 < agreed < 2900


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (b"\x80", "index 0"),
        (b"\xff\x80\x80\x80\x80\x80\x00", "an integer is beyond"),  # six bytes
        (b"\xff\xff\xff\xff\xff\x0f", "an integer is beyond"),
        (b"\xff\xff\xff\xff\xff\x7f", "an integer is beyond"),
        (b"\xff\x80\xff\xff\xff\x07", "beyond the table"),  # 2**31 - 1
        (b"\xbe", "beyond the table"),
        (b"\x7e\x01a", "beyond the table"),
        (b"\xff\x00", "beyond the table"),
        (b"\xff", "ends within a field"),
        (b"\x40", "ends within a field"),
        (b"\x00\x01a", "ends within a field"),
        (b"\x00\x05a", "a string of 5 bytes in a block that has 1 left"),
        (b"\x00\x7f\x80\xff\xff\xff\x07a", "a string of 2147483647 bytes"),
        (b"\x3f\xff\xff\xff\xff\x07", "beyond the 4096 advertised|an integer is beyond"),
    ],
)
def test_malformed(block: bytes, said: str) -> None:
    with pytest.raises(HpackError, match=said) as caught:
        Decoder().decode(block)
    assert type(caught.value) is HpackError


def test_the_list_is_counted_as_the_setting_says() -> None:
    block = literal(b"n", b"v" * 17)
    assert Decoder(max_list=50).decode(block) == [(b"n", b"v" * 17)]
    with pytest.raises(HeadersTooLongError, match="takes 50 bytes, more than the 49 allowed"):
        Decoder(max_list=49).decode(block)
    with pytest.raises(HeadersTooLongError, match="takes 84 "):
        Decoder(max_list=83).decode(b"\x82" * 2)
    assert len(Decoder(max_list=84).decode(b"\x82" * 2)) == 2


def test_a_list_too_long_keeps_the_table_in_step() -> None:
    decoder = Decoder(max_list=100)
    with pytest.raises(HeadersTooLongError):
        decoder.decode(b"\x00\x01x\x7f\x81\x01" + b"y" * 256 + b"\x40\x01a\x01b")
    assert decoder.decode(b"\xbe") == [(b"a", b"b")]
    with pytest.raises(HpackError) as caught:  # what is broken after the bound is still broken
        decoder.decode(b"\x82" * 10 + b"\x80")
    assert type(caught.value) is HpackError


@pytest.mark.parametrize("huffman_strings", [False, True])
def test_one_large_entry_named_many_times(huffman_strings: bool) -> None:
    decoder = Decoder(max_list=16384)
    value = b"0" * 4000
    decoder.decode(judge.Encoder().encode([(b"x", value)], huffman=huffman_strings))
    named = b"\x0f\x2f" + (b"\x84" + _ENCODER.encode(b"00000") if huffman_strings else b"\x00")
    tracemalloc.start()
    try:
        for block in (b"\xbe" * 100_000, named * 20_000):  # 400 MB, were it all copied
            start = time.thread_time()
            with pytest.raises(HeadersTooLongError):
                decoder.decode(block)
            assert time.thread_time() - start < 5
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_block_that_only_turns_the_table_over() -> None:
    decoder = Decoder()
    start = time.thread_time()
    with pytest.raises(HeadersTooLongError):
        decoder.decode(b"\x40\x00\x00" * 50_000)  # 32 bytes each: 128 entries
    assert time.thread_time() - start < 5
    assert _sizes(decoder) == (128, 4096)
    assert len(decoder._table) == len(decoder._sizes) == len(STATIC) + 129
