"""``tf.strings`` and the old names of its functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.errors import UnimplementedError
from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank
from noria.v1.arrays import range_
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.op_functions import export_rows, renamed


def _rows(op_type: str, **arguments: Any) -> SparseTensor:
    """The three outputs of a split as one SparseTensor of rank 2."""
    indices, values, shape = apply_op(op_type, **arguments)
    indices.set_shape([None, 2])
    values.set_shape([None])
    shape.set_shape([2])
    return SparseTensor(indices, values, shape)


def _only_sparse(result_type: str) -> None:
    if result_type != "SparseTensor":
        raise UnimplementedError(f"result_type={result_type!r} is not available; use the default, 'SparseTensor'")


@export("string_split")
def string_split(
    source: Any,
    sep: Any = None,
    skip_empty: bool = True,
    delimiter: Any = None,
    result_type: str = "SparseTensor",
    name: str | None = None,
) -> SparseTensor:
    """Each string of a vector cut at any of the characters of ``sep`` (a blank), as the rows of a SparseTensor."""
    _only_sparse(result_type)
    with name_scope(name, "StringSplit", [source]):
        sep = renamed("sep", sep, "delimiter", delimiter)
        sep = convert(" " if sep is None else sep, "string")
        return _rows("StringSplit", input=convert(source, "string"), delimiter=sep, skip_empty=skip_empty)


@export("strings.split")
def strings_split(
    input: Any = None,
    sep: Any = None,
    maxsplit: int = -1,
    result_type: str = "SparseTensor",
    source: Any = None,
    name: str | None = None,
) -> SparseTensor:
    """Each string of a vector cut at ``sep`` (any white space) as ``str.split`` does, as the rows of a SparseTensor."""
    _only_sparse(result_type)
    text = renamed("input", input, "source", source)
    with name_scope(name, "StringSplit", [text]):
        text = convert(text, "string", "input")
        if text.shape.ndims != 1:
            raise UnimplementedError(f"tf.strings.split takes vectors here, got the shape {text.shape}")
        sep = convert("" if sep is None else sep, "string")
        return _rows("StringSplitV2", input=convert(text, "string"), sep=sep, maxsplit=maxsplit)


@export("strings.reduce_join", "reduce_join")
def reduce_join(
    inputs: Any,
    axis: Any = None,
    keep_dims: bool | None = None,
    separator: str = "",
    name: str | None = None,
    reduction_indices: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The strings along ``axis`` (all, the last dimension first) joined by ``separator``."""
    keep = renamed("keepdims", keepdims, "keep_dims", keep_dims)
    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    with name_scope(None, "ReduceJoin", [inputs, axis]):
        inputs = convert(inputs)
        if axis is None:
            ndims = inputs.shape.ndims
            if ndims is None:
                axis = range_(rank(inputs) - 1, -1, -1)
            else:
                axis = constant(np.arange(ndims - 1, -1, -1), dtype="int32")
        return apply_op(
            "ReduceJoin", name, inputs=inputs, reduction_indices=axis, keep_dims=bool(keep), separator=separator
        )


@export("strings.to_number", "string_to_number")
def string_to_number(
    string_tensor: Any = None, out_type: Any = "float32", name: str | None = None, input: Any = None
) -> Any:
    """The numbers that strings write down."""
    text = renamed("input", input, "string_tensor", string_tensor)
    return apply_op("StringToNumber", name, string_tensor=text, out_type=out_type)


@export("strings.to_hash_bucket", "string_to_hash_bucket")
def string_to_hash_bucket(
    string_tensor: Any = None, num_buckets: Any = None, name: str | None = None, input: Any = None
) -> Any:
    """A bucket for each string by a hash that differs between releases of TensorFlow; see ``..._fast``."""
    text = renamed("input", input, "string_tensor", string_tensor)
    return apply_op("StringToHashBucket", name, string_tensor=text, num_buckets=num_buckets)


@export("strings.regex_replace", "regex_replace")
def regex_replace(input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None) -> Any:
    """Each match of the RE2 expression ``pattern`` (the first, unless ``replace_global``) replaced."""
    fixed = isinstance(pattern, str | bytes) and isinstance(rewrite, str | bytes)
    return apply_op(
        "StaticRegexReplace" if fixed else "RegexReplace",
        name,
        input=input,
        pattern=pattern,
        rewrite=rewrite,
        replace_global=replace_global,
    )


@export("strings.regex_full_match")
def regex_full_match(input: Any, pattern: Any, name: str | None = None) -> Any:
    """Whether each whole string matches the RE2 expression ``pattern``."""
    op_type = "StaticRegexFullMatch" if isinstance(pattern, str | bytes) else "RegexFullMatch"
    return apply_op(op_type, name, input=input, pattern=pattern)


@export("strings.format")
def string_format(
    template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: str | None = None
) -> Any:
    """``template`` with each ``placeholder`` replaced by a tensor's text, ``summarize`` elements of its ends."""
    tensors = [inputs] if is_tensor(inputs) else inputs
    if template.count(placeholder) != len(tensors):
        raise ValueError(
            f"The template expects {template.count(placeholder)} tensors, but the inputs only has {len(tensors)}. "
            "Please ensure the number of placeholders in template matches inputs length."
        )
    return apply_op(
        "StringFormat", name, inputs=tensors, template=template, placeholder=placeholder, summarize=summarize
    )


export_rows("""
strings.join string_join: StringJoin inputs separator?
strings.length: StringLength input name unit?
strings.substr substr: Substr input pos len name unit?
strings.lower: StringLower input encoding?
strings.upper: StringUpper input encoding?
strings.strip string_strip: StringStrip input
strings.as_string as_string: AsString input precision? scientific? shortest? width? fill?
strings.to_hash_bucket_fast string_to_hash_bucket_fast: StringToHashBucketFast input num_buckets
strings.to_hash_bucket_strong string_to_hash_bucket_strong: StringToHashBucketStrong input num_buckets key
strings.unsorted_segment_join: UnsortedSegmentJoin inputs segment_ids num_segments separator?
strings.unicode_script: UnicodeScript input
io.encode_base64 encode_base64: EncodeBase64 input pad?
io.decode_base64 decode_base64: DecodeBase64 input
""")


@export("strings.unicode_transcode")
def unicode_transcode(
    input: Any,
    input_encoding: str,
    output_encoding: str,
    errors: str = "replace",
    replacement_char: int = 65533,
    replace_control_characters: bool = False,
    name: str | None = None,
) -> Any:
    """Strings in another encoding: UTF-8, UTF-16-BE or UTF-32-BE, from these or any that ICU knows."""
    return apply_op(
        "UnicodeTranscode",
        name,
        input=input,
        input_encoding=input_encoding,
        output_encoding=output_encoding,
        errors=errors,
        replacement_char=replacement_char,
        replace_control_characters=replace_control_characters,
    )
