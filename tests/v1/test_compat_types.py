"""Conversions, versions, messages and resources of ``tf``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import noria.v1 as tf


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        ("as_bytes", "é", b"\xc3\xa9"),
        ("as_bytes", b"ab", b"ab"),
        ("as_bytes", bytearray(b"q"), b"q"),
        ("as_text", b"\xc3\xa9", "é"),
        ("as_str", "ab", "ab"),
        ("as_str_any", 3, "3"),
        ("as_str_any", b"ab", "ab"),
        ("as_str_any", bytearray(b"q"), "bytearray(b'q')"),
        ("path_to_str", Path("/x"), "/x"),
        ("path_to_str", 3, 3),
        ("path_to_bytes", Path("/x"), b"/x"),
    ],
)
def test_conversions(function: str, value: Any, expected: Any) -> None:
    assert getattr(tf.compat, function)(value) == expected


@pytest.mark.parametrize(("function", "value"), [("as_bytes", 3), ("as_text", Path("/x")), ("as_str", bytearray(b"q"))])
def test_what_is_no_text(function: str, value: Any) -> None:
    with pytest.raises(TypeError, match="Expected binary or unicode string, got "):
        getattr(tf.compat, function)(value)


def test_version_is_of_the_first_series() -> None:
    assert tf.__version__ == tf.VERSION == tf.version.VERSION
    assert tf.__version__.split(".")[0] == "1"
    assert tf.compat.forward_compatible(2019, 8, 1)
    assert not tf.compat.forward_compatible(2030, 1, 1)
    assert tf.Graph().as_graph_def().versions.producer == tf.GRAPH_DEF_VERSION


def test_kinds_of_numbers() -> None:
    assert isinstance(3, tf.compat.integral_types)
    assert isinstance(0.5, tf.compat.real_types)
    assert isinstance(1j, tf.compat.complex_types)
    assert isinstance("", tf.compat.bytes_or_text_types)


def test_resources_lie_beside_the_caller() -> None:
    here = Path(__file__)
    assert tf.resource_loader.get_data_files_path() == str(here.parent)
    assert tf.resource_loader.get_path_to_datafile(here.name) == str(here)
    assert tf.resource_loader.load_resource(here.name) == here.read_bytes()


def test_messages_have_their_names() -> None:
    config = tf.ConfigProto(allow_soft_placement=True, device_count={"GPU": 0})
    config.gpu_options.allow_growth = True
    config.gpu_options.per_process_gpu_memory_fraction = 0.4
    assert tf.ConfigProto.FromString(config.SerializeToString()) == config
    assert tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE).trace_level == 3
    assert tf.OptimizerOptions.ON_1 == 1
    for name in ("GraphDef", "MetaGraphDef", "GPUOptions", "HistogramProto", "SummaryMetadata", "TensorInfo"):
        assert getattr(tf, name).DESCRIPTOR.full_name == f"tensorflow.{name}"
    for name in ("ClusterDef", "Example", "JobDef", "SaverDef", "SequenceExample", "ServerDef"):
        assert getattr(tf.train, name).DESCRIPTOR.full_name == f"tensorflow.{name}"
