"""In which order the parts of a page are read: a recursive cut along gutters.

The page is cut like an X-Y tree (Nagy and Seth, "Hierarchical representation of optically scanned documents", 1984),
with one change that keeps columns whole where their lines are level with each other: before anything is cut across,
consecutive rows that leave the same vertical strip free are gathered into a band, and the band is cut along the strip.
A band whose cells are short and stand on common baselines is a grid, that is, a table.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations, pairwise

from llamaparse_worker.layout import levels
from llamaparse_worker.layout.grid import Grid, GridSegment
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.lines import TextLine, join
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.tables import unruled_grid
from llamaparse_worker.model.value import quick, unguarded

Interval = tuple[float, float]

_GUTTER_EM = 0.8
_SHRINK = 0.25
_LEAST_COLUMN_LINES = 3
_DEEPEST = 4
_LEAST_EM = 4.0
_MOST_COLUMNS = 4
_MOST_GUTTERS = 6
_MOSTLY_FIXED = 0.8
_MOSTLY_ON_PITCH = 0.9
_ON_PITCH = 0.1
_LEAST_GAPS = 3
_WIDER = 1.5
_WIDE_GAP = 0.4
_EQUAL = 0.93
_FULL = 0.9
_LEAST_FULL = 0.1
_LEAST_PROSE_LINES = 3
_LEAST_PROSE_CHARACTERS = 15
_APART_EM = 1.0


@unguarded
@dataclass(frozen=True, slots=True)
class Flow:
    """Lines of one column, from top to bottom, and the edges of the column."""

    lines: tuple[TextLine, ...]
    left: float
    right: float


Region = Flow | Grid


@unguarded
@dataclass(frozen=True, slots=True)
class _Row:
    """Segments that no horizontal cut can part, and the strips that they cover from left to right."""

    segments: tuple[Segment, ...]
    covered: tuple[Interval, ...]
    top: float
    bottom: float


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
    rows = [_row(group) for group in groups]
    if all(len(row.covered) == 1 for row in rows):
        return _flow(_members(rows), frame)
    found = _text_columns(rows, frame.em) if frame.depth < _DEEPEST else None
    if found is None:
        return _bands(rows, frame)
    made = _regions(_members(rows[: found.start]), frame.inner())
    for column in found.columns:
        made.extend(_regions(column, frame.inner(column)))
    return made + _regions(_members(rows[found.end :]), frame.inner())


def _members(rows: Sequence[_Row]) -> list[Segment]:
    return [segment for row in rows for segment in row.segments]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of running text, and the rows from ``start`` to ``end`` that they take."""

    start: int
    end: int
    columns: list[list[Segment]]


def _text_columns(rows: Sequence[_Row], em: float) -> _Columns | None:
    """Find the tallest part of a page that is set in columns of running text."""
    gutters = _common_gutters(rows, _GUTTER_EM * em)
    crossing = {place: _crossing(rows, place) for place in gutters}
    best: _Columns | None = None
    for count in range(1, min(len(gutters), _MOST_COLUMNS - 1) + 1):
        for chosen in combinations(gutters, count):
            start, end = _longest_free(rows, set().union(*(crossing[place] for place in chosen)))
            if best is not None and end - start <= best.end - best.start:
                continue
            cut = [(place, place) for place in chosen]
            columns = _columns(_members(rows[start:end]), cut)
            if len(columns) == count + 1 and _are_prose(columns):
                kept = _without_tail(rows, start, end, cut, em)
                best = _Columns(start, kept, _columns(_members(rows[start:kept]), cut))
    return best


def _common_gutters(rows: Sequence[_Row], least: float) -> list[float]:
    """Give the places, from left to right, that lie within gaps of the most rows."""
    gaps = [gap for row in rows for gap in _gaps(row, least)]
    found: list[float] = []
    while gaps and len(found) < _MOST_GUTTERS:
        starts, ends = sorted([start for start, _ in gaps]), sorted([end for _, end in gaps])
        places = [end - least / 2 for end in sorted(set(ends))]
        # Around a place are the gaps that begin before it, but for those that have ended there.
        counts = [bisect_left(starts, place) - bisect_right(ends, place) for place in places]
        most = max(counts)
        if most < _LEAST_GAPS and len(rows) > _LEAST_GAPS:
            break
        place = places[counts.index(most)]
        found.append(place)
        gaps = [(start, end) for start, end in gaps if not start < place < end]
    return sorted(found)


def _crossing(rows: Sequence[_Row], place: float) -> set[int]:
    """Give the places of the rows that cross an upright line."""
    return {index for index, row in enumerate(rows) for x0, x1 in row.covered if x0 < place < x1}


def _longest_free(rows: Sequence[_Row], crossing: AbstractSet[int]) -> tuple[int, int]:
    """Give the tallest run of rows that are not among those crossing."""
    best, start, tallest = (0, 0), 0, 0.0
    for index in (*sorted(crossing), len(rows)):
        height = rows[index - 1].bottom - rows[start].top if index > start else 0.0
        if height > tallest:
            best, tallest = (start, index), height
        start = index + 1
    return best


def _bands(rows: Sequence[_Row], frame: _Frame) -> list[Region]:
    """Go down the rows, gathering those that leave the same strips free."""
    found: list[Region] = []
    plain: list[Segment] = []
    index = 0
    while index < len(rows):
        band = _band(rows, index, frame.em) if frame.depth < _DEEPEST else None
        if band is None:
            plain.extend(rows[index].segments)
            index += 1
            continue
        end, gutters = band
        members = _members(rows[index:end])
        columns = _columns(members, gutters)
        code = _is_code(members)
        alone = _first_alone(rows, index, end)
        grid = unruled_grid(_members(rows[index:alone]), fixed_pitch=code) if alone < end else None
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


def _first_alone(rows: Sequence[_Row], start: int, end: int) -> int:
    """Find the first row of a band that stands between wider gaps, on the left alone: no row of the table above."""
    gaps = [below.top - above.bottom for above, below in pairwise(rows[start:end])]
    if len(gaps) < _LEAST_GAPS:
        return end
    wide = max(_WIDER * sorted(gaps)[len(gaps) // 2], _WIDE_GAP * (rows[start].bottom - rows[start].top))
    for index in range(1, len(gaps)):
        if len(rows[start + index].segments) == 1 and min(gaps[index - 1], gaps[index]) > wide:
            return start + index
    return end


def _are_prose(columns: Sequence[Sequence[Segment]]) -> bool:
    """Tell running text from a table: its columns are equally wide and have lines that fill them."""
    edges = [(min(one.x0 for one in column), max(one.x1 for one in column)) for column in columns]
    width = max(right - left for left, right in edges)
    if min(right - left for left, right in edges) < _EQUAL * width:
        return False
    return all(_is_prose(column, left, width) for column, (left, _) in zip(columns, edges, strict=True))


def _is_prose(column: Sequence[Segment], left: float, width: float) -> bool:
    """Tell whether enough lines of a column are long, and as wide as it is."""
    lines = baselines(column)
    full = [
        line
        for line in lines
        if max(one.x1 for one in line) - left > _FULL * width
        and sum(len(one.text) for one in line) >= _LEAST_PROSE_CHARACTERS
    ]
    return len(full) >= max(_LEAST_PROSE_LINES, _LEAST_FULL * len(lines))


def _is_code(members: Sequence[Segment]) -> bool:
    """Tell whether a band is a listing: of fixed pitch, and aligned by counting characters."""
    if sum(one.monospaced for one in members) <= _MOSTLY_FIXED * len(members):
        return False
    longest = max(members, key=lambda one: len(one.text))
    step = (longest.x1 - longest.x0) / len(longest.text)
    left = min(one.x0 for one in members)
    places = [(one.x0 - left) / step for one in members if one.monospaced]
    return sum(abs(place - round(place)) < _ON_PITCH for place in places) > _MOSTLY_ON_PITCH * len(places)


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


def _row(segments: Sequence[Segment]) -> _Row:
    if len(segments) == 1:  # as in most rows of running text
        only = segments[0]
        return _Row((only,), ((only.x0, only.x1),), only.y0, only.y1)
    covered: list[Interval] = []
    for x0, x1 in sorted([(segment.x0, segment.x1) for segment in segments]):
        if covered and x0 <= covered[-1][1]:
            covered[-1] = covered[-1][0], max(covered[-1][1], x1)
        else:
            covered.append((x0, x1))
    tops, bottoms = [segment.y0 for segment in segments], [segment.y1 for segment in segments]
    return _Row(tuple(segments), tuple(covered), min(tops), max(bottoms))


def _band(rows: Sequence[_Row], start: int, em: float) -> tuple[int, list[Interval]] | None:
    """Find how far the strips that the first row leaves free stay free: the end of the band and its gutters."""
    gutters = _gaps(rows[start], _GUTTER_EM * em)
    if not gutters:
        return None
    end = start + 1
    while end < len(rows):
        left = _still_free(gutters, rows[end], _GUTTER_EM * em)
        if not left:
            break
        gutters = left
        end += 1
    return _without_tail(rows, start, end, gutters, em), gutters


def _without_tail(rows: Sequence[_Row], start: int, end: int, gutters: Sequence[Interval], em: float) -> int:
    """Leave rows on the left alone to what follows, if they stand apart and the page goes on below them."""
    if end == len(rows):
        return end
    first = gutters[0][0]
    last = end
    while last - 1 > start and rows[last - 1].covered[-1][1] <= first:
        last -= 1
        if rows[last].top - rows[last - 1].bottom > _APART_EM * em / 2:
            end = last
    return end


def _gaps(row: _Row, least: float) -> list[Interval]:
    if len(row.covered) == 1:
        return []
    return [(left[1], right[0]) for left, right in pairwise(row.covered) if right[0] - left[1] >= least]


def _still_free(gutters: Sequence[Interval], row: _Row, least: float) -> list[Interval]:
    """Cut from the gutters what a row covers; a gutter split in two keeps its wider part."""
    left: list[Interval] = []
    for start, end in gutters:
        parts, at = [], start
        for x0, x1 in row.covered:
            if x1 <= start or x0 >= end:
                continue
            parts.append((at, x0))
            at = max(at, x1)
        widest = max([*parts, (at, end)], key=lambda part: part[1] - part[0])
        if widest[1] - widest[0] >= least:
            left.append(widest)
    return left


def _columns(segments: Sequence[Segment], gutters: Sequence[Interval]) -> list[list[Segment]]:
    middles = [(start + end) / 2 for start, end in gutters]
    columns: list[list[Segment]] = [[] for _ in range(len(middles) + 1)]
    for segment in segments:
        columns[bisect_right(middles, segment.x0)].append(segment)
    return [column for column in columns if column]
