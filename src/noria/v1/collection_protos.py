"""Which collections of a graph travel in a MetaGraph as messages, and how their items become messages and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from noria.protos.tensorflow import VariableDef
from noria.v1.exports import export
from noria.v1.graph_keys import GraphKeys
from noria.v1.variables import Variable


class CollectionProto(NamedTuple):
    """to_proto(item, export_scope=) gives the message or None; from_proto(message, import_scope=) the item."""

    message: Any
    to_proto: Callable[..., Any] | None
    from_proto: Callable[..., Any] | None


_registered: dict[str, CollectionProto] = {}


@export("register_proto_function")
def register_proto_function(
    collection_name: str,
    proto_type: Any = None,
    to_proto: Callable[..., Any] | None = None,
    from_proto: Callable[..., Any] | None = None,
) -> None:
    """Lets the items of a collection travel as messages of ``proto_type``.

    Raises TypeError for functions that cannot be called.
    """
    if to_proto is not None and not callable(to_proto):
        raise TypeError("to_proto must be callable.")
    if from_proto is not None and not callable(from_proto):
        raise TypeError("from_proto must be callable.")
    _registered[collection_name] = CollectionProto(proto_type, to_proto, from_proto)


def proto_functions(collection_name: str) -> CollectionProto | None:
    """How the items of a collection travel; None where they travel by name or as plain values."""
    return _registered.get(collection_name)


def _to_proto(variable: Variable, export_scope: str | None = None) -> Any:
    return variable.to_proto(export_scope=export_scope)


def _from_proto(proto: Any, import_scope: str | None = None) -> Variable:
    return Variable.from_proto(proto, import_scope=import_scope)


for _key in (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES, GraphKeys.MOVING_AVERAGE_VARIABLES,
    GraphKeys.LOCAL_VARIABLES, GraphKeys.MODEL_VARIABLES, GraphKeys.GLOBAL_STEP, GraphKeys.METRIC_VARIABLES,
):  # fmt: skip
    register_proto_function(_key, VariableDef, _to_proto, _from_proto)
