"""Reading, writing and listing files: for the user's own programs only; a loaded or served model is refused."""

from __future__ import annotations

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.formats import files
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.shapes import Shape


def _scalar(value: Array, what: str) -> bytes:
    if value.ndim != 0:
        raise InvalidArgumentError(f"{what} tensor must be scalar, but had shape: {shapes.text(value.shape)}")
    content: bytes = value.item()
    return content


def _path(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


@infer("ReadFile")
def _read_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("ReadFile")
def _read_file(call: KernelCall, filename: Array) -> Array:
    path = call.resources.check_outside(_path(_scalar(filename, "Input filename")), "read")
    return string_array([files.read_bytes(path)], ())


@kernel("WriteFile")
def _write_file(call: KernelCall, filename: Array, contents: Array) -> tuple[()]:
    path = _path(_scalar(filename, "Input filename"))
    content = _scalar(contents, "Contents")
    call.resources.check_outside(path, "write")
    with files.atomic_writer(path, sync=False) as file:
        file.write(content)
    return ()


@infer("MatchingFiles")
def _matching_infer(call: InferCall) -> list[Shape]:
    return [(None,)]


@kernel("MatchingFiles")
def _matching_files(call: KernelCall, pattern: Array) -> Array:
    """All paths that match any of the patterns, sorted by their bytes."""
    if pattern.ndim > 1:
        raise InvalidArgumentError(
            f"Input patterns tensor must be scalar or vector, but had shape: {shapes.text(pattern.shape)}"
        )
    found: list[bytes] = []
    for each in pattern.reshape(-1).tolist():
        matched = files.match(call.resources.check_outside(_path(each), "list"))
        found += [path.encode("utf-8", "surrogateescape") for path in matched]
    found.sort()
    return string_array(found, (len(found),))
