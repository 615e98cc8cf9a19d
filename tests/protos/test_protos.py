"""The wire definitions: same names and numbers as TensorFlow's and ONNX's, in a pool of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, text_format

from noria.errors import NotFoundError
from noria.protos import POOL, error_codes, onnx, serving, tensorflow, wellknown
from noria.protos.op_defs import has_op, op_def, op_names


def _messages(
    prefix: str, messages: Iterator[descriptor_pb2.DescriptorProto]
) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
    for message in messages:
        name = f"{prefix}.{message.name}"
        yield name, message
        yield from _messages(name, iter(message.nested_type))


def _committed() -> descriptor_pb2.FileDescriptorSet:
    folder = Path(__file__).parents[2] / "src/noria/protos"
    return descriptor_pb2.FileDescriptorSet.FromString((folder / "descriptors.binpb").read_bytes())


def _fields(message: descriptor_pb2.DescriptorProto) -> dict[int, tuple[str, int, int, str]]:
    return {f.number: (f.name, f.type, f.label, f.type_name) for f in message.field}


HAND_WRITTEN = {  # the reference descriptors do not have them
    "batching_config.proto",
    "server_files.proto",
    "training.proto",
    "kserve.proto",
    "health.proto",
    "reflection.proto",
}


def test_every_message_and_enum_equals_the_reference() -> None:
    path = Path(__file__).resolve().parents[3] / "shared/data/tf_descriptors.binpb"
    if not path.is_file():
        pytest.skip(f"the reference descriptors are not on this machine ({path} is absent)")
    reference = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    expected = {n: m for f in reference.file for n, m in _messages("." + f.package, iter(f.message_type))}
    enums = {f".{f.package}.{e.name}": list(e.value) for f in reference.file for e in f.enum_type}
    enums |= {f"{n}.{e.name}": list(e.value) for n, m in expected.items() for e in m.enum_type}
    seen = 0
    for file in _committed().file:
        if file.package == "onnx" or file.name in HAND_WRITTEN:
            continue
        for name, message in _messages("." + file.package, iter(file.message_type)):
            assert _fields(message) == _fields(expected[name]), name
            seen += 1
        for enum in file.enum_type:
            assert list(enum.value) == enums[f".{file.package}.{enum.name}"], enum.name
        for name, message in _messages("." + file.package, iter(file.message_type)):
            for enum in message.enum_type:
                assert list(enum.value) == enums[f"{name}.{enum.name}"], enum.name
    assert seen > 150


def test_onnx_messages_equal_the_onnx_package() -> None:
    reference = pytest.importorskip("onnx", reason="the onnx package is a development tool, not a dependency")
    file = descriptor_pb2.FileDescriptorProto()
    reference.onnx_ml_pb2.DESCRIPTOR.CopyToProto(file)
    expected = dict(_messages(".onnx", iter(file.message_type)))
    ours = next(f for f in _committed().file if f.name == "onnx.proto")
    for name, message in _messages(".onnx", iter(ours.message_type)):
        want = _fields(expected[name])
        assert all(want[number] == field for number, field in _fields(message).items()), name


def test_pool_is_private() -> None:
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("tensorflow.TensorProto")
    assert POOL.FindMessageTypeByName("tensorflow.TensorProto") is tensorflow.TensorProto.DESCRIPTOR


def test_same_names_can_be_registered_elsewhere() -> None:
    """What importing the real tensorflow does: its files go into the default pool."""
    code = (
        "import noria.protos.tensorflow as t; t.TensorProto()\n"
        "from google.protobuf import descriptor_pb2 as d, descriptor_pool as p, message_factory as m\n"
        "f = d.FileDescriptorProto(name='tensorflow/core/framework/tensor.proto', package='tensorflow')\n"
        "f.message_type.add(name='TensorProto').field.add(name='other', number=1, type=5, label=1)\n"
        "p.Default().AddSerializedFile(f.SerializeToString())\n"
        "T = m.GetMessageClass(p.Default().FindMessageTypeByName('tensorflow.TensorProto'))\n"
        "assert T(other=3).other == 3 and t.TensorProto(dtype=1).dtype == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_modules_show_their_names() -> None:
    assert tensorflow.DT_FLOAT == 1
    assert tensorflow.DataType.Name(7) == "DT_STRING"
    assert error_codes.DATA_LOSS == 15
    assert serving.ModelVersionStatus.AVAILABLE == 30
    assert onnx.TensorProto.FLOAT == 1
    assert "GraphDef" in dir(tensorflow)
    with pytest.raises(AttributeError, match="no message or enum 'NoSuch'"):
        tensorflow.NoSuch  # type: ignore[attr-defined]  # noqa: B018


def test_json_and_text_with_any() -> None:
    meta = tensorflow.MetaGraphDef()
    meta.signature_def["serving_default"].method_name = "tensorflow/serving/predict"
    packed = wellknown.Any()
    packed.Pack(meta.signature_def["serving_default"])
    collection = tensorflow.CollectionDef()
    collection.any_list.value.append(packed)
    meta.collection_def["c"].CopyFrom(collection)
    text = text_format.MessageToString(meta, descriptor_pool=POOL)
    assert text_format.Parse(text, tensorflow.MetaGraphDef(), descriptor_pool=POOL) == meta
    json = json_format.MessageToJson(meta, descriptor_pool=POOL)
    assert '"@type": "type.googleapis.com/tensorflow.SignatureDef"' in json
    assert json_format.Parse(json, tensorflow.MetaGraphDef(), descriptor_pool=POOL) == meta
    back = tensorflow.SignatureDef()
    assert packed.Unpack(back)
    assert back == meta.signature_def["serving_default"]


def test_wrappers_in_text() -> None:
    parsed = text_format.Parse(
        "max_batch_size { value: 128 } allowed_batch_sizes: [1, 128]", serving.BatchingParameters()
    )
    assert parsed.max_batch_size.value == 128
    assert list(parsed.allowed_batch_sizes) == [1, 128]


def test_op_defs_equal_the_parsed_list() -> None:
    path = Path(__file__).parents[2] / "src/noria/protos/op_defs.binpb"
    ops = tensorflow.OpList.FromString(path.read_bytes()).op
    assert [op.name for op in ops] == op_names()
    assert len(ops) == 1910
    assert all(op_def(op.name) == op for op in ops)


def test_op_defs_by_name() -> None:
    assert [a.name for a in op_def("MatMul").input_arg] == ["a", "b"]
    assert has_op("ParseExampleV2")
    assert not has_op("NoSuchOp")
    with pytest.raises(NotFoundError, match="op 'NoSuchOp' is not among the 1910 operations"):
        op_def("NoSuchOp")


def test_committed_files_are_what_the_compiler_makes() -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is needed only to change the .proto files")
    root = Path(__file__).parents[2]
    code = (
        "from tools.gen_protos import PROTOS, compile_protos\n"
        "stale = [n for n, data in compile_protos().items() if (PROTOS / n).read_bytes() != data]\n"
        "assert not stale, f'run python -m tools.gen_protos compile: {stale} differ from the .proto files'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
