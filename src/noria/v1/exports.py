"""Under which public names of ``tf`` the functions, classes and values of ``noria.v1`` stand.

A module says so where it defines them:

    @export("math.add", "add")
    def add(x, y, name=None): ...

    constant("saved_model.tag_constants.SERVING", "serve")

Names are written without ``tf.``. One name is enough: TensorFlow's other names for the same thing (``api_names.tsv``)
follow by themselves, unless another object is exported under them. Namespaces (``tf.nn``, ``tf.saved_model.utils``) are
modules made on demand; a name that is not there raises an ``AttributeError`` that says whether TensorFlow 1.x has it
and which name nearest to it is there.

Modules of this package import from each other with ``from noria.v1.module import name``, never ``from noria.v1 import
module``: the attribute ``noria.v1.constant`` is the function ``tf.constant``, not the file ``constant.py``.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, TypeVar

from noria.v1 import api_names

_Object = TypeVar("_Object")

ROOT = __name__.rpartition(".")[0]  # noria.v1
_objects: dict[str, Any] = {}  # by full public name
_implied: set[str] = set()  # names that follow from an alias; an explicit export may replace them
_beside: dict[str, _Space] = {}  # namespaces whose import path a file of this package has, such as dtypes
_makers: dict[str, Callable[[str], Any]] = {}  # namespaces whose names are too many to list
_spaces: dict[str, str] = {"compat.v1": ""}  # another name of a namespace -> its name; '' is tf itself


def export(*names: str) -> Callable[[_Object], _Object]:
    """Decorator: the function or class stands under ``names`` (without ``tf.``) and TensorFlow's aliases of them.

    Raises ValueError for a name that another object already has.
    """

    def register(value: _Object) -> _Object:
        for name in names:
            constant(name, value)
        return value

    return register


def constant(name: str, value: object) -> None:
    """Lets ``value``, of any kind, stand under ``name`` (without ``tf.``) and TensorFlow's aliases of it."""
    if name in _objects and name not in _implied and _objects[name] is not value:
        raise ValueError(f"two objects are exported as tf.{name}: {_objects[name]!r} and {value!r}")
    _implied.discard(name)
    _put(name, value)
    for alias in api_names.group(name):
        if alias not in _objects:
            _implied.add(alias)
            _put(alias, value)


def namespace_alias(name: str, target: str) -> None:
    """Lets the namespace ``target`` also stand as ``name``: ``namespace_alias("app.flags", "flags")``."""
    _spaces[name] = target


def made_on_demand(space: str, make: Callable[[str], Any]) -> None:
    """Lets the namespace ``space`` hold what ``make(name)`` gives; it raises AttributeError for unknown names."""
    _makers[space] = make


def exported() -> dict[str, Any]:
    """Every public name that stands, with its object."""
    return dict(_objects)


def _put(name: str, value: object) -> None:
    _objects[name] = value
    space, _, last = name.rpartition(".")
    module = sys.modules.get(f"{ROOT}.{space}" if space else ROOT)
    if isinstance(module, _Space):  # it may hold what it answered before
        vars(module)[last] = value


def lookup(space: str, name: str) -> Any:
    """What ``name`` is in the namespace ``space`` ('' is tf itself): an exported object or a namespace.

    Raises AttributeError with a sentence on what there is instead.
    """
    full = f"{space}.{name}" if space else name
    if full in _objects:
        return _objects[full]
    if space in _makers and not name.startswith("__"):
        return _makers[space](name)
    if full in _spaces:
        target = _spaces[full]
        return namespace(target) if target else sys.modules[ROOT]
    if not name.startswith("__") and _is_namespace(full):
        return namespace(full)
    raise AttributeError(_missing(space, full))


def namespace(name: str) -> ModuleType:
    """The module that stands for the namespace ``name``, such as ``nn.rnn_cell``; ``noria.v1`` itself for ``""``."""
    if not name:
        return sys.modules[ROOT]
    path = f"{ROOT}.{name}"
    found = sys.modules.get(path)
    if not isinstance(found, _Space):
        found = _Space(path, f"tf.{name}")
        found.__path__ = []
        if path in sys.modules or _is_file(name):
            found = _beside.setdefault(name, found)
        else:
            sys.modules[path] = found  # so that `import noria.v1.nn` works
    return found


def names_in(space: str) -> list[str]:
    """The names in a namespace, sorted: exported objects and the namespaces that hold some."""
    start = f"{space}." if space else ""
    found = {full[len(start) :].partition(".")[0] for full in (*_objects, *_spaces) if full.startswith(start)}
    return sorted(found)


def open_face() -> None:
    """Makes the package ``noria.v1`` answer for ``tf`` itself; called once its modules are imported."""
    face = sys.modules[ROOT]
    face.__class__ = _Face
    for name in names_in(""):
        vars(face)[name] = lookup("", name)


class _Space(ModuleType):
    """A namespace: looks names up in the table when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        value = lookup(self.__name__.removeprefix(ROOT).lstrip("."), name)
        vars(self)[name] = value
        return value

    def __dir__(self) -> list[str]:
        return names_in(self.__name__.removeprefix(ROOT).lstrip("."))

    @property
    def __all__(self) -> list[str]:
        return dir(self)


class _Face(_Space):
    """The package itself: the import system may not hide a public name behind a file of the same name."""

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and value.__name__ == f"{ROOT}.{name}" and name in names_in(""):
            return
        super().__setattr__(name, value)


def _is_file(name: str) -> bool:
    if "." in name:
        return False
    return PathFinder.find_spec(f"{ROOT}.{name}", list(sys.modules[ROOT].__path__)) is not None


def _is_namespace(name: str) -> bool:
    start = f"{name}."
    return any(full.startswith(start) for full in _objects) or api_names.is_namespace(name)


def _missing(space: str, full: str) -> str:
    row = api_names.row(full)
    if row is None:
        text = f"TensorFlow 1.x has no tf.{full}, nor has noria.v1"
    else:
        kind = "a name of early releases" if row.kind.startswith("removed") else f"a {row.kind}"
        text = f"tf.{full} is not there yet in noria.v1 (TensorFlow 1.x has it, {kind})"
    near = next(_nearest(space, full), None)
    return f"{text}; nearest that is there: tf.{near}" if near else text


def _nearest(space: str, full: str) -> Iterator[str]:
    """Exported names like ``full``: by its last part in its namespace, by its last part anywhere, by the whole."""
    last = full.rpartition(".")[2].lower()
    here = {name.lower(): f"{space}.{name}" if space else name for name in names_in(space)}
    yield from (here[name] for name in difflib.get_close_matches(last, here, n=1, cutoff=0.7))
    anywhere = {name.rpartition(".")[2].lower(): name for name in _objects}
    yield from (anywhere[name] for name in difflib.get_close_matches(last, anywhere, n=1, cutoff=0.8))
    yield from difflib.get_close_matches(full, _objects, n=1, cutoff=0.6)


class _Public:
    """The public names, looked up when they are used: functions made of other public functions read as programs do."""

    def __getattr__(self, name: str) -> Any:
        return lookup("", name)


tf: Any = _Public()
