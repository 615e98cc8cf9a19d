"""Named arrays in files, whatever the format: checkpoints, ``.npz``, ``.safetensors``. Needs no graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from noria.errors import NotFoundError
from noria.formats import files
from noria.formats.bundle import index_path, write_bundle
from noria.formats.checkpoint import CheckpointReader, checkpoint_exists, open_checkpoint
from noria.formats.checkpoint_dir import STATE_FILE, latest_checkpoint
from noria.formats.npz import NpzFile
from noria.formats.safetensors import SafetensorsFile

_ENDINGS = (".index", ".meta", ".data-")  # of the files of a checkpoint


def load_checkpoint(path: files.PathLike) -> CheckpointReader:
    """The tensors of a checkpoint: a mapping of names to arrays, each read when it is asked for.

    path: the prefix that was saved (``train/model.ckpt-100``), its ``.index`` file, a folder with a ``checkpoint``
    file (its latest), or the folder of a SavedModel. Arrays are read-only views of the mapped file where that is
    local; their checksums are verified at the first read.

    Raises NotFoundError where there is no checkpoint, DataLossError where it is damaged.
    """
    return open_checkpoint(checkpoint_prefix(path))


def checkpoint_prefix(path: files.PathLike) -> str:
    """The prefix of the checkpoint that ``path`` stands for, as ``load_checkpoint`` takes it."""
    name = files.text(path)
    if files.exists(index_path(name)):
        return name
    for ending in _ENDINGS:
        prefix, found, _ = name.rpartition(ending)
        if found and checkpoint_exists(prefix):
            return prefix
    if files.exists(name) and not files.is_dir(name):
        return name  # V1, which is one file of this very name
    if files.is_dir(name):
        latest = latest_checkpoint(name)
        if latest is not None:
            return latest
        variables = files.join(name, "variables", "variables")
        if checkpoint_exists(variables):
            return variables
        raise NotFoundError(f"{name}: a folder without a {STATE_FILE!r} file that names a checkpoint that is there")
    return name


def save_checkpoint(prefix: files.PathLike, arrays: Mapping[str, npt.ArrayLike], *, sync: bool = True) -> None:
    """Write ``arrays`` as a checkpoint that TensorFlow reads: ``prefix.index`` and ``prefix.data-00000-of-00001``.

    arrays: name → array of any dtype that TensorFlow has; strings as object arrays of bytes or str. Each is asked for
    once, when it is written, and not copied, so a lazy mapping is never in memory whole. The files take their places
    when both are complete; sync: wait until they are on the disk.

    Raises InvalidArgumentError for dtypes that TensorFlow does not have, ResourceExhaustedError for a full disk.
    """
    write_bundle(prefix, arrays, sync=sync)


def open_weights(path: files.PathLike) -> Mapping[str, npt.NDArray[Any]]:
    """The arrays of a ``.npz`` or ``.safetensors`` file, by its ending, or else of the checkpoint at ``path``."""
    name = files.text(path)
    if name.endswith(".npz"):
        return NpzFile(name)
    if name.endswith(".safetensors"):
        return SafetensorsFile(name)
    return load_checkpoint(name)
