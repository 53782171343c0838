"""Rows of a table from its lines of text: which lines are further lines of cells above.

Where nothing is drawn between rows, three things tell: a wider distance between rows than between the lines of a cell,
an empty first column, and whether the first word of a line would have had room on the line above, in which case no
line was broken there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.segments import Segment

_NUMBER = re.compile(r"[\W\d_]*\d[\W\d_]*[a-zA-Z%]{0,3}[\W\d_]*")
_WIDER = 1.22
_CELL_PITCH_EM = 1.9
_SPACE_EM = 0.28
_ROOM_EM = 0.6

Rows = list[list[Line]]
Cells = dict[int, Segment]


def row_groups(lines: Sequence[Line], columns: Sequence[Strip]) -> Rows:
    """Gather the lines of each row."""
    if not lines:
        return []
    pitch = _cell_pitch(lines)
    groups: Rows = [[lines[0]]]
    for above, line in pairwise(lines):
        distance = _middle(line) - _middle(above)
        if distance > pitch or _begins_row(groups[-1], line, columns):
            groups.append([line])
        else:
            groups[-1].append(line)
    return groups


def cells_of(line: Line, columns: Sequence[Strip]) -> Cells:
    """Give the last text of each column that a line fills; one over several columns counts for its first."""
    return {spanned(segment, columns)[0]: segment for segment in line}


def is_number(text: str) -> bool:
    """Tell whether a text is a number, perhaps with a unit or marks."""
    return _NUMBER.fullmatch(text) is not None


def _middle(line: Line) -> float:
    return (line[0].y0 + line[0].y1) / 2


def _cell_pitch(lines: Sequence[Line]) -> float:
    """Give the largest distance that lines of one cell may have."""
    distances = sorted(_middle(below) - _middle(above) for above, below in pairwise(lines))
    size = max(segment.size for line in lines for segment in line)
    close = [distance for distance in distances if distance > size / 2]
    if not close:
        return _CELL_PITCH_EM * size
    return min(_WIDER * close[0], _CELL_PITCH_EM * size)


def _begins_row(group: Sequence[Line], line: Line, columns: Sequence[Strip]) -> bool:
    """Tell whether a line close below a row begins the next one."""
    above, here = cells_of(group[-1], columns), cells_of(line, columns)
    started = {index for member in group for index in cells_of(member, columns)}
    both = [index for index in here if index in above]
    if any(is_number(here[index].text) and is_number(above[index].text) for index in both):
        return True
    if any(_has_room(above[index], here[index], columns[index]) for index in both):
        return True
    if 0 not in here:
        return not (started >= set(here))
    if set(here) == {0}:
        return not _continues_label(above, here[0], columns)
    if set(above) == {0}:
        return not _continues_label(above, here[0], columns) or len(group) > 2  # noqa: PLR2004 - longer labels are rare
    return not (set(here) <= set(above) and len(here) > 1 and all(index in above for index in here))


def _continues_label(above: Cells, here: Segment, columns: Sequence[Strip]) -> bool:
    if 0 not in above or _has_room(above[0], here, columns[0]):
        return False
    return here.text[:1].islower() or here.x0 > above[0].x0 + here.size / 2 or len(above) > 1


def _has_room(above: Segment, below: Segment, column: Strip) -> bool:
    """Tell whether the first word of a text would have had room behind the one above it."""
    word = below.text.split(" ", 1)[0]
    width = (below.x1 - below.x0) * len(word) / max(1, len(below.text))
    # A centred or right-aligned text has its room on both sides.
    room = (column.x1 - column.x0) - (above.x1 - above.x0)
    return room > width + (_SPACE_EM + _ROOM_EM) * below.size
