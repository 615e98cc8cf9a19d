"""Shape inference while a graph is being built: what is known of each output of a new operation.

Small constants are followed through the ops that compute shapes from them, as TensorFlow does, large ones are not:
building a graph must not compute with weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

import noria.ops  # noqa: F401  # fills the rule tables
from noria import shapes
from noria.errors import TFError
from noria.graph import rules
from noria.graph.graph import Node
from noria.graph.op_spec import is_stateful, op_spec
from noria.graph.resources import Resources
from noria.graph.rules import Info, KernelCall

_SMALL: Final = 1024  # elements up to which constants are followed
_NOTHING: Final = Resources()


def infer_outputs(node: Node, inputs: Sequence[Info]) -> list[Info]:
    """What is known of the outputs of ``node``; InvalidArgumentError where its inputs cannot fit together."""
    if node.op == "Const":
        value = node.attrs["value"]
        assert isinstance(value, np.ndarray)
        return [Info(node.output_dtypes[0], value.shape, value if value.size <= _SMALL else None)]
    outs = rules.inferred(node, inputs)
    return _folded(node, inputs, outs) or [rules.known_vector(node.op, info) for info in outs]


def _folded(node: Node, inputs: Sequence[Info], outs: Sequence[Info]) -> list[Info] | None:
    if not inputs or node.op not in rules.kernel or is_stateful(node.op) or node.op in _OPAQUE:
        return None
    spec = op_spec(node.op)
    if spec is not None and spec.has_refs:  # what stands in a variable is not its value at any one time
        return None
    values = [i.value for i in inputs]
    if any(v is None or v.size > _SMALL for v in values):
        return None
    if any(not shapes.is_static(o.shape) or (shapes.num_elements(o.shape) or 0) > _SMALL for o in outs):
        return None
    if any(o.dtype.numpy.hasobject for o in outs):
        return None
    try:
        result = rules.kernel[node.op](KernelCall(node, _NOTHING), *values)
    except (TFError, ArithmeticError, ValueError, TypeError):
        return None  # what fails on constants fails when it runs
    results = result if isinstance(result, tuple) else (result,)
    arrays = [np.asarray(r) for r in results]
    return [Info(d, a.shape, a) for d, a in zip(node.output_dtypes, arrays, strict=True)]


_OPAQUE: Final = frozenset(
    {
        "PlaceholderWithDefault",
        "Switch",
        "Merge",
        "Enter",
        "Exit",
        "StopGradient",
        "PreventGradient",
        "CheckNumerics",
        "Print",
    }
)
