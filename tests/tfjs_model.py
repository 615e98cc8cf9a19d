"""A graph model of TensorFlow.js, written as its converter writes it, with what it should answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format

import graphs
from noria import dtypes
from noria.protos import POOL
from noria.protos.tensorflow import GraphDef

F = dtypes.float32
Array = np.ndarray[Any, np.dtype[Any]]


def write_tfjs(folder: Path, graph: GraphDef, weights: dict[str, tuple[Array, Any]], **more: Any) -> str:
    """weights: name → value, and the quantization: None, ``float16``, ``uint8``, ``uint16``. Two shards."""
    for node in graph.node:
        if node.op == "Const":
            tensor = node.attr["value"].tensor
            for field in ("tensor_content", "float_val", "int_val", "string_val", "int64_val"):
                tensor.ClearField(field)
    entries = []
    data = b""
    for name, (value, kind) in weights.items():
        dtype = dtypes.from_numpy(value.dtype)
        entry: dict[str, Any] = {"name": name, "shape": list(value.shape), "dtype": dtype.name}
        if kind == "float16":
            entry["quantization"] = {"dtype": kind, "original_dtype": dtype.name}
            data += value.astype(np.float16).tobytes()
        elif kind:
            low, high = float(value.min()), float(value.max())
            scale = (high - low) / np.iinfo(kind).max
            entry["quantization"] = {"dtype": kind, "min": low, "scale": scale, "original_dtype": dtype.name}
            data += np.round((value - low) / scale).astype(kind).tobytes()
        elif dtype is dtypes.string:
            data += b"".join(len(s).to_bytes(4, "little") + s for s in value.reshape(-1))
        else:
            data += value.tobytes()
        entries.append(entry)
    half = len(data) // 2
    (folder / "group1-shard1of2.bin").write_bytes(data[:half])
    (folder / "group1-shard2of2.bin").write_bytes(data[half:])
    paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
    document = {
        "format": "graph-model",
        "modelTopology": json_format.MessageToDict(graph, descriptor_pool=POOL),
        "weightsManifest": [{"paths": paths, "weights": entries}],
        **more,
    }
    (folder / "model.json").write_text(json.dumps(document))
    return str(folder)


def image_model() -> tuple[GraphDef, dict[str, tuple[Array, Any]], Any]:
    """(graph, weights, the same in NumPy): a fused convolution with Prelu, a mean, a fused product with Relu6."""
    generator = np.random.default_rng(0)
    kernel = generator.standard_normal((3, 3, 2, 4)).astype(np.float32)
    bias, alpha = (generator.standard_normal(4).astype(np.float32) for _ in range(2))
    matrix = generator.standard_normal((4, 3)).astype(np.float32)
    conv = graphs.node("conv", "_FusedConv2D", "x", "kernel", "bias", "alpha", T=F, padding="SAME", data_format="NHWC")
    conv.attr["strides"].list.i.extend([1, 2, 2, 1])
    conv.attr["fused_ops"].list.s.extend([b"BiasAdd", b"Prelu"])
    conv.attr["num_args"].i = 2
    product = graphs.node("product", "_FusedMatMul", "mean", "matrix", T=F)
    product.attr["fused_ops"].list.s.append(b"Relu6")
    graph = GraphDef(
        node=[
            graphs.placeholder("x", shape=(None, 6, 6, 2)),
            *(
                graphs.const(n, v)
                for n, v in (("kernel", kernel), ("bias", bias), ("alpha", alpha), ("matrix", matrix))
            ),
            graphs.const("axes", [1, 2], dtypes.int32),
            conv,
            graphs.node("mean", "Mean", "conv", "axes", T=F, Tidx=dtypes.int32, keep_dims=False),
            product,
        ]
    )
    weights: dict[str, tuple[Array, Any]] = {
        "kernel": (kernel, None),
        "bias": (bias, None),
        "alpha": (alpha, None),
        "axes": (np.array([1, 2], np.int32), None),
        "matrix": (matrix, None),
    }

    def reference(x: Array) -> Array:
        padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
        out = np.zeros((len(x), 3, 3, 4), np.float32)
        for i in range(3):
            for j in range(3):
                patch = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
                out[:, i, j] = np.einsum("nhwc,hwco->no", patch, kernel)
        out += bias
        out = np.where(out > 0, out, alpha * out)
        result: Array = np.clip(out.mean((1, 2)) @ matrix, 0, 6)
        return result

    return graph, weights, reference
