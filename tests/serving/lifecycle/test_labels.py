"""When a label stands for which version."""

from __future__ import annotations

import pytest

from noria.errors import FailedPreconditionError
from noria.serving.lifecycle import labels


@pytest.mark.parametrize(
    ("asked", "current", "available", "at_once", "expected"),
    [
        ({"stable": 1}, {}, {1}, set(), {"stable": 1}),
        ({"stable": 1}, {}, set(), set(), {}),  # a new one waits for its version
        ({"stable": 2}, {"stable": 1}, {1}, set(), {"stable": 1}),  # one that moves stays until then
        ({"stable": 2}, {"stable": 1}, {1, 2}, set(), {"stable": 2}),
        ({"stable": 2}, {}, set(), {"stable"}, {"stable": 2}),
        ({"stable": 1}, {"stable": 1}, set(), set(), {"stable": 1}),  # what it has reached it keeps
        ({}, {"stable": 1}, {1}, set(), {}),
    ],
)
def test_effective(
    asked: dict[str, int], current: dict[str, int], available: set[int], at_once: set[str], expected: dict[str, int]
) -> None:
    assert labels.effective(asked, current, available, at_once) == expected


@pytest.mark.parametrize(
    ("asked", "current", "allow_unavailable", "refused"),
    [
        ({"stable": 1}, {}, False, None),
        ({"stable": 2}, {}, False, 2),
        ({"stable": 2}, {}, True, None),
        ({"stable": 2}, {"stable": 2}, True, None),
        ({"stable": 2}, {"stable": 1}, True, 2),
        ({"a": 1, "b": 3}, {}, False, 3),
    ],
)
def test_check(asked: dict[str, int], current: dict[str, int], allow_unavailable: bool, refused: int | None) -> None:
    if refused is None:
        labels.check("m", asked, current, {1}, allow_unavailable=allow_unavailable)
        return
    with pytest.raises(FailedPreconditionError) as caught:
        labels.check("m", asked, current, {1}, allow_unavailable=allow_unavailable)
    assert str(caught.value) == (
        f"Request to assign label to version {refused} of model m, which is not currently available for inference"
    )
