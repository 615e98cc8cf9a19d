"""Writing SavedModel folders; the layout stands in ``saved_model``.

A local model is written into a folder beside its own, synced, and renamed: at every moment the model's folder holds the
whole old model, the whole new one, or does not exist. On an object store, which cannot rename, ``saved_model.pb`` is
written last.

Like TensorFlow 1's builder it writes no ``fingerprint.pb``: that file is made from TensorFlow's own canonical form of
the graph, and loading does without it.
"""

from __future__ import annotations

import ctypes
import filecmp
import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import numpy.typing as npt

from noria.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
)
from noria.formats import files
from noria.formats.bundle import write_bundle
from noria.formats.proto_file import write_message
from noria.formats.saved_model import checked_name, is_saved_model
from noria.protos.tensorflow import MetaGraphDef, SavedModel

SCHEMA_VERSION: Final = 1  # of SavedModel.saved_model_schema_version
VARIABLES: Final = "variables/variables"
_CHUNK: Final = 1 << 24

Content: TypeAlias = bytes | files.PathLike  # of a file: its bytes, or the path to copy it from
Variables: TypeAlias = str | os.PathLike[str] | Mapping[str, npt.ArrayLike]


class AssetNames:
    """The names that asset files get under ``assets/``: TensorFlow's rule.

    An asset keeps its last path component. A second file of that name and the same content shares it (the first wins);
    one of other content becomes ``name_1``, the next ``name_2``.
    """

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def add(self, source: str) -> str:
        """The name for the file at ``source``, noted in ``files`` as what to copy. NotFoundError when it is absent."""
        name = files.split(source)[1]
        other = self.files.get(name)
        if other is None:
            if not files.exists(source):
                raise NotFoundError(f"asset {source!r}: no such file")
            self.files[name] = source
            return name
        if other == source or _same_content(source, other):
            return name
        found, k = name, 0
        while found in self.files:
            k += 1
            found = f"{name}_{k}"
        self.files[found] = source
        return found


def _same_content(a: str, b: str) -> bool:
    if files.is_url(a) or files.is_url(b):
        return files.read_bytes(a) == files.read_bytes(b)
    try:
        return filecmp.cmp(a, b, shallow=False)
    except OSError:
        return False


def saved_model(meta_graphs: Iterable[MetaGraphDef]) -> SavedModel:
    """A SavedModel message of ``meta_graphs``."""
    return SavedModel(saved_model_schema_version=SCHEMA_VERSION, meta_graphs=meta_graphs)


def asset_files(folder: str, assets: Mapping[str, str]) -> tuple[dict[str, Content], list[str]]:
    """The asset files of the SavedModel in ``folder``, to be written with another, and the names of those it lacks.

    assets: name of the asset tensor → path, as ``SavedModelDir.assets`` gives them. Raises InvalidArgumentError for a
    link that leads out of the folder.
    """
    inside = files.join(folder, "assets") + "/"
    found: dict[str, Content] = {}
    missing: list[str] = []
    for path in dict.fromkeys(assets.values()):
        if files.exists(path):
            found[path.removeprefix(inside)] = own_file(folder, path)
        else:
            missing.append(path.removeprefix(inside))
    return found, missing


def own_file(folder: str, path: str) -> str:
    """``path``, which lies in ``folder``, unless it is a link to a file outside it: then InvalidArgumentError.

    A model from elsewhere must not carry off a file of this machine.
    """
    if not files.is_url(path) and not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep):
        raise InvalidArgumentError(f"{path}: this file is a link to {os.path.realpath(path)}, outside the model")
    return path


def write_saved_model(
    path: files.PathLike,
    proto: SavedModel,
    *,
    variables: Variables | None = None,
    assets: Mapping[str, Content] | None = None,
    assets_extra: Mapping[str, Content] | None = None,
    as_text: bool = False,
    overwrite: bool = False,
) -> str:
    """Writes a SavedModel into the folder ``path`` and returns the path of its ``saved_model.pb`` (``.pbtxt``).

    variables: a mapping name → array, or the prefix of a checkpoint, whose files are copied.
    assets, assets_extra: name below the folder → bytes, or the path of the file to copy.
    Raises AlreadyExistsError when ``path`` holds anything and ``overwrite`` is not set, InvalidArgumentError for a name
    that leads out of its folder or a graph of 2 GiB, NotFoundError for a file to copy that is not there, and what
    ``check_replaceable`` does.
    """
    target = files.text(path).rstrip("/") or "/"
    if not overwrite and (files.list_dir(target) or (files.exists(target) and not files.is_dir(target))):
        raise AlreadyExistsError(f"{target}: there is something here already; give another path, or allow to overwrite")
    check_replaceable(target)
    name = "saved_model.pbtxt" if as_text else "saved_model.pb"
    with new_folder(target) as folder:
        if variables is not None:
            _write_variables(files.join(folder, VARIABLES), variables)
        for part, contents in (("assets", assets), ("assets.extra", assets_extra)):
            for file_name, content in (contents or {}).items():
                _write_file(files.join(folder, part, checked_name(file_name, target)), content)
        write_message(proto, files.join(folder, name), as_text=as_text)
    return files.join(target, name)


def check_replaceable(path: str) -> None:
    """FailedPreconditionError when what stands at ``path`` is neither a SavedModel nor an empty folder.

    A model takes the place of a whole folder: one mistyped path must not cost a folder of other files.
    """
    if files.is_url(path) or not files.exists(path) or is_saved_model(path):  # a URL's other files stay
        return
    if not files.is_dir(path):
        raise FailedPreconditionError(f"{path}: a file stands here, which no model replaces; remove it first")
    held = files.list_dir(path)
    if held:
        raise FailedPreconditionError(
            f"{path}: this folder holds {held[0]!r} but no saved_model.pb, so no model replaces it; remove it first"
        )


def _write_variables(prefix: str, variables: Variables) -> None:
    if isinstance(variables, Mapping):
        write_bundle(prefix, variables)
        return
    folder, name = files.split(variables)
    found = [n for n in files.list_dir(folder) if n == name or _is_part(n, name)]
    if not found:
        raise NotFoundError(f"{files.text(variables)}: no checkpoint with this prefix")
    for part in sorted(found, key=lambda n: n.endswith(".index")):  # the index last
        _write_file(prefix + part.removeprefix(name), files.join(folder, part))


def _is_part(file: str, prefix: str) -> bool:
    rest = file[len(prefix) :]  # a prefix may be empty: ``folder/.index``
    return file.startswith(prefix) and (rest == ".index" or rest.startswith(".data-"))


def _write_file(path: str, content: Content) -> None:
    with files.atomic_writer(path) as out:
        if isinstance(content, bytes):
            out.write(content)
        elif files.is_url(content):
            out.write(files.read_bytes(content))
        elif not os.path.isfile(content):
            raise NotFoundError(f"{files.text(content)}: no such file to copy")
        else:
            with open(content, "rb") as source:
                shutil.copyfileobj(source, out, _CHUNK)


@contextmanager
def new_folder(target: str) -> Iterator[str]:
    """A folder to write into that becomes ``target``, all of it, when the block ends well; else nothing is left of it.

    On an object store it is ``target`` itself.
    """
    if files.is_url(target):
        yield target
        return
    final = Path(target).absolute()
    beside = final.with_name(f".{final.name}.{os.getpid()}-{threading.get_ident()}.part")
    with files.explained(target):
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
    try:
        yield str(beside)
        files.sync_folder(str(beside))
        take_place(beside, final)
        files.sync_folder(str(final.parent))
    except ResourceExhaustedError as error:  # name the place that was asked for
        raise ResourceExhaustedError(str(error).replace(str(beside), target)) from error
    finally:
        if beside.exists():  # the block failed, or the old model stands here now
            shutil.rmtree(beside, ignore_errors=True)


def take_place(new: Path, final: Path) -> None:
    """Moves a file or folder to ``final`` in one step; what stood there is where ``new`` was, or gone."""
    if not final.exists() or new.is_file() or (final.is_dir() and not any(final.iterdir())):
        os.replace(new, final)
    elif not _exchange(new, final):
        old = final.with_name(new.name + ".old")
        os.replace(final, old)
        os.replace(new, final)
        shutil.rmtree(old, ignore_errors=True)


_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def _exchange(a: Path, b: Path) -> bool:
    """Lets two paths change places in one step, where the system can (renameat2 of Linux)."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, TypeError, AttributeError):
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE) == 0)
