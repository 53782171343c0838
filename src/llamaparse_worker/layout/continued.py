"""Tables that go on in the next column or on the next page.

A table goes on where the next part of the text begins with a table whose columns lie as those of the one that ended
the part before. A header that is printed again is left out, and a row that the page end cut is made whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llamaparse_worker.layout.joining import joined
from llamaparse_worker.model.blocks import Cell, Footnote, Table
from llamaparse_worker.model.page import LaidOutPage

MOST_PAGES_OF_TABLE = 200
"""A longer table is given in several, so that memory stays bounded."""

_LEAST_OVERLAP = 0.5
_SAME_WIDTH = 0.12
_MIDDLE_OF_SENTENCE = (",", "-", "/", "(", "_", ";")

Extent = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table and the page it stands on."""

    table: Table
    page: int


def continues_table(page: LaidOutPage, following: LaidOutPage) -> bool:
    """Tell whether the table that ends a page goes on at the top of the next."""
    at = _last_table(page)
    if at is None or following.number != page.number + 1 or not following.blocks:
        return False
    table, rest = page.blocks[at], following.blocks[0]
    return isinstance(table, Table) and isinstance(rest, Table) and goes_on(table, rest)


def with_whole_tables(pages: Sequence[LaidOutPage]) -> list[LaidOutPage]:
    """Give pages, each of which but the first continues a table, with each table whole on the page where it begins.

    Where a table went on, an empty one says where it is.
    """
    made = list(pages)
    parts: list[Part] = []
    begun = 0
    for index, page in enumerate(pages):
        if index and parts:
            rest = page.blocks[0]
            if isinstance(rest, Table):
                parts.append(Part(rest, page.number))
                emptied = Table((), rest.box, merged_into_page=pages[begun].number)
                made[index] = replace(page, blocks=(emptied, *page.blocks[1:]))
        at = _last_table(page)
        if at is None or (at == 0 and parts and index):
            continue
        _close(made, begun, parts)
        table = page.blocks[at]
        begun, parts = index, [Part(table, page.number)] if isinstance(table, Table) else []
    _close(made, begun, parts)
    return made


def _close(made: list[LaidOutPage], begun: int, parts: Sequence[Part]) -> None:
    if len(parts) < 2:  # noqa: PLR2004 - a table of one part is whole
        return
    at = _last_table(made[begun])
    if at is not None:
        page = made[begun]
        made[begun] = replace(page, blocks=(*page.blocks[:at], merged(parts), *page.blocks[at + 1 :]))


def _last_table(page: LaidOutPage) -> int | None:
    """Give the place of the table that ends the text of a page, past footnotes."""
    for at in reversed(range(len(page.blocks))):
        block = page.blocks[at]
        if not isinstance(block, Footnote):
            return at if isinstance(block, Table) else None
    return None


def goes_on(table: Table, following: Table) -> bool:
    """Tell whether a table is the rest of another that ended a page or column."""
    return bool(table.rows and following.rows) and _places(table, following) is not None


def merged(parts: Sequence[Part]) -> Table:
    """Make one table of its parts; it stands where the first stands, and cells elsewhere name their page."""
    first = parts[0].table
    rows, cells = list(first.rows), list(first.cells)
    for part in parts[1:]:
        places = _places(first, part.table) or tuple(range(len(part.table.rows[0])))
        skipped = _repeated_header(first, part.table)
        added = [_spread(row, places, len(first.rows[0])) for row in part.table.rows[skipped:]]
        cut = bool(added) and _is_cut(rows[-1], added[0])
        if cut:
            pairs = zip(rows[-1], added[0], strict=True)
            rows[-1] = tuple(joined([old, new]) if old and new else old or new for old, new in pairs)
            added = added[1:]
        shift = len(rows) - skipped - cut
        cells.extend(_moved(cell, shift, places, part.page) for cell in part.table.cells if cell.row >= skipped + cut)
        rows.extend(added)
    others = tuple(dict.fromkeys(part.page for part in parts))
    pages = others if len(others) > 1 else ()
    return replace(first, rows=tuple(rows), cells=tuple(cells), merged_from_pages=pages)


def _places(table: Table, following: Table) -> tuple[int, ...] | None:
    """Give the column of the table that each column of its rest is; None if they do not fit."""
    wide, narrow = len(table.rows[0]), len(following.rows[0])
    if narrow > wide:
        return None
    if narrow == wide and _repeated_header(table, following):
        return tuple(range(wide))
    above, below = _extents(table), _extents(following)
    if narrow == wide and (not above or not below):
        return tuple(range(wide)) if _same_box(table, following) else None
    if narrow < wide and not _same_box(table, following):
        return None
    found: list[int] = []
    for column in range(narrow):
        extent = below.get(column)
        if extent is None:
            place = found[-1] + 1 if found else 0
        else:
            place = _nearest(extent, above, found[-1] + 1 if found else 0)
        if place < 0 or place >= wide:
            return None
        found.append(place)
    return tuple(found)


def _nearest(extent: Extent, columns: dict[int, Extent], least: int) -> int:
    """Give the column that shares most of an extent; -1 for none."""
    shares = [
        ((min(extent[1], one[1]) - max(extent[0], one[0])) / max(1.0, min(extent[1] - extent[0], one[1] - one[0])), -at)
        for at, one in columns.items()
        if at >= least
    ]
    share, place = max(shares, default=(0.0, 1))
    return -place if share >= _LEAST_OVERLAP else -1


def _extents(table: Table) -> dict[int, Extent]:
    """Give where each column's texts begin and end, from the left edge of the table."""
    found: dict[int, Extent] = {}
    for cell in table.cells:
        if cell.box is None or cell.column_span > 1 or cell.page is not None:
            continue
        x0, x1 = cell.box.x0 - table.box.x0, cell.box.x1 - table.box.x0
        before = found.get(cell.column, (x0, x1))
        found[cell.column] = min(before[0], x0), max(before[1], x1)
    return found


def _same_box(table: Table, following: Table) -> bool:
    return abs(table.box.width - following.box.width) <= _SAME_WIDTH * max(table.box.width, following.box.width)


def _repeated_header(table: Table, following: Table) -> int:
    """Count the rows at the top of the rest that print the header again."""
    height = max(1, table.header_rows)
    if len(following.rows) < height or table.rows[:height] != following.rows[:height]:
        return 0
    return height


def _is_cut(above: Sequence[str], below: Sequence[str]) -> bool:
    """Tell whether a row goes on overleaf: its first cell is empty there, and some cell is in mid-sentence."""
    if below[0] or not above[0]:
        return False
    pairs = [(old, new) for old, new in zip(above, below, strict=True) if new]
    return (
        bool(pairs)
        and all(old for old, _ in pairs)
        and any(new[:1].islower() or old.endswith(_MIDDLE_OF_SENTENCE) for old, new in pairs)
    )


def _spread(row: Sequence[str], places: Sequence[int], width: int) -> tuple[str, ...]:
    made = [""] * width
    for place, text in zip(places, row, strict=True):
        made[place] = text
    return tuple(made)


def _moved(cell: Cell, shift: int, places: Sequence[int], page: int) -> Cell:
    row, column = cell.row + shift, places[cell.column]
    return Cell(row, column, cell.box, cell.row_span, cell.column_span, page or None, cell.spans)
