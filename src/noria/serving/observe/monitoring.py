"""Where metrics are scraped: ``--monitoring_config_file``, a MonitoringConfig in text format."""

from __future__ import annotations

from typing import Final

from noria.errors import DataLossError, InvalidArgumentError, TFError
from noria.formats import files, proto_file
from noria.protos import serving as pb

DEFAULT_PATH: Final = "/monitoring/prometheus/metrics"


def metrics_path(config_file: str) -> str:
    """The URL path of the metrics, "" where they are off; without a file they are on, at TensorFlow Serving's path.

    Raises NotFoundError for a file that is not there, InvalidArgumentError for one that is no MonitoringConfig or has
    a path without a leading slash.
    """
    if not config_file:
        return DEFAULT_PATH
    flag = f"--monitoring_config_file={config_file}"
    try:
        message = proto_file.parse_text(pb.MonitoringConfig, files.read_bytes(config_file), flag)
    except DataLossError as error:
        raise InvalidArgumentError(
            f'{error}; expected for instance prometheus_config {{ enable: true path: "{DEFAULT_PATH}" }}'
        ) from None
    except TFError as error:  # the file cannot be read
        raise type(error)(f"--monitoring_config_file: {error.message}") from None
    if not message.prometheus_config.enable:
        return ""
    path = message.prometheus_config.path or DEFAULT_PATH
    if not path.startswith("/"):
        raise InvalidArgumentError(f"{flag}: the path {path!r} must begin with a slash")
    return path
