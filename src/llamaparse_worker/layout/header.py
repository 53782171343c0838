"""The header of a table: its rows, and titles over several columns."""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.grid import Area
from llamaparse_worker.layout.rules import Rule
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_rows import Rows

_BELOW_EM = 1.2
_LOOSE = 3.0


def header_bands(lines: Sequence[Line], columns: Sequence[Strip], level: Sequence[Rule]) -> Rows:
    """Gather the lines of a header into rows: one, unless titles stand over several columns."""
    groups: Rows = []
    titles_above: set[tuple[int, int]] | None = None
    for line in lines:
        titles = {place for one in line if (place := title_place(one, columns, level))[1] > place[0]}
        begins = titles_above is None or (bool(titles) and not titles <= titles_above)
        begins = begins or (not titles and bool(titles_above))
        if begins:
            groups.append([line])
            titles_above = titles
        else:
            groups[-1].append(line)
    return groups


def title_place(segment: Segment, columns: Sequence[Strip], level: Sequence[Rule]) -> tuple[int, int]:
    """Give the first and last column that a title stands over: by its text or by the line below it."""
    first, last = spanned(segment, columns)
    bottom, reach = segment.y1, _BELOW_EM * segment.size
    for rule in level:
        if (
            not 0 <= rule.at - bottom + _LOOSE <= reach
            or rule.start > segment.x0 + _LOOSE
            or rule.end < segment.x1 - _LOOSE
        ):
            continue
        under = [
            index
            for index, strip in enumerate(columns)
            if rule.start - _LOOSE <= (strip.x0 + strip.x1) / 2 <= rule.end + _LOOSE
        ]
        if under and len(under) < len(columns) and under[0] <= first and under[-1] >= last:
            return under[0], under[-1]
    return first, last


def header_areas(
    rows: Sequence[Sequence[Segment]], columns: Sequence[Strip], level: Sequence[Rule], drawn: Sequence[Area]
) -> list[Area]:
    """Give titles over several columns, and names of columns that reach over all header rows beside them."""
    if len(rows) < 2:  # noqa: PLR2004 - nothing reaches over a single row
        return [area for area in _titles(rows, columns, level) if not any(map(area.overlaps, drawn))]
    titles = _titles(rows, columns, level)
    found = [area for area in titles if not any(map(area.overlaps, drawn))]
    taken = [*drawn, *found]
    for column in range(len(columns)):
        start = 0
        for row in range(len(rows) + 1):
            here = Area(row, row + 1, column, column + 1)
            if row < len(rows) and not any(map(here.overlaps, taken)):
                continue
            if row - start > 1:
                found.append(Area(start, row, column, column + 1))
            start = row + 1
    return found


def _titles(rows: Sequence[Sequence[Segment]], columns: Sequence[Strip], level: Sequence[Rule]) -> list[Area]:
    found: list[Area] = []
    for number, row in enumerate(rows):
        for segment in row:
            first, last = title_place(segment, columns, level)
            area = Area(number, number + 1, first, last + 1)
            if last > first and not any(map(area.overlaps, found)):
                found.append(area)
    return found
