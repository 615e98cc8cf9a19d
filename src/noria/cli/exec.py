"""``noria exec``: runs a TensorFlow 1.x program, in which ``import tensorflow`` is ``noria.v1``.

The program finds what Python would give it: ``__main__``, ``sys.argv``, its folder on ``sys.path``. An error that it
does not catch is shown as Python shows it, with the frames of the program and of its own libraries;
``NORIA_TRACEBACK=1`` shows Noria's too.
"""

from __future__ import annotations

import os
import runpy
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import click

import noria
from noria.errors import NotFoundError
from noria.v1 import as_tensorflow

_OURS = (str(Path(noria.__file__).parent), str(Path(click.__file__).parent), "<frozen ")
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_INTERRUPTED = 130  # the status of a program that SIGINT ended, as a shell tells it


def run_program(program: str, arguments: Sequence[str], *, as_module: bool) -> int:
    """Runs a file, a folder or archive with ``__main__.py``, or a module by name; gives the status it ends with.

    Raises NotFoundError when there is no such file.
    """
    if not as_module and not os.path.exists(program):
        raise NotFoundError(f"{program}: no such file or folder")
    as_tensorflow.install()  # for good: what the program leaves to threads and atexit imports too
    try:
        if as_module:
            _run_module(program, arguments)
        else:
            _run_path(program, arguments)
    except SystemExit as end:
        return _status(end.code)
    except KeyboardInterrupt as error:
        _show(error)
        return _INTERRUPTED
    except BaseException as error:
        _show(error)
        return 1
    return 0


def _run_module(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]  # runpy puts the file's path in place of the name
    _first_on_path(os.getcwd())
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_path(program: str, arguments: Sequence[str]) -> None:
    sys.argv = [program, *arguments]
    if os.path.isdir(program) or not _is_source(program):
        runpy.run_path(os.path.abspath(program), run_name="__main__")
        return
    _first_on_path(os.path.dirname(os.path.realpath(program)))
    main = ModuleType("__main__")
    main.__file__ = path = os.path.abspath(program)
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]  # every module has them
    sys.modules["__main__"] = main
    code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
    exec(code, vars(main))


def _is_source(program: str) -> bool:
    return not program.endswith((".pyc", ".zip", ".pyz", ".egg"))


def _first_on_path(folder: str) -> None:
    """Put the program's folder where Python puts it; the folder of the command itself goes."""
    if not sys.flags.safe_path and sys.path:
        sys.path[0] = folder
    else:
        sys.path.insert(0, folder)


def _status(code: Any) -> int:
    """The status of ``sys.exit(code)``; anything but a number is printed."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _show(error: BaseException) -> None:
    """Prints an error as Python would, or as the program's own ``sys.excepthook`` does."""
    sys.stdout.flush()
    if sys.excepthook is not sys.__excepthook__:
        sys.excepthook(type(error), error, _trace_of_program(error.__traceback__))
    elif os.environ.get("NORIA_TRACEBACK"):
        traceback.print_exception(error)
    else:
        shown = traceback.TracebackException.from_exception(error)
        _keep_frames_of_program(shown)
        print("".join(shown.format()), end="", file=sys.stderr)


def _trace_of_program(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace


def _keep_frames_of_program(shown: traceback.TracebackException) -> None:
    """Drop our frames, and causes that only we saw."""
    kept: list[traceback.FrameSummary] = []
    inside = False  # what we call of Python's library and of other packages is ours too, until the program's own code
    for frame in shown.stack:
        if frame.filename.startswith(_OURS):
            inside = bool(kept)
        elif not (inside and frame.filename.startswith(_LIBRARIES)):
            kept.append(frame)
            inside = False
    shown.stack[:] = kept
    for before in (shown.__cause__, shown.__context__):
        if before is not None:
            _keep_frames_of_program(before)
    if shown.__cause__ is not None and not shown.__cause__.stack:
        shown.__cause__ = None
        shown.__suppress_context__ = True
    if shown.__context__ is not None and not shown.__context__.stack:
        shown.__context__ = None
