"""Waits out a backend that is away or full: repeats the call with growing pauses until it answers or is cancelled."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import structlog

from llamaparse_worker.errors import ConfigurationError, TransientError, WorkerError

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

AWAY: tuple[type[WorkerError], ...] = (TransientError,)
AWAY_OR_REFUSING: tuple[type[WorkerError], ...] = (TransientError, ConfigurationError)
"""For a worker that runs: a backend that now refuses it is no reason to fail jobs."""

log = structlog.get_logger()


async def until_available(
    call: Callable[[], Awaitable[T]], *, what: str, failures: tuple[type[WorkerError], ...] = AWAY
) -> T:
    """Give the answer of ``call``. Bounded by the cancellation of its caller: the lease, the drain, the time limit."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return await call()
        except failures as error:
            log.warning("backend.away", what=what, error=error.message, pause_s=round(pause_s, 2))
        # Jitter, so that the workers of a fleet do not all come back in the same moment.
        await anyio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - not for cryptography
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def until_job_store_answers(call: Callable[[], Awaitable[T]]) -> T:
    """Give the answer of the job store to a worker that runs."""
    return await until_available(call, what="job store", failures=AWAY_OR_REFUSING)
