"""One delivery from its arrival to its settlement: check, claim, run under a lease, persist, settle.

The order persist → settle is the guarantee: a message is removed only after its effect is durable.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import structlog

from llamaparse_worker.errors import (
    ErrorReport,
    InvalidJob,
    JobExpired,
    ModelsUnavailable,
    WorkerError,
    report,
)
from llamaparse_worker.interfaces import Delivery, JobStore, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.job import Claim, DueJob, Job, JobResult, JobStatus, Lease, Refusal, TenantLimit
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.model.ranges import RangeRecord, Split
from llamaparse_worker.pipeline.checkpoints import Checkpoints
from llamaparse_worker.pipeline.job import Attempt, JobPipeline
from llamaparse_worker.wire import EventPages, JobEvent, job_of, outbox_event, read_message, utc_now
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.endings import remove_left, settled
from llamaparse_worker.worker.lease import Heartbeat
from llamaparse_worker.worker.metrics import JobOutcome, Metrics
from llamaparse_worker.worker.patience import AWAY_OR_REFUSING, until_available
from llamaparse_worker.worker.settlement import (
    Acknowledge,
    Broke,
    DeadLetter,
    Ended,
    GiveBack,
    HandOver,
    Malformed,
    NotClaimed,
    Outcome,
    Postpone,
    RetryLater,
    RetryPolicy,
    Settlement,
    Stopped,
    TooLarge,
    settle,
)
from llamaparse_worker.worker.upkeep import PUBLISH_WITHIN_S

TENANT_PAUSE_S = 1.0
"""A tenant with more jobs than may run has so many of them tried again each second: see ``TenantLimit``."""
RELEASE_TIMEOUT_S = 3.0
UNSERVED_PAUSE_S = 0.5
"""A slot takes no more than so many jobs a second that no model can serve, so that thousands that wait do not spin."""
MARKDOWN_TYPE = "text/markdown"
_ENDED_BEFORE = (NotClaimed(Refusal.FINISHED), NotClaimed(Refusal.EXHAUSTED))

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPolicy:
    """What the operator set about attempts."""

    lease_s: float
    retry: RetryPolicy
    tenant_limit: TenantLimit | None = None
    keep_split_s: float = 86_400.0
    """How long a split job waits for the next of its page ranges to end; then an attempt does what is left."""


@dataclass(slots=True)
class _Case:
    """What is known of one delivery so far."""

    delivery: Delivery
    job: Job | None = None
    lease: Lease | None = None
    checkpoints: Checkpoints | None = None
    attempt: Attempt | None = None
    stopped_by: JobStatus | None = None
    """The status that ended the attempt from outside."""
    started: float = field(default_factory=time.perf_counter)


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
        outage: Callable[[ModeName], str | None] = lambda _mode: None,
    ) -> None:
        self._jobs = jobs
        self._pipeline = pipeline
        self._policy = policy
        self._metrics = metrics
        self._company = company
        self._on_event = on_event
        self._on_split = on_split
        self._outage = outage

    async def handle(self, delivery: Delivery) -> None:
        """Carry one delivery to its settlement. Raises nothing: whatever a message does, the other jobs go on."""
        case = _Case(delivery)
        settlement: Settlement = GiveBack()
        self._metrics.job_taken()
        try:
            settlement = await self._carry(case)
        except Exception as error:
            log.exception("delivery.internal_error")
            settlement = _after_bug(case, error)
        finally:
            with anyio.CancelScope(shield=True):
                told = await settled(partial(self._settle_now, case, settlement))
            self._tell(case, settlement, settled=told)

    async def _carry(self, case: _Case) -> Settlement:
        """Work on the delivery beside others; alone, where its job was lost and has its last attempt.

        Its claim tells, and is given back for the time that it waits: it is not to be charged for what runs till then.
        """
        async with self._company.beside_others():
            claimed = await self._claimed(case)
            if not (isinstance(claimed, _Claimed) and self._is_to_run_alone(claimed.lease)):
                return await self._end(case, claimed)
            await self._give_claim_back(case, claimed.lease)
        log.warning("job.runs_alone", job=claimed.job.id, reason="its worker was lost, and this is its last attempt")
        async with self._company.alone():
            return await self._end(case, await self._claimed(case))

    async def _claimed(self, case: _Case) -> _Claimed | Malformed | NotClaimed:
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
            claim = await until_available(lambda: self._claim(case, job), what="job store", failures=AWAY_OR_REFUSING)
            return NotClaimed(claim) if isinstance(claim, Refusal) else _Claimed(job, claim)

    def _is_to_run_alone(self, lease: Lease) -> bool:
        return lease.after_loss and lease.charged >= self._policy.retry.max_attempts

    async def _give_claim_back(self, case: _Case, lease: Lease) -> None:
        """Free the job while its message stays in hand: nobody has to publish it again."""

        async def give_back() -> None:
            if await self._jobs.release(lease, publish_within_s=PUBLISH_WITHIN_S):
                await self._jobs.published(_released(lease, case.delivery.message))

        await until_available(give_back, what="job store", failures=AWAY_OR_REFUSING)
        case.lease = None

    async def _end(self, case: _Case, claimed: _Claimed | Malformed | NotClaimed) -> Settlement:
        """Run the attempt, if there is one, and write what became of it."""
        if not isinstance(claimed, _Claimed):
            return await self._persist(case, claimed)
        with structlog.contextvars.bound_contextvars(job=claimed.job.id, attempt=claimed.lease.attempt):
            return await self._persist(case, await self._run(case, claimed.job, claimed.lease))

    async def _claim(self, case: _Case, job: Job) -> Claim:
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

    async def _run(self, case: _Case, job: Job, lease: Lease) -> Outcome:
        """Run the attempt under a heartbeat. An error that nobody expected fails this job and no other."""
        log.info(
            "job.started",
            mode=job.options.mode,
            ignored_options=job.options.ignored or None,
            traceparent=job.traceparent,
        )
        heart = Heartbeat(self._jobs, lease, lease_s=self._policy.lease_s)
        outcome: Outcome = Stopped()
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as attempt:
                tasks.start_soon(heart.beat, attempt)
                try:
                    _refuse_unserved(self._outage(job.options.mode))
                    outcome = await self._attempt(case, job, lease, heart)
                except WorkerError as error:
                    outcome = Broke(error)
                except Exception as error:
                    log.exception("job.internal_error")
                    outcome = Broke(WorkerError(f"an internal error: {type(error).__name__}"))
            tasks.cancel_scope.cancel()
        case.stopped_by = heart.stopped_by
        if heart.stopped_by:
            log.warning("job.stopped", status=heart.stopped_by)
        return outcome

    async def _attempt(self, case: _Case, job: Job, lease: Lease, heart: Heartbeat[Lease]) -> Outcome:
        ranges = await self._ranges_of(lease)
        if not ranges:  # work on a split job began in time
            _refuse_expired(job)
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
        return await until_available(
            lambda: self._jobs.ranges.of(lease.job_id), what="job store", failures=AWAY_OR_REFUSING
        )

    async def _persist(self, case: _Case, outcome: Outcome) -> Settlement:
        """Write what the settlement needs; a lost lease leaves nothing to write."""
        charged = case.lease.charged if case.lease else 0
        settlement = settle(outcome, attempt=charged, policy=self._policy.retry)
        lease, job = case.lease, case.job
        if lease is None or job is None:
            if job and isinstance(settlement, Acknowledge) and settlement.letter:
                self._on_event(job)  # the refused claim wrote one
            if job and outcome in _ENDED_BEFORE:
                await remove_left(self._pipeline, job)
            return settlement
        kept = True
        ended = case.stopped_by is not None and case.stopped_by.terminal
        match settlement:
            case Acknowledge(JobResult() as result, letter):
                event = outbox_event(_event(job, lease, result), job.webhooks)
                kept = await until_available(
                    lambda: self._jobs.finish(lease, result, events=(event,), owes_letter=letter is not None),
                    what="job store",
                    failures=AWAY_OR_REFUSING,
                )
                ended = ended or kept
                self._on_event(job)
            case RetryLater(delay_s, reason, charged):
                if not charged:
                    await anyio.sleep(UNSERVED_PAUSE_S)
                kept = await until_available(
                    lambda: self._jobs.retry_later(lease, delay_s=delay_s, reason=reason, charged=charged),
                    what="job store",
                    failures=AWAY_OR_REFUSING,
                )
            case HandOver(split):
                kept = await until_available(
                    lambda: self._jobs.ranges.split(
                        lease, split.ranges, total=split.total, keep_s=self._policy.keep_split_s
                    ),
                    what="job store",
                    failures=AWAY_OR_REFUSING,
                )
                self._on_split()
            case _:
                pass
        may_exist = isinstance(settlement, HandOver) or (case.checkpoints and case.checkpoints.may_exist)
        if may_exist and (ended or (not kept and await self._has_ended(lease))):
            await remove_left(self._pipeline, job)
        return settlement if kept else Acknowledge()

    async def _has_ended(self, lease: Lease) -> bool:
        """Tell why a lease is no longer ours: a write whose answer was lost may itself have ended the job."""
        status = await until_available(
            lambda: self._jobs.renew(lease, lease_s=self._policy.lease_s, progress=lease.progress),
            what="job store",
            failures=AWAY_OR_REFUSING,
        )
        return status.terminal

    async def _settle_now(self, case: _Case, settlement: Settlement) -> None:
        delivery = case.delivery
        match settlement:
            case Acknowledge() | Postpone() | RetryLater() | HandOver():
                await delivery.acknowledge()
            case DeadLetter(error):
                death = Death(code=error.code, message=error.message, at=utc_now(), worker=socket.gethostname())
                await delivery.dead_letter(death)
            case GiveBack():
                freed = await self._release(case)
                await delivery.requeue()
                if freed:
                    await self._jobs.published(freed)

    async def _release(self, case: _Case) -> DueJob | None:
        """Free the job; gives what to confirm once its message is back in the queue."""
        lease, message = case.lease, case.delivery.message
        if lease is None:
            return None
        with anyio.move_on_after(RELEASE_TIMEOUT_S):
            if await self._jobs.release(lease, publish_within_s=PUBLISH_WITHIN_S):
                return _released(lease, message)
        return None

    def _tell(self, case: _Case, settlement: Settlement, *, settled: bool) -> None:
        seconds = time.perf_counter() - case.started
        ending = _ending(settlement)
        outcome = JobOutcome.CANCELLED if case.stopped_by is JobStatus.CANCELLED else ending.outcome
        if case.job and case.attempt:
            self._metrics.pages_ended(case.job.options.mode, case.attempt.parsed.pages)
            for file in case.attempt.parsed.files:
                if file.content_type.startswith(MARKDOWN_TYPE):
                    self._metrics.markdown_written(file.size_bytes)
        if isinstance(settlement, DeadLetter) and settled:
            self._metrics.message_dead_lettered(settlement.error.code)
            self._metrics.message_malformed()
        elif isinstance(settlement, DeadLetter):
            self._metrics.dead_letter_refused(settlement.error.code)
        if ending.error:
            self._metrics.error(ending.error.code)
        self._metrics.job_ended(case.job.options.mode if case.job else None, outcome, seconds)
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


def _released(lease: Lease, message: Message) -> DueJob:
    """Name the wait that begins with the release of a lease."""
    return DueJob(lease.job_id, lease.attempt - 1, message.body, message.headers, lease.token)


def _after_bug(case: _Case, error: Exception) -> Settlement:
    """A job under a lease is left to its expiry, which counts the attempt; a message without one can be no job."""
    if case.lease:
        return Acknowledge()
    return DeadLetter(report(InvalidJob(f"the message cannot be worked on: {type(error).__name__}")))


def _refuse_expired(job: Job) -> None:
    if job.deadline and job.deadline < utc_now():
        raise JobExpired(f"the deadline {job.deadline.isoformat()} passed before the work began")


def _refuse_unserved(reason: str | None) -> None:
    if reason is not None:
        raise ModelsUnavailable(reason)


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
