"""The programs of ``v1_cases`` under TensorFlow: the same graph to the last attribute, the same values."""

from __future__ import annotations

import re
from typing import Any

import pytest
import tensorflow.compat.v1 as real

import noria.v1 as tf
from v1_cases import Case, assert_values, cases, observe, with_cells

real.disable_v2_behavior()
with_cells(real)

NEWER = {"_has_manual_control_dependencies"}  # a mark that TensorFlow 2 writes for itself and 1.x does not know


@pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed:UserWarning")
@pytest.mark.parametrize("item", list(cases()), ids=lambda c: f"{c.family}-{c.name}")
def test_case(item: Case) -> None:
    wanted = observe(real, item)
    seen = observe(tf, item)
    if item.graph:
        assert list(seen.nodes) == list(wanted.nodes)
        for name, node in wanted.nodes.items():
            assert_same_node(seen.nodes[name], node, shapes=name not in item.looser)
    assert_values(seen.values, wanted.values, item.name)


def assert_same_node(got: Any, wanted: Any, *, shapes: bool) -> None:
    """Both NodeDefs say the same. Messages of two libraries: they are compared as bytes, attribute by attribute."""
    assert (got.name, got.op, got.device, list(got.input)) == (
        wanted.name,
        wanted.op,
        wanted.device,
        list(wanted.input),
    )
    attrs = set(wanted.attr) - NEWER
    assert sorted(got.attr) == sorted(attrs), wanted.name
    for key in attrs:
        mine, theirs = got.attr[key], wanted.attr[key]
        if key == "_output_shapes":
            same = not shapes or all(map(_as_specific, mine.list.shape, theirs.list.shape))
        else:
            same = _bytes(mine) == _bytes(theirs)
        assert same, f"{wanted.name}: attribute {key}: {mine} instead of {theirs}"


def _as_specific(got: Any, wanted: Any) -> bool:
    """All that TensorFlow knows of a shape Noria knows too; it may know more."""
    if wanted.unknown_rank:
        return True
    ours, theirs = [d.size for d in got.dim], [d.size for d in wanted.dim]
    return (
        not got.unknown_rank
        and len(ours) == len(theirs)
        and all(t in (-1, o) for o, t in zip(ours, theirs, strict=True))
    )


def _bytes(value: Any) -> bytes:
    """An attribute as bytes, without what is made at random: the shared name of a table that shares with none."""
    found: bytes = value.SerializeToString(deterministic=True)
    return re.sub(rb"hash_table_[0-9a-f]{8}-[0-9a-f-]{27}", b"hash_table_", found)
