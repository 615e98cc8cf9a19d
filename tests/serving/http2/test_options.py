"""The arguments of gRPC that set limits of the server."""

from __future__ import annotations

import pytest

from noria.errors import InvalidArgumentError
from noria.serving.http2.options import Options, without_effect


def test_nothing_given() -> None:
    assert Options.parse("") == Options()
    assert Options().max_receive_bytes == Options().max_send_bytes == 2**31 - 1
    assert without_effect("") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grpc.max_receive_message_length=100", Options(max_receive_bytes=100)),
        ("grpc.max_send_message_length=100", Options(max_send_bytes=100)),
        ("grpc.max_send_message_length=5,grpc.max_send_message_length=-1", Options()),
        ("grpc.max_concurrent_streams=7", Options(max_streams=7)),
        ("grpc.max_concurrent_streams=-1", Options(max_streams=2**31 - 1)),
        ("grpc.max_metadata_size=100", Options()),
        ("grpc.max_metadata_size=40000", Options(max_head_bytes=50000)),
        ("grpc.absolute_max_metadata_size=100,grpc.max_metadata_size=40000", Options(max_head_bytes=100)),
        ("grpc.max_connection_idle_ms=1500", Options(idle_seconds=1.5)),
        ("grpc.max_connection_idle_ms=2147483647", Options()),
        (
            "grpc.max_connection_age_ms=1000, grpc.max_connection_age_grace_ms = 500",
            Options(age_seconds=1.0, age_grace_seconds=0.5),
        ),
        (
            "grpc.keepalive_time_ms=10000,grpc.keepalive_timeout_ms=5000",
            Options(keepalive_seconds=10.0, keepalive_timeout_seconds=5.0),
        ),
        ("grpc.keepalive_time_ms=2147483647", Options(keepalive_seconds=2147483.647)),
        (
            "grpc.server_handshake_timeout_ms=100,grpc.http2.settings_timeout=200",
            Options(handshake_seconds=0.1, settings_seconds=0.2),
        ),
        ("grpc.default_compression_algorithm=0", Options()),
        ("grpc.default_compression_algorithm=1", Options(compression="deflate")),
        ("grpc.default_compression_algorithm=2", Options(compression="gzip")),
    ],
)
def test_arguments(text: str, expected: Options) -> None:
    assert Options.parse(text) == expected
    assert without_effect(text) == []


def test_what_has_no_effect_is_named_once() -> None:
    text = "grpc.so_reuseport=1,grpc.max_concurrent_streams=3,grpc.lb_policy_name=x=y,grpc.so_reuseport=0"
    assert without_effect(text) == ["grpc.so_reuseport", "grpc.lb_policy_name"]
    assert Options.parse(text) == Options(max_streams=3)


@pytest.mark.parametrize("text", ["max", "=1", "grpc.max_concurrent_streams=3,", ",", "grpc.max_send_message_length"])
def test_another_form(text: str) -> None:
    for read in (Options.parse, without_effect):
        with pytest.raises(InvalidArgumentError, match="--grpc_channel_arguments is name=value,name=value; got"):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        "grpc.max_receive_message_length=many",
        "grpc.max_receive_message_length=-2",
        "grpc.max_receive_message_length=2147483648",
        "grpc.max_concurrent_streams=",
        "grpc.max_concurrent_streams=1.5",
        "grpc.max_concurrent_streams=--1",
        "grpc.max_concurrent_streams=²",
        "grpc.keepalive_time_ms=0",
        "grpc.max_metadata_size=x",
        "grpc.default_compression_algorithm=3",
        "grpc.default_compression_algorithm=gzip",
    ],
)
def test_values_that_cannot_be(text: str) -> None:
    name = text.partition("=")[0]
    with pytest.raises(InvalidArgumentError, match=f"{name} of --grpc_channel_arguments is a whole number from .* got"):
        Options.parse(text)
