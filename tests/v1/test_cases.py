"""The programs of ``v1_cases`` against what TensorFlow recorded: the same nodes, the same values."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import noria.v1 as tf
from v1_cases import Case, assert_values, cases, families, from_json, observe, to_json

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "v1"
ALL = list(cases())


@cache
def recorded(family: str) -> Any:
    path = GOLDEN / f"{family}.json"
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("item", ALL, ids=lambda c: f"{c.family}-{c.name}")
def test_case(item: Case) -> None:
    golden = recorded(item.family).get(item.name)
    assert golden is not None, f"record it with tools/make_v1_golden.py {item.family} in the oracle environment"
    seen = observe(tf, item)
    if item.graph:
        assert to_json(seen)["nodes"] == golden["nodes"]
    assert_values(seen.values, [from_json(v) for v in golden["values"]], item.name)


@pytest.mark.parametrize("family", families())
def test_nothing_stale_is_recorded(family: str) -> None:
    assert sorted(recorded(family)) == sorted(c.name for c in ALL if c.family == family)
