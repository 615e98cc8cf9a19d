"""``tf.Print`` and ``tf.print``."""

from __future__ import annotations

import logging
import os
import pprint
import random
import sys
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.composite import SparseTensor
from noria.v1.exports import export
from noria.v1.framework import is_tensor
from noria.v1.nest import flatten, map_structure, pack_as
from noria.v1.string_ops import string_format


@export("Print")
def print_with_identity(
    input_: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Any:
    """``input_``; writes ``message`` and ``summarize`` elements of each of ``data`` to stderr the ``first_n`` times."""
    return apply_op("Print", name, input=input_, data=data, message=message, first_n=first_n, summarize=summarize)


_LEVELS = {
    "stdout": ["stdout"], "stderr": ["stderr"], "log(info)": ["info"], "log(warning)": ["warning", "warn"],
    "log(error)": ["error"],
}  # fmt: skip


def _stream(output_stream: Any) -> str:
    """What PrintV2 calls the stream: a file object of ``sys``, a function of a logger, a level, or ``file://…``."""
    if isinstance(output_stream, str) and output_stream.startswith("file://"):
        return output_stream
    levels = {logging.INFO: "log(info)", logging.WARNING: "log(warning)", logging.ERROR: "log(error)"}
    if output_stream is sys.stdout or output_stream is sys.stderr:
        return "stdout" if output_stream is sys.stdout else "stderr"
    if isinstance(output_stream, int) and output_stream in levels:
        return levels[output_stream]
    called = getattr(output_stream, "__name__", None)
    found = next((key for key, names in _LEVELS.items() if called in names), None)
    if found is None:
        raise ValueError(
            f"Unsupported output stream, logging level, or file.{output_stream}. Supported streams are sys.stdout, "
            "sys.stderr, tf.logging.info, tf.logging.warning, tf.logging.error. File needs to be in the form of "
            "'file://<filepath>'."
        )
    return found


@export("print")
def print_v2(*inputs: Any, **kwargs: Any) -> Any:
    """An operation that prints ``inputs``, nested structures of tensors and of anything else.

    output_stream: stderr; summarize: how many elements of the ends of each dimension (3); sep, end, name.
    """
    stream = _stream(kwargs.pop("output_stream", sys.stderr))
    name, summarize = kwargs.pop("name", None), kwargs.pop("summarize", 3)
    sep, end = kwargs.pop("sep", " "), kwargs.pop("end", os.linesep)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments for tf.print: {kwargs}")
    first = inputs[0] if len(inputs) == 1 else None
    if is_tensor(first) and not isinstance(first, SparseTensor) and _is_text(first):
        text = first
    else:
        template, placeholder, tensors = _template(inputs, sep)
        text = string_format(template, tensors, placeholder, summarize, f"{name}_format" if name else None)
    return apply_op("PrintV2", name, input=text, output_stream=stream, end=end)


def _is_text(value: Any) -> bool:
    return bool(value.shape.ndims == 0 and value.dtype.name == "string")


def _template(inputs: Any, sep: str) -> tuple[str, str, list[Any]]:
    """The text to print with a placeholder for each tensor, the placeholder, and the tensors."""
    plain = map_structure(lambda v: "" if is_tensor(v) else v, list(inputs))
    placeholder = _unused_in(" ".join(pprint.pformat(v) for v in plain))
    tensors: list[Any] = []
    texts = []
    for value in inputs:
        leaves: list[Any] = []
        for leaf in flatten(value):
            if isinstance(leaf, SparseTensor):
                tensors += [leaf.indices, leaf.values, leaf.dense_shape]
                leaves.append(f"SparseTensor(indices={placeholder}, values={placeholder}, shape={placeholder})")
            elif is_tensor(leaf):
                tensors.append(leaf)
                leaves.append(placeholder)
            else:
                leaves.append(leaf)
        texts.append(value if isinstance(value, str) else pprint.pformat(pack_as(value, leaves)))
    return sep.join(texts).replace(f"'{placeholder}'", placeholder), placeholder, tensors


def _unused_in(text: str) -> str:
    """A placeholder that the text does not hold; the digits are TensorFlow's, from its own seed."""
    drawn = random.Random(5)
    placeholder = "{}"
    while placeholder in text:
        placeholder += str(drawn.randint(0, 9))
    return placeholder
