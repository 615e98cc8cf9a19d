"""UnicodeScript: the script of each code point, as ICU numbers scripts (UScriptCode)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import re2

from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.shapes import Shape

_UNKNOWN: Final = 103  # code points that no script has: not assigned, private, surrogates
_INVALID: Final = -1
# Scripts by their names in Unicode's Scripts.txt, with ICU's numbers. Which code points they have, RE2 knows; its
# tables may be of a newer Unicode than TensorFlow's (13), and know scripts of code points that have none there.
_SCRIPTS: Final = """
    Common=0 Inherited=1 Arabic=2 Armenian=3 Bengali=4 Bopomofo=5 Cherokee=6 Coptic=7 Cyrillic=8 Deseret=9
    Devanagari=10 Ethiopic=11 Georgian=12 Gothic=13 Greek=14 Gujarati=15 Gurmukhi=16 Han=17 Hangul=18 Hebrew=19
    Hiragana=20 Kannada=21 Katakana=22 Khmer=23 Lao=24 Latin=25 Malayalam=26 Mongolian=27 Myanmar=28 Ogham=29
    Old_Italic=30 Oriya=31 Runic=32 Sinhala=33 Syriac=34 Tamil=35 Telugu=36 Thaana=37 Thai=38 Tibetan=39
    Canadian_Aboriginal=40 Yi=41 Tagalog=42 Hanunoo=43 Buhid=44 Tagbanwa=45 Braille=46 Cypriot=47 Limbu=48 Linear_B=49
    Osmanya=50 Shavian=51 Tai_Le=52 Ugaritic=53 Buginese=55 Glagolitic=56 Kharoshthi=57 Syloti_Nagri=58 New_Tai_Lue=59
    Tifinagh=60 Old_Persian=61 Balinese=62 Batak=63 Brahmi=65 Cham=66 Egyptian_Hieroglyphs=71 Pahawh_Hmong=75
    Old_Hungarian=76 Javanese=78 Kayah_Li=79 Lepcha=82 Linear_A=83 Mandaic=84 Meroitic_Hieroglyphs=86 Nko=87
    Old_Turkic=88 Old_Permic=89 Phags_Pa=90 Phoenician=91 Miao=92 Vai=99 Cuneiform=101 Carian=104 Tai_Tham=106
    Lycian=107 Lydian=108 Ol_Chiki=109 Rejang=110 Saurashtra=111 SignWriting=112 Sundanese=113 Meetei_Mayek=115
    Imperial_Aramaic=116 Avestan=117 Chakma=118 Kaithi=120 Manichaean=121 Inscriptional_Pahlavi=122
    Psalter_Pahlavi=123 Inscriptional_Parthian=125 Samaritan=126 Tai_Viet=127 Bamum=130 Lisu=131 Old_South_Arabian=133
    Bassa_Vah=134 Duployan=135 Elbasan=136 Grantha=137 Mende_Kikakui=140 Meroitic_Cursive=141 Old_North_Arabian=142
    Nabataean=143 Palmyrene=144 Khudawadi=145 Warang_Citi=146 Mro=149 Nushu=150 Sharada=151 Sora_Sompeng=152 Takri=153
    Tangut=154 Anatolian_Hieroglyphs=156 Khojki=157 Tirhuta=158 Caucasian_Albanian=159 Mahajani=160 Ahom=161
    Hatran=162 Modi=163 Multani=164 Pau_Cin_Hau=165 Siddham=166 Adlam=167 Bhaiksuki=168 Marchen=169 Newa=170 Osage=171
    Masaram_Gondi=175 Soyombo=176 Zanabazar_Square=177 Dogra=178 Gunjala_Gondi=179 Makasar=180 Medefaidrin=181
    Hanifi_Rohingya=182 Sogdian=183 Old_Sogdian=184 Elymaic=185 Nyiakeng_Puachue_Hmong=186 Nandinagari=187 Wancho=188
    Chorasmian=189 Dives_Akuru=190 Khitan_Small_Script=191 Yezidi=192
"""


@lru_cache(maxsize=1)
def _expression() -> tuple[Any, list[int]]:
    """A pattern with a group for each script, and the numbers of the groups."""
    rows = [row.split("=") for row in _SCRIPTS.split()]
    options = re2.Options()
    options.max_mem = 1 << 26
    pattern = "|".join(rf"(\p{{{name}}})" for name, _ in rows)
    return re2.compile(pattern, options), [int(number) for _, number in rows]


@lru_cache(maxsize=1 << 14)
def script_of(code: int) -> int:
    """The number of the script of a code point; -1 where there is no such code point."""
    if not 0 <= code < 0x110000:
        return _INVALID
    if 0xD800 <= code < 0xE000:
        return _UNKNOWN
    expression, numbers = _expression()
    match = expression.match(chr(code))
    return numbers[match.lastindex - 1] if match else _UNKNOWN


@infer("UnicodeScript")
def _script_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


@kernel("UnicodeScript")
def _script(call: KernelCall, x: Array) -> Array:
    return np.fromiter(map(script_of, x.ravel().tolist()), np.int32, x.size).reshape(x.shape)
