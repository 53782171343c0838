"""Checkpoints: the finished pages of a job that takes long, in the object store for the next attempt.

They lie below ``<output_prefix>/<job>/checkpoints/<fingerprint>/``, and the name of each says its SHA-256. Pages are
taken over only where the fingerprint is the same: of the document, the options, and what else decides how a page is
read. Nothing here may fail a job: what cannot be stored or trusted is read again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

from llamaparse_worker.errors import BackendUnavailable, WorkerError
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.job import Job, Lease
from llamaparse_worker.model.options import named
from llamaparse_worker.model.ranges import RangeLease
from llamaparse_worker.pipeline.background import in_background
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.manifest import library_versions, worker_version
from llamaparse_worker.pipeline.pieces import MOST_BYTES, BrokenPieceError, Piece, PieceReader, PieceWriter
from llamaparse_worker.pipeline.spool import no_space_is_temporary

FOLDER = "checkpoints"
CONTENT_TYPE = "application/octet-stream"
MOST_OF_ONE_BYTES = 1024 * 1024 * 1024
"""What the checkpoints of one attempt, or of one page range, may fill; later pages are read again."""
LAST_S = 5.0
"""How long an attempt that ends early may take to store what it has: a drain waits for it."""
REFINED_S = 1.0
"""How soon refined pages are stored: each has cost a model call, and ``every_s`` may be long."""
_WORTH_S = 1.0
"""What took less time is rather read again than stored by an attempt that ends early."""
_SHA256 = re.compile(r"[0-9a-f]{64}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPolicy:
    """What the operator set about checkpoints."""

    every_s: float
    """The work between two of them, in seconds; 0 writes none, uses none and removes none."""
    reading: str
    """What beside document and options decides how pages are read."""


async def remove_checkpoints(objects: ObjectStore, prefix: str) -> None:
    """Remove all checkpoints of the job whose objects have this prefix, of whatever attempt or version.

    Raises:
        WorkerError: some may be left.
    """
    keys = await objects.list(f"{prefix}/{FOLDER}")
    with one_error():
        async with anyio.create_task_group() as tasks:
            for key in keys:
                tasks.start_soon(objects.delete, key)
    if keys:
        log.info("checkpoints.removed", objects=len(keys))


class Checkpoints:
    """Those of one attempt."""

    def __init__(
        self,
        objects: ObjectStore,
        job: Job,
        lease: Lease | RangeLease,
        policy: CheckpointPolicy,
        *,
        still_ours: Callable[[], Awaitable[bool]],
        ranges: int = 0,
    ) -> None:
        """Prepare; nothing is done yet.

        Args:
            objects: where they lie.
            job: the job.
            lease: the lease of the attempt; what one that resumes no other finds is not looked for, and one at a
                page range looks for its own alone.
            policy: when they are written.
            still_ours: asks the job store whether the lease is ours; each write waits for it.
            ranges: how many page ranges the job was split into, each of which may have stored as much as an attempt.
        """
        self._objects = objects
        self._job = job
        self._lease = lease
        self._policy = policy
        self._still_ours = still_ours
        self._mark = lease.mark if isinstance(lease, RangeLease) else ""
        self._most_bytes = MOST_OF_ONE_BYTES * (1 + ranges)
        self._written = 0
        self._bytes = 0

    @property
    def may_exist(self) -> bool:
        """Whether this attempt or an earlier one may have left something to remove."""
        return self._policy.every_s > 0 and (self._lease.resumes or self._written > 0)

    @asynccontextmanager
    async def of(self, document: Spooled, folder: Path, *, whole: bool = False) -> AsyncIterator[FinishedPages]:
        """Give the pages that an earlier attempt has finished, and store those that are added while the block runs.

        They are stored once the work since the last time has taken long enough, and when the block is cancelled, as a
        drain does, or ends with an error that a later attempt may not meet. With ``whole`` the end of the block stores
        what is left as well.

        Raises:
            BackendUnavailable: with ``whole``, where that fails.
        """
        if not self._policy.every_s:
            yield FinishedPages()
            return
        base = f"{self._job.prefix}/{FOLDER}/{self._fingerprint(document)}"
        finished = await self._restored(base, folder) if self._lease.resumes else FinishedPages()
        pieces = _Pieces(PieceWriter(finished, folder), base, anyio.current_time())
        try:
            with one_error():
                async with in_background(partial(self._write_now_and_then, pieces)):
                    yield finished
                if whole:
                    await self._write_rest(pieces)
        except BaseException as error:
            if isinstance(error, WorkerError) and not error.retryable:
                raise
            worth = anyio.current_time() - pieces.since >= min(_WORTH_S, self._policy.every_s)
            if worth or pieces.writer.owes_refined:
                with anyio.move_on_after(LAST_S, shield=True):
                    await self._write(pieces)
            raise

    def _fingerprint(self, document: Spooled) -> str:
        facts = (
            document.sha256,
            document.name,
            named(self._job.options),
            self._policy.reading,
            worker_version(),
            library_versions(),
        )
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    async def _restored(self, base: str, folder: Path) -> FinishedPages:
        reader = PieceReader(folder)
        for key in await self._keys(base):
            if self._bytes > self._most_bytes:
                break
            try:
                await self._restore(key, reader)
            except (BrokenPieceError, WorkerError, OSError) as error:
                log.warning("checkpoint.ignored", key=key, reason=str(error))
        finished = reader.finished
        if finished.summaries:
            log.info("checkpoint.restored", pages=len(finished.summaries))
        return finished

    async def _restore(self, key: str, reader: PieceReader) -> None:
        content = await self._objects.read(key, limit_bytes=MOST_BYTES)
        await to_thread.run_sync(reader.add, content, _digest(key))
        self._bytes += len(content)

    async def _keys(self, base: str) -> Sequence[str]:
        try:
            keys = await self._objects.list(base)
        except WorkerError as error:
            log.warning("checkpoint.ignored", key=base, reason=error.message)
            return ()
        return [key for key in keys if key.rpartition("/")[2].startswith(self._mark)]

    async def _write_now_and_then(self, pieces: _Pieces) -> None:
        while True:
            await anyio.sleep(min(self._policy.every_s, REFINED_S))
            if anyio.current_time() - pieces.since >= self._policy.every_s:
                await self._write(pieces)
                pieces.since = anyio.current_time()
            elif pieces.writer.owes_refined:
                await self._write(pieces, refined_only=True)

    async def _write(self, pieces: _Pieces, *, refined_only: bool = False) -> None:
        """Store what is new, as long as the lease is ours and there is room."""
        try:
            while piece := await self._next(pieces, refined_only=refined_only):
                if not await self._still_ours():
                    return
                await self._store(piece, pieces)
        except (WorkerError, OSError) as error:
            log.warning("checkpoint.failed", reason=str(error))

    async def _write_rest(self, pieces: _Pieces) -> None:
        """Store all that is new, for whoever assembles the job; what there is no room for is read again."""
        with no_space_is_temporary():
            while piece := await self._next(pieces):
                if not await self._still_ours():
                    raise BackendUnavailable("the job store did not confirm that the pages are still wanted")
                await self._store(piece, pieces)

    async def _next(self, pieces: _Pieces, *, refined_only: bool = False) -> Piece | None:
        piece = await to_thread.run_sync(partial(pieces.writer.next, refined_only=refined_only))
        if piece and self._bytes + len(piece.content) > self._most_bytes:
            log.warning("checkpoint.full", bytes=self._bytes)
            return None
        return piece

    async def _store(self, piece: Piece, pieces: _Pieces) -> None:
        self._written += 1
        key = f"{pieces.base}/{self._lease.folder}-{self._written:05}-{piece.sha256}"
        path = pieces.writer.folder / "checkpoint"
        await to_thread.run_sync(path.write_bytes, piece.content)
        await self._objects.store(key, path, content_type=CONTENT_TYPE)
        pieces.writer.count(piece)
        self._bytes += len(piece.content)
        log.info("checkpoint.written", pages=piece.pages, refined=piece.refined or None, bytes=len(piece.content))


@dataclass(slots=True)
class _Pieces:
    """The pieces that an attempt writes."""

    writer: PieceWriter
    base: str
    since: float
    """When all was stored that was finished by then, or the work began."""


def _digest(key: str) -> str:
    """Read from a name what its object must be."""
    found = key.rpartition("-")[2]
    if not _SHA256.fullmatch(found):
        raise BrokenPieceError("its name is none of a checkpoint")
    return found
