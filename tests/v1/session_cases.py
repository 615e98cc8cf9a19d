"""Small programs over ``tf.Session`` and ``tf.Graph`` and what each gives, errors included.

They run on Noria in the tests and on TensorFlow in the oracle's. ``tests/golden/v1/session.txt`` is what TensorFlow
gives, written in the oracle's environment by ``python tests/v1/session_cases.py > tests/golden/v1/session.txt``.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Say = Callable[..., None]
Case = Callable[[Any, Say], None]
CASES: list[Case] = []
Pair = collections.namedtuple("Pair", ["first", "second"])


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def outcomes(tf: Any) -> Iterator[str]:
    """One line for each thing that each program says; every program has a graph of its own."""
    for function in CASES:
        lines: list[str] = []

        def say(label: str, value: Any, lines: list[str] = lines, name: str = function.__name__) -> None:
            lines.append(f"{name} | {label} | {shown(attempt(value) if callable(value) else value)}")

        with tf.Graph().as_default():
            function(tf, say)
        yield from lines


def attempt(step: Callable[[], Any]) -> Any:
    """What ``step`` gives, or the class of its error and the first line of its text."""
    try:
        return step()
    except Exception as error:
        return f"{type(error).__name__}: {words(error)}"


def words(error: Exception) -> str:
    """The first line of what is wrong; TensorFlow 2 puts words about the Python code before it, 1 did not."""
    text = str(getattr(error, "message", None) or (error.args[0] if error.args else ""))
    for lead in ("Graph execution error:\n\n", "\nNode: "):
        text = text.rpartition(lead)[2] if lead in text else text
        if lead.startswith("\n") and text.startswith("'"):
            text = text.partition("\n")[2]
    text = text.replace("np.str_('a')", "'a'")  # as NumPy's versions show it
    first = text.splitlines()[0] if text else ""
    for advice in (" Perhaps you meant", ": a string tensor is fed", "; the inner dimensions"):  # which Noria adds
        first = first.partition(advice)[0]
    return first.strip()


def is_type_error(step: Callable[[], Any]) -> bool:
    try:
        step()
    except TypeError:
        return True
    return False


def shown(value: Any) -> str:
    """A value with its types: arrays with dtype and shape, containers with their class."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}{value.tolist()!r}"
    if isinstance(value, np.generic | bytes):
        return f"{type(value).__name__}({value.item() if isinstance(value, np.generic) else value!r})"
    if isinstance(value, dict):
        return f"{type(value).__name__}{{{', '.join(f'{k}: {shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(shown, value))})"
    return str(value)


@case
def fetches(tf: Any, say: Say) -> None:
    a, b = tf.constant(1.5, name="a"), tf.constant([1, 2], name="b")
    nothing, words = tf.no_op(name="nothing"), tf.constant(["x", "yz"])
    sparse = tf.SparseTensor([[0, 1], [2, 0]], [7, 8], [3, 2])
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([0, 3]), tf.constant([5, 1]))
    loose = tf.IndexedSlices(tf.constant([1.0]), tf.constant([2]))
    v = tf.Variable([3.0, 4.0], name="v")
    r = tf.get_variable("r", initializer=np.int64(9), use_resource=True)
    with tf.Session() as s:
        s.run(tf.global_variables_initializer())
        nest = {"k": [a, (b, nothing)], "z": {"deep": Pair(a, [])}}
        for label, what in {
            "scalar": a, "vector": b, "op": nothing, "ops": [nothing, nothing], "twice": [a, a, "a:0"], "text": words,
            "name": "b:0", "op name": "nothing", "variable": v, "resource": r, "both": [v, r],
            "nest": nest, "empty": [],
            "empty dict": {}, "empty tuple": (), "pair": Pair(a, b), "pair of pairs": Pair(Pair(a, b), (nothing,)),
            "ordered": collections.OrderedDict([("y", a), ("x", b)]), "sparse": sparse, "slices": slices,
            "loose": loose, "mix": (sparse, [slices, "v:0"], v.op, v.initializer), "ref": v.op.outputs[0],
            "default": collections.defaultdict(list, {"q": a}), "group": tf.group(v.initializer, r.initializer),
            "shape": tf.shape(b), "empty array": tf.zeros([0, 3]), "bool": tf.constant(True), "str": words[1],
            "range": tf.range(3), "complex": tf.constant(1 + 2j), "half": tf.constant(0.5, tf.float16),
        }.items():  # fmt: skip
            say(label, lambda what=what: s.run(what))
        for label, what in {
            "none": None, "none inside": [a, None], "int": 3, "unknown": "zz:0", "unknown op": "zz", "bad": "a:b",
            "index": "a:1", "array": np.zeros(2), "set": {1}, "function": len, "object": 2.5, "spaced": "a: 0",
        }.items():  # fmt: skip
            say(label, lambda what=what: s.run(what))


@case
def feeds(tf: Any, say: Say) -> None:
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    n = tf.placeholder(tf.int32, [], name="n")
    free = tf.placeholder(tf.float32, name="free")
    text, flag = tf.placeholder(tf.string, [None], name="text"), tf.placeholder(tf.bool, [], name="flag")
    same = tf.identity(text)
    given = tf.placeholder_with_default([1.0, 2.0], [None], name="given")
    small = tf.placeholder(tf.uint8, [2], name="small")
    c = tf.constant(2.0, name="c")
    mid = tf.multiply(c, 3.0, name="mid")
    out = tf.add(mid, 1.0, name="out")
    w = tf.Variable([1.0, 2.0], name="w")
    doubled = w * 2.0
    total = tf.reduce_sum(x, name="total")
    with tf.Session() as s:
        s.run(w.initializer)
        row = [[1.0, 2.0, 3.0, 4.0]]
        good = {
            "plain": (total, {x: row}), "array": (total, {x: np.ones((2, 4))}), "name": (total, {"x:0": row}),
            "ints": (total, {x: np.ones((1, 4), np.int64)}), "tuple": (total, {x: ((1, 2, 3, 4),)}),
            "no rows": (total, {x: np.zeros((0, 4))}), "itself": (tf.identity(x), {x: row}), "int": (n + 0, {n: 7}),
            "np int": (n + 0, {n: np.int64(7)}), "true int": (n + 0, {n: True}), "free scalar": (free * 2.0, {free: 3}),
            "free matrix": (free * 2.0, {free: row}), "free vector": (free * 2.0, {free: [1, 2]}),
            "text": (same, {text: ["a", b"\xff", "é"]}), "text array": (same, {text: np.array(["ab", "c"])}),
            "bytes array": (same, {text: np.array([b"ab", b"c"])}), "objects": (same, {text: np.array(["q"], object)}),
            "flag": (tf.logical_not(flag), {flag: True}), "flag int": (tf.identity(flag), {flag: 1}),
            "default": (given, {}), "default fed": (given + 1.0, {given: [5]}),
            "constant": (out, {c: 10}), "middle": (out, {mid: 100.0}),
            "middle and result": ([tf.identity(mid), out], {mid: 1}), "result": (out * 1.0, {out: -1}),
            "both": ([c * 1.0, out], {c: 3, mid: 4}),
            "variable": (doubled, {w: [5, 6]}), "ref": (doubled, {"w:0": [7.0, 8.0]}),
            "read": (doubled, {"w/read:0": [0, 1]}),
            "variable kept": (w, {}), "unused": (out, {x: row}), "none": (out, None),
            "small": (tf.identity(small), {small: [0, 255]}),
            "float to int": (n + 0, {n: 2.7}), "other shape const": (out, {mid: 5.0, n: 1}),
        }  # fmt: skip
        for label, (what, feed) in good.items():
            say(label, lambda what=what, feed=feed: s.run(what, feed))
        bad = {
            "unfed": (total, {}), "unfed known": (n, {}), "unfed free": (free, {}), "unfed text": (text, {}),
            "unfed of two": ([total, n], {x: row}), "shape": (total, {x: [1.0, 2, 3, 4]}),
            "columns": (total, {x: [[1.0]]}),
            "ragged": (total, {x: [[1.0], [2.0, 3.0]]}), "word": (total, {x: [["a", "b", "c", "d"]]}),
            "none": (total, {x: None}),
            "scalar shape": (n, {n: [1]}), "large": (n, {n: 2**40}), "large array": (n + 0, {n: np.int64(2**40)}),
            "tensor": (total, {x: c}), "unknown": (out, {"zz:0": 1}), "op name": (out, {"c": 1}),
            "op": (out, {c.op: 1}),
            "key": (out, {3: 1}), "constant shape": (out, {c: [1.0, 2.0]}), "int text": (same, {text: [1, 2]}),
            "small": (tf.identity(small), {small: [0, 256]}), "string": (n + 0, {n: "7"}),
            "variable shape": (doubled, {w: [1.0]}),
        }  # fmt: skip
        for label, (what, feed) in bad.items():
            say("bad " + label, lambda what=what, feed=feed: s.run(what, feed))
        say("bad list", lambda: attempt(lambda: s.run(out, [c, 1])).partition(":")[0])


@case
def sparse_feeds(tf: Any, say: Say) -> None:
    p = tf.sparse_placeholder(tf.float32, [None, 3], name="p")
    q = tf.sparse_placeholder(tf.float32)
    dense = tf.sparse_tensor_to_dense(p)
    loose = tf.sparse_reduce_sum(q)
    value = tf.SparseTensorValue(np.array([[0, 1]], np.int64), np.array([2.5], np.float32), np.array([2, 3], np.int64))
    with tf.Session() as s:
        say("tuple", lambda: s.run(dense, {p: ([[0, 1]], [2.5], [1, 3])}))
        say("value", lambda: s.run([p, dense], {p: value}))
        say("loose", lambda: s.run(loose, {q: value}))
        say("parts", lambda: s.run(dense, {p.indices: [[0, 0]], p.values: [4.0], p.dense_shape: [1, 3]}))
        say("fetched", lambda: s.run(dense, {p: s.run(p, {p: value})}))
        unfed = "You must feed a value for placeholder tensor 'p/"  # any of its three parts
        say("missing", lambda: unfed in attempt(lambda: s.run(dense)))
        say("names", [p.indices.name, p.values.name, p.dense_shape.name, q.dense_shape.name, str(p.get_shape())])


@case
def uninitialised(tf: Any, say: Say) -> None:
    w = tf.Variable([1.0], name="w")
    r = tf.get_variable("r", initializer=[1.0], use_resource=True)
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1]), -1)
    found = table.lookup(tf.constant("a"))
    with tf.Session() as s:
        for label, what in {"ref": w, "ref times": w * 2.0, "assign": tf.assign_add(w, [1.0])}.items():
            say(label, lambda what=what: s.run(what))
        for label, what in {"resource": r, "resource add": r.assign_add([1.0]), "table": found}.items():
            say(label, lambda what=what: attempt(lambda: s.run(what)).split(":")[0])
        try:
            s.run(w * 3.0)
        except tf.errors.FailedPreconditionError as error:
            say("attributes", [error.op.name[0], error.node_def.name[0], error.error_code, words(error)])
        say("names", lambda: s.run(tf.report_uninitialized_variables()))
        say("is ref", lambda: s.run([tf.is_variable_initialized(w), tf.is_variable_initialized(r)]))
        s.run([w.initializer, tf.tables_initializer()])
        say("after", lambda: s.run([w, found]))


@case
def errors_of_ops(tf: Any, say: Say) -> None:
    x = tf.placeholder(tf.float32, name="x")
    m = tf.matmul(x, tf.ones([2, 2]), name="m")
    g = tf.gather(tf.constant([1, 2, 3]), tf.placeholder(tf.int32, name="i"), name="g")
    c = tf.check_numerics(x, "bad thing", name="check")
    a = tf.Assert(tf.placeholder(tf.bool, name="ok"), [tf.constant("value:"), x], name="claim")
    shaped = tf.reshape(x, [2, 3], name="shaped")
    numbers = tf.string_to_number(tf.placeholder(tf.string, name="t"), name="numbers")
    with tf.Session() as s:
        for label, what, feed in (
            ("gather", g, {"i:0": [5]}), ("check", c, {x: np.nan}), ("reshape", shaped, {x: [1, 2]}),
            ("number", numbers, {"t:0": "abc"}), ("read", tf.read_file("/nowhere/at/all", name="file"), {}),
            ("sum", x + tf.ones([3]), {x: [1.0, 2.0]}), ("stack", tf.stack([x, tf.ones([3])], name="st"), {x: [1.0]}),
            ("divide", tf.floordiv(tf.constant(1), tf.placeholder_with_default(0, []), name="div"), {}),
            ("decode", tf.image.decode_png(tf.constant("x"), name="png"), {}),
            ("concat", tf.concat([x, tf.ones([3, 2])], 0, name="cc"), {x: [[1.0]]}),
        ):  # fmt: skip
            say(label, lambda what=what, feed=feed: attempt(lambda: s.run(what, feed)).partition(":")[0])
            try:
                s.run(what, feed)
            except tf.errors.OpError as error:
                say(
                    label + " op",
                    [error.op and error.op.name, error.node_def and error.node_def.name, error.error_code],
                )
        sizes = "Matrix size-incompatible: In[0]: [1,3], In[1]: [2,2]"
        say("matmul", lambda: sizes in attempt(lambda: s.run(m, {x: np.ones((1, 3))})))
        say("text of gather", lambda: "indices[0] = 5 is not in [0, 3)" in attempt(lambda: s.run(g, {"i:0": [5]})))
        say("text of check", lambda: "bad thing : Tensor had NaN" in attempt(lambda: s.run(c, {x: np.nan})))
        say("claim", lambda: "assertion failed: [value:] [2]" in attempt(lambda: s.run(a, {"ok:0": False, x: 2.0})))
        say("claim holds", lambda: s.run(a, {"ok:0": True, x: 2.0}))
        say("is error", [issubclass(tf.errors.NotFoundError, tf.errors.OpError), tf.errors.NOT_FOUND])


@case
def lives(tf: Any, say: Say) -> None:
    say("empty", lambda: tf.Session().run("a:0"))
    say("empty none", lambda: tf.Session().run([]))
    a = tf.constant(1.0, name="a")
    other = tf.Graph()
    with other.as_default():
        b = tf.constant(2.0, name="b")
        feed = tf.placeholder(tf.float32, name="feed")
    s = tf.Session()
    say("other", lambda: attempt(lambda: s.run(b)).replace(str(b), "B").replace(repr(b), "B"))
    say("other fed", lambda: attempt(lambda: s.run(a, {feed: 1.0})).replace(repr(feed), "F").replace(str(feed), "F"))
    say("other eval", lambda: attempt(lambda: b.eval(session=s)).split(".")[0])
    say("eval without", lambda: attempt(lambda: a.eval()).split(".")[0])
    say("run without", lambda: attempt(lambda: a.op.run()).split(".")[0])
    say("eval with", lambda: a.eval(session=s))
    with s.as_default():
        say("default", [tf.get_default_session() is s, a.eval()])
    say("not closed", lambda: s.run(a))
    s.close()
    say("closed", lambda: s.run(a))
    say("closed twice", lambda: s.close())
    say("none left", tf.get_default_session() is None)
    with tf.Session(graph=other) as t:
        say(
            "graph of with",
            [tf.get_default_graph() is other, t.graph is other, tf.get_default_session() is t, b.eval()],
        )
        with tf.Session() as u:
            say("inner", [u.graph is other, tf.get_default_session() is u])
        say("outer", tf.get_default_session() is t)
        say("late", lambda: t.run(tf.add(b, 1.0)))
    say("after with", lambda: t.run(b))
    i = tf.InteractiveSession()
    say("interactive", [tf.get_default_session() is i, a.eval()])
    i.close()
    say("interactive closed", tf.get_default_session() is i)
    config = tf.ConfigProto(allow_soft_placement=True, gpu_options=tf.GPUOptions(allow_growth=True))
    config.intra_op_parallelism_threads = 1
    with tf.Session("", tf.get_default_graph(), config) as configured:
        metadata = tf.RunMetadata()
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, timeout_in_ms=10000)
        say("options", configured.run(a, None, options, metadata))
        say("named", configured.run(fetches=a, feed_dict={}, options=None, run_metadata=None))
    with tf.Session() as again, again.graph.device("/cpu:0"):
        say("device", [tf.constant(1).device, again.run(a)])


@case
def states(tf: Any, say: Say) -> None:
    v, r = tf.Variable(1, name="v"), tf.get_variable("r", initializer=10, use_resource=True)
    up, more = tf.assign_add(v, 2, name="up"), r.assign_add(5)
    init = tf.global_variables_initializer()
    s, t = tf.Session(), tf.Session()
    s.run(init)
    t.run(init)
    say("up", [s.run(up), s.run(up), t.run(up), s.run(more), t.run(r)])
    say("apart", [s.run([v, r]), t.run([v, r])])
    say("op", [s.run(up.op), s.run(v), v.eval(session=t)])
    s.run(init)
    say("again", [s.run(v), t.run(v)])
    v.load(40, s)
    say("loaded", [s.run(v), v.initialized_value().eval(session=s)])
    read = s.run(v)
    w = tf.Variable(np.arange(4, dtype=np.float32), name="w")
    s.run(w.initializer)
    array = s.run(w)
    array[0] = 99
    say("no alias", [s.run(w), array, array.flags.writeable, int(read)])
    held = s.run(w)
    s.run(tf.assign(w, [9.0, 9.0, 9.0, 9.0]))
    say("kept", [held, s.run(w)])
    fed = np.zeros(4, np.float32)
    p = tf.placeholder(tf.float32, [4])
    back = s.run(tf.identity(p), {p: fed})
    s.run(tf.assign(w, p), {p: fed})
    fed[:] = 7
    say("fed", [back, s.run(w)])
    const = tf.constant([1, 2, 3])
    first = s.run(const)
    first[0] = 50
    say("constant", [s.run(const), s.run(const + 0)])
    one, two = s.run([const, const])
    one[0] = 60
    say("two of one", two)


@case
def callables(tf: Any, say: Say) -> None:
    x, y = tf.placeholder(tf.float32, [2], name="x"), tf.placeholder(tf.float32, [], name="y")
    z = x * y
    with tf.Session() as s:
        both = s.make_callable({"z": z, "t": [tf.no_op()]}, feed_list=[x, y])
        say("values", lambda: both(np.array([1, 2], np.float32), 3.0))
        say("again", lambda: both(np.array([3, 4], np.float32), 3.0))
        say("plain", lambda: s.make_callable(tf.constant(3))())
        say("op", lambda: s.make_callable(tf.no_op())())
        say("names", lambda: s.make_callable("mul:0", ["x:0", y])([1.0, 2.0], 2.0))
        say("options", lambda: s.make_callable(z, [x, y], accept_options=True)([1.0, 1.0], 2.0, options=None))
        say("shape", lambda: both(np.array([3.0]), 3.0))
        say("closed with", lambda: s.make_callable("zz:0"))
    say("closed", lambda: both([1.0, 2.0], 3.0))


@case
def names_of_graphs(tf: Any, say: Say) -> None:
    g = tf.get_default_graph()
    with tf.name_scope("outer") as scope:
        a = tf.constant(1.0, name="a")
        with tf.name_scope("inner"):
            b = tf.constant([1.0], name="b")
        with tf.name_scope(None):
            c = tf.constant(0, name="c")
    with tf.name_scope(scope):
        again = tf.constant(2.0, name="a")
    with tf.name_scope("outer"):
        other = tf.constant(2.0, name="a")
    with tf.name_scope("call", "ignored", [a]):
        d = tf.identity(a)
    say("names", [t.name for t in (a, b, c, again, other, d)] + [scope])
    say(
        "unique",
        [g.unique_name("outer"), g.unique_name("x", mark_as_used=False), g.unique_name("x"), g.unique_name("X")],
    )
    for label, name in {
        "tensor": "outer/a:0", "no index": "outer/a", "missing": "nope:0", "missing op": "nope", "index": "outer/a:3",
        "word": "outer/a:b", "colons": "a:0:0", "empty": "", "slash": "outer/", "dash": "-1:0",
    }.items():  # fmt: skip
        for kind, look in (
            ("tensor", g.get_tensor_by_name), ("op", g.get_operation_by_name), ("element", g.as_graph_element),
        ):  # fmt: skip
            say(f"{kind} {label}", lambda look=look, name=name: look(name).name)
    say("not name", lambda: g.get_tensor_by_name(3))
    say("not op name", lambda: g.get_operation_by_name(3))
    say("not element", lambda: g.as_graph_element(3))
    for name in ("a b", "_x", "/x", "x:0", "é", "a>b", ".x", "x/"):
        say(f"name {name}", lambda name=name: attempt(lambda: tf.constant(1, name=name).name).partition(":")[0])
    for name in ("a b", "_x"):
        say(f"scope {name}", lambda name=name: attempt(lambda: tf.name_scope(name).__enter__()).partition(":")[0])


@case
def graphs(tf: Any, say: Say) -> None:
    g = tf.get_default_graph()
    a, b, c = tf.constant(1.0, name="outer/a"), tf.constant([1.0], name="b"), tf.constant(0, name="c")
    with g.control_dependencies([a, b.op]):
        e = tf.constant(1, name="e")
        with g.control_dependencies([c]):
            f = tf.identity(b, name="f")
            with g.control_dependencies(None):
                h = tf.constant(1, name="h")
    say("control", [[o.name for o in t.op.control_inputs] for t in (e, f, h)])
    say("control bad", lambda: g.control_dependencies([3]))
    p = tf.placeholder(tf.float32, [None, 3], name="p")
    unknown = tf.identity(tf.placeholder(tf.float32, name="u"), name="iu")
    shapes = {n.name: str(n.attr["_output_shapes"].list).split() for n in g.as_graph_def(add_shapes=True).node}
    say("shapes", [shapes["p"], shapes["iu"], shapes["outer/a"]])
    say(
        "strs",
        [str(p), repr(p), str(unknown), repr(a), str(p.shape), repr(p.shape), repr(p.op), str(a.dtype), repr(a.dtype)],
    )
    say("version", [g.version == len(g.get_operations()), g.finalized, g.building_function])
    g.finalize()
    say("finalized", lambda: tf.constant(1))
    say("finalized run", lambda: tf.Session().run(a))


@case
def nested_graphs(tf: Any, say: Say) -> None:
    say("nested", lambda: tf.reset_default_graph())
    g = tf.Graph()
    with g.as_default():
        say("inside", tf.get_default_graph() is g)
        with tf.Graph().as_default() as h:
            x = tf.constant(1)
            say("graph", [x.graph is h, tf.get_default_graph() is h])
        say("out", tf.get_default_graph() is g)
        say("mixed", lambda: attempt(lambda: tf.add(x, tf.constant(2)).name).split(":")[0])
        say("mixed session", lambda: attempt(lambda: tf.Session().run(x)).split(":")[0])
    say("thread", in_thread(lambda: tf.get_default_graph() is tf.get_default_graph()))


def in_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(attempt(work)))
    thread.start()
    thread.join()
    return found[0]


@case
def collections_and_devices(tf: Any, say: Say) -> None:
    with tf.variable_scope("s"):
        v = tf.Variable(1, name="v")
    with tf.variable_scope("t"):
        w = tf.Variable(2, name="w", trainable=False)
    tf.add_to_collection("mine", "text")
    tf.add_to_collection("mine", v)
    tf.add_to_collection(("mine", "yours"), w)
    names = tf.get_collection
    keys = tf.GraphKeys
    say("all", [getattr(i, "name", i) for i in names("mine")])
    say("scope", [[i.name for i in names("mine", p)] for p in ("s", "s/", "s|t", ".*/w", "/v", "T")])
    say(
        "globals",
        [[i.name for i in names(keys.GLOBAL_VARIABLES, scope="t")], [i.name for i in tf.trainable_variables("s")]],
    )
    tf.get_collection_ref("mine").clear()
    say(
        "cleared", [names("mine"), names("unknown"), sorted(map(str, tf.get_default_graph().get_all_collection_keys()))]
    )
    g = tf.get_default_graph()
    g.add_to_collection("one", 1)
    g.clear_collection("one")
    say("gone", [names("one"), len(g.get_collection("variables"))])
    with tf.device("/gpu:0"):
        a = tf.constant(1)
        with tf.device("/job:ps/task:1"):
            b = tf.constant(1)
            with tf.device(None):
                c = tf.constant(1)
        with tf.device(lambda op: "/cpu:1" if op.type == "Const" else ""):
            d = tf.constant(1)
    with tf.device("/device:CPU:0"):
        e = tf.constant(1)
    say("devices", [t.device for t in (a, b, c, d, e)])
    say("bad device", lambda: attempt(lambda: in_device(tf, "/nonsense:x:y")).split(":")[0])


def in_device(tf: Any, name: str) -> Any:
    with tf.device(name):
        return tf.constant(1).device


@case
def operations(tf: Any, say: Say) -> None:
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    m = tf.matmul(x, tf.ones([2, 3]), transpose_b=False, name="m")
    op = m.op
    say(
        "op",
        [
            op.name,
            op.type,
            [i.name for i in op.inputs],
            [o.name for o in op.outputs],
            op.device,
            len(op.control_inputs),
        ],
    )
    say("attrs", [op.get_attr("transpose_a"), str(op.get_attr("T")), op.node_def.attr["transpose_b"].b])
    say("shape attr", str(x.op.get_attr("shape")).split())
    say("no attr", lambda: op.get_attr("nope"))
    say("def", [op.op_def.name, op.op_def.input_arg[0].name, op.node_def.input[0], op.graph is tf.get_default_graph()])
    say("consumers", [o.name for o in x.consumers()])
    say("values", [t.name for t in op.values()])
    s = tf.Session()
    say("run", lambda: op.run({x: [[1, 2]]}, s))
    say("eval", lambda: m.eval({x: [[1, 2]]}, session=s))
    say("unfed run", lambda: op.run(session=s))
    say("bool", is_type_error(lambda: bool(m)))
    say("iterate", is_type_error(lambda: list(m)))
    say("length", lambda: attempt(lambda: len(m)).split(":")[0])
    say("equal", [m == m, m != x, m in [x, m], len({m, x, m})])
    say("set shape", lambda: attempt(lambda: x.set_shape([3, 3])).split(":")[0])
    x.set_shape([5, None])
    say(
        "shape set",
        [x.shape.as_list(), x.get_shape().ndims, m.shape.as_list(), x.shape.is_fully_defined(), x.shape.num_elements()],
    )
    u = tf.placeholder(tf.float32)
    say("unknown", [str(u.shape), u.shape.ndims, attempt(lambda: u.shape.as_list()), attempt(lambda: len(u.shape))])
    say("dims", [str(x.shape[1]), x.shape[0].value, attempt(lambda: int(x.shape[1])), x.shape == [5, 2]])
    many = tf.split(tf.ones([4]), 2, name="parts")
    say("many", [[t.name, t.value_index] for t in many])
    say("types", [x.dtype == tf.float32, x.dtype.name, x.dtype.as_numpy_dtype is np.float32, tf.as_dtype("int8").size])


@case
def seen_from_python(tf: Any, say: Say) -> None:
    calls: list[Any] = []

    def double(value: Any, word: Any) -> Any:
        calls.append((value.tolist(), word))
        return value * 2

    x = tf.placeholder(tf.float64, [None], name="x")
    y = tf.py_func(double, [x, tf.constant("w")], tf.float64, name="double")
    many = tf.py_func(lambda a: (a, np.int64(3)), [x], [tf.float64, tf.int64])
    none = tf.py_func(lambda: None, [], [], name="none")
    wrong = tf.py_func(lambda: "text", [], tf.float32)
    empty: dict[str, float] = {}
    broken = tf.py_func(lambda a: empty[str(a)], [x], tf.float64)
    with tf.Session() as s:
        say("py_func", lambda: s.run(y, {x: [1.0, 2.0]}))
        say("called", calls)
        say("many", lambda: s.run(many, {x: [1.0]}))
        say("none", lambda: s.run(none))
        say("wrong", lambda: attempt(lambda: s.run(wrong)).split(":")[0])
        say("broken", lambda: attempt(lambda: s.run(broken, {x: [1.0]})).split(":")[0])
        say("shapes", [str(y.shape), str(many[1].shape)])
        say("print", lambda: s.run(tf.Print(x + 1.0, [x], "is: ", summarize=2), {x: [1.0]}))


@case
def threads(tf: Any, say: Say) -> None:
    v = tf.Variable(0.0, name="v")
    x = tf.placeholder(tf.float32, [])
    y = x * 2.0 + v
    up = tf.assign_add(v, 1.0, use_locking=True).op
    s = tf.Session()
    s.run(tf.global_variables_initializer())
    say("values", in_thread(lambda: [s.run(y, {x: i}) for i in range(3)]))
    workers = [threading.Thread(target=lambda: [s.run(up) for _ in range(25)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    say("count", s.run(v))
    with s.as_default():
        say("no default there", in_thread(lambda: tf.get_default_session() is None))
        say("other graph there", in_thread(lambda: tf.get_default_graph() is s.graph))


@case
def shapes_at_run(tf: Any, say: Say) -> None:
    x = tf.placeholder(tf.float32, [None, None, 2], name="x")
    flat = tf.reshape(x, [tf.shape(x)[0], -1])
    total = tf.reduce_sum(x, axis=[1, 2])
    free = tf.placeholder(tf.int32)
    either = tf.cond(tf.equal(tf.rank(free), 1), lambda: tf.reduce_sum(free), lambda: tf.size(free) * 100)
    i, acc = tf.while_loop(lambda i, a: i < tf.size(free), lambda i, a: (i + 1, a + i), [0, tf.constant(0)])
    with tf.Session() as s:
        for shape in ((1, 2, 2), (3, 1, 2), (2, 5, 2), (1, 0, 2)):
            say(f"flat {shape}", lambda shape=shape: s.run([flat, total], {x: np.ones(shape)}))
        for value in (3, [1, 2], [[1], [2]]):
            say(f"either {value}", lambda value=value: s.run([either, i, acc], {free: value}))
        say("wrong rank", lambda: s.run(flat, {x: [[1.0, 2.0]]}))
        say("wrong last", lambda: s.run(flat, {x: np.ones((1, 1, 3))}))
    say("static", [flat.shape.as_list(), total.shape.as_list(), str(either.shape)])


if __name__ == "__main__":
    import tensorflow.compat.v1 as real

    real.disable_v2_behavior()
    print("\n".join(outcomes(real)))
