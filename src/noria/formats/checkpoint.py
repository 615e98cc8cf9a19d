"""Open a checkpoint by its prefix, whichever of the two formats it is in."""

from __future__ import annotations

from noria.errors import NotFoundError
from noria.formats import files
from noria.formats.bundle import BundleReader, index_path
from noria.formats.checkpoint_reader import CheckpointReader, Entry
from noria.formats.checkpoint_v1 import CheckpointV1Reader, table_files

__all__ = ["CheckpointReader", "Entry", "checkpoint_exists", "open_checkpoint"]


def checkpoint_exists(prefix: files.PathLike) -> bool:
    """Whether there is a checkpoint of either format at ``prefix``."""
    return files.exists(index_path(prefix)) or bool(table_files(prefix))


def open_checkpoint(prefix: files.PathLike) -> CheckpointReader:
    """The tensors of the checkpoint at ``prefix`` (``model.ckpt-100``, ``variables/variables``): a mapping.

    Raises NotFoundError when there is neither ``prefix.index`` nor a V1 file, DataLossError when it is damaged.
    """
    if files.exists(index_path(prefix)):
        return BundleReader(prefix)
    if table_files(prefix):
        return CheckpointV1Reader(prefix)
    folder, name = files.split(prefix)
    there = sorted({n.removesuffix(".index") for n in files.list_dir(folder) if n.endswith(".index")})
    hint = f"; the folder holds {', '.join(there[:5])}" if there else ""
    raise NotFoundError(f"{files.text(prefix)}: no checkpoint: neither {name}.index nor a V1 file of this name{hint}")
