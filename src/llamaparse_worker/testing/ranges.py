"""The page ranges of the job store in memory."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from llamaparse_worker.model.job import JobRecord, JobStatus, Lease, PageError, Progress, Refusal
from llamaparse_worker.model.ranges import (
    DueRange,
    PageRange,
    RangeClaim,
    RangeLease,
    RangeRecord,
    RangeStatus,
)

_ENDED = (RangeStatus.COMPLETED, RangeStatus.FAILED)


class JobRow(Protocol):
    """What ranges need of the row of their job."""

    record: JobRecord
    body: bytes
    headers: Mapping[str, str]
    token: str | None


@dataclass(slots=True)
class RangeRow:
    """A range as the store keeps it. A test may read it."""

    job: JobRow
    pages: PageRange
    split: str
    status: RangeStatus = RangeStatus.PENDING
    attempt: int = 0
    token: str | None = None
    lease_until: datetime | None = None
    next_run_at: datetime | None = None
    publish_by: datetime | None = None
    progress: Progress = field(default_factory=Progress)
    page_errors: tuple[PageError, ...] = ()

    @property
    def held_by_ranges(self) -> bool:
        """Whether the job waits for this range and its like."""
        return self.job.record.status is JobStatus.RUNNING and self.job.token == self.split

    def free(self, status: RangeStatus) -> None:
        """Take it out of all hands."""
        self.status, self.token, self.lease_until, self.next_run_at, self.publish_by = status, None, None, None, None


class MemoryRanges:
    """A ``RangeStore`` beside the rows of its job store. No call is interrupted between reading and writing."""

    def __init__(
        self, jobs: Mapping[str, JobRow], reach: Callable[[], Awaitable[None]], clock: Callable[[], datetime]
    ) -> None:
        self._jobs = jobs
        self._reach = reach
        self._clock = clock
        self.rows: dict[tuple[str, int], RangeRow] = {}
        """By job and first page."""

    async def split(self, lease: Lease, ranges: Sequence[PageRange], *, total: int, keep_s: float) -> bool:
        """Hand a job over to its ranges."""
        await self._reach()
        job = self._jobs.get(lease.job_id)
        if job is None or job.record.status is not JobStatus.RUNNING or job.token != lease.token:
            return False
        if self.of_job(lease.job_id):
            return False
        job.token = uuid.uuid4().hex
        job.record = replace(
            job.record,
            attempt=job.record.attempt - 1,
            lease_until=self._in(keep_s),
            progress=Progress(total),
            updated_at=self._clock(),
        )
        for pages in ranges:
            row = RangeRow(job, pages, job.token, next_run_at=self._clock())
            self.rows[lease.job_id, pages.first] = row
        return True

    async def claim(
        self, job_id: str, first_page: int, *, lease_s: float, max_attempts: int, keep_s: float
    ) -> RangeClaim:
        """Take a range, or say why not."""
        await self._reach()
        job = self._jobs.get(job_id)
        if job is None:
            return None
        if job.record.status.terminal:
            return Refusal.FINISHED
        row = self.rows.get((job_id, first_page))
        if row is None or not row.held_by_ranges:
            return Refusal.HELD
        self._keep(row.job, keep_s)
        if not self._is_free(row):
            return Refusal.HELD
        if row.attempt >= max_attempts:
            self._end(row, RangeStatus.FAILED)
            return Refusal.EXHAUSTED
        row.free(RangeStatus.RUNNING)
        row.attempt += 1
        row.token, row.lease_until = uuid.uuid4().hex, self._in(lease_s)
        return RangeLease(job_id, row.pages, row.token, row.attempt, row.progress)

    async def renew(self, lease: RangeLease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease, or say what became of the job."""
        await self._reach()
        row = self._held(lease)
        if row and row.held_by_ranges:
            row.lease_until = self._in(lease_s)
            if progress.total:
                row.progress = progress
            return JobStatus.RUNNING
        job = self._jobs.get(lease.job_id)
        return job.record.status if job and job.record.status.terminal else JobStatus.PENDING

    async def finish(
        self, lease: RangeLease, progress: Progress, page_errors: Sequence[PageError], *, keep_s: float
    ) -> bool:
        """End a range, and with the last one the wait of its job."""
        await self._reach()
        row = self._held(lease)
        if row is None or not row.held_by_ranges:
            return False
        self._keep(row.job, keep_s)
        row.progress, row.page_errors = progress, tuple(page_errors)
        self._end(row, RangeStatus.COMPLETED)
        return True

    async def retry_later(self, lease: RangeLease, *, delay_s: float) -> bool:
        """Back to PENDING for a while."""
        await self._reach()
        row = self._held(lease)
        if row is not None:
            row.free(RangeStatus.PENDING)
            row.next_run_at = self._in(delay_s)
        return row is not None

    async def release(self, lease: RangeLease, *, publish_within_s: float) -> bool:
        """Back to PENDING, as if never claimed."""
        await self._reach()
        row = self._held(lease)
        if row is not None:
            row.free(RangeStatus.PENDING)
            row.attempt -= 1
            row.token, row.publish_by = lease.token, self._in(publish_within_s)
        return row is not None

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueRange]:
        """Take waiting ranges that need a message."""
        await self._reach()
        now = self._clock()
        waiting = [row for row in self.rows.values() if row.status is RangeStatus.PENDING and row.held_by_ranges]
        ready = [(at, row) for row in waiting if (at := row.next_run_at or row.publish_by) and at <= now]
        first = sorted(ready, key=lambda one: (one[0], one[1].job.record.id, one[1].pages))[:limit]
        for _, row in first:
            row.next_run_at, row.publish_by = None, self._in(publish_within_s)
        return tuple(_due(row) for _, row in first)

    async def published(self, due: DueRange) -> None:
        """Note that the message of a range is in the queue."""
        await self._reach()
        row = self.rows.get((due.job_id, due.first_page))
        if row and row.status is RangeStatus.PENDING and _wait(_due(row)) == _wait(due):
            row.publish_by = None

    async def sweep(self) -> int:
        """Take back expired leases."""
        await self._reach()
        lost = [row for row in self.rows.values() if row.lease_until and row.lease_until <= self._clock()]
        for row in lost:
            row.free(RangeStatus.PENDING)
            row.next_run_at = self._clock()
        return len(lost)

    async def of(self, job_id: str) -> Sequence[RangeRecord]:
        """Give the ranges of a job, ascending."""
        await self._reach()
        return tuple(RangeRecord(row.pages, row.status, row.page_errors) for row in self.of_job(job_id))

    def of_job(self, job_id: str) -> list[RangeRow]:
        """Give the rows of a job, ascending."""
        return [row for (owner, _), row in sorted(self.rows.items(), key=lambda one: one[0]) if owner == job_id]

    def progress(self, job: JobRow) -> Progress:
        """Add what the ranges of a job have done, as long as it waits for them."""
        rows = [row for row in self.of_job(job.record.id) if row.held_by_ranges]
        return replace(
            job.record.progress,
            done=job.record.progress.done + sum(row.progress.done for row in rows),
            failed=job.record.progress.failed + sum(row.progress.failed for row in rows),
        )

    def forget(self, job_id: str) -> None:
        """Remove the ranges of a job."""
        for row in self.of_job(job_id):
            del self.rows[job_id, row.pages.first]

    def running(self) -> int:
        """Count those under a live lease."""
        return sum(row.status is RangeStatus.RUNNING and not self._is_free(row) for row in self._wanted())

    def delayed(self) -> int:
        """Count those that wait without a message."""
        now = self._clock()
        return sum(
            (row.status is RangeStatus.RUNNING and self._is_free(row))
            or row.next_run_at is not None
            or (row.publish_by is not None and row.publish_by <= now)
            for row in self._wanted()
        )

    def _wanted(self) -> list[RangeRow]:
        return [row for row in self.rows.values() if row.held_by_ranges]

    def _end(self, row: RangeRow, status: RangeStatus) -> None:
        row.free(status)
        job, rows = row.job, self.of_job(row.job.record.id)
        if all(one.status in _ENDED for one in rows):
            now = self._clock()
            progress = self.progress(job)
            job.record = replace(
                job.record,
                status=JobStatus.PENDING,
                lease_until=None,
                next_run_at=now,
                progress=progress,
                updated_at=now,
            )

    def _keep(self, job: JobRow, keep_s: float) -> None:
        job.record = replace(job.record, lease_until=self._in(keep_s), updated_at=self._clock())

    def _held(self, lease: RangeLease) -> RangeRow | None:
        row = self.rows.get((lease.job_id, lease.pages.first))
        return row if row and row.status is RangeStatus.RUNNING and row.token == lease.token else None

    def _is_free(self, row: RangeRow) -> bool:
        now = self._clock()
        match row.status:
            case RangeStatus.PENDING:
                return row.next_run_at is None or row.next_run_at <= now
            case RangeStatus.RUNNING:
                return row.lease_until is None or row.lease_until <= now
            case _:
                return False

    def _in(self, seconds: float) -> datetime:
        return self._clock() + timedelta(seconds=seconds)


def _due(row: RangeRow) -> DueRange:
    job = row.job
    return DueRange(job.record.id, row.pages.first, row.attempt, job.body, job.headers, row.token or "")


def _wait(due: DueRange) -> tuple[int, str]:
    return due.attempt, due.released
