"""Types of the messages of ``onnx``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

import noria.protos.onnx as _onnx

class AttributeProto(_message.Message):
    AttributeType: _enum.EnumTypeWrapper
    UNDEFINED: builtins.int
    FLOAT: builtins.int
    INT: builtins.int
    STRING: builtins.int
    TENSOR: builtins.int
    GRAPH: builtins.int
    SPARSE_TENSOR: builtins.int
    TYPE_PROTO: builtins.int
    FLOATS: builtins.int
    INTS: builtins.int
    STRINGS: builtins.int
    TENSORS: builtins.int
    GRAPHS: builtins.int
    SPARSE_TENSORS: builtins.int
    TYPE_PROTOS: builtins.int
    name: builtins.str
    ref_attr_name: builtins.str
    doc_string: builtins.str
    type: builtins.int
    f: builtins.float
    i: builtins.int
    s: builtins.bytes
    @builtins.property
    def t(self) -> _onnx.TensorProto: ...
    @builtins.property
    def g(self) -> _onnx.GraphProto: ...
    @builtins.property
    def sparse_tensor(self) -> _onnx.SparseTensorProto: ...
    @builtins.property
    def tp(self) -> _onnx.TypeProto: ...
    @builtins.property
    def floats(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def ints(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def strings(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
    @builtins.property
    def tensors(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.TensorProto]: ...
    @builtins.property
    def graphs(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.GraphProto]: ...
    @builtins.property
    def sparse_tensors(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.SparseTensorProto]: ...
    @builtins.property
    def type_protos(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.TypeProto]: ...
    def __init__(self, *, name: builtins.str | None = ..., ref_attr_name: builtins.str | None = ..., doc_string: builtins.str | None = ..., type: builtins.int | None = ..., f: builtins.float | None = ..., i: builtins.int | None = ..., s: builtins.bytes | None = ..., t: _onnx.TensorProto | None = ..., g: _onnx.GraphProto | None = ..., sparse_tensor: _onnx.SparseTensorProto | None = ..., tp: _onnx.TypeProto | None = ..., floats: typing.Iterable[builtins.float] | None = ..., ints: typing.Iterable[builtins.int] | None = ..., strings: typing.Iterable[builtins.bytes] | None = ..., tensors: typing.Iterable[_onnx.TensorProto] | None = ..., graphs: typing.Iterable[_onnx.GraphProto] | None = ..., sparse_tensors: typing.Iterable[_onnx.SparseTensorProto] | None = ..., type_protos: typing.Iterable[_onnx.TypeProto] | None = ...) -> None: ...

class ValueInfoProto(_message.Message):
    name: builtins.str
    @builtins.property
    def type(self) -> _onnx.TypeProto: ...
    doc_string: builtins.str
    @builtins.property
    def metadata_props(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, name: builtins.str | None = ..., type: _onnx.TypeProto | None = ..., doc_string: builtins.str | None = ..., metadata_props: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class NodeProto(_message.Message):
    @builtins.property
    def input(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def output(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    name: builtins.str
    op_type: builtins.str
    domain: builtins.str
    overload: builtins.str
    @builtins.property
    def attribute(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.AttributeProto]: ...
    doc_string: builtins.str
    @builtins.property
    def metadata_props(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, input: typing.Iterable[builtins.str] | None = ..., output: typing.Iterable[builtins.str] | None = ..., name: builtins.str | None = ..., op_type: builtins.str | None = ..., domain: builtins.str | None = ..., overload: builtins.str | None = ..., attribute: typing.Iterable[_onnx.AttributeProto] | None = ..., doc_string: builtins.str | None = ..., metadata_props: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class ModelProto(_message.Message):
    ir_version: builtins.int
    @builtins.property
    def opset_import(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.OperatorSetIdProto]: ...
    producer_name: builtins.str
    producer_version: builtins.str
    domain: builtins.str
    model_version: builtins.int
    doc_string: builtins.str
    @builtins.property
    def graph(self) -> _onnx.GraphProto: ...
    @builtins.property
    def metadata_props(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, ir_version: builtins.int | None = ..., opset_import: typing.Iterable[_onnx.OperatorSetIdProto] | None = ..., producer_name: builtins.str | None = ..., producer_version: builtins.str | None = ..., domain: builtins.str | None = ..., model_version: builtins.int | None = ..., doc_string: builtins.str | None = ..., graph: _onnx.GraphProto | None = ..., metadata_props: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class StringStringEntryProto(_message.Message):
    key: builtins.str
    value: builtins.str
    def __init__(self, *, key: builtins.str | None = ..., value: builtins.str | None = ...) -> None: ...

class TensorAnnotation(_message.Message):
    tensor_name: builtins.str
    @builtins.property
    def quant_parameter_tensor_names(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, tensor_name: builtins.str | None = ..., quant_parameter_tensor_names: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class GraphProto(_message.Message):
    @builtins.property
    def node(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.NodeProto]: ...
    name: builtins.str
    @builtins.property
    def initializer(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.TensorProto]: ...
    @builtins.property
    def sparse_initializer(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.SparseTensorProto]: ...
    doc_string: builtins.str
    @builtins.property
    def input(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.ValueInfoProto]: ...
    @builtins.property
    def output(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.ValueInfoProto]: ...
    @builtins.property
    def value_info(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.ValueInfoProto]: ...
    @builtins.property
    def quantization_annotation(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.TensorAnnotation]: ...
    @builtins.property
    def metadata_props(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, node: typing.Iterable[_onnx.NodeProto] | None = ..., name: builtins.str | None = ..., initializer: typing.Iterable[_onnx.TensorProto] | None = ..., sparse_initializer: typing.Iterable[_onnx.SparseTensorProto] | None = ..., doc_string: builtins.str | None = ..., input: typing.Iterable[_onnx.ValueInfoProto] | None = ..., output: typing.Iterable[_onnx.ValueInfoProto] | None = ..., value_info: typing.Iterable[_onnx.ValueInfoProto] | None = ..., quantization_annotation: typing.Iterable[_onnx.TensorAnnotation] | None = ..., metadata_props: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class TensorProto(_message.Message):
    DataType: _enum.EnumTypeWrapper
    UNDEFINED: builtins.int
    FLOAT: builtins.int
    UINT8: builtins.int
    INT8: builtins.int
    UINT16: builtins.int
    INT16: builtins.int
    INT32: builtins.int
    INT64: builtins.int
    STRING: builtins.int
    BOOL: builtins.int
    FLOAT16: builtins.int
    DOUBLE: builtins.int
    UINT32: builtins.int
    UINT64: builtins.int
    COMPLEX64: builtins.int
    COMPLEX128: builtins.int
    BFLOAT16: builtins.int
    FLOAT8E4M3FN: builtins.int
    FLOAT8E4M3FNUZ: builtins.int
    FLOAT8E5M2: builtins.int
    FLOAT8E5M2FNUZ: builtins.int
    UINT4: builtins.int
    INT4: builtins.int
    FLOAT4E2M1: builtins.int
    FLOAT8E8M0: builtins.int
    UINT2: builtins.int
    INT2: builtins.int
    FLOAT6E2M3: builtins.int
    FLOAT6E3M2: builtins.int
    DataLocation: _enum.EnumTypeWrapper
    DEFAULT: builtins.int
    EXTERNAL: builtins.int
    class Segment(_message.Message):
        begin: builtins.int
        end: builtins.int
        def __init__(self, *, begin: builtins.int | None = ..., end: builtins.int | None = ...) -> None: ...
    @builtins.property
    def dims(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    data_type: builtins.int
    @builtins.property
    def segment(self) -> _onnx.TensorProto.Segment: ...
    @builtins.property
    def float_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def int32_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def string_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
    @builtins.property
    def int64_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    name: builtins.str
    doc_string: builtins.str
    raw_data: builtins.bytes
    @builtins.property
    def external_data(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    data_location: builtins.int
    @builtins.property
    def double_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def uint64_data(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def metadata_props(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.StringStringEntryProto]: ...
    def __init__(self, *, dims: typing.Iterable[builtins.int] | None = ..., data_type: builtins.int | None = ..., segment: _onnx.TensorProto.Segment | None = ..., float_data: typing.Iterable[builtins.float] | None = ..., int32_data: typing.Iterable[builtins.int] | None = ..., string_data: typing.Iterable[builtins.bytes] | None = ..., int64_data: typing.Iterable[builtins.int] | None = ..., name: builtins.str | None = ..., doc_string: builtins.str | None = ..., raw_data: builtins.bytes | None = ..., external_data: typing.Iterable[_onnx.StringStringEntryProto] | None = ..., data_location: builtins.int | None = ..., double_data: typing.Iterable[builtins.float] | None = ..., uint64_data: typing.Iterable[builtins.int] | None = ..., metadata_props: typing.Iterable[_onnx.StringStringEntryProto] | None = ...) -> None: ...

class SparseTensorProto(_message.Message):
    @builtins.property
    def values(self) -> _onnx.TensorProto: ...
    @builtins.property
    def indices(self) -> _onnx.TensorProto: ...
    @builtins.property
    def dims(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, values: _onnx.TensorProto | None = ..., indices: _onnx.TensorProto | None = ..., dims: typing.Iterable[builtins.int] | None = ...) -> None: ...

class TensorShapeProto(_message.Message):
    class Dimension(_message.Message):
        dim_value: builtins.int
        dim_param: builtins.str
        denotation: builtins.str
        def __init__(self, *, dim_value: builtins.int | None = ..., dim_param: builtins.str | None = ..., denotation: builtins.str | None = ...) -> None: ...
    @builtins.property
    def dim(self) -> _containers.RepeatedCompositeFieldContainer[_onnx.TensorShapeProto.Dimension]: ...
    def __init__(self, *, dim: typing.Iterable[_onnx.TensorShapeProto.Dimension] | None = ...) -> None: ...

class TypeProto(_message.Message):
    class Tensor(_message.Message):
        elem_type: builtins.int
        @builtins.property
        def shape(self) -> _onnx.TensorShapeProto: ...
        def __init__(self, *, elem_type: builtins.int | None = ..., shape: _onnx.TensorShapeProto | None = ...) -> None: ...
    class Sequence(_message.Message):
        @builtins.property
        def elem_type(self) -> _onnx.TypeProto: ...
        def __init__(self, *, elem_type: _onnx.TypeProto | None = ...) -> None: ...
    class Map(_message.Message):
        key_type: builtins.int
        @builtins.property
        def value_type(self) -> _onnx.TypeProto: ...
        def __init__(self, *, key_type: builtins.int | None = ..., value_type: _onnx.TypeProto | None = ...) -> None: ...
    class Optional(_message.Message):
        @builtins.property
        def elem_type(self) -> _onnx.TypeProto: ...
        def __init__(self, *, elem_type: _onnx.TypeProto | None = ...) -> None: ...
    class SparseTensor(_message.Message):
        elem_type: builtins.int
        @builtins.property
        def shape(self) -> _onnx.TensorShapeProto: ...
        def __init__(self, *, elem_type: builtins.int | None = ..., shape: _onnx.TensorShapeProto | None = ...) -> None: ...
    class Opaque(_message.Message):
        domain: builtins.str
        name: builtins.str
        def __init__(self, *, domain: builtins.str | None = ..., name: builtins.str | None = ...) -> None: ...
    @builtins.property
    def tensor_type(self) -> _onnx.TypeProto.Tensor: ...
    @builtins.property
    def sequence_type(self) -> _onnx.TypeProto.Sequence: ...
    @builtins.property
    def map_type(self) -> _onnx.TypeProto.Map: ...
    @builtins.property
    def optional_type(self) -> _onnx.TypeProto.Optional: ...
    @builtins.property
    def sparse_tensor_type(self) -> _onnx.TypeProto.SparseTensor: ...
    @builtins.property
    def opaque_type(self) -> _onnx.TypeProto.Opaque: ...
    denotation: builtins.str
    def __init__(self, *, tensor_type: _onnx.TypeProto.Tensor | None = ..., sequence_type: _onnx.TypeProto.Sequence | None = ..., map_type: _onnx.TypeProto.Map | None = ..., optional_type: _onnx.TypeProto.Optional | None = ..., sparse_tensor_type: _onnx.TypeProto.SparseTensor | None = ..., opaque_type: _onnx.TypeProto.Opaque | None = ..., denotation: builtins.str | None = ...) -> None: ...

class OperatorSetIdProto(_message.Message):
    domain: builtins.str
    version: builtins.int
    def __init__(self, *, domain: builtins.str | None = ..., version: builtins.int | None = ...) -> None: ...
