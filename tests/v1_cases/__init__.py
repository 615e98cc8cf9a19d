"""Small TensorFlow 1.x programs that run under ``noria.v1`` and under TensorFlow, and must build the same graph.

A case is a function of ``tf`` that builds a graph in the default graph and returns what to fetch, or ``(fetches,
feeds)``; feeds are values by tensor or name. Variables and tables are initialised before the run::

    @case
    def matmul(tf):
        x = tf.placeholder(tf.float32, [None, 2], "x")
        return tf.matmul(x, tf.constant([[1.0], [2.0]])), {x: [[3.0, 4.0]]}

``observe`` gives what a case shows: every node (name, op, device, inputs, attributes, shapes) and the fetched values.
The normal tests compare names, ops, inputs and values with ``tests/golden/v1/<family>.json``, which TensorFlow wrote
(``tools/make_v1_golden.py``); the oracle run compares everything with TensorFlow itself.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, overload

import numpy as np

Build = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """values: whether the fetched values are compared; graph: whether the graph is; looser: nodes (by name) of which
    Noria may know less of the shapes than TensorFlow."""

    family: str
    name: str
    build: Build
    values: bool = True
    graph: bool = True
    looser: tuple[str, ...] = ()


_cases: dict[str, list[Case]] = {}


@overload
def case(build: Build) -> Build: ...
@overload
def case(**options: Any) -> Callable[[Build], Build]: ...
def case(build: Build | None = None, **options: Any) -> Any:
    """Decorator: this function is a case of its module; options: fields of ``Case``."""

    def register(function: Build) -> Build:
        family = function.__module__.rpartition(".")[2]
        _cases.setdefault(family, []).append(Case(family, function.__name__, function, **options))
        return function

    return register if build is None else register(build)


def families() -> list[str]:
    """The names of the modules beside this one."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")


def cases(family: str | None = None) -> Iterator[Case]:
    """All cases, or those of one family."""
    for name in families() if family is None else [family]:
        import_module(f"v1_cases.{name}")
        yield from _cases.get(name, ())


@dataclass
class Seen:
    """What a case shows: nodes as NodeDefs by name (shapes included), and the values of the fetches, flat."""

    nodes: dict[str, Any] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)


def with_cells(tf: Any) -> None:
    """Lets TensorFlow 2 find TensorFlow 1's layers and cells, which it keeps in the package tf-keras."""
    before = os.environ.get("TF_USE_LEGACY_KERAS")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    assert tf.nn.rnn_cell.RNNCell
    assert tf.layers.Layer
    if before is None:
        del os.environ["TF_USE_LEGACY_KERAS"]
    else:
        os.environ["TF_USE_LEGACY_KERAS"] = before


def observe(tf: Any, item: Case) -> Seen:
    """Builds and runs ``item`` in a graph of its own."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(1234)
        built = item.build(tf)
        fetches, feeds = (
            built if isinstance(built, tuple) and len(built) == 2 and isinstance(built[1], dict) else (built, {})
        )
        seen = Seen({n.name: n for n in graph.as_graph_def(add_shapes=True).node})
        if fetches is not None and item.values:
            with tf.Session(graph=graph) as session:
                if graph.get_collection("variables") or graph.get_collection("local_variables"):
                    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
                if graph.get_collection("table_initializer"):
                    session.run(tf.tables_initializer())
                seen.values = list(leaves(session.run(fetches, feeds)))
        return seen


def leaves(value: Any) -> Iterator[Any]:
    """The arrays in a nested result, in order; None for operations."""
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key])
    elif isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield None if value is None else np.asarray(value)


def to_json(seen: Seen) -> dict[str, Any]:
    """The part of ``seen`` that the normal tests compare."""
    nodes = [[n.name, n.op, *n.input] for n in seen.nodes.values()]
    return {"nodes": nodes, "values": [_array_to_json(v) for v in seen.values]}


def _array_to_json(value: Any) -> Any:
    if value is None:
        return None
    if value.dtype.kind in "OSU":
        flat = [base64.b64encode(v if isinstance(v, bytes) else str(v).encode()).decode() for v in value.reshape(-1)]
        return {"dtype": "string", "shape": list(value.shape), "data": flat}
    data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return {"dtype": value.dtype.name, "shape": list(value.shape), "data": data}


def from_json(value: Any) -> Any:
    """The array of one recorded value."""
    if value is None:
        return None
    shape = value["shape"]
    if value["dtype"] == "string":
        flat = np.empty(len(value["data"]), object)
        flat[:] = [base64.b64decode(v) for v in value["data"]]
        return flat.reshape(shape)
    import ml_dtypes  # registers bfloat16 and its kin with NumPy

    dtype = np.dtype(getattr(ml_dtypes, value["dtype"], value["dtype"]))
    return np.frombuffer(base64.b64decode(value["data"]), dtype).reshape(shape)


def assert_values(got: list[Any], wanted: list[Any], name: str) -> None:
    """Dtypes, shapes, strings and integers exactly; floats to 1e-5, half precision to 1e-2."""
    assert len(got) == len(wanted), f"{name}: {len(got)} values, TensorFlow gives {len(wanted)}"
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if b is None:
            assert a is None, f"{name}: value {i} should be None"
            continue
        text = b.dtype.kind in "OSU"
        assert text == (a.dtype.kind in "OSU"), f"{name}: value {i}: {a.dtype}, TensorFlow gives {b.dtype}"
        if not text:
            assert a.dtype == b.dtype, f"{name}: value {i}: {a.dtype}, TensorFlow gives {b.dtype}"
        assert a.shape == b.shape, f"{name}: value {i}: shape {a.shape}, TensorFlow gives {b.shape}"
        if text or a.dtype.kind in "iub":
            np.testing.assert_array_equal(a, b, err_msg=f"{name}: value {i}")
        else:
            wide = np.complex128 if a.dtype.kind == "c" else np.float64
            tolerance = 1e-5 if a.dtype.itemsize >= 4 else 1e-2
            np.testing.assert_allclose(
                a.astype(wide), b.astype(wide), rtol=tolerance, atol=tolerance, err_msg=f"{name}: value {i}"
            )
