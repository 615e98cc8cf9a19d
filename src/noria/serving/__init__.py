"""The model server: TensorFlow Serving's REST and gRPC API over Noria models.

Top to bottom: ``command`` reads the command line, ``workers`` runs several processes, ``server`` starts and drains one.
The edges translate one protocol each and know no model: ``rest`` on ``http1``, ``grpc_api`` and ``grpc_services``,
``kserve``; each gets a ``core``. ``predict``, ``classify``, ``status`` and ``management`` know no protocol; ``runner``
and ``batching`` bring their calls to the engine. ``lifecycle`` holds versions from their directories to their end.
``observe`` counts, logs and traces; ``security`` says who may; ``config`` holds the flags.

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
