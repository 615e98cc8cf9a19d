"""Requests held to what their signature declares, for the models that ask for it (``--strict_model_inputs``).

TensorFlow Serving checks neither dtypes nor shapes against the signature: the graph runs, or an op somewhere in it
objects in its own words, or a wrong answer comes back. Here the request is refused before it runs, and the message
says what came, what was declared, where they differ and what to do. Since no other shape gets through, no variant of
the model for other ranks is ever compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.serving.lifecycle.servable import Servable, Signature, Spec

Array = np.ndarray[Any, np.dtype[Any]]

_ALL: Final = "all"


class StrictInputs:
    """The models whose requests are checked."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._all = _ALL in names

    @classmethod
    def of(cls, setting: str) -> Self | None:
        """By the flag's value: ``all``, or names separated by commas; None where it is empty."""
        names = frozenset(name.strip() for name in setting.split(",")) - {""}
        return cls(names) if names else None

    def check(self, servable: Servable, signature: Signature, arrays: Mapping[str, Array]) -> None:
        """Raises InvalidArgumentError, one sentence for each wrong input, where the model is one of these.

        arrays: every input of the signature by alias.
        """
        if not self._all and servable.id.name not in self._names:
            return
        wrong = [text for alias, spec in signature.inputs.items() if (text := difference(alias, arrays[alias], spec))]
        if wrong:
            raise InvalidArgumentError(
                f"{'; '.join(wrong)}. Model {servable.id.name!r} takes only what its signature {signature.name!r} "
                "declares (--strict_model_inputs): change the request to fit"
            )


def difference(alias: str, array: Array, spec: Spec) -> str:
    """How an input differs from what is declared: got, expected, difference; empty where it does not."""
    parts = []
    if array.dtype != spec.dtype.numpy and not (spec.dtype is dtypes.string and array.dtype.kind in "OSU"):
        parts.append("the dtype differs")
    declared = spec.shape
    if declared is not None and len(declared) != array.ndim:
        parts.append(f"rank {array.ndim} instead of {len(declared)}")
    elif declared is not None:
        odd = [
            (i, got, size) for i, (got, size) in enumerate(zip(array.shape, declared, strict=True)) if size is not None
        ]
        parts += [f"dimension {i} is {got} instead of {size}" for i, got, size in odd if got != size]
    if not parts:
        return ""
    got_dtype = dtypes.from_numpy(array.dtype)
    return (
        f"input {alias!r}: got {got_dtype} of shape {shapes.text(array.shape)}, declared is {spec.dtype} of shape "
        f"{shapes.text(declared)}: {' and '.join(parts)}"
    )
