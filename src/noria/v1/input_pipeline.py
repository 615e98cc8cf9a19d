"""Inputs by queues, as TensorFlow 1 programs had them before tf.data: producers of file names, batches.

Threads of ``tf.train.start_queue_runners`` fill the queues. Each queue also gets a summary of how full it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from noria.errors import UnimplementedError
from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import shape as shape_of
from noria.v1.array_shapes import size
from noria.v1.arrays import range_
from noria.v1.casts import cast
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant, constant_value
from noria.v1.control_flow import assert_true, cond
from noria.v1.convert import convert
from noria.v1.dtypes import float32, int32, int64, string
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.groups import no_op
from noria.v1.indexing import gather
from noria.v1.operation import Tensor
from noria.v1.queue_runner import QueueRunner, add_queue_runner
from noria.v1.queues import FIFOQueue, PaddingFIFOQueue, QueueBase, RandomShuffleQueue
from noria.v1.random_ops import random_shuffle
from noria.v1.variables import Variable


def _summarize(name: str, value: Tensor) -> None:
    """A scalar summary that is merged with all others."""
    with name_scope(name, values=[value]) as scope:
        summary = apply_op("ScalarSummary", scope, tags=scope.rstrip("/"), values=value)
    get_default_graph().add_to_collection(GraphKeys.SUMMARIES, summary)


@export("train.match_filenames_once", "io.match_filenames_once")
def match_filenames_once(pattern: Any, name: str | None = None) -> Variable:
    """A local variable with the names of the files that match ``pattern`` when it is initialised."""
    with name_scope(name, "matching_filenames", [pattern]) as scope:
        files = apply_op("MatchingFiles", None, pattern=pattern)
        return Variable(
            files, name=scope, trainable=False, validate_shape=False, collections=[GraphKeys.LOCAL_VARIABLES]
        )


@export("train.limit_epochs")
def limit_epochs(tensor: Any, num_epochs: int | None = None, name: str | None = None) -> Any:
    """``tensor``, ``num_epochs`` times; then OutOfRangeError. The count is a local variable."""
    if num_epochs is None:
        return tensor
    if num_epochs <= 0:
        raise ValueError(f"num_epochs must be > 0 not {num_epochs}.")
    with name_scope(name, "limit_epochs", [tensor]) as scope:
        zero = constant(0, int64)
        epochs: Any = Variable(zero, name="epochs", trainable=False, collections=[GraphKeys.LOCAL_VARIABLES])
        with get_default_graph().control_dependencies([epochs.count_up_to(num_epochs)]):
            return apply_op("Identity", scope, input=tensor)


@export("train.input_producer")
def input_producer(
    input_tensor: Any,
    element_shape: Any = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    summary_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """A queue of the rows of ``input_tensor``, ``num_epochs`` times or for ever, shuffled each time or not."""
    with name_scope(name, "input_producer", [input_tensor]):
        rows = convert(input_tensor, name="input_tensor")
        shape = rows.shape[1:].merge_with(element_shape)
        if not shape.is_fully_defined():
            raise ValueError(
                "Either `input_tensor` must have a fully defined shape or `element_shape` must be specified"
            )
        if shuffle:
            rows = random_shuffle(rows, seed=seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(capacity, [rows.dtype.base_dtype], [shape], shared_name=shared_name, name=name)
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([rows])], cancel_op=cancel_op))
        if summary_name is not None:
            _summarize(summary_name, cast(queue.size(), float32) * (1.0 / capacity))
        return queue


@export("train.string_input_producer")
def string_input_producer(
    string_tensor: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
    cancel_op: Any = None,
) -> FIFOQueue:
    """A queue of strings, most often names of files. ValueError for an empty list."""
    missing = "string_input_producer requires a non-null input tensor"
    if not isinstance(string_tensor, Tensor | Variable) and len(string_tensor) == 0:
        raise ValueError(missing)
    with name_scope(name, "input_producer", [string_tensor]) as scope:
        strings = convert(string_tensor, string)
        some = apply_op("Greater", None, x=size(strings), y=0)
        with get_default_graph().control_dependencies([assert_true(some, [missing])]):
            strings = apply_op("Identity", None, input=strings)
        return input_producer(
            strings, [], num_epochs, shuffle, seed, capacity, shared_name, f"fraction_of_{capacity}_full", scope,
            cancel_op,
        )  # fmt: skip


@export("train.range_input_producer")
def range_input_producer(
    limit: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> FIFOQueue:
    """A queue of the integers below ``limit``."""
    with name_scope(name, "input_producer", [limit]) as scope:
        numbers = range_(limit)
        return input_producer(
            numbers, [], num_epochs, shuffle, seed, capacity, shared_name, f"fraction_of_{capacity}_full", scope
        )


@export("train.slice_input_producer")
def slice_input_producer(
    tensor_list: Any,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> list[Tensor]:
    """One row of each of ``tensor_list``, the same one of all."""
    with name_scope(name, "input_producer", list(tensor_list)):
        tensors = [convert(t) for t in tensor_list]
        if not tensors:
            raise ValueError("Expected at least one tensor in slice_input_producer().")
        rows = shape_of(tensors[0])[0]
        queue = range_input_producer(rows, num_epochs, shuffle, seed, capacity, shared_name)
        index = queue.dequeue()
        return [gather(t, index) for t in tensors]


# --- batches


class _Batch:
    """What all kinds of batches do: sort out the arguments, fill a queue, take from it."""

    def __init__(self, sets: list[Any], keep_input: Any, *, enqueue_many: bool, shapes: Any, threads: int) -> None:
        self._original = sets[0]
        listed = [[s[k] for k in sorted(s, key=str)] if isinstance(s, dict) else list(s) for s in sets]
        if any(isinstance(t, SparseTensor) for tensors in listed for t in tensors):
            raise UnimplementedError("batches of SparseTensors are not available; use tf.data, or dense tensors")
        self.sets = [[convert(t) for t in tensors] for tensors in listed]
        if not self.sets[0]:
            raise ValueError("Expected at least one tensor in batch().")
        self._many, self._threads = enqueue_many, threads
        self._keep = _keep(keep_input, enqueue_many=enqueue_many)
        self.types = [t.dtype for t in self.sets[0]]
        for other in self.sets[1:]:
            if [t.dtype for t in other] != self.types:
                raise TypeError(
                    f"Expected types to be consistent: {', '.join(t.name for t in self.types)} vs. "
                    f"{', '.join(t.dtype.name for t in other)}."
                )
        self.shapes = self._merged_shapes() if shapes is None else shapes

    def _merged_shapes(self) -> list[Any]:
        found = []
        for parts in zip(*self.sets, strict=True):
            for part in parts:
                if part.shape.ndims is None:
                    raise ValueError(f"Cannot infer Tensor's rank: {part}")
            sizes = [p.shape.with_rank_at_least(1)[1:] if self._many else p.shape for p in parts]
            for other in sizes[1:]:
                sizes[0].merge_with(other)
            found.append(sizes[0].as_list())
        return found

    def fill(self, queue: QueueBase) -> None:
        """Adds the queue runner."""
        add: Callable[[Any], Any] = queue.enqueue_many if self._many else queue.enqueue
        operations = []
        for tensors in self.sets:
            if self._keep.shape.ndims == 1:
                chosen = cast(self._keep, int32)
                kept = [
                    apply_op("DynamicPartition", None, data=t, partitions=chosen, num_partitions=2) for t in tensors
                ]
                operations.append(add([parts[1] for parts in kept]))
                continue
            known = constant_value(self._keep)
            if known is None:
                operations.append(cond(self._keep, lambda tensors=tensors: add(tensors), no_op))
            else:
                operations.append(add(tensors) if known else no_op())
        add_queue_runner(QueueRunner(queue, operations * self._threads))

    def take(self, queue: QueueBase, batch_size: Any, name: str, *, smaller: bool) -> Any:
        """A batch, in the structure of what came in."""
        found = (queue.dequeue_up_to if smaller else queue.dequeue_many)(batch_size, name=name)
        if not isinstance(self._original, dict):
            return found
        listed = [found] if len(self._original) == 1 else found
        return dict(zip(sorted(self._original, key=str), listed, strict=True))


def _keep(keep_input: Any, *, enqueue_many: bool) -> Tensor:
    keep = convert(keep_input)
    if keep.shape.ndims is None:
        raise ValueError("`keep_input` dimensions must be known at graph construction.")
    if not enqueue_many and keep.shape.ndims == 1:
        raise ValueError("`keep_input` cannot be a vector when `enqueue_many=False`.")
    if keep.shape.ndims > 1:
        raise ValueError("`keep_input` must be 0 or 1 dimensions.")
    return keep


def _values(sets: Any, keep_input: Any) -> list[Any]:
    if not sets:
        raise ValueError("Expected at least one set of tensors")
    keys = {tuple(sorted(s, key=str)) for s in sets if isinstance(s, dict)}
    if len(keys) > 1:
        raise ValueError("All dictionaries in tensors_list must have the same keys")
    flat = [t for s in sets for t in (s.values() if isinstance(s, dict) else s)]
    return [*flat, keep_input]


def _batch(
    sets: Any, batch_size: Any, keep_input: Any, how: dict[str, Any], default_name: str, threads: int = 1
) -> Any:
    capacity = how["capacity"]
    with name_scope(how["name"], default_name, _values(sets, keep_input)) as scope:
        work = _Batch(sets, keep_input, enqueue_many=how["enqueue_many"], shapes=how["shapes"], threads=threads)
        kind = PaddingFIFOQueue if how["dynamic_pad"] else FIFOQueue
        queue = kind(capacity, work.types, work.shapes, shared_name=how["shared_name"])
        work.fill(queue)
        _summarize(f"fraction_of_{capacity}_full", cast(queue.size(), float32) * (1.0 / capacity))
        return work.take(queue, batch_size, scope, smaller=how["allow_smaller_final_batch"])


def _shuffle_batch(
    sets: Any, batch_size: Any, keep_input: Any, how: dict[str, Any], default_name: str, threads: int = 1
) -> Any:
    capacity, least = how["capacity"], how["min_after_dequeue"]
    with name_scope(how["name"], default_name, _values(sets, keep_input)) as scope:
        if capacity <= least:
            raise ValueError(f"capacity {capacity} must be bigger than min_after_dequeue {least}.")
        work = _Batch(sets, keep_input, enqueue_many=how["enqueue_many"], shapes=how["shapes"], threads=threads)
        queue = RandomShuffleQueue(
            capacity, least, work.types, work.shapes, seed=how["seed"], shared_name=how["shared_name"]
        )
        work.fill(queue)
        over = apply_op("Maximum", None, x=0, y=queue.size() - least)
        _summarize(
            f"fraction_over_{least}_of_{capacity - least}_full", cast(over, float32) * (1.0 / (capacity - least))
        )
        return work.take(queue, batch_size, scope, smaller=how["allow_smaller_final_batch"])


@export("train.batch")
def batch(
    tensors: Any,
    batch_size: Any,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of ``tensors`` (a list or dictionary) that threads compute again and again.

    enqueue_many: each tensor is several examples; dynamic_pad: pads to the longest; allow_smaller_final_batch: the last
    one may have fewer.
    """
    return maybe_batch(
        tensors, True, batch_size, num_threads, capacity, enqueue_many, shapes, dynamic_pad,
        allow_smaller_final_batch, shared_name, name,
    )  # fmt: skip


@export("train.maybe_batch")
def maybe_batch(
    tensors: Any,
    keep_input: Any,
    batch_size: Any,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """As ``batch``, of the examples for which ``keep_input`` is True."""
    how = {
        "capacity": capacity, "enqueue_many": enqueue_many, "shapes": shapes, "dynamic_pad": dynamic_pad,
        "allow_smaller_final_batch": allow_smaller_final_batch, "shared_name": shared_name, "name": name,
    }  # fmt: skip
    return _batch([tensors], batch_size, keep_input, how, "batch", num_threads)


@export("train.batch_join")
def batch_join(
    tensors_list: Any,
    batch_size: Any,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """As ``batch``, with a thread for each of ``tensors_list``."""
    how = {
        "capacity": capacity, "enqueue_many": enqueue_many, "shapes": shapes, "dynamic_pad": dynamic_pad,
        "allow_smaller_final_batch": allow_smaller_final_batch, "shared_name": shared_name, "name": name,
    }  # fmt: skip
    return _batch(tensors_list, batch_size, True, how, "batch_join")


@export("train.shuffle_batch")
def shuffle_batch(
    tensors: Any,
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = 1,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """As ``batch``, of examples drawn at random from a queue that keeps ``min_after_dequeue`` behind."""
    how = {
        "capacity": capacity, "min_after_dequeue": min_after_dequeue, "seed": seed, "enqueue_many": enqueue_many,
        "shapes": shapes, "allow_smaller_final_batch": allow_smaller_final_batch, "shared_name": shared_name,
        "name": name,
    }  # fmt: skip
    return _shuffle_batch([tensors], batch_size, True, how, "shuffle_batch", num_threads)


@export("train.shuffle_batch_join")
def shuffle_batch_join(
    tensors_list: Any,
    batch_size: Any,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """As ``shuffle_batch``, with a thread for each of ``tensors_list``."""
    how = {
        "capacity": capacity, "min_after_dequeue": min_after_dequeue, "seed": seed, "enqueue_many": enqueue_many,
        "shapes": shapes, "allow_smaller_final_batch": allow_smaller_final_batch, "shared_name": shared_name,
        "name": name,
    }  # fmt: skip
    return _shuffle_batch(tensors_list, batch_size, True, how, "shuffle_batch_join")
