"""The private descriptor pool: TensorFlow's messages under their own names, invisible to any other library.

``descriptors.binpb`` is the ``FileDescriptorSet`` compiled from the ``.proto`` files beside it (tools/gen_protos.py).
It is loaded into a pool of our own, so that the real ``tensorflow`` or ``onnx`` in the same process can register
messages of the same names in the default pool. Classes are made when first asked for: most programs use few of them.

``json_format`` and ``text_format`` work with these messages; where an ``Any`` may occur, give them
``descriptor_pool=POOL``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper


def data(name: str) -> bytes:
    """The content of the data file ``name`` of this package."""
    return Path(__file__).with_name(name).read_bytes()


def _load() -> tuple[descriptor_pool.DescriptorPool, dict[str, dict[str, Any]]]:
    pool = descriptor_pool.DescriptorPool()
    symbols: dict[str, dict[str, Any]] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(data("descriptors.binpb")).file:
        pool.AddSerializedFile(file.SerializeToString())
        package = symbols.setdefault(file.package, {})
        package.update((message.name, message.name) for message in file.message_type)
        package.update((enum.name, enum.name) for enum in file.enum_type)
        package.update((value.name, value.number) for enum in file.enum_type for value in enum.value)
    return pool, symbols


POOL, _SYMBOLS = _load()
PACKAGES: Final = tuple(_SYMBOLS)


def package_module(module: str, package: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a module that shows what ``package`` defines, made when first asked for."""
    space = vars(sys.modules[module])

    def get(name: str) -> object:
        try:
            found = symbol(package, name)
        except KeyError:
            raise AttributeError(f"{module} has no message or enum {name!r}") from None
        space[name] = found
        return found

    return get, lambda: sorted({*space, *names(package)})


def names(package: str) -> list[str]:
    """The messages, enums and enum values that ``package`` defines at its top level."""
    return sorted(_SYMBOLS[package])


def symbol(package: str, name: str) -> Any:
    """The message class, enum wrapper or enum number called ``name`` in ``package``; KeyError when there is none."""
    found = _SYMBOLS[package][name]
    if isinstance(found, int):
        return found
    full = f"{package}.{name}"
    try:
        descriptor = POOL.FindMessageTypeByName(full)
    except KeyError:
        return enum_type_wrapper.EnumTypeWrapper(POOL.FindEnumTypeByName(full))
    _keep(descriptor)
    return _KEPT[full]


_KEPT: Final[dict[str, type[Any]]] = {}


def _keep(descriptor: Any) -> None:
    """Keeps the class of a message, and of every message that its fields can hold, for as long as the process lives.

    The library makes a class when a field is first read and lets it die with its last message. A thread that reads such
    a field while the garbage collector takes a dead class apart in another is given that class, and the process dies.
    """
    left = [descriptor]
    while left:
        one = left.pop()
        if one.full_name not in _KEPT:
            _KEPT[one.full_name] = message_factory.GetMessageClass(one)
            left += [field.message_type for field in one.fields if field.message_type is not None]
            left += one.nested_types


def all_classes(package: str) -> list[type[Any]]:
    """The class of every message of ``package``, inner ones too.

    The library makes a class anew whenever none is alive, and each that dies leaves a cycle: who cannot afford the
    garbage collector keeps this list.
    """
    classes: list[type[Any]] = []
    left: list[Any] = [POOL.FindMessageTypeByName(f"{package}.{name}") for name in names(package)
                       if isinstance(symbol(package, name), type)]  # fmt: skip
    while left:
        descriptor = left.pop()
        classes.append(message_factory.GetMessageClass(descriptor))
        left += descriptor.nested_types
    return classes
