"""Tells in metrics and log how a delivery of a job was settled."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.job import JobResult, JobStatus
from llamaparse_worker.worker.case import Case
from llamaparse_worker.worker.metrics import JobOutcome, Metrics
from llamaparse_worker.worker.settlement import (
    Acknowledge,
    DeadLetter,
    GiveBack,
    HandOver,
    Postpone,
    RetryLater,
    Settlement,
)

MARKDOWN_TYPE = "text/markdown"

log = structlog.get_logger()


def tell(metrics: Metrics, case: Case, settlement: Settlement, *, settled: bool) -> None:
    """Count and log the end of a delivery; ``settled`` says whether the broker confirmed it."""
    seconds = time.perf_counter() - case.started
    ending = _ending(settlement)
    outcome = JobOutcome.CANCELLED if case.stopped_by is JobStatus.CANCELLED else ending.outcome
    _count_written(metrics, case)
    match settlement:
        case DeadLetter(error) if settled:
            metrics.message_dead_lettered(error.code)
            metrics.message_malformed()
        case DeadLetter(error):
            metrics.dead_letter_refused(error.code)
        case _:
            pass
    if ending.error:
        metrics.error(ending.error.code)
    metrics.job_ended(case.job.options.mode if case.job else None, outcome, seconds)
    log.info(
        "job.settled",
        job=case.job.id if case.job else None,
        attempt=case.lease.attempt if case.lease else None,
        outcome=outcome,
        dead_lettered=(isinstance(settlement, DeadLetter) and settled) or None,
        error_code=ending.error.code if ending.error else None,
        error=ending.error.message if ending.error else None,
        pages=len(case.attempt.parsed.pages) if case.attempt else None,
        seconds=round(seconds, 3),
    )


def _count_written(metrics: Metrics, case: Case) -> None:
    if case.job and case.attempt:
        metrics.pages_ended(case.job.options.mode, case.attempt.parsed.pages)
        for file in case.attempt.parsed.files:
            if file.content_type.startswith(MARKDOWN_TYPE):
                metrics.markdown_written(file.size_bytes)


@dataclass(frozen=True, slots=True)
class _Ending:
    """A settlement in the words of the metrics."""

    outcome: JobOutcome
    error: ErrorReport | None = None


def _ending(settlement: Settlement) -> _Ending:
    match settlement:
        case Acknowledge(JobResult() as result):
            return _Ending(JobOutcome(result.status.lower()), result.error)
        case Acknowledge(letter=error):
            return _Ending(JobOutcome.REFUSED, error)
        case DeadLetter(error):
            return _Ending(JobOutcome.REFUSED, error)
        case Postpone():
            return _Ending(JobOutcome.POSTPONED)
        case RetryLater(charged=charged):
            return _Ending(JobOutcome.RETRIED if charged else JobOutcome.POSTPONED)
        case HandOver():
            return _Ending(JobOutcome.SPLIT)
        case GiveBack():
            return _Ending(JobOutcome.RELEASED)
