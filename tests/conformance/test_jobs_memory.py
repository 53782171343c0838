"""The job store in memory against the contract, its clock and its fault."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llamaparse_worker.errors import BackendUnavailable
from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.testing.jobs import MemoryJobStore
from llamaparse_worker.testing.jobs_conformance import JobStoreConformance
from llamaparse_worker.testing.jobs_samples import a_job, leased


class TestMemory(JobStoreConformance):
    @pytest.fixture
    def store(self) -> JobStore:
        return MemoryJobStore()


@pytest.mark.anyio
async def test_a_lease_expires_by_the_given_clock() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    store = MemoryJobStore(lambda: now)
    job = a_job()
    await leased(store, job, lease_s=30)
    now += timedelta(seconds=29)
    assert await store.sweep() == 0

    now += timedelta(seconds=2)

    assert await store.sweep() == 1


@pytest.mark.anyio
async def test_a_store_that_is_away_changes_nothing() -> None:
    store = MemoryJobStore()
    job = a_job()
    store.away = True
    with pytest.raises(BackendUnavailable):
        await store.cancel(job.id)
    store.away = False

    assert await store.get(job.id) is None
    assert await store.cancel(job.id) is JobStatus.CANCELLED
