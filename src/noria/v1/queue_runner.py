"""``tf.train.QueueRunner``: threads that keep a queue filled, and what starts those of a graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from noria.errors import OutOfRangeError, TFError
from noria.protos.tensorflow import QueueRunnerDef
from noria.v1 import stacks
from noria.v1.collection_protos import register_proto_function
from noria.v1.coordinator import Coordinator
from noria.v1.error_classes import error_code_from_exception_type, exception_type_from_error_code
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.operation import Operation
from noria.v1.session import BaseSession
from noria.v1.tf_logging import error, warning


@export("train.QueueRunner", "train.queue_runner.QueueRunner")
class QueueRunner:
    """Runs each of ``enqueue_ops`` in a thread of its own, until one raises one of queue_closed_exception_types.

    close_op, cancel_op: close the queue at the end, and stop what waits; made where they are left out.
    """

    def __init__(
        self,
        queue: Any = None,
        enqueue_ops: Any = None,
        close_op: Operation | None = None,
        cancel_op: Operation | None = None,
        queue_closed_exception_types: Any = None,
        queue_runner_def: QueueRunnerDef | None = None,
        import_scope: str | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._runs_per_session: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._exceptions_raised: list[BaseException] = []
        if queue_runner_def is not None:
            if queue or enqueue_ops:
                raise ValueError("queue_runner_def and queue are mutually exclusive.")
            self._init_from_proto(queue_runner_def, import_scope)
            return
        if queue is None or not enqueue_ops:
            raise ValueError("Must provide queue and enqueue_ops.")
        self._queue, self._enqueue_ops = queue, enqueue_ops
        self._close_op: Any = close_op
        self._cancel_op: Any = cancel_op
        types = queue_closed_exception_types
        if types is not None and (
            not isinstance(types, tuple) or not types or not all(issubclass(t, TFError) for t in types)
        ):
            raise TypeError(
                f"queue_closed_exception_types, when provided, must be a tuple of tf.error types, but saw: {types}"
            )
        if close_op is None:
            self._close_op = queue.close()
        if cancel_op is None:
            self._cancel_op = queue.close(cancel_pending_enqueues=True)
        self._closed_types: tuple[Any, ...] = types or (OutOfRangeError,)

    def _init_from_proto(self, proto: QueueRunnerDef, import_scope: str | None) -> None:
        graph = get_default_graph()

        def element(name: str) -> Any:
            return graph.as_graph_element(prepend_name_scope(name, import_scope))

        self._queue = element(proto.queue_name)
        self._enqueue_ops = [element(name) for name in proto.enqueue_op_name]
        self._close_op, self._cancel_op = element(proto.close_op_name), element(proto.cancel_op_name)
        types = tuple(exception_type_from_error_code(c) for c in proto.queue_closed_exception_types)
        self._closed_types = types or (OutOfRangeError,)

    @property
    def queue(self) -> Any:
        return self._queue

    @property
    def enqueue_ops(self) -> list[Any]:
        return list(self._enqueue_ops)

    @property
    def close_op(self) -> Any:
        return self._close_op

    @property
    def cancel_op(self) -> Any:
        return self._cancel_op

    @property
    def queue_closed_exception_types(self) -> tuple[Any, ...]:
        return self._closed_types

    @property
    def exceptions_raised(self) -> list[BaseException]:
        """The errors of threads that had no coordinator."""
        return self._exceptions_raised

    @property
    def name(self) -> str:
        """The name of its queue."""
        return str(self._queue.name)

    def create_threads(
        self, sess: Any, coord: Coordinator | None = None, daemon: bool = False, start: bool = False
    ) -> list[threading.Thread]:
        """The threads for one session; none where they run already."""
        with self._lock:
            if self._runs_per_session.get(sess, 0) > 0:
                return []
            self._runs_per_session[sess] = len(self._enqueue_ops)
            self._exceptions_raised = []
        named: list[tuple[str, Callable[..., None], tuple[Any, ...]]] = [
            (f"QueueRunnerThread-{self.name}-{op.name}", self._run, (sess, op, coord)) for op in self._enqueue_ops
        ]
        if coord is not None:
            name = f"QueueRunnerThread-{self.name}-close_on_stop"
            named.append((name, self._close_on_stop, (sess, coord)))
        threads = [threading.Thread(target=f, args=args, name=n, daemon=daemon) for n, f, args in named]
        for thread in threads:
            if coord is not None:
                coord.register_thread(thread)
            if start:
                thread.start()
        return threads

    def _run(self, sess: Any, enqueue_op: Any, coord: Coordinator | None) -> None:
        try:
            enqueue = sess.make_callable(enqueue_op)
            while coord is None or not coord.should_stop():
                try:
                    enqueue()
                except self._closed_types:
                    if self._ended(sess) == 0:
                        _ignoring_errors(sess, self._close_op)
                    return
        except Exception as problem:
            if coord is None:
                error("Exception in QueueRunner: %s", problem)
                with self._lock:
                    self._exceptions_raised.append(problem)
            else:
                coord.request_stop(problem)
        self._ended(sess)

    def _ended(self, sess: Any) -> int:
        with self._lock:
            self._runs_per_session[sess] -= 1
            return self._runs_per_session[sess]

    def _close_on_stop(self, sess: Any, coord: Coordinator) -> None:
        coord.wait_for_stop()
        _ignoring_errors(sess, self._cancel_op)

    def to_proto(self, export_scope: str | None = None) -> QueueRunnerDef | None:
        """The message for a MetaGraph; None when the queue is not in ``export_scope``."""
        if export_scope is not None and not self.name.startswith(export_scope):
            return None
        proto = QueueRunnerDef(queue_name=strip_name_scope(self.name, export_scope))
        proto.enqueue_op_name.extend(strip_name_scope(op.name, export_scope) for op in self._enqueue_ops)
        proto.close_op_name = strip_name_scope(self._close_op.name, export_scope)
        proto.cancel_op_name = strip_name_scope(self._cancel_op.name, export_scope)
        proto.queue_closed_exception_types.extend(error_code_from_exception_type(t) for t in self._closed_types)
        return proto

    @staticmethod
    def from_proto(queue_runner_def: QueueRunnerDef, import_scope: str | None = None) -> QueueRunner:
        """The runner of a message, whose nodes are in the default graph."""
        return QueueRunner(queue_runner_def=queue_runner_def, import_scope=import_scope)


def _ignoring_errors(sess: Any, op: Any) -> None:
    """Runs ``op``; the queue may be closed, and the session too."""
    try:
        sess.run(op)
    except (TFError, RuntimeError) as problem:
        warning("Ignored exception: %s", problem)


def _to_proto(runner: QueueRunner, export_scope: str | None = None) -> QueueRunnerDef | None:
    return runner.to_proto(export_scope)


register_proto_function(GraphKeys.QUEUE_RUNNERS, QueueRunnerDef, _to_proto, QueueRunner.from_proto)


@export("train.add_queue_runner", "train.queue_runner.add_queue_runner")
def add_queue_runner(qr: QueueRunner, collection: str = GraphKeys.QUEUE_RUNNERS) -> None:
    """Lets ``start_queue_runners`` start this runner."""
    get_default_graph().add_to_collection(collection, qr)


@export("train.start_queue_runners", "train.queue_runner.start_queue_runners")
def start_queue_runners(
    sess: Any = None,
    coord: Coordinator | None = None,
    daemon: bool = True,
    start: bool = True,
    collection: str = GraphKeys.QUEUE_RUNNERS,
) -> list[threading.Thread]:
    """Starts the threads of all queue runners of the graph, and gives them.

    Raises ValueError without a session, TypeError for what is none.
    """
    sess = stacks.sessions.top() if sess is None else sess
    if sess is None:
        raise ValueError(
            "Cannot start queue runners: No default session is registered. Use `with sess.as_default()` or pass an "
            "explicit session to tf.start_queue_runners(sess=sess)"
        )
    if not isinstance(sess, BaseSession):
        if type(sess).__name__ in ("MonitoredSession", "SingularMonitoredSession"):
            return []  # it has started them
        raise TypeError(f"sess must be a `tf.Session` object. Given class: {type(sess)}")
    with sess.graph.as_default():
        runners = get_default_graph().get_collection(collection)
        if not runners:
            warning(
                "`tf.train.start_queue_runners()` was called when no queue runners were defined. You can safely remove "
                "the call to this deprecated function."
            )
        return [t for runner in runners for t in runner.create_threads(sess, coord, daemon, start)]
