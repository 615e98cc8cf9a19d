"""Print a ``FileDescriptorProto`` as ``.proto`` text: messages, enums, services; no comments, no language options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from google.protobuf import descriptor_pb2 as pb

_F = pb.FieldDescriptorProto
_SCALARS: Final = {
    getattr(_F, "TYPE_" + name.upper()): name
    for name in [
        "double",
        "float",
        "int64",
        "uint64",
        "int32",
        "fixed64",
        "fixed32",
        "bool",
        "string",
        "bytes",
        "uint32",
        "sfixed32",
        "sfixed64",
        "sint32",
        "sint64",
    ]
}


def print_file(file: pb.FileDescriptorProto) -> str:
    """The text of one file; ``syntax`` is proto2 when the descriptor names none."""
    syntax = file.syntax or "proto2"
    lines = [
        "// Wire names and numbers only; written by tools/gen_protos.py.",
        f'syntax = "{syntax}";',
        "",
        f"package {file.package};",
    ]
    if file.dependency:
        lines += ["", *(f'import "{name}";' for name in file.dependency)]
    for enum in file.enum_type:
        lines += ["", *_enum(enum, "")]
    for message in file.message_type:
        lines += ["", *_message(message, "", syntax)]
    for service in file.service:
        lines += ["", f"service {service.name} {{"]
        for method in service.method:
            request = ("stream " if method.client_streaming else "") + method.input_type
            response = ("stream " if method.server_streaming else "") + method.output_type
            lines.append(f"  rpc {method.name}({request}) returns ({response});")
        lines.append("}")
    return "\n".join(lines) + "\n"


def _enum(enum: pb.EnumDescriptorProto, indent: str) -> Iterator[str]:
    yield f"{indent}enum {enum.name} {{"
    if enum.options.allow_alias:
        yield f"{indent}  option allow_alias = true;"
    yield from _reserved(enum, indent, inclusive=True)
    for value in enum.value:
        yield f"{indent}  {value.name} = {value.number}{' [deprecated = true]' if value.options.deprecated else ''};"
    yield indent + "}"


def _message(message: pb.DescriptorProto, indent: str, syntax: str) -> Iterator[str]:
    inner = indent + "  "
    entries = {n.name: n for n in message.nested_type if n.options.map_entry}
    yield f"{indent}message {message.name} {{"
    yield from _reserved(message, indent, inclusive=False)
    for enum in message.enum_type:
        yield from _enum(enum, inner)
    for nested in message.nested_type:
        if nested.name not in entries:
            yield from _message(nested, inner, syntax)
    open_oneof: int | None = None
    for field in message.field:
        oneof = field.oneof_index if field.HasField("oneof_index") and not field.proto3_optional else None
        if oneof != open_oneof:
            if open_oneof is not None:
                yield inner + "}"
            if oneof is not None:
                yield f"{inner}oneof {message.oneof_decl[oneof].name} {{"
            open_oneof = oneof
        yield _field(field, entries, inner + ("  " if oneof is not None else ""), syntax)
    if open_oneof is not None:
        yield inner + "}"
    yield indent + "}"


def _reserved(scope: pb.DescriptorProto | pb.EnumDescriptorProto, indent: str, *, inclusive: bool) -> Iterator[str]:
    ranges = [(r.start, r.end if inclusive else r.end - 1) for r in scope.reserved_range]
    if ranges:
        yield f"{indent}  reserved {', '.join(str(a) if a == b else f'{a} to {b}' for a, b in ranges)};"
    if scope.reserved_name:
        quoted = ", ".join(f'"{n}"' for n in scope.reserved_name)
        yield f"{indent}  reserved {quoted};"


def _field(field: pb.FieldDescriptorProto, entries: dict[str, pb.DescriptorProto], indent: str, syntax: str) -> str:
    entry = entries.get(field.type_name.rsplit(".", 1)[-1])
    if entry is not None:
        key, value = entry.field
        return f"{indent}map<{_type(key)}, {_type(value)}> {field.name} = {field.number}{_options(field)};"
    label = ""
    if field.label == _F.LABEL_REPEATED:
        label = "repeated "
    elif field.label == _F.LABEL_REQUIRED:
        label = "required "
    elif field.proto3_optional or (syntax == "proto2" and not field.HasField("oneof_index")):
        label = "optional "
    return f"{indent}{label}{_type(field)} {field.name} = {field.number}{_options(field)};"


def _type(field: pb.FieldDescriptorProto) -> str:
    return field.type_name or _SCALARS[field.type]


def _options(field: pb.FieldDescriptorProto) -> str:
    options = []
    if field.HasField("default_value"):
        quoted = field.type in (_F.TYPE_STRING, _F.TYPE_BYTES)
        options.append(f'default = "{field.default_value}"' if quoted else f"default = {field.default_value}")
    if field.options.HasField("packed"):
        options.append(f"packed = {str(field.options.packed).lower()}")
    if field.options.deprecated:
        options.append("deprecated = true")
    return f" [{', '.join(options)}]" if options else ""
