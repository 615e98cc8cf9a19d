"""Queues and readers. The orders of shuffled elements are TensorFlow 2.21's for the same seeds."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.dtypes import DType
from noria.errors import CancelledError, InvalidArgumentError, OutOfRangeError, PermissionDeniedError
from noria.formats.record import RecordWriter
from noria.graph.graph import ShapeAttr
from noria.graph.resources import Resources
from noria.ops._queue import Queue
from noria.ops.readers import Reader
from op_kernel import run_kernel

Array = np.ndarray[Any, np.dtype[Any]]
SCALAR = [ShapeAttr(())]


def queue(op: str = "FIFOQueueV2", types: list[DType] | None = None, **attrs: Any) -> Queue:
    made = run_kernel(op, component_types=types or [dtypes.int32], **{"shapes": SCALAR, **attrs})
    assert isinstance(made, Queue)
    return made


def put(into: Queue, *components: Any) -> None:
    assert run_kernel("QueueEnqueueManyV2", into, *components) == ()


def take(from_: Queue, count: int, op: str = "QueueDequeueManyV2") -> list[Any]:
    return [a.tolist() for a in run_kernel(op, from_, np.array(count, np.int32))]


def filled(*values: int, **attrs: Any) -> Queue:
    made = queue(**attrs)
    put(made, np.array(values, np.int32))
    return made


def test_first_in_first_out() -> None:
    made = queue(types=[dtypes.int32, dtypes.string], shapes=[])
    run_kernel("QueueEnqueueV2", made, np.array([1, 2], np.int32), np.array(b"a", object))
    run_kernel("QueueEnqueueV2", made, np.array(3, np.int32), np.array(b"b", object))
    assert run_kernel("QueueSizeV2", made) == 2
    first = run_kernel("QueueDequeueV2", made)
    assert (first[0].tolist(), first[1].item()) == ([1, 2], b"a")
    with pytest.raises(InvalidArgumentError, match="require the components to have specified shapes"):
        take(made, 1)


def test_what_is_enqueued_is_kept_as_it_was() -> None:
    made = queue(shapes=[ShapeAttr((2,))])
    value = np.array([1, 2], np.int32)
    run_kernel("QueueEnqueueV2", made, value)
    value[:] = 9
    assert run_kernel("QueueDequeueV2", made)[0].tolist() == [1, 2]


def test_batches() -> None:
    made = filled(1, 2, 3, 4, 5)
    assert take(made, 2) == [[1, 2]]
    assert take(made, 0) == [[]]
    run_kernel("QueueCloseV2", made, cancel_pending_enqueues=False)
    assert run_kernel("QueueIsClosedV2", made)
    with pytest.raises(OutOfRangeError, match=r"closed and has insufficient elements \(requested 4, current size 3\)"):
        take(made, 4)
    assert take(made, 4, "QueueDequeueUpToV2") == [[3, 4, 5]]
    with pytest.raises(OutOfRangeError):
        take(made, 4, "QueueDequeueUpToV2")
    with pytest.raises(CancelledError, match="is closed"):
        put(made, np.array([1], np.int32))


@pytest.mark.parametrize(
    ("seed", "least", "wanted", "rest"),
    [(87654321, 0, [1, 2, 0, 4, 8, 6], None), (7, 2, [3, 6, 2, 9, 0, 8], [7, 5, 4, 1])],
)
def test_shuffled(seed: int, least: int, wanted: list[int], rest: list[int] | None) -> None:
    made = filled(*range(10), op="RandomShuffleQueueV2", min_after_dequeue=least, seed=seed, seed2=5, capacity=20)
    assert take(made, 5)[0] + [run_kernel("QueueDequeueV2", made)[0].item()] == wanted
    if rest is not None:
        made.close()
        assert take(made, 9, "QueueDequeueUpToV2") == [rest]


def test_padded_batches() -> None:
    made = queue("PaddingFIFOQueueV2", types=[dtypes.float32], shapes=[ShapeAttr((None, 2))])
    for rows in (1, 2):
        run_kernel("QueueEnqueueV2", made, np.ones((rows, 2), np.float32))
    assert take(made, 2) == [[[[1, 1], [0, 0]], [[1, 1], [1, 1]]]]


def test_by_priority() -> None:
    made = queue("PriorityQueueV2", types=[dtypes.string])
    put(made, np.array([3, 1, 2, 1]), np.array([b"c", b"a", b"b", b"a2"], object))
    assert take(made, 3) == [[1, 1, 2], [b"a", b"a2", b"b"]]


def test_other_shapes_are_refused() -> None:
    made = queue(shapes=[ShapeAttr((2,))])
    with pytest.raises(InvalidArgumentError, match=r"Shape mismatch in tuple component 0. Expected \[2\], got \[3\]"):
        run_kernel("QueueEnqueueV2", made, np.zeros(3, np.int32))
    with pytest.raises(InvalidArgumentError, match="same size in the 0th dimension"):
        put(queue(types=[dtypes.int32] * 2, shapes=SCALAR * 2), np.zeros(3, np.int32), np.zeros(2, np.int32))


def test_queues_are_shared_by_name() -> None:
    resources = Resources()
    attrs: dict[str, Any] = {"component_types": [dtypes.int32], "shapes": SCALAR, "shared_name": "q"}
    attrs["resources"] = resources
    first = run_kernel("FIFOQueueV2", name="a", **attrs)
    assert run_kernel("FIFOQueueV2", name="b", **attrs) is first
    with pytest.raises(InvalidArgumentError, match="Shared queue 'q' is a FIFOQueue"):
        run_kernel("PaddingFIFOQueueV2", name="c", **attrs)


def test_threads_wait_for_room_and_for_elements() -> None:
    made = queue(capacity=2)
    taken: list[int] = []

    def consume() -> None:
        try:
            while True:
                taken.append(run_kernel("QueueDequeueV2", made)[0].item())
        except OutOfRangeError:
            pass

    thread = threading.Thread(target=consume)
    thread.start()
    put(made, np.arange(50, dtype=np.int32))
    made.close()
    thread.join(60)
    assert not thread.is_alive()
    assert taken == list(range(50))


def test_more_than_fits_can_be_asked_for() -> None:
    made = queue(capacity=2)
    thread = threading.Thread(target=put, args=(made, np.arange(6, dtype=np.int32)))
    thread.start()
    assert take(made, 6) == [list(range(6))]
    thread.join(60)
    assert not thread.is_alive()


def test_cancelling_frees_those_who_wait() -> None:
    made = filled(1, 2, capacity=2)
    failed: list[BaseException] = []

    def produce() -> None:
        try:
            put(made, np.array([3], np.int32))
        except CancelledError as error:
            failed.append(error)

    thread = threading.Thread(target=produce)
    thread.start()
    made.close(cancel=True)
    thread.join(60)
    assert not thread.is_alive()
    assert failed


# --- readers


def names(*paths: Path) -> Queue:
    made = queue(types=[dtypes.string])
    put(made, np.array([str(p).encode() for p in paths], object))
    made.close()
    return made


def reader(op: str, folder: Path, **attrs: Any) -> Reader:
    made = run_kernel(op, resources=Resources([str(folder)]), **attrs)
    assert isinstance(made, Reader)
    return made


def everything(from_: Reader, files: Queue) -> list[tuple[str, bytes]]:
    found = []
    try:
        while True:
            key, value = run_kernel("ReaderReadV2", from_, files)
            found.append((key.item().decode().rpartition("/")[2], value.item()))
    except OutOfRangeError:
        return found


def test_lines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"head\r\none\r\n\ntwo")
    (tmp_path / "b").write_bytes(b"only\n")
    (tmp_path / "c").write_bytes(b"head\nthree\n")
    made = reader("TextLineReaderV2", tmp_path, skip_header_lines=1)
    found = everything(made, names(*(tmp_path / n for n in "abc")))
    assert found == [("a:2", b"one"), ("a:3", b""), ("a:4", b"two"), ("c:2", b"three")]
    assert run_kernel("ReaderNumRecordsProducedV2", made) == 4
    assert run_kernel("ReaderNumWorkUnitsCompletedV2", made) == 3
    run_kernel("ReaderResetV2", made)
    assert run_kernel("ReaderNumRecordsProducedV2", made) == 0


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_tf_records(tmp_path: Path, compression: Any) -> None:
    with RecordWriter(tmp_path / "r", compression) as writer:
        for record in (b"abc", b"", b"defg"):
            writer.write(record)
    made = reader("TFRecordReaderV2", tmp_path, compression_type=compression)
    assert everything(made, names(tmp_path / "r")) == [("r:0", b"abc"), ("r:19", b""), ("r:35", b"defg")]


def test_records_of_fixed_length(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"H1234567F")
    attrs = {"header_bytes": 1, "record_bytes": 2, "footer_bytes": 1}
    found = everything(reader("FixedLengthRecordReaderV2", tmp_path, **attrs), names(tmp_path / "f"))
    assert found == [("f:0", b"12"), ("f:1", b"34"), ("f:2", b"56")]
    hopping = everything(reader("FixedLengthRecordReaderV2", tmp_path, hop_bytes=3, **attrs), names(tmp_path / "f"))
    assert hopping == [("f:0", b"12"), ("f:1", b"45")]


def test_several_records_at_once(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\nb\nc\n")
    files = names(tmp_path / "f", tmp_path / "f")
    made = reader("TextLineReaderV2", tmp_path)
    counts = [run_kernel("ReaderReadUpToV2", made, files, np.array(2))[1].tolist() for _ in range(4)]
    assert counts == [[b"a", b"b"], [b"c"], [b"a", b"b"], [b"c"]]


def test_whole_files_and_names(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(gzip.compress(b"x"))
    assert everything(reader("WholeFileReaderV2", tmp_path), names(tmp_path / "w")) == [
        ("w", (tmp_path / "w").read_bytes())
    ]
    ((key, value),) = everything(reader("IdentityReaderV2", tmp_path), names(tmp_path / "w"))
    assert (key, value.decode()) == ("w", str(tmp_path / "w"))


def test_files_outside_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    made = reader("WholeFileReaderV2", tmp_path / "model")
    with pytest.raises(PermissionDeniedError):
        run_kernel("ReaderReadV2", made, names(tmp_path / "secret"))
