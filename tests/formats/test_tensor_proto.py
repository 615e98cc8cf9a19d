"""TensorProto to array and back: every dtype, both storages, and what must be refused."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import field_of, from_array, to_array
from noria.protos.tensorflow import ResourceHandleProto, TensorProto, VariantTensorDataProto

PLAIN = [d for d in dtypes.ALL if not d.numpy.hasobject]


def make(number: int, dims: tuple[int, ...], **fields: Any) -> TensorProto:
    proto = TensorProto(dtype=number, **fields)
    for size in dims:
        proto.tensor_shape.dim.add(size=size)
    return proto


def sample(dtype: DType) -> npt.NDArray[Any]:
    values = np.array([[0, 1, 1], [1, 0, 1]])
    if dtype.is_complex:
        return (values + 2j * values[::-1]).astype(dtype.numpy)
    return values.astype(np.float32).astype(dtype.numpy)


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("dtype", PLAIN, ids=repr)
def test_round_trip_of_every_dtype(dtype: DType, content: bool) -> None:
    array = sample(dtype)
    proto = from_array(array, dtype, content=content)
    assert proto.dtype == dtype.number
    assert bool(proto.tensor_content) == content
    assert content == (len(getattr(proto, field_of(dtype))) == 0)
    back = to_array(TensorProto.FromString(proto.SerializeToString()))
    assert back.dtype == dtype.numpy
    np.testing.assert_array_equal(back, array)


@given(
    hnp.arrays(
        st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_any_integers_come_back(array: npt.NDArray[Any], content: bool) -> None:
    proto = from_array(array, content=content)
    np.testing.assert_array_equal(to_array(proto), array)
    # What was merged as bytes is what protobuf itself would have written.
    field = field_of(dtypes.from_numpy(array.dtype))
    assert content or list(getattr(proto, field)) == array.reshape(-1).tolist()


@given(
    hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64, np.complex64, np.complex128]), st.integers(0, 5))
)
def test_any_floats_come_back_bit_for_bit(array: npt.NDArray[Any]) -> None:
    assert to_array(from_array(array)).tobytes() == array.tobytes()


@given(st.lists(st.binary(max_size=5), max_size=5))
def test_strings_come_back(values: list[bytes]) -> None:
    array = np.empty(len(values), object)
    array[:] = values
    assert to_array(from_array(array)).tolist() == values


def test_str_and_fixed_width_strings_are_written_as_bytes() -> None:
    assert list(from_array(np.array(["a", "é"])).string_val) == [b"a", "é".encode()]
    assert list(from_array(np.array([b"a", b"bc"])).string_val) == [b"a", b"bc"]
    with pytest.raises(InvalidArgumentError, match="element 1 of a string tensor is int; use bytes or str"):
        from_array(np.array([b"a", 3], object))


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (make(1, (4,), float_val=[1, 2]), [1, 2, 2, 2]),
        (make(1, (2,), float_val=[1, 2, 3]), [1, 2]),
        (make(1, (2,)), [0, 0]),
        (make(1, (1,), float_val=[9], tensor_content=b"\0\0\x80?"), [1]),
        (make(7, (3,), string_val=[b"a", b"b"]), [b"a", b"b", b"b"]),
        (make(7, (2,)), [b"", b""]),
        (make(7, (2,), tensor_content=b"\x01\x00a"), [b"a", b""]),
        (make(8, (3,), scomplex_val=[1, 2, 3]), [1 + 2j] * 3),
        (make(6, (1,), int_val=[300]), [44]),
        (make(4, (1,), int_val=[-1]), [255]),
        (make(29, (1,), int_val=[9]), [-7]),
        (make(31, (3,), int_val=[1, 2]), [1, -2, -2]),
        (make(1, (0, 3), float_val=[1]), []),
        (make(101, (1,), float_val=[1]), [1]),
    ],
)
def test_what_tensorflow_reads(proto: TensorProto, expected: list[Any]) -> None:
    """Each case was put to TensorFlow 2.21's ParseTensor; tests/oracle does so again."""
    assert to_array(proto).tolist() == expected


def test_unknown_rank_is_a_scalar() -> None:
    proto = TensorProto(dtype=1, float_val=[2])
    proto.tensor_shape.unknown_rank = True
    assert to_array(proto).shape == ()


def test_resources_and_variants_give_their_messages() -> None:
    handle = ResourceHandleProto(name="v")
    assert to_array(make(20, (), resource_handle_val=[handle])).item() == handle
    data = VariantTensorDataProto(type_name="t")
    array = to_array(make(21, (1,), variant_val=[data]))
    assert array.tolist() == [data]
    assert list(from_array(array, dtypes.variant).variant_val) == [data]


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (make(21, (2,)), "dtype variant stores no element"),
        (make(0, ()), "0 is not a TensorFlow DataType"),
        (make(99, ()), "99 is not a TensorFlow DataType"),
        (make(1, (-1,), float_val=[1]), r"\[-1\] has a negative dimension"),
        (make(1, (2,), tensor_content=b"1234"), "has 4 bytes; 2 elements of float32 take 8"),
        (make(1, (1,), tensor_content=b"12345678"), "has 8 bytes; 1 elements of float32 take 4"),
        (make(10, (2,), tensor_content=b"\2\0"), "neither 0 nor 1"),
        (make(7, (2,), tensor_content=b"\1\1a"), "lengths add up to 4"),
        (make(7, (2,), tensor_content=b"\xff\xff"), "varint that runs past the end"),
        (make(7, (1 << 40,), tensor_content=b"\1a"), "too few for"),
        (make(20, (1,), tensor_content=b"\1"), "cannot hold elements of dtype resource"),
        (make(1, (1 << 40, 1 << 40), float_val=[1]), "stores only 1 elements"),
        (make(1, (1 << 40,), float_val=[1, 2]), "stores only 2 elements"),
        (make(7, (1 << 40,)), "stores only 0 elements"),
        (make(1, (1,) * 65, float_val=[1]), "rank 65"),
        (make(1, (0, 1 << 62, 1 << 62)), "tensor shape"),
    ],
)
def test_refusals(proto: TensorProto, message: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidArgumentError, match=message):
            to_array(proto)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_large_splat_allocates_nothing() -> None:
    tracemalloc.start()
    try:
        array = to_array(make(1, (1 << 14, 1 << 14), float_val=[3]))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert array.shape == (1 << 14, 1 << 14)
    assert array[5, 7] == 3
    assert not array.flags.writeable


def test_non_contiguous_and_byte_swapped_arrays() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(to_array(from_array(array.T)), array.T)
    np.testing.assert_array_equal(to_array(from_array(array.astype(">f4"))), array)


@given(
    st.builds(
        make,
        st.integers(-5, 140),
        st.lists(st.one_of(st.integers(0, 4), st.integers(-(2**63), 2**63 - 1)), max_size=4).map(tuple),
        tensor_content=st.binary(max_size=9),
        float_val=st.lists(st.just(1.5), max_size=5),
        int_val=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
        string_val=st.lists(st.binary(max_size=2), max_size=3),
        float8_val=st.binary(max_size=3),
        scomplex_val=st.lists(st.just(0.5), max_size=3),
    )
)
def test_any_message_gives_an_array_of_its_shape_or_one_error(proto: TensorProto) -> None:
    try:
        array = to_array(proto)
    except InvalidArgumentError:
        return
    assert array.shape == tuple(dim.size for dim in proto.tensor_shape.dim)
    assert array.dtype == dtypes.from_number(proto.dtype).numpy
