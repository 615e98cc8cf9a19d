"""The four rule tables (infer, lower, kernel, grad) and the decorators that fill them.

An op is a row in each table that has something to say about it, and the table belongs to the pass that reads it:

- ``infer``: shapes of the outputs from those of the inputs;
- ``lower``: the op as ONNX nodes, written through a ``Lowering`` that the compiler passes in, so that rules know
  neither ONNX's classes nor the engine;
- ``kernel``: the op over NumPy arrays; the definition that a lowering must agree with;
- ``grad``: the op's gradient as new nodes.

``noria.ops`` fills the tables; one op's rules stand side by side there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

import numpy as np

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InternalError, InvalidArgumentError, TFError, UnimplementedError
from noria.graph.graph import Array, FunctionRef, Node, ShapeAttr
from noria.graph.resources import Resources
from noria.shapes import Dim, Shape

F = TypeVar("F", bound=Callable[..., Any])


class RuleTable(Generic[F]):
    """One table: op type → rule. Filled at import of ``noria.ops``, read-only afterwards."""

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        self.what = what
        self._rules: dict[str, F] = {}

    def __call__(self, *ops: str) -> Callable[[F], F]:
        """Decorator: this function is the rule of ``ops``."""

        def fill(rule: F) -> F:
            for op in ops:
                if op in self._rules:
                    raise InternalError(f"op {op} has two {self.name} rules")
                self._rules[op] = rule
            return rule

        return fill

    def get(self, op: str) -> F | None:
        return self._rules.get(op)

    def __getitem__(self, op: str) -> F:
        rule = self._rules.get(op)
        if rule is None:
            raise UnimplementedError(f"op {op} has no {self.what}")
        return rule

    def __contains__(self, op: object) -> bool:
        return op in self._rules

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)


class _Attrs:
    """Typed access to a node's attributes, shared by what each kind of rule receives."""

    node: Node

    @property
    def name(self) -> str:
        return self.node.name

    def attr(self, name: str) -> Any:
        """The attribute's plain value; InternalError when the op definition has none of that name."""
        try:
            return self.node.attrs[name]
        except KeyError:
            raise InternalError(f"op {self.node.op} (node {self.name!r}) has no attribute {name!r}") from None

    def integer(self, name: str) -> int:
        return int(self.attr(name))

    def number(self, name: str) -> float:
        return float(self.attr(name))

    def flag(self, name: str) -> bool:
        return bool(self.attr(name))

    def text(self, name: str) -> str:
        value: bytes = self.attr(name)
        return value.decode("utf-8", "replace")

    def dtype(self, name: str) -> DType:
        value: DType = self.attr(name)
        return value

    def shape_attr(self, name: str) -> Shape:
        value: ShapeAttr = self.attr(name)
        return value.dims

    def integers(self, name: str) -> list[int]:
        return [int(v) for v in self.attr(name)]

    def function(self, name: str) -> FunctionRef:
        value: FunctionRef = self.attr(name)
        return value


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of a tensor before it exists.

    shape: partial; value: the whole value where it is constant; dims: the elements of an integer scalar or vector
    that stands for (part of) a shape, None where an element is unknown. ``value`` and ``dims`` are rarely both given:
    read ``known_dims``. handle: the node that gives this resource, where that is known: a variable's or a table's.
    """

    dtype: DType
    shape: Shape
    value: Array | None = None
    dims: tuple[Dim, ...] | None = None
    handle: Node | None = None

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def known_dims(self) -> tuple[Dim, ...] | None:
        """The elements of an integer scalar or vector as far as they are known, else None."""
        if self.value is not None and self.value.ndim <= 1 and self.value.dtype.kind in "iu":
            return tuple(int(v) for v in self.value.reshape(-1))
        return self.dims


@dataclass(frozen=True, slots=True)
class Out:
    """An output as an infer rule describes it, where more than the shape is known."""

    shape: Shape
    dims: tuple[Dim, ...] | None = None


class Bodies(Protocol):
    """What an infer rule may ask about the library functions that its op runs."""

    def infer(self, function: FunctionRef, inputs: Sequence[Info]) -> Sequence[Info]:
        """What is known of the results of ``function`` on such inputs."""

    def unchanged(self, function: FunctionRef) -> frozenset[int]:
        """The numbers of the results that are the argument of the same number, whatever that is."""


class InferCall(_Attrs):
    """What an infer rule receives: the node and what is known of its inputs.

    bodies: for ops that run library functions; None where only the node itself is looked at.
    """

    __slots__ = ("bodies", "inputs", "node")

    def __init__(self, node: Node, inputs: tuple[Info, ...], bodies: Bodies | None = None) -> None:
        self.node = node
        self.inputs = inputs
        self.bodies = bodies

    def shape(self, index: int) -> Shape:
        return self.inputs[index].shape


class Body(Protocol):
    """A compiled library function: the values of its arguments → the values of its results."""

    def __call__(self, values: Sequence[Any], /) -> list[Any]: ...


class KernelCall(_Attrs):
    """What a kernel receives before its arrays: the node, and the resources of the model it runs in.

    ``cache`` belongs to this node of this program: a kernel may keep what it derives from attributes alone there
    (a compiled regular expression, a parsed specification), never what depends on its inputs.
    ``bodies``: the functions that the node runs, by attribute name; a ``While`` also has ``step``: its body and, on
    the results, its condition, in one.
    """

    __slots__ = ("bodies", "cache", "node", "resources")

    def __init__(self, node: Node, resources: Resources, bodies: Mapping[str, Sequence[Body]] | None = None) -> None:
        self.node = node
        self.resources = resources
        self.bodies: Mapping[str, Sequence[Body]] = {} if bodies is None else bodies
        self.cache: dict[str, Any] = {}

    def body(self, name: str, index: int = 0) -> Body:
        """The function of attribute ``name``; InternalError where the node runs outside of a program."""
        try:
            return self.bodies[name][index]
        except LookupError:
            raise InternalError(f"node {self.name!r} ({self.node.op}) runs without its functions") from None

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the first output."""
        return self.node.output_dtypes[0].numpy


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor within an ONNX segment: its name there, what is known of it, and its array where it is constant."""

    name: str
    dtype: DType
    shape: Shape
    const: Array | None = None
    dims: tuple[Dim, ...] | None = None

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)


class CannotLower(Exception):
    """This node, with these dtypes and what is known of its shapes, has no ONNX form; the host kernel runs it."""


class Lowering(_Attrs, ABC):
    """What a lower rule receives: the node, its inputs as values, and the means to emit ONNX nodes.

    A rule returns the ``Value`` of its output, or a tuple of them, one for each output of the op; it may return an
    input itself. ``outputs`` tells what inference knows of the results. Emitting an ONNX op for a dtype that the
    engine has no kernel for raises ``CannotLower``, so a rule needs no dtype lists of its own; it asks ``supports``
    or ``widened`` where it has a better way.
    """

    __slots__ = ("inputs", "node", "outputs")

    def __init__(self, node: Node, inputs: tuple[Value, ...], outputs: tuple[Info, ...]) -> None:
        self.node = node
        self.inputs = inputs
        self.outputs = outputs

    @abstractmethod
    def emit_many(
        self,
        onnx_op: str,
        inputs: Sequence[Value | None],
        *,
        outputs: Sequence[DType],
        shapes: Sequence[Shape] | None = None,
        domain: str = "",
        **attrs: Any,
    ) -> tuple[Value, ...]:
        """Emits one ONNX node with several outputs of the given dtypes; None is an absent optional input."""

    @abstractmethod
    def constant(self, value: Any, dtype: DType | None = None) -> Value:
        """A constant; ``value`` is an array, or a Python number or list with ``dtype``."""

    @abstractmethod
    def supports(self, onnx_op: str, dtype: DType) -> bool:
        """Whether the engine runs ``onnx_op`` on ``dtype`` (its main type parameter)."""

    def cannot(self, reason: str) -> NoReturn:
        """Leaves this node to its host kernel."""
        raise CannotLower(reason)

    def emit(
        self,
        onnx_op: str,
        *inputs: Value | None,
        dtype: DType | None = None,
        shape: Shape = None,
        domain: str = "",
        **attrs: Any,
    ) -> Value:
        """Emits one ONNX node and returns its only output.

        dtype: of the output, by default that of the first input; attrs: ints, floats, str, or lists of them.
        """
        if dtype is None:
            first = next(v for v in inputs if v is not None)
            dtype = first.dtype
        return self.emit_many(onnx_op, inputs, outputs=(dtype,), shapes=(shape,), domain=domain, **attrs)[0]

    def widened(self, onnx_op: str, dtype: DType) -> DType:
        """The narrowest dtype that ``onnx_op`` runs on and that holds every value of ``dtype``, itself if it runs."""
        for candidate in (dtype, *_WIDER.get(dtype, ())):
            if self.supports(onnx_op, candidate):
                return candidate
        raise CannotLower(f"{onnx_op} does not run on {dtype}")

    def const(self, index: int) -> Array:
        """The constant value of input ``index``; the node stays on the host when it is not constant."""
        value = self.inputs[index].const
        if value is None:
            self.cannot(f"input {index} is not constant")
        return value

    def rank(self, index: int) -> int:
        """The rank of input ``index``; the node stays on the host when it is unknown."""
        shape = self.inputs[index].shape
        if shape is None:
            self.cannot(f"the rank of input {index} is unknown")
        return len(shape)

    def cast(self, value: Value, dtype: DType) -> Value:
        """ONNX Cast, or ``value`` itself when it has that dtype. Not TensorFlow's Cast for floats out of range."""
        if value.dtype is dtype:
            return value
        if value.const is not None and value.const.size <= _SMALL:
            return self.constant(value.const.astype(dtype.numpy), dtype)
        return self.emit_many("Cast", (value,), outputs=(dtype,), shapes=(value.shape,), to=dtype.onnx)[0]

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        """``value`` with its axes permuted; a constant is permuted once, when the model is compiled."""
        if list(perm) == list(range(len(perm))):
            return value
        if value.const is not None and value.const.nbytes <= _LEAVE_TO_ENGINE:
            return self.constant(np.ascontiguousarray(value.const.transpose(perm)), value.dtype)
        steps = [list(perm)]
        if value.const is not None:
            view, perm = _ones_in_place(value.const, perm)
            value = self.constant(view, value.dtype)
            steps = _single_moves(perm)
        for step in steps:
            shape = None if value.shape is None else tuple(value.shape[p] for p in step)
            value = self.emit("Transpose", value, shape=shape, perm=step)
        return value

    def reshape(self, value: Value, dims: Sequence[int]) -> Value:
        """``value`` with the constant shape ``dims`` (one may be -1; 0 means 0)."""
        if value.const is not None:
            return self.constant(value.const.reshape(dims), value.dtype)
        return self.emit(
            "Reshape",
            value,
            self.constant(list(dims), dtypes.int64),
            allowzero=1,
            shape=tuple(None if d < 0 else d for d in dims),
        )

    def unsqueeze(self, value: Value, axes: Sequence[int]) -> Value:
        return self.emit("Unsqueeze", value, self.constant(list(axes), dtypes.int64))

    def squeeze(self, value: Value, axes: Sequence[int]) -> Value:
        return self.emit("Squeeze", value, self.constant(list(axes), dtypes.int64))

    def shape_of(self, value: Value) -> Value:
        """The shape as an int64 vector; constant where it is static."""
        if shapes.is_static(value.shape):
            return self.constant(list(value.shape or ()), dtypes.int64)
        return self.emit("Shape", value, dtype=dtypes.int64, shape=(value.rank,))


def _ones_in_place(array: Array, perm: Sequence[int]) -> tuple[Array, list[int]]:
    """A view of ``array`` whose axes of size 1 stand where ``perm`` puts them, and the permutation that is left.

    Moving such an axis moves no bytes, so the filters of 1x1 convolutions need one real transpose and not two.
    """
    others = iter(axis for axis in range(array.ndim) if array.shape[axis] != 1)
    before = [axis if array.shape[axis] == 1 else next(others) for axis in perm]
    return array.transpose(before), [before.index(axis) for axis in perm]


def _single_moves(perm: Sequence[int]) -> list[list[int]]:
    """``perm`` as permutations that move one axis each: the engine is ten times faster at those."""
    current = list(range(len(perm)))
    steps: list[list[int]] = []
    for place, axis in enumerate(perm):
        at = current.index(axis)
        if at != place:
            step = list(range(len(perm)))
            step.insert(place, step.pop(at))
            steps.append(step)
            current.insert(place, current.pop(at))
    return steps


_LEAVE_TO_ENGINE = 1 << 14  # bytes from which the engine folds: what it folds it also frees when it packs its weights
_SMALL = 1024  # elements up to which a constant is converted on the spot
_WIDER: Mapping[DType, tuple[DType, ...]] = {
    dtypes.float16: (dtypes.float32, dtypes.float64),
    dtypes.bfloat16: (dtypes.float32, dtypes.float64),
    dtypes.float32: (dtypes.float64,),
    dtypes.int8: (dtypes.int32, dtypes.int64),
    dtypes.uint8: (dtypes.int32, dtypes.int64),
    dtypes.int16: (dtypes.int32, dtypes.int64),
    dtypes.uint16: (dtypes.int32, dtypes.int64),
    dtypes.int32: (dtypes.int64,),
    dtypes.uint32: (dtypes.int64,),
    dtypes.bool_: (dtypes.uint8, dtypes.int32, dtypes.int64),
}

InferRule: TypeAlias = Callable[[InferCall], Sequence[Shape | Out]]
LowerRule: TypeAlias = Callable[[Lowering], "Value | tuple[Value, ...]"]
KernelRule: TypeAlias = Callable[..., Any]  # (KernelCall, *inputs) -> output or tuple of outputs
GradRule: TypeAlias = Callable[..., Any]

infer: RuleTable[InferRule] = RuleTable("infer", "shape rule")
lower: RuleTable[LowerRule] = RuleTable("lower", "ONNX lowering")
kernel: RuleTable[KernelRule] = RuleTable("kernel", "host kernel")
grad: RuleTable[GradRule] = RuleTable("grad", "gradient")


# What a rule raises when a graph is not well formed in a way that nothing has checked before.
MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)


def malformed(node: Node, error: Exception) -> TFError:
    """``error``, which a rule raised on ``node``, as one that a user can read."""
    if isinstance(error, TFError):
        return error
    return InvalidArgumentError(f"node {node.name!r} ({node.op}) is not well formed: {type(error).__name__}: {error}")


def inferred(node: Node, inputs: Sequence[Info], bodies: Bodies | None = None) -> list[Info]:
    """What the rule of ``node``'s op tells of its outputs; only their dtypes where there is no rule.

    Raises InvalidArgumentError where the inputs cannot fit together.
    """
    rule = infer.get(node.op)
    if rule is None:
        return [Info(d, None) for d in node.output_dtypes]
    try:
        results = rule(InferCall(node, tuple(inputs), bodies))
        return [
            Info(dtype, out.shape, dims=out.dims) if isinstance(out, Out) else Info(dtype, out)
            for dtype, out in zip(node.output_dtypes, results, strict=True)
        ]
    except MALFORMED as error:
        raise malformed(node, error) from error


def known_vector(op: str, info: Info) -> Info:
    """``info`` of an output of ``op``; a shape vector (or scalar) of which every element is known is a constant."""
    if op in ("Placeholder", "PlaceholderWithDefault") or info.dims is None or None in info.dims:
        return info
    if info.shape not in ((), (len(info.dims),)):
        return info
    value = np.array(info.dims, info.dtype.numpy).reshape(info.shape)
    return Info(info.dtype, info.shape, value)


def missing(nodes: Iterable[Node]) -> str:
    """A sentence naming every op of ``nodes`` that neither lowers nor has a kernel; empty when all can run."""
    first: dict[str, tuple[int, str]] = {}
    for node in nodes:
        if node.op not in kernel and node.op not in lower:
            count, place = first.get(node.op, (0, node.name))
            first[node.op] = (count + 1, place)
    if not first:
        return ""
    listed = ", ".join(
        f"{op} ({count} node{'s' if count > 1 else ''}, first {place!r})"
        for op, (count, place) in sorted(first.items())
    )
    return f"no ONNX lowering or host kernel for: {listed}"
