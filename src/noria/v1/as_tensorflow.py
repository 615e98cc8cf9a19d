"""Lets ``import tensorflow`` and its modules mean ``noria.v1``, for programs that run unchanged under ``noria exec``.

``tensorflow`` and ``tensorflow.compat.v1`` are ``noria.v1`` itself, its namespaces are modules, and the modules of
``tensorflow.python`` and ``tensorflow.core`` that programs use (``private_modules``) show what is public elsewhere.
``tensorflow_serving.apis`` is there for clients of a server. A TensorFlow that is installed is not looked at.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from noria.protos import error_codes, tensorflow
from noria.v1 import api_names, exports, serving_modules
from noria.v1.private_modules import MESSAGES, OWN, PLACES, RENAMED

_TOP = "tensorflow"
_SERVING = "tensorflow_serving"


def install() -> None:
    """From now on, imports of ``tensorflow`` and what is below it give ``noria.v1``."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        importlib.import_module(exports.ROOT)
        _forget()
        sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Undoes ``install``; a TensorFlow that was imported before it is imported anew."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    _forget()
    face = vars(sys.modules[exports.ROOT])
    for name in [name for name, value in face.items() if isinstance(value, _Private)]:
        del face[name]


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in (_TOP, _SERVING)]:
        del sys.modules[name]


class _Finder(MetaPathFinder):
    """Finds every module of TensorFlow, or says which there are."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, name = fullname.partition(".")
        if top not in (_TOP, _SERVING):
            return None
        if _standing_for(fullname) is None:  # with name=, `from a import b` would drop the message
            raise ModuleNotFoundError(_missing(name) if top == _TOP else f"Noria has no module {fullname}")
        return ModuleSpec(fullname, _Loader(), is_package=name not in OWN)


class _Loader(Loader):
    """Puts the module that stands for TensorFlow's in its place."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code that ``noria exec -m`` runs."""
        own = OWN.get(fullname.removeprefix(f"{_TOP}."))
        spec = None if own is None else importlib.util.find_spec(own)
        if spec is None or not isinstance(spec.loader, InspectLoader):
            raise ImportError(f"{fullname} is no program")
        return spec.loader.get_code(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        found = _standing_for(module.__name__)
        assert found is not None  # the finder asked before
        sys.modules[module.__name__] = found


class _Private(ModuleType):
    """A module or package inside TensorFlow; ``path`` is its name without ``tensorflow.``."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{_TOP}.{path}")
        self.__path__ = []
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _find(self._path, name)
        vars(self)[name] = value
        return value


class _Messages(ModuleType):
    """A generated module of messages, such as ``tensorflow.core.framework.graph_pb2``."""

    def __getattr__(self, name: str) -> Any:
        package = error_codes if self.__name__.endswith("error_codes_pb2") else tensorflow
        return getattr(package, name)


def _standing_for(fullname: str) -> ModuleType | None:
    top, _, name = fullname.partition(".")
    return _module(name) if top == _TOP else serving_modules.module(name)


def _module(name: str) -> ModuleType | None:
    """The module for ``tensorflow.name``; None where there is none."""
    if name in ("", "compat.v1"):
        return sys.modules[exports.ROOT]
    name = name.removeprefix("compat.v1.")
    if name in OWN:
        return importlib.import_module(OWN[name])
    if name in MESSAGES:
        return _Messages(f"{_TOP}.{name}")
    if name in PLACES or any(_has_below(name, names) for names in (PLACES, MESSAGES, OWN)):
        return _Private(name)
    if name.startswith("python.") and _has_below(name, exports.exported()):
        return _Private(name)
    try:
        found = exports.lookup(*_split(name))
    except AttributeError:
        return None
    there = isinstance(found, ModuleType) and (name in exports.exported() or bool(dir(found)))
    return found if there else None


def _split(name: str) -> tuple[str, str]:
    space, _, last = name.rpartition(".")
    return space, last


def _has_below(name: str, names: Any) -> bool:
    return any(other.startswith(f"{name}.") for other in names)


def _find(path: str, name: str) -> Any:
    """What TensorFlow's own module ``path`` calls ``name``, from where it is public."""
    table = exports.exported()
    full = f"{path}.{name}"
    wanted = [full, RENAMED.get(full, full)]
    wanted += [f"{space}.{name}" if space else name for space in PLACES.get(path, ())]
    for known in wanted:
        if known in table:
            return table[known]
    anywhere = [known for known in table if known.rpartition(".")[2] == name and not known.startswith("python.")]
    if path in PLACES and anywhere:
        return table[min(anywhere, key=lambda known: (known.count("."), len(known), known))]
    raise AttributeError(_missing(full))


def _missing(name: str) -> str:
    """What is said of a module that is not there: also of a name that is imported from a module."""
    package, last = _split(name)
    if package in PLACES:
        return f"Noria has no {_TOP}.{name}: none of the public names that are there is called so (docs/v1_api.md)"
    was = api_names.is_namespace(name.removeprefix("compat.v1."))
    text = f"{_TOP}.{name} is not there yet in Noria" if was else f"Noria has no module {_TOP}.{name}"
    there = sorted(_modules_in(package))
    near = difflib.get_close_matches(last, there, n=1)
    text += f"; nearest that is there: {near[0]}" if near else ""
    return f"{text}; {'.'.join(filter(None, (_TOP, package)))} has: {', '.join(there)}" if there else text


def _modules_in(package: str) -> set[str]:
    spaces = {other.rpartition(".")[0] for other in exports.exported()}
    start = f"{package}." if package else ""
    below = (other[len(start) :] for other in {*PLACES, *MESSAGES, *OWN, *spaces} if other.startswith(start))
    return {rest.partition(".")[0] for rest in below if rest}
