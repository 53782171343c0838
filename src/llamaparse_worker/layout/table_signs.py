"""What tells a table from columns of prose, forms, drawings and tables of contents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.grid import Grid, GridCell
from llamaparse_worker.layout.headings import COLONS
from llamaparse_worker.layout.segments import Segment

_LEAST_FILLED = 0.2
_LEAST_ALIGNED = 0.45
_PROSE_LINES = 4
_PROSE_CHARACTERS = 25
_FULL = 0.8
_MOST_FULL = 0.6
_LABEL = 20
_MARK = re.compile(r"(?:[^\w\s]{1,3}\s?)+|\(?(?:\d{1,3}|[a-zA-Z])[.)]")
"""A bullet or number of a list."""
_LEAST_LABELS = 3
_MOST_LABELS = 0.9
_PLAIN_NUMBER = re.compile(r"-?[\d,]*\.?\d+%?")
_LEAST_TICKS = 4
_EVEN = 0.1
_LEAST_EQUAL_SPACES = 2
_EQUAL_SPACE_EM = 0.05
_LEVEL_EM = 0.4


def is_table(grid: Grid, *, is_ruled: bool) -> bool:
    """Tell whether a grid is filled as a table is."""
    if grid.row_count < 2 or grid.column_count < 2:  # noqa: PLR2004 - two of each make a table
        return False
    filled = [cell for cell in grid.cells if cell.segments]
    if len(filled) < _LEAST_FILLED * grid.row_count * grid.column_count:
        return False
    aligned = count_aligned(grid)
    first = [" ".join(one.text for one in cell.segments) for cell in filled if cell.column == 0]
    if _is_scale(first) or aligned < (1 if is_ruled else max(2.0, _LEAST_ALIGNED * grid.row_count)):
        return False
    return is_ruled or not (is_form(filled) or all(map(_MARK.fullmatch, first)))


def count_aligned(grid: Grid) -> int:
    """Count the rows in which several cells begin that are not empty."""
    rows = [cell.row for cell in grid.cells if cell.segments]
    return len({row for row, following in pairwise(rows) if row == following})


def are_level(grid: Grid) -> bool:
    """Tell whether cells below one another begin, end or are centred at one place, in half of the columns at least.

    Of two lines that were stretched to the width of their column some words stand below each other, but not so.
    """
    cells = {(cell.row, cell.column): cell for cell in grid.cells if cell.segments and cell.column_span == 1}
    level = 0
    for column in range(1, grid.column_count):
        places = [_places(cells[row, column]) for row in range(grid.row_count) if (row, column) in cells]
        em = max((one.size for row in range(grid.row_count) for one in _segments(cells.get((row, column)))), default=0)
        level += len(places) > 1 and any(max(at) - min(at) <= _LEVEL_EM * em for at in zip(*places, strict=True))
    return level >= (grid.column_count - 1) / 2


def _segments(cell: GridCell | None) -> Sequence[Segment]:
    return cell.segments if cell else ()


def _places(cell: GridCell) -> tuple[float, float, float]:
    start, end = min(one.x0 for one in cell.segments), max(one.x1 for one in cell.segments)
    return start, end, (start + end) / 2


def _is_scale(texts: Sequence[str]) -> bool:
    """Tell whether texts are the numbers beside the upright axis of a chart: falling in even steps."""
    values = [float(text.replace(",", "").rstrip("%")) for text in texts if _PLAIN_NUMBER.fullmatch(text)]
    steps = [above - below for above, below in pairwise(values)]
    even = list(takewhile(lambda step: abs(step - steps[0]) <= _EVEN * abs(steps[0]), steps))
    ticks = len(even) + 1
    return ticks >= max(_LEAST_TICKS, _MOST_FULL * len(texts)) and steps[0] > 0 and steps[0] != 1


def is_form(filled: Sequence[GridCell]) -> bool:
    """Tell whether most cells are labels that wait for something to be filled in; in a table, values stand beside."""
    labels = sum(cell.segments[-1].text.rstrip(" ._").endswith(COLONS) for cell in filled)
    return labels > _MOST_FULL * len(filled)


def are_prose(lines: Sequence[Line], columns: Sequence[Strip]) -> bool:
    """Tell whether columns hold running text: many lines, most of them as wide as their column.

    Beside labels, each of which begins a row, one column of running text is that of a table.
    """
    texts: list[list[Segment]] = [[] for _ in columns]
    for line in lines:
        for one in line:
            first, last = spanned(one, columns)
            if first == last:
                texts[first].append(one)
    found = [_is_prose(within, strip) for within, strip in zip(texts, columns, strict=True)]
    if len(columns) == 2 and found == [False, True]:  # noqa: PLR2004 - labels and text
        return not _are_labels([line for line in lines if spanned(line[0], columns)[0] == 0], len(lines))
    return any(found) and sum(found) >= len(columns) - 1


def are_stretched(lines: Sequence[Line]) -> bool:
    """Tell lines that were stretched to the width of their column: the words of each stand equally far apart.

    In a table this holds for a row at most, or for all rows with the same distance.
    """
    spaces = [[right.x0 - left.x1 for left, right in pairwise(line)] for line in lines if len(line) > 1]
    if max(map(len, spaces), default=0) < _LEAST_EQUAL_SPACES:
        return False
    equal = _EQUAL_SPACE_EM * max(segment.size for line in lines for segment in line)
    if any(max(row) - min(row) > equal for row in spaces):
        return False
    widths = [row[0] for row in spaces]
    return len(widths) > 1 and max(widths) - min(widths) > equal


def _are_labels(labelled: Sequence[Line], count: int) -> bool:
    """Tell whether short texts stand level with others, for some of all lines."""
    beside = sum(len(line) > 1 for line in labelled)
    short = sum(len(line[0].text) <= _LABEL and not _MARK.fullmatch(line[0].text) for line in labelled)
    return _LEAST_LABELS <= len(labelled) < _MOST_FULL * count and min(beside, short) >= _MOST_LABELS * len(labelled)


def _is_prose(texts: Sequence[Segment], strip: Strip) -> bool:
    full = long = 0
    for one in texts:
        width = one.x1 - one.x0
        full += width > _FULL * (strip.x1 - strip.x0)
        long += len(one.text)
    count = len(texts)
    return count >= _PROSE_LINES and full >= _MOST_FULL * count and long >= _PROSE_CHARACTERS * count
