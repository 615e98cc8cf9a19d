"""Make Noria's wire definitions: ``.proto`` text from descriptors, and the two files compiled from that text.

Run from the repository root in an environment that has ``grpcio-tools`` (and, for ``print``, ``onnx``)::

    python -m tools.gen_protos print TF_DESCRIPTORS   # descriptors of TensorFlow and onnx -> src/noria/protos/*.proto
    python -m tools.gen_protos compile                # *.proto -> descriptors.binpb and the .pyi stubs

``print`` is needed only when TensorFlow's messages change: TF_DESCRIPTORS is a serialized ``FileDescriptorSet`` with
the messages of TensorFlow and its serving API. Names, numbers and types are taken over, nothing else. ``compile`` is
needed after every change of a ``.proto`` file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from google.protobuf import descriptor_pb2 as pb
from tools.proto_text import print_file
from tools.stub_text import print_stub

PROTOS: Final = Path(__file__).resolve().parent.parent / "src" / "noria" / "protos"

_FRAMEWORK: Final = [
    "types",
    "tensor_shape",
    "resource_handle",
    "tensor",
    "attr_value",
    "full_type",
    "node_def",
    "op_def",
    "function",
    "versions",
    "graph",
    "variable",
]
# Our files, in dependency order, and the reference files whose messages each one gathers.
GROUPS: Final[dict[str, list[str]]] = {
    "graph_debug_info.proto": ["tensorflow/core/framework/graph_debug_info.proto"],
    "framework.proto": [f"tensorflow/core/framework/{n}.proto" for n in _FRAMEWORK],
    "saved_model.proto": [
        f"tensorflow/core/protobuf/{n}.proto"
        for n in [
            "struct",
            "trackable_object_graph",
            "saved_object_graph",
            "saver",
            "meta_graph",
            "saved_model",
            "fingerprint",
        ]
    ],
    "checkpoint.proto": [
        "tensorflow/core/framework/tensor_slice.proto",
        "tensorflow/core/protobuf/tensor_bundle.proto",
        "tensorflow/core/util/saved_tensor_slice.proto",
        "tensorflow/python/training/checkpoint_state.proto",
    ],
    "example.proto": ["tensorflow/core/example/feature.proto", "tensorflow/core/example/example.proto"],
    "event.proto": [
        "xla/tsl/protobuf/histogram.proto",
        "tensorflow/core/framework/summary.proto",
        "tensorflow/core/util/event.proto",
    ],
    "error_codes.proto": ["xla/tsl/protobuf/error_codes.proto"],
    "config.proto": [
        "xla/tsl/protobuf/coordination_config.proto",
        "xla/tsl/protobuf/rpc_options.proto",
        *(
            f"tensorflow/core/framework/{n}.proto"
            for n in ["allocation_description", "tensor_description", "step_stats", "cost_graph"]
        ),
        *(
            f"tensorflow/core/protobuf/{n}.proto"
            for n in ["named_tensor", "cluster", "debug", "verifier_config", "rewriter_config", "config"]
        ),
    ],
    "serving_config.proto": [
        f"tensorflow_serving/config/{n}.proto"
        for n in [
            "log_collector_config",
            "logging_config",
            "file_system_storage_path_source",
            "model_server_config",
            "platform_config",
        ]
    ],
    "serving.proto": [
        f"tensorflow_serving/apis/{n}.proto"
        for n in [
            "model",
            "input",
            "classification",
            "regression",
            "predict",
            "get_model_metadata",
            "status",
            "get_model_status",
            "inference",
            "logging",
            "session_service",
            "model_management",
            "model_service",
            "prediction_log",
            "prediction_service",
        ]
    ],
}
_ONNX_MESSAGES: Final = [
    "AttributeProto",
    "ValueInfoProto",
    "NodeProto",
    "ModelProto",
    "StringStringEntryProto",
    "TensorAnnotation",
    "GraphProto",
    "TensorProto",
    "SparseTensorProto",
    "TensorShapeProto",
    "TypeProto",
    "OperatorSetIdProto",
]
_ONNX_LEFT_OUT: Final = {
    ("NodeProto", "device_configurations"),
    ("ModelProto", "training_info"),
    ("ModelProto", "functions"),
    ("ModelProto", "configuration"),
}
# Written by hand, no reference descriptors exist for it: kept when ``print`` runs again.
_HAND_WRITTEN: Final = [
    "batching_config.proto",
    "server_files.proto",
    "training.proto",
    "kserve.proto",
    "health.proto",
    "reflection.proto",
]
_WELL_KNOWN: Final = ["google/protobuf/any.proto", "google/protobuf/wrappers.proto"]
# Python modules: the packages each one shows.
MODULES: Final = {
    "tensorflow": ["tensorflow"],
    "error_codes": ["tensorflow.error"],
    "serving": ["tensorflow.serving"],
    "kserve": ["inference"],
    "health": ["grpc.health.v1"],
    "reflection": ["grpc.reflection.v1alpha"],
    "onnx": ["onnx"],
    "wellknown": ["google.protobuf"],
}


def main(arguments: list[str]) -> int:
    """The command: ``print DESCRIPTORS`` or ``compile``; returns the exit status."""
    match arguments:
        case ["print", path]:
            print_protos(pb.FileDescriptorSet.FromString(Path(path).read_bytes()))
        case ["compile"]:
            for name, data in compile_protos().items():
                (PROTOS / name).write_bytes(data)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def print_protos(reference: pb.FileDescriptorSet) -> None:
    """Write every generated ``.proto`` file from the reference descriptors (and the installed onnx's)."""
    files = {f.name: f for f in reference.file}
    owner = {source: ours for ours, sources in GROUPS.items() for source in sources}
    for ours, sources in GROUPS.items():
        merged = pb.FileDescriptorProto(name=ours, package=files[sources[0]].package, syntax=files[sources[0]].syntax)
        imports: set[str] = set()
        for source in sources:
            merged.message_type.extend(files[source].message_type)
            merged.enum_type.extend(files[source].enum_type)
            merged.service.extend(files[source].service)
            imports.update(_our_imports(files[source], owner))
        merged.dependency.extend(sorted(imports - {ours}))
        (PROTOS / ours).write_text(print_file(merged), encoding="utf-8")
    (PROTOS / "onnx.proto").write_text(print_file(_onnx_subset()), encoding="utf-8")


def _our_imports(file: pb.FileDescriptorProto, owner: dict[str, str]) -> set[str]:
    """Our files that define what ``file`` imports."""
    found = {owner.get(d, d) for d in file.dependency}
    if "tensorflow/core/protobuf/error_codes.proto" in found:  # an empty file that only forwards
        found.add("error_codes.proto")
    return {d for d in found if d in GROUPS or d in _WELL_KNOWN}


def _onnx_subset() -> pb.FileDescriptorProto:
    import onnx  # heavy, and needed for this one command only

    full = pb.FileDescriptorProto()
    onnx.onnx_ml_pb2.DESCRIPTOR.CopyToProto(full)
    subset = pb.FileDescriptorProto(name="onnx.proto", package="onnx", syntax="proto2")
    subset.message_type.extend(m for m in full.message_type if m.name in _ONNX_MESSAGES)
    _drop_fields(subset, _ONNX_LEFT_OUT)
    return subset


def _drop_fields(file: pb.FileDescriptorProto, left_out: set[tuple[str, str]]) -> None:
    for message in file.message_type:
        kept = [f for f in message.field if (message.name, f.name) not in left_out]
        if len(kept) != len(message.field):
            copies = [pb.FieldDescriptorProto.FromString(f.SerializeToString()) for f in kept]
            del message.field[:]
            message.field.extend(copies)


def compile_protos() -> dict[str, bytes]:
    """File name -> content of all that is compiled from the ``.proto`` files."""
    from grpc_tools import protoc  # only this command needs the compiler

    well_known = Path(protoc.__file__).parent / "_proto"
    names = [*GROUPS, *_HAND_WRITTEN, "onnx.proto"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        flags = [f"-I{PROTOS}", f"-I{well_known}", "--include_imports", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *flags, *names]) != 0:
            raise SystemExit("protoc refused the .proto files; its messages stand above")
        compiled = pb.FileDescriptorSet.FromString(out.read_bytes())
    result = {"descriptors.binpb": compiled.SerializeToString(deterministic=True)}
    for module in MODULES:
        result[f"{module}.pyi"] = print_stub(compiled, module, MODULES).encode()
    return result


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
