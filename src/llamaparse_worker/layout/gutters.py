"""Rows of a part of a page, and the upright strips that they leave free: what parts it into columns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import unguarded

Interval = tuple[float, float]

GUTTER_EM = 0.8
"""The least width of a gutter."""

_MOST_GUTTERS = 6
_LEAST_GAPS = 3
_WIDER = 1.5
_WIDE_GAP = 0.4
_APART_EM = 1.0


@unguarded
@dataclass(frozen=True, slots=True)
class Row:
    """Segments that no horizontal cut can part, and the strips that they cover from left to right."""

    segments: tuple[Segment, ...]
    covered: tuple[Interval, ...]
    top: float
    bottom: float


def row_of(segments: Sequence[Segment]) -> Row:
    """Make a row of segments that overlap in height."""
    if len(segments) == 1:  # as in most rows of running text
        only = segments[0]
        return Row((only,), ((only.x0, only.x1),), only.y0, only.y1)
    covered: list[Interval] = []
    for x0, x1 in sorted([(segment.x0, segment.x1) for segment in segments]):
        if covered and x0 <= covered[-1][1]:
            covered[-1] = covered[-1][0], max(covered[-1][1], x1)
        else:
            covered.append((x0, x1))
    tops, bottoms = [segment.y0 for segment in segments], [segment.y1 for segment in segments]
    return Row(tuple(segments), tuple(covered), min(tops), max(bottoms))


def members_of(rows: Sequence[Row]) -> list[Segment]:
    """Give the segments of rows, in their order."""
    return [segment for row in rows for segment in row.segments]


def common_gutters(rows: Sequence[Row], least: float) -> list[float]:
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


def crossed_by(rows: Sequence[Row], place: float) -> set[int]:
    """Give the places of the rows that an upright line crosses."""
    return {index for index, row in enumerate(rows) for x0, x1 in row.covered if x0 < place < x1}


def longest_free(rows: Sequence[Row], crossing: AbstractSet[int]) -> tuple[int, int]:
    """Give the tallest run of rows that are not among those crossing."""
    best, start, tallest = (0, 0), 0, 0.0
    for index in (*sorted(crossing), len(rows)):
        height = rows[index - 1].bottom - rows[start].top if index > start else 0.0
        if height > tallest:
            best, tallest = (start, index), height
        start = index + 1
    return best


def band_from(rows: Sequence[Row], start: int, em: float) -> tuple[int, list[Interval]] | None:
    """Find how far the strips that the first row leaves free stay free: the end of the band and its gutters.

    Where its text is smaller than ``em``, as in many tables, gutters are too.
    """
    em = min(em, max([segment.size for segment in rows[start].segments]))
    least = GUTTER_EM * em
    gutters = _gaps(rows[start], least)
    if not gutters:
        return None
    end = start + 1
    while end < len(rows):
        left = _still_free(gutters, rows[end], least)
        if not left:
            break
        gutters = left
        end += 1
    return without_tail(rows, start, end, gutters, em), gutters


def without_tail(rows: Sequence[Row], start: int, end: int, gutters: Sequence[Interval], em: float) -> int:
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


def _gaps(row: Row, least: float) -> list[Interval]:
    if len(row.covered) == 1:
        return []
    return [(left[1], right[0]) for left, right in pairwise(row.covered) if right[0] - left[1] >= least]


def _still_free(gutters: Sequence[Interval], row: Row, least: float) -> list[Interval]:
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


def columns_at(segments: Sequence[Segment], gutters: Sequence[Interval]) -> list[list[Segment]]:
    """Deal segments out to the columns between gutters, which go from left to right; empty columns are left out."""
    middles = [(start + end) / 2 for start, end in gutters]
    columns: list[list[Segment]] = [[] for _ in range(len(middles) + 1)]
    for segment in segments:
        columns[bisect_right(middles, segment.x0)].append(segment)
    return [column for column in columns if column]


def first_alone(rows: Sequence[Row], start: int, end: int) -> int:
    """Find the first row of a band that stands between wider gaps, on the left alone: no row of the table above."""
    gaps = [below.top - above.bottom for above, below in pairwise(rows[start:end])]
    if len(gaps) < _LEAST_GAPS:
        return end
    wide = max(_WIDER * sorted(gaps)[len(gaps) // 2], _WIDE_GAP * (rows[start].bottom - rows[start].top))
    for index in range(1, len(gaps)):
        if len(rows[start + index].segments) == 1 and min(gaps[index - 1], gaps[index]) > wide:
            return start + index
    return end
