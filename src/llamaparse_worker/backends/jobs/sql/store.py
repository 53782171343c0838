"""The durable state of every job in a SQL database. Knows the protocol of leases, and no driver."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from llamaparse_worker.backends.jobs.sql import range_statements, statements
from llamaparse_worker.backends.jobs.sql.database import Connection, Database, Row, Value
from llamaparse_worker.backends.jobs.sql.migrations import Migration, apply
from llamaparse_worker.backends.jobs.sql.ranges import SqlRanges
from llamaparse_worker.backends.jobs.sql.rows import (
    AttemptRow,
    CountsRow,
    DueRow,
    EventRow,
    JobRow,
    OutboxRow,
    OwedCallRow,
    OwedRow,
    StatusRow,
    TenantRow,
    clean,
    error_columns,
    job_columns,
    progress_columns,
    result_columns,
)
from llamaparse_worker.errors import AttemptsExhausted, ErrorReport, report
from llamaparse_worker.model.job import (
    Claim,
    DueJob,
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    OwedLetter,
    Progress,
    Refusal,
    Reopening,
    StoreCounts,
    TenantLimit,
)
from llamaparse_worker.model.webhook import OwedCall


class SqlJobStore:
    """A ``JobStore`` on a database; what each call promises stands at the interface."""

    def __init__(self, database: Database, migrations: Sequence[Migration]) -> None:
        self._database = database
        self._migrations = migrations
        self._ranges = SqlRanges(database)

    @property
    def ranges(self) -> SqlRanges:
        """The page ranges of jobs that were split."""
        return self._ranges

    async def submit(self, job: Job, *, body: bytes, headers: Mapping[str, str], publish_within_s: float) -> DueJob:
        """Create the row PENDING; a known id is left alone."""
        columns = job_columns(job, body=body, headers=headers)
        await self._database.fetch(
            statements.SUBMIT, {**columns, "publish_within": timedelta(seconds=publish_within_s)}
        )
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
        token = uuid.uuid4().hex
        values = {
            **job_columns(job, body=body, headers=headers),
            "token": token,
            "lease": timedelta(seconds=lease_s),
            "max_attempts": max_attempts,
        }
        if job.tenant and tenant_limit:
            rows = await self._claim_for_tenant(values, tenant_limit)
        else:
            rows = await self._database.fetch(statements.CLAIM, values)
        if rows is None:
            return Refusal.POSTPONED
        if rows:
            return AttemptRow.model_validate(rows[0]).lease(job.id, token)
        return await self._refuse(job.id, max_attempts)

    async def _claim_for_tenant(self, values: Mapping[str, Value], limit: TenantLimit) -> Sequence[Row] | None:
        """Claim, or put the job off (None) where its tenant is at its limit."""
        async with self._database.transaction(exclusive=True) as connection:
            (row,) = await connection.fetch(statements.TENANT, values)
            found = TenantRow.model_validate(row)
            if found.running < limit.running:
                return await connection.fetch(statements.CLAIM, values)
            pause_s = limit.pause_s * (1 + found.waiting // limit.running)
            postponed = await connection.fetch(statements.POSTPONE, {**values, "pause": timedelta(seconds=pause_s)})
            return None if postponed else ()

    async def _refuse(self, job_id: str, max_attempts: int) -> Refusal:
        """Say why a job was not claimed. One that became free meanwhile has a message of its own, or soon will."""
        values = {"id": job_id, "max_attempts": max_attempts, **error_columns(_exhausted(max_attempts))}
        async with self._database.transaction() as connection:
            rows = await connection.fetch(statements.EXHAUST, values)
            if not rows:
                status = await _status(connection, job_id)
                return Refusal.FINISHED if status.terminal else Refusal.HELD
            await _add_events(connection, job_id, [EventRow.model_validate(rows[0]).event()])
            return Refusal.EXHAUSTED

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease, or say what became of the job."""
        values = _fence(lease) | progress_columns(progress) | {"lease": timedelta(seconds=lease_s)}
        if await self._database.fetch(statements.RENEW, values):
            return JobStatus.RUNNING
        rows = await self._database.fetch(statements.STATUS, {"id": lease.job_id})
        found = next((StatusRow.model_validate(row).status for row in rows), JobStatus.PENDING)
        return found if found.terminal else JobStatus.PENDING

    async def finish(
        self, lease: Lease, result: JobResult, *, events: Sequence[OutboxEvent], owes_letter: bool = False
    ) -> bool:
        """Write the terminal state and its events, all or nothing."""
        values = _fence(lease) | result_columns(result) | {"owes_letter": owes_letter}
        if len(events) == 1 and not events[0].calls:
            (event,) = events
            told: dict[str, Value] = {"event_id": event.id, "event_kind": event.kind, "event_body": event.body}
            return bool(await self._database.fetch_then(statements.FINISH, statements.THEN_ADD_EVENT, values | told))
        async with self._database.transaction() as connection:
            if not await connection.fetch(statements.FINISH, values):
                return False
            await _add_events(connection, lease.job_id, events)
            return True

    async def retry_later(self, lease: Lease, *, delay_s: float, reason: str, charged: bool = True) -> bool:
        """Back to PENDING with ``next_run_at``."""
        values = _fence(lease) | {"delay": timedelta(seconds=delay_s), "reason": clean(reason), "charged": charged}
        return bool(await self._database.fetch(statements.RETRY_LATER, values))

    async def release(self, lease: Lease, *, publish_within_s: float) -> bool:
        """Back to PENDING, as if never claimed."""
        values = _fence(lease) | {"publish_within": timedelta(seconds=publish_within_s)}
        return bool(await self._database.fetch(statements.RELEASE, values))

    async def cancel(self, job_id: str) -> JobStatus:
        """Set CANCELLED unless terminal already."""
        job_id = clean(job_id)
        async with self._database.transaction() as connection:
            rows = await connection.fetch(statements.CANCEL, {"id": job_id, "body": b""})
            if not rows:
                return await _status(connection, job_id)
            await connection.fetch(range_statements.FORGET, {"id": job_id})
            await _add_events(connection, job_id, [EventRow.model_validate(rows[0]).event()])
            return JobStatus.CANCELLED

    async def reopen(self, job_id: str, *, publish_within_s: float) -> Reopening:
        """Back to PENDING with all attempts before it, or say what the job is."""
        values: dict[str, Value] = {"id": clean(job_id), "publish_within": timedelta(seconds=publish_within_s)}
        async with self._database.transaction() as connection:
            await connection.fetch(range_statements.FORGET_REOPENED, values)
            for row in await connection.fetch(statements.REOPEN, values):
                return DueRow.model_validate(row).due()
            rows = await connection.fetch(statements.STATUS, values)
        return next((StatusRow.model_validate(row).status for row in rows), None)

    async def get(self, job_id: str) -> JobRecord | None:
        """Read one row."""
        rows = await self._database.fetch(statements.GET, {"id": clean(job_id)})
        return next((JobRow.model_validate(row).record() for row in rows), None)

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueJob]:
        """Take waiting jobs whose time has come. Exclusive, so that no two workers publish the same job."""
        values: dict[str, Value] = {"limit": limit, "publish_within": timedelta(seconds=publish_within_s)}
        async with self._database.transaction(exclusive=True) as connection:
            rows = await connection.fetch(statements.DUE, values)
        return tuple(DueRow.model_validate(row).due() for row in rows)

    async def published(self, job: DueJob) -> None:
        """Note that the message of a due job is in the queue."""
        wait: dict[str, Value] = {"id": job.job_id, "attempt": job.attempt, "released": job.released}
        await self._database.fetch(statements.PUBLISHED, wait)

    async def sweep(self) -> int:
        """Take back expired leases. Exclusive: two sweeps at once would lock the same rows in different order."""
        async with self._database.transaction(exclusive=True) as connection:
            return len(await connection.fetch(statements.SWEEP, {}))

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Read unsent events, oldest first."""
        rows = await self._database.fetch(statements.UNSENT, {"limit": limit})
        return tuple(OutboxRow.model_validate(row).event() for row in rows)

    async def sent(self, event_ids: Sequence[str]) -> None:
        """Mark events as sent, all in one statement."""
        statement = f"{statements.SENT} ({self._database.dialect.each})"
        await self._database.fetch(statement, {"texts": json.dumps(event_ids)})

    async def owed_letters(self, *, limit: int, bury_within_s: float) -> Sequence[OwedLetter]:
        """Take failed jobs whose dead letter nobody is writing."""
        values: dict[str, Value] = {"limit": limit, "bury_within": timedelta(seconds=bury_within_s)}
        rows = await self._database.fetch(statements.OWED, values)
        return tuple(OwedRow.model_validate(row).letter() for row in rows)

    async def buried(self, letter: OwedLetter) -> None:
        """Note that a dead letter is written."""
        await self._database.fetch(statements.BURIED, {"id": letter.job_id, "attempt": letter.attempt})

    async def owed_calls(
        self, *, limit: int, per_host: int, except_hosts: Collection[str], call_within_s: float
    ) -> Sequence[OwedCall]:
        """Take calls of webhooks that nobody is making."""
        values: dict[str, Value] = {
            "limit": limit,
            "per_host": per_host,
            "texts": json.dumps(list(except_hosts)),
            "call_within": timedelta(seconds=call_within_s),
        }
        rows = await self._database.fetch(statements.OWED_CALLS.format(each=self._database.dialect.each), values)
        return tuple(OwedCallRow.model_validate(row).owed() for row in rows)

    async def call_later(self, owed: OwedCall, *, delay_s: float) -> None:
        """Note that a call was tried in vain."""
        await self._database.fetch(statements.CALL_LATER, _tried(owed) | {"delay": timedelta(seconds=delay_s)})

    async def call_ended(self, owed: OwedCall, *, answered: bool) -> None:
        """Note that a call was answered, or is given up."""
        await self._database.fetch(statements.CALL_ENDED, _tried(owed) | {"answered": answered})

    async def calls_waiting(self) -> int:
        """Count the calls that are owed."""
        (row,) = await self._database.fetch(statements.CALLS_WAITING, {})
        return int(str(row["waiting"]))

    async def counts(self) -> StoreCounts:
        """Count rows for the queue depth."""
        (row,) = await self._database.fetch(statements.COUNTS, {})
        return CountsRow.model_validate(row).counts()

    async def migrate(self) -> int:
        """Bring the schema up to date under a lock; gives its version."""
        return await apply(self._database, self._migrations)

    async def ping(self) -> str:
        """Give product and version."""
        (row,) = await self._database.fetch(self._database.dialect.product, {})
        return str(row["product"])


def _fence(lease: Lease) -> dict[str, Value]:
    return {"id": lease.job_id, "token": lease.token}


def _tried(owed: OwedCall) -> dict[str, Value]:
    return {"event_id": owed.event_id, "position": owed.call.position, "tries": owed.tries}


def _exhausted(max_attempts: int) -> ErrorReport:
    return report(AttemptsExhausted(f"none of {max_attempts} attempts came to an end"))


async def _status(connection: Connection, job_id: str) -> JobStatus:
    (row,) = await connection.fetch(statements.STATUS, {"id": job_id})
    return StatusRow.model_validate(row).status


async def _add_events(connection: Connection, job_id: str, events: Sequence[OutboxEvent]) -> None:
    for event in events:
        values: dict[str, Value] = {"id": event.id, "job_id": job_id, "kind": event.kind, "body": event.body}
        await connection.fetch(statements.ADD_EVENT, values)
        for call in event.calls:
            row: dict[str, Value] = {
                "event_id": event.id,
                "position": call.position,
                "job_id": job_id,
                "host": clean(call.host),
                "event": call.event.value,
                "body": call.body,
            }
            await connection.fetch(statements.ADD_CALL, row)
