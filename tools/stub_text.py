"""Print the type stub of a proto module: every message as a class with typed fields and a keyword constructor.

Every class of another message is named through a module (``_tensorflow.AttrValue.ListValue``) and every built-in
through ``builtins``, because fields are free to be called ``list`` or ``float``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from google.protobuf import descriptor_pb2 as pb

_F = pb.FieldDescriptorProto
_FLOATS: Final = {_F.TYPE_DOUBLE, _F.TYPE_FLOAT}
_HEAD: Final = '''"""Types of the messages of ``{packages}``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum
'''


# Where each message is reached from Python: ".tensorflow.TensorProto" -> "_tensorflow.TensorProto".
_Places: TypeAlias = Mapping[str, str]


def print_stub(files: pb.FileDescriptorSet, module: str, modules: Mapping[str, list[str]]) -> str:
    """The stub of ``module``, whose packages are ``modules[module]``."""
    module_of = {package: name for name, packages in modules.items() for package in packages}
    places: dict[str, str] = {}
    for file in files.file:
        _collect(file.message_type, "." + file.package, f"_{module_of[file.package]}", places)
    body: list[str] = []
    for file in files.file:
        if module_of[file.package] == module:
            for enum in file.enum_type:
                body += ["", *_enum(enum, "")]
            for message in file.message_type:
                body += ["", *_message(message, "", "." + file.package, places)]
    text = "\n".join(body)
    imports = "".join(f"import noria.protos.{m} as _{m}\n" for m in sorted(modules) if f"_{m}." in text)
    return _HEAD.format(packages="``, ``".join(modules[module])) + ("\n" + imports if imports else "") + text + "\n"


def _collect(messages: Iterable[pb.DescriptorProto], scope: str, place: str, places: dict[str, str]) -> None:
    for message in messages:
        inner, where = f"{scope}.{message.name}", f"{place}.{message.name}"
        places[inner] = where
        _collect(message.nested_type, inner, where, places)


def _enum(enum: pb.EnumDescriptorProto, indent: str) -> Iterator[str]:
    yield f"{indent}{enum.name}: _enum.EnumTypeWrapper"
    for value in enum.value:
        yield f"{indent}{value.name}: builtins.int"


def _message(message: pb.DescriptorProto, indent: str, scope: str, places: _Places) -> Iterator[str]:
    inner = indent + "    "
    full = f"{scope}.{message.name}"
    entries = {f"{full}.{n.name}": n for n in message.nested_type if n.options.map_entry}
    yield f"{indent}class {message.name}(_message.Message):"
    for enum in message.enum_type:
        yield from _enum(enum, inner)
    for nested in message.nested_type:
        if not nested.options.map_entry:
            yield from _message(nested, inner, full, places)
    arguments = []
    for field in message.field:
        read, write, assignable = _field_types(field, entries, places)
        if assignable:
            yield f"{inner}{field.name}: {read}"
        else:
            yield f"{inner}@builtins.property"
            yield f"{inner}def {field.name}(self) -> {read}: ..."
        arguments.append(f"{field.name}: {write} | None = ...")
    star = ["*", *arguments] if arguments else []
    yield (
        f"{inner}def __init__(self, {', '.join(star)}) -> None: ..."
        if star
        else f"{inner}def __init__(self) -> None: ..."
    )
    if full == ".google.protobuf.Any":
        yield f"{inner}def Pack(self, msg: _message.Message, type_url_prefix: builtins.str = ...) -> None: ..."
        yield f"{inner}def Unpack(self, msg: _message.Message) -> builtins.bool: ..."
        yield f"{inner}def Is(self, descriptor: typing.Any) -> builtins.bool: ..."
        yield f"{inner}def TypeName(self) -> builtins.str: ..."


def _field_types(
    field: pb.FieldDescriptorProto, entries: Mapping[str, pb.DescriptorProto], places: _Places
) -> tuple[str, str, bool]:
    """(type when read, type the constructor takes, whether it can be assigned)."""
    entry = entries.get(field.type_name)
    if entry is not None:
        key, value = (_single(f, places) for f in entry.field)
        if entry.field[1].type == _F.TYPE_MESSAGE:
            return f"_containers.MessageMap[{key}, {value}]", f"typing.Mapping[{key}, {value}]", False
        return f"_containers.ScalarMap[{key}, {value}]", f"typing.Mapping[{key}, {value}]", False
    single = _single(field, places)
    if field.label == _F.LABEL_REPEATED:
        kind = "Composite" if field.type == _F.TYPE_MESSAGE else "Scalar"
        return f"_containers.Repeated{kind}FieldContainer[{single}]", f"typing.Iterable[{single}]", False
    return single, single, field.type != _F.TYPE_MESSAGE


def _single(field: pb.FieldDescriptorProto, places: _Places) -> str:
    if field.type == _F.TYPE_MESSAGE:
        return places[field.type_name]
    if field.type == _F.TYPE_ENUM:
        return "builtins.int"
    if field.type in _FLOATS:
        return "builtins.float"
    simple = {_F.TYPE_STRING: "str", _F.TYPE_BYTES: "bytes", _F.TYPE_BOOL: "bool"}
    return "builtins." + simple.get(field.type, "int")
