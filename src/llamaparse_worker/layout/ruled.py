"""Tables that rules or shades are drawn for: which lines belong to one table, and where its rows and columns are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.grid import Area, Grid, make_grid, without_empty
from llamaparse_worker.layout.header import header_areas, header_bands
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.rules import Frame, Rule
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_parts import close_strips, may_be_parted, parted_by
from llamaparse_worker.layout.table_rows import Rows, is_number, row_groups
from llamaparse_worker.layout.table_signs import is_table
from llamaparse_worker.model.value import quick

_NEAR = 4.0
_DOUBLE = 9.0
_INSIDE = 2.0
_FIRST_SHARE = 0.1
_ACROSS = 0.85
_ROW_GAP_EM = 1.0
_DENSE_BANDS = 4
_LEAST_LINES = 3
_COMPLETE = 0.6
_NUMBERS = 0.3
_LARGEST_AREA = 0.5


@quick
@dataclass(frozen=True, slots=True)
class _Place:
    """Where lines part rows or columns: one line, or several that nothing stands between."""

    first: float
    last: float


@quick
@dataclass(frozen=True, slots=True)
class _Lattice:
    """Where lines part columns (``xs``) and rows (``ys``), the outer edges included."""

    frame: Frame
    xs: tuple[_Place, ...]
    ys: tuple[_Place, ...]

    @property
    def columns(self) -> list[Strip]:
        return [Strip(left.last, right.first) for left, right in pairwise(self.xs)]

    @property
    def rows(self) -> list[Strip]:
        return [Strip(above.last, below.first) for above, below in pairwise(self.ys)]


def ruled_grid(frame: Frame, segments: Sequence[Segment], around: Sequence[Segment] = ()) -> Grid | None:
    """Arrange the segments within a frame as a table, if that is what they are.

    Lines right above or below the frame that stand in its columns (``around``) are rows too.
    """
    box = frame.box
    frame = _without_insets(frame)
    xs = _places([rule.at for rule in frame.upright], [(one.x0 + one.x1) / 2 for one in segments], box.x0, box.x1)
    level = frame.level if len(xs) > 2 else _whole(frame)  # noqa: PLR2004 - inner upright lines
    ys = _places([rule.at for rule in level], [(one.y0 + one.y1) / 2 for one in segments], box.y0, box.y1)
    lattice = _Lattice(frame, xs, ys)
    bands = _bands(lattice, segments)
    filled = [band for band in bands if band]
    if not filled:
        return None
    columns, owners = _columns(lattice, bands)
    if len(columns) < 2:  # noqa: PLR2004 - a table has two columns at least
        return None
    bands = [parted_by(band, columns) for band in bands]
    lattice, bands = _extended(lattice, bands, columns, around)
    rows, owned, header_rows = _rows(lattice, bands, columns)
    areas = _drawn_areas(lattice, rows, owned, owners)
    areas += header_areas(rows[:header_rows], columns, frame.level, areas)
    grid = without_empty(make_grid(rows, columns, areas, header_rows))
    return grid if is_table(grid, is_ruled=len(xs) > 2 and len(ys) > 2) else None  # noqa: PLR2004 - inner lines both ways


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
        if lengths[rule.at] > box.width / 2 and (rule.at in first or any(abs(rule.at - at) <= _NEAR for at in first))
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
        near = level[bisect_left(heights, at - _NEAR) : bisect_right(heights, at + _NEAR)] if is_ordered else level
        found[at] = sum([one.end - one.start for one in near if abs(one.at - at) <= _INSIDE])
    return found


def _places(lines: Sequence[float], texts: Sequence[float], first: float, last: float) -> tuple[_Place, ...]:
    """Give the distinct places of lines between two edges; close lines without a text between them count as one."""
    found = [_Place(first, first)]
    for at in sorted([*lines, last]):
        before = found[-1].last
        if at - before <= _NEAR or (at - before <= _DOUBLE and not any(before < text < at for text in texts)):
            found[-1] = _Place(found[-1].first, at)
        else:
            found.append(_Place(at, at))
    return tuple(found)


def _bands(lattice: _Lattice, segments: Sequence[Segment]) -> list[list[Line]]:
    """Give the lines of text between each two row separators."""
    held: list[list[Segment]] = [[] for _ in range(len(lattice.ys) - 1)]
    tops = [at.first for at in lattice.ys]
    for segment in segments:
        place = bisect_right(tops, (segment.y0 + segment.y1) / 2) - 1
        held[min(max(place, 0), len(held) - 1)].append(segment)
    return [list(baselines(band)) for band in held]


def _columns(lattice: _Lattice, bands: Sequence[Sequence[Line]]) -> tuple[list[Strip], list[int]]:
    """Give the columns, and for each the ruled column that it is part of.

    White space parts a ruled column where most of its lines show texts side by side.
    """
    ruled = lattice.columns
    lines = [line for band in bands for line in band]
    columns: list[Strip] = []
    owners: list[int] = []
    for number, strip in enumerate(ruled):
        left, right = strip.x0 - _NEAR, strip.x1 + _NEAR
        inner = [[one for one in line if one.x0 > left and one.x1 < right] for line in lines]
        parts = _parts([line for line in inner if line], strip, alone=len(ruled) == 1)
        columns.extend(parts)
        owners.extend([number] * len(parts))
    return columns, owners


def _parts(lines: Sequence[Line], strip: Strip, *, alone: bool) -> list[Strip]:
    least = max(_LEAST_LINES, _COMPLETE * len(lines))
    if not alone and sum(len(line) > 1 or may_be_parted(line) for line in lines) < least:
        return [strip]
    found = close_strips(lines)
    if len(found) < 2:  # noqa: PLR2004 - nothing to part
        return [strip]
    beside = sum(len({spanned(one, found) for one in line}) > 1 for line in parted_by(lines, found))
    if not alone and beside < least:
        return [strip]
    return found


def _extended(
    lattice: _Lattice, bands: list[list[Line]], columns: Sequence[Strip], around: Sequence[Segment]
) -> tuple[_Lattice, list[list[Line]]]:
    """Take in a row above the first line of a table and the rows below the last, where no line ends the table there."""
    top, bottom = lattice.ys[0].first, lattice.ys[-1].last
    lines = baselines(around)
    near = [line for line in lines if 0 <= top - line[0].y1 + _NEAR < _ROW_GAP_EM * line[0].size]
    above = parted_by(near[-1:], columns)
    below = _rows_below([line for line in lines if line[0].y0 > bottom - _NEAR], bottom, columns)
    if above and _stands_in(above[0], columns):
        edge = min(one.y0 for one in above[0])
        bands = [above, *bands]
        lattice = _Lattice(lattice.frame, lattice.xs, (_Place(edge, edge), *lattice.ys))
    if below:
        edge = max(one.y1 for one in below[-1])
        bands = [*bands, list(below)]
        lattice = _Lattice(lattice.frame, lattice.xs, (*lattice.ys, _Place(edge, edge)))
    return lattice, bands


def _rows_below(lines: Sequence[Line], bottom: float, columns: Sequence[Strip]) -> Sequence[Line]:
    """Take lines that follow closely and stand in the columns, up to the last that fills most of them."""
    found: list[Line] = []
    taken = 0
    for whole in lines:
        (line,) = parted_by([whole], columns)
        crossing = any(last > first for first, last in (spanned(one, columns) for one in line))
        if crossing or min(one.y0 for one in line) - bottom > _ROW_GAP_EM * line[0].size:
            break
        bottom = max(one.y1 for one in line)
        found.append(line)
        if _stands_in(line, columns):
            taken = len(found)
    return found[:taken]


def _stands_in(line: Line, columns: Sequence[Strip]) -> bool:
    """Tell whether a line fills most columns, one text each."""
    places = [spanned(segment, columns) for segment in line]
    single = {first for first, last in places if first == last}
    return len(single) == len(places) > 1 and len(single) > len(columns) / 2


def _rows(
    lattice: _Lattice, bands: Sequence[Sequence[Line]], columns: Sequence[Strip]
) -> tuple[list[list[Segment]], list[int], int]:
    """Give the rows, the band that each is part of, and how many are header."""
    filled = sum(bool(band) for band in bands)
    dense = filled >= _DENSE_BANDS or (len(lattice.xs) > 2 and filled > 1)  # noqa: PLR2004 - inner upright lines
    dividing = _dividing(lattice.frame) if dense else []
    rows: list[list[Segment]] = []
    owned: list[int] = []
    header_rows = 0
    for number, band in enumerate(bands):
        if not band:
            continue
        if not rows and filled > 1:
            groups: Rows = header_bands(band, columns, lattice.frame.level)
            header_rows = len(groups)
        elif len(band) == 1:
            groups = [[band[0]]]
        elif dense and not _is_list_of_rows(band, columns):
            groups = _parted_at(dividing, band)
        else:
            groups = row_groups(band, _holding(columns, band))
        rows.extend([segment for line in group for segment in line] for group in groups)
        owned.extend([number] * len(groups))
    return rows, owned, header_rows or 1


def _dividing(frame: Frame) -> list[float]:
    """Give where lines go across most of a frame, those too that leave out a label that several rows share."""
    lengths: dict[float, float] = {}
    for rule in frame.level:
        if rule.drawn:
            lengths[rule.at] = lengths.get(rule.at, 0.0) + rule.end - rule.start
    return sorted(at for at, length in lengths.items() if length > frame.box.width / 2)


def _parted_at(places: Sequence[float], band: Sequence[Line]) -> Rows:
    """Part the lines of a band at these heights."""
    groups: dict[int, list[Line]] = {}
    for line in band:
        groups.setdefault(bisect_left(places, (line[0].y0 + line[0].y1) / 2), []).append(line)
    return list(groups.values())


def _holding(columns: Sequence[Strip], band: Sequence[Line]) -> list[Strip]:
    """Give the columns as wide as the texts of a band that stand in one of them: they may be known by titles alone."""
    edges = [(column.x0, column.x1) for column in columns]
    for line in band:
        for one in line:
            first, last = spanned(one, columns)
            if first == last:
                edges[first] = min(edges[first][0], one.x0), max(edges[first][1], one.x1)
    return [Strip(x0, x1) for x0, x1 in edges]


def _is_list_of_rows(band: Sequence[Line], columns: Sequence[Strip]) -> bool:
    """Tell whether a band between lines holds many rows: most of its lines fill the columns, many with numbers."""
    if len(band) < _LEAST_LINES:
        return False
    filled = [len({spanned(one, columns)[0] for one in line}) for line in band]
    complete = sum(count > 1 and count > len(columns) / 2 for count in filled)
    numbers = sum(is_number(one.text) for line in band for one in line)
    return complete >= _COMPLETE * len(band) and numbers >= _NUMBERS * sum(map(len, band))


def _drawn_areas(
    lattice: _Lattice, rows: Sequence[Sequence[Segment]], owned: Sequence[int], owners: Sequence[int]
) -> list[Area]:
    """Give the cells over several rows or columns that the lines enclose."""
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


def _is_one(lattice: _Lattice, area: Area, made: Area, rows: Sequence[Sequence[Segment]]) -> bool:
    """Tell whether no texts stand side by side in an area, as in a row without lines, or level with rows beside it."""
    left, right = lattice.xs[area.column].first, lattice.xs[area.end_column].last
    inner = lattice.xs[area.column + 1 : area.end_column]
    members = [one for row in rows[made.row : made.end_row] for one in row]
    lines = baselines([one for one in members if left < (one.x0 + one.x1) / 2 < right])
    for line in lines:
        for one, other in pairwise(line):
            if any(one.x1 - _INSIDE <= at.last and at.first <= other.x0 + _INSIDE for at in inner):
                return False
    height = made.end_row - made.row
    if height == 1 or len(lines) < height:
        return True
    if made.end_column - made.column > area.end_column - area.column:
        return False
    beside = {round(one.y0 + one.y1) for one in members if not left < (one.x0 + one.x1) / 2 < right}
    level = sum(bool({round(line[0].y0 + line[0].y1) + step for step in (-1, 0, 1)} & beside) for line in lines)
    return level <= _COMPLETE * len(lines)


def _enclosed(lattice: _Lattice, height: int, width: int) -> list[Area]:
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


def _covering(rules: Sequence[Rule], place: _Place) -> list[Rule]:
    return [rule for rule in rules if place.first - _NEAR <= rule.at <= place.last + _NEAR]
