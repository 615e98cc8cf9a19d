"""``tf.TensorShape`` and ``tf.Dimension``: partial shapes as TensorFlow 1 shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from noria import shapes
from noria.graph.op_spec import shape_attr
from noria.protos.tensorflow import TensorShapeProto
from noria.shapes import Shape
from noria.v1.exports import export


@export("Dimension")
class Dimension:
    """One dimension; ``value`` is None where it is unknown. Arithmetic with an unknown one is unknown.

    Comparing with an unknown dimension gives None, as in TensorFlow.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        if isinstance(value, Dimension):
            self._value = value.value
            return
        if value is None:
            self._value = None
            return
        try:
            self._value = int(value.__index__())
        except AttributeError:
            raise TypeError(
                f"Dimension value must be integer or None or have an __index__ method, got {value!r}"
            ) from None
        if self._value < 0:
            raise ValueError(f"Dimension {self._value} must be >= 0")

    @property
    def value(self) -> int | None:
        return self._value

    def __repr__(self) -> str:
        return f"Dimension({self._value!r})"

    def __str__(self) -> str:
        return "?" if self._value is None else str(self._value)

    def __eq__(self, other: object) -> bool | None:  # type: ignore[override]
        wanted = _dim_or_none(other)
        return None if self._value is None or wanted is None else self._value == wanted

    def __ne__(self, other: object) -> bool | None:  # type: ignore[override]
        wanted = _dim_or_none(other)
        return None if self._value is None or wanted is None else self._value != wanted

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __int__(self) -> Any:
        return self._value

    def __index__(self) -> Any:
        return self._value

    def is_compatible_with(self, other: Any) -> bool:
        other = Dimension(other)
        return self._value is None or other.value is None or self._value == other.value

    def assert_is_compatible_with(self, other: Any) -> None:
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {Dimension(other)} are not compatible")

    def merge_with(self, other: Any) -> Dimension:
        self.assert_is_compatible_with(other)
        return Dimension(other) if self._value is None else self

    def _with(self, other: Any, operation: Any) -> Dimension:
        wanted = Dimension(other).value
        return Dimension(None if self._value is None or wanted is None else operation(self._value, wanted))

    def __add__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a + b)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Dimension:
        return Dimension(other) - self

    def __floordiv__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a // b)

    __div__ = __floordiv__

    def __rfloordiv__(self, other: Any) -> Dimension:
        return Dimension(other) // self

    def __mod__(self, other: Any) -> Dimension:
        return self._with(other, lambda a, b: a % b)

    def __rmod__(self, other: Any) -> Dimension:
        return Dimension(other) % self

    def __lt__(self, other: Any) -> bool | None:
        wanted = Dimension(other).value
        return None if self._value is None or wanted is None else self._value < wanted

    def __le__(self, other: Any) -> bool | None:
        wanted = Dimension(other).value
        return None if self._value is None or wanted is None else self._value <= wanted

    def __gt__(self, other: Any) -> bool | None:
        wanted = Dimension(other).value
        return None if self._value is None or wanted is None else self._value > wanted

    def __ge__(self, other: Any) -> bool | None:
        wanted = Dimension(other).value
        return None if self._value is None or wanted is None else self._value >= wanted


def _dim_or_none(value: object) -> int | None:
    try:
        return Dimension(value).value
    except (TypeError, ValueError):
        return None


@export("dimension_value", "compat.dimension_value")
def dimension_value(dimension: Any) -> int | None:
    """The plain value of a Dimension or an int."""
    return dimension.value if isinstance(dimension, Dimension) else dimension


@export("dimension_at_index", "compat.dimension_at_index")
def dimension_at_index(shape: TensorShape, index: int) -> Dimension:
    """The Dimension at ``index``; unknown when the rank is."""
    return Dimension(None) if shape.ndims is None else shape.dims[index]


@export("TensorShape")
class TensorShape:
    """A partial shape: None for an unknown rank, else Dimensions of which some may be unknown.

    Iterating and indexing gives ``Dimension`` objects, as TensorFlow 1 does; ``as_list`` gives plain ints.
    """

    __slots__ = ("_shape",)

    def __init__(self, dims: Any) -> None:
        if isinstance(dims, TensorShape):
            self._shape: Shape = dims._shape
        elif dims is None:
            self._shape = None
        elif isinstance(dims, TensorShapeProto):
            self._shape = shape_attr(dims).dims
        elif isinstance(dims, str):
            raise TypeError(f"a shape is a list of sizes, not the text {dims!r}")
        elif isinstance(dims, Iterable):
            self._shape = tuple(Dimension(None if isinstance(d, int) and d == -1 else d).value for d in dims)
        else:
            self._shape = (Dimension(dims).value,)

    @property
    def core(self) -> Shape:
        """The shape as Noria's own: None or a tuple of ``int | None``."""
        return self._shape

    @property
    def dims(self) -> Any:
        """A list of Dimensions, None for an unknown rank."""
        return None if self._shape is None else [Dimension(d) for d in self._shape]

    @property
    def ndims(self) -> int | None:
        return None if self._shape is None else len(self._shape)

    rank = ndims

    def __len__(self) -> int:
        if self._shape is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._shape)

    def __bool__(self) -> bool:
        return self._shape is not None

    def __iter__(self) -> Iterator[Dimension]:
        if self._shape is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter(self.dims)

    def __getitem__(self, key: Any) -> Any:
        if self._shape is not None:
            found = self.dims[key]
            return TensorShape(found) if isinstance(key, slice) else found
        if isinstance(key, slice):
            start, stop = key.start or 0, key.stop
            return unknown_shape() if stop is None or start < 0 or stop < 0 else unknown_shape(max(0, stop - start))
        return Dimension(None)

    def as_list(self) -> list[int | None]:
        """The sizes, None for each unknown one; ValueError for an unknown rank."""
        if self._shape is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._shape)

    def as_proto(self) -> TensorShapeProto:
        return shape_proto(self._shape)

    def num_elements(self) -> int | None:
        return shapes.num_elements(self._shape) if self.is_fully_defined() else None

    def is_fully_defined(self) -> bool:
        return shapes.is_static(self._shape)

    def assert_is_fully_defined(self) -> None:
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def is_compatible_with(self, other: Any) -> bool:
        return shapes.compatible(self._shape, as_shape(other).core)

    def assert_is_compatible_with(self, other: Any) -> None:
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {as_shape(other)} are incompatible")

    def assert_same_rank(self, other: Any) -> None:
        other = as_shape(other)
        if None not in (self.ndims, other.ndims) and self.ndims != other.ndims:
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def assert_has_rank(self, rank: int) -> None:
        if self.ndims not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def with_rank(self, rank: int) -> TensorShape:
        """This shape if it may have ``rank``; ValueError if not."""
        return self.merge_with(unknown_shape(rank))

    def with_rank_at_least(self, rank: int) -> TensorShape:
        if self.ndims is not None and self.ndims < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank: int) -> TensorShape:
        if self.ndims is not None and self.ndims > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def merge_with(self, other: Any) -> TensorShape:
        """What is known when both shapes hold; ValueError when they contradict each other."""
        other = as_shape(other)
        self.assert_is_compatible_with(other)
        return of_core(shapes.merge(self._shape, other.core))

    def most_specific_compatible_shape(self, other: Any) -> TensorShape:
        return of_core(shapes.union(self._shape, as_shape(other).core))

    def concatenate(self, other: Any) -> TensorShape:
        other = as_shape(other)
        if self._shape is None or other.core is None:
            return unknown_shape()
        return of_core(self._shape + other.core)

    def __add__(self, other: Any) -> TensorShape:
        return self.concatenate(other)

    def __radd__(self, other: Any) -> TensorShape:
        return as_shape(other).concatenate(self)

    def __eq__(self, other: object) -> bool:
        try:
            return self._shape == as_shape(other).core
        except (TypeError, ValueError):
            return False

    def __hash__(self) -> int:
        return hash(self._shape)

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorShape, (None if self._shape is None else list(self._shape),)

    def __repr__(self) -> str:
        return f"TensorShape({self.dims!r})"

    def __str__(self) -> str:
        if self._shape is None:
            return "<unknown>"
        return "(" + ", ".join(map(str, self.dims)) + ("," if len(self._shape) == 1 else "") + ")"


def of_core(shape: Shape) -> TensorShape:
    """The TensorShape of one of Noria's own shapes."""
    found = TensorShape(None)
    found._shape = shape
    return found


def as_shape(shape: Any) -> TensorShape:
    """``shape`` as a TensorShape."""
    return shape if isinstance(shape, TensorShape) else TensorShape(shape)


def unknown_shape(ndims: int | None = None) -> TensorShape:
    return of_core(shapes.unknown(ndims))


def scalar() -> TensorShape:
    return of_core(())


def shape_proto(shape: Shape) -> TensorShapeProto:
    """The message of a partial shape."""
    proto = TensorShapeProto()
    if shape is None:
        proto.unknown_rank = True
        return proto
    for size in shape:
        proto.dim.add().size = -1 if size is None else size
    return proto
