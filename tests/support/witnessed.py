"""Pages of a few blocks and words, as the mode fast reads them, for tests of what is judged by them."""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.model.blocks import Block, Cell, Edge, Line, Paragraph, Side, Table
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import LaidOutPage, PageReason
from llamaparse_worker.model.recognition import Word

WIDTH, HEIGHT = 600.0, 800.0
_LEFT, _TOP, _STEP = 60.0, 100.0, 14.0
_LETTER = 5.0


def paragraph(text: str, y: float = _TOP) -> Paragraph:
    """Give a paragraph of one line."""
    box = Box(_LEFT, y, _LEFT + _LETTER * len(text), y + 10)
    return Paragraph(text, box, (Line(text, box),))


def table(*rows: Sequence[str], y: float = 300.0, width: float = 100.0) -> Table:
    """Give a table with a box for each cell."""
    cells = tuple(
        Cell(
            row, column, Box(_LEFT + column * width, y + row * _STEP, _LEFT + column * width + 40, y + row * _STEP + 10)
        )
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
        if text
    )
    box = Box(_LEFT, y, _LEFT + width * len(rows[0]), y + _STEP * len(rows))
    return Table(tuple(map(tuple, rows)), box, cells)


def page(
    *blocks: Block,
    head: Sequence[Block] = (),
    words: Sequence[Word] = (),
    engine: str = "text_layer",
    confidence: float | None = None,
    reason: PageReason | None = None,
) -> LaidOutPage:
    """Give a page of blocks, whose head stands apart."""
    edges = (Edge(Side.TOP, tuple(head)),) if head else ()
    return LaidOutPage(
        1,
        WIDTH,
        HEIGHT,
        0,
        blocks,
        "",
        engine,
        words=tuple(words),
        confidence=confidence,
        reason=reason,
        edges=edges,
    )
