"""What happens to operations that are made inside a conditional or a loop.

A conditional's branch lets a value in through a ``Switch``, a loop through an ``Enter``; what takes no input waits for
the branch's or the body's pivot. Names, order and attributes of these operations are TensorFlow 1's, and so are the
``CondContextDef`` and ``WhileContextDef`` that MetaGraphs keep of them.
"""

from __future__ import annotations

from typing import Any

from noria.protos.tensorflow import (
    AttrValue,
    CondContextDef,
    ControlFlowContextDef,
    ValuesDef,
    WhileContextDef,
)
from noria.v1.apply_op import apply_op
from noria.v1.collection_protos import register_proto_function
from noria.v1.graph import Graph, get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import TensorShape


def strip_scope(name: str, scope: str | None) -> str:
    """``name`` without the scope that is exported."""
    return name.removeprefix(scope.rstrip("/") + "/") if scope else name


def prepend_scope(name: str, scope: str | None) -> str:
    """``name`` inside the scope that it is imported into."""
    return f"{scope.rstrip('/')}/{name}" if scope else name


def identity(tensor: Tensor, name: str | None = None) -> Tensor:
    """Identity, of a reference a reference."""
    found: Tensor = apply_op("RefIdentity" if tensor.dtype._is_ref_dtype else "Identity", name, input=tensor)
    return found


def switch(data: Tensor, pred: Tensor, name: str = "Switch") -> Any:
    """``(output_false, output_true)``: ``data`` goes to the side that ``pred`` says; shares the device of ``data``."""
    with data.graph.colocate_with(data.op, ignore_existing=True):
        if data.dtype._is_ref_dtype:
            return apply_op("RefSwitch", name, data=data, pred=pred)
        return apply_op("Switch", name, data=data, pred=pred)


def merge(inputs: list[Tensor], name: str | None = None) -> Tensor:
    """The first of ``inputs`` that arrives."""
    op = "RefMerge" if all(t.dtype._is_ref_dtype for t in inputs) else "Merge"
    found: Tensor = apply_op(op, name, inputs=inputs)[0]
    return found


def enter(
    tensor: Tensor, frame: str, *, is_constant: bool, parallel_iterations: int, keep_shape: bool = True
) -> Tensor:
    """``tensor`` inside the loop's frame."""
    op = "RefEnter" if tensor.dtype._is_ref_dtype else "Enter"
    found: Tensor = apply_op(
        op, None, data=tensor, frame_name=frame, is_constant=is_constant, parallel_iterations=parallel_iterations
    )
    if keep_shape:
        found.set_shape(tensor.shape)
    return found


def is_loop_exit(op: Operation) -> bool:
    return op.type in ("Exit", "RefExit")


def is_constant_enter(op: Operation) -> bool:
    return op.type in ("Enter", "RefEnter") and bool(op.get_attr("is_constant"))


def output_context(op: Operation) -> Any:
    """The context that the outputs of ``op`` are in: that around the loop, for an Exit."""
    context = op._get_control_flow_context()
    return context.outer_context if context is not None and is_loop_exit(op) else context


class FlowContext:
    """A branch or a loop that is being built; ``_values`` are the names of the tensors inside."""

    def __init__(self) -> None:
        self._graph: Graph = get_default_graph()
        self._nested: list[FlowContext] = []
        self._outer: FlowContext | None = self._graph._get_control_flow_context()
        if self._outer is not None:
            self._outer._nested.append(self)
        self._entered: list[Any] = []
        self._values: set[str] = set()
        self._external: dict[str, Tensor] = {}
        self._name = ""

    @property
    def name(self) -> str:
        return self._name

    @property
    def outer_context(self) -> FlowContext | None:
        return self._outer

    def Enter(self) -> None:
        self._entered.append(self._graph._get_control_flow_context())
        self._graph._set_control_flow_context(self)

    def Exit(self) -> None:
        self._graph._set_control_flow_context(self._entered.pop())

    def ExitResult(self, results: list[Tensor]) -> None:
        """The results belong to the context around this one."""
        if self._outer is not None:
            self._outer._values.update(t.name for t in results)

    def GetWhileContext(self) -> WhileContext | None:
        return None if self._outer is None else self._outer.GetWhileContext()

    def IsWhileContext(self) -> bool:
        return False

    def IsCondContext(self) -> bool:
        return False

    def pivot_tensor(self) -> Tensor | None:
        """What an operation without inputs waits for."""
        raise NotImplementedError

    def AddValue(self, value: Tensor) -> Tensor:
        """What stands for ``value`` inside."""
        raise NotImplementedError

    def AddOp(self, op: Operation) -> None:
        """Brings a new operation in: its inputs enter, its control inputs from outside go."""
        raise NotImplementedError

    def AddInnerOp(self, op: Operation) -> None:
        if self._outer is not None:
            self._outer.AddInnerOp(op)

    def _waits_for_pivot(self, op: Operation) -> None:
        pivot = self.pivot_tensor()
        assert pivot is not None
        op._add_control_input(pivot.op)

    def _drop_outside_control(self, op: Operation) -> tuple[list[Operation], list[Operation]]:
        """Removes control inputs from outside the innermost loop; gives those kept and those removed."""
        loop = self.GetWhileContext()
        if loop is None:
            return op.control_inputs, []
        inside: list[Operation] = []
        outside: list[Operation] = []
        for other in op.control_inputs:
            context = output_context(other)
            (inside if context is not None and context.GetWhileContext() is loop else outside).append(other)
        if outside:
            op._remove_all_control_inputs()
            op._add_control_inputs(inside)
        return inside, outside

    def _replace_inputs(self, op: Operation, keep_back_edges: bool) -> None:
        for i, tensor in enumerate(op.inputs):
            if keep_back_edges and op.type == "Merge" and tensor.op.type == "NextIteration":
                continue
            inside = self.AddValue(tensor)
            if inside is not tensor:
                op._update_input(i, inside)

    def values_def(self, export_scope: str | None = None) -> ValuesDef:
        proto = ValuesDef(values=[strip_scope(v, export_scope) for v in sorted(self._values)])
        for name, tensor in self._external.items():
            proto.external_values[strip_scope(name, export_scope)] = strip_scope(tensor.name, export_scope)
        return proto

    def _restore_values(self, proto: ValuesDef, scope: str | None) -> None:
        graph = self._graph
        self._values = {prepend_scope(v, scope) for v in proto.values}
        for name, value in proto.external_values.items():
            self._external[prepend_scope(name, scope)] = graph.get_tensor_by_name(_tensor(prepend_scope(value, scope)))
        for name in {v.partition(":")[0] for v in self._values - self._external.keys()}:
            graph.get_operation_by_name(name)._set_control_flow_context(self)

    def to_context_def(self, export_scope: str | None = None) -> ControlFlowContextDef:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._name


def _tensor(name: str) -> str:
    return name if ":" in name else name + ":0"


class CondContext(FlowContext):
    """One branch of a conditional."""

    def __init__(self, pred: Tensor, pivot: Tensor, branch: int, name: str = "cond_text") -> None:
        unique = get_default_graph().unique_name(name)
        super().__init__()
        self._name = unique
        self._pred = pred
        self._pivot = pivot
        self._branch = branch
        self._values = {pred.name, pivot.name}
        self._external = {pred.name: pred}
        pivot.op._set_control_flow_context(self)

    @property
    def pred(self) -> Tensor:
        return self._pred

    @property
    def branch(self) -> int:
        return self._branch

    @property
    def pivot(self) -> Tensor:
        return self._pivot

    def pivot_tensor(self) -> Tensor:
        return self._pivot

    def IsCondContext(self) -> bool:
        return True

    def AddValue(self, value: Tensor) -> Tensor:
        if value.name in self._values:
            return self._external.get(value.name, value)
        self._values.add(value.name)
        outside = self._from_outer(value)
        with self._graph.control_dependencies(None):
            inside: Tensor = switch(outside, self._pred)[self._branch]
            if self._outer is not None:
                self._outer.AddInnerOp(inside.op)
        self._graph.prevent_fetching(inside.op)
        inside.op._set_control_flow_context(self)
        self._add_names([inside.name])
        self._external[value.name] = inside
        return inside

    def _from_outer(self, value: Tensor) -> Tensor:
        if self._outer is None:
            return value
        found = self._outer.AddValue(value)
        self._values.add(found.name)
        self._external[found.name] = found
        return found

    def _add_names(self, names: list[str]) -> None:
        context: FlowContext | None = self
        while context is not None:
            context._values.update(names)
            context = context._outer

    def AddOp(self, op: Operation) -> None:
        if not op.inputs:
            self._drop_outside_control(op)
            if not any(_is_inside(other, self) for other in op.control_inputs):
                self._waits_for_pivot(op)
        else:
            self._replace_inputs(op, keep_back_edges=True)
            self._drop_outside_control(op)
            if op.type in op.graph._library:
                self._waits_for_pivot(op)
        self._add_names([t.name for t in op.outputs])
        if self._outer is not None or not is_loop_exit(op):
            op.graph.prevent_fetching(op)
        if self._outer is not None:
            self._outer.AddInnerOp(op)

    def result(self, value: Tensor) -> Tensor:
        """A branch's result: what comes from outside passes a Switch, so that it is dead when the branch is."""
        if value.name in self._values:
            return self._external.get(value.name, value)
        self._values.add(value.name)
        inside: Tensor = switch(self._from_outer(value), self._pred)[self._branch]
        self._external[value.name] = inside
        return inside

    def to_proto(self, export_scope: str | None = None) -> CondContextDef | None:
        if export_scope is not None and not self._name.startswith(export_scope):
            return None
        return CondContextDef(
            context_name=strip_scope(self._name, export_scope),
            pred_name=strip_scope(self._pred.name, export_scope),
            pivot_name=strip_scope(self._pivot.name, export_scope),
            branch=self._branch,
            values_def=self.values_def(export_scope),
            nested_contexts=[nested.to_context_def(export_scope) for nested in self._nested],
        )

    def to_context_def(self, export_scope: str | None = None) -> ControlFlowContextDef:
        return ControlFlowContextDef(cond_ctxt=self.to_proto(export_scope))

    @staticmethod
    def from_proto(context_def: CondContextDef, import_scope: str | None = None) -> CondContext:
        """The context that a MetaGraph keeps."""
        graph = get_default_graph()
        pred = graph.get_tensor_by_name(_tensor(prepend_scope(context_def.pred_name, import_scope)))
        pivot = graph.get_tensor_by_name(_tensor(prepend_scope(context_def.pivot_name, import_scope)))
        context = CondContext(pred, pivot, context_def.branch)
        context._name = prepend_scope(context_def.context_name, import_scope)
        context._external.clear()
        context._restore_values(context_def.values_def, import_scope)
        _restore_nested(context, context_def.nested_contexts, import_scope)
        return context


def _is_inside(op: Operation, context: FlowContext) -> bool:
    found = output_context(op)
    while found is not None:
        if found is context:
            return True
        found = found.outer_context
    return False


def _restore_nested(context: FlowContext, protos: Any, scope: str | None) -> None:
    context.Enter()
    for proto in protos:
        if proto.HasField("cond_ctxt"):
            CondContext.from_proto(proto.cond_ctxt, scope)
        else:
            WhileContext.from_proto(proto.while_ctxt, scope)
    context.Exit()


class WhileContext(FlowContext):
    """A loop."""

    def __init__(
        self,
        maximum_iterations: Tensor | None = None,
        parallel_iterations: int = 10,
        back_prop: bool = True,
        swap_memory: bool = False,
        name: str = "while_context",
    ) -> None:
        super().__init__()
        self._name = self._graph.unique_name(name)
        self._maximum_iterations = maximum_iterations
        self.parallel_iterations = parallel_iterations
        self._back_prop = back_prop
        self._swap_memory = swap_memory
        self._pivot_for_pred: Tensor | None = None
        self._pivot_for_body: Tensor | None = None
        self._pivot: Tensor | None = None
        self._loop_exits: list[Tensor] = []
        self._loop_enters: list[Tensor] = []
        self.grad_state: Any = None

    @property
    def back_prop(self) -> bool:
        return self._back_prop

    @property
    def maximum_iterations(self) -> Tensor | None:
        return self._maximum_iterations

    @property
    def pivot(self) -> Tensor | None:
        return self._pivot

    @property
    def loop_exits(self) -> list[Tensor]:
        return self._loop_exits

    @property
    def loop_enters(self) -> list[Tensor]:
        return self._loop_enters

    def GetWhileContext(self) -> WhileContext:
        return self

    def IsWhileContext(self) -> bool:
        return True

    def pivot_tensor(self) -> Tensor | None:
        return self._pivot_for_pred if self._pivot_for_body is None else self._pivot_for_body

    def AddValue(self, value: Tensor) -> Tensor:
        if value.name in self._values or value.op._control_flow_context is self:
            return self._external.get(value.name, value)
        self._values.add(value.name)
        outside = value if self._outer is None else self._outer.AddValue(value)
        with self._graph.control_dependencies(None):
            inside = enter(outside, self._name, is_constant=True, parallel_iterations=self.parallel_iterations)
            self._graph.prevent_feeding(inside)
            if self._outer is not None:
                self._outer.AddInnerOp(inside.op)
        self._own_enters([inside])
        self._values.add(inside.name)
        self._external[value.name] = inside
        return inside

    def AddOp(self, op: Operation) -> None:
        if op.type in ("PartitionedCall", "StatefulPartitionedCall"):
            self._waits_for_pivot(op)
        if not op.inputs:
            inside, outside = self._drop_outside_control(op)
            if not inside:
                self._waits_for_pivot(op)
        else:
            self._replace_inputs(op, keep_back_edges=False)
            _, outside = self._drop_outside_control(op)
            if self._is_free(op):
                self._waits_for_pivot(op)
        self._values.update(t.name for t in op.outputs)
        if outside:
            self._wait_inside(op, outside)
        if self._outer is not None or not is_loop_exit(op):
            op.graph.prevent_fetching(op)
            for tensor in op.outputs:
                op.graph.prevent_feeding(tensor)
        if self._outer is not None:
            self._outer.AddInnerOp(op)

    def _wait_inside(self, op: Operation, outside: list[Operation]) -> None:
        """Operations outside the loop are waited for through an Identity of their result inside it."""
        with self._graph.control_dependencies(None):
            self.Enter()
            waits = [identity(other.outputs[0]).op for other in outside if other.outputs]
            self.Exit()
        op._add_control_inputs(waits)

    @staticmethod
    def _is_free(op: Operation) -> bool:
        """Whether nothing ties ``op`` to an iteration."""
        if op.control_inputs:
            return False
        return op.type in op.graph._library or all(is_constant_enter(t.op) for t in op.inputs)

    def _own_enters(self, enters: list[Tensor]) -> None:
        """Enter operations belong to this loop; they wait for what their input's scope waits for."""
        graph = self._graph
        for tensor in enters:
            producer = tensor.op.inputs[0]
            waits = [op for op in graph._control_inputs_for([producer]) if self._reaches(output_context(op))]
            tensor.op._set_control_flow_context(self)
            tensor.op._add_control_inputs(waits)
            for block in graph.control_blocks:
                block.add(tensor.op)

    def _reaches(self, wanted: FlowContext | None) -> bool:
        """Whether ``wanted`` is a context around this one, within the loop around it."""
        outer = self._outer
        loop = None if outer is None else outer.GetWhileContext()
        while outer is not wanted:
            if outer is None or outer is loop:
                return False
            outer = outer._outer
        return True

    def enter_loop_vars(self, values: list[Tensor], invariants: list[TensorShape]) -> list[Tensor]:
        """The loop variables inside the frame. ValueError when one does not have the shape that it shall keep."""
        self._values = {t.name for t in values}
        outer = self._outer
        real = values if outer is None else [outer.AddValue(t) for t in values]
        entered = []
        with self._graph.control_dependencies(None):
            for value, invariant in zip(real, invariants, strict=True):
                if not within(value.shape, invariant):
                    raise ValueError(
                        f"The shape invariant specified for {value.name} is not compatible with the initial shape of "
                        f"the loop variable. It enters the loop with shape {value.shape}, but the specified shape "
                        f"invariant is {invariant}."
                    )
                parallel = self.parallel_iterations
                inside = enter(value, self._name, is_constant=False, parallel_iterations=parallel, keep_shape=False)
                inside.set_shape(invariant)
                self._graph.prevent_feeding(inside)
                if outer is not None:
                    outer.AddInnerOp(inside.op)
                entered.append(inside)
        pivot = None
        while outer is not None and pivot is None:
            pivot, outer = outer.pivot_tensor(), outer._outer
        if pivot is not None:
            for inside in entered:
                if is_constant_enter(inside.op.inputs[0].op):
                    inside.op._add_control_input(pivot.op)
        self._own_enters(entered)
        self._values = {t.name for t in entered}
        self._loop_enters = entered
        return entered

    def to_proto(self, export_scope: str | None = None) -> WhileContextDef | None:
        if export_scope is not None and not self._name.startswith(export_scope):
            return None
        assert self._pivot_for_pred is not None
        assert self._pivot_for_body is not None
        assert self._pivot is not None
        proto = WhileContextDef(
            context_name=strip_scope(self._name, export_scope),
            parallel_iterations=self.parallel_iterations,
            back_prop=self._back_prop,
            swap_memory=self._swap_memory,
            pivot_for_pred_name=strip_scope(self._pivot_for_pred.name, export_scope),
            pivot_for_body_name=strip_scope(self._pivot_for_body.name, export_scope),
            pivot_name=strip_scope(self._pivot.name, export_scope),
            loop_exit_names=[strip_scope(t.name, export_scope) for t in self._loop_exits],
            loop_enter_names=[strip_scope(t.name, export_scope) for t in self._loop_enters],
            values_def=self.values_def(export_scope),
            nested_contexts=[nested.to_context_def(export_scope) for nested in self._nested],
        )
        if self._maximum_iterations is not None:
            proto.maximum_iterations_name = strip_scope(self._maximum_iterations.name, export_scope)
        return proto

    def to_context_def(self, export_scope: str | None = None) -> ControlFlowContextDef:
        return ControlFlowContextDef(while_ctxt=self.to_proto(export_scope))

    @staticmethod
    def from_proto(context_def: WhileContextDef, import_scope: str | None = None) -> WhileContext:
        """The context that a MetaGraph keeps; inside an import scope the frame takes the new name."""
        graph = get_default_graph()

        def tensor(name: str) -> Tensor:
            return graph.get_tensor_by_name(_tensor(prepend_scope(name, import_scope)))

        limit = tensor(context_def.maximum_iterations_name) if context_def.maximum_iterations_name else None
        context = WhileContext(
            limit, context_def.parallel_iterations or 10, context_def.back_prop, context_def.swap_memory
        )
        context._name = prepend_scope(context_def.context_name, import_scope)
        context._pivot_for_pred = tensor(context_def.pivot_for_pred_name)
        context._pivot_for_body = tensor(context_def.pivot_for_body_name)
        context._pivot = tensor(context_def.pivot_name)
        context._loop_exits = [tensor(n) for n in context_def.loop_exit_names]
        context._loop_enters = [tensor(n) for n in context_def.loop_enter_names]
        context._restore_values(context_def.values_def, import_scope)
        if import_scope:
            for name in context._values:
                op = graph.get_operation_by_name(name.partition(":")[0])
                if op.type in ("Enter", "RefEnter"):
                    op._set_attr("frame_name", AttrValue(s=context._name.encode()))
        _restore_nested(context, context_def.nested_contexts, import_scope)
        return context


def within(shape: TensorShape, invariant: TensorShape) -> bool:
    """Whether every tensor of ``shape`` has the shape ``invariant`` too."""
    ours, wanted = shape.core, invariant.core
    if wanted is None:
        return True
    return (
        ours is not None
        and len(ours) == len(wanted)
        and all(w is None or o == w for o, w in zip(ours, wanted, strict=True))
    )


register_proto_function(GraphKeys.COND_CONTEXT, CondContextDef, CondContext.to_proto, CondContext.from_proto)
register_proto_function(GraphKeys.WHILE_CONTEXT, WhileContextDef, WhileContext.to_proto, WhileContext.from_proto)
