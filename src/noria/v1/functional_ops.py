"""``tf.map_fn``, ``tf.foldl``, ``tf.foldr``, ``tf.scan``: functions over the first axis, as loops over TensorArrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from noria.v1.constant import constant
from noria.v1.control_flow import while_loop
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import as_dtype
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.nest import assert_same, flatten, is_nested, map_structure, pack_as
from noria.v1.operation import Tensor
from noria.v1.scope_state import get_variable_scope
from noria.v1.tensor_array import TensorArray
from noria.v1.tensor_shape import TensorShape

Function = Callable[..., Any]


@contextmanager
def _variables_beside_their_users() -> Iterator[None]:
    """Variables made in a loop's body are cached on the device of who reads them, as TensorFlow has it."""
    scope = get_variable_scope()
    unset = scope.caching_device is None
    if unset:
        scope.set_caching_device(lambda op: op.device)
    try:
        yield
    finally:
        if unset:
            scope.set_caching_device(None)


def _rows(tensor: Tensor) -> Any:
    """The size of the first axis: a number, or a tensor where it is unknown."""
    dims = tensor.shape.with_rank_at_least(1)
    size = None if dims.ndims is None else dims.as_list()[0]
    return tf.shape(tensor)[0] if size is None else size


def _static_rows(tensors: list[Tensor]) -> int | None:
    known: int | None = None
    for tensor in tensors:
        size = None if tensor.shape.ndims is None else tensor.shape.as_list()[0]
        if size is not None and known is not None and size != known:
            raise ValueError(f"Dimensions {known} and {size} are not compatible")
        known = size if known is None else known
    return known


def _with_rows(value: Tensor, rows: int | None) -> Tensor:
    value.set_shape(TensorShape([rows]).concatenate(value.shape[1:]))
    return value


@export("map_fn")
def map_fn(
    fn: Function,
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """``fn`` of each row of ``elems``, stacked. dtype: the structure of dtypes that ``fn`` gives, where it differs."""
    if not callable(fn):
        raise TypeError(f"fn must be callable, got {fn!r}")
    wanted = dtype if fn_output_signature is None else fn_output_signature
    given = flatten(elems)
    if not given:
        raise ValueError(f"elems must be a Tensor or (possibly nested) sequence of Tensors. Got {elems}.")
    with name_scope(name, "map", given), _variables_beside_their_users():
        tensors = [convert_to_tensor(e, name="elem") for e in given]
        if tensors[0].shape.ndims == 0:
            raise ValueError("Elements in elems must be 1+ dimensional Tensors, not scalars")
        rows = _static_rows(tensors)
        n = rows or tf.shape(tensors[0])[0]
        arrays = [TensorArray(t.dtype, size=n, dynamic_size=False, infer_shape=True) for t in tensors]
        arrays = [a.unstack(t) for a, t in zip(arrays, tensors, strict=True)]
        start = constant(0)
        types = [t.dtype for t in tensors] if wanted is None else [_dtype_of(d) for d in flatten(wanted)]
        results = [TensorArray(as_dtype(d), size=n, dynamic_size=False, infer_shape=infer_shape) for d in types]

        def compute(i: Tensor, made: list[TensorArray]) -> Any:
            value = fn(pack_as(elems, [a.read(i) for a in arrays]))
            assert_same(elems if wanted is None else wanted, value)
            written = [a.write(i, v) for a, v in zip(made, flatten(value), strict=True)]
            return i + 1, written

        _, filled = while_loop(
            lambda i, _: i < n,
            compute,
            (start, results),
            parallel_iterations=parallel_iterations or 10,
            back_prop=back_prop,
            swap_memory=swap_memory,
            maximum_iterations=n,
        )
        stacked = [_with_rows(v, rows) for v in [a.stack() for a in filled]]
        return pack_as(elems if wanted is None else wanted, stacked)


def _dtype_of(spec: Any) -> Any:
    return getattr(spec, "dtype", spec)


def _fold(
    kind: str, fn: Function, elems: Any, initializer: Any, options: dict[str, Any], name: str | None, backwards: bool
) -> Any:
    if not callable(fn):
        raise TypeError(f"{fn!r} is not callable. Please provide a callable function.")
    with name_scope(name, kind, [elems]), _variables_beside_their_users():
        tensors = [convert_to_tensor(e, name="elem") for e in flatten(elems)]
        n = _rows(tensors[0])
        arrays = map_structure(lambda e: TensorArray(e.dtype, size=n, dynamic_size=False, infer_shape=True).unstack(e),
                               pack_as(elems, tensors))  # fmt: skip

        def row(i: Any) -> Any:
            return map_structure(lambda a: a.read(i), arrays)

        if backwards:
            i = n - 1 if initializer is None else n
            start = row(i) if initializer is None else initializer

            def back(i: Tensor, a: Any) -> Any:
                before = i - 1
                return [before, fn(a, row(before))]

            return while_loop(lambda i, a: i > 0, back, [i, start], maximum_iterations=n, **options)[1]
        start = row(0) if initializer is None else initializer
        first = constant(1 if initializer is None else 0)

        def onwards(i: Tensor, a: Any) -> Any:
            value = fn(a, row(i))
            return [i + 1, value]

        return while_loop(lambda i, a: i < n, onwards, [first, start], maximum_iterations=n, **options)[1]


@export("foldl")
def foldl(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """``fn(accumulated, row)`` over the rows of ``elems`` from the first to the last."""
    options = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}
    return _fold("foldl", fn, elems, initializer, options, name, backwards=False)


@export("foldr")
def foldr(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """``fn(accumulated, row)`` over the rows of ``elems`` from the last to the first."""
    options = {"parallel_iterations": parallel_iterations, "back_prop": back_prop, "swap_memory": swap_memory}
    return _fold("foldr", fn, elems, initializer, options, name, backwards=True)


@export("scan")
def scan(
    fn: Function,
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """All that ``fn(accumulated, row)`` gives over the rows of ``elems``, stacked."""
    if not callable(fn):
        raise TypeError(f"{fn!r} is not callable. Please provide a callable function.")
    outputs = elems if initializer is None else initializer
    given = flatten(elems) if is_nested(elems) else [elems]
    with name_scope(name, "scan", given), _variables_beside_their_users():
        tensors = [convert_to_tensor(e, name="elem") for e in given]
        n = _rows(tensors[0])
        arrays = [
            TensorArray(t.dtype, size=n, dynamic_size=False, element_shape=t.shape[1:], infer_shape=True)
            for t in tensors
        ]
        arrays = [a.unstack(t) for a, t in zip(arrays, tensors, strict=True)]
        i, start, made = _scan_start(arrays, initializer, n, infer_shape, reverse)

        def compute(i: Any, before: list[Tensor], made: list[TensorArray]) -> Any:
            row = pack_as(elems, [a.read(i) for a in arrays])
            value = fn(pack_as(outputs, before), row)
            assert_same(outputs, value)
            flat = flatten(value)
            written = [a.write(i, v) for a, v in zip(made, flat, strict=True)]
            return i - 1 if reverse else i + 1, flat, written

        begin = n - 1 - i if reverse else i
        _, _, filled = while_loop(
            (lambda i, _a, _b: i >= 0) if reverse else (lambda i, _a, _b: i < n),
            compute,
            (begin, start, made),
            parallel_iterations=parallel_iterations,
            back_prop=back_prop,
            swap_memory=swap_memory,
            maximum_iterations=n,
        )
        rows = _static_rows(tensors)
        return pack_as(outputs, [_with_rows(v, rows) for v in [a.stack() for a in filled]])


def _scan_start(
    arrays: list[TensorArray], initializer: Any, n: Any, infer_shape: bool, reverse: bool
) -> tuple[int, list[Tensor], list[TensorArray]]:
    """How many rows are used up, what is accumulated so far, and the arrays that take the results."""
    if initializer is None:
        start = [a.read(n - 1 if reverse else 0) for a in arrays]
    else:
        start = [convert_to_tensor(v) for v in flatten(initializer)]
    made = [
        TensorArray(
            v.dtype,
            size=n,
            element_shape=v.shape if infer_shape else None,
            dynamic_size=False,
            infer_shape=infer_shape,
        )
        for v in start
    ]
    if initializer is not None:
        return 0, start, made
    return 1, start, [a.write(n - 1 if reverse else 0, v) for a, v in zip(made, start, strict=True)]
