from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest
from structlog.testing import capture_logs

from llamaparse_worker.model.job import JobResult, JobStatus, Lease, OutboxEvent
from llamaparse_worker.testing.broker import MemoryBroker
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.jobs_samples import a_job
from llamaparse_worker.worker.upkeep import GATHER_S, Upkeep

pytestmark = pytest.mark.anyio


class Counting(MemoryJobStore):
    """Counts how often events are read."""

    reads = 0

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        self.reads += 1
        return await super().outbox(limit=limit)


class Telling(MemoryBroker):
    """Tells of the first event."""

    def __init__(self) -> None:
        super().__init__()
        self.told = anyio.Event()

    async def announce(self, event: OutboxEvent) -> None:
        await super().announce(event)
        self.told.set()


@asynccontextmanager
async def running(store: MemoryJobStore, broker: MemoryBroker) -> AsyncIterator[Upkeep]:
    upkeep = Upkeep(broker, store, interval_s=60, on_dead_letter=lambda _code: None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upkeep.run)
        await anyio.sleep(2 * GATHER_S)  # its first round is over, and no event was there
        yield upkeep
        tasks.cancel_scope.cancel()


async def end_job(name: str, store: MemoryJobStore, upkeep: Upkeep) -> None:
    lease = await store.claim(a_job(name), body=b"", headers={}, lease_s=60, max_attempts=3)
    assert isinstance(lease, Lease)
    event = OutboxEvent(id=f"event-{name}", kind="job.completed", body=b"{}")
    await store.finish(lease, JobResult(status=JobStatus.COMPLETED), events=(event,))
    upkeep.wake()


async def test_the_event_of_a_single_job_goes_out_at_once() -> None:
    store, broker = MemoryJobStore(), Telling()
    async with running(store, broker) as upkeep:
        await end_job("only", store, upkeep)
        with anyio.fail_after(0.8 * GATHER_S):
            await broker.told.wait()

        assert [event.id for event in broker.announced] == ["event-only"]


async def test_events_that_follow_each_other_are_read_together() -> None:
    store, broker = Counting(), MemoryBroker()
    async with running(store, broker) as upkeep:
        before = store.reads
        for number in range(10):
            await end_job(f"job-{number}", store, upkeep)
            await anyio.sleep(GATHER_S / 50)
        await anyio.sleep(2 * GATHER_S)

        assert len(broker.announced) == 10
        assert store.reads - before <= 3


async def test_the_end_sends_what_is_left_without_waiting_for_more() -> None:
    store, broker = MemoryJobStore(), MemoryBroker()
    async with running(store, broker) as upkeep:
        await end_job("first", store, upkeep)
        await anyio.sleep(GATHER_S / 5)
        await end_job("last", store, upkeep)
        with anyio.fail_after(2 * GATHER_S):
            await upkeep.end()

        assert [event.id for event in broker.announced] == ["event-first", "event-last"]


class Ailing(MemoryJobStore):
    """Fails as nobody expects, once each way."""

    def __init__(self) -> None:
        super().__init__()
        self.sweeps = self.looks = 0

    async def sweep(self) -> int:
        self.sweeps += 1
        if self.sweeps == 1:
            raise ValueError("a bug")
        return await super().sweep()

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        self.looks += 1
        if self.looks == 1:
            raise KeyError("another")
        return await super().outbox(limit=limit)


async def test_an_error_that_nobody_expected_is_logged_and_counted_and_the_work_goes_on_after_a_pause() -> None:
    store, broker, bugs = Ailing(), Telling(), list[float]()
    upkeep = Upkeep(
        broker,
        store,
        interval_s=0.1,
        on_dead_letter=lambda _code: None,
        on_bug=lambda: bugs.append(anyio.current_time()),
    )
    with capture_logs() as logs:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(upkeep.run)
            await end_job("only", store, upkeep)
            began = anyio.current_time()
            with anyio.fail_after(5):
                await broker.told.wait()
                while store.sweeps < 2:  # noqa: ASYNC110 - the store tells nobody
                    await anyio.sleep(0.01)
            assert anyio.current_time() - began >= 0.09
            tasks.cancel_scope.cancel()

    errors = [log for log in logs if log["event"] == "upkeep.internal_error"]
    assert len(bugs) == len(errors) == 2
    assert all(error["exc_info"] for error in errors)
