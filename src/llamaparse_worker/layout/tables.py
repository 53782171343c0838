"""Tables whose cells are aligned in columns, with or without rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llamaparse_worker.layout.joining import joined, whole
from llamaparse_worker.layout.lines import baselines, joined_text
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import Table

_SHORT_CELL = 20
"""Mean characters of the cells of a table's column; columns of prose have longer lines. One column may be longer."""
_LEAST_ALIGNED = 0.6
_LEAST_ROWS = 3
_LEAST_ROWS_OF_WIDE = 2
_WIDE = 3
_CONTINUED_PITCH_EM = 1.35


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells in rows and columns; an empty cell has no segments."""

    rows: tuple[tuple[tuple[Segment, ...], ...], ...]


def as_grid(columns: Sequence[Sequence[Segment]]) -> Grid | None:
    """Arrange columns of segments as a grid if that is what they are."""
    if len(columns) < 2 or not _has_short_cells(columns):  # noqa: PLR2004 - a single column is no table
        return None
    place = {id(segment): index for index, column in enumerate(columns) for segment in column}
    rows = []
    for line in baselines(segment for column in columns for segment in column):
        cells: list[list[Segment]] = [[] for _ in columns]
        for segment in line:
            cells[place[id(segment)]].append(segment)
        rows.append(tuple(map(tuple, cells)))
    aligned = sum(sum(map(bool, row)) > 1 for row in rows)
    least = _LEAST_ROWS_OF_WIDE if len(columns) >= _WIDE else _LEAST_ROWS
    if aligned < least or aligned < _LEAST_ALIGNED * len(rows):
        return None
    return Grid(tuple(rows))


def table(grid: Grid) -> Table:
    """Give the texts of a grid; a row that only continues the one above is joined to it."""
    rows: list[list[str]] = []
    above: Sequence[Sequence[Segment]] = ()
    for row in grid.rows:
        texts = [joined_text(cell) for cell in row]
        if rows and not row[0] and _continues(above, row):
            rows[-1] = [_stacked(upper, lower) for upper, lower in zip(rows[-1], texts, strict=True)]
        else:
            rows.append(texts)
        above = row
    every = [segment for row in grid.rows for cell in row for segment in cell]
    box = Box(
        min(found.x0 for found in every),
        min(found.y0 for found in every),
        max(found.x1 for found in every),
        max(found.y1 for found in every),
    )
    return Table(tuple(tuple(map(whole, row)) for row in rows), box)


def _stacked(upper: str, lower: str) -> str:
    return joined([part for part in (upper, lower) if part] or [""])


def _has_short_cells(columns: Sequence[Sequence[Segment]]) -> bool:
    long = sum(sum(len(found.text) for found in column) > _SHORT_CELL * len(column) for column in columns)
    return long <= 1


def _continues(above: Sequence[Sequence[Segment]], row: Sequence[Sequence[Segment]]) -> bool:
    """Tell whether a row is close enough below another to be its second line, and fills only cells that it fills."""
    upper = next((cell[0] for cell in above if cell), None)
    lower = next((cell[0] for cell in row if cell), None)
    if upper is None or lower is None:
        return False
    close = lower.y0 - upper.y0 < _CONTINUED_PITCH_EM * lower.size
    return close and all(before or not after for before, after in zip(above, row, strict=True))
