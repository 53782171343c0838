"""Links of a page in the text that they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import (
    Block,
    Footnote,
    Heading,
    ListBlock,
    PageLink,
    Paragraph,
    RawPage,
    Span,
)

_Texts = Mapping[int, str]


def with_links(blocks: Iterable[Block], page: RawPage) -> tuple[Block, ...]:
    """Add a span for each link of the page to the text of the block that it lies in."""
    if not page.links:
        return tuple(blocks)
    texts = [(link, text) for link in page.links if (text := _text(page, link.box))]
    return tuple(_linked(block, texts) for block in blocks)


def _text(page: RawPage, box: Box) -> str:
    """Give the text that a link lies on."""
    boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
    across, down = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = (across >= box.x0) & (across <= box.x1) & (down >= box.y0) & (down <= box.y1)
    return " ".join("".join(page.text[place] for place in np.flatnonzero(inside).tolist()).split())


def _linked(block: Block, links: Sequence[tuple[PageLink, str]]) -> Block:
    here = [(link, text) for link, text in links if _meets(block.box, link.box)]
    if not here:
        return block
    match block:
        case Paragraph() | Heading() | Footnote():
            return replace(block, spans=_with_spans(block.text, block.spans, here))
        case ListBlock():
            items = []
            for item in block.items:
                within = [(link, text) for link, text in here if _meets(item.box, link.box)]
                items.append(replace(item, spans=_with_spans(item.text, item.spans, within)))
            return replace(block, items=tuple(items))
        case _:
            return block


def _meets(box: Box, link: Box) -> bool:
    across, down = (link.x0 + link.x1) / 2, (link.y0 + link.y1) / 2
    return box.x0 <= across <= box.x1 and box.y0 <= down <= box.y1


def _with_spans(text: str, spans: Sequence[Span], links: Sequence[tuple[PageLink, str]]) -> tuple[Span, ...]:
    """Find the texts of links one after the other; a link over two lines has two parts that become one."""
    made: list[Span] = []
    at = 0
    for link, words in sorted(links, key=lambda one: (one[0].box.y0 // 4, one[0].box.x0)):
        start = text.find(words, at)
        if start < 0:
            continue
        at = start + len(words)
        last = made[-1] if made else None
        if (
            last is not None
            and (last.kind, last.target) == (link.kind, link.target)
            and not text[last.end : start].strip()
        ):
            made[-1] = replace(last, end=at)
        else:
            made.append(Span(start, at, link.kind, link.target))
    return tuple(sorted((*spans, *made), key=lambda span: (span.start, -span.end)))
