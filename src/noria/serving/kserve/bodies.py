"""Bodies of the protocol's REST form: a request to arrays, arrays to an answer.

With the binary extension a body is a JSON object, whose length the header ``Inference-Header-Content-Length`` gives,
and then the raw data of each tensor that has a ``binary_data_size``, in the order of the object::

    {"inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}]}<24 bytes>
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
import orjson
import simdjson

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.serving import json_text
from noria.serving.kserve import datatypes, tensors
from noria.serving.kserve.infer import Request

Array = np.ndarray[Any, np.dtype[Any]]

_BIG: Final = 16 * 1024  # bytes of JSON from which simdjson pays for its set-up
_NUMPY: Final = orjson.OPT_SERIALIZE_NUMPY
# how simdjson gives numbers: the kind of buffer and its NumPy dtype
_DOUBLES: Final[tuple[Literal["d"], Any]] = ("d", np.float64)
_SIGNED: Final[tuple[Literal["i"], Any]] = ("i", np.int64)
_UNSIGNED: Final[tuple[Literal["u"], Any]] = ("u", np.uint64)


class Wanted:
    """How a request wants its outputs: ``binary`` by name, ``default`` for those it does not name."""

    __slots__ = ("binary", "default")

    def __init__(self, default: bool) -> None:
        self.default = default
        self.binary: dict[str, bool] = {}


def read(body: bytes, header_length: int | None) -> tuple[Request, Wanted]:
    """Reads the body of an inference request.

    header_length: of its JSON part, None where that is all. Raises InvalidArgumentError, naming the tensor where it is
    about one.
    """
    if header_length is None:
        document, rest = parse(body), memoryview(b"")
    else:
        if not 0 <= header_length <= len(body):
            raise InvalidArgumentError(
                f"Inference-Header-Content-Length is {header_length}; the body has {len(body)} bytes"
            )
        document, rest = parse(body[:header_length]), memoryview(body)[header_length:]
    parameters = _object(document, "parameters")
    given = document.get("inputs")
    if type(given) is not list:
        raise InvalidArgumentError("an inference request has 'inputs', a list of tensors; this one has none")
    inputs: dict[str, Array] = {}
    for tensor in given:
        name = _name(tensor, "input")
        if name in inputs:
            raise InvalidArgumentError(f"input {name!r} is there twice")
        inputs[name], rest = _input(name, tensor, rest)
    if len(rest):
        raise InvalidArgumentError(
            f"{len(rest)} bytes of binary data are left after all inputs that have a binary_data_size"
        )
    wanted = Wanted(_flag(parameters, "binary_data_output", False))
    outputs = _outputs(document, wanted)
    return Request(inputs, outputs, _id(document), parameters), wanted


def parse(text: bytes) -> dict[str, Any]:
    """A JSON object; in a big one, ``data`` that is numbers alone comes as an array of them."""
    document: Any = _parse_big(text) if len(text) >= _BIG else None
    if document is None:
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            document = json_text.parse(text)  # which takes NaN and Infinity, and says what is wrong
    if type(document) is not dict:
        raise InvalidArgumentError(f"the body is a JSON object; got {json_text.show(document)}")
    return document


def _parse_big(text: bytes) -> dict[str, Any] | None:
    """``text`` by simdjson, or None where another reader must look."""
    try:
        found = simdjson.Parser().parse(text)
        if not isinstance(found, simdjson.Object):
            return None
        document: dict[str, Any] = {}
        for key in found.keys():  # noqa: SIM118  # not a dict: iterating it, or a list, makes Python values of all
            value = found[key]
            if key == "inputs" and isinstance(value, simdjson.Array):
                document[key] = [_big_tensor(value[index]) for index in range(len(value))]
            else:
                document[key] = _plain(value)
    except (ValueError, TypeError, RuntimeError):  # the last one for nesting too deep
        return None
    return document


def _big_tensor(tensor: Any) -> Any:
    if not isinstance(tensor, simdjson.Object):
        return _plain(tensor)
    found = {key: None if key == "data" else _plain(tensor[key]) for key in tensor.keys()}  # noqa: SIM118
    if "data" not in found:
        return found
    data = tensor["data"]
    datatype = found.get("datatype")
    dtype = datatypes.BY_NAME.get(datatype) if isinstance(datatype, str) else None
    if isinstance(data, simdjson.Array) and dtype is not None and dtype not in (dtypes.bool_, dtypes.string):
        kind, numpy_dtype = _DOUBLES if dtype.is_floating else _UNSIGNED if dtype is dtypes.uint64 else _SIGNED
        try:
            found["data"] = np.frombuffer(data.as_buffer(of_type=kind), numpy_dtype)
        except (TypeError, ValueError):
            found["data"] = data.as_list()
    else:
        found["data"] = _plain(data)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, simdjson.Object):
        return value.as_dict()
    return value.as_list() if isinstance(value, simdjson.Array) else value


def _input(name: str, tensor: dict[str, Any], rest: memoryview) -> tuple[Array, memoryview]:
    """One input, and the binary data after its own."""
    datatype = tensor.get("datatype")
    if type(datatype) is not str:
        raise InvalidArgumentError(f"input {name!r} has no 'datatype'; it is one of {', '.join(datatypes.BY_NAME)}")
    dtype = datatypes.find(datatype)
    shape = tensors.check_shape(name, tensor.get("shape"))
    parameters = _object(tensor, "parameters")
    refuse_shared_memory(name, parameters)
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in tensor:
            raise InvalidArgumentError(f"input {name!r} has neither 'data' nor the parameter 'binary_data_size'")
        return tensors.from_json(name, tensor["data"], dtype, shape), rest
    if "data" in tensor:
        raise InvalidArgumentError(f"input {name!r} has both 'data' and the parameter 'binary_data_size'; send one")
    if type(size) is not int or not 0 <= size <= len(rest):
        raise InvalidArgumentError(
            f"input {name!r}: binary_data_size is {json_text.show(size)}; {len(rest)} bytes follow the JSON and the "
            "inputs before (Inference-Header-Content-Length gives the length of the JSON)"
        )
    return tensors.from_raw(name, rest[:size], dtype, shape), rest[size:]


def refuse_shared_memory(name: str, parameters: Any) -> None:
    """Raises InvalidArgumentError for a tensor that is to come by shared memory."""
    if "shared_memory_region" in parameters:
        raise InvalidArgumentError(
            f"tensor {name!r} is in shared memory, which this server does not take; send the data with the request"
        )


def _outputs(document: dict[str, Any], wanted: Wanted) -> list[str]:
    given = document.get("outputs", [])
    if type(given) is not list:
        raise InvalidArgumentError(f"'outputs' is a list of tensors; got {json_text.show(given)}")
    names = []
    for tensor in given:
        name = _name(tensor, "output")
        parameters = _object(tensor, "parameters")
        refuse_shared_memory(name, parameters)
        refuse_classification(name, parameters)
        wanted.binary[name] = _flag(parameters, "binary_data", wanted.default)
        names.append(name)
    return names


def refuse_classification(name: str, parameters: Any) -> None:
    """Raises InvalidArgumentError for an output that is wanted as its highest values."""
    if "classification" in parameters:
        raise InvalidArgumentError(
            f"output {name!r}: the classification extension is not supported; ask for the output itself and take its "
            "highest values"
        )


def parameters(body: bytes) -> dict[str, Any]:
    """The parameters of a request that need not have a body."""
    return _object(parse(body), "parameters") if body.strip() else {}


def _name(tensor: Any, what: str) -> str:
    name = tensor.get("name") if type(tensor) is dict else None
    if type(name) is not str:
        raise InvalidArgumentError(f"an {what} is an object with a 'name'; got {json_text.show(tensor)}")
    return name


def _object(holder: dict[str, Any], key: str) -> dict[str, Any]:
    found = holder.get(key)
    if found is None:
        return {}
    if type(found) is not dict:
        raise InvalidArgumentError(f"{key!r} is an object; got {json_text.show(found)}")
    return found


def _flag(parameters: dict[str, Any], key: str, default: bool) -> bool:
    found = parameters.get(key, default)
    if type(found) is not bool:
        raise InvalidArgumentError(f"parameter {key!r} is true or false; got {json_text.show(found)}")
    return found


def _id(document: dict[str, Any]) -> str:
    found = document.get("id", "")
    if type(found) is not str:
        raise InvalidArgumentError(f"'id' is a string; got {json_text.show(found)}")
    return found


def write(name: str, version: int, request: Request, wanted: Wanted, outputs: Mapping[str, Array]) -> tuple[bytes, int]:
    """The body of an answer, and the length of its JSON part, 0 where that is all."""
    described, raw = [], []
    for alias, array in outputs.items():
        tensor: dict[str, Any] = {
            "name": alias,
            "datatype": datatypes.name_of(dtypes.from_numpy(array.dtype)),
            "shape": list(array.shape),
        }
        if wanted.binary.get(alias, wanted.default):
            data = tensors.to_raw(array)
            tensor["parameters"] = {"binary_data_size": len(data)}
            raw.append(data)
        else:
            tensor["data"] = tensors.to_json(alias, array)
        described.append(tensor)
    document: dict[str, Any] = {"model_name": name, "model_version": str(version), "outputs": described}
    if request.id:
        document = {"id": request.id, **document}
    text = dump(document)
    return (b"".join([text, *raw]), len(text)) if raw else (text, 0)


def dump(document: Any) -> bytes:
    """JSON text; NumPy arrays are lists of their elements."""
    try:
        return orjson.dumps(document, option=_NUMPY)
    except TypeError:  # a string that holds a lone surrogate, which came in with the request
        return orjson.dumps(_clean(document), option=_NUMPY)


def _clean(value: Any) -> Any:
    if type(value) is str:
        return value.encode("utf-8", "replace").decode()
    if type(value) is dict:
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if type(value) is list else value
