"""Runs one host kernel by itself, for ops that change resources: the case table's rows are of ops that do not."""

from __future__ import annotations

from typing import Any

import noria.ops
from noria import dtypes
from noria.dtypes import DType
from noria.graph.graph import Node
from noria.graph.op_spec import op_spec
from noria.graph.resources import Resources
from noria.graph.rules import KernelCall, kernel

assert noria.ops  # its import fills the rule tables


def kernel_call(op: str, resources: Resources, name: str = "node", **attrs: Any) -> KernelCall:
    """What the program hands to the kernel of a node ``name`` of type ``op``; attributes left out have defaults."""
    spec = op_spec(op)
    assert spec is not None, f"TensorFlow has no op {op}"
    given = {k: v.encode() if isinstance(v, str) else v for k, v in attrs.items()}
    return KernelCall(
        Node(name, op, attrs={**spec.defaults, **given}, output_dtypes=(_first_output(given),)), resources
    )


def _first_output(attrs: dict[str, Any]) -> DType:
    return next((v for k, v in attrs.items() if k in ("dtype", "out_type", "Tout")), dtypes.float32)


def run_kernel(op: str, *inputs: Any, resources: Resources | None = None, name: str = "node", **attrs: Any) -> Any:
    """The result of ``op``'s kernel."""
    return kernel[op](kernel_call(op, resources or Resources(), name, **attrs), *inputs)
