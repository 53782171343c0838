"""What is told of a job that has ended."""

from __future__ import annotations

from typing import Literal

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.wire.strict import Strict


class EventPages(Strict):
    """Pages of a job as it ended."""

    total: int = 0
    done: int = 0
    failed: int = 0


class JobEvent(Strict):
    """What the outbox says of a job that reached its terminal status."""

    version: Literal["1"] = "1"
    job_id: str
    status: Literal[JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED]
    attempt: int
    project_id: str
    tenant: str | None = None
    result_prefix: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    pages: EventPages = EventPages()

    @property
    def kind(self) -> str:
        """``job.completed``, ``job.failed`` or ``job.cancelled``."""
        return f"job.{self.status.lower()}"
