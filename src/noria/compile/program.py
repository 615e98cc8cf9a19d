"""Program: an immutable list of steps over numbered slots. Safe to call from any thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

from noria.compile.ort import Session
from noria.dtypes import bfloat16
from noria.errors import InternalError, InvalidArgumentError, TFError, named
from noria.graph.graph import Array, Node
from noria.graph.rules import KernelCall, KernelRule

Slots: TypeAlias = list[Any]
Runner: TypeAlias = Callable[[Slots], None]


def picker(indices: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A function that gives the elements at ``indices``: in a loop's round a comprehension would cost four times it."""
    if len(indices) > 1:
        return itemgetter(*indices)
    if not indices:
        return lambda values: ()
    [only] = indices
    return lambda values: (values[only],)


@dataclass(frozen=True, slots=True)
class HostStep:
    """One op that its kernel runs."""

    call: KernelCall
    kernel: KernelRule
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    free: tuple[int, ...] = ()

    def runner(self) -> Runner:
        """A function that runs the step: what it needs is at hand, for it may be a round of a loop."""
        call, kernel, outputs, node = self.call, self.kernel, self.outputs, self.call.node
        take, dtypes = picker(self.inputs), node.output_dtypes
        only = outputs[0] if len(outputs) == 1 else None

        def run(slots: Slots) -> None:
            try:
                result = kernel(call, *take(slots))
            except TFError as error:
                text = f"{error.message} [op {node.op}, node {node.name!r}]"
                # The new error has no name here: a frame that its traceback leads back to would keep all it holds.
                raise named(type(error)(text), error.node_name or node.name) from error
            except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError) as error:
                text = f"{node.op} fails: {error} [node {node.name!r}]"
                raise named(InvalidArgumentError(text), node.name) from error
            if only is not None and isinstance(result, np.ndarray):
                slots[only] = result
                return
            if not outputs:
                return
            results = result if isinstance(result, tuple) else (result,)
            if len(results) != len(outputs):
                raise InternalError(f"the kernel of {node.op} gives {len(results)} results, not {len(outputs)}")
            for slot, dtype, value in zip(outputs, dtypes, results, strict=True):
                if not isinstance(value, np.ndarray) and (dtype.size or isinstance(value, np.generic)):
                    value = np.asarray(value, dtype.numpy)
                slots[slot] = value

        return run


@dataclass(frozen=True, slots=True)
class SegmentStep:
    """One ONNX model that the engine runs; inputs in ``widen`` and outputs in ``narrow`` are bfloat16 outside."""

    session: Session
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    nodes: tuple[Node, ...]
    free: tuple[int, ...] = ()
    widen: tuple[int, ...] = ()
    narrow: tuple[int, ...] = ()

    def runner(self) -> Runner:
        """A function that runs the step."""
        take, engine, outputs, widen, narrow = (
            picker(self.inputs), self.session.run, self.outputs, self.widen, self.narrow,
        )  # fmt: skip

        def run(slots: Slots) -> None:
            values = take(slots)
            if widen:
                values = [v.astype(np.float32) if i in widen else v for i, v in enumerate(values)]
            results = engine(values)
            for i in narrow:
                results[i] = results[i].astype(bfloat16.numpy)
            for slot, value in zip(outputs, results, strict=True):
                slots[slot] = value

        return run


Step: TypeAlias = HostStep | SegmentStep


class Program:
    """Compiled graph: ``run`` takes the feeds in order and gives the fetches in order.

    template: the slots before a call, constants in place; steps: in order, each names the slots it is the last to
    read, so that intermediates are freed as early as possible.
    effects: whether a call reads or changes anything but its feeds: a variable, a table, the console.
    fresh: for each fetch, whether its array is new and the caller's own: what the engine gives is, what a kernel gives
    may be a variable's value or a feed.
    run: the feeds (arrays of the dtypes the program was compiled for) → the fetches. An attribute, so that a program
    of one segment is one call of the engine and nothing more.
    """

    __slots__ = ("_feeds", "_fetches", "_template", "effects", "fresh", "run", "steps")

    def __init__(
        self, template: Slots, feeds: Sequence[int], fetches: Sequence[int], steps: Sequence[Step], *, effects: bool
    ) -> None:
        self.effects = effects
        self._template = template
        self._feeds = tuple(feeds)
        self._fetches = tuple(fetches)
        self.steps = tuple(steps)
        made = {slot for step in self.steps if isinstance(step, SegmentStep) for slot in step.outputs}
        self.fresh = tuple(slot in made for slot in self._fetches)
        # Not a bound method, which would make a cycle: a server drops programs without the collector's help.
        self.run: Callable[[Sequence[Array]], list[Array]] = self._one_segment() or partial(
            _run_steps, template, self._feeds, picker(fetches), [(s.runner(), s.free) for s in self.steps]
        )

    @property
    def wiring(self) -> tuple[Slots, tuple[int, ...], tuple[int, ...]]:
        """The slots before a call (constants in place), those of the feeds, and those of the fetches."""
        return self._template, self._feeds, self._fetches

    def _one_segment(self) -> Callable[[Sequence[Array]], list[Array]] | None:
        """The whole program as one call of the engine, where it is that."""
        if len(self.steps) != 1 or not isinstance(self.steps[0], SegmentStep):
            return None
        step = self.steps[0]
        if step.inputs != self._feeds or step.outputs != self._fetches or step.widen or step.narrow:
            return None
        return step.session.run

    def trace(self, values: Sequence[Array], seen: Callable[[Step, list[Any], float], None]) -> list[Array]:
        """As ``run``, telling ``seen`` of each step: its results and the seconds it took."""
        slots = self._template.copy()
        for slot, value in zip(self._feeds, values, strict=True):
            slots[slot] = value
        for step in self.steps:
            start = time.perf_counter()
            step.runner()(slots)
            seen(step, [slots[i] for i in step.outputs], time.perf_counter() - start)
        return [slots[i] for i in self._fetches]


def _run_steps(
    template: Slots,
    feeds: tuple[int, ...],
    fetches: Callable[[Slots], Sequence[Array]],
    steps: Sequence[tuple[Runner, tuple[int, ...]]],
    values: Sequence[Array],
) -> list[Array]:
    slots = template.copy()
    for slot, value in zip(feeds, values, strict=True):
        slots[slot] = value
    for run, free in steps:
        run(slots)
        for slot in free:
            slots[slot] = None
    return list(fetches(slots))
