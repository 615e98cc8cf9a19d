"""Ops that act for their effect: assertions, printing, and the text they print."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from noria import shapes
from noria.errors import InvalidArgumentError, PermissionDeniedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.ops._summary import pretty, summary
from noria.shapes import Shape

_log = logging.getLogger("noria")


@infer("Assert", "PrintV2", "ControlTrigger")
def _no_output_infer(call: InferCall) -> list[Shape]:
    return []


@kernel("ControlTrigger")
def _control_trigger(call: KernelCall) -> tuple[()]:
    return ()


@kernel("Assert")
def _assert(call: KernelCall, condition: Array, *data: Array) -> tuple[()]:
    """InvalidArgumentError with the data in its message, unless ``condition`` holds."""
    if condition.ndim:
        raise InvalidArgumentError(f"In[0] should be a scalar: {shapes.text(condition.shape)}")
    if not condition:
        raise InvalidArgumentError(f"assertion failed: {_summaries(call, data)} (node {call.name!r})")
    return ()


def _summaries(call: KernelCall, data: tuple[Array, ...], gap: str = " ") -> str:
    limit = call.integer("summarize")
    return gap.join("[" + summary(value, limit).decode("utf-8", "replace") + "]" for value in data)


@infer("Print")
def _print_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("Print")
def _print(call: KernelCall, value: Array, *data: Array) -> Array:
    first = call.integer("first_n")
    printed = call.cache.get("printed", 0)
    if first < 0 or printed < first:
        call.cache["printed"] = printed + 1
        _write(sys.stderr, call.text("message") + _summaries(call, data, "") + "\n")
    return value


@kernel("PrintV2")
def _print_v2(call: KernelCall, text: Array) -> tuple[()]:
    if text.ndim:
        raise InvalidArgumentError(f"Input is expected to be scalar, but got {shapes.text(text.shape)}")
    message = text.item().decode("utf-8", "replace")
    stream = call.text("output_stream")
    if stream.startswith("log("):
        level = {"log(info)": logging.INFO, "log(warning)": logging.WARNING}.get(stream, logging.ERROR)
        _log.log(level, "%s", message)
    elif stream in ("stderr", "stdout"):
        _write(sys.stderr if stream == "stderr" else sys.stdout, message + call.text("end"))
    elif stream.startswith("file://"):
        raise PermissionDeniedError(
            f"the model asks to print into {stream!r}; a model writes to stdout and stderr only"
        )
    else:
        raise InvalidArgumentError(f"Unknown output stream: {stream}, or {stream} is not a valid file name.")
    return ()


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


@infer("StringFormat")
def _string_format_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("StringFormat")
def _string_format(call: KernelCall, *inputs: Array) -> Array:
    template: bytes = call.attr("template")
    placeholder: bytes = call.attr("placeholder")
    pieces = template.split(placeholder)
    if len(pieces) != len(inputs) + 1:
        raise InvalidArgumentError(
            f"num placeholders in template and num inputs must match: {len(pieces) - 1} vs. {len(inputs)}"
        )
    edge = call.integer("summarize")
    text = pieces[0] + b"".join(pretty(v, edge) + piece for v, piece in zip(inputs, pieces[1:], strict=True))
    return string_array([text], ())
