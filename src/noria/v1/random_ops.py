"""Random numbers: ``tf.random_normal``, ``tf.random_uniform``, ``tf.random_shuffle``, ``tf.multinomial`` …

Both seeds of an operation follow from the graph's seed and the operation's own, see ``framework.get_seed``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import add, multiply
from noria.v1.array_shapes import broadcast_dynamic_shape, shape
from noria.v1.control_flow import assert_true, with_dependencies
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export
from noria.v1.framework import get_seed, name_scope
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced
from noria.v1.tensor_shape import dimension_value

_AUTO_SELECT: Final = 3  # the algorithm follows from the device; on a CPU it is Philox
_UNIFORM: Final = ("float16", "bfloat16", "float32", "float64", "int32", "int64")


def shape_tensor(value: Any) -> Tensor:
    """Sizes as a vector tensor; an empty list is int32."""
    if isinstance(value, list | tuple):
        return convert([dimension_value(d) for d in value], None if value else "int32", "shape")
    return convert(value, None, "shape")


def _scaled(
    op_type: str, default_name: str, sizes: Any, mean: Any, stddev: Any, dtype: Any, seed: Any, name: str | None
) -> Tensor:
    with name_scope(name, default_name, [sizes, mean, stddev]) as scope:
        sizes = shape_tensor(sizes)
        mean, stddev = convert(mean, dtype, "mean"), convert(stddev, dtype, "stddev")
        first, second = get_seed(seed)
        drawn = apply_op(op_type, shape=sizes, dtype=dtype, seed=first, seed2=second)
        return add(drawn * stddev, mean, scope)


@export("random.normal", "random_normal")
def random_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Tensor:
    """Numbers of the normal distribution."""
    return _scaled("RandomStandardNormal", "random_normal", shape, mean, stddev, dtype, seed, name)


@export("random.truncated_normal", "truncated_normal")
def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Tensor:
    """Numbers of the normal distribution, those more than two deviations from the mean drawn again."""
    return _scaled("TruncatedNormal", "truncated_normal", shape, mean, stddev, dtype, seed, name)


@export("random.uniform", "random_uniform")
def random_uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Tensor:
    """Numbers evenly from ``minval`` to before ``maxval`` (1 for floats; integers must give it)."""
    kind = as_dtype(dtype)
    if kind.name not in _UNIFORM:
        raise ValueError(f"Argument `dtype` got invalid value {kind}. Accepted dtypes are {', '.join(_UNIFORM)}.")
    if maxval is None:
        if kind.is_integer:
            raise ValueError(f"Must specify maxval for integer dtype {kind!r}")
        maxval = 1
    found: Tensor
    with name_scope(name, "random_uniform", [shape, minval, maxval]) as scope:
        sizes = shape_tensor(shape)
        from_zero = isinstance(minval, int) and minval == 0
        to_one = isinstance(maxval, int) and maxval == 1
        if not from_zero or not to_one or kind.is_integer:
            minval, maxval = convert(minval, kind, "min"), convert(maxval, kind, "max")
        first, second = get_seed(seed)
        if kind.is_integer:
            found = apply_op(
                "RandomUniformInt", scope, shape=sizes, minval=minval, maxval=maxval, seed=first, seed2=second
            )
            return found
        found = apply_op("RandomUniform", shape=sizes, dtype=kind, seed=first, seed2=second)
        if not from_zero:
            width = maxval - minval
            return add(found * width, minval, scope)
        return found if to_one else multiply(found, maxval)


@export("random.shuffle", "random_shuffle")
def random_shuffle(value: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """The slices of ``value`` along its first dimension in random order."""
    first, second = get_seed(seed)
    found: Tensor = apply_op("RandomShuffle", name, value=value, seed=first, seed2=second)
    return found


@export("random.multinomial", "multinomial")
def multinomial(
    logits: Any, num_samples: Any, seed: Any = None, name: str | None = None, output_dtype: Any = None
) -> Tensor:
    """``num_samples`` classes for each row of unnormalised log probabilities."""
    with name_scope(name, "multinomial", [logits]):
        return _categorical(logits, num_samples, output_dtype, seed)


@export("random.categorical")
def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None, name: str | None = None) -> Tensor:
    """``num_samples`` classes for each row of unnormalised log probabilities."""
    with name_scope(name, "categorical", [logits]):
        return _categorical(logits, num_samples, dtype, seed)


def _class_dtype(dtype: Any) -> DType:
    kind = as_dtype(dtype or "int64")
    if kind.name not in ("int32", "int64"):
        raise ValueError(f"Argument `dtype` got invalid value {kind}. Accepted dtypes are int32, int64.")
    return kind


def _categorical(logits: Any, num_samples: Any, dtype: Any, seed: Any) -> Tensor:
    logits = convert(logits, None, "logits")
    kind = _class_dtype(dtype)
    first, second = get_seed(seed)
    found: Tensor = apply_op(
        "Multinomial", logits=logits, num_samples=num_samples, seed=first, seed2=second, output_dtype=kind
    )
    return found


@export("random.gamma", "random_gamma")
def random_gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = "float32", seed: Any = None, name: str | None = None
) -> Tensor:
    """Numbers of the gamma distributions of ``alpha`` and ``beta`` (1), ``shape`` of each."""
    with name_scope(name, "random_gamma", [shape, alpha, beta]):
        sizes = convert(shape, "int32", "shape")
        alpha, beta, spread = _alpha_beta(alpha, beta, dtype)
        first, second = get_seed(seed)
        drawn = apply_op("RandomGamma", shape=sizes, alpha=spread, seed=first, seed2=second) / beta
        found: Tensor = apply_op("Maximum", x=np.finfo(alpha.dtype.as_numpy_dtype).tiny, y=drawn)
        return found


def _alpha_beta(alpha: Any, beta: Any, dtype: Any) -> tuple[Tensor, Tensor, Any]:
    alpha = convert(alpha, dtype, "alpha")
    beta = convert(1 if beta is None else beta, dtype, "beta")
    both = broadcast_dynamic_shape(shape(alpha), shape(beta))
    return alpha, beta, apply_op("BroadcastTo", input=alpha, shape=both)


@export("random.poisson", "random_poisson")
def random_poisson(lam: Any, shape: Any, dtype: Any = "float32", seed: Any = None, name: str | None = None) -> Tensor:
    """Numbers of the Poisson distributions of mean ``lam``, ``shape`` of each."""
    with name_scope(name, "random_poisson", [lam, shape]):
        sizes = convert(shape, "int32", "shape")
        first, second = get_seed(seed)
        found: Tensor = apply_op("RandomPoissonV2", shape=sizes, rate=lam, dtype=dtype, seed=first, seed2=second)
        return found


@export("image.random_crop", "random_crop")
def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """A part of ``value`` of the given ``size`` at a random place."""
    with name_scope(name, "random_crop", [value, size]) as scope:
        value = convert(value, None, "value")
        size = convert(size, "int32", "size")
        sizes: Any = shape(value)
        enough = reduced("All", sizes >= size)
        check = assert_true(enough, ["Need value.shape >= size, got ", sizes, size], 1000)
        sizes = with_dependencies([check], sizes)
        limit = sizes - size + 1
        drawn = random_uniform(shape(sizes), dtype=size.dtype, maxval=size.dtype.max, seed=seed)
        found: Tensor = apply_op("Slice", scope, input=value, begin=drawn % limit, size=size)
        return found


# --- stateless: the seed is a tensor of two numbers ------------------------------------------------------------------


def _key(seed: Any, alg: str) -> dict[str, Any]:
    """Key, counter and algorithm that follow from ``seed``."""
    if alg != "auto_select":
        raise ValueError(f"only alg='auto_select' is available, got {alg!r}")
    key, counter = apply_op("StatelessRandomGetKeyCounter", seed=seed)
    return {"key": key, "counter": counter, "alg": _AUTO_SELECT}


def _stateless_scaled(
    op_type: str, called: str, sizes: Any, seed: Any, mean: Any, stddev: Any, dtype: Any, alg: str, name: str | None
) -> Tensor:
    with name_scope(name, called, [sizes, seed, mean, stddev]) as scope:
        sizes = shape_tensor(sizes)
        mean, stddev = convert(mean, dtype, "mean"), convert(stddev, dtype, "stddev")
        drawn = apply_op(op_type, shape=sizes, dtype=dtype, **_key(seed, alg))
        return add(drawn * stddev, mean, scope)


@export("random.stateless_normal")
def stateless_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = "float32",
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Numbers of the normal distribution that follow from ``seed`` alone."""
    called = "stateless_random_normal"
    return _stateless_scaled("StatelessRandomNormalV2", called, shape, seed, mean, stddev, dtype, alg, name)


@export("random.stateless_truncated_normal")
def stateless_truncated_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = "float32",
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Numbers of the normal distribution, cut at two deviations, that follow from ``seed`` alone."""
    called = "stateless_truncated_normal"
    return _stateless_scaled("StatelessTruncatedNormalV2", called, shape, seed, mean, stddev, dtype, alg, name)


@export("random.stateless_uniform")
def stateless_uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = "float32",
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Numbers evenly from ``minval`` to before ``maxval`` that follow from ``seed`` alone."""
    kind = as_dtype(dtype)
    if kind.is_integer and (minval is None) != (maxval is None):
        raise ValueError(
            f"For integer `dtype` argument {kind}, argument `minval` and `maxval` must be both None or not None. "
            f"Got `minval`={minval} and `maxval`={maxval}."
        )
    maxval = 1 if maxval is None and not kind.is_integer else maxval
    found: Tensor
    with name_scope(name, "stateless_random_uniform", [shape, seed, minval, maxval]) as scope:
        sizes = shape_tensor(shape)
        if minval is None:
            found = apply_op("StatelessRandomUniformFullIntV2", scope, shape=sizes, dtype=kind, **_key(seed, alg))
            return found
        minval, maxval = convert(minval, kind, "min"), convert(maxval, kind, "max")
        if kind.is_integer:
            key = _key(seed, alg)
            found = apply_op("StatelessRandomUniformIntV2", scope, shape=sizes, minval=minval, maxval=maxval, **key)
            return found
        found = apply_op("StatelessRandomUniformV2", shape=sizes, dtype=kind, **_key(seed, alg))
        width = maxval - minval
        return add(found * width, minval, scope)


@export("random.stateless_multinomial")
def stateless_multinomial(
    logits: Any, num_samples: Any, seed: Any, output_dtype: Any = "int64", name: str | None = None
) -> Tensor:
    """Classes drawn by unnormalised log probabilities that follow from ``seed`` alone."""
    with name_scope(name, "stateless_multinomial", [logits, seed]):
        return _stateless_categorical(logits, num_samples, output_dtype, seed)


@export("random.stateless_categorical")
def stateless_categorical(
    logits: Any, num_samples: Any, seed: Any, dtype: Any = "int64", name: str | None = None
) -> Tensor:
    """Classes drawn by unnormalised log probabilities that follow from ``seed`` alone."""
    with name_scope(name, "stateless_categorical", [logits, seed]):
        return _stateless_categorical(logits, num_samples, dtype, seed)


def _stateless_categorical(logits: Any, num_samples: Any, dtype: Any, seed: Any) -> Tensor:
    logits = convert(logits, None, "logits")
    found: Tensor = apply_op(
        "StatelessMultinomial", logits=logits, num_samples=num_samples, seed=seed, output_dtype=_class_dtype(dtype)
    )
    return found


@export("random.stateless_poisson")
def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = "int32", name: str | None = None) -> Tensor:
    """Numbers of the Poisson distribution of mean ``lam`` that follow from ``seed`` alone."""
    with name_scope(name, "stateless_random_poisson", [shape, seed, lam]):
        sizes = shape_tensor(shape)
        found: Tensor = apply_op("StatelessRandomPoisson", shape=sizes, seed=seed, lam=lam, dtype=dtype)
        return found


@export("random.stateless_binomial")
def stateless_binomial(
    shape: Any, seed: Any, counts: Any, probs: Any, output_dtype: Any = "int32", name: str | None = None
) -> Tensor:
    """How many of ``counts`` trials of chance ``probs`` succeed, as follows from ``seed`` alone."""
    with name_scope(name, "stateless_random_binomial", [shape, seed, counts, probs]):
        sizes = shape_tensor(shape)
        probs = convert(probs, None, "probs", "float32")
        counts = convert(counts, None, "counts", probs.dtype)
        found: Tensor = apply_op(
            "StatelessRandomBinomial", shape=sizes, seed=seed, counts=counts, probs=probs, dtype=output_dtype
        )
        return found


@export("random.stateless_gamma")
def stateless_gamma(
    shape: Any, seed: Any, alpha: Any, beta: Any = None, dtype: Any = "float32", name: str | None = None
) -> Tensor:
    """Numbers of the gamma distributions of ``alpha`` and ``beta`` (1) that follow from ``seed`` alone."""
    with name_scope(name, "stateless_random_gamma", [shape, seed, alpha, beta]):
        sizes = shape_tensor(shape)
        alpha, beta, spread = _alpha_beta(alpha, beta, dtype)
        drawn = apply_op("StatelessRandomGammaV3", shape=sizes, alpha=spread, **_key(seed, "auto_select")) / beta
        found: Tensor = apply_op("Maximum", x=np.finfo(alpha.dtype.as_numpy_dtype).tiny, y=drawn)
        return found
