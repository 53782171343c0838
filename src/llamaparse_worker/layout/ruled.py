"""Tables that rules or shades are drawn for: where the rows and columns of one are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from llamaparse_worker.layout.columns import Line, Strip, spanned
from llamaparse_worker.layout.enclosed import enclosed_areas
from llamaparse_worker.layout.grid import Grid, make_grid, without_empty
from llamaparse_worker.layout.header import header_areas, header_bands
from llamaparse_worker.layout.lattice import NEAR, Lattice, Place, lattice_of
from llamaparse_worker.layout.levels import baselines
from llamaparse_worker.layout.rules import Frame
from llamaparse_worker.layout.segments import Segment
from llamaparse_worker.layout.table_parts import close_strips, may_be_parted, parted_by
from llamaparse_worker.layout.table_rows import Rows, is_number, row_groups
from llamaparse_worker.layout.table_signs import is_table

_ROW_GAP_EM = 1.0
_DENSE_BANDS = 4
_LEAST_LINES = 3
_COMPLETE = 0.6
_NUMBERS = 0.3


def ruled_grid(frame: Frame, segments: Sequence[Segment], around: Sequence[Segment] = ()) -> Grid | None:
    """Arrange the segments within a frame as a table, if that is what they are.

    Lines right above or below the frame that stand in its columns (``around``) are rows too.
    """
    lattice = lattice_of(frame, segments)
    is_ruled, bands = lattice.is_ruled, _bands(lattice, segments)
    filled = [band for band in bands if band]
    if not filled:
        return None
    columns, owners = _columns(lattice, bands)
    if len(columns) < 2:  # noqa: PLR2004 - a table has two columns at least
        return None
    bands = [parted_by(band, columns) for band in bands]
    lattice, bands = _extended(lattice, bands, columns, around)
    rows, owned, header_rows = _rows(lattice, bands, columns)
    areas = enclosed_areas(lattice, rows, owned, owners)
    areas += header_areas(rows[:header_rows], columns, lattice.frame.level, areas)
    grid = without_empty(make_grid(rows, columns, areas, header_rows))
    return grid if is_table(grid, is_ruled=is_ruled) else None


def _bands(lattice: Lattice, segments: Sequence[Segment]) -> list[list[Line]]:
    """Give the lines of text between each two row separators."""
    held: list[list[Segment]] = [[] for _ in range(len(lattice.ys) - 1)]
    tops = [at.first for at in lattice.ys]
    for segment in segments:
        place = bisect_right(tops, (segment.y0 + segment.y1) / 2) - 1
        held[min(max(place, 0), len(held) - 1)].append(segment)
    return [list(baselines(band)) for band in held]


def _columns(lattice: Lattice, bands: Sequence[Sequence[Line]]) -> tuple[list[Strip], list[int]]:
    """Give the columns, and for each the ruled column that it is part of.

    White space parts a ruled column where most of its lines show texts side by side.
    """
    ruled = lattice.columns
    lines = [line for band in bands for line in band]
    columns: list[Strip] = []
    owners: list[int] = []
    for number, strip in enumerate(ruled):
        left, right = strip.x0 - NEAR, strip.x1 + NEAR
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
    lattice: Lattice, bands: list[list[Line]], columns: Sequence[Strip], around: Sequence[Segment]
) -> tuple[Lattice, list[list[Line]]]:
    """Take in a row above the first line of a table and the rows below the last, where no line ends the table there."""
    top, bottom = lattice.ys[0].first, lattice.ys[-1].last
    lines = baselines(around)
    near = [line for line in lines if 0 <= top - line[0].y1 + NEAR < _ROW_GAP_EM * line[0].size]
    above = parted_by(near[-1:], columns)
    below = _rows_below([line for line in lines if line[0].y0 > bottom - NEAR], bottom, columns)
    if above and _stands_in(above[0], columns):
        edge = min(one.y0 for one in above[0])
        bands = [above, *bands]
        lattice = Lattice(lattice.frame, lattice.xs, (Place(edge, edge), *lattice.ys))
    if below:
        edge = max(one.y1 for one in below[-1])
        bands = [*bands, list(below)]
        lattice = Lattice(lattice.frame, lattice.xs, (*lattice.ys, Place(edge, edge)))
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
    lattice: Lattice, bands: Sequence[Sequence[Line]], columns: Sequence[Strip]
) -> tuple[list[list[Segment]], list[int], int]:
    """Give the rows, the band that each is part of, and how many are header."""
    filled = sum(bool(band) for band in bands)
    dense = filled >= _DENSE_BANDS or (lattice.has_inner_columns and filled > 1)
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
