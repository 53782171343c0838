"""Sets the tables of a document with the lines and shades of its style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable
from reportlab.platypus import Paragraph as Cell
from reportlab.platypus import Table as Drawn

from support.layouts.styles import Style, TableLook, bold
from support.layouts.truth import Table

_SMALLER = 0.9
_PADDING = 5.0
_NARROWEST = 34.0
_NUMBER_MARKS = str.maketrans("", "", ".,")


@dataclass(frozen=True, slots=True)
class _Type:
    body: ParagraphStyle
    number: ParagraphStyle
    header: ParagraphStyle


def drawn_table(table: Table, style: Style, width: float) -> Flowable:
    """Set a table at most as wide as given; it may be broken between rows, and repeats its header then."""
    size = _SMALLER * style.size
    body = ParagraphStyle("cell", fontName=style.family.value, fontSize=size, leading=1.2 * size, alignment=TA_LEFT)
    number = ParagraphStyle("number", body, alignment=TA_RIGHT)
    header = ParagraphStyle("header", body, fontName=bold(style.family))
    kinds = _Type(body, number, header)
    rows = [[_cell(table, row, column, kinds) for column in range(len(line))] for row, line in enumerate(table.rows)]
    commands = [*_frame(), *_look(table, style.table_look), *_spans(table)]
    widths = _widths(table, style, size, width)
    return Drawn(rows, colWidths=widths, repeatRows=table.header_rows, style=commands, hAlign="LEFT")


def _cell(table: Table, row: int, column: int, kinds: _Type) -> Flowable | str:
    cell = table.rows[row][column]
    if cell is None:
        return ""
    if row < table.header_rows:
        return Cell(escape(cell.text), kinds.header)
    return Cell(escape(cell.text), kinds.number if column and is_number(cell.text) else kinds.body)


def is_number(text: str) -> bool:
    """Tell whether a text is a number with its marks."""
    return text.translate(_NUMBER_MARKS).isdigit()


def _widths(table: Table, style: Style, size: float, most: float) -> list[float]:
    """Give each column what its longest cell needs; what is too much is taken from the widest."""
    wanted = []
    for column in range(len(table.rows[0])):
        texts = [row[column].text for row in table.rows if row[column] and row[column].columns == 1]  # type: ignore[union-attr]  # only cells are left
        widest = max((stringWidth(text, bold(style.family), size) for text in texts), default=0.0)
        wanted.append(max(_NARROWEST, widest + 2 * _PADDING + 1))
    over = sum(wanted) - most
    if over > 0:
        place = wanted.index(max(wanted))
        wanted[place] = max(2.5 * _NARROWEST, wanted[place] - over)
    return wanted


def _frame() -> Iterator[tuple[Any, ...]]:
    yield "VALIGN", (0, 0), (-1, -1), "TOP"
    for side in ("LEFTPADDING", "RIGHTPADDING"):
        yield side, (0, 0), (-1, -1), _PADDING
    for side in ("TOPPADDING", "BOTTOMPADDING"):
        yield side, (0, 0), (-1, -1), 2.5


def _look(table: Table, look: TableLook) -> Iterator[tuple[Any, ...]]:
    last_of_header = table.header_rows - 1
    match look:
        case TableLook.GRID:
            yield "GRID", (0, 0), (-1, -1), 0.5, colors.black
        case TableLook.BOOKTABS:
            yield "LINEABOVE", (0, 0), (-1, 0), 1, colors.black
            yield "LINEBELOW", (0, last_of_header), (-1, last_of_header), 0.5, colors.black
            yield "LINEBELOW", (0, -1), (-1, -1), 1, colors.black
        case TableLook.ROWS:
            yield "LINEBELOW", (0, 0), (-1, -1), 0.4, colors.grey
        case TableLook.STRIPED:
            yield "BACKGROUND", (0, 0), (-1, last_of_header), colors.lightsteelblue
            yield "ROWBACKGROUNDS", (0, table.header_rows), (-1, -1), [None, colors.whitesmoke]
        case TableLook.BARE:
            pass


def _spans(table: Table) -> Iterator[tuple[Any, ...]]:
    for y, row in enumerate(table.rows):
        for x, cell in enumerate(row):
            if cell and (cell.rows > 1 or cell.columns > 1):
                yield "SPAN", (x, y), (x + cell.columns - 1, y + cell.rows - 1)
