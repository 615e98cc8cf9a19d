"""Ops that hand their input on, and the ops that stand for a graph's inputs, outputs and constants."""

from __future__ import annotations

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.shapes import Shape

_SAME = ("Identity", "StopGradient", "PreventGradient", "Snapshot")


@infer(*_SAME, "IdentityN", "CheckNumerics", "CheckNumericsV2")
def _same_infer(call: InferCall) -> list[Out]:
    return [Out(info.shape, dims=info.known_dims) for info in call.inputs]


@kernel(*_SAME)
def _same(call: KernelCall, x: Array) -> Array:
    return x


@lower(*_SAME)
def _same_lower(op: Lowering) -> Value:
    return op.inputs[0]


@kernel("IdentityN")
def _identity_n(call: KernelCall, *inputs: Array) -> tuple[Array, ...]:
    return inputs


@lower("IdentityN")
def _identity_n_lower(op: Lowering) -> tuple[Value, ...]:
    return op.inputs


# CheckNumerics has no lowering: it must fail with the model's own message when a value is not finite, and a segment
# can fail only with the engine's.
@kernel("CheckNumerics")
def _check_numerics(call: KernelCall, x: Array) -> Array:
    if not np.isfinite(x).all():
        found = [what for what, bad in (("Inf", np.isinf(x)), ("NaN", np.isnan(x))) if bad.any()]
        raise InvalidArgumentError(f"{call.text('message')} : Tensor had {' and '.join(found)} values")
    return x


@kernel("CheckNumericsV2")
def _check_numerics_v2(call: KernelCall, x: Array) -> Array:
    if not np.isfinite(x).all():
        found = [
            what
            for what, bad in (("-Inf", np.isinf(x) & (x < 0)), ("+Inf", np.isinf(x) & (x > 0)), ("NaN", np.isnan(x)))
            if bad.any()
        ]
        listed = found[0] if len(found) == 1 else ", ".join(found[:-1]) + " and " + found[-1]
        raise InvalidArgumentError(f"{call.text('message')} : Tensor had {listed} values")
    return x


@infer("EnsureShape")
def _ensure_shape_infer(call: InferCall) -> list[Out]:
    shape, wanted = call.shape(0), call.shape_attr("shape")
    if not shapes.compatible(shape, wanted):
        raise InvalidArgumentError(_ensure_text(shape, wanted))
    return [Out(shapes.merge(shape, wanted), dims=call.inputs[0].known_dims)]


def _ensure_text(shape: Shape, wanted: Shape) -> str:
    return f"Shape of tensor input {shapes.text(shape)} is not compatible with expected shape {shapes.text(wanted)}."


@kernel("EnsureShape")
def _ensure_shape(call: KernelCall, x: Array) -> Array:
    wanted = call.shape_attr("shape")
    if not shapes.compatible(x.shape, wanted):
        raise InvalidArgumentError(_ensure_text(x.shape, wanted))
    return x


@lower("EnsureShape")
def _ensure_shape_lower(op: Lowering) -> Value:
    x, wanted = op.inputs[0], op.shape_attr("shape")
    if wanted is None:
        return x
    if x.shape is None or any(w is not None and d is None for w, d in zip(wanted, x.shape, strict=True)):
        op.cannot("the shape of the input is not known to be the one asked for")
    return x


@infer("Placeholder", "PlaceholderV2")
def _placeholder_infer(call: InferCall) -> list[Shape]:
    return [call.shape_attr("shape")]


@infer("PlaceholderWithDefault")
def _placeholder_with_default_infer(call: InferCall) -> list[Shape]:
    return [call.shape_attr("shape")]


@kernel("PlaceholderWithDefault")
def _placeholder_with_default(call: KernelCall, x: Array) -> Array:
    return x


@lower("PlaceholderWithDefault")
def _placeholder_with_default_lower(op: Lowering) -> Value:
    return op.inputs[0]


@infer("Const")
def _const_infer(call: InferCall) -> list[Shape]:
    value: Array = call.attr("value")
    return [tuple(np.shape(value))]


@infer("NoOp", "_Retval")
def _nothing_infer(call: InferCall) -> list[Shape]:
    return []


@kernel("NoOp", "_Retval")
def _no_op(call: KernelCall, *inputs: Array) -> tuple[Array, ...]:
    return ()


@infer("_Arg")
def _arg_infer(call: InferCall) -> list[Shape]:
    return [None]
