"""Blocks of an answer put where the page has them: boxes, the look of headings, and what is no part of the text.

An answer knows no places. Its words are paired with those that were read from the page, and a block stands around the
words that it has; a block without any stands for the whole page. Headings take size and weight of the headings that
layout has found, so that their levels are those of the whole document and not what a model makes of one page.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from llamaparse_worker.layout.edges import edge_text
from llamaparse_worker.layout.headings import DEEPEST_LEVEL
from llamaparse_worker.mode.checks import Evidence, boxes_of
from llamaparse_worker.model.blocks import Block, Cell, CodeBlock, Footnote, Heading, ListBlock, Paragraph, Table
from llamaparse_worker.model.geometry import Box, enclosing
from llamaparse_worker.model.page import LaidOutPage

_LEAST_SIZE, _STEP = 1.05, 0.05
"""How much larger than the text a heading is taken for that layout has not found: the deepest, and each level above."""
_TEXT_SIZE = 10.0
"""In points, where the reader knows none."""
_NO_LETTER = re.compile(r"[\W_]+")
_AT_AN_EDGE = 3
"""Blocks at the beginning and the end of an answer that may be running heads."""


def whole(page: LaidOutPage) -> Box:
    """Give the box of all of a page."""
    return Box(0.0, 0.0, page.width, page.height)


def placed(blocks: Sequence[Block], page: LaidOutPage, evidence: Evidence) -> tuple[Block, ...]:
    """Give the blocks of an answer with their places, without the running heads that the page knows for such."""
    kept = _without_edges(blocks, page)
    texts = [text for block in kept for text in texts_of(block)]
    boxes = iter(boxes_of(texts, evidence))
    found = tuple(_placed(block, [next(boxes) for _ in texts_of(block)], whole(page)) for block in kept)
    comments = tuple(block for block in page.blocks if isinstance(block, Paragraph) and block.comment)
    return (*_looking_alike(found, page), *comments)


def texts_of(block: Block) -> tuple[str, ...]:
    """Give the texts of a block that have a place each: its items, or its cells row by row, or itself."""
    match block:
        case ListBlock():
            return tuple(item.text for item in block.items)
        case Table():
            return tuple(text for row in block.rows for text in row)
        case _:
            return (block.text,)


def _placed(block: Block, found: Sequence[Sequence[Box]], page: Box) -> Block:
    boxes = [enclosing(each) if each else None for each in found]
    known = [box for box in boxes if box is not None]
    around = enclosing(known) if known else page
    match block:
        case ListBlock():
            items = tuple(replace(item, box=box or around) for item, box in zip(block.items, boxes, strict=True))
            return replace(block, items=items, box=around)
        case Table():
            return replace(block, cells=tuple(_cells(block, boxes)), box=around)
        case _:
            return replace(block, box=around)


def _cells(table: Table, boxes: Sequence[Box | None]) -> Iterator[Cell]:
    """Give the cells that have a box, reach over others or are set apart."""
    special = {(cell.row, cell.column): cell for cell in table.cells}
    width = len(table.rows[0]) if table.rows else 0
    for at, box in enumerate(boxes):
        place = divmod(at, width)
        if place in special:
            yield replace(special[place], box=box)
        elif box is not None:
            yield Cell(*place, box=box)


def _looking_alike(blocks: Sequence[Block], page: LaidOutPage) -> Iterator[Block]:
    """Give texts the lines that layout has found, and headings their look: by their text, or the level they share."""
    known = _Known(page)
    models = [known.take(block) for block in blocks]
    by_level: dict[int, Heading] = {}
    for block, model in zip(blocks, models, strict=True):
        if isinstance(block, Heading) and isinstance(model, Heading):
            by_level.setdefault(block.level, model)
    for block, model in zip(blocks, models, strict=True):
        match block, model:
            case Heading(), Heading():
                yield replace(model, text=block.text, spans=block.spans, box=block.box)
            case Heading(), _ if like := by_level.get(block.level):
                yield replace(block, size=like.size, level=like.level, prominence=like.prominence)
            case Heading(), _:
                growth = _LEAST_SIZE + _STEP * (DEEPEST_LEVEL - block.level)
                size = growth * (page.body_size or _TEXT_SIZE)
                yield replace(block, size=size, level=block.level if known.says_levels else 0)
            case (Paragraph() | Footnote(), Paragraph(lines=lines) | Footnote(lines=lines)):
                yield replace(block, lines=lines)
            case _:
                yield block


class _Known:
    """The texts of a page by their letters, each to be taken once."""

    def __init__(self, page: LaidOutPage) -> None:
        self._blocks: dict[tuple[type[Block], str], deque[Block]] = defaultdict(deque)
        for block in page.blocks:
            if isinstance(block, Heading | Paragraph | Footnote):
                self._blocks[type(block), _letters(block.text)].append(block)
        self.says_levels = any(isinstance(block, Heading) and block.level for block in page.blocks)

    def take(self, block: Block) -> Block | None:
        """Give the next block of a kind with the same letters."""
        if not isinstance(block, Heading | Paragraph | Footnote):
            return None
        found = self._blocks.get((type(block), _letters(block.text)))
        return found.popleft() if found else None


def _without_edges(blocks: Sequence[Block], page: LaidOutPage) -> list[Block]:
    heads = {_letters(edge_text([block])) for edge in page.edges for block in edge.blocks}
    heads |= {_letters(edge_text(edge.blocks)) for edge in page.edges}
    if not heads:
        return list(blocks)
    first = len(list(takewhile(lambda block: _is_head(block, heads), blocks[:_AT_AN_EDGE])))
    rest = blocks[first:]
    last = len(list(takewhile(lambda block: _is_head(block, heads), rest[: -_AT_AN_EDGE - 1 : -1])))
    return list(rest[: len(rest) - last])


def _is_head(block: Block, heads: set[str]) -> bool:
    return isinstance(block, Heading | Paragraph | Footnote | CodeBlock) and _letters(block.text) in heads


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()
