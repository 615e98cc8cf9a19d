"""Assertions and printing."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError, PermissionDeniedError
from noria.graph.resources import Resources
from noria.graph.rules import kernel
from noria.ops._summary import summary
from op_kernel import kernel_call, run_kernel


def text(value: bytes) -> Any:
    return np.array(value, object)


@pytest.mark.parametrize(
    ("value", "limit", "wanted"),
    [
        (np.arange(5), 3, b"0 1 2..."),
        (np.arange(3), 3, b"0 1 2"),
        (np.array([[1, 2, 3], [4, 5, 6]]), 3, b"[1 2 3]..."),
        (np.arange(24).reshape(2, 3, 4), 7, b"[[0 1 2 3][4 5 6...]]..."),
        (np.arange(24).reshape(2, 3, 4), 0, b"..."),
        (np.arange(8).reshape(2, 2, 2), -1, b"[[0 1][2 3]][[4 5][6 7]]"),
        (np.array([[b"a", b"b"], [b"a", b"b"]], object), 3, b"[a b][a...]..."),
        (text(b'b"c'), 3, b'b\\"c'),
        (np.array([0.1, 1 / 3, 1e20, 123456789], np.float32), -1, b"0.1 0.333333343 1e+20 123456792"),
        (np.array([0.1, 1 / 3]), -1, b"0.1 0.33333333333333331"),
        (np.zeros((0, 3)), 3, b""),
        (np.zeros((2, 0)), 3, b""),
        (np.array(True), 3, b"1"),
    ],
)
def test_summaries(value: Any, limit: int, wanted: bytes) -> None:
    assert summary(value, limit) == wanted


def test_a_failed_assertion_shows_its_data() -> None:
    data = text(b"x must be positive:"), np.array([-1, 2, 3, 4], np.int32)
    with pytest.raises(InvalidArgumentError, match=r"assertion failed: \[x must be positive:\] \[-1 2\.\.\.\]"):
        run_kernel("Assert", np.array(False), *data, summarize=2, T=[dtypes.string, dtypes.int32])
    assert run_kernel("Assert", np.array(True), *data, T=[dtypes.string, dtypes.int32]) == ()


def test_print_shows_the_first_calls_and_passes_its_input_on(capsys: pytest.CaptureFixture[str]) -> None:
    call = kernel_call("Print", Resources(), message="got: ", first_n=2, T=dtypes.int32, U=[dtypes.int32])
    value = np.array([1, 2], np.int32)
    for _ in range(3):
        assert kernel["Print"](call, value, value, np.float32(0.5)) is value
    assert capsys.readouterr().err == "got: [1 2][0.5]\n" * 2


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_print_v2_writes_to_its_stream(stream: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_kernel("PrintV2", text("é".encode()), output_stream=stream, end="!\n") == ()
    written = capsys.readouterr()
    assert getattr(written, "out" if stream == "stdout" else "err") == "é!\n"


def test_print_v2_writes_to_the_log_and_to_no_file(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "noria"):
        run_kernel("PrintV2", text(b"hello"), output_stream="log(warning)")
    assert caplog.record_tuples == [("noria", logging.WARNING, "hello")]
    with pytest.raises(PermissionDeniedError, match="file:///etc/passwd"):
        run_kernel("PrintV2", text(b"hello"), output_stream="file:///etc/passwd")
    with pytest.raises(InvalidArgumentError, match="Unknown output stream"):
        run_kernel("PrintV2", text(b"hello"), output_stream="nowhere")
    with pytest.raises(InvalidArgumentError, match="scalar"):
        run_kernel("PrintV2", np.array([b"hello"], object))


def test_control_trigger_does_nothing() -> None:
    assert run_kernel("ControlTrigger") == ()
