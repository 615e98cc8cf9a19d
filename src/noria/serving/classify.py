"""Classify, Regress and MultiInference on tf.Example inputs, whatever the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.serving.lifecycle.servable import Model, Signature
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.predict import check_dtypes

Array = np.ndarray[Any, np.dtype[Any]]

INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"

# What a context may come to when it stands before each example: a small request must not take gigabytes.
MAX_CONTEXT_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """A checked Classify or Regress on one signature: what to run and how to read the outputs."""

    signature: Signature
    method: str
    outputs: list[str]


def prepare(model: Model, name: str, method: str, *, check_method: bool = False) -> Call:
    """Finds the signature for ``method`` (``CLASSIFY`` or ``REGRESS``) and checks its inputs and outputs.

    Raises InvalidArgumentError. The method_name of the signature is looked at with check_method only: exports of
    TensorFlow 2 say predict for everything.
    """
    signature: Signature | None = model.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise InvalidArgumentError(f"No signature was found with the name: {name or DEFAULT_SIGNATURE}")
    return prepare_signature(signature, method, check_method=check_method)


def prepare_signature(signature: Signature, method: str, *, check_method: bool = False) -> Call:
    """As ``prepare``, for a signature already found."""
    kind = "classification" if method == CLASSIFY else "regression"
    if check_method and signature.method_name != method:
        raise InvalidArgumentError(
            f"Expected {kind} signature method_name to be {method}. Was: {signature.method_name}"
        )
    if len(signature.inputs) != 1:
        raise InvalidArgumentError("Expected one input Tensor.")
    if method == CLASSIFY and len(signature.outputs) not in (1, 2):
        raise InvalidArgumentError(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if method == REGRESS and len(signature.outputs) != 1:
        raise InvalidArgumentError("Expected one output Tensor.")
    if INPUTS not in signature.inputs:
        raise InvalidArgumentError(f"No {kind} inputs found in SignatureDef: {_describe(signature)}")
    if method == REGRESS:
        if OUTPUTS not in signature.outputs:
            raise InvalidArgumentError(f"No regression outputs found in SignatureDef: {_describe(signature)}")
        return Call(signature, method, [OUTPUTS])
    outputs = [alias for alias in (CLASSES, SCORES) if alias in signature.outputs]
    if not outputs:
        raise InvalidArgumentError(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}". '
            f"Signature was: {_describe(signature)}"
        )
    return Call(signature, method, outputs)


def _describe(signature: Signature) -> str:
    inputs, outputs = ("{" + ",".join(sorted(names)) + "}" for names in (signature.inputs, signature.outputs))
    return f"name {signature.name!r} method_name {signature.method_name!r} inputs {inputs} outputs {outputs}"


def with_context(context: bytes, examples: Sequence[bytes]) -> list[bytes]:
    """The serialised context before each serialised example: a parser merges them, and the example wins.

    Raises InvalidArgumentError where the context would come to more than ``MAX_CONTEXT_BYTES``.
    """
    size = len(context) * len(examples)
    if size > MAX_CONTEXT_BYTES:
        raise InvalidArgumentError(
            f"a context of {len(context)} bytes before each of {len(examples)} examples comes to {size} bytes; at most "
            f"{MAX_CONTEXT_BYTES} are accepted. Send fewer examples at a time"
        )
    return [context + example for example in examples]


def feeds(call: Call, examples: Sequence[bytes]) -> dict[str, Array]:
    """The one input: serialised examples as a string tensor of shape [N]. Raises InvalidArgumentError for none."""
    if not examples:
        raise InvalidArgumentError("Input is empty.")
    array = np.empty(len(examples), dtype=object)
    array[:] = examples
    arrays = {INPUTS: array}
    check_dtypes(call.signature, arrays)
    return arrays


def classes_of(outputs: dict[str, Array], examples: int) -> list[list[tuple[bytes, float]]]:
    """For each example its (label, score) pairs; a missing label is empty, a missing score 0.

    Raises InvalidArgumentError for outputs that are not [examples, classes] of string and float.
    """
    labels, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, array, dtype in ((CLASSES, labels, dtypes.string), (SCORES, scores, dtypes.float32)):
        if array is None:
            continue
        if array.ndim != 2:
            raise InvalidArgumentError(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
        if array.dtype != dtype.numpy:
            got = dtypes.from_numpy(array.dtype).proto_name
            raise InvalidArgumentError(f"Expected {name} Tensor of {dtype.proto_name}. Got: {got}")
        if len(array) != examples:
            raise InvalidArgumentError(f"Expected {name} output batch size of {examples}. Got: {len(array)}")
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise InvalidArgumentError(
            f"Tensors class and score should match in dim_size(1). Got {labels.shape[1]} vs. {scores.shape[1]}"
        )
    shape = scores.shape if labels is None and scores is not None else labels.shape if labels is not None else (0, 0)
    label_rows = labels.tolist() if labels is not None else [[b""] * shape[1]] * shape[0]
    score_rows = scores.tolist() if scores is not None else [[0.0] * shape[1]] * shape[0]
    return [list(zip(*row, strict=True)) for row in zip(label_rows, score_rows, strict=True)]


def values_of(outputs: dict[str, Array], examples: int) -> Array:
    """The regression of each example, float32 [N].

    Raises InvalidArgumentError for an output that is not float [examples] or [examples, 1].
    """
    array = outputs[OUTPUTS]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise InvalidArgumentError(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(array)}"
        )
    if len(array) != examples:
        raise InvalidArgumentError(f"Input batch size did not match output batch size: {examples} vs. {len(array)}")
    if array.dtype != np.float32:
        raise InvalidArgumentError(
            f"Expected output Tensor of DT_FLOAT.  Got: {dtypes.from_numpy(array.dtype).proto_name}"
        )
    return array.reshape(-1)


def _shape(array: Array) -> str:
    return "[" + ",".join(map(str, array.shape)) + "]"


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a MultiInference."""

    model: str
    signature: str
    method: str


def prepare_tasks(model: Model, tasks: Sequence[Task], *, check_method: bool = False) -> list[Call]:
    """Checks the tasks of a MultiInference in order: one model, distinct signatures, one input tensor.

    Raises InvalidArgumentError, and UnimplementedError for a method that is neither classify nor regress.
    """
    calls: list[Call] = []
    names: set[str] = set()
    for task in tasks:
        if not task.model:
            raise InvalidArgumentError("Found ModelSpec with an empty model name.")
        if task.model != tasks[0].model:
            raise InvalidArgumentError("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = task.signature or DEFAULT_SIGNATURE
        if name in names:
            raise InvalidArgumentError(f"Duplicate evaluation of signature: {name}")
        names.add(name)
        signature: Signature | None = model.signatures.get(name)
        if signature is None:
            raise InvalidArgumentError(f"Requested signature not found in model graph: {name}")
        if task.method not in (CLASSIFY, REGRESS):
            raise UnimplementedError(f"Unsupported signature method_name: {task.method}")
        call = prepare_signature(signature, task.method, check_method=check_method)
        if calls and signature.inputs[INPUTS].tensor != calls[0].signature.inputs[INPUTS].tensor:
            raise InvalidArgumentError("Input tensor must be the same for all Signatures.")
        calls.append(call)
    return calls
