"""Small Keras models of every layer that is converted; each function takes the module ``keras`` and gives a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Make = Callable[[Any], Any]
MODELS: dict[str, Make] = {}


def model(make: Make) -> Make:
    MODELS[make.__name__] = make
    return make


@model
def convnet(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            layers.Input((9, 9, 3)),
            layers.Rescaling(0.5, offset=-0.1),
            layers.ZeroPadding2D(((1, 0), (0, 1))),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.SeparableConv2D(5, 3, padding="same"),
            layers.LeakyReLU(),
            layers.UpSampling2D(2),
            layers.Conv2DTranspose(3, 3, strides=2, padding="valid"),
            layers.Cropping2D(1),
            layers.MaxPooling2D(2),
            layers.AveragePooling2D(2, padding="same"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(4),
            layers.PReLU(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@model
def one_axis(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            layers.Input((12, 3)),
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="swish"),
            layers.MaxPooling1D(2),
            layers.ZeroPadding1D(1),
            layers.Conv1D(4, 2, strides=2, activation="elu"),
            layers.UpSampling1D(2),
            layers.Permute((2, 1)),
            layers.LayerNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.RepeatVector(3),
            layers.TimeDistributed(layers.Dense(2, activation="tanh")),
            layers.Reshape((3, 2)),
            layers.GlobalMaxPooling1D(),
            layers.Activation("hard_sigmoid"),
        ]
    )


@model
def functional(k: Any) -> Any:
    layers = k.layers
    a, b = k.Input((5,), name="a"), k.Input((5,), name="b")
    shared = layers.Dense(4, activation="gelu", name="shared")
    x, y = shared(a), shared(b)
    parts = [layers.Add()([x, y]), layers.Subtract()([x, y]), layers.Multiply()([x, y]), layers.Average()([x, y])]
    parts += [layers.Maximum()([x, y]), layers.Minimum()([x, y]), layers.Dot(1)([x, y])]
    joined = layers.Concatenate()(parts)
    inner_input = k.Input((25,))
    inner = k.Model(inner_input, layers.Dense(3, activation="softplus", name="deep")(inner_input), name="inner")
    out = inner(joined)
    return k.Model([a, b], [out, layers.ReLU(max_value=0.5, name="capped")(out), layers.Softmax(name="probs")(out)])


@model
def recurrent(k: Any) -> Any:
    layers = k.layers
    ids = k.Input((6,), dtype="int32", name="ids")
    e = layers.Embedding(10, 4)(ids)
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(e)
    gru = layers.GRU(3)(both)
    old = layers.GRU(2, reset_after=False, go_backwards=True, return_sequences=True)(both)
    simple = layers.SimpleRNN(3, activation="relu")(e)
    return k.Model(ids, [gru, layers.Flatten()(old), simple])


def inputs_for(made: Any, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Random inputs of batch 2 by the names of the input layers."""
    random = np.random.RandomState(seed)
    found = {}
    for tensor in made.inputs:
        shape = [2, *tensor.shape[1:]]
        if "int" in str(tensor.dtype):
            found[tensor.name.partition(":")[0]] = random.randint(0, 10, shape).astype(np.int32)
        else:
            found[tensor.name.partition(":")[0]] = random.uniform(-1, 1, shape).astype(np.float32)
    return found


def randomise(made: Any, seed: int = 1) -> None:
    """Weights that are neither zeros nor ones, variances positive."""
    random = np.random.RandomState(seed)
    made.set_weights([np.abs(random.uniform(0.1, 0.9, w.shape)).astype(w.dtype) for w in made.get_weights()])


def answers(made: Any, inputs: dict[str, np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    """What Keras gives, output by output."""
    given = list(inputs.values())
    found = made(given[0] if len(given) == 1 else given, training=False)
    for value in found if isinstance(found, list | tuple) else [found]:
        yield np.asarray(value)
