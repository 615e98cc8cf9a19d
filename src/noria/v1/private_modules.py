"""TensorFlow's modules that are no part of its public API but that programs import, and where their names are public.

A line is a package of ``tensorflow``, then its modules. After ``=`` stand the public namespaces that are asked for a
module's names, in order; ``tf`` is the root. A name found in none of them may be public anywhere: ``array_ops.concat``
is ``tf.concat``. What is public nowhere can be exported under its full name: ``python.tools.freeze_graph.main``.
"""

from __future__ import annotations

from typing import Final

_PLACES: Final = """
python: pywrap_tensorflow=train
python.client: session=tf client_lib=tf device_lib=tf
python.data: Dataset=data
python.data.ops: dataset_ops=data iterator_ops=data readers=data
python.eager: context=tf
python.estimator: estimator=estimator run_config=estimator model_fn=estimator training=estimator exporter=estimator
python.estimator.export: export=estimator.export export_output=estimator.export
python.estimator.inputs: numpy_io=estimator.inputs pandas_io=estimator.inputs inputs=estimator.inputs
python.feature_column: feature_column=feature_column
python.feature_column: feature_column_lib=feature_column feature_column_v2=feature_column
python.framework: constant_op=tf device=tf dtypes=dtypes,tf errors=errors errors_impl=errors
python.framework: function=tf graph_io=io,train
python.framework: graph_util=graph_util graph_util_impl=graph_util importer=graph_util,tf meta_graph=train ops=tf
python.framework: random_seed=random,tf sparse_tensor=sparse,tf tensor_shape=tf tensor_spec=tf tensor_util=tf
python.framework: test_util=test versions=version,tf convert_to_constants=graph_util load_library=tf op_def_library=tf
python.layers: base=layers convolutional=layers core=layers layers=layers normalization=layers pooling=layers
python.lib.io: file_io=gfile,io.gfile tf_record=python_io,io python_io=python_io
python.ops: array_ops=tf bitwise_ops=bitwise candidate_sampling_ops=nn,random check_ops=debugging,tf clip_ops=tf
python.ops: control_flow_ops=tf ctc_ops=nn data_flow_ops=queue,tf embedding_ops=nn functional_ops=tf
python.ops: gen_array_ops=raw_ops,tf gen_math_ops=raw_ops,tf gen_nn_ops=raw_ops,nn,tf gen_io_ops=raw_ops,tf
python.ops: gen_state_ops=raw_ops,tf gen_string_ops=raw_ops,strings,tf
python.ops: gen_lookup_ops=raw_ops gen_parsing_ops=raw_ops,io
python.ops: gradients=tf gradients_impl=tf histogram_ops=tf image_ops=image
python.ops: image_ops_impl=image init_ops=initializers,tf
python.ops: io_ops=io,train,tf linalg_ops=linalg,tf logging_ops=summary,tf lookup_ops=lookup,tf math_ops=math,tf
python.ops: metrics=metrics metrics_impl=metrics nn=nn nn_impl=nn nn_ops=nn numerics=debugging,tf parsing_ops=io,tf
python.ops: partitioned_variables=tf random_ops=random,tf resource_variable_ops=tf rnn=nn rnn_cell=nn.rnn_cell
python.ops: rnn_cell_impl=nn.rnn_cell,nn script_ops=tf session_ops=tf sets=sets special_math_ops=math,tf
python.ops: sparse_ops=sparse,tf standard_ops=tf state_ops=tf string_ops=strings,tf summary_ops=summary
python.ops: template=tf tensor_array_ops=tf variable_scope=tf variables=tf math_grad=tf array_grad=tf manip_ops=manip
python.ops.losses: losses=losses losses_impl=losses util=losses
python.ops.ragged: ragged_tensor=ragged,tf ragged_factory_ops=ragged
python.platform: app=app flags=flags gfile=gfile googletest=test resource_loader=resource_loader sysconfig=sysconfig
python.platform: test=test tf_logging=logging
python.profiler: profiler=profiler model_analyzer=profiler option_builder=profiler
python.saved_model: builder=saved_model.builder,saved_model
python.saved_model: builder_impl=saved_model.builder constants=saved_model.constants
python.saved_model: loader=saved_model.loader,saved_model loader_impl=saved_model.loader,saved_model
python.saved_model: main_op=saved_model.main_op main_op_impl=saved_model.main_op saved_model=saved_model
python.saved_model: signature_constants=saved_model.signature_constants tag_constants=saved_model.tag_constants
python.saved_model: signature_def_utils=saved_model.signature_def_utils,saved_model simple_save=saved_model
python.saved_model: signature_def_utils_impl=saved_model.signature_def_utils,saved_model
python.saved_model: utils=saved_model.utils,saved_model utils_impl=saved_model.utils,saved_model
python.summary: summary=summary summary_iterator=train
python.summary.writer: writer=summary writer_cache=summary event_file_writer=summary
python.training: adagrad=train adam=train basic_session_run_hooks=train
python.training: checkpoint_management=train checkpoint_utils=train
python.training: coordinator=train evaluation=train ftrl=train gradient_descent=train input=train
python.training: learning_rate_decay=train momentum=train monitored_session=train
python.training: moving_averages=train,tf optimizer=train
python.training: py_checkpoint_reader=train queue_runner=train queue_runner_impl=train rmsprop=train saver=train
python.training: server_lib=train session_manager=train session_run_hook=train slot_creator=train supervisor=train
python.training: training=train training_util=train warm_starting_util=train
python.util: compat=compat deprecation=tf nest=nest tf_inspect=tf
"""

RENAMED: Final = {
    "python.framework.tensor_util.MakeNdarray": "make_ndarray",
    "python.framework.tensor_util.constant_value": "get_static_value",
    "python.lib.io.file_io.FileIO": "gfile.GFile",
    "python.lib.io.file_io.copy": "gfile.Copy",
    "python.lib.io.file_io.create_dir": "gfile.MkDir",
    "python.lib.io.file_io.delete_file": "gfile.Remove",
    "python.lib.io.file_io.delete_recursively": "gfile.DeleteRecursively",
    "python.lib.io.file_io.file_exists": "gfile.Exists",
    "python.lib.io.file_io.get_matching_files": "gfile.Glob",
    "python.lib.io.file_io.is_directory": "gfile.IsDirectory",
    "python.lib.io.file_io.list_directory": "gfile.ListDirectory",
    "python.lib.io.file_io.recursive_create_dir": "gfile.MakeDirs",
    "python.lib.io.file_io.rename": "gfile.Rename",
    "python.lib.io.file_io.stat": "gfile.Stat",
    "python.lib.io.file_io.walk": "gfile.Walk",
    "python.training.py_checkpoint_reader.NewCheckpointReader": "train.NewCheckpointReader",
}

# Modules that are written here, without ``tensorflow.`` -> the module.
OWN: Final = {
    "python.tools.freeze_graph": "noria.v1.freeze_graph",
    "python.tools.inspect_checkpoint": "noria.v1.inspect_checkpoint",
    "python.tools.optimize_for_inference_lib": "noria.v1.optimize_for_inference",
    "python.tools.saved_model_utils": "noria.v1.saved_model_utils",
    "python.tools.strip_unused_lib": "noria.v1.strip_unused",
}

_MESSAGES: Final = """
core.example: example feature
core.framework: allocation_description attr_value cost_graph full_type function graph graph_debug_info node_def op_def
core.framework: resource_handle step_stats summary tensor tensor_description tensor_shape tensor_slice types variable
core.framework: versions
core.lib.core: error_codes
core.protobuf: cluster config control_flow debug device_filters error_codes meta_graph named_tensor queue_runner
core.protobuf: rewriter_config saved_model saved_object_graph saver struct tensor_bundle tensorflow_server
core.protobuf: trackable_object_graph verifier_config
core.util: event saved_tensor_slice
python.training: checkpoint_state
"""


def _rows(text: str) -> list[tuple[str, str]]:
    lines = [line.partition(":") for line in text.strip().splitlines()]
    return [(package, word) for package, _, words in lines for word in words.split()]


# Full module name without ``tensorflow.`` -> the public namespaces of its names ('' is tf itself).
PLACES: Final[dict[str, tuple[str, ...]]] = {
    f"{package}.{word.partition('=')[0]}": tuple(
        "" if space == "tf" else space for space in word.partition("=")[2].split(",")
    )
    for package, word in _rows(_PLACES)
}

# Modules of messages, without ``tensorflow.``.
MESSAGES: Final = frozenset(f"{package}.{word}_pb2" for package, word in _rows(_MESSAGES))
