"""A served model with an op of the user's own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from google.protobuf import text_format

from noria.errors import InvalidArgumentError
from noria.protos import POOL
from noria.protos.tensorflow import SavedModel
from noria.serving.op_modules import import_op_modules

_MODULE = """
import noria

@noria.custom_op('name: "Acme>Triple" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT }')
def triple(call, x):
    return 3 * x
"""
_BODY = b'{"instances": [1.5, 2.0]}'
_MODEL = """
saved_model_schema_version: 1
meta_graphs {
  meta_info_def { tags: "serve" }
  graph_def {
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "y" op: "Acme>Triple" input: "x" }
  }
  signature_def {
    key: "serving_default"
    value {
      inputs { key: "x" value { name: "x:0" dtype: DT_FLOAT tensor_shape { dim { size: -1 } } } }
      outputs { key: "y" value { name: "y:0" dtype: DT_FLOAT tensor_shape { dim { size: -1 } } } }
      method_name: "tensorflow/serving/predict"
    }
  }
}
"""


def _answer(url: str) -> bytes:
    """What the model answers once it is loaded."""
    for _ in range(1200):
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url, _BODY, timeout=20) as answer:
            content: bytes = answer.read()
            return content
        time.sleep(0.05)
    pytest.fail("the model was never served")


def test_a_served_model_uses_the_ops_of_the_named_module(tmp_path: Path) -> None:
    (tmp_path / "acme_served_ops.py").write_text(_MODULE)
    (tmp_path / "m" / "1").mkdir(parents=True)
    model = text_format.Parse(_MODEL, SavedModel(), descriptor_pool=POOL)
    (tmp_path / "m" / "1" / "saved_model.pb").write_bytes(model.SerializeToString())
    flags = ["--port=0", "--rest_api_port=-1", "--model_name=m", f"--model_base_path={tmp_path / 'm'}"]
    command = [sys.executable, "-m", "noria", "serve", *flags, "--op_modules=acme_served_ops"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().rpartition(":")[2].strip()
            content = json.loads(_answer(f"http://127.0.0.1:{port}/v1/models/m:predict"))
            assert content == {"predictions": [4.5, 6.0]}
        finally:
            server.terminate()


def test_a_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match=r"cannot import 'no_such_ops': ModuleNotFoundError"):
        import_op_modules("json, no_such_ops")
