"""Sends laid-out pages through a mode that refines them, many at once, and writes them as they come back.

Pages that an earlier attempt has refined are not sent again: each has cost a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from llamaparse_worker.computing import computed
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError, CostLimitReached, WorkerError, report
from llamaparse_worker.interfaces import JointMode, Mode
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import LaidOutPage, PageStatus, PageSummary
from llamaparse_worker.model.refinement import Refinement, usage_of
from llamaparse_worker.pipeline import blob
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.page_cache import DocumentCache
from llamaparse_worker.pipeline.pages import ReadResult
from llamaparse_worker.pipeline.views import DocumentViews
from llamaparse_worker.spending import Flow

AT_ONCE = 250
"""Pages of one document that may be with models at once; the router shares its calls out among documents."""


@dataclass(frozen=True, slots=True)
class Refined:
    """The pages after the mode: summaries, blob, and what they have cost."""

    read: ReadResult
    usage: dict[str, float]


class Refining:
    """Refines the pages of one document."""

    def __init__(
        self,
        mode: Mode,
        views: DocumentViews,
        options: ParseOptions,
        folder: Path,
        *,
        flow: Flow,
        finished: FinishedPages,
        cache: DocumentCache | None,
        on_page: Callable[[PageSummary], None],
    ) -> None:
        self._mode = mode
        self._views = views
        self._options = options
        self._blob = folder / "refined.blob"
        self._files = ExitStack()
        self._out = blob.BlobWriter(self._blob, self._files)
        self._flow = flow
        self._finished = finished
        self._cache = cache
        self._on_page = on_page
        self._room = anyio.Semaphore(AT_ONCE)
        self._writing = anyio.Lock()
        self._done: dict[int, PageSummary] = {}
        self._records: list[Refinement] = []

    async def refine(self, read: ReadResult) -> Refined:
        """Give the same pages refined, in blobs; a page that its mode cannot have drawn is a failed page.

        Those that an earlier attempt has had refined are taken as they are, and with what they have cost.

        Raises:
            BackendUnavailable: no model can be asked as things are.
            CostLimitReached: the next call might cost too much, and the job is to fail then.
        """
        self._done = {page.number: page for page in read.pages}
        refined = self._finished.refined_blobs
        for path, stored in await computed(_last_of_each, tuple(refined)):
            if stored.number in self._finished.refined:
                self._count(await computed(_read, path, stored))
        self._flow.spending.settle(0, usage_of(self._records).get("cost", 0.0))
        refined.append(str(self._blob))
        with one_error(), self._files:
            async with anyio.create_task_group() as tasks:
                run: list[LaidOutPage] = []
                for path, stored in await computed(_last_of_each, read.blobs):
                    if stored.number in self._finished.refined:
                        continue
                    await self._room.acquire()
                    page = await computed(_read, path, stored)
                    if not self._goes_with(run, page):
                        tasks.start_soon(self._refine_run, run)
                        run = []
                    run.append(page)
                tasks.start_soon(self._refine_run, run)
        pages = tuple(self._done[number] for number in sorted(self._done))
        return Refined(ReadResult(pages, tuple(refined)), usage_of(self._records))

    def so_far(self) -> Refined:
        """Give the pages that have come back, or failed, where ``refine`` was cancelled."""
        back = (page for page in self._done.values() if page.number in self._finished.refined or page.error)
        pages = tuple(sorted(back, key=lambda page: page.number))
        return Refined(ReadResult(pages, tuple(self._finished.refined_blobs)), usage_of(self._records))

    def _goes_with(self, run: Sequence[LaidOutPage], page: LaidOutPage) -> bool:
        """Tell whether a page joins those before it, with which it is asked about."""
        if not run:
            return True
        mode, follows = self._mode, page.number == run[-1].number + 1
        if not (follows and self._options.whole_document and isinstance(mode, JointMode)):
            return False
        return mode.go_together([*run, page], self._options)

    async def _refine_run(self, run: Sequence[LaidOutPage]) -> None:
        try:
            asked = [page for page in run if not await self._is_cached(page)]
            mode = self._mode
            if len(asked) > 1 and isinstance(mode, JointMode) and mode.go_together(asked, self._options):
                await self._refine_together(asked, mode)
            else:
                for page in asked:
                    await self._refine(page)
        finally:
            for _ in run:
                self._room.release()

    async def _is_cached(self, page: LaidOutPage) -> bool:
        """Take a page from the cache, if it is there."""
        found = None if self._cache is None else await self._cache.find(page)
        if found is not None:
            await self._write(found)
        return found is not None

    async def _refine_together(self, run: Sequence[LaidOutPage], mode: JointMode) -> None:
        views = [self._views.page(page.number) for page in run]
        refined = await mode.refine_together(run, views, self._options, flow=self._flow)
        self._refuse_cost()
        for page, better in zip(run, refined, strict=True):
            await self._keep(page, better)

    async def _refine(self, page: LaidOutPage) -> None:
        try:
            better = await self._mode.refine(page, self._views.page(page.number), self._options, flow=self._flow)
            self._refuse_cost()
            await self._keep(page, better)
        except (BackendUnavailable, ConfigurationError, CostLimitReached):
            raise
        except WorkerError as error:
            failed = PageSummary(page.number, PageStatus.FAILED, error=report(error))
            self._done[page.number] = failed
            self._on_page(failed)

    async def _keep(self, page: LaidOutPage, better: LaidOutPage) -> None:
        await self._write(better)
        if self._cache is not None:
            await self._cache.keep(page, better)

    async def _write(self, better: LaidOutPage) -> None:
        async with self._writing:
            await computed(self._out.append, better)
            self._finished.refined.add(better.number)
        self._count(better)

    def _refuse_cost(self) -> None:
        if self._flow.spending.is_reached and self._options.fails_at_max_cost:
            most = self._flow.spending.most
            raise CostLimitReached(f"calls of models for the document would cost more than {most:g}")

    def _count(self, better: LaidOutPage) -> None:
        if better.refinement is not None:
            self._records.append(better.refinement)
        before = self._done[better.number]
        summary = replace(before, characters=len(better.text), engine=better.engine, reason=better.reason)
        self._done[better.number] = summary
        self._on_page(summary)


def _last_of_each(blobs: Sequence[str]) -> list[tuple[Path, blob.StoredPage]]:
    """Give where each page lies; of one that was written twice the last one counts."""
    places = {stored.number: (path, stored) for path, stored in _places(blobs)}
    return [places[number] for number in sorted(places)]


def _places(blobs: Sequence[str]) -> Iterator[tuple[Path, blob.StoredPage]]:
    for path in map(Path, blobs):
        for stored in blob.index(path):
            yield path, stored


def _read(path: Path, stored: blob.StoredPage) -> LaidOutPage:
    with path.open("rb") as file:
        return blob.read_page(file, stored)
