"""Decides, as a pure function, what becomes of a delivery once its attempt has ended. Each is settled exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.errors import (
    AttemptsExhausted,
    ErrorReport,
    InvalidJob,
    ModelsUnavailable,
    WorkerError,
    report,
)
from llamaparse_worker.model.job import JobResult, JobStatus, Refusal
from llamaparse_worker.model.ranges import Split

UNSERVED_DELAY_S = 10.0
"""How long a job waits that no model can serve: with a probe of the providers and a sweep it begins within half a
minute after one of them has healed."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """The message is no job."""

    error: InvalidJob


@dataclass(frozen=True, slots=True)
class NotClaimed:
    """The job store gave no lease."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt came to a terminal state of the job."""

    result: JobResult


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The attempt found more pages than it shall read alone."""

    split: Split


@dataclass(frozen=True, slots=True)
class Broke:
    """The attempt raised a typed error."""

    error: WorkerError


@dataclass(frozen=True, slots=True)
class Stopped:
    """The job was cancelled, or its lease went to another worker: whoever did that carries it on."""


Outcome = Malformed | NotClaimed | Ended | TooLarge | Broke | Stopped


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Remove the message; first write ``result`` if there is one."""

    result: JobResult | None = None
    letter: ErrorReport | None = None
    """Why a copy of the message becomes a dead letter. The job store owes it: what ends the job says so as well."""


@dataclass(frozen=True, slots=True)
class Postpone:
    """Remove the message: the job store has put the job off, and has it published again."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Make the job due again after a delay, then remove the message."""

    delay_s: float
    reason: str
    charged: bool = True
    """Whether the attempt counts against those that the job has."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Hand the job over to its page ranges, then remove the message: the last of them brings it back."""

    split: Split


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Move a message to the dead-letter queue that has no row in the job store."""

    error: ErrorReport


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Release the lease without charging the attempt, and requeue the message: what a drain does to an open attempt."""


Settled = Acknowledge | Postpone | RetryLater | HandOver | DeadLetter
"""What an outcome leads to."""

Settlement = Settled | GiveBack


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a job is tried, and how long it waits between two attempts (doubled each time)."""

    max_attempts: int
    delay_s: float
    max_delay_s: float = 600.0

    def pause_s(self, attempt: int) -> float:
        """Give the pause after this attempt (from 1; 0 where none was charged)."""
        return min(self.delay_s * 2.0 ** max(attempt - 1, 0), self.max_delay_s)


def settle(outcome: Outcome, *, attempt: int, policy: RetryPolicy) -> Settled:
    """Decide from the outcome and the number of this attempt (from 1; 0 where none was charged)."""
    match outcome:
        case Malformed(error):
            return DeadLetter(report(error))
        case NotClaimed(Refusal.EXHAUSTED):
            return Acknowledge(
                letter=report(AttemptsExhausted(f"none of {policy.max_attempts} attempts came to an end"))
            )
        case NotClaimed(Refusal.POSTPONED):
            return Postpone()
        case NotClaimed() | Stopped():
            return Acknowledge()
        case Ended(result):
            return Acknowledge(result)
        case TooLarge(split):
            return HandOver(split)
        case Broke(error):
            return _after_error(error, attempt=attempt, policy=policy)


def _after_error(error: WorkerError, *, attempt: int, policy: RetryPolicy) -> Acknowledge | RetryLater:
    reason = f"{error.code}: {error.message}"
    if isinstance(error, ModelsUnavailable):
        return RetryLater(UNSERVED_DELAY_S, reason, charged=False)
    if error.retryable and attempt < policy.max_attempts:
        return RetryLater(policy.pause_s(attempt), reason)
    return _failed(error)


def _failed(error: WorkerError) -> Acknowledge:
    """End a job for good; only where another try might help is its message kept."""
    failed = JobResult(status=JobStatus.FAILED, error=report(error))
    return Acknowledge(failed, letter=failed.error if error.retryable else None)
