"""Op functions that are nothing but one op: made from rows of names and parameters.

A row is ``names: Op parameters``. A parameter is the name of an input or attribute of the op's definition, written
``public:arg`` where TensorFlow 1 calls it otherwise, with ``?`` when it may be left out (None leaves it to the op's
default). ``name`` is the last parameter of every function, unless the row puts it elsewhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.exports import constant

Function = Callable[..., Any]


def op_function(op_type: str, parameters: str, called: str | None = None) -> Function:
    """The function that adds one op of ``op_type``; ``parameters`` as in a row, ``called`` its name in Python."""
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given: list[inspect.Parameter] = []
    arguments: dict[str, str] = {}
    words = parameters.split()
    for word in [*words, *([] if "name" in words else ["name"])]:
        public, _, arg = word.rstrip("?").partition(":")
        optional = word.endswith("?") or word == "name"
        given.append(inspect.Parameter(public, keyword, default=None if optional else inspect.Parameter.empty))
        arguments[public] = arg or public
    # A function of early TensorFlow may put an attribute that can be left out before an input.
    signature = inspect.Signature(_all_optional_after_one(given))
    required = {p.name for p in given if p.default is inspect.Parameter.empty}

    def function(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs).arguments
        name = bound.pop("name", None)
        values = {arguments[k]: v for k, v in bound.items() if k in required or v is not None}
        return apply_op(op_type, name, **values)

    function.__name__ = function.__qualname__ = called or op_type
    function.__doc__ = f"Adds a ``{op_type}`` operation and gives its outputs."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _all_optional_after_one(given: list[inspect.Parameter]) -> list[inspect.Parameter]:
    found: list[inspect.Parameter] = []
    seen = False
    for parameter in given:
        seen = seen or parameter.default is None
        found.append(parameter.replace(default=None) if seen else parameter)
    return found


def export_rows(rows: str, wrap: Callable[[Function], Function] | None = None) -> None:
    """Makes and exports the function of every row of ``rows``, each given to ``wrap``; blank lines are left out."""
    for line in rows.strip().splitlines():
        if not line.strip():
            continue
        names, _, rest = line.partition(": ")
        op_type, _, parameters = rest.strip().partition(" ")
        function = op_function(op_type, parameters, names.split()[0].rpartition(".")[2])
        function = function if wrap is None else wrap(function)
        for name in names.split():
            constant(name, function)


def renamed(new_name: str, new: Any, old_name: str, old: Any) -> Any:
    """The value of an argument that has two spellings; ValueError when both are given."""
    if old is None:
        return new
    if new is not None:
        raise ValueError(f"Cannot specify both '{old_name}' and '{new_name}'.")
    return old


def known(tensor: Any) -> tuple[int | None, ...] | None:
    """The static shape of a tensor, variable or anything that has one; None for an unknown rank."""
    shape = getattr(tensor, "shape", None)
    core = getattr(shape, "core", None)
    return core if core is None or isinstance(core, tuple) else None
