"""Names of operations and scopes: what is allowed, and how a name becomes unique. Both exactly as in TensorFlow."""

from __future__ import annotations

import re

_VALID_OP = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_VALID_SCOPE = re.compile(r"[A-Za-z0-9_.\\/>-]*")


def is_op_name(name: str) -> bool:
    """Whether an operation may be called ``name``."""
    return _VALID_OP.fullmatch(name) is not None


def check_op_name(name: str) -> None:
    """ValueError when no operation may be called ``name``."""
    if not _VALID_OP.fullmatch(name):
        raise ValueError(
            f"'{name}' is not a valid node name. Accepted names match ^{_VALID_OP.pattern}$: letters, digits "
            "and _.-/ are allowed, and a letter, digit or dot first"
        )


def check_scope_name(name: str, *, at_root: bool) -> None:
    """ValueError when no name scope may be called ``name``."""
    if not (_VALID_OP if at_root else _VALID_SCOPE).fullmatch(name):
        raise ValueError(
            f"'{name}' is not a valid {'root ' if at_root else ''}scope name: letters, digits and _.-/ are allowed"
            + (", and a letter, digit or dot first" if at_root else "")
        )


class UniqueNames:
    """Gives each name once: ``dense``, ``dense_1``, ``dense_2``; letters differ by case only in spelling."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def unique(self, name: str, *, mark: bool = True) -> str:
        """``name``, or it with the first free number behind it; taken from now on when ``mark`` is set."""
        key = name.lower()
        i = self._used.get(key, 0)
        if mark:
            self._used[key] = i + 1
        if i == 0:
            return name
        base = key
        while key in self._used:
            key = f"{base}_{i}"
            i += 1
        if mark:
            self._used[key] = 1
        return f"{name}_{i - 1}"

    def mark(self, name: str) -> None:
        """Takes ``name`` as it is: an imported operation keeps its own."""
        self._used.setdefault(name.lower(), 1)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._used


def strip_name_scope(name: str, export_scope: str | None) -> str:
    """``name`` (of a node, ``^node`` or ``loc:@node``) without ``export_scope/`` at its start."""
    if not export_scope:
        return name
    return re.sub(rf"([\^]|loc:@|^){re.escape(export_scope.rstrip('/'))}[\/]+(.*)", r"\1\2", name)


def prepend_name_scope(name: str, import_scope: str | None) -> str:
    """``name`` (of a node, ``^node`` or ``loc:@node``) within ``import_scope/``."""
    if not import_scope:
        return name
    mark = next((m for m in ("^", "loc:@") if name.startswith(m)), "")
    return f"{mark}{import_scope.rstrip('/')}/{name[len(mark) :]}"
