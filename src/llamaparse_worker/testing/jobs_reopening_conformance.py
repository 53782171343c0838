"""How an operator leads a failed job back: a part of the job store's contract."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    DueJob,
    JobResult,
    JobStatus,
    PageError,
    Progress,
    Refusal,
    Reopening,
)
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

_ERROR = ErrorReport("BACKEND_UNAVAILABLE", "the bucket is away")
_FAILED = JobResult(
    status=JobStatus.FAILED,
    result_prefix="results/a/1",
    error=_ERROR,
    progress=Progress(3, 1, 2),
    page_errors=(PageError(2, _ERROR),),
)


@pytest.mark.anyio
class ReopeningConformance:
    """What becomes of a job whose dead letter is retried, whatever it is by then."""

    async def test_a_failed_job_waits_again_as_if_nothing_had_come_of_it(self, store: JobStore) -> None:
        job = a_job()
        await store.finish(await leased(store, job), _FAILED, events=[])

        assert await store.reopen(job.id, publish_within_s=LONG_S) == DueJob(job.id, 1, BODY, HEADERS)

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.error, record.result_prefix) == (JobStatus.PENDING, None, None)
        assert (record.progress, record.page_errors) == (Progress(), ())
        assert (record.lease_until, record.next_run_at) == (None, None)

    async def test_a_reopened_job_has_all_attempts_before_it_and_their_numbers_count_on(self, store: JobStore) -> None:
        job = a_job()
        await exhaust(store, job)
        await store.reopen(job.id, publish_within_s=LONG_S)

        third = await leased(store, job, max_attempts=2)
        assert (third.attempt, third.charged) == (3, 1)
        await store.retry_later(third, delay_s=0, reason="later")
        fourth = await leased(store, job, max_attempts=2)
        assert (fourth.attempt, fourth.charged) == (4, 2)
        await store.retry_later(fourth, delay_s=0, reason="later")
        assert await claim(store, job, max_attempts=2) is Refusal.EXHAUSTED

        assert isinstance(await store.reopen(job.id, publish_within_s=LONG_S), DueJob)
        assert (await leased(store, job, max_attempts=2)).attempt == 5

    async def test_a_drain_does_not_charge_a_reopened_job(self, store: JobStore) -> None:
        job = a_job()
        await exhaust(store, job)
        await store.reopen(job.id, publish_within_s=LONG_S)
        for _ in range(3):
            assert await store.release(await leased(store, job, max_attempts=2), publish_within_s=LONG_S)

        assert (await leased(store, job, max_attempts=2)).charged == 1

    async def test_the_lease_from_before_is_void(self, store: JobStore) -> None:
        job = a_job()
        old = await leased(store, job, lease_s=SHORT_S, max_attempts=1)
        await expire()
        assert await claim(store, job, max_attempts=1) is Refusal.EXHAUSTED
        await store.reopen(job.id, publish_within_s=LONG_S)
        new = await leased(store, job, max_attempts=1)

        assert old.token != new.token
        assert await store.renew(old, lease_s=LONG_S, progress=Progress()) is JobStatus.PENDING
        assert not await store.finish(old, COMPLETED, events=[])
        assert await store.finish(new, COMPLETED, events=[])

    async def test_a_reopened_job_that_nobody_published_is_due(self, store: JobStore) -> None:
        job, confirmed = a_job(), a_job()
        for one in (job, confirmed):
            await store.finish(await leased(store, one), _FAILED, events=[])
        await store.reopen(job.id, publish_within_s=SHORT_S)
        due = await store.reopen(confirmed.id, publish_within_s=SHORT_S)
        assert isinstance(due, DueJob)
        await store.published(due)

        await expire()

        assert [one.job_id for one in await store.due(limit=10, publish_within_s=LONG_S)] == [job.id]

    async def test_reopening_again_gives_the_message_and_forgives_nothing_more(self, store: JobStore) -> None:
        job = a_job()
        await exhaust(store, job)
        first = await store.reopen(job.id, publish_within_s=LONG_S)

        assert await store.reopen(job.id, publish_within_s=LONG_S) == first

        assert (await leased(store, job, max_attempts=2)).charged == 1

    async def test_a_waiting_job_keeps_what_it_was_charged(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=0, reason="later")
        (due,) = await store.due(limit=10, publish_within_s=LONG_S)
        await store.published(due)

        assert await store.reopen(job.id, publish_within_s=LONG_S) == due

        assert (await leased(store, job)).charged == 2

    async def test_a_job_that_waits_for_its_time_is_left_alone(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=LONG_S, reason="later")

        assert await store.reopen(job.id, publish_within_s=LONG_S) is JobStatus.PENDING

        assert await claim(store, job) is Refusal.HELD

    async def test_a_running_job_is_left_alone(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)

        assert await store.reopen(job.id, publish_within_s=LONG_S) is JobStatus.RUNNING

        assert await store.finish(lease, COMPLETED, events=[])

    async def test_a_completed_job_is_left_alone(self, store: JobStore) -> None:
        job = a_job()
        await store.finish(await leased(store, job), COMPLETED, events=[])

        assert await store.reopen(job.id, publish_within_s=LONG_S) is JobStatus.COMPLETED

        assert await claim(store, job) is Refusal.FINISHED

    async def test_a_cancelled_job_is_left_alone(self, store: JobStore) -> None:
        job = a_job()
        await store.cancel(job.id)

        assert await store.reopen(job.id, publish_within_s=LONG_S) is JobStatus.CANCELLED
        assert await status_of(store, job.id) is JobStatus.CANCELLED

    async def test_an_unknown_job_cannot_be_reopened(self, store: JobStore) -> None:
        assert await store.reopen("never-seen", publish_within_s=LONG_S) is None
        assert await store.get("never-seen") is None

    async def test_of_many_who_reopen_at_once_none_forgives_twice(self, store: JobStore) -> None:
        job = a_job()
        await exhaust(store, job)
        found: list[Reopening] = []

        async def one() -> None:
            found.append(await store.reopen(job.id, publish_within_s=LONG_S))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert found == [DueJob(job.id, 2, BODY, HEADERS)] * 4
        assert (await leased(store, job, max_attempts=2)).charged == 1
