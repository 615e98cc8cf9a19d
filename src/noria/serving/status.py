"""Model status and metadata, whatever the protocol: answers are the messages of ``tensorflow.serving``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from noria.errors import InvalidArgumentError, NotFoundError
from noria.protos import serving as pb
from noria.serving.core import Core
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Servable

SIGNATURE_DEF: Final = "signature_def"


def model_status(manager: Manager, name: str, version: int | None = None) -> pb.GetModelStatusResponse:
    """The state of one version, or of all, highest first; labels play no part. Raises NotFoundError."""
    servables = manager.versions(name)
    if version is not None:
        servables = [servable for servable in servables if servable.id.version == version]
        if not servables:
            raise NotFoundError(f"Could not find version {version} of model {name}")
    if not servables:
        trouble = manager.unavailable().get(name) or manager.trouble(name)
        raise NotFoundError(f"Could not find any versions of model {name}" + (trouble and f": {trouble}"))
    response = pb.GetModelStatusResponse()
    for servable in servables:
        message = servable.waiting if servable.error is None else servable.error.message
        response.model_version_status.append(
            pb.ModelVersionStatus(
                version=servable.id.version,
                state=int(servable.state),
                status=pb.StatusProto(error_code=int(servable.code), error_message=message),
            )
        )
    return response


def list_models(core: Core) -> list[dict[str, Any]]:
    """Every model with its versions, for ``GET /v1/models``; plain values that JSON has.

    labels_waiting: labels whose version is not available yet; memory_bytes: what the model's variables, constants and
    graph are estimated to take; requests: since this version was loaded; reason: why the model, or the version, does
    not serve, where it does not.
    """
    manager = core.manager
    unavailable = manager.unavailable()
    found = []
    for name in manager.names():
        versions = [_describe(servable) for servable in manager.versions(name)]
        reason = unavailable.get(name) or manager.trouble(name)
        found.append(
            {
                "name": name,
                "available": manager.latest(name) is not None,
                **({"reason": reason} if reason else {}),
                "labels": dict(manager.labels(name)),
                **({"labels_waiting": waiting} if (waiting := manager.waiting_labels(name)) else {}),
                "memory_bytes": sum(version["memory_bytes"] for version in versions),
                "requests": sum(version["requests"] for version in versions),
                "versions": versions,
            }
        )
    return found


def _describe(servable: Servable) -> dict[str, Any]:
    reason = servable.waiting if servable.error is None else servable.error.message
    return {
        "version": servable.id.version,
        "state": servable.state.name,
        **({"error_code": servable.code.name} if servable.error is not None else {}),
        **({"reason": reason} if reason else {}),
        "memory_bytes": servable.resident_bytes,
        "requests": servable.requests,
        "in_flight": servable.in_flight,
    }


def check_metadata_fields(fields: Sequence[str]) -> None:
    """Raises InvalidArgumentError unless ``signature_def``, and nothing else, is asked for."""
    if not fields:
        raise InvalidArgumentError("GetModelMetadataRequest must specify at least one metadata_field")
    for field in fields:
        if field != SIGNATURE_DEF:
            raise InvalidArgumentError(f"Metadata field {field} is not supported")


def signature_defs(servable: Servable) -> pb.SignatureDefMap:
    """The signatures of a held servable, exactly as its model file has them."""
    found = pb.SignatureDefMap()
    for name, signature in servable.model.meta_graph.signature_def.items():
        found.signature_def[name].CopyFrom(signature)
    return found
