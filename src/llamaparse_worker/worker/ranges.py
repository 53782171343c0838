"""One page range from its delivery to its settlement: claim, read under a lease, store the pages, end it, settle.

A range ends whatever becomes of it, so that its job goes on. Only where each attempt was lost with its worker have its
pages failed; any other error is left to the attempt that assembles the job, which meets it again or does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import anyio
import structlog

from llamaparse_worker.errors import InvalidJob, WorkerError, report
from llamaparse_worker.interfaces import RANGE_HEADER, Delivery, JobStore, Message
from llamaparse_worker.model.job import Job, JobStatus, PageError, Progress, Refusal
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.ranges import DueRange, RangeClaim, RangeLease
from llamaparse_worker.pipeline.background import in_background
from llamaparse_worker.pipeline.groups import without_trace
from llamaparse_worker.pipeline.job import JobPipeline
from llamaparse_worker.wire import job_of, read_message
from llamaparse_worker.worker.company import Company
from llamaparse_worker.worker.endings import death_now, give_back, remove_left, requeue, settled
from llamaparse_worker.worker.lease import Heartbeat
from llamaparse_worker.worker.metrics import Metrics, RangeOutcome
from llamaparse_worker.worker.patience import until_job_store_answers
from llamaparse_worker.worker.policy import AttemptPolicy

log = structlog.get_logger()

_Ended = tuple[PageSummary, ...] | WorkerError | JobStatus
"""How the reading of a range ended: its pages, an error, or the status that stopped it from outside."""


@dataclass(slots=True)
class _Case:
    """What is known of one delivery so far."""

    delivery: Delivery
    first_page: int = 0
    lease: RangeLease | None = None
    malformed: InvalidJob | None = None


class RangeAttempts:
    """Handles deliveries of page ranges. One that is cancelled releases its lease and requeues its message."""

    def __init__(
        self,
        jobs: JobStore,
        pipeline: JobPipeline,
        policy: AttemptPolicy,
        metrics: Metrics,
        *,
        company: Company,
        on_ended: Callable[[], None],
    ) -> None:
        """Prepare; ``on_ended`` is told of each range that has ended, as its job may be due."""
        self._jobs = jobs
        self._pipeline = pipeline
        self._policy = policy
        self._metrics = metrics
        self._company = company
        self._on_ended = on_ended

    async def handle(self, delivery: Delivery) -> None:
        """Carry one delivery to its settlement. Raises nothing: whatever a message does, the others go on."""
        case, outcome = _Case(delivery), RangeOutcome.RELEASED
        try:
            outcome = await self._outcome(case)
        except Exception:
            # A range under a lease is left to its expiry, which counts the attempt.
            log.exception("delivery.internal_error")
            outcome = RangeOutcome.REFUSED
        finally:
            with anyio.CancelScope(shield=True):
                await settled(partial(self._settle, case, outcome))
            self._tell(case, outcome)

    async def _outcome(self, case: _Case) -> RangeOutcome:
        message = case.delivery.message
        try:
            job, case.first_page = job_of(read_message(message.body)), _first_page(message.headers[RANGE_HEADER])
        except InvalidJob as error:
            case.malformed = error
            return RangeOutcome.REFUSED
        with structlog.contextvars.bound_contextvars(job=job.id, first_page=case.first_page):
            return await self._carry(case, job)

    async def _carry(self, case: _Case, job: Job) -> RangeOutcome:
        """Work on the range beside others; alone in the last of several attempts, as the others may have been lost.

        It is given back for the time that it waits: see ``Attempts``.
        """
        async with self._company.beside_others():
            claim = await self._claimed(case, job)
            if not (isinstance(claim, RangeLease) and 1 < claim.attempt >= self._policy.retry.max_attempts):
                return await self._end(case, job, claim)
            await self._give_claim_back(case, claim)
        log.warning("page_range.runs_alone", reason="this is its last attempt")
        async with self._company.alone():
            return await self._end(case, job, await self._claimed(case, job))

    async def _claimed(self, case: _Case, job: Job) -> RangeClaim:
        return await until_job_store_answers(lambda: self._claim(case, job))

    async def _give_claim_back(self, case: _Case, lease: RangeLease) -> None:
        await give_back(self._jobs.ranges, lease, _released(lease, case.delivery.message))
        case.lease = None

    async def _end(self, case: _Case, job: Job, claim: RangeClaim) -> RangeOutcome:
        """Read the range, if there is one, and write how it ended."""
        if not isinstance(claim, RangeLease):
            return await self._refused(case, job, claim)
        with structlog.contextvars.bound_contextvars(attempt=claim.attempt):
            return await self._persist(job, claim, await self._read(job, claim))

    async def _claim(self, case: _Case, job: Job) -> RangeClaim:
        """Claim, also while a drain cancels: a lease that nobody remembers would cost an attempt."""
        with anyio.CancelScope(shield=True):
            claim = await self._jobs.ranges.claim(
                job.id,
                case.first_page,
                lease_s=self._policy.lease_s,
                max_attempts=self._policy.retry.max_attempts,
                keep_s=self._policy.keep_split_s,
            )
        if isinstance(claim, RangeLease):
            case.lease = claim
        return claim

    async def _refused(self, case: _Case, job: Job, refusal: Refusal | None) -> RangeOutcome:
        match refusal:
            case Refusal.EXHAUSTED:
                self._on_ended()
                return RangeOutcome.LOST
            case Refusal.FINISHED:
                await remove_left(self._pipeline, job)
            case None:
                case.malformed = InvalidJob(f"{RANGE_HEADER}: no job of this id has been split into page ranges")
            case _:
                pass
        return RangeOutcome.REFUSED

    async def _read(self, job: Job, lease: RangeLease) -> _Ended:
        """Read the range under a heartbeat."""
        log.info("page_range.started", last_page=lease.pages.last, mode=job.options.mode)
        heart = Heartbeat(self._jobs.ranges, lease, lease_s=self._policy.lease_s)
        ended: _Ended = JobStatus.PENDING
        attempt = anyio.CancelScope()
        async with in_background(partial(heart.beat, attempt)):
            with attempt:
                try:
                    checkpoints = self._pipeline.checkpoints(job, lease, still_ours=heart.confirm)
                    ended = await self._pipeline.read_range(job, lease, checkpoints, on_progress=heart.note)
                except WorkerError as error:
                    ended = without_trace(error)
                except Exception as error:
                    log.exception("page_range.internal_error")
                    ended = WorkerError(f"an internal error: {type(error).__name__}")
        return heart.stopped_by or ended

    async def _persist(self, job: Job, lease: RangeLease, ended: _Ended) -> RangeOutcome:
        """Write how the range ended. One that is no longer ours may be so because its job has ended."""
        if isinstance(ended, WorkerError):
            log.warning("page_range.broke", error_code=ended.code, error=ended.message)
        match ended:
            case JobStatus():
                outcome, kept = RangeOutcome.REFUSED, False
            case WorkerError() if ended.retryable and lease.attempt < self._policy.retry.max_attempts:
                outcome, kept = RangeOutcome.RETRIED, await self._retry_later(lease)
            case WorkerError():
                outcome, kept = RangeOutcome.LEFT, await self._finish(lease, ())
            case pages:
                outcome, kept = RangeOutcome.READ, await self._finish(lease, pages)
        if kept:
            return outcome
        if await self._has_ended(lease):
            await remove_left(self._pipeline, job)
            return RangeOutcome.CANCELLED
        return RangeOutcome.REFUSED

    async def _retry_later(self, lease: RangeLease) -> bool:
        delay_s = self._policy.retry.pause_s(lease.attempt)
        return await until_job_store_answers(lambda: self._jobs.ranges.retry_later(lease, delay_s=delay_s))

    async def _finish(self, lease: RangeLease, pages: Sequence[PageSummary]) -> bool:
        errors = tuple(PageError(page.number, page.error) for page in pages if page.error)
        failed = sum(page.status is PageStatus.FAILED for page in pages)
        progress = Progress(total=len(pages), done=len(pages), failed=failed)
        kept = await until_job_store_answers(
            lambda: self._jobs.ranges.finish(lease, progress, errors, keep_s=self._policy.keep_split_s)
        )
        self._on_ended()
        return kept

    async def _has_ended(self, lease: RangeLease) -> bool:
        status = await until_job_store_answers(
            lambda: self._jobs.ranges.renew(lease, lease_s=self._policy.lease_s, progress=lease.progress)
        )
        return status.terminal

    async def _settle(self, case: _Case, outcome: RangeOutcome) -> None:
        delivery = case.delivery
        if case.malformed:
            await delivery.dead_letter(death_now(report(case.malformed)))
        elif outcome is RangeOutcome.RELEASED and case.lease:
            await requeue(delivery, self._jobs.ranges, case.lease, _released(case.lease, delivery.message))
        elif outcome is RangeOutcome.RELEASED:
            await delivery.requeue()
        else:
            await delivery.acknowledge()

    def _tell(self, case: _Case, outcome: RangeOutcome) -> None:
        if case.malformed:
            self._metrics.message_malformed()
            self._metrics.message_dead_lettered(case.malformed.code)
        self._metrics.range_ended(outcome)
        log.info(
            "page_range.settled",
            job=case.delivery.message.id,
            first_page=case.first_page or None,
            attempt=case.lease.attempt if case.lease else None,
            outcome=outcome,
        )


def _released(lease: RangeLease, message: Message) -> DueRange:
    """Name the wait that begins with the release of a lease."""
    return DueRange(lease.job_id, lease.pages.first, lease.attempt - 1, message.body, message.headers, lease.token)


def _first_page(text: str) -> int:
    """Read the header.

    Raises:
        InvalidJob: it is no page number.
    """
    if not (text.isascii() and text.isdigit()):
        raise InvalidJob(f"{RANGE_HEADER}: {text[:20]!r} is no page number")
    return int(text)
