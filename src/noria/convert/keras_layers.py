"""What each Keras layer computes, as operations of TensorFlow: the inference path, as Keras has it by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from noria.convert.registry import Array
from noria.errors import DataLossError, UnimplementedError
from noria.v1.exports import tf

Build = Callable[..., Any]
LAYERS: Final[dict[str, Build]] = {}


def layer(*names: str) -> Callable[[Build], Build]:
    """Decorator: ``build(call, inputs)`` makes the layers of these classes."""

    def add(build: Build) -> Build:
        for name in names:
            LAYERS[name] = build
        return build

    return add


class LayerCall:
    """One layer: its configuration, and its weights as variables, made when they are first asked for."""

    def __init__(
        self,
        name: str,
        kind: str,
        config: dict[str, Any],
        arrays: Sequence[Array] = (),
        made: dict[int, Any] | None = None,
        wrapper: LayerCall | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.config = config
        self._arrays = list(arrays)
        self._made = {} if made is None else made
        self._wrapper = wrapper
        self._next = 0

    def get(self, key: str, default: Any = None) -> Any:
        found = self.config.get(key, default)
        return default if found is None else found

    def weight(self, name: str) -> Any:
        """The next weight as a variable called ``layer/name``; DataLossError when the file has no more."""
        if self._wrapper is not None:  # a layer within a layer takes that one's weights in turn
            return self._wrapper.weight(f"{self.name.removeprefix(self._wrapper.name + '/')}/{name}")
        at = self._next
        self._next += 1
        if at >= len(self._arrays):
            raise DataLossError(
                f"layer {self.name!r} ({self.kind}) needs a weight {name!r}, which the file does not have"
            )
        if at not in self._made:
            array = self._arrays[at]
            self._made[at] = tf.get_variable(
                f"{self.name}/{name}",
                shape=array.shape,
                dtype=array.dtype,
                initializer=tf.zeros_initializer(),
            )
        return self._made[at]

    def cannot(self, what: str) -> UnimplementedError:
        return UnimplementedError(f"layer {self.name!r} ({self.kind}) {what}, which is not converted")

    @property
    def channels_first(self) -> bool:
        return bool(self.get("data_format", "channels_last") == "channels_first")

    def need_channels_last(self) -> None:
        if self.channels_first:
            raise self.cannot("has data_format channels_first")

    @property
    def padding(self) -> str:
        return str(self.get("padding", "valid")).upper()

    def activation(self, value: Any, key: str = "activation", default: str = "linear") -> Any:
        return activate(self, value, self.get(key, default))


def activate(call: LayerCall, value: Any, wanted: Any) -> Any:
    """``value`` through an activation: its name, or its configuration."""
    if isinstance(wanted, dict):
        inner = wanted.get("config", {})
        if wanted.get("class_name") in LAYERS and isinstance(inner, dict):
            return LAYERS[wanted["class_name"]](LayerCall(call.name, wanted["class_name"], inner), value)
        wanted = inner if isinstance(inner, str) else wanted.get("class_name", "")
    simple: dict[str, Callable[[Any], Any]] = {
        "linear": lambda x: x,
        "relu": tf.nn.relu,
        "relu6": tf.nn.relu6,
        "sigmoid": tf.sigmoid,
        "tanh": tf.tanh,
        "softmax": _softmax,
        "log_softmax": tf.nn.log_softmax,
        "elu": tf.nn.elu,
        "selu": tf.nn.selu,
        "softplus": tf.nn.softplus,
        "softsign": tf.nn.softsign,
        "exponential": tf.exp,
        "swish": tf.nn.swish,
        "silu": tf.nn.swish,
        "leaky_relu": tf.nn.leaky_relu,
        "hard_sigmoid": lambda x: tf.nn.relu6(x + 3.0) / 6.0,
        "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) / 6.0,
        "hard_silu": lambda x: x * tf.nn.relu6(x + 3.0) / 6.0,
        "mish": lambda x: x * tf.tanh(tf.nn.softplus(x)),
        "gelu": lambda x: 0.5 * x * (1.0 + tf.erf(x / np.float32(np.sqrt(2.0)))),
    }
    if wanted not in simple:
        raise call.cannot(f"has the activation {wanted!r}")
    return simple[wanted](value)


def _softmax(value: Any) -> Any:
    return tf.nn.softmax(value)


def pair(value: Any, count: int = 2) -> list[int]:
    """A size for each of ``count`` axes."""
    return [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)] * count


@layer("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout",
       "AlphaDropout", "ActivityRegularization")  # fmt: skip
def _nothing(call: LayerCall, x: Any) -> Any:
    return tf.identity(x)


@layer("Activation")
def _activation(call: LayerCall, x: Any) -> Any:
    return call.activation(x)


@layer("ReLU")
def _relu(call: LayerCall, x: Any) -> Any:
    slope, limit, threshold = call.get("negative_slope", 0.0), call.config.get("max_value"), call.get("threshold", 0.0)
    if threshold:
        raise call.cannot("has a threshold")
    found = tf.nn.leaky_relu(x, slope) if slope else tf.nn.relu(x)
    return found if limit is None else tf.minimum(found, float(limit))


@layer("LeakyReLU")
def _leaky_relu(call: LayerCall, x: Any) -> Any:
    return tf.nn.leaky_relu(x, call.get("negative_slope", call.get("alpha", 0.3)))


@layer("ELU")
def _elu(call: LayerCall, x: Any) -> Any:
    if call.get("alpha", 1.0) != 1.0:
        raise call.cannot("has an alpha other than 1")
    return tf.nn.elu(x)


@layer("PReLU")
def _prelu(call: LayerCall, x: Any) -> Any:
    alpha = call.weight("alpha")
    return tf.nn.relu(x) - alpha * tf.nn.relu(-x)


@layer("Softmax")
def _softmax_layer(call: LayerCall, x: Any) -> Any:
    return tf.nn.softmax(x, axis=call.get("axis", -1))


@layer("Dense")
def _dense(call: LayerCall, x: Any) -> Any:
    kernel = call.weight("kernel")
    rank = x.shape.ndims or 2
    found = tf.matmul(x, kernel) if rank == 2 else tf.tensordot(x, kernel, [[rank - 1], [0]])
    if call.get("use_bias", True):
        found = tf.nn.bias_add(found, call.weight("bias"))
    return call.activation(found)


@layer("EinsumDense")
def _einsum_dense(call: LayerCall, x: Any) -> Any:
    found = tf.einsum(call.config["equation"], x, call.weight("kernel"))
    if call.config.get("bias_axes"):
        found = found + call.weight("bias")
    return call.activation(found)


@layer("Embedding")
def _embedding(call: LayerCall, x: Any) -> Any:
    if call.get("mask_zero", False):
        raise call.cannot("masks zeros")
    return tf.gather(call.weight("embeddings"), tf.cast(x, tf.int32))


def _bias_and_activation(call: LayerCall, found: Any) -> Any:
    if call.get("use_bias", True):
        found = tf.nn.bias_add(found, call.weight("bias"))
    return call.activation(found)


@layer("Conv1D")
def _conv1d(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    kernel, padding = call.weight("kernel"), call.padding
    rate = pair(call.get("dilation_rate", 1), 1)
    if padding == "CAUSAL":
        left = rate[0] * (pair(call.config["kernel_size"], 1)[0] - 1)
        x, padding = tf.pad(x, [[0, 0], [left, 0], [0, 0]]), "VALID"
    found = tf.nn.conv1d(x, kernel, pair(call.get("strides", 1), 1), padding, dilations=rate)
    return _bias_and_activation(call, found)


@layer("Conv2D")
def _conv2d(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    strides, rates = pair(call.get("strides", 1)), pair(call.get("dilation_rate", 1))
    found = tf.nn.conv2d(x, call.weight("kernel"), [1, *strides, 1], call.padding, dilations=[1, *rates, 1])
    return _bias_and_activation(call, found)


@layer("Conv3D")
def _conv3d(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    strides, rates = pair(call.get("strides", 1), 3), pair(call.get("dilation_rate", 1), 3)
    found = tf.nn.conv3d(x, call.weight("kernel"), [1, *strides, 1], call.padding, dilations=[1, *rates, 1])
    return _bias_and_activation(call, found)


@layer("DepthwiseConv2D")
def _depthwise(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    strides, rates = pair(call.get("strides", 1)), pair(call.get("dilation_rate", 1))
    kernel = call.weight("depthwise_kernel" if "depthwise_initializer" in call.config else "kernel")
    found = tf.nn.depthwise_conv2d_native(x, kernel, [1, *strides, 1], call.padding, dilations=[1, *rates, 1])
    return _bias_and_activation(call, found)


@layer("SeparableConv2D")
def _separable(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    strides, rates = pair(call.get("strides", 1)), pair(call.get("dilation_rate", 1))
    deep, point = call.weight("depthwise_kernel"), call.weight("pointwise_kernel")
    found = tf.nn.separable_conv2d(x, deep, point, [1, *strides, 1], call.padding, rate=rates)
    return _bias_and_activation(call, found)


@layer("Conv2DTranspose")
def _conv2d_transpose(call: LayerCall, x: Any) -> Any:
    call.need_channels_last()
    if call.config.get("output_padding") is not None or pair(call.get("dilation_rate", 1)) != [1, 1]:
        raise call.cannot("has output_padding or a dilation_rate")
    kernel = call.weight("kernel")
    sizes, strides = pair(call.config["kernel_size"]), pair(call.get("strides", 1))
    dims = tf.shape(x)
    spread = [dims[i + 1] * s + (max(k - s, 0) if call.padding == "VALID" else 0)
              for i, (k, s) in enumerate(zip(sizes, strides, strict=True))]  # fmt: skip
    shape = tf.stack([dims[0], *spread, int(call.config["filters"])])
    found = tf.nn.conv2d_transpose(x, kernel, shape, [1, *strides, 1], call.padding)
    known = x.shape.as_list()
    grown = [_spread(d, k, s, call.padding) for d, k, s in zip(known[1:3], sizes, strides, strict=True)]
    found.set_shape([known[0], *grown, int(call.config["filters"])])
    return _bias_and_activation(call, found)


def _spread(size: int | None, kernel: int, stride: int, padding: str) -> int | None:
    return None if size is None else size * stride + (max(kernel - stride, 0) if padding == "VALID" else 0)


def _pool(call: LayerCall, x: Any, axes: int, function: str) -> Any:
    call.need_channels_last()
    size = pair(call.get("pool_size", 2), axes)
    strides = pair(call.get("strides", size), axes)
    if axes == 1:
        wide = _pool_of(function, 2)(tf.expand_dims(x, 1), [1, 1, *size, 1], [1, 1, *strides, 1], call.padding)
        return tf.squeeze(wide, [1])
    return _pool_of(function, axes)(x, [1, *size, 1], [1, *strides, 1], call.padding)


def _pool_of(function: str, axes: int) -> Any:
    return getattr(tf.nn, f"{function}_pool" + ("3d" if axes == 3 else ""))


for _axes in (1, 2, 3):
    for _kind, _function in (("Max", "max"), ("Average", "avg")):
        LAYERS[f"{_kind}Pooling{_axes}D"] = lambda call, x, a=_axes, f=_function: _pool(call, x, a, f)


def _global_pool(call: LayerCall, x: Any, axes: int, reduce: str) -> Any:
    call.need_channels_last()
    over = list(range(1, axes + 1))
    return getattr(tf, reduce)(x, over, keepdims=bool(call.get("keepdims", False)))


for _axes in (1, 2, 3):
    for _kind, _function in (("Max", "reduce_max"), ("Average", "reduce_mean")):
        LAYERS[f"Global{_kind}Pooling{_axes}D"] = lambda call, x, a=_axes, f=_function: _global_pool(call, x, a, f)


def _axis(call: LayerCall, default: int = -1) -> int:
    found = call.get("axis", default)
    return int(found[0]) if isinstance(found, list | tuple) else int(found)


@layer("BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization")
def _batch_normalization(call: LayerCall, x: Any) -> Any:
    rank = x.shape.ndims
    if rank is not None and _axis(call) % rank != rank - 1:
        raise call.cannot(f"normalises axis {_axis(call)}")
    gamma = call.weight("gamma") if call.get("scale", True) else None
    beta = call.weight("beta") if call.get("center", True) else None
    mean, variance = call.weight("moving_mean"), call.weight("moving_variance")
    read = [None if v is None else tf.convert_to_tensor(v) for v in (mean, variance, beta, gamma)]
    return tf.nn.batch_normalization(x, *read, variance_epsilon=call.get("epsilon", 1e-3))


@layer("LayerNormalization")
def _layer_normalization(call: LayerCall, x: Any) -> Any:
    rank = x.shape.ndims
    given = call.get("axis", -1)
    axes = [int(a) for a in given] if isinstance(given, list | tuple) else [int(given)]
    if rank is not None and [a % rank for a in axes] != [rank - 1]:
        raise call.cannot(f"normalises the axes {axes}")
    mean, variance = tf.nn.moments(x, [-1 if rank is None else rank - 1], keepdims=True)
    gamma = tf.convert_to_tensor(call.weight("gamma")) if call.get("scale", True) else None
    beta = tf.convert_to_tensor(call.weight("beta")) if call.get("center", True) else None
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, call.get("epsilon", 1e-3))


@layer("Normalization")
def _normalization(call: LayerCall, x: Any) -> Any:
    mean, variance = call.weight("mean"), call.weight("variance")
    scale = tf.maximum(tf.sqrt(tf.convert_to_tensor(variance)), 1e-7)
    x = tf.cast(x, tf.float32)
    return x * scale + mean if call.get("invert", False) else (x - mean) / scale


@layer("Rescaling")
def _rescaling(call: LayerCall, x: Any) -> Any:
    return tf.cast(x, tf.float32) * call.config["scale"] + call.get("offset", 0.0)


@layer("Flatten")
def _flatten(call: LayerCall, x: Any) -> Any:
    if call.channels_first and (x.shape.ndims or 0) > 2:
        raise call.cannot("has data_format channels_first")
    known = x.shape.as_list()[1:]
    size = -1 if None in known else int(np.prod(known, dtype=np.int64))
    return tf.reshape(x, [-1, size] if size != -1 else [tf.shape(x)[0], -1])


@layer("Reshape")
def _reshape(call: LayerCall, x: Any) -> Any:
    return tf.reshape(x, tf.stack([tf.shape(x)[0], *[int(d) for d in call.config["target_shape"]]]))


@layer("Permute")
def _permute(call: LayerCall, x: Any) -> Any:
    return tf.transpose(x, [0, *[int(d) for d in call.config["dims"]]])


@layer("RepeatVector")
def _repeat(call: LayerCall, x: Any) -> Any:
    return tf.tile(tf.expand_dims(x, 1), [1, int(call.config["n"]), 1])


def _sizes_of(value: Any, axes: int) -> list[list[int]]:
    """Before and after each axis: of one number, of one for each axis, or of pairs."""
    given = value if isinstance(value, list | tuple) else [value] * axes
    if axes == 1 and len(given) == 2 and not isinstance(given[0], list | tuple):
        return [[int(given[0]), int(given[1])]]
    return [[int(v), int(v)] if not isinstance(v, list | tuple) else [int(v[0]), int(v[1])] for v in given]


def _zero_padding(call: LayerCall, x: Any, axes: int) -> Any:
    call.need_channels_last()
    return tf.pad(x, [[0, 0], *_sizes_of(call.get("padding", 1), axes), [0, 0]])


def _cropping(call: LayerCall, x: Any, axes: int) -> Any:
    call.need_channels_last()
    cuts = _sizes_of(call.get("cropping", 1), axes)
    return x[(slice(None), *[slice(a, -b if b else None) for a, b in cuts], slice(None))]


def _up_sampling(call: LayerCall, x: Any, axes: int) -> Any:
    call.need_channels_last()
    sizes = pair(call.get("size", 2), axes)
    how = call.get("interpolation", "nearest")
    if axes == 2 and how in ("nearest", "bilinear"):
        known = x.shape.as_list()[1:3]
        if None not in known:
            wanted = [d * s for d, s in zip(known, sizes, strict=True)]
        else:
            wanted = tf.shape(x)[1:3] * np.array(sizes, np.int32)
        op = tf.raw_ops.ResizeNearestNeighbor if how == "nearest" else tf.raw_ops.ResizeBilinear
        return op(images=x, size=wanted, half_pixel_centers=True)
    if how != "nearest":
        raise call.cannot(f"has the interpolation {how!r}")
    for axis, size in enumerate(sizes, 1):
        parts = [tf.expand_dims(x, axis + 1)] * size
        dims = tf.concat([tf.shape(x)[:axis], [-1], tf.shape(x)[axis + 1 :]], 0)
        known = x.shape.as_list()
        x = tf.reshape(tf.concat(parts, axis + 1), dims)
        x.set_shape([d if i != axis else (None if d is None else d * size) for i, d in enumerate(known)])
    return x


for _axes in (1, 2, 3):
    LAYERS[f"ZeroPadding{_axes}D"] = lambda call, x, a=_axes: _zero_padding(call, x, a)
    LAYERS[f"Cropping{_axes}D"] = lambda call, x, a=_axes: _cropping(call, x, a)
    LAYERS[f"UpSampling{_axes}D"] = lambda call, x, a=_axes: _up_sampling(call, x, a)


def _merged(combine: Callable[[Any, Any], Any]) -> Build:
    def build(call: LayerCall, *inputs: Any) -> Any:
        found = inputs[0]
        for other in inputs[1:]:
            found = combine(found, other)
        return found

    return build


LAYERS["Add"] = _merged(lambda a, b: a + b)
LAYERS["Subtract"] = _merged(lambda a, b: a - b)
LAYERS["Multiply"] = _merged(lambda a, b: a * b)
LAYERS["Maximum"] = _merged(lambda a, b: tf.maximum(a, b))
LAYERS["Minimum"] = _merged(lambda a, b: tf.minimum(a, b))


@layer("Average")
def _average(call: LayerCall, *inputs: Any) -> Any:
    return LAYERS["Add"](call, *inputs) / float(len(inputs))


@layer("Concatenate")
def _concatenate(call: LayerCall, *inputs: Any) -> Any:
    return tf.concat(list(inputs), call.get("axis", -1))


@layer("Dot")
def _dot(call: LayerCall, a: Any, b: Any) -> Any:
    axes = call.config["axes"]
    first, second = (axes, axes) if isinstance(axes, int) else axes
    if a.shape.ndims != 2 or b.shape.ndims != 2 or {first % 2, second % 2} != {1}:
        raise call.cannot(f"multiplies along {axes} tensors of rank {a.shape.ndims} and {b.shape.ndims}")
    if call.get("normalize", False):
        a, b = tf.nn.l2_normalize(a, 1), tf.nn.l2_normalize(b, 1)
    return tf.reduce_sum(a * b, 1, keepdims=True)
