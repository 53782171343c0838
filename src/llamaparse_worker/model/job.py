"""A job, its claim by a worker, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.webhook import Webhook, WebhookCall


class JobStatus(StrEnum):
    """The life of a job: PENDING → RUNNING → one of the terminal three. Only an operator leads a FAILED one back."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether no worker will change the job any more."""
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}


class Priority(StrEnum):
    """How urgent a job is among the waiting ones."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class SourceKind(StrEnum):
    """Where a document lies."""

    OBJECT = "object"
    """A key in the configured object store."""
    S3 = "s3"
    FILE = "file"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where to fetch a document: a key, or a whole ``s3://``, ``file://`` or ``https://`` address."""

    kind: SourceKind
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A parse job as a message asks for it."""

    id: str
    source: SourceRef
    file_name: str
    output_prefix: str
    """Result files go below ``<output_prefix>/<id>/<folder of the lease>/`` in the object store."""
    options: ParseOptions
    project: str = "default"
    tenant: str | None = None
    priority: Priority = Priority.MEDIUM
    metadata: Mapping[str, str] = field(default_factory=dict)
    deadline: datetime | None = None
    traceparent: str | None = None
    webhooks: tuple[Webhook, ...] = ()

    @property
    def prefix(self) -> str:
        """Prefix of all that is stored about the job."""
        return _prefix(self.output_prefix, self.id)


@dataclass(frozen=True, slots=True)
class Progress:
    """Pages finished, failed and expected; ``total`` is 0 until the document is open."""

    total: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one worker to write about one job until it expires. Every write names the token (fencing)."""

    job_id: str
    token: str
    attempt: int
    """From 1; counted before the document is opened. Counts on when the job is reopened: result files lie below it."""
    forgiven: int = 0
    """Attempts of the time before the job was reopened, which do not count against its limit."""
    progress: Progress = Progress()
    """How far an earlier attempt was when it last told."""
    after_loss: bool = False
    """The attempt before this one neither ended nor was given back: its worker died, or was not heard of."""

    @property
    def charged(self) -> int:
        """Attempts that count against the limit, with this one."""
        return self.attempt - self.forgiven

    @property
    def resumes(self) -> bool:
        """Whether an earlier attempt may have left pages. One that was given back has not been counted."""
        return self.attempt > 1 or self.progress.total > 0

    @property
    def folder(self) -> str:
        """Name where this lease's result files go, and no other's.

        The number alone would not do: an attempt that a drain gives back is not charged, so the next has its number,
        while a file that the first one sent may still be on its way.
        """
        return f"{self.attempt}-{self.token[:8]}"


@dataclass(frozen=True, slots=True)
class TenantLimit:
    """How many jobs of one tenant may run at once, on all workers together."""

    running: int
    pause_s: float
    """As many jobs as may run are tried again in each such time; the others of the tenant wait behind them."""


class Refusal(StrEnum):
    """Why a delivery gives no claim."""

    FINISHED = "finished"
    """The job is in a terminal status already: acknowledge, no work."""
    HELD = "held"
    """Another live lease holds the job: acknowledge, the lease and the sweeper carry it."""
    EXHAUSTED = "exhausted"
    """All attempts are used up; the store has set the job FAILED and owes its dead letter: acknowledge."""
    POSTPONED = "postponed"
    """The tenant has as many jobs running as it may; the job is due again in a while: acknowledge."""


Claim = Lease | Refusal


@dataclass(frozen=True, slots=True)
class PageError:
    """Which page failed and why, as stored in the job row."""

    page: int
    error: ErrorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """The terminal state of a job, written in one transaction."""

    status: JobStatus
    result_prefix: str | None = None
    """Where the result files of the winning attempt lie; also set for a stored partial result of a FAILED job."""
    error: ErrorReport | None = None
    progress: Progress = Progress()
    page_errors: tuple[PageError, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)


WORKER_LOST: Final = "WORKER_LOST"
"""The reason of an attempt that ended with its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A row of the job store."""

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
    error: ErrorReport | None
    progress: Progress
    page_errors: tuple[PageError, ...]
    usage: Mapping[str, float]
    next_run_at: datetime | None
    lease_until: datetime | None
    retry_reason: str | None = None
    """Why the last attempt that did not end the job did not: a code, and for an error its text."""

    @property
    def prefix(self) -> str:
        """Prefix of all that is stored about the job."""
        return _prefix(self.output_prefix, self.id)


def _prefix(output_prefix: str, job_id: str) -> str:
    return f"{output_prefix}/{job_id}" if output_prefix else job_id


@dataclass(frozen=True, slots=True)
class DueJob:
    """A waiting job whose message must be published (again): its row and the original message body."""

    job_id: str
    attempt: int
    """The attempts counted so far: names this wait of the job, so that a late confirmation cannot end a newer one."""
    body: bytes
    headers: Mapping[str, str]
    released: str = ""
    """The token of the lease whose release began this wait, or of the claim that was postponed; empty for others. These
    count no attempt, so the number alone would name an earlier wait as well."""
    priority: Priority = Priority.MEDIUM


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedLetter:
    """A FAILED job whose message must become a dead letter."""

    job_id: str
    attempt: int
    """The attempts counted so far: names this end of the job, as a reopened one may fail again."""
    charged: int
    """Attempts that counted against the limit."""
    failed_at: datetime
    error: ErrorReport
    body: bytes
    headers: Mapping[str, str]


Reopening = DueJob | JobStatus | None
"""What reopening a job gives: what to publish, the status of a job that needs no message, or None for no such job."""


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An outgoing event, stored in the transaction that made it true and sent at least once afterwards."""

    id: str
    kind: str
    body: bytes
    calls: tuple[WebhookCall, ...] = ()
    """The webhooks to call about it, written in the same transaction; an event that is read back names none."""


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Numbers for the queue depth, of jobs and page ranges: under a live lease, and waiting without a message."""

    running: int
    delayed: int
