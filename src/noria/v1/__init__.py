"""The TensorFlow 1.x face of Noria: ``import noria.v1 as tf``.

Every module below says itself, with ``noria.v1.exports``, under which names of ``tf`` its functions and classes stand;
``_MODULES`` is the table of contents.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from noria.v1 import exports

_MODULES = (
    "error_classes",
    "app_flags",
    "tf_logging",
    "gfile_names",
    "compat_types",
    "messages",
    "record_io",
    "dtypes",
    "tensor_shape",
    "graph_keys",
    "device",
    "operation",
    "graph",
    "event_writer",
    "convert",
    "constant",
    "framework",
    "placeholder",
    "variables",
    "scope_state",
    "variable_kinds",
    "state_ops",
    "variable_lists",
    "initializers",
    "partitioned_variable",
    "variable_scope",
    "template",
    "op_functions",
    "composite",
    "autopack",
    "casts",
    "array_shapes",
    "joining",
    "indexing",
    "linear",
    "arithmetic",
    "arrays",
    "gathering",
    "reductions",
    "eye",
    "flow_context",
    "tensor_array",
    "control_flow",
    "functional_ops",
    "nn_basic",
    "embedding",
    "nn_losses",
    "ctc",
    "layer",
    "rnn_cell",
    "rnn",
    "groups",
    "assertions",
    "rank_checks",
    "clipping",
    "contraction",
    "counting",
    "random_ops",
    "linalg_ops",
    "special",
    "string_ops",
    "sparse_ops",
    "parsing",
    "python_calls",
    "printing",
    "image_shapes",
    "image_colours",
    "image_boxes",
    "fourier",
    "sets",
    "quantization",
    "generated_ops",
    "session",
    "testing",
    "importer",
    "graph_util",
    "collection_protos",
    "saveable",
    "saver_builder",
    "meta_graph",
    "saver",
    "checkpoint_files",
    "checkpoint_assign",
    "lookup_initializers",
    "lookup_tables",
    "lookup_mutable",
    "lookup_functions",
    "global_step",
    "slots",
    "moving_averages",
    "checkpoint_init",
    "coordinator",
    "queues",
    "queue_runner",
    "readers",
    "input_pipeline",
    "contrib_variables",
    "signature_defs",
    "saved_model_builder",
    "saved_model_loader",
)

for _name in _MODULES:
    import_module(f"{__name__}.{_name}")

exports.open_face()

if TYPE_CHECKING:  # the names are found when asked for: see exports

    def __getattr__(name: str) -> Any: ...
