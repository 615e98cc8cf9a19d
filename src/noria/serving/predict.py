"""Predict, whatever the protocol: checks a request against its signature, in TensorFlow Serving's order and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from noria import dtypes
from noria.errors import FailedPreconditionError, InternalError, InvalidArgumentError
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.serving.lifecycle.servable import Model, Signature
from noria.serving.names import CLASSIFY, PREDICT, REGRESS

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")


def find_signature(model: Model, name: str, *, check_method: bool = False) -> Signature:
    """The signature of a Predict request; an empty name is ``serving_default``.

    Raises FailedPreconditionError for an unknown one; with check_method InternalError for one that is no inference.
    """
    signature: Signature | None = model.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise FailedPreconditionError(f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.')
    if check_method and signature.method_name not in (PREDICT, CLASSIFY, REGRESS):
        raise InternalError(
            f"Expected prediction signature method_name to be one of {{{PREDICT}, {CLASSIFY}, {REGRESS}}}. "
            f"Was: {signature.method_name}"
        )
    return signature


def bind_inputs(signature: Signature, given: Mapping[str, T], convert: Callable[[T], Array]) -> dict[str, Array]:
    """The arrays to run with, by alias: those given, converted, and the signature's defaults for the others.

    Raises InvalidArgumentError for a wrong number of inputs, a value that ``convert`` refuses, a missing input, a
    stray one, and a dtype that is not the signature's.
    """
    wanted = signature.inputs
    if len(given) != len(wanted) and (len(given) > len(wanted) or not signature.defaults):
        raise _wrong_count(given, wanted)
    arrays = {}
    used = 0
    for alias, spec in wanted.items():
        if alias in given:
            used += 1
            try:
                array = convert(given[alias])
            except InvalidArgumentError as error:
                raise InvalidArgumentError(f"tensor parsing error: {alias} ({error})") from None
        elif alias in signature.defaults:
            array = signature.defaults[alias]
        else:
            raise InvalidArgumentError(
                f"Signature input alias: {alias}(feed name: {spec.tensor}) not found in request and no default value "
                f"provided. Inputs expected to be in the set {_braced(wanted)}."
            )
        arrays[alias] = array
    if used < len(given):
        extra = [alias for alias in given if alias not in wanted]
        raise InvalidArgumentError(
            f"Inputs contains invalid name. Used request inputs: {_braced(a for a in given if a in wanted)}, "
            f"request input: {_braced(given)}, sent extra: {_braced(extra)}."
        )
    return arrays


def check_dtypes(signature: Signature, arrays: Mapping[str, Array]) -> None:
    """The runtime's own check of what is fed; raises InvalidArgumentError in its words."""
    for index, (alias, spec) in enumerate(signature.inputs.items()):
        array = arrays[alias]
        if array.dtype != spec.dtype.numpy and spec.dtype is not dtypes.resource:
            provided = dtypes.from_numpy(array.dtype).core_name
            raise InvalidArgumentError(f"Expects arg[{index}] to be {spec.dtype.core_name} but {provided} is provided")


def check_filter(signature: Signature, output_filter: Sequence[str]) -> list[str] | None:
    """The outputs to compute, None for all; raises InvalidArgumentError for an unknown or a repeated one."""
    if not output_filter:
        return None
    seen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise InvalidArgumentError(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_braced(signature.outputs)}."
            )
        if alias in seen:
            raise InvalidArgumentError(f"duplicate output tensor alias: {alias}")
        seen.append(alias)
    return seen


def _wrong_count(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> InvalidArgumentError:
    extra = [alias for alias in given if alias not in wanted]
    missing = [alias for alias in wanted if alias not in given]
    return InvalidArgumentError(
        f"input size does not match signature: {len(given)}!={len(wanted)} len({_braced(given)}) != "
        f"len({_braced(wanted)}). Sent extra: {_braced(extra)}. Missing but required: {_braced(missing)}."
    )


def _braced(names: Any) -> str:
    return "{" + ",".join(sorted(names)) + "}"
