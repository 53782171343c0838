"""What every worker does beside its jobs: publish due jobs again, free expired leases, send events and dead letters."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import anyio
import structlog

from llamaparse_worker.interfaces import RANGE_HEADER, Broker, JobStore, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import DueJob, OwedLetter
from llamaparse_worker.model.ranges import DueRange
from llamaparse_worker.worker.patience import AWAY_OR_REFUSING

BATCH = 100
PUBLISH_WITHIN_S = 30.0
"""A job whose publisher did not confirm within this time is published by another worker."""
BURY_WITHIN_S = 30.0
"""A dead letter that was not confirmed within this time is written by another worker."""
GATHER_S = 0.25
"""Events are read no sooner than this after the last time: the first goes out at once, those that follow together."""

log = structlog.get_logger()


class Upkeep:
    """Runs on every worker at once; each step is safe to repeat, because claims and events have ids."""

    def __init__(
        self,
        broker: Broker,
        jobs: JobStore,
        *,
        interval_s: float,
        on_dead_letter: Callable[[str], None],
        on_letter_refused: Callable[[str], None] = lambda _code: None,
        on_bug: Callable[[], None] = lambda: None,
    ) -> None:
        self._broker = broker
        self._jobs = jobs
        self._interval_s = interval_s
        self._on_dead_letter = on_dead_letter
        """Told the code of each dead letter."""
        self._on_letter_refused = on_letter_refused
        """Told the code of one that could not be written; it is tried again."""
        self._on_bug = on_bug
        """Told of each error that nobody expected."""
        self._rounds_at = 0.0
        """Events are sent when there are some; the rest is done once an interval."""
        self._events_at = 0.0
        """When an exchange that is away is tried again."""
        self._read_at = -GATHER_S
        """When events were last read."""
        self._woken = anyio.Event()
        self._ending = False
        self._ended = anyio.Event()

    def wake(self) -> None:
        """Send events and dead letters soon: one was written."""
        self._woken.set()

    def look(self) -> None:
        """Look after jobs and page ranges soon: some are due."""
        self._rounds_at = 0.0
        self.wake()

    async def run(self) -> None:
        """Work until ``end`` or cancelled; a backend that is away is tried again in the next round."""
        last = False
        while not last:
            last = self._ending
            now = anyio.current_time()
            if now >= self._events_at and not await self._told():
                self._events_at = now + self._interval_s
            if now >= self._rounds_at:
                self._rounds_at = now + self._interval_s
                await self._tried(self._look_after_jobs)
            if not last:
                await self._pause()
        self._ended.set()

    async def end(self) -> None:
        """Have ``run`` return once it has sent the events of the last jobs, and wait for that."""
        self._ending = True
        self.wake()
        await self._ended.wait()

    async def _told(self) -> bool:
        """Send what is to be sent; a missing exchange holds up no dead letter."""
        done = [await self._tried(step) for step in (self._send_events, self._bury_owed)]
        return all(done)

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Do one step; what fails is tried again later and keeps no other step from being done.

        So does an error that nobody expected: ending the worker for it would only have the next one meet it.
        """
        try:
            await step()
        except AWAY_OR_REFUSING as error:
            log.warning("upkeep.interrupted", error=error.message)
            return False
        except Exception:
            log.exception("upkeep.internal_error")
            self._on_bug()
            return False
        return True

    async def _pause(self) -> None:
        with anyio.move_on_after(self._rounds_at - anyio.current_time()):
            await self._woken.wait()
            if not self._ending:
                await anyio.sleep_until(self._read_at + GATHER_S)
        self._woken = anyio.Event()

    async def _look_after_jobs(self) -> None:
        freed = await self._jobs.sweep()
        if freed:
            log.warning("leases.expired", jobs=freed)
        if freed := await self._jobs.ranges.sweep():
            log.warning("leases.expired", page_ranges=freed)
        await self._publish_due()
        await self._publish_due_ranges()

    async def _publish_due(self) -> None:
        while due := await self._jobs.due(limit=BATCH, publish_within_s=PUBLISH_WITHIN_S):
            for job in due:
                await self._broker.publish(message_of(job))
                await self._jobs.published(job)
            log.info("jobs.published_again", jobs=len(due))
            if len(due) < BATCH:
                return

    async def _publish_due_ranges(self) -> None:
        while due := await self._jobs.ranges.due(limit=BATCH, publish_within_s=PUBLISH_WITHIN_S):
            for one in due:
                await self._broker.publish(message_of_range(one))
                await self._jobs.ranges.published(one)
            log.info("page_ranges.published", page_ranges=len(due))
            if len(due) < BATCH:
                return

    async def _bury_owed(self) -> None:
        while owed := await self._jobs.owed_letters(limit=BATCH, bury_within_s=BURY_WITHIN_S):
            for letter in owed:
                await self._bury(letter)
                await self._jobs.buried(letter)
                self._on_dead_letter(letter.error.code)
                log.warning(
                    "job.dead_lettered", job=letter.job_id, attempt=letter.attempt, error_code=letter.error.code
                )
            if len(owed) < BATCH:
                return

    async def _bury(self, letter: OwedLetter) -> None:
        try:
            await self._broker.bury(Message(letter.body, letter.job_id, letter.headers), death_of_owed(letter))
        except AWAY_OR_REFUSING:
            self._on_letter_refused(letter.error.code)
            raise

    async def _send_events(self) -> None:
        self._read_at = anyio.current_time()
        while events := await self._jobs.outbox(limit=BATCH):
            announced: list[str] = []
            try:
                for event in events:
                    await self._broker.announce(event)
                    announced.append(event.id)
            finally:
                # One write for all: what an interruption leaves unmarked is sent again, under the same id.
                if announced:
                    await self._jobs.sent(announced)
            if len(events) < BATCH:
                return


def message_of(job: DueJob) -> Message:
    """Give the message of a job that needs one; it goes to the queue of the job's priority."""
    return Message(job.body, job.job_id, job.headers, job.priority)


def message_of_range(due: DueRange) -> Message:
    """Give the message of a page range: that of its job, with the page at which the range begins."""
    return Message(due.body, due.job_id, {**due.headers, RANGE_HEADER: str(due.first_page)})


def death_of_owed(letter: OwedLetter) -> Death:
    """Say why a job died.

    The host is that of whoever writes the letter: most often the worker that gave up, as its own event wakes it.
    """
    return Death(
        code=letter.error.code,
        message=letter.error.message,
        at=letter.failed_at,
        attempt=letter.charged,
        worker=socket.gethostname(),
    )
