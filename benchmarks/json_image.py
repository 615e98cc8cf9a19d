"""Times reading a 224x224x3 image sent as JSON numbers, by ``json`` + NumPy and by Noria; prints both in seconds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np

from noria import dtypes
from noria.serving import tensor_json

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
BODY = json.dumps({"instances": np.random.default_rng(0).random((1, 224, 224, 3)).round(6).tolist()}).encode()


class _Image:
    """The one input of an image model, as ``tensor_json`` wants to know it."""

    tensor, dtype = "image:0", dtypes.float32


def plain() -> object:
    return np.array(json.loads(BODY)["instances"], np.float32)


def ours() -> object:
    arrays, _ = tensor_json.decode_predict(tensor_json.parse_predict(BODY), {"image": _Image()})
    return arrays["image"]


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    np.testing.assert_allclose(np.asarray(plain()), np.asarray(ours()), rtol=1e-6)
    times = [(seconds(plain), seconds(ours)) for _ in range(ROUNDS)]
    print(*(float(np.median(column)) for column in zip(*times, strict=True)))


if __name__ == "__main__":
    main()
