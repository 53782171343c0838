"""Cells in rows and columns, before they become a table of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.layout.columns import Strip, spanned
from llamaparse_worker.layout.inline import Inline, closed_up, inline
from llamaparse_worker.layout.joining import joined
from llamaparse_worker.layout.lines import baselines, joined_rich, joined_text
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import Cell, Span, SpanKind, Table


@dataclass(frozen=True, slots=True)
class GridCell:
    """What stands in one cell, which may reach over several rows and columns."""

    row: int
    column: int
    segments: tuple[Segment, ...]
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Area:
    """Cells that are one: half-open ranges of rows and columns."""

    row: int
    end_row: int
    column: int
    end_column: int

    def overlaps(self, other: Area) -> bool:
        """Tell whether two areas share a cell."""
        return (
            self.row < other.end_row
            and other.row < self.end_row
            and self.column < other.end_column
            and other.column < self.end_column
        )

    def around(self, other: Area) -> Area:
        """Give the smallest area that holds both."""
        return Area(
            min(self.row, other.row),
            max(self.end_row, other.end_row),
            min(self.column, other.column),
            max(self.end_column, other.end_column),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's cells; those without text have no entry."""

    cells: tuple[GridCell, ...]
    row_count: int
    column_count: int
    box: Box
    header_rows: int = 1


@dataclass(frozen=True, slots=True)
class GridSegment(Segment):
    """A table that has been found, standing among the segments of its page as one of them."""

    grid: Grid | None = None


def standing(grid: Grid, size: float) -> GridSegment:
    """Let a table take its place among segments."""
    box = grid.box
    return GridSegment(box.x0, box.y0, box.x1, box.y1, size, "", grid=grid)


def make_grid(
    rows: Sequence[Sequence[Segment]], columns: Sequence[Strip], areas: Iterable[Area], header_rows: int
) -> Grid:
    """Put the segments of rows into columns; ``areas`` are cells over several rows or columns that lines enclose."""
    found: list[tuple[Area, list[Segment]]] = [(area, []) for area in areas]
    for number, row in enumerate(rows):
        for segment in row:
            first, last = spanned(segment, columns)
            _put(segment, Area(number, number + 1, first, last + 1), found)
    cells = tuple(
        GridCell(area.row, area.column, tuple(held), area.end_row - area.row, area.end_column - area.column)
        for area, held in sorted(found, key=lambda one: (one[0].row, one[0].column))
    )
    box = enclosing(Box(one.x0, one.y0, one.x1, one.y1) for row in rows for one in row)
    return Grid(cells, len(rows), len(columns), box, header_rows)


def _put(segment: Segment, area: Area, found: list[tuple[Area, list[Segment]]]) -> None:
    """Add a segment to the area that it stands in; areas that it joins become one."""
    held = [segment]
    touched = [one for one in found if one[0].overlaps(area)]
    while touched:
        for one in touched:
            found.remove(one)
            area = area.around(one[0])
            held = [*one[1], *held]
        touched = [one for one in found if one[0].overlaps(area)]
    found.append((area, held))


def table(grid: Grid, body: int = 0) -> Table:
    """Give the texts of a grid and its cells; ``body`` is the look that the whole page has (see ``inline``)."""
    rows = [[""] * grid.column_count for _ in range(grid.row_count)]
    cells = []
    for cell in grid.cells:
        found = cell_inline(cell.segments, body) if cell.segments else Inline("")
        rows[cell.row][cell.column] = found.text
        spans = found.spans if cell.row >= grid.header_rows else without_strong(found.spans)
        box = _box(cell.segments)
        cells.append(Cell(cell.row, cell.column, box, cell.row_span, cell.column_span, spans=spans))
    return Table(tuple(map(tuple, rows)), grid.box, tuple(cells), grid.header_rows)


def cell_inline(segments: Sequence[Segment], body: int) -> Inline:
    """Join the lines of a cell with their look."""
    if not any(one.rich for one in segments):
        return Inline(cell_text(segments))
    return inline(closed_up(joined([joined_rich(line) for line in baselines(segments)])), body)


def without_strong(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Leave out that a header is bold, as all of them are."""
    return tuple(span for span in spans if span.kind is not SpanKind.STRONG)


def cell_text(segments: Sequence[Segment]) -> str:
    """Join the lines of a cell."""
    return joined([joined_text(line) for line in baselines(segments)])


def _box(segments: Sequence[Segment]) -> Box | None:
    return enclosing(Box(one.x0, one.y0, one.x1, one.y1) for one in segments) if segments else None


def without_empty(grid: Grid) -> Grid:
    """Leave out rows and columns in which no cell begins or has text."""
    rows = sorted({cell.row for cell in grid.cells if cell.segments})
    columns = sorted({cell.column for cell in grid.cells if cell.segments})
    if len(rows) == grid.row_count and len(columns) == grid.column_count:
        return grid
    cells = []
    for cell in grid.cells:
        if cell.row not in rows or cell.column not in columns:
            continue
        kept_rows = sum(cell.row <= row < cell.row + cell.row_span for row in rows)
        kept_columns = sum(cell.column <= column < cell.column + cell.column_span for column in columns)
        cells.append(
            replace(
                cell,
                row=rows.index(cell.row),
                column=columns.index(cell.column),
                row_span=kept_rows,
                column_span=kept_columns,
            )
        )
    return Grid(tuple(cells), len(rows), len(columns), grid.box, min(grid.header_rows, len(rows)))
