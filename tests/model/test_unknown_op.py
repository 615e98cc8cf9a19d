"""A custom op makes the signature that needs it unusable, and no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import noria
from graphs import node, placeholder
from noria import dtypes
from noria.errors import UnimplementedError
from noria.protos.tensorflow import SavedModel, SignatureDef, TensorInfo


def info(name: str) -> TensorInfo:
    return TensorInfo(name=name, dtype=dtypes.float32.number)


def test_custom_op_is_reported_by_its_signature_only(tmp_path: Path) -> None:
    saved = SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.graph_def.node.extend([placeholder("x"), node("y", "MyFastOp", "x"), node("z", "Neg", "x", T=dtypes.float32)])
    for name, output in (("custom", "y:0"), ("serving_default", "z:0")):
        signature = SignatureDef(inputs={"x": info("x:0")}, outputs={"out": info(output)})
        meta.signature_def[name].CopyFrom(signature)
    (tmp_path / "saved_model.pb").write_bytes(saved.SerializeToString())
    model = noria.load(str(tmp_path))
    assert model(x=np.array([1], np.float32))["out"].tolist() == [-1.0]
    assert model.signatures["custom"].problem() == ("no ONNX lowering or host kernel for: MyFastOp (1 node, first 'y')")
    with pytest.raises(UnimplementedError, match="MyFastOp"):
        model.signatures["custom"](x=np.array([1], np.float32))
