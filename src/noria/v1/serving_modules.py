"""``tensorflow_serving.apis`` as client programs import it: messages, and the stubs of a server's gRPC services."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

from google.protobuf import message_factory

from noria.protos import POOL, serving

_MESSAGES: Final = [
    "classification",
    "get_model_metadata",
    "get_model_status",
    "inference",
    "input",
    "logging",
    "model",
    "model_management",
    "predict",
    "prediction_log",
    "regression",
    "session_service",
    "prediction_service",
    "model_service",
]
MODULES: Final = frozenset(
    [
        "",
        "apis",
        *(f"apis.{name}_pb2" for name in _MESSAGES),
        *(f"apis.{name}_pb2_grpc" for name in ("prediction_service", "model_service", "session_service")),
    ]
)


def module(name: str) -> ModuleType | None:
    """The module for ``tensorflow_serving.name``; None where there is none."""
    if name not in MODULES:
        return None
    made = _Stubs if name.endswith("_grpc") else _Messages if name.endswith("_pb2") else ModuleType
    found = made(f"tensorflow_serving.{name}".rstrip("."))
    if made is ModuleType:
        found.__path__ = []
    return found


class _Messages(ModuleType):
    """Messages of the serving API, whichever of its files they are in."""

    def __getattr__(self, name: str) -> Any:
        return getattr(serving, name)


class _Stubs(ModuleType):
    """Classes such as ``PredictionServiceStub``."""

    def __getattr__(self, name: str) -> Any:
        service = name.removesuffix("Stub")
        try:
            found = POOL.FindServiceByName(f"tensorflow.serving.{service}") if name.endswith("Stub") else None
        except KeyError:
            found = None
        if found is None:
            raise AttributeError(f"{self.__name__} has no {name!r}: of gRPC there are the stubs of clients")
        made = vars(self)[name] = _stub_class(name, found)
        return made


def _stub_class(name: str, service: Any) -> type:
    """A class whose instances have one callable for each method of ``service``."""

    def __init__(self: Any, channel: Any) -> None:
        for method in service.methods:
            call = channel.unary_unary(
                f"/{service.full_name}/{method.name}",
                request_serializer=message_factory.GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
            )
            setattr(self, method.name, call)

    return type(name, (), {"__init__": __init__, "__doc__": f"Calls {service.full_name} through a gRPC channel."})
