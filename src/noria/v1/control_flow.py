"""``tf.cond``, ``tf.while_loop``, ``tf.case``, built of Switch, Merge and frames as TensorFlow 1 does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from noria.v1.apply_op import apply_op, create
from noria.v1.constant import constant
from noria.v1.convert import convert, convert_n, convert_to_tensor
from noria.v1.dtypes import bool_
from noria.v1.exports import export
from noria.v1.flow_context import (
    CondContext,
    WhileContext,
    identity,
    merge,
    switch,
    within,
)
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.nest import assert_same, flatten, map_structure, pack_as
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_array import TensorArray
from noria.v1.tensor_shape import TensorShape, as_shape

Function = Callable[..., Any]


@export("contrib.control_flow_ops.with_dependencies")
def with_dependencies(dependencies: list[Any], output_tensor: Any, name: str | None = None) -> Tensor:
    """``output_tensor`` once ``dependencies`` have run."""
    with name_scope(name, "control_dependency", [*dependencies, output_tensor]) as scope:
        tensor = convert(output_tensor, as_ref=True)
        graph = tensor.graph
        with graph.colocate_with(tensor.op), graph.control_dependencies(dependencies):
            return identity(tensor, scope)


def as_flow(value: Any) -> Any:
    """A TensorArray as the tensor that stands for its state."""
    return value.flow if isinstance(value, TensorArray) else value


def like(original: Any, tensor: Tensor) -> Any:
    """``tensor`` as what ``original`` is: a TensorArray with that state, or the tensor itself."""
    return original.with_flow(tensor) if isinstance(original, TensorArray) else tensor


@contextmanager
def _entered(context: CondContext | WhileContext) -> Iterator[None]:
    context.Enter()
    try:
        yield
    finally:
        context.Exit()


@export("cond")
def cond(
    pred: Any,
    true_fn: Function | None = None,
    false_fn: Function | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Function | None = None,
    fn2: Function | None = None,
) -> Any:
    """What ``true_fn()`` gives where ``pred`` is true, else what ``false_fn()`` gives; both must give the same types.

    strict: a list of one stays a list. Raises TypeError and ValueError for branches that do not agree.
    """
    true_fn = _one_of("cond()", "true_fn", true_fn, "fn1", fn1)
    false_fn = _one_of("cond()", "false_fn", false_fn, "fn2", fn2)
    with name_scope(name, "cond", [pred]):
        if isinstance(pred, bool):
            raise TypeError("'pred' must not be a Python bool.")
        pred = convert_to_tensor(pred, name="pred")
        sides = apply_op("Switch", None, data=pred, pred=pred)
        pivots = identity(sides[1], "switch_t"), identity(sides[0], "switch_f")
        pred = identity(pred, "pred_id")
        for tensor in (*sides, *pivots, pred):
            tensor.graph.prevent_fetching(tensor.op)
        original_true, true_values, context_true = _branch(CondContext(pred, pivots[0], 1), true_fn, "true_fn")
        original_false, false_values, context_false = _branch(CondContext(pred, pivots[1], 0), false_fn, "false_fn")
        if not strict:
            original_true, original_false = _unpacked(original_true), _unpacked(original_false)
        _check_branches(original_true, original_false, true_values, false_values)
        merged = [merge([f, t]) for f, t in zip(false_values, true_values, strict=True)]
        if context_true.outer_context is None:
            for context in (context_true, context_false):
                pred.graph.add_to_collection(GraphKeys.COND_CONTEXT, context)
        leaves = flatten(original_true, composites=True)
        packed = pack_as(original_true, [like(o, m) for o, m in zip(leaves, merged, strict=True)], composites=True)
        return packed if strict else _unpacked(packed)


def _one_of(where: str, name: str, given: Function | None, old_name: str, old: Function | None) -> Function:
    if given is not None and old is not None:
        raise TypeError(f"{where}: '{name}' and '{old_name}' may not be set simultaneously.")
    found = given if given is not None else old
    if found is None:
        raise TypeError(f"{where}: '{name}' argument required")
    if not callable(found):
        raise TypeError(f"'{name}' must be callable.")
    return found


def _branch(context: CondContext, function: Function, name: str) -> tuple[Any, list[Tensor], CondContext]:
    """What the branch's function gives, and the tensors that leave the branch for it."""
    with _entered(context):
        original = function()
        if original is None:
            raise ValueError(f"'{name}' must have a return value.")
        original = map_structure(_without_variables, original)
        values = [_leaving(context, leaf) for leaf in flatten(original, composites=True)]
        context.ExitResult(values)
    return original, values, context


def _leaving(context: CondContext, value: Any) -> Tensor:
    if isinstance(value, Operation):
        return with_dependencies([value], context.pivot)
    return context.result(convert_to_tensor(as_flow(value)))


def _without_variables(value: Any) -> Any:
    """A variable as its present value; everything else as it is."""
    return convert_to_tensor(value) if hasattr(value, "_as_graph_element") and hasattr(value, "read_value") else value


def _unpacked(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 and not hasattr(value, "_fields") else value


def _check_branches(original_true: Any, original_false: Any, true: list[Tensor], false: list[Tensor]) -> None:
    try:
        assert_same(original_true, original_false, composites=True)
    except TypeError as error:
        raise TypeError(f"Incompatible return types of 'true_fn' and 'false_fn': {error}") from None
    except ValueError as error:
        raise ValueError(f"Incompatible return values of 'true_fn' and 'false_fn': {error}") from None
    if not true:
        raise ValueError("'true_fn' and 'false_fn' must return at least one result.")
    for t, f in zip(true, false, strict=True):
        if t.dtype.base_dtype != f.dtype.base_dtype:
            raise ValueError(
                "Outputs of 'true_fn' and 'false_fn' must have the same type(s). Received "
                f"{t.dtype.name} from 'true_fn' and {f.dtype.name} from 'false_fn'."
            )


@export("while_loop")
def while_loop(
    cond: Function,
    body: Function,
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = False,
) -> Any:
    """Repeats ``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)`` is true; gives the last ``loop_vars``.

    shape_invariants: what stays true of each variable's shape, by default its shape at the start; maximum_iterations:
    stops after so many; return_same_structure: a list of one stays a list.
    """
    if not callable(cond) or not callable(body):
        raise TypeError(f"'{'body' if callable(cond) else 'cond'}' must be callable.")
    if parallel_iterations < 1:
        raise TypeError("'parallel_iterations' must be a positive integer.")
    loop_vars = map_structure(_without_variables, loop_vars)
    with name_scope(name, "while", flatten(loop_vars, composites=True)):
        if not loop_vars:
            raise ValueError("'loop_vars' must be provided.")
        limit = None
        if maximum_iterations is not None:
            limit = convert_to_tensor(maximum_iterations, name="maximum_iterations")
            if limit.shape.ndims != 0:
                raise ValueError(f"'maximum_iterations' must be a scalar. Received shape: {limit.shape}")
            single = len(loop_vars) == 1 and not return_same_structure
            counter = constant(0, dtype=limit.dtype, name="iteration_counter")
            cond, body = _counted(cond, body, limit, single)
            loop_vars = (counter, loop_vars[0] if single else loop_vars)
            if shape_invariants is not None:
                shape_invariants = (TensorShape([]), shape_invariants[0] if single else shape_invariants)
        context = WhileContext(limit, parallel_iterations, back_prop, swap_memory)
        if context.outer_context is None:
            get_default_graph().add_to_collection(GraphKeys.WHILE_CONTEXT, context)
        result = _build_loop(context, cond, body, loop_vars, shape_invariants)
        if limit is not None:
            return result[1]
        return result if return_same_structure or len(flatten(result, composites=True)) != 1 else result[0]


def _counted(cond: Function, body: Function, limit: Tensor, single: bool) -> tuple[Function, Function]:
    """The loop with a counter before its variables."""

    def counted_cond(i: Tensor, values: Any) -> Tensor:
        below = i < limit
        found: Tensor = apply_op("LogicalAnd", None, x=below, y=cond(values) if single else cond(*values))
        return found

    def counted_body(i: Tensor, values: Any) -> Any:
        following = i + 1
        return following, body(values) if single else body(*values)

    return counted_cond, counted_body


def _build_loop(context: WhileContext, cond: Function, body: Function, loop_vars: Any, shape_invariants: Any) -> Any:
    """The loop's operations, in TensorFlow's order; gives the exits in the structure of what ``body`` gives."""
    originals = flatten(loop_vars, composites=True)
    loop_vars = map_structure(
        lambda v: v if isinstance(v, TensorArray) else convert_to_tensor(v), loop_vars, composites=True
    )
    values = [as_flow(v) for v in flatten(loop_vars, composites=True)]
    invariants = _invariants(loop_vars, values, shape_invariants)
    with _entered(context):
        entered = context.enter_loop_vars(values, invariants)
        merges = [merge([t, t]) for t in entered]
        context._pivot_for_pred = merges[0]
        structure = loop_vars if isinstance(loop_vars, list | tuple) else [loop_vars]

        def packed(tensors: list[Tensor]) -> Any:
            leaves = [like(o, t) for o, t in zip(originals, tensors, strict=True)]
            return pack_as(structure, leaves, composites=True)

        going_on = convert_to_tensor(cond(*packed(merges)))
        context._pivot = pivot = apply_op("LoopCond", "LoopCond", input=going_on)
        switched = [switch(t, pivot) for t in merges]
        inside = [identity(pair[1]) for pair in switched]
        context._pivot_for_body = inside[0]
        given = packed(inside)
        result = body(*given)
        if not isinstance(result, list | tuple | Mapping):
            result = [result]
        result = map_structure(_without_variables, result)
        assert_same(list(given), list(result), composites=True)
        flat = [convert(as_flow(v)) for v in flatten(result, composites=True)]
        for merged, value in zip(merges, flat, strict=True):
            _close(merged, value)
        exits = [apply_op("RefExit" if p[0].dtype._is_ref_dtype else "Exit", None, data=p[0]) for p in switched]
        context._loop_exits = exits
        context.ExitResult(exits)
    leaves = flatten(result, composites=True)
    return pack_as(result, [like(o, t) for o, t in zip(leaves, exits, strict=True)], composites=True)


def _invariants(loop_vars: Any, values: list[Tensor], given: Any) -> list[TensorShape]:
    if given is None:
        return [t.shape for t in values]
    flat = _flat_shapes(loop_vars, given)
    if len(flat) != len(values):
        raise ValueError(f"{len(flat)} shape invariants for {len(values)} loop variables")
    return [as_shape(s) for s in flat]


def _flat_shapes(loop_vars: Any, given: Any) -> list[Any]:
    """The invariants leaf by leaf: a shape is no structure, though it may be written as a list."""
    if isinstance(loop_vars, list | tuple):
        return [s for v, g in zip(loop_vars, given, strict=True) for s in _flat_shapes(v, g)]
    if isinstance(loop_vars, Mapping):
        return [s for k in sorted(loop_vars) for s in _flat_shapes(loop_vars[k], given[k])]
    leaves = flatten(loop_vars, composites=True)
    if len(leaves) == 1:
        return [given]
    return [given if i == 1 else t.shape for i, t in enumerate(leaves)]  # a SparseTensor: its values' shape follows


def _close(merged: Tensor, value: Tensor) -> None:
    """The back edge of one loop variable. ValueError when its shape does not stay what it was."""
    op = "RefNextIteration" if value.dtype._is_ref_dtype else "NextIteration"
    following: Tensor = apply_op(op, None, data=value)
    if not within(following.shape, merged.shape):
        start = merged.op.inputs[0].op.inputs[0]
        raise ValueError(
            f"Input tensor '{start.name}' enters the loop with shape {start.shape}, but has shape {following.shape} "
            "after one iteration. To allow the shape to vary across iterations, use the `shape_invariants` argument of "
            "tf.while_loop to specify a less-specific shape."
        )
    merged.op._update_input(1, following)


@export("case")
def case(
    pred_fn_pairs: Any,
    default: Function | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """What the first function gives whose predicate is true, else ``default``.

    exclusive: at most one predicate may be true (checked when it runs). Without ``default`` one must be.
    """
    pairs = _checked_pairs(pred_fn_pairs)
    predicates, actions = [p for p, _ in pairs], [f for _, f in pairs]
    with name_scope(name, "case", predicates):
        if default is None:
            default = partial(_last_action, predicates[:-1], predicates[-1], actions[-1], list(predicates))
            predicates, actions = predicates[:-1], actions[:-1]
        function = default
        for predicate, action in reversed(list(zip(predicates, actions, strict=True))):
            function = partial(cond, predicate, true_fn=action, false_fn=function, strict=strict)
        if not exclusive:
            return function()
        with get_default_graph().control_dependencies([_at_most(predicates, 1, "Input error: exclusive=True")]):
            return function()


def _checked_pairs(pairs: Any) -> list[tuple[Tensor, Function]]:
    if not isinstance(pairs, list | tuple | dict):
        raise TypeError(f"'pred_fn_pairs' must be a list, tuple, or dict. Received: {type(pairs)}")
    if isinstance(pairs, dict):
        items = list(pairs.items())
        pairs = items if isinstance(pairs, OrderedDict) else sorted(items, key=lambda item: item[0].name)
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"Each entry in 'pred_fn_pairs' must be a 2-tuple. Received {pair}.")
        pred, function = pair
        if not isinstance(pred, Tensor):
            raise TypeError(f"pred must be a Tensor, got: {pred}")
        if pred.dtype.base_dtype != bool_:
            raise TypeError(f"pred must be Tensor of type bool: {pred.name}")
        if not callable(function):
            raise TypeError(f"fn for pred {pred.name} must be callable.")
    return list(pairs)


def _at_most(predicates: list[Tensor], limit: int, message: str) -> Any:
    """Asserts, when it runs, that at most ``limit`` of ``predicates`` are true."""
    stacked = convert(predicates, None, "preds_c")
    numbers = apply_op("Cast", x=stacked, DstT="int32")
    count = apply_op("Sum", "num_true_conds", input=numbers, reduction_indices=constant([0]))
    fits = apply_op("LessEqual", x=count, y=constant(limit, name="n_true_conds"))
    names = ", ".join(p.name for p in predicates)
    text = f"{message}: more than {limit} conditions ({names}) evaluated as True:"
    return assert_true(fits, [text, stacked], len(predicates))


def _last_action(others: list[Tensor], predicate: Tensor, action: Function, all_predicates: list[Tensor]) -> Any:
    stacked = convert(all_predicates, None, "preds_c")
    message = (
        f"Implementation error: selected default action #{len(others)} was called, but some of other predicates are "
        "True: "
    )
    none_others = _at_most(others, 0, message)
    this_one = assert_true(predicate, ["Input error: None of conditions evaluated as True:", stacked])
    with get_default_graph().control_dependencies([none_others, this_one]):
        return action()


@export("debugging.Assert", "Assert")
def assert_true(condition: Any, data: Any, summarize: int | None = None, name: str | None = None) -> Operation:
    """Fails with ``data`` (``summarize`` elements of each) when ``condition`` is not true."""
    with name_scope(name, "Assert", [condition, data]):
        tensors = convert_n(data)

        def check() -> Any:
            return apply_op("Assert", "Assert", condition=condition, data=list(data), summarize=summarize)

        if all(t.dtype.name in ("string", "int32") for t in tensors):
            found: Operation = check()
            return found
        condition = convert(condition, None, "Condition")
        return cond(condition, lambda: create("NoOp"), check, name="AssertGuard").op  # type: ignore[no-any-return]
