"""What OCR has read in pictures of a page with a text layer, apart from the text around them.

Labels of charts and screens have sizes and columns of their own. Among the text they would pass for headings and
tables, and shift the levels of those that the document has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from llamaparse_worker.layout.plain import plain
from llamaparse_worker.model.blocks import Block, Line, Paragraph, Table
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import RawPage
from llamaparse_worker.model.recognition import Word, mean_confidence

_MOST_OF_PAGE = 0.8
"""A picture this large is the page: what it says is the text."""
_LEAST_ROWS = 3
_LEAST_FILLED = 0.9
"""Of the cells of a table; what charts have in columns leaves many places empty."""
_LEAST_CONFIDENCE = 0.9
"""Of the words of a table: sloping labels and drawings are read as letters with less."""
_LABEL = 40
"""Characters; shorter texts of a picture are given together."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a page, and the words that were read in it."""

    box: Box
    words: tuple[Word, ...]


def pictures(words: Sequence[Word], page: RawPage) -> tuple[tuple[Word, ...], list[Picture]]:
    """Part words into those that join the text, and those that stand in a picture of the page."""
    large = _MOST_OF_PAGE * page.width * page.height
    boxes = sorted(
        (box for box in set(page.image_boxes) if _area(box) < large), key=lambda box: (_area(box), box.y0, box.x0)
    )
    held: dict[Box, list[Word]] = {}
    left: list[Word] = []
    for word in words:
        box = next((box for box in boxes if _holds(box, word.box)), None)
        (left if box is None else held.setdefault(box, [])).append(word)
    return tuple(left), [Picture(box, tuple(held[box])) for box in sorted(held, key=lambda box: (box.y0, box.x0))]


def shown_in_picture(blocks: Iterable[Block], words: Sequence[Word]) -> list[Block]:
    """Give the blocks of a picture: tables that surely are some, long texts, and the labels between them as one."""
    made: list[Block] = []
    for short, group in groupby(_texts(blocks, words), key=_is_label):
        alike = list(group)
        made.extend([_together(alike)] if short else alike)
    return made


def with_picture(blocks: Sequence[Block], box: Box, shown: Sequence[Block]) -> list[Block]:
    """Put the blocks of a picture into the reading order: behind what ends above it, or before what begins below."""
    above = [
        index for index, block in enumerate(blocks) if _beside(block.box, box) and _middle(block.box) < _middle(box)
    ]
    below = [
        index for index, block in enumerate(blocks) if _beside(block.box, box) and _middle(block.box) >= _middle(box)
    ]
    if above:
        at = max(above, key=lambda index: blocks[index].box.y1) + 1
    else:
        at = min(below, key=lambda index: blocks[index].box.y0) if below else len(blocks)
    return [*blocks[:at], *shown, *blocks[at:]]


def _texts(blocks: Iterable[Block], words: Sequence[Word]) -> Iterator[Table | Paragraph]:
    for block in blocks:
        if isinstance(block, Table) and _is_certain(block, words):
            yield block
        elif isinstance(block, Table):
            text = " ".join(cell for row in block.rows for cell in row if cell)
            yield Paragraph(text, block.box, (Line(text, block.box),))
        elif isinstance(block, Paragraph):
            yield block
        else:
            text = plain(block)
            yield Paragraph(" ".join(text.split()), block.box, (Line(text, block.box),))


def _is_certain(table: Table, words: Sequence[Word]) -> bool:
    places = sum(map(len, table.rows))
    filled = sum(bool(cell) for row in table.rows for cell in row)
    sure = mean_confidence(word for word in words if _holds(table.box, word.box)) or 0.0
    return len(table.rows) >= _LEAST_ROWS and filled >= _LEAST_FILLED * places and sure >= _LEAST_CONFIDENCE


def _is_label(block: Table | Paragraph) -> bool:
    return isinstance(block, Paragraph) and len(block.text) < _LABEL


def _together(labels: Sequence[Block]) -> Paragraph:
    box = enclosing(label.box for label in labels)
    lines = tuple(line for label in labels if isinstance(label, Paragraph) for line in label.lines)
    return Paragraph(" ".join(map(plain, labels)), box, lines)


def _area(box: Box) -> float:
    return box.width * box.height


def _holds(box: Box, word: Box) -> bool:
    return box.x0 <= (word.x0 + word.x1) / 2 <= box.x1 and box.y0 <= _middle(word) <= box.y1


def _beside(block: Box, box: Box) -> bool:
    return block.x0 < box.x1 and block.x1 > box.x0


def _middle(box: Box) -> float:
    return (box.y0 + box.y1) / 2
