"""Documents that are scripts: their one word says what parsing them is like. Time passes on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from random import Random

import anyio
from anyio.lowlevel import checkpoint

from llamaparse_worker.errors import BackendUnavailable, CorruptDocument
from llamaparse_worker.model.document import DocumentInfo, ParsedDocument, ResultFile, Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.model.ranges import PageRange
from llamaparse_worker.pipeline.document import DocumentOutcome, DocumentParser, TooLargeForOneError
from llamaparse_worker.pipeline.finished import FinishedPages
from llamaparse_worker.pipeline.frames import framed, whole_frames
from llamaparse_worker.pipeline.page_cache import DocumentCache
from llamaparse_worker.pipeline.verdict import Verdict

MOST_PAGES = 4
POISONOUS_PAGE = 1
"""Of a document that is read in ranges, the page that kills its reader where it is poison."""
SLOWEST_PAGE_S = 2.0


class Script(StrEnum):
    """What happens to a document."""

    GOOD = "good"
    CORRUPT = "corrupt"
    FLAKY = "flaky"
    """OCR is away every other time."""
    HOPELESS = "hopeless"
    """OCR is away whenever it is tried."""
    POISON = "poison"
    """Its parsing kills the whole worker."""


class ScriptedDocuments(DocumentParser):
    """Parses scripts. Each time it is called the result files hold another number, so that mixtures are seen."""

    def __init__(
        self,
        random: Random,
        number: Callable[[], int],
        kill: Callable[[str], None],
        lengths: MutableMapping[str, int] | None,
    ) -> None:
        """Prepare; ``lengths`` keeps the number of pages by name, which is another at each time without it."""
        self._random = random
        self._number = number
        self._kill = kill
        self._lengths = lengths

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
        del options, cache
        numbers = range(pages.first, pages.last + 1)
        await self._read(document, numbers, folder, on_progress, finished)
        await self._meet(document, poisonous=pages.first == POISONOUS_PAGE)
        return tuple(finished.summaries[number] for number in numbers)

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
        del options, cache
        finished = finished or FinishedPages()
        total = self._random.randint(1, MOST_PAGES)
        if self._lengths is not None:
            total = self._lengths.setdefault(document.name, total)
        if most_pages is not None and total > most_pages and not finished.summaries:
            raise TooLargeForOneError(tuple(range(1, total + 1)))
        failed = any(page.status is PageStatus.FAILED for page in finished.summaries.values())
        await self._read(document, range(1, total + 1), folder, on_progress, finished)
        await self._meet(document, poisonous=not failed)
        content = b"\n".join((str(self._number()).encode(), *_pages(finished)))
        files = tuple(ResultFile(name, len(content), "text/markdown") for name in ("result.md", "result.txt"))
        for file in files:
            (folder / file.name).write_bytes(content)
        pages = tuple(finished.summaries[number] for number in sorted(finished.summaries))
        return DocumentOutcome(ParsedDocument(DocumentInfo("script", total), pages, files), Verdict(None))

    async def _read(
        self,
        document: Spooled,
        numbers: range,
        folder: Path,
        on_progress: Callable[[Progress], None],
        finished: FinishedPages,
    ) -> None:
        blob = folder / "pages.blob"
        finished.blobs.append(str(blob))
        for number in numbers:
            if number in finished.summaries:
                continue
            await anyio.sleep(self._random.uniform(0, SLOWEST_PAGE_S))
            with blob.open("ab") as out:
                out.write(framed(number, b"", page_of(document.name, number)))
            finished.summaries[number] = PageSummary(number, PageStatus.PARSED, characters=1)
            on_progress(Progress(total=len(numbers), done=len(finished.summaries) - 1))

    async def _meet(self, document: Spooled, *, poisonous: bool) -> None:
        """Meet what the script has in store for whoever has read it."""
        script = Script(Path(document.path).read_text())
        if script is Script.CORRUPT:
            raise CorruptDocument("it is damaged")
        if script is Script.HOPELESS or (script is Script.FLAKY and self._random.random() < 0.5):
            raise BackendUnavailable("OCR is away")
        if script is Script.POISON and poisonous:
            self._kill(document.name)
            await checkpoint()


def page_of(name: str, number: int) -> bytes:
    """Give what is on a page."""
    return f"{name} page {number}".encode()


def _pages(finished: FinishedPages) -> list[bytes]:
    """Read the finished pages, in order, each once."""
    found: dict[int, bytes] = {}
    for blob in map(Path, finished.blobs):
        content = blob.read_bytes() if blob.exists() else b""
        for frame in whole_frames(BytesIO(content)):
            found[frame.number] = content[frame.page_at : frame.end]
    return [found[number] for number in sorted(found)]
