"""Every row of the op case table: the ONNX lowering agrees with the host kernel, with static and dynamic shapes."""

from __future__ import annotations

import pytest

from noria.errors import TFError
from op_cases import Case, collect, expand
from op_runner import assert_same, dynamic_batch, lowers_whole, run_case, unknown_rank

CASES = [case for row in collect() for case in expand(row)]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_lowering_agrees_with_kernel(case: Case) -> None:
    if case.row.error is not None:
        for engine in (False, True):
            with pytest.raises(TFError) as caught:
                run_case(case, engine=engine)
            assert caught.value.code == case.row.error
        return
    wanted = run_case(case, engine=False)
    assert_same(run_case(case, engine=True), wanted, case, what="compiled for these shapes")
    if any(case.fed):
        assert_same(run_case(case, engine=True, shape=dynamic_batch), wanted, case, what="compiled for any batch")
        assert_same(run_case(case, engine=True, shape=unknown_rank), wanted, case, what="compiled for any shape")


@pytest.mark.parametrize("case", [c for c in CASES if c.row.lowers and c.row.error is None], ids=lambda c: c.id)
def test_case_lowers(case: Case) -> None:
    assert lowers_whole(case), f"{case.row.op} stays on the host"
