"""The lines of a drawn table as a lattice: where they part columns and rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from llamaparse_worker.layout.columns import Strip
from llamaparse_worker.layout.rules import Frame, Rule
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import quick

NEAR = 4.0
"""Points within which lines lie at one place, as those around the cells of a table do."""
INSIDE = 2.0
"""Points that a line may reach into a text, or lie off another one, as rounding makes it."""

_DOUBLE = 9.0
_FIRST_SHARE = 0.1
_ACROSS = 0.85
_LEAST_LINES = 3


@quick
@dataclass(frozen=True, slots=True)
class Place:
    """Where lines part rows or columns: one line, or several that nothing stands between."""

    first: float
    last: float


@quick
@dataclass(frozen=True, slots=True)
class Lattice:
    """Where lines part columns (``xs``) and rows (``ys``), the outer edges included."""

    frame: Frame
    xs: tuple[Place, ...]
    ys: tuple[Place, ...]

    @property
    def has_inner_columns(self) -> bool:
        """Whether upright lines part columns."""
        return len(self.xs) > 2  # noqa: PLR2004 - beside the outer edges

    @property
    def is_ruled(self) -> bool:
        """Whether lines part both columns and rows."""
        return self.has_inner_columns and len(self.ys) > 2  # noqa: PLR2004 - as above

    @property
    def columns(self) -> list[Strip]:
        """What stands between upright lines."""
        return [Strip(left.last, right.first) for left, right in pairwise(self.xs)]

    @property
    def rows(self) -> list[Strip]:
        """What stands between level lines; ``x0`` and ``x1`` are top and bottom."""
        return [Strip(above.last, below.first) for above, below in pairwise(self.ys)]


def lattice_of(frame: Frame, segments: Sequence[Segment]) -> Lattice:
    """Give the lattice of a frame with the texts that stand within."""
    box = frame.box
    frame = _without_insets(frame)
    xs = _places([rule.at for rule in frame.upright], [(one.x0 + one.x1) / 2 for one in segments], box.x0, box.x1)
    level = frame.level if len(xs) > 2 else _whole(frame)  # noqa: PLR2004 - inner upright lines
    ys = _places([rule.at for rule in level], [(one.y0 + one.y1) / 2 for one in segments], box.y0, box.y1)
    return Lattice(frame, xs, ys)


def _without_insets(frame: Frame) -> Frame:
    """Leave out the edges of shades that lie within cells, where lines are drawn from side to side."""
    level, box = frame.level, frame.box
    if all(rule.drawn for rule in level):  # as where nothing is shaded
        return frame
    across = {round(rule.at) for rule in level if rule.drawn and rule.end - rule.start > _ACROSS * box.width}
    if len(across) < _LEAST_LINES:
        return frame
    lengths = _lengths(level)
    kept = tuple([rule for rule in level if rule.drawn or lengths[rule.at] > _ACROSS * box.width])
    return Frame(box, kept, frame.upright)


def _whole(frame: Frame) -> list[Rule]:
    """Give the lines that part all columns: not those below titles over several columns, which leave out the first."""
    box = frame.box
    edge = box.x0 + _FIRST_SHARE * box.width
    first = {rule.at for rule in frame.level if rule.start < edge}
    lengths = _lengths(frame.level)
    return [
        rule
        for rule in frame.level
        if lengths[rule.at] > box.width / 2 and (rule.at in first or any(abs(rule.at - at) <= NEAR for at in first))
    ]


def _lengths(level: Sequence[Rule]) -> dict[float, float]:
    """Give for each height at which a line is drawn how long all those are together that lie there, or nearly so."""
    heights = [rule.at for rule in level]
    is_ordered = all(above <= below for above, below in pairwise(heights))
    found: dict[float, float] = {}
    for at in heights:
        if at in found:
            continue
        # In order, as they mostly are, only few can lie there.
        near = level[bisect_left(heights, at - NEAR) : bisect_right(heights, at + NEAR)] if is_ordered else level
        found[at] = sum([one.end - one.start for one in near if abs(one.at - at) <= INSIDE])
    return found


def _places(lines: Sequence[float], texts: Sequence[float], first: float, last: float) -> tuple[Place, ...]:
    """Give the distinct places of lines between two edges; close lines without a text between them count as one."""
    found = [Place(first, first)]
    for at in sorted([*lines, last]):
        before = found[-1].last
        if at - before <= NEAR or (at - before <= _DOUBLE and not any(before < text < at for text in texts)):
            found[-1] = Place(found[-1].first, at)
        else:
            found.append(Place(at, at))
    return tuple(found)
