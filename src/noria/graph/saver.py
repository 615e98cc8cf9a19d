"""The nodes that save and restore variables, as ``tf.train.Saver`` makes them for one file.

S/filename -> S/Const -> S/SaveV2 (names, slices, every variable) -> S/control_dependency
              S/Const -> S/RestoreV2 (names, slices) -> S/Assign, S/Assign_1, … -> S/restore_all
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.graph.export import tensor_proto, to_attr_value
from noria.graph.graph import Attr
from noria.graph.rewrite import COLOCATION, unique_name
from noria.protos.tensorflow import GraphDef, NodeDef, SaverDef

_VERSION = 2  # SaverDef.V2


def make_node(name: str, op: str, inputs: Iterable[str] = (), **attrs: Attr) -> NodeDef:
    """A NodeDef with plain attribute values; lists of dtypes and the like by their first element."""
    node = NodeDef(name=name, op=op, input=inputs)
    for key, value in attrs.items():
        node.attr[key].CopyFrom(to_attr_value(value))
    return node


def constant(name: str, value: object, dtype: DType) -> NodeDef:
    """A Const of ``value``."""
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = dtype.number
    array = np.array(value, dtype.numpy)
    node.attr["value"].tensor.CopyFrom(tensor_proto(array, dtype))
    return node


def add_saver(graph: GraphDef, variables: Sequence[str], *, scope: str = "save") -> SaverDef:
    """Adds to ``graph`` what saves and restores ``variables`` (node names, which are the keys too)."""
    taken = {n.name.partition("/")[0] for n in graph.node}
    scope = unique_name(scope, taken)
    nodes = {n.name: n for n in graph.node}
    kinds = [dtypes.from_number(nodes[v].attr["dtype"].type) for v in variables]
    string = dtypes.string
    made = [
        constant(f"{scope}/filename/input", b"model", string),
        make_node(f"{scope}/filename", "PlaceholderWithDefault", [f"{scope}/filename/input"], dtype=string),
        make_node(f"{scope}/Const", "PlaceholderWithDefault", [f"{scope}/filename"], dtype=string),
    ]
    for node in made[1:]:
        node.attr["shape"].shape.SetInParent()
    keys = [v.encode() for v in variables]
    lists = [
        constant(f"{scope}/{op}/{part}", value, string)
        for op in ("SaveV2", "RestoreV2")
        for part, value in (("tensor_names", keys), ("shape_and_slices", [b""] * len(keys)))
    ]
    values = []
    for variable, dtype in zip(variables, kinds, strict=True):
        if nodes[variable].op != "VarHandleOp":
            values.append(variable)
            continue
        read = make_node(f"{scope}/{variable}/ReadVariableOp", "ReadVariableOp", [variable], dtype=dtype)
        made.append(read)
        values.append(read.name)
    save = make_node(f"{scope}/SaveV2", "SaveV2", [f"{scope}/Const", lists[0].name, lists[1].name, *values])
    done = make_node(f"{scope}/control_dependency", "Identity", [f"{scope}/Const", f"^{scope}/SaveV2"], T=string)
    restore = make_node(f"{scope}/RestoreV2", "RestoreV2", [f"{scope}/Const", lists[2].name, lists[3].name])
    for node in (save, restore):
        node.attr["dtypes"].list.type.extend(d.number for d in kinds)
    made += [*lists, save, done, restore]
    assigns = []
    for i, (variable, dtype) in enumerate(zip(variables, kinds, strict=True)):
        name = f"{scope}/Assign_{i}" if i else f"{scope}/Assign"
        inputs = [variable, f"{restore.name}:{i}" if i else restore.name]
        if nodes[variable].op == "VarHandleOp":
            assign = make_node(name, "AssignVariableOp", inputs, dtype=dtype)
        else:
            assign = make_node(name, "Assign", inputs, T=dtype, use_locking=True, validate_shape=True)
            assign.attr[COLOCATION].list.s.append(b"loc:@" + variable.encode())
        assigns.append(assign)
    made += [*assigns, make_node(f"{scope}/restore_all", "NoOp", ["^" + a.name for a in assigns])]
    graph.node.extend(made)
    return SaverDef(
        filename_tensor_name=f"{scope}/Const:0",
        save_tensor_name=f"{scope}/control_dependency:0",
        restore_op_name=f"{scope}/restore_all",
        max_to_keep=5,
        keep_checkpoint_every_n_hours=10000.0,
        version=_VERSION,
    )
