"""Reads the pages of one document with as many parser processes as are free, and survives those that die.

A range of pages runs in one process. When the process dies, the page that it was working on is tried once more in a
fresh process; dying again, or standing still for longer than a page may take, makes it a failed page. Its neighbours
are delivered either way. Pages without usable text leave their process as pixels, go through OCR, and return to any
process to be laid out, so that a scan holds no parser process while it waits for OCR.

A document that one process reads in one range stays there for assembly as far as it fits. It dies with its process:
those pages are read again, and go to the blob then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    LimitExceeded,
    OutOfMemory,
    ParserCrashed,
    StorageFull,
    TimeLimitExceeded,
    WorkerError,
    from_report,
    report,
)
from llamaparse_worker.interfaces import Ocr, ParserProcess, Parsers, ReceivedEvent
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.parsing import (
    LayOut,
    PageDone,
    PageNeedsOcr,
    PageStarted,
    ReadPages,
    Refused,
)
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.pipeline.busy_time import BusyTime
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.frames import pages_in
from llamaparse_worker.pipeline.groups import one_error
from llamaparse_worker.pipeline.kept import MOST_SECONDS
from llamaparse_worker.pipeline.seat import Seat, seat_in

REST_S = MOST_SECONDS + 0.5
"""How long pages are read again when the time of a document is over: what may have died with a process takes less."""
REST_SILENCE_S = 1.0
"""A page that takes longer by then is the one at which reading stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingLimits:
    """How pages are shared out and how long one may take."""

    page_timeout_s: float
    range_size: int
    """Pages of one request: a large document is shared by several processes in pieces of this size."""
    processes: int
    """How many processes one document may use at once."""
    ocr: anyio.CapacityLimiter
    """How many pages of all documents may be in OCR at once; as many of one document may be out of their process."""

    @property
    def ocr_window(self) -> int:
        """How many pages of one document may wait for OCR at once."""
        return int(self.ocr.total_tokens)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Summaries of all pages, ascending, and the blob files that hold the finished ones."""

    pages: tuple[PageSummary, ...]
    blobs: tuple[str, ...]
    kept: bool = False
    """Whether the process in the seat has kept pages instead of writing them."""


class PageReading:
    """Reads the selected pages of one document, once, into blob files in its spool folder."""

    def __init__(
        self,
        parsers: Parsers,
        ocr: Ocr | None,
        limits: ReadingLimits,
        *,
        document: Spooled,
        options: ParseOptions,
        folder: Path,
        finished: FinishedPages,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._parsers = parsers
        self._ocr = ocr
        self._limits = limits
        self._document = document
        self._options = options
        self._folder = folder
        self._on_progress = on_progress
        self._progress = Progress()
        self._keep = False
        self._ranges: deque[tuple[int, ...]] = deque()
        self._done = finished.summaries
        self._restored = frozenset(finished.summaries)
        self._begun: list[tuple[int, ...]] = []
        self._died_once: set[int] = set()
        self._handed_out: set[int] = set()
        self._current: dict[tuple[int, ...], int] = {}
        self._blobs = finished.blobs
        self._waiting_helpers: set[anyio.CancelScope] = set()
        self._ocr_pending = 0
        self._ocr_room = anyio.Condition()
        self._ocr_time = BusyTime()

    @property
    def ocr_s(self) -> float:
        """Seconds in which at least one page of the document was with OCR, or waited for it."""
        return self._ocr_time.seconds

    async def read(self, pages: Sequence[int], seat: Seat, *, keep: bool = False) -> ReadResult:
        """Read the pages that are not finished; ``seat`` is used first: its document need not be opened again.

        Args:
            pages: page numbers, ascending.
            seat: a place in the pool.
            keep: whether pages may stay in the process in ``seat``, if that one reads them all and none needs OCR.
        """
        size = min(self._limits.range_size, self._limits.ocr_window) if self._ocr else self._limits.range_size
        left = [number for number in pages if number not in self._done]
        failed = sum(page.status is PageStatus.FAILED for page in self._done.values())
        self._progress = Progress(total=len(pages), done=len(self._done), failed=failed)
        self._on_progress(self._progress)
        self._ranges.extend(tuple(left[at : at + size]) for at in range(0, len(left), size))
        self._keep = keep and len(self._ranges) == 1
        return await self._read(seat)

    async def read_again(self, seat: Seat) -> ReadResult:
        """Read what a process had kept that has died since, this time to have it written."""
        lost = self._lost()
        self._ranges.extend((lost,) if lost else ())
        return await self._read(seat)

    async def rest(self, seat: Seat) -> ReadResult:
        """Give the pages that are there where ``read`` was cancelled.

        What its process had kept has died with it, and of what it had not reported yet nobody knows how it ended: such
        pages are read again, one by one. That takes as long as pages are kept, or it is left.
        """
        self._ranges.clear()
        reported = dict(self._done)
        stored = await to_thread.run_sync(pages_in, tuple(self._blobs))
        self._lost()
        self._done.update((number, page) for number, page in reported.items() if number in stored)
        blob = str(self._folder / f"pages-{len(self._blobs)}.blob")
        self._blobs.append(blob)
        with anyio.move_on_after(REST_S) as limit:
            for pages in self._begun:
                with suppress(ParserCrashed, LimitExceeded):  # this range has come no further
                    for number in pages:
                        if number not in self._done and number not in self._handed_out:
                            await self._read_one(number, blob, seat)
        if limit.cancelled_caught:
            await seat.release()  # its process is gone
        return ReadResult(tuple(self._done[number] for number in sorted(self._done)), tuple(self._blobs))

    async def _read_one(self, number: int, blob: str, seat: Seat) -> None:
        """Read a page unless it needs OCR, for which there is no time."""
        request = ReadPages(self._document, (number,), blob, self._options, ocr=self._ocr is not None, keep=False)
        try:
            async with (await seat.take()).run(request, silence_s=REST_SILENCE_S) as events:
                async for received in events:
                    if isinstance(received.event, PageDone):
                        self._finish(received.event.summary)
                    received.close()
        except WorkerError:
            await seat.release()
            raise

    def _lost(self) -> tuple[int, ...]:
        """Give the pages that died with the process that kept them; no other process shall keep any."""
        if not self._keep:
            return ()
        self._keep = False
        lost = tuple(
            number
            for number, page in self._done.items()
            if page.status is PageStatus.PARSED and number not in self._handed_out | self._restored
        )
        for number in lost:
            del self._done[number]
        return lost

    async def _read(self, seat: Seat) -> ReadResult:
        helpers = min(self._limits.processes, len(self._ranges)) - 1
        with one_error():
            async with anyio.create_task_group() as tasks:
                for _ in range(helpers):
                    tasks.start_soon(self._help, tasks)
                await self._work(seat, tasks)
                if len(self._done) < self._progress.total:
                    # OCR or helpers have the rest. What comes back from OCR needs a process, maybe the only one.
                    await seat.release()
        kept = self._keep and not self._handed_out
        return ReadResult(tuple(self._done[number] for number in sorted(self._done)), tuple(self._blobs), kept)

    async def _help(self, tasks: TaskGroup) -> None:
        """Share the ranges from a further process, if one becomes free before the last range is taken."""
        async with seat_in(self._parsers) as seat:
            with anyio.CancelScope() as waiting:
                self._waiting_helpers.add(waiting)
                await seat.take()
                self._waiting_helpers.discard(waiting)
            if not waiting.cancelled_caught:
                await self._work(seat, tasks)

    async def _work(self, seat: Seat, tasks: TaskGroup) -> None:
        """Take ranges until none is left; the seat is given up while OCR has no room for more pages."""
        blob = str(self._folder / f"pages-{len(self._blobs)}.blob")
        self._blobs.append(blob)
        while self._ranges:
            if self._ocr_pending >= self._limits.ocr_window:
                await seat.release()
                await self._ocr_has_room()
                continue
            pages = self._ranges.popleft()
            self._begun.append(pages)
            if not self._ranges:
                for helper in self._waiting_helpers:
                    helper.cancel()
            process = await seat.take()
            try:
                await self._read_range(process, pages, blob, tasks)
            except (ParserCrashed, OutOfMemory, TimeLimitExceeded) as error:
                await seat.release()
                self._judge_death(pages, error)
            if self._ranges:
                # Whoever waits goes first: a large document holds up a small one for a range, not for all its pages.
                await seat.release()

    async def _read_range(self, process: ParserProcess, pages: tuple[int, ...], blob: str, tasks: TaskGroup) -> None:
        request = ReadPages(self._document, pages, blob, self._options, ocr=self._ocr is not None, keep=self._keep)
        async with process.run(request, silence_s=self._limits.page_timeout_s) as events:
            async for received in events:
                match received.event:
                    case PageStarted(number):
                        self._current[pages] = number
                    case PageDone(summary):
                        self._finish(summary)
                    case PageNeedsOcr() as needs:
                        self._ocr_pending += 1
                        self._handed_out.add(needs.page.number)
                        tasks.start_soon(self._recognise, received, needs)
                    case Refused(error):
                        raise from_report(error)
                    case _:
                        pass

    def _judge_death(self, pages: tuple[int, ...], error: LimitExceeded | ParserCrashed) -> None:
        """Blame the page that was being read, and put the pages that are left back."""
        self._lost()
        left = [number for number in pages if number not in self._done and number not in self._handed_out]
        culprit = self._current.pop(pages, left[0] if left else None)
        if culprit in left:
            if culprit in self._died_once or isinstance(error, TimeLimitExceeded):
                left.remove(culprit)
                self._fail(culprit, error)
            else:
                self._died_once.add(culprit)
        if left:
            self._ranges.appendleft(tuple(left))

    async def _recognise(self, received: ReceivedEvent, needs: PageNeedsOcr) -> None:
        """Bring one page through OCR and lay it out; it is a failed page if either fails and it cannot do without."""
        try:
            try:
                found = await self._read_image(received)
            except (BackendUnavailable, ConfigurationError):
                raise
            except WorkerError:
                if not needs.joins:
                    raise
                found = Recognition((), "")
            await self._lay_out(needs, found)
        except (BackendUnavailable, ConfigurationError, StorageFull):
            raise  # no fault of the page: the whole job is tried again later
        except WorkerError as error:
            self._fail(needs.page.number, error)
        finally:
            self._ocr_pending -= 1
            async with self._ocr_room:
                self._ocr_room.notify_all()

    async def _read_image(self, received: ReceivedEvent) -> Recognition:
        if self._ocr is None or received.image is None:
            raise ParserCrashed("the parser process handed out a page without pixels")
        try:
            with self._ocr_time.block():
                async with self._limits.ocr:
                    return await self._ocr.read(received.image, languages=self._options.languages)
        finally:
            received.close()

    async def _lay_out(self, needs: PageNeedsOcr, found: Recognition) -> None:
        blob = str(self._folder / f"ocr-{needs.page.number}.blob")
        request = LayOut(needs.page, found, blob, self._options, needs.joins)
        async with seat_in(self._parsers) as seat:
            process = await seat.take()
            async with process.run(request, silence_s=self._limits.page_timeout_s) as events:
                async for received in events:
                    match received.event:
                        case PageDone(summary):
                            self._blobs.append(blob)
                            self._finish(summary)
                        case Refused(error):
                            raise from_report(error)
                        case _:
                            pass

    async def _ocr_has_room(self) -> None:
        async with self._ocr_room:
            while self._ocr_pending >= self._limits.ocr_window:
                await self._ocr_room.wait()

    def _fail(self, number: int, error: WorkerError) -> None:
        self._finish(PageSummary(number, PageStatus.FAILED, error=report(error)))

    def _finish(self, summary: PageSummary) -> None:
        self._done[summary.number] = summary
        before = self._progress
        failed = before.failed + (summary.status is PageStatus.FAILED)
        # Pages that are read again are not news.
        self._progress = Progress(total=before.total, done=max(before.done, len(self._done)), failed=failed)
        if self._progress != before:
            self._on_progress(self._progress)
