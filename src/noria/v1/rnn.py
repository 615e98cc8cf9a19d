"""``tf.nn.dynamic_rnn``, ``tf.nn.static_rnn`` and their bidirectional forms: cells unrolled over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from noria.v1.constant import constant
from noria.v1.control_flow import cond, while_loop
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import int32
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.nest import assert_same, flatten, is_nested, map_structure, pack_as
from noria.v1.rnn_cell import joined_shape
from noria.v1.scope_state import get_variable_scope
from noria.v1.tensor_array import TensorArray
from noria.v1.tensor_shape import TensorShape

Call = Callable[[], tuple[Any, Any]]


def _check_cell(name: str, cell: Any) -> None:
    if not (hasattr(cell, "output_size") and hasattr(cell, "state_size") and callable(cell)):
        raise TypeError(
            f"The argument {name!r} ({cell!r}) is not an RNNCell: it needs output_size, state_size and call"
        )


def _cache_beside_users() -> None:
    """Variables are cached on the device of their users, but not inside a loop."""
    context = get_default_graph()._get_control_flow_context()
    scope = get_variable_scope()
    if (context is None or context.GetWhileContext() is None) and scope.caching_device is None:
        scope.set_caching_device(lambda op: op.device)


def _swapped(x: Any) -> Any:
    """``x`` with its first two axes, time and batch, swapped."""
    known = x.shape
    if known.ndims is not None and known.ndims < 2:
        return x
    order = tf.rank(x)
    swapped = tf.transpose(x, tf.concat(([1, 0], tf.range(2, order)), axis=0))
    if known.ndims is not None:
        sizes = known.as_list()
        swapped.set_shape(TensorShape([sizes[1], sizes[0]]).concatenate(known[2:]))
    return swapped


def _batch_size(inputs: Sequence[Any]) -> Any:
    """The size of the second axis: a number where one of the inputs knows it."""
    for tensor in inputs:
        shape = tensor.shape
        if shape.ndims is None:
            continue
        if shape.ndims < 2:
            raise ValueError(f"Input tensor should have rank >= 2. Received input={tensor} of rank {shape.ndims}")
        size = shape.as_list()[1]
        if size is not None:
            return size
    return tf.shape(inputs[0])[1]


def _state_dtype(dtype: Any, state: Any) -> Any:
    if dtype is not None:
        return dtype
    found = {t.dtype.base_dtype for t in flatten(state)}
    if len(found) != 1:
        raise ValueError(f"Unable to infer a single dtype from the state {state}: it has {found or 'no tensors'}")
    return found.pop()


def _first_state(cell: Any, initial_state: Any, batch_size: Any, dtype: Any) -> Any:
    if initial_state is not None:
        return initial_state
    if not dtype:
        raise ValueError("If no initial_state is provided, argument `dtype` must be specified")
    if getattr(cell, "get_initial_state", None) is not None:
        return cell.get_initial_state(inputs=None, batch_size=batch_size, dtype=dtype)
    return cell.zero_state(batch_size, dtype)


class _Lengths:
    """Sequences of several lengths: beyond its end a sequence gives zeros and keeps its state."""

    def __init__(self, lengths: Any, zero_output: Any) -> None:
        self.lengths = lengths
        self.zero_output = zero_output
        self.shortest = tf.reduce_min(lengths)
        self.longest = tf.reduce_max(lengths)

    def step(self, time: Any, state: Any, call: Call, *, skip_conditionals: bool) -> tuple[Any, Any]:
        """One step: output and new state, sequence by sequence."""
        zeros, before = flatten(self.zero_output), flatten(state)
        ended = time >= self.lengths

        def keep(old: Any, new: Any) -> Any:
            if isinstance(old, TensorArray) or old.shape.ndims == 0:
                return new
            with new.graph.colocate_with(new.op):
                return tf.where(ended, old, new)

        def called() -> tuple[list[Any], list[Any]]:
            output, new_state = call()
            assert_same(self.zero_output, output)
            assert_same(state, new_state)
            return flatten(output), flatten(new_state)

        def kept(output: list[Any], new_state: list[Any]) -> list[Any]:
            outputs = [keep(old, new) for old, new in zip(zeros, output, strict=True)]
            return outputs + [keep(old, new) for old, new in zip(before, new_state, strict=True)]

        def some_going_on() -> Any:
            output, new_state = called()
            return cond(time < self.shortest, lambda: output + new_state, lambda: kept(output, new_state))

        if skip_conditionals:
            output, new_state = called()
            found = kept(output, new_state)
        else:
            found = cond(time >= self.longest, lambda: zeros + before, some_going_on)
        for tensor, like in zip(found, zeros + before, strict=True):
            if not isinstance(tensor, TensorArray):
                tensor.set_shape(like.shape)
        return pack_as(self.zero_output, found[: len(zeros)]), pack_as(state, found[len(zeros) :])


@export("nn.dynamic_rnn")
def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[Any, Any]:
    """Runs ``cell`` over ``inputs`` [batch, time, ...] in a loop; gives all outputs and the last state.

    sequence_length: of each sequence of the batch; time_major: inputs and outputs are [time, batch, ...].
    """
    _check_cell("cell", cell)
    with tf.variable_scope(scope or "rnn"):
        _cache_beside_users()
        flat = flatten(inputs)
        if not time_major:
            flat = [_swapped(t) for t in [convert_to_tensor(t) for t in flat]]
        if sequence_length is not None:
            sequence_length = tf.cast(sequence_length, int32)
            if sequence_length.shape.ndims not in (None, 1):
                raise ValueError(
                    "Argument sequence_length must be a vector of length batch_size. Received "
                    f"sequence_length={sequence_length} of shape: {sequence_length.shape}"
                )
            sequence_length = tf.identity(sequence_length, name="sequence_length")
        batch = _batch_size(flat)
        state = _first_state(cell, initial_state, batch, dtype)
        if sequence_length is not None:
            with get_default_graph().control_dependencies([_assert_length(sequence_length, batch)]):
                sequence_length = tf.identity(sequence_length, name="CheckSeqLen")
        outputs, final = _Unrolled(cell, pack_as(inputs, flat), state, sequence_length, dtype).run(
            parallel_iterations or 32, swap_memory
        )
        return (outputs if time_major else map_structure(_swapped, outputs)), final


def _assert_length(lengths: Any, batch: Any) -> Any:
    """Asserts, when it runs, that there is one length for each sequence."""
    got, wanted = tf.shape(lengths), tf.stack([batch])
    same = tf.reduce_all(tf.equal(got, wanted))
    return tf.Assert(same, [f"Expected shape for Tensor {lengths.name} is ", wanted, " but saw shape: ", got])


class _Unrolled:
    """The loop of one ``dynamic_rnn`` over time-major inputs."""

    def __init__(self, cell: Any, inputs: Any, state: Any, sequence_length: Any, dtype: Any) -> None:
        self.cell = cell
        self.inputs = inputs
        self.state = state
        self.dtype = dtype
        flat = flatten(inputs)
        self.sizes = flatten(cell.output_size)
        self.steps = tf.shape(flat[0])[0]
        batch = _batch_size(flat)
        self.shapes = [t.shape.with_rank_at_least(3) for t in flat]
        self.known_steps, self.known_batch = self._common_sizes()
        state_dtype = _state_dtype(dtype, state)
        zeros = [tf.zeros(tf.stack(joined_shape(batch, size)), state_dtype) for size in self.sizes]
        self.lengths = None
        if sequence_length is not None:
            self.lengths = _Lengths(sequence_length, pack_as(cell.output_size, zeros))

    def _common_sizes(self) -> tuple[int | None, int | None]:
        steps, batch = self.shapes[0].as_list()[:2]
        for shape in self.shapes:
            if not shape[2:].is_fully_defined():
                raise ValueError(
                    f"Input size (depth of inputs) must be accessible via shape inference, but saw value None: {shape}"
                )
            if shape.as_list()[:2] != [steps, batch]:
                raise ValueError(f"the inputs differ in time steps or batch size: {[str(s) for s in self.shapes]}")
        return steps, batch

    def _element_shape(self, size: Any) -> TensorShape:
        return TensorShape([self.known_batch]).concatenate(TensorShape(size))

    def run(self, parallel_iterations: int, swap_memory: bool) -> tuple[Any, Any]:
        longest = self.steps if self.lengths is None else self.lengths.longest
        time = constant(0, dtype=int32, name="time")
        with name_scope("dynamic_rnn") as base:
            pass
        dtype = _state_dtype(self.dtype, self.state)

        def array(name: str, element: Any, kind: Any) -> TensorArray:
            return TensorArray(kind, size=self.steps, element_shape=element, tensor_array_name=base + name)

        outputs = [array(f"output_{i}", self._element_shape(size), dtype) for i, size in enumerate(self.sizes)]
        flat = flatten(self.inputs)
        given = [array(f"input_{i}", t.shape[1:], t.dtype) for i, t in enumerate(flat)]
        given = [a.unstack(t) for a, t in zip(given, flat, strict=True)]

        def step(time: Any, made: Any, state: Any) -> Any:
            rows = [a.read(time) for a in given]
            for row, shape in zip(rows, self.shapes, strict=True):
                row.set_shape(shape[1:])
            row = pack_as(self.inputs, rows)

            def call() -> Any:
                return self.cell(row, state)

            output, new = (
                call() if self.lengths is None else self.lengths.step(time, state, call, skip_conditionals=True)
            )
            written = tuple(a.write(time, v) for a, v in zip(made, flatten(output), strict=True))
            return time + 1, written, new

        bound = tf.minimum(self.steps, tf.maximum(1, longest))
        _, filled, final = while_loop(
            cond=lambda time, *_: time < bound,
            body=step,
            loop_vars=(time, tuple(outputs), self.state),
            parallel_iterations=parallel_iterations,
            maximum_iterations=self.steps,
            swap_memory=swap_memory,
        )
        stacked = [a.stack() for a in filled]
        for tensor, size in zip(stacked, self.sizes, strict=True):
            tensor.set_shape(joined_shape([self.known_steps, self.known_batch], size, static=True))
        return pack_as(self.cell.output_size, stacked), final


def _reverse(tensor: Any, lengths: Any, time_axis: int, batch_axis: int) -> Any:
    if lengths is None:
        return tf.reverse(tensor, axis=[time_axis])
    return tf.reverse_sequence(input=tensor, seq_lengths=lengths, seq_axis=time_axis, batch_axis=batch_axis)


@export("nn.bidirectional_dynamic_rnn")
def bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[Any, Any]:
    """``dynamic_rnn`` forwards and backwards: ``((outputs_fw, outputs_bw), (state_fw, state_bw))``."""
    _check_cell("cell_fw", cell_fw)
    _check_cell("cell_bw", cell_bw)
    axes = (0, 1) if time_major else (1, 0)
    shared = {"sequence_length": sequence_length, "dtype": dtype, "parallel_iterations": parallel_iterations,
              "swap_memory": swap_memory, "time_major": time_major}  # fmt: skip
    with tf.variable_scope(scope or "bidirectional_rnn"):
        with tf.variable_scope("fw") as inner:
            forward, state_fw = dynamic_rnn(
                cell=cell_fw, inputs=inputs, initial_state=initial_state_fw, scope=inner, **shared
            )
        with tf.variable_scope("bw") as inner:
            turned = map_structure(lambda t: _reverse(t, sequence_length, *axes), inputs)
            backward, state_bw = dynamic_rnn(
                cell=cell_bw, inputs=turned, initial_state=initial_state_bw, scope=inner, **shared
            )
    return (forward, _reverse(backward, sequence_length, *axes)), (state_fw, state_bw)


@export("nn.static_rnn", "contrib.rnn.static_rnn", "nn.rnn")
def static_rnn(
    cell: Any,
    inputs: Any,
    initial_state: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Runs ``cell`` over a list of inputs, one graph for each step; gives the list of outputs and the last state."""
    _check_cell("cell", cell)
    if not is_nested(inputs):
        raise TypeError(f"Argument `inputs` must be a sequence. Received: {inputs}")
    if not inputs:
        raise ValueError("Argument `inputs` must not be empty.")
    outputs = []
    with tf.variable_scope(scope or "rnn") as varscope:
        _cache_beside_users()
        first = flatten(inputs)[0]
        for tensor in flatten(inputs):
            shape = tensor.shape.with_rank_at_least(2 if first.shape.ndims != 1 else 1)
            if shape.ndims is not None and None in shape.as_list()[1:]:
                raise ValueError(f"the sizes of input {tensor} must be known but for its batch, got {shape}")
        known = first.shape.as_list()[0] if first.shape.ndims is not None else None
        batch = known or tf.shape(first)[0]
        state = _first_state(cell, initial_state, batch, dtype)
        lengths = None
        if sequence_length is not None:
            sequence_length = convert_to_tensor(sequence_length, name="sequence_length")
            zeros = []
            for size in flatten(cell.output_size):
                zero = tf.zeros(tf.stack(joined_shape(batch, size)), _state_dtype(dtype, state))
                zero.set_shape(joined_shape([known], size, static=True))
                zeros.append(zero)
            lengths = _Lengths(tf.cast(sequence_length, int32), pack_as(cell.output_size, zeros))
        for time, value in enumerate(inputs):
            if time > 0:
                varscope.reuse_variables()

            def call(value: Any = value, state: Any = state) -> Any:
                return cell(value, state)

            if lengths is None:
                output, state = call()
            else:
                output, state = lengths.step(time, state, call, skip_conditionals=False)
            outputs.append(output)
        return outputs, state


@export("nn.static_bidirectional_rnn", "contrib.rnn.static_bidirectional_rnn")
def static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[Any, Any, Any]:
    """``static_rnn`` forwards and backwards, outputs joined along their last axis."""
    _check_cell("cell_fw", cell_fw)
    _check_cell("cell_bw", cell_bw)
    with tf.variable_scope(scope or "bidirectional_rnn"):
        with tf.variable_scope("fw") as inner:
            forward, state_fw = static_rnn(cell_fw, inputs, initial_state_fw, dtype, sequence_length, scope=inner)
        with tf.variable_scope("bw") as inner:
            turned = _reversed_list(inputs, sequence_length)
            backward, state_bw = static_rnn(cell_bw, turned, initial_state_bw, dtype, sequence_length, scope=inner)
    backward = _reversed_list(backward, sequence_length)
    pairs = zip(flatten(forward), flatten(backward), strict=True)
    return pack_as(forward, [tf.concat([f, b], 1) for f, b in pairs]), state_fw, state_bw


def _reversed_list(values: list[Any], lengths: Any) -> list[Any]:
    """The list backwards, each sequence of the batch within its own length."""
    if lengths is None:
        return list(reversed(values))
    columns = list(zip(*[flatten(v) for v in values], strict=True))
    turned = []
    for column in columns:
        shape = column[0].shape
        rows = tf.unstack(tf.reverse_sequence(tf.stack(column), lengths, 0, 1))
        for row in rows:
            row.set_shape(shape)
        turned.append(rows)
    return [pack_as(v, [rows[i] for rows in turned]) for i, v in enumerate(values)]
