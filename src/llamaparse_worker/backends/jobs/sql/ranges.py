"""The page ranges of the job store in a SQL database."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from llamaparse_worker.backends.jobs.sql import range_statements as statements
from llamaparse_worker.backends.jobs.sql.database import Database, Value
from llamaparse_worker.backends.jobs.sql.rows import (
    DueRangeRow,
    RangeAttemptRow,
    RangeRow,
    StatusRow,
    clean,
    page_error_column,
    progress_columns,
)
from llamaparse_worker.backends.jobs.sql.statements import STATUS
from llamaparse_worker.model.job import JobStatus, Lease, PageError, Progress, Refusal
from llamaparse_worker.model.ranges import DueRange, PageRange, RangeClaim, RangeLease, RangeRecord


class SqlRanges:
    """A ``RangeStore`` on a database; what each call promises stands at the interface."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def split(self, lease: Lease, ranges: Sequence[PageRange], *, total: int, keep_s: float) -> bool:
        """Hand a job over to its ranges."""
        values: dict[str, Value] = {
            "id": lease.job_id,
            "token": lease.token,
            "split": uuid.uuid4().hex,
            "total": total,
            "keep": timedelta(seconds=keep_s),
        }
        async with self._database.transaction() as connection:
            if not await connection.fetch(statements.SPLIT, values):
                return False
            for one in ranges:
                await connection.fetch(statements.ADD_RANGE, {**values, "first_page": one.first, "last_page": one.last})
            return True

    async def claim(
        self, job_id: str, first_page: int, *, lease_s: float, max_attempts: int, keep_s: float
    ) -> RangeClaim:
        """Take a range, or say why not."""
        token = uuid.uuid4().hex
        values: dict[str, Value] = {
            "id": clean(job_id),
            "first_page": first_page,
            "token": token,
            "lease": timedelta(seconds=lease_s),
            "max_attempts": max_attempts,
            "keep": timedelta(seconds=keep_s),
        }
        for row in await self._database.fetch(statements.CLAIM, values):
            return RangeAttemptRow.model_validate(row).lease(job_id, token)
        async with self._database.transaction() as connection:
            kept = await connection.fetch(statements.KEEP, values)
            if kept and await connection.fetch(statements.LOSE, values):
                await connection.fetch(statements.REJOIN, values)
                return Refusal.EXHAUSTED
        status = await self._status(job_id)
        if status is None:
            return None
        return Refusal.FINISHED if status.terminal else Refusal.HELD

    async def renew(self, lease: RangeLease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease, or say what became of the job."""
        values = _fence(lease) | progress_columns(progress) | {"lease": timedelta(seconds=lease_s)}
        if await self._database.fetch(statements.RENEW, values):
            return JobStatus.RUNNING
        found = await self._status(lease.job_id)
        return found if found and found.terminal else JobStatus.PENDING

    async def finish(
        self, lease: RangeLease, progress: Progress, page_errors: Sequence[PageError], *, keep_s: float
    ) -> bool:
        """End a range, and with the last one the wait of its job."""
        values = _fence(lease) | progress_columns(progress)
        values |= {"page_errors": page_error_column(page_errors), "keep": timedelta(seconds=keep_s)}
        async with self._database.transaction() as connection:
            if not await connection.fetch(statements.KEEP, values):
                return False
            if not await connection.fetch(statements.FINISH, values):
                return False
            await connection.fetch(statements.REJOIN, values)
            return True

    async def retry_later(self, lease: RangeLease, *, delay_s: float) -> bool:
        """Back to PENDING for a while."""
        values = _fence(lease) | {"delay": timedelta(seconds=delay_s)}
        return bool(await self._database.fetch(statements.RETRY_LATER, values))

    async def release(self, lease: RangeLease, *, publish_within_s: float) -> bool:
        """Back to PENDING, as if never claimed."""
        values = _fence(lease) | {"publish_within": timedelta(seconds=publish_within_s)}
        return bool(await self._database.fetch(statements.RELEASE, values))

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueRange]:
        """Take waiting ranges that need a message. Exclusive, so that no two workers publish the same one."""
        values: dict[str, Value] = {"limit": limit, "publish_within": timedelta(seconds=publish_within_s)}
        async with self._database.transaction(exclusive=True) as connection:
            rows = await connection.fetch(statements.DUE, values)
        return tuple(DueRangeRow.model_validate(row).due() for row in rows)

    async def published(self, due: DueRange) -> None:
        """Note that the message of a range is in the queue."""
        wait: dict[str, Value] = {
            "id": due.job_id,
            "first_page": due.first_page,
            "attempt": due.attempt,
            "released": due.released,
        }
        await self._database.fetch(statements.PUBLISHED, wait)

    async def sweep(self) -> int:
        """Take back expired leases. Exclusive: two sweeps at once would lock the same rows in different order."""
        async with self._database.transaction(exclusive=True) as connection:
            return len(await connection.fetch(statements.SWEEP, {}))

    async def of(self, job_id: str) -> Sequence[RangeRecord]:
        """Give the ranges of a job, ascending."""
        rows = await self._database.fetch(statements.OF, {"id": clean(job_id)})
        return tuple(RangeRow.model_validate(row).record() for row in rows)

    async def _status(self, job_id: str) -> JobStatus | None:
        rows = await self._database.fetch(STATUS, {"id": clean(job_id)})
        return next((StatusRow.model_validate(row).status for row in rows), None)


def _fence(lease: RangeLease) -> dict[str, Value]:
    return {"id": lease.job_id, "first_page": lease.pages.first, "token": lease.token}
