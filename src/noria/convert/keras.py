"""Keras models (``.keras``, ``.h5``) → SavedModel: the layers as a graph, their weights as its variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from noria.convert import keras_recurrent
from noria.convert.keras_files import KerasFile, Weights, read_keras
from noria.convert.keras_layers import LAYERS, LayerCall
from noria.convert.registry import Array, Options, Parts
from noria.errors import DataLossError, InvalidArgumentError, TFError, UnimplementedError
from noria.graph.rules import MALFORMED
from noria.v1.exports import tf
from noria.v1.graph import Graph

assert keras_recurrent  # its import adds layers

_MODELS = ("Sequential", "Functional", "Model")


def read(path: str, options: Options) -> Parts:
    """The Keras model of the file ``path``, with one signature: its inputs and outputs by the names of their layers."""
    try:
        return _parts(read_keras(path), path, options)
    except TFError:
        raise
    except (*MALFORMED, RecursionError) as error:
        raise DataLossError(
            f"{path}: its description of the model is not well formed: {type(error).__name__}: {error}"
        ) from error


def _parts(found: KerasFile, path: str, options: Options) -> Parts:
    if found.config["class_name"] not in _MODELS:
        raise InvalidArgumentError(
            f"{path}: a model of class {found.config['class_name']!r}; Sequential and functional ones are converted"
        )
    _refuse_unknown(found.config, path)
    with Graph().as_default():
        model = _Model(found.config, found.weights, "")
        inputs, outputs = model.whole()
        signature = tf.saved_model.build_signature_def(
            inputs={k: tf.saved_model.build_tensor_info(v) for k, v in inputs.items()},
            outputs={k: tf.saved_model.build_tensor_info(v) for k, v in outputs.items()},
            method_name="tensorflow/serving/predict",
        )
        meta = tf.train.Saver(allow_empty=True).export_meta_graph() if model.variables else tf.train.export_meta_graph()
        meta.signature_def[options.signature_key].CopyFrom(signature)
        meta.meta_info_def.tags[:] = ["serve"]
        notes = ["not compared: nothing here runs Keras"] if options.check else []
        return Parts(meta, dict(model.variables), notes=notes)


def _refuse_unknown(config: dict[str, Any], path: str) -> None:
    """All layers that cannot be converted at once."""
    missing = sorted({kind for kind in _kinds(config) if kind not in LAYERS and kind not in (*_MODELS, "InputLayer")})
    if missing:
        raise UnimplementedError(f"{path}: these layers are not converted: {', '.join(missing)}")


def _kinds(config: Mapping[str, Any]) -> Iterator[str]:
    inner = config["config"]
    for spec in inner if isinstance(inner, list) else inner.get("layers", ()):
        yield spec["class_name"]
        if spec["class_name"] in _MODELS:
            yield from _kinds(spec)


class _Model:
    """One model, or a model within one, while its graph is built."""

    def __init__(self, config: Mapping[str, Any], weights: Weights, prefix: str) -> None:
        self.kind = config["class_name"]
        inner = config["config"]
        self.config: dict[str, Any] = {"layers": inner} if isinstance(inner, list) else inner
        self.variables: dict[str, Array] = {}
        self._weights = weights
        self._prefix = prefix
        self._made: dict[str, dict[int, Any]] = {}
        self._models: dict[str, _Model] = {}

    @property
    def layers(self) -> list[dict[str, Any]]:
        return list(self.config["layers"])

    def whole(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Placeholders for the model's inputs and what it gives, by the names of their layers."""
        if self.kind == "Sequential":
            name, placeholder = self._sequential_input()
            found = self.call([placeholder])
            return {name: placeholder}, {_layer_name(self.layers[-1]): tf.identity(found[0], "output")}
        inputs = {}
        for name, _, _ in _references(self.config["input_layers"]):
            spec = next(s for s in self.layers if _layer_name(s) == name)
            inputs[name] = _placeholder(spec, name)
        results = self.call(list(inputs.values()))
        names = [n for n, _, _ in _references(self.config["output_layers"])]
        labels = [n if names.count(n) == 1 else f"{n}_{i}" for i, n in enumerate(names)]
        return inputs, {k: tf.identity(v, f"output_{i}") for i, (k, v) in enumerate(zip(labels, results, strict=True))}

    def _sequential_input(self) -> tuple[str, Any]:
        first = self.layers[0]
        name = _layer_name(first)
        if first["class_name"] in _MODELS:
            raise UnimplementedError(f"a Sequential model that begins with a model ({name!r}) is not converted")
        if first["class_name"] != "InputLayer":
            name += "_input"
        return name, _placeholder(first, name)

    def call(self, inputs: list[Any]) -> list[Any]:
        """What the model gives for ``inputs``."""
        if self.kind == "Sequential":
            value: Any = inputs[0]
            for spec in self.layers:
                if spec["class_name"] != "InputLayer":
                    value = self._layer(spec, [value])[0]
            return [value]
        return self._functional(inputs)

    def _functional(self, inputs: list[Any]) -> list[Any]:
        names = [n for n, _, _ in _references(self.config["input_layers"])]
        values: dict[tuple[str, int], list[Any]] = {(n, 0): [v] for n, v in zip(names, inputs, strict=True)}
        specs = [spec for spec in self.layers if spec["class_name"] != "InputLayer"]
        # A model counts its own making as call 0; only Keras 3, and only for inputs, leaves that out again.
        models = {_layer_name(spec) for spec in specs if spec["class_name"] in _MODELS}
        calls = [
            (spec, node, [(n, at - (old and n in models), i) for n, at, i, old in _sources(entry)])
            for spec in specs
            for node, entry in enumerate(spec.get("inbound_nodes", ()))
        ]
        while calls:
            ready = [c for c in calls if all((name, node) in values for name, node, _ in c[2])]
            if not ready:
                waiting = ", ".join(sorted({_layer_name(c[0]) for c in calls})[:5])
                raise DataLossError(f"the model's layers do not connect: {waiting} wait for inputs that nothing gives")
            for spec, node, sources in ready:
                given = [values[name, at][index] for name, at, index in sources]
                values[_layer_name(spec), node] = self._layer(spec, given)
            calls = [c for c in calls if c not in ready]
        wanted = _references(self.config["output_layers"])
        return [values[name, node - (name in models)][index] for name, node, index in wanted]

    def _layer(self, spec: dict[str, Any], inputs: list[Any]) -> list[Any]:
        """One call of one layer: the tensors it gives."""
        name = _layer_name(spec)
        weights = self._weights.layers.get(name, Weights())
        if spec["class_name"] in _MODELS:
            inner = self._models.setdefault(name, _Model(spec, _inside(spec, weights), f"{self._prefix}{name}/"))
            found = inner.call(inputs)
            self.variables.update(inner.variables)
            return found
        made = self._made.setdefault(name, {})
        call = LayerCall(f"{self._prefix}{name}", spec["class_name"], spec["config"], weights.arrays, made)
        result = LAYERS[spec["class_name"]](call, *inputs)
        for at, variable in made.items():
            self.variables[variable.op.name] = weights.arrays[at]
        return list(result) if isinstance(result, list | tuple) else [result]


def _inside(spec: Mapping[str, Any], weights: Weights) -> Weights:
    """The weights of a model within a model; an ``.h5`` file lists them in one row, layer after layer."""
    if weights.layers or not weights.arrays:
        return weights
    raise UnimplementedError(
        f"the model {spec['config'].get('name')!r} within the model: an .h5 file does not say which weights belong to "
        "which of its layers; save the model as .keras"
    )


def _layer_name(spec: Mapping[str, Any]) -> str:
    return str(spec.get("name") or spec["config"]["name"])


def _placeholder(spec: Mapping[str, Any], name: str) -> Any:
    config = spec["config"]
    shape = (
        config.get("batch_shape") or config.get("batch_input_shape") or spec.get("build_config", {}).get("input_shape")
    )
    if shape is None:
        raise UnimplementedError(f"the file does not say the shape of input {name!r}; give the model an Input layer")
    if config.get("sparse") or config.get("ragged"):
        raise UnimplementedError(f"input {name!r} is sparse or ragged, which is not converted")
    dtype = config.get("dtype", "float32")
    if isinstance(dtype, dict) or spec["class_name"] != "InputLayer":
        dtype = "int32" if spec["class_name"] == "Embedding" else "float32"
    return tf.placeholder(tf.as_dtype(dtype), shape, name=name)


def _references(value: Any) -> list[tuple[str, int, int]]:
    """Layer, call and output of ``["a", 0, 0]`` or of a list or dict of such."""
    if isinstance(value, dict):
        return [r for v in value.values() for r in _references(v)]
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [(value[0], int(value[1]), int(value[2]))]
    return [r for v in value for r in _references(v)]


def _sources(entry: Any) -> Iterator[tuple[str, int, int, bool]]:
    """Where the inputs of one call come from: layer, call, output, and whether in the notation before Keras 3."""
    if isinstance(entry, dict):
        if "class_name" in entry and entry["class_name"] == "__keras_tensor__":
            name, node, index = entry["config"]["keras_history"]
            yield str(name), int(node), int(index), False
            return
        for part in (entry.get("args", ()), entry.get("kwargs", {}).values()) if "args" in entry else (entry.values(),):
            for item in part:
                yield from _sources(item)
    elif isinstance(entry, list | tuple):
        if len(entry) >= 3 and isinstance(entry[0], str) and isinstance(entry[1], int):
            yield entry[0], int(entry[1]), int(entry[2]), True
            return
        for item in entry:
            yield from _sources(item)
