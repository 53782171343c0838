"""Tables that nothing is drawn for: texts that stand in columns and rows by white space alone."""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.grid import Grid, GridSegment, make_grid, without_empty
from llamaparse_worker.layout.header import header_areas, header_bands
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_parts import LONG, close_strips, parted_by, with_sentences_joined
from llamaparse_worker.layout.table_rows import Rows, is_number, row_groups
from llamaparse_worker.layout.table_signs import are_level, are_prose, are_stretched, count_aligned, is_table

_LEAST_ROWS = 3
_LEAST_ROWS_OF_WIDE = 2
_WIDE = 3
_LEAST_ALIGNED = 0.5
_MOST_LABELS = 0.6
_MOST_NUMBERS = 0.75


def unruled_grid(segments: Sequence[Segment], *, fixed_pitch: bool = False) -> Grid | None:
    """Arrange segments as a table if that is what they are; those of fixed pitch need numbers in most rows."""
    if any(isinstance(segment, GridSegment) for segment in segments):
        return None
    lines: Sequence[Line] = with_sentences_joined(baselines(segments))
    if are_stretched(lines):
        return None
    columns = close_strips(lines)
    lines = parted_by(lines, columns)
    if len(columns) < 2 or are_prose(lines, columns) or not _has_short_cells(lines, columns):  # noqa: PLR2004
        return None
    groups = row_groups(lines, columns)
    above = _header_groups(groups, columns)
    if above > 1:
        header = header_bands([line for group in groups[:above] for line in group], columns, ())
        groups = [*header, *groups[above:]]
        above = len(header)
    rows = [[segment for line in group for segment in line] for group in groups]
    header_rows = max(1, above)
    areas = header_areas(rows[:header_rows], columns, (), ())
    grid = without_empty(make_grid(rows, columns, areas, header_rows))
    aligned = count_aligned(grid)
    least = _LEAST_ROWS_OF_WIDE if grid.column_count >= _WIDE else _LEAST_ROWS
    if aligned < least or aligned < _LEAST_ALIGNED * grid.row_count:
        return None
    if fixed_pitch and sum(_has_number(line) for line in lines) < _MOST_NUMBERS * len(lines):
        return None
    if grid.row_count == _LEAST_ROWS_OF_WIDE and not are_level(grid):
        return None
    return grid if is_table(grid, is_ruled=False) else None


def _has_number(line: Line) -> bool:
    return len(line) > 1 and any(is_number(segment.text) for segment in line[1:])


def _has_short_cells(lines: Sequence[Line], columns: Sequence[Strip]) -> bool:
    """Tell whether at most one column has long lines, or the first is empty beside further lines of cells."""
    counts, lengths = [0] * len(columns), [0] * len(columns)
    for line in lines:
        for segment in line:
            first, last = spanned(segment, columns)
            if first == last:
                counts[first] += 1
                lengths[first] += len(segment.text)
    long = sum(length > LONG * count for length, count in zip(lengths, counts, strict=True))
    return long <= 1 or counts[0] < _MOST_LABELS * len(lines)


def _header_groups(groups: Rows, columns: Sequence[Strip]) -> int:
    """Count the rows above the first that has numbers, where the columns below are of numbers; 0 if that is open."""
    numbers = [sum(is_number(segment.text) for line in group for segment in line[1:]) for group in groups]
    first = next((index for index, count in enumerate(numbers) if count), 0)
    if first > len(groups) / 2 or sum(map(bool, numbers)) < len(groups) / 2 or len(columns) < _WIDE:
        return 0
    return first
