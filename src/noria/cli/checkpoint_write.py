"""``noria checkpoint export | import | rename | merge | prune``: checkpoints made of others, and of other files.

Every result is written beside its place and takes it when it is complete. Values go through one at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from noria import dtypes
from noria.cli.checkpoint_files import MANIFEST, TensorInfo, chosen, info, open_source, pattern
from noria.cli.progress import progress
from noria.cli.render import Lines, counted, size_text, write
from noria.dtypes import DType
from noria.errors import AlreadyExistsError, DataLossError, FailedPreconditionError, InvalidArgumentError
from noria.formats import files
from noria.formats.bundle import BundleWriter, index_path
from noria.formats.npz import storable, write_npy, write_npz
from noria.formats.safetensors import can_hold, write_safetensors
from noria.formats.saved_model_writer import new_folder

Array = npt.NDArray[Any]
Source = Mapping[str, Array]

# The variables that optimizers keep beside the weights, as TensorFlow 1 and Keras name them.
OPTIMIZER: Final = (
    r"(^|/)(Adam|Adam_1|Adagrad|Adagrad_1|Adadelta|Adadelta_1|Momentum|RMSProp|RMSProp_1|Ftrl|Ftrl_1|Nadam|AMSGrad)$"
    r"|(^|/)beta[12]_power(_\d+)?$|(^|/)\.OPTIMIZER_SLOT/|(^|/)_?optimizer(_weights)?/"
)
_LONGEST: Final = 200  # bytes of a file's name before its ending


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor to write, under the name that it will have."""

    name: str
    source: Source
    info: TensorInfo

    def read(self) -> Array:
        return self.source[self.info.name]


class _Chosen(Mapping[str, Array]):
    """Tensors by their names, read when asked for, each ``reads`` times; ``prepare`` reads one."""

    def __init__(
        self,
        tensors: Sequence[_Tensor],
        advance: Callable[[int], None],
        prepare: Callable[[_Tensor], Array],
        *,
        reads: int = 1,
    ) -> None:
        self._reads = reads
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._advance = advance
        self._prepare = prepare

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __getitem__(self, name: str) -> Array:
        tensor = self._tensors[name]
        array = self._prepare(tensor)
        self._advance(tensor.info.nbytes // self._reads)
        return array


def _free(path: str, *, overwrite: bool, checkpoint: bool = False) -> None:
    """AlreadyExistsError where something stands at ``path`` that may not be replaced."""
    found = index_path(path) if checkpoint else path
    if not overwrite and files.exists(found):
        raise AlreadyExistsError(f"{found} exists; give another place, or --force")


def _tensors(source: Source, names: Sequence[str]) -> list[_Tensor]:
    return [_Tensor(name, source, info(source, name)) for name in names]


def _save(prefix: str, tensors: Sequence[_Tensor], *, overwrite: bool) -> None:
    """Write a checkpoint of ``tensors`` at ``prefix``, each with the dtype that its source records."""
    _free(prefix, overwrite=overwrite, checkpoint=True)
    total = sum(tensor.info.nbytes for tensor in tensors)
    with progress("writing", total) as advance, BundleWriter(prefix) as writer:
        for tensor in sorted(tensors, key=lambda t: t.name):
            array = tensor.read()
            strings = array.dtype.kind in "SU"
            writer.add(tensor.name, array.astype(object) if strings else array, tensor.info.dtype)
            advance(tensor.info.nbytes)
    _remove_old_shards(prefix)
    write([Lines([f"{counted(len(tensors), 'tensor')}, {size_text(total)}, written to {prefix}"])])


def _remove_old_shards(prefix: str) -> None:
    """The index that was replaced may have named more data files than the new one does."""
    folder, name = files.split(prefix)
    shard = re.compile(re.escape(name) + r"\.data-\d{5}-of-(?!00001)\d{5}")
    for found in files.list_dir(folder):
        if shard.fullmatch(found):
            files.remove(files.join(folder, found))


def rename(path: str, prefix: str, rules: Sequence[tuple[str, str]], mapping: str | None, *, overwrite: bool) -> None:
    """``rename``: the checkpoint with other names: by regular expressions, one after the other, or by a JSON map."""
    source = open_source(path)
    table = _mapping(mapping) if mapping else {}
    unknown = sorted(set(table) - set(source))
    if unknown:
        raise InvalidArgumentError(f"{mapping}: names {', '.join(unknown[:5])}, which {path} does not hold")
    compiled = [(pattern(old), new) for old, new in rules]
    renamed: dict[str, _Tensor] = {}
    changed = 0
    for tensor in _tensors(source, sorted(source)):
        name = table.get(tensor.name, tensor.name)
        for old, new in compiled:
            try:
                name = old.sub(new, name)
            except (re.error, LookupError) as error:
                raise InvalidArgumentError(f"{new!r} does not fit {old.pattern!r}: {error}") from None
        if name in renamed:
            raise InvalidArgumentError(f"both {renamed[name].info.name} and {tensor.name} would be called {name}")
        if not name or name.startswith("\0"):
            raise InvalidArgumentError(f"{tensor.name} would be called {name!r}, which no tensor can be")
        changed += name != tensor.name
        renamed[name] = _Tensor(name, source, tensor.info)
    if not changed:
        raise InvalidArgumentError(f"no name of {path} changes; nothing is written")
    _save(prefix, list(renamed.values()), overwrite=overwrite)


def _mapping(path: str) -> dict[str, str]:
    try:
        found = json.loads(files.read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DataLossError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise InvalidArgumentError(f"{path}: expected an object of old names to new ones")
    return found


def merge(prefix: str, paths: Sequence[str], *, same_name: str, overwrite: bool) -> None:
    """``merge``: one checkpoint of several. same_name: ``error``, or whose tensor stays: ``first``, ``last``."""
    found: dict[str, _Tensor] = {}
    places: dict[str, str] = {}
    for path in paths:
        source = open_source(path)
        for tensor in _tensors(source, sorted(source)):
            if tensor.name in found and same_name == "error":
                raise InvalidArgumentError(
                    f"{tensor.name} is in {places[tensor.name]} and in {path}; say which stays with --same_name"
                )
            if tensor.name not in found or same_name == "last":
                found[tensor.name] = tensor
                places[tensor.name] = path
    _save(prefix, list(found.values()), overwrite=overwrite)


def prune(
    path: str, prefix: str, keep: Sequence[str], drop: Sequence[str], *, optimizer: bool, overwrite: bool
) -> None:
    """``prune``: the checkpoint without some of its tensors."""
    unwanted = [*drop, *([OPTIMIZER] if optimizer else [])]
    if not keep and not unwanted:
        raise InvalidArgumentError("nothing says what to leave out: give --keep, --drop or --optimizer")
    source = open_source(path)
    names = chosen(list(source), keep, unwanted)
    if len(names) == len(source):
        raise InvalidArgumentError(f"every tensor of {path} stays; nothing is written")
    _save(prefix, _tensors(source, names), overwrite=overwrite)


def import_tensors(path: str, prefix: str, patterns: Sequence[str], *, overwrite: bool) -> None:
    """``import``: a checkpoint of the arrays in a file or folder."""
    source = open_source(path)
    _save(prefix, _tensors(source, chosen(list(source), patterns)), overwrite=overwrite)


def export(path: str, target: str, patterns: Sequence[str], *, form: str | None, overwrite: bool) -> None:
    """``export``: the tensors as another kind of file. form: by default what the target's ending says, else npy."""
    source = open_source(path)
    kind = form or next((k for k in ("npz", "safetensors") if target.endswith("." + k)), "npy")
    tensors = _tensors(source, chosen(list(source), patterns))
    notes = []
    if kind == "safetensors":
        left = [t.name for t in tensors if t.info.dtype is dtypes.string]
        tensors = [t for t in tensors if t.info.dtype is not dtypes.string]
        if left:
            notes.append(f"left out, because safetensors files hold no strings: {', '.join(left)}")
    total = sum(tensor.info.nbytes for tensor in tensors)
    with progress("exporting", total) as advance:
        if kind == "npz":
            _free(target, overwrite=overwrite)
            wide = [t.name for t in tensors if _npz_dtype(t.info.dtype) is not None]
            if wide:
                notes.append(f"widened, because .npz files do not have their dtype: {', '.join(wide)}")
            write_npz(target, _Chosen(tensors, advance, _widened))
        elif kind == "safetensors":
            _free(target, overwrite=overwrite)
            write_safetensors(target, _Chosen(tensors, advance, _storable_in_safetensors, reads=2))
        else:
            _export_folder(target, tensors, advance, text=kind == "text", overwrite=overwrite)
    write([Lines([f"{counted(len(tensors), 'tensor')}, {size_text(total)}, written to {target}", *notes])])


def _storable_in_safetensors(tensor: _Tensor) -> Array:
    if not can_hold(tensor.info.dtype):
        raise InvalidArgumentError(
            f"safetensors files hold no {tensor.info.dtype}; leave {tensor.name} out, or export to npy"
        )
    return tensor.read()


def _npz_dtype(dtype: DType) -> np.dtype[Any] | None:
    """The plain dtype that holds every value of one that NumPy's own files do not have; None where they have it."""
    if dtype.numpy.hasobject or dtype.numpy.kind in "biufc":
        return None
    return np.dtype(np.float32 if dtype.is_floating else np.int8 if dtype.name.startswith("int") else np.uint8)


def _widened(tensor: _Tensor) -> Array:
    wide = _npz_dtype(tensor.info.dtype)
    return tensor.read() if wide is None else tensor.read().astype(wide)


def file_name(name: str) -> str:
    """A file's name for a tensor: no two tensors share one, none leaves its folder or hides; long ones are cut.

    What is not a letter, digit or one of ``_.-~`` stands as ``%XX``; so does a dot at the beginning.
    """
    quoted = quote(name.encode("utf-8", "surrogateescape"), safe="")
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    if len(quoted) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        quoted = f"{quoted[: _LONGEST - 20]}%%{digest}"  # no quoted name has two of these
    return quoted


def _export_folder(
    folder: str, tensors: Sequence[_Tensor], advance: Callable[[int], None], *, text: bool, overwrite: bool
) -> None:
    """A file for each tensor, and the list of them, in a folder that takes its place when it is complete."""
    held = files.list_dir(folder)
    if held and not overwrite:
        raise AlreadyExistsError(f"{folder} is not empty; give another place, or --force")
    if (held and MANIFEST not in held) or (files.exists(folder) and not files.is_dir(folder)):
        raise FailedPreconditionError(f"{folder} is no export, so none replaces it; remove it, or give another place")
    with new_folder(folder.rstrip("/")) as new:
        _write_folder(new, tensors, advance, text=text)


def _write_folder(folder: str, tensors: Sequence[_Tensor], advance: Callable[[int], None], *, text: bool) -> None:
    rows = []
    for tensor in tensors:
        file = file_name(tensor.name) + (".txt" if text else ".npy")
        with files.atomic_writer(files.join(folder, file), sync=False) as out:
            if text:
                out.write(_as_text(tensor.read()))
            else:
                array = storable(tensor.name, _as_bits(tensor.read()))
                write_npy(out, array)
        rows.append({"name": tensor.name, "file": file, "dtype": tensor.info.dtype.name, "shape": tensor.info.shape})
        advance(tensor.info.nbytes)
    files.write_bytes(files.join(folder, MANIFEST), json.dumps(rows, indent=1).encode() + b"\n")


def _as_bits(array: Array) -> Array:
    """An array of a dtype that NumPy's files do not have as unsigned integers of its size; the list tells its dtype."""
    if array.dtype.hasobject or array.dtype.kind in "biufcSU":
        return array
    return np.ascontiguousarray(array).view(np.dtype(f"u{array.dtype.itemsize}"))


def _as_text(array: Array) -> bytes:
    """A value a line, row-major, below a line with the shape; strings as JSON."""
    lines = ["# shape " + " ".join(map(str, array.shape))]
    for value in array.reshape(-1):
        if isinstance(value, bytes | str):
            text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
            lines.append(json.dumps(text))
        else:
            lines.append(str(value))
    return ("\n".join(lines) + "\n").encode()
