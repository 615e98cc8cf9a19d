"""Answers that are given to all who ask within a moment."""

from __future__ import annotations

import asyncio

import pytest

from noria.errors import NotFoundError
from noria.serving.workers.remembered import Remembered


class _Asked:
    def __init__(self) -> None:
        self.times = 0
        self.slow = 0.01
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.times += 1
        mine = self.times
        await asyncio.sleep(self.slow)
        if self.error is not None:
            raise self.error
        return mine


def test_one_question_answers_all_who_ask_within_a_moment() -> None:
    async def scenario() -> None:
        asked = _Asked()
        remembered = Remembered(asked.ask, 60)
        assert await asyncio.gather(*(remembered.get() for _ in range(100))) == [1] * 100
        assert await remembered.get() == 1
        assert await remembered.get(new=True) == 2
        remembered.forget()
        assert await remembered.get() == 3
        soon = Remembered(asked.ask, 0.01)
        assert await soon.get() == 4
        await asyncio.sleep(0.02)
        assert await soon.get() == 5

    asyncio.run(scenario())


def test_one_who_goes_away_takes_the_answer_from_nobody() -> None:
    async def scenario() -> None:
        asked = _Asked()
        remembered = Remembered(asked.ask, 60)
        first, second = asyncio.create_task(remembered.get()), asyncio.create_task(remembered.get())
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 1
        assert first.cancelled()

    asyncio.run(scenario())


def test_errors_are_not_remembered() -> None:
    async def scenario() -> None:
        asked = _Asked()
        asked.error = NotFoundError("gone")
        remembered = Remembered(asked.ask, 60)
        with pytest.raises(NotFoundError, match="gone"):
            await remembered.get()
        asked.error = None
        assert await remembered.get() == 2

    asyncio.run(scenario())


def test_an_answer_under_way_is_of_before_a_change() -> None:
    async def scenario() -> None:
        asked = _Asked()
        remembered = Remembered(asked.ask, 60)
        early = asyncio.create_task(remembered.get())
        await asyncio.sleep(0)
        remembered.forget()
        assert await remembered.get() == 2
        assert await early == 1

    asyncio.run(scenario())
