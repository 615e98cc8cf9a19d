"""``tf.errors``: the classes that Noria raises, under TensorFlow's names, and their codes."""

from __future__ import annotations

from noria import errors
from noria.errors import Code, TFError
from noria.v1.exports import constant, export

_CLASSES = {
    error.code: error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, TFError) and error is not TFError
}


@export("errors.exception_type_from_error_code")
def exception_type_from_error_code(error_code: int) -> type[TFError]:
    """The class of a code, such as NotFoundError of 5. Raises KeyError for a number that is no code."""
    return {int(code): error for code, error in _CLASSES.items()}[error_code]


@export("errors.error_code_from_exception_type")
def error_code_from_exception_type(cls: type[TFError]) -> int:
    """The code of a class; that of UnknownError for a class of another kind."""
    return int(getattr(cls, "code", Code.UNKNOWN))


constant("errors.OpError", TFError)
for _code in Code:
    constant(f"errors.{_code.name}", int(_code))
for _class in _CLASSES.values():
    constant(f"errors.{_class.__name__}", _class)
