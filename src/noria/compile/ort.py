"""ONNX Runtime: the only module that imports it.

All sessions of a process share one thread pool, sized from the CPUs the process may use. Constants that are not in
the model are handed over as ``OrtValue`` views of our arrays, so the engine reads weights where they lie.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _native

from noria import dtypes
from noria.compile import calls
from noria.compile.onnx_model import OPSET, Constant
from noria.dtypes import DType
from noria.errors import InternalError, InvalidArgumentError, ResourceExhaustedError, TFError, named
from noria.graph.graph import Array

_ONNX_NAMES: Mapping[str, DType] = {
    "tensor(float)": dtypes.float32,
    "tensor(double)": dtypes.float64,
    "tensor(float16)": dtypes.float16,
    "tensor(bfloat16)": dtypes.bfloat16,
    "tensor(bool)": dtypes.bool_,
    "tensor(string)": dtypes.string,
    **{f"tensor({d.name})": d for d in dtypes.ALL if d.is_integer},
}
_MAIN_PARAMETERS = ("T", "T1", "V", "Tin")
# Pad followed by MaxPool is fused although MaxPool pads with -inf: wrong for negative inputs (seen with 1.31).
_WRONG_OPTIMIZERS = ["Pad_Fusion"]

_TRIM_BYTES = 8 << 20  # weights from which giving memory back is worth the milliseconds it takes

_lock = threading.Lock()
_pool_size: int | None = None
_CALLS = calls.for_process(lambda: (_pool_size or 1) - 1)  # whoever calls computes too


@cache
def _kernels() -> dict[tuple[str, str], set[str]]:
    """For each op that the CPU provider has kernels of at our opset: the types of its main parameter."""
    found: dict[tuple[str, str], set[str]] = {}
    for kernel in _native.get_all_opkernel_def():
        if kernel.provider != "CPUExecutionProvider":
            continue
        first, last = kernel.version_range
        version = 1 if kernel.domain else OPSET
        if first <= version <= last:
            types = kernel.type_constraints
            main = next((types[p] for p in _MAIN_PARAMETERS if p in types), ())
            found.setdefault((kernel.domain, kernel.op_name), set()).update(main)
    return found


@cache
def engine_dtypes(op: str, domain: str = "") -> frozenset[DType]:
    """The dtypes that the installed engine runs ``op`` on (its main type parameter)."""
    return frozenset(_ONNX_NAMES[t] for t in _kernels().get((domain, op), ()) if t in _ONNX_NAMES)


def available_cpus() -> int:
    """The CPUs this process may use: affinity, then the quota of its cgroup."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        if quota != "max":
            cpus = min(cpus, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass  # no cgroup v2 here: the affinity is all there is to know
    return max(1, cpus)


def set_threads(threads: int | None) -> None:
    """Sizes the pool that all sessions share: the CPUs available by default.

    The engine makes the pool once a process; InvalidArgumentError when another size is asked for later.
    """
    global _pool_size
    with _lock:
        if _pool_size is None:
            _pool_size = threads or available_cpus()
            onnxruntime.set_global_thread_pool_sizes(_pool_size, 1)
        elif threads is not None and threads != _pool_size:
            raise InvalidArgumentError(
                f"threads={threads}, but this process already runs models with {_pool_size} threads; "
                "all models of a process share one pool: give the number with the first model that is loaded"
            )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a session was made of: the model, and by name the constants that are not in it."""

    session: Session
    model: bytes
    external: Mapping[str, Constant]


_recorder: ContextVar[list[Recorded] | None] = ContextVar("recorder", default=None)


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """A list that grows by every session made in the block: to write compiled segments to files."""
    made: list[Recorded] = []
    token = _recorder.set(made)
    try:
        yield made
    finally:
        _recorder.reset(token)


def run_file(path: str) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """The ONNX model in the file at ``path`` as a function, inputs by name → outputs by name."""
    set_threads(None)
    options = onnxruntime.SessionOptions()
    options.use_per_session_threads = False
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=_WRONG_OPTIMIZERS,
            enable_fallback=0,  # it would print, and try the same again
        )  # fmt: skip
    except Exception as error:
        raise InvalidArgumentError(f"{path}: the engine refuses the model: {_first_line(error)}") from error
    names = [output.name for output in session.get_outputs()]
    wanted = {i.name for i in session.get_inputs()}

    def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
        try:
            return dict(zip(names, session.run(names, {k: v for k, v in feeds.items() if k in wanted}), strict=True))
        except Exception as error:
            raise translate(error) from error

    return run


class Session:
    """One ONNX segment, ready to run. Safe to call from any thread.

    run: the values of ``input_names`` → those of ``output_names``. An attribute, for a method costs a call more.
    """

    __slots__ = ("_keep", "_session", "input_names", "output_names", "run")

    def __init__(
        self, model: bytes, external: Mapping[str, Constant], inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        set_threads(None)
        options = onnxruntime.SessionOptions()
        options.use_per_session_threads = False
        options.log_severity_level = 4
        # Weights outside the arena, which would round their sum up to the next power of two.
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        arrays = {name: np.ascontiguousarray(c.array) for name, c in external.items()}
        values = [_ort_value(arrays[name], external[name].dtype) for name in external]
        if values:
            options.add_external_initializers(list(external), values)
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], disabled_optimizers=_WRONG_OPTIMIZERS
            )
        except Exception as error:
            raise InternalError(f"the engine refuses a compiled segment: {_first_line(error)}") from error
        self._keep = (arrays, values)
        recorder = _recorder.get()
        if recorder is not None:
            recorder.append(Recorded(self, model, external))
        if sum(a.nbytes for a in arrays.values()) >= _TRIM_BYTES:
            _return_freed_memory()
        self.input_names = tuple(inputs)
        self.output_names = list(outputs)
        # The Python wrapper around it checks names again at each call, which costs a small model a fifth of its time.
        self.run = calls.caller(self._session._sess, self.input_names, self.output_names, _CALLS, translate)


def _return_freed_memory() -> None:
    """Gives the system what building a session freed: intermediate forms of the weights, as big as the weights."""
    trim = getattr(_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _c_library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None  # not a system with a C library to load this way


def _ort_value(array: Array, dtype: DType) -> Any:
    plain = array.view(np.uint16) if dtype is dtypes.bfloat16 else array  # the engine knows no ml_dtypes arrays
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(plain, dtype.onnx)


_NODE = re.compile(r"Name:'([^']+)/\w+/\d+")  # a segment's nodes are called ``node/ONNX op/number``


def translate(error: Exception) -> TFError:
    """The engine's exception as a canonical one, which names the node of our graph that failed."""
    text = _first_line(error)
    told: TFError = InvalidArgumentError(text)
    if "Failed to allocate memory" in text or "bad_alloc" in text:
        told = ResourceExhaustedError(f"out of memory while running: {text}")
    inside = _NODE.search(str(error))
    return told if inside is None else named(told, inside[1])


def _first_line(error: Exception) -> str:
    text = str(error)
    marker = "Status Message: "
    if marker in text:
        text = text[text.index(marker) + len(marker) :]
    elif " : " in text:
        text = text.split(" : ", 2)[-1]
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
