"""Parses one spooled document into result files in its spool folder: inspect, read the pages, judge, assemble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from llamaparse_worker.errors import (
    EmptyDocument,
    InvalidOption,
    ModeUnavailable,
    OutOfMemory,
    ParserCrashed,
    TimeLimitExceeded,
    TooManyPages,
    WorkerError,
    report,
)
from llamaparse_worker.interfaces import Mode, Ocr, Parsers
from llamaparse_worker.model.document import DocumentInfo, ParsedDocument, ResultFile, Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.parsing import Assemble, Completed, Inspect, Inspected
from llamaparse_worker.model.ranges import PageRange
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.page_cache import DocumentCache
from llamaparse_worker.pipeline.pages import PageReading, ReadingLimits, ReadResult
from llamaparse_worker.pipeline.seat import Seat, last_event, seat_in
from llamaparse_worker.pipeline.upgrading import Upgrading
from llamaparse_worker.pipeline.verdict import COST_LIMIT_FLAG, Verdict, judge
from llamaparse_worker.spending import Flow, Spending
from llamaparse_worker.wire import select_pages

if TYPE_CHECKING:
    from llamaparse_worker.pipeline.refine import Refining


def pages_in(pages: PageRange, options: ParseOptions) -> tuple[int, ...]:
    """Give the selected pages of a range, ascending."""
    return tuple(number for number in select_pages(options, pages.last) if number >= pages.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """What one document may ask for."""

    max_pages: int
    timeout_base_s: float
    timeout_extra_per_page_s: float
    max_cost: float | None = None
    """Of the calls of models, unless the job brings its own limit."""
    reading: ReadingLimits


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


_PROVIDER_VARIABLES = "OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_GEMINI_API_KEY or AWS_BEDROCK_ENABLED"


def mode_unavailable(mode: ModeName) -> ModeUnavailable:
    """Say which variables a mode waits for."""
    return ModeUnavailable(
        f"mode {mode} needs a model that can serve it and none is configured: set {_PROVIDER_VARIABLES}; "
        "multimodal and agentic ask models that take images (GENAI_PROFILES_JSON says of a model whether it does)"
    )


class DocumentParser:
    """Parses documents with what the composition root gives it; holds no state of any document."""

    def __init__(
        self,
        parsers: Parsers,
        *,
        engines: Mapping[str, Ocr],
        default_engine: str | None,
        modes: Mapping[ModeName, Mode],
        limits: DocumentLimits,
    ) -> None:
        self._parsers = parsers
        self._engines = engines
        self._default_engine = default_engine
        self._modes = modes
        self._limits = limits

    def mode(self, name: ModeName) -> Mode:
        """Give a mode that is open.

        Raises:
            ModeUnavailable: it needs a provider.
        """
        if name not in self._modes:
            raise mode_unavailable(name)
        return self._modes[name]

    def mode_for(self, options: ParseOptions) -> Mode:
        """Give what refines the pages of a job.

        Raises:
            ModeUnavailable: a mode that they may be parsed in needs a provider.
        """
        if not options.upgrades:
            return self.mode(options.mode)
        return Upgrading({name: self.mode(name) for name in options.modes})

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
        mode, ocr = self.mode_for(options), self._ocr(options)
        finished = FinishedPages() if finished is None else finished
        given = _Given(document, options, folder, finished, cache, on_progress, self._spending(options))
        if document.size_bytes == 0:
            raise EmptyDocument("the file is empty")
        reached = _Reached()
        with anyio.move_on_after(self._base_time_s(options)) as time_limit:
            async with seat_in(self._parsers) as seat:
                reached.info = info = await self._inspect(document, seat)
                reached.pages = pages = self._select(options, info.page_count)
                if self._is_to_be_split(pages, given, most_pages):
                    raise TooLargeForOneError(pages)
                time_limit.deadline += self._page_time_s(options) * len(pages)
                reached.reading = reading = self._reading(given)
                if mode.refines:
                    on_progress(Progress(total=len(pages)))
                read, usage = await reading.read(pages, seat, keep=not mode.refines), dict[str, float]()
                if mode.refines:
                    await seat.release()
                    read, usage = await self._refine(read, mode, given, reached)
                try:
                    files = await self._assemble(read, folder, options, seat)
                except (ParserCrashed, OutOfMemory):
                    await seat.release()
                    read = await reading.read_again(seat) if read.kept else read
                    files = await self._assemble(read, folder, options, seat)
                verdict = judge(read.pages, options, ocr=ocr is not None)
                if given.spending.is_reached:
                    verdict = replace(verdict, flags=(*verdict.flags, COST_LIMIT_FLAG))
                return DocumentOutcome(ParsedDocument(info, read.pages, files), verdict, reading.ocr_s, usage)
        late = TimeLimitExceeded(f"the document was not parsed within {self._base_time_s(options):g} s plus page time")
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
            with anyio.fail_after(self._limits.reading.page_timeout_s):
                async with seat_in(self._parsers) as seat:
                    if refining is None:
                        read = await reading.rest(seat)
                    else:
                        refined = refining.so_far()
                        read, usage = refined.read, refined.usage
                    if not any(page.status is PageStatus.PARSED for page in read.pages):
                        raise late
                    read = _with_missing(read, reached.pages, late)
                    files = await self._assemble(read, folder, options, seat)
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
        mode, numbers = self.mode_for(options), pages_in(pages, options)
        limit_s = self._base_time_s(options) + self._page_time_s(options) * len(numbers)
        given = _Given(document, options, folder, finished, cache, on_progress, self._spending(options))
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

    def _spending(self, options: ParseOptions) -> Spending:
        return Spending(self._limits.max_cost if options.max_cost is None else options.max_cost)

    def _reading(self, given: _Given) -> PageReading:
        return PageReading(
            self._parsers,
            self._ocr(given.options),
            self._limits.reading,
            document=given.document,
            options=given.options,
            folder=given.folder,
            finished=given.finished,
            on_progress=(lambda _progress: None) if self.mode_for(given.options).refines else given.on_progress,
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

        silence_s = self._limits.reading.page_timeout_s
        reached.refining = refining = Refining(
            mode,
            DocumentViews(self._parsers, given.document, given.folder, silence_s=silence_s),
            given.options,
            given.folder,
            flow=Flow(given.document.path, given.spending),
            finished=given.finished,
            cache=given.cache,
            on_page=count,
        )
        refined = await refining.refine(read)
        return refined.read, refined.usage

    async def _inspect(self, document: Spooled, seat: Seat) -> DocumentInfo:
        silence_s = self._limits.reading.page_timeout_s
        try:
            last = await last_event(await seat.take(), Inspect(document), silence_s=silence_s)
        except (ParserCrashed, OutOfMemory):
            await seat.release()
            last = await last_event(await seat.take(), Inspect(document), silence_s=silence_s)
        if not isinstance(last.event, Inspected):
            raise ParserCrashed("the parser process did not say what the document is")
        return last.event.info

    async def _assemble(
        self, read: ReadResult, folder: Path, options: ParseOptions, seat: Seat
    ) -> tuple[ResultFile, ...]:
        failed = tuple(page for page in read.pages if page.status is PageStatus.FAILED)
        request = Assemble(read.blobs, failed, str(folder), options, read.kept)
        last = await last_event(await seat.take(), request, silence_s=self._limits.reading.page_timeout_s)
        if not isinstance(last.event, Completed):
            raise ParserCrashed("the parser process did not finish the result files")
        return last.event.files

    def _ocr(self, options: ParseOptions) -> Ocr | None:
        name = self._default_engine if options.ocr == "auto" else options.ocr
        if name is None or name == "off":
            return None
        if name not in self._engines:
            known = ", ".join(("auto", "off", *sorted(self._engines)))
            raise InvalidOption(f"ocr: {name} is not one of {known}")
        self._engines[name].check_languages(options.languages)
        return self._engines[name]

    def _select(self, options: ParseOptions, page_count: int) -> tuple[int, ...]:
        pages = select_pages(options, page_count)
        if len(pages) > self._limits.max_pages:
            raise TooManyPages(f"{len(pages)} pages are selected; MAX_PAGES allows {self._limits.max_pages}")
        return pages

    def _base_time_s(self, options: ParseOptions) -> float:
        given = options.timeout_base_s
        return self._limits.timeout_base_s if given is None else given

    def _page_time_s(self, options: ParseOptions) -> float:
        given = options.timeout_extra_per_page_s
        return self._limits.timeout_extra_per_page_s if given is None else given


def _with_missing(read: ReadResult, pages: Sequence[int], late: TimeLimitExceeded) -> ReadResult:
    """Let the pages that are not there have failed for lack of time."""
    there = {page.number: page for page in read.pages}
    error = report(late)
    summaries = (there.get(number) or PageSummary(number, PageStatus.FAILED, error=error) for number in pages)
    return ReadResult(tuple(summaries), read.blobs)
