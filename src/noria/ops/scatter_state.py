"""Updates of parts of variables: the Scatter* ops and StridedSliceAssign, of references and of resources.

``ScatterX(ref, indices, updates)`` changes rows of the first axis, ``ScatterNdX`` what index vectors name. The forms on
references return the new value; those on resources return nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.resources import Variable
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops.strided_slice import numpy_index
from noria.shapes import Shape


def _divided(x: Array, y: Array) -> Array:
    """``x / y`` as C divides: integers towards zero."""
    if x.dtype.kind not in "iu":
        return np.asarray(x / y, x.dtype)
    if not np.all(y):
        raise InvalidArgumentError("Integer division by zero in a scatter update of a variable")
    return np.asarray((x - np.fmod(x, y)) // y, x.dtype)


def _smaller(x: Array, y: Array) -> Array:
    return np.where(y < x, y, x)  # as std::min: a NaN update changes nothing, a NaN in the variable stays


def _larger(x: Array, y: Array) -> Array:
    return np.where(x < y, y, x)


_STEPS: Final[dict[str, Callable[[Array, Array], Any]]] = {
    "Mul": np.multiply,
    "Div": _divided,
    "Min": _smaller,
    "Max": _larger,
}


def _apply(how: str, new: Array, place: Any, updates: Array) -> None:
    """Changes ``new`` at ``place``; updates of the same place follow each other in order."""
    with np.errstate(all="ignore"):
        if how == "Update":
            new[place] = updates
        elif how == "Add":
            np.add.at(new, place, updates)
        elif how == "Sub":
            np.subtract.at(new, place, updates)
        else:
            step = _STEPS[how]
            rows = place if isinstance(place, tuple) else (place,)
            for k in range(len(rows[0])):
                at = tuple(r[k] for r in rows)
                new[at] = step(new[at], updates[k] if np.ndim(updates) else updates)


def _room(old: Array, room: Array | None, how: str) -> Array:
    """Where to write: the old value in place if it may be, unless a step could fail half way."""
    return old.copy() if room is None or how == "Div" else room


def _scattered(old: Array, room: Array | None, indices: Array, updates: Array, how: str) -> Array:
    if old.ndim == 0 or (updates.ndim and updates.shape != indices.shape + old.shape[1:]):
        raise InvalidArgumentError(
            "Must have updates.shape = indices.shape + params.shape[1:] or updates.shape = [], got updates.shape "
            f"{shapes.text(updates.shape)}, indices.shape {shapes.text(indices.shape)}, "
            f"params.shape {shapes.text(old.shape)}"
        )
    rows = indices.reshape(-1)
    bad = np.flatnonzero((rows < 0) | (rows >= old.shape[0]))
    if bad.size:
        raise InvalidArgumentError(f"indices[{bad[0]}] = {rows[bad[0]]} is not in [0, {old.shape[0]})")
    new = _room(old, room, how)
    if rows.size:
        _apply(how, new, rows, updates.reshape((rows.size, *old.shape[1:])) if updates.ndim else updates)
    return new


def _scattered_nd(old: Array, room: Array | None, indices: Array, updates: Array, how: str, policy: str) -> Array:
    if policy not in ("", "DEFAULT", "ERROR", "IGNORE"):
        raise InvalidArgumentError(f"Unknown bad indices handling attribute: {policy}")
    if indices.ndim == 0 or old.ndim == 0:
        raise InvalidArgumentError(
            f"indices and the variable must be at least vectors, got shapes {shapes.text(indices.shape)} and "
            f"{shapes.text(old.shape)}"
        )
    depth = indices.shape[-1]
    if depth > old.ndim or updates.shape != indices.shape[:-1] + old.shape[depth:]:
        raise InvalidArgumentError(
            "updates.shape must be indices.shape[:-1] + variable.shape[indices.shape[-1]:], got updates.shape "
            f"{shapes.text(updates.shape)}, indices.shape {shapes.text(indices.shape)}, "
            f"variable.shape {shapes.text(old.shape)}"
        )
    places = indices.reshape(-1, depth) if depth else np.zeros((int(np.prod(indices.shape[:-1])), 0), np.int64)
    rows = updates.reshape((len(places), *old.shape[depth:]))
    outside = ((places < 0) | (places >= np.array(old.shape[:depth], np.int64))).any(axis=1)
    if outside.any():
        if policy != "IGNORE":
            k = int(np.flatnonzero(outside)[0])
            where = ",".join(map(str, np.unravel_index(k, indices.shape[:-1]))) if indices.ndim > 1 else "0"
            raise InvalidArgumentError(
                f"indices[{where}] = [{', '.join(map(str, places[k]))}] does not index into shape "
                f"{shapes.text(old.shape)}"
            )
        places, rows = places[~outside], rows[~outside]
    new = _room(old, room, how)
    if depth == 0:
        for row in rows:  # every update is of the whole variable
            _apply(how, new[None], np.zeros(1, np.int64), row[None])
    elif len(places):
        _apply(how, new, tuple(places.T), rows)
    return new


def _update(variable: Variable, updates: Array, change: Callable[[Array, Array | None], Array]) -> Array:
    if updates.dtype != variable.dtype.numpy:
        raise InvalidArgumentError(
            f"variable {variable.name!r} is {variable.dtype}, but the updates are {updates.dtype}; "
            "both must have the same dtype"
        )
    return variable.update(change)


_ROWS: Final = ("Add", "Sub", "Mul", "Div", "Min", "Max", "Update")
_ELEMENTS: Final = ("Add", "Sub", "Min", "Max", "Update")


@infer(
    "ResourceStridedSliceAssign",
    *(f"ResourceScatter{how}" for how in _ROWS),
    *(f"ResourceScatterNd{how}" for how in _ELEMENTS),
)
def _resource_infer(call: InferCall) -> list[Shape]:
    return []


@infer("StridedSliceAssign", *(f"Scatter{how}" for how in _ROWS), *(f"ScatterNd{how}" for how in _ELEMENTS))
def _ref_infer(call: InferCall) -> list[Shape]:
    return [None]


@kernel(*(f"ResourceScatter{how}" for how in _ROWS), *(f"Scatter{how}" for how in _ROWS))
def _scatter(call: KernelCall, variable: Variable, indices: Array, updates: Array) -> Array | tuple[()]:
    resource, _, how = call.node.op.rpartition("Scatter")
    new = _update(variable, updates, lambda old, room: _scattered(old, room, indices, updates, how))
    return () if resource else new


@kernel(*(f"ResourceScatterNd{how}" for how in _ELEMENTS), *(f"ScatterNd{how}" for how in _ELEMENTS))
def _scatter_nd(call: KernelCall, variable: Variable, indices: Array, updates: Array) -> Array | tuple[()]:
    resource, _, how = call.node.op.rpartition("ScatterNd")
    policy = call.text("bad_indices_policy")
    new = _update(variable, updates, lambda old, room: _scattered_nd(old, room, indices, updates, how, policy))
    return () if resource else new


@kernel("ResourceStridedSliceAssign", "StridedSliceAssign")
def _assign_slice(
    call: KernelCall, variable: Variable, begin: Array, end: Array, strides: Array, value: Array
) -> Array | tuple[()]:
    """Replaces a slice; ``value`` is broadcast to it, leading dimensions of 1 are dropped."""

    def change(old: Array, room: Array | None) -> Array:
        new = _room(old, room, "Update")
        part = new[(*numpy_index(call, old.shape, begin, end, strides), ...)]
        if part.size:
            given = value
            while given.ndim > part.ndim and given.shape[0] == 1:
                given = given[0, ...]
            try:
                part[...] = given
            except ValueError:
                raise InvalidArgumentError(
                    f"Cannot broadcast input shape {shapes.text(value.shape)} into final shape "
                    f"{shapes.text(part.shape)} (variable {variable.name!r})"
                ) from None
        return new

    new = _update(variable, value, change)
    return () if call.node.op.startswith("Resource") else new
