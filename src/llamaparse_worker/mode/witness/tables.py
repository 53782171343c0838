"""Rows and columns of the tables of an answer, against those of the page and the places of its words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mode

from llamaparse_worker.mode.witness.alignment import UNPAIRED
from llamaparse_worker.mode.witness.answer import AnswerTable
from llamaparse_worker.mode.witness.content import Case
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.tokens import Duty, Kind, Token, substance
from llamaparse_worker.model.geometry import Box, enclosing

_SAME_LINE = 0.5
_LEAST_NEW = 2
_LEAST_OF_COLUMN = 0.75
"""Share of a column's words from which on it is known for one of the page."""


@dataclass(frozen=True, slots=True)
class _Cell:
    tokens: tuple[int, ...]
    box: Box | None
    column: tuple[int, int] | None
    """Table and column of the page's own reading, where all of its words stand in one."""


_Row = tuple[int, int]
"""Table and row."""
_Rows = Mapping[int, Mapping[int, _Cell]]
"""The cells of a table by row and column."""

_Columns = Mapping[int, Mapping[int, Counter[str]]]
"""The words of columns by table and column."""


def table_findings(case: Case) -> Iterator[Finding]:
    """Give what is wrong with the tables of an answer."""
    yield from _ragged(case)
    lost_rows = list(_lost_rows(case))
    yield from lost_rows or _number_of_rows(case)
    if not case.answer.tables:
        return
    rows = _rows(case)
    printed = _printed_columns(case)
    by_table: defaultdict[int, dict[int, Mapping[int, _Cell]]] = defaultdict(dict)
    for (table, row), cells in rows.items():
        by_table[table][row] = cells
    for cells_by_row in by_table.values():
        yield from _swapped(case, cells_by_row)
        yield from _novel_rows(case, cells_by_row)
        yield from _against_draft(case, cells_by_row, printed)
        yield from _below_other_heads(case, cells_by_row)


def _ragged(case: Case) -> Iterator[Finding]:
    """Give rows that have more or fewer cells than most of their table."""
    tokens = case.answer.tokens
    ragged = {
        row: list[int]() for number, table in enumerate(case.answer.tables) for row in _ragged_rows(number, table)
    }
    if not ragged:
        return
    for at, place in enumerate(tokens.places):
        if place.table is not None and place.row is not None and (place.table, place.row) in ragged:
            ragged[place.table, place.row].append(at)
    for said in filter(None, ragged.values()):
        text = tokens.slice(said[0], said[-1] + 1)
        yield Finding(Check.ROWS, Severity.REMARK, text, place=tokens.place(said[0]))


def _ragged_rows(number: int, table: AnswerTable) -> Iterator[_Row]:
    usual = mode(table.widths)
    return ((number, row) for row, width in enumerate(table.widths) if width != usual)


def _lost_rows(case: Case) -> Iterator[Finding]:
    """Give rows of the page's tables of which the answer has nothing."""
    lost = set(case.lost)
    if not lost:
        return
    members: defaultdict[_Row, list[int]] = defaultdict(list)
    for at, token in enumerate(case.page.tokens.all):
        stand = case.page.stands[at]
        if stand.table is not None and stand.row is not None and token.duty is Duty.EXACT:
            members[stand.table, stand.row].append(at)
    for row in members.values():
        if lost.issuperset(row) and not case.paired.excused.intersection(row):
            boxes = [box for at in row if (box := case.page.stands[at].box) is not None]
            text = case.page.tokens.slice(row[0], row[-1] + 1)
            severity = Severity.ERROR if case.is_sure(row[0], row[-1] + 1) else Severity.REMARK
            yield Finding(Check.ROWS, severity, page_text=text, box=enclosing(boxes) if boxes else None)


def _rows(case: Case) -> dict[_Row, dict[int, _Cell]]:
    """Give the cells of the answer with the places of their words on the page."""
    members: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for at, place in enumerate(case.answer.tokens.places):
        if place.table is not None and place.row is not None and place.column is not None:
            members[place.table, place.row, place.column].append(at)
    rows: defaultdict[_Row, dict[int, _Cell]] = defaultdict(dict)
    for (table, row, column), tokens in members.items():
        found = [case.paired.to_page[at] for at in tokens]
        boxes = [box for at in found if at != UNPAIRED and (box := case.page.stands[at].box) is not None]
        columns = {_printed_column(case, at) for at in found if at != UNPAIRED}
        own = columns.pop() if len(columns) == 1 else None
        rows[table, row][column] = _Cell(tuple(tokens), enclosing(boxes) if boxes else None, own)
    return dict(rows)


def _printed_column(case: Case, at: int) -> tuple[int, int] | None:
    stand = case.page.stands[at]
    return None if stand.table is None or stand.column is None else (stand.table, stand.column)


def _swapped(case: Case, rows: _Rows) -> Iterator[Finding]:
    """Give pairs of columns that stand the other way round on the page, in their head or in most rows of their body."""
    head = {row: cells for row, cells in rows.items() if row == 0}
    told: set[tuple[int, int]] = set()
    for part in (head, {row: cells for row, cells in rows.items() if row}):
        votes: defaultdict[tuple[int, int], list[tuple[int, bool]]] = defaultdict(list)
        for row, cells in part.items():
            for pair, inverted in _orders(cells):
                votes[pair].append((row, inverted))
        for pair, counted in votes.items():
            wrong = [row for row, inverted in counted if inverted]
            if 2 * len(wrong) > len(counted) and pair not in told:
                told.add(pair)
                yield _out_of_order(case, [part[row][column] for row in wrong for column in pair])


def _out_of_order(case: Case, cells: Sequence[_Cell]) -> Finding:
    tokens = case.answer.tokens
    text = " | ".join(tokens.slice(cell.tokens[0], cell.tokens[-1] + 1) for cell in cells[:2])
    boxes = [cell.box for cell in cells if cell.box is not None]
    return Finding(Check.COLUMNS, Severity.ERROR, text, place=tokens.place(cells[0].tokens[0]), box=enclosing(boxes))


def _novel_rows(case: Case, rows: _Rows) -> Iterator[Finding]:
    """Give rows of the answer of which the page has nothing; a head may have been repeated from the page before."""
    tokens = case.answer.tokens
    for row, cells in rows.items():
        members = [at for cell in cells.values() for at in cell.tokens if tokens.all[at].duty is Duty.EXACT]
        if row and members and all(case.paired.to_page[at] == UNPAIRED for at in members):
            text = tokens.slice(min(members), max(members) + 1)
            yield Finding(Check.ROWS, Severity.ERROR, text, place=tokens.place(members[0]))


def _against_draft(case: Case, rows: _Rows, printed: _Columns) -> Iterator[Finding]:
    """Tell columns whose words are those of another column of the table that the page's own reading has found."""
    pages = Counter(
        case.page.stands[place].table
        for cells in rows.values()
        for cell in cells.values()
        for at in cell.tokens
        if (place := case.paired.to_page[at]) != UNPAIRED
    )
    table, count = next(iter(pages.most_common(1)), (None, 0))
    if table is None or 2 * count <= pages.total():
        return
    origins = _origins(case, rows, printed[table])
    known = [(column, origin) for column, origin in origins.items() if origin is not None]
    for at, (one, origin) in enumerate(known):
        for other, following in known[at + 1 :]:
            if following < origin:
                yield _out_of_order(case, [*_column(rows, one)[:1], *_column(rows, other)[:1]])


def _below_other_heads(case: Case, rows: _Rows) -> Iterator[Finding]:
    """Give columns most of whose cells stand on the page below the head of another column, and not below their own."""
    heads = {column: cell.box for column, cell in rows.get(0, {}).items() if cell.box is not None}
    for column, own in heads.items():
        placed = [(cell, cell.box) for cell in _column(rows, column) if cell.box is not None]
        others = [box for other, box in heads.items() if other != column]
        strange = [
            cell
            for cell, box in placed
            if not _share_a_column(box, own)
            # What the page's own reading has in one column is no stranger there, be that reading wrong.
            and (cell.column is None or cell.column != rows[0][column].column)
            and any(_share_a_column(box, other) for other in others)
        ]
        if 2 * len(strange) > len(placed):
            yield _out_of_order(case, strange)


def _share_a_column(one: Box, other: Box) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1


def _column(rows: _Rows, column: int) -> list[_Cell]:
    return [cells[column] for row, cells in sorted(rows.items()) if row and column in cells]


def _printed_columns(case: Case) -> _Columns:
    """Give the words in the body of each column of the page's tables."""
    printed: defaultdict[int, defaultdict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for token, stand in zip(case.page.tokens.all, case.page.stands, strict=True):
        if stand.table is not None and stand.row and stand.column is not None:
            printed[stand.table][stand.column][token.key] += 1
    return printed


def _origins(case: Case, rows: _Rows, printed: Mapping[int, Counter[str]]) -> dict[int, int | None]:
    """Give which columns of a table of the page the bodies of columns are, None where that is not clear."""
    said: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row, cells in rows.items():
        for column, cell in cells.items():
            if row:
                paired = (at for at in cell.tokens if case.paired.to_page[at] != UNPAIRED)
                said[column].update(case.answer.tokens.all[at].key for at in paired)
    return {column: _origin(words, printed) for column, words in sorted(said.items())}


def _origin(words: Counter[str], printed: Mapping[int, Counter[str]]) -> int | None:
    """Give the only column of the page that has the most of these words."""
    common = sorted(((_common(words, those), column) for column, those in printed.items()), reverse=True)
    if (
        not words
        or not common
        or common[0][0] < _LEAST_OF_COLUMN * words.total()
        or common[0][0] in {one for one, _ in common[1:]}
    ):
        return None
    return common[0][1]


def _number_of_rows(case: Case) -> Iterator[Finding]:
    """Tell fewer or more rows than on the page, where words of tables are lost or new: a row may be like others."""
    said = sum(len(table.widths) for table in case.answer.tables)
    printed = case.page.rows
    mine, its = case.answer.tokens, case.page.tokens
    lost = [at for at in case.lost if case.page.stands[at].table is not None and _says(its.all[at])]
    new = [at for at in case.novel if mine.place(at).table is not None and _says(mine.all[at])]
    if said < printed and lost and not case.paired.excused.intersection(lost):
        boxes = [box for at in lost if (box := case.page.stands[at].box) is not None]
        severity = Severity.ERROR if all(case.is_sure(at, at + 1) for at in lost) else Severity.REMARK
        text = " ".join(its.all[at].key for at in lost)
        yield Finding(Check.ROWS, severity, page_text=text, box=enclosing(boxes) if boxes else None)
    if said > printed > 0 and len(new) >= _LEAST_NEW:
        yield Finding(Check.ROWS, Severity.ERROR, " ".join(mine.all[at].key for at in new), place=mine.place(new[0]))


def _says(token: Token) -> bool:
    """Tell a token that means something by itself: single letters may be marks of a list."""
    return token.duty is Duty.EXACT and (token.kind is Kind.NUMBER or substance([token]) > 0)


def _common(one: Counter[str], other: Counter[str]) -> int:
    return (one & other).total()


def _orders(cells: Mapping[int, _Cell]) -> Iterator[tuple[tuple[int, int], bool]]:
    """Tell for pairs of cells whether the page has them in the other order, where it has them on one line."""
    placed = sorted((column, cell.box) for column, cell in cells.items() if cell.box is not None)
    for at, (column, box) in enumerate(placed):
        for other, following in placed[at + 1 :]:
            if _on_one_line(box, following) and (box.x0 >= following.x1 or following.x0 >= box.x1):
                yield (column, other), box.x0 >= following.x1


def _on_one_line(one: Box, other: Box) -> bool:
    shared = min(one.y1, other.y1) - max(one.y0, other.y0)
    return shared > _SAME_LINE * min(one.height, other.height)
