"""How jobs end and what is told about it: a part of the job store's contract."""

from __future__ import annotations

import pytest

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    JobResult,
    JobStatus,
    PageError,
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
    an_event,
    claim,
    expire,
    leased,
    status_of,
)
from llamaparse_worker.wire import JobEvent


@pytest.mark.anyio
class OutcomeConformance:
    """How jobs end, what is told about it, and what is counted."""

    async def test_finish_stores_the_whole_result(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)
        result = JobResult(
            status=JobStatus.FAILED,
            result_prefix="results/a/1",
            error=ErrorReport("TOO_MANY_FAILED_PAGES", "2 of 3 pages failed"),
            progress=Progress(3, 1, 2),
            page_errors=(
                PageError(2, ErrorReport("PAGE_UNREADABLE", "damaged – «Seite»")),
                PageError(3, ErrorReport("TIMEOUT", "too slow")),
            ),
            usage={"pages": 1, "cost_usd": 0.25},
        )

        assert await store.finish(lease, result, events=[])

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.result_prefix, record.error) == (result.status, "results/a/1", result.error)
        assert (record.progress, record.page_errors) == (result.progress, result.page_errors)
        assert dict(record.usage) == {"pages": 1, "cost_usd": 0.25}
        assert (record.lease_until, record.next_run_at) == (None, None)

    async def test_events_are_told_in_order_until_they_are_sent(self, store: JobStore) -> None:
        first = [an_event(), an_event("job.audit")]
        second = [an_event()]
        await store.finish(await leased(store, a_job()), COMPLETED, events=first)
        await store.finish(await leased(store, a_job()), COMPLETED, events=second)

        assert await store.outbox(limit=10) == (*first, *second)
        assert await store.outbox(limit=1) == (first[0],)
        await store.sent([first[1].id])
        await store.sent([first[1].id])
        assert await store.outbox(limit=10) == (first[0], *second)
        await store.sent([event.id for event in (*first, *second)])
        assert await store.outbox(limit=10) == ()

    async def test_progress_is_seen_while_the_job_runs(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job, lease_s=SHORT_S)

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress(10, 4, 1)) is JobStatus.RUNNING

        record = await store.get(job.id)
        assert record is not None
        assert record.progress == Progress(10, 4, 1)
        await expire()
        assert await store.sweep() == 0
        assert await claim(store, job) is Refusal.HELD

    async def test_a_job_cancelled_before_its_claim_is_never_worked_on(self, store: JobStore) -> None:
        job = a_job()

        assert await store.cancel(job.id) is JobStatus.CANCELLED

        assert await claim(store, job) is Refusal.FINISHED
        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=LONG_S)
        assert await status_of(store, job.id) is JobStatus.CANCELLED

    async def test_cancelling_a_running_job_ends_its_lease(self, store: JobStore) -> None:
        job = a_job()
        lease = await leased(store, job)

        assert await store.cancel(job.id) is JobStatus.CANCELLED

        assert await store.renew(lease, lease_s=LONG_S, progress=Progress()) is JobStatus.CANCELLED
        assert not await store.finish(lease, COMPLETED, events=[an_event()])
        assert not await store.retry_later(lease, delay_s=0, reason="late")
        assert not await store.release(lease, publish_within_s=60)
        assert await status_of(store, job.id) is JobStatus.CANCELLED
        assert await store.counts() == StoreCounts(running=0, delayed=0)

    async def test_a_cancelled_wait_is_not_due(self, store: JobStore) -> None:
        job = a_job()
        await store.retry_later(await leased(store, job), delay_s=0, reason="later")

        await store.cancel(job.id)

        assert await store.due(limit=10, publish_within_s=LONG_S) == ()

    async def test_a_cancellation_is_told_once(self, store: JobStore) -> None:
        job = a_job(project="invoices")
        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=LONG_S)
        for _ in range(2):
            assert await store.cancel(job.id) is JobStatus.CANCELLED

        (event,) = await store.outbox(limit=10)
        told = JobEvent.model_validate_json(event.body)
        assert event.kind == "job.cancelled"
        assert (told.job_id, told.status, told.project_id) == (job.id, JobStatus.CANCELLED, "invoices")

    @pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.FAILED])
    async def test_a_finished_job_cannot_be_cancelled(self, store: JobStore, status: JobStatus) -> None:
        job = a_job()
        await store.finish(await leased(store, job), JobResult(status=status), events=[])

        assert await store.cancel(job.id) is status
        assert await status_of(store, job.id) is status
        assert await store.outbox(limit=10) == ()

    async def test_an_unknown_job_has_no_row(self, store: JobStore) -> None:
        assert await store.get("never-seen") is None

    async def test_counts_tell_running_and_delayed_jobs_once_each(self, store: JobStore) -> None:
        assert await store.counts() == StoreCounts(running=0, delayed=0)
        await leased(store, a_job())
        await leased(store, a_job(), lease_s=SHORT_S)
        for delay in (0, LONG_S):
            await store.retry_later(await leased(store, a_job()), delay_s=delay, reason="later")
        await store.published(await store.submit(a_job(), body=BODY, headers={}, publish_within_s=LONG_S))
        await store.finish(await leased(store, a_job()), COMPLETED, events=[])
        await expire()

        assert await store.counts() == StoreCounts(running=1, delayed=3)

        (due,) = await store.due(limit=10, publish_within_s=LONG_S)
        await store.published(due)
        assert await store.counts() == StoreCounts(running=1, delayed=2)
        await store.sweep()
        assert await store.counts() == StoreCounts(running=1, delayed=2)

    async def test_migrating_again_changes_nothing(self, store: JobStore) -> None:
        job = a_job()
        await leased(store, job)
        version = await store.migrate()

        assert await store.migrate() == version >= 1
        assert await status_of(store, job.id) is JobStatus.RUNNING

    async def test_a_ping_names_the_product(self, store: JobStore) -> None:
        assert await store.ping()
