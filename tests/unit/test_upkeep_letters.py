"""A dead letter that is owed is written by whichever worker comes first, whatever else fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import anyio
import pytest

from llamaparse_worker.errors import BackendUnavailable, ErrorReport
from llamaparse_worker.interfaces import Message
from llamaparse_worker.model.dead_letter import Death, death_of
from llamaparse_worker.model.job import JobResult, JobStatus, Lease, OutboxEvent
from llamaparse_worker.testing.broker import MemoryBroker
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.jobs_samples import a_job, an_event
from llamaparse_worker.wire import utc_now
from llamaparse_worker.worker.upkeep import BURY_WITHIN_S, Upkeep

pytestmark = pytest.mark.anyio

ERROR = ErrorReport("STORAGE_FULL", "no space is left")


class Failing(MemoryBroker):
    """Takes no event, and no dead letter at the first try."""

    def __init__(self) -> None:
        super().__init__()
        self.tries = 0

    async def announce(self, event: OutboxEvent) -> None:
        raise BackendUnavailable(f"no exchange for {event.kind}")

    async def bury(self, message: Message, death: Death) -> None:
        self.tries += 1
        if self.tries == 1:
            raise BackendUnavailable("no dead-letter queue")
        await super().bury(message, death)


@asynccontextmanager
async def running(store: MemoryJobStore, broker: MemoryBroker, told: list[str]) -> AsyncIterator[None]:
    upkeep = Upkeep(broker, store, interval_s=0.02, on_dead_letter=told.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upkeep.run)
        yield
        tasks.cancel_scope.cancel()


async def fail_job(store: MemoryJobStore) -> None:
    lease = await store.claim(a_job("job-1"), body=b"{}", headers={"traceparent": "00"}, lease_s=60, max_attempts=3)
    assert isinstance(lease, Lease)
    failed = JobResult(status=JobStatus.FAILED, error=ERROR)
    assert await store.finish(lease, failed, events=[an_event("job.failed")], owes_letter=True)


async def buried(broker: MemoryBroker) -> Message:
    with anyio.fail_after(5):
        while not broker.buried:  # noqa: ASYNC110 - a broker in memory tells nobody
            await anyio.sleep(0.01)
    (letter,) = broker.buried
    return letter


async def test_a_worker_writes_the_letter_of_one_that_died() -> None:
    store, broker, told = MemoryJobStore(), MemoryBroker(), list[str]()
    await fail_job(store)

    async with running(store, broker, told):
        letter = await buried(broker)
        await anyio.sleep(0.1)

    death = death_of(letter.headers)
    assert (letter.id, letter.body, letter.headers["traceparent"]) == ("job-1", b"{}", "00")
    assert (death.code, death.message, death.attempt) == (ERROR.code, ERROR.message, 1)
    assert death.worker
    assert told == [ERROR.code], "written and counted once"


async def test_a_letter_that_failed_is_written_later_even_where_no_event_can_be_sent() -> None:
    ahead = timedelta()

    def clock() -> datetime:
        return utc_now() + ahead

    store, broker, told = MemoryJobStore(clock), Failing(), list[str]()
    await fail_job(store)

    async with running(store, broker, told):
        with anyio.fail_after(5):
            while not broker.tries:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        await anyio.sleep(0.1)
        assert broker.tries == 1, "it is not tried again before its time"
        ahead = timedelta(seconds=BURY_WITHIN_S)
        await buried(broker)

    assert told == [ERROR.code]
