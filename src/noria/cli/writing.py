"""The commands that write models: ``freeze``, ``edit``, ``convert``. Options and help only, as in the package."""

from __future__ import annotations

from typing import Any

import click


@click.command(short_help="Make one frozen graph of a model: variables become constants.")
@click.argument("path", required=False)
@click.option("--input_saved_model_dir", metavar="FOLDER", help="The same as PATH.")
@click.option("--input_meta_graph", metavar="FILE", help="The same as PATH, of a .meta file.")
@click.option(
    "--input_graph", metavar="FILE", help="The same as PATH, of a GraphDef; --input_checkpoint gives its values."
)
@click.option("--input_checkpoint", "checkpoint", metavar="PREFIX", help="Take the variables from this checkpoint.")
@click.option("-o", "--output", "--output_graph", "output", metavar="FILE", required=True, help="The file to write.")
@click.option(
    "--output_node_names",
    "--output-node-names",
    "output_nodes",
    default="",
    metavar="NODE,...",
    help="The outputs; by default those of the signature.",
)
@click.option("--signature", metavar="KEY", help="Cut the graph to this signature: serving_default.")
@click.option("--saved_model_tags", "--tag_set", "tags", metavar="TAGS", help="Tags of the MetaGraph: serve.")
@click.option(
    "--initializer_nodes", metavar="NODE,...", help="Nodes that fill tables, to keep; by default the model's."
)
@click.option(
    "--variable_names_whitelist",
    "--variable-names-whitelist",
    "whitelist",
    default="",
    metavar="NODE,...",
    help="Convert only these variables.",
)
@click.option(
    "--variable_names_blacklist",
    "--variable-names-blacklist",
    "blacklist",
    default="",
    metavar="NODE,...",
    help="Leave these variables.",
)
@click.option("--clear_devices", type=bool, default=True, is_flag=False, flag_value=True, help="Forget devices: true.")
@click.option("--text/--binary", default=None, help="Text form; by default as the file's ending says (.pbtxt).")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def freeze(
    path: str | None,
    input_saved_model_dir: str | None,
    input_meta_graph: str | None,
    input_graph: str | None,
    **options: Any,
) -> None:
    """Make one frozen graph of a model: its variables become constants, its nodes keep their names.

    PATH is the folder of a SavedModel, a MetaGraph (.meta) with its checkpoint, or with --input_checkpoint a GraphDef.
    The graph is cut to its outputs. Understands the options of TensorFlow's freeze_graph.

    \b
    Example:
      noria freeze models/half_plus_two/1 -o half_plus_two.pb
      noria freeze train/model.ckpt-200.meta --output_node_names logits -o model.pb
      noria freeze --input_graph graph.pbtxt --input_checkpoint train/model.ckpt-200 --output_node_names y -o model.pb
    """
    from noria.cli.freeze import FreezeOptions, first_given  # brings NumPy: --help must not wait for it
    from noria.cli.freeze import freeze as run

    names = ["PATH", "--input_saved_model_dir", "--input_meta_graph", "--input_graph"]
    found = first_given(names, [path, input_saved_model_dir, input_meta_graph, input_graph])
    run(FreezeOptions(path=found, **options))


@click.command(short_help="Convert between SavedModel, frozen graph, MetaGraph, tfjs and ONNX.")
@click.argument("source")
@click.argument("target")
@click.option("--signature", default="", metavar="KEY", help="The signature to convert, or to make: serving_default.")
@click.option("--tags", "--tag_set", "tags", metavar="TAGS", help="Tags of the MetaGraph: serve.")
@click.option("--inputs", multiple=True, metavar="[KEY=]TENSOR,...", help="Inputs of a graph without signatures.")
@click.option("--outputs", multiple=True, metavar="[KEY=]TENSOR,...", help="Its outputs.")
@click.option("--from", "source_kind", default="", metavar="KIND", help="Kind of SOURCE, when its name does not tell.")
@click.option("--to", "target_kind", default="", metavar="KIND", help="Kind of TARGET, when its name does not tell.")
@click.option("--no-check", is_flag=True, help="Do not run the result against the source on random input.")
@click.option("--seed", default=0, metavar="NUMBER", help="Of the random input.")
@click.option("--force", is_flag=True, help="Replace what is at TARGET.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def convert(**options: Any) -> None:
    """Convert a model: SOURCE is read, TARGET is written, and both are run on the same random input.

    Kinds: saved_model (a folder), frozen (.pb, .pbtxt), onnx (.onnx); to read only: meta (.meta with its checkpoint),
    tfjs (a folder with model.json), keras (.h5, .keras). What has no counterpart in the target is listed, and nothing
    is written then.

    \b
    Example:
      noria convert models/image/1 image.onnx
      noria convert frozen.pb models/frozen/1 --inputs x=input:0 --outputs y=logits:0
      noria convert train/model.ckpt-200.meta models/trained/1
    """
    from noria.cli.convert import ConvertOptions  # brings NumPy and the engine: --help must not wait for them
    from noria.cli.convert import convert as run

    run(ConvertOptions(**options))


COMMANDS = (freeze, convert)
