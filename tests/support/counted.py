"""Parser processes that tell which pages they have read, and a clock that a test can move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from llamaparse_worker.interfaces import ParserProcess, ReceivedEvent
from llamaparse_worker.model.parsing import PageDone, ParserRequest
from llamaparse_worker.parsers.pool import ParserPool, ParserStatistics
from llamaparse_worker.wire import utc_now


class CountedPool:
    """Parser processes, and the pages that they have read."""

    def __init__(self, pool: ParserPool) -> None:
        self._pool = pool
        self.pages: list[int] = []

    @asynccontextmanager
    async def process(self) -> AsyncIterator[ParserProcess]:
        async with self._pool.process() as process:
            yield _CountedProcess(process, self.pages)

    def statistics(self) -> ParserStatistics:
        return self._pool.statistics()


class _CountedProcess:
    def __init__(self, process: ParserProcess, pages: list[int]) -> None:
        self._process = process
        self._pages = pages

    @asynccontextmanager
    async def run(self, request: ParserRequest, *, silence_s: float) -> AsyncIterator[AsyncIterator[ReceivedEvent]]:
        async with self._process.run(request, silence_s=silence_s) as events:
            yield self._counted(events)

    async def _counted(self, events: AsyncIterator[ReceivedEvent]) -> AsyncIterator[ReceivedEvent]:
        async for received in events:
            if isinstance(received.event, PageDone):
                self._pages.append(received.event.summary.number)
            yield received


class Clock:
    """The store's clock, which a test can move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead
