"""Recurrent cells as single ops: LSTMBlockCell, BlockLSTM, BlockLSTMV2 (Zaremba et al., 2014) and GRUBlockCell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet
from noria.shapes import Shape


def _sigmoid(x: Array) -> Array:
    result: Array = 0.5 * np.tanh(0.5 * x) + 0.5
    return result


def _expect(name: str, value: Array, shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise InvalidArgumentError(f"{name} must have shape {shape_text(shape)}, got {shape_text(value.shape)}")


def _check_lstm(x: Array, state: Array, output: Array, weights: Sequence[Array]) -> None:
    """InvalidArgumentError unless one step of x [batch, inputs] fits the previous state and output, and w to b."""
    if x.ndim != 2 or state.ndim != 2:
        raise InvalidArgumentError(
            f"x and cs_prev must be matrices for each step, got {shape_text(x.shape)} and {shape_text(state.shape)}"
        )
    (batch, inputs), cell = x.shape, state.shape[1]
    _expect("cs_prev", state, (batch, cell))
    _expect("h_prev", output, (batch, cell))
    _expect("w", weights[0], (inputs + cell, 4 * cell))
    for name, peephole in zip(("wci", "wcf", "wco"), weights[1:4], strict=True):
        _expect(name, peephole, (cell,))
    _expect("b", weights[4], (4 * cell,))


def _lstm_step(
    call: KernelCall, x: Array, state: Array, output: Array, weights: Sequence[Array], *, forget_second: bool
) -> tuple[Array, ...]:
    """(i, cs, f, o, ci, co, h) of one step, in float32; ``forget_second``: the gates stand as i, f, ci, o."""
    w, wci, wcf, wco, b = weights
    gates = np.concatenate([x, output], axis=1) @ w + b
    parts = np.split(gates, 4, axis=1)
    i, f, ci, o = parts if forget_second else (parts[0], parts[2], parts[1], parts[3])
    if not forget_second:
        f = f + np.float32(call.number("forget_bias"))
    if call.flag("use_peephole"):
        i, f = i + state * wci, f + state * wcf
    i, f, ci = _sigmoid(i), _sigmoid(f), np.tanh(ci)
    cs = ci * i + state * f
    clip = np.float32(call.number("cell_clip"))
    if clip > 0:
        cs = np.clip(cs, -clip, clip)
    if call.flag("use_peephole"):
        o = o + cs * wco
    o, co = _sigmoid(o), np.tanh(cs)
    return i, cs, f, o, ci, co, o * co


@infer("LSTMBlockCell")
def _lstm_cell_infer(call: InferCall) -> list[Shape]:
    x, state = call.shape(0), call.shape(1)
    batch = x[0] if x is not None and len(x) == 2 else None
    return [(batch, state[1] if state is not None and len(state) == 2 else None)] * 7


@kernel("LSTMBlockCell")
@quiet
def _lstm_cell(call: KernelCall, x: Array, state: Array, output: Array, *weights: Array) -> tuple[Array, ...]:
    _check_lstm(x, state, output, weights)
    if not state.size:
        raise InvalidArgumentError(f"cs_prev_tensor is empty, has shape: {shape_text(state.shape)}")
    first, before, last = (a.astype(np.float32) for a in (x, state, output))
    step = _lstm_step(call, first, before, last, [a.astype(np.float32) for a in weights], forget_second=False)
    return tuple(a.astype(x.dtype) for a in step)


@infer("BlockLSTM", "BlockLSTMV2")
def _block_lstm_infer(call: InferCall) -> list[Shape]:
    x, state = call.shape(1), call.shape(2)
    steps, batch = x[:2] if x is not None and len(x) == 3 else (None, None)
    return [(steps, batch, state[1] if state is not None and len(state) == 2 else None)] * 7


@kernel("BlockLSTM", "BlockLSTMV2")
@quiet
def _block_lstm(
    call: KernelCall, length: Array, x: Array, state: Array, output: Array, *weights: Array
) -> tuple[Array, ...]:
    """All steps of x [time, batch, inputs] before ``length``; zeros behind them."""
    if x.ndim != 3:
        raise InvalidArgumentError(f"x must be 3D, got shape {shape_text(x.shape)}")
    if length.ndim:
        raise InvalidArgumentError(f"seq_len_max must be a scalar, got shape {shape_text(length.shape)}")
    if not 0 <= length <= len(x):
        raise InvalidArgumentError(f"seq_len_max must be in [0, {len(x)}], the number of steps, got {int(length)}")
    if len(x):
        _check_lstm(x[0], state, output, weights)
    wide = [a.astype(np.float32) for a in weights]
    results = np.zeros((7, *x.shape[:2], state.shape[-1]), x.dtype)
    state, output = state.astype(np.float32), output.astype(np.float32)
    forget_second = call.node.op == "BlockLSTMV2"
    for t in range(int(length)):
        step = _lstm_step(call, x[t].astype(np.float32), state, output, wide, forget_second=forget_second)
        results[:, t] = step
        state, output = step[1], step[6]
    return tuple(results)


@infer("GRUBlockCell")
def _gru_infer(call: InferCall) -> list[Shape]:
    x, output = call.shape(0), call.shape(1)
    batch = x[0] if x is not None and len(x) == 2 else None
    return [(batch, output[1] if output is not None and len(output) == 2 else None)] * 4


@kernel("GRUBlockCell")
@quiet
def _gru(
    call: KernelCall, x: Array, output: Array, gate_weights: Array, weights: Array, gate_bias: Array, bias: Array
) -> tuple[Array, ...]:
    """(r, u, c, h): the reset and update gates, the candidate, and the new output."""
    if x.ndim != 2 or output.ndim != 2:
        raise InvalidArgumentError(
            f"x and h_prev must be matrices, got {shape_text(x.shape)} and {shape_text(output.shape)}"
        )
    (batch, inputs), cell = x.shape, output.shape[1]
    _expect("h_prev", output, (batch, cell))
    _expect("w_ru", gate_weights, (inputs + cell, 2 * cell))
    _expect("w_c", weights, (inputs + cell, cell))
    _expect("b_ru", gate_bias, (2 * cell,))
    _expect("b_c", bias, (cell,))
    gates = _sigmoid(np.concatenate([x, output], axis=1) @ gate_weights + gate_bias)
    r, u = np.split(gates, 2, axis=1)
    c = np.tanh(np.concatenate([x, output * r], axis=1) @ weights + bias)
    return r, u, c, u * output + (1 - u) * c
