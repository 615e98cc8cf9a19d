"""Evaluates the Python and NumPy expressions of ``--input_exprs`` without ``eval``.

The expression is parsed with ``ast`` and walked. A node, a name, a function, a method or an operand that is not listed
here or in ``expression_functions`` is refused; nothing is ever looked up by name on a live object, so there is no way
from an expression to an attribute, a module or a builtin. Each operation that allocates charges a budget before it
runs, so ``np.ones((10**9, 10**9))`` is refused and not attempted.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from noria.cli.expression_functions import (
    ARRAY_ATTRIBUTES,
    METHODS,
    NAMES,
    NUMPY_NAMES,
    Budget,
    DTypeName,
    FunctionName,
    is_numeric,
)
from noria.errors import InvalidArgumentError

MAX_LENGTH: Final = 1 << 24  # characters of one expression
MAX_DEPTH: Final = 200  # nested operations of one expression
MAX_INT_BITS: Final = 4096  # of a Python integer that an operation makes

_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(expression: str) -> Any:
    """The value of ``expression``: a scalar, string, list, tuple, dict or NumPy array.

    Allowed are literals, lists, tuples, dicts, arithmetic, comparisons, indexing by integers and slices, and the
    functions, dtypes, constants and methods listed in ``expression_functions`` (``np.ones((2, 3), dtype=np.int32)``,
    ``np.arange(6).reshape(2, 3) / 255``). Raises InvalidArgumentError for anything else, for an expression that
    fails, and for one whose values would take more than the budget of 1 GiB.
    """
    text = expression.strip()
    if len(text) > MAX_LENGTH:
        raise InvalidArgumentError(
            f"the expression has {len(text)} characters; at most {MAX_LENGTH} are read: use a .npy file with --inputs"
        )
    try:
        budget = Budget()
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # 1/0 is inf here, as the user wrote it
            warnings.simplefilter("ignore")
            value = _Evaluator(budget).visit(ast.parse(text, mode="eval").body, 0)
        budget.check_nested(value)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"expression {_short(text)}: {error}") from None
    except SyntaxError as error:
        raise InvalidArgumentError(f"expression {_short(text)} is not Python: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise InvalidArgumentError(f"expression {_short(text)} is nested too deeply or too large") from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InvalidArgumentError(f"expression {_short(text)}: {error}") from None
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


class _Evaluator:
    """Walks one expression; ``depth`` counts the operations above a node."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._visitors: dict[type[ast.expr], Callable[[Any, int], Any]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.List: lambda node, depth: [self.visit(item, depth) for item in node.elts],
            ast.Tuple: lambda node, depth: tuple(self.visit(item, depth) for item in node.elts),
            ast.Dict: self._dict,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.Compare: self._compare,
            ast.Subscript: self._subscript,
            ast.Call: self._call,
        }

    def visit(self, node: ast.expr, depth: int) -> Any:
        """The value of ``node``; a function or dtype is none."""
        value = self._any(node, depth)
        if isinstance(value, FunctionName | DTypeName):
            raise InvalidArgumentError(f"{value.name} is a function, not a value; call it: {value.name}(...)")
        return value

    def _any(self, node: ast.expr, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise InvalidArgumentError(f"more than {MAX_DEPTH} operations are nested in each other")
        visitor = self._visitors.get(type(node))
        if visitor is None:
            raise InvalidArgumentError(
                f"{type(node).__name__} is not allowed; allowed are literals, lists, tuples, dicts, arithmetic, "
                "comparisons, indexing and a set of NumPy functions"
            )
        return visitor(node, depth + 1)

    def _constant(self, node: ast.Constant, _depth: int) -> Any:
        return node.value

    def _name(self, node: ast.Name, _depth: int) -> Any:
        if node.id in ("np", "numpy"):
            raise InvalidArgumentError(f"{node.id} is a module, not a value")
        if node.id not in NAMES:
            raise InvalidArgumentError(f"unknown name {node.id!r}; known are np, numpy, {', '.join(sorted(NAMES))}")
        return NAMES[node.id]

    def _attribute(self, node: ast.Attribute, depth: int) -> Any:
        dotted = _numpy_name(node)
        if dotted is not None:
            if dotted not in NUMPY_NAMES:
                raise InvalidArgumentError(f"np.{dotted} is not among the NumPy names that an expression may use")
            return NUMPY_NAMES[dotted]
        value = self.visit(node.value, depth)
        if isinstance(value, np.ndarray | np.generic) and node.attr in ARRAY_ATTRIBUTES:
            return ARRAY_ATTRIBUTES[node.attr](np.asarray(value))
        raise InvalidArgumentError(
            f"attribute .{node.attr} is not allowed; allowed on arrays are {', '.join(sorted(ARRAY_ATTRIBUTES))}"
        )

    def _dict(self, node: ast.Dict, depth: int) -> Any:
        result: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                raise InvalidArgumentError("** is not allowed in a dict")
            name = self.visit(key, depth)
            if not isinstance(name, str | bytes | int | float):
                raise InvalidArgumentError(f"a dict key must be a string or number, not {type(name).__name__}")
            result[name] = self.visit(value, depth)
        return result

    def _binary(self, node: ast.BinOp, depth: int) -> Any:
        function = _BINARY.get(type(node.op))
        if function is None:
            raise InvalidArgumentError(f"operator {type(node.op).__name__} is not allowed")
        left, right = self.visit(node.left, depth), self.visit(node.right, depth)
        self._charge_binary(type(node.op), left, right)
        return function(left, right)

    def _charge_binary(self, op: type[ast.operator], left: Any, right: Any) -> None:
        sequences = (str, bytes, list, tuple)
        if op is ast.Add and isinstance(left, sequences) and isinstance(right, sequences):
            self._budget.charge((len(left) + len(right)) * 8)
        elif op is ast.Mult and isinstance(left, sequences) and isinstance(right, int):
            self._budget.charge(len(left) * max(right, 0) * 8)
        elif op is ast.Mult and isinstance(right, sequences) and isinstance(left, int):
            self._budget.charge(len(right) * max(left, 0) * 8)
        elif isinstance(left, int) and isinstance(right, int):
            _check_int(op, left, right)
        elif is_numeric(left) and is_numeric(right):
            self._budget.charge_broadcast(left, right)
        else:
            raise InvalidArgumentError(
                f"{op.__name__} of {type(left).__name__} and {type(right).__name__} is not allowed; operands must be "
                "numbers or numeric arrays"
            )

    def _unary(self, node: ast.UnaryOp, depth: int) -> Any:
        value = self.visit(node.operand, depth)
        if not is_numeric(value):
            raise InvalidArgumentError(f"{type(node.op).__name__} of {type(value).__name__} is not allowed")
        self._budget.charge_broadcast(value)
        return _UNARY[type(node.op)](value)

    def _compare(self, node: ast.Compare, depth: int) -> Any:
        if len(node.ops) != 1:
            raise InvalidArgumentError("chained comparisons are not allowed; combine two with &")
        function = _COMPARE.get(type(node.ops[0]))
        if function is None:
            raise InvalidArgumentError(f"comparison {type(node.ops[0]).__name__} is not allowed")
        left, right = self.visit(node.left, depth), self.visit(node.comparators[0], depth)
        if not (is_numeric(left) and is_numeric(right)):
            raise InvalidArgumentError("only numbers and numeric arrays are compared")
        self._budget.charge_broadcast(left, right)
        return function(left, right)

    def _subscript(self, node: ast.Subscript, depth: int) -> Any:
        value = self.visit(node.value, depth)
        if not isinstance(value, np.ndarray | list | tuple | str | bytes):
            raise InvalidArgumentError(f"a value of type {type(value).__name__} cannot be indexed")
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index = [self._index(part, value, depth) for part in parts]
        self._budget.charge(value.nbytes if isinstance(value, np.ndarray) else len(value) * 8)
        if isinstance(value, np.ndarray):
            return value[tuple(index)]
        if len(index) != 1 or not isinstance(index[0], int | slice):
            raise InvalidArgumentError("a list, tuple or string is indexed by one integer or slice")
        return value[index[0]]

    def _index(self, node: ast.expr, value: Any, depth: int) -> Any:
        """One part of an index. Lists of positions are refused: they can make an array much larger than its source."""
        if isinstance(node, ast.Slice):
            bounds = [None if part is None else self.visit(part, depth) for part in (node.lower, node.upper, node.step)]
            if all(bound is None or isinstance(bound, int) for bound in bounds):
                return slice(*bounds)
            raise InvalidArgumentError("the bounds of a slice must be integers")
        part = self.visit(node, depth)
        if part is None or part is Ellipsis or (isinstance(part, int) and not isinstance(part, bool)):
            return part
        if isinstance(part, np.ndarray) and part.dtype == np.bool_ and np.shape(value) == part.shape:
            return part
        raise InvalidArgumentError("an index must be an integer, a slice, None, ... or a mask of the array's own shape")

    def _call(self, node: ast.Call, depth: int) -> Any:
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            raise InvalidArgumentError("* is not allowed in a call")
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise InvalidArgumentError("** is not allowed in a call")
            keywords[keyword.arg] = self._argument(keyword.value, depth)
        call, name, first = self._callee(node.func, depth)
        arguments = [*first, *(self._argument(argument, depth) for argument in node.args)]
        try:
            return call(self._budget, *arguments, **keywords)
        except TypeError as error:
            # The wrappers take the budget first: their own names would only confuse.
            text = str(error).split("() ", 1)[-1]
            raise InvalidArgumentError(f"{name}: {text}") from None

    def _argument(self, node: ast.expr, depth: int) -> Any:
        value = self._any(node, depth)
        if isinstance(value, FunctionName):
            raise InvalidArgumentError(f"{value.name} is a function and cannot be an argument")
        self._budget.check_nested(value)
        return value

    def _callee(self, node: ast.expr, depth: int) -> tuple[Callable[..., Any], str, list[Any]]:
        """The function to call, its name, and the array or string that a method belongs to."""
        if isinstance(node, ast.Attribute) and _numpy_name(node) is None:
            owner = self.visit(node.value, depth)
            for kind, methods in METHODS:
                if isinstance(owner, kind) and node.attr in methods:
                    return methods[node.attr], f".{node.attr}", [owner]
            raise InvalidArgumentError(f"method .{node.attr}() of {type(owner).__name__} is not allowed")
        function = self._any(node, depth)
        if not isinstance(function, FunctionName | DTypeName):
            raise InvalidArgumentError("only the listed functions can be called")
        return function.call, function.name, []


def _numpy_name(node: ast.Attribute) -> str | None:
    """``random.rand`` for the node of ``np.random.rand``, None where the attribute is not one of the module."""
    parts = [node.attr]
    value = node.value
    while isinstance(value, ast.Attribute):
        parts.append(value.attr)
        value = value.value
    if isinstance(value, ast.Name) and value.id in ("np", "numpy"):
        return ".".join(reversed(parts))
    return None


def _check_int(op: type[ast.operator], left: int, right: int) -> None:
    """Refuses the integer operations whose result would have more than MAX_INT_BITS bits."""
    bits = max(left.bit_length(), right.bit_length()) + 1
    if op is ast.Mult:
        bits = left.bit_length() + right.bit_length()
    elif op is ast.Pow:
        bits = left.bit_length() * abs(right)
    elif op is ast.LShift:
        bits = left.bit_length() + max(right, 0)
    if bits > MAX_INT_BITS:
        raise InvalidArgumentError(f"the integer would have {bits} bits; at most {MAX_INT_BITS} are allowed")
