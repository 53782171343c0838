"""Jobs, events and short ways through a job store, for tests."""

from __future__ import annotations

import uuid
from typing import Final

import anyio
import pytest

from llamaparse_worker.interfaces import JobStore
from llamaparse_worker.model.job import (
    Claim,
    Job,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    Priority,
    Refusal,
    SourceKind,
    SourceRef,
)
from llamaparse_worker.model.options import ParseOptions

HEADERS: Final = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
BODY: Final = b'{"job_id": "as published"}'
LONG_S: Final = 60.0
SHORT_S: Final = 0.05
COMPLETED: Final = JobResult(status=JobStatus.COMPLETED, result_prefix="results/a/1")


def a_job(
    job_id: str | None = None,
    *,
    project: str = "default",
    tenant: str | None = None,
    priority: Priority = Priority.MEDIUM,
) -> Job:
    """Give a job with an id of its own."""
    return Job(
        id=job_id or f"job-{uuid.uuid4()}",
        source=SourceRef(SourceKind.OBJECT, "uploads/report.pdf"),
        file_name="report.pdf",
        output_prefix="results",
        options=ParseOptions(),
        project=project,
        tenant=tenant,
        priority=priority,
        metadata={"origin": "conformance"},
    )


def an_event(kind: str = "job.completed") -> OutboxEvent:
    """Give an event with an id of its own."""
    return OutboxEvent(id=str(uuid.uuid4()), kind=kind, body=b'{"pages": 3}')


async def claim(store: JobStore, job: Job, *, lease_s: float = LONG_S, max_attempts: int = 3) -> Claim:
    """Claim as the worker does when a message of this job arrives."""
    return await store.claim(job, body=BODY, headers=HEADERS, lease_s=lease_s, max_attempts=max_attempts)


async def leased(store: JobStore, job: Job, *, lease_s: float = LONG_S, max_attempts: int = 3) -> Lease:
    """Claim where the claim must succeed."""
    found = await claim(store, job, lease_s=lease_s, max_attempts=max_attempts)
    if not isinstance(found, Lease):
        pytest.fail(f"the claim was refused: {found}")
    return found


async def exhaust(store: JobStore, job: Job) -> None:
    """Fail a job by two attempts that come to nothing."""
    for _ in range(2):
        await store.retry_later(await leased(store, job, max_attempts=2), delay_s=0, reason="later")
    found = await claim(store, job, max_attempts=2)
    if found is not Refusal.EXHAUSTED:
        pytest.fail(f"attempts are left: {found}")


async def status_of(store: JobStore, job_id: str) -> JobStatus:
    """Read the status of a job that must exist."""
    record = await store.get(job_id)
    if record is None:
        pytest.fail(f"{job_id} has no row")
    return record.status


async def expire() -> None:
    """Wait until short leases and delays are over."""
    await anyio.sleep(SHORT_S * 1.5)
