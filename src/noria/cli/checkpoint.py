"""``noria checkpoint``: the commands that look into checkpoints and make new ones. Options and help only."""

from __future__ import annotations

import click

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_overwrite = click.option("--force", "--overwrite", "overwrite", is_flag=True, help="Replace what stands there.")
_patterns = click.argument("patterns", nargs=-1, metavar="[PATTERN]...")


@click.group(short_help="List, show, compare, check, convert, rename, merge and prune checkpoints.")
def checkpoint() -> None:
    """Look into checkpoints and make new ones.

    PATH is a checkpoint's prefix (train/model.ckpt-100), a folder with a checkpoint file (its latest), a SavedModel's
    folder, an .npz or .safetensors file, or a folder that export wrote. PATTERN is a regular expression that is found
    in a tensor's name.

    \b
    Example:
      noria checkpoint ls train
      noria checkpoint verify train/model.ckpt-100
    """


@checkpoint.command("ls", short_help="List tensors: dtypes, shapes, sizes.")
@click.argument("path")
@_patterns
@click.option("--by_size", is_flag=True, help="Largest first.")
@_json
def list_(path: str, patterns: tuple[str, ...], by_size: bool, as_json: bool) -> None:
    """List the tensors of PATH: names, dtypes, shapes, sizes.

    \b
    Example:
      noria checkpoint ls train
      noria checkpoint ls train/model.ckpt-100 dense --by_size
    """
    from noria.cli.checkpoint_read import list_tensors  # brings NumPy: --help must not wait for it

    list_tensors(path, patterns, by_size=by_size, as_json=as_json)


@checkpoint.command(short_help="Show statistics, checksums and values of tensors.")
@click.argument("path")
@_patterns
@click.option("--values", default=0, metavar="N", type=click.IntRange(0), help="Print the first N values of each: 0.")
@_json
def show(path: str, patterns: tuple[str, ...], values: int, as_json: bool) -> None:
    """Show the tensors of PATH: range, mean, deviation, zeros, NaN, histogram, crc32c, first values.

    \b
    Example:
      noria checkpoint show train/model.ckpt-100 kernel --values 8
    """
    from noria.cli.checkpoint_read import show_tensors  # as above

    show_tensors(path, patterns, values=values, as_json=as_json)


@checkpoint.command(short_help="Compare two checkpoints.")
@click.argument("path")
@click.argument("other")
@_patterns
@click.option("--tolerance", default=0.0, metavar="X", help="Take values that differ by at most X as equal: 0.")
@_json
def diff(path: str, other: str, patterns: tuple[str, ...], tolerance: float, as_json: bool) -> None:
    """Compare PATH with OTHER: names, dtypes, shapes, values. The exit status is 1 when they differ.

    \b
    Example:
      noria checkpoint diff train/model.ckpt-100 train/model.ckpt-200
    """
    from noria.cli.checkpoint_read import diff as run  # as above

    if run(path, other, patterns, tolerance=tolerance, as_json=as_json):
        raise SystemExit(1)


@checkpoint.command(short_help="Check every checksum; tell which tensors are damaged.")
@click.argument("path")
@_json
def verify(path: str, as_json: bool) -> None:
    """Read all of PATH and check every checksum. The exit status is 1 when a tensor is damaged.

    \b
    Example:
      noria checkpoint verify train
    """
    from noria.cli.checkpoint_read import verify as run  # as above

    if not run(path, as_json=as_json):
        raise SystemExit(1)


@checkpoint.command(short_help="Write tensors as .npz, .safetensors, .npy or text files.")
@click.argument("path")
@click.argument("target")
@_patterns
@click.option(
    "--format",
    "form",
    type=click.Choice(["npz", "safetensors", "npy", "text"]),
    help="By default what the ending of TARGET says, else npy.",
)
@_overwrite
def export(path: str, target: str, patterns: tuple[str, ...], form: str | None, overwrite: bool) -> None:
    """Write the tensors of PATH to TARGET: a file, or for npy and text a folder with a file for each tensor.

    \b
    Example:
      noria checkpoint export train weights.safetensors
      noria checkpoint export train/model.ckpt-100 kernels kernel --format npy
    """
    from noria.cli.checkpoint_write import export as run  # as above

    run(path, target, patterns, form=form, overwrite=overwrite)


@checkpoint.command("import", short_help="Make a checkpoint of .npz, .safetensors or exported files.")
@click.argument("path")
@click.argument("prefix")
@_patterns
@_overwrite
def import_(path: str, prefix: str, patterns: tuple[str, ...], overwrite: bool) -> None:
    """Make the checkpoint PREFIX of the arrays in PATH.

    \b
    Example:
      noria checkpoint import weights.safetensors new/model.ckpt-0
    """
    from noria.cli.checkpoint_write import import_tensors  # as above

    import_tensors(path, prefix, patterns, overwrite=overwrite)


@checkpoint.command(short_help="Give tensors other names.")
@click.argument("path")
@click.argument("prefix")
@click.option(
    "--regex", "rules", nargs=2, multiple=True, metavar="PATTERN REPLACEMENT", help="Replace PATTERN in every name."
)
@click.option("--map", "mapping", metavar="FILE", help="A JSON object of old names to new ones; comes first.")
@_overwrite
def rename(path: str, prefix: str, rules: tuple[tuple[str, str], ...], mapping: str | None, overwrite: bool) -> None:
    """Write PATH as the checkpoint PREFIX with other names. Rules are applied one after the other.

    \b
    Example:
      noria checkpoint rename train new/model.ckpt-0 --regex '^old_scope/' 'scope/' --regex 'weights$' kernel
    """
    from noria.cli.checkpoint_write import rename as run  # as above

    run(path, prefix, rules, mapping, overwrite=overwrite)


@checkpoint.command(short_help="Make one checkpoint of several.")
@click.argument("prefix")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--same_name",
    type=click.Choice(["error", "first", "last"]),
    default="error",
    help="Which PATH's tensor stays where several have one of a name: error.",
)
@_overwrite
def merge(prefix: str, paths: tuple[str, ...], same_name: str, overwrite: bool) -> None:
    """Make the checkpoint PREFIX of all tensors of the PATHs, which stay as they are.

    \b
    Example:
      noria checkpoint merge both/model.ckpt encoder/model.ckpt-10 decoder/model.ckpt-20
    """
    from noria.cli.checkpoint_write import merge as run  # as above

    run(prefix, paths, same_name=same_name, overwrite=overwrite)


@checkpoint.command(short_help="Leave tensors out, such as an optimizer's.")
@click.argument("path")
@click.argument("prefix")
@click.option("--keep", multiple=True, metavar="PATTERN", help="Keep only tensors with PATTERN in their names.")
@click.option("--drop", multiple=True, metavar="PATTERN", help="Leave out tensors with PATTERN in their names.")
@click.option("--optimizer", is_flag=True, help="Leave out what optimizers keep beside the weights.")
@_overwrite
def prune(
    path: str, prefix: str, keep: tuple[str, ...], drop: tuple[str, ...], optimizer: bool, overwrite: bool
) -> None:
    """Write PATH as the checkpoint PREFIX without some of its tensors.

    \b
    Example:
      noria checkpoint prune train small/model.ckpt-0 --optimizer --drop global_step
    """
    from noria.cli.checkpoint_write import prune as run  # as above

    run(path, prefix, keep, drop, optimizer=optimizer, overwrite=overwrite)
