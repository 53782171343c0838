"""What jobs and page ranges have in common at the end of a delivery."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import anyio
import structlog

from llamaparse_worker.errors import ErrorReport, TransientError, WorkerError
from llamaparse_worker.interfaces import Delivery
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import Job
from llamaparse_worker.pipeline.job import JobPipeline
from llamaparse_worker.wire import utc_now
from llamaparse_worker.worker.patience import until_available, until_job_store_answers
from llamaparse_worker.worker.upkeep import PUBLISH_WITHIN_S

SETTLE_TIMEOUT_S = 15.0
"""Longer than a broker's own limits for one settlement: where those fire, the message is known to come again."""
RELEASE_TIMEOUT_S = 3.0
REMOVE_TIMEOUT_S = 3.0
UNSETTLED_PAUSE_S = 1.0

L_contra = TypeVar("L_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
L = TypeVar("L")
D = TypeVar("D")

log = structlog.get_logger()


class Releases(Protocol[L_contra, D_contra]):
    """A store that leases can be given back to: of jobs, or of page ranges."""

    async def release(self, lease: L_contra, *, publish_within_s: float) -> bool:
        """Free what is leased; it is due where nobody confirms a message for it in time."""
        ...

    async def published(self, due: D_contra, /) -> None:
        """Note that its message is in the queue."""
        ...


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


async def give_back(store: Releases[L, D], lease: L, due: D) -> None:
    """Free what is leased while its message stays in hand: nobody has to publish it again."""

    async def free() -> None:
        if await store.release(lease, publish_within_s=PUBLISH_WITHIN_S):
            await store.published(due)

    await until_job_store_answers(free)


async def requeue(delivery: Delivery, store: Releases[L, D], lease: L, due: D) -> None:
    """Free what is leased, without patience, and give its message back to the queue."""
    is_free = False
    with anyio.move_on_after(RELEASE_TIMEOUT_S):
        is_free = await store.release(lease, publish_within_s=PUBLISH_WITHIN_S)
    await delivery.requeue()
    if is_free:
        await store.published(due)


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
