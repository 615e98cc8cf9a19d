"""What the protocol tells about the server and its models, as the documents of its REST form.

The messages of its gRPC form have the same fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any, Final

import noria
from noria import dtypes
from noria.errors import NotFoundError, UnavailableError
from noria.serving import predict
from noria.serving.core import Core
from noria.serving.kserve import datatypes
from noria.serving.kserve.infer import Inference
from noria.serving.lifecycle.servable import Servable, Spec, State

EXTENSIONS: Final = ("binary_tensor_data", "model_configuration", "model_repository", "parameters", "statistics")
_PLATFORM: Final = "tensorflow_savedmodel"
_STATES: Final = {
    State.START: "LOADING", State.LOADING: "LOADING", State.AVAILABLE: "READY", State.UNLOADING: "UNLOADING",
    State.END: "UNAVAILABLE",
}  # fmt: skip


def server_metadata() -> dict[str, Any]:
    """Name, version and extensions of this server."""
    return {"name": "noria", "version": noria.__version__, "extensions": list(EXTENSIONS)}


def model_metadata(inference: Inference, name: str, version: str, signature_name: str = "") -> dict[str, Any]:
    """Inputs and outputs of a signature, and the versions that are available, lowest first.

    A dimension of any size is -1; so is, as the only one, a shape of any rank. Raises what ``Inference.handle`` does,
    FailedPreconditionError for an unknown signature.
    """
    with inference.handle(name, version) as servable:
        signature = predict.find_signature(servable.model, signature_name)
        available = [s.id.version for s in inference.core.manager.versions(name) if s.state is State.AVAILABLE]
        return {
            "name": servable.id.name,
            "versions": [str(number) for number in sorted(available)],
            "platform": _PLATFORM,
            "inputs": _tensors(signature.inputs),
            "outputs": _tensors(signature.outputs),
        }


def _tensors(specs: Mapping[str, Spec]) -> list[dict[str, Any]]:
    return [
        {"name": alias, "datatype": datatypes.shown(spec.dtype), "shape": wire_shape(spec)}
        for alias, spec in specs.items()
    ]


def wire_shape(spec: Spec) -> list[int]:
    """A declared shape as the protocol writes it."""
    return [-1] if spec.shape is None else [-1 if size is None else size for size in spec.shape]


async def model_ready(inference: Inference, name: str, version: str) -> bool:
    """Whether a request for this model would be served, whichever worker gets it.

    Raises NotFoundError for a name the server does not know.
    """
    fleet = inference.core.process.fleet
    try:
        with inference.handle(name, version) as servable:
            number = servable.id.version
    except UnavailableError:  # the server has just started
        return False
    except NotFoundError:
        if inference.core.manager.versions(name):
            return False
        if fleet is not None and await fleet.model_ready(name, None) is not None:  # it raises where none knows it
            return False
        raise
    return fleet is None or await fleet.model_ready(name, number if version else None)


async def repository_index(inference: Inference, ready: bool) -> list[dict[str, Any]]:
    """Every version the server knows, or only those that are ready, with its state and why a load failed."""
    fleet = inference.core.process.fleet
    if fleet is not None:
        return [
            {
                "name": model["name"],
                "version": str(version["version"]),
                "state": _STATES[State[version["state"]]],
                "reason": version.get("reason", "") if "error_code" in version else "",
            }
            for model in sorted((await fleet.models())["models"], key=itemgetter("name"))
            for version in model["versions"]
            if version["state"] == State.AVAILABLE.name or not ready
        ]
    return [
        {
            "name": servable.id.name,
            "version": str(servable.id.version),
            "state": _STATES[servable.state],
            "reason": "" if servable.error is None else servable.error.message,
        }
        for servable in _servables(inference, "")
        if servable.state is State.AVAILABLE or not ready
    ]


def model_statistics(inference: Inference, name: str, version: str) -> dict[str, Any]:
    """The counts of one version, of all versions of a model, or of all models (no name).

    Raises NotFoundError for a model or version the server does not know.
    """
    known = list(_servables(inference, name))
    if version:
        with inference.handle(name, version) as servable:
            known = [servable]
    elif name and not known:
        raise NotFoundError(f"Could not find any versions of model {name}")
    if not name:
        inference.statistics.forget_all_but({servable.id for servable in known})
    loaded = [servable for servable in known if servable.state is State.AVAILABLE]
    return {"model_stats": [inference.statistics.document(servable.id) for servable in loaded]}


def _servables(inference: Inference, name: str) -> Iterable[Servable]:
    manager = inference.core.manager
    for each in [name] if name else sorted(manager.names()):
        yield from manager.versions(each)


async def missing(core: Core) -> list[str]:
    """Why the server is not ready; empty when it is."""
    if core.process.draining:
        return ["the server is shutting down"]
    if core.process.fleet is not None:
        return await core.process.fleet.missing()
    return core.manager.missing()


def model_config(inference: Inference, name: str, version: str, signature_name: str = "") -> dict[str, Any]:
    """The model configuration extension's document, as far as load generators read it.

    ``max_batch_size`` is 0, which says that the shapes are whole: a batch dimension is part of them. Raises what
    ``model_metadata`` does.
    """
    with inference.handle(name, version) as servable:
        signature = predict.find_signature(servable.model, signature_name)
        return {
            "name": servable.id.name,
            "platform": _PLATFORM,
            "backend": "noria",
            "max_batch_size": 0,
            "input": _config_tensors(signature.inputs),
            "output": _config_tensors(signature.outputs),
        }


def _config_tensors(specs: Mapping[str, Spec]) -> list[dict[str, Any]]:
    rows = []
    for alias, spec in specs.items():
        kind = "STRING" if spec.dtype is dtypes.string else datatypes.shown(spec.dtype)
        if spec.dtype not in datatypes.BY_NAME.values():
            kind = "INVALID"
        rows.append({"name": alias, "data_type": f"TYPE_{kind}", "dims": wire_shape(spec)})
    return rows
