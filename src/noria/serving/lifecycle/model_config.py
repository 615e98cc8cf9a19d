"""Which models a server has: ``ModelServerConfig`` in text or proto form -> frozen values, checked in TensorFlow
Serving's order and words.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from noria.errors import InvalidArgumentError, NotFoundError
from noria.protos import POOL
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.policy import All, Latest, Specific, VersionPolicy

PLATFORM: Final = "tensorflow"
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9.+-]*://")  # also a chain as fsspec has them: simplecache::s3://…


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: where its versions are, which of them are wanted, and what they are called besides."""

    name: str
    base_path: str
    policy: VersionPolicy
    labels: Mapping[str, int] = field(default_factory=dict)
    logging: pb.LoggingConfig | None = None  # None when the config says nothing about request logging


def initial(config: ServerConfig) -> pb.ModelServerConfig:
    """The models that the flags name: the config file's, else the one of --model_name and --model_base_path.

    Without either, the environment's MODEL_NAME and MODEL_BASE_PATH count, as in TensorFlow Serving's container: a
    base path there is the folder of all models, the model's own is beneath it. Raises InvalidArgumentError when no
    model is named, and what ``read`` raises.
    """
    if config.model_config_file:
        return read(config.model_config_file)
    name, base_path = config.model_name, config.model_base_path
    if not base_path:
        name = os.environ.get("MODEL_NAME", name) if name == "default" else name
        folder = os.environ.get("MODEL_BASE_PATH", "")
        base_path = f"{folder.rstrip('/')}/{name}" if folder else ""
    if not base_path:
        raise InvalidArgumentError(
            "give the model's directory: --model_base_path=<directory of numbered versions>, or a file of several "
            "models: --model_config_file=<file>"
        )
    if not name:
        raise InvalidArgumentError("--model_name is empty: no request could name the model; leave it out for default")
    found = pb.ModelServerConfig()
    # A config file must have absolute paths; a path typed at a shell is meant from where it is typed.
    absolute = base_path if _SCHEME.search(base_path) else os.path.abspath(base_path)
    found.model_config_list.config.add(name=name, base_path=absolute, model_platform=PLATFORM)
    return found


def read(path: str) -> pb.ModelServerConfig:
    """The config in a file in text form. Raises NotFoundError or InvalidArgumentError, which name the file."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise NotFoundError(f"cannot read the model config file {path}: {error.strerror or error}") from None
    return parse(text, path)


def parse(text: bytes, path: str) -> pb.ModelServerConfig:
    """The config that ``text`` is; ``path`` is for messages. Raises InvalidArgumentError with line and column."""
    found = pb.ModelServerConfig()
    try:
        text_format.Parse(text.decode(), found, descriptor_pool=POOL)
    except (text_format.ParseError, UnicodeDecodeError, DecodeError) as error:
        why = str(error).rstrip(".")
        raise InvalidArgumentError(
            f"{path} is no ModelServerConfig in text form: {why}. It looks like model_config_list {{ config {{ "
            'name: "m" base_path: "/models/m" model_platform: "tensorflow" } }'
        ) from None
    return found


def check_list(config: pb.ModelServerConfig) -> None:
    """Raises InvalidArgumentError for a model listed twice and for a base path that is not absolute."""
    names: set[str] = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise InvalidArgumentError(f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
    for model in config.model_config_list.config:
        if not (model.base_path.startswith("/") or _SCHEME.search(model.base_path)):
            raise InvalidArgumentError(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )


def platform_of(model: pb.ModelConfig) -> str:
    """The platform a model asks for, by the field or by the older one. Raises InvalidArgumentError for none or both."""
    if model.model_type != pb.MODEL_TYPE_UNSPECIFIED:
        if model.model_platform:
            raise InvalidArgumentError(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform."
            )
        if model.model_type != pb.TENSORFLOW:
            raise InvalidArgumentError(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
        return PLATFORM
    if not model.model_platform:
        raise InvalidArgumentError(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform."
        )
    return model.model_platform


def check_platforms(config: pb.ModelServerConfig, served: Mapping[str, ModelConfig]) -> None:
    """Raises InvalidArgumentError for a model that is served already and now asks for another platform."""
    for model in config.model_config_list.config:
        name = model.name
        if name in served and (asked := platform_of(model)) != PLATFORM:
            raise InvalidArgumentError(
                f"Illegal to change a model's platform. For model {name} platform was {PLATFORM} and new platform "
                f"requested is {asked}"
            )


def models(config: pb.ModelServerConfig) -> dict[str, ModelConfig]:
    """The models by name, in the order of the config. Raises InvalidArgumentError for an unsupported platform."""
    found = {}
    for model in config.model_config_list.config:
        if (platform := platform_of(model)) != PLATFORM:
            raise InvalidArgumentError(f"Model {model.name} requests unsupported platform {platform}")
        logging = None
        if model.HasField("logging_config"):
            logging = pb.LoggingConfig()
            logging.CopyFrom(model.logging_config)
        found[model.name] = ModelConfig(
            model.name, model.base_path, _policy(model), dict(model.version_labels), logging
        )
    return found


def _policy(model: pb.ModelConfig) -> VersionPolicy:
    given = model.model_version_policy
    choice = given.WhichOneof("policy_choice")
    if choice == "all":
        return All()
    if choice == "specific":
        return Specific(frozenset(given.specific.versions))
    return Latest(max(given.latest.num_versions, 1))
