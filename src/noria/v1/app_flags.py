"""``tf.flags`` and ``tf.app``: command-line flags and the entry of a program.

The flags are those of ``absl.flags``, which TensorFlow 1.x uses too: a program may mix both. Three things are
TensorFlow's own: ``FLAGS`` parses ``sys.argv`` when a flag is read before anything parsed it, unknown flags are left to
the program, and some ``DEFINE_`` functions take their arguments under older names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from absl import flags as absl_flags

from noria.v1.exports import constant, export, namespace_alias

_OLD_NAMES = {"flag_name": "name", "default_value": "default", "docstring": "help"}
_OLD_NAMED = ("DEFINE_string", "DEFINE_boolean", "DEFINE_bool", "DEFINE_float", "DEFINE_integer")
_HELP = {"help": False, "helpshort": False, "h": False, "?": False, "helpfull": True}  # flag -> of every module

absl_flags.disclaim_key_flags()  # flags belong to the module that calls DEFINE_, not to this one


class _Flags:
    """``absl.flags.FLAGS``, except that reading a flag parses ``sys.argv`` where nothing did before."""

    def __init__(self) -> None:
        self.__dict__["_flags"] = absl_flags.FLAGS

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__["_flags"]
        if name in values and not values.is_parsed():
            _parse(sys.argv)
        return getattr(values, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_flags"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_flags"], name)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__["_flags"][name]

    def __setitem__(self, name: str, flag: Any) -> None:
        self.__dict__["_flags"][name] = flag

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__["_flags"]

    def __iter__(self) -> Any:
        return iter(self.__dict__["_flags"])

    def __len__(self) -> int:
        return len(self.__dict__["_flags"])

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_flags"])

    def __str__(self) -> str:
        return str(self.__dict__["_flags"])

    def __call__(self, argv: Sequence[str], known_only: bool = False) -> list[str]:
        """Parses ``argv`` (program first); returns what is left of it. Raises ``flags.Error``."""
        rest: list[str] = self.__dict__["_flags"](argv, known_only=known_only)
        return rest


def _parse(argv: Sequence[str]) -> list[str]:
    """Parses known flags; prints help, or what is wrong with a flag, and ends the program when it must."""
    for argument in argv[1:]:
        name = argument.lstrip("-")
        if argument == "--":
            break
        if argument != name and name in _HELP and name not in absl_flags.FLAGS:
            _print_help(argv[0], every_module=_HELP[name])
    try:
        return absl_flags.FLAGS(argv, known_only=True)
    except absl_flags.Error as error:
        sys.stderr.write(f"FATAL Flags parsing error: {error}\nPass --helpshort or --helpfull to see help on flags.\n")
        raise SystemExit(1) from None


def _print_help(program: str, *, every_module: bool) -> NoReturn:
    doc = sys.modules["__main__"].__doc__
    flags = absl_flags.FLAGS
    print(doc.replace("%s", program) if doc else f"\nUSAGE: {program} [flags]\n")
    print(f"flags:\n{flags.get_help() if every_module else flags.main_module_help()}")
    if not every_module:
        print("\nTry --helpfull to get a list of all flags.")
    raise SystemExit(1)  # as absl ends after help


@export("app.UsageError")
class UsageError(Exception):
    """The program was called in a wrong way: ``run`` prints the message and ends with ``exitcode``."""

    def __init__(self, message: str, exitcode: int = 1) -> None:
        super().__init__(message)
        self.exitcode = exitcode


@export("app.run")
def run(main: Callable[[list[str]], Any] | None = None, argv: Sequence[str] | None = None) -> NoReturn:
    """Parses the flags and ends the program with the status that ``main`` gives.

    main: called with the program's name and the arguments that are no known flags; by default ``__main__.main``.
    argv: what to parse, ``sys.argv`` by default.
    """
    main = main or sys.modules["__main__"].main
    rest = _parse(sys.argv if argv is None else argv)
    try:
        status = main(rest)
    except UsageError as error:
        sys.stderr.write(f"{error}\nPass --help to see the flags.\n")
        status = error.exitcode
    raise SystemExit(status)


def _with_old_names(define: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return define(*args, **{_OLD_NAMES.get(name, name): value for name, value in kwargs.items()})

    wrapper.__name__ = wrapper.__qualname__ = define.__name__
    wrapper.__doc__ = define.__doc__
    return wrapper


FLAGS = _Flags()
constant("flags.FLAGS", FLAGS)
for _name in absl_flags.__all__:
    if _name != "FLAGS":
        _value = getattr(absl_flags, _name)
        constant(f"flags.{_name}", _with_old_names(_value) if _name in _OLD_NAMED else _value)
namespace_alias("app.flags", "flags")
