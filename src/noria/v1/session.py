"""``tf.Session``: runs parts of a graph, each compiled once; keeps its own variables, tables and queues."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InternalError, TFError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.resources import Resources
from noria.ops._queue import Queue
from noria.protos.tensorflow import GraphDef
from noria.v1 import stacks
from noria.v1.constant import to_numpy
from noria.v1.executor import Executor, Plan
from noria.v1.exports import export
from noria.v1.fetch import Fetches, expand_feed
from noria.v1.graph import Graph, get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.python_calls import py_functions


class BaseSession:
    """What every kind of session does."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f'Argument `graph` must be a tf.Graph, but got "{type(graph).__name__}"')
        if target and not isinstance(target, str | bytes):
            raise TypeError(f'Argument `target` must be a string, but got "{type(target).__name__}"')
        if target:
            raise UnimplementedError(
                f"a session runs in this process; the server {target!r} cannot be used. Leave `target` empty"
            )
        self._graph = get_default_graph() if graph is None else graph
        self._config = config
        self._closed = False
        self._lock = threading.Lock()
        self.resources = Resources.unrestricted(py_functions=py_functions)
        self._executor = Executor(self._graph, self.resources)

    @property
    def graph(self) -> Graph:
        """The graph that this session runs."""
        return self._graph

    @property
    def graph_def(self) -> GraphDef:
        return self._graph.as_graph_def()

    @property
    def sess_str(self) -> str:
        return ""

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Runs what ``fetches`` needs and gives its values in the same structure; None for operations.

        fetches: a tensor, operation, variable or name, or lists, tuples, dicts of them; feed_dict: values by tensor.
        Raises RuntimeError when the session is closed, ValueError and TypeError for wrong fetches and feeds,
        FailedPreconditionError for variables without a value, InvalidArgumentError where an op refuses its inputs.
        """
        self._check_open()
        wanted = Fetches(self._graph, fetches)
        feeds = self._feeds(feed_dict)
        plan = self._executor.plan(tuple(wanted.tensors), tuple(wanted.targets), tuple(feeds), list(feeds.values()))
        return wanted.build(self._run_plan(plan, list(feeds.values())))

    def _run_plan(self, plan: Plan, values: list[Array]) -> list[Any]:
        try:
            return [a[()] if a.ndim == 0 else a for a in plan.run(values)]
        except TFError as error:
            self._attach_op(error)
            raise

    def _attach_op(self, error: TFError) -> None:
        """Tells the user's ``except`` block which operation failed, as TensorFlow's errors do."""
        name = error.node_name or ""
        while name and name not in self._graph._operations:  # reads that a program adds stand below the variable
            name = name.rpartition("/")[0]
        if name and error.op is None:
            error.op = self._graph.get_operation_by_name(name)
            error.node_def = error.op.node_def

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if self._graph.version == 0:
            raise RuntimeError("The Session graph is empty. Add operations to the graph before calling run().")

    def _feeds(self, feed_dict: Any) -> dict[Tensor, Array]:
        """The values to feed by tensor, converted and checked."""
        if not feed_dict:
            return {}
        if not hasattr(feed_dict, "items"):
            raise TypeError(f"feed_dict must be a dictionary of tensors to values, got {type(feed_dict).__name__}")
        found: dict[Tensor, Array] = {}
        for key, value in feed_dict.items():
            for element, part in expand_feed(key, value):
                tensor = self._fed_tensor(element)
                found[tensor] = feed_array(tensor, part)
        return found

    def _fed_tensor(self, key: Any) -> Tensor:
        try:
            tensor = self._graph.as_graph_element(key, allow_operation=False)
        except Exception as error:
            raise TypeError(
                f"Cannot interpret feed_dict key as Tensor: {error.args[0] if error.args else error}"
            ) from None
        assert isinstance(tensor, Tensor)
        if not self._graph.is_feedable(tensor):
            raise ValueError(f"Tensor {tensor} may not be fed.")
        return tensor

    def make_callable(self, fetches: Any, feed_list: Sequence[Any] | None = None, accept_options: bool = False) -> Any:
        """A function that runs ``fetches``; its arguments are the values of ``feed_list``, in order."""
        self._check_open()
        wanted = Fetches(self._graph, fetches)
        tensors = [self._fed_tensor(t) for t in feed_list or ()]
        outputs, targets = tuple(wanted.tensors), tuple(wanted.targets)

        def call(*values: Any, **options: Any) -> Any:
            self._check_open()
            if len(values) != len(tensors):
                raise TypeError(f"expected {len(tensors)} values for the feed list, got {len(values)}")
            arrays = [feed_array(t, v) for t, v in zip(tensors, values, strict=True)]
            plan = self._executor.plan(outputs, targets, tuple(tensors), arrays)
            return wanted.build(self._run_plan(plan, arrays))

        return call

    def partial_run_setup(self, fetches: Any, feeds: Any = None) -> Any:
        """UnimplementedError: a run is one whole."""
        raise UnimplementedError("partial_run is not available; run the parts with Session.run and feed what is known")

    def partial_run(self, handle: Any, fetches: Any, feed_dict: Any = None) -> Any:
        """UnimplementedError: a run is one whole."""
        return self.partial_run_setup(fetches)

    def list_devices(self) -> list[Any]:
        """The one device there is: the CPU."""
        return [Device("/job:localhost/replica:0/task:0/device:CPU:0", "CPU", 0)]

    def close(self) -> None:
        """Frees the variables and compiled programs; the session cannot be used any more.

        Its queues are closed too, so that runs in other threads that wait for them end.
        """
        with self._lock:
            self._closed = True
            for queue in self.resources.of_kind(Queue):
                queue.close(cancel=True)
            self._executor.clear()
            self.resources = Resources.unrestricted(py_functions=py_functions)

    def as_default(self) -> Any:
        """A block in which this session is the default: ``tensor.eval()`` uses it."""
        return stacks.sessions.put(self)


class Device:
    """A device as ``list_devices`` shows it."""

    def __init__(self, name: str, device_type: str, memory_limit_bytes: int) -> None:
        self.name = name
        self.device_type = device_type
        self.memory_limit_bytes = memory_limit_bytes
        self.incarnation = 0


@export("Session")
class Session(BaseSession):
    """Runs a graph. In a ``with`` block it and its graph are the defaults, and it is closed at the end."""

    _default: Any = None

    def __enter__(self) -> Session:
        self._default = self._both_defaults()
        self._default.__enter__()
        return self

    @contextmanager
    def _both_defaults(self) -> Iterator[None]:
        with self.graph.as_default(), self.as_default():
            yield

    def __exit__(self, *error: Any) -> None:
        try:
            self._default.__exit__(*error)
        finally:
            self.close()

    @staticmethod
    def reset(target: str, containers: Any = None, config: Any = None) -> None:
        """UnimplementedError: containers of other sessions are their own."""
        raise UnimplementedError("Session.reset clears a server's containers; sessions here share nothing")


@export("InteractiveSession")
class InteractiveSession(BaseSession):
    """A session that is the default one from the moment it is made until ``close``."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self._blocks: list[Any] = [self._graph.as_default()] if graph is not None else []
        self._blocks.append(self.as_default())
        stacks.sessions.enforce_nesting = False
        for block in self._blocks:
            block.__enter__()

    def close(self) -> None:
        super().close()
        while self._blocks:
            self._blocks.pop().__exit__(None, None, None)


def feed_array(tensor: Tensor, value: Any) -> Array:
    """``value`` as an array of the tensor's dtype; TypeError and ValueError when it does not fit."""
    if isinstance(value, Tensor | Operation):
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, "
            f"lists, numpy ndarrays, or TensorHandles. For reference, the tensor object was {value} which was passed "
            f"to the argument `feed_dict` with key {tensor}."
        )
    wanted = tensor.dtype.core.numpy
    if type(value) is np.ndarray and value.dtype == wanted and not wanted.hasobject:
        array = value
    elif wanted.hasobject:
        array = _strings(value) if tensor.dtype.core.name == "string" else np.asarray(value, object)
    else:
        if isinstance(value, int) and not isinstance(value, bool) and wanted.kind in "iu" and not _fits(value, wanted):
            raise TypeError(
                f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type {wanted.type}. "
                "Try explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
            )
        array = _cast(value, wanted)
    shape = tensor.info.shape
    if shape is not None and not shapes.compatible(array.shape, shape):
        raise ValueError(
            f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name}, which has shape {tensor.shape}"
        )
    return array


def _fits(value: int, dtype: np.dtype[Any]) -> bool:
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max)


def _cast(value: Any, dtype: np.dtype[Any]) -> Array:
    try:
        return np.asarray(value, dtype=dtype)
    except OverflowError:  # numbers in lists wrap around, as those in arrays do and as NumPy 1 had it
        return np.asarray(value).astype(dtype)


def _strings(value: Any) -> Array:
    found = to_numpy(np.asarray(value, object) if isinstance(value, list | tuple) else value, None)
    if not found.dtype.hasobject:
        kind = type(found.flat[0].item()).__name__ if found.size else found.dtype.name
        raise InternalError(f"Unsupported object type {kind}: a string tensor is fed with str or bytes")
    return found
