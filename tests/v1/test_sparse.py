"""SparseTensors, strings, features and Python functions: what they refuse, and what programs see of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def _graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="not compatible"):
        tf.SparseTensor([[0, 1]], [1.0, 2.0], [2, 2])
    with pytest.raises(ValueError, match="not compatible"):
        tf.SparseTensor([[0, 1]], [1.0], [2, 2, 2])
    with pytest.raises(TypeError, match="neither a SparseTensor"):
        tf.SparseTensor.from_value([1])


def test_what_a_program_sees() -> None:
    s = tf.SparseTensor([[0, 1]], [1.5], [2, 3])
    assert s.shape.as_list() == [2, 3]
    assert s.dtype == tf.float32
    assert tf.is_tensor(s)
    with tf.Session():
        value = s.eval()
    assert isinstance(value, tf.SparseTensorValue)
    np.testing.assert_array_equal(value.indices, [[0, 1]])
    assert "SparseTensor(indices=" in repr(s)


def test_placeholders_are_called_as_their_parts() -> None:
    s = tf.sparse_placeholder(tf.float32, name="s")
    names = [s.indices.name, s.values.name, s.dense_shape.name]
    assert names == ["s/indices:0", "s/values:0", "s/shape:0"]


def test_functions_of_sparse_tensors_refuse_dense_ones() -> None:
    for function in (tf.sparse_tensor_to_dense, tf.sparse_reorder, tf.serialize_sparse):
        with pytest.raises(TypeError, match="Input must be a SparseTensor"):
            function(tf.constant([1]))
    with pytest.raises(TypeError, match="do you mean to use tf"):
        tf.sparse_add(tf.constant([1]), tf.constant([1]))
    with pytest.raises(ValueError, match="Keyword arguments are required"):
        tf.sparse_split(0, tf.SparseTensor([[0]], [1], [2]), 2)


def test_shapes_that_cannot_be() -> None:
    s = tf.SparseTensor([[0, 1]], [1.5], [2, 3])
    with pytest.raises(ValueError, match="Cannot reshape a tensor with 6 elements"):
        tf.sparse_reshape(s, [4, 2])
    with pytest.raises(ValueError, match="At most one dimension can be inferred"):
        tf.sparse_reshape(s, [-1, -1])
    with pytest.raises(ValueError, match="Requested new_shape"):
        tf.sparse_reset_shape(s, [1, 1])


def test_dtypes_of_sparse_conversions() -> None:
    s = tf.SparseTensor([[0]], [1.5], [2])
    assert tf.convert_to_tensor_or_sparse_tensor(s) is s
    with pytest.raises(RuntimeError, match="Sparse dtype mismatch"):
        tf.convert_to_tensor_or_sparse_tensor(s, tf.int32)


def test_slices_without_a_shape_stay_slices() -> None:
    rows = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([0]))
    with pytest.raises(ValueError, match="without dense_shape"):
        tf.convert_to_tensor(rows)
    assert rows.shape.ndims is None
    with tf.Session() as session:
        value = session.run(rows)
    assert value.dense_shape is None


def test_features_must_make_sense() -> None:
    text = tf.placeholder(tf.string, [None])
    with pytest.raises(ValueError, match="First dimension of shape for feature x unknown"):
        tf.parse_example(text, {"x": tf.FixedLenFeature([None], tf.float32)})
    with pytest.raises(ValueError, match="requires allow_missing"):
        tf.parse_example(text, {"x": tf.FixedLenSequenceFeature([], tf.float32)})
    with pytest.raises(ValueError, match="Unsupported int"):
        tf.parse_example(text, {"x": 3})
    with pytest.raises(ValueError, match="cannot be None or falsy"):
        tf.parse_example(text, {})
    features = {"a": tf.FixedLenFeature([], tf.int64), "b": tf.SparseFeature("a", "v", tf.float32, 3)}
    with pytest.raises(ValueError, match="must not intersect"):
        tf.parse_example(text, features)
    with pytest.raises(ValueError, match="Input serialized must be a scalar"):
        tf.parse_single_example(text, {"x": tf.VarLenFeature(tf.int64)})


def test_columns_of_csv() -> None:
    for columns, message in [([1, 0], "not strictly increasing"), ([-1, 0], "negative"), ([0], "do not match")]:
        with pytest.raises(ValueError, match=message):
            tf.decode_csv(["1,2"], [[0], [0]], select_cols=columns)


def test_strings_refuse_ragged_results() -> None:
    with pytest.raises(tf.errors.UnimplementedError, match="result_type"):
        tf.string_split(["a"], result_type="RaggedTensor")
    with pytest.raises(ValueError, match="The template expects 1 tensors"):
        tf.strings.format("{}", [])
    with pytest.raises(ValueError, match="Unsupported output stream"):
        tf.print("a", output_stream="nowhere")


def test_python_functions() -> None:
    with pytest.raises(ValueError, match="Expected func to be callable"):
        tf.py_func(3, [], tf.float32)
    seen: list[float] = []

    def fails(value: float) -> float:
        seen.append(value)
        raise ValueError("no")

    result = tf.py_func(fails, [tf.constant(2.0)], tf.float32)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="ValueError: no"):
        session.run(result)
    assert seen == [2.0]


def test_python_functions_run_each_time() -> None:
    numbers = iter(range(10))
    result = tf.py_func(lambda: np.int64(next(numbers)), [], tf.int64)
    with tf.Session() as session:
        assert [session.run(result) for _ in range(3)] == [0, 1, 2]


def test_images_of_wrong_rank() -> None:
    with pytest.raises(ValueError, match="must be at least three-dimensional"):
        tf.image.flip_left_right(tf.zeros([2, 2]))
    with pytest.raises(ValueError, match="must have either 3 or 4 dimensions"):
        tf.image.crop_to_bounding_box(tf.zeros([1, 1, 1, 1, 1]), 0, 0, 1, 1)
    with pytest.raises(ValueError, match=r"height must be >= target \+ offset"):
        tf.image.crop_to_bounding_box(tf.zeros([2, 2, 1]), 1, 0, 2, 2)
    with pytest.raises(ValueError, match="within"):
        tf.image.central_crop(tf.zeros([2, 2, 1]), 1.5)
    with pytest.raises(ValueError, match="contains no shape"):
        tf.image.resize_images(tf.placeholder(tf.float32), [2, 2])
    with pytest.raises(ValueError, match="not implemented: 9"):
        tf.image.resize_images(tf.zeros([2, 2, 1]), [3, 3], method=9)
    with pytest.raises(ValueError, match="upper must be > lower"):
        tf.image.random_contrast(tf.zeros([2, 2, 1]), 2.0, 1.0)
    with pytest.raises(AttributeError, match="floating point or integer"):
        tf.image.convert_image_dtype(tf.zeros([2, 2, 1]), tf.string)
