"""``tf.summary.FileWriter``: event files as TensorBoard reads them, and ``tf.train.summary_iterator``.

An event file is a file of records (``noria.formats.record``), each an ``Event``; the first carries the file's version.
Its name is ``events.out.tfevents.SECONDS.HOST`` and a suffix.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from noria.formats import files, record
from noria.protos.tensorflow import (
    Event,
    GraphDef,
    MetaGraphDef,
    RunMetadata,
    SessionLog,
    Summary,
    TaggedRunMetadata,
)
from noria.v1 import file_io
from noria.v1.exports import export
from noria.v1.file_systems import explained, place
from noria.v1.graph import get_default_graph


class _EventFile:
    """A new event file in a folder; the system gets what was added every ``flush_secs`` or ``max_queue`` events."""

    def __init__(self, folder: str, max_queue: int, flush_secs: float, suffix: str) -> None:
        file_io.make_dirs(folder)
        stem = files.join(folder, f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}")
        path, count = stem + suffix, 0
        while file_io.exists(path):  # another writer of the same second
            count += 1
            path = f"{stem}.{count}{suffix}"
        self._path, self._max_queue, self._flush_secs = path, max_queue, flush_secs
        self._lock = threading.Lock()
        self._waiting, self._flushed = 0, time.monotonic()
        with explained(path):
            system, inner = place(path)
            self._file: IO[bytes] = system.open(inner, "wb")
        self.add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()

    def add(self, event: Event) -> None:
        """Append one event."""
        with self._lock, explained(self._path):
            self._file.write(record.encode_record(event.SerializeToString()))
            self._waiting += 1
            due = time.monotonic() - self._flushed >= self._flush_secs or self._waiting >= self._max_queue
        if due:
            self.flush()

    def flush(self) -> None:
        """Hand what was added to the system."""
        with self._lock, explained(self._path):
            self._file.flush()
            self._waiting, self._flushed = 0, time.monotonic()

    def close(self) -> None:
        """End the file."""
        with self._lock, explained(self._path):
            self._file.close()


@export("summary.FileWriter", "train.SummaryWriter")
class FileWriter:
    """Writes summaries, graphs and other events to a new event file in ``logdir``.

    graph: written at once, as GraphDef and as MetaGraphDef; graph_def is its older form. max_queue, flush_secs: how
    many events, and for how long, may wait before the system gets them. filename_suffix: ends the file's name.
    """

    _file: _EventFile | None = None

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        graph: Any = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        graph_def: GraphDef | None = None,
        filename_suffix: str | None = None,
        session: Any = None,
    ) -> None:
        self._logdir = os.fspath(logdir)
        self._how = (max_queue, flush_secs, filename_suffix or "")
        self._tags: set[str] = set()
        self._run_tags: set[str] = set()
        self._file = _EventFile(self._logdir, *self._how)
        if session is not None and graph is None and graph_def is None:
            graph = session.graph
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)
            self.add_meta_graph(MetaGraphDef(graph_def=_graph_def(graph, graph_def)))

    def get_logdir(self) -> str:
        """The folder of the file."""
        return self._logdir

    def add_event(self, event: Event) -> None:
        """Adds an event as it is; nothing after ``close``."""
        if self._file is not None:
            self._file.add(event)

    def _add(self, event: Event, step: Any) -> None:
        event.wall_time = time.time()
        if step is not None:
            event.step = int(step)
        self.add_event(event)

    def add_summary(self, summary: Summary | bytes, global_step: Any = None) -> None:
        """Adds a Summary, or its bytes as a summary op gives them; a tag's metadata is written once."""
        message = Summary()
        message.MergeFromString(summary if isinstance(summary, bytes) else summary.SerializeToString())
        for value in message.value:
            if value.HasField("metadata") and value.tag in self._tags:
                value.ClearField("metadata")
            self._tags.add(value.tag)
        self._add(Event(summary=message), global_step)

    def add_session_log(self, session_log: SessionLog, global_step: Any = None) -> None:
        """Adds that a session started, stopped or wrote a checkpoint."""
        self._add(Event(session_log=session_log), global_step)

    def add_graph(self, graph: Any, global_step: Any = None, graph_def: GraphDef | None = None) -> None:
        """Adds a graph. Raises ValueError when both forms are given, TypeError when neither is."""
        if graph is not None and graph_def is not None:
            raise ValueError("Please pass only graph, or graph_def (deprecated), but not both.")
        self._add(Event(graph_def=_graph_def(graph, graph_def).SerializeToString()), global_step)

    def add_meta_graph(self, meta_graph_def: MetaGraphDef, global_step: Any = None) -> None:
        """Adds a MetaGraphDef. Raises TypeError for anything else."""
        if not isinstance(meta_graph_def, MetaGraphDef):
            raise TypeError(f"meta_graph_def must be type MetaGraphDef, saw type: {type(meta_graph_def)}")
        self._add(Event(meta_graph_def=meta_graph_def.SerializeToString()), global_step)

    def add_run_metadata(self, run_metadata: RunMetadata, tag: str, global_step: Any = None) -> None:
        """Adds what one ``run`` recorded, once under a tag. Raises ValueError for a tag that was used."""
        if tag in self._run_tags:
            raise ValueError("The provided tag was already used for this event type")
        self._run_tags.add(tag)
        tagged = TaggedRunMetadata(tag=tag, run_metadata=run_metadata.SerializeToString())
        self._add(Event(tagged_run_metadata=tagged), global_step)

    def flush(self) -> None:
        """Hands what was added to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def reopen(self) -> None:
        """After ``close``: goes on in a new file; otherwise does nothing."""
        if self._file is None:
            self._file = _EventFile(self._logdir, *self._how)

    def __del__(self) -> None:  # many programs never close; what they wrote must not be lost
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _graph_def(graph: Any, graph_def: GraphDef | None) -> GraphDef:
    given: Any
    for given in (graph, graph_def):
        if isinstance(given, GraphDef):
            return given
        if hasattr(given, "as_graph_def"):
            made: GraphDef = given.as_graph_def(add_shapes=True)
            return made
    raise TypeError("The passed graph must be an instance of `Graph` or the deprecated `GraphDef`")


@export("summary.FileWriterCache")
class FileWriterCache:
    """One FileWriter for each folder."""

    _cache: ClassVar[dict[str, FileWriter]] = {}
    _lock: ClassVar[threading.RLock] = threading.RLock()

    @staticmethod
    def clear() -> None:
        """Forgets all writers."""
        with FileWriterCache._lock:
            FileWriterCache._cache = {}

    @staticmethod
    def get(logdir: str) -> FileWriter:
        """The writer of a folder, made when it is first asked for; it writes the default graph."""
        with FileWriterCache._lock:
            if logdir not in FileWriterCache._cache:
                FileWriterCache._cache[logdir] = FileWriter(logdir, graph=get_default_graph())
            return FileWriterCache._cache[logdir]


@export("train.summary_iterator")
def summary_iterator(path: str | os.PathLike[str]) -> Iterator[Event]:
    """The events of a file, in order. Raises NotFoundError, and DataLossError at a damaged record."""
    return (Event.FromString(data) for data in record.read_records(os.fspath(path), ""))
