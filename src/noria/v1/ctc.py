"""``tf.nn.ctc_*``: losses and decoders of connectionist temporal classification."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.nn_basic import window
from noria.v1.op_functions import renamed
from noria.v1.operation import Tensor


@export("nn.ctc_loss")
def ctc_loss(
    labels: Any,
    inputs: Any = None,
    sequence_length: Any = None,
    preprocess_collapse_repeated: bool = False,
    ctc_merge_repeated: bool = True,
    ignore_longer_outputs_than_inputs: bool = False,
    time_major: bool = True,
    logits: Any = None,
) -> Tensor:
    """The loss of each sequence: ``inputs`` [time, batch, classes], ``labels`` a SparseTensor of int32."""
    if not isinstance(labels, tf.SparseTensor):
        raise TypeError("Expected labels (first argument) to be a SparseTensor")
    values = renamed("logits", logits, "inputs", inputs)
    if not time_major:
        values = tf.transpose(values, [1, 0, 2])
    found: Tensor = apply_op(
        "CTCLoss",
        None,
        inputs=values,
        labels_indices=labels.indices,
        labels_values=labels.values,
        sequence_length=sequence_length,
        preprocess_collapse_repeated=preprocess_collapse_repeated,
        ctc_merge_repeated=ctc_merge_repeated,
        ignore_longer_outputs_than_inputs=ignore_longer_outputs_than_inputs,
    )[0]
    return found


@export("nn.ctc_greedy_decoder")
def ctc_greedy_decoder(inputs: Any, sequence_length: Any, merge_repeated: bool = True, blank_index: Any = None) -> Any:
    """The best class of each step, blanks and repetitions left out: ``([decoded], neg_sum_logits)``."""
    indices, values, shape, sums = apply_op(
        "CTCGreedyDecoder",
        None,
        inputs=inputs,
        sequence_length=sequence_length,
        merge_repeated=merge_repeated,
        blank_index=-1 if blank_index is None else blank_index,
    )
    return [tf.SparseTensor(indices, values, shape)], sums


@export("nn.ctc_beam_search_decoder")
def ctc_beam_search_decoder(
    inputs: Any, sequence_length: Any, beam_width: int = 100, top_paths: int = 1, merge_repeated: bool = True
) -> Any:
    """The best paths of a beam search: ``(list of SparseTensors, log probabilities)``."""
    indices, values, shapes, scores = apply_op(
        "CTCBeamSearchDecoder",
        None,
        inputs=inputs,
        sequence_length=sequence_length,
        beam_width=beam_width,
        top_paths=top_paths,
        merge_repeated=merge_repeated,
    )
    return [tf.SparseTensor(i, v, s) for i, v, s in zip(indices, values, shapes, strict=True)], scores


@export("nn.conv3d_transpose")
def conv3d_transpose(
    value: Any = None,
    filter: Any = None,
    output_shape: Any = None,
    strides: Any = None,
    padding: str = "SAME",
    data_format: str | None = "NDHWC",
    name: str | None = None,
    input: Any = None,
    filters: Any = None,
    dilations: Any = None,
) -> Tensor:
    """The gradient of ``conv3d`` by its input."""
    kernel = renamed("filters", filters, "filter", filter)
    value = renamed("input", input, "value", value)
    with name_scope(name, "conv3d_transpose", [value, kernel, output_shape]) as scope:
        channel = 1 if (data_format or "NDHWC").startswith("NC") else 4
        found: Tensor = apply_op(
            "Conv3DBackpropInputV2",
            scope,
            input_sizes=output_shape,
            filter=kernel,
            out_backprop=value,
            strides=window(strides, 3, channel, "strides"),
            padding=padding,
            data_format=data_format or "NDHWC",
            dilations=window(dilations, 3, channel, "dilations"),
        )
        return found
