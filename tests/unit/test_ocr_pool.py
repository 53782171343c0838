from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import numpy as np
import pytest

from llamaparse_worker.backends.ocr.engine import Engine
from llamaparse_worker.backends.ocr.pool import OcrPool, PoolSize, open_pool, pool_size
from llamaparse_worker.backends.ocr.priority import NICENESS
from llamaparse_worker.backends.ocr.settings import OcrPoolSettings
from llamaparse_worker.errors import ConfigurationError, PageUnreadable, RestartNeeded, TimeLimitExceeded
from llamaparse_worker.model.images import PixelImage
from llamaparse_worker.parsers.cores import usable_cores
from llamaparse_worker.testing.ocr_pages import as_image
from support.ocr_engines import Fault, FaultyEngines

pytestmark = pytest.mark.anyio


def page(width: int = 30) -> PixelImage:
    return as_image(np.zeros((20, width, 3), np.uint8))


@asynccontextmanager
async def pool_of(engines: FaultyEngines, *, threads: int = 1, limit_s: float = 20) -> AsyncIterator[OcrPool]:
    async with open_pool("faulty", engines.open, PoolSize(threads, limit_s), lambda _: None) as pool:
        try:
            yield pool
        finally:
            engines.freed.set()


async def text_of(pool: OcrPool, image: PixelImage) -> str:
    return (await pool.read(image, languages=())).words[0].text


@pytest.mark.parametrize("fault", [Fault.REFUSES, Fault.RAISES, Fault.RUBBISH])
async def test_a_fault_fails_its_page_only(fault: Fault) -> None:
    engines = FaultyEngines([Fault.NONE, fault])
    async with pool_of(engines) as pool:
        assert await text_of(pool, page(30)) == "30x20"
        with pytest.raises(PageUnreadable):
            await pool.read(page(31), languages=())
        assert await text_of(pool, page(32)) == "32x20"


async def test_engines_and_their_threads_let_others_go_first() -> None:
    engines, seen = FaultyEngines(), []

    def priority() -> None:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    @contextmanager
    def opened() -> Iterator[Engine]:
        priority()
        helper = threading.Thread(target=priority)
        helper.start()
        helper.join()
        with engines.open() as engine:
            yield engine

    async with open_pool("faulty", opened, PoolSize(1, 20), lambda _: None) as pool:
        await text_of(pool, page())
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert seen == [min(mine + NICENESS, 19)] * 2


async def test_only_an_engine_that_broke_is_opened_anew() -> None:
    refusing, breaking = FaultyEngines([Fault.REFUSES]), FaultyEngines([Fault.RAISES])
    for engines in (refusing, breaking):
        async with pool_of(engines) as pool:
            with pytest.raises(PageUnreadable):
                await pool.read(page(), languages=())
            await text_of(pool, page())
    assert refusing.opened == 1
    assert breaking.opened == 2


async def test_an_engine_that_cannot_be_opened_is_tried_again() -> None:
    engines = FaultyEngines(broken_starts=1)
    async with pool_of(engines) as pool:
        with pytest.raises(ConfigurationError, match="no engine"):
            await pool.read(page(), languages=())
        assert await text_of(pool, page()) == "30x20"


async def test_a_page_that_hangs_fails_in_time_and_the_other_thread_goes_on() -> None:
    engines = FaultyEngines([Fault.HANGS])
    async with pool_of(engines, threads=2, limit_s=0.2) as pool:
        with pytest.raises(TimeLimitExceeded, match="OCR_PAGE_TIMEOUT_SECONDS"):
            await pool.read(page(), languages=())
        with pytest.raises(RestartNeeded, match="1 of 2"):
            await pool.ping()
        assert await text_of(pool, page()) == "30x20"


async def test_a_thread_that_comes_back_late_is_used_again() -> None:
    engines = FaultyEngines([Fault.HANGS])
    async with pool_of(engines, limit_s=0.2) as pool:
        with pytest.raises(TimeLimitExceeded):
            await pool.read(page(), languages=())
        with pytest.raises(RestartNeeded, match="1 of 1"):
            await pool.read(page(), languages=())
        engines.freed.set()
        with anyio.fail_after(5):
            while pool.use().busy:  # noqa: ASYNC110 - nothing tells when a thread comes back
                await anyio.sleep(0.01)
        assert await text_of(pool, page()) == "30x20"
        assert "1 threads" in await pool.ping()
    assert engines.opened == 1


async def test_a_cancelled_page_frees_its_caller_at_once_and_its_thread_later() -> None:
    engines = FaultyEngines([Fault.HANGS])
    async with pool_of(engines) as pool:
        with anyio.move_on_after(0.05) as scope:
            await pool.read(page(), languages=())
        assert scope.cancelled_caught
        with anyio.move_on_after(0.05) as waiting:
            await pool.read(page(), languages=())
        assert waiting.cancelled_caught, "the only thread is still busy"
        engines.freed.set()
        with anyio.fail_after(5):
            assert await text_of(pool, page(33)) == "33x20"


async def test_each_caller_gets_the_answer_to_its_own_page() -> None:
    engines = FaultyEngines()
    answers: dict[int, str] = {}

    async def read(pool: OcrPool, width: int) -> None:
        answers[width] = await text_of(pool, page(width))

    async with pool_of(engines, threads=2) as pool, anyio.create_task_group() as tasks:
        for width in range(1, 30):
            tasks.start_soon(read, pool, width)
    assert answers == {width: f"{width}x20" for width in range(1, 30)}
    assert engines.opened <= 2


async def test_engines_are_closed_with_the_pool() -> None:
    engines = FaultyEngines()
    async with pool_of(engines, threads=2) as pool:
        await pool.ping()
    assert engines.all_closed.wait(5)
    assert engines.opened == 1


async def test_a_worker_stands_for_two_threads() -> None:
    assert pool_size(OcrPoolSettings(ocr_worker=3, ocr_page_timeout_seconds=7)) == PoolSize(6, 7)
    assert pool_size(OcrPoolSettings()).threads == 2 * max(1, usable_cores() // 2)


async def test_the_pool_waits_for_its_threads_when_it_is_closed() -> None:
    threads: list[threading.Thread] = []
    engines = FaultyEngines()

    @contextmanager
    def opened() -> Iterator[Engine]:
        threads.append(threading.current_thread())
        with engines.open() as engine:
            yield engine
        time.sleep(0.2)

    async with open_pool("slow to end", opened, PoolSize(2, 20), lambda _: None) as pool:
        await text_of(pool, page())
    assert len(threads) == 1
    assert not threads[0].is_alive()
