"""Initial values that depend on other variables: they use those variables' initial values until they are set."""

from __future__ import annotations

from typing import Any

from noria.v1.graph_keys import GraphKeys
from noria.v1.operation import Operation, Tensor

_KEEP = frozenset({"IsVariableInitialized", "VarIsInitializedOp", "ReadVariableOp", "If"})
_VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})


def safe_initial_value(scope: str, value: Tensor) -> Tensor:
    """``value`` computed from variables that need not be initialised yet.

    Operations on the way are copied, called after the original and ``scope``; a value in a loop stays as it is.
    """
    if _has_cycle(value.op):
        return value
    made: dict[Operation, Operation] = {}
    for op in _in_order(value.op):
        made[op] = _safe_op(scope, op, made)
    return made[value.op].outputs[value.value_index]


def _has_cycle(start: Operation) -> bool:
    """Whether ``start`` depends on itself or on a loop. Depth first, without recursion: graphs are deep."""
    done: set[Operation] = set()
    path: dict[Operation, Any] = {start: iter(_needs(start))}
    while path:
        op, rest = next(reversed(path.items()))
        following = next(rest, None)
        if following is None:
            done.add(op)
            path.pop(op)
        elif following in path:
            return True
        elif following not in done:
            path[following] = iter(_needs(following))
    return False


def _needs(op: Operation) -> list[Operation]:
    return [t.op for t in op.inputs] + op.control_inputs


def _in_order(start: Operation) -> list[Operation]:
    """The operations that ``start`` takes values from, each after its own inputs; nothing behind a variable."""
    found: dict[Operation, None] = {}
    stack = [(start, False)]
    while stack:
        op, ready = stack.pop()
        if op in found:
            continue
        if ready or op.type in _KEEP or op.type in _VARIABLES:
            found[op] = None
            continue
        stack.append((op, True))
        stack.extend((t.op, False) for t in reversed(op.inputs))
    return list(found)


def _safe_op(scope: str, op: Operation, made: dict[Operation, Operation]) -> Operation:
    if op.type in _KEEP:
        return op
    if op.type in _VARIABLES:
        value = _initialized_value(op)
        return op if value is None else value.op
    inputs = [made[t.op].outputs[t.value_index] for t in op.inputs]
    if inputs == op.inputs:
        return op
    kind = "Switch" if op.type == "RefSwitch" else op.type
    name = f"{op.name}_{scope}".replace(":", "_")
    return op.graph.create_op(kind, inputs, name=name, attrs=dict(op.node_def.attr))


def _initialized_value(op: Operation) -> Tensor | None:
    names = (op.name, f"{op.name}:0")
    for key in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES):
        for variable in op.graph.get_collection(key):
            if getattr(variable, "name", None) in names and hasattr(variable, "initialized_value"):
                value: Tensor = variable.initialized_value()
                return value
    return None
