"""What the checkpoint commands read from: checkpoints, ``.npz``, ``.safetensors``, folders of ``.npy`` files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.dtypes import DType
from noria.errors import DataLossError, InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.formats.checkpoint_reader import CheckpointReader
from noria.formats.npz import NpzFile, read_npy
from noria.formats.safetensors import SafetensorsFile
from noria.formats.weights import open_weights

Array = npt.NDArray[Any]

MANIFEST: Final = "tensors.json"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """A tensor as files tell it; nbytes: of its values (strings: unknown before reading, 0), slices: it is kept in."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    slices: int = 0

    @property
    def count(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) if 0 not in self.shape else 0

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.size


class NpyFolder(Mapping[str, Array]):
    """The arrays of a folder that ``noria checkpoint export`` wrote: ``.npy`` files and the list of their names."""

    def __init__(self, path: str) -> None:
        self.name = path
        manifest = files.join(path, MANIFEST)
        try:
            rows = json.loads(files.read_bytes(manifest))
            self._rows = {row["name"]: (str(row["file"]), dtypes.from_name(row["dtype"])) for row in rows}
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DataLossError(f"{manifest}: not a list of tensors: {error}") from None
        for file, _ in self._rows.values():
            if "/" in file or "\\" in file or "\0" in file or file in ("", ".", ".."):
                raise DataLossError(f"{manifest}: names the file {file!r}; only files of the folder itself are read")

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> Array:
        file, dtype = self._rows[name]
        if not file.endswith(".npy"):
            raise InvalidArgumentError(
                f"{self.name}: exported as text, which is for people to read; export as npy to read it back"
            )
        array = read_npy(files.join(self.name, file))
        return array if array.dtype.kind == "S" else array.view(dtype.numpy)

    def dtype(self, name: str) -> DType:
        return self._rows[name][1]


def open_source(path: str) -> Mapping[str, Array]:
    """The arrays of whatever ``path`` is. Raises NotFoundError and DataLossError as its reader does."""
    if files.exists(files.join(path, MANIFEST)):
        return NpyFolder(path)
    return open_weights(path)


def info(source: Mapping[str, Array], name: str) -> TensorInfo:
    """dtype and shape of ``name``, without reading its values where the files allow that."""
    if isinstance(source, CheckpointReader):
        entry = source.entry(name)
        return TensorInfo(name, entry.dtype, entry.shape, len(entry.slices))
    if isinstance(source, SafetensorsFile):
        return TensorInfo(name, source.dtype(name), source.shape(name))
    array = source[name]
    dtype = source.dtype(name) if isinstance(source, NpyFolder) else dtypes.from_numpy(array.dtype)
    return TensorInfo(name, dtype, array.shape)


def place(source: Mapping[str, Array]) -> str:
    """The path that ``source`` was opened at."""
    if isinstance(source, CheckpointReader | SafetensorsFile | NpzFile | NpyFolder):
        return source.name
    raise InvalidArgumentError(f"{type(source).__name__} comes from no file")


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression of the command line."""
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidArgumentError(f"{text!r} is not a regular expression: {error}") from None


def chosen(names: Sequence[str], keep: Sequence[str], drop: Sequence[str] = ()) -> list[str]:
    """The names in which any of ``keep`` is found (all, where none is given) and none of ``drop``, sorted."""
    wanted, unwanted = [pattern(k) for k in keep], [pattern(d) for d in drop]
    found = [
        name
        for name in sorted(names)
        if (not wanted or any(w.search(name) for w in wanted)) and not any(u.search(name) for u in unwanted)
    ]
    if not found:
        raise NotFoundError(f"no tensor of {len(names)} is left by the given patterns")
    return found
