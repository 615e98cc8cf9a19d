"""The command that reads request logs: ``requests``. Options and help only, as in the package."""

from __future__ import annotations

import click


@click.command(short_help="Print request logs, or make warm-up files of them.")
@click.argument("files", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N requests; all without it.")
@click.option("--model", metavar="NAME", help="Requests for this model alone.")
@click.option("--out", metavar="FILE", help="Write them to this TFRecord file of PredictionLog instead of printing.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
def requests(files: tuple[str, ...], limit: int | None, model: str | None, out: str | None, overwrite: bool) -> None:
    """Print the requests in FILES, one line of JSON each.

    FILES are request logs as a model's logging_config or --request_log_prefix makes them: TFRecord files of
    tensorflow.serving.PredictionLog. Bytes that are no text stand as {"b64": ...}, NaN and the infinities as null.
    With --out they are copied: so a log becomes a model's warm-up file, which holds at most 1000 requests.

    \b
    Example:
      noria requests /var/log/noria/iris-*.tfrecord --limit 10
      noria requests iris-20261122T072102Z-7-1.tfrecord --limit 100 --out tf_serving_warmup_requests
    """
    from noria.cli.read_logs import run_requests  # brings NumPy and the messages: --help must not wait for them

    run_requests(files, limit=limit, model=model, out=out, overwrite=overwrite)


COMMANDS = (requests,)
