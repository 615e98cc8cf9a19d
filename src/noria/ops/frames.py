"""Shapes of the ops that conditionals and loops of TensorFlow 1 are built of.

Only building a graph asks for them: before a graph runs, ``graph.functionalize`` turns frames into If and While.
"""

from __future__ import annotations

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.rules import InferCall, infer
from noria.shapes import Shape


@infer("Switch", "RefSwitch")
def _switch(call: InferCall) -> list[Shape]:
    return [call.shape(0), call.shape(0)]


@infer("Merge", "RefMerge")
def _merge(call: InferCall) -> list[Shape]:
    merged = call.shape(0)
    for info in call.inputs[1:]:
        merged = shapes.union(merged, info.shape)
    return [merged, ()]


@infer("Enter")
def _enter(call: InferCall) -> list[Shape]:
    return [call.shape(0) if call.flag("is_constant") else None]  # a loop variable may change its shape


@infer("RefEnter", "Exit", "RefExit", "NextIteration", "RefNextIteration")
def _same(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@infer("LoopCond")
def _loop_cond(call: InferCall) -> list[Shape]:
    shape = call.shape(0)
    if not shapes.compatible(shape, ()):
        raise InvalidArgumentError(f"the condition of a loop must be a scalar, not of shape {shapes.text(shape)}")
    return [()]
