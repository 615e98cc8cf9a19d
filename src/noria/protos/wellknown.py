"""``Any`` and the wrappers of ``google.protobuf``, as the messages of the private pool use them.

A class is made when it is first asked for.
"""

from __future__ import annotations

from noria.protos._pool import package_module

__getattr__, __dir__ = package_module(__name__, "google.protobuf")
