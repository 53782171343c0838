"""Links of a page in the text that they stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from llamaparse_worker.layout.codes import are_spaces, codes_of
from llamaparse_worker.model.blocks import Block, Footnote, Heading, ListBlock, ListItem, Paragraph, Span
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.page import PageLink, RawPage

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Link:
    """A link, and the visible characters of the page that it lies on."""

    link: PageLink
    places: Places
    words: str


class _Ink:
    """The visible characters of a page."""

    def __init__(self, page: RawPage) -> None:
        boxes = np.frombuffer(page.boxes, np.float32).reshape(-1, 4)
        self._text = page.text
        self._places = np.flatnonzero(~are_spaces(codes_of(page.text)))
        self._across = (boxes[self._places, 0] + boxes[self._places, 2]) / 2
        self._down = (boxes[self._places, 1] + boxes[self._places, 3]) / 2

    def within(self, box: Box) -> tuple[Places, str]:
        """Give the places of the characters whose middle lies in a box, and these characters."""
        x, y = self._across, self._down
        places = self._places[(x >= box.x0) & (x <= box.x1) & (y >= box.y0) & (y <= box.y1)]
        return places, "".join([self._text[place] for place in places.tolist()])


def with_links(blocks: Iterable[Block], page: RawPage) -> tuple[Block, ...]:
    """Add a span for each link of the page to the text of the block that it lies in."""
    if not page.links:
        return tuple(blocks)
    ink = _Ink(page)
    links = [_Link(link, *ink.within(link.box)) for link in page.links]
    links = [link for link in links if link.words]
    return tuple(_linked(block, links, ink) for block in blocks)


def _linked(block: Block, links: Sequence[_Link], ink: _Ink) -> Block:
    here = [link for link in links if _meets(block.box, link.link.box)]
    if not here:
        return block
    match block:
        case Paragraph() | Heading() | Footnote():
            return replace(block, spans=_with_spans(block.text, block.spans, here, ink.within(block.box)))
        case ListBlock():
            return replace(block, items=tuple(_linked_item(item, here, ink) for item in block.items))
        case _:
            return block


def _linked_item(item: ListItem, links: Sequence[_Link], ink: _Ink) -> ListItem:
    within = [link for link in links if _meets(item.box, link.link.box)]
    return replace(item, spans=_with_spans(item.text, item.spans, within, ink.within(item.box))) if within else item


def _meets(box: Box, link: Box) -> bool:
    across, down = (link.x0 + link.x1) / 2, (link.y0 + link.y1) / 2
    return box.x0 <= across <= box.x1 and box.y0 <= down <= box.y1


def _with_spans(
    text: str, spans: Sequence[Span], links: Sequence[_Link], printed: tuple[Places, str]
) -> tuple[Span, ...]:
    """Add spans to a text that is printed with these characters; a link over two lines has parts that become one.

    The words of a link may occur more than once: those that it lies on have as many of their like before them in the
    text as among the characters printed.
    """
    offsets = [offset for offset, letter in enumerate(text) if not letter.isspace()]
    visible = "".join([text[offset] for offset in offsets])
    places, letters = printed
    found: list[Span] = []
    for link in links:
        before = letters[: int(np.searchsorted(places, link.places[0]))].count(link.words)
        parts = visible.split(link.words, before + 1)
        if len(parts) < 2:  # noqa: PLR2004 - the words do not occur
            continue
        start = len(visible) - len(parts[-1]) - len(link.words)
        end = offsets[start + len(link.words) - 1] + 1
        found.append(Span(offsets[start], end, link.link.kind, link.link.target))
    made: list[Span] = []
    for span in sorted(found, key=lambda span: span.start):
        last = made[-1] if made else None
        if last is None or span.start >= last.end:
            if (
                last
                and (last.kind, last.target) == (span.kind, span.target)
                and not text[last.end : span.start].strip()
            ):
                made[-1] = replace(last, end=span.end)
            else:
                made.append(span)
    return tuple(sorted((*spans, *made), key=lambda span: (span.start, -span.end)))
