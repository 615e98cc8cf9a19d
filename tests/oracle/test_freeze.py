"""Frozen graphs: the same as TensorFlow makes, and TensorFlow computes with them what the model computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import real_models
from noria.errors import FailedPreconditionError
from noria.formats.saved_model import asset_defs, signatures
from noria.graph.graph import parse_tensor_name
from noria.graph.to_constants import convert_variables_to_constants
from noria.model.freeze import Source, freeze_model, read_source, signature_tensors
from noria.protos.tensorflow import GraphDef

v1 = tf.compat.v1
MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "models"
# Outputs that depend on what only a fully loaded model has: values of variables that are no part of the checkpoint.
_UNSAVED = {"corpus/v1_train_sgd"}
_UNORDERED = {"corpus/t_linalg"}  # eigenvalues come in no order
_DRAWN = {"zoo/srv_half_plus_two_mkl"}  # its init op draws its variables anew whenever it is loaded


def _models() -> list[Any]:
    return list(_each_model())


def _each_model() -> Iterator[Any]:
    if not MODELS.is_dir():
        reason = f"the real models are not on this machine ({MODELS} is absent)"
        yield pytest.param(None, marks=pytest.mark.skip(reason=reason))
        return
    for model in [*real_models.corpus(MODELS), *real_models.zoo(MODELS)]:
        if model.inputs is None and model.name not in _UNSAVED:
            yield pytest.param(model, id=model.name)


def _signature(model: real_models.RealModel, source: Source) -> Any:
    """The signature of the first recorded call of a kind that can be frozen."""
    for call in model.calls:
        signature = source.meta.signature_def[call.signature]
        if all(i.name for i in [*signature.inputs.values(), *signature.outputs.values()]):
            return call, signature
    pytest.skip("no recorded call has dense inputs and outputs only")


@pytest.mark.parametrize("model", _models())
def test_tensorflow_runs_frozen_models(model: real_models.RealModel) -> None:
    source = read_source(model.path, tags=model.tags)
    if any("GPU" in n.device for n in source.meta.graph_def.node):
        pytest.skip("the model asks for a GPU, without which TensorFlow does not load it")
    call, signature = _signature(model, source)
    try:
        frozen = freeze_model(source, signature=call.signature)
    except FailedPreconditionError as error:
        assert "does more than read variable" in str(error)  # noqa: PT017  # a training or counting signature
        return
    inputs, outputs = call.load()
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(v1.GraphDef.FromString(frozen.graph_def.SerializeToString()), name="")
        with_assets = [n.name for n in frozen.graph_def.node if n.name in _asset_nodes(source)]
        if with_assets:
            return  # the frozen graph still names the file that the exporting machine had
        if frozen.initializers:
            session.run([v1.get_default_graph().get_operation_by_name(n) for n in frozen.initializers])
        names = {k: signature.outputs[k].name for k in outputs}
        present = {n.name for n in frozen.graph_def.node}  # an input that no output needs is not there
        fed = {signature.inputs[k].name: v for k, v in inputs.items()}
        found = session.run(names, {k: v for k, v in fed.items() if parse_tensor_name(k).node in present})
    for key, wanted in outputs.items():
        got = np.asarray(found[key])
        if model.name in _UNORDERED:
            got, wanted = np.sort(got, axis=None), np.sort(wanted, axis=None)
        if wanted.dtype.kind in "fc":
            np.testing.assert_allclose(got, wanted, rtol=max(model.rtol, 1e-4), atol=1e-5, err_msg=key)
        elif not _is_random(source):
            assert np.array_equal(got, wanted), key


def _asset_nodes(source: Source) -> set[str]:
    return {parse_tensor_name(a.tensor_info.name).node for a in asset_defs(source.meta, source.path)}


def _is_random(source: Source) -> bool:
    return any(n.op.startswith("Random") for n in source.meta.graph_def.node)


@pytest.mark.parametrize(
    "model", [p for p in _models() if p.id not in _DRAWN and ("v1_" in str(p.id) or "srv_" in str(p.id))]
)
def test_frozen_graphs_are_tensorflows(model: real_models.RealModel) -> None:
    """Of models with variables in the graph itself: equal node by node to ``graph_util``'s."""
    source = read_source(model.path, tags=model.tags)
    if any("GPU" in n.device for n in source.meta.graph_def.node):
        pytest.skip("the model asks for a GPU, without which TensorFlow does not load it")
    call, _ = _signature(model, source)
    ends = sorted({parse_tensor_name(n).node for n in signature_tensors(signatures(source.meta)[call.signature])})
    try:
        ours = freeze_model(source, outputs=ends, initializers=[]).graph_def
    except FailedPreconditionError:
        return
    with tf.Graph().as_default(), v1.Session() as session:
        v1.saved_model.loader.load(session, list(model.tags or ["serve"]), model.path)
        graph = v1.GraphDef.FromString(source.meta.graph_def.SerializeToString())  # loading changes what it returns
        try:
            theirs = v1.graph_util.convert_variables_to_constants(session, graph, ends)
        except (KeyError, ValueError) as error:  # it looks for a node `name/Read/ReadVariableOp`
            pytest.skip(f"TensorFlow's own function fails on this model: {error}")
    assert [n.name for n in ours.node] == [n.name for n in theirs.node]
    for a, b in zip(ours.node, theirs.node, strict=True):
        if not any(n in b.op for n in ("If", "While", "Call")):
            assert a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True), a.name


def _graph(session_ops: Any) -> Any:
    with tf.Graph().as_default(), v1.Session() as session:
        y = session_ops()
        session.run(v1.global_variables_initializer())
        theirs = v1.graph_util.convert_variables_to_constants(session, session.graph_def, [y.op.name])
        values = {v.op.name: session.run(v) for v in v1.global_variables()}
        return session.graph_def, y.op.name, values, theirs


@pytest.mark.parametrize("resource", [False, True])
def test_graphs_of_every_kind_of_variable(resource: bool) -> None:
    def ops() -> Any:
        x = v1.placeholder(tf.int32, [None], name="x")
        table = v1.get_variable("table", [5, 3], use_resource=resource)
        bias = v1.get_variable("scope/bias", [3], tf.float32, v1.zeros_initializer(), use_resource=resource)
        rows = tf.gather(table, x)
        picked = tf.gather_nd(table, tf.expand_dims(x, 1))
        return tf.identity(tf.nn.bias_add(rows + picked, bias), name="out")

    graph, end, values, theirs = _graph(ops)
    ours = convert_variables_to_constants(GraphDef.FromString(graph.SerializeToString()), values, [end])
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
