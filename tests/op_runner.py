"""Builds the graph of one op case and runs it: through the host kernel, and compiled with static or dynamic shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import noria.ops
from noria import dtypes
from noria.compile.pipeline import Feed, compile_program, prepare
from noria.compile.program import Program, SegmentStep
from noria.dtypes import DType
from noria.graph.graph import Graph, Node, Tensor
from noria.graph.op_spec import OpSpec, op_spec
from noria.graph.resources import Resources
from noria.shapes import Shape
from op_cases import Array, Case

assert noria.ops  # its import fills the rule tables

# Relative and absolute tolerance by dtype; integers, strings, booleans and shapes are exact.
TOLERANCE: dict[DType, tuple[float, float]] = {
    dtypes.float64: (1e-9, 1e-12),
    dtypes.float32: (1e-5, 1e-6),
    dtypes.float16: (2e-3, 2e-3),
    dtypes.bfloat16: (2e-2, 2e-2),
    dtypes.complex64: (1e-5, 1e-6),
    dtypes.complex128: (1e-9, 1e-12),
}


def build(case: Case) -> tuple[Graph, Node]:
    """A graph with a placeholder (or constant) for each input and the op itself, called ``op``."""
    spec = op_spec(case.row.op)
    assert spec is not None, f"TensorFlow has no op {case.row.op}"
    graph = Graph()
    inputs = []
    for i, (array, fed) in enumerate(zip(case.inputs, case.fed, strict=True)):
        dtype = dtypes.from_numpy(array.dtype)
        node = Node(f"in{i}", "Placeholder" if fed else "Const", output_dtypes=(dtype,))
        node.attrs = {"dtype": dtype} if fed else {"dtype": dtype, "value": array}
        inputs.append(graph.add(node).output())
    given = {k: v.encode() if isinstance(v, str) else v for k, v in case.attrs.items()}
    attrs = dict(spec.defaults) | bound_attrs(spec, case) | given
    node = Node("op", case.row.op, tuple(inputs), (), attrs, spec.output_dtypes(attrs))
    return graph, graph.add(node)


def bound_attrs(spec: OpSpec, case: Case) -> dict[str, Any]:
    """The type and number attributes that follow from the inputs."""
    attrs: dict[str, Any] = {}
    remaining = [dtypes.from_numpy(a.dtype) for a in case.inputs]
    for position, arg in enumerate(spec.inputs):
        after = len(spec.inputs) - position - 1
        if arg.type_list_attr:
            given = case.attrs.get(arg.type_list_attr)
            count = len(given) if given is not None else len(remaining) - after
            attrs[arg.type_list_attr] = remaining[:count]
        elif arg.number_attr:
            count = case.attrs.get(arg.number_attr, attrs.get(arg.number_attr, len(remaining) - after))
            attrs[arg.number_attr] = count
            if arg.type_attr and count:
                attrs[arg.type_attr] = remaining[0]
        else:
            count = 1
            if arg.type_attr:
                attrs[arg.type_attr] = remaining[0]
        remaining = remaining[count:]
    return attrs


def compile_case(case: Case, *, engine: bool, shape: Callable[[Array], Shape]) -> Program:
    graph, node = build(case)
    feeds = [
        Feed(Tensor(f"in{i}"), dtypes.from_numpy(a.dtype), shape(a))
        for i, (a, fed) in enumerate(zip(case.inputs, case.fed, strict=True))
        if fed
    ]
    prepared = prepare(graph, [*node.outputs, *(f.tensor for f in feeds)], [node.name])
    return compile_program(prepared, feeds, node.outputs, [node.name], resources=Resources(), engine=engine)


def run_case(case: Case, *, engine: bool, shape: Callable[[Array], Shape] = lambda a: a.shape) -> list[Array]:
    """The op's outputs."""
    program = compile_case(case, engine=engine, shape=shape)
    return program.run([a for a, fed in zip(case.inputs, case.fed, strict=True) if fed])


def lowers_whole(case: Case) -> bool:
    """Whether the compiled program runs the op in the engine (or knows its value beforehand)."""
    program = compile_case(case, engine=True, shape=lambda a: a.shape)
    return all(isinstance(step, SegmentStep) for step in program.steps)


def dynamic_batch(array: Array) -> Shape:
    """The array's shape with an unknown first dimension."""
    return (None, *array.shape[1:]) if array.ndim else ()


def unknown_rank(array: Array) -> Shape:
    return None


def assert_same(got: list[Array], wanted: list[Array], case: Case, *, what: str) -> None:
    """Same number, dtypes, shapes and values, within the tolerance of the dtype or of the row."""
    assert len(got) == len(wanted), f"{what}: {len(got)} outputs, not {len(wanted)}"
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert isinstance(a, np.ndarray), f"{what}: output {i} is a {type(a).__name__}"
        assert a.dtype == b.dtype, f"{what}: output {i} is {a.dtype}, not {b.dtype}"
        assert a.shape == b.shape, f"{what}: output {i} has shape {a.shape}, not {b.shape}"
        if i in case.row.undefined:
            continue
        if a.dtype == object or a.dtype.kind in "iub" or case.row.exact:
            equal = bool(np.all((a == b) | ((a != a) & (b != b)))) if a.dtype != object else bool(np.all(a == b))
            assert equal, f"{what}: output {i} is\n{a}, not\n{b}"
            continue
        rtol, atol = TOLERANCE.get(dtypes.from_numpy(a.dtype), (0.0, 0.0))
        rtol = rtol if case.row.rtol is None else case.row.rtol
        atol = atol if case.row.atol is None else case.row.atol
        wide = np.complex128 if a.dtype.kind == "c" else np.float64
        np.testing.assert_allclose(a.astype(wide), b.astype(wide), rtol=rtol, atol=atol, err_msg=f"{what}: output {i}")
