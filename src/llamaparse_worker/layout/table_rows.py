"""Rows of a table from its lines of text: which lines are further lines of cells above.

Where nothing is drawn between rows, three things tell: a wider distance between rows than between the lines of a cell,
an empty first column, and whether the first word of a line would have had room on the line above, in which case no
line was broken there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from llamaparse_worker.layout.columns import Line, Strip, level_runs, spanned
from llamaparse_worker.layout.segments import Segment

_NUMBER = re.compile(r"[\W\d_]*\d[\W\d_]*[a-zA-Z%]{0,3}[\W\d_]*")
_WIDER = 1.22
_CELL_PITCH_EM = 1.9
_SPACE_EM = 0.28
_ROOM_EM = 0.3
_LEAST_SPACED = 2
_MOST_SPACED = 0.3
_BREAKS_OFF = (",", "/", "_", "-", "(", "&", "+", "\u00ad")
_ENDS = (")", ".", ":", ";")

Rows = list[list[Line]]
Cells = dict[int, Segment]


def row_groups(lines: Sequence[Line], columns: Sequence[Strip]) -> Rows:
    """Gather the lines of each row."""
    runs = level_runs(lines)
    if not runs:
        return []
    pitch = _cell_pitch(lines, columns)
    distances = [_distance(above, run, columns) for above, run in pairwise(runs)]
    spaced = sum(distance > pitch for distance in distances) >= max(_LEAST_SPACED, _MOST_SPACED * len(distances))
    groups: Rows = [list(runs[0])]
    for run, distance in zip(runs[1:], distances, strict=True):
        if distance > pitch or _begins_row(groups[-1], run[0], columns, spaced=spaced):
            groups.append(list(run))
        else:
            groups[-1].extend(run)
    return groups


def _distance(above: Sequence[Line], below: Sequence[Line], columns: Sequence[Strip]) -> float:
    """Give how far lines of the same column are apart, or else all lines."""
    last = {index: one for line in above for index, one in cells_of(line, columns).items()}
    first = {index: one for line in reversed(below) for index, one in cells_of(line, columns).items()}
    shared = [
        (below_it.y0 + below_it.y1 - above_it.y0 - above_it.y1) / 2
        for index, below_it in first.items()
        if (above_it := last.get(index)) is not None
    ]
    return min(shared, default=_middle(below[0]) - _middle(above[-1]))


def cells_of(line: Line, columns: Sequence[Strip]) -> Cells:
    """Give the last text of each column that a line fills; one over several columns counts for its first."""
    return {spanned(segment, columns)[0]: segment for segment in line}


def is_number(text: str) -> bool:
    """Tell whether a text is a number, perhaps with a unit or marks."""
    return _NUMBER.fullmatch(text) is not None


def _middle(line: Line) -> float:
    return (line[0].y0 + line[0].y1) / 2


def _cell_pitch(lines: Sequence[Line], columns: Sequence[Strip]) -> float:
    """Give the largest distance that lines of one cell may have: little more than the smallest within a column."""
    size = max(segment.size for line in lines for segment in line)
    closest = _CELL_PITCH_EM * size
    before: dict[int, float] = {}
    for line in lines:
        for index, segment in cells_of(line, columns).items():
            middle = (segment.y0 + segment.y1) / 2
            if size / 2 < middle - before.get(index, middle) < closest:
                closest = middle - before[index]
            before[index] = middle
    return min(_WIDER * closest, _CELL_PITCH_EM * size)


def _begins_row(group: Sequence[Line], line: Line, columns: Sequence[Strip], *, spaced: bool) -> bool:
    """Tell whether a line close below a row begins the next one; in rows set apart, a label may stand in the last."""
    above, here = cells_of(group[-1], columns), cells_of(line, columns)
    both = [index for index in here if index in above]
    if any(is_number(here[index].text) and is_number(above[index].text) for index in both):
        return True
    with_room = sum(_has_room(above[index], here[index], columns[index]) for index in both)
    if with_room and (0 in here or with_room == len(both) > 1):
        return True
    if 0 in here and 0 not in above:
        return not spaced or any(0 in cells_of(member, columns) for member in group)
    if 0 in here:
        return is_number(here[0].text) or not _goes_on(above[0], here[0], alone=len(here) == 1)
    started = {index for member in group for index in cells_of(member, columns)}
    return not spaced and not set(here) <= started


def _goes_on(above: Segment, below: Segment, *, alone: bool) -> bool:
    """Tell whether a label goes on in the line below: it breaks off, begins small, or is indented and stands alone."""
    if above.text.endswith(_BREAKS_OFF) or (below.text[:1].islower() and not above.text.endswith(_ENDS)):
        return True
    return alone and below.x0 > above.x0 + below.size / 2


def _has_room(above: Segment, below: Segment, column: Strip) -> bool:
    """Tell whether the first word of a text would have had room behind the one above it."""
    word = below.text.split(" ", 1)[0]
    width = (below.x1 - below.x0) * len(word) / max(1, len(below.text))
    # A centred or right-aligned text has its room on both sides.
    room = (column.x1 - column.x0) - (above.x1 - above.x0)
    return room > width + (_SPACE_EM + _ROOM_EM) * below.size
