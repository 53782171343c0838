"""Tables that a model writes as HTML: rows, cells and what they reach over. Nothing else of the HTML is taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from llamaparse_worker.layout.inline import Inline
from llamaparse_worker.mode.markdown.inline import inline
from llamaparse_worker.mode.markdown.parser import parse_inline
from llamaparse_worker.model.blocks import Block, Cell, Paragraph, Table
from llamaparse_worker.model.geometry import Box

_MOST_PLACES = 50_000
"""Rows times columns from which on no cell reaches over others: a few numbers could ask for any amount of memory."""
_MOST_SPAN = 1000
_BREAKING = frozenset({"p", "div", "li", "tr", "table"})
_UNSEEN = frozenset({"script", "style", "template", "title"})
_SPACE = re.compile(r"\s+")
_BREAK = "<br>"


@dataclass(slots=True)
class _Cell:
    row_span: int
    column_span: int
    is_header: bool
    source: list[str] = field(default_factory=list)


def html_blocks(source: str, box: Box, notes: frozenset[str]) -> Iterator[Block]:
    """Give the tables of some HTML, and as paragraphs what text stands outside of them.

    Args:
        source: begins with a table.
        box: where all of it is.
        notes: labels of the notes that the answer has.
    """
    reader = _Reader()
    reader.feed(source)
    reader.close()
    for part in reader.parts:
        if isinstance(part, str):
            text = inline(parse_inline(_tidy(part)), notes)
            if text.text:
                yield Paragraph(text.text, box, spans=text.spans)
        elif any(part.rows):
            yield _table(part, box, notes)


@dataclass(slots=True)
class _Rows:
    rows: list[list[_Cell]] = field(default_factory=list)
    head: int = 0
    """How many rows stand in the table's own head."""


class _Reader(HTMLParser):
    """Collects the Markdown that stands in each cell; a table within a cell is text of that cell."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[_Rows | str] = []
        self._depth = 0
        self._in_head = False
        self._cell: _Cell | None = None
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.parts.append(_Rows())
        if self._depth == 1 and tag in {"thead", "tbody", "tr", "td", "th"}:
            self._structure(tag, dict(attrs))
        elif tag in {"sup", "sub"}:
            self._write(f"<{tag}>")
        elif tag == "br" or tag in _BREAKING:
            self._write(_BREAK)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "table":
            self._depth = max(0, self._depth - 1)
            self._cell = self._cell if self._depth else None
        elif self._depth == 1 and tag in {"td", "th", "tr"}:
            self._cell = None
        elif tag == "thead":
            self._in_head = False
        elif tag in {"sup", "sub"}:
            self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._write(data)

    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};")

    def _structure(self, tag: str, attrs: dict[str, str | None]) -> None:
        rows = self.parts[-1]
        if not isinstance(rows, _Rows):
            return
        self._cell = None
        if tag in {"thead", "tbody"}:
            self._in_head = tag == "thead"
        elif tag == "tr":
            rows.rows.append([])
            rows.head += self._in_head
        else:
            self._cell = _Cell(_span(attrs.get("rowspan")), _span(attrs.get("colspan")), tag == "th")
            if not rows.rows:
                rows.rows.append([])
            rows.rows[-1].append(self._cell)

    def _write(self, text: str) -> None:
        if self._unseen:
            return
        if self._cell is not None:
            self._cell.source.append(text)
        elif text.strip() and text != _BREAK:
            if not self.parts or not isinstance(self.parts[-1], str):
                self.parts.append("")
            self.parts[-1] = f"{self.parts[-1]}{text}"


def _span(value: str | None) -> int:
    text = (value or "1").strip()
    return max(1, min(_MOST_SPAN, int(text))) if text.isascii() and text.isdigit() and len(text) < 10 else 1  # noqa: PLR2004


def _tidy(source: str) -> str:
    return _SPACE.sub(" ", source).strip().removeprefix(_BREAK)


def _table(found: _Rows, box: Box, notes: frozenset[str]) -> Table:
    rows = [row for row in found.rows if row]
    spanning = len(rows) * max(sum(cell.column_span for cell in row) for row in rows) <= _MOST_PLACES
    placed = _placed(rows, spanning=spanning)
    width = 1 + max(column + (cell.column_span if spanning else 1) - 1 for _, column, cell in placed)
    texts = [[""] * width for _ in rows]
    cells: list[Cell] = []
    for row, column, cell in placed:
        text = _text(cell, notes)
        texts[row][column] = text.text
        height = min(cell.row_span, len(rows) - row) if spanning else 1
        across = min(cell.column_span, width - column) if spanning else 1
        if height > 1 or across > 1 or text.spans:
            cells.append(Cell(row, column, None, height, across, spans=text.spans))
    leading = next((at for at, row in enumerate(rows) if not all(cell.is_header for cell in row)), len(rows))
    return Table(tuple(map(tuple, texts)), box, tuple(cells), header_rows=max(1, min(len(rows), found.head or leading)))


def _text(cell: _Cell, notes: frozenset[str]) -> Inline:
    return inline(parse_inline(_tidy("".join(cell.source))), notes, line_break="\n")


def _placed(rows: Sequence[Sequence[_Cell]], *, spanning: bool) -> list[tuple[int, int, _Cell]]:
    """Give each cell with its row and column: it stands in the first place that no cell above reaches over."""
    taken: set[tuple[int, int]] = set()
    placed: list[tuple[int, int, _Cell]] = []
    for number, row in enumerate(rows):
        column = 0
        for cell in row:
            while (number, column) in taken:
                column += 1
            placed.append((number, column, cell))
            if not spanning:
                column += 1
                continue
            last = min(len(rows), number + cell.row_span)
            taken.update((below, column + step) for below in range(number, last) for step in range(cell.column_span))
            column += cell.column_span
    return placed
