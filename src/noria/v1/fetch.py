"""What ``Session.run`` fetches: nested structures of tensors, operations and names, taken apart and put back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from noria.v1.graph import Graph
from noria.v1.operation import Operation, Tensor

Values = Sequence[Any]
Build = Callable[[Values], Any]
# type → (value → its graph elements and how their values make one result; value, fed → pairs to feed)
Split = Callable[[Any], tuple[list[Any], Callable[[list[Any]], Any]]]
FeedPairs = Callable[[Any, Any], list[tuple[Any, Any]]]

_composites: list[tuple[type, Split, FeedPairs | None]] = []


def register_composite(kind: type, split: Split, feed_pairs: FeedPairs | None = None) -> None:
    """Lets values of ``kind`` (SparseTensor …) be fetched, and fed where ``feed_pairs`` is given."""
    _composites.insert(0, (kind, split, feed_pairs))


def register_session_run_conversion_functions(
    tensor_type: type, fetch_function: Any, feed_function: Any = None, feed_function_for_partial_run: Any = None
) -> None:
    """TensorFlow's way to teach ``run`` a new type."""
    register_composite(tensor_type, fetch_function, feed_function)


def expand_feed(key: Any, value: Any) -> list[tuple[Any, Any]]:
    """``key: value`` of a feed as pairs of a graph element and its value."""
    for kind, _, pairs in _composites:
        if isinstance(key, kind) and pairs is not None:
            return pairs(key, value)
    return [(key, value)]


class Fetches:
    """One structure of fetches: ``tensors`` and ``targets`` (operations) without repetition, and ``build``."""

    def __init__(self, graph: Graph, fetches: Any) -> None:
        self._graph = graph
        self.tensors: dict[Tensor, int] = {}
        self.targets: dict[Operation, None] = {}
        self.build: Build = self._builder(fetches)

    def _builder(self, fetch: Any) -> Build:
        if fetch is None:
            raise TypeError('Argument `fetch` = None has invalid type "NoneType". Cannot be None')
        if isinstance(fetch, list):
            return self._sequence(fetch, list)
        if isinstance(fetch, tuple) and hasattr(fetch, "_fields"):
            kind = type(fetch)
            return self._sequence(fetch, lambda values: kind(*values))
        if isinstance(fetch, tuple):
            return self._sequence(fetch, tuple)
        if isinstance(fetch, Mapping):
            return self._mapping(fetch)
        if hasattr(type(fetch), "__attrs_attrs__"):
            names = [a.name for a in type(fetch).__attrs_attrs__]
            made = type(fetch)
            return self._sequence([getattr(fetch, n) for n in names], lambda values: made(*values))
        for kind, split, _ in _composites:
            if isinstance(fetch, kind):
                elements, join = split(fetch)
                return self._sequence(elements, lambda values, join=join: join(list(values)))  # type: ignore[misc]
        return self._element(fetch)

    def _sequence(self, items: Any, make: Callable[[Any], Any]) -> Build:
        builders = [self._builder(item) for item in items]
        return lambda values: make([b(values) for b in builders])

    def _mapping(self, fetch: Mapping[Any, Any]) -> Build:
        keys = list(fetch)
        builders = [self._builder(fetch[k]) for k in keys]
        kind: Any = type(fetch)
        if isinstance(fetch, defaultdict):
            kind = partial(kind, fetch.default_factory)

        def build(values: Values) -> Any:
            return kind(zip(keys, [b(values) for b in builders], strict=True))

        return build

    def _element(self, fetch: Any) -> Build:
        try:
            element = self._graph.as_graph_element(fetch)
        except TypeError as error:
            raise TypeError(
                f'Argument `fetch` = {fetch} has invalid type "{type(fetch).__name__}" must be a string or Tensor. '
                f"({error})"
            ) from None
        except (ValueError, KeyError) as error:
            raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})") from None
        if not self._graph.is_fetchable(element):
            raise ValueError(f"Operation {element.name!r} has been marked as not fetchable.")
        if isinstance(element, Operation):
            self.targets[element] = None
            return _nothing
        index = self.tensors.setdefault(element, len(self.tensors))
        return lambda values: values[index]


def _nothing(values: Values) -> Any:
    return None
