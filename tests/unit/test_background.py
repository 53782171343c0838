from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import anyio.lowlevel
import pytest

from llamaparse_worker.pipeline.background import in_background

pytestmark = pytest.mark.anyio


class Held:
    """What work and block have in hand."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Leave what nobody refers to to its reference counts."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_work_runs_as_long_as_its_block() -> None:
    begun, ended = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with in_background(work):
        await begun.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_work_that_has_not_begun_is_left_out() -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        pytest.fail("the block was over")

    async with in_background(work):
        pass


async def test_what_fails_ends_the_other() -> None:
    async def fails() -> None:
        raise ValueError("the work")

    with pytest.raises(ExceptionGroup) as failed:
        async with in_background(fails):
            await anyio.sleep_forever()
    assert [str(error) for error in failed.value.exceptions] == ["the work"]
    with pytest.raises(ExceptionGroup) as failed:
        async with in_background(anyio.sleep_forever):
            raise ValueError("the block")
    assert [str(error) for error in failed.value.exceptions] == ["the block"]


async def test_work_goes_on_while_a_cancelled_block_finishes() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            steps.append("work ended")

    with anyio.CancelScope() as scope:
        async with in_background(work):
            await anyio.lowlevel.checkpoint()
            scope.cancel()
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.01)
                steps.append("block ended")
    assert steps == ["block ended", "work ended"]


async def returns() -> None:
    await anyio.sleep(0.001)


async def fails() -> None:
    await anyio.sleep(0.001)
    raise ValueError


@pytest.mark.parametrize("block", [returns, fails, anyio.sleep_forever])
async def test_nothing_of_it_waits_for_a_collection(block: Callable[[], Awaitable[None]]) -> None:
    async def work(_held: Held) -> None:
        await anyio.sleep_forever()

    async def job() -> weakref.ref[Held]:
        held = Held()
        with suppress(ExceptionGroup), anyio.move_on_after(0.01):
            async with in_background(partial(work, held)):
                await block()
        return weakref.ref(held)

    with no_collection():
        left = [await job() for _ in range(10)]
        await anyio.lowlevel.checkpoint()
        assert not [held for held in left if held() is not None]
