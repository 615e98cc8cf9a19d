"""The assertions of ``tf.test.TestCase``: about arrays, messages, shapes and errors."""
# ruff: noqa: PT009, PT027  # these are made of unittest's own

from __future__ import annotations

import re
import unittest
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from google.protobuf import text_format

from noria.errors import InvalidArgumentError, TFError
from noria.protos import POOL
from noria.v1.device import DeviceSpec
from noria.v1.dtypes import as_dtype
from noria.v1.operation import Tensor

_Array: TypeAlias = npt.NDArray[Any]
_Wanted: TypeAlias = str | Callable[[Any], object]


class Asserts(unittest.TestCase):
    """What values a test may ask about: NumPy arrays and what becomes one, and tensors of the current session."""

    def evaluate(self, tensors: Any) -> Any:
        """The values of tensors, in any nesting, in the current session."""
        raise NotImplementedError

    def _array(self, value: Any) -> _Array:
        value = self.evaluate(value) if isinstance(value, Tensor) else value
        try:
            return np.asarray(value)
        except ValueError:  # rows of several lengths
            return np.asarray(value, dtype=object)

    def _pair(self, a: Any, b: Any, msg: Any) -> tuple[_Array, _Array]:
        first, second = self._array(a), self._array(b)
        self.assertEqual(first.shape, second.shape, _said(msg, f"Shape mismatch: contents {first!r} and {second!r}"))
        return first, second

    def assertAllEqual(self, a: Any, b: Any, msg: Any = None) -> None:
        """Same shape, same values; NaN equals NaN."""
        first, second = self._pair(a, b, msg)
        if first.dtype.kind in "OSU" or second.dtype.kind in "OSU":
            first, second = _as_bytes(first), _as_bytes(second)
        same = np.asarray(first == second, dtype=bool)
        if first.dtype.kind in "fcV" and second.dtype.kind in "fcV":
            same |= np.isnan(first) & np.isnan(second)
        self._need(same, first, second, "not equal", msg)

    def assertNotAllEqual(self, a: Any, b: Any, msg: Any = None) -> None:
        """Some value or the shape differs."""
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        raise AssertionError(_said(msg, "The two values are equal at all elements."))

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: Any = None) -> None:
        """``|a - b| <= atol + rtol * |b|`` everywhere, in dicts, lists and tuples of arrays too."""
        if isinstance(a, Mapping) or isinstance(b, Mapping):
            self.assertIsInstance(a, Mapping, msg)
            self.assertIsInstance(b, Mapping, msg)
            self.assertCountEqual(a, b, _said(msg, "mismatched keys"))
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, _said(msg, f"at key {key!r}"))
        elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and _nested(a, b):
            self.assertEqual(len(a), len(b), _said(msg, "Length mismatch"))
            for at, (first, second) in enumerate(zip(a, b, strict=True)):
                self.assertAllClose(first, second, rtol, atol, _said(msg, f"at index {at}"))
        else:
            first, second = self._pair(a, b, msg)
            first, second = _wide(first), _wide(second)
            same = np.isclose(first, second, rtol=rtol, atol=atol, equal_nan=True)
            self._need(same, first, second, f"not close (rtol={rtol}, atol={atol})", msg)

    def assertNotAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: Any = None) -> None:
        """Some value or the shape is not close."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        raise AssertionError(_said(msg, "The two values are close at all elements."))

    def assertAllCloseAccordingToType(
        self,
        a: Any,
        b: Any,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        float_rtol: float = 1e-6,
        float_atol: float = 1e-6,
        half_rtol: float = 1e-3,
        half_atol: float = 1e-3,
        bfloat16_rtol: float = 1e-2,
        bfloat16_atol: float = 1e-2,
        msg: Any = None,
    ) -> None:
        """``assertAllClose`` with the tolerances of the less precise of the two dtypes."""
        first, second = self._array(a), self._array(b)
        dtypes = {first.dtype.name, second.dtype.name}
        for name, relative, absolute in (
            ("float32", float_rtol, float_atol),
            ("complex64", float_rtol, float_atol),
            ("float16", half_rtol, half_atol),
            ("bfloat16", bfloat16_rtol, bfloat16_atol),
        ):
            if name in dtypes:
                rtol, atol = max(rtol, relative), max(atol, absolute)
        self.assertAllClose(first, second, rtol, atol, msg)

    def _need(self, same: _Array, first: _Array, second: _Array, what: str, msg: Any) -> None:
        if not np.all(same):
            where = np.argwhere(~np.atleast_1d(same))
            shown = ", ".join(str(tuple(place.tolist())) for place in where[:10])
            wrong = np.atleast_1d(~same)
            raise AssertionError(
                _said(
                    msg,
                    f"{what} at {len(where)} of {same.size} elements: {shown}: "
                    f"{np.atleast_1d(first)[wrong][:10]!r} and {np.atleast_1d(second)[wrong][:10]!r}",
                )
            )

    def assertAllGreater(self, a: Any, comparison_target: Any) -> None:
        """Every value is greater."""
        self.assertGreater(self._array(a).min(), comparison_target)

    def assertAllLess(self, a: Any, comparison_target: Any) -> None:
        """Every value is less."""
        self.assertLess(self._array(a).max(), comparison_target)

    def assertAllGreaterEqual(self, a: Any, comparison_target: Any) -> None:
        """Every value is at least."""
        self.assertGreaterEqual(self._array(a).min(), comparison_target)

    def assertAllLessEqual(self, a: Any, comparison_target: Any) -> None:
        """Every value is at most."""
        self.assertLessEqual(self._array(a).max(), comparison_target)

    def assertAllInRange(
        self,
        target: Any,
        lower_bound: Any,
        upper_bound: Any,
        open_lower_bound: bool = False,
        open_upper_bound: bool = False,
    ) -> None:
        """Every value is within the bounds, on one only where that side is closed."""
        array = self._array(target)
        low = array <= lower_bound if open_lower_bound else array < lower_bound
        high = array >= upper_bound if open_upper_bound else array > upper_bound
        outside = np.atleast_1d(array)[np.atleast_1d(low | high | (array != array))]
        if outside.size:
            raise AssertionError(
                f"{outside.size} of the {array.size} element(s) are outside the range "
                f"{'(' if open_lower_bound else '['}{lower_bound}, {upper_bound}{')' if open_upper_bound else ']'}: "
                f"{outside[:10]!r}"
            )

    def assertAllInSet(self, target: Any, expected_set: Any) -> None:
        """Every value is one of these."""
        found = set(self._array(target).ravel().tolist()) - set(np.asarray(list(expected_set)).tolist())
        if found:
            raise AssertionError(f"{len(found)} unique element(s) are not in the set {expected_set}: {sorted(found)}")

    def assertNear(self, f1: float, f2: float, err: float, msg: Any = None) -> None:
        """Two numbers differ by at most ``err``."""
        if not (f1 == f2 or abs(f1 - f2) <= err):
            raise AssertionError(_said(msg, f"{f1:f} != {f2:f} +/- {err:f}"))

    def assertArrayNear(self, farray1: Any, farray2: Any, err: float, msg: Any = None) -> None:
        """Two lists of numbers differ by at most ``err`` everywhere."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for first, second in zip(farray1, farray2, strict=True):
            self.assertNear(float(first), float(second), err, msg)

    def assertNDArrayNear(self, ndarray1: Any, ndarray2: Any, err: float, msg: Any = None) -> None:
        """The norm of the difference of two arrays is at most ``err``."""
        distance = float(np.linalg.norm(np.asarray(ndarray1) - np.asarray(ndarray2)))
        self.assertLessEqual(distance, err, msg)

    def assertShapeEqual(self, input_a: Any, input_b: Any, msg: Any = None) -> None:
        """Two arrays or tensors have the same known shape."""
        shapes = []
        for value in (input_a, input_b):
            if not isinstance(value, np.ndarray | np.generic | Tensor):
                raise TypeError(f"an array or a tensor is needed, not {type(value)}")
            shapes.append(list(value.get_shape().as_list() if isinstance(value, Tensor) else value.shape))
        self.assertEqual(shapes[0], shapes[1], msg)

    def assertDTypeEqual(self, target: Any, expected_dtype: Any) -> None:
        """An array or tensor has this dtype."""
        found = target.dtype if isinstance(target, Tensor) else as_dtype(self._array(target).dtype)
        self.assertEqual(found.base_dtype, as_dtype(expected_dtype).base_dtype)

    def assertDeviceEqual(self, device1: Any, device2: Any, msg: Any = None) -> None:
        """Two names mean the same device."""
        names = [DeviceSpec.from_string(str(device or "")).to_string() for device in (device1, device2)]
        self.assertEqual(names[0], names[1], msg)

    def assertProtoEquals(self, expected_message_maybe_ascii: Any, validate_message: Any, msg: Any = None) -> None:
        """Two messages are equal; the first may be in text form."""
        expected = expected_message_maybe_ascii
        if isinstance(expected, str | bytes):
            text = expected.decode() if isinstance(expected, bytes) else expected
            expected = text_format.Parse(text, type(validate_message)(), descriptor_pool=POOL)
        self.assertEqual(
            text_format.MessageToString(expected, descriptor_pool=POOL),
            text_format.MessageToString(validate_message, descriptor_pool=POOL),
            msg,
        )

    def assertStartsWith(self, actual: str, expected_start: str, msg: Any = None) -> None:
        """A text starts with another."""
        if not actual.startswith(expected_start):
            raise AssertionError(_said(msg, f"{actual!r} does not start with {expected_start!r}"))

    def assertItemsEqual(self, first: Any, second: Any, msg: Any = None) -> None:
        """The same items in any order."""
        self.assertCountEqual(first, second, msg)

    def assertRaisesRegexp(self, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any) -> Any:
        """The older name of ``assertRaisesRegex``."""
        return self.assertRaisesRegex(expected_exception, expected_regex, *args, **kwargs)

    @contextmanager
    def assertRaisesWithPredicateMatch(
        self, exception_type: type[BaseException], expected_err_re_or_predicate: _Wanted
    ) -> Iterator[None]:
        """The block raises such an error, whose text matches an expression or which a function says yes to."""
        wanted = expected_err_re_or_predicate
        try:
            yield
        except exception_type as error:
            matched = wanted(error) if callable(wanted) else re.search(wanted, _text(error))
            if not matched:
                raise AssertionError(f"Exception of type {type(error)}: {error}") from error
        else:
            self.fail(f"{exception_type.__name__} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate: _Wanted) -> Any:
        """The block raises one of ``tf.errors``."""
        return self.assertRaisesWithPredicateMatch(TFError, expected_err_re_or_predicate)

    def assertRaisesIncompatibleShapesError(self, exception_type: type[BaseException] = InvalidArgumentError) -> Any:
        """The block combines shapes that do not fit."""
        return self.assertRaisesWithPredicateMatch(
            exception_type, "Incompatible shapes|Dimensions must be equal|required broadcastable shapes"
        )


def _said(msg: Any, text: str) -> str:
    return f"{text}: {msg}" if msg else text


def _text(error: BaseException) -> str:
    op = getattr(error, "op", None)
    return f"{error}\nCaused by op: {op.name}" if op is not None else str(error)


def _nested(a: Any, b: Any) -> bool:
    """Whether sequences hold more than numbers: they are compared item by item."""
    return any(isinstance(item, Mapping | list | tuple | np.ndarray) for item in (*a, *b))


def _wide(array: _Array) -> _Array:
    """Numbers of small and foreign dtypes as ones that NumPy compares."""
    return array.astype(np.float64) if array.dtype.kind in "Vf" or array.dtype.name == "bfloat16" else array


def _as_bytes(array: _Array) -> _Array:
    flat = [item.encode() if isinstance(item, str) else item for item in array.astype(object).ravel().tolist()]
    made = np.empty(len(flat), dtype=object)
    made[:] = flat
    return made.reshape(array.shape)
