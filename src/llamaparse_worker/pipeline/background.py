"""Work that goes on beside a block and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio


@asynccontextmanager
async def in_background(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Run ``work`` while the block runs, and cancel it when the block is left, however that is.

    Nothing but the end of the block cancels it, in a scope of its own, so that its task ends well. A task group that
    sees a task end cancelled makes a cycle of the cancellation, the frame and the context: all that the job holds would
    stay until a collection of garbage, and grow old with it.

    Raises:
        ExceptionGroup: the work or the block failed; each ends the other.
    """
    async with anyio.create_task_group() as tasks:
        scope = anyio.CancelScope(shield=True)
        tasks.start_soon(_within, scope, work)
        try:
            yield
        finally:
            scope.cancel()


async def _within(scope: anyio.CancelScope, work: Callable[[], Awaitable[None]]) -> None:
    with scope:
        await work()
