"""What the columns of a band are: running text, or a listing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llamaparse_worker.layout.columns import Line
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.segments import Segment

_MOSTLY_FIXED = 0.8
_MOSTLY_ON_PITCH = 0.9
_ON_PITCH = 0.1
_EQUAL = 0.93
_FULL = 0.9
_COVERED = 0.8
_LEAST_GAPS, _EQUAL_GAP_EM = 2, 0.1
_LEAST_FULL = 0.1
_LEAST_PROSE_LINES = 3
_LEAST_PROSE_CHARACTERS = 15


def are_prose(columns: Sequence[Sequence[Segment]]) -> bool:
    """Tell running text from a table: its columns are equally wide and have lines that fill them."""
    edges = [(min(one.x0 for one in column), max(one.x1 for one in column)) for column in columns]
    width = max(right - left for left, right in edges)
    if min(right - left for left, right in edges) < _EQUAL * width:
        return False
    return all(_is_prose(column, left, width) for column, (left, _) in zip(columns, edges, strict=True))


def _is_prose(column: Sequence[Segment], left: float, width: float) -> bool:
    """Tell whether enough lines of a column are long and as wide as it is."""
    lines = baselines(column)
    full = [
        line
        for line in lines
        if max(one.x1 for one in line) - left > _FULL * width
        and sum(len(one.text) for one in line) >= _LEAST_PROSE_CHARACTERS
        and not _are_cells(line, width)
    ]
    return len(full) >= max(_LEAST_PROSE_LINES, _LEAST_FULL * len(lines))


def _are_cells(line: Line, width: float) -> bool:
    """Tell whether a line leaves much of its column free, between several texts that nobody has stretched to its end.

    Two texts may be a name and what is said of it, in a column of such; lines of code are full of gaps, and no cells.
    """
    gaps = [right.x0 - left.x1 for left, right in pairwise(line)]
    if len(gaps) < _LEAST_GAPS or max(gaps) - min(gaps) <= _EQUAL_GAP_EM * line[0].size:
        return False
    return sum(one.x1 - one.x0 for one in line) <= _COVERED * width and not all(one.monospaced for one in line)


def is_code(members: Sequence[Segment]) -> bool:
    """Tell whether a band is a listing: of fixed pitch, and aligned by counting characters."""
    if sum(one.monospaced for one in members) <= _MOSTLY_FIXED * len(members):
        return False
    longest = max(members, key=lambda one: len(one.text))
    step = (longest.x1 - longest.x0) / len(longest.text)
    left = min(one.x0 for one in members)
    places = [(one.x0 - left) / step for one in members if one.monospaced]
    return sum(abs(place - round(place)) < _ON_PITCH for place in places) > _MOSTLY_ON_PITCH * len(places)
