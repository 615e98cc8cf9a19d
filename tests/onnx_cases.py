"""One row for each ONNX op and way to use it: inputs (arrays; constants marked), attributes, opset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from noria import dtypes
from noria.compile.onnx_model import Constant, OnnxNode, ValueInfo, serialize
from noria.protos.onnx import ModelProto, ValueInfoProto

Array = np.ndarray[Any, np.dtype[Any]]
_generator = np.random.default_rng(7)


@dataclass(frozen=True)
class Const:
    """An input that is an initializer."""

    value: Array


@dataclass(frozen=True)
class Case:
    """A model of one op."""

    op: str
    inputs: tuple[Any, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    opset: int = 17
    outputs: int = 1
    label: str = ""


def x(*shape: int) -> Array:
    return _generator.standard_normal(shape).astype(np.float32)


def i(*values: Any, dtype: Any = np.int64) -> Const:
    return Const(np.array(values, dtype))


def scalar(value: Any, dtype: Any = np.int64) -> Const:
    return Const(np.array(value, dtype))


UNARY = [
    "Abs", "Neg", "Exp", "Floor", "Ceil", "Round", "Sign", "Sin", "Cos", "Tan", "Asinh", "Atan", "Sinh", "Cosh",
    "Tanh", "Erf", "Reciprocal", "Relu", "Sigmoid", "Softplus", "Softsign", "Identity", "Dropout", "Elu",
    "Selu", "LeakyRelu", "HardSigmoid", "HardSwish", "IsNaN", "IsInf", "Celu",
]  # fmt: skip
POSITIVE = ["Log", "Sqrt", "Acosh", "Atanh", "Asin", "Acos"]
BINARY = [
    "Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Greater", "Less", "Equal", "GreaterOrEqual",
    "LessOrEqual",
]  # fmt: skip
REDUCE = [
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
    "ReduceSumSquare", "ReduceLogSumExp",
]  # fmt: skip
_flags = np.array([[True, False], [False, True]])
_ints = np.array([[7, -7, 5], [-5, 3, 2]], np.int64)
_image = x(2, 4, 6, 8)
_line = x(2, 4, 9)
_volume = x(1, 2, 4, 5, 6)


def cases() -> list[Case]:
    """All rows."""
    return [*_elementwise(), *_reductions(), *_shapes(), *_networks()]


def _elementwise() -> list[Case]:
    rows = [Case(op, (x(2, 3),)) for op in UNARY]
    rows += [Case(op, (np.array([[0.2, 0.9], [0.5, 0.7]], np.float32),)) for op in POSITIVE if op != "Acosh"]
    rows += [Case("Acosh", (np.array([1.5, 3.0], np.float32),))]
    rows += [Case(op, (x(2, 3), x(2, 1))) for op in BINARY]
    rows += [Case(op, (_flags, _flags.T.copy())) for op in ("And", "Or", "Xor")]
    rows += [
        Case("Not", (_flags,)),
        Case("Where", (_flags, x(2, 2), x(2, 2))),
        Case("Div", (_ints, i(2, -2, 3)), label="integers"),
        Case("Mod", (_ints, i(3, 3, -3)), label="python"),
        Case("Mod", (x(2, 3), x(2, 3)), {"fmod": 1}, label="c"),
        Case("Pow", (np.abs(x(2, 3)), scalar(2.0, np.float32))),
        Case("Pow", (np.abs(x(2, 3)), scalar(3)), label="mixed"),
        Case("Clip", (x(2, 3), scalar(-0.5, np.float32), scalar(0.5, np.float32))),
        Case("Clip", (x(2, 3), None, scalar(0.5, np.float32)), label="max"),
        Case("Clip", (x(2, 3),), {"min": -0.1, "max": 0.1}, opset=6, label="attributes"),
        Case("LeakyRelu", (x(2, 3),), {"alpha": 0.3}, label="alpha"),
        Case("Elu", (x(2, 3),), {"alpha": 0.7}, label="alpha"),
        Case("Celu", (x(2, 3),), {"alpha": 0.7}, label="alpha"),
        Case("HardSigmoid", (x(2, 3),), {"alpha": 0.4, "beta": 0.3}, label="line"),
        Case("Gelu", (x(2, 3),), opset=20),
        Case("Gelu", (x(2, 3),), {"approximate": "tanh"}, opset=20, label="tanh"),
        Case("Mish", (x(2, 3),), opset=18),
        Case("PRelu", (x(2, 3), Const(np.array([0.1, 0.2, 0.3], np.float32)))),
        Case("Cast", (x(2, 3),), {"to": 7}),
        Case("Cast", (_flags,), {"to": 1}, label="bool"),
        Case("CastLike", (_ints, x(1))),
        Case("Einsum", (x(2, 3), x(3, 4)), {"equation": "ij, jk -> ik"}),
        Case("MatMul", (x(2, 3), x(3, 4))),
        Case("MatMul", (x(2, 2, 3), x(3, 4)), label="batch"),
        Case("MatMul", (x(3), x(3, 4)), label="vector"),
        Case("MatMul", (x(2, 3), x(3)), label="by vector"),
        Case("Gemm", (x(2, 3), x(3, 4))),
        Case(
            "Gemm", (x(3, 2), x(4, 3), Const(x(4))), {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}, label="all"
        ),
    ]
    return rows


def _reductions() -> list[Case]:
    rows = [Case(op, (np.abs(x(2, 3, 4)),), {"axes": [1, -1]}) for op in REDUCE if op != "ReduceSum"]
    rows += [
        Case("ReduceSum", (x(2, 3, 4), i(0, 2)), {"keepdims": 0}),
        Case("ReduceSum", (x(2, 3),), {"noop_with_empty_axes": 1}, label="nothing"),
        Case("ReduceMean", (x(2, 3),), label="everything"),
        Case("ReduceMean", (x(2, 3), i(1)), opset=18, label="input"),
        Case("ReduceLogSum", (np.abs(x(2, 3)),), {"axes": [1], "keepdims": 0}),
        Case("ReduceLogSumExp", (x(2, 3),), {"axes": [1], "keepdims": 0}, label="flat"),
        Case("ArgMax", (x(2, 5),), {"axis": 1}),
        Case("ArgMin", (x(2, 5),), {"axis": -1, "keepdims": 0}),
        Case("CumSum", (x(2, 5), scalar(1)), {"exclusive": 1}),
        Case("TopK", (x(2, 5), i(3)), {"axis": 1}, outputs=2),
        Case("TopK", (x(4, 2), i(2)), {"axis": 0, "largest": 0}, outputs=2, label="smallest"),
        Case("Softmax", (x(2, 3, 4),), {"axis": 1}),
        Case("Softmax", (x(2, 3),), label="last"),
        Case("Softmax", (x(2, 3, 4),), opset=11, label="flat"),
        Case("LogSoftmax", (x(2, 3),)),
    ]
    return rows


def _shapes() -> list[Case]:
    data = x(3, 4, 5)
    return [
        Case("Shape", (data,)),
        Case("Shape", (data,), {"start": 1, "end": -1}, label="part"),
        Case("Size", (data,)),
        Case("Reshape", (data, i(0, -1))),
        Case("Reshape", (data, i(5, 12)), label="known"),
        Case("Reshape", (data,), {"shape": [12, 5]}, opset=1, label="attribute"),
        Case("Flatten", (data,), {"axis": 2}),
        Case("Flatten", (data,), {"axis": -1}, label="negative"),
        Case("Transpose", (data,), {"perm": [2, 0, 1]}),
        Case("Transpose", (data,), label="all"),
        Case("Squeeze", (x(3, 1, 2, 1), i(1, -1))),
        Case("Squeeze", (x(3, 1),), {"axes": [1]}, opset=11, label="attribute"),
        Case("Squeeze", (x(1, 3),), label="all"),
        Case("Unsqueeze", (x(3, 2), i(0, -1))),
        Case("Concat", (x(2, 3), x(2, 4)), {"axis": 1}),
        Case("Split", (x(2, 6), i(1, 2, 3)), {"axis": 1}, outputs=3),
        Case("Split", (x(6, 2),), outputs=3, label="equal"),
        Case("Split", (x(2, 6),), {"axis": 1, "split": [4, 2]}, opset=11, outputs=2, label="attribute"),
        Case("Slice", (data, i(1, 0), i(3, 2**31 - 1), i(1, 2), i(1, 2))),
        Case("Slice", (data, i(-1), i(-(2**31)), i(2), i(-1)), label="backwards"),
        Case("Slice", (data, i(2**31 - 1), i(-9), i(2), i(-2)), label="from the end"),
        Case("Slice", (data,), {"starts": [1, 1], "ends": [2, 3]}, opset=9, label="attributes"),
        Case("Slice", (data, np.array([1, 0]), np.array([2, 3])), label="computed"),
        Case("Slice", (data, np.array([1]), np.array([3]), i(-1), i(2)), label="computed, last"),
        Case("Gather", (data, i(2, -1)), {"axis": 1}),
        Case("Gather", (data, np.array([[2, -1]])), label="computed"),
        Case("GatherND", (data, i([0, 1], [2, 3]))),
        Case("ScatterND", (x(4, 2), i([1], [3]), x(2, 2))),
        Case("Expand", (x(3, 1), i(2, 1, 4))),
        Case("Tile", (x(2, 3), i(2, 1))),
        Case("Range", (scalar(1), np.array(7), scalar(2))),
        Case("OneHot", (np.array([0, 2, -1]), scalar(3), Const(np.array([0.5, 2.0], np.float32)))),
        Case("ConstantOfShape", (np.array([2, 3]),)),
        Case("Pad", (x(2, 3), i(0, 1, 2, 0), scalar(1.5, np.float32))),
        Case("Pad", (x(3, 4), i(1, 1, 0, 1)), {"mode": "reflect"}, label="reflect"),
        Case("Pad", (x(3, 4), i(-1, 1, 0, -1)), label="cut"),
        Case("Pad", (x(2, 3),), {"pads": [0, 1, 0, 1], "value": 2.0}, opset=10, label="attributes"),
        Case("Pad", (x(2, 3), i(1, 2), None, i(1)), opset=18, label="axes"),
        Case("DepthToSpace", (x(1, 8, 2, 3),), {"blocksize": 2}),
        Case("DepthToSpace", (x(1, 8, 2, 3),), {"blocksize": 2, "mode": "CRD"}, label="crd"),
        Case("SpaceToDepth", (x(1, 2, 4, 6),), {"blocksize": 2}),
        Case("NonZero", (np.array([[1, 0], [2, 3]], np.float32),)),
        Case("Trilu", (x(3, 3),)),
        Case("Trilu", (x(3, 3), scalar(1)), {"upper": 0}, label="lower"),
    ]


def _networks() -> list[Case]:
    w, b = Const(x(6, 4, 3, 3)), Const(x(6))
    c = Const(np.abs(x(4)))
    scales = Const(np.array([1, 1, 2, 2], np.float32))
    empty = Const(np.zeros(0, np.float32))
    kernel = {"kernel_shape": [3, 2]}
    return [
        Case("Conv", (_image, w)),
        Case("Conv", (_image, w, b), {"pads": [1, 0, 2, 1], "strides": [2, 1], "dilations": [1, 2]}, label="pads"),
        Case("Conv", (_image, w), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, label="same"),
        Case("Conv", (_image, w), {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, label="same lower"),
        Case("Conv", (_image, Const(x(8, 1, 3, 3)), Const(x(8))), {"group": 4}, label="depthwise"),
        Case("Conv", (_image, Const(x(6, 2, 3, 3))), {"group": 2}, label="groups"),
        Case("Conv", (_line, Const(x(5, 4, 3)), Const(x(5))), {"pads": [1, 1], "strides": [2]}, label="line"),
        Case("Conv", (_line, Const(x(4, 1, 3))), {"group": 4}, label="line depthwise"),
        Case("Conv", (_volume, Const(x(3, 2, 2, 2, 2)), Const(x(3))), {"strides": [1, 2, 1]}, label="volume"),
        Case("ConvTranspose", (_image, Const(x(4, 3, 3, 2)), Const(x(3))), {"strides": [2, 1], "pads": [1, 0, 1, 1]}),
        Case("ConvTranspose", (_image, Const(x(4, 3, 2, 2))), {"strides": [2, 2], "output_padding": [1, 0]}, label="m"),
        Case("ConvTranspose", (_line, Const(x(4, 3, 3))), {"strides": [2], "pads": [1, 0]}, label="line"),
        Case("ConvTranspose", (_volume, Const(x(2, 3, 2, 2, 2))), {"strides": [2, 1, 2]}, label="volume"),
        Case("MaxPool", (_image,), {**kernel, "pads": [1, 0, 1, 1], "strides": [2, 2]}),
        Case("MaxPool", (_image,), {**kernel, "strides": [2, 3], "ceil_mode": 1}, label="ceil"),
        Case("MaxPool", (_line,), {"kernel_shape": [2], "strides": [2]}, label="line"),
        Case("MaxPool", (_volume,), {"kernel_shape": [2, 2, 2]}, label="volume"),
        Case("AveragePool", (_image,), {**kernel, "pads": [1, 0, 1, 1], "strides": [2, 2]}),
        Case("AveragePool", (_image,), {**kernel, "pads": [1, 0, 1, 1], "count_include_pad": 1}, label="counted"),
        Case("AveragePool", (_image,), {**kernel, "auto_pad": "SAME_UPPER"}, label="same"),
        Case("AveragePool", (_image,), {**kernel, "strides": [2, 3], "ceil_mode": 1}, label="ceil"),
        Case("GlobalAveragePool", (_image,)),
        Case("GlobalMaxPool", (_line,)),
        Case("BatchNormalization", (_image, c, c, c, c)),
        Case("BatchNormalization", (x(2, 4), c, c, c, c), {"epsilon": 0.1}, label="flat"),
        Case("InstanceNormalization", (_image, c, c)),
        Case("LayerNormalization", (x(2, 3, 4), Const(x(4)), Const(x(4)))),
        Case("LayerNormalization", (x(2, 3, 4), Const(x(3, 4))), {"axis": 1}, label="two axes"),
        Case("LRN", (_image,), {"size": 3, "alpha": 0.01, "bias": 2.0}),
        Case("Resize", (_image, None, scales), {"mode": "linear"}),
        Case("Resize", (_image, None, None, i(2, 4, 3, 11)), {"mode": "linear"}, label="down"),
        Case("Resize", (_image, empty, scales), {"mode": "nearest"}, label="nearest"),
        Case("Resize", (_image, None, scales), {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
             label="corners"),
        Case("Resize", (_image, None, None, i(2, 4, 9, 5)), {"mode": "nearest", "nearest_mode": "floor",
             "coordinate_transformation_mode": "asymmetric"}, label="asymmetric"),
        Case("Upsample", (_image, scales), {"mode": "nearest"}, opset=9),
    ]  # fmt: skip


def model_of(case: Case) -> tuple[bytes, dict[str, Array]]:
    """(serialized ModelProto, feeds) of one op; the first size of an input of rank 3 and more is left open."""
    inputs, constants, feeds, names = [], {}, {}, []
    for k, value in enumerate(case.inputs):
        names.append("" if value is None else f"in{k}")
        if value is None:
            continue
        array = value.value if isinstance(value, Const) else value
        dtype = dtypes.from_numpy(array.dtype)
        if isinstance(value, Const):
            constants[names[-1]] = Constant(array, dtype)
            continue
        feeds[names[-1]] = array
        shape: tuple[int | None, ...] = array.shape
        inputs.append(ValueInfo(names[-1], dtype, (None, *shape[1:]) if array.ndim >= 3 else shape))
    outputs = tuple(f"out{k}" for k in range(case.outputs))
    model = ModelProto.FromString(
        serialize([OnnxNode(case.op, tuple(names), outputs, case.attrs)], inputs, [], constants)[0]
    )
    model.opset_import[0].version = case.opset
    model.graph.output.extend(ValueInfoProto(name=name) for name in outputs)  # the engine infers their types
    for tensor in model.graph.initializer:
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
        tensor.raw_data = constants[tensor.name].array.tobytes()
    return model.SerializeToString(), feeds
