"""Parses one spooled document into result files in its spool folder: inspect, read the pages, judge, assemble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from llamaparse_worker.errors import (
    EmptyDocument,
    OutOfMemory,
    ParserCrashed,
    TimeLimitExceeded,
    WorkerError,
)
from llamaparse_worker.interfaces import Mode, Parsers
from llamaparse_worker.model.document import DocumentInfo, ParsedDocument, Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.ranges import PageRange
from llamaparse_worker.pipeline.document_limits import DocumentLimits
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.offer import Offer
from llamaparse_worker.pipeline.pages import PageReading, ReadResult
from llamaparse_worker.pipeline.seat import seat_in
from llamaparse_worker.pipeline.verdict import COST_LIMIT_FLAG, Verdict, judge
from llamaparse_worker.pipeline.whole import assemble, inspect, with_missing
from llamaparse_worker.spending import Flow, Spending
from llamaparse_worker.wire import select_pages

if TYPE_CHECKING:
    from llamaparse_worker.pipeline.page_cache import DocumentCache
    from llamaparse_worker.pipeline.refine import Refining


def pages_in(pages: PageRange, options: ParseOptions) -> tuple[int, ...]:
    """Give the selected pages of a range, ascending."""
    return tuple(number for number in select_pages(options, pages.last) if number >= pages.first)


@dataclass(frozen=True, slots=True)
class DocumentOutcome:
    """A document that was opened: its pages and files, and the verdict over them."""

    parsed: ParsedDocument
    verdict: Verdict
    ocr_s: float = 0.0
    """Seconds in which pages were with OCR."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """What models were asked for the document: ``requests``, tokens, and the cost where prices are known."""

    @property
    def is_cache_hit(self) -> bool:
        """Whether all that models say in the result came from the cache."""
        return "cached_pages" in self.usage and "requests" not in self.usage


class TooLargeForOneError(Exception):
    """A document has more pages than one attempt shall read; none of them has been read."""

    def __init__(self, pages: tuple[int, ...]) -> None:
        super().__init__(f"{len(pages)} pages")
        self.pages = pages
        """Those that are selected, ascending."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What is parsed, how, and what is finished of it."""

    document: Spooled
    options: ParseOptions
    folder: Path
    finished: FinishedPages
    cache: DocumentCache | None
    on_progress: Callable[[Progress], None]
    spending: Spending


@dataclass(slots=True)
class _Reached:
    """How far a document has come: what is left of it when its time is over."""

    info: DocumentInfo | None = None
    pages: tuple[int, ...] = ()
    """The selected ones."""
    reading: PageReading | None = None
    refining: Refining | None = None


class DocumentParser:
    """Parses documents with what the composition root gives it; holds no state of any document."""

    def __init__(self, parsers: Parsers, offer: Offer, limits: DocumentLimits) -> None:
        self._parsers = parsers
        self.offer = offer
        self._limits = limits
        self._silence_s = limits.reading.page_timeout_s

    async def parse(
        self,
        document: Spooled,
        options: ParseOptions,
        folder: Path,
        *,
        on_progress: Callable[[Progress], None],
        finished: FinishedPages | None = None,
        most_pages: int | None = None,
        cache: DocumentCache | None = None,
    ) -> DocumentOutcome:
        """Parse the document and write its result files into ``folder``.

        Where its time is over, the pages that were read by then are written, and the verdict says so.

        Args:
            document: what to parse.
            options: how.
            folder: its spool folder.
            on_progress: told about each finished page.
            finished: what is finished already, all of it selected by the options; pages are added as they end.
            most_pages: how many may be read here where none is finished; None for all.
            cache: where pages are looked for before a model is asked, and kept afterwards.

        Raises:
            TooLargeForOneError: there are more than ``most_pages``.
            ModeUnavailable: the mode needs a provider.
            InvalidOption: the OCR engine is unknown.
            DocumentError: it cannot be opened.
            LimitExceeded: too many pages, or the time limit of the job is over, or what it may cost reached.
            BackendUnavailable: there is no OCR for now.
        """
        mode, ocr = self.offer.mode_for(options), self.offer.ocr_for(options)
        finished = FinishedPages() if finished is None else finished
        given = _Given(document, options, folder, finished, cache, on_progress, self._limits.spending(options))
        if document.size_bytes == 0:
            raise EmptyDocument("the file is empty")
        reached = _Reached()
        with anyio.move_on_after(self._limits.base_time_s(options)) as time_limit:
            async with seat_in(self._parsers) as seat:
                reached.info = info = await inspect(document, seat, silence_s=self._silence_s)
                reached.pages = pages = self._limits.selected(options, info.page_count)
                if self._is_to_be_split(pages, given, most_pages):
                    raise TooLargeForOneError(pages)
                time_limit.deadline += self._limits.page_time_s(options) * len(pages)
                reached.reading = reading = self._reading(given)
                if mode.refines:
                    on_progress(Progress(total=len(pages)))
                read, usage = await reading.read(pages, seat, keep=not mode.refines), dict[str, float]()
                if mode.refines:
                    await seat.release()
                    read, usage = await self._refine(read, mode, given, reached)
                try:
                    files = await assemble(read, folder, options, seat, silence_s=self._silence_s)
                except (ParserCrashed, OutOfMemory):
                    await seat.release()
                    read = await reading.read_again(seat) if read.kept else read
                    files = await assemble(read, folder, options, seat, silence_s=self._silence_s)
                verdict = judge(read.pages, options, ocr=ocr is not None)
                if given.spending.is_reached:
                    verdict = replace(verdict, flags=(*verdict.flags, COST_LIMIT_FLAG))
                return DocumentOutcome(ParsedDocument(info, read.pages, files), verdict, reading.ocr_s, usage)
        late = TimeLimitExceeded(
            f"the document was not parsed within {self._limits.base_time_s(options):g} s plus page time"
        )
        return await self._partial(reached, late, folder, options, refines=mode.refines)

    @staticmethod
    def _is_to_be_split(pages: Sequence[int], given: _Given, most: int | None) -> bool:
        """Tell whether there are too many pages; with a limit of cost one attempt reads all, as it alone can add up."""
        return most is not None and len(pages) > most and not given.finished.summaries and given.spending.most is None

    async def _partial(
        self, reached: _Reached, late: TimeLimitExceeded, folder: Path, options: ParseOptions, *, refines: bool
    ) -> DocumentOutcome:
        """Assemble the pages that are there when the time is over; that may take as long as a page may.

        Raises:
            TimeLimitExceeded: there is none, or they cannot be assembled in time.
        """
        info, reading, refining = reached.info, reached.reading, reached.refining
        if info is None or reading is None or (refines and refining is None):
            raise late
        usage: dict[str, float] = {}
        try:
            with anyio.fail_after(self._silence_s):
                async with seat_in(self._parsers) as seat:
                    if refining is None:
                        read = await reading.rest(seat)
                    else:
                        refined = refining.so_far()
                        read, usage = refined.read, refined.usage
                    if not any(page.status is PageStatus.PARSED for page in read.pages):
                        raise late
                    read = with_missing(read, reached.pages, late)
                    files = await assemble(read, folder, options, seat, silence_s=self._silence_s)
        except (TimeoutError, WorkerError) as error:
            raise late from error
        return DocumentOutcome(ParsedDocument(info, read.pages, files), Verdict(late), reading.ocr_s, usage)

    async def read_range(
        self,
        document: Spooled,
        options: ParseOptions,
        pages: PageRange,
        folder: Path,
        *,
        on_progress: Callable[[Progress], None],
        finished: FinishedPages,
        cache: DocumentCache | None = None,
    ) -> tuple[PageSummary, ...]:
        """Read, and where the mode does so refine, the selected pages of a range into ``finished``; assembles nothing.

        Raises:
            ModeUnavailable: the mode needs a provider.
            InvalidOption: the OCR engine is unknown.
            LimitExceeded: the time that these pages have is over.
            BackendUnavailable: there is no OCR for now.
        """
        mode, numbers = self.offer.mode_for(options), pages_in(pages, options)
        limit_s = self._limits.base_time_s(options) + self._limits.page_time_s(options) * len(numbers)
        given = _Given(document, options, folder, finished, cache, on_progress, self._limits.spending(options))
        with anyio.move_on_after(limit_s):
            async with seat_in(self._parsers) as seat:
                reading = self._reading(given)
                if mode.refines:
                    on_progress(Progress(total=len(numbers)))
                read = await reading.read(numbers, seat)
                if mode.refines:
                    await seat.release()
                    read, _ = await self._refine(read, mode, given, _Reached())
                return read.pages
        raise TimeLimitExceeded(f"pages {pages.first} to {pages.last} were not read within {limit_s:g} s")

    def _reading(self, given: _Given) -> PageReading:
        return PageReading(
            self._parsers,
            self.offer.ocr_for(given.options),
            self._limits.reading,
            document=given.document,
            options=given.options,
            folder=given.folder,
            finished=given.finished,
            on_progress=(lambda _progress: None) if self.offer.mode_for(given.options).refines else given.on_progress,
        )

    async def _refine(
        self, read: ReadResult, mode: Mode, given: _Given, reached: _Reached
    ) -> tuple[ReadResult, dict[str, float]]:
        """Have the pages refined; progress counts those that the mode has given back, and those that failed before."""
        # Needs the layout and with it numpy, which no other step of this process imports.
        from llamaparse_worker.pipeline.refine import Refining  # noqa: PLC0415
        from llamaparse_worker.pipeline.views import DocumentViews  # noqa: PLC0415

        failed = sum(page.status is PageStatus.FAILED for page in read.pages)
        progress = Progress(total=len(read.pages), done=failed, failed=failed)

        def count(page: PageSummary) -> None:
            nonlocal progress
            more = page.status is PageStatus.FAILED
            progress = replace(progress, done=progress.done + 1, failed=progress.failed + more)
            given.on_progress(progress)

        reached.refining = refining = Refining(
            mode,
            DocumentViews(self._parsers, given.document, given.folder, silence_s=self._silence_s),
            given.options,
            given.folder,
            flow=Flow(given.document.path, given.spending),
            finished=given.finished,
            cache=given.cache,
            on_page=count,
        )
        refined = await refining.refine(read)
        return refined.read, refined.usage
