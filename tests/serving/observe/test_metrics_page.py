"""docs/metrics.md says what the code says."""

from __future__ import annotations

import importlib.util

from conftest import REPOSITORY
from noria.serving.observe.table import METRICS


def test_the_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("gen_metrics_table", REPOSITORY / "tools" / "gen_metrics_table.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    text = tool.page()
    assert all(text.count(f"| `{metric.name}` |") == 1 for metric in METRICS)
    assert tool.PAGE.read_text() == text, "run `python tools/gen_metrics_table.py`"
