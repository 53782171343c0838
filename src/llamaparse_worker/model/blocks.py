"""What the text of a page consists of: headings, paragraphs, lists, tables, notes and code, with spans and lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.value import unguarded


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
    FORMULA = "formula"
    """A formula in TeX between its marks, such as ``$x^2$``; it is written as it is."""


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
    """One entry of a list; ``depth`` counts from 0, ``mark`` is the bullet or number as the page prints it, if any."""

    text: str
    box: Box
    depth: int = 0
    mark: str = "•"
    spans: tuple[Span, ...] = ()

    @property
    def printed(self) -> str:
        """The text behind its mark."""
        return f"{self.mark} {self.text}" if self.mark else self.text


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
