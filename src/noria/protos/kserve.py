"""Messages of the Open Inference Protocol (KServe V2).

A class is made when it is first asked for.
"""

from __future__ import annotations

from noria.protos import _pool

_PACKAGE = "inference"


def __getattr__(name: str) -> object:
    try:
        found = _pool.symbol(_PACKAGE, name)
    except KeyError:
        raise AttributeError(f"{__name__} has no message or enum {name!r}") from None
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_pool.names(_PACKAGE)})
