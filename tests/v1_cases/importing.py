"""import_graph_def, and the tools of graph_util."""

from __future__ import annotations

from typing import Any

from v1_cases import case


def _part(tf: Any, add_shapes: bool = False) -> Any:
    """``s/c = a + b`` behind a control edge, ``d = c``."""
    with tf.Graph().as_default() as graph:
        a = tf.placeholder(tf.float32, [2], name="a")
        b = tf.constant([1.0, 2.0], name="b")
        with tf.control_dependencies([b]):
            c = tf.raw_ops.AddV2(x=a, y=b, name="s/c")
        with tf.control_dependencies([a]):
            tf.raw_ops.Identity(input=c, name="d")
        return graph.as_graph_def(add_shapes=add_shapes)


@case
def plain(tf: Any) -> Any:
    found = tf.import_graph_def(_part(tf), return_elements=["a:0", "d:0", "d"])
    return found, {found[0]: [3.0, 4.0]}


@case(values=False)
def names(tf: Any) -> Any:
    part = _part(tf)
    with tf.name_scope("foo"):
        tf.import_graph_def(part)
        tf.import_graph_def(part)
        tf.import_graph_def(part, name="")
        tf.import_graph_def(part, name="")
        tf.import_graph_def(part, name="q/")
    tf.import_graph_def(part, name="q")
    tf.import_graph_def(part, name="foo")
    tf.import_graph_def(part, name="")
    tf.import_graph_def(part, name="foo/import/s/")


@case(values=False)
def taken_names(tf: Any) -> Any:
    tf.constant(1.0, name="b/x")
    tf.constant(1.0, name="d_1")
    tf.constant(0.0, name="A")
    tf.import_graph_def(_part(tf), name="")
    tf.constant(2.0, name="d")
    tf.constant(2.0, name="s")
    tf.graph_util.import_graph_def(_part(tf), name="")


@case
def input_map(tf: Any) -> Any:
    part = _part(tf)
    p = tf.constant([5.0, 6.0], name="p")
    first = tf.import_graph_def(part, {"a": p, "^a": p}, ["d", "d:0", "a:0", "a"])
    second = tf.import_graph_def(part, {"a:0": [7.0, 8.0], "^a": p}, ["d:0"], name="listed")
    third = tf.import_graph_def(part, {"^b": p, "b:0": p, "a": p, "^a": p}, ["d:0", "s/c:0"], name="third")
    return first[1], second, third


@case(values=False)
def scopes_around(tf: Any) -> Any:
    waits = tf.constant(0.0, name="waits")
    part = _part(tf)
    part.node[0].device = "/job:w/cpu:0"
    part.node[3].attr["_class"].list.s.append(b"loc:@a")
    tf.constant(3.0, name="a")
    with tf.device("/gpu:1"), tf.control_dependencies([waits]):
        tf.import_graph_def(part, name="")
        tf.import_graph_def(_part(tf))


@case(values=False)
def defaults_and_hints(tf: Any) -> Any:
    part = _part(tf, add_shapes=True)
    part.node[0].attr["shape"].shape.Clear()
    part.node[0].attr["shape"].shape.unknown_rank = True
    part.node[0].attr["_output_shapes"].list.shape[0].dim[0].size = 2
    part.node[2].op = "Mul"
    node = part.node.add()
    node.name, node.op = "t", "Transpose"
    node.input.extend(["d", "perm"])
    node.attr["T"].type = 1
    perm = part.node.add()
    perm.name, perm.op = "perm", "Placeholder"
    perm.attr["dtype"].type = 3
    return tf.import_graph_def(part, return_elements=["t:0"], name="")


@case(values=False)
def producer_op_list(tf: Any) -> Any:
    part = _part(tf)
    part.node[3].attr["new_attr"].i = 5
    part.node[2].attr["new_attr"].i = 6
    known = tf.MetaGraphDef().meta_info_def.stripped_op_list
    for name in ("Identity", "AddV2"):
        op = known.op.add()
        op.name = name
        attr = op.attr.add()
        attr.name, attr.type = "new_attr", "int"
        attr.default_value.i = 5
    tf.import_graph_def(part, producer_op_list=known)


@case
def training_nodes(tf: Any) -> Any:
    with tf.Graph().as_default() as graph:
        a = tf.constant(1.0, name="a")
        b = tf.raw_ops.Identity(input=tf.raw_ops.Identity(input=a, name="i"), name="j")
        c = tf.raw_ops.CheckNumerics(tensor=b, message="m", name="check")
        with tf.control_dependencies([c]):
            d = tf.raw_ops.Neg(x=b, name="d")
        tf.raw_ops.Neg(x=d, name="unused")
        part = graph.as_graph_def()
    removed = tf.graph_util.remove_training_nodes(part)
    kept = tf.graph_util.remove_training_nodes(part, protected_nodes=["i"])
    cut = tf.graph_util.extract_sub_graph(part, ["d"])
    for each in (removed, kept, cut):
        tf.import_graph_def(each)
    assert tf.graph_util.must_run_on_cpu(part.node[0]) is False
    assert tf.graph_util.tensor_shape_from_node_def_name(graph, "d").as_list() == []
    return ["import/d:0", "import_1/d:0", "import_2/d:0"]


@case
def frozen(tf: Any) -> Any:
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
        r = tf.Variable([0.5, 1.5], name="r", use_resource=True)
        y = tf.add(tf.matmul(x, w), r, name="y")
        w.assign_add([[1.0, 1.0], [1.0, 1.0]], name="train")
        session.run(tf.global_variables_initializer())
        freeze = tf.graph_util.convert_variables_to_constants
        whole = freeze(session, graph.as_graph_def(), ["y"])
        chosen = freeze(session, graph.as_graph_def(), ["y"], variable_names_whitelist=["r"])
        left = freeze(session, graph.as_graph_def(), ["y"], variable_names_blacklist=["r"])
        assert y.op.name == "y"
    tf.import_graph_def(chosen, name="chosen")
    tf.import_graph_def(left, name="left")
    found = tf.import_graph_def(whole, name="whole", return_elements=["x:0", "y:0"])
    return found, {found[0]: [[1.0, 1.0]]}
