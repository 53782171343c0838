"""Columns of a table from the white space between its texts.

Texts above each other make a column, those of full lines and narrow ones first, so that a heading over several columns
does not hide the space between them (compare Kieninger, "Table structure recognition based on robust block
segmentation", 1998). Then columns are joined that no line shows side by side, or that many lines run across.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from llamaparse_worker.compiled import load_module
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import unguarded

Line = Sequence[Segment]

VERSION = 2
"""Of ``columns.c``: what an earlier version has left is not used."""

_START, _END = attrgetter("x0"), attrgetter("x1")
_TOUCHING = 1.5
_SURELY_SHARED = 2.0
"""Points that all texts of a column have in common, from which on none of them merely touches another."""
_OVERLAPPING = 0.25
_BESIDE = 2
_MOST_CROSSING = 0.34


@unguarded
@dataclass(frozen=True, slots=True)
class Strip:
    """A column: where its texts begin and end."""

    x0: float
    x1: float


def strips(lines: Sequence[Line]) -> list[Strip]:
    """Give the columns of lines from left to right."""
    apart = standing_apart(lines)
    return compared(lines) if apart is None else apart


def standing_apart(lines: Sequence[Line]) -> list[Strip] | None:
    """Give what ``compared`` gives where no text lies between columns; None where it takes comparing to tell.

    So it is in most tables: each text has a place in common with all others of its column and none with any besides,
    and of each two neighbouring columns some line fills both.
    """
    found: list[Strip] | None = NotImplemented if compiled is None else compiled.standing_apart(lines)
    return standing_apart_in_python(lines) if found is NotImplemented else found


def standing_apart_in_python(lines: Sequence[Line]) -> list[Strip] | None:
    """Do what ``standing_apart`` does."""
    columns: list[list[Segment]] = []
    right = 0.0
    for one in sorted([one for line in lines for one in line], key=_START):
        if not columns or one.x0 >= right:
            columns.append([one])
            right = one.x1
        else:
            columns[-1].append(one)
            right = max(right, one.x1)
    found: list[Strip] = []
    for column in columns:
        ends = [one.x1 for one in column]
        if min(ends) - column[-1].x0 < _SURELY_SHARED:
            return None
        found.append(Strip(column[0].x0, max(ends)))
    return found if _are_filled_together(found, lines) else None


def _are_filled_together(columns: Sequence[Strip], lines: Sequence[Line]) -> bool:
    """Tell whether of each two neighbouring columns some line fills both."""
    starts = [column.x0 for column in columns]
    together: set[int] = set()
    for line in lines:
        filled = {bisect_right(starts, one.x0) for one in line}
        together.update([place for place in filled if place + 1 in filled])
        if len(together) == len(columns) - 1:
            return True
    return len(columns) < 2  # noqa: PLR2004 - a single column has no neighbour


def compared(lines: Sequence[Line]) -> list[Strip]:
    """Give the columns of any lines, from left to right."""
    found = _narrow_first(lines)
    runs = level_runs(lines)
    while len(found) > 1:
        worst = _worst_gap(runs, found)
        if worst is None:
            break
        found[worst : worst + 2] = [Strip(found[worst].x0, max(found[worst].x1, found[worst + 1].x1))]
    return found


def spanned_in_python(segment: Segment, columns: Sequence[Strip]) -> tuple[int, int]:
    """Do what ``spanned`` does."""
    first, last = _overlapped(segment, columns)
    if last > first:
        return first, last - 1
    middle = (segment.x0 + segment.x1) / 2
    # Columns stand in order: only those beside the place where the text would lie can be the nearest.
    beside = range(max(0, first - _BESIDE), min(len(columns), first + _BESIDE + 1))
    nearest = min(beside, key=lambda index: max(columns[index].x0 - middle, middle - columns[index].x1))
    return nearest, nearest


compiled = load_module("llamaparse_worker.layout._columns", VERSION)
if compiled is not None:
    compiled.learn(Segment, Strip)
spanned: Callable[[Segment, Sequence[Strip]], tuple[int, int]] = (
    spanned_in_python if compiled is None else compiled.spanned
)
"""Gives the first and last column, of at least one, that a text lies over; where it lies over none, the nearest."""


def _narrow_first(lines: Sequence[Line]) -> list[Strip]:
    """Gather texts above each other; those of full lines come first, as a title over columns may be narrow too."""
    found: list[Strip] = []
    every = ((-len(line), segment) for line in lines for segment in line)
    for _, segment in sorted(every, key=lambda one: (one[0], one[1].x1 - one[1].x0, one[1].x0, one[1].y0)):
        first, last = _overlapped(segment, found)
        if last - first > 1:
            continue
        if last == first and first and segment.x1 <= found[first - 1].x1 and segment.x0 >= found[first - 1].x0:
            first -= 1  # a text too narrow to overlap anything
            last = first + 1
        if last - first == 1:
            strip = found[first]
            found[first] = Strip(min(strip.x0, segment.x0), max(strip.x1, segment.x1))
        else:
            found.insert(first, Strip(segment.x0, segment.x1))
    return found


def _overlapped(segment: Segment, found: Sequence[Strip]) -> tuple[int, int]:
    """Give the half-open range of the strips that a text overlaps."""
    first = last = bisect_left(found, segment.x0 + _TOUCHING, key=_END)
    count, end = len(found), segment.x1 - _TOUCHING
    while last < count and found[last].x0 < end:
        last += 1
    return first, last


def level_runs(lines: Sequence[Line]) -> list[list[Line]]:
    """Gather lines that overlap in height, as those of cells centred beside each other do."""
    runs: list[list[Line]] = []
    bottom = 0.0
    for line in lines:
        height = line[0].y1 - line[0].y0
        top = line[0].y0 if len(line) == 1 else min([one.y0 for one in line])
        if runs and bottom - top > _OVERLAPPING * height:
            runs[-1].append(line)
        else:
            runs.append([line])
            bottom = 0.0
        bottom = max(bottom, *[one.y1 for one in line])
    return runs


def _worst_gap(runs: Sequence[Sequence[Line]], found: Sequence[Strip]) -> int | None:
    """Find the gap with the least right to be one: the index of the strip before it."""
    beside, across = [0] * len(found), [0] * len(found)
    for run in runs:
        places = [spanned(segment, found) for line in run for segment in line]
        crossed = {index for first, last in places if first < last for index in range(first, last)}
        filled = crossed.union([last for _, last in places])
        for index in crossed:
            across[index] += 1
        for index in filled - crossed:
            if index + 1 in filled:
                beside[index] += 1
    doubtful = [
        (beside[index] / (1 + across[index]), found[index + 1].x0 - found[index].x1, index)
        for index in range(len(found) - 1)
        if not beside[index] or (across[index] > 1 and across[index] > _MOST_CROSSING * (beside[index] + across[index]))
    ]
    return min(doubtful)[2] if doubtful else None
