"""What ``run`` feeds: ``--inputs``, ``--input_exprs`` and ``--input_examples``, in the form of saved_model_cli.

    --inputs          key=file.npy;key=file.npz;key=file.npz[name]     files that numpy.load reads
    --input_exprs     key=[1.0, 2.0];key=np.ones((2, 3))               see ``expressions``
    --input_examples  key=[{"age": [22.0], "name": ["a"]}]             a list of serialised tf.train.Example

Later options win where they name the same key.
"""

from __future__ import annotations

import io
import re
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np

from noria import dtypes, shapes
from noria.cli.expressions import evaluate
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files
from noria.protos.tensorflow import Example

Array = np.ndarray[Any, np.dtype[Any]]

_FILE: Final = re.compile(r"([^=]+)=([^\[\]]+)(?:\[([^\[\]]+)\])?")
_UNREADABLE: Final = (ValueError, EOFError, SyntaxError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError)


def warn(message: str) -> None:
    """One line of warning on stderr."""
    print(f"warning: {message}", file=sys.stderr)


def gather(inputs: str, input_exprs: str, input_examples: str, *, allow_pickle: bool) -> dict[str, Any]:
    """The values of the three options by input key: arrays, or nested lists that are not converted yet.

    Raises InvalidArgumentError for text that is not in the options' form, for files that are damaged or hold pickled
    objects when ``allow_pickle`` is not set, NotFoundError for files and names in them that do not exist.
    """
    feeds: dict[str, Any] = {}
    for key, (path, name) in parse_files(inputs).items():
        feeds[key] = load_file(path, name, allow_pickle=allow_pickle)
    for option, values in (
        ("--input_exprs", {key: evaluate(text) for key, text in _pairs("--input_exprs", input_exprs)}),
        ("--input_examples", {key: _examples(key, text) for key, text in _pairs("--input_examples", input_examples)}),
    ):
        for key, value in values.items():
            if key in feeds:
                warn(f"input {key!r} is given more than once; the value of {option} is used")
            feeds[key] = value
    return feeds


def parse_files(text: str) -> dict[str, tuple[str, str | None]]:
    """``x=a.npy;y=b.npz[k]`` as {"x": ("a.npy", None), "y": ("b.npz", "k")}."""
    found: dict[str, tuple[str, str | None]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        match = _FILE.fullmatch(part)
        if match is None:
            raise InvalidArgumentError(
                f"--inputs {part!r}: expected <input_key>=<filename> or <input_key>=<filename>[<variable_name>], "
                "separated by ';'"
            )
        found[match[1]] = match[2], match[3]
    return found


def load_file(path: str, name: str | None, *, allow_pickle: bool) -> Any:
    """The array in a ``.npy``, the array called ``name`` in a ``.npz``, or the content of a pickle.

    A ``.npz`` of one array needs no name; a name given for a ``.npy`` is ignored, with a warning. ``path`` may be an
    fsspec URL.
    """
    try:
        data = np.load(io.BytesIO(memoryview(cast(Any, files.map_bytes(path)))), allow_pickle=allow_pickle)
        if isinstance(data, np.ndarray):
            if name is not None:
                warn(f"{path} holds a single array; the name [{name}] is ignored")
            return data
        if name is None and isinstance(data, np.lib.npyio.NpzFile):
            if len(data.files) != 1:
                raise InvalidArgumentError(
                    f"{path} holds {len(data.files)} arrays ({', '.join(data.files)}); say which: {path}[<name>]"
                )
            name = data.files[0]
        if name is None:
            return data
        if not isinstance(data, Mapping) or name not in data:
            known = ", ".join(map(str, data)) if isinstance(data, Mapping) else type(data).__name__
            raise NotFoundError(f"{path} does not contain {name!r}; it holds {known}")
        return data[name]
    except (InvalidArgumentError, NotFoundError):
        raise
    except _UNREADABLE as error:
        if "allow_pickle=" in str(error):
            what = (
                "holds pickled Python objects"
                if "Object arrays" in str(error)
                else "is no .npy or .npz file; if it is a pickle, it holds Python objects"
            )
            raise InvalidArgumentError(
                f"{path} {what}, which can run any code when they are read; if you trust the file, add --allow_pickle"
            ) from None
        raise InvalidArgumentError(f"{path} is not a .npy or .npz file that NumPy can read: {error}") from None
    except Exception as error:
        if not allow_pickle:
            raise
        # Reading a pickle runs the file's own code, which may raise anything.
        raise InvalidArgumentError(f"{path} cannot be unpickled: {type(error).__name__}: {error}") from None


def _pairs(option: str, text: str) -> list[tuple[str, str]]:
    """``a=1;b=[2]`` as [("a", "1"), ("b", "[2]")]; a ';' in quotes does not separate."""
    pairs = []
    for part in filter(None, (piece.strip() for piece in split_outside_quotes(text))):
        key, equals, expression = part.partition("=")
        if not equals or not key.strip():
            raise InvalidArgumentError(f"{option} {part!r}: expected <input_key>=<expression>, separated by ';'")
        pairs.append((key.strip(), expression))
    return pairs


def split_outside_quotes(text: str) -> list[str]:
    """``text`` cut at each ';' that stands in no Python string."""
    parts, start, quote, escaped = [], 0, "", False
    for position, char in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == ";":
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _examples(key: str, text: str) -> list[bytes]:
    rows = evaluate(text)
    if not isinstance(rows, list):
        raise InvalidArgumentError(
            f"--input_examples {key}: expected a list of dicts, [{{feature: [values]}}], got {type(rows).__name__}"
        )
    return [example_bytes(key, row) for row in rows]


def example_bytes(key: str, features: Any) -> bytes:
    """A serialised tf.train.Example of ``{feature: [values]}``.

    The first value decides: float → float_list, str or bytes → bytes_list (str in UTF-8), int → int64_list; an empty
    list is a feature without values. ``key`` is named in errors.
    """
    if not isinstance(features, dict):
        raise InvalidArgumentError(f"--input_examples {key}: expected a dict, got {type(features).__name__}")
    example = Example()
    for name, values in features.items():
        where = f"--input_examples {key}: feature {name!r}"
        if not isinstance(name, str) or not isinstance(values, list):
            raise InvalidArgumentError(f"{where}: expected a list of values, got {type(values).__name__}: {values!r}")
        feature = example.features.feature[name]
        if not values:
            continue
        try:
            match values[0]:
                case float():
                    feature.float_list.value.extend(values)
                case str() | bytes():
                    feature.bytes_list.value.extend(v.encode() if isinstance(v, str) else v for v in values)
                case int():
                    feature.int64_list.value.extend(int(v) if isinstance(v, bool) else v for v in values)
                case other:
                    raise TypeError(f"a {type(other).__name__} fits no feature; use float, int, str or bytes")
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(f"{where}: {error}") from None
    return example.SerializeToString()


def convert(key: str, value: Any, dtype: DType, shape: shapes.Shape) -> Array:
    """``value`` as an array of ``dtype``, by the rules of a TensorFlow session's feeds.

    Any number becomes any numeric type as NumPy casts it; where that drops a fraction, an imaginary part or high bits
    a warning says so. ``shape`` is what the graph's tensor takes; an array that contradicts it is refused.
    """
    array = _strings(key, value) if dtype is dtypes.string else _numbers(key, value, dtype)
    if not shapes.compatible(shape, array.shape):
        raise InvalidArgumentError(
            f"input {key!r} has shape {shapes.text(array.shape)}, the model takes {shapes.text(shape)}"
        )
    return array


def _strings(key: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=object) if not isinstance(value, np.ndarray) else value.astype(object)
    except ValueError as error:
        raise InvalidArgumentError(f"input {key!r}: {error}") from None
    result = np.empty(array.shape, dtype=object)
    for index, item in np.ndenumerate(array):
        if not isinstance(item, str | bytes):
            raise InvalidArgumentError(
                f"input {key!r} takes strings, got {type(item).__name__} {item!r} at position {list(index)}"
            )
        result[index] = item.encode() if isinstance(item, str) else bytes(item)
    return result


def _numbers(key: str, value: Any, dtype: DType) -> Array:
    if dtype.numpy.hasobject:
        raise InvalidArgumentError(f"input {key!r} takes a {dtype}, which the command line cannot give")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's warnings about lossy casts: said below, for every kind of loss
        try:
            source = np.asarray(value)
            result = source.astype(dtype.numpy)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"input {key!r} takes {dtype}: {error}") from None
        if source.dtype.kind in "biufc" and not np.can_cast(source.dtype, dtype.numpy, "same_kind"):
            same: Callable[..., Any] = np.array_equal
            if not same(result.astype(source.dtype), source, equal_nan=source.dtype.kind in "fc"):
                warn(f"input {key!r}: converting {source.dtype} to {dtype} changes some values")
    return result
