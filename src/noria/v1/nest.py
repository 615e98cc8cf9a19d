"""Nested structures: lists, tuples, named tuples, dicts (by sorted key) of tensors and of things made of tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


class Composite(ABC):
    """Something made of several tensors, such as a SparseTensor."""

    @abstractmethod
    def _components(self) -> list[Any]:
        """Its tensors, in a fixed order."""

    @abstractmethod
    def _with_components(self, components: Sequence[Any]) -> Any:
        """The same thing made of other tensors."""


def is_nested(value: Any) -> bool:
    """Whether ``value`` is a structure and not a leaf."""
    return isinstance(value, list | tuple | Mapping)


def _keys(value: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return list(value)


def _children(value: Any) -> list[Any]:
    return [value[k] for k in _keys(value)] if isinstance(value, Mapping) else list(value)


def flatten(value: Any, *, composites: bool = False) -> list[Any]:
    """The leaves of ``value`` in order; ``composites``: things made of tensors as their tensors."""
    if composites and isinstance(value, Composite):
        return value._components()
    if not is_nested(value):
        return [value]
    return [leaf for child in _children(value) for leaf in flatten(child, composites=composites)]


def pack_as(structure: Any, leaves: Sequence[Any], *, composites: bool = False) -> Any:
    """``leaves`` in the form of ``structure``; ValueError when their number does not fit."""
    rest = iter(leaves)
    try:
        packed = _pack(structure, rest, composites)
    except StopIteration:
        raise ValueError(f"{len(leaves)} values are too few for the structure {structure!r}") from None
    if next(rest, _END) is not _END:
        raise ValueError(f"{len(leaves)} values are too many for the structure {structure!r}")
    return packed


_END = object()


def _pack(structure: Any, rest: Iterator[Any], composites: bool) -> Any:
    if composites and isinstance(structure, Composite):
        return structure._with_components([next(rest) for _ in structure._components()])
    if not is_nested(structure):
        return next(rest)
    if isinstance(structure, Mapping):
        found = {k: _pack(structure[k], rest, composites) for k in _keys(structure)}
        return type(structure)((k, found[k]) for k in structure)  # type: ignore[call-arg]
    items = [_pack(child, rest, composites) for child in structure]
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*items)
    return tuple(items) if isinstance(structure, tuple) else items


def map_structure(function: Callable[..., Any], *structures: Any, composites: bool = False) -> Any:
    """``function`` of the leaves that stand at the same place of each structure, in the form of the first."""
    for other in structures[1:]:
        assert_same(structures[0], other, composites=composites)
    flat = [flatten(s, composites=composites) for s in structures]
    results = [function(*leaves) for leaves in zip(*flat, strict=True)]
    return pack_as(structures[0], results, composites=composites)


def assert_same(first: Any, second: Any, *, composites: bool = False) -> None:
    """ValueError when the structures differ in form, TypeError when in the types of their parts."""
    if composites and isinstance(first, Composite) and isinstance(second, Composite):
        if type(first) is not type(second):
            raise TypeError(f"{first!r} and {second!r} are made of different tensors")
        return
    if is_nested(first) != is_nested(second):
        raise ValueError(f"The two structures don't have the same nested structure: {first!r} and {second!r}")
    if not is_nested(first):
        return
    if isinstance(first, Mapping) != isinstance(second, Mapping):
        raise TypeError(f"The two structures don't have the same sequence type: {type(first)} and {type(second)}")
    if isinstance(first, Mapping) and set(first) != set(second):
        raise ValueError(f"The two dictionaries don't have the same set of keys: {list(first)} and {list(second)}")
    ours, theirs = _children(first), _children(second)
    if len(ours) != len(theirs):
        raise ValueError(
            f"The two structures don't have the same number of elements: {first!r} ({len(ours)}) and {second!r} "
            f"({len(theirs)})"
        )
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a, b, composites=composites)
