"""Graph → Program: the passes, the cut into ONNX segments and host steps, and the engine.

ONNX Runtime's official builds report to Microsoft from 1.29 on, and keep a device id and what was not sent yet in
``~/.cache/Microsoft/DeveloperTools``. A model server writes and sends nothing that its operator did not ask for: that
is off here, unless the environment says something about ``ORT_DISABLE_TELEMETRY`` itself.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when the engine is imported, which `ort` does
