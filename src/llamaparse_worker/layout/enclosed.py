"""Cells of a drawn table that reach over several rows or columns: what its lines enclose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

from llamaparse_worker.layout.columns import Strip
from llamaparse_worker.layout.grid import Area
from llamaparse_worker.layout.lattice import INSIDE, NEAR, Lattice, Place
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.rules import Rule
from llamaparse_worker.layout.segments import Segment

_LARGEST_AREA = 0.5
_MOSTLY = 0.6


def enclosed_areas(
    lattice: Lattice, rows: Sequence[Sequence[Segment]], owned: Sequence[int], owners: Sequence[int]
) -> list[Area]:
    """Give the cells over several rows or columns that the lines of a table enclose.

    ``owned`` tells for each of the rows between which level lines it stands, ``owners`` for each of the columns between
    which upright ones: white space may have parted what lines do not.
    """
    height, width = len(lattice.ys) - 1, len(lattice.xs) - 1
    if height * width <= 1 or width <= 1:
        return []
    found = []
    for area in _enclosed(lattice, height, width):
        numbers = [index for index, band in enumerate(owned) if area.row <= band < area.end_row]
        places = [index for index, owner in enumerate(owners) if area.column <= owner < area.end_column]
        if not numbers or not places:
            continue
        if area.end_row - area.row == 1 and len(numbers) > 1:
            continue
        made = Area(numbers[0], numbers[-1] + 1, places[0], places[-1] + 1)
        if (made.end_row - made.row) * (made.end_column - made.column) > 1 and _is_one(lattice, area, made, rows):
            found.append(made)
    return found


def _is_one(lattice: Lattice, area: Area, made: Area, rows: Sequence[Sequence[Segment]]) -> bool:
    """Tell whether no texts stand side by side in an area, as in a row without lines, or level with rows beside it."""
    left, right = lattice.xs[area.column].first, lattice.xs[area.end_column].last
    inner = lattice.xs[area.column + 1 : area.end_column]
    members = [one for row in rows[made.row : made.end_row] for one in row]
    lines = baselines([one for one in members if left < (one.x0 + one.x1) / 2 < right])
    for line in lines:
        for one, other in pairwise(line):
            if any(one.x1 - INSIDE <= at.last and at.first <= other.x0 + INSIDE for at in inner):
                return False
    height = made.end_row - made.row
    if height == 1 or len(lines) < height:
        return True
    if made.end_column - made.column > area.end_column - area.column:
        return False
    beside = {round(one.y0 + one.y1) for one in members if not left < (one.x0 + one.x1) / 2 < right}
    level = sum(bool({round(line[0].y0 + line[0].y1) + step for step in (-1, 0, 1)} & beside) for line in lines)
    return level <= _MOSTLY * len(lines)


def _enclosed(lattice: Lattice, height: int, width: int) -> list[Area]:
    """Gather cells that no line parts, where lines are drawn around several; what is no rectangle stays apart."""
    across = [_covering(lattice.frame.upright, at) for at in lattice.xs]
    along = [_covering(lattice.frame.level, at) for at in lattice.ys]
    rows, columns = lattice.rows, lattice.columns
    walls = list(zip(*[_covered(rules, rows) for rules in across], strict=True))
    floors = [_covered(rules, columns) for rules in along]
    if all(map(all, chain(walls, floors))):  # as where each cell has a box of its own
        return []
    parents = list(range(height * width))

    def root(index: int) -> int:
        while parents[index] != index:
            index = parents[index]
        return index

    for row in range(height):
        for column in range(width):
            here = row * width + column
            if column + 1 < width and not walls[row][column + 1] and any(walls[row]):
                parents[root(here)] = root(here + 1)
            closed = (walls[row][column] or not column) and (walls[row][column + 1] or column + 1 == width)
            if row + 1 < height and not floors[row + 1][column] and closed:
                parents[root(here)] = root(here + width)
    groups: dict[int, list[tuple[int, int]]] = {}
    for index in range(height * width):
        groups.setdefault(root(index), []).append(divmod(index, width))
    several = (members for members in groups.values() if len(members) > 1)
    return [area for members in several if (area := _rectangle(members, height * width)) is not None]


def _covered(rules: Sequence[Rule], strips: Sequence[Strip]) -> list[bool]:
    """Tell for each of the strips, which stand in order, whether a line goes along most of it."""
    first, last = strips[0].x0, strips[-1].x1
    if any(rule.start <= first and last <= rule.end for rule in rules):  # as most go along all of a table
        return [strip.x0 < strip.x1 for strip in strips]
    return [any(rule.covers(strip.x0, strip.x1) for rule in rules) for strip in strips]


def _rectangle(members: Sequence[tuple[int, int]], every: int) -> Area | None:
    rows, columns = [row for row, _ in members], [column for _, column in members]
    area = Area(min(rows), max(rows) + 1, min(columns), max(columns) + 1)
    size = (area.end_row - area.row) * (area.end_column - area.column)
    if size != len(members) or (area.end_row - area.row > 1 and size > max(2.0, _LARGEST_AREA * every)):
        return None
    return area


def _covering(rules: Sequence[Rule], place: Place) -> list[Rule]:
    return [rule for rule in rules if place.first - NEAR <= rule.at <= place.last + NEAR]
