"""A place in the pool of parser processes for one document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from llamaparse_worker.errors import ParserCrashed, from_report
from llamaparse_worker.interfaces import ParserProcess, Parsers, ReceivedEvent
from llamaparse_worker.model.parsing import ParserRequest, Refused


class Seat:
    """A place in the pool for one document: holds a process, and takes a fresh one when that died."""

    def __init__(self, parsers: Parsers) -> None:
        self._parsers = parsers
        self._held = AsyncExitStack()
        self._process: ParserProcess | None = None

    async def take(self) -> ParserProcess:
        """Give the process that is held, waiting for a free one if there is none."""
        if self._process is None:
            self._process = await self._held.enter_async_context(self._parsers.process())
        return self._process

    async def release(self) -> None:
        """Give the process back; the next ``take`` waits for another."""
        self._process = None
        await self._held.aclose()


@asynccontextmanager
async def seat_in(parsers: Parsers) -> AsyncIterator[Seat]:
    """Open a seat that is released at the end, whatever happens."""
    seat = Seat(parsers)
    try:
        yield seat
    finally:
        await seat.release()


async def last_event(process: ParserProcess, request: ParserRequest, *, silence_s: float) -> ReceivedEvent:
    """Run a request of which only the last event matters.

    Raises:
        WorkerError: the typed error that the process answered, or how it died.
    """
    async with process.run(request, silence_s=silence_s) as events:
        last = None
        async for last in events:
            if isinstance(last.event, Refused):
                raise from_report(last.event.error)
        if last is None:
            raise ParserCrashed("the parser process ended without an answer")
        return last
