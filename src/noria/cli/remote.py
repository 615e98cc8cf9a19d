"""The commands that ask a server: ``predict``, ``models``. Options and help only, as in the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _server_options(function: _Function) -> _Function:
    for option in reversed(
        (
            click.option("--timeout", type=float, default=60.0, metavar="SECONDS", help="For all of it: 60."),
            click.option("--token", envvar="NORIA_TOKEN", metavar="TOKEN", help="Bearer token; or $NORIA_TOKEN."),
            click.option("--ca", metavar="FILE", help="PEM file of the authorities that a server is believed by."),
            click.option("--cert", metavar="FILE", help="PEM file of the client's certificate."),
            click.option("--key", metavar="FILE", help="PEM file of the client's key."),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        )
    ):
        function = option(function)
    return function


@click.command(short_help="Ask a model server for a prediction.")
@click.argument("url")
@click.argument("model")
@click.option("--version", type=click.IntRange(min=0), metavar="N", help="A version; by default the newest.")
@click.option("--label", metavar="LABEL", help="The version with this label.")
@click.option("--signature_def", "--signature", "signature_def", metavar="KEY", help="The signature: serving_default.")
@click.option("--inputs", default="", metavar="KEY=FILE[NAME];...", help="Inputs from .npy and .npz files.")
@click.option("--input_exprs", default="", metavar="KEY=EXPR;...", help="Inputs as Python or NumPy expressions.")
@click.option(
    "--input_examples",
    default="",
    metavar="KEY=[{...}];...",
    help="Inputs as lists of tf.train.Example: dicts of lists.",
)
@click.option("--outputs", default="", metavar="KEY,...", help="Ask for these outputs only.")
@click.option("--allow_pickle", is_flag=True, help="Read pickled objects; a pickle can run any code.")
@_server_options
def predict(**options: Any) -> None:
    """Ask a server for a prediction, and print the outputs: Noria's server or TensorFlow Serving.

    URL is host:port, grpc://, grpcs:// or unix:/path for gRPC, http:// or https:// for REST. Inputs are given as to
    noria run.

    \b
    Example:
      noria predict localhost:8500 half_plus_two --input_exprs 'x=[[1.0], [2.0]]'
      noria predict http://localhost:8501 image --inputs 'image=cat.npy' --version 3 --json
    """
    from noria.cli.predict import PredictOptions, predict_model  # brings NumPy: --help must not wait for it

    predict_model(PredictOptions(**options))


@click.command(short_help="Show the models of a server, or one of them.")
@click.argument("url")
@click.argument("model", required=False)
@_server_options
def models(model: str | None, **options: Any) -> None:
    """Show the models of a server (Noria's, over REST), or the versions and signatures of one (any server).

    \b
    Example:
      noria models http://localhost:8501
      noria models localhost:8500 half_plus_two
    """
    from noria.cli.predict import ServerOptions, show_models  # as above

    show_models(ServerOptions(**options), model)


COMMANDS = (predict, models)
