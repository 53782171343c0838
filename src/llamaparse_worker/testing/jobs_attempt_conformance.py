"""Attempts, waiting and lost workers: a part of the job store's contract."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    Claim,
    DueJob,
    Job,
    JobStatus,
    Priority,
    Progress,
    Refusal,
    StoreCounts,
)
from llamaparse_worker.testing.jobs_samples import (
    BODY,
    COMPLETED,
    HEADERS,
    LONG_S,
    SHORT_S,
    a_job,
    claim,
    expire,
    leased,
    status_of,
)
from llamaparse_worker.wire import JobEvent


@pytest.mark.anyio
class AttemptConformance:
    """Attempts, waiting, and what becomes of a job whose worker is gone."""

    async def test_a_retry_waits_for_its_time_and_is_due_until_published(self, store: JobStore) -> None:
        job = a_job()
        assert await store.retry_later(await leased(store, job), delay_s=SHORT_S, reason="the bucket is away")
        assert await store.due(limit=10, publish_within_s=SHORT_S) == ()
        record = await store.get(job.id)
        assert record is not None
        assert record.retry_reason == "the bucket is away"

        await expire()

        (due,) = await store.due(limit=10, publish_within_s=SHORT_S)
        assert (due.job_id, due.attempt, due.body, dict(due.headers)) == (job.id, 1, BODY, HEADERS)
        assert await store.due(limit=10, publish_within_s=SHORT_S) == ()
        await expire()
        assert await store.due(limit=10, publish_within_s=SHORT_S) == (due,)
        await store.published(due)
        await expire()
        assert await store.due(limit=10, publish_within_s=SHORT_S) == ()
        assert await status_of(store, job.id) is JobStatus.PENDING
        assert (await leased(store, job)).attempt == 2

    async def test_a_wait_that_is_not_charged_costs_no_attempt_however_often(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job, max_attempts=1)
        assert await store.retry_later(lease, delay_s=0, reason="no model", charged=False)
        (first,) = await store.due(limit=10, publish_within_s=LONG_S)
        again = await leased(store, job, max_attempts=1)
        assert (first.attempt, again.attempt, again.charged) == (0, 1, 1)
        assert await store.retry_later(again, delay_s=0, reason="no model", charged=False)
        assert not await store.retry_later(again, delay_s=0, reason="late", charged=False)
        (second,) = await store.due(limit=10, publish_within_s=SHORT_S)

        await store.published(first)  # comes late, and is of the wait before
        await expire()

        assert await store.due(limit=10, publish_within_s=LONG_S) == (second,)
        assert (await leased(store, job, max_attempts=1)).attempt == 1

    async def test_a_duplicate_does_not_cut_the_pause_before_a_retry_short(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=LONG_S, reason="later")

        assert await claim(store, job) is Refusal.HELD

        assert await store.counts() == StoreCounts(running=0, delayed=1)

    async def test_a_job_that_nobody_published_in_time_is_due(self, store: JobStore) -> None:
        submitted, released, confirmed, in_time = a_job(), a_job(), a_job(), a_job()
        await store.submit(submitted, body=BODY, headers=HEADERS, publish_within_s=SHORT_S)
        assert await store.release(await leased(store, released), publish_within_s=SHORT_S)
        await store.published(await store.submit(confirmed, body=BODY, headers=HEADERS, publish_within_s=SHORT_S))
        await store.submit(in_time, body=BODY, headers=HEADERS, publish_within_s=LONG_S)

        await expire()

        assert await store.counts() == StoreCounts(running=0, delayed=2)
        due = await store.due(limit=10, publish_within_s=LONG_S)
        assert {(one.job_id, one.attempt) for one in due} == {(submitted.id, 0), (released.id, 0)}

    async def test_a_job_keeps_its_priority_wherever_it_waits(self, store: JobStore) -> None:
        urgent, idle = a_job(priority=Priority.CRITICAL), a_job(priority=Priority.LOW)
        submitted = await store.submit(urgent, body=BODY, headers=HEADERS, publish_within_s=0)
        assert submitted.priority is Priority.CRITICAL
        await store.retry_later(await leased(store, idle), delay_s=0, reason="later")

        due = await store.due(limit=10, publish_within_s=LONG_S)

        assert {one.job_id: one.priority for one in due} == {urgent.id: Priority.CRITICAL, idle.id: Priority.LOW}
        reopened = await store.reopen(idle.id, publish_within_s=LONG_S)
        assert isinstance(reopened, DueJob)
        assert reopened.priority is Priority.LOW

    async def test_workers_at_once_take_each_due_job_once(self, store: JobStore) -> None:
        for _ in range(8):
            await store.retry_later(await leased(store, a_job()), delay_s=0, reason="later")
        taken: list[str] = []

        async def one() -> None:
            taken.extend(due.job_id for due in await store.due(limit=10, publish_within_s=LONG_S))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert len(taken) == len(set(taken)) == 8

    async def test_a_late_confirmation_does_not_end_a_newer_wait(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=0, reason="first")
        (first,) = await store.due(limit=10, publish_within_s=LONG_S)
        await store.retry_later(await leased(store, job), delay_s=0, reason="second")

        await store.published(first)

        (second,) = await store.due(limit=10, publish_within_s=LONG_S)
        assert (second.job_id, second.attempt) == (job.id, 2)

    async def test_a_late_confirmation_does_not_end_the_wait_after_a_release(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=0, reason="first")
        (first,) = await store.due(limit=10, publish_within_s=LONG_S)
        assert await store.release(await leased(store, job), publish_within_s=0)

        await store.published(first)

        (second,) = await store.due(limit=10, publish_within_s=LONG_S)
        assert (second.job_id, second.attempt) == (job.id, 1)
        await store.published(second)
        assert not await store.due(limit=10, publish_within_s=LONG_S)

    async def test_the_confirmed_message_of_a_released_job_ends_its_wait(self, store: JobStore) -> None:
        lease = await leased(store, a_job())
        assert await store.release(lease, publish_within_s=0)

        await store.published(DueJob(lease.job_id, lease.attempt - 1, BODY, HEADERS, lease.token))

        assert not await store.due(limit=10, publish_within_s=LONG_S)

    async def test_the_jobs_that_are_due_longest_come_first(self, store: JobStore) -> None:
        jobs = [a_job() for _ in range(3)]
        for job, due_for_s in zip(jobs, (10, 30, 20), strict=True):
            await store.retry_later(await leased(store, job), delay_s=-due_for_s, reason="later")

        first = await store.due(limit=2, publish_within_s=LONG_S)
        assert {one.job_id for one in first} == {jobs[1].id, jobs[2].id}
        assert [one.job_id for one in await store.due(limit=2, publish_within_s=LONG_S)] == [jobs[0].id]

    async def test_a_release_is_charged_no_attempt(self, store: JobStore) -> None:
        job = a_job()
        for _ in range(5):
            assert await store.release(await leased(store, job, max_attempts=2), publish_within_s=LONG_S)

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.attempt, record.lease_until) == (JobStatus.PENDING, 0, None)
        assert await store.due(limit=10, publish_within_s=LONG_S) == ()
        assert (await leased(store, job, max_attempts=2)).attempt == 1

    async def test_a_claim_tells_how_far_an_earlier_attempt_was(self, store: JobStore) -> None:
        job, progress = a_job(), Progress(10, 4, 1)
        first = await leased(store, job)
        assert (first.progress, first.resumes) == (Progress(), False)
        await store.renew(first, lease_s=LONG_S, progress=progress)
        await store.renew(first, lease_s=LONG_S, progress=Progress())  # it was sent before, and came late
        await store.release(first, publish_within_s=LONG_S)

        second = await leased(store, job)
        assert (second.attempt, second.progress, second.resumes) == (1, progress, True)
        await store.retry_later(second, delay_s=0, reason="later")
        third = await leased(store, job)
        assert (third.attempt, third.progress, third.resumes) == (2, progress, True)

    @pytest.mark.parametrize("swept", [True, False])
    async def test_a_claim_tells_whether_the_attempt_before_it_was_lost(self, store: JobStore, *, swept: bool) -> None:
        job = a_job()
        first = await leased(store, job, lease_s=SHORT_S)
        await expire()
        if swept:
            await store.sweep()

        second = await leased(store, job)
        await store.release(second, publish_within_s=LONG_S)
        third = await leased(store, job)
        await store.retry_later(third, delay_s=0, reason="later")
        fourth = await leased(store, job)

        assert [one.after_loss for one in (first, second, third, fourth)] == [False, True, True, False]

    async def test_attempts_are_counted_until_they_are_used_up(self, store: JobStore) -> None:
        job = a_job(project="invoices", tenant="acme")
        for attempt in (1, 2):
            lease = await leased(store, job, lease_s=SHORT_S, max_attempts=2)
            assert lease.attempt == attempt
            await store.renew(lease, lease_s=SHORT_S, progress=Progress(10, 4, 1))
            await expire()

        assert await claim(store, job, max_attempts=2) is Refusal.EXHAUSTED

        await self._assert_exhausted(store, job)
        assert await claim(store, job, max_attempts=2) is Refusal.FINISHED

    async def test_a_waiting_job_without_attempts_left_fails_at_its_claim(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job, max_attempts=1), delay_s=0, reason="later")

        assert await claim(store, job, max_attempts=1) is Refusal.EXHAUSTED

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.attempt, record.next_run_at) == (JobStatus.FAILED, 1, None)
        assert [event.kind for event in await store.outbox(limit=10)] == ["job.failed"]

    async def test_of_many_claims_on_an_exhausted_job_one_reports_it(self, store: JobStore) -> None:
        job = a_job()
        await leased(store, job, lease_s=SHORT_S, max_attempts=1)
        await expire()
        claims: list[Claim] = []

        async def one() -> None:
            claims.append(await claim(store, job, max_attempts=1))

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(one)

        assert sorted(map(str, claims)) == ["exhausted", *["finished"] * 5]
        assert len(await store.outbox(limit=10)) == 1

    async def test_the_sweep_makes_a_lost_job_due_again(self, store: JobStore) -> None:
        job = a_job()
        lost = await leased(store, job, lease_s=SHORT_S)
        await expire()

        assert await store.sweep() == 1

        assert await status_of(store, job.id) is JobStatus.PENDING
        assert [one.job_id for one in await store.due(limit=10, publish_within_s=LONG_S)] == [job.id]
        assert not await store.finish(lost, COMPLETED, events=[])
        assert await store.renew(lost, lease_s=LONG_S, progress=Progress()) is JobStatus.PENDING

    async def test_a_lost_job_without_attempts_left_is_due_once_more_and_fails_at_its_claim(
        self, store: JobStore
    ) -> None:
        job = a_job(project="invoices", tenant="acme")
        for _ in range(2):
            lease = await leased(store, job, lease_s=SHORT_S)
            await store.renew(lease, lease_s=SHORT_S, progress=Progress(10, 4, 1))
            await expire()

        assert await store.sweep() == 1
        assert [one.job_id for one in await store.due(limit=10, publish_within_s=LONG_S)] == [job.id]
        assert await claim(store, job, max_attempts=2) is Refusal.EXHAUSTED

        await self._assert_exhausted(store, job)
        assert await store.sweep() == 0
        assert await store.due(limit=10, publish_within_s=LONG_S) == ()

    async def test_the_sweep_leaves_live_leases_and_waiting_jobs_alone(self, store: JobStore) -> None:
        running, waiting = a_job(), a_job()
        lease = await leased(store, running)
        await store.submit(waiting, body=BODY, headers={}, publish_within_s=LONG_S)

        assert await store.sweep() == 0

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING
        assert await status_of(store, waiting.id) is JobStatus.PENDING
        assert await store.due(limit=10, publish_within_s=LONG_S) == ()

    async def test_sweeps_at_once_free_each_lost_job_once(self, store: JobStore) -> None:
        for _ in range(8):
            await leased(store, a_job(), lease_s=SHORT_S)
        await expire()
        freed: list[int] = []

        async def one() -> None:
            freed.append(await store.sweep())

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(one)

        assert sum(freed) == 8
        assert len(await store.due(limit=100, publish_within_s=LONG_S)) == 8

    @staticmethod
    async def _assert_exhausted(store: JobStore, job: Job) -> None:
        record = await store.get(job.id)
        assert record is not None
        assert record.error is not None
        assert (record.status, record.attempt, record.error.code) == (JobStatus.FAILED, 2, "ATTEMPTS_EXHAUSTED")
        (event,) = await store.outbox(limit=10)
        told = JobEvent.model_validate_json(event.body)
        assert event.kind == told.kind == "job.failed"
        assert (told.job_id, told.status, told.attempt) == (job.id, JobStatus.FAILED, 2)
        assert (told.error_code, told.error_message) == (record.error.code, record.error.message)
        assert (told.project_id, told.tenant) == ("invoices", "acme")
        assert (told.pages.total, told.pages.done, told.pages.failed) == (10, 4, 1)
