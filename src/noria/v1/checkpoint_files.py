"""Checkpoints on disk, without a graph: which there are, the newest, what one holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from noria.dtypes import runtime_name
from noria.errors import NotFoundError
from noria.formats import checkpoint_dir, files
from noria.formats.checkpoint import checkpoint_exists, open_checkpoint
from noria.graph.graph import Array
from noria.v1.dtypes import DType, from_core
from noria.v1.exports import export
from noria.v1.tf_logging import info

export("train.get_checkpoint_state")(checkpoint_dir.get_checkpoint_state)
export("train.generate_checkpoint_state_proto")(checkpoint_dir.generate_checkpoint_state)
export("train.checkpoint_exists")(checkpoint_exists)


@export("train.update_checkpoint_state")
def update_checkpoint_state(
    save_dir: str,
    model_checkpoint_path: str,
    all_model_checkpoint_paths: list[str] | None = None,
    latest_filename: str | None = None,
    all_model_checkpoint_timestamps: list[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> None:
    """Writes the ``checkpoint`` file of ``save_dir``: which checkpoints there are and which is the newest."""
    checkpoint_dir.update_checkpoint_state(
        save_dir, model_checkpoint_path, all_model_checkpoint_paths, latest_filename, all_model_checkpoint_timestamps,
        last_preserved_timestamp,
    )  # fmt: skip


@export("train.latest_checkpoint", "latest_checkpoint")
def latest_checkpoint(checkpoint_dir_: Any, latest_filename: str | None = None) -> str | None:
    """The prefix of the newest checkpoint of a folder; None where there is none."""
    state = checkpoint_dir.get_checkpoint_state(checkpoint_dir_, latest_filename)
    if state is None or not state.model_checkpoint_path:
        return None
    return checkpoint_dir.latest_checkpoint(checkpoint_dir_, file_name=latest_filename or checkpoint_dir.STATE_FILE)


@export("train.get_checkpoint_mtimes")
def get_checkpoint_mtimes(checkpoint_prefixes: Iterable[str]) -> list[float]:
    """When the checkpoints were written, in seconds since 1970; those that are not there are left out."""
    return checkpoint_dir.checkpoint_mtimes(checkpoint_prefixes)


@export("train.remove_checkpoint")
def remove_checkpoint(
    checkpoint_prefix: str, checkpoint_format_version: int = checkpoint_dir.V2, meta_graph_suffix: str = "meta"
) -> None:
    """Removes the files of one checkpoint, and its MetaGraph."""
    checkpoint_dir.remove_checkpoint(checkpoint_prefix, checkpoint_format_version, meta_graph_suffix)


@export("train.NewCheckpointReader")
class NewCheckpointReader:
    """What one checkpoint holds: names, shapes, dtypes and values. Raises NotFoundError when there is none."""

    def __init__(self, filepattern: Any) -> None:
        self._reader = open_checkpoint(filepattern.decode() if isinstance(filepattern, bytes) else filepattern)

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shapes of all tensors by name."""
        return {name: list(self._reader.entry(name).shape) for name in self._reader if name}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """The dtypes of all tensors by name."""
        return {name: from_core(self._reader.entry(name).dtype) for name in self._reader if name}

    def has_tensor(self, tensor_str: str) -> bool:
        """Whether there is a tensor of this name."""
        return tensor_str in self._reader

    def get_tensor(self, tensor_str: str) -> Any:
        """The value of a tensor: an array of its own, or bytes for one string. NotFoundError for a wrong name."""
        if tensor_str not in self._reader:
            try:
                self._reader.entry(tensor_str)
            except NotFoundError as error:
                raise NotFoundError(f"Key {tensor_str} not found in checkpoint: {error.message}") from None
        array: Array = np.array(self._reader[tensor_str])
        return array.item() if array.ndim == 0 and array.dtype.hasobject else array

    def debug_string(self) -> bytes:
        """One line a tensor: name, dtype, shape."""
        rows = []
        for name in sorted(self._reader):
            entry = self._reader.entry(name)
            rows.append(f"{name} (DT_{runtime_name(entry.dtype).upper()}) [{','.join(map(str, entry.shape))}]\n")
        return "".join(rows).encode()


CheckpointReader = NewCheckpointReader


def path_of(ckpt_dir_or_file: Any) -> str:
    """The prefix of a checkpoint: what is given, or the newest of a folder."""
    path = files.text(ckpt_dir_or_file.decode() if isinstance(ckpt_dir_or_file, bytes) else ckpt_dir_or_file)
    if not files.is_dir(path):
        return path
    found = latest_checkpoint(path)
    if found is None:
        raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
    return found


@export("train.load_checkpoint", "contrib.framework.load_checkpoint")
def load_checkpoint(ckpt_dir_or_file: Any) -> NewCheckpointReader:
    """A reader of a checkpoint, or of the newest in a folder; ValueError where a folder has none."""
    return NewCheckpointReader(path_of(ckpt_dir_or_file))


@export("train.load_variable")
def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """The value of one variable in a checkpoint."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


@export("train.list_variables", "contrib.framework.python.framework.checkpoint_utils.list_variables")
def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """The names and shapes of all variables in a checkpoint, sorted."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


@export("contrib.training.wait_for_new_checkpoint", "contrib.slim.evaluation.wait_for_new_checkpoint")
def wait_for_new_checkpoint(
    checkpoint_dir_: Any, last_checkpoint: str | None = None, seconds_to_sleep: float = 1, timeout: float | None = None
) -> str | None:
    """The newest checkpoint of a folder once it is another than ``last_checkpoint``; None after ``timeout`` seconds."""
    info("Waiting for new checkpoint at %s", checkpoint_dir_)
    end = None if timeout is None else time.time() + timeout
    while True:
        found = latest_checkpoint(checkpoint_dir_)
        if found is not None and found != last_checkpoint:
            info("Found new checkpoint at %s", found)
            return found
        if end is not None and time.time() + seconds_to_sleep > end:
            return None
        time.sleep(seconds_to_sleep)


@export(
    "train.checkpoints_iterator",
    "contrib.training.checkpoints_iterator",
    "contrib.slim.evaluation.checkpoints_iterator",
)
def checkpoints_iterator(
    checkpoint_dir: Any,
    min_interval_secs: float = 0,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """Each new checkpoint of a folder as it appears.

    min_interval_secs: time between two of them at least; timeout: seconds to wait for one, after which ``timeout_fn``
    says whether to end.
    """
    path: str | None = None
    while True:
        found = wait_for_new_checkpoint(checkpoint_dir, path, timeout=timeout)
        if found is not None:
            start = time.time()
            path = found
            yield path
            time.sleep(max(0.0, start + min_interval_secs - time.time()))
        elif timeout_fn is None:
            info("Timed-out waiting for a checkpoint (without timeout_fn).")
            return
        if timeout_fn is not None and timeout_fn():
            info("Done. No new checkpoints will be generated.")
            return
