"""The durable state of the page ranges that large jobs are split into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llamaparse_worker.model.job import JobStatus, Lease, PageError, Progress
from llamaparse_worker.model.ranges import DueRange, PageRange, RangeClaim, RangeLease, RangeRecord


class RangeStore(Protocol):
    """A part of the job store. Every call may raise ``BackendUnavailable``.

    A job that is split stays RUNNING, under a token that no worker has: its ranges hold it together. It is free when
    none of them is left to be done, or none has ended for long. Ranges mean nothing once another holds their job.
    """

    async def split(self, lease: Lease, ranges: Sequence[PageRange], *, total: int, keep_s: float) -> bool:
        """Hand a job over to its ranges, all or nothing; the attempt that does so is not counted.

        Each range is due at once. ``total`` pages are expected; ``keep_s`` is how long the job waits for the next
        range to end. False: the lease is no longer ours, or the job has been split before.
        """
        ...

    async def claim(
        self, job_id: str, first_page: int, *, lease_s: float, max_attempts: int, keep_s: float
    ) -> RangeClaim:
        """Take a range as a job is taken: PENDING without a time ahead, or RUNNING with an expired lease.

        With its attempts used up it is FAILED instead. A range that has ended, is held, or whose job is no longer
        held by its ranges is refused as HELD; one whose job has ended as FINISHED.
        """
        ...

    async def renew(self, lease: RangeLease, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease and store the progress. Gives RUNNING; any other status means: stop at once.

        A terminal one is that of the job; PENDING means that the lease is lost, or the job no longer waits for it.
        """
        ...

    async def finish(
        self, lease: RangeLease, progress: Progress, page_errors: Sequence[PageError], *, keep_s: float
    ) -> bool:
        """End a range; with the last one its job is due. False: the lease is no longer ours."""
        ...

    async def retry_later(self, lease: RangeLease, *, delay_s: float) -> bool:
        """Back to PENDING for a while; the attempt stays counted. False: the lease is no longer ours."""
        ...

    async def release(self, lease: RangeLease, *, publish_within_s: float) -> bool:
        """Back to PENDING and uncount the attempt (drain), as ``JobStore.release``."""
        ...

    async def due(self, *, limit: int, publish_within_s: float) -> Sequence[DueRange]:
        """Take PENDING ranges that need a message, as ``JobStore.due``."""
        ...

    async def published(self, due: DueRange) -> None:
        """Note that the broker confirmed the message of a range, as ``JobStore.published``."""
        ...

    async def sweep(self) -> int:
        """Make ranges with an expired lease due again; gives their number."""
        ...

    async def of(self, job_id: str) -> Sequence[RangeRecord]:
        """Give the ranges that a job was split into, ascending; empty for one that never was."""
        ...
