"""What a page has become so far: read, laid out, parsed or failed.

A reader gives a ``RawPage`` (characters with boxes) or, where it knows the structure, a ``LaidOutPage`` at once.
Arrays travel as little-endian bytes, so that this module needs the standard library only; ``layout`` views them with
numpy without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import Annotated, Any, Literal, get_args

from llamaparse_worker.errors import ErrorReport
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import ImageKind
from llamaparse_worker.model.value import unguarded


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


@dataclass(frozen=True, slots=True)
class Font:
    """A typeface as the document names it."""

    name: str
    bold: bool = False
    italic: bool = False
    monospaced: bool = False


@unguarded
@dataclass(frozen=True, slots=True)
class Element:
    """An element of the document's own structure, as tagged PDFs have them: what a part of the page is."""

    role: str
    """A standard structure type of ISO 32000, such as ``P``, ``H2``, ``TD``."""
    parent: int = -1
    """Index of the element around it, which stands earlier in the table; -1 for the outermost."""
    continued: bool = False
    """Whether it began on an earlier page."""
    row_span: int = 1
    column_span: int = 1


class Trait(IntFlag):
    """How a character is drawn, beyond its font."""

    DOWNWARD = 1
    """Reads downward; together with ``BACKWARD`` upward."""
    BACKWARD = 2
    """Stands on its head."""
    DIAGONAL = 4
    """Reads in no direction of the page's sides."""
    HIDDEN = 8
    """Drawn without ink, as the text behind a scan is."""
    UNMAPPED = 16
    """The font does not say which character this is; it stands as a space."""
    CROPPED = 32
    """Lies on the sheet, outside of the part of it that is shown."""


TURNS = Trait.DOWNWARD | Trait.BACKWARD
"""As a number: the clockwise quarter turns in which a character reads."""


class SpanKind(StrEnum):
    """What a part of a text is set as."""

    STRONG = "strong"
    EMPHASIS = "emphasis"
    CODE = "code"
    SUPERSCRIPT = "superscript"
    SUBSCRIPT = "subscript"
    LINK = "link"
    HIGHLIGHT = "highlight"
    UNDERLINE = "underline"
    STRIKEOUT = "strikeout"
    FOOTNOTE = "footnote"
    """The mark of a footnote; ``target`` is its label."""


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


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """An image of a page: a stored JPEG, or else rows of 8-bit samples from the top left."""

    box: Box
    width: int
    height: int
    """In pixels."""
    jpeg: bytes = b""
    samples: bytes = b""
    channels: int = 3
    """1 grey, 3 RGB."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """An image that has been saved with the result."""

    name: str
    """Relative to the result, such as ``images/page_1.png``."""
    kind: ImageKind
    box: Box
    width: int
    height: int
    content_type: str


class FieldKind(StrEnum):
    """What a field of a form takes."""

    CHECKBOX = "checkbox"
    MULTI_SELECT = "multi_select"
    SIGNATURE = "signature"
    SINGLE_SELECT = "single_select"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that a list of a form offers."""

    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form and what is filled in; each button of a choice is one."""

    box: Box
    value: str
    """What is written or chosen; of a button, what it stands for."""
    checked: bool | None = None
    """Whether a box or button is chosen or a signature given; None for others."""
    kind: FieldKind = FieldKind.TEXT
    name: str = ""
    """What the form calls it; the buttons of one choice share it."""
    label: str = ""
    """What is printed beside it, or else the form's own description."""
    group: str = ""
    """The form's own description of the choice that a button belongs to."""
    choices: tuple[Choice, ...] = ()
    withheld: bool = False
    """Whether the value is a secret, which is not read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A saved image where it belongs in the text."""

    name: str
    box: Box
    before: int
    """Index of the block that it stands before; the number of blocks for one at the end."""
    caption: str = ""


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
    """Bits of ``Trait`` of the page as displayed, uint8, shape (n,); empty where the reader knows none."""
    elements: bytes = b""
    """Index of each character's element in ``element_table``, int32, shape (n,), -1 for those outside of the text
    proper, such as running heads; empty for a page without structure."""
    element_table: tuple[Element, ...] = ()
    """In reading order."""
    links: tuple[PageLink, ...] = ()
    fields: tuple[FormField, ...] = ()
    """Those of forms, for jobs that ask for them; as for the pages that come of this one."""
    bookmarks: tuple[Bookmark, ...] = ()


@unguarded
@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: text, box in points, confidence from 0 to 1 (1 where the engine gives none)."""

    text: str
    box: Box
    confidence: float = 1.0


def mean_confidence(words: Iterable[Word]) -> float | None:
    """Give the mean over all characters of words; None where there are none."""
    sure = [(word.confidence, len(word.text)) for word in words]
    characters = sum(count for _, count in sure)
    return sum(confidence * count for confidence, count in sure) / characters if characters else None


@dataclass(frozen=True, slots=True)
class Recognition:
    """What OCR has read of a page image, in reading order; boxes lie on the image as it was given."""

    words: tuple[Word, ...]
    engine: str
    """Who read it; empty where nobody could."""
    turn: int = 0
    """Clockwise quarter turns in which the text reads on the image: 1 for a page that lies on its right side."""
    skew: float = 0.0
    """Degrees by which the lines, read in that direction, slope downward; within -45 and 45."""


@unguarded
@dataclass(frozen=True, slots=True)
class Line:
    """One line of text with its box in points."""

    text: str
    box: Box


@unguarded
@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text that is set apart: characters ``start`` to ``end``, the end excluded."""

    start: int
    end: int
    kind: SpanKind
    target: str = ""
    """Where a link leads."""


@unguarded
@dataclass(frozen=True, slots=True)
class Heading:
    """A section title. ``size`` is its font size in points; the level over the whole document is found in assembly."""

    text: str
    box: Box
    size: float
    level: int = 0
    """1 to 6; 0 while it is not known."""
    lines: tuple[Line, ...] = ()
    spans: tuple[Span, ...] = ()
    prominence: int = 0
    """How it stands out beside its size: 3 bold, 2 in capitals, 1 in italics."""
    outline: int = 0
    """Its depth in the document's outline, from 1; 0 for one that is not there."""
    type: Literal["heading"] = "heading"


@unguarded
@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text, lines already joined."""

    text: str
    box: Box
    lines: tuple[Line, ...] = ()
    spans: tuple[Span, ...] = ()
    quoted: bool = False
    """Whether it is quoted: set off as the words of another."""
    comment: bool = False
    """Whether a reader of the document has added it: it is no part of the text."""
    type: Literal["paragraph"] = "paragraph"


@unguarded
@dataclass(frozen=True, slots=True)
class ListItem:
    """One entry of a list; ``depth`` counts from 0, ``mark`` is the bullet or number as the page prints it."""

    text: str
    box: Box
    depth: int = 0
    mark: str = "•"
    spans: tuple[Span, ...] = ()


@unguarded
@dataclass(frozen=True, slots=True)
class ListBlock:
    """An ordered or unordered list."""

    items: tuple[ListItem, ...]
    box: Box
    ordered: bool = False
    type: Literal["list"] = "list"


@unguarded
@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell of a table stands. Its text is in the table's rows; places that it reaches over are empty there."""

    row: int
    column: int
    box: Box | None = None
    """Around its text; none for an empty cell."""
    row_span: int = 1
    column_span: int = 1
    page: int | None = None
    """The page that the box is on, where the table began on another one."""
    spans: tuple[Span, ...] = ()


@unguarded
@dataclass(frozen=True, slots=True)
class Table:
    """A table: rows of cell texts, all rows of the same length."""

    rows: tuple[tuple[str, ...], ...]
    box: Box
    cells: tuple[Cell, ...] = ()
    """Cells with a box or a span; a place without one is an empty cell, or a plain one where no boxes are known."""
    header_rows: int = 1
    """How many rows at the top name the columns."""
    merged_from_pages: tuple[int, ...] = ()
    """The pages of a table that goes over several; it is given whole on the first."""
    merged_into_page: int | None = None
    """The page where a table is given that goes on here; it has no rows here."""
    type: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Footnote:
    """A note that the text refers to by its label; it follows the block that does."""

    label: str
    text: str
    box: Box
    lines: tuple[Line, ...] = ()
    spans: tuple[Span, ...] = ()
    type: Literal["footnote"] = "footnote"


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Preformatted text: line breaks and indentation count."""

    text: str
    box: Box
    language: str | None = None
    type: Literal["code"] = "code"


class _ByType:
    """Tells pydantic to choose a class by its ``type`` alone, not by trying each: four times faster.

    The method is pydantic's protocol for annotations; nothing of pydantic is needed to follow it.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:  # noqa: ANN401 - both are pydantic's
        choices = {one.__dataclass_fields__["type"].default: handler(one) for one in get_args(source)}
        return {"type": "tagged-union", "discriminator": "type", "choices": choices}


Block = Annotated[Heading | Paragraph | ListBlock | Table | CodeBlock | Footnote, _ByType()]


class Side(StrEnum):
    """An edge of a page where a running head may stand."""

    TOP = "top"
    BOTTOM = "bottom"


@unguarded
@dataclass(frozen=True, slots=True)
class Edge:
    """What stands apart at the top or bottom of a page: a running head, or else the first or last of the text."""

    side: Side
    blocks: tuple[Block, ...]
    certain: bool = False
    """Whether the document itself says that this is no part of the text."""


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


@dataclass(frozen=True, slots=True)
class PixelImage:
    """A decoded page image: rows of 8-bit samples from the top left, without padding."""

    width: int
    height: int
    channels: int
    """1 grey, 3 RGB."""
    samples: memoryview
    """``width * height * channels`` bytes; valid only until the call that received it returns."""
    dpi: float
