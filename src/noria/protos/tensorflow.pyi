"""Types of the messages of ``tensorflow``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

import noria.protos.tensorflow as _tensorflow
import noria.protos.wellknown as _wellknown

class GraphDebugInfo(_message.Message):
    class FileLineCol(_message.Message):
        file_index: builtins.int
        line: builtins.int
        col: builtins.int
        func: builtins.str
        code: builtins.str
        def __init__(self, *, file_index: builtins.int | None = ..., line: builtins.int | None = ..., col: builtins.int | None = ..., func: builtins.str | None = ..., code: builtins.str | None = ...) -> None: ...
    class StackTrace(_message.Message):
        @builtins.property
        def file_line_cols(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.GraphDebugInfo.FileLineCol]: ...
        @builtins.property
        def frame_id(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
        def __init__(self, *, file_line_cols: typing.Iterable[_tensorflow.GraphDebugInfo.FileLineCol] | None = ..., frame_id: typing.Iterable[builtins.int] | None = ...) -> None: ...
    @builtins.property
    def files(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def frames_by_id(self) -> _containers.MessageMap[builtins.int, _tensorflow.GraphDebugInfo.FileLineCol]: ...
    @builtins.property
    def traces_by_id(self) -> _containers.MessageMap[builtins.int, _tensorflow.GraphDebugInfo.StackTrace]: ...
    @builtins.property
    def traces(self) -> _containers.MessageMap[builtins.str, _tensorflow.GraphDebugInfo.StackTrace]: ...
    @builtins.property
    def name_to_trace_id(self) -> _containers.ScalarMap[builtins.str, builtins.int]: ...
    def __init__(self, *, files: typing.Iterable[builtins.str] | None = ..., frames_by_id: typing.Mapping[builtins.int, _tensorflow.GraphDebugInfo.FileLineCol] | None = ..., traces_by_id: typing.Mapping[builtins.int, _tensorflow.GraphDebugInfo.StackTrace] | None = ..., traces: typing.Mapping[builtins.str, _tensorflow.GraphDebugInfo.StackTrace] | None = ..., name_to_trace_id: typing.Mapping[builtins.str, builtins.int] | None = ...) -> None: ...

DataType: _enum.EnumTypeWrapper
DT_INVALID: builtins.int
DT_FLOAT: builtins.int
DT_DOUBLE: builtins.int
DT_INT32: builtins.int
DT_UINT8: builtins.int
DT_INT16: builtins.int
DT_INT8: builtins.int
DT_STRING: builtins.int
DT_COMPLEX64: builtins.int
DT_INT64: builtins.int
DT_BOOL: builtins.int
DT_QINT8: builtins.int
DT_QUINT8: builtins.int
DT_QINT32: builtins.int
DT_BFLOAT16: builtins.int
DT_QINT16: builtins.int
DT_QUINT16: builtins.int
DT_UINT16: builtins.int
DT_COMPLEX128: builtins.int
DT_HALF: builtins.int
DT_RESOURCE: builtins.int
DT_VARIANT: builtins.int
DT_UINT32: builtins.int
DT_UINT64: builtins.int
DT_FLOAT8_E5M2: builtins.int
DT_FLOAT8_E4M3FN: builtins.int
DT_FLOAT8_E4M3FNUZ: builtins.int
DT_FLOAT8_E4M3B11FNUZ: builtins.int
DT_FLOAT8_E5M2FNUZ: builtins.int
DT_INT4: builtins.int
DT_UINT4: builtins.int
DT_INT2: builtins.int
DT_UINT2: builtins.int
DT_FLOAT4_E2M1FN: builtins.int
DT_FLOAT_REF: builtins.int
DT_DOUBLE_REF: builtins.int
DT_INT32_REF: builtins.int
DT_UINT8_REF: builtins.int
DT_INT16_REF: builtins.int
DT_INT8_REF: builtins.int
DT_STRING_REF: builtins.int
DT_COMPLEX64_REF: builtins.int
DT_INT64_REF: builtins.int
DT_BOOL_REF: builtins.int
DT_QINT8_REF: builtins.int
DT_QUINT8_REF: builtins.int
DT_QINT32_REF: builtins.int
DT_BFLOAT16_REF: builtins.int
DT_QINT16_REF: builtins.int
DT_QUINT16_REF: builtins.int
DT_UINT16_REF: builtins.int
DT_COMPLEX128_REF: builtins.int
DT_HALF_REF: builtins.int
DT_RESOURCE_REF: builtins.int
DT_VARIANT_REF: builtins.int
DT_UINT32_REF: builtins.int
DT_UINT64_REF: builtins.int
DT_FLOAT8_E5M2_REF: builtins.int
DT_FLOAT8_E4M3FN_REF: builtins.int
DT_FLOAT8_E4M3FNUZ_REF: builtins.int
DT_FLOAT8_E4M3B11FNUZ_REF: builtins.int
DT_FLOAT8_E5M2FNUZ_REF: builtins.int
DT_INT4_REF: builtins.int
DT_UINT4_REF: builtins.int
DT_INT2_REF: builtins.int
DT_UINT2_REF: builtins.int
DT_FLOAT4_E2M1FN_REF: builtins.int

FullTypeId: _enum.EnumTypeWrapper
TFT_UNSET: builtins.int
TFT_VAR: builtins.int
TFT_ANY: builtins.int
TFT_PRODUCT: builtins.int
TFT_NAMED: builtins.int
TFT_FOR_EACH: builtins.int
TFT_CALLABLE: builtins.int
TFT_TENSOR: builtins.int
TFT_ARRAY: builtins.int
TFT_OPTIONAL: builtins.int
TFT_LITERAL: builtins.int
TFT_ENCODED: builtins.int
TFT_SHAPE_TENSOR: builtins.int
TFT_BOOL: builtins.int
TFT_UINT8: builtins.int
TFT_UINT16: builtins.int
TFT_UINT32: builtins.int
TFT_UINT64: builtins.int
TFT_INT8: builtins.int
TFT_INT16: builtins.int
TFT_INT32: builtins.int
TFT_INT64: builtins.int
TFT_HALF: builtins.int
TFT_FLOAT: builtins.int
TFT_DOUBLE: builtins.int
TFT_BFLOAT16: builtins.int
TFT_COMPLEX64: builtins.int
TFT_COMPLEX128: builtins.int
TFT_STRING: builtins.int
TFT_DATASET: builtins.int
TFT_RAGGED: builtins.int
TFT_ITERATOR: builtins.int
TFT_MUTEX_LOCK: builtins.int
TFT_LEGACY_VARIANT: builtins.int

VariableSynchronization: _enum.EnumTypeWrapper
VARIABLE_SYNCHRONIZATION_AUTO: builtins.int
VARIABLE_SYNCHRONIZATION_NONE: builtins.int
VARIABLE_SYNCHRONIZATION_ON_WRITE: builtins.int
VARIABLE_SYNCHRONIZATION_ON_READ: builtins.int

VariableAggregation: _enum.EnumTypeWrapper
VARIABLE_AGGREGATION_NONE: builtins.int
VARIABLE_AGGREGATION_SUM: builtins.int
VARIABLE_AGGREGATION_MEAN: builtins.int
VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA: builtins.int

class SerializedDType(_message.Message):
    datatype: builtins.int
    def __init__(self, *, datatype: builtins.int | None = ...) -> None: ...

class TensorShapeProto(_message.Message):
    class Dim(_message.Message):
        size: builtins.int
        name: builtins.str
        def __init__(self, *, size: builtins.int | None = ..., name: builtins.str | None = ...) -> None: ...
    @builtins.property
    def dim(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorShapeProto.Dim]: ...
    unknown_rank: builtins.bool
    def __init__(self, *, dim: typing.Iterable[_tensorflow.TensorShapeProto.Dim] | None = ..., unknown_rank: builtins.bool | None = ...) -> None: ...

class ResourceHandleProto(_message.Message):
    class DtypeAndShape(_message.Message):
        dtype: builtins.int
        @builtins.property
        def shape(self) -> _tensorflow.TensorShapeProto: ...
        def __init__(self, *, dtype: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ...) -> None: ...
    device: builtins.str
    container: builtins.str
    name: builtins.str
    hash_code: builtins.int
    maybe_type_name: builtins.str
    @builtins.property
    def dtypes_and_shapes(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ResourceHandleProto.DtypeAndShape]: ...
    def __init__(self, *, device: builtins.str | None = ..., container: builtins.str | None = ..., name: builtins.str | None = ..., hash_code: builtins.int | None = ..., maybe_type_name: builtins.str | None = ..., dtypes_and_shapes: typing.Iterable[_tensorflow.ResourceHandleProto.DtypeAndShape] | None = ...) -> None: ...

class TensorProto(_message.Message):
    dtype: builtins.int
    @builtins.property
    def tensor_shape(self) -> _tensorflow.TensorShapeProto: ...
    version_number: builtins.int
    tensor_content: builtins.bytes
    @builtins.property
    def half_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def float_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def double_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def int_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def string_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
    @builtins.property
    def scomplex_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def int64_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def bool_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.bool]: ...
    @builtins.property
    def dcomplex_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def resource_handle_val(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ResourceHandleProto]: ...
    @builtins.property
    def variant_val(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.VariantTensorDataProto]: ...
    @builtins.property
    def uint32_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def uint64_val(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    float8_val: builtins.bytes
    def __init__(self, *, dtype: builtins.int | None = ..., tensor_shape: _tensorflow.TensorShapeProto | None = ..., version_number: builtins.int | None = ..., tensor_content: builtins.bytes | None = ..., half_val: typing.Iterable[builtins.int] | None = ..., float_val: typing.Iterable[builtins.float] | None = ..., double_val: typing.Iterable[builtins.float] | None = ..., int_val: typing.Iterable[builtins.int] | None = ..., string_val: typing.Iterable[builtins.bytes] | None = ..., scomplex_val: typing.Iterable[builtins.float] | None = ..., int64_val: typing.Iterable[builtins.int] | None = ..., bool_val: typing.Iterable[builtins.bool] | None = ..., dcomplex_val: typing.Iterable[builtins.float] | None = ..., resource_handle_val: typing.Iterable[_tensorflow.ResourceHandleProto] | None = ..., variant_val: typing.Iterable[_tensorflow.VariantTensorDataProto] | None = ..., uint32_val: typing.Iterable[builtins.int] | None = ..., uint64_val: typing.Iterable[builtins.int] | None = ..., float8_val: builtins.bytes | None = ...) -> None: ...

class VariantTensorDataProto(_message.Message):
    type_name: builtins.str
    metadata: builtins.bytes
    @builtins.property
    def tensors(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorProto]: ...
    def __init__(self, *, type_name: builtins.str | None = ..., metadata: builtins.bytes | None = ..., tensors: typing.Iterable[_tensorflow.TensorProto] | None = ...) -> None: ...

class AttrValue(_message.Message):
    class ListValue(_message.Message):
        @builtins.property
        def s(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
        @builtins.property
        def i(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
        @builtins.property
        def f(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
        @builtins.property
        def b(self) -> _containers.RepeatedScalarFieldContainer[builtins.bool]: ...
        @builtins.property
        def type(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
        @builtins.property
        def shape(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorShapeProto]: ...
        @builtins.property
        def tensor(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorProto]: ...
        @builtins.property
        def func(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.NameAttrList]: ...
        def __init__(self, *, s: typing.Iterable[builtins.bytes] | None = ..., i: typing.Iterable[builtins.int] | None = ..., f: typing.Iterable[builtins.float] | None = ..., b: typing.Iterable[builtins.bool] | None = ..., type: typing.Iterable[builtins.int] | None = ..., shape: typing.Iterable[_tensorflow.TensorShapeProto] | None = ..., tensor: typing.Iterable[_tensorflow.TensorProto] | None = ..., func: typing.Iterable[_tensorflow.NameAttrList] | None = ...) -> None: ...
    s: builtins.bytes
    i: builtins.int
    f: builtins.float
    b: builtins.bool
    type: builtins.int
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    @builtins.property
    def tensor(self) -> _tensorflow.TensorProto: ...
    @builtins.property
    def list(self) -> _tensorflow.AttrValue.ListValue: ...
    @builtins.property
    def func(self) -> _tensorflow.NameAttrList: ...
    placeholder: builtins.str
    def __init__(self, *, s: builtins.bytes | None = ..., i: builtins.int | None = ..., f: builtins.float | None = ..., b: builtins.bool | None = ..., type: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., tensor: _tensorflow.TensorProto | None = ..., list: _tensorflow.AttrValue.ListValue | None = ..., func: _tensorflow.NameAttrList | None = ..., placeholder: builtins.str | None = ...) -> None: ...

class NameAttrList(_message.Message):
    name: builtins.str
    @builtins.property
    def attr(self) -> _containers.MessageMap[builtins.str, _tensorflow.AttrValue]: ...
    def __init__(self, *, name: builtins.str | None = ..., attr: typing.Mapping[builtins.str, _tensorflow.AttrValue] | None = ...) -> None: ...

class FullTypeDef(_message.Message):
    type_id: builtins.int
    @builtins.property
    def args(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.FullTypeDef]: ...
    s: builtins.str
    i: builtins.int
    def __init__(self, *, type_id: builtins.int | None = ..., args: typing.Iterable[_tensorflow.FullTypeDef] | None = ..., s: builtins.str | None = ..., i: builtins.int | None = ...) -> None: ...

class NodeDef(_message.Message):
    class ExperimentalDebugInfo(_message.Message):
        @builtins.property
        def original_node_names(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
        @builtins.property
        def original_func_names(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
        def __init__(self, *, original_node_names: typing.Iterable[builtins.str] | None = ..., original_func_names: typing.Iterable[builtins.str] | None = ...) -> None: ...
    name: builtins.str
    op: builtins.str
    @builtins.property
    def input(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    device: builtins.str
    @builtins.property
    def attr(self) -> _containers.MessageMap[builtins.str, _tensorflow.AttrValue]: ...
    @builtins.property
    def experimental_debug_info(self) -> _tensorflow.NodeDef.ExperimentalDebugInfo: ...
    @builtins.property
    def experimental_type(self) -> _tensorflow.FullTypeDef: ...
    def __init__(self, *, name: builtins.str | None = ..., op: builtins.str | None = ..., input: typing.Iterable[builtins.str] | None = ..., device: builtins.str | None = ..., attr: typing.Mapping[builtins.str, _tensorflow.AttrValue] | None = ..., experimental_debug_info: _tensorflow.NodeDef.ExperimentalDebugInfo | None = ..., experimental_type: _tensorflow.FullTypeDef | None = ...) -> None: ...

class OpDef(_message.Message):
    class ArgDef(_message.Message):
        name: builtins.str
        description: builtins.str
        type: builtins.int
        type_attr: builtins.str
        number_attr: builtins.str
        type_list_attr: builtins.str
        @builtins.property
        def handle_data(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ResourceHandleProto.DtypeAndShape]: ...
        is_ref: builtins.bool
        @builtins.property
        def experimental_full_type(self) -> _tensorflow.FullTypeDef: ...
        def __init__(self, *, name: builtins.str | None = ..., description: builtins.str | None = ..., type: builtins.int | None = ..., type_attr: builtins.str | None = ..., number_attr: builtins.str | None = ..., type_list_attr: builtins.str | None = ..., handle_data: typing.Iterable[_tensorflow.ResourceHandleProto.DtypeAndShape] | None = ..., is_ref: builtins.bool | None = ..., experimental_full_type: _tensorflow.FullTypeDef | None = ...) -> None: ...
    class AttrDef(_message.Message):
        name: builtins.str
        type: builtins.str
        @builtins.property
        def default_value(self) -> _tensorflow.AttrValue: ...
        description: builtins.str
        has_minimum: builtins.bool
        minimum: builtins.int
        @builtins.property
        def allowed_values(self) -> _tensorflow.AttrValue: ...
        def __init__(self, *, name: builtins.str | None = ..., type: builtins.str | None = ..., default_value: _tensorflow.AttrValue | None = ..., description: builtins.str | None = ..., has_minimum: builtins.bool | None = ..., minimum: builtins.int | None = ..., allowed_values: _tensorflow.AttrValue | None = ...) -> None: ...
    name: builtins.str
    @builtins.property
    def input_arg(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.OpDef.ArgDef]: ...
    @builtins.property
    def output_arg(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.OpDef.ArgDef]: ...
    @builtins.property
    def control_output(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def attr(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.OpDef.AttrDef]: ...
    @builtins.property
    def deprecation(self) -> _tensorflow.OpDeprecation: ...
    summary: builtins.str
    description: builtins.str
    is_commutative: builtins.bool
    is_aggregate: builtins.bool
    is_stateful: builtins.bool
    allows_uninitialized_input: builtins.bool
    is_distributed_communication: builtins.bool
    def __init__(self, *, name: builtins.str | None = ..., input_arg: typing.Iterable[_tensorflow.OpDef.ArgDef] | None = ..., output_arg: typing.Iterable[_tensorflow.OpDef.ArgDef] | None = ..., control_output: typing.Iterable[builtins.str] | None = ..., attr: typing.Iterable[_tensorflow.OpDef.AttrDef] | None = ..., deprecation: _tensorflow.OpDeprecation | None = ..., summary: builtins.str | None = ..., description: builtins.str | None = ..., is_commutative: builtins.bool | None = ..., is_aggregate: builtins.bool | None = ..., is_stateful: builtins.bool | None = ..., allows_uninitialized_input: builtins.bool | None = ..., is_distributed_communication: builtins.bool | None = ...) -> None: ...

class OpDeprecation(_message.Message):
    version: builtins.int
    explanation: builtins.str
    def __init__(self, *, version: builtins.int | None = ..., explanation: builtins.str | None = ...) -> None: ...

class OpList(_message.Message):
    @builtins.property
    def op(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.OpDef]: ...
    def __init__(self, *, op: typing.Iterable[_tensorflow.OpDef] | None = ...) -> None: ...

class FunctionDefLibrary(_message.Message):
    @builtins.property
    def function(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.FunctionDef]: ...
    @builtins.property
    def gradient(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.GradientDef]: ...
    @builtins.property
    def registered_gradients(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.RegisteredGradient]: ...
    def __init__(self, *, function: typing.Iterable[_tensorflow.FunctionDef] | None = ..., gradient: typing.Iterable[_tensorflow.GradientDef] | None = ..., registered_gradients: typing.Iterable[_tensorflow.RegisteredGradient] | None = ...) -> None: ...

class FunctionDef(_message.Message):
    class ArgAttrs(_message.Message):
        @builtins.property
        def attr(self) -> _containers.MessageMap[builtins.str, _tensorflow.AttrValue]: ...
        def __init__(self, *, attr: typing.Mapping[builtins.str, _tensorflow.AttrValue] | None = ...) -> None: ...
    @builtins.property
    def signature(self) -> _tensorflow.OpDef: ...
    @builtins.property
    def attr(self) -> _containers.MessageMap[builtins.str, _tensorflow.AttrValue]: ...
    @builtins.property
    def arg_attr(self) -> _containers.MessageMap[builtins.int, _tensorflow.FunctionDef.ArgAttrs]: ...
    @builtins.property
    def resource_arg_unique_id(self) -> _containers.ScalarMap[builtins.int, builtins.int]: ...
    @builtins.property
    def node_def(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.NodeDef]: ...
    @builtins.property
    def ret(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
    @builtins.property
    def control_ret(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
    def __init__(self, *, signature: _tensorflow.OpDef | None = ..., attr: typing.Mapping[builtins.str, _tensorflow.AttrValue] | None = ..., arg_attr: typing.Mapping[builtins.int, _tensorflow.FunctionDef.ArgAttrs] | None = ..., resource_arg_unique_id: typing.Mapping[builtins.int, builtins.int] | None = ..., node_def: typing.Iterable[_tensorflow.NodeDef] | None = ..., ret: typing.Mapping[builtins.str, builtins.str] | None = ..., control_ret: typing.Mapping[builtins.str, builtins.str] | None = ...) -> None: ...

class GradientDef(_message.Message):
    function_name: builtins.str
    gradient_func: builtins.str
    def __init__(self, *, function_name: builtins.str | None = ..., gradient_func: builtins.str | None = ...) -> None: ...

class RegisteredGradient(_message.Message):
    gradient_func: builtins.str
    registered_op_type: builtins.str
    def __init__(self, *, gradient_func: builtins.str | None = ..., registered_op_type: builtins.str | None = ...) -> None: ...

class VersionDef(_message.Message):
    producer: builtins.int
    min_consumer: builtins.int
    @builtins.property
    def bad_consumers(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, producer: builtins.int | None = ..., min_consumer: builtins.int | None = ..., bad_consumers: typing.Iterable[builtins.int] | None = ...) -> None: ...

class GraphDef(_message.Message):
    @builtins.property
    def node(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.NodeDef]: ...
    @builtins.property
    def versions(self) -> _tensorflow.VersionDef: ...
    version: builtins.int
    @builtins.property
    def library(self) -> _tensorflow.FunctionDefLibrary: ...
    @builtins.property
    def debug_info(self) -> _tensorflow.GraphDebugInfo: ...
    def __init__(self, *, node: typing.Iterable[_tensorflow.NodeDef] | None = ..., versions: _tensorflow.VersionDef | None = ..., version: builtins.int | None = ..., library: _tensorflow.FunctionDefLibrary | None = ..., debug_info: _tensorflow.GraphDebugInfo | None = ...) -> None: ...

class VariableDef(_message.Message):
    variable_name: builtins.str
    initial_value_name: builtins.str
    initializer_name: builtins.str
    snapshot_name: builtins.str
    @builtins.property
    def save_slice_info_def(self) -> _tensorflow.SaveSliceInfoDef: ...
    is_resource: builtins.bool
    trainable: builtins.bool
    synchronization: builtins.int
    aggregation: builtins.int
    def __init__(self, *, variable_name: builtins.str | None = ..., initial_value_name: builtins.str | None = ..., initializer_name: builtins.str | None = ..., snapshot_name: builtins.str | None = ..., save_slice_info_def: _tensorflow.SaveSliceInfoDef | None = ..., is_resource: builtins.bool | None = ..., trainable: builtins.bool | None = ..., synchronization: builtins.int | None = ..., aggregation: builtins.int | None = ...) -> None: ...

class SaveSliceInfoDef(_message.Message):
    full_name: builtins.str
    @builtins.property
    def full_shape(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def var_offset(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def var_shape(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, full_name: builtins.str | None = ..., full_shape: typing.Iterable[builtins.int] | None = ..., var_offset: typing.Iterable[builtins.int] | None = ..., var_shape: typing.Iterable[builtins.int] | None = ...) -> None: ...

class StructuredValue(_message.Message):
    @builtins.property
    def none_value(self) -> _tensorflow.NoneValue: ...
    float64_value: builtins.float
    int64_value: builtins.int
    string_value: builtins.str
    bool_value: builtins.bool
    @builtins.property
    def tensor_shape_value(self) -> _tensorflow.TensorShapeProto: ...
    tensor_dtype_value: builtins.int
    @builtins.property
    def tensor_spec_value(self) -> _tensorflow.TensorSpecProto: ...
    @builtins.property
    def type_spec_value(self) -> _tensorflow.TypeSpecProto: ...
    @builtins.property
    def bounded_tensor_spec_value(self) -> _tensorflow.BoundedTensorSpecProto: ...
    @builtins.property
    def list_value(self) -> _tensorflow.ListValue: ...
    @builtins.property
    def tuple_value(self) -> _tensorflow.TupleValue: ...
    @builtins.property
    def dict_value(self) -> _tensorflow.DictValue: ...
    @builtins.property
    def named_tuple_value(self) -> _tensorflow.NamedTupleValue: ...
    @builtins.property
    def tensor_value(self) -> _tensorflow.TensorProto: ...
    @builtins.property
    def numpy_value(self) -> _tensorflow.TensorProto: ...
    def __init__(self, *, none_value: _tensorflow.NoneValue | None = ..., float64_value: builtins.float | None = ..., int64_value: builtins.int | None = ..., string_value: builtins.str | None = ..., bool_value: builtins.bool | None = ..., tensor_shape_value: _tensorflow.TensorShapeProto | None = ..., tensor_dtype_value: builtins.int | None = ..., tensor_spec_value: _tensorflow.TensorSpecProto | None = ..., type_spec_value: _tensorflow.TypeSpecProto | None = ..., bounded_tensor_spec_value: _tensorflow.BoundedTensorSpecProto | None = ..., list_value: _tensorflow.ListValue | None = ..., tuple_value: _tensorflow.TupleValue | None = ..., dict_value: _tensorflow.DictValue | None = ..., named_tuple_value: _tensorflow.NamedTupleValue | None = ..., tensor_value: _tensorflow.TensorProto | None = ..., numpy_value: _tensorflow.TensorProto | None = ...) -> None: ...

class NoneValue(_message.Message):
    def __init__(self) -> None: ...

class ListValue(_message.Message):
    @builtins.property
    def values(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.StructuredValue]: ...
    def __init__(self, *, values: typing.Iterable[_tensorflow.StructuredValue] | None = ...) -> None: ...

class TupleValue(_message.Message):
    @builtins.property
    def values(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.StructuredValue]: ...
    def __init__(self, *, values: typing.Iterable[_tensorflow.StructuredValue] | None = ...) -> None: ...

class DictValue(_message.Message):
    @builtins.property
    def fields(self) -> _containers.MessageMap[builtins.str, _tensorflow.StructuredValue]: ...
    def __init__(self, *, fields: typing.Mapping[builtins.str, _tensorflow.StructuredValue] | None = ...) -> None: ...

class PairValue(_message.Message):
    key: builtins.str
    @builtins.property
    def value(self) -> _tensorflow.StructuredValue: ...
    def __init__(self, *, key: builtins.str | None = ..., value: _tensorflow.StructuredValue | None = ...) -> None: ...

class NamedTupleValue(_message.Message):
    name: builtins.str
    @builtins.property
    def values(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.PairValue]: ...
    def __init__(self, *, name: builtins.str | None = ..., values: typing.Iterable[_tensorflow.PairValue] | None = ...) -> None: ...

class TensorSpecProto(_message.Message):
    name: builtins.str
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    dtype: builtins.int
    def __init__(self, *, name: builtins.str | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., dtype: builtins.int | None = ...) -> None: ...

class BoundedTensorSpecProto(_message.Message):
    name: builtins.str
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    dtype: builtins.int
    @builtins.property
    def minimum(self) -> _tensorflow.TensorProto: ...
    @builtins.property
    def maximum(self) -> _tensorflow.TensorProto: ...
    def __init__(self, *, name: builtins.str | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., dtype: builtins.int | None = ..., minimum: _tensorflow.TensorProto | None = ..., maximum: _tensorflow.TensorProto | None = ...) -> None: ...

class TypeSpecProto(_message.Message):
    TypeSpecClass: _enum.EnumTypeWrapper
    UNKNOWN: builtins.int
    SPARSE_TENSOR_SPEC: builtins.int
    INDEXED_SLICES_SPEC: builtins.int
    RAGGED_TENSOR_SPEC: builtins.int
    TENSOR_ARRAY_SPEC: builtins.int
    DATA_DATASET_SPEC: builtins.int
    DATA_ITERATOR_SPEC: builtins.int
    OPTIONAL_SPEC: builtins.int
    PER_REPLICA_SPEC: builtins.int
    VARIABLE_SPEC: builtins.int
    ROW_PARTITION_SPEC: builtins.int
    REGISTERED_TYPE_SPEC: builtins.int
    EXTENSION_TYPE_SPEC: builtins.int
    type_spec_class: builtins.int
    @builtins.property
    def type_state(self) -> _tensorflow.StructuredValue: ...
    type_spec_class_name: builtins.str
    num_flat_components: builtins.int
    def __init__(self, *, type_spec_class: builtins.int | None = ..., type_state: _tensorflow.StructuredValue | None = ..., type_spec_class_name: builtins.str | None = ..., num_flat_components: builtins.int | None = ...) -> None: ...

class TrackableObjectGraph(_message.Message):
    class TrackableObject(_message.Message):
        class ObjectReference(_message.Message):
            node_id: builtins.int
            local_name: builtins.str
            def __init__(self, *, node_id: builtins.int | None = ..., local_name: builtins.str | None = ...) -> None: ...
        class SerializedTensor(_message.Message):
            name: builtins.str
            full_name: builtins.str
            checkpoint_key: builtins.str
            def __init__(self, *, name: builtins.str | None = ..., full_name: builtins.str | None = ..., checkpoint_key: builtins.str | None = ...) -> None: ...
        class SlotVariableReference(_message.Message):
            original_variable_node_id: builtins.int
            slot_name: builtins.str
            slot_variable_node_id: builtins.int
            def __init__(self, *, original_variable_node_id: builtins.int | None = ..., slot_name: builtins.str | None = ..., slot_variable_node_id: builtins.int | None = ...) -> None: ...
        @builtins.property
        def children(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference]: ...
        @builtins.property
        def attributes(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.SerializedTensor]: ...
        @builtins.property
        def slot_variables(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.SlotVariableReference]: ...
        @builtins.property
        def registered_saver(self) -> _tensorflow.RegisteredSaver: ...
        @builtins.property
        def has_checkpoint_values(self) -> _wellknown.BoolValue: ...
        def __init__(self, *, children: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., attributes: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.SerializedTensor] | None = ..., slot_variables: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.SlotVariableReference] | None = ..., registered_saver: _tensorflow.RegisteredSaver | None = ..., has_checkpoint_values: _wellknown.BoolValue | None = ...) -> None: ...
    @builtins.property
    def nodes(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject]: ...
    def __init__(self, *, nodes: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject] | None = ...) -> None: ...

class RegisteredSaver(_message.Message):
    name: builtins.str
    object_name: builtins.str
    def __init__(self, *, name: builtins.str | None = ..., object_name: builtins.str | None = ...) -> None: ...

class SavedObjectGraph(_message.Message):
    @builtins.property
    def nodes(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.SavedObject]: ...
    @builtins.property
    def concrete_functions(self) -> _containers.MessageMap[builtins.str, _tensorflow.SavedConcreteFunction]: ...
    def __init__(self, *, nodes: typing.Iterable[_tensorflow.SavedObject] | None = ..., concrete_functions: typing.Mapping[builtins.str, _tensorflow.SavedConcreteFunction] | None = ...) -> None: ...

class SavedObject(_message.Message):
    @builtins.property
    def children(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference]: ...
    @builtins.property
    def dependencies(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference]: ...
    @builtins.property
    def slot_variables(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TrackableObjectGraph.TrackableObject.SlotVariableReference]: ...
    @builtins.property
    def user_object(self) -> _tensorflow.SavedUserObject: ...
    @builtins.property
    def asset(self) -> _tensorflow.SavedAsset: ...
    @builtins.property
    def function(self) -> _tensorflow.SavedFunction: ...
    @builtins.property
    def variable(self) -> _tensorflow.SavedVariable: ...
    @builtins.property
    def bare_concrete_function(self) -> _tensorflow.SavedBareConcreteFunction: ...
    @builtins.property
    def constant(self) -> _tensorflow.SavedConstant: ...
    @builtins.property
    def resource(self) -> _tensorflow.SavedResource: ...
    @builtins.property
    def captured_tensor(self) -> _tensorflow.CapturedTensor: ...
    @builtins.property
    def saveable_objects(self) -> _containers.MessageMap[builtins.str, _tensorflow.SaveableObject]: ...
    registered_name: builtins.str
    @builtins.property
    def serialized_user_proto(self) -> _wellknown.Any: ...
    registered_saver: builtins.str
    def __init__(self, *, children: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., dependencies: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.ObjectReference] | None = ..., slot_variables: typing.Iterable[_tensorflow.TrackableObjectGraph.TrackableObject.SlotVariableReference] | None = ..., user_object: _tensorflow.SavedUserObject | None = ..., asset: _tensorflow.SavedAsset | None = ..., function: _tensorflow.SavedFunction | None = ..., variable: _tensorflow.SavedVariable | None = ..., bare_concrete_function: _tensorflow.SavedBareConcreteFunction | None = ..., constant: _tensorflow.SavedConstant | None = ..., resource: _tensorflow.SavedResource | None = ..., captured_tensor: _tensorflow.CapturedTensor | None = ..., saveable_objects: typing.Mapping[builtins.str, _tensorflow.SaveableObject] | None = ..., registered_name: builtins.str | None = ..., serialized_user_proto: _wellknown.Any | None = ..., registered_saver: builtins.str | None = ...) -> None: ...

class SavedUserObject(_message.Message):
    identifier: builtins.str
    @builtins.property
    def version(self) -> _tensorflow.VersionDef: ...
    metadata: builtins.str
    def __init__(self, *, identifier: builtins.str | None = ..., version: _tensorflow.VersionDef | None = ..., metadata: builtins.str | None = ...) -> None: ...

class SavedAsset(_message.Message):
    asset_file_def_index: builtins.int
    def __init__(self, *, asset_file_def_index: builtins.int | None = ...) -> None: ...

class SavedFunction(_message.Message):
    @builtins.property
    def concrete_functions(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def function_spec(self) -> _tensorflow.FunctionSpec: ...
    def __init__(self, *, concrete_functions: typing.Iterable[builtins.str] | None = ..., function_spec: _tensorflow.FunctionSpec | None = ...) -> None: ...

class CapturedTensor(_message.Message):
    name: builtins.str
    concrete_function: builtins.str
    def __init__(self, *, name: builtins.str | None = ..., concrete_function: builtins.str | None = ...) -> None: ...

class SavedConcreteFunction(_message.Message):
    @builtins.property
    def bound_inputs(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    @builtins.property
    def canonicalized_input_signature(self) -> _tensorflow.StructuredValue: ...
    @builtins.property
    def output_signature(self) -> _tensorflow.StructuredValue: ...
    def __init__(self, *, bound_inputs: typing.Iterable[builtins.int] | None = ..., canonicalized_input_signature: _tensorflow.StructuredValue | None = ..., output_signature: _tensorflow.StructuredValue | None = ...) -> None: ...

class SavedBareConcreteFunction(_message.Message):
    concrete_function_name: builtins.str
    @builtins.property
    def argument_keywords(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    allowed_positional_arguments: builtins.int
    @builtins.property
    def function_spec(self) -> _tensorflow.FunctionSpec: ...
    def __init__(self, *, concrete_function_name: builtins.str | None = ..., argument_keywords: typing.Iterable[builtins.str] | None = ..., allowed_positional_arguments: builtins.int | None = ..., function_spec: _tensorflow.FunctionSpec | None = ...) -> None: ...

class SavedConstant(_message.Message):
    operation: builtins.str
    def __init__(self, *, operation: builtins.str | None = ...) -> None: ...

class SavedVariable(_message.Message):
    dtype: builtins.int
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    trainable: builtins.bool
    synchronization: builtins.int
    aggregation: builtins.int
    name: builtins.str
    device: builtins.str
    @builtins.property
    def experimental_distributed_variable_components(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.SavedVariable]: ...
    def __init__(self, *, dtype: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., trainable: builtins.bool | None = ..., synchronization: builtins.int | None = ..., aggregation: builtins.int | None = ..., name: builtins.str | None = ..., device: builtins.str | None = ..., experimental_distributed_variable_components: typing.Iterable[_tensorflow.SavedVariable] | None = ...) -> None: ...

class FunctionSpec(_message.Message):
    JitCompile: _enum.EnumTypeWrapper
    DEFAULT: builtins.int
    ON: builtins.int
    OFF: builtins.int
    @builtins.property
    def fullargspec(self) -> _tensorflow.StructuredValue: ...
    is_method: builtins.bool
    @builtins.property
    def input_signature(self) -> _tensorflow.StructuredValue: ...
    jit_compile: builtins.int
    def __init__(self, *, fullargspec: _tensorflow.StructuredValue | None = ..., is_method: builtins.bool | None = ..., input_signature: _tensorflow.StructuredValue | None = ..., jit_compile: builtins.int | None = ...) -> None: ...

class SavedResource(_message.Message):
    device: builtins.str
    def __init__(self, *, device: builtins.str | None = ...) -> None: ...

class SaveableObject(_message.Message):
    save_function: builtins.int
    restore_function: builtins.int
    def __init__(self, *, save_function: builtins.int | None = ..., restore_function: builtins.int | None = ...) -> None: ...

class SaverDef(_message.Message):
    CheckpointFormatVersion: _enum.EnumTypeWrapper
    LEGACY: builtins.int
    V1: builtins.int
    V2: builtins.int
    filename_tensor_name: builtins.str
    save_tensor_name: builtins.str
    restore_op_name: builtins.str
    max_to_keep: builtins.int
    sharded: builtins.bool
    keep_checkpoint_every_n_hours: builtins.float
    version: builtins.int
    def __init__(self, *, filename_tensor_name: builtins.str | None = ..., save_tensor_name: builtins.str | None = ..., restore_op_name: builtins.str | None = ..., max_to_keep: builtins.int | None = ..., sharded: builtins.bool | None = ..., keep_checkpoint_every_n_hours: builtins.float | None = ..., version: builtins.int | None = ...) -> None: ...

class MetaGraphDef(_message.Message):
    class MetaInfoDef(_message.Message):
        meta_graph_version: builtins.str
        @builtins.property
        def stripped_op_list(self) -> _tensorflow.OpList: ...
        @builtins.property
        def any_info(self) -> _wellknown.Any: ...
        @builtins.property
        def tags(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
        tensorflow_version: builtins.str
        tensorflow_git_version: builtins.str
        stripped_default_attrs: builtins.bool
        @builtins.property
        def function_aliases(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
        def __init__(self, *, meta_graph_version: builtins.str | None = ..., stripped_op_list: _tensorflow.OpList | None = ..., any_info: _wellknown.Any | None = ..., tags: typing.Iterable[builtins.str] | None = ..., tensorflow_version: builtins.str | None = ..., tensorflow_git_version: builtins.str | None = ..., stripped_default_attrs: builtins.bool | None = ..., function_aliases: typing.Mapping[builtins.str, builtins.str] | None = ...) -> None: ...
    @builtins.property
    def meta_info_def(self) -> _tensorflow.MetaGraphDef.MetaInfoDef: ...
    @builtins.property
    def graph_def(self) -> _tensorflow.GraphDef: ...
    @builtins.property
    def saver_def(self) -> _tensorflow.SaverDef: ...
    @builtins.property
    def collection_def(self) -> _containers.MessageMap[builtins.str, _tensorflow.CollectionDef]: ...
    @builtins.property
    def signature_def(self) -> _containers.MessageMap[builtins.str, _tensorflow.SignatureDef]: ...
    @builtins.property
    def asset_file_def(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.AssetFileDef]: ...
    @builtins.property
    def object_graph_def(self) -> _tensorflow.SavedObjectGraph: ...
    def __init__(self, *, meta_info_def: _tensorflow.MetaGraphDef.MetaInfoDef | None = ..., graph_def: _tensorflow.GraphDef | None = ..., saver_def: _tensorflow.SaverDef | None = ..., collection_def: typing.Mapping[builtins.str, _tensorflow.CollectionDef] | None = ..., signature_def: typing.Mapping[builtins.str, _tensorflow.SignatureDef] | None = ..., asset_file_def: typing.Iterable[_tensorflow.AssetFileDef] | None = ..., object_graph_def: _tensorflow.SavedObjectGraph | None = ...) -> None: ...

class CollectionDef(_message.Message):
    class NodeList(_message.Message):
        @builtins.property
        def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
        def __init__(self, *, value: typing.Iterable[builtins.str] | None = ...) -> None: ...
    class BytesList(_message.Message):
        @builtins.property
        def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
        def __init__(self, *, value: typing.Iterable[builtins.bytes] | None = ...) -> None: ...
    class Int64List(_message.Message):
        @builtins.property
        def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
        def __init__(self, *, value: typing.Iterable[builtins.int] | None = ...) -> None: ...
    class FloatList(_message.Message):
        @builtins.property
        def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
        def __init__(self, *, value: typing.Iterable[builtins.float] | None = ...) -> None: ...
    class AnyList(_message.Message):
        @builtins.property
        def value(self) -> _containers.RepeatedCompositeFieldContainer[_wellknown.Any]: ...
        def __init__(self, *, value: typing.Iterable[_wellknown.Any] | None = ...) -> None: ...
    @builtins.property
    def node_list(self) -> _tensorflow.CollectionDef.NodeList: ...
    @builtins.property
    def bytes_list(self) -> _tensorflow.CollectionDef.BytesList: ...
    @builtins.property
    def int64_list(self) -> _tensorflow.CollectionDef.Int64List: ...
    @builtins.property
    def float_list(self) -> _tensorflow.CollectionDef.FloatList: ...
    @builtins.property
    def any_list(self) -> _tensorflow.CollectionDef.AnyList: ...
    def __init__(self, *, node_list: _tensorflow.CollectionDef.NodeList | None = ..., bytes_list: _tensorflow.CollectionDef.BytesList | None = ..., int64_list: _tensorflow.CollectionDef.Int64List | None = ..., float_list: _tensorflow.CollectionDef.FloatList | None = ..., any_list: _tensorflow.CollectionDef.AnyList | None = ...) -> None: ...

class TensorInfo(_message.Message):
    class CooSparse(_message.Message):
        values_tensor_name: builtins.str
        indices_tensor_name: builtins.str
        dense_shape_tensor_name: builtins.str
        def __init__(self, *, values_tensor_name: builtins.str | None = ..., indices_tensor_name: builtins.str | None = ..., dense_shape_tensor_name: builtins.str | None = ...) -> None: ...
    class CompositeTensor(_message.Message):
        @builtins.property
        def type_spec(self) -> _tensorflow.TypeSpecProto: ...
        @builtins.property
        def components(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorInfo]: ...
        def __init__(self, *, type_spec: _tensorflow.TypeSpecProto | None = ..., components: typing.Iterable[_tensorflow.TensorInfo] | None = ...) -> None: ...
    name: builtins.str
    @builtins.property
    def coo_sparse(self) -> _tensorflow.TensorInfo.CooSparse: ...
    @builtins.property
    def composite_tensor(self) -> _tensorflow.TensorInfo.CompositeTensor: ...
    dtype: builtins.int
    @builtins.property
    def tensor_shape(self) -> _tensorflow.TensorShapeProto: ...
    def __init__(self, *, name: builtins.str | None = ..., coo_sparse: _tensorflow.TensorInfo.CooSparse | None = ..., composite_tensor: _tensorflow.TensorInfo.CompositeTensor | None = ..., dtype: builtins.int | None = ..., tensor_shape: _tensorflow.TensorShapeProto | None = ...) -> None: ...

class SignatureDef(_message.Message):
    @builtins.property
    def inputs(self) -> _containers.MessageMap[builtins.str, _tensorflow.TensorInfo]: ...
    @builtins.property
    def outputs(self) -> _containers.MessageMap[builtins.str, _tensorflow.TensorInfo]: ...
    method_name: builtins.str
    @builtins.property
    def defaults(self) -> _containers.MessageMap[builtins.str, _tensorflow.TensorProto]: ...
    def __init__(self, *, inputs: typing.Mapping[builtins.str, _tensorflow.TensorInfo] | None = ..., outputs: typing.Mapping[builtins.str, _tensorflow.TensorInfo] | None = ..., method_name: builtins.str | None = ..., defaults: typing.Mapping[builtins.str, _tensorflow.TensorProto] | None = ...) -> None: ...

class AssetFileDef(_message.Message):
    @builtins.property
    def tensor_info(self) -> _tensorflow.TensorInfo: ...
    filename: builtins.str
    def __init__(self, *, tensor_info: _tensorflow.TensorInfo | None = ..., filename: builtins.str | None = ...) -> None: ...

class SavedModel(_message.Message):
    saved_model_schema_version: builtins.int
    @builtins.property
    def meta_graphs(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.MetaGraphDef]: ...
    def __init__(self, *, saved_model_schema_version: builtins.int | None = ..., meta_graphs: typing.Iterable[_tensorflow.MetaGraphDef] | None = ...) -> None: ...

class FingerprintDef(_message.Message):
    saved_model_checksum: builtins.int
    graph_def_program_hash: builtins.int
    signature_def_hash: builtins.int
    saved_object_graph_hash: builtins.int
    checkpoint_hash: builtins.int
    uuid: builtins.str
    @builtins.property
    def version(self) -> _tensorflow.VersionDef: ...
    def __init__(self, *, saved_model_checksum: builtins.int | None = ..., graph_def_program_hash: builtins.int | None = ..., signature_def_hash: builtins.int | None = ..., saved_object_graph_hash: builtins.int | None = ..., checkpoint_hash: builtins.int | None = ..., uuid: builtins.str | None = ..., version: _tensorflow.VersionDef | None = ...) -> None: ...

class TensorSliceProto(_message.Message):
    class Extent(_message.Message):
        start: builtins.int
        length: builtins.int
        def __init__(self, *, start: builtins.int | None = ..., length: builtins.int | None = ...) -> None: ...
    @builtins.property
    def extent(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorSliceProto.Extent]: ...
    def __init__(self, *, extent: typing.Iterable[_tensorflow.TensorSliceProto.Extent] | None = ...) -> None: ...

class BundleHeaderProto(_message.Message):
    Endianness: _enum.EnumTypeWrapper
    LITTLE: builtins.int
    BIG: builtins.int
    num_shards: builtins.int
    endianness: builtins.int
    @builtins.property
    def version(self) -> _tensorflow.VersionDef: ...
    def __init__(self, *, num_shards: builtins.int | None = ..., endianness: builtins.int | None = ..., version: _tensorflow.VersionDef | None = ...) -> None: ...

class BundleEntryProto(_message.Message):
    dtype: builtins.int
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    shard_id: builtins.int
    offset: builtins.int
    size: builtins.int
    crc32c: builtins.int
    @builtins.property
    def slices(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorSliceProto]: ...
    def __init__(self, *, dtype: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., shard_id: builtins.int | None = ..., offset: builtins.int | None = ..., size: builtins.int | None = ..., crc32c: builtins.int | None = ..., slices: typing.Iterable[_tensorflow.TensorSliceProto] | None = ...) -> None: ...

class SavedSliceMeta(_message.Message):
    name: builtins.str
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    type: builtins.int
    @builtins.property
    def slice(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorSliceProto]: ...
    def __init__(self, *, name: builtins.str | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., type: builtins.int | None = ..., slice: typing.Iterable[_tensorflow.TensorSliceProto] | None = ...) -> None: ...

class SavedTensorSliceMeta(_message.Message):
    @builtins.property
    def tensor(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.SavedSliceMeta]: ...
    @builtins.property
    def versions(self) -> _tensorflow.VersionDef: ...
    def __init__(self, *, tensor: typing.Iterable[_tensorflow.SavedSliceMeta] | None = ..., versions: _tensorflow.VersionDef | None = ...) -> None: ...

class SavedSlice(_message.Message):
    name: builtins.str
    @builtins.property
    def slice(self) -> _tensorflow.TensorSliceProto: ...
    @builtins.property
    def data(self) -> _tensorflow.TensorProto: ...
    def __init__(self, *, name: builtins.str | None = ..., slice: _tensorflow.TensorSliceProto | None = ..., data: _tensorflow.TensorProto | None = ...) -> None: ...

class SavedTensorSlices(_message.Message):
    @builtins.property
    def meta(self) -> _tensorflow.SavedTensorSliceMeta: ...
    @builtins.property
    def data(self) -> _tensorflow.SavedSlice: ...
    def __init__(self, *, meta: _tensorflow.SavedTensorSliceMeta | None = ..., data: _tensorflow.SavedSlice | None = ...) -> None: ...

class CheckpointState(_message.Message):
    model_checkpoint_path: builtins.str
    @builtins.property
    def all_model_checkpoint_paths(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def all_model_checkpoint_timestamps(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    last_preserved_timestamp: builtins.float
    def __init__(self, *, model_checkpoint_path: builtins.str | None = ..., all_model_checkpoint_paths: typing.Iterable[builtins.str] | None = ..., all_model_checkpoint_timestamps: typing.Iterable[builtins.float] | None = ..., last_preserved_timestamp: builtins.float | None = ...) -> None: ...

class BytesList(_message.Message):
    @builtins.property
    def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
    def __init__(self, *, value: typing.Iterable[builtins.bytes] | None = ...) -> None: ...

class FloatList(_message.Message):
    @builtins.property
    def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    def __init__(self, *, value: typing.Iterable[builtins.float] | None = ...) -> None: ...

class Int64List(_message.Message):
    @builtins.property
    def value(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, value: typing.Iterable[builtins.int] | None = ...) -> None: ...

class Feature(_message.Message):
    @builtins.property
    def bytes_list(self) -> _tensorflow.BytesList: ...
    @builtins.property
    def float_list(self) -> _tensorflow.FloatList: ...
    @builtins.property
    def int64_list(self) -> _tensorflow.Int64List: ...
    def __init__(self, *, bytes_list: _tensorflow.BytesList | None = ..., float_list: _tensorflow.FloatList | None = ..., int64_list: _tensorflow.Int64List | None = ...) -> None: ...

class Features(_message.Message):
    @builtins.property
    def feature(self) -> _containers.MessageMap[builtins.str, _tensorflow.Feature]: ...
    def __init__(self, *, feature: typing.Mapping[builtins.str, _tensorflow.Feature] | None = ...) -> None: ...

class FeatureList(_message.Message):
    @builtins.property
    def feature(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.Feature]: ...
    def __init__(self, *, feature: typing.Iterable[_tensorflow.Feature] | None = ...) -> None: ...

class FeatureLists(_message.Message):
    @builtins.property
    def feature_list(self) -> _containers.MessageMap[builtins.str, _tensorflow.FeatureList]: ...
    def __init__(self, *, feature_list: typing.Mapping[builtins.str, _tensorflow.FeatureList] | None = ...) -> None: ...

class Example(_message.Message):
    @builtins.property
    def features(self) -> _tensorflow.Features: ...
    def __init__(self, *, features: _tensorflow.Features | None = ...) -> None: ...

class SequenceExample(_message.Message):
    @builtins.property
    def context(self) -> _tensorflow.Features: ...
    @builtins.property
    def feature_lists(self) -> _tensorflow.FeatureLists: ...
    def __init__(self, *, context: _tensorflow.Features | None = ..., feature_lists: _tensorflow.FeatureLists | None = ...) -> None: ...

DataClass: _enum.EnumTypeWrapper
DATA_CLASS_UNKNOWN: builtins.int
DATA_CLASS_SCALAR: builtins.int
DATA_CLASS_TENSOR: builtins.int
DATA_CLASS_BLOB_SEQUENCE: builtins.int

WorkerHealth: _enum.EnumTypeWrapper
OK: builtins.int
RECEIVED_SHUTDOWN_SIGNAL: builtins.int
INTERNAL_ERROR: builtins.int
SHUTTING_DOWN: builtins.int

WorkerShutdownMode: _enum.EnumTypeWrapper
DEFAULT: builtins.int
NOT_CONFIGURED: builtins.int
WAIT_FOR_COORDINATOR: builtins.int
SHUTDOWN_AFTER_TIMEOUT: builtins.int

class HistogramProto(_message.Message):
    min: builtins.float
    max: builtins.float
    num: builtins.float
    sum: builtins.float
    sum_squares: builtins.float
    @builtins.property
    def bucket_limit(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    @builtins.property
    def bucket(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
    def __init__(self, *, min: builtins.float | None = ..., max: builtins.float | None = ..., num: builtins.float | None = ..., sum: builtins.float | None = ..., sum_squares: builtins.float | None = ..., bucket_limit: typing.Iterable[builtins.float] | None = ..., bucket: typing.Iterable[builtins.float] | None = ...) -> None: ...

class SummaryDescription(_message.Message):
    type_hint: builtins.str
    def __init__(self, *, type_hint: builtins.str | None = ...) -> None: ...

class SummaryMetadata(_message.Message):
    class PluginData(_message.Message):
        plugin_name: builtins.str
        content: builtins.bytes
        def __init__(self, *, plugin_name: builtins.str | None = ..., content: builtins.bytes | None = ...) -> None: ...
    @builtins.property
    def plugin_data(self) -> _tensorflow.SummaryMetadata.PluginData: ...
    display_name: builtins.str
    summary_description: builtins.str
    data_class: builtins.int
    def __init__(self, *, plugin_data: _tensorflow.SummaryMetadata.PluginData | None = ..., display_name: builtins.str | None = ..., summary_description: builtins.str | None = ..., data_class: builtins.int | None = ...) -> None: ...

class Summary(_message.Message):
    class Image(_message.Message):
        height: builtins.int
        width: builtins.int
        colorspace: builtins.int
        encoded_image_string: builtins.bytes
        def __init__(self, *, height: builtins.int | None = ..., width: builtins.int | None = ..., colorspace: builtins.int | None = ..., encoded_image_string: builtins.bytes | None = ...) -> None: ...
    class Audio(_message.Message):
        sample_rate: builtins.float
        num_channels: builtins.int
        length_frames: builtins.int
        encoded_audio_string: builtins.bytes
        content_type: builtins.str
        def __init__(self, *, sample_rate: builtins.float | None = ..., num_channels: builtins.int | None = ..., length_frames: builtins.int | None = ..., encoded_audio_string: builtins.bytes | None = ..., content_type: builtins.str | None = ...) -> None: ...
    class Value(_message.Message):
        node_name: builtins.str
        tag: builtins.str
        @builtins.property
        def metadata(self) -> _tensorflow.SummaryMetadata: ...
        simple_value: builtins.float
        obsolete_old_style_histogram: builtins.bytes
        @builtins.property
        def image(self) -> _tensorflow.Summary.Image: ...
        @builtins.property
        def histo(self) -> _tensorflow.HistogramProto: ...
        @builtins.property
        def audio(self) -> _tensorflow.Summary.Audio: ...
        @builtins.property
        def tensor(self) -> _tensorflow.TensorProto: ...
        def __init__(self, *, node_name: builtins.str | None = ..., tag: builtins.str | None = ..., metadata: _tensorflow.SummaryMetadata | None = ..., simple_value: builtins.float | None = ..., obsolete_old_style_histogram: builtins.bytes | None = ..., image: _tensorflow.Summary.Image | None = ..., histo: _tensorflow.HistogramProto | None = ..., audio: _tensorflow.Summary.Audio | None = ..., tensor: _tensorflow.TensorProto | None = ...) -> None: ...
    @builtins.property
    def value(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.Summary.Value]: ...
    def __init__(self, *, value: typing.Iterable[_tensorflow.Summary.Value] | None = ...) -> None: ...

class Event(_message.Message):
    wall_time: builtins.float
    step: builtins.int
    file_version: builtins.str
    graph_def: builtins.bytes
    @builtins.property
    def summary(self) -> _tensorflow.Summary: ...
    @builtins.property
    def log_message(self) -> _tensorflow.LogMessage: ...
    @builtins.property
    def session_log(self) -> _tensorflow.SessionLog: ...
    @builtins.property
    def tagged_run_metadata(self) -> _tensorflow.TaggedRunMetadata: ...
    meta_graph_def: builtins.bytes
    @builtins.property
    def source_metadata(self) -> _tensorflow.SourceMetadata: ...
    def __init__(self, *, wall_time: builtins.float | None = ..., step: builtins.int | None = ..., file_version: builtins.str | None = ..., graph_def: builtins.bytes | None = ..., summary: _tensorflow.Summary | None = ..., log_message: _tensorflow.LogMessage | None = ..., session_log: _tensorflow.SessionLog | None = ..., tagged_run_metadata: _tensorflow.TaggedRunMetadata | None = ..., meta_graph_def: builtins.bytes | None = ..., source_metadata: _tensorflow.SourceMetadata | None = ...) -> None: ...

class SourceMetadata(_message.Message):
    writer: builtins.str
    def __init__(self, *, writer: builtins.str | None = ...) -> None: ...

class LogMessage(_message.Message):
    Level: _enum.EnumTypeWrapper
    UNKNOWN: builtins.int
    DEBUGGING: builtins.int
    INFO: builtins.int
    WARN: builtins.int
    ERROR: builtins.int
    FATAL: builtins.int
    level: builtins.int
    message: builtins.str
    def __init__(self, *, level: builtins.int | None = ..., message: builtins.str | None = ...) -> None: ...

class SessionLog(_message.Message):
    SessionStatus: _enum.EnumTypeWrapper
    STATUS_UNSPECIFIED: builtins.int
    START: builtins.int
    STOP: builtins.int
    CHECKPOINT: builtins.int
    status: builtins.int
    checkpoint_path: builtins.str
    msg: builtins.str
    def __init__(self, *, status: builtins.int | None = ..., checkpoint_path: builtins.str | None = ..., msg: builtins.str | None = ...) -> None: ...

class TaggedRunMetadata(_message.Message):
    tag: builtins.str
    run_metadata: builtins.bytes
    def __init__(self, *, tag: builtins.str | None = ..., run_metadata: builtins.bytes | None = ...) -> None: ...

class WatchdogConfig(_message.Message):
    timeout_ms: builtins.int
    def __init__(self, *, timeout_ms: builtins.int | None = ...) -> None: ...

class RequestedExitCode(_message.Message):
    exit_code: builtins.int
    def __init__(self, *, exit_code: builtins.int | None = ...) -> None: ...

class WorkerHeartbeatRequest(_message.Message):
    shutdown_mode: builtins.int
    @builtins.property
    def watchdog_config(self) -> _tensorflow.WatchdogConfig: ...
    @builtins.property
    def exit_code(self) -> _tensorflow.RequestedExitCode: ...
    def __init__(self, *, shutdown_mode: builtins.int | None = ..., watchdog_config: _tensorflow.WatchdogConfig | None = ..., exit_code: _tensorflow.RequestedExitCode | None = ...) -> None: ...

class WorkerHeartbeatResponse(_message.Message):
    health_status: builtins.int
    @builtins.property
    def worker_log(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.Event]: ...
    hostname: builtins.str
    def __init__(self, *, health_status: builtins.int | None = ..., worker_log: typing.Iterable[_tensorflow.Event] | None = ..., hostname: builtins.str | None = ...) -> None: ...

class CoordinatedJob(_message.Message):
    name: builtins.str
    num_tasks: builtins.int
    def __init__(self, *, name: builtins.str | None = ..., num_tasks: builtins.int | None = ...) -> None: ...

class CoordinationServiceConfig(_message.Message):
    service_type: builtins.str
    service_leader: builtins.str
    enable_health_check: builtins.bool
    cluster_register_timeout_in_ms: builtins.int
    cluster_register_with_barrier: builtins.bool
    heartbeat_timeout_in_ms: builtins.int
    @builtins.property
    def coordinated_job_list(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.CoordinatedJob]: ...
    shutdown_barrier_timeout_in_ms: builtins.int
    agent_destruction_without_shutdown: builtins.bool
    @builtins.property
    def recoverable_jobs(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    allow_new_incarnation_to_reconnect: builtins.bool
    force_disable: builtins.bool
    poll_for_error_from_service_at_startup: builtins.bool
    def __init__(self, *, service_type: builtins.str | None = ..., service_leader: builtins.str | None = ..., enable_health_check: builtins.bool | None = ..., cluster_register_timeout_in_ms: builtins.int | None = ..., cluster_register_with_barrier: builtins.bool | None = ..., heartbeat_timeout_in_ms: builtins.int | None = ..., coordinated_job_list: typing.Iterable[_tensorflow.CoordinatedJob] | None = ..., shutdown_barrier_timeout_in_ms: builtins.int | None = ..., agent_destruction_without_shutdown: builtins.bool | None = ..., recoverable_jobs: typing.Iterable[builtins.str] | None = ..., allow_new_incarnation_to_reconnect: builtins.bool | None = ..., force_disable: builtins.bool | None = ..., poll_for_error_from_service_at_startup: builtins.bool | None = ...) -> None: ...

class RPCOptions(_message.Message):
    use_rpc_for_inprocess_master: builtins.bool
    compression_algorithm: builtins.str
    compression_level: builtins.int
    cache_rpc_response: builtins.bool
    disable_session_connection_sharing: builtins.bool
    num_channels_per_target: builtins.int
    def __init__(self, *, use_rpc_for_inprocess_master: builtins.bool | None = ..., compression_algorithm: builtins.str | None = ..., compression_level: builtins.int | None = ..., cache_rpc_response: builtins.bool | None = ..., disable_session_connection_sharing: builtins.bool | None = ..., num_channels_per_target: builtins.int | None = ...) -> None: ...

class AllocationDescription(_message.Message):
    requested_bytes: builtins.int
    allocated_bytes: builtins.int
    allocator_name: builtins.str
    allocation_id: builtins.int
    has_single_reference: builtins.bool
    ptr: builtins.int
    def __init__(self, *, requested_bytes: builtins.int | None = ..., allocated_bytes: builtins.int | None = ..., allocator_name: builtins.str | None = ..., allocation_id: builtins.int | None = ..., has_single_reference: builtins.bool | None = ..., ptr: builtins.int | None = ...) -> None: ...

class TensorDescription(_message.Message):
    dtype: builtins.int
    @builtins.property
    def shape(self) -> _tensorflow.TensorShapeProto: ...
    @builtins.property
    def allocation_description(self) -> _tensorflow.AllocationDescription: ...
    def __init__(self, *, dtype: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., allocation_description: _tensorflow.AllocationDescription | None = ...) -> None: ...

class AllocationRecord(_message.Message):
    alloc_micros: builtins.int
    alloc_bytes: builtins.int
    def __init__(self, *, alloc_micros: builtins.int | None = ..., alloc_bytes: builtins.int | None = ...) -> None: ...

class AllocatorMemoryUsed(_message.Message):
    allocator_name: builtins.str
    total_bytes: builtins.int
    peak_bytes: builtins.int
    live_bytes: builtins.int
    @builtins.property
    def allocation_records(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.AllocationRecord]: ...
    allocator_bytes_in_use: builtins.int
    def __init__(self, *, allocator_name: builtins.str | None = ..., total_bytes: builtins.int | None = ..., peak_bytes: builtins.int | None = ..., live_bytes: builtins.int | None = ..., allocation_records: typing.Iterable[_tensorflow.AllocationRecord] | None = ..., allocator_bytes_in_use: builtins.int | None = ...) -> None: ...

class NodeOutput(_message.Message):
    slot: builtins.int
    @builtins.property
    def tensor_description(self) -> _tensorflow.TensorDescription: ...
    def __init__(self, *, slot: builtins.int | None = ..., tensor_description: _tensorflow.TensorDescription | None = ...) -> None: ...

class MemoryStats(_message.Message):
    temp_memory_size: builtins.int
    persistent_memory_size: builtins.int
    @builtins.property
    def persistent_tensor_alloc_ids(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    device_temp_memory_size: builtins.int
    device_persistent_memory_size: builtins.int
    @builtins.property
    def device_persistent_tensor_alloc_ids(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, temp_memory_size: builtins.int | None = ..., persistent_memory_size: builtins.int | None = ..., persistent_tensor_alloc_ids: typing.Iterable[builtins.int] | None = ..., device_temp_memory_size: builtins.int | None = ..., device_persistent_memory_size: builtins.int | None = ..., device_persistent_tensor_alloc_ids: typing.Iterable[builtins.int] | None = ...) -> None: ...

class NodeExecStats(_message.Message):
    node_name: builtins.str
    all_start_micros: builtins.int
    op_start_rel_micros: builtins.int
    op_end_rel_micros: builtins.int
    all_end_rel_micros: builtins.int
    @builtins.property
    def memory(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.AllocatorMemoryUsed]: ...
    @builtins.property
    def output(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.NodeOutput]: ...
    timeline_label: builtins.str
    scheduled_micros: builtins.int
    thread_id: builtins.int
    @builtins.property
    def referenced_tensor(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.AllocationDescription]: ...
    @builtins.property
    def memory_stats(self) -> _tensorflow.MemoryStats: ...
    all_start_nanos: builtins.int
    op_start_rel_nanos: builtins.int
    op_end_rel_nanos: builtins.int
    all_end_rel_nanos: builtins.int
    scheduled_nanos: builtins.int
    def __init__(self, *, node_name: builtins.str | None = ..., all_start_micros: builtins.int | None = ..., op_start_rel_micros: builtins.int | None = ..., op_end_rel_micros: builtins.int | None = ..., all_end_rel_micros: builtins.int | None = ..., memory: typing.Iterable[_tensorflow.AllocatorMemoryUsed] | None = ..., output: typing.Iterable[_tensorflow.NodeOutput] | None = ..., timeline_label: builtins.str | None = ..., scheduled_micros: builtins.int | None = ..., thread_id: builtins.int | None = ..., referenced_tensor: typing.Iterable[_tensorflow.AllocationDescription] | None = ..., memory_stats: _tensorflow.MemoryStats | None = ..., all_start_nanos: builtins.int | None = ..., op_start_rel_nanos: builtins.int | None = ..., op_end_rel_nanos: builtins.int | None = ..., all_end_rel_nanos: builtins.int | None = ..., scheduled_nanos: builtins.int | None = ...) -> None: ...

class DeviceStepStats(_message.Message):
    device: builtins.str
    @builtins.property
    def node_stats(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.NodeExecStats]: ...
    @builtins.property
    def thread_names(self) -> _containers.ScalarMap[builtins.int, builtins.str]: ...
    def __init__(self, *, device: builtins.str | None = ..., node_stats: typing.Iterable[_tensorflow.NodeExecStats] | None = ..., thread_names: typing.Mapping[builtins.int, builtins.str] | None = ...) -> None: ...

class StepStats(_message.Message):
    @builtins.property
    def dev_stats(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.DeviceStepStats]: ...
    def __init__(self, *, dev_stats: typing.Iterable[_tensorflow.DeviceStepStats] | None = ...) -> None: ...

class CostGraphDef(_message.Message):
    class Node(_message.Message):
        class InputInfo(_message.Message):
            preceding_node: builtins.int
            preceding_port: builtins.int
            def __init__(self, *, preceding_node: builtins.int | None = ..., preceding_port: builtins.int | None = ...) -> None: ...
        class OutputInfo(_message.Message):
            size: builtins.int
            alias_input_port: builtins.int
            @builtins.property
            def shape(self) -> _tensorflow.TensorShapeProto: ...
            dtype: builtins.int
            def __init__(self, *, size: builtins.int | None = ..., alias_input_port: builtins.int | None = ..., shape: _tensorflow.TensorShapeProto | None = ..., dtype: builtins.int | None = ...) -> None: ...
        name: builtins.str
        device: builtins.str
        id: builtins.int
        @builtins.property
        def input_info(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.CostGraphDef.Node.InputInfo]: ...
        @builtins.property
        def output_info(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.CostGraphDef.Node.OutputInfo]: ...
        temporary_memory_size: builtins.int
        persistent_memory_size: builtins.int
        host_temp_memory_size: builtins.int
        device_temp_memory_size: builtins.int
        device_persistent_memory_size: builtins.int
        compute_cost: builtins.int
        compute_time: builtins.int
        memory_time: builtins.int
        is_final: builtins.bool
        @builtins.property
        def control_input(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
        inaccurate: builtins.bool
        def __init__(self, *, name: builtins.str | None = ..., device: builtins.str | None = ..., id: builtins.int | None = ..., input_info: typing.Iterable[_tensorflow.CostGraphDef.Node.InputInfo] | None = ..., output_info: typing.Iterable[_tensorflow.CostGraphDef.Node.OutputInfo] | None = ..., temporary_memory_size: builtins.int | None = ..., persistent_memory_size: builtins.int | None = ..., host_temp_memory_size: builtins.int | None = ..., device_temp_memory_size: builtins.int | None = ..., device_persistent_memory_size: builtins.int | None = ..., compute_cost: builtins.int | None = ..., compute_time: builtins.int | None = ..., memory_time: builtins.int | None = ..., is_final: builtins.bool | None = ..., control_input: typing.Iterable[builtins.int] | None = ..., inaccurate: builtins.bool | None = ...) -> None: ...
    class AggregatedCost(_message.Message):
        cost: builtins.float
        dimension: builtins.str
        def __init__(self, *, cost: builtins.float | None = ..., dimension: builtins.str | None = ...) -> None: ...
    @builtins.property
    def node(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.CostGraphDef.Node]: ...
    @builtins.property
    def cost(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.CostGraphDef.AggregatedCost]: ...
    def __init__(self, *, node: typing.Iterable[_tensorflow.CostGraphDef.Node] | None = ..., cost: typing.Iterable[_tensorflow.CostGraphDef.AggregatedCost] | None = ...) -> None: ...

class NamedTensorProto(_message.Message):
    name: builtins.str
    @builtins.property
    def tensor(self) -> _tensorflow.TensorProto: ...
    def __init__(self, *, name: builtins.str | None = ..., tensor: _tensorflow.TensorProto | None = ...) -> None: ...

class JobDef(_message.Message):
    name: builtins.str
    @builtins.property
    def tasks(self) -> _containers.ScalarMap[builtins.int, builtins.str]: ...
    def __init__(self, *, name: builtins.str | None = ..., tasks: typing.Mapping[builtins.int, builtins.str] | None = ...) -> None: ...

class ClusterDef(_message.Message):
    @builtins.property
    def job(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.JobDef]: ...
    def __init__(self, *, job: typing.Iterable[_tensorflow.JobDef] | None = ...) -> None: ...

class DebugTensorWatch(_message.Message):
    node_name: builtins.str
    output_slot: builtins.int
    @builtins.property
    def debug_ops(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def debug_urls(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    tolerate_debug_op_creation_failures: builtins.bool
    def __init__(self, *, node_name: builtins.str | None = ..., output_slot: builtins.int | None = ..., debug_ops: typing.Iterable[builtins.str] | None = ..., debug_urls: typing.Iterable[builtins.str] | None = ..., tolerate_debug_op_creation_failures: builtins.bool | None = ...) -> None: ...

class DebugOptions(_message.Message):
    @builtins.property
    def debug_tensor_watch_opts(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.DebugTensorWatch]: ...
    global_step: builtins.int
    reset_disk_byte_usage: builtins.bool
    def __init__(self, *, debug_tensor_watch_opts: typing.Iterable[_tensorflow.DebugTensorWatch] | None = ..., global_step: builtins.int | None = ..., reset_disk_byte_usage: builtins.bool | None = ...) -> None: ...

class DebuggedSourceFile(_message.Message):
    host: builtins.str
    file_path: builtins.str
    last_modified: builtins.int
    bytes: builtins.int
    @builtins.property
    def lines(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    def __init__(self, *, host: builtins.str | None = ..., file_path: builtins.str | None = ..., last_modified: builtins.int | None = ..., bytes: builtins.int | None = ..., lines: typing.Iterable[builtins.str] | None = ...) -> None: ...

class DebuggedSourceFiles(_message.Message):
    @builtins.property
    def source_files(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.DebuggedSourceFile]: ...
    def __init__(self, *, source_files: typing.Iterable[_tensorflow.DebuggedSourceFile] | None = ...) -> None: ...

class VerifierConfig(_message.Message):
    Toggle: _enum.EnumTypeWrapper
    DEFAULT: builtins.int
    ON: builtins.int
    OFF: builtins.int
    verification_timeout_in_ms: builtins.int
    structure_verifier: builtins.int
    def __init__(self, *, verification_timeout_in_ms: builtins.int | None = ..., structure_verifier: builtins.int | None = ...) -> None: ...

class AutoParallelOptions(_message.Message):
    enable: builtins.bool
    num_replicas: builtins.int
    def __init__(self, *, enable: builtins.bool | None = ..., num_replicas: builtins.int | None = ...) -> None: ...

class ScopedAllocatorOptions(_message.Message):
    @builtins.property
    def enable_op(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    def __init__(self, *, enable_op: typing.Iterable[builtins.str] | None = ...) -> None: ...

class RewriterConfig(_message.Message):
    Toggle: _enum.EnumTypeWrapper
    DEFAULT: builtins.int
    ON: builtins.int
    OFF: builtins.int
    AGGRESSIVE: builtins.int
    EXPERIMENTAL_MLIR: builtins.int
    EXPERIMENTAL_BOTH: builtins.int
    CpuLayout: _enum.EnumTypeWrapper
    NO_CONVERSION_ON_CPU: builtins.int
    NCHW_TO_NHWC: builtins.int
    NHWC_TO_NCHW: builtins.int
    NumIterationsType: _enum.EnumTypeWrapper
    DEFAULT_NUM_ITERS: builtins.int
    ONE: builtins.int
    TWO: builtins.int
    MemOptType: _enum.EnumTypeWrapper
    DEFAULT_MEM_OPT: builtins.int
    NO_MEM_OPT: builtins.int
    MANUAL: builtins.int
    SWAPPING_HEURISTICS: builtins.int
    RECOMPUTATION_HEURISTICS: builtins.int
    SCHEDULING_HEURISTICS: builtins.int
    HEURISTICS: builtins.int
    class CustomGraphOptimizer(_message.Message):
        name: builtins.str
        @builtins.property
        def parameter_map(self) -> _containers.MessageMap[builtins.str, _tensorflow.AttrValue]: ...
        def __init__(self, *, name: builtins.str | None = ..., parameter_map: typing.Mapping[builtins.str, _tensorflow.AttrValue] | None = ...) -> None: ...
    cpu_layout_conversion: builtins.int
    layout_optimizer: builtins.int
    constant_folding: builtins.int
    shape_optimization: builtins.int
    remapping: builtins.int
    common_subgraph_elimination: builtins.int
    arithmetic_optimization: builtins.int
    dependency_optimization: builtins.int
    loop_optimization: builtins.int
    function_optimization: builtins.int
    debug_stripper: builtins.int
    disable_model_pruning: builtins.bool
    scoped_allocator_optimization: builtins.int
    pin_to_host_optimization: builtins.int
    implementation_selector: builtins.int
    auto_mixed_precision: builtins.int
    auto_mixed_precision_mkl: builtins.int
    auto_mixed_precision_onednn_bfloat16: builtins.int
    auto_mixed_precision_cpu: builtins.int
    disable_meta_optimizer: builtins.bool
    disable_tfg_optimizer: builtins.bool
    use_plugin_optimizers: builtins.int
    experimental_conditional_code_motion: builtins.int
    meta_optimizer_iterations: builtins.int
    min_graph_nodes: builtins.int
    experimental_disable_compressed_tensor_optimization: builtins.bool
    experimental_disable_folding_quantization_emulation: builtins.bool
    memory_optimization: builtins.int
    memory_optimizer_target_node_name_scope: builtins.str
    meta_optimizer_timeout_ms: builtins.int
    @builtins.property
    def auto_parallel(self) -> _tensorflow.AutoParallelOptions: ...
    fail_on_optimizer_errors: builtins.bool
    @builtins.property
    def scoped_allocator_opts(self) -> _tensorflow.ScopedAllocatorOptions: ...
    @builtins.property
    def optimizers(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def custom_optimizers(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.RewriterConfig.CustomGraphOptimizer]: ...
    @builtins.property
    def inter_optimizer_verifier_config(self) -> _tensorflow.VerifierConfig: ...
    @builtins.property
    def post_optimization_verifier_config(self) -> _tensorflow.VerifierConfig: ...
    def __init__(self, *, cpu_layout_conversion: builtins.int | None = ..., layout_optimizer: builtins.int | None = ..., constant_folding: builtins.int | None = ..., shape_optimization: builtins.int | None = ..., remapping: builtins.int | None = ..., common_subgraph_elimination: builtins.int | None = ..., arithmetic_optimization: builtins.int | None = ..., dependency_optimization: builtins.int | None = ..., loop_optimization: builtins.int | None = ..., function_optimization: builtins.int | None = ..., debug_stripper: builtins.int | None = ..., disable_model_pruning: builtins.bool | None = ..., scoped_allocator_optimization: builtins.int | None = ..., pin_to_host_optimization: builtins.int | None = ..., implementation_selector: builtins.int | None = ..., auto_mixed_precision: builtins.int | None = ..., auto_mixed_precision_mkl: builtins.int | None = ..., auto_mixed_precision_onednn_bfloat16: builtins.int | None = ..., auto_mixed_precision_cpu: builtins.int | None = ..., disable_meta_optimizer: builtins.bool | None = ..., disable_tfg_optimizer: builtins.bool | None = ..., use_plugin_optimizers: builtins.int | None = ..., experimental_conditional_code_motion: builtins.int | None = ..., meta_optimizer_iterations: builtins.int | None = ..., min_graph_nodes: builtins.int | None = ..., experimental_disable_compressed_tensor_optimization: builtins.bool | None = ..., experimental_disable_folding_quantization_emulation: builtins.bool | None = ..., memory_optimization: builtins.int | None = ..., memory_optimizer_target_node_name_scope: builtins.str | None = ..., meta_optimizer_timeout_ms: builtins.int | None = ..., auto_parallel: _tensorflow.AutoParallelOptions | None = ..., fail_on_optimizer_errors: builtins.bool | None = ..., scoped_allocator_opts: _tensorflow.ScopedAllocatorOptions | None = ..., optimizers: typing.Iterable[builtins.str] | None = ..., custom_optimizers: typing.Iterable[_tensorflow.RewriterConfig.CustomGraphOptimizer] | None = ..., inter_optimizer_verifier_config: _tensorflow.VerifierConfig | None = ..., post_optimization_verifier_config: _tensorflow.VerifierConfig | None = ...) -> None: ...

class GPUOptions(_message.Message):
    class Experimental(_message.Message):
        class VirtualDevices(_message.Message):
            @builtins.property
            def memory_limit_mb(self) -> _containers.RepeatedScalarFieldContainer[builtins.float]: ...
            @builtins.property
            def priority(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
            @builtins.property
            def device_ordinal(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
            def __init__(self, *, memory_limit_mb: typing.Iterable[builtins.float] | None = ..., priority: typing.Iterable[builtins.int] | None = ..., device_ordinal: typing.Iterable[builtins.int] | None = ...) -> None: ...
        class StreamMergeOptions(_message.Message):
            merge_host_to_device_stream: builtins.bool
            merge_device_to_host_stream: builtins.bool
            merge_device_to_device_stream: builtins.bool
            def __init__(self, *, merge_host_to_device_stream: builtins.bool | None = ..., merge_device_to_host_stream: builtins.bool | None = ..., merge_device_to_device_stream: builtins.bool | None = ...) -> None: ...
        @builtins.property
        def virtual_devices(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.GPUOptions.Experimental.VirtualDevices]: ...
        num_virtual_devices_per_gpu: builtins.int
        use_unified_memory: builtins.bool
        num_dev_to_dev_copy_streams: builtins.int
        collective_ring_order: builtins.str
        timestamped_allocator: builtins.bool
        kernel_tracker_max_interval: builtins.int
        kernel_tracker_max_bytes: builtins.int
        kernel_tracker_max_pending: builtins.int
        internal_fragmentation_fraction: builtins.float
        use_cuda_malloc_async: builtins.bool
        disallow_retry_on_allocation_failure: builtins.bool
        gpu_host_mem_limit_in_mb: builtins.float
        gpu_host_mem_disallow_growth: builtins.bool
        gpu_system_memory_size_in_mb: builtins.int
        populate_pjrt_gpu_client_creation_info: builtins.bool
        node_id: builtins.int
        @builtins.property
        def stream_merge_options(self) -> _tensorflow.GPUOptions.Experimental.StreamMergeOptions: ...
        def __init__(self, *, virtual_devices: typing.Iterable[_tensorflow.GPUOptions.Experimental.VirtualDevices] | None = ..., num_virtual_devices_per_gpu: builtins.int | None = ..., use_unified_memory: builtins.bool | None = ..., num_dev_to_dev_copy_streams: builtins.int | None = ..., collective_ring_order: builtins.str | None = ..., timestamped_allocator: builtins.bool | None = ..., kernel_tracker_max_interval: builtins.int | None = ..., kernel_tracker_max_bytes: builtins.int | None = ..., kernel_tracker_max_pending: builtins.int | None = ..., internal_fragmentation_fraction: builtins.float | None = ..., use_cuda_malloc_async: builtins.bool | None = ..., disallow_retry_on_allocation_failure: builtins.bool | None = ..., gpu_host_mem_limit_in_mb: builtins.float | None = ..., gpu_host_mem_disallow_growth: builtins.bool | None = ..., gpu_system_memory_size_in_mb: builtins.int | None = ..., populate_pjrt_gpu_client_creation_info: builtins.bool | None = ..., node_id: builtins.int | None = ..., stream_merge_options: _tensorflow.GPUOptions.Experimental.StreamMergeOptions | None = ...) -> None: ...
    per_process_gpu_memory_fraction: builtins.float
    allow_growth: builtins.bool
    allocator_type: builtins.str
    deferred_deletion_bytes: builtins.int
    visible_device_list: builtins.str
    polling_active_delay_usecs: builtins.int
    polling_inactive_delay_msecs: builtins.int
    force_gpu_compatible: builtins.bool
    @builtins.property
    def experimental(self) -> _tensorflow.GPUOptions.Experimental: ...
    def __init__(self, *, per_process_gpu_memory_fraction: builtins.float | None = ..., allow_growth: builtins.bool | None = ..., allocator_type: builtins.str | None = ..., deferred_deletion_bytes: builtins.int | None = ..., visible_device_list: builtins.str | None = ..., polling_active_delay_usecs: builtins.int | None = ..., polling_inactive_delay_msecs: builtins.int | None = ..., force_gpu_compatible: builtins.bool | None = ..., experimental: _tensorflow.GPUOptions.Experimental | None = ...) -> None: ...

class OptimizerOptions(_message.Message):
    Level: _enum.EnumTypeWrapper
    L1: builtins.int
    L0: builtins.int
    GlobalJitLevel: _enum.EnumTypeWrapper
    DEFAULT: builtins.int
    OFF: builtins.int
    ON_1: builtins.int
    ON_2: builtins.int
    do_common_subexpression_elimination: builtins.bool
    do_constant_folding: builtins.bool
    max_folded_constant_in_bytes: builtins.int
    do_function_inlining: builtins.bool
    opt_level: builtins.int
    global_jit_level: builtins.int
    cpu_global_jit: builtins.bool
    def __init__(self, *, do_common_subexpression_elimination: builtins.bool | None = ..., do_constant_folding: builtins.bool | None = ..., max_folded_constant_in_bytes: builtins.int | None = ..., do_function_inlining: builtins.bool | None = ..., opt_level: builtins.int | None = ..., global_jit_level: builtins.int | None = ..., cpu_global_jit: builtins.bool | None = ...) -> None: ...

class GraphOptions(_message.Message):
    enable_recv_scheduling: builtins.bool
    @builtins.property
    def optimizer_options(self) -> _tensorflow.OptimizerOptions: ...
    build_cost_model: builtins.int
    build_cost_model_after: builtins.int
    infer_shapes: builtins.bool
    place_pruned_graph: builtins.bool
    enable_bfloat16_sendrecv: builtins.bool
    timeline_step: builtins.int
    @builtins.property
    def rewrite_options(self) -> _tensorflow.RewriterConfig: ...
    def __init__(self, *, enable_recv_scheduling: builtins.bool | None = ..., optimizer_options: _tensorflow.OptimizerOptions | None = ..., build_cost_model: builtins.int | None = ..., build_cost_model_after: builtins.int | None = ..., infer_shapes: builtins.bool | None = ..., place_pruned_graph: builtins.bool | None = ..., enable_bfloat16_sendrecv: builtins.bool | None = ..., timeline_step: builtins.int | None = ..., rewrite_options: _tensorflow.RewriterConfig | None = ...) -> None: ...

class ThreadPoolOptionProto(_message.Message):
    num_threads: builtins.int
    global_name: builtins.str
    def __init__(self, *, num_threads: builtins.int | None = ..., global_name: builtins.str | None = ...) -> None: ...

class SessionMetadata(_message.Message):
    name: builtins.str
    version: builtins.int
    def __init__(self, *, name: builtins.str | None = ..., version: builtins.int | None = ...) -> None: ...

class ConfigProto(_message.Message):
    class Experimental(_message.Message):
        MlirBridgeRollout: _enum.EnumTypeWrapper
        MLIR_BRIDGE_ROLLOUT_UNSPECIFIED: builtins.int
        MLIR_BRIDGE_ROLLOUT_ENABLED: builtins.int
        MLIR_BRIDGE_ROLLOUT_DISABLED: builtins.int
        collective_group_leader: builtins.str
        executor_type: builtins.str
        recv_buf_max_chunk: builtins.int
        use_numa_affinity: builtins.bool
        collective_deterministic_sequential_execution: builtins.bool
        collective_nccl: builtins.bool
        share_session_state_in_clusterspec_propagation: builtins.bool
        disable_thread_spinning: builtins.bool
        share_cluster_devices_in_session: builtins.bool
        @builtins.property
        def session_metadata(self) -> _tensorflow.SessionMetadata: ...
        optimize_for_static_graph: builtins.bool
        enable_mlir_bridge: builtins.bool
        mlir_bridge_rollout: builtins.int
        enable_mlir_graph_optimization: builtins.bool
        disable_output_partition_graphs: builtins.bool
        xla_fusion_autotuner_thresh: builtins.int
        use_tfrt: builtins.bool
        enable_multi_host: builtins.bool
        tfrt_use_ifrt: builtins.bool
        backend_server_port: builtins.int
        target_tpu: builtins.bool
        target_gpu: builtins.bool
        stream_merge_threshold: builtins.int
        disable_functional_ops_lowering: builtins.bool
        xla_prefer_single_graph_cluster: builtins.bool
        @builtins.property
        def coordination_config(self) -> _tensorflow.CoordinationServiceConfig: ...
        disable_optimize_for_static_graph: builtins.bool
        disable_eager_executor_streaming_enqueue: builtins.bool
        finalize_function_library_runtime: builtins.bool
        finalize_resource_manager: builtins.bool
        tf2xla_dump_dir: builtins.str
        online_cost_analysis: builtins.bool
        def __init__(self, *, collective_group_leader: builtins.str | None = ..., executor_type: builtins.str | None = ..., recv_buf_max_chunk: builtins.int | None = ..., use_numa_affinity: builtins.bool | None = ..., collective_deterministic_sequential_execution: builtins.bool | None = ..., collective_nccl: builtins.bool | None = ..., share_session_state_in_clusterspec_propagation: builtins.bool | None = ..., disable_thread_spinning: builtins.bool | None = ..., share_cluster_devices_in_session: builtins.bool | None = ..., session_metadata: _tensorflow.SessionMetadata | None = ..., optimize_for_static_graph: builtins.bool | None = ..., enable_mlir_bridge: builtins.bool | None = ..., mlir_bridge_rollout: builtins.int | None = ..., enable_mlir_graph_optimization: builtins.bool | None = ..., disable_output_partition_graphs: builtins.bool | None = ..., xla_fusion_autotuner_thresh: builtins.int | None = ..., use_tfrt: builtins.bool | None = ..., enable_multi_host: builtins.bool | None = ..., tfrt_use_ifrt: builtins.bool | None = ..., backend_server_port: builtins.int | None = ..., target_tpu: builtins.bool | None = ..., target_gpu: builtins.bool | None = ..., stream_merge_threshold: builtins.int | None = ..., disable_functional_ops_lowering: builtins.bool | None = ..., xla_prefer_single_graph_cluster: builtins.bool | None = ..., coordination_config: _tensorflow.CoordinationServiceConfig | None = ..., disable_optimize_for_static_graph: builtins.bool | None = ..., disable_eager_executor_streaming_enqueue: builtins.bool | None = ..., finalize_function_library_runtime: builtins.bool | None = ..., finalize_resource_manager: builtins.bool | None = ..., tf2xla_dump_dir: builtins.str | None = ..., online_cost_analysis: builtins.bool | None = ...) -> None: ...
    @builtins.property
    def device_count(self) -> _containers.ScalarMap[builtins.str, builtins.int]: ...
    intra_op_parallelism_threads: builtins.int
    inter_op_parallelism_threads: builtins.int
    use_per_session_threads: builtins.bool
    @builtins.property
    def session_inter_op_thread_pool(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ThreadPoolOptionProto]: ...
    placement_period: builtins.int
    @builtins.property
    def device_filters(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def gpu_options(self) -> _tensorflow.GPUOptions: ...
    @builtins.property
    def pluggable_device_options(self) -> _tensorflow.GPUOptions: ...
    allow_soft_placement: builtins.bool
    log_device_placement: builtins.bool
    @builtins.property
    def graph_options(self) -> _tensorflow.GraphOptions: ...
    operation_timeout_in_ms: builtins.int
    @builtins.property
    def rpc_options(self) -> _tensorflow.RPCOptions: ...
    @builtins.property
    def cluster_def(self) -> _tensorflow.ClusterDef: ...
    isolate_session_state: builtins.bool
    share_cluster_devices_in_session: builtins.bool
    @builtins.property
    def experimental(self) -> _tensorflow.ConfigProto.Experimental: ...
    def __init__(self, *, device_count: typing.Mapping[builtins.str, builtins.int] | None = ..., intra_op_parallelism_threads: builtins.int | None = ..., inter_op_parallelism_threads: builtins.int | None = ..., use_per_session_threads: builtins.bool | None = ..., session_inter_op_thread_pool: typing.Iterable[_tensorflow.ThreadPoolOptionProto] | None = ..., placement_period: builtins.int | None = ..., device_filters: typing.Iterable[builtins.str] | None = ..., gpu_options: _tensorflow.GPUOptions | None = ..., pluggable_device_options: _tensorflow.GPUOptions | None = ..., allow_soft_placement: builtins.bool | None = ..., log_device_placement: builtins.bool | None = ..., graph_options: _tensorflow.GraphOptions | None = ..., operation_timeout_in_ms: builtins.int | None = ..., rpc_options: _tensorflow.RPCOptions | None = ..., cluster_def: _tensorflow.ClusterDef | None = ..., isolate_session_state: builtins.bool | None = ..., share_cluster_devices_in_session: builtins.bool | None = ..., experimental: _tensorflow.ConfigProto.Experimental | None = ...) -> None: ...

class RunOptions(_message.Message):
    TraceLevel: _enum.EnumTypeWrapper
    NO_TRACE: builtins.int
    SOFTWARE_TRACE: builtins.int
    HARDWARE_TRACE: builtins.int
    FULL_TRACE: builtins.int
    class Experimental(_message.Message):
        class RunHandlerPoolOptions(_message.Message):
            priority: builtins.int
            def __init__(self, *, priority: builtins.int | None = ...) -> None: ...
        collective_graph_key: builtins.int
        use_run_handler_pool: builtins.bool
        @builtins.property
        def run_handler_pool_options(self) -> _tensorflow.RunOptions.Experimental.RunHandlerPoolOptions: ...
        def __init__(self, *, collective_graph_key: builtins.int | None = ..., use_run_handler_pool: builtins.bool | None = ..., run_handler_pool_options: _tensorflow.RunOptions.Experimental.RunHandlerPoolOptions | None = ...) -> None: ...
    trace_level: builtins.int
    timeout_in_ms: builtins.int
    inter_op_thread_pool: builtins.int
    output_partition_graphs: builtins.bool
    @builtins.property
    def debug_options(self) -> _tensorflow.DebugOptions: ...
    report_tensor_allocations_upon_oom: builtins.bool
    @builtins.property
    def experimental(self) -> _tensorflow.RunOptions.Experimental: ...
    def __init__(self, *, trace_level: builtins.int | None = ..., timeout_in_ms: builtins.int | None = ..., inter_op_thread_pool: builtins.int | None = ..., output_partition_graphs: builtins.bool | None = ..., debug_options: _tensorflow.DebugOptions | None = ..., report_tensor_allocations_upon_oom: builtins.bool | None = ..., experimental: _tensorflow.RunOptions.Experimental | None = ...) -> None: ...

class RunMetadata(_message.Message):
    class FunctionGraphs(_message.Message):
        @builtins.property
        def partition_graphs(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.GraphDef]: ...
        @builtins.property
        def pre_optimization_graph(self) -> _tensorflow.GraphDef: ...
        @builtins.property
        def post_optimization_graph(self) -> _tensorflow.GraphDef: ...
        def __init__(self, *, partition_graphs: typing.Iterable[_tensorflow.GraphDef] | None = ..., pre_optimization_graph: _tensorflow.GraphDef | None = ..., post_optimization_graph: _tensorflow.GraphDef | None = ...) -> None: ...
    @builtins.property
    def step_stats(self) -> _tensorflow.StepStats: ...
    @builtins.property
    def cost_graph(self) -> _tensorflow.CostGraphDef: ...
    @builtins.property
    def partition_graphs(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.GraphDef]: ...
    @builtins.property
    def function_graphs(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.RunMetadata.FunctionGraphs]: ...
    @builtins.property
    def session_metadata(self) -> _tensorflow.SessionMetadata: ...
    def __init__(self, *, step_stats: _tensorflow.StepStats | None = ..., cost_graph: _tensorflow.CostGraphDef | None = ..., partition_graphs: typing.Iterable[_tensorflow.GraphDef] | None = ..., function_graphs: typing.Iterable[_tensorflow.RunMetadata.FunctionGraphs] | None = ..., session_metadata: _tensorflow.SessionMetadata | None = ...) -> None: ...

class TensorConnection(_message.Message):
    from_tensor: builtins.str
    to_tensor: builtins.str
    def __init__(self, *, from_tensor: builtins.str | None = ..., to_tensor: builtins.str | None = ...) -> None: ...

class CallableOptions(_message.Message):
    @builtins.property
    def feed(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def fetch(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def target(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def run_options(self) -> _tensorflow.RunOptions: ...
    @builtins.property
    def tensor_connection(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.TensorConnection]: ...
    @builtins.property
    def feed_devices(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
    @builtins.property
    def fetch_devices(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
    fetch_skip_sync: builtins.bool
    def __init__(self, *, feed: typing.Iterable[builtins.str] | None = ..., fetch: typing.Iterable[builtins.str] | None = ..., target: typing.Iterable[builtins.str] | None = ..., run_options: _tensorflow.RunOptions | None = ..., tensor_connection: typing.Iterable[_tensorflow.TensorConnection] | None = ..., feed_devices: typing.Mapping[builtins.str, builtins.str] | None = ..., fetch_devices: typing.Mapping[builtins.str, builtins.str] | None = ..., fetch_skip_sync: builtins.bool | None = ...) -> None: ...

class BatchingOptions(_message.Message):
    num_batch_threads: builtins.int
    max_batch_size: builtins.int
    batch_timeout_micros: builtins.int
    @builtins.property
    def allowed_batch_sizes(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    max_enqueued_batches: builtins.int
    def __init__(self, *, num_batch_threads: builtins.int | None = ..., max_batch_size: builtins.int | None = ..., batch_timeout_micros: builtins.int | None = ..., allowed_batch_sizes: typing.Iterable[builtins.int] | None = ..., max_enqueued_batches: builtins.int | None = ...) -> None: ...

class QueueRunnerDef(_message.Message):
    queue_name: builtins.str
    @builtins.property
    def enqueue_op_name(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    close_op_name: builtins.str
    cancel_op_name: builtins.str
    @builtins.property
    def queue_closed_exception_types(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, queue_name: builtins.str | None = ..., enqueue_op_name: typing.Iterable[builtins.str] | None = ..., close_op_name: builtins.str | None = ..., cancel_op_name: builtins.str | None = ..., queue_closed_exception_types: typing.Iterable[builtins.int] | None = ...) -> None: ...

class ValuesDef(_message.Message):
    @builtins.property
    def values(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def external_values(self) -> _containers.ScalarMap[builtins.str, builtins.str]: ...
    def __init__(self, *, values: typing.Iterable[builtins.str] | None = ..., external_values: typing.Mapping[builtins.str, builtins.str] | None = ...) -> None: ...

class ControlFlowContextDef(_message.Message):
    @builtins.property
    def cond_ctxt(self) -> _tensorflow.CondContextDef: ...
    @builtins.property
    def while_ctxt(self) -> _tensorflow.WhileContextDef: ...
    def __init__(self, *, cond_ctxt: _tensorflow.CondContextDef | None = ..., while_ctxt: _tensorflow.WhileContextDef | None = ...) -> None: ...

class CondContextDef(_message.Message):
    context_name: builtins.str
    pred_name: builtins.str
    pivot_name: builtins.str
    branch: builtins.int
    @builtins.property
    def values_def(self) -> _tensorflow.ValuesDef: ...
    @builtins.property
    def nested_contexts(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ControlFlowContextDef]: ...
    def __init__(self, *, context_name: builtins.str | None = ..., pred_name: builtins.str | None = ..., pivot_name: builtins.str | None = ..., branch: builtins.int | None = ..., values_def: _tensorflow.ValuesDef | None = ..., nested_contexts: typing.Iterable[_tensorflow.ControlFlowContextDef] | None = ...) -> None: ...

class WhileContextDef(_message.Message):
    context_name: builtins.str
    parallel_iterations: builtins.int
    back_prop: builtins.bool
    swap_memory: builtins.bool
    pivot_name: builtins.str
    pivot_for_pred_name: builtins.str
    pivot_for_body_name: builtins.str
    @builtins.property
    def loop_exit_names(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    @builtins.property
    def values_def(self) -> _tensorflow.ValuesDef: ...
    @builtins.property
    def loop_enter_names(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    maximum_iterations_name: builtins.str
    @builtins.property
    def nested_contexts(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.ControlFlowContextDef]: ...
    def __init__(self, *, context_name: builtins.str | None = ..., parallel_iterations: builtins.int | None = ..., back_prop: builtins.bool | None = ..., swap_memory: builtins.bool | None = ..., pivot_name: builtins.str | None = ..., pivot_for_pred_name: builtins.str | None = ..., pivot_for_body_name: builtins.str | None = ..., loop_exit_names: typing.Iterable[builtins.str] | None = ..., values_def: _tensorflow.ValuesDef | None = ..., loop_enter_names: typing.Iterable[builtins.str] | None = ..., maximum_iterations_name: builtins.str | None = ..., nested_contexts: typing.Iterable[_tensorflow.ControlFlowContextDef] | None = ...) -> None: ...

class TaskDeviceFilters(_message.Message):
    @builtins.property
    def device_filters(self) -> _containers.RepeatedScalarFieldContainer[builtins.str]: ...
    def __init__(self, *, device_filters: typing.Iterable[builtins.str] | None = ...) -> None: ...

class JobDeviceFilters(_message.Message):
    name: builtins.str
    @builtins.property
    def tasks(self) -> _containers.MessageMap[builtins.int, _tensorflow.TaskDeviceFilters]: ...
    def __init__(self, *, name: builtins.str | None = ..., tasks: typing.Mapping[builtins.int, _tensorflow.TaskDeviceFilters] | None = ...) -> None: ...

class ClusterDeviceFilters(_message.Message):
    @builtins.property
    def jobs(self) -> _containers.RepeatedCompositeFieldContainer[_tensorflow.JobDeviceFilters]: ...
    def __init__(self, *, jobs: typing.Iterable[_tensorflow.JobDeviceFilters] | None = ...) -> None: ...

class ServerDef(_message.Message):
    @builtins.property
    def cluster(self) -> _tensorflow.ClusterDef: ...
    job_name: builtins.str
    task_index: builtins.int
    @builtins.property
    def default_session_config(self) -> _tensorflow.ConfigProto: ...
    protocol: builtins.str
    port: builtins.int
    @builtins.property
    def cluster_device_filters(self) -> _tensorflow.ClusterDeviceFilters: ...
    replica: builtins.int
    def __init__(self, *, cluster: _tensorflow.ClusterDef | None = ..., job_name: builtins.str | None = ..., task_index: builtins.int | None = ..., default_session_config: _tensorflow.ConfigProto | None = ..., protocol: builtins.str | None = ..., port: builtins.int | None = ..., cluster_device_filters: _tensorflow.ClusterDeviceFilters | None = ..., replica: builtins.int | None = ...) -> None: ...
