"""``grounded_items.jsonl``: the boxes of words, lines and cells, one row a page, for jobs that ask for them.

The parts of a row are not frozen, for the reason given in ``backends/writer/items``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pydantic import TypeAdapter

from llamaparse_worker.interfaces import PageSink
from llamaparse_worker.model.blocks import Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.options import Granularity, ParseOptions
from llamaparse_worker.model.page import FailedPage, ParsedPage
from llamaparse_worker.model.recognition import Word


@dataclass(slots=True)
class _Place:
    """Left, top, width and height in points from the top left."""

    x: float
    y: float
    w: float
    h: float


@dataclass(slots=True)
class _Text:
    """``confidence`` goes from 0 to 1; it is left out where nothing had to be recognised."""

    text: str
    bbox: _Place
    confidence: float | None = None


@dataclass(slots=True)
class _Cell:
    """``table`` counts the tables of the page from 0; ``page_number`` is that of the box, if it is another page's."""

    text: str
    table: int
    row: int
    column: int
    row_span: int
    column_span: int
    bbox: _Place
    page_number: int | None = None


@dataclass(slots=True)
class _Row:
    page_number: int
    page_width: float | None = None
    page_height: float | None = None
    words: tuple[_Text, ...] | None = None
    lines: tuple[_Text, ...] | None = None
    cells: tuple[_Cell, ...] | None = None
    error: str | None = None


_ROWS = TypeAdapter(_Row)


class GroundedWriter:
    """Writes what ``granular_bboxes`` names."""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return "grounded_items.jsonl"

    @property
    def content_type(self) -> str:
        """The type of the file."""
        return "application/jsonl"

    @contextmanager
    def open(self, out: BinaryIO, options: ParseOptions) -> Iterator[PageSink]:
        """Begin the file."""
        yield _Sink(out, options.granular_bboxes)


class _Sink:
    def __init__(self, out: BinaryIO, wanted: tuple[Granularity, ...]) -> None:
        self._out = out
        self._wanted = wanted

    def add(self, page: ParsedPage | FailedPage) -> None:
        row = _Row(page.number, error=page.error.code) if isinstance(page, FailedPage) else self._row(page)
        self._out.write(_ROWS.dump_json(row, exclude_none=True) + b"\n")

    def _row(self, page: ParsedPage) -> _Row:
        words = tuple(_Text(word.text, _place(word.box), _confidence(word)) for word in page.words)
        lines = tuple(_Text(line.text, _place(line.box)) for line in page.lines)
        return _Row(
            page.number,
            page.width,
            page.height,
            words if Granularity.WORD in self._wanted else None,
            lines if Granularity.LINE in self._wanted else None,
            tuple(_cells(page)) if Granularity.CELL in self._wanted else None,
        )


def _cells(page: ParsedPage) -> Iterator[_Cell]:
    tables = [block for block in page.blocks if isinstance(block, Table)]
    for index, table in enumerate(tables):
        for cell in table.cells:
            if cell.box is not None:
                text = table.rows[cell.row][cell.column]
                spans = cell.row_span, cell.column_span
                yield _Cell(text, index, cell.row, cell.column, *spans, _place(cell.box), cell.page)


def _confidence(word: Word) -> float | None:
    return None if word.confidence == 1 else round(word.confidence, 4)


def _place(box: Box) -> _Place:
    return _Place(box.x0, box.y0, round(box.x1 - box.x0, 2), round(box.y1 - box.y0, 2))
