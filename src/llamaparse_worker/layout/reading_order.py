"""In which order the parts of a page are read: a recursive cut along gutters.

The page is cut like an X-Y tree (Nagy and Seth, "Hierarchical representation of optically scanned documents", 1984),
with one change that keeps columns whole where their lines are level with each other: before anything is cut across,
consecutive rows that leave the same vertical strip free are gathered into a band, and the band is cut along the strip.
A band whose cells are short and stand on common baselines is a grid, that is, a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from llamaparse_worker.layout import levels
from llamaparse_worker.layout.grid import Grid, GridSegment
from llamaparse_worker.layout.gutters import (
    GUTTER_EM,
    Row,
    band_from,
    columns_at,
    common_gutters,
    crossed_by,
    first_alone,
    longest_free,
    members_of,
    row_of,
    without_tail,
)
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.lines import TextLine, join
from llamaparse_worker.layout.prose import are_prose, is_code
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.tables import unruled_grid
from llamaparse_worker.model.value import quick, unguarded

_SHRINK = 0.25
_LEAST_COLUMN_LINES = 3
_DEEPEST = 4
_LEAST_EM = 4.0
_MOST_COLUMNS = 4


@unguarded
@dataclass(frozen=True, slots=True)
class Flow:
    """Lines of one column, from top to bottom, and the edges of the column."""

    lines: tuple[TextLine, ...]
    left: float
    right: float


Region = Flow | Grid


@quick
@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of a page that is looked at."""

    em: float
    depth: int
    left: float
    right: float

    def inner(self, segments: Sequence[Segment] = ()) -> _Frame:
        """Give the frame around these segments, or else the same one, a step deeper."""
        if not segments:
            return _Frame(self.em, self.depth + 1, self.left, self.right)
        left, right = min([one.x0 for one in segments]), max([one.x1 for one in segments])
        return _Frame(self.em, self.depth + 1, left, right)


def regions(segments: Sequence[Segment], body_size: float) -> list[Region]:
    """Give flows and grids in reading order."""
    return _regions(segments, _Frame(max(body_size, _LEAST_EM), -1, 0.0, 0.0).inner(segments))


def _regions(segments: Sequence[Segment], frame: _Frame) -> list[Region]:
    groups = levels.rows(segments, _SHRINK)
    if len(groups) == len(segments):  # nothing stands beside anything
        return _flow([one for (one,) in groups], frame)
    rows = [row_of(group) for group in groups]
    if all(len(row.covered) == 1 for row in rows):
        return _flow(members_of(rows), frame)
    found = _text_columns(rows, frame.em) if frame.depth < _DEEPEST else None
    if found is None:
        return _bands(rows, frame)
    made = _regions(members_of(rows[: found.start]), frame.inner())
    for column in found.columns:
        made.extend(_regions(column, frame.inner(column)))
    return made + _regions(members_of(rows[found.end :]), frame.inner())


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of running text, and the rows from ``start`` to ``end`` that they take."""

    start: int
    end: int
    columns: list[list[Segment]]


def _text_columns(rows: Sequence[Row], em: float) -> _Columns | None:
    """Find the tallest part of a page that is set in columns of running text."""
    gutters = common_gutters(rows, GUTTER_EM * em)
    crossing = {place: crossed_by(rows, place) for place in gutters}
    best: _Columns | None = None
    for count in range(1, min(len(gutters), _MOST_COLUMNS - 1) + 1):
        for chosen in combinations(gutters, count):
            start, end = longest_free(rows, set().union(*(crossing[place] for place in chosen)))
            if best is not None and end - start <= best.end - best.start:
                continue
            cut = [(place, place) for place in chosen]
            columns = columns_at(members_of(rows[start:end]), cut)
            if len(columns) == count + 1 and are_prose(columns):
                kept = without_tail(rows, start, end, cut, em)
                best = _Columns(start, kept, columns_at(members_of(rows[start:kept]), cut))
    return best


def _bands(rows: Sequence[Row], frame: _Frame) -> list[Region]:
    """Go down the rows, gathering those that leave the same strips free."""
    found: list[Region] = []
    plain: list[Segment] = []
    index = 0
    while index < len(rows):
        band = band_from(rows, index, frame.em) if frame.depth < _DEEPEST else None
        if band is None:
            plain.extend(rows[index].segments)
            index += 1
            continue
        end, gutters = band
        members = members_of(rows[index:end])
        columns = columns_at(members, gutters)
        code = is_code(members)
        alone = first_alone(rows, index, end)
        grid = unruled_grid(members_of(rows[index:alone]), fixed_pitch=code) if alone < end else None
        if grid is not None:
            end = alone
        else:
            grid = unruled_grid(members, fixed_pitch=code)
        if grid is None and (code or not all(map(_is_tall, columns))):
            plain.extend(rows[index].segments)
            index += 1
            continue
        found.extend(_flow(plain, frame))
        plain = []
        if grid is None:
            for column in columns:
                found.extend(_regions(column, frame.inner(column)))
        else:
            found.append(grid)
        index = end
    found.extend(_flow(plain, frame))
    return found


def _is_tall(column: Sequence[Segment]) -> bool:
    """Tell whether a column is one of the page, not some text beside other text."""
    return len(baselines(column)) >= _LEAST_COLUMN_LINES or any(isinstance(one, GridSegment) for one in column)


def _flow(segments: Sequence[Segment], frame: _Frame) -> list[Region]:
    """Give lines from top to bottom, and the tables among them."""
    grids = [one for one in segments if isinstance(one, GridSegment)]
    if not grids:
        return _lines(segments, frame)
    found: list[Region] = []
    left = list(segments)
    for place in sorted(grids, key=lambda one: one.y0):
        above = [one for one in left if one.y0 + one.y1 < 2 * place.y0 and not isinstance(one, GridSegment)]
        gone = {id(place), *map(id, above)}
        left = [one for one in left if id(one) not in gone]
        found.extend(_lines(above, frame))
        if place.grid is not None:
            found.append(place.grid)
    return found + _lines(left, frame)


def _lines(segments: Sequence[Segment], frame: _Frame) -> list[Region]:
    if not segments:
        return []
    return [_flow_between(segments, frame.left, frame.right)]


def flow_of(segments: Sequence[Segment]) -> Flow:
    """Give the lines of one column that is as wide as they are."""
    return _flow_between(segments, min([one.x0 for one in segments]), max([one.x1 for one in segments]))


def _flow_between(segments: Sequence[Segment], left: float, right: float) -> Flow:
    return Flow(tuple([join(group) for group in baselines(segments)]), left, right)
