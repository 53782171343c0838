from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import pytest

from llamaparse_worker.errors import StorageFull
from llamaparse_worker.model.job import JobStatus, Lease, Progress
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.jobs_samples import a_job
from llamaparse_worker.worker.lease import Heartbeat

pytestmark = pytest.mark.anyio

LEASE_S = 0.15


class FullOnce(MemoryJobStore):
    """Has no space for the first renewal."""

    full = True

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        if self.full:
            self.full = False
            raise StorageFull("no space")
        return await super().renew(lease, lease_s=lease_s, progress=progress)


async def claimed(store: MemoryJobStore) -> Lease:
    lease = await store.claim(a_job("job"), body=b"", headers={}, lease_s=LEASE_S, max_attempts=3)
    assert isinstance(lease, Lease)
    return lease


@asynccontextmanager
async def beating(store: MemoryJobStore, lease: Lease) -> AsyncIterator[tuple[Heartbeat[Lease], anyio.CancelScope]]:
    heart = Heartbeat(store, lease, lease_s=LEASE_S)
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as attempt:
            tasks.start_soon(heart.beat, attempt)
            yield heart, attempt
        tasks.cancel_scope.cancel()


async def test_a_heart_confirms_its_lease_only_while_the_store_says_so() -> None:
    store = MemoryJobStore()
    lease = await claimed(store)
    heart = Heartbeat(store, lease, lease_s=LEASE_S)
    heart.note(Progress(total=3, done=2))
    assert await heart.confirm()
    store.away = True
    assert not await heart.confirm()
    store.away = False
    await store.cancel(lease.job_id)
    assert not await heart.confirm()
    record = await store.get(lease.job_id)
    assert record is not None
    assert record.progress == Progress(total=3, done=2)


async def test_a_heart_begins_with_the_progress_of_an_earlier_attempt() -> None:
    store = MemoryJobStore()
    lease = replace(await claimed(store), progress=Progress(total=9, done=4))
    assert await Heartbeat(store, lease, lease_s=LEASE_S).confirm()
    record = await store.get(lease.job_id)
    assert record is not None
    assert record.progress == lease.progress


async def test_a_beating_heart_keeps_the_lease_and_stores_the_progress() -> None:
    store = MemoryJobStore()
    lease = await claimed(store)

    async with beating(store, lease) as (heart, attempt):
        heart.note(Progress(total=4, done=3))
        await anyio.sleep(3 * LEASE_S)
        record = await store.get("job")
        assert await store.renew(lease, lease_s=LEASE_S, progress=Progress()) is JobStatus.RUNNING

    assert record is not None
    assert record.progress == Progress(total=4, done=3)
    assert not attempt.cancelled_caught
    assert heart.stopped_by is None


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.PENDING])
async def test_an_attempt_whose_job_was_taken_away_is_stopped_with_the_reason(status: JobStatus) -> None:
    store = MemoryJobStore()
    lease = await claimed(store)

    async with beating(store, lease) as (heart, attempt):
        if status is JobStatus.CANCELLED:
            await store.cancel("job")
        else:
            await store.release(lease, publish_within_s=60)
        await anyio.sleep(3 * LEASE_S)

    assert attempt.cancelled_caught
    assert heart.stopped_by is status


async def test_a_store_that_is_away_stops_the_attempt_once_the_lease_is_over_and_not_before() -> None:
    store = MemoryJobStore()
    lease = await claimed(store)
    store.away = True
    started = anyio.current_time()

    async with beating(store, lease) as (_, attempt):
        await anyio.sleep(5)

    assert attempt.cancelled_caught
    assert LEASE_S <= anyio.current_time() - started < 4 * LEASE_S


async def test_a_full_store_is_waited_for_like_one_that_is_away() -> None:
    store = FullOnce()
    lease = await claimed(store)

    async with beating(store, lease) as (heart, _):
        await anyio.sleep(2 * LEASE_S)

    assert heart.stopped_by is None
