"""``tf.tensordot`` and ``tf.einsum``."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank, shape
from noria.v1.arrays import range_, transpose, where
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.indexing import gather
from noria.v1.joining import concat, stack
from noria.v1.linear import matmul
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced


@export("linalg.tensordot", "tensordot")
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The sum of products over ``axes``: how many last ones of ``a`` and first ones of ``b``, or a list for each."""
    with name_scope(name, "Tensordot", [a, b, axes]) as scope:
        a, b = convert(a, None, "a"), convert(b, None, "b")
        a_axes, b_axes = _both_axes(a, axes)
        left, a_free, a_known = _as_matrix(a, a_axes, False)
        right, b_free, b_known = _as_matrix(b, b_axes, True)
        product = matmul(left, right)
        if isinstance(a_free, list) and isinstance(b_free, list):
            if product.info.shape == (*a_free, *b_free):
                return product
            return apply_op("Reshape", scope, tensor=product, shape=a_free + b_free)  # type: ignore[no-any-return]
        a_free, b_free = convert(a_free, "int32"), convert(b_free, "int32")
        found: Tensor = apply_op("Reshape", scope, tensor=product, shape=concat([a_free, b_free], 0))
        if a_known is not None and b_known is not None:
            found.set_shape(a_known + b_known)
        return found


def _both_axes(a: Tensor, axes: Any) -> tuple[Any, Any]:
    ndims = a.shape.ndims
    if isinstance(axes, int | np.integer):
        if axes < 0:
            raise ValueError(f"`axes` must be at least 0. Received: {axes}.")
        if ndims is None:
            count = rank(a)
            return range_(count - axes, count, dtype="int32"), range_(axes, dtype="int32")
        if axes > ndims:
            raise ValueError(
                f"`axes` must not be larger than the number of dimensions of tensor {a}.  Received {axes}, vs tensor "
                f"dimensions {ndims}."
            )
        return list(range(ndims - int(axes), ndims)), list(range(int(axes)))
    if not isinstance(axes, list | tuple):
        both = convert(axes, "int32", "axes")
        return both[0], both[1]
    if len(axes) != 2:
        raise ValueError(f"`axes` must be an integer or have length 2. Received {axes}.")
    a_axes, b_axes = axes
    if isinstance(a_axes, int | np.integer) and isinstance(b_axes, int | np.integer):
        a_axes, b_axes = [a_axes], [b_axes]
    if len(a_axes) != len(b_axes):
        raise ValueError(f"Different number of contraction axes `a` and `b`, {len(a_axes)} != {len(b_axes)}.")
    return a_axes, b_axes


def _as_matrix(x: Tensor, axes: Any, flipped: bool) -> tuple[Tensor, Any, list[int | None] | None]:
    """``x`` with the free dimensions as rows and those of ``axes`` as columns (``flipped``: the other way).

    Gives with it the sizes of the free dimensions, as a list or a tensor, and as far as they are known.
    """
    sizes = x.info.shape
    if sizes is None or None in sizes or not isinstance(axes, list | tuple):
        return _as_matrix_when_run(x, axes, flipped)
    known = [int(s) for s in sizes if s is not None]
    axes = [a if a >= 0 else a + len(known) for a in axes]
    free = [i for i in range(len(known)) if i not in axes]
    free_sizes = [known[i] for i in free]
    rows, columns = math.prod(free_sizes), math.prod(known[i] for i in axes)
    order = [*axes, *free] if flipped else [*free, *axes]
    wanted = [columns, rows] if flipped else [rows, columns]
    turned = x if order == list(range(len(known))) else transpose(x, order)
    if turned.shape.as_list() != wanted:
        turned = apply_op("Reshape", tensor=turned, shape=wanted)
    return turned, free_sizes, list(free_sizes)


def _as_matrix_when_run(x: Tensor, axes: Any, flipped: bool) -> tuple[Tensor, Any, list[int | None] | None]:
    static: list[int | None] | None = None
    free: Any
    if x.shape.ndims is not None and isinstance(axes, list | tuple):
        sizes = x.shape.as_list()
        axes = [a if a >= 0 else a + len(sizes) for a in axes]
        free = [i for i in range(len(sizes)) if i not in axes]
        static = [sizes[i] for i in free]
        axes = convert(axes, "int32", "axes")
        free = convert(free, "int32", "free")
        all_sizes = shape(x)
    else:
        all_sizes = shape(x)
        count = rank(x)
        axes = convert(axes, "int32", "axes")
        positive = axes >= 0
        axes = where(positive, axes, axes + count)
        free = apply_op("ListDiff", x=range_(count), y=axes, out_idx="int32")[0]
    free_sizes = gather(all_sizes, free)
    summed = gather(all_sizes, axes)
    rows, columns = reduced("Prod", free_sizes), reduced("Prod", summed)
    if flipped:
        order, wanted = concat([axes, free], 0), stack([columns, rows])
    else:
        order, wanted = concat([free, axes], 0), stack([rows, columns])
    turned = apply_op("Reshape", tensor=transpose(x, order), shape=wanted)
    return turned, free_sizes, static


@export("linalg.einsum", "einsum")
def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Tensor:
    """The sum of products that ``equation`` (``"ij,jk->ik"``) writes down; more than two inputs go pair by pair."""
    name = kwargs.pop("name", None)
    kwargs.pop("optimize", None)
    if kwargs:
        raise TypeError(f"Invalid keyword arguments for einsum: {', '.join(kwargs)}. Valid arguments: name, optimize.")
    with name_scope(name, "einsum", [equation, inputs]):
        text, marked = _resolved(equation, len(inputs))
        found: Tensor
        if len(inputs) <= 2:
            found = apply_op("Einsum", inputs=list(inputs), equation=_unmarked(text, marked))
            return found
        terms, _, out = text.partition("->")
        pending = list(zip(terms.split(","), inputs, strict=True))
        while len(pending) > 1:
            pending = _contract_pair(pending, out, marked)
        return pending[0][1]  # type: ignore[no-any-return]


def _contract_pair(pending: list[tuple[str, Any]], out: str, marked: bool) -> list[tuple[str, Any]]:
    """Contracts the first two terms; what neither the rest nor the result names is summed."""
    (left, a), (right, b), *rest = pending
    needed = set(out).union(*(labels for labels, _ in rest))
    kept = "".join(sorted((set(left) | set(right)) & needed)) if rest else out
    step = _unmarked(f"{left},{right}->{kept}", marked)
    return [*rest, (kept, apply_op("Einsum", inputs=[a, b], equation=step))]


def _unmarked(text: str, marked: bool) -> str:
    return text.replace("0", "...") if marked else text


def _resolved(equation: str, count: int) -> tuple[str, bool]:
    """The equation with its result written out and ``...`` as the label ``0``; whether it has any."""
    text = equation.replace(" ", "")
    marked = "..." in text
    if marked:
        if "0" in text:
            raise ValueError(f'Invalid character "0" in equation: {equation}.')
        text = text.replace("...", "0")
    match = re.match("^([a-zA-Z0,]*)(->[a-zA-Z0]*)?$" if marked else "^([a-zA-Z,]*)(->[a-zA-Z]*)?$", text)
    if not match:
        raise ValueError(f"Subscripts have incorrect format: {text}")
    terms = match.group(1)
    if terms.count(",") + 1 != count:
        raise ValueError(f'Got {count} inputs for equation "{equation}", expecting {terms.count(",") + 1}')
    if match.group(2) is None:
        uses = Counter(terms)
        text += "->" + "".join(label for label in sorted(uses) if label != "," and uses[label] == 1)
    out = text.partition("->")[2]
    if len(set(out)) != len(out):
        raise ValueError(f"Output subscripts contain a label appearing more than once: {equation}")
    for label in out:
        if label != "0" and label not in terms:
            raise ValueError(f"Output subscripts contain the label {label} not present in the input subscripts.")
    return text, marked
