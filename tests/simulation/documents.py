"""Documents that are scripts: their one word says what parsing them is like. Time passes on the virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from random import Random

import anyio
from anyio.lowlevel import checkpoint

from llamaparse_worker.errors import BackendUnavailable, CorruptDocument
from llamaparse_worker.model.document import DocumentInfo, ParsedDocument, ResultFile, Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageStatus, PageSummary
from llamaparse_worker.pipeline.document import DocumentOutcome, DocumentParser
from llamaparse_worker.pipeline.verdict import Verdict

MOST_PAGES = 4
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

    def __init__(self, random: Random, number: Callable[[], int], kill: Callable[[], None]) -> None:
        self._random = random
        self._number = number
        self._kill = kill

    async def parse(
        self, document: Spooled, options: ParseOptions, folder: Path, *, on_progress: Callable[[Progress], None]
    ) -> DocumentOutcome:
        del options
        script = Script(Path(document.path).read_text())
        total = self._random.randint(1, MOST_PAGES)
        for page in range(total):
            await anyio.sleep(self._random.uniform(0, SLOWEST_PAGE_S))
            on_progress(Progress(total=total, done=page))
        if script is Script.CORRUPT:
            raise CorruptDocument("it is damaged")
        if script is Script.HOPELESS or (script is Script.FLAKY and self._random.random() < 0.5):
            raise BackendUnavailable("OCR is away")
        if script is Script.POISON:
            self._kill()
            await checkpoint()
        content = str(self._number()).encode()
        files = tuple(ResultFile(name, len(content), "text/markdown") for name in ("result.md", "result.txt"))
        for file in files:
            (folder / file.name).write_bytes(content)
        pages = tuple(PageSummary(number, PageStatus.PARSED, characters=1) for number in range(1, total + 1))
        return DocumentOutcome(ParsedDocument(DocumentInfo("script", total), pages, files), Verdict(None))
