"""``noria requests``: TFRecord files of PredictionLog to lines of JSON, or to one such file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import click
from google.protobuf.message import DecodeError

from noria.errors import AlreadyExistsError, DataLossError
from noria.formats import files
from noria.formats.record import RecordWriter, read_records
from noria.protos import serving as pb
from noria.serving.observe.log_json import line


def run_requests(
    paths: Sequence[str], *, limit: int | None, model: str | None, out: str | None, overwrite: bool
) -> None:
    """Prints or copies the first ``limit`` requests for ``model`` in the files at ``paths``, in their order.

    Raises NotFoundError, DataLossError at a record that is damaged or no PredictionLog (those before it are printed),
    AlreadyExistsError for an ``out`` that is there.
    """
    logs = itertools.islice(_logs(paths, model), limit)
    if out is None:
        for log in logs:
            click.echo(line(log), nl=False)
        return
    if files.exists(out) and not overwrite:
        raise AlreadyExistsError(f"{out} is there already; --overwrite replaces it")
    count = _copy(logs, out)
    click.echo(f"{count} requests in {out}")


def _logs(paths: Sequence[str], model: str | None) -> Iterator[pb.PredictionLog]:
    for path in paths:
        for number, record in enumerate(read_records(path)):
            try:
                log = pb.PredictionLog.FromString(record)
            except DecodeError as error:
                raise DataLossError(f"{path}: record {number} is no PredictionLog: {error}") from None
            if model is None or log.log_metadata.model_spec.name == model:
                yield log


def _copy(logs: Iterable[pb.PredictionLog], out: str) -> int:
    count = 0
    with RecordWriter(out) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
            count += 1
    return count
