"""Segments by where they stand: lines on one baseline, rows that no level line parts, what lies within a box.

Where ``levels.c`` was compiled it does this, and else Python, nine to fourteen times slower; both give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import attrgetter

from llamaparse_worker.compiled import load_module
from llamaparse_worker.layout.segments import Segment

VERSION = 3
"""Of ``levels.c``: what an earlier version has left is not used."""

_SAME_LINE = 0.5
_ABOVE_ALL = float("-inf")
_START = attrgetter("x0")

compiled = load_module("llamaparse_worker.layout._levels", VERSION)
if compiled is not None:
    compiled.learn(Segment)


def baselines(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Group segments that stand on one line, from top to bottom; each group from left to right."""
    found = None if compiled is None else compiled.baselines(segments)
    return baselines_in_python(segments) if found is None else found


def rows(segments: Sequence[Segment], shrink: float = 0.0) -> list[list[Segment]]:
    """Group segments at every height that none of them crosses, from top to bottom.

    Each is taken to be lower by the share ``shrink`` of its height at its top and bottom, as boxes of close lines
    overlap.
    """
    found = None if compiled is None else compiled.rows(segments, shrink)
    return rows_in_python(segments, shrink) if found is None else found


def stand_apart(segments: Sequence[Segment], shrink: float) -> bool:
    """Tell whether each of the ``rows`` holds segments that stand beside each other, none over another."""
    told: bool | None = None if compiled is None else compiled.stand_apart(segments, shrink)
    return stand_apart_in_python(segments, shrink) if told is None else told


def baselines_in_python(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Do what ``baselines`` does."""
    groups: list[list[Segment]] = []
    top = bottom = _ABOVE_ALL
    for segment in sorted(segments, key=lambda found: (found.y0 + found.y1, found.x0)):
        # Most lines begin below the one before: that costs no more than one comparison.
        if segment.y0 < bottom and _is_level(segment, top, bottom):
            groups[-1].append(segment)
        else:
            groups.append([segment])
            top, bottom = segment.y0, segment.y1
    for group in groups:
        if len(group) > 1:
            group.sort(key=_START)
    return groups


def _is_level(segment: Segment, top: float, bottom: float) -> bool:
    shared = min(bottom, segment.y1) - max(top, segment.y0)
    return shared > _SAME_LINE * min(bottom - top, segment.y1 - segment.y0)


def stand_apart_in_python(segments: Sequence[Segment], shrink: float) -> bool:
    """Do what ``stand_apart`` does."""
    return all(len(row) == 1 or _stand_beside(row) for row in rows_in_python(segments, shrink))


def _stand_beside(row: list[Segment]) -> bool:
    row.sort(key=_START)
    return all(left.x1 <= right.x0 for left, right in pairwise(row))


def within_in_python(segments: list[Segment], x0: float, y0: float, x1: float, y1: float) -> list[Segment]:
    """Do what ``within`` does."""
    return [one for one in segments if y0 <= (one.y0 + one.y1) / 2 <= y1 and x0 <= (one.x0 + one.x1) / 2 <= x1]


within: Callable[[list[Segment], float, float, float, float], list[Segment]] = (
    within_in_python if compiled is None else compiled.within
)
"""Gives the segments whose middle lies within left, top, right and bottom, or on one of these."""


def rows_in_python(segments: Sequence[Segment], shrink: float) -> list[list[Segment]]:
    """Do what ``rows`` does."""
    found: list[list[Segment]] = []
    bottom = _ABOVE_ALL
    for segment in sorted(segments, key=lambda one: one.y0 + shrink * (one.y1 - one.y0)):
        inset = shrink * (segment.y1 - segment.y0)
        if segment.y0 + inset >= bottom:
            found.append([])
        found[-1].append(segment)
        bottom = max(bottom, segment.y1 - inset)
    return found
