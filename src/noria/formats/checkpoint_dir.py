"""The ``checkpoint`` file of a training folder: a CheckpointState in text form.

    model_checkpoint_path: "model.ckpt-200"            the latest
    all_model_checkpoint_paths: "model.ckpt-100"       those kept, oldest first, the latest included
    all_model_checkpoint_paths: "model.ckpt-200"
    all_model_checkpoint_timestamps: 1700000000.5      seconds since 1970, one for each of them, or none
    last_preserved_timestamp: 1700000000.5

Paths are relative to the folder, or absolute. Noria writes relative ones, so that the folder can be moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from noria.errors import InvalidArgumentError
from noria.formats import files
from noria.formats.checkpoint import checkpoint_exists
from noria.formats.proto_file import parse_text, to_text
from noria.protos.tensorflow import CheckpointState

STATE_FILE: Final = "checkpoint"


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


def _absolute(folder: files.PathLike, path: str) -> str:
    return path if not path or path.startswith("/") or files.is_url(path) else files.join(folder, path)


def _relative(folder: files.PathLike, path: str) -> str:
    start = files.text(folder).rstrip("/") + "/"
    return path.removeprefix(start)
