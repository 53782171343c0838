"""What is asked of a parser process about a document as a whole: what it is, and its result files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llamaparse_worker.errors import OutOfMemory, ParserCrashed, TimeLimitExceeded, report
from llamaparse_worker.model.document import DocumentInfo, ResultFile, Spooled
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.parsing import Assemble, Completed, Inspect, Inspected
from llamaparse_worker.pipeline.pages import ReadResult
from llamaparse_worker.pipeline.seat import Seat, last_event


async def inspect(document: Spooled, seat: Seat, *, silence_s: float) -> DocumentInfo:
    """Have the document opened, by a second process where the first dies of it.

    Raises:
        DocumentError: it cannot be opened.
        ParserCrashed: the second process has died too.
    """
    try:
        last = await last_event(await seat.take(), Inspect(document), silence_s=silence_s)
    except (ParserCrashed, OutOfMemory):
        await seat.release()
        last = await last_event(await seat.take(), Inspect(document), silence_s=silence_s)
    if not isinstance(last.event, Inspected):
        raise ParserCrashed("the parser process did not say what the document is")
    return last.event.info


async def assemble(
    read: ReadResult, folder: Path, options: ParseOptions, seat: Seat, *, silence_s: float
) -> tuple[ResultFile, ...]:
    """Have the result files written into ``folder``.

    Raises:
        ParserCrashed: the process has died, and with it the pages that only it has kept.
        OutOfMemory: the same, for lack of memory.
    """
    failed = tuple(page for page in read.pages if page.status is PageStatus.FAILED)
    request = Assemble(read.blobs, failed, str(folder), options, read.kept)
    last = await last_event(await seat.take(), request, silence_s=silence_s)
    if not isinstance(last.event, Completed):
        raise ParserCrashed("the parser process did not finish the result files")
    return last.event.files


def with_missing(read: ReadResult, pages: Sequence[int], late: TimeLimitExceeded) -> ReadResult:
    """Let the pages that are not there have failed for lack of time."""
    there = {page.number: page for page in read.pages}
    error = report(late)
    summaries = (there.get(number) or PageSummary(number, PageStatus.FAILED, error=error) for number in pages)
    return ReadResult(tuple(summaries), read.blobs)
