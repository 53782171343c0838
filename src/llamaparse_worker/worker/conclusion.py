"""The end of an attempt at a job: first its row, then its message.

The order persist → settle is the guarantee: a message is removed only after its effect is durable.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from llamaparse_worker.interfaces import JobStore, Message
from llamaparse_worker.model.job import DueJob, Job, JobResult, JobStatus, Lease, Refusal
from llamaparse_worker.model.ranges import Split
from llamaparse_worker.pipeline.job import JobPipeline
from llamaparse_worker.wire import EventPages, JobEvent, outbox_event
from llamaparse_worker.worker.case import Case
from llamaparse_worker.worker.endings import death_now, give_back, remove_left, requeue
from llamaparse_worker.worker.patience import until_job_store_answers
from llamaparse_worker.worker.policy import AttemptPolicy
from llamaparse_worker.worker.settlement import (
    Acknowledge,
    DeadLetter,
    GiveBack,
    HandOver,
    NotClaimed,
    Outcome,
    Postpone,
    RetryLater,
    Settlement,
    settle,
)

UNSERVED_PAUSE_S = 0.5
"""A slot takes no more than so many jobs a second that no model can serve, so that thousands that wait do not spin."""
_ENDED_BEFORE = (NotClaimed(Refusal.FINISHED), NotClaimed(Refusal.EXHAUSTED))


class Conclusion:
    """Writes what attempts came to, and settles their messages."""

    def __init__(
        self,
        jobs: JobStore,
        pipeline: JobPipeline,
        policy: AttemptPolicy,
        *,
        on_event: Callable[[Job], None],
        on_split: Callable[[], None],
    ) -> None:
        self._jobs = jobs
        self._pipeline = pipeline
        self._policy = policy
        self._on_event = on_event
        self._on_split = on_split

    async def persist(self, case: Case, outcome: Outcome) -> Settlement:
        """Write what the settlement needs; gives what is to become of the message."""
        settlement = settle(outcome, attempt=case.lease.charged if case.lease else 0, policy=self._policy.retry)
        if case.job is None:
            return settlement
        if case.lease is None:
            await self._conclude_refused(case.job, outcome, settlement)
            return settlement
        kept = await self._write(case.job, case.lease, settlement)
        await self._remove_left(case, case.job, case.lease, settlement, kept=kept)
        return settlement if kept else Acknowledge()

    async def settle(self, case: Case, settlement: Settlement) -> None:
        """Settle the message as was decided."""
        match settlement:
            case Acknowledge() | Postpone() | RetryLater() | HandOver():
                await case.delivery.acknowledge()
            case DeadLetter(error):
                await case.delivery.dead_letter(death_now(error))
            case GiveBack() if case.lease:
                await requeue(case.delivery, self._jobs, case.lease, _released(case.lease, case.delivery.message))
            case GiveBack():
                await case.delivery.requeue()

    async def give_claim_back(self, case: Case, lease: Lease) -> None:
        """Free the job while its message stays in hand: nobody has to publish it again."""
        await give_back(self._jobs, lease, _released(lease, case.delivery.message))
        case.lease = None

    async def _conclude_refused(self, job: Job, outcome: Outcome, settlement: Settlement) -> None:
        if isinstance(settlement, Acknowledge) and settlement.letter:
            self._on_event(job)  # the refused claim wrote one
        if outcome in _ENDED_BEFORE:
            await remove_left(self._pipeline, job)

    async def _write(self, job: Job, lease: Lease, settlement: Settlement) -> bool:
        """Write to the job's row; False: the lease is no longer ours, and nothing was written."""
        match settlement:
            case Acknowledge(JobResult() as result, letter):
                kept = await self._finish(job, lease, result, owes_letter=letter is not None)
                self._on_event(job)
                return kept
            case RetryLater(delay_s, reason, charged):
                if not charged:
                    await anyio.sleep(UNSERVED_PAUSE_S)
                return await until_job_store_answers(
                    lambda: self._jobs.retry_later(lease, delay_s=delay_s, reason=reason, charged=charged)
                )
            case HandOver(split):
                kept = await self._split(lease, split)
                self._on_split()
                return kept
            case _:
                return True

    async def _finish(self, job: Job, lease: Lease, result: JobResult, *, owes_letter: bool) -> bool:
        event = outbox_event(_event(job, lease, result), job.webhooks)
        return await until_job_store_answers(
            lambda: self._jobs.finish(lease, result, events=(event,), owes_letter=owes_letter)
        )

    async def _split(self, lease: Lease, split: Split) -> bool:
        keep_s = self._policy.keep_split_s
        return await until_job_store_answers(
            lambda: self._jobs.ranges.split(lease, split.ranges, total=split.total, keep_s=keep_s)
        )

    async def _remove_left(self, case: Case, job: Job, lease: Lease, settlement: Settlement, *, kept: bool) -> None:
        """Remove the checkpoints of a job that has ended, by this attempt or by somebody else."""
        may_exist = isinstance(settlement, HandOver) or (case.checkpoints and case.checkpoints.may_exist)
        if not may_exist:
            return
        ended_here = kept and isinstance(settlement, Acknowledge) and settlement.result is not None
        stopped = case.stopped_by is not None and case.stopped_by.terminal
        if ended_here or stopped or (not kept and await self._has_ended(lease)):
            await remove_left(self._pipeline, job)

    async def _has_ended(self, lease: Lease) -> bool:
        """Tell why a lease is no longer ours: a write whose answer was lost may itself have ended the job."""
        status = await until_job_store_answers(
            lambda: self._jobs.renew(lease, lease_s=self._policy.lease_s, progress=lease.progress)
        )
        return status.terminal


def _released(lease: Lease, message: Message) -> DueJob:
    """Name the wait that begins with the release of a lease."""
    return DueJob(lease.job_id, lease.attempt - 1, message.body, message.headers, lease.token)


def _event(job: Job, lease: Lease, result: JobResult) -> JobEvent:
    progress = result.progress
    if result.status is JobStatus.PENDING or result.status is JobStatus.RUNNING:
        raise ValueError(result.status)
    return JobEvent(
        job_id=job.id,
        status=result.status,
        attempt=lease.attempt,
        project_id=job.project,
        tenant=job.tenant,
        result_prefix=result.result_prefix,
        error_code=result.error.code if result.error else None,
        error_message=result.error.message if result.error else None,
        pages=EventPages(total=progress.total, done=progress.done, failed=progress.failed),
    )
