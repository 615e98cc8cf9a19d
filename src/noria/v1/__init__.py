"""The TensorFlow 1.x face of Noria: ``import noria.v1 as tf``.

Every module below says itself, with ``noria.v1.exports``, under which names of ``tf`` its functions and classes stand;
here they are only imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from noria.v1 import exports

exports.open_face()

if TYPE_CHECKING:  # the names are found when asked for: see exports

    def __getattr__(name: str) -> Any: ...
