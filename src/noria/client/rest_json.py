"""The JSON of TensorFlow Serving's REST API, from a caller's side.

Requests are in column form (``{"inputs": {alias: value}}``), which takes every shape; bytes travel as ``{"b64": ...}``
where they are no UTF-8 text. NaN and the infinities are written and read bare, as this API has them. Answers take
their dtypes from the signature.

orjson reads and writes where it is installed and can: it is several times faster on arrays.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from noria import dtypes
from noria.client import messages, values
from noria.client.answers import Metadata, SignatureInfo, TensorInfo, VersionStatus
from noria.client.messages import Array, Example
from noria.errors import InternalError, InvalidArgumentError
from noria.formats.example import parse_example
from noria.formats.tensor_proto import as_bytes

try:
    import orjson
except ImportError:  # the client alone runs without
    orjson = None  # type: ignore[assignment]

_PLAIN: Final = "biuf"


def predict_body(signature: SignatureInfo, inputs: Mapping[str, Array], name: str) -> bytes:
    """The body of a Predict request. Raises InvalidArgumentError for names that the signature does not have."""
    if unknown := [alias for alias in inputs if alias not in signature.inputs]:
        raise InvalidArgumentError(
            f"signature {signature.name!r} has no input {', '.join(unknown)}; it takes: {', '.join(signature.inputs)}"
        )
    document: dict[str, Any] = {"signature_name": name} if name else {}
    columns = {alias: values.widened(array, signature.inputs[alias].dtype) for alias, array in inputs.items()}
    if orjson is not None and all(_finite(array) for array in columns.values()):
        document["inputs"] = {alias: np.ascontiguousarray(array) for alias, array in columns.items()}
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    document["inputs"] = {alias: _nested(alias, array) for alias, array in columns.items()}
    return dumps(document)


def _finite(array: Array) -> bool:
    """Whether orjson writes it: a plain array without NaN and infinities. Scalars have no form there."""
    if array.ndim == 0 or array.dtype.kind not in _PLAIN or not array.dtype.isnative:
        return False
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _nested(alias: str, array: Array) -> Any:
    if array.dtype.kind in "OSU":
        flat = np.empty(array.size, object)
        try:
            flat[:] = [_text(item) for item in as_bytes(array)]
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"input {alias!r}: {error}") from None
        return flat.reshape(array.shape).tolist()
    if array.dtype.kind not in _PLAIN:
        raise InvalidArgumentError(f"input {alias!r}: JSON carries no {array.dtype}; use the server's gRPC address")
    return array.tolist()


def _text(item: bytes) -> Any:
    try:
        return item.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(item).decode()}


def dumps(document: Any) -> bytes:
    """JSON with NaN and Infinity bare."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def loads(body: bytes) -> Any:
    """The value of a body; strings that are no UTF-8 keep their bytes as surrogates. Raises InternalError."""
    if orjson is not None:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # NaN, or bytes that are no text
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError) as error:
        start = body[:80].decode("utf-8", "replace")
        raise InternalError(f"the server's answer is not JSON ({error}); it begins: {start}") from None


def predict_answer(body: bytes, signature: SignatureInfo) -> dict[str, Array]:
    """The outputs of an answer in column form. ValueError or TypeError where they do not fit the signature."""
    outputs = member(loads(body), "outputs")
    if len(signature.outputs) == 1:
        ((alias, info),) = signature.outputs.items()
        return {alias: _array(outputs, info)}
    return {alias: _array(outputs[alias], info) for alias, info in signature.outputs.items()}


def _array(value: Any, info: TensorInfo) -> Array:
    if info.dtype is dtypes.string:
        array = np.array(_bytes(value), object)
    else:
        with np.errstate(over="ignore"):  # too big for float32 is infinite
            array = np.array(value, info.dtype.numpy)
    if array.size == 0 and info.shape is not None and array.ndim < len(info.shape):
        # Empty lists do not say what would stand in them.
        shape = [*array.shape, *(n or 0 for n in info.shape[array.ndim :])]
        array = np.empty(shape, array.dtype)
    return array


def _bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_bytes(item) for item in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    if not isinstance(value, str):
        raise TypeError(f"a string output holds {value!r}")
    return value.encode("utf-8", "surrogateescape")


def examples_body(examples: Iterable[Example], context: Example | None, name: str) -> bytes:
    """The body of a Classify or Regress request."""
    document: dict[str, Any] = {"signature_name": name} if name else {}
    if context is not None:
        document["context"] = _features(context)
    document["examples"] = [_features(given) for given in examples]
    return dumps(document)


def _features(given: Example) -> dict[str, Any]:
    """The features of an example. By way of its bytes: the rules of what becomes what are those of gRPC."""
    found = {}
    for name, feature in parse_example(messages.example(given)).items():
        items = [_text(item) for item in feature] if isinstance(feature, list) else feature.tolist()
        found[name] = items
    return found


def classes(body: bytes) -> list[list[tuple[str, float]]]:
    """The results of a Classify answer."""
    return [[(str(label), float(score)) for label, score in row] for row in member(loads(body), "results")]


def values_of(body: bytes) -> Array:
    """The results of a Regress answer."""
    return np.array(member(loads(body), "results"), np.float32)


def member(document: Any, name: str) -> Any:
    """A member of an answer. Raises InternalError where there is none."""
    if not isinstance(document, dict) or name not in document:
        raise InternalError(f"the server's answer has no {name!r}: {str(document)[:80]}")
    return document[name]


def metadata(body: bytes) -> Metadata:
    """The signatures in a metadata answer."""
    document = loads(body)
    spec = member(document, "model_spec")
    found = member(member(member(document, "metadata"), messages.SIGNATURE_DEF), messages.SIGNATURE_DEF)
    signatures = {
        name: SignatureInfo(name, row.get("method_name", ""), _infos(row.get("inputs")), _infos(row.get("outputs")))
        for name, row in sorted(found.items())
    }
    return Metadata(spec.get("name", ""), int(spec.get("version") or 0), signatures)


def _infos(rows: Mapping[str, Any] | None) -> dict[str, TensorInfo]:
    found = {}
    for alias, row in sorted((rows or {}).items()):
        shape = row.get("tensor_shape") or {}
        sizes = [int(dim.get("size", 0)) for dim in shape.get("dim") or ()]
        unknown = bool(shape.get("unknown_rank", False))
        found[alias] = messages.tensor_info(row.get("name", ""), messages.dtype_of(row["dtype"]), sizes, unknown)
    return found


def status(body: bytes) -> list[VersionStatus]:
    """The versions in a status answer."""
    return [
        VersionStatus(
            int(row["version"]),
            row["state"],
            messages.code_of(row.get("status", {}).get("error_code", "OK")),
            row.get("status", {}).get("error_message", ""),
        )
        for row in member(loads(body), "model_version_status")
    ]


def models(body: bytes) -> list[dict[str, Any]]:
    """The rows of a list of models."""
    rows = member(loads(body), "models")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InternalError(f"the server's answer is no list of models: {str(rows)[:80]}")
    return rows


def error_text(body: bytes) -> str:
    """The server's words in an error answer; of a proxy's page, how it begins."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return " ".join(body[:200].decode("utf-8", "replace").split())
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return str(document["error"])
    return str(document)[:200]
