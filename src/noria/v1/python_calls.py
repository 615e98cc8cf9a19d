"""``tf.py_func``: Python functions as operations of the process that built them.

A node holds a token; the functions stand in one table of the process that every Session is given. A function lives as
long as the graph that names it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import export
from noria.v1.graph import Graph, get_default_graph

py_functions: WeakValueDictionary[str, Callable[..., Any]] = WeakValueDictionary()
_numbers = itertools.count()


def register(graph: Graph, function: Callable[..., Any]) -> str:
    """The token of ``function``, which ``graph`` keeps alive."""

    def call(*args: Any) -> Any:
        return function(*args)

    token = f"pyfunc_{next(_numbers)}"
    py_functions[token] = call
    graph.__dict__.setdefault("_py_funcs_used_in_graph", []).append(call)
    return token


@export("py_func", "numpy_function")
def py_func(
    func: Any, inp: Sequence[Any], Tout: Any, stateful: bool = True, name: str | None = None
) -> Any:  # TensorFlow's name
    """What ``func`` gives for the values of ``inp`` as NumPy arrays, when it runs.

    Tout: the dtype of its result, or a list of dtypes; stateful: False where equal inputs give equal results.
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable. Received func={func} of type {type(func)}.")
    many = isinstance(Tout, list | tuple)
    dtypes = [as_dtype(t) for t in (Tout if many else [Tout])]
    inputs = [convert(v) if hasattr(v, "is_tensor_like") else v for v in inp]
    token = register(get_default_graph(), func)
    op_type = "PyFunc" if stateful else "PyFuncStateless"
    found = apply_op(op_type, name, input=inputs, token=token, Tout=dtypes)
    return found if many else found[0]
