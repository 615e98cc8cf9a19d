"""The global step: the integer variable that counts how often a model was trained."""

from __future__ import annotations

from typing import Any

from noria.v1.dtypes import int64
from noria.v1.exports import export
from noria.v1.graph import Graph, get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.initializers import Zeros
from noria.v1.operation import Tensor
from noria.v1.state_ops import assign_add
from noria.v1.tf_logging import error
from noria.v1.variable_scope import get_variable
from noria.v1.variables import Variable, VariableAggregation

_READ = "global_step_read_op_cache"


@export("train.global_step")
def global_step(sess: Any, global_step_tensor: Any) -> int:
    """The value of the global step in a session."""
    return int(sess.run(global_step_tensor))


@export("train.get_global_step", "contrib.framework.get_global_step")
def get_global_step(graph: Graph | None = None) -> Any:
    """The global step: the one in its collection, else the tensor ``global_step:0``, else None.

    Raises TypeError when it is no integer scalar.
    """
    graph = graph or get_default_graph()
    found: list[Any] = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        error("Multiple tensors in global_step collection.")
        return None
    if not found:
        try:
            found = [graph.get_tensor_by_name("global_step:0")]
        except KeyError:
            return None
    assert_global_step(found[0])
    return found[0]


@export("train.create_global_step", "contrib.framework.create_global_step")
def create_global_step(graph: Graph | None = None) -> Any:
    """Makes the variable ``global_step``; ValueError when there is one."""
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.as_default(), graph.name_scope(None):
        return get_variable(
            GraphKeys.GLOBAL_STEP,
            shape=[],
            dtype=int64,
            initializer=Zeros(),
            trainable=False,
            aggregation=VariableAggregation.ONLY_FIRST_REPLICA,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )


@export("train.get_or_create_global_step", "contrib.framework.get_or_create_global_step")
def get_or_create_global_step(graph: Graph | None = None) -> Any:
    """The global step, made where there is none."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


@export("train.assert_global_step", "contrib.framework.assert_global_step")
def assert_global_step(global_step_tensor: Any) -> None:
    """TypeError when it is no variable or tensor, no integer or no scalar."""
    if not isinstance(global_step_tensor, Variable | Tensor):
        raise TypeError(f'Existing "global_step" must be a Variable or Tensor: {global_step_tensor}.')
    if not global_step_tensor.dtype.base_dtype.is_integer:
        raise TypeError(f'Existing "global_step" does not have integer type: {global_step_tensor.dtype}')
    shape = global_step_tensor.get_shape()
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError(f'Existing "global_step" is not scalar: {shape}')


@export("python.training.training_util._get_or_create_global_step_read")
def get_or_create_global_step_read(graph: Graph | None = None) -> Any:
    """The value of the global step at the beginning of a run, or None without one; made once a graph."""
    graph = graph or get_default_graph()
    kept = graph.get_collection_ref(_READ)
    if kept:
        return kept[0]
    step = get_global_step(graph)
    if step is None:
        return None
    with graph.as_default(), graph.name_scope(None), graph.name_scope(f"{step.op.name}/"):
        value = step.initialized_value() if isinstance(step, Variable) else step
        kept.append(value + 0)
    return kept[0]


@export("python.training.training_util._increment_global_step")
def increment_global_step(increment: Any, graph: Graph | None = None) -> Any:
    """Adds to the global step after its value was read; ValueError without one."""
    graph = graph or get_default_graph()
    step = get_global_step(graph)
    if step is None:
        raise ValueError(
            "Global step tensor should be created by tf.train.get_or_create_global_step before calling increment."
        )
    read = get_or_create_global_step_read(graph)
    with (
        graph.as_default(),
        graph.name_scope(None),
        graph.name_scope(f"{step.op.name}/"),
        graph.control_dependencies([read]),
    ):
        return assign_add(step, increment)
