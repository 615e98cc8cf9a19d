"""``noria checkpoint ls | show | diff | verify``: what is in a checkpoint, how two differ, whether one is whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes, shapes
from noria.cli.checkpoint_files import TensorInfo, chosen, info, open_source, place
from noria.cli.progress import progress
from noria.cli.render import Block, Heading, Lines, Table, counted, size_text, write
from noria.cli.statistics import Statistics, statistics
from noria.errors import TFError
from noria.formats import coding, strided

Array = npt.NDArray[Any]
Source = Mapping[str, Array]

_BARS: Final = " ▁▂▃▄▅▆▇█"


def print_json(value: Any) -> None:
    """``value`` on stdout; everything that is not ASCII is escaped, so no name reaches the terminal raw."""
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _row(tensor: TensorInfo) -> dict[str, Any]:
    found: dict[str, Any] = {"name": tensor.name, "dtype": tensor.dtype.name, "shape": list(tensor.shape)}
    found["bytes"] = tensor.nbytes
    return found | ({"slices": tensor.slices} if tensor.slices else {})


def list_tensors(path: str, patterns: Sequence[str], *, by_size: bool, as_json: bool) -> None:
    """``ls``: names, dtypes, shapes, sizes."""
    source = open_source(path)
    rows = [info(source, name) for name in chosen(list(source), patterns)] if source else []
    if by_size:
        rows.sort(key=lambda row: (-row.nbytes, row.name))
    total = sum(row.nbytes for row in rows)
    if as_json:
        print_json({"path": place(source), "tensors": [_row(row) for row in rows], "bytes": total})
        return
    cells = [(row.name, row.dtype.name, shapes.text(row.shape), _size(row), str(row.slices or "")) for row in rows]
    sliced = any(row.slices for row in rows)
    columns = ["name", "dtype", "shape", "size", "slices"][: 5 if sliced else 4]
    count = sum(row.count for row in rows if row.dtype is not dtypes.string)
    write(
        [
            Table("", columns, [c[: len(columns)] for c in cells], right=("size", "slices")),
            Lines(
                [f"{counted(len(rows), 'tensor')}, {counted(count, 'value')}, {size_text(total)} in {place(source)}"]
            ),
        ]
    )


def _size(row: TensorInfo) -> str:
    return size_text(row.nbytes) if row.dtype.size else ""


def checksum(array: Array) -> str:
    """crc32c of the bytes of an array of numbers, as checkpoints count it; empty for strings."""
    if array.dtype.hasobject or array.dtype.kind in "SU":
        return ""
    crc = 0
    for piece in strided.pieces(array, array.dtype.newbyteorder("=")):
        crc = coding.crc32c(piece, crc)
    return f"{crc:08x}"


def show_tensors(path: str, patterns: Sequence[str], *, values: int, as_json: bool) -> None:
    """``show``: statistics, checksum and first values of tensors."""
    source = open_source(path)
    rows = [info(source, name) for name in chosen(list(source), patterns)]
    found: list[tuple[TensorInfo, Statistics, str, list[Any]]] = []
    with progress("reading", sum(row.nbytes for row in rows)) as advance:
        for row in rows:
            array = source[row.name]
            first = [_plain(v) for v in array.flat[:values]]
            found.append((row, statistics(array), checksum(array), first))
            advance(row.nbytes)
    if as_json:
        print_json(
            [
                _row(row) | {"crc32c": crc, "statistics": asdict(stats), "values": first}
                for row, stats, crc, first in found
            ]
        )
        return
    write(_shown(found, values))


def _shown(found: Sequence[tuple[TensorInfo, Statistics, str, list[Any]]], values: int) -> Iterator[Block]:
    ranges, shares = [], []  # two tables: one would be too wide for a terminal
    for row, stats, crc, _ in found:
        numbers = (stats.least, stats.greatest, stats.mean, stats.deviation)
        ranges.append([row.name, row.dtype.name, shapes.text(row.shape), *map(_number, numbers)])
        counted = (stats.zeros, stats.nan, stats.infinite)
        shares.append([row.name, *map(str, counted), _bars(stats.counts), crc])
    right = ("min", "max", "mean", "std", "zeros", "NaN", "Inf")
    yield Table("", ["name", "dtype", "shape", "min", "max", "mean", "std"], ranges, right=right)
    yield Table("", ["name", "zeros", "NaN", "Inf", "histogram", "crc32c"], shares, right=right)
    if any(row.dtype is dtypes.string for row, *_ in found):
        yield Lines(["of strings: the statistics of their lengths"])
    if values:
        for row, _, _, first in found:
            more = ", ..." if row.count > len(first) else ""
            yield Heading(row.name)
            yield Lines([", ".join(map(str, first)) + more])


def _number(value: float | int | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.6g}"


def _bars(counts: Sequence[int]) -> str:
    most = max(counts, default=0)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def _plain(value: Any) -> Any:
    """An element as JSON and a page can show it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, np.generic):
        if value.dtype.kind == "f":
            value = float(str(value))  # the shortest digits that give this float16 or float32
        else:
            value = value.item() if value.dtype.kind in "biu" else str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)


def diff(path: str, other: str, patterns: Sequence[str], *, tolerance: float, as_json: bool) -> bool:
    """``diff``: tensors in one only, of another dtype or shape, of other values; whether there is any difference.

    tolerance: the greatest absolute difference of two values that is none.
    """
    sources = open_source(path), open_source(other)
    names = sorted({*sources[0], *sources[1]})
    rows: list[dict[str, Any]] = []
    both = [name for name in chosen(names, patterns) if name in sources[0] and name in sources[1]]
    for name in chosen(names, patterns):
        if name not in sources[1]:
            rows.append({"name": name, "difference": "only in the first"})
        elif name not in sources[0]:
            rows.append({"name": name, "difference": "only in the second"})
    infos = {name: (info(sources[0], name), info(sources[1], name)) for name in both}
    with progress("comparing", sum(one.nbytes for one, _ in infos.values())) as advance:
        for name, (one, two) in infos.items():
            found = _difference(sources, one, two, tolerance)
            if found:
                rows.append({"name": name} | found)
            advance(one.nbytes)
    rows.sort(key=lambda row: str(row["name"]))
    if as_json:
        print_json({"compared": len(both), "differences": rows})
    else:
        cells = [
            (str(row["name"]), str(row["difference"]), str(row.get("values", "")), _number(row.get("greatest")))
            for row in rows
        ]
        page: list[Block] = [Lines([f"{counted(len(both), 'tensor')} compared, {counted(len(rows), 'difference')}"])]
        if rows:
            columns = ["name", "difference", "values", "greatest"]
            page.insert(0, Table("", columns, cells, right=("values", "greatest")))
        write(page)
    return bool(rows)


def _difference(
    sources: tuple[Source, Source], one: TensorInfo, two: TensorInfo, tolerance: float
) -> dict[str, Any] | None:
    if (one.dtype, one.shape) != (two.dtype, two.shape):
        first, second = (f"{t.dtype.name}{shapes.text(t.shape)}" for t in (one, two))
        return {"difference": f"{first} and {second}"}
    a, b = sources[0][one.name], sources[1][one.name]
    if one.dtype.numpy.hasobject:
        count = sum(x != y for x, y in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True))
        return {"difference": "values", "values": count} if count else None
    if checksum(a) == checksum(b):
        return None
    wide = np.complex128 if one.dtype.is_complex else np.float64
    x, y = a.astype(wide), b.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(x - y)
    equal = (a == b) | (np.isnan(x) & np.isnan(y)) | (apart <= tolerance if tolerance else False)
    count = int(a.size - np.count_nonzero(equal))
    if not count:
        return None
    greatest = float(np.nanmax(np.where(equal, 0, apart))) if not np.isnan(apart[~equal]).all() else None
    return {"difference": "values", "values": count, "greatest": _plain(greatest) if greatest is not None else None}


def verify(path: str, *, as_json: bool) -> bool:
    """``verify``: read everything, with its checksums; whether all of it is whole."""
    source = open_source(path)
    damaged: list[dict[str, str]] = []
    infos: list[TensorInfo] = []
    for name in source:
        try:
            infos.append(info(source, name))
        except TFError as error:
            damaged.append({"name": name, "problem": str(error)})
    with progress("verifying", sum(row.nbytes for row in infos)) as advance:
        for row in infos:
            try:
                source[row.name]
            except TFError as error:
                damaged.append({"name": row.name, "problem": str(error)})
            advance(row.nbytes)
    if as_json:
        print_json({"path": place(source), "tensors": len(source), "damaged": damaged})
    else:
        total = size_text(sum(row.nbytes for row in infos))
        whole = f"{len(source) - len(damaged)} of {len(source)} tensors are whole, {total} in {place(source)}"
        write([Lines([*(f"damaged: {d['name']}: {d['problem']}" for d in damaged), whole])])
    return not damaged
