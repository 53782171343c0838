"""Jobs that are split into page ranges: a part of the job store's contract."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    Claim,
    Job,
    JobStatus,
    Lease,
    PageError,
    Progress,
    Refusal,
    StoreCounts,
    TenantLimit,
)
from llamaparse_worker.model.ranges import PageRange, RangeClaim, RangeLease, RangeRecord, RangeStatus
from llamaparse_worker.testing.jobs_samples import (
    BODY,
    COMPLETED,
    HEADERS,
    LONG_S,
    SHORT_S,
    a_job,
    claim,
    exhaust,
    expire,
    leased,
    status_of,
)

RANGES = (PageRange(1, 10), PageRange(11, 20), PageRange(21, 25))
DONE = Progress(10, 10)


async def split(store: JobStore, job: Job, *, keep_s: float = LONG_S) -> Lease:
    """Claim a job and split it; gives the lease that did so."""
    lease = await leased(store, job)
    if not await store.ranges.split(lease, RANGES, total=25, keep_s=keep_s):
        pytest.fail("the job was not split")
    return lease


async def claim_range(
    store: JobStore, job: Job, first_page: int, *, lease_s: float = LONG_S, max_attempts: int = 3
) -> RangeClaim:
    """Claim a range as a worker does when its message arrives."""
    return await store.ranges.claim(job.id, first_page, lease_s=lease_s, max_attempts=max_attempts, keep_s=LONG_S)


async def leased_range(store: JobStore, job: Job, first_page: int, *, lease_s: float = LONG_S) -> RangeLease:
    """Claim a range where that must succeed."""
    found = await claim_range(store, job, first_page, lease_s=lease_s)
    if not isinstance(found, RangeLease):
        pytest.fail(f"the claim was refused: {found}")
    return found


async def finish(store: JobStore, lease: RangeLease, errors: Sequence[PageError] = ()) -> bool:
    """End a range."""
    return await store.ranges.finish(lease, DONE, errors, keep_s=LONG_S)


async def progress_of(store: JobStore, job: Job) -> Progress:
    """Read the progress of a job that must exist."""
    record = await store.get(job.id)
    if record is None:
        pytest.fail(f"{job.id} has no row")
    return record.progress


@pytest.mark.anyio
class RangesConformance:
    """A split job waits for its ranges, and each of them is done once."""

    async def test_a_split_job_runs_and_no_worker_has_it(self, store: JobStore) -> None:
        job = a_job()
        lease = await split(store, job)

        assert await status_of(store, job.id) is JobStatus.RUNNING
        assert await progress_of(store, job) == Progress(25)
        assert await claim(store, job) is Refusal.HELD
        assert await store.renew(lease, lease_s=LONG_S, progress=Progress(25)) is JobStatus.PENDING
        assert not await store.finish(lease, COMPLETED, events=())
        assert not await store.ranges.split(lease, RANGES, total=25, keep_s=LONG_S)
        assert await store.sweep() == 0

    async def test_each_range_is_due_once_and_again_where_nobody_confirms(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)

        due = await store.ranges.due(limit=2, publish_within_s=SHORT_S)
        assert [(one.job_id, one.first_page) for one in due] == [(job.id, 1), (job.id, 11)]
        assert (due[0].body, dict(due[0].headers)) == (BODY, HEADERS)
        (last,) = await store.ranges.due(limit=10, publish_within_s=SHORT_S)
        await store.ranges.published(due[0])
        await store.ranges.published(last)
        await expire()

        assert await store.ranges.due(limit=10, publish_within_s=SHORT_S) == (due[1],)

    async def test_a_range_is_held_by_one_worker_and_done_once(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)

        lease = await leased_range(store, job, 11)
        assert (lease.pages, lease.attempt, lease.progress) == (PageRange(11, 20), 1, Progress())
        assert await claim_range(store, job, 11) is Refusal.HELD
        assert isinstance(await claim_range(store, job, 21), RangeLease)
        assert await finish(store, lease)

        assert await claim_range(store, job, 11) is Refusal.HELD
        assert not await finish(store, lease)

    async def test_the_last_range_makes_the_job_due(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        failed = PageError(12, ErrorReport("TIMEOUT", "too slow"))
        for first, errors in ((1, ()), (11, (failed,))):
            assert await finish(store, await leased_range(store, job, first), errors)
        assert await store.due(limit=10, publish_within_s=LONG_S) == ()

        assert await finish(store, await leased_range(store, job, 21))

        (due,) = await store.due(limit=10, publish_within_s=SHORT_S)
        assert (due.job_id, due.attempt, due.body) == (job.id, 0, BODY)
        await store.published(due)
        await expire()
        assert await store.due(limit=10, publish_within_s=SHORT_S) == ()
        lease = await leased(store, job)
        assert (lease.attempt, lease.progress, lease.resumes) == (1, Progress(25, 30), True)
        assert await store.ranges.of(job.id) == (
            RangeRecord(RANGES[0], RangeStatus.COMPLETED),
            RangeRecord(RANGES[1], RangeStatus.COMPLETED, (failed,)),
            RangeRecord(RANGES[2], RangeStatus.COMPLETED),
        )
        assert not await store.ranges.split(lease, RANGES, total=25, keep_s=LONG_S), "it is split once"
        assert await store.finish(lease, COMPLETED, events=())

    async def test_ranges_that_end_at_once_make_the_job_due_once(self, store: JobStore) -> None:
        jobs = [a_job() for _ in range(5)]
        leases = []
        for job in jobs:
            await split(store, job)
            leases += [await leased_range(store, job, one.first) for one in RANGES]

        async with anyio.create_task_group() as tasks:
            for lease in leases:
                tasks.start_soon(finish, store, lease)

        due = await store.due(limit=10, publish_within_s=LONG_S)
        assert sorted(one.job_id for one in due) == sorted(job.id for job in jobs)

    async def test_progress_is_that_of_all_ranges(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        first, second = await leased_range(store, job, 1), await leased_range(store, job, 11)

        assert await store.ranges.renew(first, lease_s=LONG_S, progress=Progress(10, 4, 1)) is JobStatus.RUNNING
        assert await store.ranges.renew(second, lease_s=LONG_S, progress=Progress(10, 3)) is JobStatus.RUNNING
        assert await progress_of(store, job) == Progress(25, 7, 1)
        await finish(store, second)
        assert await progress_of(store, job) == Progress(25, 14, 1)
        assert await store.ranges.renew(first, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING
        assert await progress_of(store, job) == Progress(25, 14, 1)

        await store.cancel(job.id)
        assert await progress_of(store, job) == Progress(25, 14, 1)

    async def test_a_lost_range_is_due_alone_and_counted(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        lost, held = await leased_range(store, job, 1, lease_s=SHORT_S), await leased_range(store, job, 11)
        for one in await store.ranges.due(limit=10, publish_within_s=LONG_S):
            await store.ranges.published(one)
        await expire()

        assert await store.ranges.sweep() == 1

        (due,) = await store.ranges.due(limit=10, publish_within_s=LONG_S)
        assert (due.first_page, due.attempt) == (1, 1)
        assert await store.ranges.renew(lost, lease_s=LONG_S, progress=DONE) is JobStatus.PENDING
        assert not await finish(store, lost)
        assert await store.ranges.renew(held, lease_s=LONG_S, progress=DONE) is JobStatus.RUNNING
        assert (await leased_range(store, job, 1)).attempt == 2

    async def test_a_range_that_loses_each_worker_fails_and_the_job_goes_on(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        for one in RANGES[1:]:
            await finish(store, await leased_range(store, job, one.first))
        for _ in range(2):
            assert isinstance(await claim_range(store, job, 1, lease_s=SHORT_S, max_attempts=2), RangeLease)
            await expire()

        assert await claim_range(store, job, 1, max_attempts=2) is Refusal.EXHAUSTED

        assert [one.job_id for one in await store.due(limit=10, publish_within_s=LONG_S)] == [job.id]
        records = await store.ranges.of(job.id)
        assert [one.status for one in records] == [RangeStatus.FAILED, RangeStatus.COMPLETED, RangeStatus.COMPLETED]
        assert await claim_range(store, job, 1, max_attempts=2) is Refusal.HELD

    async def test_a_retry_waits_and_a_release_counts_no_attempt(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        for one in await store.ranges.due(limit=10, publish_within_s=LONG_S):
            await store.ranges.published(one)

        lease = await leased_range(store, job, 1)
        assert await store.ranges.retry_later(lease, delay_s=LONG_S)
        assert await claim_range(store, job, 1) is Refusal.HELD
        assert not await store.ranges.retry_later(lease, delay_s=0)

        lease = await leased_range(store, job, 11)
        assert await store.ranges.release(lease, publish_within_s=SHORT_S)
        assert not await store.ranges.release(lease, publish_within_s=SHORT_S)
        await expire()
        (due,) = await store.ranges.due(limit=10, publish_within_s=SHORT_S)
        assert (due.first_page, due.attempt, due.released) == (11, 0, lease.token)
        await store.ranges.published(due)
        await expire()
        assert await store.ranges.due(limit=10, publish_within_s=SHORT_S) == ()
        assert (await leased_range(store, job, 11)).attempt == 1

    async def test_a_cancelled_job_has_no_ranges_any_more(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        lease = await leased_range(store, job, 1)

        assert await store.cancel(job.id) is JobStatus.CANCELLED

        assert await store.ranges.renew(lease, lease_s=LONG_S, progress=DONE) is JobStatus.CANCELLED
        assert not await finish(store, lease)
        assert await claim_range(store, job, 11) is Refusal.FINISHED
        assert await store.ranges.due(limit=10, publish_within_s=LONG_S) == ()
        assert await store.ranges.of(job.id) == ()

    async def test_a_range_of_nobody_is_told_apart(self, store: JobStore) -> None:
        job = a_job()
        assert await claim_range(store, job, 1) is None
        await leased(store, job)
        assert await claim_range(store, job, 1) is Refusal.HELD

    async def test_a_job_whose_ranges_do_not_end_is_free_again_and_they_mean_nothing(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job, keep_s=SHORT_S)
        await expire()

        assert await store.sweep() == 1
        lease = await leased(store, job)

        assert lease.attempt == 1
        assert await claim_range(store, job, 1) is Refusal.HELD
        assert await store.ranges.due(limit=10, publish_within_s=LONG_S) == ()
        assert await store.counts() == StoreCounts(running=1, delayed=0)
        assert await store.finish(lease, COMPLETED, events=())

    async def test_a_job_waits_as_long_as_its_ranges_end_one_by_one(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job, keep_s=SHORT_S)
        assert await finish(store, await leased_range(store, job, 1))
        await expire()

        assert await store.sweep() == 0

    async def test_a_reopened_job_may_be_split_anew(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        for one in RANGES:
            await finish(store, await leased_range(store, job, one.first))
        (due,) = await store.due(limit=10, publish_within_s=LONG_S)
        for end in (store.published(due), exhaust(store, job)):
            await end
            await store.reopen(job.id, publish_within_s=LONG_S)

            assert await store.ranges.of(job.id) == ()
            lease = await leased(store, job)
            assert await store.ranges.split(lease, RANGES, total=25, keep_s=LONG_S)
            for one in RANGES:
                await finish(store, await leased_range(store, job, one.first))

    async def test_ranges_count_as_work(self, store: JobStore) -> None:
        job = a_job()
        await split(store, job)
        assert await store.counts() == StoreCounts(running=1, delayed=3)
        for one in await store.ranges.due(limit=10, publish_within_s=LONG_S):
            await store.ranges.published(one)
        await leased_range(store, job, 1)
        lost = await leased_range(store, job, 11, lease_s=SHORT_S)
        await expire()

        assert await store.counts() == StoreCounts(running=2, delayed=1)
        assert lost.attempt == 1

    async def test_a_split_job_is_one_of_its_tenant(self, store: JobStore) -> None:
        limit = TenantLimit(running=1, pause_s=LONG_S)
        await split(store, a_job(tenant="acme"))
        other = a_job(tenant="acme")

        found: Claim = await store.claim(
            other, body=BODY, headers=HEADERS, lease_s=LONG_S, max_attempts=3, tenant_limit=limit
        )

        assert found is Refusal.POSTPONED
