"""A signature: named inputs and outputs of a loaded model, compiled when first run."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeAlias

import numpy as np

from noria import dtypes, shapes
from noria.compile.freeze import Key, assigned_variables, handle_key
from noria.compile.functions import with_bodies
from noria.compile.pipeline import Feed, Prepared, compile_program, unsupported
from noria.compile.program import Program, SegmentStep, Step
from noria.compile.refs import HANDLES
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats.files import release
from noria.graph.graph import Array, Graph, Tensor
from noria.graph.op_spec import is_stateful
from noria.graph.resources import Resources, Variable
from noria.model.values import to_array
from noria.shapes import Shape

# Ops that count as stateful and yet leave nothing behind that a later run could see.
_LEAVES_NOTHING = frozenset({
    "VarHandleOp", "VariableV2", "Variable", "ReadVariableOp", "VarIsInitializedOp", "IsVariableInitialized",
    "VariableShape", "DisableCopyOnRead", "ResourceGather", "ResourceGatherNd", "HashTable", "HashTableV2",
    "MutableHashTable", "MutableHashTableV2", "MutableDenseHashTableV2", "LookupTableFind", "LookupTableFindV2",
    "LookupTableSize", "LookupTableSizeV2", "LookupTableExport", "LookupTableExportV2", "Assert", "If", "While",
    "Case", "StatefulPartitionedCall", "Placeholder", "PlaceholderV2", "NoOp", "CheckNumerics", "Empty", "DeepCopy",
    "TensorArrayV3", "TensorArrayReadV3", "TensorArrayWriteV3", "TensorArrayGatherV3", "TensorArrayScatterV3",
    "TensorArrayConcatV3", "TensorArraySplitV3", "TensorArraySizeV3",
})  # fmt: skip
_MAX_PROGRAMS = 2  # compiled variants kept of one signature: other ranks, other outputs; each may pack its weights anew


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: its alias, the tensor of the graph, dtype and declared shape."""

    name: str
    tensor: str
    dtype: DType
    shape: Shape


@dataclass(frozen=True, slots=True)
class Trace:
    """One tensor of a traced run: its name, the op that made it, its value, and the seconds the op took."""

    name: str
    op: str
    value: Any
    seconds: float


@dataclass(frozen=True)
class Runtime:
    """What the signatures of one model share."""

    prepared: Prepared
    resources: Resources
    mutable: frozenset[Key]


class Signature:
    """A callable of a model. Safe to call from any thread.

    inputs, outputs: by alias, sorted; method_name: as saved (``tensorflow/serving/predict``); defaults: values of
    inputs that may be left out.
    """

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        inputs: Mapping[str, tuple[TensorSpec, Tensor]],
        outputs: Mapping[str, tuple[TensorSpec, Tensor]],
        *,
        method_name: str = "",
        defaults: Mapping[str, Array] | None = None,
    ) -> None:
        self.name = name
        self.method_name = method_name
        self.inputs: Mapping[str, TensorSpec] = {k: inputs[k][0] for k in sorted(inputs)}
        self.outputs: Mapping[str, TensorSpec] = {k: outputs[k][0] for k in sorted(outputs)}
        self.defaults: Mapping[str, Array] = dict(defaults or {})
        self._runtime = runtime
        self._feeds = tuple(Feed(inputs[k][1], s.dtype, s.shape) for k, s in self.inputs.items())
        self._fetches = {k: outputs[k][1] for k in self.outputs}
        self._checks = tuple((k, s.dtype.numpy, _ShapeCheck.of(s.shape)) for k, s in self.inputs.items())
        self._output_names = tuple(self.outputs)
        self._program: Program | None = None
        self._fast: _FastPath = _never
        self._variants: OrderedDict[tuple[Any, ...], Program] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Signature {self.name!r}: {_specs(self.inputs)} -> {_specs(self.outputs)}>"

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        """Runs the signature with its inputs as keywords."""
        return self.run(inputs)

    def run(
        self, inputs: Mapping[str, Any], *, outputs: Sequence[str] | None = None, strict: bool = False
    ) -> dict[str, Array]:
        """Runs the signature; returns arrays by output alias.

        inputs: values by alias, anything NumPy takes as an array; outputs: only these are computed and returned;
        strict: also check the declared shapes, which TensorFlow does not: the graph decides.
        Raises InvalidArgumentError for wrong names, dtypes or (strict) shapes, telling got, expected, difference.
        """
        if outputs is None and not strict:
            done = self._fast(inputs)
            if done is not None:
                return done
        if inputs.keys() != self.inputs.keys():
            inputs = self._complete(inputs)
        arrays = {}
        for alias, numpy_dtype, _ in self._checks:
            value = inputs[alias]
            if type(value) is not np.ndarray or value.dtype != numpy_dtype or numpy_dtype.hasobject:
                value = to_array(value, self.inputs[alias].dtype, alias)
            arrays[alias] = value
        if strict:
            self._check_shapes(arrays)
        return self.run_arrays(arrays, outputs)

    def run_arrays(self, arrays: Mapping[str, Array], outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """The path for servers: ``arrays`` has every input as an array; a wrong dtype is refused as TensorFlow does."""
        if outputs is None:
            done = self._fast(arrays)
            if done is not None:
                return done
        values = []
        fits = True
        for alias, numpy_dtype, check in self._checks:
            array = arrays[alias]
            if array.dtype != numpy_dtype:
                self._wrong_dtype(alias, array)
            values.append(array)
            fits = fits and check(array.shape)
        return self._run_variant(values, self._output_names if outputs is None else outputs, fits)

    def compile(self) -> None:
        """Compiles the signature now rather than at the first call. Raises UnimplementedError naming missing ops."""
        if self._program is None:
            with self._lock:
                if self._program is None:
                    self._program = self._compile(self._feeds, tuple(self._fetches.values()))
                    for variable in self._runtime.resources.variables():
                        if variable.value is not None:
                            release(variable.value)
                    self._fast = _fast_path(self._checks, self._output_names, self._program)

    def program(self) -> Program:
        """The signature compiled for its declared shapes: inputs and outputs in the order of their aliases."""
        return self._compile(self._feeds, tuple(self._fetches.values()))

    @property
    def on_engine(self) -> bool:
        """Whether all of it is one call of the engine; False while it is not compiled."""
        return (
            self._program is not None
            and len(self._program.steps) == 1
            and isinstance(self._program.steps[0], SegmentStep)
        )

    def together(self, others: Sequence[Signature]) -> Signature:
        """One signature of the same inputs that gives the outputs of several in one run, as ``<signature>/<output>``.

        The others must be of the same model and take the same tensors, else InvalidArgumentError.
        """
        outputs: dict[str, tuple[TensorSpec, Tensor]] = {}
        for one in (self, *others):
            if one._runtime is not self._runtime or [f.tensor for f in one._feeds] != [f.tensor for f in self._feeds]:
                raise InvalidArgumentError(
                    f"signatures {self.name!r} and {one.name!r} do not run together: they are of different models, or "
                    f"take different tensors: {_specs(self.inputs)} and {_specs(one.inputs)}"
                )
            for alias, spec in one.outputs.items():
                outputs[f"{one.name}/{alias}"] = (spec, one._fetches[alias])
        inputs = {k: (s, f.tensor) for (k, s), f in zip(self.inputs.items(), self._feeds, strict=True)}
        name = "+".join(one.name for one in (self, *others))
        return Signature(name, self._runtime, inputs, outputs, method_name=self.method_name, defaults=self.defaults)

    def problem(self) -> str:
        """Why the signature cannot run here: every op without a rule, with count and first place; "" when it can."""
        return unsupported(self._runtime.prepared, [f.tensor for f in self._feeds], self._fetches.values())

    @property
    def ops(self) -> Counter[str]:
        """The ops between inputs and outputs, calls inlined, with their counts."""
        prepared = self._runtime.prepared
        stop = [prepared.tensors[f.tensor] for f in self._feeds]
        names = prepared.graph.closure([prepared.tensors[t] for t in self._fetches.values()], stop=stop)
        return Counter(prepared.graph[n].op for n in names)

    @property
    def graph(self) -> Graph:
        """The graph as the compiler takes it: calls inlined, references resolved; shared by the model's signatures."""
        return self._runtime.prepared.graph

    def forget(self) -> None:
        """Drops what has been compiled; a later call compiles again."""
        with self._lock:
            self._program, self._fast = None, _never
            self._variants.clear()

    @property
    def variable_bytes(self) -> int:
        """Bytes of the variables that the signatures of its model need together; each is in memory once."""
        runtime = self._runtime
        needed = {handle_key(n) for n in runtime.prepared.graph if n.op in HANDLES}
        found = [runtime.resources.find(*key) for key in needed]
        return sum(v.value.nbytes for v in found if isinstance(v, Variable) and v.value is not None)

    @property
    def changes_state(self) -> bool:
        """Whether a run may leave something behind that a later one sees: a variable, a table, a random generator."""
        prepared = self._runtime.prepared
        stop = [prepared.tensors[f.tensor] for f in self._feeds]
        names = prepared.graph.closure([prepared.tensors[t] for t in self._fetches.values()], stop=stop)
        if assigned_variables(prepared.graph, names):
            return True
        nodes = with_bodies(prepared.graph, names)
        return any(is_stateful(n.op) and n.op not in _LEAVES_NOTHING for n in nodes)

    def trace(self, inputs: Mapping[str, Any]) -> Iterator[Trace]:
        """Runs op by op on the host and gives every tensor on the way, in order."""
        seen: list[Trace] = []
        self.run_traced(inputs, seen.append)
        return iter(seen)

    def run_traced(self, inputs: Mapping[str, Any], seen: Callable[[Trace], None]) -> dict[str, Array]:
        """Runs op by op on the host, telling ``seen`` of each tensor as it is made; returns arrays by output alias."""
        arrays = [to_array(v, self.inputs[k].dtype, k) for k, v in self._in_order(inputs)]
        feeds = tuple(Feed(f.tensor, f.dtype, None) for f in self._feeds)
        program = self._compile(feeds, tuple(self._fetches.values()), engine=False)

        def note(step: Step, results: list[Any], seconds: float) -> None:
            node = step.call.node  # type: ignore[union-attr]  # without the engine every step is a host step
            for i, value in enumerate(results):
                seen(Trace(f"{node.name}:{i}", node.op, value, seconds))

        return dict(zip(self._output_names, program.trace(arrays, note), strict=True))

    def _in_order(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        complete = inputs if inputs.keys() == self.inputs.keys() else self._complete(inputs)
        return ((alias, complete[alias]) for alias in self.inputs)

    def _complete(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """``inputs`` with defaults filled in; InvalidArgumentError when names are missing or too many."""
        complete = {**self.defaults, **inputs}
        if complete.keys() == self.inputs.keys():
            return complete
        extra = sorted(complete.keys() - self.inputs.keys())
        missing = sorted(self.inputs.keys() - complete.keys())
        parts = ([f"extra {extra}"] if extra else []) + ([f"missing {missing}"] if missing else [])
        raise InvalidArgumentError(
            f"inputs {sorted(inputs)} do not match signature {self.name!r}, which takes {sorted(self.inputs)}: "
            + ", ".join(parts)
        )

    def _check_shapes(self, arrays: Mapping[str, Array]) -> None:
        for alias, spec in self.inputs.items():
            if not shapes.compatible(arrays[alias].shape, spec.shape):
                raise InvalidArgumentError(
                    f"input {alias!r}: got shape {shapes.text(arrays[alias].shape)}, "
                    f"signature {self.name!r} declares {shapes.text(spec.shape)}"
                )

    def _wrong_dtype(self, alias: str, array: Array) -> NoReturn:
        number = list(self.inputs).index(alias)
        wanted, got = self.inputs[alias].dtype.core_name, dtypes.from_numpy(array.dtype).core_name
        raise InvalidArgumentError(f"Expects arg[{number}] to be {wanted} but {got} is provided (input {alias!r})")

    def _run_variant(self, values: list[Array], names: Sequence[str], fits: bool) -> dict[str, Array]:
        unknown = [n for n in names if n not in self._fetches]
        if unknown:
            raise InvalidArgumentError(
                f"signature {self.name!r} has no outputs {unknown}; it has {list(self._output_names)}"
            )
        if fits:
            self.compile()
            assert self._program is not None
            if tuple(names) == self._output_names or not self._program.effects:
                # Running what is not asked for costs less than a second compiled copy of the weights.
                found = dict(zip(self._output_names, self._program.run(values), strict=True))
                return {name: found[name] for name in names}
        program = self._variant(tuple(names), None if fits else tuple(v.ndim for v in values))
        return dict(zip(names, program.run(values), strict=True))

    def _variant(self, names: tuple[str, ...], ranks: tuple[int, ...] | None) -> Program:
        """The program for some outputs, or for inputs of other shapes than declared: only their ranks are assumed."""
        key = (names, ranks)
        with self._lock:
            found = self._variants.get(key)
            if found is None:
                feeds = self._feeds
                if ranks is not None:
                    feeds = tuple(Feed(f.tensor, f.dtype, shapes.unknown(r)) for f, r in zip(feeds, ranks, strict=True))
                found = self._variants[key] = self._compile(feeds, tuple(self._fetches[n] for n in names))
                while len(self._variants) > _MAX_PROGRAMS:
                    self._variants.popitem(last=False)
            self._variants.move_to_end(key)
        return found

    def _compile(self, feeds: Sequence[Feed], fetches: Sequence[Tensor], *, engine: bool = True) -> Program:
        runtime = self._runtime
        return compile_program(
            runtime.prepared, feeds, fetches, resources=runtime.resources, mutable=runtime.mutable, engine=engine
        )


_FastPath: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Array] | None]


def _never(inputs: Mapping[str, Any]) -> dict[str, Array] | None:
    return None


def _fast_path(checks: Sequence[_Check], outputs: tuple[str, ...], program: Program) -> _FastPath:
    """A call that does nothing but run, for inputs that are just what the program takes; None for any others.

    A small model runs in a few microseconds: what stands around the call is measured against that.
    """
    run = program.run
    if len(checks) != 1 or checks[0][1].hasobject:
        return partial(_run_if_exact, tuple(checks), outputs, run)
    (alias, dtype, fits) = checks[0]
    name = outputs[0] if len(outputs) == 1 else None

    def one_input(inputs: Mapping[str, Any]) -> dict[str, Array] | None:
        array = inputs.get(alias)
        if type(array) is not np.ndarray or array.dtype is not dtype or len(inputs) != 1 or not fits(array.shape):
            return None
        if name is not None:
            return {name: run((array,))[0]}
        return dict(zip(outputs, run((array,)), strict=True))

    return one_input


def _run_if_exact(
    checks: Sequence[_Check],
    outputs: tuple[str, ...],
    run: Callable[[Sequence[Array]], list[Array]],
    inputs: Mapping[str, Any],
) -> dict[str, Array] | None:
    if len(inputs) != len(checks):
        return None
    values = []
    for alias, dtype, fits in checks:
        array = inputs.get(alias)
        if type(array) is not np.ndarray or array.dtype is not dtype or not fits(array.shape):
            return None
        if dtype.hasobject and not all(type(v) is bytes for v in array.reshape(-1)):
            return None
        values.append(array)
    return dict(zip(outputs, run(values), strict=True))


@dataclass(frozen=True, slots=True)
class _ShapeCheck:
    """Whether a shape fits the declared one, as cheaply as can be."""

    rank: int
    fixed: tuple[tuple[int, int], ...] = field(default=())

    @staticmethod
    def of(shape: Shape) -> Callable[[tuple[int, ...]], bool]:
        if shape is None:
            return _any_shape
        fixed = tuple((i, d) for i, d in enumerate(shape) if d is not None)
        if shape and len(fixed) == len(shape) - 1 and shape[0] is None:  # the batch is free: by far the most common
            tail, rank = shape[1:], len(shape)
            return lambda given: len(given) == rank and given[1:] == tail
        return _ShapeCheck(len(shape), fixed)

    def __call__(self, shape: tuple[int, ...]) -> bool:
        if len(shape) != self.rank:
            return False
        for axis, size in self.fixed:  # noqa: SIM110  # on the hot path, where a generator costs more
            if shape[axis] != size:
                return False
        return True


def _any_shape(shape: tuple[int, ...]) -> bool:
    return True


_Check: TypeAlias = tuple[str, np.dtype[Any], Callable[[tuple[int, ...]], bool]]


def _specs(specs: Mapping[str, TensorSpec]) -> str:
    return "{" + ", ".join(f"{k}: {s.dtype}{shapes.text(s.shape)}" for k, s in specs.items()) + "}"
