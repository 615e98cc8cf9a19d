"""SavedModel → ONNX: a signature that compiles to one segment, written as a model of its own.

Inputs and outputs are called as in the signature; the weights stand in the file, or beside it in ``model.onnx.data``
where they are too big for one message. A signature that needs the host (strings, parsing, tables, state) is refused
with the list of its ops.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from noria import dtypes
from noria.compile.onnx_model import IR_VERSION, OPSET, Constant
from noria.compile.ort import recording, run_file
from noria.compile.program import HostStep, Program, SegmentStep
from noria.convert.registry import Array, Options, Runner, target
from noria.dtypes import DType
from noria.errors import UnimplementedError
from noria.formats import files
from noria.formats.proto_file import write_message
from noria.formats.saved_model_writer import asset_files, saved_model, write_saved_model
from noria.graph.rewrite import all_nodes
from noria.model import load
from noria.model.freeze import read_source
from noria.model.signature import Signature
from noria.protos.onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto
from noria.protos.tensorflow import MetaGraphDef
from noria.shapes import Shape

EXTERNAL_BYTES: Final = 2**31 - 2**20  # from here on weights stand beside the model: a message holds less than 2 GiB
BATCH_DIM: Final = "batch"


@target("onnx")
def write_onnx(folder: str, path: str, options: Options) -> tuple[Runner, Sequence[str]]:
    """The signature as an ONNX model at ``path``."""
    signature = load(folder, tags=options.tags).signature(options.signature_key)
    try:
        notes = export(signature, path)
    except UnimplementedError:
        plain = _without_checks(folder, options)
        if plain is None:
            raise
        notes = [*export(plain, path), "assertions of the model are left out"]
    run = run_file(path)
    names = {_output_name(a, signature): a for a in signature.outputs}

    def call(inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        return {names[k]: v for k, v in run(inputs).items()}

    return call, notes


def _without_checks(folder: str, options: Options) -> Signature | None:
    """The signature of a model that asserts nothing, None where it asserts nothing as it is."""
    source = read_source(folder, tags=options.tags)
    meta = MetaGraphDef()
    meta.CopyFrom(source.meta)
    checks = [n for n in all_nodes(meta.graph_def) if n.op == "Assert"]
    for node in checks:
        controls = [i for i in node.input if i.startswith("^")]
        name = node.name
        node.Clear()
        node.name, node.op = name, "NoOp"
        node.input.extend(controls)
    if not checks:
        return None
    with tempfile.TemporaryDirectory(dir=files.split(folder)[0]) as beside:
        path = files.join(beside, "unchecked")
        assets, _ = asset_files(source.path, source.assets)
        write_saved_model(path, saved_model([meta]), variables=source.checkpoint, assets=assets)
        return load(path, tags=options.tags).signature(options.signature_key)


def _output_name(alias: str, signature: Signature) -> str:
    """What an output is called in the ONNX model, where an input of the same name would be the same value."""
    while alias in signature.inputs:
        alias += "_output"
    return alias


def export(signature: Signature, path: str, *, external_bytes: int = EXTERNAL_BYTES) -> list[str]:
    """Writes ``signature`` to ``path``; returns what the user should know.

    external_bytes: from how many bytes of weights on they go to a file beside. Raises UnimplementedError naming the
    ops that ONNX cannot express here, or the state that the signature keeps.
    """
    segment = _compiled(signature)
    model = _named(segment, signature)
    size = sum(c.array.nbytes for c in segment.external.values())
    if size < external_bytes:
        for tensor in model.graph.initializer:
            if tensor.name in segment.external:
                _embed(tensor, segment.external[tensor.name])
    else:
        _write_beside(model, segment.external, path)
    write_message(model, path, as_text=False)
    notes = [f"ONNX opset {OPSET}, IR version {IR_VERSION}, {len(model.graph.node)} nodes"]
    if any(o.domain for o in model.opset_import):
        notes.append("uses operators of com.microsoft, which ONNX Runtime has and other engines may not")
    return notes


@dataclass(frozen=True)
class _Segment:
    """The one segment of a program: its model, constants beside it, and what its inputs and outputs are called."""

    model: ModelProto
    external: Mapping[str, Constant]
    program: Program
    step: SegmentStep | None


def _compiled(signature: Signature) -> _Segment:
    with recording() as made:
        program = signature.program()
    host = [step for step in program.steps if isinstance(step, HostStep)]
    if host or program.effects or len(program.steps) > 1:
        counts = Counter(step.call.node.op for step in host)
        listed = ", ".join(f"{op} ({n})" if n > 1 else op for op, n in sorted(counts.items()))
        raise UnimplementedError(
            f"signature {signature.name!r} has no ONNX form: it needs the host for {listed or 'its state'}; "
            "cut the model to its numeric part first (noria edit), or serve it with Noria, which runs both"
        )
    for recorded in made:
        step = program.steps[0] if program.steps else None
        if isinstance(step, SegmentStep) and recorded.session is step.session:
            return _Segment(ModelProto.FromString(recorded.model), recorded.external, program, step)
    empty = ModelProto(ir_version=IR_VERSION, producer_name="noria", graph=GraphProto())
    empty.opset_import.add(domain="", version=OPSET)
    return _Segment(empty, {}, program, None)


def _named(segment: _Segment, signature: Signature) -> ModelProto:
    """The model with the signature's aliases as the names of its inputs and outputs."""
    graph = segment.model.graph
    graph.name = signature.name
    step = segment.step
    outputs = {a: _output_name(a, signature) for a in signature.outputs}
    taken = {*signature.inputs, *outputs.values()}
    _rename(graph, {n: "/" + n for n in _values(graph) if n in taken and n not in segment.external})
    entering = {} if step is None else dict(zip(step.inputs, (i.name for i in graph.input), strict=True))
    leaving = {} if step is None else dict(zip(step.outputs, (o.name for o in graph.output), strict=True))
    template, feeds, fetches = segment.program.wiring
    names = {old: "/" + old for old in (*entering.values(), *leaving.values())}
    inputs = dict(zip(signature.inputs, feeds, strict=True))
    for alias, slot in inputs.items():
        if slot in entering:
            names[entering[slot]] = alias
    extra: list[NodeProto] = []
    declared = {o.name: o.type.tensor_type for o in graph.output}
    made: dict[str, tuple[Shape, bool]] = {}  # what is known of an output, and whether it leaves as float32
    for key, slot in zip(signature.outputs, fetches, strict=True):
        alias, shape, wide = outputs[key], signature.outputs[key].shape, False
        if slot in leaving:
            found = declared[leaving[slot]]
            wide = found.elem_type == dtypes.float32.onnx
            if shape is None and found.HasField("shape"):
                shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in found.shape.dim)
        if slot in leaving and names[leaving[slot]].startswith("/"):
            names[leaving[slot]] = alias
        elif slot in leaving:
            extra.append(NodeProto(op_type="Identity", input=[names[leaving[slot]]], output=[alias], name=alias))
        elif slot in feeds:
            given = next(a for a, s in inputs.items() if s == slot)
            shape = signature.inputs[given].shape if shape is None else shape
            extra.append(NodeProto(op_type="Identity", input=[given], output=[alias], name=alias))
        else:
            value = np.asarray(template[slot])
            shape = value.shape
            _constant(extra, alias, value, signature.outputs[key].dtype)
        made[key] = (shape, wide)
    _rename(graph, names)
    graph.node.extend(extra)
    _describe(graph, signature, outputs, made)
    return segment.model


def _describe(
    graph: GraphProto, signature: Signature, outputs: Mapping[str, str], made: Mapping[str, tuple[Shape, bool]]
) -> None:
    """Inputs and outputs as the signature declares them, or as inference knows them where it declares nothing."""
    shared = all(s.shape and s.shape[0] is None for s in signature.inputs.values())
    widened = {i.name for i in graph.input if i.type.tensor_type.elem_type == dtypes.float32.onnx}
    del graph.input[:]
    del graph.output[:]
    for name, spec in signature.inputs.items():
        graph.input.append(_value_info(name, spec.dtype, spec.shape, wide=name in widened, batch=shared))
    for key, spec in signature.outputs.items():
        shape, wide = made[key]
        graph.output.append(_value_info(outputs[key], spec.dtype, shape, wide=wide, batch=shared))


def _value_info(name: str, dtype: DType, shape: Shape, *, wide: bool, batch: bool) -> ValueInfoProto:
    """An input or output as the signature declares it; ``wide``: bfloat16 crosses the border as float32."""
    value = ValueInfoProto(name=name)
    value.type.tensor_type.elem_type = (dtypes.float32 if wide and dtype is dtypes.bfloat16 else dtype).onnx
    if shape is not None:
        value.type.tensor_type.shape.SetInParent()
        for i, size in enumerate(shape):
            dim = value.type.tensor_type.shape.dim.add()
            if size is not None:
                dim.dim_value = size
            else:
                dim.dim_param = BATCH_DIM if batch and i == 0 else f"{name}_{i}"
    return value


def _values(graph: GraphProto) -> set[str]:
    return {n for node in graph.node for n in (*node.input, *node.output)} | {t.name for t in graph.initializer}


def _rename(graph: GraphProto, names: Mapping[str, str]) -> None:
    """Gives values other names, in the bodies of control flow too, which may take values from outside."""
    for node in graph.node:
        node.input[:] = [names.get(n, n) for n in node.input]
        node.output[:] = [names.get(n, n) for n in node.output]
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _rename(attribute.g, names)
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for tensor in graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)


def _constant(nodes: list[NodeProto], name: str, value: Array, dtype: DType) -> None:
    if dtype is dtypes.string or not dtype.onnx:
        raise UnimplementedError(f"output {name!r} is a constant of dtype {dtype}, which has no ONNX form here")
    node = NodeProto(op_type="Constant", output=[name], name=name)
    tensor = TensorProto(data_type=dtype.onnx, dims=value.shape, raw_data=np.ascontiguousarray(value).tobytes())
    node.attribute.append(AttributeProto(name="value", type=AttributeProto.TENSOR, t=tensor))
    nodes.append(node)


def _embed(tensor: TensorProto, constant: Constant) -> None:
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    tensor.raw_data = np.ascontiguousarray(constant.array).tobytes()


def _write_beside(model: ModelProto, external: Mapping[str, Constant], path: str) -> None:
    """Weights in ``PATH.data``, each at a multiple of 4096 bytes so that it can be mapped."""
    name = files.split(path)[1] + ".data"
    with files.atomic_writer(path + ".data") as out:
        at = 0
        for tensor in model.graph.initializer:
            if tensor.name not in external:
                continue
            array = np.ascontiguousarray(external[tensor.name].array)
            padding = -at % 4096
            out.write(b"\0" * padding)
            out.write(array.reshape(-1).view(np.uint8).data)
            at += padding
            tensor.ClearField("external_data")
            for key, value in (("location", name), ("offset", at), ("length", array.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            at += array.nbytes
