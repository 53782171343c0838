"""Rows of the job store as typed values, and values as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Json

from llamaparse_worker.backends.jobs.sql.database import Value
from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.job import (
    DueJob,
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    OwedLetter,
    PageError,
    Priority,
    Progress,
    StoreCounts,
)
from llamaparse_worker.model.ranges import DueRange, PageRange, RangeLease, RangeRecord, RangeStatus
from llamaparse_worker.model.webhook import OwedCall, WebhookCall, WebhookEvent
from llamaparse_worker.wire import EventPages, JobEvent, outbox_event, webhooks_in


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class EventRow(_Row):
    """What an event tells of a job, as the claim, the sweep and the cancellation return it."""

    id: str
    status: JobStatus
    attempt: int
    project: str
    tenant: str | None
    result_prefix: str | None
    error_code: str | None
    error_message: str | None
    pages_total: int
    pages_done: int
    pages_failed: int
    body: bytes

    def event(self) -> OutboxEvent:
        """Give the event of this terminal status, with the calls of the webhooks that the message names."""
        event = JobEvent.model_validate(
            {
                "job_id": self.id,
                "status": self.status,
                "attempt": self.attempt,
                "project_id": self.project,
                "tenant": self.tenant,
                "result_prefix": self.result_prefix,
                "error_code": self.error_code,
                "error_message": self.error_message,
                "pages": EventPages(total=self.pages_total, done=self.pages_done, failed=self.pages_failed),
            }
        )
        return outbox_event(event, webhooks_in(self.body))


class PageErrorColumn(_Row):
    """One entry of the column ``page_errors``."""

    page: int
    code: str
    message: str

    def page_error(self) -> PageError:
        """Give the entry as the interface knows it."""
        return PageError(self.page, ErrorReport(self.code, self.message))


class JobRow(_Row):
    """One whole job; seconds since 1970 and timestamps with a zone both become aware datetimes."""

    id: str
    status: JobStatus
    attempt: int
    project: str
    tenant: str | None
    file_name: str
    output_prefix: str
    created_at: datetime
    updated_at: datetime
    result_prefix: str | None
    error_code: str | None
    error_message: str | None
    pages_total: int
    pages_done: int
    pages_failed: int
    page_errors: Json[tuple[PageErrorColumn, ...]]
    usage: Json[dict[str, float]]
    next_run_at: datetime | None
    lease_until: datetime | None
    retry_reason: str | None

    def record(self) -> JobRecord:
        """Give the row as the interface knows it."""
        return JobRecord(
            id=self.id,
            status=self.status,
            attempt=self.attempt,
            project=self.project,
            tenant=self.tenant,
            file_name=self.file_name,
            output_prefix=self.output_prefix,
            created_at=self.created_at,
            updated_at=self.updated_at,
            result_prefix=self.result_prefix,
            error=None if self.error_code is None else ErrorReport(self.error_code, self.error_message or ""),
            progress=Progress(self.pages_total, self.pages_done, self.pages_failed),
            page_errors=tuple(one.page_error() for one in self.page_errors),
            usage=self.usage,
            next_run_at=self.next_run_at,
            lease_until=self.lease_until,
            retry_reason=self.retry_reason,
        )


class DueRow(_Row):
    """A waiting job whose time has come."""

    id: str
    attempt: int
    body: bytes
    headers: Json[dict[str, str]]
    released: str
    priority: Priority

    def due(self) -> DueJob:
        """Give the row as the interface knows it."""
        return DueJob(self.id, self.attempt, self.body, self.headers, self.released, self.priority)


class OwedRow(_Row):
    """A failed job whose dead letter nobody is writing."""

    id: str
    attempt: int
    charged: int
    failed_at: datetime
    error_code: str
    error_message: str
    body: bytes
    headers: Json[dict[str, str]]

    def letter(self) -> OwedLetter:
        """Give the row as the interface knows it."""
        return OwedLetter(
            job_id=self.id,
            attempt=self.attempt,
            charged=self.charged,
            failed_at=self.failed_at,
            error=ErrorReport(self.error_code, self.error_message),
            body=self.body,
            headers=self.headers,
        )


class OutboxRow(_Row):
    """An unsent event."""

    id: str
    kind: str
    body: bytes

    def event(self) -> OutboxEvent:
        """Give the row as the interface knows it."""
        return OutboxEvent(self.id, self.kind, self.body)


class OwedCallRow(_Row):
    """A call of a webhook that nobody is making; a number of seconds becomes an age as well."""

    event_id: str
    position: int
    job_id: str
    host: str
    event: WebhookEvent
    body: bytes
    tries: int
    age: timedelta
    message: bytes

    def owed(self) -> OwedCall:
        """Give the row as the interface knows it."""
        return OwedCall(
            event_id=self.event_id,
            call=WebhookCall(self.position, self.host, self.event, self.body),
            job_id=self.job_id,
            tries=self.tries,
            age=self.age,
            message=self.message,
        )


class CountsRow(_Row):
    """The two numbers of the queue depth."""

    running: int
    delayed: int

    def counts(self) -> StoreCounts:
        """Give the row as the interface knows it."""
        return StoreCounts(running=self.running, delayed=self.delayed)


class AttemptRow(_Row):
    """The number of the attempt that a claim began, how many before it do not count, and how far the last one was."""

    attempt: int
    forgiven: int
    pages_total: int
    pages_done: int
    pages_failed: int
    after_loss: bool

    def lease(self, job_id: str, token: str) -> Lease:
        """Give the lease of this attempt."""
        progress = Progress(self.pages_total, self.pages_done, self.pages_failed)
        return Lease(job_id, token, self.attempt, self.forgiven, progress, self.after_loss)


class RangeAttemptRow(_Row):
    """The number of the attempt at a range that a claim began, and how far the last one was."""

    first_page: int
    last_page: int
    attempt: int
    pages_done: int
    pages_failed: int

    def lease(self, job_id: str, token: str) -> RangeLease:
        """Give the lease of this attempt."""
        pages = PageRange(self.first_page, self.last_page)
        return RangeLease(job_id, pages, token, self.attempt, Progress(done=self.pages_done, failed=self.pages_failed))


class DueRangeRow(_Row):
    """A waiting range that needs a message."""

    job_id: str
    first_page: int
    attempt: int
    body: bytes
    headers: Json[dict[str, str]]
    released: str

    def due(self) -> DueRange:
        """Give the row as the interface knows it."""
        return DueRange(self.job_id, self.first_page, self.attempt, self.body, self.headers, self.released)


class RangeRow(_Row):
    """What is known of a range."""

    first_page: int
    last_page: int
    status: RangeStatus
    page_errors: Json[tuple[PageErrorColumn, ...]]

    def record(self) -> RangeRecord:
        """Give the row as the interface knows it."""
        errors = tuple(one.page_error() for one in self.page_errors)
        return RangeRecord(PageRange(self.first_page, self.last_page), self.status, errors)


class TenantRow(_Row):
    """How many other jobs of a tenant run, and how many wait for their time."""

    running: int
    waiting: int


class StatusRow(_Row):
    """The status alone."""

    status: JobStatus


def clean(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL and UTF-8 refuse."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def optional(text: str | None) -> str | None:
    """Clean a text that may be missing."""
    return None if text is None else clean(text)


def job_columns(job: Job, *, body: bytes, headers: Mapping[str, str]) -> dict[str, Value]:
    """Give the columns of a new job."""
    return {
        "id": clean(job.id),
        "body": body,
        "headers": _json_of(headers),
        "source_kind": job.source.kind.value,
        "source": clean(job.source.location),
        "file_name": clean(job.file_name),
        "output_prefix": clean(job.output_prefix),
        "project": clean(job.project),
        "tenant": optional(job.tenant),
        "priority": job.priority.value,
        "metadata": _json_of(job.metadata),
    }


def progress_columns(progress: Progress) -> dict[str, Value]:
    """Give the page counts."""
    return {"pages_total": progress.total, "pages_done": progress.done, "pages_failed": progress.failed}


def result_columns(result: JobResult) -> dict[str, Value]:
    """Give the columns of a terminal state."""
    return {
        "status": result.status.value,
        "result_prefix": optional(result.result_prefix),
        "page_errors": page_error_column(result.page_errors),
        "usage": json.dumps(dict(result.usage)),
        **error_columns(result.error),
        **progress_columns(result.progress),
    }


def page_error_column(page_errors: Sequence[PageError]) -> str:
    """Give the column ``page_errors``."""
    return json.dumps(
        [{"page": one.page, "code": one.error.code, "message": clean(one.error.message)} for one in page_errors]
    )


def error_columns(error: ErrorReport | None) -> dict[str, Value]:
    """Give the two columns of an error, both None without one."""
    if error is None:
        return {"error_code": None, "error_message": None}
    return {"error_code": error.code, "error_message": clean(error.message)}


def _json_of(texts: Mapping[str, str]) -> str:
    return json.dumps({clean(name): clean(text) for name, text in texts.items()})
