"""Reference variables → resources: one kind of variable below this pass.

In a TensorFlow 1 graph ``VariableV2`` gives a reference, and whoever takes it reads (or writes) the variable at the
time it runs. Here the variable's output becomes a resource handle; every input that wants a value gets a
``ReadVariableOp`` that waits for what its user waits for; every input that wants a reference (``Assign``) gets the
handle. ``Assign`` and its kin give the value they wrote, so a user of their output sees that update and no later one.

Gathers and shape queries of resources are split into a read and the plain op, so that a frozen variable leaves no
special cases behind.
"""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.compile.feeds import with_inputs
from noria.dtypes import DType
from noria.graph.graph import Graph, Node, Tensor
from noria.graph.op_spec import op_spec

REF_VARIABLES = frozenset({"Variable", "VariableV2", "TemporaryVariable"})
HANDLES = REF_VARIABLES | {"VarHandleOp"}
# Stateful by definition, because they give a resource; running them early or once changes nothing.
RESOURCE_HANDLES = HANDLES | {
    "HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2", "MutableDenseHashTableV2",
}  # fmt: skip
# What control flow of TensorFlow 1 does with references it also does with handles and values.
_PLAIN = {
    "RefSwitch": "Switch", "RefMerge": "Merge", "RefEnter": "Enter", "RefExit": "Exit",
    "RefNextIteration": "NextIteration",
}  # fmt: skip
_GIVES_HANDLE = frozenset({"RefSwitch", "RefEnter"})
_READ_THEN = {"ResourceGather": "GatherV2", "ResourceGatherNd": "GatherNd", "VariableShape": "Shape"}


def variable_dtype(node: Node) -> DType:
    """The dtype of the values of the variable that ``node`` (one of ``HANDLES``) stands for."""
    dtype = node.attrs["dtype"]
    assert isinstance(dtype, DType)
    return dtype


def resolve(graph: Graph, fetches: list[Tensor]) -> tuple[Graph, list[Tensor]]:
    """``graph`` without references, and ``fetches`` with variables replaced by reads of them."""
    return _Resolver(graph).run(fetches)


class _Resolver:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._out = Graph(functions=graph.functions)
        self._reads: dict[tuple[Tensor, tuple[str, ...]], Tensor] = {}

    def run(self, fetches: list[Tensor]) -> tuple[Graph, list[Tensor]]:
        for node in self._graph:
            self._out.nodes[node.name] = self._handle(node) if node.op in REF_VARIABLES else node
        for node in self._graph:
            spec = op_spec(node.op)
            if node.op in _READ_THEN:
                self._split(node)
            elif spec is not None and node.inputs:
                refs = spec.input_refs(node.attrs)
                if node.op in _PLAIN and not self._gives_handle(node):
                    refs = (False,) * len(refs)
                self._inputs(node, refs)
        for node in self._graph:
            if node.op in _PLAIN:
                self._plain(node)
        return self._out, [self._fetch(t) for t in fetches]

    def _handle(self, node: Node) -> Node:
        return Node(node.name, node.op, (), node.control_inputs, node.attrs, (dtypes.resource,), node.device)

    def _gives_handle(self, node: Node) -> bool:
        """Whether ``node`` hands on a reference to a variable that nothing has changed on the way."""
        return node.op in _GIVES_HANDLE and self._root(node.inputs[0]) is not None

    def _plain(self, node: Node) -> None:
        """Replaces ``RefSwitch`` by ``Switch``, and so on, of a handle or of values."""
        done = self._out[node.name]
        attrs, kinds = dict(done.attrs), done.output_dtypes
        if self._gives_handle(node):
            attrs["T"] = dtypes.resource
            kinds = (dtypes.resource,) * len(kinds)
        self._out.nodes[node.name] = Node(
            done.name, _PLAIN[node.op], done.inputs, done.control_inputs, attrs, kinds, done.device
        )

    def _inputs(self, node: Node, wants_ref: tuple[bool, ...]) -> None:
        inputs: list[Tensor] = []
        control = list(node.control_inputs)
        for tensor, ref in zip(node.inputs, wants_ref, strict=True):
            root = self._root(tensor)
            if root is None:
                inputs.append(tensor)
            elif ref:
                inputs.append(root)
                if tensor.node != root.node:
                    control.append(tensor.node)
            elif tensor == root:
                inputs.append(self._read(root, node.control_inputs))
            else:
                inputs.append(tensor)  # the value that Assign wrote
        if tuple(inputs) != node.inputs:
            self._out.nodes[node.name] = with_inputs(node, tuple(inputs), tuple(control))

    def _root(self, tensor: Tensor) -> Tensor | None:
        """The handle of the variable that ``tensor`` refers to; None when it is no reference to a variable.

        Within a branch or a loop that is the handle as it came in there.
        """
        while True:
            node = self._graph[tensor.node]
            if node.op in REF_VARIABLES or (node.op in _PLAIN and self._gives_handle(node)):
                return tensor
            if node.op in _PLAIN:
                return None
            spec = op_spec(node.op)
            if spec is None or not spec.has_refs or not node.inputs or not _passes_ref(node):
                return None
            tensor = node.inputs[0]

    def _read(self, handle: Tensor, control: tuple[str, ...]) -> Tensor:
        found = self._reads.get((handle, control))
        if found is None:
            producer = self._graph[handle.node]
            while producer.op in _GIVES_HANDLE:
                producer = self._graph[producer.inputs[0].node]
            dtype = variable_dtype(producer) if producer.op in HANDLES else None
            name = self._out.unique_name(f"{handle.node}/read_value")
            read = Node(
                name, "ReadVariableOp", (handle,), control, {"dtype": dtype} if dtype else {}, (dtype,) if dtype else ()
            )
            found = self._reads[handle, control] = self._out.add(read).output()
        return found

    def _split(self, node: Node) -> None:
        """``ResourceGather(v, i)`` → ``GatherV2(ReadVariableOp(v), i, axis)``, and so on."""
        handle = node.inputs[0]
        dtype = node.attrs.get("dtype")
        if node.op == "VariableShape" or not isinstance(dtype, DType):
            producer = self._graph[handle.node]
            if producer.op not in HANDLES:
                return
            dtype = variable_dtype(producer)
        name = self._out.unique_name(f"{node.name}/read_value")
        read = self._out.add(
            Node(name, "ReadVariableOp", (handle,), node.control_inputs, {"dtype": dtype}, (dtype,))
        ).output()
        op = _READ_THEN[node.op]
        attrs = dict(node.attrs)
        inputs: tuple[Tensor, ...] = (read, *node.inputs[1:])
        if op == "GatherV2":
            axis_name = self._out.unique_name(f"{node.name}/axis")
            axis = np.asarray(attrs.get("batch_dims", 0), np.int32)
            self._out.add(
                Node(axis_name, "Const", attrs={"value": axis, "dtype": dtypes.int32}, output_dtypes=(dtypes.int32,))
            )
            inputs = (*inputs, Tensor(axis_name))
        defaults = op_spec(op)
        attrs = (
            (dict(defaults.defaults) if defaults else {})
            | attrs
            | {"T": dtype, "Tparams": dtype, "Taxis": dtypes.int32}
        )
        self._out.nodes[node.name] = Node(node.name, op, inputs, node.control_inputs, attrs, node.output_dtypes)

    def _fetch(self, tensor: Tensor) -> Tensor:
        node = self._graph[tensor.node]
        return self._read(tensor, ()) if node.op in REF_VARIABLES else tensor


def _passes_ref(node: Node) -> bool:
    """Whether output 0 of ``node`` is the reference it got as input 0 (Assign, ScatterAdd, RefIdentity, …)."""
    spec = op_spec(node.op)
    return bool(spec and spec.outputs and spec.outputs[0].is_ref and spec.inputs and spec.inputs[0].is_ref)
