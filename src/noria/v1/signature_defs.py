"""Signatures of SavedModels: which tensors a client gives and gets, under which keys, and by which method.

``tf.saved_model.signature_def_utils``, ``utils``, ``signature_constants``, ``tag_constants`` and ``constants``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from noria import dtypes as core
from noria.errors import NotFoundError, UnimplementedError
from noria.formats import files
from noria.formats.proto_file import write_message
from noria.formats.saved_model import DEFAULT_SIGNATURE, read_saved_model
from noria.protos.tensorflow import SignatureDef, TensorInfo
from noria.v1.composite import SparseTensor
from noria.v1.dtypes import as_dtype
from noria.v1.exports import constant, export
from noria.v1.graph import Graph, get_default_graph
from noria.v1.naming import prepend_name_scope
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import as_shape, unknown_shape
from noria.v1.tf_logging import info

_SIGNATURE_CONSTANTS = {
    "DEFAULT_SERVING_SIGNATURE_DEF_KEY": DEFAULT_SIGNATURE,
    "PREDICT_INPUTS": "inputs",
    "PREDICT_METHOD_NAME": "tensorflow/serving/predict",
    "PREDICT_OUTPUTS": "outputs",
    "CLASSIFY_INPUTS": "inputs",
    "CLASSIFY_METHOD_NAME": "tensorflow/serving/classify",
    "CLASSIFY_OUTPUT_CLASSES": "classes",
    "CLASSIFY_OUTPUT_SCORES": "scores",
    "REGRESS_INPUTS": "inputs",
    "REGRESS_METHOD_NAME": "tensorflow/serving/regress",
    "REGRESS_OUTPUTS": "outputs",
}
_TAG_CONSTANTS = {"SERVING": "serve", "TRAINING": "train", "EVAL": "eval", "GPU": "gpu", "TPU": "tpu"}
_CONSTANTS = {
    "ASSETS_DIRECTORY": "assets",
    "ASSETS_KEY": "saved_model_assets",
    "DEBUG_DIRECTORY": "debug",
    "DEBUG_INFO_FILENAME_PB": "saved_model_debug_info.pb",
    "LEGACY_INIT_OP_KEY": "legacy_init_op",
    "MAIN_OP_KEY": "saved_model_main_op",
    "SAVED_MODEL_FILENAME_PB": "saved_model.pb",
    "SAVED_MODEL_FILENAME_PBTXT": "saved_model.pbtxt",
    "SAVED_MODEL_SCHEMA_VERSION": 1,
    "VARIABLES_DIRECTORY": "variables",
    "VARIABLES_FILENAME": "variables",
}
for _space, _values in (
    ("signature_constants", _SIGNATURE_CONSTANTS),
    ("tag_constants", _TAG_CONSTANTS),
    ("constants", _CONSTANTS),
):
    for _name, _value in _values.items():
        constant(f"saved_model.{_space}.{_name}", _value)
        constant(f"saved_model.{_name}", _value)

_PREDICT, _CLASSIFY, _REGRESS = (_SIGNATURE_CONSTANTS[f"{m}_METHOD_NAME"] for m in ("PREDICT", "CLASSIFY", "REGRESS"))


@export("saved_model.utils.build_tensor_info")
def build_tensor_info(tensor: Any) -> TensorInfo:
    """The TensorInfo of a tensor, a variable or a SparseTensor: name, dtype, shape."""
    found = TensorInfo(
        dtype=as_dtype(tensor.dtype).as_datatype_enum, tensor_shape=as_shape(tensor.get_shape()).as_proto()
    )
    if isinstance(tensor, SparseTensor):
        found.coo_sparse.values_tensor_name = tensor.values.name
        found.coo_sparse.indices_tensor_name = tensor.indices.name
        found.coo_sparse.dense_shape_tensor_name = tensor.dense_shape.name
    else:
        found.name = tensor.name
    return found


@export("saved_model.utils.get_tensor_from_tensor_info")
def get_tensor_from_tensor_info(
    tensor_info: TensorInfo, graph: Graph | None = None, import_scope: str | None = None
) -> Any:
    """The tensor or SparseTensor of a graph that ``tensor_info`` names. KeyError when it is not there."""
    graph = get_default_graph() if graph is None else graph
    kind = tensor_info.WhichOneof("encoding")
    if kind == "name":
        return graph.get_tensor_by_name(prepend_name_scope(tensor_info.name, import_scope))
    if kind == "coo_sparse":
        sparse = tensor_info.coo_sparse
        names = (sparse.indices_tensor_name, sparse.values_tensor_name, sparse.dense_shape_tensor_name)
        return SparseTensor(*(graph.get_tensor_by_name(prepend_name_scope(n, import_scope)) for n in names))
    if kind == "composite_tensor":
        raise UnimplementedError("a TensorInfo of a composite tensor other than a SparseTensor has no form here")
    raise ValueError(f"Invalid TensorInfo.encoding: {kind}. Expected `coo_sparse` or `name` for a dense tensor.")


@export("saved_model.signature_def_utils.build_signature_def")
def build_signature_def(
    inputs: Mapping[str, TensorInfo] | None = None,
    outputs: Mapping[str, TensorInfo] | None = None,
    method_name: str | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> SignatureDef:
    """A SignatureDef of TensorInfos by key; defaults: constants for inputs that a client may leave out."""
    found = SignatureDef()
    for key, value in (inputs or {}).items():
        found.inputs[key].CopyFrom(value)
    for key, value in (outputs or {}).items():
        found.outputs[key].CopyFrom(value)
    if method_name is not None:
        found.method_name = method_name
    for key, tensor in (defaults or {}).items():
        if not isinstance(tensor, Tensor) or tensor.op.type != "Const":
            raise ValueError(f"Unable to convert object {tensor} of type {type(tensor)} to TensorProto.")
        found.defaults[key].CopyFrom(tensor.op.get_attr("value"))
    return found


@export("saved_model.predict_signature_def")
def predict_signature_def(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> SignatureDef:
    """A signature of the Predict method; inputs and outputs: tensors by key. ValueError without any."""
    if not inputs:
        raise ValueError("Prediction `inputs` cannot be None or empty.")
    if not outputs:
        raise ValueError("Prediction `outputs` cannot be None or empty.")
    return build_signature_def(
        {k: build_tensor_info(t) for k, t in inputs.items()},
        {k: build_tensor_info(t) for k, t in outputs.items()},
        _PREDICT,
    )


def _of_type(tensor: Any, wanted: core.DType, message: str) -> TensorInfo:
    found = build_tensor_info(tensor)
    if found.dtype != wanted.number:
        raise ValueError(message.format(found.dtype))
    return found


@export("saved_model.regression_signature_def")
def regression_signature_def(examples: Any, predictions: Any) -> SignatureDef:
    """A signature of the Regress method: strings (serialized Examples) to floats. ValueError for other dtypes."""
    if examples is None:
        raise ValueError("Regression `examples` cannot be None.")
    if not isinstance(examples, Tensor):
        raise ValueError(
            f"Expected regression `examples` to be of type Tensor. Found `examples` of type {type(examples)}."
        )
    if predictions is None:
        raise ValueError("Regression `predictions` cannot be None.")
    given = _of_type(
        examples, core.string, "Regression input tensors must be of type string. Found tensors with type {}."
    )
    answer = _of_type(
        predictions, core.float32, "Regression output tensors must be of type float. Found tensors with type {}."
    )
    return build_signature_def({"inputs": given}, {"outputs": answer}, _REGRESS)


@export("saved_model.classification_signature_def")
def classification_signature_def(examples: Any, classes: Any, scores: Any) -> SignatureDef:
    """A signature of the Classify method: strings (serialized Examples) to class names, scores, or both."""
    if examples is None:
        raise ValueError("Classification `examples` cannot be None.")
    if not isinstance(examples, Tensor):
        raise ValueError(
            f"Classification `examples` must be a string Tensor. Found `examples` of type {type(examples)}."
        )
    if classes is None and scores is None:
        raise ValueError("Classification `classes` and `scores` cannot both be None.")
    given = _of_type(
        examples, core.string, "Classification input tensors must be of type string. Found tensors of type {}"
    )
    outputs: dict[str, TensorInfo] = {}
    if classes is not None:
        outputs["classes"] = _of_type(
            classes, core.string, "Classification classes must be of type string Tensor. Found tensors of type {}.`"
        )
    if scores is not None:
        outputs["scores"] = _of_type(scores, core.float32, "Classification scores must be a float Tensor.")
    return build_signature_def({"inputs": given}, outputs, _CLASSIFY)


@export("saved_model.is_valid_signature")
def is_valid_signature(signature_def: SignatureDef | None) -> bool:
    """Whether a signature is one that TensorFlow Serving takes: of Predict, Classify or Regress, with their keys."""
    if signature_def is None:
        return False
    inputs = {k: v.dtype for k, v in signature_def.inputs.items()}
    outputs = {k: v.dtype for k, v in signature_def.outputs.items()}
    text, number = core.string.number, core.float32.number
    if signature_def.method_name == _PREDICT:
        return bool(inputs and outputs)
    if signature_def.method_name == _REGRESS:
        return inputs == {"inputs": text} and outputs == {"outputs": number}
    if signature_def.method_name == _CLASSIFY:
        allowed = {"classes": text, "scores": number}
        return inputs == {"inputs": text} and bool(outputs) and outputs.items() <= allowed.items()
    return False


@export("saved_model.signature_def_utils.op_signature_def")
def op_signature_def(op: Operation, key: str) -> SignatureDef:
    """A signature that names an operation: how the init op and the train op stand in a SavedModel of TensorFlow 2."""
    named = TensorInfo(dtype=0, tensor_shape=unknown_shape().as_proto(), name=op.name)
    return build_signature_def(outputs={key: named})


@export("saved_model.signature_def_utils.load_op_from_signature_def")
def load_op_from_signature_def(signature_def: SignatureDef, key: str, import_scope: str | None = None) -> Any:
    """The operation (or tensor) that such a signature names, in the default graph; NotFoundError when it is absent."""
    name = prepend_name_scope(signature_def.outputs[key].name, import_scope)
    try:
        return get_default_graph().as_graph_element(name)
    except KeyError:
        raise NotFoundError(
            f'The key "{key}" could not be found in the graph: it has no {name!r}. Please make sure the SavedModel was '
            f'not changed, or that its SignatureDef does not contain the key "{key}".'
        ) from None


@export("saved_model.signature_def_utils.MethodNameUpdater")
class MethodNameUpdater:
    """Changes the method names of the signatures of a SavedModel on disk."""

    def __init__(self, export_dir: str) -> None:
        self._export_dir = export_dir
        self._saved_model = read_saved_model(export_dir).proto
        self._as_text = _text_only(export_dir)

    def replace_method_name(self, signature_key: str, method_name: str, tags: Any = None) -> None:
        """Changes it in the MetaGraph of ``tags``, or in all. ValueError where there is no such signature."""
        if not signature_key:
            raise ValueError("`signature_key` must be defined.")
        if not method_name:
            raise ValueError("`method_name` must be defined.")
        wanted = None if tags is None else set(tags if isinstance(tags, list) else [tags])
        chosen = [m for m in self._saved_model.meta_graphs if wanted is None or set(m.meta_info_def.tags) == wanted]
        if not chosen:
            raise ValueError(f"MetaGraphDef associated with tags {tags} could not be found in SavedModel.")
        for meta in chosen:
            if signature_key not in meta.signature_def:
                raise ValueError(
                    f"MetaGraphDef associated with tags {tags} does not have a signature_def with key: "
                    f"'{signature_key}'; it has {sorted(meta.signature_def)}."
                )
        for meta in chosen:
            meta.signature_def[signature_key].method_name = method_name

    def save(self, new_export_dir: str | None = None) -> None:
        """Writes the changed file back, or into another folder."""
        name = "saved_model.pbtxt" if self._as_text else "saved_model.pb"
        path = f"{new_export_dir or self._export_dir}/{name}"
        write_message(self._saved_model, path, as_text=self._as_text)
        info("SavedModel written to: %s", path)


def _text_only(export_dir: str) -> bool:
    return files.exists(files.join(export_dir, "saved_model.pbtxt"))
