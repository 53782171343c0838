"""Documents through real parser processes, without a worker around them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio import CapacityLimiter

from llamaparse_worker.components import Seam, targets
from llamaparse_worker.interfaces import Mode, Ocr, Parsers
from llamaparse_worker.mode.fast import Fast
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.job import Progress
from llamaparse_worker.model.options import ModeName, ParseOptions
from llamaparse_worker.parsers.control import SandboxPolicy
from llamaparse_worker.parsers.pool import ParserPool, open_parsers
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.pipeline.document import DocumentOutcome, DocumentParser
from llamaparse_worker.pipeline.document_limits import DocumentLimits
from llamaparse_worker.pipeline.offer import Offer
from llamaparse_worker.pipeline.pages import ReadingLimits
from llamaparse_worker.pipeline.spool import describe
from llamaparse_worker.pipeline.task_config import TaskConfig
from llamaparse_worker.testing import hostile, reader

TASKS = "llamaparse_worker.pipeline.tasks:make_tasks"


@asynccontextmanager
async def parser_pool(processes: int, *, sandbox: SandboxPolicy = SandboxPolicy.AUTO) -> AsyncIterator[ParserPool]:
    """Open parser processes with the built-in readers and writers, and the scripted and hostile reader."""
    config = TaskConfig(readers=(reader.TARGET, hostile.TARGET, *targets(Seam.READER)), writers=targets(Seam.WRITER))
    settings = ParserSettings(parser_concurrency=processes, parser_sandbox=sandbox)
    folder = Path(tempfile.gettempdir())
    async with open_parsers(settings, TASKS, config.model_dump_json(), folder=folder) as pool:
        await pool.ready()
        yield pool


def document_parser(  # noqa: PLR0913 - each test names the one limit that it is about
    parsers: Parsers,
    *,
    ocr: Ocr | None = None,
    modes: Mapping[ModeName, Mode] | None = None,
    max_pages: int = 10_000,
    timeout_s: float = 30,
    timeout_per_page_s: float = 0,
    page_timeout_s: float = 20,
    range_size: int = 64,
    processes: int = 2,
    ocr_window: int = 8,
) -> DocumentParser:
    """Give a parser of documents; ``ocr`` is its default engine."""
    return DocumentParser(
        parsers,
        Offer(modes or {ModeName.FAST: Fast()}, {ocr.name: ocr} if ocr else {}, ocr.name if ocr else None),
        DocumentLimits(
            max_pages=max_pages,
            timeout_base_s=timeout_s,
            timeout_extra_per_page_s=timeout_per_page_s,
            reading=ReadingLimits(
                page_timeout_s=page_timeout_s,
                range_size=range_size,
                processes=processes,
                ocr=CapacityLimiter(ocr_window),
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """A parsed document and the folder of its result files."""

    outcome: DocumentOutcome
    folder: Path

    @property
    def markdown(self) -> str:
        """The content of ``result.md``."""
        return (self.folder / "result.md").read_text()

    @property
    def failed_pages(self) -> dict[int, str]:
        """The code of each page that failed."""
        return {page.number: page.error.code for page in self.outcome.parsed.pages if page.error}

    def files(self) -> dict[str, bytes]:
        """Give the result files by name."""
        return {file.name: (self.folder / file.name).read_bytes() for file in self.outcome.parsed.files}


async def parse(
    parser: DocumentParser,
    content: bytes,
    folder: Path,
    *,
    name: str = "document",
    options: ParseOptions | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Result:
    """Parse one document in ``folder``, which may be used again under another name."""
    document = await spooled(content, folder, name)
    results = folder / f"{name}.results"
    results.mkdir()
    # Most pages of these documents are meant to fail.
    options = options or ParseOptions(allowed_page_failure_ratio=1.0)
    outcome = await parser.parse(document, options, results, on_progress=on_progress)
    return Result(outcome, results)


async def spooled(content: bytes, folder: Path, name: str = "document") -> Spooled:
    """Put a document where parser processes can open it."""
    path = folder / name
    path.write_bytes(content)
    return await describe(path, name)
