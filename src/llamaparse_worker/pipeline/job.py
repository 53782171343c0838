"""The way of one attempt at a job: fetch the document, parse it, store the result files.

Nothing points to the stored files yet: the caller makes them visible by finishing the job in the job store.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from llamaparse_worker.errors import AttemptsExhausted, ErrorReport, TimeLimitExceeded, report
from llamaparse_worker.interfaces import ObjectStore, SourceFetcher
from llamaparse_worker.model.document import ParsedDocument, Spooled
from llamaparse_worker.model.job import Job, JobResult, JobStatus, Lease, PageError, Progress, SourceKind, SourceRef
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.ranges import RangeLease, RangeRecord, RangeStatus, Split, divided
from llamaparse_worker.pipeline.checkpoints import FOLDER, CheckpointPolicy, Checkpoints, remove_checkpoints
from llamaparse_worker.pipeline.document import DocumentOutcome, DocumentParser, TooLargeForOneError, pages_in
from llamaparse_worker.pipeline.manifest import Circumstances, StageClock, write_manifest
from llamaparse_worker.pipeline.page_cache import DocumentCache, PageCache
from llamaparse_worker.pipeline.quota import SpoolQuota
from llamaparse_worker.pipeline.spool import describe, spool_folder
from llamaparse_worker.wire import utc_now

ObserveStage = Callable[[Job, str, float], None]
"""Receives the job, the name of a stage, and its duration in seconds."""


STORE_MIB_S = 1.0
"""The slowest store of results that is waited for; a large result is not for ever."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to: the terminal state to write, and the pages for the metrics."""

    result: JobResult
    parsed: ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What one job may take beside its parsing."""

    max_document_bytes: int
    fetch_timeout_s: float
    store_timeout_s: float
    """For a result of no size: each MiB adds ``STORE_MIB_S``."""
    quota: SpoolQuota | None = None
    split_pages: int = 0
    """The most pages that one attempt reads alone, and those of a page range; 0 for all."""


class JobPipeline:
    """Runs attempts at jobs; holds no state of any of them."""

    def __init__(
        self,
        *,
        sources: SourceFetcher,
        objects: ObjectStore,
        documents: DocumentParser,
        spool_dir: Path,
        limits: JobLimits,
        checkpoints: CheckpointPolicy,
        cache: PageCache | None = None,
        observe_stage: ObserveStage,
    ) -> None:
        self._sources = sources
        self._objects = objects
        self._documents = documents
        self._spool_dir = spool_dir
        self._limits = limits
        self._checkpoints = checkpoints
        self._cache = cache
        self._observe_stage = observe_stage

    def checkpoints(
        self, job: Job, lease: Lease | RangeLease, *, still_ours: Callable[[], Awaitable[bool]], ranges: int = 0
    ) -> Checkpoints:
        """Give the checkpoints of an attempt, for ``run`` or ``read_range``.

        ``still_ours`` asks the job store about the lease; ``ranges`` is how many the job was split into.
        """
        return Checkpoints(self._objects, job, lease, self._checkpoints, still_ours=still_ours, ranges=ranges)

    async def remove_checkpoints(self, job: Job) -> None:
        """Remove all checkpoints of a job that has ended, unless there are none by policy.

        Raises:
            WorkerError: some may be left.
        """
        if self._checkpoints.every_s:
            await remove_checkpoints(self._objects, job.prefix)

    async def run(
        self,
        job: Job,
        lease: Lease,
        checkpoints: Checkpoints,
        *,
        on_progress: Callable[[Progress], None],
        ranges: Sequence[RangeRecord] = (),
    ) -> Attempt | Split:
        """Fetch, parse and store; gives COMPLETED, or FAILED with a stored partial result.

        A document that is too large for one attempt is not parsed, but given as ranges. What has become of them is
        passed when the job comes back: then it is assembled, and pages that nobody has read are read here.

        Raises:
            WorkerError: nothing worth storing came about.
        """
        started_at = utc_now()
        clock = StageClock(partial(self._observe_stage, job))
        async with spool_folder(self._spool_dir) as folder, self._watched(folder):
            with clock.stage("fetch"), self._fetching():
                document = await self._fetch(job, folder, split=bool(ranges))
            try:
                with clock.stage("parse"):
                    async with checkpoints.of(document, folder) as finished:
                        for page in failed_pages(ranges, job.options):
                            finished.summaries.setdefault(page.number, page)
                        outcome = await self._documents.parse(
                            document,
                            job.options,
                            folder,
                            on_progress=on_progress,
                            finished=finished,
                            most_pages=None if ranges else self._most_pages,
                            cache=self._cache_of(job, document),
                        )
            except TooLargeForOneError as large:
                with self._storing("the document for its page ranges", document.size_bytes):
                    await self._keep_source(job, document)
                return Split(divided(large.pages, self._limits.split_pages), len(large.pages))
            if outcome.ocr_s:
                clock.add("ocr", outcome.ocr_s)
            circumstances = Circumstances(
                job_id=job.id, attempt=lease.attempt, started_at=started_at, durations_s=clock.durations_s
            )
            files = await write_manifest(document, outcome, job.options, circumstances, folder)
            with clock.stage("store"), self._storing("the result", sum(file.size_bytes for file in files)):
                prefix = f"{job.prefix}/{lease.folder}"
                await self._objects.store_all(prefix, folder, files)
        return Attempt(_result(outcome, prefix), outcome.parsed)

    async def read_range(
        self, job: Job, lease: RangeLease, checkpoints: Checkpoints, *, on_progress: Callable[[Progress], None]
    ) -> tuple[PageSummary, ...]:
        """Fetch, read the pages of the range, and store them as checkpoints; gives how each page ended.

        Raises:
            WorkerError: not all of them came to an end.
        """
        async with spool_folder(self._spool_dir) as folder, self._watched(folder):
            with self._fetching():
                document = await self._fetch(job, folder, split=True)
            async with checkpoints.of(document, folder, whole=True) as finished:
                pages = await self._documents.read_range(
                    document,
                    job.options,
                    lease.pages,
                    folder,
                    on_progress=on_progress,
                    finished=finished,
                    cache=self._cache_of(job, document),
                )
        return pages

    @property
    def _most_pages(self) -> int | None:
        """Without checkpoints nobody could assemble what others have read."""
        return (self._limits.split_pages or None) if self._checkpoints.every_s else None

    def _cache_of(self, job: Job, document: Spooled) -> DocumentCache | None:
        if self._cache is None:
            return None
        return self._cache.of(document, job.options, owner=json.dumps([job.tenant, job.project]))

    async def _fetch(self, job: Job, folder: Path, *, split: bool) -> Spooled:
        path, source = folder / "source", _kept_source(job) if split else job.source
        await self._sources.fetch(source, path, limit_bytes=self._limits.max_document_bytes)
        return await describe(path, job.file_name)

    async def _keep_source(self, job: Job, document: Spooled) -> None:
        """Copy a document that not every worker may find again where it is, for as long as there are checkpoints."""
        kept = _kept_source(job)
        if kept != job.source:
            await self._objects.store(kept.location, Path(document.path), content_type="application/octet-stream")

    def _fetching(self) -> AbstractContextManager[None]:
        return _limited("fetching the document", self._limits.fetch_timeout_s, variable="FETCH_TIMEOUT_SECONDS")

    def _storing(self, what: str, size_bytes: int) -> AbstractContextManager[None]:
        limit_s = self._limits.store_timeout_s + STORE_MIB_S * size_bytes / 2**20
        return _limited(f"storing {what}", limit_s, variable="STORE_TIMEOUT_SECONDS")

    def _watched(self, folder: Path) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._limits.quota is None else self._limits.quota.watching(folder)


@contextmanager
def _limited(stage: str, limit_s: float, *, variable: str) -> Iterator[None]:
    """Bound a stage that waits for others; parsing has limits of its own. What a thread does is waited for.

    Raises:
        TimeLimitExceeded: it did not end in time. Who does not answer at all has failed before that.
    """
    with anyio.move_on_after(limit_s) as limit:
        yield
    if limit.cancelled_caught:
        raise TimeLimitExceeded(f"{stage} took longer than {limit_s:.0f} s; {variable} sets the limit")


def failed_pages(ranges: Sequence[RangeRecord], options: ParseOptions) -> Iterator[PageSummary]:
    """Give the pages that nobody shall try again: failed alone, or in a range that lost each of its workers."""
    for one in ranges:
        lost = ErrorReport(
            AttemptsExhausted.code, f"no attempt at pages {one.pages.first} to {one.pages.last} came to an end"
        )
        numbers = pages_in(one.pages, options) if one.status is RangeStatus.FAILED else ()
        errors = dict.fromkeys(numbers, lost) | {page.page: page.error for page in one.page_errors}
        for number, error in errors.items():
            yield PageSummary(number, PageStatus.FAILED, error=error)


def _kept_source(job: Job) -> SourceRef:
    """Say where the document of a split job is: a folder is of one machine, and an address may be short-lived."""
    if job.source.kind in {SourceKind.OBJECT, SourceKind.S3}:
        return job.source
    return SourceRef(SourceKind.OBJECT, f"{job.prefix}/{FOLDER}/source")


def _result(outcome: DocumentOutcome, prefix: str) -> JobResult:
    pages = outcome.parsed.pages
    errors = tuple(PageError(page.number, page.error) for page in pages if page.error)
    failed = sum(1 for page in pages if page.status is PageStatus.FAILED)
    error = outcome.verdict.error
    return JobResult(
        status=JobStatus.FAILED if error else JobStatus.COMPLETED,
        result_prefix=prefix,
        error=report(error) if error else None,
        progress=Progress(total=len(pages), done=len(pages), failed=failed),
        page_errors=errors,
        usage={"pages": float(len(pages) - failed), **outcome.usage},
    )
