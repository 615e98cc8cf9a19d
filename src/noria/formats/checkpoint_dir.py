"""The ``checkpoint`` file of a training folder: a CheckpointState in text form.

    model_checkpoint_path: "model.ckpt-200"            the latest
    all_model_checkpoint_paths: "model.ckpt-100"       those kept, oldest first, the latest included
    all_model_checkpoint_paths: "model.ckpt-200"
    all_model_checkpoint_timestamps: 1700000000.5      seconds since 1970, one for each of them, or none
    last_preserved_timestamp: 1700000000.5

Paths are relative to the folder, or absolute. ``write_state`` writes relative ones, so that the folder can be moved;
``update_checkpoint_state`` keeps TensorFlow's rule, and its bytes.

Files of a checkpoint: PREFIX.index and PREFIX.data-SSSSS-of-NNNNN (V2), or PREFIX or PREFIX-SSSSS-of-NNNNN (V1), and
PREFIX.meta, the MetaGraph, where PREFIX is without the ``-SSSSS-of-NNNNN`` of V1.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from noria.errors import FailedPreconditionError, InvalidArgumentError, TFError
from noria.formats import files
from noria.formats.bundle import index_path
from noria.formats.checkpoint import checkpoint_exists
from noria.formats.checkpoint_v1 import table_files
from noria.formats.proto_file import parse_text, to_text
from noria.protos.tensorflow import CheckpointState

STATE_FILE: Final = "checkpoint"
V1: Final = 1  # SaverDef.CheckpointFormatVersion
V2: Final = 2

_LOG = logging.getLogger(__name__)
_SHARD_SUFFIX: Final = re.compile(r"-[\d?]+-of-\d+$")


@dataclass(frozen=True, slots=True)
class CheckpointDir:
    """The checkpoints of a folder: prefixes with the folder in front, timestamps in seconds since 1970 (or empty)."""

    latest: str
    all: tuple[str, ...] = ()
    timestamps: tuple[float, ...] = ()
    last_preserved_timestamp: float = 0.0


def read_state(folder: files.PathLike, *, file_name: str = STATE_FILE) -> CheckpointDir | None:
    """What the state file of ``folder`` says; None when there is none. Raises DataLossError when it does not parse."""
    path = files.join(folder, file_name)
    if not files.exists(path):
        return None
    state = parse_text(CheckpointState, files.read_bytes(path), path)
    return CheckpointDir(
        _absolute(folder, state.model_checkpoint_path),
        tuple(_absolute(folder, p) for p in state.all_model_checkpoint_paths),
        tuple(state.all_model_checkpoint_timestamps),
        state.last_preserved_timestamp,
    )


def write_state(
    folder: files.PathLike,
    latest: str,
    all_paths: Sequence[str] = (),
    *,
    timestamps: Sequence[float] = (),
    last_preserved_timestamp: float = 0.0,
    file_name: str = STATE_FILE,
) -> None:
    """Write the state file of ``folder``; ``latest`` is added to ``all_paths`` where it is missing.

    Raises InvalidArgumentError when there are timestamps and not one for each path.
    """
    paths = list(all_paths)
    if latest not in paths:
        paths.append(latest)
    if timestamps and len(timestamps) != len(paths):
        raise InvalidArgumentError(f"{len(timestamps)} timestamps for {len(paths)} checkpoints; give one for each")
    state = CheckpointState(
        model_checkpoint_path=_relative(folder, latest),
        all_model_checkpoint_paths=[_relative(folder, p) for p in paths],
        all_model_checkpoint_timestamps=timestamps,
    )
    if last_preserved_timestamp:
        state.last_preserved_timestamp = last_preserved_timestamp
    files.write_bytes(files.join(folder, file_name), to_text(state).encode())


def latest_checkpoint(folder: files.PathLike, *, file_name: str = STATE_FILE) -> str | None:
    """The prefix of the newest checkpoint of ``folder``, or None when there is none on disk.

    Where the state file names an absolute path that is gone, the checkpoint of that name in ``folder`` is taken: the
    folder was moved.
    """
    state = read_state(folder, file_name=file_name)
    if state is None or not state.latest:
        return None
    moved = files.join(folder, files.split(state.latest)[1])
    return next((prefix for prefix in (state.latest, moved) if checkpoint_exists(prefix)), None)


def generate_checkpoint_state(
    save_dir: files.PathLike,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> CheckpointState:
    """The state that names these checkpoints, by TensorFlow's rules.

    Where ``save_dir`` is relative, relative paths are rewritten to be relative to it; other paths stay. The latest is
    added at the end of all where it is not last there. Raises InvalidArgumentError when there are timestamps and not
    one for each path.
    """
    paths = list(all_model_checkpoint_paths or ())
    if not paths or paths[-1] != model_checkpoint_path:
        paths.append(model_checkpoint_path)
    stamps = list(all_model_checkpoint_timestamps or ())
    if stamps and len(stamps) != len(paths):
        raise InvalidArgumentError(
            "Checkpoint timestamps, if provided, must match checkpoint paths "
            f"(got paths {paths} and timestamps {stamps})"
        )
    folder = files.text(save_dir)
    latest = model_checkpoint_path
    if not _is_absolute(folder):
        latest, *paths = (p if _is_absolute(p) else os.path.relpath(p, folder) for p in (latest, *paths))
    state = CheckpointState(
        model_checkpoint_path=latest, all_model_checkpoint_paths=paths, all_model_checkpoint_timestamps=stamps
    )
    if last_preserved_timestamp is not None:
        state.last_preserved_timestamp = last_preserved_timestamp
    return state


def update_checkpoint_state(
    save_dir: files.PathLike,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    latest_filename: str | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
    *,
    save_relative_paths: bool = False,
) -> None:
    """Write the state file of ``save_dir``; the bytes are those of TensorFlow's function of this name.

    save_relative_paths: rewrite absolute paths to be relative to ``save_dir``, as ``tf.train.Saver`` does on request.
    The file takes its place whole; the call does not wait for the disk.

    Raises InvalidArgumentError as generate_checkpoint_state does, FailedPreconditionError (a RuntimeError) when the
    checkpoint's path is the state file's own.
    """
    latest, paths = model_checkpoint_path, list(all_model_checkpoint_paths or ())
    if save_relative_paths:
        folder = files.text(save_dir)
        latest, *paths = (os.path.relpath(p, folder) if os.path.isabs(p) else p for p in (latest, *paths))
    state = generate_checkpoint_state(
        save_dir, latest, paths, all_model_checkpoint_timestamps, last_preserved_timestamp
    )
    path = files.join(save_dir, latest_filename or STATE_FILE)
    if path == state.model_checkpoint_path:
        raise FailedPreconditionError(
            f"Save path '{model_checkpoint_path}' conflicts with path used for checkpoint state.  "
            "Please use a different save path."
        )
    with files.atomic_writer(path, sync=False) as file:
        file.write(to_text(state).encode())


def get_checkpoint_state(checkpoint_dir: files.PathLike, latest_filename: str | None = None) -> CheckpointState | None:
    """The state file's message with the folder in front of relative paths; None, and a warning, where it is damaged.

    Raises InvalidArgumentError when it names no latest checkpoint.
    """
    path = files.join(checkpoint_dir, latest_filename or STATE_FILE)
    if not files.exists(path):
        return None
    try:
        state = parse_text(CheckpointState, files.read_bytes(path), path)
    except TFError as error:
        _LOG.warning("%s: Checkpoint ignored", error)
        return None
    if not state.model_checkpoint_path:
        raise InvalidArgumentError(f"Invalid checkpoint state loaded from {files.text(checkpoint_dir)}")
    state.model_checkpoint_path = _absolute(checkpoint_dir, state.model_checkpoint_path)
    for i, each in enumerate(state.all_model_checkpoint_paths):
        state.all_model_checkpoint_paths[i] = _absolute(checkpoint_dir, each)
    return state


def checkpoint_mtimes(prefixes: Iterable[str]) -> list[float]:
    """When the checkpoints at ``prefixes`` were written, in seconds since 1970; missing ones are left out."""
    found = []
    for prefix in prefixes:
        names = [index_path(prefix)] if files.exists(index_path(prefix)) else table_files(prefix)
        if names:
            found.append(files.modified(names[0]))
    return found


def meta_graph_path(prefix: str, suffix: str = "meta") -> str:
    """The file of the MetaGraph that was written with the checkpoint ``prefix``."""
    return f"{_SHARD_SUFFIX.sub('', prefix)}.{suffix}"


def remove_checkpoint(prefix: files.PathLike, version: int = V2, meta_graph_suffix: str = "meta") -> None:
    """Remove the files of the checkpoint ``prefix`` and its MetaGraph; what is not there is passed over.

    version: V1 (the file, or the files of a sharded one) or V2 (index first, so that what is half removed is no
    checkpoint). Nothing but these files is touched, whatever characters stand in ``prefix``.
    """
    name = files.text(prefix)
    files.remove(meta_graph_path(name, meta_graph_suffix))
    if version == V1:
        for path in table_files(name):
            files.remove(path)
        return
    files.remove(index_path(name))
    folder, last = files.split(name)
    shard = re.compile(re.escape(last) + r"\.data-.{5}-of-.{5}", re.DOTALL)
    for found in files.list_dir(folder):
        if shard.fullmatch(found):
            files.remove(files.join(folder, found))


def _is_absolute(path: str) -> bool:
    return os.path.isabs(path) or files.is_url(path)


def _absolute(folder: files.PathLike, path: str) -> str:
    return path if not path or _is_absolute(path) else files.join(folder, path)


def _relative(folder: files.PathLike, path: str) -> str:
    start = files.text(folder).rstrip("/") + "/"
    return path.removeprefix(start)
