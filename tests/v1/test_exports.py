"""The table of public names: exports, aliases, namespaces, and what a missing name says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import noria.v1 as tf
from noria.v1 import api_names, exports


@pytest.fixture(autouse=True)
def names() -> Iterator[None]:
    """Names exported by a test go with it."""
    objects, implied, spaces = dict(exports._objects), set(exports._implied), dict(exports._spaces)
    held = {module: dict(vars(module)) for module in _spaces_in_use()}
    yield
    for table, before in ((exports._objects, objects), (exports._spaces, spaces)):
        table.clear()
        table.update(before)
    exports._implied.clear()
    exports._implied.update(implied)
    for module in _spaces_in_use():
        before_test = held.get(module, {})
        for name in [name for name in vars(module) if not name.startswith("__")]:
            if name not in before_test:
                del vars(module)[name]
            elif vars(module)[name] is not before_test[name]:
                vars(module)[name] = before_test[name]


def _spaces_in_use() -> list[ModuleType]:
    return [module for name, module in sys.modules.items() if name == "noria.v1" or isinstance(module, exports._Space)]


def test_an_export_stands_under_all_of_its_names() -> None:
    @exports.export("nn.noria_one", "noria_two")
    def one() -> int:
        return 1

    assert tf.nn.noria_one is one
    assert tf.noria_two is one
    assert "noria_one" in dir(tf.nn)


def test_aliases_of_tensorflow_follow() -> None:
    marker = object()
    exports.constant("linalg.tridiagonal_matmul", marker)
    assert tf.linalg.tridiagonal_matmul is marker
    row = next(row for row in api_names.table().values() if row.aliases and row.name not in exports.exported())
    exports.constant(row.aliases[0], marker)
    for name in (row.name, *row.aliases):
        assert exports.exported()[name] is marker


def test_an_explicit_export_replaces_an_implied_one() -> None:
    first, second = object(), object()
    missing = (row for row in api_names.table().values() if row.aliases and row.name not in exports.exported())
    row = next(row for row in missing if "." in row.aliases[0])
    exports.constant(row.name, first)
    space, _, last = row.aliases[0].rpartition(".")
    assert getattr(exports.namespace(space), last) is first
    exports.constant(row.aliases[0], second)
    assert getattr(exports.namespace(space), last) is second
    assert exports.exported()[row.name] is first


def test_two_objects_under_one_name_are_refused() -> None:
    exports.constant("noria_two", 1)
    with pytest.raises(ValueError, match=r"two objects are exported as tf\.noria_two"):
        exports.constant("noria_two", 2)


def test_namespaces_are_modules() -> None:
    exports.constant("nn.noria_cell.value", 3)
    assert isinstance(tf.nn.noria_cell, ModuleType)
    assert importlib.import_module("noria.v1.nn.noria_cell").value == 3
    assert tf.compat.v1 is tf
    exports.namespace_alias("noria_other", "nn.noria_cell")
    assert tf.noria_other is tf.nn.noria_cell
    space: dict[str, object] = {}
    exec("from noria.v1.nn.noria_cell import *", space)
    assert space["value"] == 3


def test_a_file_does_not_hide_a_public_name() -> None:
    marker = object()
    exports.constant("api_names", marker)
    assert tf.api_names is marker
    sys.modules["noria.v1"].api_names = api_names  # type: ignore[attr-defined]  # what an import of it does
    assert tf.api_names is marker
    exports.constant("exports.nothing", 4)
    assert exports.namespace("exports").nothing == 4
    assert sys.modules["noria.v1.exports"] is exports


def test_a_missing_name_says_what_there_is() -> None:
    exports.constant("nn.noria_sigmoids", 1)
    with pytest.raises(AttributeError, match=r"TensorFlow 1.x has no tf\.nn\.noria_sigmoid, .*nearest.*noria_sigmoids"):
        tf.nn.noria_sigmoid  # noqa: B018
    with pytest.raises(AttributeError, match=r"tf\.contrib\.tpu\.CrossShardOptimizer is not there yet in noria\.v1"):
        tf.contrib.tpu.CrossShardOptimizer  # noqa: B018
    assert not hasattr(tf, "no_such_thing_at_all")


def test_table_of_names_is_well_formed() -> None:
    table = api_names.table()
    assert list(table) == sorted(table)
    assert {row.tier for row in table.values()} == set("ABCD")
    assert api_names.group("dtypes.float32")[0] == "float32"
    assert api_names.is_namespace("contrib.layers")
    assert not api_names.is_namespace("Session")
    for name, row in table.items():
        assert not [alias for alias in row.aliases if alias in table], name
