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
@click.option("--tags", "--tag_set", "--saved_model_tags", "tags", metavar="TAGS", help="Tags of the MetaGraph: serve.")
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
@click.option("--force", "--overwrite", "force", is_flag=True, help="Replace a file that exists.")
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
@click.option("--force", "--overwrite", "force", is_flag=True, help="Replace what is at TARGET.")
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


_PAIR = "NEW=OLD"


@click.command(short_help="Change a SavedModel: signatures, tags, parsers in front; prune, strip, freeze.")
@click.argument("source")
@click.argument("target")
@click.option("--tags", "--tag_set", "tags", metavar="TAGS", help="The MetaGraph to change: serve.")
@click.option("--drop-other-meta-graphs", is_flag=True, help="Forget the MetaGraphs of other tags.")
@click.option("--add-signature", metavar="KEY", help="Add a signature of --inputs and --outputs.")
@click.option("--inputs", multiple=True, metavar="ALIAS=TENSOR,...", help="Inputs of the signature to add.")
@click.option("--outputs", multiple=True, metavar="ALIAS=TENSOR,...", help="Its outputs.")
@click.option("--copy-signature", multiple=True, metavar=_PAIR, help="Give a signature a second key.")
@click.option("--rename-signature", multiple=True, metavar=_PAIR, help="Give a signature another key.")
@click.option("--drop-signature", multiple=True, metavar="KEY", help="Forget a signature.")
@click.option("--keep-signature", multiple=True, metavar="KEY", help="Forget all signatures but these.")
@click.option("--signature", default="", metavar="KEY", help="The one that the options below change: serving_default.")
@click.option("--rename-input", multiple=True, metavar=_PAIR, help="Give an input another name.")
@click.option("--rename-output", multiple=True, metavar=_PAIR, help="Give an output another name.")
@click.option("--drop-output", multiple=True, metavar="ALIAS", help="Forget an output.")
@click.option("--method-name", metavar="NAME", help="predict, classify, regress, or any other.")
@click.option("--put-parser", metavar="ALIAS", help="Take serialized tf.Examples as ALIAS instead of the inputs.")
@click.option("--put-decoder", multiple=True, metavar="ALIAS=KIND", help="Take an input as base64, raw or image.")
@click.option("--scale", default=1.0, metavar="NUMBER", help="Multiplies decoded images: 0.00392157 gives 0 to 1.")
@click.option("--as-signature", default="", metavar="KEY", help="With a parser or decoder: a new one beside the old.")
@click.option("--prune", is_flag=True, help="Drop nodes, variables, tables and assets that no signature needs.")
@click.option("--strip-training-nodes", is_flag=True, help="Drop CheckNumerics and needless identities.")
@click.option("--strip-default-attrs", is_flag=True, help="Drop attributes that have their default value.")
@click.option("--clear-devices", is_flag=True, help="Forget the devices that nodes ask for.")
@click.option("--freeze", is_flag=True, help="Make variables constants; prunes too.")
@click.option("--set-tags", metavar="TAGS", help="Other tags for the MetaGraph, comma-separated.")
@click.option("--text", is_flag=True, help="Write saved_model.pbtxt.")
@click.option(
    "--force", "--overwrite", "force", is_flag=True, help="Replace what is at TARGET; it may be SOURCE itself."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def edit(**options: Any) -> None:
    """Change a SavedModel and write it to another folder.

    SOURCE and TARGET are folders. The changes are made in the order of the options below, whatever the order in which
    they are given. NEW=OLD may be given several times.

    \b
    Example:
      noria edit models/m/1 models/m/2 --rename-input image=inputs --prune
      noria edit models/m/1 models/m/2 --keep-signature serving_default --freeze --set-tags serve
      noria edit models/m/1 models/m/2 --add-signature embed --inputs x=x:0 --outputs e=dense/Relu:0
      noria edit models/m/1 models/m/2 --put-parser examples --as-signature parse --method-name predict
    """
    from noria.cli.edit import EditOptions  # brings NumPy and the engine: --help must not wait for them
    from noria.cli.edit import edit as run

    run(EditOptions(**options))


COMMANDS = (freeze, edit, convert)
