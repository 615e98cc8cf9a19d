"""Readers: records of files whose names come from a queue. They read where the resources allow it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from noria.errors import InvalidArgumentError
from noria.formats import files
from noria.formats.record import read_records
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._queue import Queue
from noria.ops._strings import string_array
from noria.shapes import Shape

_READERS = ("WholeFileReader", "TextLineReader", "FixedLengthRecordReader", "TFRecordReader", "IdentityReader")
_Records = Iterator[tuple[bytes, bytes]]


def _both(*ops: str) -> tuple[str, ...]:
    return tuple(name for op in ops for name in (op, f"{op}V2"))


class Reader:
    """Goes through the records of one file after the other; ``records`` opens one by its name.

    single: each file is one record, so that it is finished as soon as that is read.
    """

    def __init__(self, records: Callable[[bytes], _Records], *, single: bool = False) -> None:
        self._records = records
        self._single = single
        self._current: _Records | None = None
        self.lock = threading.Lock()
        self.produced = 0
        self.completed = 0

    def read(self, queue: Queue, count: int) -> list[tuple[bytes, bytes]]:
        """Up to ``count`` records, at least one, all of one file; OutOfRangeError when the queue is at its end."""
        with self.lock:
            found: list[tuple[bytes, bytes]] = []
            while not found:
                if self._current is None:
                    (name,) = queue.dequeue(1)[0]
                    self._current = self._records(name.item())
                for record in self._current:
                    found.append(record)
                    if len(found) == count and not self._single:
                        break
                else:
                    self._current = None
                    self.completed += 1
            self.produced += len(found)
            return found

    def reset(self) -> None:
        with self.lock:
            self._current = None
            self.produced = self.completed = 0


def _path(call: KernelCall, name: bytes) -> str:
    return call.resources.check_path(name.decode("utf-8", "surrogateescape"))


def _lines(call: KernelCall, name: bytes) -> _Records:
    content = files.read_bytes(_path(call, name)).replace(b"\r", b"")
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if number > call.integer("skip_header_lines"):
            yield name + b":%d" % number, line


def _fixed(call: KernelCall, name: bytes) -> _Records:
    size, hop = call.integer("record_bytes"), call.integer("hop_bytes")
    content = files.read_bytes(_path(call, name))
    at, end = call.integer("header_bytes"), len(content) - call.integer("footer_bytes")
    number = 0
    while at + size <= end:
        yield name + b":%d" % number, content[at : at + size]
        at += hop or size
        number += 1


def _tf_records(call: KernelCall, name: bytes) -> _Records:
    kind = call.text("compression_type")
    if kind not in ("", "GZIP", "ZLIB"):
        raise InvalidArgumentError(f"unknown compression_type {kind!r}; expected '', 'GZIP' or 'ZLIB'")
    at = 0
    for record in read_records(_path(call, name), kind):  # type: ignore[arg-type]
        yield name + b":%d" % at, record
        at += len(record) + 16


def _whole(call: KernelCall, name: bytes) -> _Records:
    yield name, files.read_bytes(_path(call, name))


def _identity(call: KernelCall, name: bytes) -> _Records:
    yield name, name


_OPEN: dict[str, Callable[[KernelCall, bytes], _Records]] = {
    "WholeFileReader": _whole,
    "TextLineReader": _lines,
    "FixedLengthRecordReader": _fixed,
    "TFRecordReader": _tf_records,
    "IdentityReader": _identity,
}

_SINGLE = frozenset({"WholeFileReader", "IdentityReader"})


@infer(*_both(*_READERS, "ReaderNumRecordsProduced", "ReaderNumWorkUnitsCompleted"))
def _scalar_infer(call: InferCall) -> Sequence[Shape]:
    return [()]


@kernel(*_both(*_READERS))
def _reader(call: KernelCall) -> Reader:
    """The reader of this name."""
    op = call.node.op.removesuffix("V2")
    if op == "FixedLengthRecordReader" and call.integer("record_bytes") <= 0:
        raise InvalidArgumentError(f"record_bytes must be > 0, got {call.integer('record_bytes')}")
    name = call.text("shared_name") or call.name
    return call.resources.get_or_create(
        call.text("container"), name, Reader, lambda: Reader(lambda file: _OPEN[op](call, file), single=op in _SINGLE)
    )


@infer(*_both("ReaderRead"))
def _read_infer(call: InferCall) -> Sequence[Shape]:
    return [(), ()]


@kernel(*_both("ReaderRead"))
def _read(call: KernelCall, reader: Reader, queue: Queue) -> tuple[Array, Array]:
    ((key, value),) = reader.read(queue, 1)
    return string_array([key], ()), string_array([value], ())


@infer(*_both("ReaderReadUpTo"))
def _read_up_to_infer(call: InferCall) -> Sequence[Shape]:
    return [(None,), (None,)]


@kernel(*_both("ReaderReadUpTo"))
def _read_up_to(call: KernelCall, reader: Reader, queue: Queue, num_records: Array) -> tuple[Array, Array]:
    count = int(num_records)
    if count <= 0:
        raise InvalidArgumentError(f"num_records must be positive, got {count}")
    found = reader.read(queue, count)
    return tuple(string_array([r[i] for r in found], (len(found),)) for i in (0, 1))  # type: ignore[return-value]


@kernel(*_both("ReaderNumRecordsProduced"))
def _produced(call: KernelCall, reader: Reader) -> Array:
    return np.array(reader.produced, np.int64)


@kernel(*_both("ReaderNumWorkUnitsCompleted"))
def _completed(call: KernelCall, reader: Reader) -> Array:
    return np.array(reader.completed, np.int64)


@infer(*_both("ReaderReset"))
def _reset_infer(call: InferCall) -> Sequence[Shape]:
    return []


@kernel(*_both("ReaderReset"))
def _reset(call: KernelCall, reader: Reader) -> tuple[()]:
    reader.reset()
    return ()
