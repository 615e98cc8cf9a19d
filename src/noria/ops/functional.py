"""Control flow as functions: ``If``, ``Case`` and ``While`` run library functions that the compiler hands them.

A predicate is a boolean, or by TensorFlow's rule any tensor: a scalar is true unless it is zero or empty text, an
array of rank one or more is true unless it has no elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import shapes
from noria.dtypes import DType
from noria.graph import deadline
from noria.graph.graph import Array, FunctionRef, ShapeAttr
from noria.graph.rules import InferCall, Info, KernelCall, Out, infer, kernel
from noria.shapes import Shape

_MAX_ROUNDS = 8  # of inference over a loop's body; each loses dims or is the last, so this many are hardly ever needed


def is_true(value: Array) -> bool:
    """Whether a predicate holds."""
    if value.ndim:
        return value.size > 0
    return bool(value.item())


@infer("If", "StatelessIf")
def _if_infer(call: InferCall) -> Sequence[Out | Shape]:
    return _either(call, [call.function("then_branch"), call.function("else_branch")])


@infer("Case", "StatelessCase")
def _case_infer(call: InferCall) -> Sequence[Out | Shape]:
    return _either(call, call.attr("branches"))


def _either(call: InferCall, branches: Sequence[FunctionRef]) -> Sequence[Out | Shape]:
    """What holds of the results of every branch."""
    if call.bodies is None:
        return _declared(call)
    results = [call.bodies.infer(ref, call.inputs[1:]) for ref in branches]
    return [_union(infos) for infos in zip(*results, strict=True)]


def _union(infos: Sequence[Info]) -> Out:
    shape = infos[0].shape
    for info in infos[1:]:
        shape = shapes.union(shape, info.shape)
    dims = {info.known_dims for info in infos}
    return Out(shape, dims=dims.pop() if len(dims) == 1 else None)


def _declared(call: InferCall) -> list[Shape]:
    """The shapes that the node itself declares."""
    listed: list[ShapeAttr] = call.node.attrs.get("output_shapes", [])  # type: ignore[assignment]
    count = len(call.node.output_dtypes)
    return [s.dims for s in listed] if len(listed) == count else [None] * count


@kernel("If", "StatelessIf")
def _if(call: KernelCall, condition: Array, *values: Any) -> tuple[Any, ...]:
    return tuple(call.body("then_branch" if is_true(condition) else "else_branch")(values))


@kernel("Case", "StatelessCase")
def _case(call: KernelCall, index: Array, *values: Any) -> tuple[Any, ...]:
    """An index that no branch has runs the last one."""
    count, wanted = len(call.attr("branches")), int(index)
    return tuple(call.body("branches", wanted if 0 <= wanted < count else count - 1)(values))


@infer("While", "StatelessWhile")
def _while_infer(call: InferCall) -> Sequence[Out | Shape]:
    """Of each variable what holds before the first round and stays true in every one."""
    if call.bodies is None:
        return _declared(call)
    body = call.function("body")
    kept = call.bodies.unchanged(body)
    known = [Out(info.shape, dims=info.known_dims if i in kept else None) for i, info in enumerate(call.inputs)]
    for _ in range(_MAX_ROUNDS):
        given = [
            info if i in kept else Info(info.dtype, out.shape)
            for i, (info, out) in enumerate(zip(call.inputs, known, strict=True))
        ]
        results = call.bodies.infer(body, given)
        met = [
            out if i in kept else Out(shapes.union(out.shape, result.shape))
            for i, (out, result) in enumerate(zip(known, results, strict=True))
        ]
        if met == known:
            return known
        known = met
    return [out if i in kept else Out(None) for i, out in enumerate(known)]


@kernel("While", "StatelessWhile")
def _while(call: KernelCall, *values: Any) -> tuple[Any, ...]:
    current: list[Any] = list(values)
    if not is_true(call.body("cond")(current)[0]):
        return values
    step, limit = call.body("step"), deadline.current()
    while True:
        deadline.check(limit)
        *current, more = step(current)
        if not is_true(more):
            return tuple(current)


@infer("FakeParam")
def _fake_param_infer(call: InferCall) -> list[Shape]:
    return [call.shape_attr("shape")]


@kernel("FakeParam")
def _fake_param(call: KernelCall) -> Array:
    """Stands for a result that the branch taken does not have: nobody reads it."""
    dtype: DType = call.dtype("dtype")
    return np.zeros(tuple(d or 0 for d in call.shape_attr("shape") or ()), dtype.numpy)
