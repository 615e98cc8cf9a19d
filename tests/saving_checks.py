"""Comparisons of what is saved, for the oracle's tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.protos.tensorflow import MetaGraphDef

NEWER = "_has_manual_control_dependencies"  # a mark that TensorFlow 2 writes for itself and 1.x does not know


def assert_equal(got: Any, wanted: Any) -> None:
    """Equal dtype, shape and values."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(got, wanted)


def canonical(proto: Any) -> MetaGraphDef:
    """A MetaGraphDef without what may differ: who wrote it, and marks of TensorFlow 2."""
    copy = MetaGraphDef.FromString(proto.SerializeToString())
    copy.meta_info_def.tensorflow_version = copy.meta_info_def.tensorflow_git_version = ""
    copy.graph_def.versions.Clear()
    for node in copy.graph_def.node:
        node.attr.pop(NEWER, None)
    return copy


def assert_same_meta(got: Any, wanted: Any) -> None:
    """Two MetaGraphDefs, of whichever library, say the same, field by field."""
    got, wanted = canonical(got), canonical(wanted)
    assert [n.name for n in got.graph_def.node] == [n.name for n in wanted.graph_def.node]
    for a, b in zip(got.graph_def.node, wanted.graph_def.node, strict=True):
        assert a == b, b.name
    assert got.saver_def == wanted.saver_def
    assert sorted(got.collection_def) == sorted(wanted.collection_def)
    for key in wanted.collection_def:
        assert got.collection_def[key] == wanted.collection_def[key], key
    names = [[op.name for op in m.meta_info_def.stripped_op_list.op] for m in (got, wanted)]
    assert names[0] == names[1]
    assert got.meta_info_def.stripped_default_attrs == wanted.meta_info_def.stripped_default_attrs
    assert sorted(got.signature_def) == sorted(wanted.signature_def)
    for key in wanted.signature_def:
        assert got.signature_def[key] == wanted.signature_def[key], key
