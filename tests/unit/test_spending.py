"""What calls may cost together: never more than is allowed, and no less than could be."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.spending import Spending

pytestmark = pytest.mark.anyio


async def test_without_a_limit_everything_is_allowed() -> None:
    assert await Spending().reserve(1e9)


async def test_what_calls_under_way_may_not_need_is_waited_for() -> None:
    spending, made = Spending(10), list[float]()

    async def call() -> None:
        if await spending.reserve(4):
            made.append(1)
            await anyio.sleep(0.001)
            spending.settle(4, 1)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call)

    assert len(made) == 7, "with 6 spent another 4 may be: seven calls, and not just two"
    assert spending.is_reached


async def test_what_an_earlier_attempt_has_spent_counts() -> None:
    spending = Spending(10, spent=8)
    assert await spending.reserve(2)
    spending.settle(2, 0.5)
    assert not await spending.reserve(2)


async def test_a_call_that_fails_costs_nothing() -> None:
    spending = Spending(10)
    assert await spending.reserve(10)
    spending.settle(10, 0)
    assert await spending.reserve(10)
