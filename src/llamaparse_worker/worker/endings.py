"""What jobs and page ranges have in common at the end of a delivery."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import structlog

from llamaparse_worker.errors import ErrorReport, TransientError, WorkerError
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import Job
from llamaparse_worker.pipeline.job import JobPipeline
from llamaparse_worker.wire import utc_now
from llamaparse_worker.worker.patience import until_available

SETTLE_TIMEOUT_S = 15.0
"""Longer than a broker's own limits for one settlement: where those fire, the message is known to come again."""
RELEASE_TIMEOUT_S = 3.0
REMOVE_TIMEOUT_S = 3.0
UNSETTLED_PAUSE_S = 1.0

log = structlog.get_logger()


async def settled(settle: Callable[[], Awaitable[None]]) -> bool:
    """Settle a delivery. False: the broker did not confirm; the message comes again and finds its job."""
    reason = f"no answer within {SETTLE_TIMEOUT_S:g} s"
    with anyio.move_on_after(SETTLE_TIMEOUT_S):
        try:
            await settle()
        except TransientError as error:
            reason = error.message
            # The slot stays taken meanwhile: a message that comes back at once must not spin.
            await anyio.sleep(UNSETTLED_PAUSE_S)
        else:
            return True
    log.warning("delivery.unsettled", error=reason)
    return False


async def remove_left(pipeline: JobPipeline, job: Job) -> None:
    """Remove the checkpoints of a job that has ended.

    Before its message, which comes again and finds an ended job where that is interrupted. A drain waits for it a
    little, as the message may be another's by now.
    """
    remove = partial(pipeline.remove_checkpoints, job)
    try:
        with anyio.move_on_after(REMOVE_TIMEOUT_S, shield=True):
            await until_available(remove, what="object store")
            return
        await until_available(remove, what="object store")
    except WorkerError as error:
        log.warning("checkpoints.left", error=error.message)


def death_now(error: ErrorReport) -> Death:
    """Say why a message becomes a dead letter here and now."""
    return Death(code=error.code, message=error.message, at=utc_now(), worker=socket.gethostname())
