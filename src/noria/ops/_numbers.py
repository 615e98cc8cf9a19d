"""Numbers from text, as TensorFlow accepts them (StringToNumber, DecodeCSV, vocabulary files)."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from noria.dtypes import DType

_SPACE: Final = b" \t\n\v\f\r"
_INTEGER: Final = re.compile(rb"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(
    rb"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan(?:\([0-9a-z_]*\))?)", re.IGNORECASE
)
_HEXADECIMAL: Final = re.compile(rb"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?")


def parse_number(text: bytes, dtype: DType) -> int | float | None:
    """``text`` as a number of ``dtype``, or None where it is none.

    Space around it is ignored. Integers are decimal, with a sign, and must fit (unsigned ones have no minus). Floats
    are decimal or hexadecimal or ``inf``, ``infinity``, ``nan``; too large ones become infinite, too small ones 0.
    """
    text = text.strip(_SPACE)
    if dtype.is_integer:
        if not _INTEGER.fullmatch(text):
            return None
        bounds = np.iinfo(dtype.numpy)
        if bounds.min == 0 and text[:1] == b"-":
            return None
        value = int(text)
        return value if bounds.min <= value <= bounds.max else None
    if _DECIMAL.fullmatch(text):
        text = text.partition(b"(")[0]
        with np.errstate(over="ignore"):
            # NumPy rounds a decimal text to float32 through float64, which may round twice; the results that
            # differ lie within 1e-8 of a tie of float32.
            return dtype.numpy.type(float(text)).item()  # type: ignore[no-any-return]
    if _HEXADECIMAL.fullmatch(text):
        try:
            value_f = float.fromhex(text.decode())
        except OverflowError:
            value_f = float("-inf") if text[:1] == b"-" else float("inf")
        with np.errstate(over="ignore"):
            return dtype.numpy.type(value_f).item()  # type: ignore[no-any-return]
    return None
