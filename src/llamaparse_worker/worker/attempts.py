"""One delivery of a job from its arrival to its settlement: check, claim, run under a lease, conclude."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import structlog

from llamaparse_worker.errors import (
    InvalidJob,
    JobExpired,
    ModelsUnavailable,
    NoModelInTime,
    WorkerError,
    report,
)
from llamaparse_worker.interfaces import Delivery, JobStore
from llamaparse_worker.model.job import Claim, Job, Lease, Refusal
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.model.ranges import RangeRecord, Split
from llamaparse_worker.pipeline.background import in_background
from llamaparse_worker.pipeline.groups import without_trace
from llamaparse_worker.pipeline.job import JobPipeline
from llamaparse_worker.wire import job_of, read_message, utc_now
from llamaparse_worker.worker.case import Case
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.conclusion import Conclusion
from llamaparse_worker.worker.endings import settled
from llamaparse_worker.worker.lease import Heartbeat
from llamaparse_worker.worker.metrics import Metrics
from llamaparse_worker.worker.patience import until_job_store_answers
from llamaparse_worker.worker.policy import AttemptPolicy
from llamaparse_worker.worker.settlement import (
    Acknowledge,
    Broke,
    DeadLetter,
    Ended,
    GiveBack,
    Malformed,
    NotClaimed,
    Outcome,
    Settlement,
    Stopped,
    TooLarge,
)
from llamaparse_worker.worker.telling import tell

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A job of which this worker holds the lease."""

    job: Job
    lease: Lease


class Attempts:
    """Handles deliveries of jobs. One that is cancelled releases its lease and requeues its message."""

    def __init__(
        self,
        jobs: JobStore,
        pipeline: JobPipeline,
        policy: AttemptPolicy,
        metrics: Metrics,
        *,
        company: Company,
        on_event: Callable[[Job], None],
        on_split: Callable[[], None],
        outage: Callable[[ModeName], ModelsUnavailable | None] = lambda _mode: None,
    ) -> None:
        self._jobs = jobs
        self._pipeline = pipeline
        self._policy = policy
        self._metrics = metrics
        self._company = company
        self._conclusion = Conclusion(jobs, pipeline, policy, on_event=on_event, on_split=on_split)
        self._outage = outage

    async def handle(self, delivery: Delivery) -> None:
        """Carry one delivery to its settlement. Raises nothing: whatever a message does, the other jobs go on."""
        case = Case(delivery)
        settlement: Settlement = GiveBack()
        self._metrics.job_taken()
        try:
            settlement = await self._carry(case)
        except Exception as error:
            log.exception("delivery.internal_error")
            settlement = _after_bug(case, error)
        finally:
            with anyio.CancelScope(shield=True):
                told = await settled(partial(self._conclusion.settle, case, settlement))
            tell(self._metrics, case, settlement, settled=told)

    async def _carry(self, case: Case) -> Settlement:
        """Work on the delivery beside others; alone, where its job was lost and has its last attempt.

        Its claim tells, and is given back for the time that it waits: it is not to be charged for what runs till then.
        """
        async with self._company.beside_others():
            claimed = await self._claimed(case)
            if not (isinstance(claimed, _Claimed) and self._is_to_run_alone(claimed.lease)):
                return await self._end(case, claimed)
            await self._conclusion.give_claim_back(case, claimed.lease)
        log.warning("job.runs_alone", job=claimed.job.id, reason="its worker was lost, and this is its last attempt")
        async with self._company.alone():
            return await self._end(case, await self._claimed(case))

    async def _claimed(self, case: Case) -> _Claimed | Malformed | NotClaimed:
        message = case.delivery.message
        try:
            case.job = job = job_of(
                read_message(message.body),
                traceparent=message.headers.get("traceparent"),
                priority=message.priority,
            )
        except InvalidJob as error:
            return Malformed(error)
        with structlog.contextvars.bound_contextvars(job=job.id):
            claim = await until_job_store_answers(lambda: self._claim(case, job))
            return NotClaimed(claim) if isinstance(claim, Refusal) else _Claimed(job, claim)

    def _is_to_run_alone(self, lease: Lease) -> bool:
        return lease.after_loss and lease.charged >= self._policy.retry.max_attempts

    async def _end(self, case: Case, claimed: _Claimed | Malformed | NotClaimed) -> Settlement:
        """Run the attempt, if there is one, and write what became of it."""
        if not isinstance(claimed, _Claimed):
            return await self._conclusion.persist(case, claimed)
        with structlog.contextvars.bound_contextvars(job=claimed.job.id, attempt=claimed.lease.attempt):
            return await self._conclusion.persist(case, await self._run(case, claimed.job, claimed.lease))

    async def _claim(self, case: Case, job: Job) -> Claim:
        """Claim, also while a drain cancels: a lease that nobody remembers would cost an attempt."""
        message = case.delivery.message
        with anyio.CancelScope(shield=True):
            claim = await self._jobs.claim(
                job,
                body=message.body,
                headers=message.headers,
                lease_s=self._policy.lease_s,
                max_attempts=self._policy.retry.max_attempts,
                tenant_limit=self._policy.tenant_limit,
            )
        if isinstance(claim, Lease):
            case.lease = claim
        return claim

    async def _run(self, case: Case, job: Job, lease: Lease) -> Outcome:
        """Run the attempt under a heartbeat. An error that nobody expected fails this job and no other."""
        log.info(
            "job.started",
            mode=job.options.mode,
            ignored_options=job.options.ignored or None,
            traceparent=job.traceparent,
        )
        heart = Heartbeat(self._jobs, lease, lease_s=self._policy.lease_s)
        outcome: Outcome = Stopped()
        attempt = anyio.CancelScope()
        async with in_background(partial(heart.beat, attempt)):
            with attempt:
                try:
                    outcome = await self._attempt(case, job, lease, heart)
                except WorkerError as error:
                    outcome = Broke(without_trace(error))
                except Exception as error:
                    log.exception("job.internal_error")
                    outcome = Broke(WorkerError(f"an internal error: {type(error).__name__}"))
        case.stopped_by = heart.stopped_by
        if heart.stopped_by:
            log.warning("job.stopped", status=heart.stopped_by)
        return outcome

    async def _attempt(self, case: Case, job: Job, lease: Lease, heart: Heartbeat[Lease]) -> Outcome:
        outage = self._outage(job.options.mode)
        ranges = await self._ranges_of(lease)
        if not ranges:  # work on a split job began in time
            _refuse_expired(job, outage)
        if outage is not None:
            raise outage
        case.checkpoints = self._pipeline.checkpoints(job, lease, still_ours=heart.confirm, ranges=len(ranges))
        found = await self._pipeline.run(job, lease, case.checkpoints, on_progress=heart.note, ranges=ranges)
        if isinstance(found, Split):
            return TooLarge(found)
        case.attempt = found
        return Ended(found.result)

    async def _ranges_of(self, lease: Lease) -> Sequence[RangeRecord]:
        """Give the page ranges of a job that was split; one at its beginning asks for nothing."""
        if not lease.resumes:
            return ()
        return await until_job_store_answers(lambda: self._jobs.ranges.of(lease.job_id))


def _after_bug(case: Case, error: Exception) -> Settlement:
    """A job under a lease is left to its expiry, which counts the attempt; a message without one can be no job."""
    if case.lease:
        return Acknowledge()
    return DeadLetter(report(InvalidJob(f"the message cannot be worked on: {type(error).__name__}")))


def _refuse_expired(job: Job, outage: ModelsUnavailable | None) -> None:
    if job.deadline is None or job.deadline >= utc_now():
        return
    passed = f"the deadline {job.deadline.isoformat()} passed"
    if outage is not None:
        raise NoModelInTime(f"{passed}, and {outage.message}")
    raise JobExpired(f"{passed} before the work began")
