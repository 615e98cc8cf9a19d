"""``tf.layers.Layer``: something with variables of its own, in a variable scope of its own, that can be called.

A layer's first call enters ``variable_scope(None, default_name=class_name)`` and makes its variables there; later calls
reuse them. Its operations stand in the name scope that was current when that variable scope was made.
"""

from __future__ import annotations

import re
from typing import Any

from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import DType, as_dtype, float32
from noria.v1.exports import export, tf
from noria.v1.nest import flatten
from noria.v1.tensor_shape import TensorShape


def snake_case(name: str) -> str:
    """``BasicLSTMCell`` as ``basic_lstm_cell``."""
    middle = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    plain = re.sub(r"([a-z])([A-Z])", r"\1_\2", middle).lower()
    return "private" + plain if plain.startswith("_") else plain


@export("layers.Layer")
class Layer:
    """Base of layers: give ``build(input_shape)``, which adds variables, and ``call(inputs, ...)``."""

    def __init__(self, trainable: bool = True, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        self._reuse = kwargs.pop("_reuse", None)
        self._scope: Any = None
        given = kwargs.pop("_scope", None)
        if kwargs:
            raise TypeError(f"Keyword argument not understood: {sorted(kwargs)}")
        self._base_name = name or snake_case(type(self).__name__)
        self._dtype: DType | None = None if dtype is None else as_dtype(dtype).base_dtype
        self.trainable = trainable
        self.built = False
        self.input_spec: Any = None
        self._current_scope: Any = None
        self._weights: list[tuple[Any, bool]] = []
        if given is not None:
            with tf.variable_scope(given) as captured:
                self._scope = captured

    @property
    def name(self) -> str:
        """The name given, or the class's; inside its scope once it was called."""
        return self._base_name if self._scope is None else str(self._scope.name).rpartition("/")[2]

    @property
    def scope_name(self) -> str:
        """The name of the variable scope; ValueError before the first call."""
        if self._scope is None:
            raise ValueError(
                f'No name available for layer scope because the layer "{self.name}" has not been used yet.'
            )
        return str(self._scope.name)

    @property
    def dtype(self) -> DType | None:
        return self._dtype

    @property
    def graph(self) -> Any:
        return tf.get_default_graph()

    @property
    def variables(self) -> list[Any]:
        return [v for v, _ in self._weights]

    weights = variables

    @property
    def trainable_variables(self) -> list[Any]:
        return [v for v, trainable in self._weights if trainable and self.trainable]

    @property
    def non_trainable_variables(self) -> list[Any]:
        return [v for v, trainable in self._weights if not (trainable and self.trainable)]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    def _enter_scope(self, scope: Any) -> None:
        """Makes the layer's variable scope at its first call."""
        if self._scope is not None:
            return
        if self._reuse:
            with tf.variable_scope(scope if scope is not None else self._base_name) as captured:
                self._scope = captured
        else:
            with tf.variable_scope(scope, default_name=self._base_name) as captured:
                self._scope = captured

    def _in_scope(self, reuse: Any) -> Any:
        return tf.variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False)

    def add_weight(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        constraint: Any = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        partitioner: Any = None,
        **kwargs: Any,
    ) -> Any:
        """A variable of this layer, made by ``get_variable`` in its scope."""
        trainable = True if trainable is None else trainable
        wanted = as_dtype(dtype or self._dtype or float32)
        with self._in_scope(self.built or self._reuse) as scope:
            self._current_scope = scope
            with tf.name_scope(scope.original_name_scope):
                variable = tf.get_variable(
                    name,
                    shape=shape,
                    dtype=wanted,
                    initializer=scope.initializer if initializer is None else initializer,
                    regularizer=regularizer,
                    trainable=trainable and self.trainable,
                    constraint=constraint,
                    partitioner=partitioner,
                    use_resource=use_resource,
                )
        if all(v is not variable for v, _ in self._weights):
            self._weights.append((variable, trainable))
        return variable

    add_variable = add_weight

    def build(self, input_shape: Any) -> None:
        """Adds the variables; called once, with the shape of the first inputs."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes."""
        return inputs

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        self._enter_scope(kwargs.pop("scope", None))
        with self._in_scope(True if self.built else self._reuse) as scope:
            self._current_scope = scope
            with tf.name_scope(scope.original_name_scope):
                if not self.built:
                    self._build_for(inputs)
                return self.call(inputs, *args, **kwargs)

    def _build_for(self, inputs: Any) -> None:
        tensors = [convert_to_tensor(t) for t in flatten(inputs)]
        if self._dtype is None and tensors:
            self._dtype = tensors[0].dtype.base_dtype
        shapes = [t.shape for t in tensors]
        self.build(shapes[0] if len(shapes) == 1 and not isinstance(inputs, list | tuple | dict) else shapes)
        self.built = True

    apply = __call__

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__} {self.name!r}>"


def last_size(shape: Any) -> int:
    """The size of the last axis of a layer's input; ValueError where it is unknown."""
    dims = TensorShape(shape).as_list()
    if not dims or dims[-1] is None:
        raise ValueError(f"Expected inputs.shape[-1] to be known, received shape: {TensorShape(shape)}")
    return dims[-1]
