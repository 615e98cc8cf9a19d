"""Coroutines that run at once as far as they go."""

from __future__ import annotations

import asyncio
import gc
import re
from typing import Any

import pytest

from conftest import REPOSITORY
from noria.errors import DeadlineExceededError
from noria.serving.eager import start


@pytest.mark.parametrize("failed", [False, True])
def test_one_that_is_cancelled_before_its_task_began_leaves_nothing_behind(failed: bool) -> None:
    """The deadlines of a call and of its run may both pass before the task of the call has taken its first step."""
    logged: list[dict[str, Any]] = []
    told: list[BaseException] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: logged.append(context))
        inner: asyncio.Future[None] = loop.create_future()

        async def method() -> None:
            try:
                await inner
            except BaseException as error:
                told.append(error)
                raise

        task = start(method(), loop)
        if failed:
            inner.set_exception(DeadlineExceededError("late"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inner.done()

    asyncio.run(main())
    gc.collect()
    assert [type(error) for error in told] == [asyncio.CancelledError]
    assert logged == []


def test_nothing_that_needs_a_task_runs_where_there_may_be_none() -> None:
    """Python 3.12 and newer refuse ``asyncio.timeout`` and ``wait_for`` outside a task; 3.11 would not show it."""
    source = REPOSITORY / "src" / "noria" / "serving"
    found = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(r"asyncio\.(wait_for|timeout)\(", path.read_text())
    }
    # Those of the supervisor and of the end of the process: tasks of their own.
    assert found == {"server.py", "workers/hub.py", "workers/supervisor.py"}
