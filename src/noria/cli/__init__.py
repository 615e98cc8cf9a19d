"""The command ``noria``: look into a model, run it, serve it.

This module holds the commands' options and help and imports little, so that ``noria --help`` answers at once; what a
command does stands in the module of its name, imported when the command runs.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from noria import __version__
from noria.cli import records, remote, request_logs, writing
from noria.cli.checkpoint import checkpoint
from noria.cli.render import clean
from noria.errors import TFError

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Failure(click.ClickException):
    """An error that a user can act on: one line on stderr, exit status 1."""

    def show(self, file: Any = None) -> None:
        click.echo("error: " + clean(" ".join(self.message.split())), file=file, err=file is None)


class _Commands(click.Group):
    """Turns the errors that Noria and the system raise on purpose into one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here a reader that left is an EPIPE like any other; at exit it would be a traceback
            return result
        except TFError as error:
            raise _Failure(str(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output left: click ends quietly
                raise
            raise _Failure(str(error)) from None
        except MemoryError as error:
            raise _Failure(f"out of memory: {error}") from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if os.environ.get("NORIA_TRACEBACK"):
                raise
            raise _Failure(
                f"internal error, a bug in noria: {type(error).__name__}: {error}; NORIA_TRACEBACK=1 shows where"
            ) from None


def _model_options(function: _Function) -> _Function:
    """The options that name a model and a part of it, in the words of saved_model_cli."""
    for option in reversed(
        (
            click.argument("path", required=False),
            click.option("--dir", "directory", metavar="PATH", help="The same as PATH."),
            click.option(
                "--tag_set", "--tags", "tag_set", metavar="TAGS", help="Tags of the MetaGraph, comma-separated: serve."
            ),
            click.option("--signature_def", metavar="KEY", help="Key of the signature: serving_default."),
            click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        )
    ):
        function = option(function)
    return function


def _path(path: str | None, directory: str | None) -> str:
    if path is not None and directory is not None and path != directory:
        raise click.UsageError(f"two models are given: {path} and --dir {directory}")
    found = path or directory
    if not found:
        raise click.UsageError("no model is given: name its folder, as PATH or with --dir")
    return found


def _spelling(name: str) -> str:
    """TensorFlow's tools write ``--tag_set``, others ``--tag-set``: both are the same here."""
    return name.replace("-", "_")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _spelling})
@click.version_option(__version__, prog_name="noria", message="%(prog)s %(version)s")
def main() -> None:
    """Look into, run and serve TensorFlow models, without TensorFlow."""
    # In this process the engine's pool does the arithmetic. NumPy's own threads would take a third of its import, and
    # later compete with that pool. A program that `exec` runs may use NumPy itself.
    if click.get_current_context().invoked_subcommand != "exec":
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@main.command(short_help="Show what is in a model, and whether it runs here.")
@_model_options
@click.option("--all", "everything", is_flag=True, help="Print everything, of every MetaGraph.")
@click.option("--list_ops", is_flag=True, help="Print the ops that the MetaGraph of --tag_set uses.")
def show(
    path: str | None,
    directory: str | None,
    tag_set: str | None,
    signature_def: str | None,
    as_json: bool,
    everything: bool,
    list_ops: bool,
) -> None:
    """Show what is in a model: tag-sets, signatures, ops, variables, and whether it runs here.

    PATH is the folder of a SavedModel, a frozen graph (.pb, .pbtxt) or a MetaGraph (.meta); any fsspec URL. Without
    options: an overview. With --tag_set: the keys of its signatures. With --signature_def too: inputs, outputs, and
    requests ready to be sent to a server.

    \b
    Example:
      noria show models/half_plus_two/1
      noria show models/half_plus_two/1 --tag_set serve --signature_def serving_default
      noria show models/half_plus_two/1 --all --json
    """
    from noria.cli.show import ShowOptions, show_model  # brings NumPy and the engine: --help must not wait for them

    show_model(
        ShowOptions(
            path=_path(path, directory),
            everything=everything,
            tag_set=tag_set,
            signature_def=signature_def,
            list_ops=list_ops,
            as_json=as_json,
        )
    )


@main.command(short_help="Run a signature and print its outputs.")
@_model_options
@click.option("--inputs", default="", metavar="KEY=FILE[NAME];...", help="Inputs from .npy and .npz files.")
@click.option("--input_exprs", default="", metavar="KEY=EXPR;...", help="Inputs as Python or NumPy expressions.")
@click.option(
    "--input_examples",
    default="",
    metavar="KEY=[{...}];...",
    help="Inputs as lists of tf.train.Example: dicts of lists.",
)
@click.option(
    "--outputs", default="", metavar="KEY,...", help="Compute only these outputs; of a frozen graph: any tensors."
)
@click.option("--outdir", metavar="FOLDER", help="Also write each output to FOLDER/KEY.npy.")
@click.option("--overwrite", is_flag=True, help="Replace output files that exist.")
@click.option("--allow_pickle", is_flag=True, help="Read and write pickled objects; a pickle can run any code.")
@click.option("--strict", is_flag=True, help="Refuse inputs that contradict the signature's declared shapes.")
@click.option(
    "--tf_debug", is_flag=True, help="Print every tensor on the way: dtype, shape, min, max, mean, NaN and Inf, time."
)
def run(path: str | None, directory: str | None, **options: Any) -> None:
    """Run a signature on values from files or from the command line, and print its outputs.

    Later options win where they name the same key: --inputs, --input_exprs, --input_examples. Expressions may use
    literals, arithmetic, indexing and a set of NumPy functions. Without --signature_def: serving_default, or the only
    signature. A graph without signatures is fed and asked by the names of its tensors. JSON writes NaN and Infinity
    as such, and bytes that are not UTF-8 as {"b64": ...}.

    \b
    Example:
      noria run models/half_plus_two/1 --input_exprs 'x=[[1.0], [2.0]]'
      noria run models/image/1 --inputs 'image=cat.npy' --outdir out --overwrite
      noria run models/frozen.pb --input_exprs 'image:0=np.zeros((1, 28, 28))' --outputs 'logits:0'
      noria run models/text/1 --signature_def classify --input_examples 'inputs=[{"age": [22.0]}]'
    """
    from noria.cli.run import RunOptions, run_model  # brings NumPy and the engine: --help must not wait for them

    run_model(RunOptions(path=_path(path, directory), **options))


@main.command(
    short_help="Serve models over REST and gRPC.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> None:
    """Serve models over REST and gRPC, with the flags of TensorFlow Serving.

    \b
    Example:
      noria serve --model_name=half_plus_two --model_base_path=/models/half_plus_two --port=8500 --rest_api_port=8501
    """
    from noria.serving.command import main as serve_main  # the servers and the engine: no other command needs them

    raise SystemExit(serve_main(list(arguments)))


for _command in (*remote.COMMANDS, *records.COMMANDS, *request_logs.COMMANDS, *writing.COMMANDS, checkpoint):
    main.add_command(_command)


@main.command(
    "exec",
    short_help="Run a TensorFlow 1.x program.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("-m", "as_module", is_flag=True, help="PROGRAM is the name of a module.")
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def exec_(program: str, arguments: tuple[str, ...], as_module: bool) -> None:
    """Run an unchanged TensorFlow 1.x program: in it, tensorflow is noria.v1.

    PROGRAM is a file, or a folder with __main__.py; with -m, a module. What follows it is the program's own. The
    status is the program's. NORIA_TRACEBACK=1 shows Noria's frames in tracebacks too.

    \b
    Example:
      noria exec train.py --steps=100
      noria exec -m mypackage.export --out=/models/mine/1
    """
    from noria.cli.exec import run_program  # brings the graph, the engine, all of tf: --help must not wait for them

    raise SystemExit(run_program(program, arguments, as_module=as_module))
