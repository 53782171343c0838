"""Which lines and shades of a page belong to one table, and the tables that they make."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from operator import attrgetter

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.grid import Grid
from llamaparse_worker.layout.levels import baselines, within
from llamaparse_worker.layout.ruled import ruled_grid
from llamaparse_worker.layout.rules import Frame, Rules, frames
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_parts import close_strips, may_be_parted, parted_by
from llamaparse_worker.layout.table_signs import are_prose
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.value import quick

_GAPS = attrgetter("gaps")
_SAME_EDGE = 5.0
_LEAST_WIDTH_EM = 3.0
_NEAR = 3.0
_FEW_LINES = 4
_LEAST_TEXTS = 4
_FURTHER_EM = 12.0
_MOST_CROSSING = 0.4
_CLOSE_EM = 1.0
_AROUND_EM = 3.0
_VOID_EM = 8.0
_LARGEST = 1.2
"""Rows are not set much larger than the text, as the titles of sections are."""
_BELOW = float("inf")


@quick
@dataclass(frozen=True, slots=True)
class _Texts:
    """Segments from top to bottom, and the heights of their middles."""

    segments: list[Segment]
    middles: list[float]

    def level(self, top: float, bottom: float) -> list[Segment]:
        """Give those whose middle is between two heights."""
        return self.segments[bisect_left(self.middles, top) : bisect_right(self.middles, bottom)]

    def within(self, boxes: Sequence[Box]) -> list[Segment]:
        """Give those in any of some boxes."""
        near = self.level(min(box.y0 for box in boxes) - _NEAR, max(box.y1 for box in boxes) + _NEAR)
        chosen = {id(one) for box in boxes for one in _within(near, box)}
        return [one for one in near if id(one) in chosen]


def _texts(segments: Sequence[Segment]) -> _Texts:
    ordered = sorted(segments, key=lambda one: one.y0 + one.y1)
    return _Texts(ordered, [(one.y0 + one.y1) / 2 for one in ordered])


def ruled_tables(rules: Rules, segments: Sequence[Segment], em: float) -> tuple[list[Grid], list[Segment]]:
    """Find the tables that lines are drawn for; gives them, and the segments that are in none."""
    if not rules.level or len(segments) < _LEAST_TEXTS:
        return [], list(segments)
    found: list[Grid] = []
    left = list(segments)
    for frame in _stacked(frames(rules), segments, em):
        inner = _within(left, frame.box)
        if len(inner) < 2:  # noqa: PLR2004 - a table has two texts at least
            continue
        outside = Box(frame.box.x0, frame.box.y0 - _AROUND_EM * em, frame.box.x1, _BELOW)
        held = {id(one) for one in inner}
        around = [one for one in _within(left, outside) if id(one) not in held]
        grid = ruled_grid(frame, inner, around)
        if grid is not None:
            left = _without(left, grid)
            found.append(grid)
    return found, left


def _without(segments: Sequence[Segment], grid: Grid) -> list[Segment]:
    """Leave out what a table holds, whole or parted at its wider spaces."""
    held = [one for cell in grid.cells for one in cell.segments]
    taken = set(map(id, held))
    left = [one for one in segments if id(one) not in taken]
    if not any(map(_GAPS, left)):  # as mostly
        return left
    parts: dict[tuple[float, float], list[Segment]] = defaultdict(list)
    for one in held:
        parts[one.y0, one.y1].append(one)
    return [
        one
        for one in left
        if not (one.gaps and any(one.x0 <= part.x0 and part.x1 <= one.x1 for part in parts.get((one.y0, one.y1), ())))
    ]


def _within(segments: list[Segment], box: Box) -> list[Segment]:
    """Choose the segments whose middle lies in a box or close to it."""
    return within(segments, box.x0 - _NEAR, box.y0 - _NEAR, box.x1 + _NEAR, box.y1 + _NEAR)


def _stacked(found: Sequence[Frame], segments: Sequence[Segment], em: float) -> list[Frame]:
    """Join frames of the same width one below the other, where what is between them reads like rows; large first."""
    piles: list[list[Frame]] = []
    short: list[Frame] = []
    for frame in found:
        if frame.box.width < _LEAST_WIDTH_EM * em:
            short.append(frame)
            continue
        pile = next((pile for pile in reversed(piles) if _same_edges(pile[-1].box, frame.box)), None)
        if pile is None or _is_interrupted(pile[-1].box, frame.box, found, em):
            piles.append([frame])
        else:
            pile.append(frame)
    made: list[Frame] = []
    for pile in piles:
        made.extend(_runs(pile, segments, em))
    made.sort(key=lambda frame: -frame.box.width * frame.box.height)
    whole = [frame for frame in made if frame.box.height > em]
    return [_with_inner(frame, found) for frame in whole]


def _same_edges(one: Box, other: Box) -> bool:
    return abs(one.x0 - other.x0) <= _SAME_EDGE and abs(one.x1 - other.x1) <= _SAME_EDGE


def _is_interrupted(above: Box, below: Box, found: Sequence[Frame], em: float) -> bool:
    """Tell whether something drawn for another table stands between: it reaches further to a side than these."""
    if below.y0 - above.y1 < _CLOSE_EM * em:
        return False
    first = bisect_left(found, above.y1, key=lambda frame: frame.box.y0)
    last = bisect_left(found, below.y0, key=lambda frame: frame.box.y0)
    left, right = below.x0 - _SAME_EDGE, below.x1 + _SAME_EDGE
    return any(
        other.x0 < below.x1 and other.x1 > below.x0 and (other.x0 < left or other.x1 > right)
        for other in (frame.box for frame in found[first:last])
    )


def _runs(pile: Sequence[Frame], segments: Sequence[Segment], em: float) -> list[Frame]:
    """Join what follows each other as long as rows of one table stand between."""
    if len(pile) == 1:
        return list(pile)
    left, right = pile[0].box.x0, pile[0].box.x1
    texts = _texts([one for one in segments if left - _NEAR <= (one.x0 + one.x1) / 2 <= right + _NEAR])
    sticking_out = sorted((one.y0 + one.y1) / 2 for one in segments if _sticks_out(one, left, right))
    runs: list[list[Frame]] = [[pile[0]]]
    for above, below, after in zip(pile, pile[1:], [*pile[2:], None], strict=False):
        if bisect_left(sticking_out, above.box.y1) < bisect_left(sticking_out, below.box.y0):
            runs.append([below])
            continue
        end = after.box.y0 if after is not None else below.box.y1 + _FURTHER_EM * em
        shaded = max(above.box.height, below.box.height) > em
        beyond = (above.box, below.box) if shaded else (Box(left, below.box.y1, right, end),)
        if len(runs[-1]) > 1 and after is None and not shaded:
            # Nothing of the table is below its last line: its columns are those of the rows above.
            beyond = (Box(left, runs[-1][0].box.y0, right, above.box.y1),)
        if _are_rows(texts, above, below, beyond, em):
            runs[-1].append(below)
        else:
            runs.append([below])
    return [_one(run) for run in runs]


def _sticks_out(segment: Segment, left: float, right: float) -> bool:
    """Tell whether a text begins within two edges and goes on beyond: it belongs to no table between them."""
    inside = segment.x0 < right - _SAME_EDGE and segment.x1 > left + _SAME_EDGE
    return inside and (segment.x0 < left - _SAME_EDGE or segment.x1 > right + _SAME_EDGE)


def _are_rows(texts: _Texts, above: Frame, below: Frame, beyond: Sequence[Box], em: float) -> bool:
    """Tell whether what stands between two frames reads like rows, together with what is ``beyond`` if it is little."""
    between = texts.level(above.box.y1, below.box.y0)
    if not between:
        return below.box.y0 - above.box.y1 < _CLOSE_EM * em
    lines: Sequence[Line] = baselines(between)
    if _are_far_apart(lines, em) or any(one.size > _LARGEST * em for one in between):
        return False
    inner = [rule.at for frame in (above, below) for rule in frame.upright]
    inner = [at for at in inner if above.box.x0 + _SAME_EDGE < at < above.box.x1 - _SAME_EDGE]
    if inner:
        crossing = sum(any(one.x0 < at - _NEAR and one.x1 > at + _NEAR for at in inner) for one in between)
        if crossing:
            return False
    if len(lines) > _FEW_LINES:
        columns = close_strips(lines)
        lines = parted_by(lines, columns)
        if len(columns) < 2 or are_prose(lines, columns) or _begins_with_text(lines, columns):  # noqa: PLR2004
            return False
        return _crossing(lines, columns) <= _MOST_CROSSING
    if not any(len(line) > 1 or may_be_parted(line) for line in lines):
        return False
    columns = close_strips([*lines, *baselines(texts.within(beyond))])
    return any(len({spanned(one, columns) for one in line}) > 1 for line in parted_by(lines, columns))


def _are_far_apart(lines: Sequence[Line], em: float) -> bool:
    """Tell whether much of a page is empty between two lines, as on one with a title and its authors."""
    ends = [(min(one.y0 for one in line), max(one.y1 for one in line)) for line in lines]
    return any(below[0] - above[1] > _VOID_EM * em for above, below in pairwise(ends))


def _begins_with_text(lines: Sequence[Line], columns: Sequence[Strip]) -> bool:
    """Tell whether running text stands above the first line that has columns: a rule above it begins no table."""
    leading = list(takewhile(lambda line: len(line) == 1, lines))
    return sum(spanned(line[0], columns) == (0, len(columns) - 1) for line in leading) > 1


def _crossing(lines: Sequence[Line], columns: Sequence[Strip]) -> float:
    crossed = sum(any((place := spanned(one, columns))[1] > place[0] for one in line) for line in lines)
    return crossed / len(lines)


def _one(run: Sequence[Frame]) -> Frame:
    if len(run) == 1:
        return run[0]
    return Frame(
        enclosing(frame.box for frame in run),
        tuple(rule for frame in run for rule in frame.level),
        tuple(rule for frame in run for rule in frame.upright),
    )


def _with_inner(frame: Frame, found: Sequence[Frame]) -> Frame:
    """Add the lines that stand alone within a frame, such as those below titles over several columns."""
    box = frame.box
    alone = [
        other.level[0]
        for other in found
        if not other.upright
        and other.level[0] not in frame.level
        and box.x0 - _NEAR <= other.box.x0
        and other.box.x1 <= box.x1 + _NEAR
        and box.y0 < other.box.y0 < box.y1
    ]
    return Frame(box, (*frame.level, *alone), frame.upright) if alone else frame
