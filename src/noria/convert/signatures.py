"""Signatures of models that have none: given or guessed tensors → SignatureDef."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from noria.formats.saved_model import SERVE_TAG
from noria.graph.export import shape_proto
from noria.graph.rewrite import describe
from noria.model.signature import Signature, TensorSpec
from noria.protos.tensorflow import GraphDef, MetaGraphDef, SignatureDef, TensorInfo

PREDICT: str = "tensorflow/serving/predict"


def tensor_info(spec: TensorSpec) -> TensorInfo:
    """``spec`` as a TensorInfo."""
    return TensorInfo(name=spec.tensor, dtype=spec.dtype.number, tensor_shape=shape_proto(spec.shape))


def signature_def(
    inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], method_name: str = PREDICT
) -> SignatureDef:
    """A SignatureDef of tensors by alias."""
    made = SignatureDef(method_name=method_name)
    for infos, specs in ((made.inputs, inputs), (made.outputs, outputs)):
        for alias, spec in specs.items():
            infos[alias].CopyFrom(tensor_info(spec))
    return made


def of_signature(signature: Signature, *, short: bool) -> tuple[SignatureDef, dict[str, str], dict[str, str]]:
    """``signature`` as a SignatureDef; with ``short``, tensors get their last name where no two have the same.

    Returns also the alias that each input, and each output, has now.
    """
    inputs, outputs = ({a: a for a in specs} for specs in (signature.inputs, signature.outputs))
    if short:
        inputs, outputs = _short(inputs), _short(outputs)
    made = signature_def(
        {inputs[a]: s for a, s in signature.inputs.items()}, {outputs[a]: s for a, s in signature.outputs.items()}
    )
    return made, inputs, outputs


def _short(names: Iterable[str]) -> dict[str, str]:
    """``scope/logits:0`` → ``logits``; the whole name where two would be called the same."""
    plain = {name: name.removesuffix(":0").replace(":", "_") for name in names}
    last = {name: text.rpartition("/")[2] for name, text in plain.items()}
    unique = len(set(last.values())) == len(last)
    return last if unique else plain


def meta_graph(graph: GraphDef, signature: str, definition: SignatureDef) -> MetaGraphDef:
    """A MetaGraphDef of one signature, tagged ``serve``."""
    meta = MetaGraphDef(graph_def=graph)
    meta.meta_info_def.tags.append(SERVE_TAG)
    meta.signature_def[signature].CopyFrom(definition)
    return describe(meta)
