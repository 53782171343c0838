from __future__ import annotations

import time

import anyio
import pytest

from llamaparse_worker.worker.lag import LoopLag


def test_a_long_block_counts_for_every_sample_that_it_hid() -> None:
    seen: list[float] = []
    LoopLag(seen.append, period_s=0.1).late(0.35)
    assert seen == pytest.approx([0.35, 0.25, 0.15, 0.05])


def test_an_early_timer_is_no_lag() -> None:
    seen: list[float] = []
    LoopLag(seen.append).late(-0.001)
    assert seen == [0]


def test_a_quantile_looks_at_the_window_only() -> None:
    lag = LoopLag(lambda _: None, period_s=1, window_s=4)
    assert lag.quantile(0.99) == 0
    for sample in (0.9, 0.1, 0.2, 0.3, 0.4):
        lag.late(sample)
    assert lag.quantile(0.99) == 0.4
    assert lag.quantile(0.5) == 0.3


@pytest.mark.anyio
async def test_a_blocked_loop_is_measured() -> None:
    seen: list[float] = []
    async with anyio.create_task_group() as group:
        group.start_soon(LoopLag(seen.append, period_s=0.01).run)
        await anyio.sleep(0.05)
        time.sleep(0.2)  # noqa: ASYNC251 -- blocking is the point
        await anyio.sleep(0.05)
        group.cancel_scope.cancel()
    assert 0.15 < max(seen) < 1
