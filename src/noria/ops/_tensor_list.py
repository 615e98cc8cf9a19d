"""TensorList: a list of tensors as a value that nobody changes, at the cost of one that is changed in place.

A new version takes over the storage of the version it was made from, which remembers only how to get back: in a loop
that writes element after element, no element is ever copied. Only who still looks at an old version pays for a copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from noria import shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.shapes import Shape


class TensorList:
    """A list of tensors of one dtype; an element that was never set is None.

    shape: what all elements have in common. One list belongs to one run of a program, hence to one thread.
    """

    __slots__ = ("_back", "_items", "_newer", "dtype", "shape")

    def __init__(self, dtype: DType, shape: Shape, items: list[Any]) -> None:
        self.dtype = dtype
        self.shape = shape
        self._items: list[Any] | None = items
        self._newer: TensorList | None = None  # the version that took over the storage
        self._back: tuple[int, Any] = (0, None)  # the element that it replaced (by number) or popped (number: length)

    @property
    def items(self) -> list[Any]:
        """The elements, to be read only."""
        found = self._items
        if found is None:
            found = self._items = self._restored()
            self._newer, self._back = None, (0, None)
        return found

    def _restored(self) -> list[Any]:
        """A copy of the elements, from a newer version and the changes since."""
        changes: list[tuple[int, Any]] = []
        version: TensorList = self
        while version._newer is not None:
            changes.append(version._back)
            version = version._newer
        assert version._items is not None
        items = list(version._items)
        for index, old in reversed(changes):
            if index == len(items):
                items.append(old)
            elif old is _APPENDED:
                items.pop()
            else:
                items[index] = old
        return items

    def _next(self, back: tuple[int, Any]) -> TensorList:
        newer = TensorList(self.dtype, self.shape, self.items)
        self._items, self._newer, self._back = None, newer, back
        return newer

    def with_item(self, index: int, item: Any) -> TensorList:
        """The list with element ``index`` replaced."""
        items = self.items
        newer = self._next((index, items[index]))
        items[index] = item
        return newer

    def pushed(self, item: Any) -> TensorList:
        """The list with one more element."""
        items = self.items
        newer = self._next((len(items), _APPENDED))
        items.append(item)
        return newer

    def popped(self) -> TensorList:
        """The list without its last element."""
        items = self.items
        last = items.pop()
        return self._next((len(items), last))

    def copy(self, items: Iterable[Any]) -> TensorList:
        """A list of the same kind with other elements."""
        return TensorList(self.dtype, self.shape, list(items))

    def wanted(self, given: Array) -> Shape:
        """What is known of the elements' shape when an op asks for ``given`` (a shape tensor)."""
        asked = partial_shape(given)
        if not shapes.compatible(asked, self.shape):
            raise InvalidArgumentError(
                f"Incompatible shapes during merge: {shapes.text(asked)} vs. {shapes.text(self.shape)} "
                "(the element_shape asked for, and that of the list)"
            )
        return shapes.merge(asked, self.shape)

    def merged(self, shape: Shape, items: Iterable[Any]) -> Shape:
        """``shape`` narrowed by the elements of ``items`` that are set."""
        if shapes.is_static(self.shape):
            return shape
        for item in items:
            if item is not None:
                found = np.shape(item)
                if not shapes.compatible(shape, found):
                    raise InvalidArgumentError(
                        f"Incompatible shapes during merge: {shapes.text(shape)} vs. {shapes.text(found)} "
                        "(elements of one list)"
                    )
                shape = shapes.merge(shape, found)
        return shape

    def check_dtype(self, dtype: DType) -> None:
        if dtype is not self.dtype:
            raise InvalidArgumentError(
                f"Invalid data types; op elements {dtype.core_name} but list elements {self.dtype.core_name}"
            )

    def __repr__(self) -> str:
        return f"<TensorList of {len(self.items)} {self.dtype}{shapes.text(self.shape)}>"


_APPENDED = object()  # in place of an old element: there was none, the newer version has one more


def partial_shape(given: Array) -> Shape:
    """A shape tensor: the scalar -1 for an unknown rank, or a vector with -1 for unknown dimensions."""
    if given.ndim == 0:
        if int(given) == -1:
            return None
        raise InvalidArgumentError("The only valid scalar shape tensor is the fully unknown shape specified as -1.")
    if given.ndim > 1:
        raise InvalidArgumentError(f"element_shape must be at most rank 1 but has shape {shapes.text(given.shape)}")
    return tuple(None if d == -1 else int(d) for d in given)


def zeros(dtype: DType, shape: tuple[int, ...]) -> Any:
    """What an element that was never set reads as."""
    if dtype.name == "string":
        return np.full(shape, b"", object)
    if dtype.name == "variant":
        return np.full(shape, None, object) if shape else None
    return np.zeros(shape, dtype.numpy)


def stacked(items: list[Any], dtype: DType, shape: tuple[int, ...]) -> Array:
    """The elements, all of ``shape`` or unset, as one array with a new first axis."""
    out = np.empty((len(items), *shape), dtype.numpy)
    for i, item in enumerate(items):
        out[i] = zeros(dtype, shape) if item is None else item
    return out


def concatenated(items: list[Array], dtype: DType, rest: tuple[int, ...]) -> Array:
    """The elements along their first axis; ``rest`` is the shape of a row."""
    return np.concatenate(items, axis=0) if items else np.empty((0, *rest), dtype.numpy)


def added(a: TensorList, b: TensorList) -> TensorList:
    """The sums of the elements; one that was never set counts as zero."""
    a.check_dtype(b.dtype)
    if len(a.items) != len(b.items):
        raise InvalidArgumentError(
            "Trying to add two lists of tensors with different lengths. One is "
            f"{len(a.items)} and the other is {len(b.items)}"
        )
    items: list[Any] = []
    for x, y in zip(a.items, b.items, strict=True):
        if x is None or y is None:
            items.append(y if x is None else x)
        else:
            items.append(added(x, y) if isinstance(x, TensorList) else np.add(x, y))
    return TensorList(a.dtype, shapes.merge(a.shape, b.shape), items)
