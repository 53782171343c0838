"""The content of tables."""

from __future__ import annotations

from collections.abc import Sequence

from support.layouts.prose import Prose
from support.layouts.truth import Cell, Table


def numbers(prose: Prose, columns: int, rows: int) -> Table:
    """Give labels and numbers; each column has its own number of decimals."""
    decimals = [prose.chance.randint(0, 2) for _ in range(columns - 1)]
    body = [[_label(prose), *_figures(prose, decimals)] for _ in range(rows)]
    return _table([_headers(prose, columns), *body])


def texts(prose: Prose, columns: int, rows: int) -> Table:
    """Give a key, an explanation that takes several lines, and perhaps more short columns."""
    body = [
        [prose.identifier(), prose.sentence(), *(prose.words(1, 2) for _ in range(columns - 2))] for _ in range(rows)
    ]
    return _table([_headers(prose, columns), *body])


def spanned(prose: Prose, groups: int) -> Table:
    """Give two header rows, the upper one over two columns each, and labels over two rows each."""
    upper: list[Cell | None] = [Cell(_header(prose), rows=2), Cell(_header(prose), rows=2)]
    lower: list[Cell | None] = [None, None]
    for _ in range(groups):
        upper += [Cell(prose.title(1, 2), columns=2), None]
        lower += [Cell(_header(prose)), Cell(_header(prose))]
    body: list[tuple[Cell | None, ...]] = []
    for _ in range(prose.chance.randint(2, 4)):
        label = Cell(_header(prose), rows=2)
        for row in range(2):
            figures = _figures(prose, [1] * (2 * groups))
            body.append((None if row else label, Cell(_header(prose)), *map(Cell, figures)))
    return Table((tuple(upper), tuple(lower), *body), header_rows=2)


def bill(prose: Prose, rows: int) -> Table:
    """Give the items of an invoice with their total below."""
    chance = prose.chance
    prices = [(chance.randint(1, 20), chance.randint(150, 90_000)) for _ in range(rows)]
    body = [
        [str(number), prose.title(1, 4), str(count), f"{price / 100:,.2f}", f"{count * price / 100:,.2f}"]
        for number, (count, price) in enumerate(prices, 1)
    ]
    total = f"{sum(count * price for count, price in prices) / 100:,.2f}"
    return _table([_headers(prose, 5), *body, ["", _header(prose), "", "", total]])


def _table(rows: Sequence[Sequence[str]]) -> Table:
    return Table(tuple(tuple(map(Cell, row)) for row in rows))


def _headers(prose: Prose, columns: int) -> list[str]:
    return [_header(prose) for _ in range(columns)]


def _header(prose: Prose) -> str:
    return prose.title(1, 1)[:12]


def _label(prose: Prose) -> str:
    return f"{prose.title(1, 1)[:14]} {prose.chance.randint(1, 99)}"


def _figures(prose: Prose, decimals: Sequence[int]) -> list[str]:
    return [f"{prose.chance.uniform(1, 999):.{places}f}" for places in decimals]
