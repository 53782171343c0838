"""Rows of a table from its lines of text: which lines are further lines of cells above.

Where nothing is drawn between rows, three things tell: a wider distance between rows than between the lines of a cell,
an empty first column, and whether the first word of a line would have had room on the line above, in which case no
line was broken there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise

from llamaparse_worker.layout.columns import Line, Strip, level_runs, spanned
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.model.value import unguarded

_NUMBER = re.compile(r"[\W\d_]*\d[\W\d_]*[a-zA-Z%]{0,3}[\W\d_]*")
_WIDER = 1.22
_CELL_PITCH_EM = 1.9
_SPACE_EM = 0.28
_ROOM_EM = 0.3
_LEAST_SPACED = 2
_MOST_SPACED = 0.3
_LEAST_RESUMED = 2
_LEAST_NAMES = 3
_BREAKS_OFF = (",", "/", "_", "-", "(", "&", "+", "\u00ad")
_ENDS = (")", ".", ":", ";")

Rows = list[list[Line]]
Cells = dict[int, Segment]


@unguarded
@dataclass(frozen=True, slots=True)
class _Filled:
    """A line and the columns that it fills."""

    line: Line
    cells: Cells


def row_groups(lines: Sequence[Line], columns: Sequence[Strip]) -> Rows:
    """Gather the lines of each row."""
    runs = [[_Filled(line, cells_of(line, columns)) for line in run] for run in level_runs(lines)]
    if not runs:
        return []
    pitch = _cell_pitch([filled for run in runs for filled in run])
    distances = [_distance(above, run) for above, run in pairwise(runs)]
    spaced = sum(distance > pitch for distance in distances) >= max(_LEAST_SPACED, _MOST_SPACED * len(distances))
    labelled = all(distance <= pitch for distance in distances) and all(0 in _started(run) for run in runs)
    groups: Rows = [[filled.line for filled in runs[0]]]
    started = _started(runs[0])
    for above, run, distance in zip(runs, runs[1:], distances, strict=False):
        apart = distance > pitch or (labelled and _fills_as_much(above[-1].cells, run[0].cells))
        apart = apart or (len(groups) > 1 and _are_names(above[-1], run[0]))
        if apart or _begins_row(above[-1].cells, run[0].cells, started, columns, spaced=spaced):
            groups.append([])
            started = set()
        groups[-1].extend(filled.line for filled in run)
        started |= _started(run)
    return groups


def _fills_as_much(above: Cells, here: Cells) -> bool:
    """Tell whether a line fills all that the one above does, and that one does not break off.

    Where every line of an evenly set table has a label, it is rather a row than the rest of several cells.
    """
    return here.keys() >= above.keys() and 0 in above and not above[0].text.endswith(_BREAKS_OFF)


def _are_names(above: _Filled, here: _Filled) -> bool:
    """Tell whether a line fills what the one above does, three columns at least, each with a single word.

    Where most above are single words too, these are rather the names of a row than the last words of all its cells.
    """
    label = above.cells[min(above.cells)]
    if label.text.endswith(_BREAKS_OFF) or here.cells.keys() != above.cells.keys():
        return False
    if sum(" " not in one.text for one in above.line) <= len(above.line) / 2:
        return False
    return len(here.line) == len(here.cells) >= _LEAST_NAMES and not any(" " in one.text for one in here.line)


def _started(run: Sequence[_Filled]) -> set[int]:
    return {index for filled in run for index in filled.cells}


def _distance(above: Sequence[_Filled], below: Sequence[_Filled]) -> float:
    """Give how far lines of the same column are apart, or else all lines."""
    last = {index: one for filled in above for index, one in filled.cells.items()}
    first = {index: one for filled in reversed(below) for index, one in filled.cells.items()}
    shared = [
        (below_it.y0 + below_it.y1 - above_it.y0 - above_it.y1) / 2
        for index, below_it in first.items()
        if (above_it := last.get(index)) is not None
    ]
    return min(shared, default=_middle(below[0].line) - _middle(above[-1].line))


def cells_of(line: Line, columns: Sequence[Strip]) -> Cells:
    """Give the last text of each column that a line fills; one over several columns counts for its first."""
    return {spanned(segment, columns)[0]: segment for segment in line}


def is_number(text: str) -> bool:
    """Tell whether a text is a number, perhaps with a unit or marks."""
    return _NUMBER.fullmatch(text) is not None


def _middle(line: Line) -> float:
    return (line[0].y0 + line[0].y1) / 2


def _cell_pitch(lines: Sequence[_Filled]) -> float:
    """Give the largest distance that lines of one cell may have: little more than the smallest within a column."""
    size = max(segment.size for filled in lines for segment in filled.line)
    closest = _CELL_PITCH_EM * size
    before: dict[int, float] = {}
    for filled in lines:
        for index, segment in filled.cells.items():
            middle = (segment.y0 + segment.y1) / 2
            if size / 2 < middle - before.get(index, middle) < closest:
                closest = middle - before[index]
            before[index] = middle
    return min(_WIDER * closest, _CELL_PITCH_EM * size)


def _begins_row(
    above: Cells, here: Cells, started: AbstractSet[int], columns: Sequence[Strip], *, spaced: bool
) -> bool:
    """Tell whether a line close below a row begins the next one; in rows set apart, a label may stand in the last.

    ``above`` is the last line of the row, in which the columns ``started`` are filled so far.
    """
    both = [index for index in here if index in above]
    if any(is_number(here[index].text) and is_number(above[index].text) for index in both):
        return True
    if 0 in both and above[0].text.endswith(_BREAKS_OFF) and not here.keys() >= above.keys():
        return False
    with_room = sum(_has_room(above[index], here[index], columns[index]) for index in both)
    if with_room and (0 in here or with_room == len(both) > 1):
        return True
    if 0 in here and sum(index in started and index not in above for index in here) >= _LEAST_RESUMED:
        return True  # cells that had ended do not go on
    if 0 in here and 0 not in above:
        return not spaced or 0 in started
    if 0 in here:
        return is_number(here[0].text) or not _goes_on(above[0], here[0], alone=len(here) == 1)
    return not spaced and not here.keys() <= started


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
