"""Queues: making, enqueueing, dequeueing, closing. The old forms on string references are the same ops here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops import _philox
from noria.ops._arrays import zeros
from noria.ops._queue import Element, PaddingQueue, PriorityQueue, Queue, ShuffleQueue
from noria.shapes import Shape, is_static

_QUEUES = ("FIFOQueue", "RandomShuffleQueue", "PaddingFIFOQueue", "PriorityQueue")


def _both(*ops: str) -> tuple[str, ...]:
    return tuple(name for op in ops for name in (op, f"{op}V2"))


@infer(*_both(*_QUEUES, "QueueSize", "QueueIsClosed"))
def _scalar_infer(call: InferCall) -> Sequence[Shape]:
    return [()]


@infer(*_both("QueueEnqueue", "QueueEnqueueMany", "QueueClose"))
def _nothing_infer(call: InferCall) -> Sequence[Shape]:
    return []


@infer(*_both("QueueDequeue", "QueueDequeueMany", "QueueDequeueUpTo"))
def _dequeue_infer(call: InferCall) -> Sequence[Shape]:
    return [None] * len(call.attr("component_types"))


@kernel(*_both(*_QUEUES))
def _queue(call: KernelCall) -> Queue:
    """The queue of this name."""
    op = call.node.op.removesuffix("V2")
    name = call.text("shared_name") or call.name
    types = tuple(call.attr("component_types"))
    shapes: tuple[Shape, ...] = tuple(s.dims for s in call.attr("shapes"))
    if op == "PriorityQueue":
        types = (dtypes.int64, *types)
        shapes = ((), *shapes)
    if shapes and len(shapes) != len(types):
        raise InvalidArgumentError(
            f"queue {name!r} has {len(types)} components, but {len(shapes)} shapes are given for them"
        )
    capacity = max(call.integer("capacity"), 0)
    found = call.resources.get_or_create(
        call.text("container"), name, Queue, lambda: _new(call, op, (name, types, shapes, capacity))
    )
    if found.kind != op or found.types != types or found.shapes != shapes:
        raise InvalidArgumentError(
            f"Shared queue '{name}' is a {found.kind} of {list(found.types)}, but node {call.name!r} asks for a {op} "
            f"of {list(types)} with other types or shapes"
        )
    return found


def _new(call: KernelCall, op: str, given: tuple[Any, ...]) -> Queue:
    if op == "RandomShuffleQueue":
        least, capacity = call.integer("min_after_dequeue"), given[3]
        if least < 0 or 0 < capacity <= least:
            raise InvalidArgumentError(f"min_after_dequeue {least} must be >= 0 and < capacity {capacity}")
        generator = _philox.Generator(call.integer("seed"), call.integer("seed2"))
        return ShuffleQueue(*given, least=least, numbers=_philox.Numbers(generator.reserve(0)))
    if op == "PriorityQueue":
        return PriorityQueue(*given)
    return PaddingQueue(*given) if op == "PaddingFIFOQueue" else Queue(*given)


@kernel(*_both("QueueEnqueue"))
def _enqueue(call: KernelCall, queue: Queue, *components: Array) -> tuple[()]:
    queue.enqueue([_kept(components)])
    return ()


def _kept(components: Sequence[Array]) -> Element:
    """Arrays that outlive the call: those that the caller may change afterwards are copied."""
    return tuple(c.copy() if c.flags.writeable else c for c in map(np.asarray, components))


@kernel(*_both("QueueEnqueueMany"))
def _enqueue_many(call: KernelCall, queue: Queue, *components: Array) -> tuple[()]:
    """Each component has an element's in each of its rows."""
    for i, component in enumerate(components):
        if component.ndim == 0:
            raise InvalidArgumentError(f"Shape mismatch in tuple component {i}: a batch is expected, got a scalar")
        if len(component) != len(components[0]):
            raise InvalidArgumentError(
                f"All input tensors must have the same size in the 0th dimension. Component {i} has "
                f"{len(component)}, and should have {len(components[0])}"
            )
    kept = _kept(components)
    queue.enqueue([tuple(np.asarray(c[i]) for c in kept) for i in range(len(kept[0]))] if kept else [])
    return ()


@kernel(*_both("QueueDequeue"))
def _dequeue(call: KernelCall, queue: Queue) -> Element:
    return queue.dequeue(1)[0]


@kernel(*_both("QueueDequeueMany", "QueueDequeueUpTo"))
def _dequeue_many(call: KernelCall, queue: Queue, n: Array) -> Element:
    """Batches of ``n`` elements, or of what is left of a closed queue (UpTo)."""
    if n.ndim or n < 0:
        raise InvalidArgumentError(f"DequeueMany must request a number of elements >= 0, got {n.tolist()}")
    padded = isinstance(queue, PaddingQueue)
    if not queue.shapes or not (padded or all(is_static(s) for s in queue.shapes)):
        raise InvalidArgumentError(
            f"{queue.kind}'s DequeueMany and DequeueUpTo require the components to have specified shapes."
        )
    elements = queue.dequeue(int(n), fewer="UpTo" in call.node.op)
    batches = []
    for i, dtype in enumerate(queue.types):
        parts = [e[i] for e in elements]
        if not parts:
            batches.append(zeros([0, *(d or 0 for d in queue.shapes[i] or ())], dtype.numpy))
            continue
        batches.append(_batch(parts, dtype.numpy))
    return tuple(batches)


def _batch(parts: list[Array], dtype: np.dtype[Any]) -> Array:
    """Arrays of one rank one behind the other, filled up to the largest size of each dimension."""
    largest = np.max([p.shape for p in parts], axis=0).astype(int).tolist() if parts[0].ndim else []
    result = zeros([len(parts), *largest], dtype)
    for i, part in enumerate(parts):
        place: tuple[Any, ...] = (i, *(slice(d) for d in part.shape))
        result[place] = part
    return result


@kernel(*_both("QueueClose"))
def _close(call: KernelCall, queue: Queue) -> tuple[()]:
    queue.close(cancel=call.flag("cancel_pending_enqueues"))
    return ()


@kernel(*_both("QueueIsClosed"))
def _is_closed(call: KernelCall, queue: Queue) -> Array:
    return np.array(queue.closed)


@kernel(*_both("QueueSize"))
def _size(call: KernelCall, queue: Queue) -> Array:
    return np.array(queue.size(), np.int32)
