"""``tf.compat``'s conversions, ``tf.version``, ``tf.sysconfig`` and ``tf.resource_loader``."""

from __future__ import annotations

import datetime
import numbers
import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from noria import __version__ as noria_version
from noria.v1.exports import constant, export

# The last release of the 1.x series: it has all names of that series and their arguments, old and new spellings, so
# that programs which ask for "at least 1.x" or "before 2" take the road written for it.
VERSION: Final = "1.15.5"
GRAPH_DEF_VERSION: Final = 134  # that release's

_HORIZON = datetime.date(2021, 1, 6)  # the day of that release: what was planned before it is in


@export("compat.as_bytes")
def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """The bytes of text; bytes as they are. Raises TypeError for anything else."""
    if isinstance(bytes_or_text, bytearray):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


@export("compat.as_text", "compat.as_str")
def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """The text of bytes; text as it is. Raises TypeError for anything else."""
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


@export("compat.as_str_any")
def as_str_any(value: Any, encoding: str = "utf-8") -> str:
    """The text of bytes, ``str(value)`` of anything else."""
    return as_text(value, encoding) if isinstance(value, bytes) else str(value)


@export("compat.path_to_str")
def path_to_str(path: Any) -> Any:
    """A path object as text; anything else as it is."""
    return os.fspath(path) if hasattr(path, "__fspath__") else path


@export("compat.path_to_bytes")
def path_to_bytes(path: Any) -> bytes:
    """A path, object or text, as bytes."""
    return as_bytes(path_to_str(path))


@export("compat.forward_compatible")
def forward_compatible(year: int, month: int, day: int) -> bool:
    """Whether a graph made now may use what came in by this day."""
    return datetime.date(year, month, day) < _HORIZON


@export("resource_loader.get_data_files_path")
def get_data_files_path() -> str:
    """The folder of the file that calls."""
    return _folder_of_caller()


@export("resource_loader.get_root_dir_with_all_resources")
def get_root_dir_with_all_resources() -> str:
    """The folder of the file that calls."""
    return _folder_of_caller()


@export("resource_loader.get_path_to_datafile")
def get_path_to_datafile(path: str) -> str:
    """``path`` beside the file that calls."""
    return os.path.join(_folder_of_caller(), path)


@export("resource_loader.load_resource")
def load_resource(path: str) -> bytes:
    """The content of the file ``path`` beside the file that calls."""
    return Path(_folder_of_caller(), path).read_bytes()


@export("resource_loader.readahead_file_path")
def readahead_file_path(path: str, readahead: str = "128M") -> str:
    """``path`` as it is."""
    return path


def _folder_of_caller() -> str:
    return os.path.dirname(sys._getframe(2).f_code.co_filename)


@export("sysconfig.get_build_info")
def get_build_info() -> dict[str, Any]:
    """What this build has: no CUDA, no ROCm."""
    return {"is_cuda_build": False, "is_rocm_build": False, "is_tensorrt_build": False}


constant("compat.bytes_or_text_types", (bytes, str))
constant("compat.integral_types", (numbers.Integral, np.integer))
constant("compat.real_types", (numbers.Real, np.integer, np.floating))
constant("compat.complex_types", (numbers.Complex, np.number))
constant("__version__", VERSION)
for _space in ("", "version."):
    constant(f"{_space}VERSION", VERSION)
    constant(f"{_space}GIT_VERSION", f"noria-{noria_version}")
    constant(f"{_space}COMPILER_VERSION", sys.version.split()[0])
    constant(f"{_space}GRAPH_DEF_VERSION", GRAPH_DEF_VERSION)
    constant(f"{_space}GRAPH_DEF_VERSION_MIN_CONSUMER", 0)
    constant(f"{_space}GRAPH_DEF_VERSION_MIN_PRODUCER", 0)
for _space in ("", "sysconfig."):
    constant(f"{_space}CXX11_ABI_FLAG", 1)
    constant(f"{_space}MONOLITHIC_BUILD", 0)
