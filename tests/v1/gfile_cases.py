"""Steps over ``tf.gfile`` and what each gives; run on Noria in the tests and on TensorFlow in the oracle's.

``tests/golden/v1/gfile.txt`` is what TensorFlow gives, written in the oracle's environment by
``python tests/v1/gfile_cases.py > tests/golden/v1/gfile.txt``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any


def _outcome(step: Any) -> object:
    try:
        return step()
    except Exception as error:  # the class and text are what is compared
        return type(error).__name__, str(error)


def outcomes(tf: Any, folder: Path) -> list[str]:
    """What TensorFlow's and Noria's ``tf.gfile`` do with the same files, errors included."""
    gfile, top = tf.gfile, str(folder)
    (folder / "d" / "e").mkdir(parents=True)
    (folder / "f").write_bytes(b"a\nb\r\nc")
    (folder / "d" / "g").write_text("é\n")
    reader = gfile.GFile(f"{top}/f")
    steps: list[Any] = [
        reader.readline, reader.tell, reader.readlines, reader.readline, lambda: reader.seek(1), lambda: reader.read(3),
        lambda: reader.seek(-1, 2), reader.read, reader.size, reader.close, reader.read,
        lambda: reader.seek(0, 7), lambda: reader.write("x"),
        lambda: list(gfile.Open(f"{top}/d/g", "rb")), lambda: gfile.FastGFile(f"{top}/d/g").read(),
        lambda: _write(gfile, f"{top}/w", "w", "é"), lambda: _write(gfile, f"{top}/w", "a", b"x\xff"),
        lambda: _write(gfile, f"{top}/w", "r+", "new"), lambda: _write(gfile, f"{top}/w", "w+", "newer"),
        lambda: _write(gfile, f"{top}/w", "a+", "!"), lambda: gfile.GFile(f"{top}/w", "w").read(),
        lambda: gfile.GFile(f"{top}/none/x").read(), lambda: _write(gfile, f"{top}/none/x", "w", "s"),
        lambda: gfile.GFile(top).read(), lambda: _write(gfile, f"{top}/d", "w", "s"), lambda: gfile.GFile(top, "x"),
        lambda: gfile.GFile(f"{top}/unwritten", "w").close(), lambda: gfile.Exists(f"{top}/unwritten"),
        lambda: gfile.Exists(top), lambda: gfile.IsDirectory(top), lambda: gfile.IsDirectory(f"{top}/f"),
        lambda: sorted(gfile.ListDirectory(top)), lambda: gfile.ListDirectory(f"{top}/f"),
        lambda: gfile.ListDirectory(f"{top}/none"), lambda: gfile.MkDir(f"{top}/d"), lambda: gfile.MkDir(f"{top}/m"),
        lambda: gfile.MkDir(f"{top}/x/y"), lambda: gfile.MakeDirs(f"{top}/x/y"), lambda: gfile.MakeDirs(f"{top}/x/y"),
        lambda: sorted(gfile.Glob(f"{top}/[^w]")), lambda: sorted(gfile.Glob([f"{top}/f", f"{top}/d/?"])),
        lambda: sorted(gfile.Glob(f"{top}/none/*")), lambda: sorted(gfile.Glob(f"{top}/\\f")),
        lambda: sorted(gfile.Glob(f"{top}/*/*")),
        lambda: gfile.Copy(f"{top}/f", f"{top}/w"), lambda: gfile.Copy(f"{top}/f", f"{top}/w", overwrite=True),
        lambda: gfile.Copy(f"{top}/none", f"{top}/v"), lambda: gfile.Rename(f"{top}/w", f"{top}/f"),
        lambda: gfile.Rename(f"{top}/w", f"{top}/f", overwrite=True), lambda: gfile.Rename(f"{top}/w", f"{top}/v"),
        lambda: gfile.Stat(f"{top}/f").length, lambda: gfile.Stat(top).is_directory,
        lambda: gfile.Stat(f"{top}/none").length, lambda: _walked(gfile.Walk(top)),
        lambda: _walked(gfile.Walk(top, in_order=False)), lambda: list(gfile.Walk(f"{top}/none")),
        lambda: gfile.Remove(f"{top}/f"), lambda: gfile.Remove(f"{top}/f"), lambda: gfile.Remove(f"{top}/d"),
        lambda: gfile.DeleteRecursively(f"{top}/d"), lambda: gfile.DeleteRecursively(f"{top}/d"),
    ]  # fmt: skip
    return [ascii(_relative(_outcome(step), top)) for step in steps]


def _write(gfile: Any, path: str, mode: str, content: str | bytes) -> object:
    with gfile.GFile(path, mode) as file:
        file.write(content)
        file.flush()
        position = file.tell()
    return position, Path(path).read_bytes()


def _walked(steps: Any) -> list[Any]:
    return sorted((path, sorted(folders), sorted(names)) for path, folders, names in steps)


def _relative(value: object, top: str) -> object:
    if isinstance(value, str):
        return value.replace(top, "TOP")
    if isinstance(value, list | tuple):
        return type(value)(_relative(item, top) for item in value)
    return value


if __name__ == "__main__":
    import tensorflow  # the judge, in its own environment only

    with tempfile.TemporaryDirectory() as made:
        print("\n".join(outcomes(tensorflow.compat.v1, Path(made))))
