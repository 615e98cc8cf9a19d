"""Initializers: ``tf.zeros_initializer()``, ``tf.glorot_uniform_initializer()`` … give a variable its first value.

Called as ``initializer(shape, dtype=None, partition_info=None)``; partition_info tells the whole shape of which
``shape`` is a part. Scales follow Glorot and Bengio 2010, He et al. 2015 and LeCun et al. 1998.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones, zeros
from noria.v1.arrays import matrix_transpose
from noria.v1.constant import constant
from noria.v1.dtypes import DType, as_dtype, float32
from noria.v1.exports import constant as export_value
from noria.v1.exports import export
from noria.v1.eye import eye
from noria.v1.operation import Tensor
from noria.v1.random_ops import random_normal, random_uniform, truncated_normal
from noria.v1.tensor_shape import TensorShape, as_shape, dimension_value

# The standard deviation of a standard normal distribution that is cut off at 2.
_TRUNCATED: Final = 0.87962566103423978


@export("keras.initializers.Initializer")
class Initializer:
    """What all initializers share: a configuration from which an equal one can be made."""

    dtype: DType = float32

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, in plain values."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        return cls(**config)

    def _dtype(self, dtype: Any) -> DType:
        return self.dtype if dtype is None else as_dtype(dtype)


def _floating(dtype: Any) -> DType:
    found = as_dtype(dtype)
    if not found.is_floating:
        raise ValueError(f"Argument `dtype` is expected to be floating point. Received: {found}.")
    return found


@export("zeros_initializer")
class Zeros(Initializer):
    """Zeros; False for bool, empty strings."""

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return zeros(shape, self._dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"dtype": self.dtype.name}


@export("ones_initializer")
class Ones(Initializer):
    """Ones; True for bool."""

    def __init__(self, dtype: Any = float32) -> None:
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return ones(shape, self._dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"dtype": self.dtype.name}


@export("constant_initializer")
class Constant(Initializer):
    """A given value, repeated to fill the shape. verify_shape: it must have the shape already."""

    def __init__(self, value: Any = 0, dtype: Any = float32, verify_shape: bool = False) -> None:
        if not (np.isscalar(value) or isinstance(value, list | tuple | np.ndarray)):
            raise TypeError(
                f"Invalid type for initial value={value} of type: {type(value).__name__}. Expected Python scalar, list "
                "or tuple of values, or numpy.ndarray."
            )
        self.value = value
        self.dtype = as_dtype(dtype)
        self._verify_shape = verify_shape

    def __call__(
        self, shape: Any, dtype: Any = None, partition_info: Any = None, verify_shape: bool | None = None
    ) -> Tensor:
        verify = self._verify_shape if verify_shape is None else verify_shape
        return constant(self.value, self._dtype(dtype), shape, verify_shape=verify)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value, "dtype": self.dtype.name}


@export("random_uniform_initializer")
class RandomUniform(Initializer):
    """Evenly distributed in ``[minval, maxval)``."""

    def __init__(self, minval: Any = 0.0, maxval: Any = None, seed: int | None = None, dtype: Any = float32) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        return random_uniform(shape, self.minval, self.maxval, self._dtype(dtype), seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed, "dtype": self.dtype.name}


@export("random_normal_initializer")
class RandomNormal(Initializer):
    """Normally distributed."""

    _truncated = False

    def __init__(self, mean: Any = 0.0, stddev: Any = 1.0, seed: int | None = None, dtype: Any = float32) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        draw = truncated_normal if self._truncated else random_normal
        return draw(shape, self.mean, self.stddev, self._dtype(dtype), seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed, "dtype": self.dtype.name}


@export("truncated_normal_initializer")
class TruncatedNormal(RandomNormal):
    """Normally distributed, without the values farther than two standard deviations from the mean."""

    _truncated = True


@export("uniform_unit_scaling_initializer")
class UniformUnitScaling(Initializer):
    """Evenly distributed so that a layer keeps the scale of its input: up to ``factor * sqrt(3 / inputs)``."""

    def __init__(self, factor: float = 1.0, seed: int | None = None, dtype: Any = float32) -> None:
        self.factor, self.seed = factor, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        whole = _whole(shape, partition_info)
        limit = math.sqrt(3 / max(1.0, math.prod(float(d) for d in whole[:-1]))) * self.factor
        return random_uniform(shape, -limit, limit, self._dtype(dtype), seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "seed": self.seed, "dtype": self.dtype.name}


def _whole(shape: Any, partition_info: Any) -> list[Any]:
    whole = shape if partition_info is None else partition_info.full_shape
    return [dimension_value(d) for d in whole]


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs and outputs one unit has."""
    if len(shape) < 2:
        size = int(shape[0]) if len(shape) == 1 else 1
        return size, size
    field = math.prod(int(d) for d in shape[:-2])
    return int(shape[-2]) * field, int(shape[-1]) * field


@export("variance_scaling_initializer")
class VarianceScaling(Initializer):
    """Random with variance ``scale / n``; n: inputs (fan_in), outputs (fan_out) or their mean (fan_avg).

    distribution: truncated_normal (also called normal), untruncated_normal or uniform.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = float32,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be a positive float. Received: {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Argument `mode` should be one of ('fan_in', 'fan_out', 'fan_avg'). Received: {mode}")
        distribution = distribution.lower()
        if distribution not in ("normal", "uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "Argument `distribution` should be one of ('normal', uniform', 'truncated_normal', "
                f"'untruncated_normal'). Received: {distribution}"
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        fan_in, fan_out = _fans(_whole(shape, partition_info))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        scale = self.scale / max(1.0, n)
        dtype = self._dtype(dtype)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * scale)
            return random_uniform(shape, -limit, limit, dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random_normal(shape, 0.0, math.sqrt(scale), dtype, seed=self.seed)
        return truncated_normal(shape, 0.0, math.sqrt(scale) / _TRUNCATED, dtype, seed=self.seed)

    def get_config(self) -> dict[str, Any]:
        names = ("scale", "mode", "distribution", "seed")
        return {**{n: getattr(self, n) for n in names}, "dtype": self.dtype.name}


@export("glorot_uniform_initializer")
class GlorotUniform(VarianceScaling):
    """Evenly distributed up to ``sqrt(6 / (inputs + outputs))``: what ``get_variable`` uses for floats."""

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "dtype": self.dtype.name}


@export("glorot_normal_initializer")
class GlorotNormal(VarianceScaling):
    """Truncated normal with variance ``2 / (inputs + outputs)``."""

    def __init__(self, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "dtype": self.dtype.name}


@export("orthogonal_initializer")
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns times ``gain``; leading dimensions count as one."""

    def __init__(self, gain: float = 1.0, seed: int | None = None, dtype: Any = float32) -> None:
        self.gain, self.seed = gain, seed
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        sizes = [int(d) for d in shape]
        if len(sizes) < 2:
            raise ValueError(
                "The tensor to initialize, specified by argument `shape` must be at least two-dimensional. Received "
                f"shape={shape}"
            )
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        drawn = random_normal((max(rows, columns), min(rows, columns)), dtype=self._dtype(dtype), seed=self.seed)
        q, r = apply_op("Qr", None, input=drawn, full_matrices=False)
        q = q * apply_op("Sign", None, x=apply_op("DiagPart", None, input=r))
        if rows < columns:
            q = matrix_transpose(q)
        found: Tensor = self.gain * apply_op("Reshape", None, tensor=q, shape=shape)
        return found

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, "seed": self.seed, "dtype": self.dtype.name}


@export("initializers.identity")
class Identity(Initializer):
    """The identity matrix times ``gain``."""

    def __init__(self, gain: float = 1.0, dtype: Any = float32) -> None:
        self.gain = gain
        self.dtype = _floating(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        whole = shape if partition_info is None else partition_info.full_shape
        if len(whole) != 2:
            raise ValueError(
                "The tensor to initialize, specified by argument `shape` must be at least two-dimensional. Received "
                f"shape={shape}"
            )
        sizes = as_shape(whole).as_list() if isinstance(whole, TensorShape) else whole
        rows, columns = sizes
        matrix = eye(rows, columns, dtype=self._dtype(dtype))
        if partition_info is not None:
            matrix = apply_op("Slice", None, input=matrix, begin=partition_info.var_offset, size=shape)
        found: Tensor = self.gain * matrix
        return found

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, "dtype": self.dtype.name}


@export("initializers.lecun_normal", "keras.initializers.lecun_normal")
def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Truncated normal with variance ``1 / inputs``."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


@export("initializers.lecun_uniform", "keras.initializers.lecun_uniform")
def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Evenly distributed with variance ``1 / inputs``."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


@export("initializers.he_normal", "keras.initializers.he_normal")
def he_normal(seed: int | None = None) -> VarianceScaling:
    """Truncated normal with variance ``2 / inputs``."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


@export("initializers.he_uniform", "keras.initializers.he_uniform")
def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Evenly distributed with variance ``2 / inputs``."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


@export("keras.initializers.RandomNormal")
class KerasRandomNormal(RandomNormal):
    """Normally distributed, with Keras's standard deviation."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(mean, stddev, seed, dtype)


@export("keras.initializers.TruncatedNormal")
class KerasTruncatedNormal(TruncatedNormal):
    """Normally distributed and cut off, with Keras's standard deviation."""

    def __init__(self, mean: Any = 0.0, stddev: Any = 0.05, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(mean, stddev, seed, dtype)


@export("keras.initializers.RandomUniform")
class KerasRandomUniform(RandomUniform):
    """Evenly distributed, with Keras's limits."""

    def __init__(self, minval: Any = -0.05, maxval: Any = 0.05, seed: int | None = None, dtype: Any = float32) -> None:
        super().__init__(minval, maxval, seed, dtype)


@export("contrib.layers.variance_scaling_initializer")
def contrib_variance_scaling(
    factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False, seed: int | None = None, dtype: Any = float32
) -> Callable[..., Tensor]:
    """The initializer of tf.contrib.layers: variance ``factor / n``, 1.3 times that where it is cut off."""
    if not as_dtype(dtype).is_floating:
        raise TypeError("Cannot create initializer for non-floating point type.")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise TypeError(f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]")
    default, even = as_dtype(dtype), uniform

    def initializer(shape: Any, dtype: Any = default, partition_info: Any = None) -> Tensor:
        fan_in, fan_out = _fans([int(d) for d in shape])
        n = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2.0}[mode]
        return _contrib_draw(shape, factor / n, dtype, seed, even=even)

    return initializer


def _contrib_draw(shape: Any, variance: float, dtype: Any, seed: int | None, *, even: bool) -> Tensor:
    if even:
        limit = math.sqrt(3.0 * variance)
        return random_uniform(shape, -limit, limit, dtype, seed=seed)
    return truncated_normal(shape, 0.0, math.sqrt(1.3 * variance), dtype, seed=seed)


@export("contrib.layers.xavier_initializer")
def xavier_initializer(uniform: bool = True, seed: int | None = None, dtype: Any = float32) -> Callable[..., Tensor]:
    """Glorot's initializer as tf.contrib.layers has it."""
    return contrib_variance_scaling(1.0, "FAN_AVG", uniform, seed, dtype)


for _alias in ("contrib.layers.xavier_initializer_conv2d", "contrib.slim.xavier_initializer",
               "contrib.slim.initializers.xavier_initializer"):  # fmt: skip
    export_value(_alias, xavier_initializer)
for _alias in ("contrib.slim.variance_scaling_initializer", "contrib.slim.initializers.variance_scaling_initializer"):
    export_value(_alias, contrib_variance_scaling)
