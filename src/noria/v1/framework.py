"""Scopes and collections of the default graph: ``tf.name_scope``, ``tf.device``, ``tf.get_collection`` …"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from noria.v1 import stacks
from noria.v1.apply_op import graph_of
from noria.v1.exports import constant, export
from noria.v1.graph import ControlBlock, get_default_graph
from noria.v1.operation import Tensor


@export("name_scope")
class name_scope:  # its public name
    """A block whose operations are called ``scope/...``; gives ``"scope/"``.

    name, or default_name where it is None; values: tensors of which the graph is taken. ``None`` for both is an error
    when there are values.
    """

    def __init__(self, name: str | None, default_name: str | None = None, values: Any = None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name for name_scope must be a string, got {type(name).__name__}")
        self._name = default_name if name is None else name
        self._values = values
        self._stack: list[AbstractContextManager[Any]] = []

    @property
    def name(self) -> str | None:
        return self._name

    def __enter__(self) -> str:
        if self._name is None and self._values is not None:
            raise ValueError("At least one of name and default_name must be defined.")
        graph = graph_of(self._values if self._values is not None else ())
        default = graph.as_default()
        scope = graph.name_scope(self._name)
        default.__enter__()
        try:
            found = scope.__enter__()
        except BaseException:
            default.__exit__(None, None, None)
            raise
        self._stack = [scope, default]
        return found

    def __exit__(self, *error: Any) -> None:
        for block in self._stack:
            block.__exit__(*error)


@export("op_scope")
def op_scope(values: Any, name: str | None, default_name: str | None = None) -> name_scope:
    """The old order of ``name_scope``'s arguments."""
    return name_scope(name, default_name, values)


@export("control_dependencies")
def control_dependencies(control_inputs: Iterable[Any] | None) -> ControlBlock:
    """Operations made in the block run after ``control_inputs``; None leaves all such blocks."""
    return get_default_graph().control_dependencies(None if control_inputs is None else list(control_inputs))


@export("device")
def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """Records a device on operations made in the block."""
    return get_default_graph().device(device_name_or_function)


@export("colocate_with")
def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
    """Operations made in the block are to share the device of ``op``."""
    return get_default_graph().colocate_with(op, ignore_existing)


@export("container")
def container(container_name: str) -> AbstractContextManager[str]:
    """Stateful operations made in the block keep their resources in this container."""
    return get_default_graph().container(container_name)


@export("init_scope")
def init_scope() -> ControlBlock:
    """Lifts operations out of control-flow and control-dependency blocks."""
    return get_default_graph().control_dependencies(None)


@export("add_to_collection")
def add_to_collection(name: str, value: Any) -> None:
    """Appends ``value`` to a collection of the default graph."""
    get_default_graph().add_to_collection(name, value)


@export("add_to_collections")
def add_to_collections(names: Any, value: Any) -> None:
    """Appends ``value`` to each of the collections ``names`` of the default graph."""
    get_default_graph().add_to_collections(names, value)


@export("get_collection")
def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the default graph; scope: a pattern that the items' names begin with."""
    return get_default_graph().get_collection(key, scope)


@export("get_collection_ref")
def get_collection_ref(key: str) -> list[Any]:
    """A collection of the default graph itself."""
    return get_default_graph().get_collection_ref(key)


@export("get_default_session")
def get_default_session() -> Any:
    """The innermost session entered by ``as_default`` in this thread, or None."""
    return stacks.sessions.top()


@export("executing_eagerly")
def executing_eagerly() -> bool:
    """False: programs of TensorFlow 1 build graphs."""
    return False


@export("disable_eager_execution", "disable_v2_behavior", "disable_v2_tensorshape", "disable_control_flow_v2",
        "disable_tensor_equality")  # fmt: skip
def already_so() -> None:
    """Does nothing: graphs are how Noria runs programs."""


@export("enable_eager_execution")
def enable_eager_execution(config: Any = None, device_policy: Any = None, execution_mode: Any = None) -> None:
    """RuntimeError: there is no eager execution here."""
    raise RuntimeError("noria.v1 runs graphs: eager execution is not available; build a graph and run it in a Session")


@export("is_tensor", "contrib.framework.is_tensor")
def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a Tensor, or something made of tensors (a variable, a SparseTensor)."""
    return isinstance(x, Tensor) or hasattr(x, "is_tensor_like")


@export("get_seed", "random.get_seed")
def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The graph's and the operation's seed for a random operation, from what the user set of them."""
    graph = get_default_graph()
    if graph.seed is not None:
        seeds = graph.seed, graph.next_op_seed() if op_seed is None else op_seed
    elif op_seed is not None:
        seeds = _DEFAULT_GRAPH_SEED, op_seed
    else:
        return None, None
    first, second = (int(s) % _MAX_SEED for s in seeds)
    return (0, _MAX_SEED) if (first, second) == (0, 0) else (first, second)


@export("set_random_seed")
def set_random_seed(seed: int) -> None:
    """Sets the graph's seed: random operations then follow from it and their place in the graph."""
    get_default_graph().seed = seed


_DEFAULT_GRAPH_SEED = 87654321
_MAX_SEED = 2**31 - 1

constant("newaxis", None)
