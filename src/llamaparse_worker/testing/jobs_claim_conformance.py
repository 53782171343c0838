"""Who may work on a job, and who may write about it: a part of the job store's contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    Claim,
    JobResult,
    JobStatus,
    Lease,
    Progress,
    Refusal,
)
from llamaparse_worker.testing.jobs_samples import (
    BODY,
    COMPLETED,
    HEADERS,
    LONG_S,
    SHORT_S,
    a_job,
    an_event,
    claim,
    expire,
    leased,
    status_of,
)


@pytest.mark.anyio
class ClaimConformance:
    """Who may work on a job, and who may write about it."""

    async def test_a_message_without_a_row_creates_one_and_takes_it(self, store: JobStore) -> None:
        job = a_job(project="invoices", tenant="acme")
        before = datetime.now(tz=UTC) - timedelta(seconds=5)

        lease = await leased(store, job)

        record = await store.get(job.id)
        assert record is not None
        assert (lease.job_id, lease.attempt) == (job.id, 1)
        assert (record.status, record.attempt, record.file_name) == (JobStatus.RUNNING, 1, "report.pdf")
        assert (record.project, record.tenant, record.prefix) == ("invoices", "acme", f"results/{job.id}")
        assert before < record.created_at <= record.updated_at
        assert record.lease_until is not None
        assert timedelta(seconds=50) < record.lease_until - record.updated_at < timedelta(seconds=70)

    async def test_a_submitted_job_waits_until_it_is_claimed(self, store: JobStore) -> None:
        job = a_job()
        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=LONG_S)
        assert await status_of(store, job.id) is JobStatus.PENDING

        lease = await leased(store, job)

        assert lease.attempt == 1
        assert await status_of(store, job.id) is JobStatus.RUNNING

    async def test_submitting_twice_keeps_the_first(self, store: JobStore) -> None:
        job = a_job(project="first")
        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=LONG_S)
        await store.submit(a_job(job.id, project="second"), body=b"{}", headers={}, publish_within_s=LONG_S)

        record = await store.get(job.id)

        assert record is not None
        assert record.project == "first"

    async def test_submitting_does_not_disturb_a_running_job(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)

        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=LONG_S)

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING

    async def test_of_many_claims_at_once_exactly_one_gets_the_lease(self, store: JobStore) -> None:
        job = a_job()
        claims: list[Claim] = []

        async def one() -> None:
            claims.append(await claim(store, job))

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(one)

        assert sum(isinstance(found, Lease) for found in claims) == 1
        assert claims.count(Refusal.HELD) == 11
        record = await store.get(job.id)
        assert record is not None
        assert record.attempt == 1

    async def test_of_many_claims_on_an_expired_lease_exactly_one_succeeds(self, store: JobStore) -> None:
        job = a_job()
        await leased(store, job, lease_s=SHORT_S)
        await expire()
        claims: list[Claim] = []

        async def one() -> None:
            claims.append(await claim(store, job))

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(one)

        assert [found.attempt for found in claims if isinstance(found, Lease)] == [2]
        assert claims.count(Refusal.HELD) == 5

    async def test_an_expired_lease_that_nobody_took_can_still_finish(self, store: JobStore) -> None:
        lease = await leased(store, a_job(), lease_s=SHORT_S)
        await expire()

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.RUNNING
        assert await store.finish(lease, COMPLETED, events=[])

    async def test_every_write_of_an_old_lease_is_refused(self, store: JobStore) -> None:
        job = a_job()
        old = await leased(store, job, lease_s=SHORT_S)
        await expire()
        new = await leased(store, job)

        assert await store.renew(old, lease_s=LONG_S, progress=Progress(9, 9, 9)) is JobStatus.PENDING
        assert not await store.finish(old, COMPLETED, events=[an_event()])
        assert not await store.retry_later(old, delay_s=0, reason="old")
        assert not await store.release(old, publish_within_s=60)

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.attempt, record.progress) == (JobStatus.RUNNING, 2, Progress())
        assert await store.outbox(limit=10) == ()
        assert await store.finish(new, COMPLETED, events=[])

    async def test_every_write_after_the_end_is_refused(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)
        assert await store.finish(lease, COMPLETED, events=[])

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.COMPLETED
        assert not await store.finish(lease, JobResult(status=JobStatus.FAILED), events=[an_event("job.failed")])
        assert not await store.retry_later(lease, delay_s=0, reason="late")
        assert not await store.release(lease, publish_within_s=60)

        assert await status_of(store, job.id) is JobStatus.COMPLETED
        assert await store.outbox(limit=10) == ()

    @pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED])
    async def test_a_second_copy_of_a_finished_job_does_no_work(self, store: JobStore, status: JobStatus) -> None:
        job = a_job()
        assert await store.finish(await leased(store, job), JobResult(status=status), events=[])

        assert await claim(store, job) is Refusal.FINISHED
        assert await status_of(store, job.id) is status

    async def test_a_lease_of_an_unknown_job_is_lost(self, store: JobStore) -> None:
        unknown = Lease("never-seen", "token", 1)

        assert await store.renew(unknown, lease_s=LONG_S, progress=Progress()) is JobStatus.PENDING
        assert not await store.finish(unknown, COMPLETED, events=[])
