"""The command that writes recorded requests into a model: ``warmup``. Options and help only, as in the package."""

from __future__ import annotations

import click


@click.command(short_help="Put warm-up or golden requests into a SavedModel.")
@click.argument("path")
@click.option(
    "--requests", metavar="FILE", help="JSON bodies as REST takes them: one, a list, or one a line; - is stdin."
)
@click.option("--golden", is_flag=True, help="Record the model's answers too: later versions must answer the same.")
@click.option("--tag_set", "--tags", "tag_set", metavar="TAGS", help="Tags of the MetaGraph, comma-separated: serve.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def warmup(path: str, requests: str | None, golden: bool, tag_set: str | None, force: bool) -> None:
    """Put requests into the SavedModel at PATH, each of which is run first.

    Warm-up requests (assets.extra/tf_serving_warmup_requests) are replayed before a version serves, by noria serve and
    by TensorFlow Serving. With --golden they go, with the model's answers, to assets.extra/noria_golden_requests: copy
    that file into the next version, and noria serve refuses it when it answers otherwise. Without --requests: what is
    there.

    \b
    Example:
      noria warmup models/half_plus_two/1 --requests requests.json
      echo '{"instances": [[1.0], [2.0]]}' | noria warmup models/half_plus_two/1 --requests - --force
      noria warmup models/half_plus_two/1 --requests requests.json --golden
      noria warmup models/half_plus_two/1
    """
    from noria.cli.warmup import WarmupOptions, run_warmup  # brings NumPy and the engine: --help must not wait for them

    run_warmup(WarmupOptions(path, requests, golden=golden, tags=tag_set, force=force))


COMMANDS = (warmup,)
