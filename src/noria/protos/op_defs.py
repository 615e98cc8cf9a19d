"""TensorFlow's operations as data: names of arguments, attrs with types and defaults, flags; no prose.

``op_defs.binpb`` is an ``OpList`` of the 1,910 ops that TensorFlow 2.21 registers. The file is cut into one slice of
bytes per op when the first op is asked for (about 2 ms); an op is parsed when it is asked for.

    OpList := (0x0a varint(size) OpDef)*          OpDef := 0x0a varint(size) name, other fields
"""

from __future__ import annotations

from functools import cache

from noria.errors import NotFoundError
from noria.protos import _pool
from noria.protos.tensorflow import OpDef


@cache
def _slices() -> dict[str, bytes]:
    data = _pool.data("op_defs.binpb")
    found: dict[str, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        at += 1
        size = data[at]
        at += 1
        if size >= 0x80:  # no op takes 2 MiB, so three bytes of varint are enough
            size = (size & 0x7F) | (data[at] & 0x7F) << 7
            at += 1
            if data[at - 1] >= 0x80:
                size |= data[at] << 14
                at += 1
        name_size = data[at + 1]  # names are shorter than 128 bytes; a test compares with the parsed list
        found[data[at + 2 : at + 2 + name_size].decode()] = data[at : at + size]
        at += size
    return found


@cache
def op_def(name: str) -> OpDef:
    """The definition of op ``name``; a shared message, not to be changed.

    Raises NotFoundError for a name that TensorFlow 2.21 does not register.
    """
    found = _slices().get(name)
    if found is None:
        raise NotFoundError(f"op {name!r} is not among the {len(_slices())} operations of TensorFlow 2.21")
    return OpDef.FromString(found)


def register(definition: OpDef) -> None:
    """Adds an op that TensorFlow does not register, for this process."""
    _slices()[definition.name] = definition.SerializeToString()
    op_def.cache_clear()


def has_op(name: str) -> bool:
    """Whether TensorFlow 2.21, or ``register`` here, knows an op called ``name``."""
    return name in _slices()


def op_names() -> list[str]:
    """The names of all ops, in the order of the file."""
    return list(_slices())
