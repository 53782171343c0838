"""Tables as tagged pages describe them: rows of cells, some of which reach over others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.layout.grid import without_strong
from llamaparse_worker.layout.inline import Inline
from llamaparse_worker.model.blocks import Cell, Table
from llamaparse_worker.model.geometry import Box

_MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class TaggedCell:
    """A cell as its element tells of it."""

    text: Inline
    box: Box | None
    is_header: bool
    row_span: int = 1
    column_span: int = 1


def table_of(rows: Sequence[Sequence[TaggedCell]], box: Box) -> Table:
    """Put cells into rows and columns: each takes the first place of its row that no cell above reaches over."""
    taken: set[tuple[int, int]] = set()
    placed: list[tuple[int, int, TaggedCell, int, int]] = []
    for number, row in enumerate(rows):
        column = 0
        for cell in row:
            while (number, column) in taken:
                column += 1
            height = min(cell.row_span, len(rows) - number)
            width = max(1, min(cell.column_span, _MOST_COLUMNS - column))
            taken.update((number + down, column + right) for down in range(height) for right in range(width))
            placed.append((number, column, cell, height, width))
            column += width
    width = max((column for _, column in taken), default=-1) + 1
    headers = next((number for number, row in enumerate(rows) if not all(cell.is_header for cell in row)), len(rows))
    texts = [[""] * width for _ in rows]
    cells: list[Cell] = []
    for number, column, cell, high, wide in placed:
        texts[number][column] = cell.text.text
        spans = without_strong(cell.text.spans) if cell.is_header else cell.text.spans
        cells.append(Cell(number, column, cell.box, high, wide, spans=spans))
    return Table(tuple(map(tuple, texts)), box, tuple(cells), max(1, headers) if rows else 0)
