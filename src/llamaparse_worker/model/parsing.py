"""What the worker asks of a parser process, and what comes back. Everything here is safe to encode as JSON.

A parser process holds one document at a time: ``Inspect`` opens it, ``ReadPages`` and ``Assemble`` follow in the same
or, for other page ranges of a large document, in other processes. ``LayOut`` needs no open document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.document import DocumentInfo, ResultFile, Spooled
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ParseOptions
from llamaparse_worker.model.page import PageSummary, RawPage
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.model.value import quick


@dataclass(frozen=True, slots=True)
class Inspect:
    """Open the document, find its type and count its pages."""

    document: Spooled
    type: Literal["inspect"] = "inspect"


@dataclass(frozen=True, slots=True)
class ReadPages:
    """Read and lay out these pages (from 1, ascending) and append each finished one to the blob file.

    With ``keep`` the process may keep some in memory instead, for an ``Assemble`` of this blob that comes next.
    """

    document: Spooled
    pages: tuple[int, ...]
    blob: str
    options: ParseOptions
    ocr: bool
    """Whether pages without usable text are handed out as pixels; otherwise they end with a reason."""
    keep: bool = False
    type: Literal["read_pages"] = "read_pages"


@dataclass(frozen=True, slots=True)
class LayOut:
    """Lay out one page from recognised words; append it to the blob file."""

    page: RawPage
    found: Recognition
    blob: str
    options: ParseOptions
    joins: bool = False
    """Whether the words join the text layer of the page instead of replacing it."""
    type: Literal["lay_out"] = "lay_out"


@dataclass(frozen=True, slots=True)
class Assemble:
    """Join the finished pages of all blobs into a document and write the result files into ``folder``."""

    blobs: tuple[str, ...]
    failed: tuple[PageSummary, ...]
    """Pages that are in no blob because they failed."""
    folder: str
    options: ParseOptions
    kept: bool = False
    """Whether this process has kept pages of a blob; if it has not, the request is refused as ``ParserCrashed``."""
    type: Literal["assemble"] = "assemble"


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw a page in colour, or a part of it, and write it as a JPEG into ``file``."""

    document: Spooled
    page: int
    longest_side: int
    """In pixels."""
    file: str
    part: Box | None = None
    type: Literal["draw"] = "draw"


ParserRequest = Inspect | ReadPages | LayOut | Assemble | Draw


@dataclass(frozen=True, slots=True)
class Inspected:
    """Answer to ``Inspect``, its last event."""

    info: DocumentInfo
    type: Literal["inspected"] = "inspected"


@quick
@dataclass(frozen=True, slots=True)
class PageStarted:
    """A page is being worked on: if the process dies or stalls now, it is this page's doing. Fast pages need none."""

    number: int
    type: Literal["page_started"] = "page_started"


@quick
@dataclass(frozen=True, slots=True)
class PageDone:
    """A page is finished and stands in the blob or is kept, or it failed."""

    summary: PageSummary
    type: Literal["page_done"] = "page_done"


@dataclass(frozen=True, slots=True)
class PageNeedsOcr:
    """A page leaves the process as pixels: the memfd that comes with this event holds the samples."""

    page: RawPage
    width: int
    height: int
    channels: int
    dpi: float
    joins: bool = False
    """Whether only images of the page are shown, whose words join its text layer: it can do without."""
    type: Literal["page_needs_ocr"] = "page_needs_ocr"


@dataclass(frozen=True, slots=True)
class Completed:
    """The request is done; files are filled for ``Assemble`` only."""

    files: tuple[ResultFile, ...] = ()
    type: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class Refused:
    """The request failed with a typed error. Last event."""

    error: ErrorReport
    type: Literal["refused"] = "refused"


ParserEvent = Inspected | PageStarted | PageDone | PageNeedsOcr | Completed | Refused
