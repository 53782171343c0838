"""Cells in rows and columns, before they become a table of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from llamaparse_worker.layout.columns import Strip, spanned
from llamaparse_worker.layout.inline import Inline, closed_up, inline
from llamaparse_worker.layout.joining import joined, whole
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.lines import joined_rich, joined_text
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.blocks import Cell, Span, SpanKind, Table
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.value import quick, unguarded


@unguarded
@dataclass(frozen=True, slots=True)
class GridCell:
    """What stands in one cell, which may reach over several rows and columns."""

    row: int
    column: int
    segments: tuple[Segment, ...]
    row_span: int = 1
    column_span: int = 1


@unguarded
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

    def places(self) -> Iterator[tuple[int, int]]:
        """Give the row and column of each place in it."""
        return product(range(self.row, self.end_row), range(self.column, self.end_column))

    def around(self, other: Area) -> Area:
        """Give the smallest area that holds both."""
        return Area(
            min(self.row, other.row),
            max(self.end_row, other.end_row),
            min(self.column, other.column),
            max(self.end_column, other.end_column),
        )


@quick
@dataclass(frozen=True, slots=True)
class Grid:
    """A table's cells from top to bottom, those of a row from left to right; those without text have no entry."""

    cells: tuple[GridCell, ...]
    row_count: int
    column_count: int
    box: Box
    header_rows: int = 1


@unguarded
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
    cells = _Cells()
    for area in areas:
        cells.put((), area)
    for number, row in enumerate(rows):
        for segment in row:
            first, last = spanned(segment, columns)
            if first == last:  # as of most
                cells.add(segment, number, first)
            else:
                cells.put((segment,), Area(number, number + 1, first, last + 1))
    box = enclosing([one for row in rows for one in row])
    return Grid(cells.sorted(), len(rows), len(columns), box, header_rows)


@quick
@dataclass(slots=True)
class _Held:
    area: Area
    segments: list[Segment]


class _Cells:
    """The cells of a grid by the places that they reach over."""

    def __init__(self) -> None:
        self._at: dict[tuple[int, int], _Held] = {}

    def put(self, segments: Sequence[Segment], area: Area) -> None:
        """Add segments to the area that they stand in; areas that it joins become one."""
        held: list[Segment] = []
        joined_areas = area
        while touched := {id(one): one for place in joined_areas.places() if (one := self._at.get(place)) is not None}:
            if len(touched) == 1 and (only := next(iter(touched.values()))).area == joined_areas:
                only.segments.extend((*held, *segments))
                return
            for one in touched.values():
                held.extend(one.segments)
                joined_areas = joined_areas.around(one.area)
                for place in one.area.places():
                    del self._at[place]
        made = _Held(joined_areas, [*held, *segments])
        self._at.update((place, made) for place in joined_areas.places())

    def add(self, segment: Segment, row: int, column: int) -> None:
        """Add a segment to the cell at a place, or to the area that this is a part of."""
        there = self._at.get((row, column))
        if there is None:
            self._at[row, column] = _Held(Area(row, row + 1, column, column + 1), [segment])
        else:
            there.segments.append(segment)

    def sorted(self) -> tuple[GridCell, ...]:
        """Give the cells from top to bottom, those of a row from left to right."""
        # The first place of an area is that of its cell.
        ordered = {id(one): one for one in map(self._at.__getitem__, sorted(self._at))}
        return tuple([_cell(one.area, one.segments) for one in ordered.values()])


def _cell(area: Area, segments: Sequence[Segment]) -> GridCell:
    row, column = area.row, area.column
    return GridCell(row, column, tuple(segments), area.end_row - row, area.end_column - column)


def table(grid: Grid, body: int = 0) -> Table:
    """Give the texts of a grid and its cells; ``body`` is the look that the whole page has (see ``inline``)."""
    rows = [[""] * grid.column_count for _ in range(grid.row_count)]
    cells = []
    for cell in grid.cells:
        found = cell_inline(cell.segments, body) if cell.segments else Inline("")
        rows[cell.row][cell.column] = found.text
        spans = found.spans if cell.row >= grid.header_rows else without_strong(found.spans)
        box = enclosing(cell.segments) if cell.segments else None
        cells.append(Cell(cell.row, cell.column, box, cell.row_span, cell.column_span, spans=spans))
    return Table(tuple(map(tuple, rows)), grid.box, tuple(cells), grid.header_rows)


def cell_inline(segments: Sequence[Segment], body: int) -> Inline:
    """Join the lines of a cell with their look."""
    if len(segments) == 1 and not segments[0].rich:  # as most cells are
        return Inline(whole(segments[0].text))
    if not any(one.rich for one in segments):
        return Inline(cell_text(segments))
    return inline(closed_up(joined([joined_rich(line) for line in baselines(segments)])), body)


def without_strong(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Leave out that a header is bold, as all of them are."""
    return tuple(span for span in spans if span.kind is not SpanKind.STRONG)


def cell_text(segments: Sequence[Segment]) -> str:
    """Join the lines of a cell."""
    if len(segments) == 1:
        return whole(segments[0].text)
    return joined([joined_text(line) for line in baselines(segments)])


def without_empty(grid: Grid) -> Grid:
    """Leave out rows and columns in which no cell begins or has text."""
    rows = _numbered({cell.row for cell in grid.cells if cell.segments})
    columns = _numbered({cell.column for cell in grid.cells if cell.segments})
    if len(rows) == grid.row_count and len(columns) == grid.column_count:
        return grid
    cells = []
    for cell in grid.cells:
        if cell.row not in rows or cell.column not in columns:
            continue
        kept_rows = sum(row in rows for row in range(cell.row, cell.row + cell.row_span))
        kept_columns = sum(column in columns for column in range(cell.column, cell.column + cell.column_span))
        cells.append(
            replace(
                cell,
                row=rows[cell.row],
                column=columns[cell.column],
                row_span=kept_rows,
                column_span=kept_columns,
            )
        )
    return Grid(tuple(cells), len(rows), len(columns), grid.box, min(grid.header_rows, len(rows)))


def _numbered(kept: set[int]) -> dict[int, int]:
    return {old: new for new, old in enumerate(sorted(kept))}
