"""Keras' recurrent layers as loops over time: LSTM, GRU, SimpleRNN, Bidirectional, TimeDistributed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from noria.convert.keras_layers import LAYERS, LayerCall, activate, layer
from noria.v1.exports import tf

Step = Callable[
    [Any, list[Any]], list[Any]
]  # the inputs of one time step, the state → the new state; [0] is the output


def _lstm(call: LayerCall) -> tuple[Step, int]:
    units = int(call.config["units"])
    kernel, recurrent = call.weight("kernel"), call.weight("recurrent_kernel")
    bias = call.weight("bias") if call.get("use_bias", True) else None

    def step(x: Any, state: list[Any]) -> list[Any]:
        h, c = state
        gates = tf.matmul(x, kernel) + tf.matmul(h, recurrent)
        if bias is not None:
            gates = tf.nn.bias_add(gates, bias)
        i, f, new, o = tf.split(gates, 4, axis=1)
        i, f, o = (_gate(call, g) for g in (i, f, o))
        c = f * c + i * call.activation(new, default="tanh")
        return [o * call.activation(c, default="tanh"), c]

    return step, units


def _gate(call: LayerCall, value: Any) -> Any:
    wanted = call.get("recurrent_activation", "sigmoid")
    if wanted == "hard_sigmoid" and "implementation" in call.config:  # Keras 2 meant another function by that name
        return tf.clip_by_value(0.2 * value + 0.5, 0.0, 1.0)
    return activate(call, value, wanted)


def _gru(call: LayerCall) -> tuple[Step, int]:
    units = int(call.config["units"])
    after = bool(call.get("reset_after", False))
    kernel, recurrent = call.weight("kernel"), call.weight("recurrent_kernel")
    bias = call.weight("bias") if call.get("use_bias", True) else None

    def step(x: Any, state: list[Any]) -> list[Any]:
        (h,) = state
        inputs = tf.matmul(x, kernel)
        if bias is not None:
            inputs = inputs + (bias[0] if after else bias)
        xz, xr, xh = tf.split(inputs, 3, axis=1)
        if after:
            inner = tf.matmul(h, recurrent)
            inner = inner if bias is None else inner + bias[1]
            hz, hr, hh = tf.split(inner, 3, axis=1)
            z, r = _gate(call, xz + hz), _gate(call, xr + hr)
            new = call.activation(xh + r * hh, default="tanh")
        else:
            hz, hr = tf.split(tf.matmul(h, recurrent[:, : 2 * units]), 2, axis=1)
            z, r = _gate(call, xz + hz), _gate(call, xr + hr)
            new = call.activation(xh + tf.matmul(r * h, recurrent[:, 2 * units :]), default="tanh")
        return [z * h + (1.0 - z) * new]

    return step, units


def _simple(call: LayerCall) -> tuple[Step, int]:
    units = int(call.config["units"])
    kernel, recurrent = call.weight("kernel"), call.weight("recurrent_kernel")
    bias = call.weight("bias") if call.get("use_bias", True) else None

    def step(x: Any, state: list[Any]) -> list[Any]:
        found = tf.matmul(x, kernel)
        found = found if bias is None else tf.nn.bias_add(found, bias)
        return [call.activation(found + tf.matmul(state[0], recurrent), default="tanh")]

    return step, units


def _over_time(call: LayerCall, x: Any, step: Step, units: int, states: int) -> tuple[Any, list[Any]]:
    """All outputs [batch, time, units] in the order they were made, and the last state."""
    if call.get("stateful", False):
        raise call.cannot("keeps its state between calls")
    rows = tf.transpose(x, [1, 0, 2])
    steps = tf.shape(rows)[0]
    zeros = tf.zeros(tf.stack([tf.shape(x)[0], units]), x.dtype)
    zeros.set_shape([x.shape.as_list()[0], units])
    given = tf.TensorArray(x.dtype, size=steps).unstack(rows)
    made = tf.TensorArray(x.dtype, size=steps)
    backwards = bool(call.get("go_backwards", False))

    def body(time: Any, made: Any, *state: Any) -> Any:
        at = steps - 1 - time if backwards else time
        new = step(given.read(at), list(state))
        return (time + 1, made.write(time, new[0]), *new)

    _, made, *state = tf.while_loop(lambda time, *_: time < steps, body, (0, made, *[zeros] * states))
    outputs = tf.transpose(made.stack(), [1, 0, 2])
    outputs.set_shape([*x.shape.as_list()[:2], units])
    return outputs, list(state)


def _recurrent(call: LayerCall, x: Any, make: Callable[[LayerCall], tuple[Step, int]], states: int) -> Any:
    step, units = make(call)
    outputs, state = _over_time(call, x, step, units, states)
    found = outputs if call.get("return_sequences", False) else state[0]
    return [found, *state] if call.get("return_state", False) else found


@layer("LSTM", "CuDNNLSTM")
def _lstm_layer(call: LayerCall, x: Any) -> Any:
    if call.kind == "CuDNNLSTM":
        raise call.cannot("is laid out for cuDNN")
    return _recurrent(call, x, _lstm, 2)


@layer("GRU")
def _gru_layer(call: LayerCall, x: Any) -> Any:
    return _recurrent(call, x, _gru, 1)


@layer("SimpleRNN")
def _simple_layer(call: LayerCall, x: Any) -> Any:
    return _recurrent(call, x, _simple, 1)


def _inner(call: LayerCall, spec: dict[str, Any], prefix: str, **changes: Any) -> LayerCall:
    """The layer inside a wrapper; it takes the wrapper's weights in turn."""
    config = {**spec["config"], **changes}
    return LayerCall(f"{call.name}/{prefix}", spec["class_name"], config, wrapper=call)


@layer("Bidirectional")
def _bidirectional(call: LayerCall, x: Any) -> Any:
    spec = call.config["layer"]
    back = call.config.get("backward_layer") or spec
    if spec["config"].get("return_state"):
        raise call.cannot("returns its state")
    sequences = bool(spec["config"].get("return_sequences"))
    forward = LAYERS[spec["class_name"]](_inner(call, spec, "forward"), x)
    turned = not bool(spec["config"].get("go_backwards", False))
    backward = LAYERS[back["class_name"]](_inner(call, back, "backward", go_backwards=turned), x)
    if sequences:
        backward = tf.reverse(backward, axis=[1])
    mode = call.get("merge_mode", "concat")
    if mode == "concat":
        return tf.concat([forward, backward], -1)
    if mode in ("sum", "mul", "ave"):
        both = forward * backward if mode == "mul" else forward + backward
        return both / 2.0 if mode == "ave" else both
    return [forward, backward]


@layer("TimeDistributed")
def _time_distributed(call: LayerCall, x: Any) -> Any:
    spec = call.config["layer"]
    if spec["class_name"] not in LAYERS:
        raise call.cannot(f"distributes a {spec['class_name']}")
    known = x.shape.as_list()
    dims = tf.shape(x)
    flat = tf.reshape(x, tf.concat([[-1], dims[2:]], 0))
    flat.set_shape([None, *known[2:]])
    found = LAYERS[spec["class_name"]](_inner(call, spec, spec["config"].get("name", "layer")), flat)
    result = tf.reshape(found, tf.concat([dims[:2], tf.shape(found)[1:]], 0))
    result.set_shape([*known[:2], *found.shape.as_list()[1:]])
    return result
