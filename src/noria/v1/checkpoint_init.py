"""``tf.train.init_from_checkpoint``: variables that begin with what a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from noria.v1.apply_op import create
from noria.v1.checkpoint_files import load_checkpoint, path_of
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.saveable import by_name, saveables_of
from noria.v1.tf_logging import debug
from noria.v1.variable_store import default_store
from noria.v1.variables import Variable


@export("train.init_from_checkpoint", "contrib.framework.init_from_checkpoint")
def init_from_checkpoint(ckpt_dir_or_file: Any, assignment_map: Any) -> None:
    """Replaces initializers by ops that read a checkpoint: the variables' own, run as always.

    assignment_map: pairs, or a dictionary, of what the checkpoint holds and what takes it: a tensor's name and a
    variable, the list of its slices or its name; or ``"scope/"`` and ``"other/"``, ``"/"`` being the root. Raises
    ValueError for what is not in the checkpoint or has another shape.
    """
    prefix = path_of(ckpt_dir_or_file)
    shapes = load_checkpoint(prefix).get_variable_to_shape_map()
    pairs: Iterable[Any] = assignment_map.items() if isinstance(assignment_map, Mapping) else assignment_map
    for stored, taker in sorted(pairs, key=lambda pair: pair[0]):
        variable = taker if _is_variable_or_list(taker) else _by_name(taker)
        if variable is None:
            _init_scope(prefix, ckpt_dir_or_file, stored, taker, shapes)
            continue
        if stored not in shapes:
            raise ValueError(f"Tensor {stored} is not found in {ckpt_dir_or_file} checkpoint {shapes}")
        _check_shape(variable, stored, shapes[stored])
        _set_initializers(variable, prefix, stored)


def _check_shape(variable: Any, stored: str, shape: Any) -> None:
    if isinstance(variable, Variable) and not variable.get_shape().is_compatible_with(shape):
        raise ValueError(
            f"Shape of variable {variable.name} ({variable.get_shape()}) doesn't match with shape of tensor "
            f"{stored} ({shape}) from checkpoint reader."
        )


def _init_scope(prefix: str, shown: Any, stored: str, scope: str, shapes: Mapping[str, Any]) -> None:
    """Takes ``stored/x`` for each variable ``scope/x``."""
    outer = scope[: scope.rindex("/")] if "/" in scope else ""
    if not stored.endswith("/"):
        raise ValueError(
            f"Assignment map with scope only name {outer} should map to scope only {stored}. Should be 'scope/': "
            "'other_scope/'."
        )
    names = {n.partition("/part_")[0] for n in default_store()._vars if not outer or n.startswith(f"{outer}/")}
    for name in sorted(names):
        inner = name[len(outer) :] if scope == "/" else name[len(outer) + 1 :]
        full = (inner if stored == "/" else stored + inner).removesuffix("/")
        if full not in shapes:
            raise ValueError(f"Tensor {full} ({inner} in {stored}) is not found in {shown} checkpoint")
        _set_initializers(_by_name(name), prefix, full)


def _is_variable_or_list(value: Any) -> bool:
    return isinstance(value, Variable) or (isinstance(value, list) and all(isinstance(v, Variable) for v in value))


def _by_name(name: str) -> Any:
    """The variable of ``get_variable`` that has this name, or the slices of one; None when there is none."""
    kept = default_store()._vars
    if name in kept:
        return kept[name]
    parts: list[Any] = []
    while f"{name}/part_{len(parts)}" in kept:
        parts.append(kept[f"{name}/part_{len(parts)}"])
    return parts or None


def _set_initializers(variable: Any, prefix: str, stored: str) -> None:
    if isinstance(variable, Variable):
        _set_initializer(variable, prefix, stored, "")
        return
    whole = {part._save_slice_info.full_name for part in variable}
    if len(whole) > 1:
        raise ValueError(f"Slices must all be from the same tensor: {' != '.join(sorted(whole))}")
    for part in variable:
        _set_initializer(part, prefix, stored, part._save_slice_info.spec)


def _set_initializer(variable: Any, prefix: str, stored: str, spec: str) -> None:
    graph = get_default_graph()
    with graph.device(variable.device), graph.device("/cpu:0"):
        read = create(
            "RestoreV2",
            "checkpoint_initializer",
            prefix=prefix,
            tensor_names=[stored],
            shape_and_slices=[spec],
            dtypes=[variable.dtype.base_dtype],
        ).outputs[0]
        ((name, value),) = by_name([variable]).items()
        (saveable,) = saveables_of(value, name)
    variable._initializer_op = saveable.restore([read], None)
    read.set_shape(variable.shape)
    variable._initial_value = read
    debug("Initialize variable %s from checkpoint %s with %s", variable.name, prefix, stored)
