"""What every worker does beside its jobs: publish due jobs again, free expired leases, send events."""

from __future__ import annotations

import anyio
import structlog

from llamaparse_worker.errors import TransientError
from llamaparse_worker.interfaces import Broker, JobStore, Message

BATCH = 100
GATHER_S = 0.05
"""So long an event waits for those of other jobs, with which it is read in one go."""

log = structlog.get_logger()


class Upkeep:
    """Runs on every worker at once; each step is safe to repeat, because claims and events have ids."""

    def __init__(self, broker: Broker, jobs: JobStore, *, interval_s: float) -> None:
        self._broker = broker
        self._jobs = jobs
        self._interval_s = interval_s
        self._rounds_at = 0.0
        """Events are sent when there are some; the rest is done once an interval."""
        self._woken = anyio.Event()
        self._ending = False
        self._ended = anyio.Event()

    def wake(self) -> None:
        """Send events soon: one was written."""
        self._woken.set()

    async def run(self) -> None:
        """Work until ``end`` or cancelled; a backend that is away is tried again in the next round."""
        last = False
        while not last:
            last = self._ending
            try:
                await self._send_events()
                if anyio.current_time() >= self._rounds_at:
                    self._rounds_at = anyio.current_time() + self._interval_s
                    await self._look_after_jobs()
            except TransientError as error:
                log.warning("upkeep.interrupted", error=error.message)
                self._rounds_at = anyio.current_time() + self._interval_s
            if not last:
                await self._pause()
        self._ended.set()

    async def end(self) -> None:
        """Have ``run`` return once it has sent the events of the last jobs, and wait for that."""
        self._ending = True
        self.wake()
        await self._ended.wait()

    async def _pause(self) -> None:
        with anyio.move_on_after(self._rounds_at - anyio.current_time()):
            await self._woken.wait()
            if not self._ending:
                await anyio.sleep(GATHER_S)
        self._woken = anyio.Event()

    async def _look_after_jobs(self) -> None:
        freed = await self._jobs.sweep()
        if freed:
            log.warning("leases.expired", jobs=freed)
        await self._publish_due()

    async def _publish_due(self) -> None:
        while due := await self._jobs.due(limit=BATCH):
            for job in due:
                await self._broker.publish(Message(body=job.body, id=job.job_id, headers=job.headers))
                await self._jobs.published(job)
            log.info("jobs.published_again", jobs=len(due))
            if len(due) < BATCH:
                return

    async def _send_events(self) -> None:
        while events := await self._jobs.outbox(limit=BATCH):
            for event in events:
                await self._broker.announce(event)
                await self._jobs.sent(event.id)
            if len(events) < BATCH:
                return
