"""The messages whose wire definitions were written by hand, against TensorFlow's own descriptors."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2
from tensorflow.core.protobuf import control_flow_pb2, device_filters_pb2, queue_runner_pb2, tensorflow_server_pb2

from noria.protos import tensorflow

MODULES = {
    control_flow_pb2: ["ValuesDef", "ControlFlowContextDef", "CondContextDef", "WhileContextDef"],
    device_filters_pb2: ["TaskDeviceFilters", "JobDeviceFilters", "ClusterDeviceFilters"],
    queue_runner_pb2: ["QueueRunnerDef"],
    tensorflow_server_pb2: ["ServerDef"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_hand_written_messages_equal_tensorflows(module: object, name: str) -> None:
    def fields(message: type) -> list[tuple[int, str, int, int, str]]:
        proto = descriptor_pb2.DescriptorProto()
        message.DESCRIPTOR.CopyToProto(proto)  # type: ignore[attr-defined]
        every = [*proto.field, *(field for entry in proto.nested_type for field in entry.field)]
        return [
            (f.number, f.name, f.type, f.label, f.type_name) for f in sorted(every, key=lambda f: (f.number, f.name))
        ]

    assert fields(getattr(tensorflow, name)) == fields(getattr(module, name))
