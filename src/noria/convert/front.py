"""What can be put in front of a signature: a parser of tf.Examples, a decoder of text, bytes or images.

The placeholder of an input becomes a PlaceholderWithDefault of the new nodes' result: the new signature feeds the new
placeholder, any other signature goes on feeding the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError
from noria.graph.export import shape_proto
from noria.graph.graph import ShapeAttr, parse_tensor_name
from noria.graph.op_spec import shape_attr
from noria.graph.rewrite import unique_name
from noria.graph.saver import constant, make_node
from noria.protos.tensorflow import FunctionDef, GraphDef, NodeDef, SignatureDef, TensorInfo
from noria.shapes import Shape

_SCALARS_SINCE: Final = 22  # of the graph format: before it a placeholder of unknown shape was written as a scalar
_PARSED: Final = (dtypes.float32, dtypes.int64, dtypes.string)  # what a tf.Example holds


class _Front:
    """Nodes put under a scope of their own in front of ``graph``."""

    def __init__(self, graph: GraphDef, scope: str) -> None:
        self.graph = graph
        self._nodes = {n.name: n for n in graph.node}
        self.scope = unique_name(scope, {n.partition("/")[0] for n in self._nodes})

    def add(self, node: NodeDef) -> str:
        """Adds ``node`` under the scope; returns its full name."""
        node.name = f"{self.scope}/{node.name}"
        self.graph.node.append(node)
        return node.name

    def node(self, name: str, op: str, *inputs: str, **attrs: Any) -> str:
        return self.add(make_node(name, op, inputs, **attrs))

    def const(self, name: str, value: object, dtype: DType) -> str:
        return self.add(constant(name, value, dtype))

    def strings(self, shape: Shape) -> str:
        """The new placeholder."""
        return self.node("input", "Placeholder", dtype=dtypes.string, shape=ShapeAttr(shape))

    def feed(self, info: TensorInfo, result: str) -> None:
        """Lets ``result`` be the value of the placeholder that ``info`` names where nothing is fed to it."""
        tensor = parse_tensor_name(info.name)
        node = self._nodes.get(tensor.node)
        if node is None or node.op not in ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault") or tensor.output:
            raise InvalidArgumentError(
                f"input tensor {info.name!r} is not a placeholder, so nothing can be put in front of it"
            )
        node.op = "PlaceholderWithDefault"
        node.input[:] = [result]
        old = self.graph.versions.producer < _SCALARS_SINCE and not node.attr["shape"].shape.dim
        if old or not node.attr["shape"].HasField("shape"):
            node.attr["shape"].shape.CopyFrom(shape_proto(None))


def parser(graph: GraphDef, signature: SignatureDef, alias: str) -> SignatureDef:
    """A signature that takes serialized tf.Examples as ``alias``, one feature for each input of ``signature``."""
    front = _Front(graph, "parse_example")
    names = sorted(signature.inputs)
    features = [_feature(name, signature.inputs[name]) for name in names]
    string = dtypes.string
    examples = front.strings((None,))
    keys = front.const("dense_keys", [n.encode() for n in names], string)
    empty = [front.const(f"{kind}_keys", [], string) for kind in ("sparse", "ragged")]
    nothing = front.const("names", [], string)
    # No default: the feature is required. One of variable length takes the element to pad with there.
    padding = [[b"" if d is string else 0] if shape[:1] == (None,) else [] for d, shape in features]
    defaults = [front.const(f"default_{i}", padding[i], dtype) for i, (dtype, _) in enumerate(features)]
    node = make_node("ParseExampleV2", "ParseExampleV2", [examples, nothing, empty[0], keys, empty[1], *defaults])
    node.attr["num_sparse"].i = 0
    node.attr["Tdense"].list.type.extend(d.number for d, _ in features)
    node.attr["dense_shapes"].list.shape.extend(shape_proto(shape) for _, shape in features)
    for empty_list in ("sparse_types", "ragged_value_types", "ragged_split_types"):
        node.attr[empty_list].list.SetInParent()
    parsed = front.add(node)
    for i, name in enumerate(names):
        info = signature.inputs[name]
        result = f"{parsed}:{i}" if i else parsed
        wanted = dtypes.from_number(info.dtype)
        if wanted is not features[i][0]:
            result = front.node(f"cast_{i}", "Cast", result, SrcT=features[i][0], DstT=wanted, Truncate=False)
        front.feed(info, result)
    return _signature(signature, alias, examples, (None,), drop=names)


def _feature(name: str, info: TensorInfo) -> tuple[DType, tuple[int | None, ...]]:
    """How an input stands in a tf.Example: the dtype stored there, and its shape without the batch."""
    if info.WhichOneof("encoding") != "name":
        raise InvalidArgumentError(f"input {name!r} is sparse or composite; only dense inputs can be parsed")
    dtype, shape = dtypes.from_number(info.dtype), _declared(name, info)
    if not shape:
        raise InvalidArgumentError(
            f"input {name!r} is a scalar; a parsed batch of tf.Examples has one dimension at least"
        )
    if any(d is None for d in shape[2:]):
        raise InvalidArgumentError(f"input {name!r} has shape {list(shape)}: only its first two sizes may be unknown")
    if dtype.is_complex or dtype in (dtypes.resource, dtypes.variant):
        raise InvalidArgumentError(f"input {name!r} is {dtype}, which a tf.Example cannot hold")
    stored = dtype if dtype in _PARSED else dtypes.float32 if dtype.is_floating else dtypes.int64
    return stored, shape[1:]


def _declared(name: str, info: TensorInfo) -> tuple[int | None, ...]:
    shape = shape_attr(info.tensor_shape).dims if info.HasField("tensor_shape") else None
    if shape is None:
        raise InvalidArgumentError(f"input {name!r} has no declared rank, so its shape cannot be told")
    return shape


def _signature(old: SignatureDef, alias: str, tensor: str, shape: Shape, *, drop: list[str]) -> SignatureDef:
    """``old`` with the string input ``alias`` in place of the inputs in ``drop``."""
    made = SignatureDef()
    made.CopyFrom(old)
    for name in drop:
        del made.inputs[name]
        made.defaults.pop(name, None)
    if alias in made.inputs:
        raise InvalidArgumentError(f"the signature has an input {alias!r} already")
    made.inputs[alias].CopyFrom(
        TensorInfo(name=f"{tensor}:0", dtype=dtypes.string.number, tensor_shape=shape_proto(shape))
    )
    return made


def decoder(graph: GraphDef, signature: SignatureDef, name: str, kind: str, scale: float) -> SignatureDef:
    """A signature whose input ``name`` is text of ``kind``: ``base64``, ``raw`` or ``image``."""
    if name not in signature.inputs:
        raise NotFoundError(f"there is no input {name!r}; there are {sorted(signature.inputs)}")
    info = signature.inputs[name]
    shape, dtype = _declared(name, info), dtypes.from_number(info.dtype)
    front = _Front(graph, f"decode_{kind}")
    if kind == "base64":
        if dtype is not dtypes.string:
            raise InvalidArgumentError(
                f"input {name!r} is {dtype}; base64 is decoded to a string. Use raw for an array"
            )
        given: Shape = shape
        text = front.strings(given)
        result = front.node("DecodeBase64", "DecodeBase64", text)
    elif kind == "raw":
        given = (None,)
        text = front.strings(given)
        result = _raw(front, text, name, dtype, shape)
    elif kind == "image":
        given = (None,)
        text = front.strings(given)
        result = _images(front, text, name, dtype, shape, scale)
    else:
        raise InvalidArgumentError(f"there is no decoder {kind!r}; there are base64, raw and image")
    front.feed(info, result)
    return _signature(signature, name, text, given, drop=[name])


def _raw(front: _Front, text: str, name: str, dtype: DType, shape: tuple[int | None, ...]) -> str:
    if not shape or sum(d is None for d in shape[1:]) > 1 or not dtype.size:
        raise InvalidArgumentError(f"input {name!r} of {dtype} and shape {list(shape)} cannot be told from its bytes")
    flat = front.node("DecodeRaw", "DecodeRaw", text, out_type=dtype, little_endian=True)
    inner = [-1 if d is None else d for d in shape[1:]]
    if len(inner) == 1:
        return flat
    if -1 in inner:  # the batch has to be known then
        batch = _batch_size(front, text)
        rest = front.const("rest", inner, dtypes.int32)
        axis = front.const("axis", 0, dtypes.int32)
        one = front.const("one", [1], dtypes.int32)
        vector = front.node("batch", "Reshape", batch, one, T=dtypes.int32, Tshape=dtypes.int32)
        dims = front.node("dims", "ConcatV2", vector, rest, axis, N=2, T=dtypes.int32, Tidx=dtypes.int32)
    else:
        dims = front.const("dims", [-1, *inner], dtypes.int32)
    return front.node("array", "Reshape", flat, dims, T=dtype, Tshape=dtypes.int32)


def _batch_size(front: _Front, text: str) -> str:
    return front.node("size", "Size", text, T=dtypes.string, out_type=dtypes.int32)


def _images(front: _Front, text: str, name: str, dtype: DType, shape: tuple[int | None, ...], scale: float) -> str:
    """One image at a time in a While, since images of a batch have sizes of their own."""
    if len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3, 4) or not (dtype.is_floating or dtype.is_integer):
        raise InvalidArgumentError(
            f"input {name!r} is {dtype} of shape {list(shape)}; images need [batch, height, width, 1, 3 or 4 channels]"
        )
    height, width, channels = (int(d or 0) for d in shape[1:])
    existing = {f.signature.name for f in front.graph.library.function}
    prefix = unique_name(f"{front.scope}_body", existing).removesuffix("_body")
    body = _decode_one(f"{prefix}_body", dtype, (height, width, channels), scale)
    front.graph.library.function.extend([body, _not_done(f"{prefix}_cond")])
    batch = _batch_size(front, text)
    element = front.const("element_shape", [height, width, channels], dtypes.int32)
    images = front.node("list", "TensorListReserve", element, batch, element_dtype=dtype, shape_type=dtypes.int32)
    start = front.const("start", 0, dtypes.int32)
    loop = make_node("while", "While", [start, batch, images, text])
    loop.attr["T"].list.type.extend(d.number for d in (dtypes.int32, dtypes.int32, dtypes.variant, dtypes.string))
    for dims in ((), (), (), (None,)):
        loop.attr["output_shapes"].list.shape.append(shape_proto(dims))
    loop.attr["cond"].func.name, loop.attr["body"].func.name = f"{prefix}_cond", f"{prefix}_body"
    loop.attr["parallel_iterations"].i = 10
    done = front.add(loop)
    return front.node("images", "TensorListStack", f"{done}:2", element, element_dtype=dtype, num_elements=-1)


_ARGUMENTS: Final = (("i", dtypes.int32), ("n", dtypes.int32), ("list", dtypes.variant), ("files", dtypes.string))


def _function(name: str, nodes: list[NodeDef], results: Mapping[str, tuple[DType, str]]) -> FunctionDef:
    made = FunctionDef(node_def=nodes)
    made.signature.name = name
    for arg, dtype in _ARGUMENTS:
        made.signature.input_arg.add(name=arg, type=dtype.number)
    for result, (dtype, tensor) in results.items():
        made.signature.output_arg.add(name=result, type=dtype.number)
        made.ret[result] = tensor
    return made


def _not_done(name: str) -> FunctionDef:
    less = make_node("less", "Less", ["i", "n"], T=dtypes.int32)
    return _function(name, [less], {"more": (dtypes.bool_, "less:z:0")})


def _decode_one(name: str, dtype: DType, size: tuple[int, int, int], scale: float) -> FunctionDef:
    int32, float32 = dtypes.int32, dtypes.float32
    height, width, channels = size
    nodes = [
        constant("axis", 0, int32),
        constant("one", 1, int32),
        constant("size", [height, width], int32),
        constant("scale", scale, float32),
        make_node(
            "file", "GatherV2", ["files", "i", "axis:output:0"], Tparams=dtypes.string, Tindices=int32, Taxis=int32
        ),
        make_node(
            "decode", "DecodeImage", ["file:output:0"], channels=channels, dtype=dtypes.uint8, expand_animations=False
        ),
        make_node("batch", "ExpandDims", ["decode:image:0", "axis:output:0"], T=dtypes.uint8, Tdim=int32),
        make_node("resize", "ResizeBilinear", ["batch:output:0", "size:output:0"], T=dtypes.uint8,
                  align_corners=False, half_pixel_centers=True),
        make_node("scaled", "Mul", ["resize:resized_images:0", "scale:output:0"], T=float32),
        make_node("image", "Squeeze", ["scaled:z:0"], T=float32, squeeze_dims=[0]),
    ]  # fmt: skip
    image = "image:output:0"
    if dtype is not float32:
        nodes.append(make_node("cast", "Cast", [image], SrcT=float32, DstT=dtype, Truncate=False))
        image = "cast:y:0"
    nodes.append(make_node("set", "TensorListSetItem", ["list", "i", image], element_dtype=dtype))
    nodes.append(make_node("next", "AddV2", ["i", "one:output:0"], T=int32))
    results = {
        "i_out": (int32, "next:z:0"),
        "n_out": (int32, "n"),
        "list_out": (dtypes.variant, "set:output_handle:0"),
        "files_out": (dtypes.string, "files"),
    }
    return _function(name, nodes, results)
