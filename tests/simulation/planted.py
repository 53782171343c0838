"""Bugs of delivery, each planted in one step of the protocol: a simulation that does not find them proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from anyio.lowlevel import checkpoint

from llamaparse_worker.interfaces import Delivery, Message
from llamaparse_worker.model.dead_letter import Death
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.job import (
    Claim,
    DueJob,
    Job,
    JobResult,
    JobStatus,
    Lease,
    OutboxEvent,
    OwedLetter,
    Progress,
    TenantLimit,
)
from llamaparse_worker.model.ranges import RangeLease, RangeRecord, RangeStatus, Split
from llamaparse_worker.pipeline.checkpoints import Checkpoints
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.job import Attempt, JobPipeline
from llamaparse_worker.pipeline.pieces import MOST_BYTES, PieceReader
from llamaparse_worker.testing.jobs import MemoryJobStore, Row
from llamaparse_worker.testing.ranges import MemoryRanges, RangeRow
from llamaparse_worker.worker.attempts import Attempts
from llamaparse_worker.worker.upkeep import BATCH, BURY_WITHIN_S, Upkeep, death_of_owed
from simulation.fleet import Parts
from simulation.network import Bucket


@dataclass(frozen=True, slots=True)
class Bug:
    """A planted bug, and words in which the history tells of it."""

    parts: Parts
    told_as: str
    first_seed: int = 0
    """Where the search begins; other than 0 for what is found once in thousands of seeds."""


class AcknowledgesFirst(Attempts):
    """Acknowledges a message before the job store knows its job."""

    async def handle(self, delivery: Delivery) -> None:
        await delivery.acknowledge()
        await super().handle(_Settled(delivery.message))


@dataclass(frozen=True, slots=True)
class _Settled:
    """A delivery that was acknowledged already."""

    message: Message

    async def acknowledge(self) -> None:
        await checkpoint()

    async def requeue(self) -> None:
        await checkpoint()

    async def dead_letter(self, death: Death) -> None:
        del death
        await checkpoint()


class FinishesFirst(Bucket):
    """Says that the result is stored while it is still on its way."""

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        for file in files:
            key, content = f"{prefix}/{file.name}", (folder / file.name).read_bytes()
            put = self._network.carry(self._process, "put", self._put, key, content)
            asyncio.get_running_loop().create_task(put)
            await checkpoint()


class OnePlaceForAllAttempts(JobPipeline):
    """Stores the files of all attempts in the same place."""

    async def run(
        self,
        job: Job,
        lease: Lease,
        checkpoints: Checkpoints,
        *,
        on_progress: Callable[[Progress], None],
        ranges: Sequence[RangeRecord] = (),
    ) -> Attempt | Split:
        lease = replace(lease, attempt=1, token="")
        return await super().run(job, lease, checkpoints, on_progress=on_progress, ranges=ranges)


class OnePlaceForEachNumber(JobPipeline):
    """Stores files by the number of the attempt, which is used again after a drain."""

    async def run(
        self,
        job: Job,
        lease: Lease,
        checkpoints: Checkpoints,
        *,
        on_progress: Callable[[Progress], None],
        ranges: Sequence[RangeRecord] = (),
    ) -> Attempt | Split:
        lease = replace(lease, token="")
        return await super().run(job, lease, checkpoints, on_progress=on_progress, ranges=ranges)


class TrustsCheckpoints(JobPipeline):
    """Takes the pages of a checkpoint without a look at its hash."""

    def checkpoints(
        self, job: Job, lease: Lease | RangeLease, *, still_ours: Callable[[], Awaitable[bool]], ranges: int = 0
    ) -> Checkpoints:
        return _Unchecked(self._objects, job, lease, self._checkpoints, still_ours=still_ours, ranges=ranges)


class _Unchecked(Checkpoints):
    async def _restore(self, key: str, reader: PieceReader) -> None:
        content = await self._objects.read(key, limit_bytes=MOST_BYTES)
        reader.add(content, sha256(content).hexdigest())


class LeavesCheckpoints(JobPipeline):
    """Removes no checkpoint."""

    async def remove_checkpoints(self, job: Job) -> None:
        del job
        await checkpoint()


class ForgetsPages(JobPipeline):
    """Takes the pages of a checkpoint as finished, but not their blobs."""

    def checkpoints(
        self, job: Job, lease: Lease | RangeLease, *, still_ours: Callable[[], Awaitable[bool]], ranges: int = 0
    ) -> Checkpoints:
        return _WithoutBlobs(self._objects, job, lease, self._checkpoints, still_ours=still_ours, ranges=ranges)


class _WithoutBlobs(Checkpoints):
    async def _restored(self, base: str, folder: Path) -> FinishedPages:
        return FinishedPages((await super()._restored(base, folder)).summaries)


class NoFencing(MemoryJobStore):
    """Lets whoever once held a running job write about it."""

    def _held(self, lease: Lease) -> Row | None:
        row = self._rows.get(lease.job_id)
        return row if row and row.record.status is JobStatus.RUNNING else None


class NoLeaseCheck(MemoryJobStore):
    """Gives a job away that another worker holds."""

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
        row = self._rows.get(job.id)
        if row and row.record.status is JobStatus.RUNNING:
            self._free(row, JobStatus.PENDING)
        return await super().claim(
            job, body=body, headers=headers, lease_s=lease_s, max_attempts=max_attempts, tenant_limit=tenant_limit
        )


class NoEnd(MemoryJobStore):
    """Gives a finished job away when its message comes again."""

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
        row = self._rows.get(job.id)
        if row and row.record.status.terminal:
            self._free(row, JobStatus.PENDING)
        return await super().claim(
            job, body=body, headers=headers, lease_s=lease_s, max_attempts=max_attempts, tenant_limit=tenant_limit
        )


class NoAttemptLimit(MemoryJobStore):
    """Tries a document that kills its worker for ever."""

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
        return await super().claim(
            job, body=body, headers=headers, lease_s=lease_s, max_attempts=10 * max_attempts, tenant_limit=tenant_limit
        )


class CrowdedTenant(MemoryJobStore):
    """Does not count the jobs of a tenant that run."""

    def _running(self, row: Row) -> int:
        return 0 * super()._running(row)


class WaitsByNumber(MemoryJobStore):
    """Takes a confirmation by the number of attempts, which is used again after a drain."""

    async def published(self, job: DueJob) -> None:
        row = self._rows.get(job.job_id)
        if row:
            job = replace(job, released=row.token or "")
        await super().published(job)


class NoRangeFencing(MemoryJobStore):
    """Lets whoever once held a page range write about it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._ranges = _Unfenced(self._rows, self._reach, clock)


class _Unfenced(MemoryRanges):
    def _held(self, lease: RangeLease) -> RangeRow | None:
        row = self.rows.get((lease.job_id, lease.pages.first))
        return row if row and row.status is RangeStatus.RUNNING else None


class NoRangeLeaseCheck(MemoryJobStore):
    """Gives a page range away that another worker holds."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._ranges = _Free(self._rows, self._reach, clock)


class _Free(MemoryRanges):
    def _is_free(self, row: RangeRow) -> bool:
        return row.status is RangeStatus.RUNNING or super()._is_free(row)


class EndsSplitEarly(MemoryJobStore):
    """Makes a split job due with the first of its ranges that ends."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._ranges = _First(self._rows, self._reach, clock)


class _First(MemoryRanges):
    def of_job(self, job_id: str) -> list[RangeRow]:
        rows = super().of_job(job_id)
        return [row for row in rows if row.status in {RangeStatus.COMPLETED, RangeStatus.FAILED}] or rows


class TriesPoisonAgain(JobPipeline):
    """Has the attempt that assembles read what no range has survived."""

    async def run(
        self,
        job: Job,
        lease: Lease,
        checkpoints: Checkpoints,
        *,
        on_progress: Callable[[Progress], None],
        ranges: Sequence[RangeRecord] = (),
    ) -> Attempt | Split:
        tried = [replace(one, status=RangeStatus.COMPLETED) for one in ranges]
        return await super().run(job, lease, checkpoints, on_progress=on_progress, ranges=tried)


class NoSweeper(Upkeep):
    """Leaves jobs alone whose worker vanished."""

    async def _look_after_jobs(self) -> None:
        await self._publish_due()


class SentBeforeAnnounced(Upkeep):
    """Marks events as sent, and sends them then."""

    async def _send_events(self) -> None:
        events = await self._jobs.outbox(limit=BATCH)
        await self._jobs.sent([event.id for event in events])
        for event in events:
            await self._broker.announce(event)


class NoDebt(MemoryJobStore):
    """Forgets that a dead letter is owed; only the worker that ended the job would write it."""

    async def finish(
        self, lease: Lease, result: JobResult, *, events: Sequence[OutboxEvent], owes_letter: bool = False
    ) -> bool:
        del owes_letter
        return await super().finish(lease, result, events=events)


class ConfirmedBeforeBuried(Upkeep):
    """Notes that a dead letter is written, and writes it then."""

    async def _bury_owed(self) -> None:
        for letter in await self._jobs.owed_letters(limit=BATCH, bury_within_s=BURY_WITHIN_S):
            await self._jobs.buried(letter)
            await self._broker.bury(Message(letter.body, letter.job_id, letter.headers), death_of_owed(letter))


class LettersForAll(MemoryJobStore):
    """Gives a dead letter to every worker that asks."""

    async def owed_letters(self, *, limit: int, bury_within_s: float) -> Sequence[OwedLetter]:
        return await super().owed_letters(limit=limit, bury_within_s=0 * bury_within_s)


PLANTED: Final[Mapping[str, Bug]] = {
    "acknowledge before the store": Bug(Parts(attempts=AcknowledgesFirst), "is lost"),
    "finish before the result is stored": Bug(Parts(bucket=FinishesFirst), "before its result was stored whole"),
    "one place for all attempts": Bug(Parts(pipeline=OnePlaceForAllAttempts), "not that of one attempt"),
    "one place for each number": Bug(Parts(pipeline=OnePlaceForEachNumber), "not that of one attempt", 300),
    "a checkpoint is trusted": Bug(Parts(pipeline=TrustsCheckpoints), "not the pages of its document"),
    "checkpoints are left": Bug(Parts(pipeline=LeavesCheckpoints), "left behind"),
    "pages of a checkpoint are lost": Bug(Parts(pipeline=ForgetsPages), "not the pages of its document"),
    "no fencing": Bug(Parts(store=NoFencing), "accepted from a stale lease"),
    "no lease check": Bug(Parts(store=NoLeaseCheck), "while another lease was live"),
    "no check of the end": Bug(Parts(store=NoEnd), "claimed after its end"),
    "no limit of attempts": Bug(Parts(store=NoAttemptLimit), "of 3"),
    "crowded tenant": Bug(Parts(store=CrowdedTenant), "of one tenant run at once"),
    "waits by number": Bug(Parts(store=WaitsByNumber), "is lost", 16400),
    "no fencing of ranges": Bug(Parts(store=NoRangeFencing), "accepted from a stale lease of a range", 100),
    "no lease check of ranges": Bug(Parts(store=NoRangeLeaseCheck), "was claimed while another lease of it was live"),
    "a split ends early": Bug(Parts(store=EndsSplitEarly), "was claimed while its ranges were read"),
    "poison is tried again": Bug(Parts(pipeline=TriesPoisonAgain), "was read again though no range survived it"),
    "no sweeper": Bug(Parts(upkeep=NoSweeper), "is lost"),
    "no debt": Bug(Parts(store=NoDebt), "without its dead letter"),
    "confirmed before buried": Bug(Parts(upkeep=ConfirmedBeforeBuried), "without its dead letter"),
    "letters for all": Bug(Parts(store=LettersForAll), "while another worker wrote it"),
    "sent before announced": Bug(Parts(upkeep=SentBeforeAnnounced), "the events told are []"),
}
