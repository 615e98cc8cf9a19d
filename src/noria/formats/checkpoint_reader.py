"""What the two checkpoint formats have in common: named tensors, each stored whole or in slices.

A format says how its entries look and how one stored piece is read; finding the pieces of a requested slice and putting
them together is done here.
"""

from __future__ import annotations

import difflib
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError
from noria.formats import tensor_slice
from noria.formats.named_arrays import NamedArrays
from noria.formats.tensor_slice import Extents

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored tensor: its dtype, its full shape, and the slices it is stored in (empty: stored whole)."""

    dtype: DType
    shape: tuple[int, ...]
    slices: tuple[Extents, ...] = ()

    @property
    def count(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


class CheckpointReader(NamedArrays):
    """The tensors of a checkpoint by name; values are read when asked for and may be read-only views of the file.

    Reading raises NotFoundError for a name that is not there (or a file of the checkpoint that is missing) and
    DataLossError for damaged bytes, naming the file, the tensor and the cause.
    """

    def __init__(self, name: str, entries: Mapping[str, Entry]) -> None:
        self.name = name
        self._entries = entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Array:
        entry = self.entry(name)
        if not entry.slices:
            return self._whole(name, entry)
        return self._assembled(name, entry, tuple((0, size) for size in entry.shape))

    def entry(self, name: str) -> Entry:
        """dtype, shape and slices of the tensor ``name``, without reading it."""
        found = self._entries.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.6)
            hint = f"; near names: {', '.join(near)}" if near else ""
            raise NotFoundError(f"tensor {name!r} is not in checkpoint {self.name} ({len(self)} tensors){hint}")
        return found

    def read_slice(self, name: str, spec: str) -> Array:
        """The part of ``name`` that a restore op's ``shape_and_slice`` text asks for; "" is the whole tensor.

        Raises InvalidArgumentError when the text does not parse or gives another full shape than the checkpoint.
        """
        parsed = tensor_slice.parse_spec(spec)
        if parsed is None:
            return self[name]
        shape, extents = parsed
        entry = self.entry(name)
        if shape != entry.shape:
            raise InvalidArgumentError(
                f"tensor {name!r} in checkpoint {self.name} has shape {list(entry.shape)}; "
                f"the slice {spec!r} is of a tensor of shape {list(shape)}"
            )
        if not entry.slices:
            return self._whole(name, entry)[tensor_slice.slices(extents)]
        return self._assembled(name, entry, extents)

    @abstractmethod
    def _whole(self, name: str, entry: Entry) -> Array:
        """The tensor ``name``, which is stored whole."""

    @abstractmethod
    def _piece(self, name: str, entry: Entry, extents: Extents) -> Array:
        """The stored slice ``extents`` (one of ``entry.slices``) of ``name``."""

    @abstractmethod
    def _data_size(self) -> int:
        """Bytes of all files that hold values: a tensor put together from slices cannot be larger."""

    def _assembled(self, name: str, entry: Entry, wanted: Extents) -> Array:
        """The slice ``wanted`` (resolved) of a tensor that is stored in slices."""
        place = f"{self.name}: tensor {name!r}"
        try:
            stored = [(e, tensor_slice.resolve(e, entry.shape, place)) for e in entry.slices]
        except InvalidArgumentError as error:
            raise DataLossError(error.message) from None
        for extents, resolved in stored:
            if resolved == wanted:
                return self._piece(name, entry, extents)
        shape = tuple(length for _, length in wanted)
        count = math.prod(shape)
        if count * max(1, entry.dtype.size) > self._data_size():
            raise DataLossError(f"{place}: a slice of {count} elements, more than the files hold")
        result = np.empty(shape, entry.dtype.numpy)
        missing = np.ones(shape, np.bool_)
        for extents, resolved in stored:
            common = _intersection(resolved, wanted)
            if common is None:
                continue
            there = tensor_slice.slices(_relative(common, wanted))
            if not missing[there].all():
                raise DataLossError(f"{place}: its slices overlap at {common}")
            result[there] = self._piece(name, entry, extents)[tensor_slice.slices(_relative(common, resolved))]
            missing[there] = False
        if missing.any():
            raise DataLossError(f"{place}: {int(missing.sum())} of {count} elements are in none of its slices")
        return result


def _intersection(a: Extents, b: Extents) -> Extents | None:
    common = []
    for (start, length), (other, size) in zip(a, b, strict=True):
        low, high = max(start, other), min(start + length, other + size)
        if high <= low:
            return None
        common.append((low, high - low))
    return tuple(common)


def _relative(extents: Extents, to: Extents) -> Extents:
    return tuple((start - origin, length) for (start, length), (origin, _) in zip(extents, to, strict=True))
