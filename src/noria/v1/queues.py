"""``tf.FIFOQueue`` and its kin: queues of tensors that a session keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from noria.v1.apply_op import apply_op, create
from noria.v1.constant import constant_value
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype, int64
from noria.v1.exports import export
from noria.v1.framework import get_seed, init_scope, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import Dimension, TensorShape, as_shape, unknown_shape


def _types(dtypes: Any) -> list[DType]:
    return [as_dtype(d) for d in dtypes] if isinstance(dtypes, list | tuple) else [as_dtype(dtypes)]


def _shapes(shapes: Any, *, partial: bool = False) -> list[TensorShape] | None:
    """The shapes of components; TypeError and ValueError for what is no list of them."""
    if partial and (
        not isinstance(shapes, Sequence) or not shapes or any(s is None or isinstance(s, int) for s in shapes)
    ):
        raise ValueError("When providing partial shapes, a list of shapes must be provided.")
    if shapes is None:
        return None
    if isinstance(shapes, TensorShape):
        shapes = [shapes]
    if not isinstance(shapes, tuple | list):
        raise TypeError(f"Shapes must be a TensorShape or a list or tuple of TensorShapes, got {type(shapes)} instead.")
    if all(s is None or isinstance(s, int) for s in shapes):
        shapes = [shapes]
    found = [as_shape(s) for s in shapes]
    if not partial and not all(s.is_fully_defined() for s in found):
        raise ValueError(f"All shapes must be fully defined: {found}")
    if any(s.ndims is None for s in found):
        raise ValueError(f"All shapes must have a defined rank: {found}")
    return found


def _names(names: Any, dtypes: list[DType]) -> list[str] | None:
    if names is None:
        return None
    found = list(names) if isinstance(names, list | tuple) else [names]
    if len(found) != len(dtypes):
        raise ValueError(
            f"List of names must have the same length as the list of dtypes, received len(names)={len(found)},"
            f"len(dtypes)={len(dtypes)}"
        )
    return found


@export("queue.QueueBase")
class QueueBase:
    """What every queue does. An element is one tensor a component; components may have names."""

    def __init__(self, dtypes: Any, shapes: Any, names: Any, queue_ref: Tensor) -> None:
        if shapes is not None and len(shapes) != len(dtypes):
            raise ValueError(
                f"Queue shapes must have the same length as dtypes, received len(shapes)={len(shapes)}, "
                f"len(dtypes)={len(dtypes)}"
            )
        if names is not None and len(names) != len(dtypes):
            raise ValueError(
                f"Queue names must have the same length as dtypes,received len(names)={len(names)},len {len(dtypes)}"
            )
        self._dtypes = list(dtypes)
        self._shapes = [unknown_shape() for _ in dtypes] if shapes is None else [as_shape(s) for s in shapes]
        self._names = names
        self._queue_ref = queue_ref
        self._name = queue_ref.op.name.split("/")[-1]

    @staticmethod
    def from_list(index: Any, queues: Any) -> QueueBase:
        """The queue number ``index`` (a tensor) of ``queues``. TypeError when they are not alike."""
        if not isinstance(queues, list) or not queues or not all(isinstance(q, QueueBase) for q in queues):
            raise TypeError("A list of queues expected")
        first = queues[0]
        if any(q.dtypes != first.dtypes for q in queues):
            raise TypeError("Queues do not have matching component dtypes.")
        if any(q.names != first.names for q in queues):
            raise TypeError("Queues do not have matching component names.")
        shapes = []
        for parts in zip(*[q.shapes for q in queues], strict=True):
            shape = parts[0]
            for other in parts[1:]:
                shape = shape.most_specific_compatible_shape(other)
            shapes.append(shape)
        refs = apply_op("Pack", "stack", values=[q.queue_ref for q in queues], axis=0)
        chosen = apply_op("GatherV2", None, params=refs, indices=index, axis=0)
        return QueueBase(first.dtypes, shapes, first.names, chosen)

    @property
    def queue_ref(self) -> Tensor:
        return self._queue_ref

    @property
    def graph(self) -> Any:
        return self._queue_ref.graph

    @property
    def name(self) -> str:
        return self._queue_ref.op.name

    @property
    def dtypes(self) -> list[DType]:
        return self._dtypes

    @property
    def shapes(self) -> list[TensorShape]:
        return self._shapes

    @property
    def names(self) -> Any:
        return self._names

    def _components(self, vals: Any) -> list[Tensor]:
        if isinstance(vals, dict):
            if not self._names:
                raise ValueError("Queue must have names to enqueue a dictionary")
            if sorted(self._names) != sorted(vals):
                raise ValueError(
                    "Keys in dictionary to enqueue do not match names of Queue.  Dictionary: "
                    f"{sorted(vals)},Queue: {sorted(self._names)}"
                )
            vals = [vals[name] for name in self._names]
        elif self._names:
            raise ValueError("You must enqueue a dictionary in a Queue with names")
        elif not isinstance(vals, list | tuple):
            vals = [vals]
        pairs = enumerate(zip(vals, self._dtypes, strict=False))
        return [convert(value, dtype, f"component_{i}") for i, (value, dtype) in pairs]

    def enqueue(self, vals: Any, name: str | None = None) -> Operation:
        """The operation that adds one element, and waits while the queue is full."""
        with name_scope(name, f"{self._name}_enqueue", _flat(vals)) as scope:
            parts = self._components(vals)
            for part, shape in zip(parts, self._shapes, strict=False):
                part.shape.assert_is_compatible_with(shape)
            return create("QueueEnqueueV2", scope, handle=self._queue_ref, components=parts)

    def enqueue_many(self, vals: Any, name: str | None = None) -> Operation:
        """The operation that adds an element for each row of the components."""
        with name_scope(name, f"{self._name}_EnqueueMany", _flat(vals)) as scope:
            parts = self._components(vals)
            rows = Dimension(None)
            for part, shape in zip(parts, self._shapes, strict=False):
                rows = rows.merge_with(part.shape.with_rank_at_least(1)[0])
                part.shape[1:].assert_is_compatible_with(shape)
            return create("QueueEnqueueManyV2", scope, handle=self._queue_ref, components=parts)

    def _dequeued(self, tensors: list[Tensor], batch: list[Any] | None = None) -> Any:
        for tensor, shape in zip(tensors, self._shapes, strict=True):
            tensor.set_shape(shape if batch is None else TensorShape(batch).concatenate(shape))
        if self._names:
            return dict(zip(self._names, tensors, strict=True))
        return tensors[0] if len(tensors) == 1 else tensors

    def dequeue(self, name: str | None = None) -> Any:
        """One element, waited for while the queue is empty; OutOfRangeError when it is closed and empty."""
        op = create(
            "QueueDequeueV2", name or f"{self._name}_Dequeue", handle=self._queue_ref, component_types=self._dtypes
        )
        return self._dequeued(op.outputs)

    def dequeue_many(self, n: Any, name: str | None = None) -> Any:
        """``n`` elements as rows; OutOfRangeError when the queue is closed with fewer left."""
        op = create(
            "QueueDequeueManyV2",
            name or f"{self._name}_DequeueMany",
            handle=self._queue_ref,
            n=n,
            component_types=self._dtypes,
        )
        count = constant_value(op.inputs[1])
        return self._dequeued(op.outputs, [None if count is None else int(count)])

    def dequeue_up_to(self, n: Any, name: str | None = None) -> Any:
        """As ``dequeue_many``, but what is left of a closed queue where that is fewer."""
        op = create(
            "QueueDequeueUpToV2",
            name or f"{self._name}_DequeueUpTo",
            handle=self._queue_ref,
            n=n,
            component_types=self._dtypes,
        )
        return self._dequeued(op.outputs, [None])

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Operation:
        """The operation after which nothing can be added."""
        return create(
            "QueueCloseV2",
            name or f"{self._name}_Close",
            handle=self._queue_ref,
            cancel_pending_enqueues=cancel_pending_enqueues,
        )

    def is_closed(self, name: str | None = None) -> Tensor:
        """Whether it is closed."""
        found: Tensor = apply_op("QueueIsClosedV2", name or f"{self._name}_Is_Closed", handle=self._queue_ref)
        return found

    def size(self, name: str | None = None) -> Tensor:
        """How many elements are in it."""
        found: Tensor = apply_op("QueueSizeV2", name or f"{self._name}_Size", handle=self._queue_ref)
        return found


def _flat(vals: Any) -> list[Any]:
    if isinstance(vals, dict):
        return list(vals.values())
    return list(vals) if isinstance(vals, list | tuple) else [vals]


def _made(op_type: str, name: str | None, dtypes: Any, shapes: Any, **more: Any) -> Tensor:
    found: Tensor = apply_op(op_type, name, component_types=dtypes, shapes=shapes, **more)
    return found


@export("queue.FIFOQueue", "FIFOQueue")
class FIFOQueue(QueueBase):
    """First in, first out. capacity: how many elements it holds; shapes: of each component, where they are fixed."""

    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str | None = "fifo_queue",
    ) -> None:
        types, sizes = _types(dtypes), _shapes(shapes)
        called = _names(names, types)
        with init_scope(), get_default_graph().device("CPU"):
            ref = _made("FIFOQueueV2", name, types, sizes, capacity=capacity, shared_name=shared_name)
        super().__init__(types, sizes, called, ref)


@export("queue.RandomShuffleQueue", "RandomShuffleQueue")
class RandomShuffleQueue(QueueBase):
    """Gives a random one of its elements, of which ``min_after_dequeue`` stay behind until it is closed."""

    def __init__(
        self,
        capacity: int,
        min_after_dequeue: int,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        seed: int | None = None,
        shared_name: str | None = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        types, sizes = _types(dtypes), _shapes(shapes)
        called = _names(names, types)
        first, second = get_seed(seed)
        if first is None:
            first, second = 0, 0
        elif seed is None and shared_name is not None:  # the same order in every process that shares it
            digest = hashlib.md5(f"{first}{shared_name}".encode(), usedforsecurity=False).hexdigest()
            second = int(digest[:8], 16) & 0x7FFFFFFF
        ref = _made(
            "RandomShuffleQueueV2",
            name,
            types,
            sizes,
            capacity=capacity,
            min_after_dequeue=min_after_dequeue,
            seed=first,
            seed2=second,
            shared_name=shared_name,
        )
        super().__init__(types, sizes, called, ref)


@export("queue.PaddingFIFOQueue", "PaddingFIFOQueue")
class PaddingFIFOQueue(QueueBase):
    """First in, first out; ``dequeue_many`` pads dimensions that are None in ``shapes`` to the longest."""

    def __init__(
        self,
        capacity: int,
        dtypes: Any,
        shapes: Any,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "padding_fifo_queue",
    ) -> None:
        types, sizes = _types(dtypes), _shapes(shapes, partial=True)
        called = _names(names, types)
        if len(types) != len(sizes or ()):
            raise ValueError(
                f"Shapes must be provided for all components, but received {len(types)} dtypes and "
                f"{len(sizes or ())} shapes."
            )
        ref = _made("PaddingFIFOQueueV2", name, types, sizes, capacity=capacity, shared_name=shared_name)
        super().__init__(types, sizes, called, ref)


@export("queue.PriorityQueue", "PriorityQueue")
class PriorityQueue(QueueBase):
    """Gives the element of the lowest priority first; the first component is the priority, an int64 scalar."""

    def __init__(
        self,
        capacity: int,
        types: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "priority_queue",
    ) -> None:
        others, sizes = _types(types), _shapes(shapes)
        ref = _made("PriorityQueueV2", name, others, sizes, capacity=capacity, shared_name=shared_name)
        all_sizes = [as_shape([]), *sizes] if sizes else sizes
        super().__init__([int64, *others], all_sizes, names, ref)
