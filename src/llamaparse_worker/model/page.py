"""What a page has become so far: read, laid out, parsed or failed.

A reader gives a ``RawPage`` (characters with boxes) or, where it knows the structure, a ``LaidOutPage`` at once. What
pages are made of stands beside this module: ``characters``, ``blocks``, ``images``, ``forms``, ``recognition``.
Arrays travel as little-endian bytes, so that this module needs the standard library only; ``layout`` views them with
numpy without a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.blocks import Block, Edge, Line, SpanKind
from llamaparse_worker.model.characters import Element, Font
from llamaparse_worker.model.forms import FormField
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.hidden import HiddenText
from llamaparse_worker.model.images import Figure, PageImage
from llamaparse_worker.model.recognition import Word
from llamaparse_worker.model.refinement import PageUpgrade, Refinement
from llamaparse_worker.model.value import quick, unguarded


class PageReason(StrEnum):
    """Why a page has less than a text layer of full worth."""

    BLANK = "blank"
    """Nothing is drawn on the page."""
    NO_TEXT = "no_text"
    """The page shows something, but holds no text that could be read."""
    SCANNED = "scanned"
    """The page is a picture, with a stamp or a page number at most."""
    SPARSE = "sparse"
    """The page has a few words, and pictures that may hold more."""
    GARBLED = "garbled"
    """Most characters stand for nothing or for other ones, as the fonts do not say what they show."""
    VECTOR_TEXT = "vector_text"
    """The letters are drawn as shapes."""
    IMAGES_UNREAD = "images_unread"
    """OCR has failed over images of the page; its text layer is all that was read."""


@quick
@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the document's outline that leads to this page; ``depth`` counts from 1."""

    title: str
    depth: int
    top: float | None = None
    """How far down the page it leads, in points from the top; None where the file does not say."""


@unguarded
@dataclass(frozen=True, slots=True)
class PageLink:
    """Where a page leads elsewhere, or a reader of it has marked the text."""

    box: Box
    target: str
    """An address, or ``#page-7`` for page 7 of the same document."""
    kind: SpanKind = SpanKind.LINK


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader of the page has noted on it."""

    box: Box
    mark: SpanKind | None
    """How the text on ``lines`` is marked, if any is."""
    lines: tuple[Box, ...]
    text: str
    author: str


@quick
@dataclass(frozen=True, slots=True)
class RawPage:
    """The characters of one page in the order of the file, not yet in reading order.

    ``text`` has n code points, NUL and surrogates already replaced. ``boxes`` is float32, shape (n, 4): x0, y0, x1, y1
    in points from the top left of the page as displayed (rotation applied). ``sizes`` is float32, shape (n,): font size
    in points. ``fonts`` is uint16, shape (n,): index into ``font_table``. Spaces and line ends that the reader
    inferred have a box of zero width.
    """

    number: int
    """Page number in the document, from 1."""
    width: float
    height: float
    rotation: int
    """Clockwise display rotation in degrees: 0, 90, 180 or 270; already applied to all boxes."""
    text: str
    boxes: bytes
    sizes: bytes
    fonts: bytes
    font_table: tuple[Font, ...]
    image_boxes: tuple[Box, ...] = ()
    """Where images are drawn: evidence for a scanned page."""
    scan_dpi: float = 0.0
    """The resolution of the image that is most of the page; 0 where none is, or where it is not known."""
    drawn: bool = True
    """Whether anything at all is drawn; a page without is blank."""
    outlines: int = 0
    """How many small shapes, of about the size of letters, are drawn on a page with little or no text."""
    images: tuple[PageImage, ...] = ()
    images_left_out: int = 0
    rules: bytes = b""
    """Straight lines drawn level or upright, float32, shape (m, 4): boxes without extent across."""
    fills: bytes = b""
    """Rectangles filled with something darker than paper, float32, shape (k, 4)."""
    traits: bytes = b""
    """Bits of ``Trait`` of the page as displayed, uint8, shape (n,); empty where no character has any that the reader
    knows."""
    elements: bytes = b""
    """Index of each character's element in ``element_table``, int32, shape (n,), -1 for those outside of the text
    proper, such as running heads; empty for a page without structure."""
    element_table: tuple[Element, ...] = ()
    """In reading order."""
    links: tuple[PageLink, ...] = ()
    fields: tuple[FormField, ...] = ()
    """Those of forms, for jobs that ask for them; as for the pages that come of this one."""
    bookmarks: tuple[Bookmark, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPage:
    """What a page with hidden text says to those who look at it, as ``LaidOutPage`` has it."""

    blocks: tuple[Block, ...]
    text: str
    edges: tuple[Edge, ...]
    words: tuple[Word, ...]


@quick
@dataclass(frozen=True, slots=True)
class LaidOutPage:
    """One page in reading order, before the document as a whole is known."""

    number: int
    width: float
    height: float
    rotation: int
    blocks: tuple[Block, ...]
    text: str
    """The page as plain text in reading order, without its edges."""
    engine: str
    """Who read the characters: ``text_layer``, the OCR engine's name, or the reader's name."""
    reason: PageReason | None = None
    confidence: float | None = None
    body_size: float = 0.0
    """Font size in points that most characters have; 0 where the reader knows none."""
    edges: tuple[Edge, ...] = ()
    """At most one a side; whether they are running heads is found in assembly."""
    text_is_placed: bool = False
    """Whether ``text`` shows all of the page as it stands there, its edges too, rather than in reading order."""
    images: tuple[PageImage, ...] = ()
    """Those that were saved."""
    images_left_out: int = 0
    """How many images and figures were not saved, as a page may give so many only."""
    words: tuple[Word, ...] = ()
    """Every word with its box, and every line, for jobs that ask for them."""
    lines: tuple[Line, ...] = ()
    fields: tuple[FormField, ...] = ()
    refinement: Refinement | None = None
    """What a model was asked about the page; None in the mode fast."""
    hidden: HiddenText | None = None
    """What of the text nobody sees who looks at the page."""
    seen: SeenPage | None = None
    """The page without its hidden text, for jobs that ask models: they are told of nothing else."""
    upgrade: PageUpgrade | None = None
    """What the auto mode makes of the page, for jobs with one."""


@quick
@dataclass(frozen=True, slots=True)
class ParsedPage:
    """One page as it is delivered: heading levels final, Markdown made."""

    number: int
    width: float
    height: float
    rotation: int
    blocks: tuple[Block, ...]
    text: str
    markdown: str
    engine: str
    reason: PageReason | None = None
    confidence: float | None = None
    header: tuple[Block, ...] = ()
    """The running head, which is no part of ``blocks`` and ``markdown``."""
    footer: tuple[Block, ...] = ()
    printed_number: str | None = None
    """The page number as the page prints it."""
    images: tuple[PageImage, ...] = ()
    images_left_out: int = 0
    block_markdown: tuple[str, ...] = ()
    """The Markdown of each of ``blocks``, made once for all who need it."""
    figures: tuple[Figure, ...] = ()
    """The saved images but screenshots, in the order of the text."""
    words: tuple[Word, ...] = ()
    lines: tuple[Line, ...] = ()
    fields: tuple[FormField, ...] = ()
    refinement: Refinement | None = None
    hidden: HiddenText | None = None


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that could not be parsed, and why."""

    number: int
    error: ErrorReport


class PageStatus(StrEnum):
    """How a page ended."""

    PARSED = "parsed"
    FAILED = "failed"


@unguarded
@dataclass(frozen=True, slots=True)
class PageSummary:
    """What the worker remembers of a finished page; the page itself stays in the spool folder."""

    number: int
    status: PageStatus
    engine: str = ""
    reason: PageReason | None = None
    characters: int = 0
    confidence: float | None = None
    error: ErrorReport | None = None
    images_left_out: int = 0
    images: tuple[str, ...] = ()
    """The files of the images that were saved of the page, relative to the result."""
