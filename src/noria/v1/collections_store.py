"""Collections of a graph: lists of things under a name, some of which travel in a MetaGraph."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


class Collections:
    """The part of ``tf.Graph`` that keeps collections."""

    def __init__(self) -> None:
        self._collections: dict[str, list[Any]] = {}

    @property
    def collections(self) -> list[str]:
        """The names of all collections."""
        return list(self._collections)

    def add_to_collection(self, name: str, value: Any) -> None:
        """Appends ``value`` to the collection ``name``."""
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names: Iterable[str] | str, value: Any) -> None:
        """Appends ``value`` to each of the collections, once each."""
        for name in dict.fromkeys((names,) if isinstance(names, str) else names):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name: str) -> list[Any]:
        """The collection itself: changes to the list are changes to the graph."""
        return self._collections.setdefault(name, [])

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """A copy of the collection; with ``scope`` only the items whose ``name`` that pattern matches at its start."""
        found = self._collections.get(name, [])
        if scope is None:
            return list(found)
        pattern = re.compile(scope)
        return [item for item in found if hasattr(item, "name") and pattern.match(item.name)]

    def get_all_collection_keys(self) -> list[str]:
        """The names of all collections that are strings."""
        return [name for name in self._collections if isinstance(name, str)]

    def clear_collection(self, name: str) -> None:
        self._collections.pop(name, None)
