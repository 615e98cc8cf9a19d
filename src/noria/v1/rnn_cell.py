"""``tf.nn.rnn_cell``: the cells of recurrent networks, with the variables and names of TensorFlow 1."""

from __future__ import annotations

import hashlib
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from noria.v1.constant import constant, constant_value
from noria.v1.dtypes import DType, as_dtype, int32
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.layer import Layer, last_size
from noria.v1.nest import flatten, is_nested, map_structure
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import TensorShape

Activation = Callable[[Any], Any]


@export("nn.rnn_cell.LSTMStateTuple", "contrib.rnn.LSTMStateTuple")
class LSTMStateTuple(namedtuple("LSTMStateTuple", ["c", "h"])):
    """The state of an LSTM: its memory ``c`` and its last output ``h``."""

    __slots__ = ()

    @property
    def dtype(self) -> DType:
        """TypeError when the two differ."""
        if self.c.dtype != self.h.dtype:
            raise TypeError(f"Inconsistent dtypes for internal state: {self.c.dtype} vs {self.h.dtype}")
        found: DType = self.c.dtype
        return found


def joined_shape(prefix: Any, suffix: Any, *, static: bool = False) -> Any:
    """The shape ``prefix + suffix``: as a list of sizes (``static``), or as a tensor.

    Either way both parts become tensors, as in TensorFlow: the names of what follows depend on it.
    """
    parts = _as_vector(prefix), _as_vector(suffix)
    if static:
        joined = TensorShape(_known(prefix)).concatenate(TensorShape(_known(suffix)))
        return None if joined.ndims is None else joined.as_list()
    if None in parts:
        raise ValueError(f"a state needs known sizes, got {prefix!r} and {suffix!r}")
    return tf.concat(parts, 0)


def _known(part: Any) -> Any:
    if not isinstance(part, Tensor):
        return part
    value = constant_value(part)
    if value is not None:
        return value.reshape(-1).tolist()
    return [None] if part.shape.ndims == 0 else None


def _as_vector(part: Any) -> Tensor | None:
    """A size or sizes as a vector; None where they are not all known."""
    if isinstance(part, Tensor):
        found: Tensor = tf.expand_dims(part, 0) if part.shape.ndims == 0 else part
        return found
    shape = TensorShape(part)
    return constant(shape.as_list(), dtype=int32) if shape.is_fully_defined() else None


def zeros_of(sizes: Any, batch_size: Any, dtype: Any) -> Any:
    """Zero tensors of shape ``[batch_size, size]`` for each of the nested ``sizes``."""

    def zero(size: Any) -> Tensor:
        found: Tensor = tf.zeros(joined_shape(batch_size, size), dtype=dtype)
        found.set_shape(joined_shape(batch_size, size, static=True))
        return found

    return map_structure(zero, sizes)


@export("nn.rnn_cell.RNNCell", "contrib.rnn.RNNCell")
class RNNCell(Layer):
    """A cell: ``cell(inputs, state)`` gives ``(output, new_state)``. Give ``state_size``, ``output_size``, ``call``."""

    _cell_scope: Any = None

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **kwargs: Any) -> Any:
        if scope is not None:
            with tf.variable_scope(scope) as entered:
                return super().__call__(inputs, state, scope=entered, **kwargs)
        if self._cell_scope is None:
            self._cell_scope = tf.get_variable_scope()
        with tf.variable_scope(self._cell_scope):
            return super().__call__(inputs, state, **kwargs)

    @property
    def state_size(self) -> Any:
        """The size of the state, or a structure of sizes."""
        raise NotImplementedError(f"{type(self).__name__} does not say its state_size")

    @property
    def output_size(self) -> Any:
        """The size of the output."""
        raise NotImplementedError(f"{type(self).__name__} does not say its output_size")

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros for ``batch_size`` sequences."""
        with name_scope(type(self).__name__ + "ZeroState"):
            return zeros_of(self.state_size, batch_size, dtype)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """``zero_state`` for the batch of ``inputs``, or of the size given."""
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs, name="inputs")
            batch_size = inputs.shape.as_list()[0] or tf.shape(inputs)[0]
            dtype = inputs.dtype
        if batch_size is None or dtype is None:
            raise ValueError(f"batch_size and dtype cannot be None: batch_size={batch_size}, dtype={dtype}")
        return self.zero_state(batch_size, dtype)


class LayerRNNCell(RNNCell):
    """A cell with variables of its own."""

    def __init__(
        self, num_units: int, activation: Any, reuse: Any, name: str | None, dtype: Any, kwargs: dict[str, Any]
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        if self.dtype is not None:
            _check_floats([self.dtype])
        self._num_units = num_units
        self._activation: Activation = _activation(activation)

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **kwargs: Any) -> Any:
        return Layer.__call__(self, inputs, state, scope=scope, **kwargs)

    @property
    def state_size(self) -> Any:
        return self._num_units

    @property
    def output_size(self) -> Any:
        return self._num_units

    def _linear(self, inputs: Any, state: Any, kernel: Any, bias: Any) -> Any:
        return tf.nn.bias_add(tf.matmul(tf.concat([inputs, state], 1), kernel), bias)

    def _zeros(self) -> Any:
        return tf.zeros_initializer(dtype=self.dtype)


def _activation(given: Any) -> Activation:
    if given is None or given == "":
        found: Activation = tf.tanh
    elif isinstance(given, str):
        found = tf.identity if given == "linear" else getattr(tf.nn, given)
    else:
        found = given
    return found


def _check_floats(found: Sequence[DType]) -> None:
    for dtype in found:
        if not (as_dtype(dtype).is_floating or as_dtype(dtype).is_complex):
            raise ValueError(f"RNN cell only supports floating point inputs, but received dtype: {dtype}")


def _check_inputs(inputs: Any, state: Any) -> None:
    _check_floats([t.dtype for t in flatten([inputs, state])])


@export("nn.rnn_cell.BasicRNNCell", "contrib.rnn.BasicRNNCell")
class BasicRNNCell(LayerRNNCell):
    """The simplest cell: ``activation(W [inputs, state] + b)``."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)

    def build(self, input_shape: Any) -> None:
        units = self._num_units
        self._kernel = self.add_weight("kernel", shape=[last_size(input_shape) + units, units])
        self._bias = self.add_weight("bias", shape=[units], initializer=self._zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        _check_inputs(inputs, state)
        output = self._activation(self._linear(inputs, state, self._kernel, self._bias))
        return output, output


@export("nn.rnn_cell.GRUCell", "contrib.rnn.GRUCell")
class GRUCell(LayerRNNCell):
    """The gated recurrent unit."""

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: bool | None = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    def build(self, input_shape: Any) -> None:
        units = self._num_units
        depth = last_size(input_shape) + units
        kernel, bias = self._kernel_initializer, self._bias_initializer
        ones = tf.constant_initializer(1.0, dtype=self.dtype or as_dtype("float32")) if bias is None else bias
        self._gate_kernel = self.add_weight("gates/kernel", shape=[depth, 2 * units], initializer=kernel)
        self._gate_bias = self.add_weight("gates/bias", shape=[2 * units], initializer=ones)
        zeros = self._zeros() if bias is None else bias
        self._candidate_kernel = self.add_weight("candidate/kernel", shape=[depth, units], initializer=kernel)
        self._candidate_bias = self.add_weight("candidate/bias", shape=[units], initializer=zeros)
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        _check_inputs(inputs, state)
        gates = tf.sigmoid(self._linear(inputs, state, self._gate_kernel, self._gate_bias))
        reset, update = tf.split(value=gates, num_or_size_splits=2, axis=1)
        kept = reset * state
        candidate = self._activation(self._linear(inputs, kept, self._candidate_kernel, self._candidate_bias))
        new = update * state + (1 - update) * candidate
        return new, new


@export("nn.rnn_cell.BasicLSTMCell", "contrib.rnn.BasicLSTMCell")
class BasicLSTMCell(LayerRNNCell):
    """The LSTM without peepholes, projections and clipping."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        units = self._num_units
        return LSTMStateTuple(units, units) if self._state_is_tuple else 2 * units

    def build(self, input_shape: Any) -> None:
        units = self._num_units
        self._kernel = self.add_weight("kernel", shape=[last_size(input_shape) + units, 4 * units])
        self._bias = self.add_weight("bias", shape=[4 * units], initializer=self._zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        _check_inputs(inputs, state)
        one = constant(1, dtype=int32)
        c, h = state if self._state_is_tuple else tf.split(value=state, num_or_size_splits=2, axis=one)
        gates = self._linear(inputs, h, self._kernel, self._bias)
        i, j, f, o = tf.split(value=gates, num_or_size_splits=4, axis=one)
        bias = constant(self._forget_bias, dtype=f.dtype)
        kept = tf.multiply(c, tf.sigmoid(tf.add(f, bias)))
        new_c = tf.add(kept, tf.multiply(tf.sigmoid(i), self._activation(j)))
        new_h = tf.multiply(self._activation(new_c), tf.sigmoid(o))
        return new_h, LSTMStateTuple(new_c, new_h) if self._state_is_tuple else tf.concat([new_c, new_h], 1)


@export("nn.rnn_cell.LSTMCell", "contrib.rnn.LSTMCell")
class LSTMCell(LayerRNNCell):
    """The LSTM with optional peepholes, projection and clipping."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int | None = None,
        num_proj_shards: int | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._shards = num_unit_shards, num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        size = self._num_proj or self._num_units
        return LSTMStateTuple(self._num_units, size) if self._state_is_tuple else self._num_units + size

    @property
    def output_size(self) -> Any:
        return self._num_proj or self._num_units

    def build(self, input_shape: Any) -> None:
        units = self._num_units
        depth = last_size(input_shape) + (self._num_proj or units)
        parts = [None if n is None else tf.fixed_size_partitioner(n) for n in self._shards]
        start = self._initializer
        self._kernel = self.add_weight("kernel", shape=[depth, 4 * units], initializer=start, partitioner=parts[0])
        self._bias = self.add_weight("bias", shape=[4 * units], initializer=self._zeros())
        if self._use_peepholes:
            self._w_f_diag = self.add_weight("w_f_diag", shape=[units], initializer=start)
            self._w_i_diag = self.add_weight("w_i_diag", shape=[units], initializer=start)
            self._w_o_diag = self.add_weight("w_o_diag", shape=[units], initializer=start)
        if self._num_proj is not None:
            shape = [units, self._num_proj]
            self._proj = self.add_weight("projection/kernel", shape=shape, initializer=start, partitioner=parts[1])
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        _check_inputs(inputs, state)
        if self._state_is_tuple:
            c_before, m_before = state
        else:
            c_before = tf.slice(state, [0, 0], [-1, self._num_units])
            m_before = tf.slice(state, [0, self._num_units], [-1, self._num_proj or self._num_units])
        gates = self._linear(inputs, m_before, self._kernel, self._bias)
        i, j, f, o = tf.split(value=gates, num_or_size_splits=4, axis=1)
        if self._use_peepholes:
            kept = tf.sigmoid(f + self._forget_bias + self._w_f_diag * c_before) * c_before
            c = kept + tf.sigmoid(i + self._w_i_diag * c_before) * self._activation(j)
        else:
            c = tf.sigmoid(f + self._forget_bias) * c_before + tf.sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            c = tf.clip_by_value(c, -self._cell_clip, self._cell_clip)
        opened = tf.sigmoid(o + self._w_o_diag * c) if self._use_peepholes else tf.sigmoid(o)
        m = opened * self._activation(c)
        if self._num_proj is not None:
            m = tf.matmul(m, self._proj)
            if self._proj_clip is not None:
                m = tf.clip_by_value(m, -self._proj_clip, self._proj_clip)
        return m, LSTMStateTuple(c, m) if self._state_is_tuple else tf.concat([c, m], 1)


@export("nn.rnn_cell.MultiRNNCell", "contrib.rnn.MultiRNNCell")
class MultiRNNCell(RNNCell):
    """Cells on top of each other: the output of one is the input of the next."""

    def __init__(self, cells: Any, state_is_tuple: bool = True) -> None:
        super().__init__()
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        if not is_nested(cells):
            raise TypeError(f"cells must be a list or tuple, but received: {cells}.")
        self._cells = list(cells)
        self._state_is_tuple = state_is_tuple
        if not state_is_tuple and any(is_nested(c.state_size) for c in self._cells):
            raise ValueError(
                "Some cells return tuples of states, but the flag state_is_tuple is not set. State sizes are: "
                f"{[c.state_size for c in self._cells]}"
            )

    @property
    def state_size(self) -> Any:
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        return self._cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with name_scope(type(self).__name__ + "ZeroState"):
            if self._state_is_tuple:
                return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)
            return super().zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> Any:
        states = []
        at = 0
        for i, cell in enumerate(self._cells):
            with tf.variable_scope(f"cell_{i}"):
                if self._state_is_tuple:
                    before = state[i]
                else:
                    before = tf.slice(state, [0, at], [-1, cell.state_size])
                    at += cell.state_size
                inputs, new = cell(inputs, before)
                states.append(new)
        return inputs, tuple(states) if self._state_is_tuple else tf.concat(states, 1)


@export("nn.rnn_cell.DropoutWrapper", "contrib.rnn.DropoutWrapper")
class DropoutWrapper(RNNCell):
    """A cell with dropout on its inputs, outputs and state (the memory of an LSTM is left alone)."""

    def __init__(
        self,
        cell: Any,
        input_keep_prob: Any = 1.0,
        output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False,
        input_size: Any = None,
        dtype: Any = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype)
        if variational_recurrent:
            raise NotImplementedError("variational_recurrent dropout is not available; use the plain form")
        self._cell = cell
        self._keep = {"input": input_keep_prob, "state": state_keep_prob, "output": output_keep_prob}
        self._seed = seed
        self._filter = dropout_state_filter_visitor or _all_but_memory

    @property
    def wrapped_cell(self) -> Any:
        return self._cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with name_scope(type(self).__name__ + "ZeroState"):
            return self._cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **kwargs: Any) -> Any:
        if self._drops("input"):
            inputs = map_structure(lambda v: self._dropout(v, "input"), inputs)
        output, new_state = self._cell(inputs, state, scope=scope) if scope is not None else self._cell(inputs, state)
        if self._drops("state"):
            new_state = self._state(new_state)
        if self._drops("output"):
            output = map_structure(lambda v: self._dropout(v, "output"), output)
        return output, new_state

    def _drops(self, which: str) -> bool:
        keep = self._keep[which]
        return not isinstance(keep, float | int) or keep < 1

    def _dropout(self, value: Any, which: str) -> Any:
        return tf.nn.dropout(value, keep_prob=self._keep[which], seed=_derived_seed(self._seed, which))

    def _state(self, state: Any) -> Any:
        wanted = self._filter(state)
        if isinstance(wanted, bool):
            return map_structure(lambda v: self._dropout(v, "state"), state) if wanted else state
        return map_structure(lambda keep, v: self._dropout(v, "state") if keep else v, wanted, state)


def _all_but_memory(state: Any) -> Any:
    return LSTMStateTuple(c=False, h=True) if isinstance(state, LSTMStateTuple) else True


def _derived_seed(seed: int | None, salt: str) -> int | None:
    if seed is None:
        return None
    return int(hashlib.md5((str(seed) + salt).encode()).hexdigest()[:8], 16) & 0x7FFFFFFF


class _Wrapper(RNNCell):
    """A cell around another one."""

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        super().__init__()
        self._cell = cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with name_scope(type(self).__name__ + "ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


@export("nn.rnn_cell.ResidualWrapper", "contrib.rnn.ResidualWrapper")
class ResidualWrapper(_Wrapper):
    """A cell whose inputs are added to its outputs; ``residual_fn(inputs, outputs)`` may do it otherwise."""

    def __init__(self, cell: Any, residual_fn: Any = None, **kwargs: Any) -> None:
        super().__init__(cell)
        self._residual_fn = residual_fn

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **kwargs: Any) -> Any:
        outputs, new_state = self._cell(inputs, state)
        if self._residual_fn is not None:
            return self._residual_fn(inputs, outputs), new_state
        return map_structure(lambda i, o: i + o, inputs, outputs), new_state


@export("nn.rnn_cell.DeviceWrapper", "contrib.rnn.DeviceWrapper")
class DeviceWrapper(_Wrapper):
    """A cell whose operations are recorded for a device."""

    def __init__(self, cell: Any, device: str, **kwargs: Any) -> None:
        super().__init__(cell)
        self._device = device

    def __call__(self, inputs: Any, state: Any, scope: Any = None, **kwargs: Any) -> Any:
        with tf.device(self._device):
            return self._cell(inputs, state)
