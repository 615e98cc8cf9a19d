"""``noria run`` on the real models: the first recorded call of each gives TensorFlow's answers."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import SHARED
from noria.cli import main
from real_models import RealModel, compare, corpus, zoo

FOUND = (SHARED / "models").is_dir()
MODELS = [model for kind in (corpus, zoo) for model in kind(SHARED / "models")] if FOUND else []
MISSING_OPS = "error: no ONNX lowering or host kernel for: "


@pytest.mark.skipif(not FOUND, reason=f"the real models are not on this machine ({SHARED / 'models'} is absent)")
@pytest.mark.parametrize("model", [m for m in MODELS if m.calls], ids=lambda model: model.name)
def test_the_first_call(model: RealModel, tmp_path: Path) -> None:
    """A command starts with the model as it was saved, which is what the first call of a stateful model saw.

    Which models must run is the matter of tests/model; here a model that does not must be refused by its missing ops.
    """
    call = model.calls[0]
    inputs, wanted = call.load()
    np.savez(tmp_path / "in.npz", allow_pickle=True, **{f"k{i}": value for i, value in enumerate(inputs.values())})
    listed = ";".join(f"{name}={tmp_path / 'in.npz'}[k{i}]" for i, name in enumerate(inputs))
    arguments = ["run", model.path, "--inputs", listed, "--allow_pickle", "--outdir", str(tmp_path / "out")]
    arguments += [] if model.tags is None else ["--tag_set", ",".join(model.tags)]
    if model.inputs is None:
        arguments += ["--signature_def", call.signature]
    else:
        arguments += ["--outputs", ",".join(model.outputs or ())]
    result = CliRunner().invoke(main, arguments)
    if result.stderr.startswith(MISSING_OPS):
        assert result.exit_code == 1
        assert not (tmp_path / "out").exists()
        return
    assert result.exit_code == 0, result.stderr
    files = {name: tmp_path / "out" / f"{quote(name, safe=' ') if '/' in name else name}.npy" for name in wanted}
    compare({name: np.load(file, allow_pickle=True) for name, file in files.items()}, wanted, model.rtol)
