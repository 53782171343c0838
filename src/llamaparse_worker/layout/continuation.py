"""Paragraphs and lists that go on in the next column or on the next page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamaparse_worker.layout.continued import Part, goes_on, merged
from llamaparse_worker.layout.joining import SOFT_HYPHEN, joined, whole
from llamaparse_worker.model.blocks import Block, Footnote, ListBlock, ListItem, Paragraph, Span, Table
from llamaparse_worker.model.geometry import enclosing
from llamaparse_worker.model.value import changed

_ENDED = re.compile("[.!?:;…。\uff01\uff1f\uff1a\uff1b][\"'”’»)\\]]*$")
_CAPTION = re.compile(
    r"(?:figure|fig\.|table|tab\.|listing|abbildung|abb\.|tabelle|tableau|tabla|图|表|図)\s*\d", re.IGNORECASE
)
_FULL_LINE = 0.96
_HIGHER = 20.0
"""Points: tables beside each other begin at about the same height, the rest of one in the next column higher."""


def joined_columns(columns: Sequence[Sequence[Block]]) -> list[Block]:
    """Give the blocks of columns in order, joining what the end of a column parts."""
    made: list[Block] = []
    for column in columns:
        rest = list(column)
        if made and rest and (table := _whole_table(made[-1], rest[0])) is not None:
            made[-1] = table
            rest = rest[1:]
        at = last_running(made)
        if at is not None and rest:
            whole_block = continued(made[at], rest[0])
            if whole_block is not None:
                made[at] = whole_block
                rest = rest[1:]
        made.extend(rest)
    return made


def _whole_table(block: Block, following: Block) -> Table | None:
    """Join a table with its rest at the top of the next column."""
    if not (isinstance(block, Table) and isinstance(following, Table)):
        return None
    beside = following.box.y0 < block.box.y0 - _HIGHER and following.box.x0 >= block.box.x1
    return merged((Part(block, 0), Part(following, 0))) if beside and goes_on(block, following) else None


def last_running(blocks: Sequence[Block]) -> int | None:
    """Give the place of the last block of running text, past footnotes and captions."""
    for at in reversed(range(len(blocks))):
        block = blocks[at]
        if isinstance(block, Footnote) or (isinstance(block, Paragraph) and _CAPTION.match(block.text)):
            continue
        return at if isinstance(block, Paragraph | ListBlock) else None
    return None


def continued(block: Block, following: Block) -> Block | None:
    """Join a block with the one that continues it; None if it does not."""
    if not isinstance(following, Paragraph) or _CAPTION.match(following.text):
        return None
    if isinstance(block, Paragraph) and block.quoted == following.quoted and _goes_on(block, following):
        text, spans = _appended(block.text, block.spans, following)
        return changed(block, text=text, spans=spans, lines=block.lines + following.lines)
    if isinstance(block, ListBlock) and not _ENDED.search(block.items[-1].text) and _starts_within(following.text):
        last = block.items[-1]
        text, spans = _appended(last.text, last.spans, following)
        item = ListItem(text, enclosing([last.box]), last.depth, last.mark, spans)
        return changed(block, items=(*block.items[:-1], item))
    return None


def _goes_on(block: Paragraph, following: Paragraph) -> bool:
    if block.text.endswith((SOFT_HYPHEN, "-", "\u2010")):
        return True
    if _ENDED.search(block.text):
        return False
    return _starts_within(following.text) or _fills_its_last_line(block)


def _starts_within(text: str) -> bool:
    return text[:1].islower() or text[:1] in "(,;"


def _fills_its_last_line(block: Paragraph) -> bool:
    if len(block.lines) < 2:  # noqa: PLR2004 - one line does not show how long lines are
        return False
    right = max(line.box.x1 for line in block.lines)
    left = min(line.box.x0 for line in block.lines)
    return block.lines[-1].box.x1 - left >= _FULL_LINE * (right - left)


def _appended(text: str, spans: tuple[Span, ...], following: Paragraph) -> tuple[str, tuple[Span, ...]]:
    """Append a text as the next line; a hyphen that parts a word at the end of a page goes."""
    if text.endswith("-") and text[-2:-1].isalpha() and following.text[:1].islower():
        text = text[:-1] + SOFT_HYPHEN
    made = joined([text, following.text])
    shift = len(made) - len(whole(following.text))
    moved = (changed(span, start=span.start + shift, end=span.end + shift) for span in following.spans)
    return made, (*spans, *moved)
