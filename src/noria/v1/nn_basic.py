"""``tf.nn``: activations, convolutions, pooling, dropout, normalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.constant import constant
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import as_dtype, float16, float32, int32, int64
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.op_functions import export_rows, renamed
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import TensorShape, as_shape

_FRACTIONAL = "value pooling_ratio pseudo_random? overlapping? deterministic? seed? seed2?"
_BACKPROP = "input_sizes filter out_backprop strides padding use_cudnn_on_gpu? data_format?"

export_rows(
    f"""
    nn.fractional_avg_pool: FractionalAvgPool {_FRACTIONAL}
    nn.fractional_max_pool: FractionalMaxPool {_FRACTIONAL}
    nn.conv2d_backprop_input: Conv2DBackpropInput {_BACKPROP}
    nn.relu: Relu features
    nn.relu6: Relu6 features
    nn.elu: Elu features
    nn.selu: Selu features
    nn.softplus math.softplus: Softplus features
    nn.softsign: Softsign features
    nn.l2_loss: L2Loss t
    nn.dilation2d: Dilation2D input filter strides rates padding
    nn.lrn nn.local_response_normalization: LRN input depth_radius? bias? alpha? beta?
    nn.quantized_relu_x: QuantizedReluX features max_value min_features max_features out_type?
    nn.compute_accidental_hits: ComputeAccidentalHits true_classes sampled_candidates num_true seed?
    """
)


def window(value: Any, spatial: int, channel_index: int, name: str) -> list[int]:
    """Strides, sizes or dilations for every axis, of what was given for the spatial ones only, or for all."""
    if value is None:
        return [1] * (spatial + 2)
    given = [int(v) for v in np.atleast_1d(np.asarray(value)).tolist()]
    if len(given) == spatial + 2:
        return given
    if len(given) == 1:
        given *= spatial
    elif len(given) != spatial:
        raise ValueError(
            f"{name} should be of length 1, {spatial} or {spatial + 2}. Received: {name}={value} of length {len(given)}"
        )
    return [1, 1, *given] if channel_index == 1 else [1, *given, 1]


def explicit_padding(padding: Any) -> tuple[str, list[int]]:
    """``"SAME"`` or ``"VALID"``, or ``"EXPLICIT"`` and the sizes before and after each axis."""
    if padding == "EXPLICIT":
        raise ValueError("Give explicit padding as a list of [before, after] for each axis, not as the text 'EXPLICIT'")
    if not isinstance(padding, list | tuple):
        return padding, []
    if len(padding) != 4 or any(len(pair) != 2 for pair in padding):
        raise ValueError(f"Explicit padding must be a list of 4 pairs [before, after]. Received: padding={padding}")
    return "EXPLICIT", [int(v) for pair in padding for v in pair]


def _channels(data_format: str | None, spatial: int = 2) -> int:
    return 1 if (data_format or "NHWC").startswith("NC") else spatial + 1


@export("nn.conv2d")
def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str | None = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """Convolution of ``input`` [batch, height, width, in] with ``filter`` [height, width, in, out]."""
    kernel = renamed("filters", filters, "filter", filter)
    kind, explicit = explicit_padding(padding)
    channel = _channels(data_format)
    found: Tensor = apply_op(
        "Conv2D",
        name,
        input=input,
        filter=kernel,
        strides=window(strides, 2, channel, "strides"),
        padding=kind,
        use_cudnn_on_gpu=use_cudnn_on_gpu,
        explicit_paddings=explicit,
        data_format=data_format or "NHWC",
        dilations=window(dilations, 2, channel, "dilations"),
    )
    return found


@export("nn.conv2d_transpose")
def conv2d_transpose(
    value: Any = None,
    filter: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str | None = "NHWC",
    name: str | None = None,
    input: Any = None,
    filters: Any = None,
    dilations: Any = None,
) -> Tensor:
    """The gradient of ``conv2d`` by its input: ``value`` is spread over ``output_shape``."""
    value = renamed("input", input, "value", value)
    kernel = renamed("filters", filters, "filter", filter)
    with name_scope(name, "conv2d_transpose", [value, kernel, output_shape]) as scope:
        channel = _channels(data_format)
        kind, explicit = explicit_padding(padding)
        found: Tensor = apply_op(
            "Conv2DBackpropInput",
            scope,
            input_sizes=output_shape,
            filter=kernel,
            out_backprop=value,
            strides=window(strides, 2, channel, "strides"),
            padding=kind,
            explicit_paddings=explicit,
            data_format=data_format or "NHWC",
            dilations=window(dilations, 2, channel, "dilations"),
        )
        return found


@export("nn.conv1d")
def conv1d(
    value: Any = None,
    filters: Any = None,
    stride: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool | None = None,
    data_format: str | None = None,
    name: str | None = None,
    input: Any = None,
    dilations: Any = None,
) -> Tensor:
    """Convolution of ``value`` [batch, width, in] with ``filters`` [width, in, out]: a 2-D one of height 1."""
    value = renamed("input", input, "value", value)
    with name_scope(name, "conv1d", [value, filters]) as scope:
        if data_format not in (None, "NHWC", "NWC", "NCHW", "NCW"):
            raise ValueError(f"`data_format` must be 'NWC' or 'NCW'. Received: data_format={data_format}")
        first = (data_format or "NWC").startswith("NC")
        axis = -2 if first else -3
        strides = [1, *window(stride, 1, 1 if first else 2, "stride")]
        spread = [1, *window(dilations, 1, 1 if first else 2, "dilations")]
        kernel: Tensor
        value, kernel = tf.expand_dims(value, axis), tf.expand_dims(filters, 0)
        result = apply_op(
            "Conv2D",
            scope,
            input=value,
            filter=kernel,
            strides=strides,
            padding=padding,
            use_cudnn_on_gpu=use_cudnn_on_gpu,
            data_format="NCHW" if first else "NHWC",
            dilations=spread,
        )
        found: Tensor = tf.squeeze(result, [axis])
        return found


@export("nn.conv3d")
def conv3d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str = "NDHWC",
    dilations: Any = (1, 1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """Convolution of ``input`` [batch, depth, height, width, in]."""
    kernel = renamed("filters", filters, "filter", filter)
    found: Tensor = apply_op(
        "Conv3D", name, input=input, filter=kernel, strides=list(strides), padding=padding, data_format=data_format,
        dilations=list(dilations),
    )  # fmt: skip
    return found


@export("nn.convolution")
def convolution(
    input: Any,
    filter: Any = None,
    padding: Any = "VALID",
    strides: Any = None,
    dilation_rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    filters: Any = None,
    dilations: Any = None,
) -> Tensor:
    """Convolution over one, two or three axes, as the rank of ``filter`` says; dilated ones use the op's dilations."""
    kernel = convert_to_tensor(renamed("filters", filters, "filter", filter), name="filters")
    value = convert_to_tensor(input, name="input")
    spread = renamed("dilations", dilations, "dilation_rate", dilation_rate)
    spatial = (kernel.shape.ndims or value.shape.ndims or 4) - 2
    channel = 1 if data_format is not None and data_format.startswith("NC") else spatial + 1
    with name_scope(name, "convolution", [value, kernel]) as scope:
        sizes = window(strides, spatial, channel, "strides")
        rates = window(spread, spatial, channel, "dilations")
        if spatial == 1:
            return conv1d(value, kernel, sizes, padding, data_format=data_format, dilations=rates, name=scope)
        if spatial == 2:
            layout = data_format or "NHWC"
            return conv2d(value, kernel, sizes, padding, data_format=layout, dilations=rates, name=scope)
        return conv3d(value, kernel, sizes, padding, data_format or "NDHWC", rates, name=scope)


@export("nn.atrous_conv2d")
def atrous_conv2d(value: Any, filters: Any, rate: int, padding: str, name: str | None = None) -> Tensor:
    """Convolution whose filter leaves ``rate - 1`` places between its elements."""
    return convolution(value, filters, padding, dilation_rate=[rate, rate], name=name)


@export("nn.depthwise_conv2d_native")
def depthwise_conv2d_native(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
) -> Tensor:
    """Each channel of ``input`` convolved with filters of its own: ``filter`` [height, width, in, multiplier]."""
    kind, explicit = explicit_padding(padding)
    found: Tensor = apply_op(
        "DepthwiseConv2dNative",
        name,
        input=input,
        filter=filter,
        strides=list(strides),
        padding=kind,
        explicit_paddings=explicit,
        data_format=data_format or "NHWC",
        dilations=list(dilations),
    )
    return found


def _dilations(rate: Any, data_format: str | None) -> list[int]:
    rates = [1, 1] if rate is None else [int(r) for r in np.broadcast_to(rate, (2,)).tolist()]
    return [1, 1, *rates] if _channels(data_format) == 1 else [1, *rates, 1]


@export("nn.depthwise_conv2d")
def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """``depthwise_conv2d_native``, dilated by ``rate``."""
    rate = renamed("dilations", dilations, "rate", rate)
    with name_scope(name, "depthwise", [input, filter]) as scope:
        value, kernel = convert_to_tensor(input, name="tensor_in"), convert_to_tensor(filter, name="filter_in")
        tf.shape(kernel)
        constant(_dilations(rate, None)[1:3], int32, name="dilation_rate")
        return depthwise_conv2d_native(
            value, kernel, strides, padding, data_format, _dilations(rate, data_format), name=scope
        )


@export("nn.separable_conv2d")
def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """A depthwise convolution, then one of size 1 that mixes the channels."""
    rate = renamed("dilations", dilations, "rate", rate)
    with name_scope(name, "separable_conv2d", [input, depthwise_filter, pointwise_filter]) as scope:
        value = convert_to_tensor(input, name="tensor_in")
        deep = convert_to_tensor(depthwise_filter, name="depthwise_filter")
        point = convert_to_tensor(pointwise_filter, name="pointwise_filter")
        tf.shape(deep)
        constant(_dilations(rate, None)[1:3], int32, name="dilation_rate")
        spread = _dilations(rate, data_format)
        mixed = depthwise_conv2d_native(value, deep, strides, padding, data_format, spread, name="depthwise")
        return conv2d(mixed, point, [1, 1, 1, 1], "VALID", data_format=data_format, name=scope)


def _pool(op: str, spatial: int, default_name: str, value: Any, options: dict[str, Any], name: str | None) -> Tensor:
    """One pooling op; ``options``: ksize, strides, padding, data_format as they were given."""
    with name_scope(name, default_name, [value]) as scope:
        layout = options["data_format"] or ("NHWC" if spatial == 2 else "NDHWC")
        channel = _channels(layout, spatial)
        arguments: dict[str, Any] = {
            "ksize": window(options["ksize"], spatial, channel, "ksize"),
            "strides": window(options["strides"], spatial, channel, "strides"),
            "padding": options["padding"],
            "data_format": layout,
        }
        if 0 in arguments["ksize"]:
            raise ValueError(f"`ksize` cannot be zero. Received: ksize={options['ksize']}")
        if op == "MaxPool":
            arguments["padding"], arguments["explicit_paddings"] = explicit_padding(options["padding"])
        key = "value" if op == "AvgPool" else "input"
        found: Tensor = apply_op(op, scope, **{key: value}, **arguments)
        return found


@export("nn.max_pool")
def max_pool(
    value: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """The greatest value in each window of ``value`` [batch, height, width, channels]."""
    options = {"ksize": ksize, "strides": strides, "padding": padding, "data_format": data_format}
    return _pool("MaxPool", 2, "MaxPool", renamed("input", input, "value", value), options, name)


@export("nn.max_pool2d")
def max_pool2d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NHWC", name: str | None = None
) -> Tensor:
    """As ``max_pool``."""
    options = {"ksize": ksize, "strides": strides, "padding": padding, "data_format": data_format}
    return _pool("MaxPool", 2, "MaxPool2d", input, options, name)


@export("nn.avg_pool", "nn.avg_pool2d")
def avg_pool(
    value: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = "NHWC",
    name: str | None = None,
    input: Any = None,
) -> Tensor:
    """The mean of each window of ``value`` [batch, height, width, channels]."""
    options = {"ksize": ksize, "strides": strides, "padding": padding, "data_format": data_format}
    return _pool("AvgPool", 2, "AvgPool", renamed("input", input, "value", value), options, name)


@export("nn.max_pool3d")
def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NDHWC", name: str | None = None
) -> Tensor:
    """The greatest value in each window of ``input`` [batch, depth, height, width, channels]."""
    options = {"ksize": ksize, "strides": strides, "padding": padding, "data_format": data_format}
    return _pool("MaxPool3D", 3, "MaxPool3D", input, options, name)


@export("nn.avg_pool3d")
def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = "NDHWC", name: str | None = None
) -> Tensor:
    """The mean of each window of ``input`` [batch, depth, height, width, channels]."""
    options = {"ksize": ksize, "strides": strides, "padding": padding, "data_format": data_format}
    return _pool("AvgPool3D", 3, "AvgPool3D", input, options, name)


@export("nn.max_pool_with_argmax")
def max_pool_with_argmax(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NHWC",
    Targmax: Any = None,
    name: str | None = None,
    output_dtype: Any = None,
    include_batch_in_index: bool = False,
) -> Any:
    """``max_pool`` with the flat places of the greatest values."""
    if data_format != "NHWC":
        raise ValueError(
            f"`data_format` values other than 'NHWC' are not supported. Received: data_format={data_format}"
        )
    return apply_op(
        "MaxPoolWithArgmax",
        name,
        input=input,
        ksize=list(ksize),
        strides=list(strides),
        padding=padding,
        Targmax=renamed("output_dtype", output_dtype, "Targmax", Targmax) or int64,
        include_batch_in_index=include_batch_in_index,
    )


@export("nn.pool")
def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    padding: str,
    dilation_rate: Any = None,
    strides: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Pooling over two or three axes, as many as ``window_shape`` has. UnimplementedError for dilated windows."""
    spread = renamed("dilations", dilations, "dilation_rate", dilation_rate)
    if spread is not None and any(d != 1 for d in np.atleast_1d(spread).tolist()):
        raise NotImplementedError(f"pooling with dilated windows ({spread}) is not available; use strides or max_pool")
    spatial = len(window_shape)
    if spatial not in (2, 3) or pooling_type not in ("MAX", "AVG"):
        raise ValueError(f"pool takes 2 or 3 axes and MAX or AVG, got {spatial} axes and {pooling_type!r}")
    function: dict[tuple[int, str], Callable[..., Tensor]] = {
        (2, "MAX"): max_pool,
        (2, "AVG"): avg_pool,
        (3, "MAX"): max_pool3d,
        (3, "AVG"): avg_pool3d,
    }
    with name_scope(name, f"{pooling_type.lower()}_pool", [input]) as scope:
        chosen = function[spatial, pooling_type]
        return chosen(input, list(window_shape), strides or [1] * spatial, padding, data_format, name=scope)


@export("nn.bias_add")
def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """``value`` with ``bias`` added along its channels."""
    with name_scope(name, "BiasAdd", [value, bias]) as scope:
        if data_format is not None:
            if not data_format.startswith("N") or not (data_format.endswith("C") or data_format.startswith("NC")):
                raise ValueError(f"`data_format` must be of the form `N...C` or `NC...`. Received: {data_format=}")
            data_format = "NCHW" if data_format.startswith("NC") else "NHWC"
        tensor = convert_to_tensor(value, name="input")
        bias = convert_to_tensor(bias, dtype=tensor.dtype.base_dtype, name="bias")
        found: Tensor = apply_op("BiasAdd", scope, value=tensor, bias=bias, data_format=data_format)
        return found


@export("nn.xw_plus_b")
def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """``tf.matmul(x, weights) + biases``."""
    with name_scope(name, "xw_plus_b", [x, weights, biases]) as scope:
        x, weights = convert_to_tensor(x, name="x"), convert_to_tensor(weights, name="weights")
        biases = convert_to_tensor(biases, name="biases")
        return bias_add(tf.matmul(x, weights), biases, name=scope)


@export("nn.relu_layer")
def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """``relu(tf.matmul(x, weights) + biases)``."""
    with name_scope(name, "relu_layer", [x, weights, biases]) as scope:
        x, weights = convert_to_tensor(x, name="x"), convert_to_tensor(weights, name="weights")
        biases = convert_to_tensor(biases, name="biases")
        found: Tensor = apply_op("Relu", scope, features=bias_add(tf.matmul(x, weights), biases))
        return found


@export("nn.leaky_relu")
def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """``features`` where positive, else ``alpha * features``."""
    with name_scope(name, "LeakyRelu", [features, alpha]) as scope:
        features = convert_to_tensor(features, name="features")
        if features.dtype.is_integer:
            features = tf.cast(features, float32)
        found: Tensor = apply_op("LeakyRelu", scope, features=features, alpha=float(alpha))
        return found


@export("nn.crelu")
def crelu(features: Any, name: str | None = None, axis: int = -1) -> Tensor:
    """The positive part and the negative part, side by side."""
    with name_scope(name, "CRelu", [features]) as scope:
        features = convert_to_tensor(features, name="features")
        found: Tensor = apply_op("Relu", None, features=tf.concat([features, -features], axis, name=scope))
        return found


@export("nn.swish", "nn.silu")
def swish(features: Any, beta: Any = 1.0) -> Tensor:
    """``features * sigmoid(beta * features)``."""
    features = convert_to_tensor(features, name="features")
    beta = tf.cast(convert_to_tensor(beta, name="beta"), features.dtype)
    found: Tensor = features * apply_op("Sigmoid", None, x=beta * features)
    return found


def _on_last_axis(logits: Any, op: str, axis: Any, name: str | None) -> Tensor:
    """An op over the last axis, on another one: that axis is swapped to the end and back."""
    tensor = convert_to_tensor(logits)
    ndims = tensor.shape.ndims
    if axis in (-1, None) or (ndims is not None and axis == ndims - 1):
        found: Tensor = apply_op(op, name, logits=tensor)
        return found
    if ndims is None or not -ndims <= axis < ndims:
        raise ValueError(f"`dim` must be in the range [-{ndims}, {ndims}). Received: dim={axis}")
    order = tf.rank(tensor)
    place = (axis if axis >= 0 else axis + order) % ndims
    whole = tf.rank(tensor)

    def swap(value: Tensor, called: str | None = None) -> Tensor:
        last = apply_op("Sub", None, x=whole, y=1)
        axes = tf.concat([tf.range(place), [last], tf.range(place + 1, last), [place]], 0)
        swapped: Tensor = tf.transpose(value, axes, **({} if called is None else {"name": called}))
        return swapped

    result = swap(apply_op(op, None, logits=swap(tensor)), name)
    result.set_shape(tensor.shape)
    return result


@export("nn.softmax", "math.softmax")
def softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """``exp(logits)`` scaled to a sum of 1 along ``axis`` (the last one)."""
    return _on_last_axis(logits, "Softmax", renamed("axis", axis, "dim", dim), name)


@export("nn.log_softmax", "math.log_softmax")
def log_softmax(logits: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """The logarithm of ``softmax``."""
    return _on_last_axis(logits, "LogSoftmax", renamed("axis", axis, "dim", dim), name)


@export("nn.top_k", "math.top_k")
def top_k(input: Any, k: Any = 1, sorted: bool = True, index_type: Any = "int32", name: str | None = None) -> Any:
    """The ``k`` greatest values along the last axis, and their places."""
    return apply_op("TopKV2", name, input=input, k=k, sorted=sorted, index_type=as_dtype(index_type))


@export("nn.in_top_k", "math.in_top_k")
def in_top_k(predictions: Any, targets: Any, k: Any, name: str | None = None) -> Tensor:
    """Whether each target is among the ``k`` greatest predictions of its row."""
    with name_scope(name, "in_top_k"):
        found: Tensor = apply_op("InTopKV2", name, predictions=predictions, targets=targets, k=k)
        return found


@export("nn.dropout")
def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """``x`` with a share of ``rate`` of its elements set to 0 and the others scaled up; keep_prob: 1 - rate."""
    if keep_prob is not None:
        if rate is not None:
            raise ValueError("Cannot specify both 'keep_prob' and 'rate'.")
        rate = 1.0 - keep_prob
    if rate is None:
        raise ValueError(f"`rate` must be provided. Received: rate={rate}")
    with name_scope(name, "dropout", [x]):
        known = isinstance(rate, Real)
        if known and not 0 <= rate < 1:
            raise ValueError(f"`rate` must be a scalar tensor or a float in the range [0, 1). Received: rate={rate}")
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(f"`x.dtype` must be a floating point tensor as `x` will be scaled. Received: {x.dtype}")
        if known and rate == 0:
            return x  # type: ignore[no-any-return]
        dtype = x.dtype.base_dtype
        if known:
            kept = apply_op("Mul", None, x=x, y=convert_to_tensor(1 / (1 - rate), dtype=dtype))
        else:
            rate = convert_to_tensor(rate)
            rate.shape.assert_has_rank(0)
            if rate.dtype.base_dtype != dtype:
                raise ValueError(
                    f"`x.dtype` must be compatible with `rate.dtype`. Received: {x.dtype} and {rate.dtype}"
                )
            one = constant(1, dtype=dtype)
            kept = apply_op("RealDiv", None, x=x, y=apply_op("Sub", None, x=one, y=rate))
        noise = tf.random_uniform(_noise_shape(x, noise_shape), seed=seed, dtype=dtype)
        mask = noise >= rate
        found: Tensor = apply_op("SelectV2", None, condition=mask, t=kept, e=constant(0, dtype=dtype))
        found.set_shape(x.shape)
        return found


def _noise_shape(x: Tensor, wanted: Any) -> Any:
    if wanted is None:
        return tf.shape(x)
    try:
        given = as_shape(wanted)
    except (TypeError, ValueError):
        return wanted
    ours = x.shape
    if ours.ndims is None or given.ndims != ours.ndims:
        return wanted
    pairs: Sequence[Any] = list(zip(given.as_list(), ours.as_list(), strict=True))
    return TensorShape([d if g is None else g for g, d in pairs])


@export("nn.moments")
def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: Any = None, keepdims: Any = None
) -> tuple[Tensor, Tensor]:
    """Mean and variance of ``x`` over ``axes``. ``shift`` is not used, as in TensorFlow."""
    keep = renamed("keepdims", keepdims, "keep_dims", keep_dims)
    with name_scope(name, "moments", [x, axes]):
        x = convert_to_tensor(x)
        half = x.dtype.base_dtype == float16
        y = tf.cast(x, float32) if half else x
        mean = tf.reduce_mean(y, axes, keepdims=True, name="mean")
        distance = tf.squared_difference(y, tf.stop_gradient(mean))
        variance = tf.reduce_mean(distance, axes, keepdims=True, name="variance")
        if not keep:
            mean, variance = tf.squeeze(mean, axes), tf.squeeze(variance, axes)
        return (tf.cast(mean, float16), tf.cast(variance, float16)) if half else (mean, variance)


@export("nn.batch_normalization")
def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``."""
    with name_scope(name, "batchnorm", [x, mean, variance, scale, offset]):
        factor = tf.rsqrt(variance + variance_epsilon)
        if scale is not None:
            factor = factor * scale
        scaled = x * tf.cast(factor, x.dtype)
        shifted = -mean * factor if offset is None else offset - mean * factor
        found: Tensor = scaled + tf.cast(shifted, x.dtype)
        return found


@export("nn.batch_norm_with_global_normalization")
def batch_norm_with_global_normalization(
    t: Any = None,
    m: Any = None,
    v: Any = None,
    beta: Any = None,
    gamma: Any = None,
    variance_epsilon: Any = None,
    scale_after_normalization: bool | None = None,
    name: str | None = None,
    input: Any = None,
    mean: Any = None,
    variance: Any = None,
) -> Tensor:
    """``batch_normalization`` by its old arguments."""
    t, m = renamed("input", input, "t", t), renamed("mean", mean, "m", m)
    v = renamed("variance", variance, "v", v)
    return batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None, variance_epsilon, name)


@export("nn.fused_batch_norm")
def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
    exponential_avg_factor: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch normalisation of images as one op: the result, and the mean and variance of the batch."""
    if (not is_training or exponential_avg_factor != 1.0) and (mean is None or variance is None):
        raise ValueError(
            "Both `mean` and `variance` must be a 1D tensor when `is_training` is False or "
            f"`exponential_avg_factor` != 1.0. Received: `mean` {mean!r} and `variance` {variance!r}"
        )
    x, scale = convert_to_tensor(x, name="input"), convert_to_tensor(scale, name="scale")
    offset = convert_to_tensor(offset, name="offset")
    mean = constant([]) if mean is None else mean
    variance = constant([]) if variance is None else variance
    found = apply_op(
        "FusedBatchNormV3", name, x=x, scale=scale, offset=offset, mean=mean, variance=variance, epsilon=epsilon,
        exponential_avg_factor=exponential_avg_factor, data_format=data_format, is_training=is_training,
    )  # fmt: skip
    return found[0], found[1], found[2]
