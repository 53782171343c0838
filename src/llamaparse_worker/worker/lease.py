"""Keeps a lease alive while its attempt runs, and stops the attempt when the lease is no longer ours."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import anyio
import structlog

from llamaparse_worker.model.job import JobStatus, Lease, Progress
from llamaparse_worker.model.ranges import RangeLease
from llamaparse_worker.worker.patience import AWAY_OR_REFUSING

LONGEST_PERIOD_S = 1.0
"""Progress is stored, and a cancellation seen, at least this often."""

L = TypeVar("L", bound=Lease | RangeLease)
L_contra = TypeVar("L_contra", bound=Lease | RangeLease, contravariant=True)

log = structlog.get_logger()


class Renews(Protocol[L_contra]):
    """Where leases are renewed: those of jobs in the job store, those of page ranges in its ranges."""

    async def renew(self, lease: L_contra, *, lease_s: float, progress: Progress) -> JobStatus:
        """Extend the lease and store the progress; anything but RUNNING means that it is no longer ours."""
        ...


class Heartbeat(Generic[L]):
    """Renews one lease and stores the progress of its attempt."""

    def __init__(self, store: Renews[L], lease: L, *, lease_s: float) -> None:
        self._store = store
        self._lease = lease
        self._lease_s = lease_s
        self._progress = lease.progress
        self.stopped_by: JobStatus | None = None
        """The status that ended the attempt from outside; None while the lease is ours."""

    def note(self, progress: Progress) -> None:
        """Remember how far the attempt is; the next beat stores it."""
        self._progress = progress

    async def confirm(self) -> bool:
        """Ask the store whether the lease is still ours, and renew it. False also when nobody answers."""
        try:
            return await self._renew() is JobStatus.RUNNING
        except AWAY_OR_REFUSING:
            return False

    async def beat(self, attempt: anyio.CancelScope) -> None:
        """Renew until cancelled; cancels ``attempt`` when the job was cancelled or the lease was lost.

        A store that is away or full is waited for as long as the lease lasts: until then the job is ours.
        """
        renewed_at = anyio.current_time()
        while True:
            await anyio.sleep(min(self._lease_s / 3, LONGEST_PERIOD_S))
            try:
                status = await self._renew()
            except AWAY_OR_REFUSING as error:
                log.warning("lease.renewal_failed", error=error.message)
                status = JobStatus.RUNNING if anyio.current_time() - renewed_at < self._lease_s else JobStatus.PENDING
            else:
                renewed_at = anyio.current_time()
            if status is not JobStatus.RUNNING:
                self.stopped_by = status
                attempt.cancel()
                return

    async def _renew(self) -> JobStatus:
        return await self._store.renew(self._lease, lease_s=self._lease_s, progress=self._progress)
