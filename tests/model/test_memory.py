"""Weights: mapped, packed by the engine once, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphs import const, node, placeholder
from noria import dtypes
from noria.formats.bundle import BundleWriter
from noria.protos.tensorflow import SavedModel, SignatureDef, TensorInfo

F, S = dtypes.float32, dtypes.string
MATRICES, SIZE = 12, 1408  # 12 matrices of 8 MB: about 95 MB of weights

MEASURE = """
import gc, json, sys
import numpy as np
import noria, noria.model

def memory():
    lines = open("/proc/self/status").read().splitlines()
    found = {l.split(":")[0]: int(l.split()[1]) * 1024 for l in lines if l.startswith(("RssAnon", "RssFile"))}
    return found["RssAnon"], found["RssFile"]

x = np.ones((1, %d), np.float32)
tiny = noria.load(sys.argv[1])  # brings in everything but the weights of the big one
tiny(x=x)
before = memory()
model = noria.load(sys.argv[2])
model(x=x)
gc.collect()
after = memory()
print(json.dumps([a - b for a, b in zip(after, before)]))
"""


def write_model(folder: Path, matrices: int) -> None:
    """x @ w0 @ w1 @ …, with variables that the graph's own restore op brings in."""
    names = [f"w{i}" for i in range(matrices)]
    saved = SavedModel(saved_model_schema_version=1)
    meta = saved.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    nodes = meta.graph_def.node
    nodes.extend([placeholder("x", shape=(None, SIZE)), placeholder("file", S, ())])
    last = "x"
    for i, name in enumerate(names):
        nodes.extend(
            [
                node(name, "VarHandleOp", dtype=F, shape=(SIZE, SIZE), shared_name=name),
                node(f"{name}/read", "ReadVariableOp", name, dtype=F),
                node(f"y{i}", "MatMul", last, f"{name}/read", T=F),
                const(f"{name}/key", [name.encode()], S),
                const(f"{name}/slice", [b""], S),
                node(f"{name}/restore", "RestoreV2", "file", f"{name}/key", f"{name}/slice", dtypes=[F]),
                node(f"{name}/set", "AssignVariableOp", name, f"{name}/restore", dtype=F),
            ]
        )
        last = f"y{i}"
    nodes.append(node("restore", "NoOp", *(f"^{name}/set" for name in names)))
    meta.saver_def.filename_tensor_name = "file:0"
    meta.saver_def.restore_op_name = "restore"
    signature = SignatureDef()
    signature.inputs["x"].CopyFrom(TensorInfo(name="x:0", dtype=F.number))
    signature.inputs["x"].tensor_shape.dim.add(size=-1)
    signature.inputs["x"].tensor_shape.dim.add(size=SIZE)
    signature.outputs["y"].CopyFrom(TensorInfo(name=f"{last}:0", dtype=F.number))
    meta.signature_def["serving_default"].CopyFrom(signature)
    (folder / "variables").mkdir(parents=True)
    with BundleWriter(str(folder / "variables" / "variables")) as writer:
        for i, name in enumerate(names):
            writer.add(name, np.full((SIZE, SIZE), i / SIZE, np.float32))
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_a_loaded_model_adds_one_copy_of_its_weights(tmp_path: Path) -> None:
    """The engine's packed form is the one copy; mapped pages of the checkpoint have gone back to the system."""
    write_model(tmp_path / "tiny", 1)
    write_model(tmp_path / "big", MATRICES)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE % SIZE, str(tmp_path / "tiny"), str(tmp_path / "big")],
        capture_output=True,
        text=True,
        check=True,
    )
    anonymous, mapped = json.loads(run.stdout)
    weights = MATRICES * SIZE * SIZE * 4
    assert anonymous < 1.15 * weights
    assert mapped < 0.1 * weights
