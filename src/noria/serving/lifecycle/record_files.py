"""Files of recorded requests in a SavedModel's ``assets.extra``: warm-up requests, and golden ones with their answers.

Both are TFRecord files of ``tensorflow.serving.PredictionLog``, at most 1000 records each.

    assets.extra/tf_serving_warmup_requests   replayed before the version serves
    assets.extra/noria_golden_requests        with responses: the version must answer the same
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from google.protobuf.message import DecodeError

from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import files
from noria.formats.record import RecordWriter, read_records
from noria.protos.serving import PredictionLog

EXTRA: Final = "assets.extra"
WARMUP: Final = "tf_serving_warmup_requests"
GOLDEN: Final = "noria_golden_requests"
MAX_RECORDS: Final = 1000


def path_of(model_dir: str, name: str) -> str:
    """Where the file called ``name`` of a SavedModel lies."""
    return files.join(model_dir, EXTRA, name)


def read(path: str) -> Iterator[PredictionLog]:
    """The records of the file at ``path``; none when there is no such file.

    Raises DataLossError when it is no TFRecord file or a record is no PredictionLog, InvalidArgumentError at the
    1001st record.
    """
    if not files.exists(path):
        return
    for number, record in enumerate(read_records(path, ""), start=1):
        if number > MAX_RECORDS:
            raise InvalidArgumentError(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
        try:
            yield PredictionLog.FromString(record)
        except DecodeError as error:
            raise DataLossError(f"Failed to parse warmup record: {record[:40]!r} from {path}: {error}") from None


def write(path: str, logs: Iterable[PredictionLog]) -> int:
    """Writes the file at ``path`` whole or not at all; returns the number of records.

    Raises InvalidArgumentError, and writes nothing, for more than 1000.
    """
    with RecordWriter(path) as writer:
        count = 0
        for log in logs:
            count += 1
            if count > MAX_RECORDS:
                raise InvalidArgumentError(f"{path}: a file of recorded requests holds at most {MAX_RECORDS}")
            writer.write(log.SerializeToString())
    return count
