"""Whether a version's directory is all there: a copy that is under way must not be loaded.

What can be known without reading tensors: ``saved_model.pb`` ends where its own lengths say, so do the index of the
variables and each of its shards, and the assets that the graph names exist. What a copy in any order of files cannot
show by that (an asset, or text, that is half written) shows by the listing not being stable yet, which the caller sees.

Nothing is mapped here: a file that its writer cuts short while it is mapped would end the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import numpy as np
from google.protobuf.message import DecodeError

from noria.errors import TFError
from noria.formats import coding, files
from noria.formats.bundle import index_path, read_index, shard_path
from noria.formats.checkpoint_v1 import table_files
from noria.formats.coding import Malformed
from noria.formats.proto_file import parse_text
from noria.formats.saved_model import FILE_NAMES, asset_defs
from noria.formats.table import TableReader
from noria.protos.tensorflow import BundleEntryProto, MetaGraphDef, SavedModel
from noria.serving.lifecycle import record_files

_META_GRAPHS: Final = 2  # field of SavedModel
_GRAPH_DEF, _OBJECT_GRAPH_DEF = 2, 7  # fields of MetaGraphDef: most of its bytes, and nothing that is looked at here
_MAX_TEXT: Final = 1 << 20  # bytes of a saved_model.pbtxt that is parsed for its assets; that takes about a second
_QUOTED: Final = re.compile(rb"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*")


class _Source(Protocol):
    """Bytes of a file by position; fewer than asked for where it ends."""

    size: int

    def read(self, at: int, size: int) -> bytes: ...


def missing_parts(path: str) -> str:
    """What the SavedModel directory at ``path`` (local, or any fsspec URL) still lacks; "" when it is whole.

    Reads the message's outline, the index, and sizes: milliseconds, whatever the size of the weights. Damage that no
    further byte can mend is not looked for. A caller that sees the same answer for long should load the version all the
    same: the load says what is wrong, and some models lack an asset that their graph names and never reads. Never
    raises a TFError: what keeps the files from being read is the answer.
    """
    try:
        metas = _meta_graphs(path)
        if isinstance(metas, str):
            return metas
        return _missing_assets(path, metas) or _missing_variables(path, metas) or _missing_records(path)
    except TFError as error:
        return error.message


def _meta_graphs(path: str) -> list[MetaGraphDef] | str:
    """The MetaGraphDefs without their graphs, or what is wrong."""
    names = files.list_dir(path)
    name = next((n for n in FILE_NAMES if n in names), None)
    if name is None:
        return f"{path} has neither {' nor '.join(FILE_NAMES)}"
    file = files.join(path, name)
    if name.endswith(".pbtxt"):
        return _text_meta_graphs(file)
    with _opened(file) as source:
        try:
            fields = [_outline(source, at, end) for tag, _, at, end in _fields(source, 0, source.size)
                      if tag == _META_GRAPHS]  # fmt: skip
        except Malformed as error:
            return f"{file} ({source.size} bytes) is not whole: {error}"
        return fields or f"{file} ({source.size} bytes) holds no graph"


def _outline(source: _Source, at: int, end: int) -> MetaGraphDef:
    kept = b"".join(
        source.read(start, stop - start)
        for tag, start, _, stop in _fields(source, at, end)
        if tag not in (_GRAPH_DEF, _OBJECT_GRAPH_DEF)
    )
    try:
        return MetaGraphDef.FromString(kept)
    except DecodeError as error:
        raise Malformed(str(error)) from None


def _fields(source: _Source, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(number, start, start of the content, end) of the fields of a serialised message; Malformed when it ends early.

    field := varint (number << 3 | wire type), then by type: 0 a varint, 1 eight bytes, 2 varint length and as many
    bytes, 5 four bytes
    """
    while at < end:
        head = source.read(at, min(20, end - at))
        tag, used = coding.get_varint(head, 0, len(head))
        if tag < 8:
            raise Malformed(f"no message has the field tag {tag} (at {at})")
        kind = tag & 7
        if kind == 2:
            length, used = coding.get_varint(head, used, len(head))
        elif kind == 0:
            length = coding.get_varint(head, used, len(head))[1] - used
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise Malformed(f"no message has the field tag {tag} (at {at})")
        content = at + used
        if length > end - content:
            raise Malformed(f"the field at {at} has {length} bytes, of which {end - content} are there")
        yield tag >> 3, at, content, content + length
        at = content + length


def _text_meta_graphs(file: str) -> list[MetaGraphDef] | str:
    text = files.read_bytes(file)
    plain = _QUOTED.sub(b"", text)
    if plain.count(b"{") + plain.count(b"<") != plain.count(b"}") + plain.count(b">") or b"{" not in plain:
        return f"{file} ({len(text)} bytes) is not whole: a brace is open"
    return list(parse_text(SavedModel, text, file).meta_graphs) if len(text) <= _MAX_TEXT else []


def _missing_assets(path: str, metas: list[MetaGraphDef]) -> str:
    wanted = {asset.filename for meta in metas for asset in asset_defs(meta, path)}
    there = set(files.walk(files.join(path, "assets"))) if wanted else set()
    lacking = sorted(wanted - there)
    return f"{path} lacks the asset assets/{lacking[0]}" if lacking else ""


def _missing_variables(path: str, metas: list[MetaGraphDef]) -> str:
    folder = files.join(path, "variables")
    prefix = files.join(folder, "variables")
    if files.exists(index_path(prefix)):
        return _missing_shards(prefix)
    if tables := table_files(prefix):
        for name in tables:  # a V1 checkpoint: a table says at its end whether it is whole
            TableReader(np.frombuffer(files.read_bytes(name), np.uint8), name)
        return ""
    if files.list_dir(folder):
        return f"{folder} has no variables.index"
    if any(meta.saver_def.restore_op_name for meta in metas):
        return f"{path} has no variables, and its graph restores some"
    return ""


def _missing_shards(prefix: str) -> str:
    index = index_path(prefix)
    header, entries = read_index(index, np.frombuffer(files.read_bytes(index), np.uint8))
    ends: dict[int, int] = {0: 0}
    for _, value in entries:
        try:
            entry = BundleEntryProto.FromString(value)
        except DecodeError as error:
            return f"{index} is damaged: {error}"
        if not entry.slices:
            ends[entry.shard_id] = max(ends.get(entry.shard_id, 0), entry.offset + entry.size)
    for shard, end in ends.items():
        file = shard_path(prefix, shard, header.num_shards)
        size = files.size(file)
        if size < end:
            return f"{file} has {size} bytes of {end}"
    return ""


def _missing_records(path: str) -> str:
    """What the files of recorded requests lack, where they are there: the last record may be cut short."""
    for name in (record_files.WARMUP, record_files.GOLDEN):
        file = record_files.path_of(path, name)
        if files.exists(file):
            with _opened(file) as source:
                if problem := _cut_record(source):
                    return f"{file} ({source.size} bytes) is not whole: {problem}"
    return ""


def _cut_record(source: _Source) -> str:
    at = 0
    for number in range(record_files.MAX_RECORDS):
        if at >= source.size:
            return ""
        header = source.read(at, 12)
        if len(header) == 12 and coding.unmask(coding.fixed32(header, 8)) != coding.crc32c(header[:8]):
            return ""  # no TFRecord, or a damaged one: more bytes will not help
        at += 16 + (coding.fixed64(header, 0) if len(header) == 12 else 0)
        if at > source.size:
            return f"record {number} ends at {at}"
    return ""


class _Remote:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, at: int, size: int) -> bytes:
        return self._content[at : at + size]


class _Local:
    def __init__(self, path: str) -> None:
        self.size = files.size(path)
        with files.explained(path):
            self.file = open(files.text(path), "rb")  # noqa: SIM115  # closed by _opened

    def read(self, at: int, size: int) -> bytes:
        self.file.seek(at)
        return self.file.read(size)


@contextmanager
def _opened(path: str) -> Iterator[_Source]:
    """The bytes of the file at ``path``: read where they are asked for, a remote file as a whole."""
    if files.is_url(path):
        yield _Remote(files.read_bytes(path))
        return
    source = _Local(path)
    with source.file:
        yield source
