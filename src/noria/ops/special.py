"""Special functions, element by element: gamma, beta, zeta, Bessel and error functions, integrals. On the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops import _bessel, _special
from noria.ops._numeric import dims_text, incompatible, quiet, same_shape, typed
from noria.shapes import Shape

# All are computed in float64 and rounded once to the op's dtype.
_UNARY: Mapping[str, Callable[[Array], Array]] = {
    "Lgamma": _special.lgamma,
    "Digamma": _special.digamma,
    "Ndtri": _special.ndtri,
    "Erfinv": _special.erfinv,
    "Dawsn": _special.dawson,
    "Expint": _special.expint,
    "FresnelCos": partial(_special.fresnel, sine=False),
    "FresnelSin": partial(_special.fresnel, sine=True),
    "Spence": _special.spence,
    "BesselI0": partial(_bessel.i_plain, 0),
    "BesselI0e": partial(_bessel.i_scaled, 0),
    "BesselI1": partial(_bessel.i_plain, 1),
    "BesselI1e": partial(_bessel.i_scaled, 1),
    "BesselJ0": partial(_bessel.j, 0),
    "BesselJ1": partial(_bessel.j, 1),
    "BesselK0": partial(_bessel.k_plain, 0),
    "BesselK0e": partial(_bessel.k_scaled, 0),
    "BesselK1": partial(_bessel.k_plain, 1),
    "BesselK1e": partial(_bessel.k_scaled, 1),
    "BesselY0": partial(_bessel.y, 0),
    "BesselY1": partial(_bessel.y, 1),
}
_BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "Igamma": partial(_special.igamma, upper=False),
    "Igammac": partial(_special.igamma, upper=True),
    "Polygamma": _special.polygamma,
    "Zeta": _special.zeta,
    "Xlog1py": lambda x, y: np.where(x == 0, 0.0, x * np.log1p(y)),
}


def _unary_rule(function: Callable[[Array], Array]) -> Callable[[KernelCall, Array], Array]:
    @quiet
    def run(call: KernelCall, x: Array) -> Array:
        found = function(x.astype(np.float64))
        if call.node.op == "BesselY1" and x.dtype == np.float32:
            found = np.where(
                x == 0, np.nan, found
            )  # as TensorFlow's function of float32 has it, unlike that of float64
        return typed(found, call.output_dtype)

    return run


def _binary_rule(function: Callable[[Array, Array], Array]) -> Callable[[KernelCall, Array, Array], Array]:
    @quiet
    def run(call: KernelCall, x: Array, y: Array) -> Array:
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            raise incompatible(x, y) from None
        wide = np.complex128 if x.dtype.kind == "c" else np.float64
        return typed(function(x.astype(wide), y.astype(wide)), call.output_dtype)

    return run


@infer(*_BINARY, "NextAfter")
def _broadcast_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.broadcast(call.shape(0), call.shape(1))]


for _op, _function in _UNARY.items():
    infer(_op)(same_shape)
    kernel(_op)(_unary_rule(_function))

for _op, _pair in _BINARY.items():
    kernel(_op)(_binary_rule(_pair))


@infer("Betainc")
def _betainc_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.broadcast(call.shape(0), call.shape(1), call.shape(2))]


@kernel("Betainc")
@quiet
def _betainc(call: KernelCall, a: Array, b: Array, x: Array) -> Array:
    """Arguments of one shape, or scalars beside it."""
    shaped = [v for v in (a, b, x) if v.ndim]
    for first, other, names in ((a, b, "a and b"), (a, x, "a and x"), (b, x, "b and x")):
        if first.ndim and other.ndim and first.shape != other.shape:
            raise InvalidArgumentError(
                f"Shapes of {names} are inconsistent: {dims_text(first.shape)} vs. {dims_text(other.shape)}"
            )
    found = _special.betainc(*(v.astype(np.float64) for v in (a, b, x)))
    return typed(found, call.output_dtype).reshape(shaped[0].shape if shaped else ())


@kernel("NextAfter")
@quiet
def _next_after(call: KernelCall, x: Array, y: Array) -> Array:
    try:
        return typed(np.nextafter(x, y), call.output_dtype)
    except ValueError:
        raise incompatible(x, y) from None
