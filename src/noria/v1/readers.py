"""``tf.TFRecordReader`` and its kin: read records from the files that a queue names."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.exports import export
from noria.v1.operation import Operation, Tensor
from noria.v1.record_io import TFRecordOptions


@export("ReaderBase")
class ReaderBase:
    """What every reader does."""

    def __init__(self, reader_ref: Tensor, supports_serialize: bool = False) -> None:
        self._reader_ref = reader_ref
        self._supports_serialize = supports_serialize

    @property
    def reader_ref(self) -> Tensor:
        return self._reader_ref

    @property
    def supports_serialize(self) -> bool:
        """Whether its state can be stored."""
        return self._supports_serialize

    def _apply(self, op_type: str, name: str | None, **more: Any) -> Any:
        return apply_op(op_type, name, reader_handle=self._reader_ref, **more)

    def read(self, queue: Any, name: str | None = None) -> Any:
        """The next record as ``(key, value)``; takes a file from ``queue`` when one is finished."""
        return self._apply("ReaderReadV2", name, queue_handle=_ref(queue))

    def read_up_to(self, queue: Any, num_records: Any, name: str | None = None) -> Any:
        """Up to ``num_records`` records as ``(keys, values)``."""
        return self._apply("ReaderReadUpToV2", name, queue_handle=_ref(queue), num_records=num_records)

    def num_records_produced(self, name: str | None = None) -> Tensor:
        found: Tensor = self._apply("ReaderNumRecordsProducedV2", name)
        return found

    def num_work_units_completed(self, name: str | None = None) -> Tensor:
        found: Tensor = self._apply("ReaderNumWorkUnitsCompletedV2", name)
        return found

    def serialize_state(self, name: str | None = None) -> Tensor:
        found: Tensor = self._apply("ReaderSerializeStateV2", name)
        return found

    def restore_state(self, state: Any, name: str | None = None) -> Operation:
        op: Operation = self._apply("ReaderRestoreStateV2", name, state=state)
        return op

    def reset(self, name: str | None = None) -> Operation:
        """The operation that begins anew."""
        op: Operation = self._apply("ReaderResetV2", name)
        return op


def _ref(queue: Any) -> Any:
    return queue if isinstance(queue, Tensor) else queue.queue_ref


@export("WholeFileReader")
class WholeFileReader(ReaderBase):
    """A record is a file: its name and its contents."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(apply_op("WholeFileReaderV2", name), supports_serialize=True)


@export("TextLineReader")
class TextLineReader(ReaderBase):
    """A record is a line without its end."""

    def __init__(self, skip_header_lines: int | None = None, name: str | None = None) -> None:
        super().__init__(apply_op("TextLineReaderV2", name, skip_header_lines=skip_header_lines))


@export("FixedLengthRecordReader")
class FixedLengthRecordReader(ReaderBase):
    """A record is ``record_bytes`` bytes; header and footer of the file are left out. encoding: '' or ZLIB."""

    def __init__(
        self,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        hop_bytes: int | None = None,
        name: str | None = None,
        encoding: str | None = None,
    ) -> None:
        reader = apply_op(
            "FixedLengthRecordReaderV2",
            name,
            record_bytes=record_bytes,
            header_bytes=header_bytes,
            footer_bytes=footer_bytes,
            hop_bytes=hop_bytes,
            encoding=encoding,
        )
        super().__init__(reader)


@export("TFRecordReader")
class TFRecordReader(ReaderBase):
    """A record of a TFRecord file. options: a TFRecordOptions, for the compression."""

    def __init__(self, name: str | None = None, options: Any = None) -> None:
        kind = TFRecordOptions.get_compression_type_string(options)
        super().__init__(apply_op("TFRecordReaderV2", name, compression_type=kind))


@export("IdentityReader")
class IdentityReader(ReaderBase):
    """A record is what the queue holds, as key and as value."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(apply_op("IdentityReaderV2", name), supports_serialize=True)
