"""``tf.contrib.framework.assign_from_checkpoint``: some variables take values from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from noria.graph.graph import Array
from noria.v1.checkpoint_files import load_checkpoint
from noria.v1.exports import export
from noria.v1.operation import Operation, Tensor
from noria.v1.placeholder import placeholder
from noria.v1.saver import Saver
from noria.v1.tf_logging import warning
from noria.v1.variable_lists import group


def _grouped(var_list: Any) -> dict[str, list[Any]]:
    """Variables by the name they have in a checkpoint; the parts of a partitioned one stand under the name of all."""
    if isinstance(var_list, Mapping):
        return {name: list(v) if isinstance(v, list | tuple) else [v] for name, v in var_list.items()}
    found: dict[str, list[Any]] = {}
    for variable in var_list:
        info = variable._save_slice_info
        found.setdefault(variable.op.name if info is None else info.full_name, []).append(variable)
    return found


@export("contrib.framework.assign_from_checkpoint", "contrib.slim.assign_from_checkpoint")
def assign_from_checkpoint(
    model_path: Any, var_list: Any, ignore_missing_vars: bool = False
) -> tuple[Operation, dict[Tensor, Array]]:
    """An operation that gives variables the values of a checkpoint, and what to feed it.

    var_list: variables, or a dictionary from names in the checkpoint to variables (or their parts).
    Raises ValueError for one that the checkpoint does not hold, unless those are to be ignored, or of another shape.
    """
    reader = load_checkpoint(model_path)
    feeds: dict[Tensor, Array] = {}
    assigns: list[Operation] = []
    for name, variables in _grouped(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise ValueError(f"Checkpoint is missing variable [{name}]")
            warning("Checkpoint is missing variable [%s]", name)
            continue
        stored: Array = reader.get_tensor(name)
        for variable in variables:
            info = variable._save_slice_info
            value = stored
            if info is not None:
                ranges = zip(info.var_offset, info.var_shape, strict=True)
                value = stored[tuple(slice(o, o + s) for o, s in ranges)]
            if not variable.shape.is_compatible_with(value.shape):
                raise ValueError(
                    f"Total size of new array must be unchanged for {name} lh_shape: [{value.shape}], "
                    f"rh_shape: [{variable.shape}]"
                )
            given = placeholder(variable.dtype.base_dtype, variable.shape, f"placeholder_for_{variable.op.name}")
            assigns.append(variable.assign(given).op)
            feeds[given] = value
    return group(assigns, "group_deps"), feeds


@export("contrib.framework.assign_from_checkpoint_fn", "contrib.slim.assign_from_checkpoint_fn")
def assign_from_checkpoint_fn(
    model_path: Any, var_list: Any, ignore_missing_vars: bool = False, reshape_variables: bool = False
) -> Callable[[Any], None] | None:
    """A function of a session that gives variables the values of a checkpoint; None when there are none to give.

    reshape_variables: also where the shapes differ. Raises ValueError for an empty ``var_list``.
    """
    if not var_list:
        raise ValueError("var_list cannot be empty")
    wanted: Any = var_list
    if ignore_missing_vars:
        reader = load_checkpoint(model_path)
        named = var_list if isinstance(var_list, Mapping) else {v.op.name: v for v in var_list}
        wanted = {name: v for name, v in named.items() if reader.has_tensor(name)}
        for name in named.keys() - wanted.keys():
            warning("Variable %s missing in checkpoint %s", name, model_path)
        if not wanted:
            warning("No Variables to restore")
            return None
    saver = Saver(wanted, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)
