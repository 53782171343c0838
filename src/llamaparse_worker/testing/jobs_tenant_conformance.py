"""How many jobs of one tenant run at once: a part of the job store's contract."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import Claim, Job, JobStatus, Lease, Refusal, TenantLimit
from llamaparse_worker.testing.jobs_samples import (
    BODY,
    COMPLETED,
    HEADERS,
    LONG_S,
    SHORT_S,
    a_job,
    expire,
    leased,
)

_TWO = TenantLimit(running=2, pause_s=SHORT_S)


async def _claim(store: JobStore, job: Job, limit: TenantLimit = _TWO, *, lease_s: float = LONG_S) -> Claim:
    return await store.claim(job, body=BODY, headers=HEADERS, lease_s=lease_s, max_attempts=2, tenant_limit=limit)


@pytest.mark.anyio
class TenantConformance:
    """A tenant has so many jobs running and no more; the others wait in the store, and are charged nothing."""

    async def test_a_job_beyond_the_limit_waits_and_is_charged_no_attempt(self, store: JobStore) -> None:
        first = await self._filled(store, "acme")
        job = a_job(tenant="acme")
        for _ in range(3):
            assert await _claim(store, job) is Refusal.POSTPONED
            await expire()

        record = await store.get(job.id)
        assert record is not None
        assert (record.status, record.attempt, record.tenant) == (JobStatus.PENDING, 0, "acme")
        (due,) = await store.due(limit=10, publish_within_s=LONG_S)
        assert (due.job_id, due.body, dict(due.headers)) == (job.id, BODY, HEADERS)
        await store.finish(first, COMPLETED, events=[])
        lease = await _claim(store, job)
        assert isinstance(lease, Lease)
        assert lease.attempt == 1

    async def test_others_are_not_held_up(self, store: JobStore) -> None:
        await self._filled(store, "acme")

        assert isinstance(await _claim(store, a_job(tenant="other")), Lease)
        for _ in range(3):
            assert isinstance(await _claim(store, a_job()), Lease)

    async def test_a_duplicate_does_not_cut_the_wait_short(self, store: JobStore) -> None:
        await self._filled(store, "acme")
        job = a_job(tenant="acme")
        limit = TenantLimit(running=2, pause_s=LONG_S)
        assert await _claim(store, job, limit) is Refusal.POSTPONED

        assert await _claim(store, job, limit) is Refusal.HELD

    async def test_those_who_wait_are_due_a_few_at_a_time(self, store: JobStore) -> None:
        await self._filled(store, "acme")
        limit = TenantLimit(running=2, pause_s=10 * SHORT_S)
        jobs = [a_job(tenant="acme") for _ in range(6)]
        for job in jobs:
            assert await _claim(store, job, limit) is Refusal.POSTPONED

        times = []
        for job in jobs:
            record = await store.get(job.id)
            assert record is not None
            assert record.next_run_at is not None
            times.append((record.next_run_at - record.updated_at).total_seconds() / limit.pause_s)

        assert times == pytest.approx([1, 1, 2, 2, 3, 3], rel=1e-3)

    async def test_a_lost_worker_does_not_count(self, store: JobStore) -> None:
        lost = [a_job(tenant="acme") for _ in range(2)]
        for job in lost:
            assert isinstance(await _claim(store, job, lease_s=SHORT_S), Lease)
        await expire()

        assert isinstance(await _claim(store, lost[0]), Lease)
        assert isinstance(await _claim(store, a_job(tenant="acme")), Lease)

        assert await _claim(store, lost[1]) is Refusal.POSTPONED
        record = await store.get(lost[1].id)
        assert record is not None
        assert (record.status, record.attempt, record.lease_until) == (JobStatus.PENDING, 1, None)

    async def test_of_many_claims_at_once_no_more_succeed_than_may_run(self, store: JobStore) -> None:
        claims: list[Claim] = []

        async def one() -> None:
            claims.append(await _claim(store, a_job(tenant="acme")))

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(one)

        assert sum(isinstance(found, Lease) for found in claims) == 2
        assert claims.count(Refusal.POSTPONED) == 10

    async def test_other_refusals_stay_what_they_are(self, store: JobStore) -> None:
        first = await self._filled(store, "acme")
        done, exhausted = a_job(tenant="acme"), a_job(tenant="acme")
        await store.finish(await leased(store, done), COMPLETED, events=[])
        for _ in range(2):
            await store.retry_later(await leased(store, exhausted), delay_s=0, reason="later")

        assert await _claim(store, a_job(first.job_id, tenant="acme")) is Refusal.HELD
        assert await _claim(store, done) is Refusal.FINISHED
        assert await _claim(store, exhausted) is Refusal.EXHAUSTED

    async def test_a_late_confirmation_does_not_end_the_wait_after_a_postponement(self, store: JobStore) -> None:
        job = a_job(tenant="acme")
        await store.submit(job, body=BODY, headers=HEADERS, publish_within_s=0)
        (first,) = await store.due(limit=10, publish_within_s=LONG_S)
        await self._filled(store, "acme")
        assert await _claim(store, job) is Refusal.POSTPONED
        await expire()
        (second,) = await store.due(limit=10, publish_within_s=SHORT_S)

        await store.published(first)
        await expire()

        assert [one.job_id for one in await store.due(limit=10, publish_within_s=LONG_S)] == [second.job_id]

    @staticmethod
    async def _filled(store: JobStore, tenant: str) -> Lease:
        """Have a tenant run as many jobs as it may; gives one of them."""
        leases = [await _claim(store, a_job(tenant=tenant)) for _ in range(2)]
        first, *_ = [lease for lease in leases if isinstance(lease, Lease)]
        return first
