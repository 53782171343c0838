"""A job store in memory, for tests of everything that uses one. Its clock is given; its database can be away."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from anyio.lowlevel import checkpoint

from llamaparse_worker.errors import AttemptsExhausted, BackendUnavailable, report
from llamaparse_worker.model.job import (
    WORKER_LOST,
    Claim,
    DueJob,
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    OwedLetter,
    Priority,
    Progress,
    Refusal,
    Reopening,
    StoreCounts,
    TenantLimit,
)
from llamaparse_worker.model.webhook import OwedCall, WebhookCall
from llamaparse_worker.testing.ranges import MemoryRanges
from llamaparse_worker.wire import EventPages, JobEvent, outbox_event, utc_now, webhooks_in


@dataclass(slots=True)
class Row:
    """A job as the store keeps it. A test may read it."""

    record: JobRecord
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    publish_by: datetime | None = None
    bury_at: datetime | None = None
    forgiven: int = 0
    priority: Priority = Priority.MEDIUM


@dataclass(slots=True)
class CallRow:
    """A call of a webhook as the store keeps it."""

    event_id: str
    call: WebhookCall
    job_id: str
    created_at: datetime
    call_at: datetime | None
    """None once it was answered or given up."""
    tries: int = 0
    answered: bool = False


class MemoryJobStore:
    """A ``JobStore`` whose rows die with it. No call is interrupted between reading and writing."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._unsent: dict[str, OutboxEvent] = {}
        self._ranges = MemoryRanges(self._rows, self._reach, clock)
        self._calls: dict[tuple[str, int], CallRow] = {}
        self.away = False
        """While True, every call raises ``BackendUnavailable`` and changes nothing."""

    @property
    def ranges(self) -> MemoryRanges:
        """The page ranges of jobs that were split."""
        return self._ranges

    async def submit(self, job: Job, *, body: bytes, headers: Mapping[str, str], publish_within_s: float) -> DueJob:
        """Create the row PENDING; a known id is left alone."""
        await self._reach()
        if job.id not in self._rows:
            row = self._create(job, body=body, headers=headers)
            row.publish_by = self._in(publish_within_s)
        return DueJob(job.id, 0, body, headers, priority=job.priority)

    async def claim(
        self,
        job: Job,
        *,
        body: bytes,
        headers: Mapping[str, str],
        lease_s: float,
        max_attempts: int,
        tenant_limit: TenantLimit | None = None,
    ) -> Claim:
        """Take the job, or say why not."""
        await self._reach()
        row = self._rows.get(job.id) or self._create(job, body=body, headers=headers)
        found = row.record
        if found.status.terminal:
            return Refusal.FINISHED
        if found.status is JobStatus.RUNNING and not self._expired(found):
            return Refusal.HELD
        if found.next_run_at is not None and found.next_run_at > self._clock():
            return Refusal.HELD
        if found.attempt - row.forgiven >= max_attempts:
            self._exhaust(row, max_attempts)
            return Refusal.EXHAUSTED
        if tenant_limit and job.tenant and self._running(row) >= tenant_limit.running:
            self._postpone(row, tenant_limit)
            return Refusal.POSTPONED
        row.token, row.publish_by = uuid.uuid4().hex, None
        row.record = replace(
            found,
            status=JobStatus.RUNNING,
            attempt=found.attempt + 1,
            lease_until=self._in(lease_s),
            next_run_at=None,
            retry_reason=_reason_now(found),
            updated_at=self._clock(),
        )
        lost = row.record.retry_reason == WORKER_LOST
        return Lease(job.id, row.token, row.record.attempt, row.forgiven, row.record.progress, lost)

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease, or say what became of the job."""
        await self._reach()
        if row := self._held(lease):
            until = self._in(lease_s)
            known = progress if progress.total else row.record.progress
            row.record = replace(row.record, lease_until=until, progress=known, updated_at=self._clock())
            return JobStatus.RUNNING
        found = self._rows.get(lease.job_id)
        return found.record.status if found and found.record.status.terminal else JobStatus.PENDING

    async def finish(
        self, lease: Lease, result: JobResult, *, events: Sequence[OutboxEvent], owes_letter: bool = False
    ) -> bool:
        """Write the terminal state and its events."""
        await self._reach()
        row = self._held(lease)
        if row is None:
            return False
        row.record = replace(
            row.record,
            result_prefix=result.result_prefix,
            error=result.error,
            progress=result.progress,
            page_errors=result.page_errors,
            usage=dict(result.usage),
        )
        self._free(row, result.status)
        row.bury_at = self._clock() if owes_letter else None
        for event in events:
            self._add(event, lease.job_id)
        return True

    async def retry_later(self, lease: Lease, *, delay_s: float, reason: str, charged: bool = True) -> bool:
        """Back to PENDING with ``next_run_at``."""
        await self._reach()
        row = self._held(lease)
        if row is not None:
            self._free(row, JobStatus.PENDING, next_run_at=self._in(delay_s))
            row.record = replace(row.record, retry_reason=reason)
            if not charged:
                row.record = replace(row.record, attempt=row.record.attempt - 1)
                row.token = lease.token
        return row is not None

    async def release(self, lease: Lease, *, publish_within_s: float) -> bool:
        """Back to PENDING, as if never claimed."""
        await self._reach()
        row = self._held(lease)
        if row is not None:
            row.record = replace(row.record, attempt=row.record.attempt - 1)
            self._free(row, JobStatus.PENDING)
            row.token = lease.token
            row.publish_by = self._in(publish_within_s)
        return row is not None

    async def cancel(self, job_id: str) -> JobStatus:
        """Set CANCELLED unless terminal already."""
        await self._reach()
        row = self._rows.setdefault(job_id, Row(self._new_record(job_id)))
        if not row.record.status.terminal:
            row.record = replace(row.record, progress=self._ranges.progress(row))
            self._ranges.forget(job_id)
            self._end(row, JobStatus.CANCELLED)
        return row.record.status

    async def reopen(self, job_id: str, *, publish_within_s: float) -> Reopening:
        """Back to PENDING with all attempts before it, or say what the job is."""
        await self._reach()
        row = self._rows.get(job_id)
        if row is None:
            return None
        found = row.record
        if found.status is JobStatus.FAILED:
            row.forgiven = found.attempt
        elif found.status is not JobStatus.PENDING or found.next_run_at is not None:
            return found.status
        self._ranges.forget(job_id)
        row.record = replace(
            found, result_prefix=None, error=None, page_errors=(), progress=Progress(), retry_reason=None
        )
        self._free(row, JobStatus.PENDING)
        row.publish_by, row.bury_at = self._in(publish_within_s), None
        return _due(row)

    async def get(self, job_id: str) -> JobRecord | None:
        """Read one row."""
        await self._reach()
        row = self._rows.get(job_id)
        return None if row is None else replace(row.record, progress=self._ranges.progress(row))

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueJob]:
        """Take waiting jobs whose time has come."""
        await self._reach()
        ready = [(at, row) for row in self._rows.values() if (at := row.record.next_run_at or row.publish_by)]
        first = sorted((one for one in ready if one[0] <= self._clock()), key=lambda one: (one[0], one[1].record.id))
        for _, row in first[:limit]:
            row.record = replace(row.record, next_run_at=None, updated_at=self._clock())
            row.publish_by = self._in(publish_within_s)
        return tuple(_due(row) for _, row in first[:limit])

    async def published(self, job: DueJob) -> None:
        """Note that the message of a due job is in the queue."""
        await self._reach()
        row = self._rows.get(job.job_id)
        if row and row.record.status is JobStatus.PENDING and _wait(_due(row)) == _wait(job):
            row.publish_by = None

    async def sweep(self) -> int:
        """Take back expired leases."""
        await self._reach()
        lost = [row for row in self._rows.values() if self._expired(row.record)]
        for row in lost:
            row.record = replace(row.record, retry_reason=WORKER_LOST)
            self._free(row, JobStatus.PENDING, next_run_at=self._clock())
        return len(lost)

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Read unsent events, oldest first."""
        await self._reach()
        return tuple(self._unsent.values())[:limit]

    async def sent(self, event_ids: Sequence[str]) -> None:
        """Mark events as sent."""
        await self._reach()
        for event_id in event_ids:
            self._unsent.pop(event_id, None)

    async def owed_letters(self, *, limit: int, bury_within_s: float) -> Sequence[OwedLetter]:
        """Take failed jobs whose dead letter nobody is writing."""
        await self._reach()
        owing = [(at, row) for row in self._rows.values() if (at := row.bury_at) and at <= self._clock()]
        first = sorted(owing, key=lambda one: (one[0], one[1].record.id))[:limit]
        for _, row in first:
            row.bury_at = self._in(bury_within_s)
        return tuple(_owed(row) for _, row in first)

    async def buried(self, letter: OwedLetter) -> None:
        """Note that a dead letter is written."""
        await self._reach()
        row = self._rows.get(letter.job_id)
        if row and row.record.status is JobStatus.FAILED and row.record.attempt == letter.attempt:
            row.bury_at = None

    async def owed_calls(
        self, *, limit: int, per_host: int, except_hosts: Collection[str], call_within_s: float
    ) -> Sequence[OwedCall]:
        """Take calls of webhooks that nobody is making."""
        await self._reach()
        due = [(at, key) for key, one in self._calls.items() if (at := one.call_at) and at <= self._clock()]
        turns, taken = Counter[str](), list[OwedCall]()
        for _, key in sorted(due):
            row = self._calls[key]
            host = row.call.host
            turns[host] += 1
            if host in except_hosts or turns[host] > per_host or len(taken) == limit:
                continue
            row.call_at = self._in(call_within_s)
            taken.append(
                OwedCall(
                    event_id=row.event_id,
                    call=row.call,
                    job_id=row.job_id,
                    tries=row.tries,
                    age=self._clock() - row.created_at,
                    message=self._rows[row.job_id].body,
                )
            )
        return tuple(taken)

    async def call_later(self, owed: OwedCall, *, delay_s: float) -> None:
        """Note that a call was tried in vain."""
        await self._reach()
        row = self._calls[owed.event_id, owed.call.position]
        if row.tries == owed.tries and row.call_at is not None:
            row.tries, row.call_at = row.tries + 1, self._in(delay_s)

    async def call_ended(self, owed: OwedCall, *, answered: bool) -> None:
        """Note that a call was answered, or is given up."""
        await self._reach()
        row = self._calls[owed.event_id, owed.call.position]
        if answered or (row.tries == owed.tries and row.call_at is not None):
            row.tries, row.call_at, row.answered = row.tries + 1, None, answered

    async def calls_waiting(self) -> int:
        """Count the calls that are owed."""
        await self._reach()
        return sum(row.call_at is not None for row in self._calls.values())

    async def counts(self) -> StoreCounts:
        """Count rows for the queue depth."""
        await self._reach()
        records = [row.record for row in self._rows.values()]
        return StoreCounts(
            running=sum(one.status is JobStatus.RUNNING and not self._expired(one) for one in records)
            + self._ranges.running(),
            delayed=sum(self._lacks_message(row) or self._expired(row.record) for row in self._rows.values())
            + self._ranges.delayed(),
        )

    async def migrate(self) -> int:
        """Do nothing: memory has one schema."""
        await self._reach()
        return 1

    async def ping(self) -> str:
        """Say that this is memory."""
        await self._reach()
        return "memory"

    async def _reach(self) -> None:
        await checkpoint()
        if self.away:
            raise BackendUnavailable("the job store in memory is away")

    def _in(self, seconds: float) -> datetime:
        return self._clock() + timedelta(seconds=seconds)

    def _create(self, job: Job, *, body: bytes, headers: Mapping[str, str]) -> Row:
        record = replace(
            self._new_record(job.id),
            project=job.project,
            tenant=job.tenant,
            file_name=job.file_name,
            output_prefix=job.output_prefix,
        )
        return self._rows.setdefault(job.id, Row(record, body, dict(headers), priority=job.priority))

    def _new_record(self, job_id: str) -> JobRecord:
        return JobRecord(
            id=job_id,
            status=JobStatus.PENDING,
            attempt=0,
            project="default",
            tenant=None,
            file_name="",
            output_prefix="",
            created_at=self._clock(),
            updated_at=self._clock(),
            result_prefix=None,
            error=None,
            progress=Progress(),
            page_errors=(),
            usage={},
            next_run_at=None,
            lease_until=None,
        )

    def _held(self, lease: Lease) -> Row | None:
        row = self._rows.get(lease.job_id)
        return row if row and row.record.status is JobStatus.RUNNING and row.token == lease.token else None

    def _expired(self, record: JobRecord) -> bool:
        return record.lease_until is not None and record.lease_until <= self._clock()

    def _lacks_message(self, row: Row) -> bool:
        late = row.publish_by is not None and row.publish_by <= self._clock()
        return row.record.next_run_at is not None or late

    def _free(self, row: Row, status: JobStatus, *, next_run_at: datetime | None = None) -> None:
        row.token = row.publish_by = None
        row.record = replace(
            row.record, status=status, lease_until=None, next_run_at=next_run_at, updated_at=self._clock()
        )

    def _others(self, row: Row) -> list[JobRecord]:
        return [one.record for one in self._rows.values() if one is not row and one.record.tenant == row.record.tenant]

    def _running(self, row: Row) -> int:
        return sum(one.status is JobStatus.RUNNING and not self._expired(one) for one in self._others(row))

    def _postpone(self, row: Row, limit: TenantLimit) -> None:
        now = self._clock()
        waiting = sum(one.next_run_at is not None and one.next_run_at > now for one in self._others(row))
        pause_s = limit.pause_s * (1 + waiting // limit.running)
        row.record = replace(row.record, retry_reason=_reason_now(row.record))
        self._free(row, JobStatus.PENDING, next_run_at=self._in(pause_s))
        row.token = uuid.uuid4().hex

    def _exhaust(self, row: Row, max_attempts: int) -> None:
        error = report(AttemptsExhausted(f"none of {max_attempts} attempts came to an end"))
        row.record = replace(row.record, error=error)
        self._end(row, JobStatus.FAILED)
        row.bury_at = self._clock()

    def _end(self, row: Row, status: JobStatus) -> None:
        self._free(row, status)
        self._add(outbox_event(_event(row.record), webhooks_in(row.body)), row.record.id)

    def _add(self, event: OutboxEvent, job_id: str) -> None:
        self._unsent[event.id] = replace(event, calls=())
        now = self._clock()
        for call in event.calls:
            self._calls[event.id, call.position] = CallRow(event.id, call, job_id, now, now)


def _reason_now(record: JobRecord) -> str | None:
    """Tell why the last attempt did not end the job; one that still runs has lost its lease."""
    return WORKER_LOST if record.status is JobStatus.RUNNING else record.retry_reason


def _due(row: Row) -> DueJob:
    return DueJob(row.record.id, row.record.attempt, row.body, row.headers, row.token or "", row.priority)


def _owed(row: Row) -> OwedLetter:
    if row.record.error is None:
        raise ValueError(row.record.id)
    return OwedLetter(
        job_id=row.record.id,
        attempt=row.record.attempt,
        charged=row.record.attempt - row.forgiven,
        failed_at=row.record.updated_at,
        error=row.record.error,
        body=row.body,
        headers=row.headers,
    )


def _wait(job: DueJob) -> tuple[int, str]:
    return job.attempt, job.released


def _event(record: JobRecord) -> JobEvent:
    return JobEvent.model_validate(
        {
            "job_id": record.id,
            "status": record.status,
            "attempt": record.attempt,
            "project_id": record.project,
            "tenant": record.tenant,
            "result_prefix": record.result_prefix,
            "error_code": record.error.code if record.error else None,
            "error_message": record.error.message if record.error else None,
            "pages": EventPages(**asdict(record.progress)),
        }
    )
