"""What a running model owns beside its graph: variables, lookup tables, and the files it may read.

Kernels reach resources by container and name. Creating is guarded by one lock, changing a variable by the variable's
own, so concurrent calls of a model see each update whole.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import numpy as np

from noria.dtypes import DType
from noria.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, PermissionDeniedError
from noria.shapes import Shape

R = TypeVar("R")

_ONE_SLOT: Final = 2  # what ``getrefcount`` says of an object that one attribute holds: that, and its own argument
_COUNTED: Final = not sysconfig.get_config_var("Py_GIL_DISABLED")  # without the lock of the interpreter counts lag


class Variable:
    """A variable: a current value behind a lock. Its array is read-only, and stays as it is while anyone holds it.

    So a reader keeps a consistent value without holding the lock. An update (``update``) makes a new array, or writes
    into the old one if the variable alone holds it: no reader, no view, no other variable.
    """

    __slots__ = ("_taken", "_value", "by_reference", "dtype", "lock", "name", "shape")

    def __init__(self, name: str, dtype: DType, shape: Shape, *, by_reference: bool = False) -> None:
        self.name = name
        self.by_reference = by_reference  # a ``VariableV2``: messages differ
        self.dtype = dtype
        self.shape = shape
        self.lock = threading.RLock()
        self._value: np.ndarray[Any, np.dtype[Any]] | None = None
        self._taken: np.ndarray[Any, np.dtype[Any]] | None = None  # the value at the start of an update, nowhere else

    @property
    def value(self) -> np.ndarray[Any, np.dtype[Any]] | None:
        """The value, None before the first assignment. During an update in place a reader waits for its end."""
        value = self._value
        if value is None:
            with self.lock:
                value = self._value
        return value

    def read(self) -> np.ndarray[Any, np.dtype[Any]]:
        """The value; FailedPreconditionError, in TensorFlow's words, before the first assignment."""
        value = self.value
        if value is None:
            text = (
                f"Attempting to use uninitialized value {self.name}"
                if self.by_reference
                else f"Could not find variable {self.name}. This could mean that the variable has been deleted. "
                "In TF1, it can also mean the variable is uninitialized."
            )
            raise FailedPreconditionError(f"{text}\nRestore a checkpoint or run its initializer first.")
        return value

    def assign(self, value: np.ndarray[Any, np.dtype[Any]] | None) -> None:
        """Replaces the value; None forgets it. The array is kept: the caller must not change it afterwards."""
        with self.lock:
            self._value = value

    def update(
        self,
        change: Callable[
            [np.ndarray[Any, np.dtype[Any]], np.ndarray[Any, np.dtype[Any]] | None], np.ndarray[Any, np.dtype[Any]]
        ],
    ) -> np.ndarray[Any, np.dtype[Any]]:
        """Replaces the value by ``change(value, room)`` as one step and returns the new one, read-only.

        room: None, or the value itself, writeable: ``change`` may write the new value there and return it. It must not
        fail after it began to write, nor read the variable.
        """
        with self.lock:
            if self._value is None and not self.by_reference:  # TensorFlow's class and words for this case
                raise NotFoundError(
                    f"Resource localhost/{self.name}/N10tensorflow3VarE does not exist.\n"
                    "Restore a checkpoint or run its initializer first."
                )
            if self._value is None:
                self.read()  # raises
            new = None
            try:
                self._taken, self._value = self._value, None  # nobody comes to hold it from here on
                alone = _COUNTED and sys.getrefcount(self._taken) == _ONE_SLOT
                old = self._taken
                assert old is not None
                if alone and old.flags.owndata and not old.dtype.hasobject:
                    old.flags.writeable = True
                    new = change(old, old)
                else:
                    self._value = old  # readers need not wait
                    new = change(old, None)
            finally:
                self._value = self._taken if new is None else new
                self._taken = None
                if self._value is not None:
                    self._value.flags.writeable = False
            return new


class Resources:
    """The named resources of one loaded model (or of one session).

    roots: the folders that a loaded model may read. What a model may do beyond its graph is asked here: a loaded or
    served one reads below its roots and nothing else; the user's own program (``unrestricted``) may do all.
    """

    def __init__(self, roots: Iterable[str] = ()) -> None:
        self._items: dict[tuple[str, str], Any] = {}
        self._lock = threading.RLock()
        self._roots = [_absolute(r) for r in roots]
        self._unrestricted = False
        self.py_functions: Mapping[str, Callable[..., Any]] = {}  # token → what PyFunc and its kin call

    @classmethod
    def unrestricted(cls, *, py_functions: Mapping[str, Callable[..., Any]] | None = None) -> Resources:
        """The resources of the user's own program: it reads and writes any file and calls Python.

        py_functions: kept as it is, so that functions registered later are found.
        """
        resources = cls()
        resources._unrestricted = True
        if py_functions is not None:
            resources.py_functions = py_functions
        return resources

    def get_or_create(self, container: str, name: str, kind: type[R], create: Callable[[], R]) -> R:
        """The resource called ``name``, made by ``create`` at first use.

        Raises InvalidArgumentError when that name already belongs to a resource of another kind.
        """
        key = (container, name)
        found = self._items.get(key)
        if found is None:
            with self._lock:
                found = self._items.get(key)
                if found is None:
                    found = self._items[key] = create()
        if not isinstance(found, kind):
            raise InvalidArgumentError(
                f"resource {name!r} is a {type(found).__name__}, but a {kind.__name__} of that name is asked for"
            )
        return found

    def find(self, container: str, name: str) -> Any:
        """The resource called ``name``, or None."""
        return self._items.get((container, name))

    def variables(self) -> list[Variable]:
        """All variables so far, in order of creation."""
        return self.of_kind(Variable)

    def of_kind(self, kind: type[R]) -> list[R]:
        """All resources of that class so far, in order of creation."""
        with self._lock:
            return [item for item in self._items.values() if isinstance(item, kind)]

    def check_path(self, path: str) -> str:
        """``path`` if the model may read it: it lies in its own directory; else PermissionDeniedError."""
        if self._unrestricted:
            return path
        wanted = _absolute(path)
        if any(wanted == root or wanted.startswith(root.rstrip("/") + "/") for root in self._roots):
            return path
        raise PermissionDeniedError(
            f"the model asks to read {path!r}, which is outside its own directory "
            f"({', '.join(self._roots) or 'it has none'}); a model reads its own variables and assets only"
        )

    def check_outside(self, path: str, what: str) -> str:
        """``path`` if the model may do to it what reaches beyond its own files; else PermissionDeniedError.

        what: the deed, for the message: ``write``, ``read``, ``list``.
        """
        if not self._unrestricted:
            raise PermissionDeniedError(
                f"the model asks to {what} {path!r}; a model that is loaded or served may not: it reads its own "
                "variables and assets only. A program of noria.v1 may"
            )
        return path

    def py_function(self, token: str) -> Callable[..., Any]:
        """The Python function that ``token`` stands for.

        Raises PermissionDeniedError in a loaded or served model, InvalidArgumentError for a token nobody registered.
        """
        if not self._unrestricted:
            raise PermissionDeniedError(
                f"the model asks to call the Python function {token!r}; a model that is loaded or served may not, and "
                "the function is not part of its files"
            )
        found = self.py_functions.get(token)
        if found is None:
            raise InvalidArgumentError(f"ValueError: Could not find callback with key={token} in the registry.")
        return found


def _absolute(path: str) -> str:
    """``path`` without ``.`` and ``..``; a local one from the root."""
    scheme, url, rest = path.partition("://")
    if url:
        return scheme + url + os.path.normpath("/" + rest).lstrip("/")
    return os.path.abspath(path)
