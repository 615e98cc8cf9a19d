"""The model server: TensorFlow Serving's REST and gRPC API over Noria models.

Layers, top to bottom: ``server`` starts and drains; ``rest`` and ``grpc_api`` translate one protocol each and know no
model; ``predict``, ``classify`` and ``status`` know no protocol; ``manager``, ``servable`` and ``source`` hold the life
of model versions; ``config`` holds the flags.

``noria.serving.serve`` runs a server inside a program (``embed``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noria.serving.embed import serve

__all__ = ["serve"]


def __getattr__(name: str) -> object:
    if name == "serve":
        from noria.serving import embed  # brings the engine, which a supervisor of workers does without

        return embed.serve
    raise AttributeError(f"module 'noria.serving' has no attribute {name!r}")
