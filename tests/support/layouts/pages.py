"""Breaks the pieces of a document into columns and pages, and draws what stands at the edges of every page."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable

from support.layouts.elements import Piece, pieces
from support.layouts.styles import Running, Style, register_fonts
from support.layouts.truth import Block, Truth

_KEPT_LINES = 4
_RULE_ROOM = 8.0
_EDGE = 30.0


@dataclass(frozen=True, slots=True)
class _Column:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document as a file."""

    pdf: bytes
    pages: int


def draw(truth: Truth, style: Style) -> Drawn:
    """Set a document; the same truth and style give the same bytes."""
    register_fonts()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=style.paper, invariant=1, pageCompression=1)
    title = truth.headings[0].title if truth.headings else "Letter"
    canvas.setTitle(title)
    pages = _Pages(canvas, style, title).fill(truth)
    canvas.save()
    return Drawn(out.getvalue(), pages)


class _Pages:
    """Fills page after page from the top; y counts upwards from the bottom of the page, as PDF does."""

    def __init__(self, canvas: Canvas, style: Style, title: str) -> None:
        self._canvas, self._style, self._title = canvas, style, title
        self._number = 0
        self._outline_level = -1
        width = style.paper[0] - 2 * style.margins[0]
        self._whole = (_Column(style.margins[0], width),)
        aside_room = style.aside + style.gap if style.aside else 0.0
        start = style.margins[0] + aside_room * style.aside_first
        step = (width - aside_room + style.gap) / style.columns
        self._text = tuple(_Column(start + place * step, step - style.gap) for place in range(style.columns))
        aside_x = style.margins[0] if style.aside_first else start + width - style.aside
        self._aside = (_Column(aside_x, style.aside),)
        self._columns: Sequence[_Column] = self._whole
        self._column = 0
        self._notes: list[Flowable] = []
        self._top = self._y = self._floor = self._after = 0.0

    def fill(self, truth: Truth) -> int:
        """Set everything; gives the number of pages."""
        self._begin_page()
        self._columns = self._whole
        self._place_all(truth.opening)
        self._top = self._y - max(self._after, 1.5 * self._style.size) * bool(truth.opening)
        if truth.aside:
            self._begin_columns(self._aside)
            self._place_all(truth.aside)
        self._begin_columns(self._text)
        self._place_all(truth.body)
        self._end_page()
        return self._number

    def _place_all(self, blocks: Sequence[Block]) -> None:
        for piece in self._pieces(blocks):
            self._place(piece)

    def _pieces(self, blocks: Sequence[Block]) -> Iterator[Piece]:
        for block in blocks:
            yield from pieces(block, self._style, self._columns[0].width)

    def _begin_columns(self, columns: Sequence[_Column]) -> None:
        self._columns, self._column = columns, 0
        self._begin_column()

    def _begin_column(self) -> None:
        self._y, self._after = self._top, 0.0
        self._floor = self._style.margins[1]

    def _place(self, piece: Piece) -> None:
        while True:
            column = self._columns[self._column]
            at_top = self._y == self._top
            y = self._y - (0.0 if at_top else max(piece.before, self._after))
            room = y - self._floor
            height = piece.flowable.wrapOn(self._canvas, column.width, max(room, 1.0))[1]
            notes = self._height_of(piece.notes, column)
            kept = _KEPT_LINES * self._style.leading * self._style.size if piece.keeps_next else 0.0
            if height + notes + kept <= room:
                self._draw(piece, column.x, y - height)
                self._floor += notes
                self._notes += piece.notes
                return
            parts = () if piece.notes or piece.keeps_next else piece.flowable.splitOn(self._canvas, column.width, room)
            if len(parts) > 1:
                first, *others = parts
                y -= first.wrapOn(self._canvas, column.width, room)[1]
                self._draw(replace(piece, flowable=first), column.x, y)
                for rest in others[:-1]:
                    self._place(replace(piece, flowable=rest))
                piece = replace(piece, flowable=others[-1])
            elif at_top:
                raise ValueError(f"{piece} does not fit on a page")
            self._next_column()

    def _height_of(self, notes: Sequence[Flowable], column: _Column) -> float:
        rule = _RULE_ROOM if notes and not self._notes else 0.0
        heights: list[float] = [note.wrapOn(self._canvas, column.width, 1000)[1] for note in notes]
        return sum(heights) + rule

    def _draw(self, piece: Piece, x: float, y: float) -> None:
        if piece.heading and self._style.outline:
            self._add_to_outline(piece)
        piece.flowable.drawOn(self._canvas, x, y)
        self._y, self._after = y, piece.after

    def _add_to_outline(self, piece: Piece) -> None:
        assert piece.heading is not None
        self._outline_level = min(piece.heading.level - 1, self._outline_level + 1)
        key = f"{self._number}-{self._y:.3f}-{self._column}"
        self._canvas.bookmarkHorizontal(key, 0, self._y)
        self._canvas.addOutlineEntry(piece.heading.text, key, self._outline_level)

    def _next_column(self) -> None:
        self._end_column()
        if self._column + 1 < len(self._columns):
            self._column += 1
        else:
            self._end_page()
            self._begin_page()
            self._column = 0
        self._begin_column()

    def _end_column(self) -> None:
        if not self._notes:
            return
        column = self._columns[self._column]
        y = self._floor
        self._canvas.setLineWidth(0.4)
        self._canvas.line(column.x, y - 3, column.x + 0.3 * column.width, y - 3)
        y -= _RULE_ROOM
        for note in self._notes:
            y -= note.wrapOn(self._canvas, column.width, 1000)[1]
            note.drawOn(self._canvas, column.x, y)
        self._notes.clear()

    def _begin_page(self) -> None:
        self._number += 1
        width, height = self._style.paper
        turned = self._style.rotation
        if turned:
            self._canvas.setPageRotation(turned)  # the canvas turns the media box too: the page is displayed upright
            self._canvas.translate(*{90: (height, 0), 180: (width, height), 270: (0, width)}[turned])
            self._canvas.rotate(turned)
        self._top = height - self._style.margins[1]
        self._begin_column()
        self._draw_edges()

    def _draw_edges(self) -> None:
        width, height = self._style.paper
        left, right = self._style.margins[0], width - self._style.margins[0]
        self._canvas.setFont(self._style.family.value, 0.8 * self._style.size)
        head, foot = height - _EDGE, _EDGE
        match self._style.running:
            case Running.NUMBER:
                self._canvas.drawCentredString(width / 2, foot, str(self._number))
            case Running.HEAD_AND_NUMBER:
                self._canvas.drawString(left, head, self._title)
                self._canvas.drawRightString(right, foot, f"Page {self._number}")
            case Running.BOOK if self._number % 2:
                self._canvas.drawRightString(right, head, f"{self._title}   {self._number}")
            case Running.BOOK:
                self._canvas.drawString(left, head, f"{self._number}   {self._title}")
            case Running.NOTHING:
                pass

    def _end_page(self) -> None:
        self._end_column()
        if self._style.ruled_columns:
            for column in self._text[1:]:
                x = column.x - self._style.gap / 2
                self._canvas.setLineWidth(0.4)
                self._canvas.line(x, self._style.margins[1], x, self._top)
        self._canvas.showPage()
