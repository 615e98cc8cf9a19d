"""Ops that TensorFlow does not register: a user's own, given by a definition and a Python kernel.

A model that was exported with custom ops (TensorFlow Text, Decision Forests, a company's own library) carries their
definitions; what it lacks here is what they compute. ``custom_op`` gives both::

    import noria

    @noria.custom_op('''
        name: "Scale" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT }
        attr { name: "factor" type: "float" default_value { f: 2 } }
    ''')
    def scale(call, x):
        return x * call.number("factor")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf import text_format

from noria.errors import AlreadyExistsError, InvalidArgumentError
from noria.graph import rules
from noria.graph.op_spec import op_spec
from noria.protos import POOL, op_defs
from noria.protos.tensorflow import OpDef

F = TypeVar("F", bound=Callable[..., Any])


def custom_op(definition: str | OpDef, *, infer: rules.InferRule | None = None) -> Callable[[F], F]:
    """Decorator: registers an op for this process, with the function below it as its kernel.

    definition: an ``OpDef``, or its text form; as the exporting program registered it (a SavedModel has it in
    ``meta_info_def.stripped_op_list``). The kernel is called with a ``KernelCall``, which reads the node's attributes
    (``call.number("name")``, ``.integer``, ``.flag``, ``.text``, ``.attr``), and one NumPy array for each input
    (strings: object arrays of bytes); it returns one array, or a tuple of one for each output. Kernels must be callable
    from any thread. infer: gives the shapes of the outputs from those of the inputs; without it they are unknown, which
    costs speed in what follows and nothing else.

    Raises InvalidArgumentError for a definition that cannot be read and AlreadyExistsError for the name of an op that
    TensorFlow registers or that was registered before.
    """
    parsed = definition if isinstance(definition, OpDef) else _parsed(definition)
    if not parsed.name:
        raise InvalidArgumentError("the definition of a custom op has no name")

    def register(kernel: F) -> F:
        if op_defs.has_op(parsed.name):
            raise AlreadyExistsError(f"op {parsed.name!r} is registered already; a custom op needs a name of its own")
        op_defs.register(parsed)
        op_spec.cache_clear()  # it may have been asked about this op when there was none
        rules.kernel(parsed.name)(kernel)
        if infer is not None:
            rules.infer(parsed.name)(infer)
        return kernel

    return register


def _parsed(text: str) -> OpDef:
    try:
        found: OpDef = text_format.Parse(text, OpDef(), descriptor_pool=POOL)
        return found
    except text_format.ParseError as error:
        raise InvalidArgumentError(f"the definition of a custom op is no OpDef in text form: {error}") from None
