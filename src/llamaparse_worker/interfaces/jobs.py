"""The durable state of every job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from llamaparse_worker.interfaces.ranges import RangeStore
from llamaparse_worker.model.job import (
    Claim,
    DueJob,
    Job,
    JobRecord,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    OwedLetter,
    Progress,
    Reopening,
    StoreCounts,
    TenantLimit,
)
from llamaparse_worker.model.webhook import OwedCall


class JobStore(Protocol):
    """The durable state of every job. Every call may raise ``BackendUnavailable``.

    Times are aware datetimes in UTC, taken from the store's own clock where leases are compared.
    """

    @property
    def ranges(self) -> RangeStore:
        """The page ranges of jobs that were split."""
        ...

    async def submit(self, job: Job, *, body: bytes, headers: Mapping[str, str], publish_within_s: float) -> DueJob:
        """Create the row PENDING with the message body (kept for publishing it again); a known id is left alone.

        The caller then publishes the message and confirms with ``published``. If it dies in between, the job is due
        after ``publish_within_s`` seconds and any worker publishes it.
        """
        ...

    async def claim(
        self,
        job: Job,
        *,
        body: bytes,
        headers: Mapping[str, str],
        lease_s: float,
        max_attempts: int,
        tenant_limit: TenantLimit | None = None,
    ) -> Claim:
        """Take the job in one conditional upsert: create the row if no one did, count the attempt, set lease and token.

        Gives the lease, with the progress that an earlier attempt has stored, or why there is none. A PENDING row whose
        ``next_run_at`` is not ahead (a duplicate must not cut the pause before a retry short), or a RUNNING one whose
        lease expired, is claimed; with its attempts used up it is set FAILED (``ATTEMPTS_EXHAUSTED``) instead, and owes
        a dead letter.

        A job whose tenant has as many live leases as ``tenant_limit`` allows is PENDING instead and charged no attempt:
        it is due once those before it had their turn. No two claims count at the same time.
        """
        ...

    async def renew(self, lease: Lease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease and store the progress. Gives RUNNING; any other status means: stop at once.

        Progress without a total is none: what the row tells stays, of an earlier attempt too, and a renewal that comes
        late takes nothing back. By it the next attempt knows whether there may be checkpoints.
        CANCELLED and the other terminal ones are the job's own; PENDING means that the lease is lost.
        """
        ...

    async def finish(
        self, lease: Lease, result: JobResult, *, events: Sequence[OutboxEvent], owes_letter: bool = False
    ) -> bool:
        """Write the terminal state, its events and their calls of webhooks in one transaction.

        False: the lease is lost, nothing was written.

        ``owes_letter``: the message of this FAILED job must become a dead letter that tells its error.
        """
        ...

    async def retry_later(self, lease: Lease, *, delay_s: float, reason: str, charged: bool = True) -> bool:
        """Back to PENDING with ``next_run_at``; the attempt stays counted if it is ``charged``.

        False: the lease is no longer ours.
        """
        ...

    async def release(self, lease: Lease, *, publish_within_s: float) -> bool:
        """Back to PENDING and uncount the attempt (drain). False: the lease is no longer ours.

        The caller then requeues the message and confirms with ``published``, as after ``submit``.
        """
        ...

    async def cancel(self, job_id: str) -> JobStatus:
        """Set CANCELLED unless terminal already, with the event ``job.cancelled`` in the outbox; gives the status.

        The webhooks that the job's message names are called about it. An unknown id gets a CANCELLED row: a later
        claim does no work. Page ranges of the job are no more.
        """
        ...

    async def reopen(self, job_id: str, *, publish_within_s: float) -> Reopening:
        """Put a FAILED job back to PENDING, with all its attempts before it again; their numbers count on.

        Page ranges of it are forgotten: it may be split anew.

        The caller then publishes the message and confirms with ``published``, as after ``submit``. A job that is
        PENDING without a time to wait for is given too, unchanged: whether it has a message is not known. Any other
        one is left alone and its status given; None is an unknown one.
        """
        ...

    async def get(self, job_id: str) -> JobRecord | None:
        """Read one row; of a job that is split with the progress of its ranges."""
        ...

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueJob]:
        """Take PENDING jobs that need a message: their ``next_run_at`` has passed, or a publisher did not confirm.

        They belong to the caller for ``publish_within_s`` seconds; unconfirmed by then, they are due again.
        """
        ...

    async def published(self, job: DueJob) -> None:
        """Note that the broker confirmed the message of a job.

        Without effect when the job has been claimed since: a newer wait is not ended by a late confirmation.
        """
        ...

    async def sweep(self) -> int:
        """Make jobs with an expired lease due again; gives their number. A claim fails those without attempts left."""
        ...

    async def outbox(self, *, limit: int) -> Sequence[OutboxEvent]:
        """Read unsent events, oldest first."""
        ...

    async def sent(self, event_ids: Sequence[str]) -> None:
        """Mark events as sent; ids that are marked already are fine."""
        ...

    async def owed_letters(self, *, limit: int, bury_within_s: float) -> Sequence[OwedLetter]:
        """Take FAILED jobs that owe a dead letter, those that owe it longest first.

        They belong to the caller for ``bury_within_s`` seconds; unconfirmed by then, they are owed again.
        """
        ...

    async def buried(self, letter: OwedLetter) -> None:
        """Note that the broker confirmed a dead letter. Without effect when the job was reopened since."""
        ...

    async def owed_calls(
        self, *, limit: int, per_host: int, except_hosts: Collection[str], call_within_s: float
    ) -> Sequence[OwedCall]:
        """Take calls of webhooks that are due, those that are due longest first; of each host ``per_host`` at most.

        They belong to the caller for ``call_within_s`` seconds; with nothing noted by then, they are due again.
        """
        ...

    async def call_later(self, owed: OwedCall, *, delay_s: float) -> None:
        """Note that a call was tried in vain, and is due again after a while; without effect on a later try."""
        ...

    async def call_ended(self, owed: OwedCall, *, answered: bool) -> None:
        """Note that a call was answered, or that it is given up. An answer counts whoever has had it."""
        ...

    async def calls_waiting(self) -> int:
        """Count the calls of webhooks that are owed, due or not."""
        ...

    async def counts(self) -> StoreCounts:
        """Count rows for the queue depth, those of page ranges too."""
        ...

    async def migrate(self) -> int:
        """Bring the schema up to date under a lock; gives the schema version. Safe to repeat and to run at once."""
        ...

    async def ping(self) -> str:
        """Give the product and version when it answers."""
        ...
