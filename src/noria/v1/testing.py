"""``tf.test``: test cases with a graph and a session of their own, and what devices there are (one CPU)."""

from __future__ import annotations

import functools
import os
import random
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from noria.v1.asserts import Asserts
from noria.v1.exports import constant, export
from noria.v1.framework import get_default_session
from noria.v1.graph import Graph, get_default_graph, graphs, reset_default_graph
from noria.v1.session import Session

_SEED = 87654321  # TensorFlow's, so that random tests draw the same numbers


@functools.cache
def _temp_dir() -> str:
    """A folder for all tests of the process."""
    given = os.environ.get("TEST_TMPDIR")
    if given:
        os.makedirs(given, exist_ok=True)
        return given
    holder = tempfile.TemporaryDirectory(prefix="noria_test_", ignore_cleanup_errors=True)
    _held.append(holder)
    return holder.name


_held: list[tempfile.TemporaryDirectory[str]] = []


@export("test.TestCase")
class TestCase(Asserts):
    """A unit test that starts with an empty default graph and fixed seeds."""

    __test__ = True

    def __init__(self, methodName: str = "runTest") -> None:
        super().__init__(methodName)
        self._cached_session: Session | None = None
        self._cached_arguments: tuple[Any, ...] = ()
        self._folder: str | None = None

    def setUp(self) -> None:
        """An empty default graph, and seeds as TensorFlow sets them."""
        super().setUp()
        self._forget_session()
        random.seed(_SEED)
        np.random.seed(_SEED)  # programs under test draw from NumPy's global state
        graphs.reset()
        reset_default_graph()
        get_default_graph().seed = _SEED

    def tearDown(self) -> None:
        """Closes the session that the test shared between its blocks."""
        self._forget_session()
        super().tearDown()

    def _forget_session(self) -> None:
        if self._cached_session is not None:
            self._cached_session.close()
            self._cached_session = None

    def get_temp_dir(self) -> str:
        """A folder of this test's own."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(dir=_temp_dir())
        return self._folder

    @contextmanager
    def session(
        self, graph: Graph | None = None, config: Any = None, use_gpu: bool = True, force_gpu: bool = False
    ) -> Iterator[Session]:
        """A new session, the default one within the block."""
        with Session(graph=graph, config=config) as session:
            yield session

    @contextmanager
    def cached_session(
        self, graph: Graph | None = None, config: Any = None, use_gpu: bool = True, force_gpu: bool = False
    ) -> Iterator[Session]:
        """One session for all blocks of the test: its variables stay. ValueError for other arguments than at first."""
        if self._cached_session is None:
            self._cached_session = Session(graph=graph, config=config)
            self._cached_arguments = (graph, config)
        elif self._cached_arguments[0] is not graph or self._cached_arguments[1] is not config:
            raise ValueError(
                "The graph or config used to get the cached session is different than the one that was used to create "
                "the session. Maybe create a new session with self.session()"
            )
        with self._cached_session.graph.as_default(), self._cached_session.as_default():
            yield self._cached_session

    def test_session(
        self, graph: Graph | None = None, config: Any = None, use_gpu: bool = True, force_gpu: bool = False
    ) -> Any:
        """``cached_session`` without a graph, ``session`` with one. As a test of its own it is skipped."""
        if self.id().endswith(".test_session"):
            self.skipTest("Not a test.")
        make = self.cached_session if graph is None else self.session
        return make(graph=graph, config=config, use_gpu=use_gpu, force_gpu=force_gpu)

    def evaluate(self, tensors: Any) -> Any:
        """The values of tensors in the current session, in the test's own where there is none."""
        session = get_default_session() or self._cached_session
        if session is None:
            with self.cached_session() as made:
                return made.run(tensors)
        return session.run(tensors)


@export("test.main")
def main(argv: list[str] | None = None) -> None:
    """Runs the tests of ``__main__`` and ends the program."""
    unittest.main(argv=argv)


@export("test.get_temp_dir")
def get_temp_dir() -> str:
    """A folder for tests to write to, removed when the process ends."""
    return _temp_dir()


@export("test.test_src_dir_path")
def test_src_dir_path(relative_path: str) -> str:
    """A path below the folder of sources that the environment names; beside the program where it names none."""
    top = os.environ.get("TEST_SRCDIR")
    return os.path.join(top, "org_tensorflow/tensorflow", relative_path) if top else os.path.abspath(relative_path)


test_src_dir_path.__test__ = False  # type: ignore[attr-defined]  # pytest would take it for a test


@export("test.is_gpu_available")
def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: tuple[int, int] | None = None) -> bool:
    """False: graphs run on the CPU."""
    return False


@export("test.gpu_device_name")
def gpu_device_name() -> str:
    """Empty: there is no GPU."""
    return ""


@export("test.is_built_with_cuda", "test.is_built_with_rocm")
@export("test.is_built_with_gpu_support", "test.is_built_with_xla")
def is_built_with() -> bool:
    """False."""
    return False


@export("python.client.device_lib.list_local_devices")
def list_local_devices(session_config: Any = None) -> list[SimpleNamespace]:
    """The CPU, as a DeviceAttributes message names it."""
    return [
        SimpleNamespace(
            name="/device:CPU:0", device_type="CPU", memory_limit=268435456, incarnation=1, physical_device_desc=""
        )
    ]


@export("test.assert_equal_graph_def")
def assert_equal_graph_def(actual: Any, expected: Any, checkpoint_v2: bool = False) -> None:
    """Two GraphDefs have the same nodes in any order. AssertionError names the first that differs."""
    nodes = [{node.name: node for node in graph.node} for graph in (actual, expected)]
    for name in sorted({*nodes[0], *nodes[1]}):
        for side, words in ((0, "is not expected"), (1, "is expected and missing")):
            if name not in nodes[1 - side]:
                raise AssertionError(f"node {name!r} {words}")
        if nodes[0][name] != nodes[1][name]:
            raise AssertionError(f"node {name!r} differs: {nodes[0][name]} and expected {nodes[1][name]}")


constant("test.mock", mock)
