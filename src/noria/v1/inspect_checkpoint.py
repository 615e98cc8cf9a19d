"""``inspect_checkpoint``: what a checkpoint holds, as text.

Runs as a command too: ``python -m noria.v1.inspect_checkpoint --file_name=PREFIX``.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from noria.errors import TFError
from noria.v1.checkpoint_files import NewCheckpointReader


def _count_total_params(reader: NewCheckpointReader, count_exclude_pattern: str = "") -> int:
    sizes = {name: math.prod(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    if count_exclude_pattern:
        pattern = re.compile(count_exclude_pattern)
        left_out = [name for name in sizes if pattern.search(name)]
        total = sum(sizes.pop(name) for name in left_out)
        print(f"# Excluding {len(left_out)} tensors ({total} params) that match {count_exclude_pattern} when counting.")
    return sum(sizes.values())


def print_tensors_in_checkpoint_file(
    file_name: str,
    tensor_name: str,
    all_tensors: bool,
    all_tensor_names: bool = False,
    count_exclude_pattern: str = "",
) -> None:
    """Prints the tensors of the checkpoint ``file_name`` (its prefix): one, all, all names, or a line for each.

    The text is TensorFlow's. Errors are printed, not raised.
    """
    try:
        reader = NewCheckpointReader(file_name)
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        if all_tensors or all_tensor_names:
            for name, shape in sorted(shapes.items()):
                print(f"tensor: {name} ({dtypes[name].name}) {shape}")
                if all_tensors:
                    print(reader.get_tensor(name))
        elif not tensor_name:
            print(reader.debug_string().decode("utf-8", errors="ignore"))
        elif not reader.has_tensor(tensor_name):
            print(f"Tensor {tensor_name} not found in checkpoint")
            return
        else:
            print(f"tensor: {tensor_name} ({dtypes[tensor_name].name}) {shapes[tensor_name]}")
            print(reader.get_tensor(tensor_name))
        print(f"# Total number of params: {_count_total_params(reader, count_exclude_pattern)}")
    except TFError as error:
        print(error)
        if any(part in file_name for part in (".index", ".meta", ".data")):
            prefix = file_name.rpartition(".")[0]
            print(
                "\nIt's likely that this is a V2 checkpoint and you need to provide the filename\n*prefix*.  Try "
                f"removing the '.' and extension.  Try:\ninspect checkpoint --file_name = {prefix}"
            )


def _flag(text: str) -> bool:
    return text.lower() == "true"


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="inspect_checkpoint")
    parser.add_argument("--file_name", default="", help="prefix of the checkpoint")
    parser.add_argument("--tensor_name", default="", help="the tensor to print")
    parser.add_argument("--count_exclude_pattern", default="", help="tensors not to count, such as an optimizer's")
    for name in ("--all_tensors", "--all_tensor_names"):
        parser.add_argument(name, nargs="?", const=True, type=_flag, default=False)
    parser.add_argument("--printoptions", nargs="*", default=[], metavar="K=V", help="numpy.set_printoptions(K=V)")
    given = parser.parse_args(argv)
    for option in given.printoptions:
        key, equals, value = option.partition("=")
        known: Any = np.get_printoptions().get(key)
        if not equals or known is None:
            parser.error(f"{option!r} is not K=V of a print option")
        setting: dict[str, Any] = {key: _flag(value) if isinstance(known, bool) else type(known)(value)}
        np.set_printoptions(**setting)
    if not given.file_name:
        print(
            "Usage: inspect_checkpoint --file_name=checkpoint_file_name [--tensor_name=tensor_to_print] "
            "[--all_tensors] [--all_tensor_names] [--count_exclude_pattern] [--printoptions]"
        )
        return 1
    print_tensors_in_checkpoint_file(
        given.file_name, given.tensor_name, given.all_tensors, given.all_tensor_names, given.count_exclude_pattern
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
