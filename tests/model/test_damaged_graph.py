"""A graph with damaged bytes gives answers or one of Noria's errors, never a traceback of something else."""

from __future__ import annotations

import random
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import noria
from noria.errors import InvalidArgumentError, TFError
from noria.model.signature import Signature

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def some_inputs(signature: Signature) -> dict[str, object]:
    """One element for each input, of its dtype."""
    made: dict[str, object] = {}
    for alias, spec in signature.inputs.items():
        shape = [d if d is not None and d < 16 else 1 for d in (spec.shape or (1,))][:4]
        made[alias] = np.full(shape, b"a", object) if spec.dtype.numpy.hasobject else np.zeros(shape, spec.dtype.numpy)
    return made


@pytest.mark.parametrize("name", ["counter", "half_plus_two", "iris", "text"])
def test_flipped_bytes(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(GOLDEN / name / "1", folder)
    whole = (folder / "saved_model.pb").read_bytes()
    rng = random.Random(name)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 2, 4])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (folder / "saved_model.pb").write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numbers that overflow are no error in TensorFlow either
                for signature in noria.load(str(folder)).signatures.values():
                    signature.run(some_inputs(signature))
        except TFError:
            refused += 1
    assert refused, "some damage must have been seen"


def test_missing_attribute_is_named(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "half_plus_two" / "1", tmp_path / "m")
    file = tmp_path / "m" / "saved_model.pb"
    file.write_bytes(
        file.read_bytes().replace(b"shared_name", b"shared_nam_").replace(b"\x0a\x05dtype", b"\x0a\x05dtypo")
    )
    with pytest.raises(InvalidArgumentError, match="lacks the attributes \\['dtype'\\]"):
        noria.load(str(tmp_path / "m"))
